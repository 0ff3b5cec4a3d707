// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package upload

import (
	"bytes"
	"errors"
	"iter"
	"math"
)

// lookBehind is how far behind the place that was last asked for a view of an
// arriving file can still see, and behind the end of the file at its end.
const lookBehind = 1 << 10

var errGivenUp = errors.New("upload: the reading was given up")

// feed brings a file to a view while it arrives.
type feed struct {
	chunk    []byte // arrived, not taken yet
	ended    bool   // nothing comes behind the chunk
	more     func() bool
	archives archives
}

// follow is from for a file that is still arriving. The window goes only
// forward; the size is known when the end has been seen.
func (v *view) follow(off int64, n int) []byte {
	for off+int64(n) > v.off+int64(v.n) && v.size == math.MaxInt64 {
		if !v.advance(off) {
			break
		}
	}
	if v.err != nil || off < v.off || off >= v.off+int64(v.n) {
		return nil
	}
	return v.buf[off-v.off : v.n]
}

// advance takes more of the file into the window, which keeps what stands
// behind off.
func (v *view) advance(off int64) bool {
	f := v.feed
	for len(f.chunk) == 0 {
		if f.ended {
			v.size = v.off + int64(v.n)
			return false
		}
		if !f.more() {
			v.err = errGivenUp
			return false
		}
	}
	end := v.off + int64(v.n)
	if far := off - lookBehind - end; far > 0 { // nobody asks for what is skipped
		k := int(min(far, int64(len(f.chunk))))
		f.archives.scan(f.chunk[:k], end)
		f.chunk = f.chunk[k:]
		v.off, v.n = end+int64(k), 0
		return true
	}
	if v.n == windowBytes {
		drop := int(min(max(min(off, end)-lookBehind-v.off, 0), windowBytes))
		copy(v.buf[:], v.buf[drop:v.n])
		v.off, v.n = v.off+int64(drop), v.n-drop
	}
	k := copy(v.buf[v.n:], f.chunk)
	f.archives.scan(f.chunk[:k], v.off+int64(v.n))
	f.chunk = f.chunk[k:]
	v.n += k
	return k > 0
}

// finish goes to the end of the file and returns its size.
func (v *view) finish() int64 {
	for v.feed != nil && v.size == math.MaxInt64 && v.advance(v.off+int64(v.n)) {
	}
	return v.size
}

// archives notes where archives could end in a file that passes by: zipTail
// without going back. It does not look where the directory starts, and so says
// yes to more files than zipTail: by chance to one in 2^40 of them.
type archives struct {
	carry [zipRecordBytes - 1]byte // the last bytes that passed by
	held  int
	ends  [zipRecords]int64 // of the latest records, with their comments
	from  [zipRecords]int64
	found int
	marks [zipRecords + 1]int64 // the latest marks, of records or not
	seen  int
}

// scan looks at the next bytes of the file, which stand at off.
func (a *archives) scan(b []byte, off int64) {
	var joined [2*zipRecordBytes - 2]byte
	n := copy(joined[:], a.carry[:a.held])
	n += copy(joined[n:], b[:min(len(b), zipRecordBytes-1)])
	a.records(joined[:n], off-int64(a.held), a.held)
	a.records(b, off, len(b))
	// What is carried on is the last bytes of all.
	if len(b) >= len(a.carry) {
		a.held = copy(a.carry[:], b[len(b)-len(a.carry):])
		return
	}
	keep := min(a.held, len(a.carry)-len(b))
	copy(a.carry[:], a.carry[a.held-keep:a.held])
	a.held = keep + copy(a.carry[keep:], b)
}

// records notes the records that start before limit and stand whole in b.
func (a *archives) records(b []byte, off int64, limit int) {
	for from := 0; from < limit; {
		i := bytes.Index(b[from:], []byte(zipRecordMark))
		if i < 0 || from+i >= limit || from+i+zipRecordBytes > len(b) {
			return
		}
		from += i
		at := off + int64(from)
		a.marks[a.seen%len(a.marks)] = at
		a.seen++
		if _, comment, ok := readZipRecord(b[from:from+zipRecordBytes], at); ok {
			a.from[a.found%zipRecords], a.ends[a.found%zipRecords] = at, at+zipRecordBytes+comment
			a.found++
		}
		from++
	}
}

// any reports whether the file, which has this size, can be opened as an
// archive. One full of marks counts as one.
func (a *archives) any(size int64, exact bool) bool {
	oldest := size - zipRecordBytes - longestComment
	if a.seen >= len(a.marks) && a.marks[a.seen%len(a.marks)] >= oldest {
		return true
	}
	for i := range min(a.found, zipRecords) {
		if a.from[i] >= oldest && a.ends[i] <= size && (!exact || a.ends[i] == size) {
			return true
		}
	}
	return false
}

// walk is a walk over a file that is still arriving: it stops where more has
// to come.
type walk struct {
	v     *view
	found finding
	done  bool
	next  func() (struct{}, bool)
	stop  func()
}

func newWalk(k *kind) *walk {
	w := &walk{v: newView(nil, math.MaxInt64)}
	w.v.feed = new(feed)
	w.next, w.stop = iter.Pull(func(yield func(struct{}) bool) {
		w.v.feed.more = func() bool { return yield(struct{}{}) }
		w.found = look(w.v, k)
	})
	return w
}

// take walks on over more of the file.
func (w *walk) take(b []byte) {
	f := w.v.feed
	for f.chunk = b; len(f.chunk) > 0 && !w.done; {
		w.step()
	}
	f.chunk = nil
}

// end walks to the end, once everything has arrived.
func (w *walk) end() finding {
	w.v.feed.ended = true
	for !w.done {
		w.step()
	}
	return w.found
}

func (w *walk) step() {
	if _, more := w.next(); !more {
		w.done = true
	}
}

func (w *walk) close() {
	w.stop()
	w.v.close()
}

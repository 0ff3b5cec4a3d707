// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package upload

import (
	"bytes"
	"errors"
	"iter"
	"math"
)

const (
	// lookBehind is how far behind the place that was last asked for a view of an
	// arriving file can still see, and behind the end of the file at its end.
	lookBehind = 1 << 10
	// joined is how much of a piece is put behind what is left of the one before; so
	// much, less lookBehind, can be asked for at once.
	joined = 8 << 10
)

var errGivenUp = errors.New("upload: the reading was given up")

// feed brings a file to a view while it arrives, piece by piece. The view looks at the
// pieces where they are; only what stands across two of them is copied.
type feed struct {
	piece    []byte // that is at hand
	at       int64  // where it stands in the file
	ended    bool   // nothing comes behind the piece
	more     func() bool
	archives archives
}

// follow is from for a file that is still arriving. The window goes only
// forward; the size is known when the end has been seen.
func (v *view) follow(off int64, n int) []byte {
	for off+int64(n) > v.end() && v.size == math.MaxInt64 {
		if !v.advance(off) {
			break
		}
	}
	if v.err != nil || off < v.off || off >= v.end() {
		return nil
	}
	return v.win[off-v.off:]
}

// advance moves the window over more of the file. It keeps what stands behind off.
func (v *view) advance(off int64) bool {
	f := v.feed
	for {
		taken := v.end() - f.at // of the piece
		switch left := int64(len(f.piece)) - taken; {
		case left > 0 && max(min(off, v.end())-lookBehind, v.off) >= f.at: // there is nothing before it to keep
			v.off, v.win = f.at, f.piece
			return true
		case left > 0:
			v.keep(off)
			k := copy(v.buf[len(v.win):], f.piece[taken:min(int64(len(f.piece)), taken+joined)])
			v.win = v.buf[:len(v.win)+k]
			return true
		case f.ended:
			v.size = v.end()
			return false
		}
		v.keep(off) // the piece is somebody else's from now on
		f.at, f.piece = v.end(), nil
		if !f.more() {
			v.err = errGivenUp
			return false
		}
		if far := off - lookBehind - v.end(); far > 0 { // nobody asks for what is skipped
			v.off, v.win = v.end()+min(far, int64(len(f.piece))), nil
		}
	}
}

// keep has what may still be asked for in a buffer of the view's own.
func (v *view) keep(off int64) {
	from := min(max(min(off, v.end())-lookBehind-v.off, 0), int64(len(v.win)))
	v.off, v.win = v.off+from, v.buf[:copy(v.buf[:], v.win[from:])]
}

// finish goes to the end of the file and returns its size.
func (v *view) finish() int64 {
	for v.feed != nil && v.size == math.MaxInt64 && v.advance(v.end()) {
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

// scan looks at the next bytes of the file, which stand at off: at those of them, in
// which an archive can end that is no longer than they.
func (a *archives) scan(b []byte, off int64) {
	if far := len(b) - zipRecordBytes - longestComment; far > 0 {
		b, off, a.held = b[far:], off+int64(far), 0
	}
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
		if comment, ok := readZipRecord(b[from : from+zipRecordBytes]); ok {
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
	f.archives.scan(b, f.at)
	for f.piece = b; len(f.piece) > 0 && !w.done; {
		w.step()
	}
	f.piece = nil
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

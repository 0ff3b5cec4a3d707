// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package upload

import (
	"bytes"
	"compress/zlib"
	"io"
	"iter"
	"sync"
)

const (
	// A name with every letter escaped, and what must stand behind it.
	longestAction = 48
	// pdfInflated is how much of a PDF's compressed objects is looked through, and
	// pdfStreams in how many streams. One that has more counts as scripted.
	pdfInflated = 32 << 20
	pdfStreams  = 10_000
	// pdfDictionary is where a stream starts at most behind its type.
	pdfDictionary = 1 << 10
)

// pdfActions reports whether a PDF holds an action that runs a script or starts
// a program. It looks for the names of such actions in the file and in its
// compressed objects, however they are escaped. Object streams that cannot be looked
// into count as scripted, encrypted ones too.
func (v *view) pdfActions() bool {
	left, streams := int64(pdfInflated), 0
	closed, filter := false, int64(-pdfDictionary-1)
	for off := int64(0); ; {
		b := v.from(off, pdfDictionary)
		if len(b) == 0 {
			return closed
		}
		i := nameIn(b)
		switch {
		case i < 0:
			off += int64(len(b))
			continue
		case i > 0 && len(b)-i < pdfDictionary:
			off += int64(i) // there may be more behind it
			continue
		}
		name, rest := pdfName(b[i+1:])
		if action(name, rest) {
			return true
		}
		at := off + int64(i)
		if name.is("Filter") {
			filter = at
		}
		next := at + 1
		first := name.is("First")
		if name.is("ObjStm") || first {
			behind := off + int64(len(b)-len(rest))
			var room [pdfDictionary]byte // for the view goes on meanwhile
			rest := room[:copy(room[:], rest)]
			if first {
				// Readers take a stream for one of objects that says where the first of
				// them is, whatever its type. Outlines say it, too, but are no stream.
				if k := bytes.Index(rest, []byte("endobj")); k >= 0 {
					rest = rest[:k]
				}
			} else if streams++; streams > pdfStreams {
				return true
			}
			found := first && !objectsFollow(rest)
			for k := range streamsIn(rest) {
				found = true
				if streams++; streams > pdfStreams || behind+int64(k) < next {
					return true // too many, or one within another
				}
				r := &viewReader{v: v, off: behind + int64(k)}
				r.skipLine()
				acts, opened := inflatedActions(r, &left)
				if acts || left <= 0 || r.ended() {
					return true
				}
				// Without a filter it is looked at like the rest of the file.
				filtered := filter >= at-pdfDictionary || bytes.Contains(rest[:k], []byte("/Filter")) || bytes.IndexByte(rest[:k], '#') >= 0
				closed = closed || !opened && filtered
				next = r.off
			}
			closed = closed || !found
		}
		off = next
	}
}

// nameIn is where a name begins that may be one of those that are looked for, or one
// of which nothing more is seen.
func nameIn(b []byte) int {
	for i := 0; ; i++ {
		k := bytes.IndexByte(b[i:], '/')
		if k < 0 {
			return -1
		}
		if i += k; i+1 == len(b) {
			return i
		}
		switch b[i+1] {
		case 'J', 'L', 'O', 'F', 'X', '#':
			return i
		}
	}
}

// objectsFollow reports whether what stands behind /First is a number, as in a stream of
// objects, and no reference to an outline.
func objectsFollow(b []byte) bool {
	var words [3][]byte
	n := 0
	for word := range bytes.FieldsSeq(b) {
		if words[n] = word; n == 2 {
			break
		}
		n++
	}
	if len(words[0]) == 0 || words[0][0] < '0' || words[0][0] > '9' {
		return false
	}
	return !bytes.HasPrefix(words[2], []byte("R"))
}

// streamsIn are the places behind each word stream that may begin one.
func streamsIn(b []byte) iter.Seq[int] {
	return func(yield func(int) bool) {
		const word = "stream"
		for i := 0; ; {
			k := bytes.Index(b[i:], []byte(word))
			if k < 0 {
				return
			}
			i += k + len(word)
			if i < len(b) && (b[i] == '\r' || b[i] == '\n') && !bytes.HasSuffix(b[:i], []byte("endstream")) && !yield(i) {
				return
			}
			if bytes.HasSuffix(b[:i], []byte("endstream")) {
				return // what follows is another object
			}
		}
	}
}

// shortName is the start of a name, without its escapes.
type shortName struct {
	text [12]byte
	n    int
}

func (s *shortName) add(c byte) { s.text[s.n] = c; s.n++ }

func (s *shortName) is(name string) bool { return string(s.text[:s.n]) == name }

// pdfName reads a name (ISO 32000, 7.3.5), at most as much of it as matters.
func pdfName(b []byte) (name shortName, rest []byte) {
	i := 0
	for i < len(b) && name.n < len(name.text) {
		c := b[i]
		if c == '#' && i+2 < len(b) {
			if h, l := hexDigit(b[i+1]), hexDigit(b[i+2]); h >= 0 && l >= 0 {
				name.add(byte(h<<4 | l))
				i += 3
				continue
			}
		}
		if c <= ' ' || bytes.IndexByte([]byte("()<>[]{}/%"), c) >= 0 {
			break
		}
		name.add(c)
		i++
	}
	return name, b[i:]
}

func hexDigit(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return int(c|0x20-'a') + 10
	}
	return -1
}

// action reports whether a name is that of a script, of a form that has some (XFA), or of
// a launch. Some are short enough to stand in compressed data by chance: a text, a
// reference or a comment must follow.
func action(name shortName, rest []byte) bool {
	switch {
	case name.is("JavaScript") || name.is("Launch"):
		return true
	case name.is("JS") || name.is("XFA"):
		rest = bytes.TrimLeft(rest, " \t\r\n\f\x00")
		return len(rest) > 0 && (bytes.IndexByte([]byte("(<[%"), rest[0]) >= 0 || '0' <= rest[0] && rest[0] <= '9')
	}
	return false
}

// viewReader reads a view forward, no byte more than asked for.
type viewReader struct {
	v    *view
	off  int64
	tail [len(endOfStream)]byte // of what was read
	past bool                   // the end of a stream is in it
}

const endOfStream = "endstream"

// ended reports whether what was read goes beyond the end of the stream: then what its
// decoder swallowed is no part of it, and was not looked at.
func (r *viewReader) ended() bool { return r.past }

func (r *viewReader) took(b []byte) {
	for _, c := range b {
		copy(r.tail[:], r.tail[1:])
		r.tail[len(r.tail)-1] = c
		r.past = r.past || c == 'm' && string(r.tail[:]) == endOfStream
	}
}

func (r *viewReader) Read(p []byte) (int, error) {
	b := r.v.from(r.off, 1)
	if len(b) == 0 {
		return 0, io.EOF
	}
	n := copy(p, b)
	r.off += int64(n)
	r.took(p[:n])
	return n, nil
}

func (r *viewReader) ReadByte() (byte, error) {
	b := r.v.from(r.off, 1)
	if len(b) == 0 {
		return 0, io.EOF
	}
	r.off++
	r.took(b[:1])
	return b[0], nil
}

func (r *viewReader) skipLine() {
	if b := r.v.from(r.off, 1); len(b) > 0 && b[0] == '\r' {
		r.off++
	}
	if b := r.v.from(r.off, 1); len(b) > 0 && b[0] == '\n' {
		r.off++
	}
}

// inflaters are about 40 KiB each.
var inflaters sync.Pool

// inflatedActions looks for actions in a compressed stream, as far as it goes. It is
// opened if it is compressed in that way.
func inflatedActions(r *viewReader, left *int64) (found, opened bool) {

	z, _ := inflaters.Get().(io.ReadCloser)
	var err error
	if z == nil {
		z, err = zlib.NewReader(r)
	} else {
		err = z.(zlib.Resetter).Reset(r, nil)
	}
	if err != nil {
		return false, false
	}
	defer inflaters.Put(z)
	var buf [4 << 10]byte
	held := 0
	for *left > 0 {
		n, err := z.Read(buf[held:])
		*left -= int64(n)
		held += n
		last := err != nil
		if !last && held < len(buf) {
			continue
		}
		taken, found := actionsIn(buf[:held], last)
		if found || last {
			return found, true
		}
		held = copy(buf[:], buf[taken:held])
	}
	return false, true
}

// actionsIn looks for actions in text, and says how much of it was looked at.
func actionsIn(b []byte, last bool) (taken int, found bool) {
	for i := 0; ; {
		k := bytes.IndexByte(b[i:], '/')
		if k < 0 {
			return len(b), false
		}
		i += k
		if !last && len(b)-i < longestAction {
			return i, false
		}
		if action(pdfName(b[i+1:])) {
			return 0, true
		}
		i++
	}
}

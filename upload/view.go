// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package upload

import (
	"bytes"
	"encoding/binary"
	"io"
	"sync"
)

const (
	windowBytes = 16 << 10
	headBytes   = 4 << 10 // what the type is told by
)

// view looks at a file through a window of 16 KiB, so that a walk over it reads
// it once and in order, however small its steps.
type view struct {
	r    io.ReaderAt
	size int64
	off  int64  // of the window
	win  []byte // within buf, or the piece of an arriving file that is at hand
	buf  *[windowBytes]byte
	err  error // of reading
	feed *feed // of a file that is still arriving; nil when it is there
}

var windows = sync.Pool{New: func() any { return new([windowBytes]byte) }}

func newView(r io.ReaderAt, size int64) *view {
	return &view{r: r, size: size, buf: windows.Get().(*[windowBytes]byte)}
}

func (v *view) close() {
	windows.Put(v.buf)
	v.buf, v.win = nil, nil
}

// from returns the bytes from off on, at least n of them (at most windowBytes, and some
// KiB of an arriving file) unless the file ends before. They are good until the next
// call.
func (v *view) from(off int64, n int) []byte {
	if v.feed != nil {
		return v.follow(off, n)
	}
	if off < 0 || off >= v.size || v.err != nil {
		return nil
	}
	if end := v.end(); off < v.off || off >= end || off+int64(n) > end && end < v.size {
		want := int(min(windowBytes, v.size-off))
		k, err := v.r.ReadAt(v.buf[:want], off)
		if k < want {
			v.err = err
			v.win = nil
			return nil
		}
		v.off, v.win = off, v.buf[:want]
	}
	return v.win[off-v.off:]
}

// end is where the window ends.
func (v *view) end() int64 { return v.off + int64(len(v.win)) }

// at returns the n bytes at off, or nil when the file ends before.
func (v *view) at(off int64, n int) []byte {
	if b := v.from(off, n); len(b) >= n {
		return b[:n]
	}
	return nil
}

// has reports whether text stands at off.
func (v *view) has(off int64, text string) bool {
	return string(v.at(off, len(text))) == text
}

// anatomy is what the walk over a file's structure found.
type anatomy struct {
	fault         string // why it is not a whole file of its type, or ""
	end           int64  // where the file's own data ends, or where it stops making sense
	width, height int64  // of a picture
	marked        bool   // its metadata, or what stands for it, holds a script
	scripted      bool   // a PDF with actions that run something
	trails        bool   // something that is no padding stands behind the end of a picture
	entries       int    // of an archive
	unpacked      int64  // bytes of an archive's entries
	harm          string // what an archive would do to whoever unpacks it, or ""
}

// broken is an anatomy that made no sense from off on.
func (a anatomy) broken(off int64, fault string) anatomy {
	a.end, a.fault = off, fault
	return a
}

// markers start a script or a page for whoever looks for one. Behind them
// stands white space, a slash or the end of the tag, which keeps compressed data
// from holding one by chance.
var markers = []string{"<?php", "<script", "<html", "<!doctype html", "<iframe", "<svg"}

const longestMarker = len("<!doctype html>")

// marked reports a marker in the bytes from off to end.
func (v *view) marked(off, end int64) bool {
	end = min(end, v.size)
	for off < end {
		b := v.from(off, longestMarker)
		if len(b) == 0 {
			return false
		}
		end = min(end, v.size) // which may be known only now
		last := int64(len(b)) >= end-off
		if last {
			b = b[:end-off]
		}
		i := 0
		for {
			k := bytes.IndexByte(b[i:], '<')
			if k < 0 {
				i = len(b)
				break
			}
			i += k
			if !last && len(b)-i < longestMarker {
				break // it may go on in the next window
			}
			if isMarker(b[i:]) {
				return true
			}
			i++
		}
		off += int64(i)
	}
	return false
}

func isMarker(b []byte) bool {
	if len(b) < len("<svg") {
		return false
	}
	switch b[1] | 0x20 {
	case '?', 's', 'h', 'i', '!' | 0x20:
	default:
		return false
	}
	for _, m := range markers {
		if hasPrefixFold(b, m) && (len(b) == len(m) || bytes.IndexByte([]byte(" \t\r\n\f/>"), b[len(m)]) >= 0) {
			return true
		}
	}
	return false
}

// hasPrefixFold is bytes.HasPrefix for lower-case ASCII text.
func hasPrefixFold(b []byte, text string) bool {
	if len(b) < len(text) {
		return false
	}
	for i := range len(text) {
		c := b[i]
		if 'A' <= c && c <= 'Z' {
			c |= 0x20
		}
		if c != text[i] {
			return false
		}
	}
	return true
}

// trailer says what is wrong with the bytes behind a file's own data, or "".
// Phones put videos and second pictures there, so that it is no fault in
// itself.
func (v *view) trailer(off int64) string {
	for _, magic := range []string{"PK\x03\x04", "MZ", "\x7fELF", "#!", "Rar!\x1a\a", "7z\xbc\xaf\x27\x1c"} {
		if v.has(off, magic) {
			return "An archive or a program stands behind its end."
		}
	}
	if v.marked(off, v.size) {
		return "A script or a page stands behind its end."
	}
	return ""
}

const (
	zipRecordMark  = "PK\x05\x06" // starts the end-of-directory record
	zipRecordBytes = 22           // without the comment behind it
	longestComment = 1<<16 - 1
	zipRecords     = 16 // so many are looked at
)

// zipTail reports whether the file can be opened as a ZIP archive, and so as a
// JAR: its directory is found from the file's end, whatever stands before.
// With exact, nothing may stand behind the directory's own end. A file full of
// false records counts as one.
func (v *view) zipTail(exact bool) bool {
	if v.feed != nil {
		return v.feed.archives.any(v.finish(), exact)
	}
	stop := max(v.size-zipRecordBytes-longestComment, 0)
	for off, found := v.size-zipRecordBytes, 0; off >= stop; {
		from := max(off-windowBytes+zipRecordBytes, stop)
		b := v.from(from, int(off+zipRecordBytes-from))
		if len(b) < zipRecordBytes {
			return false
		}
		b = b[:min(int64(len(b)), off+zipRecordBytes-from)]
		i := bytes.LastIndex(b[:len(b)-zipRecordBytes+4], []byte(zipRecordMark))
		if i < 0 {
			off = from - 1
			continue
		}
		at := from + int64(i)
		if found++; found > zipRecords || v.zipRecord(at, exact) {
			return true
		}
		off = at - 1
	}
	return false
}

// zipRecord reports whether an end-of-directory record stands at off, with its
// directory before it.
func (v *view) zipRecord(off int64, exact bool) bool {
	b := v.at(off, zipRecordBytes)
	if b == nil {
		return false
	}
	size, start := int64(binary.LittleEndian.Uint32(b[12:])), int64(binary.LittleEndian.Uint32(b[16:]))
	comment, ok := readZipRecord(b)
	if !ok {
		return false
	}
	if end := off + zipRecordBytes + comment; end > v.size || exact && end != v.size {
		return false
	}
	// Some go by its length, some by its place, some to the record of the larger format.
	return size == zip64 || start == zip64 || v.has(off-size, "PK\x01\x02") || v.has(start, "PK\x01\x02") || v.has(off-20, "PK\x06\x07")
}

// readZipRecord reads the length of the comment from a record, and reports whether the
// archive is of one part.
func readZipRecord(b []byte) (comment int64, ok bool) {
	disks := binary.LittleEndian.Uint32(b[4:])
	return int64(binary.LittleEndian.Uint16(b[20:])), disks == 0 || disks == 1<<32-1
}

// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package http1

import (
	"bytes"
	"errors"
	"io"
	"sync"
)

const (
	readBuffer = 8 << 10
	// maxHeader bounds an answer's header, with the informational ones before it.
	maxHeader = 256 << 10
)

// incoming is what has come of an answer and was not used yet.
type incoming struct {
	b     []byte
	r, w  int
	begun bool // at least one byte has come
}

var reading = sync.Pool{New: func() any { return &incoming{b: make([]byte, readBuffer)} }}

func (in *incoming) free() {
	if len(in.b) == readBuffer {
		in.r, in.w, in.begun = 0, 0, false
		reading.Put(in)
	}
}

func (in *incoming) buffered() int { return in.w - in.r }

// fill reads what is there, for which there must be room in the buffer or nothing in it.
func (in *incoming) fill(from io.Reader) error {
	if in.r == in.w {
		in.r, in.w = 0, 0
	}
	n, err := from.Read(in.b[in.w:])
	in.w += n
	if n > 0 {
		in.begun = true
		return nil // an error will come again
	}
	if err == nil {
		err = io.ErrNoProgress
	}
	return err
}

// makeRoom has room behind what has come, which may move.
func (in *incoming) makeRoom(most int) {
	switch {
	case in.w < len(in.b):
	case in.r > 0:
		in.w = copy(in.b, in.b[in.r:in.w])
		in.r = 0
	default:
		in.b = append(make([]byte, 0, min(2*len(in.b), most)), in.b...)
		in.b = in.b[:cap(in.b)]
	}
}

var (
	errNoHTTP     = errors.New("malformed HTTP response: it does not begin with HTTP/1.0 or HTTP/1.1")
	errLongHeader = errors.New("the header of the answer is too long")
)

// header is the next header, at most so long, with the empty line at its end. It is there
// until the next read.
func (in *incoming) header(from io.Reader, most int) ([]byte, error) {
	line, at := 0, 0 // of what is buffered: where the line begins, and what was looked at
	for {
		b := in.b[in.r:in.w]
		const version = "HTTP/1."
		if n := min(len(b), len(version)); string(b[:n]) != version[:n] {
			return nil, errNoHTTP
		}
		for {
			i := bytes.IndexByte(b[at:], '\n')
			if i < 0 {
				at = len(b)
				break
			}
			at += i + 1
			if n := at - line; n == 1 || n == 2 && b[line] == '\r' {
				if at > most {
					return nil, errLongHeader
				}
				in.r += at
				return b[:at], nil
			}
			line = at
		}
		if len(b) >= most {
			return nil, errLongHeader
		}
		in.makeRoom(most + 1)
		if err := in.fill(from); err != nil {
			if err == io.EOF && len(b) > 0 {
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		}
	}
}

var (
	errLongLine = errors.New("a line of the answer's chunks is too long")
	errLine     = errors.New("a line of the answer's chunks does not end in CRLF alone")
)

// hasLine reports whether the next line is there to its end.
func (in *incoming) hasLine() bool { return bytes.IndexByte(in.b[in.r:in.w], '\n') >= 0 }

// line is the next line, at most so long, without its CRLF. It is there until the next read.
func (in *incoming) line(from io.Reader, most int) ([]byte, error) {
	at := 0
	for {
		b := in.b[in.r:in.w]
		if i := bytes.IndexByte(b[at:], '\n'); i >= 0 {
			end := at + i
			switch {
			case end > most:
				return nil, errLongLine
			case end == 0 || bytes.IndexByte(b[:end], '\r') != end-1:
				return nil, errLine
			}
			in.r += end + 1
			return b[:end-1], nil
		}
		if at = len(b); at > most {
			return nil, errLongLine
		}
		in.makeRoom(most + 2)
		if err := in.fill(from); err != nil {
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		}
	}
}

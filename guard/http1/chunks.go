// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package http1

import (
	"bytes"
	"errors"
	"io"
	"maps"
	"net/http"
)

const (
	maxLine    = 4 << 10
	maxExtra   = 64 << 10
	maxTrailer = 16 << 10
)

// chunks is where a body in chunks is in its framing.
type chunks struct {
	at       place
	extra    int    // bytes of extensions so far
	trailers []byte // lines
}

type place uint8

const (
	size    place = iota // the line before a chunk
	data                 // within one
	dataEnd              // the line end behind it
	trailer              // the lines behind the last one
)

var (
	errChunk       = errors.New("malformed chunk of the answer")
	errExtra       = errors.New("the answer's chunks have too many extensions")
	errLongTrailer = errors.New("the answer's trailers are too long")
)

// readChunks reads some of the body. Once it has something it waits for nothing, but tells
// of the end together with the last bytes if that has come.
func (b *body) readChunks(p []byte) (n int, err error) {
	c := &b.chunks
	for {
		if c.at == data {
			if n == len(p) || n > 0 && b.in.buffered() == 0 {
				return n, nil
			}
			m, err := b.some(p[n:][:min(int64(len(p)-n), b.left)])
			n += m
			if b.left -= int64(m); b.left == 0 {
				c.at = dataEnd
			}
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			if err != nil {
				return n, err
			}
			continue
		}
		if n > 0 && !b.in.hasLine() {
			return n, nil
		}
		line, err := b.in.line(b.conn, maxLine)
		if err != nil {
			return n, err
		}
		switch c.at {
		case size:
			if b.left, err = c.size(line); err != nil {
				return n, err
			}
			if c.at = data; b.left == 0 {
				c.at = trailer
			}
		case dataEnd:
			if len(line) > 0 {
				return n, errChunk
			}
			c.at = size
		default:
			if len(line) == 0 {
				return n, b.endTrailers()
			}
			if c.trailers = append(append(c.trailers, line...), '\n'); len(c.trailers) > maxTrailer {
				return n, errLongTrailer
			}
		}
	}
}

// size reads the line before a chunk.
func (c *chunks) size(line []byte) (int64, error) {
	if i := bytes.IndexByte(line, ';'); i >= 0 {
		if c.extra += len(line) - i; c.extra > maxExtra {
			return 0, errExtra
		}
		for _, ch := range line[i:] {
			if ch < ' ' && ch != '\t' || ch == 0x7f {
				return 0, errChunk
			}
		}
		line = line[:i]
	}
	line = bytes.TrimRight(line, " \t") // some servers leave room for larger sizes
	if len(line) == 0 || len(line) > 15 {
		return 0, errChunk
	}
	var n int64
	for _, ch := range line {
		switch {
		case '0' <= ch && ch <= '9':
			ch -= '0'
		case 'a' <= ch && ch <= 'f':
			ch -= 'a' - 10
		case 'A' <= ch && ch <= 'F':
			ch -= 'A' - 10
		default:
			return 0, errChunk
		}
		n = n<<4 | int64(ch)
	}
	return n, nil
}

// endTrailers gives the answer its trailers. It returns io.EOF if all is well.
func (b *body) endTrailers() error {
	if len(b.chunks.trailers) == 0 {
		return io.EOF
	}
	h, err := parseFields(string(append(b.chunks.trailers, '\n')), false)
	if err != nil {
		return err
	}
	for name := range h {
		if framing(name) {
			return errTrailers
		}
	}
	if b.answer.Trailer == nil {
		b.answer.Trailer = http.Header{}
	}
	maps.Copy(b.answer.Trailer, h)
	return io.EOF
}

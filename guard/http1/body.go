// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package http1

import (
	"context"
	"errors"
	"io"
	"net/http"
	"time"
)

// kind is how a body ends.
type kind uint8

const (
	byLength kind = iota + 1
	inChunks
	toTheEnd // of the connection
)

// body is the body of an answer, and what is to be done at its end.
type body struct {
	conn    *conn // nil once it was given back
	ctx     context.Context
	in      *incoming // nil once all was read
	sending *sending  // nil without a body that is sent on its own
	answer  *answer
	err     error // of every further read

	kind   kind
	left   int64  // of the body, or of its chunk
	chunks chunks // of inChunks
}

var errClosed = errors.New("read of an answer that was closed")

// begin is called when the answer's header was read.
func (b *body) begin(a *answer) {
	b.answer = a
	if b.sending != nil {
		b.sending.answered()
	}
	switch {
	case a.StatusCode == http.StatusSwitchingProtocols:
		b.conn.SetDeadline(time.Time{})
		a.Body = &tunnel{b}
	case a.Body == http.NoBody:
		b.err = io.EOF
		b.release(true)
	case b.kind == byLength && int64(b.in.buffered()) >= b.left && b.sending == nil:
		// All is here: the connection need not wait until it was passed on.
		b.giveBack(int64(b.in.buffered()) == b.left)
	default:
		b.conn.await(0)
	}
}

// Ready reports whether a read has something to tell without waiting.
func (b *body) Ready() bool {
	switch {
	case b.err != nil:
		return true
	case b.kind == inChunks && b.chunks.at != data:
		return b.in.hasLine()
	}
	return b.in.buffered() > 0
}

func (b *body) Read(p []byte) (n int, err error) {
	if b.err != nil {
		return 0, b.err
	}
	if len(p) == 0 {
		return 0, nil
	}
	switch b.kind {
	case byLength:
		n, err = b.some(p[:min(int64(len(p)), b.left)])
		if b.left -= int64(n); b.left == 0 {
			err = io.EOF
		} else if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
	case inChunks:
		n, err = b.readChunks(p)
	default:
		n, err = b.some(p)
	}
	if err != nil {
		if err != io.EOF && b.conn != nil {
			err = b.because(err)
		}
		b.err = err
		b.release(err == io.EOF)
	}
	return n, err
}

// some is some of what comes next, whatever it is.
func (b *body) some(p []byte) (int, error) {
	if b.in.buffered() == 0 {
		if len(p) >= readBuffer {
			return b.conn.Read(p)
		}
		if err := b.in.fill(b.conn); err != nil {
			return 0, err
		}
	}
	n := copy(p, b.in.b[b.in.r:b.in.w])
	b.in.r += n
	return n, nil
}

// Close gives up on what was not read yet. The connection ends with it.
func (b *body) Close() error {
	if b.err == nil {
		b.err = errClosed
	}
	b.release(false)
	return nil
}

// release ends the exchange.
func (b *body) release(whole bool) {
	if b.conn != nil {
		b.giveBack(whole && b.in.buffered() == 0)
	}
	if b.in != nil {
		b.in.free()
		b.in = nil
	}
}

// giveBack gives the connection back, for another request if nothing speaks against it.
func (b *body) giveBack(again bool) {
	c := b.conn
	b.conn = nil
	if again && b.answer != nil && !b.answer.Close && (b.sending == nil || b.sending.whole()) {
		c.client.put(c)
	} else {
		c.client.drop(c)
	}
}

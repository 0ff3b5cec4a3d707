// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package http1

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
)

// answer is an answer with its body, made at once.
type answer struct {
	http.Response
	body body
}

// exchange sends a request and reads the answer's header. safe reports with an error
// whether the request may be sent again.
func (cn *conn) exchange(ctx context.Context, r *http.Request, out *outgoing) (res *http.Response, safe bool, err error) {
	a := &answer{}
	a.Request = r
	x := &a.body
	x.conn, x.ctx, x.in = cn, ctx, reading.Get().(*incoming)
	n, err := cn.Write(out.b)
	if err != nil && n == 0 {
		return nil, cn.used, x.fail(err)
	}
	broken := err // which the server may tell the reason of
	if err == nil && out.length != 0 {
		x.sending = send(cn, r.Body, out.length)
	}
	if err := a.read(r); err != nil {
		safe := cn.used && !x.in.begun && x.sending == nil && (broken != nil || closes(err)) && repeatable(r)
		if broken != nil {
			err = broken
		}
		return nil, safe, x.fail(err)
	}
	if broken != nil {
		a.Close = true // the next request would be read as the rest of this one
	}
	x.begin(a)
	return &a.Response, false, nil
}

// closes reports whether an error is that of a connection that the other side has ended,
// in whatever way.
func closes(err error) bool {
	var slow interface{ Timeout() bool }
	return !(errors.As(err, &slow) && slow.Timeout())
}

// read reads headers up to that of the final answer.
func (a *answer) read(r *http.Request) error {
	left := maxHeader
	for {
		head, err := a.body.in.header(a.body.conn, left)
		if err != nil {
			return err
		}
		left -= len(head)
		if err := a.parse(string(head)); err != nil {
			return err
		}
		if err := a.frame(r.Method); err != nil {
			return err
		}
		if a.StatusCode >= 200 || a.StatusCode == http.StatusSwitchingProtocols {
			return nil
		}
		if trace := httptrace.ContextClientTrace(a.body.ctx); trace != nil && trace.Got1xxResponse != nil {
			if err := trace.Got1xxResponse(a.StatusCode, textproto.MIMEHeader(a.Header)); err != nil {
				return err
			}
		}
	}
}

// fail ends an exchange without an answer. It tells the reason behind err.
func (b *body) fail(err error) error {
	if err == io.EOF {
		err = errNoAnswer
		if b.in.begun {
			err = io.ErrUnexpectedEOF
		}
	}
	err = b.because(err)
	b.err = err
	b.release(false)
	return err
}

var errNoAnswer = errors.New("the server closed the connection without an answer: EOF")

// because is what was behind an error: that nobody waits any more, or that the request's
// body did not come.
func (b *body) because(err error) error {
	if b.ctx.Err() != nil {
		return b.ctx.Err()
	}
	if b.sending != nil {
		if other := b.sending.failure(); other != nil {
			return other
		}
	}
	return err
}

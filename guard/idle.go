// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/panoply-security/panoply/problem"
	"github.com/panoply-security/panoply/rule"
)

const (
	// minRate is what a body must bring for each second that is waited for it,
	// on the whole. Without it a byte a minute would hold a connection for weeks.
	minRate = 500
	// linger is the part of a chunk's time that the rest of a body may take which
	// nobody needs any more. Where the answer waits for it, enough must be left to
	// write that.
	linger = 12
)

// patient bounds how long a client may keep the guard waiting. Deadlines for
// whole requests would cut long uploads, downloads and event streams off;
// these are for each chunk, in both directions.
func patient(chunk time.Duration, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x := &exchange{ResponseWriter: w, control: http.NewResponseController(w), chunk: chunk, r: r}
		if r.Body != nil && r.Body != http.NoBody {
			x.body = &idleBody{from: r.Body, control: x.control, chunk: chunk, http2: r.ProtoMajor >= 2}
			defer x.body.end()
			// A copy: the server looks at its own request's body.
			r = r.WithContext(context.WithValue(r.Context(), bodyKey{}, x.body))
			r.Body = x.body
		}
		next.ServeHTTP(x, r)
		x.arm() // for what the server still holds back
	})
}

// exchange is the client's side of a request.
type exchange struct {
	http.ResponseWriter
	control *http.ResponseController
	r       *http.Request
	chunk   time.Duration
	body    *idleBody // nil without one
}

// Unwrap is for http.ResponseController.
func (x *exchange) Unwrap() http.ResponseWriter { return x.ResponseWriter }

// arm starts the time that the client has to take what is written next.
func (x *exchange) arm() { x.control.SetWriteDeadline(time.Now().Add(x.chunk)) }

// disarm ends it. Over HTTP/1 only a write ever meets a deadline; over HTTP/2
// one ends the stream, whether or not anything is being written.
func (x *exchange) disarm() {
	if x.r.ProtoMajor >= 2 {
		x.control.SetWriteDeadline(time.Time{})
	}
}

func (x *exchange) WriteHeader(status int) {
	if status < 200 && status != http.StatusSwitchingProtocols {
		if x.r.ProtoAtLeast(1, 1) { // RFC 9110 section 15.2: never to HTTP/1.0
			x.arm()
			x.ResponseWriter.WriteHeader(status)
			x.disarm()
		}
		return
	}
	if x.r.ProtoMajor < 2 && x.body != nil && x.body.half() {
		// The answer overtakes the body. What is left of that must not be taken
		// for the next request, nor hold the answer up.
		x.Header().Set("Connection", "close")
	}
	x.ResponseWriter.WriteHeader(status)
}

func (x *exchange) Write(b []byte) (int, error) {
	x.arm()
	defer x.disarm()
	return x.ResponseWriter.Write(b)
}

// FlushError is what http.ResponseController looks for.
func (x *exchange) FlushError() error {
	x.arm()
	defer x.disarm()
	return x.control.Flush()
}

// Hijack gives the connection away for a WebSocket. It ends with the guard, and
// when the client takes nothing of what is written to it for too long.
func (x *exchange) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := x.control.Hijack()
	if err != nil {
		return nil, nil, err
	}
	if t := linkOf(x.r.Context()).tap; t != nil {
		t.leave()
	}
	context.AfterFunc(x.r.Context(), func() { conn.Close() })
	return &idleConn{conn, x.chunk}, rw, nil
}

// idleConn is a connection to a client that must take what is written in time.
type idleConn struct {
	net.Conn
	chunk time.Duration
}

func (c *idleConn) Write(b []byte) (int, error) {
	c.SetWriteDeadline(time.Now().Add(c.chunk))
	return c.Conn.Write(b)
}

// CloseWrite tells the client that no more comes, as httputil does.
func (c *idleConn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return c.Close()
}

// idleBody is a request's body, each chunk of which must come in time.
type idleBody struct {
	from    io.ReadCloser
	control *http.ResponseController
	chunk   time.Duration
	http2   bool // where a deadline ends the body, whether or not it is being read

	reading sync.Mutex // held by a read, so that end can wait for it
	waited  time.Duration
	got     int64

	started, eof, over atomic.Bool
	failed             atomic.Pointer[problem.Error]
}

type bodyKey struct{}

// bodyFault is why the request's body could not be read to its end, or nil.
func bodyFault(ctx context.Context) *problem.Error {
	if b, ok := ctx.Value(bodyKey{}).(*idleBody); ok {
		return b.failed.Load()
	}
	return nil
}

// bodyGoesOn says that the request's body is the app's to read from now on: an
// answer may come before the first byte was read, and does not wait for it.
func bodyGoesOn(ctx context.Context) {
	if b, ok := ctx.Value(bodyKey{}).(*idleBody); ok {
		b.started.Store(true)
	}
}

// Read fails with a *problem.Error, other than at the end.
func (b *idleBody) Read(p []byte) (int, error) {
	b.reading.Lock()
	defer b.reading.Unlock()
	if e := b.failed.Load(); e != nil {
		return 0, e
	}
	if b.over.Load() {
		return 0, http.ErrBodyReadAfterClose // and the deadline is the server's
	}
	now := time.Now()
	earned := time.Duration(b.got) * time.Second / minRate
	b.control.SetReadDeadline(now.Add(min(b.chunk, b.chunk+earned-b.waited)))
	b.started.Store(true)
	if b.over.Load() { // end may have come before this deadline
		return 0, http.ErrBodyReadAfterClose
	}
	n, err := b.from.Read(p)
	if b.http2 {
		b.control.SetReadDeadline(time.Time{})
	}
	b.waited += time.Since(now)
	b.got += int64(n)
	switch {
	case err == io.EOF:
		b.eof.Store(true) // and the server has lifted the deadline
	case err != nil:
		e := bodyError(err)
		b.failed.Store(e)
		return n, e
	}
	return n, err
}

func bodyError(err error) *problem.Error {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		e := problem.Refuse(rule.RequestAborted, "The body did not arrive in time.").Because(err)
		e.Status = http.StatusRequestTimeout
		return e
	}
	return problem.Refuse(rule.RequestAborted, "The body could not be read to its end.").Because(err)
}

func (b *idleBody) Close() error { return b.from.Close() }

// half reports whether the body was read in part, or is about to be.
func (b *idleBody) half() bool { return b.started.Load() && !b.eof.Load() }

// end runs when the request was answered. A read that is still under way, for
// an app that has answered already, ends too, and the server gets a moment to
// read the rest.
func (b *idleBody) end() {
	b.over.Store(true)
	if b.eof.Load() {
		return
	}
	if b.started.Load() {
		b.control.SetReadDeadline(time.Unix(1, 0))
		b.reading.Lock()
		defer b.reading.Unlock()
	}
	b.control.SetReadDeadline(time.Now().Add(b.chunk / linger))
}

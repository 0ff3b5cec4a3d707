// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package http1

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
)

// An answer may come before the body's end, and ends the sending.
func TestAnswersOvertakeBodies(t *testing.T) {
	for name, said := range map[string]string{"with-a-length": answerOf("early"), "in-chunks": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nearly\r\n0\r\n\r\n"} {
		for _, length := range []int64{1000, -1} {
			t.Run(fmt.Sprint(name, length), func(t *testing.T) {
				ended := make(chan error, 1)
				p := serve(t, func(_ int, c net.Conn, in *bufio.Reader) {
					for { // the header alone
						if line, err := in.ReadString('\n'); err != nil || line == "\r\n" {
							break
						}
					}
					io.WriteString(c, said)
					_, err := io.Copy(io.Discard, in)
					ended <- err
				})
				body, feed := io.Pipe()
				r := newRequest(t, "POST", "/", body)
				r.ContentLength = length
				if got := p.hear(r); got.body != "early" || got.broken != nil {
					t.Errorf("got %q, %v, %v", got.body, got.err, got.broken)
				}
				<-ended
				// The sender meets the closed connection, or the end of the body.
				io.WriteString(feed, "x")
				feed.CloseWithError(errors.New("over"))
			})
		}
	}
}

// The connection is used again when the answer came after the body.
func TestBodiesAreSent(t *testing.T) {
	long := strings.Repeat("0123456789", 20_000)
	for name, test := range map[string]struct {
		body   io.Reader
		length int64
		want   string
	}{
		"in-memory":            {strings.NewReader("short"), 5, "short"},
		"in-memory-and-long":   {strings.NewReader(long), int64(len(long)), long},
		"with-a-length":        {unknown("short"), 5, "short"},
		"with-a-length-long":   {unknown(long), int64(len(long)), long},
		"in-chunks":            {unknown("short"), -1, "short"},
		"direct":               {direct("short"), 5, "short"},
		"direct-long":          {direct(long), int64(len(long)), long},
		"direct-in-chunks":     {direct(long), -1, long},
		"direct-of-nothing":    {direct(""), -1, ""},
		"in-chunks-long":       {unknown(long), -1, long},
		"in-chunks-of-nothing": {unknown(""), -1, ""},
		"byte-by-byte": {io.MultiReader(slices.Collect(func(yield func(io.Reader) bool) {
			_ = yield(unknown("a")) && yield(unknown("b")) && yield(unknown("c"))
		})...), -1, "abc"},
		"none": {nil, 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := make(chan string, 2)
			p := serve(t, func(_ int, c net.Conn, in *bufio.Reader) {
				for {
					what, ok := request(in)
					if !ok {
						return
					}
					got <- what
					io.WriteString(c, answerOf("ok"))
				}
			})
			r := newRequest(t, "POST", "/", test.body)
			r.ContentLength = test.length
			p.hear(r)
			if want := strings.TrimSpace("POST / " + test.want); <-got != want {
				t.Errorf("the server got something else")
			}
			p.hear(newRequest(t, "GET", "/", nil))
			if <-got != "GET /" || p.dialled.Load() != 1 {
				t.Errorf("%d connections", p.dialled.Load())
			}
		})
	}
}

// A body that does not come whole must not look whole, and its error is the answer.
func TestBodiesThatFail(t *testing.T) {
	broken := errors.New("the client is gone")
	for name, test := range map[string]struct {
		body   io.Reader
		length int64
		want   error
	}{
		"in-chunks":     {struct{ io.Reader }{io.MultiReader(unknown("part"), errorReader{broken})}, -1, broken},
		"with-a-length": {struct{ io.Reader }{io.MultiReader(unknown("part"), errorReader{broken})}, 10, broken},
		"too-short":     {unknown("part"), 10, io.ErrUnexpectedEOF},
		"too-long":      {unknown("much more"), 4, errLength},
		"direct":        {io.MultiReader(unknown("part"), errorReader{broken}), -1, broken},
		"direct-short":  {direct("part"), 10, io.ErrUnexpectedEOF},
		"direct-long":   {direct("much more"), 4, errLength},
	} {
		t.Run(name, func(t *testing.T) {
			whole := make(chan bool, 1)
			p := serve(t, func(_ int, c net.Conn, in *bufio.Reader) {
				_, ok := request(in)
				whole <- ok && name != "too-long" // of which it got what it should
				io.Copy(io.Discard, in)
			})
			r := newRequest(t, "POST", "/", test.body)
			r.ContentLength = test.length
			if got := p.hear(r); got.err != test.want {
				t.Errorf("got %v; want %v", got.err, test.want)
			}
			if <-whole {
				t.Error("the server got a body that looks whole")
			}
		})
	}
}

type errorReader struct{ err error }

func (r errorReader) Read([]byte) (int, error) { return 0, r.err }

// A server that refuses a body may close at once. What it said is heard.
func TestTheReasonOfABrokenBodyIsHeard(t *testing.T) {
	p := serve(t, func(_ int, c net.Conn, in *bufio.Reader) {
		io.CopyN(io.Discard, in, 1000)
		io.WriteString(c, "HTTP/1.1 413 Content Too Large\r\nContent-Length: 4\r\nConnection: close\r\n\r\nmuch")
		c.(*net.TCPConn).CloseWrite()
		io.CopyN(io.Discard, in, 1<<20) // not all of it, so that a reset follows
	})
	r := newRequest(t, "POST", "/", io.LimitReader(endless{}, 64<<20))
	if got := p.hear(r); got.status != 413 || got.body != "much" {
		t.Errorf("got %d %q, %v, %v", got.status, got.body, got.err, got.broken)
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package http1

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/url"
	"syscall"
	"testing"
)

// cut is a connection that takes a byte, and no more.
type cut struct{ net.Conn }

func (cut) Write([]byte) (int, error) { return 1, syscall.EPIPE }

// A server that takes no more of a request, and answers, gets no further one behind it.
func TestARequestThatWasCutOffIsTheLast(t *testing.T) {
	here, there := net.Pipe()
	ended := make(chan bool)
	go func() {
		defer close(ended)
		io.WriteString(there, "HTTP/1.1 431 Too Large\r\nContent-Length: 2\r\n\r\nno")
		there.Close()
	}()
	c := New(Config{Answer: patience, Dial: func(context.Context) (net.Conn, error) { return cut{here}, nil }})
	defer c.CloseIdleConnections()
	res, err := c.RoundTrip(&http.Request{Method: "POST", URL: &url.URL{Path: "/"}, Host: "a"})
	if err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(res.Body); string(b) != "no" || err != nil || res.StatusCode != 431 {
		t.Errorf("got %d %q, %v", res.StatusCode, b, err)
	}
	c.mu.Lock()
	if len(c.idle) > 0 || len(c.busy) > 0 {
		t.Errorf("%d idle connections, %d busy", len(c.idle), len(c.busy))
	}
	c.mu.Unlock()
	<-ended
}

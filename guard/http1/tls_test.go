// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package http1

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// corked is a connection that sends what is written only when it is told.
type corked struct {
	net.Conn
	mu   sync.Mutex
	held *bytes.Buffer // nil while it sends at once
}

func (c *corked) Write(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.held != nil {
		return c.held.Write(b)
	}
	return c.Conn.Write(b)
}

func (c *corked) cork(on bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if on {
		c.held = new(bytes.Buffer)
		return
	}
	c.Conn.Write(c.held.Bytes())
	c.held = nil
}

// serveTLS is serve over TLS. Below each connection is a corked one.
func serveTLS(t *testing.T, play func(n int, below *corked, c *tls.Conn, in *bufio.Reader)) *peer {
	t.Helper()
	server := httptest.NewUnstartedServer(nil)
	server.StartTLS() // for its certificate
	config := server.TLS.Clone()
	config.NextProtos = nil
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	server.Close()
	p := serve(t, func(n int, c net.Conn, _ *bufio.Reader) {
		below := &corked{Conn: c}
		encrypted := tls.Server(below, config)
		play(n, below, encrypted, bufio.NewReader(encrypted))
	})
	dial := p.Dial
	p.Dial = func(ctx context.Context) (net.Conn, error) {
		c, err := dial(ctx)
		if err != nil {
			return nil, err
		}
		encrypted := tls.Client(c, &tls.Config{RootCAs: roots, ServerName: "example.com"})
		return encrypted, encrypted.HandshakeContext(ctx)
	}
	return p
}

func TestTLS(t *testing.T) {
	t.Run("used-again", func(t *testing.T) {
		p := serveTLS(t, func(_ int, _ *corked, c *tls.Conn, in *bufio.Reader) {
			for {
				what, ok := request(in)
				if !ok {
					return
				}
				io.WriteString(c, answerOf(what))
			}
		})
		for range 3 {
			if got := p.hear(newRequest(t, "GET", "/x", nil)); got.body != "GET /x" {
				t.Fatal(got.body, got.err, got.broken)
			}
		}
		if n := p.dialled.Load(); n != 1 {
			t.Errorf("%d connections for three requests", n)
		}
	})
	// A second answer comes in the same packet, in a record of its own.
	t.Run("a-second-answer", func(t *testing.T) {
		p := serveTLS(t, func(_ int, below *corked, c *tls.Conn, in *bufio.Reader) {
			what, ok := request(in)
			if !ok {
				return
			}
			below.cork(true)
			io.WriteString(c, answerOf(what))
			io.WriteString(c, answerOf("for nobody"))
			below.cork(false)
			io.Copy(io.Discard, in)
		})
		for _, target := range []string{"/1", "/2", "/3"} {
			if got := p.hear(newRequest(t, "POST", target, nil)); got.body != "POST "+target {
				t.Fatalf("got %q, %v, %v", got.body, got.err, got.broken)
			}
		}
		if n := p.dialled.Load(); n != 3 {
			t.Errorf("%d connections for three requests", n)
		}
	})
	t.Run("closed-well", func(t *testing.T) {
		p := serveTLS(t, func(_ int, _ *corked, c *tls.Conn, in *bufio.Reader) {
			request(in)
			io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\nall")
			c.CloseWrite()
			io.Copy(io.Discard, in)
		})
		if got := p.hear(newRequest(t, "GET", "/", nil)); got.body != "all" || got.broken != nil {
			t.Errorf("got %q, %v, %v", got.body, got.err, got.broken)
		}
	})
}

func TestUnixSockets(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.sock")
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	accepted := make(chan bool, 10)
	server := &http.Server{
		Handler:   http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.URL.Path) }),
		ConnState: func(_ net.Conn, s http.ConnState) { accepted <- s == http.StateNew },
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	c := New(Config{Answer: patience, Dial: func(ctx context.Context) (net.Conn, error) {
		d := net.Dialer{Timeout: time.Minute}
		return d.DialContext(ctx, "unix", path)
	}})
	for range 3 {
		if got := hear(c, newRequest(t, "GET", "/x", nil)); got.body != "/x" {
			t.Errorf("got %q, %v", got.body, got.err)
		}
	}
	c.CloseIdleConnections()
	server.Close()
	<-ended
	n := 0
	for len(accepted) > 0 {
		if <-accepted {
			n++
		}
	}
	if n != 1 {
		t.Errorf("%d connections for three requests", n)
	}
}

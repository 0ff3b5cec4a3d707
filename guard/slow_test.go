// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
	"testing"
	"time"
)

// slowOnes are ways of holding a connection with next to nothing: what is sent at once,
// and what is dripped after it for as long as the connection is open.
var slowOnes = []struct{ name, begin, drip string }{
	{"nothing", "", ""},
	{"half-a-line", "GET / HT", ""},
	{"half-a-head", "GET / HTTP/1.1\r\nHost: a\r\n", ""},
	{"dripped-headers", "GET / HTTP/1.1\r\nHost: a\r\n", "X-A: b\r\n"},
	{"dripped-line", "GET / HTTP/1.1\r\nHost: a\r\nX-A: ", "b"},
	{"line-ends", "", "\r\n"},
	{"no-body", "POST / HTTP/1.1\r\nHost: a\r\nContent-Type: application/octet-stream\r\nContent-Length: 100000\r\n\r\n", ""},
	{"dripped-body", "POST / HTTP/1.1\r\nHost: a\r\nContent-Type: application/octet-stream\r\nContent-Length: 100000\r\n\r\n", "x"},
	{"dripped-json", "POST / HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n[", " "},
	{"dripped-chunks", "POST / HTTP/1.1\r\nHost: a\r\nContent-Type: application/octet-stream\r\nTransfer-Encoding: chunked\r\n\r\n", "1\r\nx\r\n"},
	{"half-a-chunk", "POST / HTTP/1.1\r\nHost: a\r\nContent-Type: application/octet-stream\r\nTransfer-Encoding: chunked\r\n\r\nfff\r\nx", ""},
	{"dripped-trailer", "POST / HTTP/1.1\r\nHost: a\r\nContent-Type: application/octet-stream\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: ", "y"},
	{"second-head", "GET / HTTP/1.1\r\nHost: a\r\n\r\nGET / HT", ""},
}

// Whoever sends slowly is ended, in whichever part of a request, and however many there
// are. An honest client is served beside them.
func TestSlowClientsAreEnded(t *testing.T) {
	cert, key, pool := certificate(t)
	slow := times{header: time.Second, chunk: time.Second, answer: patience, drain: patience, look: time.Hour}
	for name, policy := range map[string]string{"plain": "profile: strict", "tls": fmt.Sprintf("tls: {cert: %q, key: %q}", cert, key)} {
		t.Run(name, func(t *testing.T) {
			g := start(t, func(w http.ResponseWriter, r *http.Request) { io.Copy(io.Discard, r.Body) }, options{policy: policy, times: slow})
			transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}
			g.client.Transport = transport
			defer transport.CloseIdleConnections()
			done := make(chan struct{})
			var all sync.WaitGroup
			for _, one := range slowOnes {
				for range 20 {
					all.Go(func() { hold(t, g, name == "tls", pool, one.name, one.begin, one.drip) })
				}
			}
			if name == "tls" {
				all.Go(func() { // not even a handshake
					c, err := net.Dial("tcp", g.addr)
					if err != nil {
						t.Error(err)
						return
					}
					defer c.Close()
					io.WriteString(c, "\x16\x03\x01")
					ended(t, c, "half-a-handshake")
				})
			}
			go func() { all.Wait(); close(done) }()
			served := 0
			for over := false; !over; {
				select {
				case <-done:
					over = true
				default:
				}
				resp, err := g.client.Get(g.url)
				if err != nil {
					continue // an honest client, too, may be stopped for a second by the machine
				}
				resp.Body.Close()
				if resp.StatusCode == 200 || resp.StatusCode == 429 {
					served++
				} else {
					t.Errorf("an honest client got %d", resp.StatusCode)
				}
			}
			if served == 0 {
				t.Error("no honest request was served")
			}
		})
	}
}

// hold holds a connection, and returns when the guard has ended it.
func hold(t *testing.T, g *running, secure bool, pool *x509.CertPool, name, begin, drip string) {
	c, err := net.Dial("tcp", g.addr)
	if err != nil {
		t.Error(err)
		return
	}
	defer c.Close()
	if secure {
		c = tls.Client(c, &tls.Config{RootCAs: pool, ServerName: "127.0.0.1"})
	}
	if _, err := io.WriteString(c, begin); err != nil {
		return // the machine is slow, too: it was ended before that
	}
	var dripping sync.WaitGroup
	defer dripping.Wait()
	over := make(chan struct{})
	defer close(over)
	if drip != "" {
		dripping.Go(func() {
			tick := time.NewTicker(50 * time.Millisecond)
			defer tick.Stop()
			for {
				select {
				case <-over:
					return
				case <-tick.C:
				}
				if _, err := io.WriteString(c, drip); err != nil {
					return
				}
			}
		})
	}
	ended(t, c, name)
}

// ended waits until the other side ends a connection, whatever it says before.
func ended(t *testing.T, c net.Conn, name string) {
	c.SetReadDeadline(time.Now().Add(patience))
	if _, err := io.Copy(io.Discard, c); errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("%s: it is still open", name)
	}
}

// Over HTTP/2 a body must keep coming as well, whether it stops or drips; other streams
// of the connection go on.
func TestASlowBodyOverHTTP2(t *testing.T) {
	cert, key, pool := certificate(t)
	slow := times{header: patience, chunk: 300 * time.Millisecond, answer: patience, drain: patience, look: time.Hour}
	g := start(t, func(w http.ResponseWriter, r *http.Request) { io.Copy(io.Discard, r.Body) },
		options{policy: fmt.Sprintf("tls: {cert: %q, key: %q}", cert, key), times: slow})
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: true}
	g.client.Transport = transport
	defer transport.CloseIdleConnections()
	for _, contentType := range []string{"application/json", "application/octet-stream"} {
		for name, drip := range map[string]string{"stops": "", "drips": " "} {
			t.Run(name+"/"+contentType, func(t *testing.T) {
				body, from := io.Pipe()
				over := make(chan struct{})
				var writing sync.WaitGroup
				writing.Go(func() {
					io.WriteString(from, "[")
					for drip != "" {
						select {
						case <-over:
							return
						case <-time.After(10 * time.Millisecond):
						}
						if _, err := io.WriteString(from, drip); err != nil {
							return
						}
					}
				})
				resp, err := g.client.Post(g.url+"/", contentType, body)
				if err != nil {
					t.Fatal(err)
				}
				answer, _ := io.ReadAll(resp.Body)
				resp.Body.Close()
				if rule := problemOf(t, g, resp, string(answer)); resp.ProtoMajor != 2 || resp.StatusCode != 408 || rule != "request/aborted" {
					t.Errorf("got %s %d %s", resp.Proto, resp.StatusCode, rule)
				}
				close(over)
				body.Close()
				writing.Wait()
				if resp, _ := g.do(t, "GET", "/", ""); resp.StatusCode != 200 {
					t.Errorf("another stream got %d", resp.StatusCode)
				}
			})
		}
	}
}

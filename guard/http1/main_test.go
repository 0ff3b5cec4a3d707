// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package http1

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// Every test stops what it starts: no goroutine may be left.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for what must happen. Nothing waits that
// long unless it fails.
const patience = 20 * time.Second

// peer is a server whose connections a test plays by hand.
type peer struct {
	*Client
	dialled atomic.Int32
}

// serve starts a server. play has each connection to itself, with its number from 0, and
// the connection ends when it returns.
func serve(t *testing.T, play func(n int, c net.Conn, in *bufio.Reader)) *peer {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for n := 0; ; n++ {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			c.SetDeadline(time.Now().Add(patience))
			go func() {
				defer c.Close()
				play(n, c, bufio.NewReader(c))
			}()
		}
	}()
	p := &peer{}
	p.Client = New(Config{Answer: patience, Dial: func(ctx context.Context) (net.Conn, error) {
		p.dialled.Add(1)
		var d net.Dialer
		return d.DialContext(ctx, "tcp", listener.Addr().String())
	}})
	p.every = 5 * time.Millisecond
	t.Cleanup(func() {
		p.CloseIdleConnections()
		listener.Close()
		<-ended
	})
	return p
}

// request reads a request with its body, and tells its method, target and body.
func request(in *bufio.Reader) (string, bool) {
	r, err := http.ReadRequest(in)
	if err != nil {
		return "", false
	}
	body, err := io.ReadAll(r.Body)
	return strings.TrimSpace(r.Method + " " + r.RequestURI + " " + string(body)), err == nil
}

func newRequest(t *testing.T, method, target string, body io.Reader) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, "http://app"+target, body)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// unknown hides that a body is in memory.
func unknown(s string) io.Reader { return struct{ io.Reader }{strings.NewReader(s)} }

// direct hides that a body is in memory, but not that it can write itself.
func direct(s string) io.Reader {
	return struct {
		io.Reader
		io.WriterTo
	}{nil, strings.NewReader(s)}
}

// heard is an answer as it was understood.
type heard struct {
	interim []int
	status  int
	header  http.Header
	body    string
	trailer http.Header
	err     error // of the header
	broken  error // of the body
}

func (p *peer) hear(r *http.Request) heard { return hear(p.Client, r) }

func hear(to http.RoundTripper, r *http.Request) (h heard) {
	r = r.WithContext(httptrace.WithClientTrace(r.Context(), &httptrace.ClientTrace{
		Got1xxResponse: func(status int, _ textproto.MIMEHeader) error {
			h.interim = append(h.interim, status)
			return nil
		},
	}))
	res, err := to.RoundTrip(r)
	if err != nil {
		h.err = err
		return h
	}
	defer res.Body.Close()
	h.status, h.header = res.StatusCode, res.Header
	if h.status == http.StatusSwitchingProtocols {
		return h
	}
	body, err := io.ReadAll(res.Body)
	h.body, h.broken, h.trailer = string(body), err, res.Trailer
	return h
}

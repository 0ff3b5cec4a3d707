// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package forward

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// app answers each connection's first request by hand.
func app(t *testing.T, answer func(c net.Conn)) (address string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			c.SetDeadline(time.Now().Add(patience))
			if _, err := http.ReadRequest(bufio.NewReader(c)); err == nil {
				answer(c)
			}
			c.Close()
		}
	}()
	t.Cleanup(func() { listener.Close(); <-ended })
	return listener.Addr().String()
}

// start serves one way to an app.
func start(t *testing.T, w way) (url string) {
	t.Helper()
	server := httptest.NewUnstartedServer(w.handler)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.Start()
	t.Cleanup(func() { server.Close(); w.close() })
	return server.URL
}

func client(t *testing.T) *http.Client {
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: patience}
}

// The header arrives before the app sends any of the body, and each part before the next.
func TestWhatHasComeLeaves(t *testing.T) {
	for name, head := range map[string]string{
		"with-a-length": "HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n", "in-chunks": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "to-the-end": "HTTP/1.0 200 OK\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			next := make(chan bool)
			url := start(t, lean(app(t, func(c net.Conn) {
				io.WriteString(c, head)
				for range 3 {
					<-next
					if name == "in-chunks" {
						io.WriteString(c, "5\r\npart \r\n")
					} else {
						io.WriteString(c, "part ")
					}
				}
				<-next
				if name == "in-chunks" {
					io.WriteString(c, "0\r\n\r\n")
				}
			})))
			res, err := client(t).Get(url)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			buf := make([]byte, 5)
			for range 3 {
				next <- true
				if _, err := io.ReadFull(res.Body, buf); err != nil || string(buf) != "part " {
					t.Fatalf("got %q, %v", buf, err)
				}
			}
			next <- true
			if rest, err := io.ReadAll(res.Body); len(rest) > 0 || err != nil {
				t.Errorf("got %q, %v", rest, err)
			}
		})
	}
}

func TestHooks(t *testing.T) {
	for name, test := range map[string]struct {
		said   string
		modify func(*http.Response) error
		want   string
		broken bool
	}{
		"refused-by-the-hook": {"HTTP/1.1 200 OK\r\nX-Own: 1\r\nContent-Length: 2\r\n\r\nok", func(*http.Response) error { return errors.New("no") }, "502 []", false},
		"changed-by-the-hook": {"HTTP/1.1 200 OK\r\nX-Own: 1\r\nContent-Length: 2\r\n\r\nok", func(res *http.Response) error {
			res.Header["X-Own"] = []string{"2"}
			res.Body = struct{ io.ReadCloser }{res.Body}
			return nil
		}, "200 [2]ok", false},
		"switched":   {"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n", nil, "502 []", false},
		"broken-off": {"HTTP/1.1 200 OK\r\nX-Own: 1\r\nContent-Length: 5\r\n\r\nok", nil, "", true},
	} {
		t.Run(name, func(t *testing.T) {
			ended := make(chan bool, 1)
			w := lean(app(t, func(c net.Conn) {
				io.WriteString(c, test.said)
				c.(*net.TCPConn).CloseWrite()
				_, err := c.Read(make([]byte, 1)) // ends when the other side closes
				ended <- err == io.EOF
			}))
			h := w.handler.(*Handler)
			if test.modify != nil {
				h.ModifyResponse = test.modify
			}
			broken := make(chan error, 1)
			h.Broken = func(_ *http.Request, err error) { broken <- err }
			got := ""
			if res, err := client(t).Get(start(t, w)); err == nil {
				body, err := io.ReadAll(res.Body)
				res.Body.Close()
				if err == nil {
					got = fmt.Sprint(res.StatusCode, " ", res.Header["X-Own"], string(body))
				}
			}
			if got != test.want || len(broken) > 0 != test.broken {
				t.Errorf("got %q, told of %d; want %q", got, len(broken), test.want)
			}
			w.close() // an answer that was whole leaves its connection for another request
			if !<-ended {
				t.Error("the connection to the app stays open")
			}
		})
	}
}

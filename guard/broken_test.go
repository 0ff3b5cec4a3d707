// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// connectionApp gives every connection, with each request read from it, to
// answer, until that says no.
func connectionApp(t *testing.T, answer func(c net.Conn, r *http.Request) (more bool)) (url string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	serve := func(c net.Conn) {
		defer c.Close()
		in := bufio.NewReader(c)
		for {
			r, err := http.ReadRequest(in)
			if err != nil {
				return
			}
			io.Copy(io.Discard, r.Body)
			if !answer(c, r) {
				return
			}
		}
	}
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			go serve(c)
		}
	}()
	t.Cleanup(func() { listener.Close() })
	return "http://" + listener.Addr().String()
}

// reset sends what is said and then ends the connection with a RST.
func reset(said string) func(net.Conn, *http.Request) bool {
	return func(c net.Conn, _ *http.Request) bool {
		io.WriteString(c, said)
		time.Sleep(20 * time.Millisecond) // a reset overtakes what was not read
		c.(*net.TCPConn).SetLinger(0)
		return false
	}
}

func TestAResetIsAProblem(t *testing.T) {
	for name, test := range map[string]struct{ said, cause string }{
		"at-once":            {"", "reset"},
		"in-the-status-line": {"HTTP/1.1 2", "reset"},
		"in-the-header":      {"HTTP/1.1 200 OK\r\nContent-Le", "reset"},
		"after-a-field":      {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n", "reset"},
	} {
		t.Run(name, func(t *testing.T) {
			g := start(t, nil, options{upstream: connectionApp(t, reset(test.said))})
			resp, body := g.do(t, "POST", "/api/items", `{}`, "Content-Type", "application/json")
			if rule := problemOf(t, g, resp, body); resp.StatusCode != 502 || rule != "request/upstream-down" {
				t.Errorf("got %d, %s: %s", resp.StatusCode, rule, body)
			}
			line := g.log.find(map[string]string{"id": resp.Header.Get("X-Request-Id")})
			if cause, _ := line["cause"].(string); !strings.Contains(cause, test.cause) {
				t.Errorf("the log's cause is %q", cause)
			}
		})
	}
}

// A header that drips in never gets the client more than its time.
func TestADrippingHeaderIsA504(t *testing.T) {
	times := usual
	times.answer = 150 * time.Millisecond
	g := start(t, nil, options{times: times, upstream: connectionApp(t, func(c net.Conn, _ *http.Request) bool {
		io.WriteString(c, "HTTP/1.1 200 OK\r\n")
		for i := 0; ; i++ {
			if _, err := fmt.Fprintf(c, "X-%d: x\r\n", i); err != nil {
				return false
			}
			time.Sleep(10 * time.Millisecond)
		}
	})})
	resp, body := g.do(t, "GET", "/", "")
	if rule := problemOf(t, g, resp, body); resp.StatusCode != 504 || rule != "request/upstream-timeout" {
		t.Errorf("got %d, %s: %s", resp.StatusCode, rule, body)
	}
	if line := g.log.find(map[string]string{"id": resp.Header.Get("X-Request-Id")}); line["cause"] == nil {
		t.Errorf("the log does not tell: %v", line)
	}
}

// An error that breaks off in the middle tells nothing either: a 5xx is replaced
// whole, and what was held of a 4xx breaks off too.
func TestAnErrorThatBreaksOff(t *testing.T) {
	const stack = `{"error":"x","stack":"Error: x\n    at f (/srv/a.js:1:2)`
	for name, test := range map[string]struct {
		status  string
		said    string
		problem bool // the client gets a whole problem
	}{
		"500":          {"500 Internal Server Error", stack, true},
		"503":          {"503 Service Unavailable", stack, true},
		"404-leaking":  {"404 Not Found", stack, false},
		"404-harmless": {"404 Not Found", `{"error":"no such`, false},
	} {
		t.Run(name, func(t *testing.T) {
			answer := "HTTP/1.1 " + test.status + "\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n" + test.said
			g := start(t, nil, options{upstream: connectionApp(t, reset(answer))})
			resp, err := g.client.Get(g.url + "/")
			if err != nil {
				if test.problem {
					t.Fatal(err)
				}
				return
			}
			defer resp.Body.Close()
			body, err := io.ReadAll(resp.Body)
			if strings.Contains(string(body), "/srv/a.js") {
				t.Errorf("it tells %s", body)
			}
			if whole := err == nil; whole && !strings.Contains(resp.Header.Get("Content-Type"), "problem+json") {
				t.Errorf("a broken answer looks whole: %d, %s", resp.StatusCode, body)
			} else if test.problem && (!whole || !strings.HasPrefix(test.status, fmt.Sprint(resp.StatusCode))) {
				t.Errorf("got %d, %v: %s", resp.StatusCode, err, body)
			}
		})
	}
}

// An app that answers once more than it was asked must not have the second answer
// taken for that of the next request, which may be another client's: a connection on
// which it waits is closed. What comes later than a connection was used again, no
// reader of HTTP/1.1 could tell.
func TestASecondAnswerReachesNobody(t *testing.T) {
	once := func(body string) string {
		return fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	}
	closed := make(chan struct{})
	g := start(t, nil, options{upstream: connectionApp(t, func(c net.Conn, r *http.Request) bool {
		io.WriteString(c, once("for "+r.URL.Path)+once("for nobody"))
		io.Copy(io.Discard, c) // ends when the guard has closed it
		closed <- struct{}{}
		return false
	})})
	for i := range 20 {
		path := fmt.Sprintf("/%d", i)
		resp, body := g.do(t, "GET", path, "")
		if resp.StatusCode != 200 || body != "for "+path {
			t.Fatalf("request %d got %d %q", i, resp.StatusCode, body)
		}
		select {
		case <-closed:
		case <-time.After(patience):
			t.Fatal("the connection with an answer too many stays open")
		}
	}
}

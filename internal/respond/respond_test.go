// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package respond

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/textproto"
	"strings"
	"testing"
	"time"
)

// watch is a hook that adds a header and remembers how often it was asked.
type watch struct {
	plan    Plan
	asked   int
	status  int
	body    func(status int, held []byte, complete bool) (int, []byte, bool)
	dropped []byte
}

func (h *watch) Header(status int, header http.Header) Plan {
	h.asked++
	h.status = status
	header.Set("X-Hardened", "yes")
	header.Del("X-Powered-By")
	return h.plan
}

func (h *watch) Body(status int, header http.Header, held []byte, complete bool) (int, []byte, bool) {
	if h.body == nil {
		return status, held, false
	}
	return h.body(status, held, complete)
}

func (h *watch) Dropped(b []byte) { h.dropped = append([]byte(nil), b...) }

// serve runs a handler behind the wrapper on a real server and gives the answer.
func serve(t *testing.T, h *watch, method string, handler func(http.ResponseWriter, *http.Request)) (*http.Response, string) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var out Writer
		out.Reset(w, h)
		out.Header().Set("X-Powered-By", "Express")
		handler(&out, r)
		out.Finish()
	}))
	t.Cleanup(server.Close)
	req, err := http.NewRequestWithContext(t.Context(), method, server.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := server.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(body)
}

// Whatever way an answer takes, its header is settled once and leaves hardened.
func TestEveryWayOutIsHardened(t *testing.T) {
	tests := []struct {
		name   string
		handle func(http.ResponseWriter, *http.Request)
		status int
		body   string
	}{
		{"write", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "hello") }, 200, "hello"},
		{"write-header-then-write", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(404); io.WriteString(w, "no") }, 404, "no"},
		{"write-header-alone", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) }, 204, ""},
		{"nothing", func(http.ResponseWriter, *http.Request) {}, 200, ""},
		{"write-header-twice", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(201); w.WriteHeader(500) }, 201, ""},
		{"flush-first", func(w http.ResponseWriter, _ *http.Request) { w.(http.Flusher).Flush(); io.WriteString(w, "later") }, 200, "later"},
		{"flush-by-controller", func(w http.ResponseWriter, _ *http.Request) {
			if err := http.NewResponseController(w).Flush(); err != nil {
				panic(err)
			}
			io.WriteString(w, "later")
		}, 200, "later"},
		{"read-from", func(w http.ResponseWriter, _ *http.Request) {
			if n, err := w.(io.ReaderFrom).ReadFrom(strings.NewReader("copied")); n != 6 || err != nil {
				panic(err)
			}
		}, 200, "copied"},
		{"io-copy", func(w http.ResponseWriter, _ *http.Request) { io.Copy(w, strings.NewReader("copied")) }, 200, "copied"},
		{"deadline-by-controller", func(w http.ResponseWriter, _ *http.Request) {
			if err := http.NewResponseController(w).SetWriteDeadline(time.Now().Add(time.Minute)); err != nil {
				panic(err)
			}
			io.WriteString(w, "in time")
		}, 200, "in time"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := &watch{}
			resp, body := serve(t, h, "GET", tt.handle)
			if resp.StatusCode != tt.status || body != tt.body {
				t.Errorf("got %d %q; want %d %q", resp.StatusCode, body, tt.status, tt.body)
			}
			if h.asked != 1 || h.status != tt.status {
				t.Errorf("asked %d times, last about %d; want once about %d", h.asked, h.status, tt.status)
			}
			if resp.Header.Get("X-Hardened") != "yes" || resp.Header.Get("X-Powered-By") != "" {
				t.Errorf("the header left as %v", resp.Header)
			}
		})
	}
}

func TestInformationalAnswersPassBeforeTheFinalOne(t *testing.T) {
	h := &watch{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var out Writer
		out.Reset(w, h)
		out.Header().Set("Link", "</style.css>; rel=preload")
		out.WriteHeader(http.StatusEarlyHints)
		if h.asked != 0 || out.Status() != 0 {
			t.Errorf("103 was taken for the final status")
		}
		out.WriteHeader(http.StatusTeapot)
		out.Finish()
	}))
	defer server.Close()
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
	all, err := io.ReadAll(conn)
	if err != nil {
		t.Fatal(err)
	}
	early, final, ok := strings.Cut(string(all), "\r\n\r\n")
	if !ok || !strings.HasPrefix(early, "HTTP/1.1 103") || !strings.HasPrefix(final, "HTTP/1.1 418") || !strings.Contains(final, "X-Hardened: yes") {
		t.Errorf("got %q", all)
	}
}

// An upgraded answer is written by hand, out of the same header map.
func TestHijackedAnswersCarryTheHeader(t *testing.T) {
	h := &watch{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var out Writer
		out.Reset(w, h)
		conn, rw, err := http.NewResponseController(&out).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		rw.WriteString("HTTP/1.1 101 Switching Protocols\r\n")
		out.Header().Write(rw)
		rw.WriteString("\r\n")
		rw.Flush()
		if _, err := out.Write([]byte("x")); !errors.Is(err, http.ErrHijacked) {
			t.Errorf("Write after Hijack: %v; want http.ErrHijacked", err)
		}
		out.Finish()
	}))
	defer server.Close()
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	r := textproto.NewReader(bufio.NewReader(conn))
	if line, err := r.ReadLine(); err != nil || !strings.HasPrefix(line, "HTTP/1.1 101") {
		t.Fatalf("got %q, %v", line, err)
	}
	header, err := r.ReadMIMEHeader()
	if err != nil || header.Get("X-Hardened") != "yes" || h.status != 101 {
		t.Errorf("got %v, %v, status %d", header, err, h.status)
	}
}

func TestHeldBodies(t *testing.T) {
	long := strings.Repeat("x", 100)
	tests := []struct {
		name     string
		write    []string
		change   func(int, []byte, bool) (int, []byte, bool)
		status   int
		body     string
		complete bool
	}{
		{"unchanged", []string{"he", "llo"}, nil, 200, "hello", true},
		{"changed-whole", []string{"he", "llo"},
			func(s int, b []byte, _ bool) (int, []byte, bool) { return s, []byte(strings.ToUpper(string(b))), false }, 200, "HELLO", true},
		{"replaced-with-another-status", []string{"secret"},
			func(int, []byte, bool) (int, []byte, bool) { return 404, []byte("gone"), true }, 404, "gone", true},
		{"exactly-full", []string{strings.Repeat("x", 64)}, nil, 200, strings.Repeat("x", 64), true},
		{"longer-passes-behind-its-head", []string{long, "tail"},
			func(s int, b []byte, _ bool) (int, []byte, bool) { return s, []byte(strings.ToUpper(string(b))), false },
			200, strings.ToUpper(long[:64]) + long[64:] + "tail", false},
		{"longer-and-replaced-drops-the-rest", []string{long, "tail"},
			func(s int, _ []byte, _ bool) (int, []byte, bool) { return s, []byte("gone"), true }, 200, "gone", false},
		{"empty", nil, nil, 200, "", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			complete, asked := false, 0
			h := &watch{plan: Plan{Hold: 64}}
			h.body = func(s int, b []byte, c bool) (int, []byte, bool) {
				complete = c
				asked++
				if tt.change == nil {
					return s, b, false
				}
				return tt.change(s, b, c)
			}
			resp, body := serve(t, h, "GET", func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(200)
				for _, s := range tt.write {
					if n, err := io.WriteString(w, s); n != len(s) || err != nil {
						t.Errorf("Write: %d, %v", n, err)
					}
					w.(http.Flusher).Flush() // must not let a held body out
				}
			})
			if resp.StatusCode != tt.status || body != tt.body || complete != tt.complete || asked != 1 {
				t.Errorf("got %d %q, complete %v, asked %d times; want %d %q, %v, once", resp.StatusCode, body, complete, asked, tt.status, tt.body, tt.complete)
			}
		})
	}
}

func TestReplacedAnswersDropWhatTheHandlerSays(t *testing.T) {
	h := &watch{plan: Plan{Replace: true, Status: 500, Body: []byte("sorry"), Keep: 5}}
	resp, body := serve(t, h, "GET", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(500)
		io.WriteString(w, "stack")
		io.Copy(w, strings.NewReader(" at /app/index.js:1:2"))
	})
	if resp.StatusCode != 500 || body != "sorry" || string(h.dropped) != "stack" {
		t.Errorf("got %d %q, kept %q; want 500 sorry, kept stack", resp.StatusCode, body, h.dropped)
	}
}

func TestDiscardMakesRoomForAnotherAnswer(t *testing.T) {
	h := &watch{plan: Plan{Hold: 64}}
	resp, body := serve(t, h, "GET", func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, "half an ans")
		out := w.(*Writer)
		if out.Committed() || !out.Discard() {
			t.Error("a held answer could not be discarded")
		}
		w.WriteHeader(500)
		io.WriteString(w, "sorry")
	})
	if resp.StatusCode != 500 || body != "sorry" {
		t.Errorf("got %d %q; want 500 sorry", resp.StatusCode, body)
	}
	h = &watch{}
	serve(t, h, "GET", func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, "gone")
		if out := w.(*Writer); !out.Committed() || out.Discard() {
			t.Error("an answer that left was discarded")
		}
	})
}

func TestHeadHasTheHeaderAlone(t *testing.T) {
	h := &watch{plan: Plan{Hold: 64}}
	resp, body := serve(t, h, "HEAD", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "hello") })
	if body != "" || resp.Header.Get("X-Hardened") != "yes" {
		t.Errorf("got %q, %v", body, resp.Header)
	}
}

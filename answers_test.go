// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package panoply_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/panoply-security/panoply/problem"
)

// However an answer comes about, its cookies are hardened and its headers set.
func TestEveryAnswerIsHardened(t *testing.T) {
	setCookie := func(w http.ResponseWriter) {
		w.Header().Set("X-Powered-By", "Express")
		w.Header().Add("Set-Cookie", "connect.sid=1; Path=/")
	}
	cases := []struct {
		name   string
		answer func(http.ResponseWriter, *http.Request)
		status int
	}{
		{"no-word", func(http.ResponseWriter, *http.Request) {}, 200},
		{"write", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "x") }, 200},
		{"not-modified", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(304) }, 304},
		{"no-content", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) }, 204},
		{"redirect", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/y", http.StatusFound) }, 302},
		{"not-found", http.NotFound, 404},
		{"error", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "at /srv/app.js:1:1", 500) }, 500},
		{"leaking-refusal", func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "MongoServerError: E11000 duplicate key error collection: shop.users", 400)
		}, 400},
		{"problem", func(w http.ResponseWriter, r *http.Request) {
			problem.Write(w, r, problem.Public(409, "Taken.", nil))
		}, 409},
		{"panic", func(http.ResponseWriter, *http.Request) { panic("boom") }, 500},
		{"panic-with-a-held-answer", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(404)
			io.WriteString(w, "x")
			panic("boom")
		}, 500},
		{"flush", func(w http.ResponseWriter, _ *http.Request) { w.(http.Flusher).Flush() }, 200},
		{"flush-by-controller", func(w http.ResponseWriter, _ *http.Request) { http.NewResponseController(w).Flush() }, 200},
		{"read-from", func(w http.ResponseWriter, _ *http.Request) { w.(io.ReaderFrom).ReadFrom(strings.NewReader("x")) }, 200},
		{"early-hints-first", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(103); w.WriteHeader(200) }, 200},
		{"deadlines-by-controller", func(w http.ResponseWriter, _ *http.Request) {
			if err := http.NewResponseController(w).SetWriteDeadline(time.Now().Add(time.Minute)); err != nil {
				panic(err)
			}
		}, 200},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			suit := quiet(t, parse(t, "tokens: [{match: /, reissue: {}}]"))
			server := httptest.NewServer(suit.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				setCookie(w)
				c.answer(w, r)
			})))
			defer server.Close()
			res, err := http.DefaultTransport.RoundTrip(mustRequest(t, server.URL+"/x"))
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			held(t, res, c.status)
			cookie := res.Header.Get("Set-Cookie")
			for _, flag := range []string{"HttpOnly", "SameSite=Strict", "Max-Age=3600"} {
				if !strings.Contains(cookie, flag) {
					t.Errorf("the cookie %q is without %s", cookie, flag)
				}
			}
		})
	}
}

func mustRequest(t *testing.T, url string) *http.Request {
	t.Helper()
	r, err := http.NewRequest("GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// held holds an answer's headers to what every answer has.
func held(t *testing.T, res *http.Response, status int) {
	t.Helper()
	h := res.Header
	if res.StatusCode != status || h.Get("X-Powered-By") != "" || h.Get("X-Frame-Options") == "" ||
		h.Get("Content-Security-Policy") == "" || len(h["X-Request-Id"]) != 1 {
		t.Errorf("status %d; want %d, with headers: %v", res.StatusCode, status, h)
	}
}

func TestHijackedAnswersAreHardened(t *testing.T) {
	suit := quiet(t, parse(t, ""))
	server := httptest.NewServer(suit.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		rw.WriteString("HTTP/1.1 101 Switching Protocols\r\n")
		w.Header().Write(rw)
		rw.WriteString("\r\n")
		rw.Flush()
	})))
	defer server.Close()
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	io.WriteString(conn, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	held(t, res, 101)
}

// An attempt to hijack that fails is no answer: what comes after is.
func TestFailedHijacksCountForNothing(t *testing.T) {
	a := behind(t, "rate_limits: {rules: [{name: login, match: /login, limit: 1, window: 1h, count: failures}]}", func(w http.ResponseWriter, _ *http.Request) {
		if _, _, err := http.NewResponseController(w).Hijack(); !errors.Is(err, http.ErrNotSupported) {
			t.Errorf("hijacked: %v", err)
		}
		w.WriteHeader(401)
	})
	a.send(request("POST", "/login", ""))
	rec, reached := a.send(request("POST", "/login", ""))
	refusedBy(t, rec, reached, 429, "ratelimit/exceeded")
}

// The same id is in the log, in the header and in the problem.
func TestOneIDForLogHeaderAndProblem(t *testing.T) {
	cases := map[string]struct {
		make   *http.Request
		answer http.HandlerFunc
	}{
		"refusal": {postJSON("/x", `{"a":{"$ne":1}}`), nil},
		"error":   {request("GET", "/x", "", "X-Request-Id", "mine"), status(500)},
		"panic":   {request("GET", "/x", ""), func(http.ResponseWriter, *http.Request) { panic("boom") }},
		"leak": {request("GET", "/x", ""), func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "TypeError: x\n    at f (/srv/app/index.js:10:5)", 400)
		}},
		"problem": {request("GET", "/x", ""), func(w http.ResponseWriter, r *http.Request) {
			problem.Write(w, r, problem.Public(418, "Short and stout.", errors.New("cause")))
		}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			a := behind(t, "", c.answer)
			rec, _ := a.send(c.make)
			var body struct{ Instance string }
			var line struct{ ID string }
			if err := errors.Join(json.Unmarshal(rec.Body.Bytes(), &body), json.Unmarshal(a.log.Bytes(), &line)); err != nil {
				t.Fatalf("%v\n%s\n%s", err, rec.Body, a.log)
			}
			id := rec.Header().Get("X-Request-Id")
			if len(id) != 36 || body.Instance != "urn:uuid:"+id || line.ID != id {
				t.Errorf("header %q, problem %q, log %q", id, body.Instance, line.ID)
			}
		})
	}
}

// Scrubbing takes the app's words, never our own.
func TestScrubbingLeavesOwnProblemsAlone(t *testing.T) {
	a := behind(t, "", func(w http.ResponseWriter, r *http.Request) {
		problem.Write(w, r, &problem.Error{Status: 503, Detail: "Back at 10.0.0.1:80, connect ECONNREFUSED.", Retry: time.Minute})
	})
	rec, _ := a.send(request("GET", "/x", ""))
	if rec.Code != 503 || !strings.Contains(rec.Body.String(), "Back at") || rec.Header().Get("Retry-After") != "60" {
		t.Errorf("%d %v %s", rec.Code, rec.Header(), rec.Body)
	}
	rec, _ = a.send(postJSON("/x", `{`))
	if rec.Code != 400 || ruleOf(rec) != "request/json" {
		t.Errorf("%d %s", rec.Code, rec.Body)
	}
}

// A problem written too late does not vouch for what the app wrote before.
func TestAProblemWrittenTooLateVouchesForNothing(t *testing.T) {
	a := behind(t, "", func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(400)
		io.WriteString(w, "TypeError: x\n    at f (/srv/app/index.js:10:5)")
		problem.Write(w, r, problem.Public(400, "", nil))
	})
	rec, _ := a.send(request("GET", "/x", ""))
	if strings.Contains(rec.Body.String(), "index.js") {
		t.Errorf("it leaks: %s", rec.Body)
	}
}

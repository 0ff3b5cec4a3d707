// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package problem_test

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/panoply-security/panoply/problem"
	"github.com/panoply-security/panoply/rule"
)

func late(write string, status int, err error) http.Handler {
	return problem.Handler(func(w http.ResponseWriter, _ *http.Request) error {
		w.WriteHeader(status)
		io.WriteString(w, write)
		return err
	})
}

// An error that comes when an answer is under way is not written into it.
func TestErrorsBehindTheFirstByte(t *testing.T) {
	tests := []struct {
		name   string
		next   http.Handler
		status int
		body   string // "" is a problem
	}{
		{"sent", late("half an ans", 200, errDial), 200, "half an ans"},
		{"held-back", late("not found, and", 404, errDial), 500, ""},
		{"replaced", late("stack", 500, problem.Public(409, "Taken.", nil)), 500, ""},
		{"panic-behind-a-replaced-answer", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(503)
			panic("late")
		}), 503, ""},
		{"panic-in-a-held-answer", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(404)
			panic("late")
		}), 500, ""},
		{"impossible-status", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(0) }), 500, ""},
		{"wrapped-writer", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(404)
			io.WriteString(w, "not found, and")
			problem.Write(wrapper{w}, r, errDial)
		}), 500, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			resp, body, log := answer(t, problem.Config{}, httptest.NewRequest("GET", "/", nil), tt.next)
			if resp.StatusCode != tt.status || tt.body != "" && body != tt.body || tt.body == "" && strings.Count(body, `"instance"`) != 1 {
				t.Errorf("got %d %q; want %d %q", resp.StatusCode, body, tt.status, tt.body)
			}
			if strings.Contains(body, "connection refused") || strings.Contains(body, "stack") || tt.body == "" && strings.Contains(body, "and") {
				t.Errorf("got %q", body)
			}
			if !strings.Contains(log, "refused") && !strings.Contains(log, "late") && !strings.Contains(log, "WriteHeader") && !strings.Contains(log, "Taken") {
				t.Errorf("the log does not tell the error: %s", log)
			}
		})
	}
}

type wrapper struct{ http.ResponseWriter }

func (w wrapper) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// The real server, to whose client a cut-off answer must not look whole.
func TestPanicsOverTheWire(t *testing.T) {
	p, err := problem.New(problem.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(p.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/replaced":
			w.WriteHeader(502)
		case "/half":
			io.WriteString(w, "half")
			http.NewResponseController(w).Flush()
		}
		panic("at /app/secret.js:1:2")
	})))
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	server.Start()
	defer server.Close()
	for path, want := range map[string]int{"/": 500, "/replaced": 502, "/half": 0} {
		resp, err := server.Client().Get(server.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if whole := err == nil; whole != (want != 0) || whole && (resp.StatusCode != want || !strings.Contains(string(body), `"instance"`)) || strings.Contains(string(body), "secret") {
			t.Errorf("%s: got %d %q, %v; want status %d whole, 0 cut off", path, resp.StatusCode, body, err, want)
		}
	}
}

func TestHeadersOfTheOldBodyGo(t *testing.T) {
	for name, next := range map[string]http.Handler{
		"scrubbed": http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) }),
		"own":      failing(&problem.Error{Status: 401, Header: http.Header{"www-authenticate": {"Bearer"}, "Content-Type": {"x/y"}}}),
	} {
		resp, body, _ := answer(t, problem.Config{}, httptest.NewRequest("GET", "/", nil), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			for _, stale := range []string{"Content-Encoding", "Content-Range", "Content-Disposition", "Content-Location", "Etag", "Last-Modified",
				"Digest", "Content-Md5", "Expires", "Transfer-Encoding", "Surrogate-Control", "Cdn-Cache-Control"} {
				w.Header().Set(stale, "stale")
			}
			w.Header().Set("Content-Length", "4711")
			w.Header().Set("Retry-After", "7")
			next.ServeHTTP(w, r)
		}))
		for h, values := range resp.Header {
			if values[0] == "stale" {
				t.Errorf("%s: %s stays", name, h)
			}
		}
		if resp.Header.Get("Content-Length") != fmt.Sprint(len(body)) || resp.Header.Get("Retry-After") != "7" || resp.Header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: got %v", name, resp.Header)
		}
		if name == "own" && resp.Header.Get("Www-Authenticate") != "Bearer" {
			t.Errorf("the error's own header is lost: %v", resp.Header)
		}
	}
}

func TestErrorsMayBeShared(t *testing.T) {
	shared := &problem.Error{Status: 401, Header: http.Header{"Vary": append(make([]string, 0, 4), "Cookie")}}
	for range 2 {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Origin", "https://front.example")
		answer(t, problem.Config{CORSOrigins: []string{"https://front.example"}}, r, failing(shared))
	}
	if got := shared.Header["Vary"][:2]; got[1] != "" {
		t.Errorf("answers write into the error: %q", got)
	}
}

func TestTheLongestWait(t *testing.T) {
	resp, _, _ := answer(t, problem.Config{}, httptest.NewRequest("GET", "/", nil), failing(&problem.Error{Status: 429, Retry: math.MaxInt64}))
	if want := fmt.Sprint(int64(math.MaxInt64/time.Second) + 1); resp.Header.Get("Retry-After") != want {
		t.Errorf("got %q; want %s", resp.Header.Get("Retry-After"), want)
	}
}

func TestProxiesHideCauses(t *testing.T) {
	for _, name := range []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-Ip", "Via", "Cf-Connecting-Ip", "True-Client-Ip"} {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = "127.0.0.1:5000"
		r.Header[name] = []string{""} // its being there is enough
		if _, body, _ := answer(t, problem.Config{InsecureShowCauses: true}, r, failing(errDial)); strings.Contains(body, "10.0.1.42") {
			t.Errorf("%s: the cause is shown", name)
		}
	}
}

// The log is told what is needed and no secret, in one line that nobody forges.
func TestLogLines(t *testing.T) {
	r := httptest.NewRequest("POST", "/a%0Alevel=ERROR?q=hunter2", strings.NewReader("hunter2"))
	r.Header.Set("Authorization", "Bearer hunter2")
	e := &problem.Error{Rule: rule.ValidateSchema, Cause: errors.New("at mongodb://shop:hunter2@db.example/\nlevel=ERROR forged")}
	for i := range 9 {
		e.Fields = append(e.Fields, problem.Field{Pointer: fmt.Sprintf("/f%d/%s", i, strings.Repeat("é", 100)), Detail: "It is required."})
	}
	_, _, log := answer(t, problem.Config{}, r, failing(e))
	if strings.Contains(log, "hunter2") || strings.Count(log, "\n") != 1 || !strings.HasPrefix(log, "time=") {
		t.Errorf("the log says %q", log)
	}
	if !strings.Contains(log, "/f4/") || strings.Contains(log, "/f5/") || strings.Count(log, "fields=") != 1 || strings.Contains(log, `\xc3`) {
		t.Errorf("the fields are told as %q", log)
	}
}

// The status that the app answered, in the log too.
func TestScrubbedStatusIsLogged(t *testing.T) {
	_, _, log := answer(t, problem.Config{}, httptest.NewRequest("GET", "/", nil), http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(503)
		io.WriteString(w, "down")
	}))
	if !strings.Contains(log, "status=503") || !strings.Contains(log, "down") {
		t.Errorf("the log says %s", log)
	}
}

// A problem in the place of a 5xx is whole, even where what it replaced breaks
// off; anything else that breaks off still does.
func TestAReplacedAnswerSurvivesItsHandler(t *testing.T) {
	for status, whole := range map[int]bool{500: true, 503: true, 200: false} {
		t.Run(fmt.Sprint(status), func(t *testing.T) {
			broke := any(nil)
			breaking := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(status)
				io.WriteString(w, "half of")
				panic(http.ErrAbortHandler)
			})
			p, err := problem.New(problem.Config{Logger: slog.New(slog.DiscardHandler)})
			if err != nil {
				t.Fatal(err)
			}
			w := httptest.NewRecorder()
			func() {
				defer func() { broke = recover() }()
				p.Handler(breaking).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
			}()
			if whole != (broke == nil) || w.Code != status || whole != strings.Contains(w.Body.String(), "urn:uuid:") {
				t.Errorf("got %d, broken off with %v: %s", w.Code, broke, w.Body)
			}
		})
	}
}

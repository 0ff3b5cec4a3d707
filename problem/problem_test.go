// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package problem_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/panoply-security/panoply/problem"
	"github.com/panoply-security/panoply/rule"
)

// answer plays a request through a responder and tells the answer and the log.
func answer(t *testing.T, cfg problem.Config, r *http.Request, next http.Handler) (*http.Response, string, string) {
	t.Helper()
	var log bytes.Buffer
	cfg.Logger = slog.New(slog.NewTextHandler(&log, nil))
	p, err := problem.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	rec := httptest.NewRecorder()
	p.Handler(next).ServeHTTP(rec, r)
	resp := rec.Result()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(body), log.String()
}

func failing(err error) http.Handler {
	return problem.Handler(func(http.ResponseWriter, *http.Request) error { return err })
}

var errDial = errors.New("dial tcp 10.0.1.42:5432: connection refused")

func TestAnswers(t *testing.T) {
	tests := []struct {
		name   string
		err    error
		status int
		want   map[string]any
	}{
		{"unknown-error", errDial, 500,
			map[string]any{"type": "about:blank", "title": "Internal server error", "status": 500.0}},
		{"wrapped-refusal", fmt.Errorf("while reading: %w", problem.Refuse(rule.RequestJSON, "The JSON repeats a name.")), 400,
			map[string]any{"type": "urn:panoply:request/json", "title": "JSON can be read in two ways", "detail": "The JSON repeats a name."}},
		{"public-error", problem.Public(409, "This email address is taken.", errDial), 409,
			map[string]any{"type": "about:blank", "title": "Conflict", "detail": "This email address is taken."}},
		{"body-too-long", fmt.Errorf("decode: %w", &http.MaxBytesError{Limit: 17}), 413,
			map[string]any{"type": "urn:panoply:request/body-too-large", "detail": "The limit is 17 bytes."}},
		{"fields", &problem.Error{Rule: rule.ValidateSchema, Fields: []problem.Field{{Pointer: "/role", Detail: "It is not a known field."}}}, 400,
			map[string]any{"errors": []any{map[string]any{"pointer": "/role", "detail": "It is not a known field."}}}},
		{"own-status-over-the-rule's", &problem.Error{Rule: rule.ValidateSchema, Status: 422}, 422, map[string]any{"status": 422.0}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			resp, body, log := answer(t, problem.Config{}, httptest.NewRequest("POST", "/x", nil), failing(tt.err))
			if resp.StatusCode != tt.status || resp.Header.Get("Content-Type") != "application/problem+json" {
				t.Errorf("got %d %s; want %d", resp.StatusCode, resp.Header.Get("Content-Type"), tt.status)
			}
			var got map[string]any
			if err := json.Unmarshal([]byte(body), &got); err != nil {
				t.Fatalf("%v: %s", err, body)
			}
			for name, want := range tt.want {
				if fmt.Sprint(got[name]) != fmt.Sprint(want) {
					t.Errorf("%s is %v; want %v", name, got[name], want)
				}
			}
			if strings.Contains(body, "10.0.1.42") {
				t.Errorf("the cause reaches the client: %s", body)
			}
			id := resp.Header.Get("X-Request-Id")
			if len(id) != 36 || got["instance"] != "urn:uuid:"+id || !strings.Contains(log, "id="+id) {
				t.Errorf("id %q, instance %v, log %s; want one id", id, got["instance"], log)
			}
			if resp.Header.Get("Cache-Control") != "no-store" {
				t.Error("it may be cached")
			}
		})
	}
}

func TestTheCauseGoesToTheLog(t *testing.T) {
	_, _, log := answer(t, problem.Config{}, httptest.NewRequest("GET", "/api/data?token=hunter2", nil), failing(errDial))
	if !strings.Contains(log, "10.0.1.42:5432") || !strings.Contains(log, "level=ERROR") || !strings.Contains(log, "path=/api/data") {
		t.Errorf("the log says %s", log)
	}
	if strings.Contains(log, "hunter2") {
		t.Errorf("the query is in the log: %s", log)
	}
}

// The cause is shown in development alone, over loopback alone, without a proxy.
func TestCausesAreShownOnlyOnThisMachine(t *testing.T) {
	tests := []struct {
		name   string
		show   bool
		remote string
		header string
		want   bool
	}{
		{"development-on-loopback", true, "127.0.0.1:5000", "", true},
		{"development-on-ipv6-loopback", true, "[::1]:5000", "", true},
		{"production", false, "127.0.0.1:5000", "", false},
		{"from-elsewhere", true, "192.0.2.7:5000", "", false},
		{"through-a-proxy", true, "127.0.0.1:5000", "X-Forwarded-For", false},
		{"through-another-proxy", true, "127.0.0.1:5000", "Forwarded", false},
		{"from-nowhere", true, "", "", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest("GET", "/", nil)
			r.RemoteAddr = tt.remote
			if tt.header != "" {
				r.Header.Set(tt.header, "for=192.0.2.7")
			}
			_, body, _ := answer(t, problem.Config{InsecureShowCauses: tt.show}, r, failing(errDial))
			if got := strings.Contains(body, "10.0.1.42"); got != tt.want {
				t.Errorf("the cause is shown: %v; want %v", got, tt.want)
			}
		})
	}
}

func TestBrowsersGetAPageWithoutScripts(t *testing.T) {
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Accept", "text/html,application/xhtml+xml,*/*;q=0.8")
	resp, body, _ := answer(t, problem.Config{}, r, failing(problem.Public(404, `<script>alert("x")</script>`, nil)))
	if resp.Header.Get("Content-Type") != "text/html; charset=utf-8" || !strings.Contains(body, "<h1>Not Found</h1>") {
		t.Errorf("got %s: %s", resp.Header.Get("Content-Type"), body)
	}
	if strings.Contains(body, "<script") || !strings.Contains(body, "&lt;script&gt;") {
		t.Errorf("the detail is not escaped: %s", body)
	}
	r.Header.Set("Accept", "application/json, text/html")
	if resp, _, _ := answer(t, problem.Config{}, r, failing(errDial)); resp.Header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("a client that asks for JSON gets %s", resp.Header.Get("Content-Type"))
	}
}

func TestPanicsAreAnsweredOnce(t *testing.T) {
	resp, body, log := answer(t, problem.Config{}, httptest.NewRequest("GET", "/", nil), http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		panic("secret in a panic")
	}))
	if resp.StatusCode != 500 || strings.Contains(body, "secret") || strings.Count(body, "instance") != 1 {
		t.Errorf("got %d %s", resp.StatusCode, body)
	}
	if !strings.Contains(log, "secret in a panic") || !strings.Contains(log, "problem_test.go") {
		t.Errorf("the log lacks the panic and its stack: %s", log)
	}
}

func TestBrokenAnswersAreCutOff(t *testing.T) {
	for name, handler := range map[string]http.HandlerFunc{
		"abort":                       func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"panic-behind-the-first-byte": func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "half"); panic("late") },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if v := recover(); v != http.ErrAbortHandler {
					t.Errorf("panicked with %v; want http.ErrAbortHandler for the server", v)
				}
			}()
			answer(t, problem.Config{}, httptest.NewRequest("GET", "/", nil), handler)
		})
	}
}

const nodeStack = "TypeError: Cannot read properties of undefined (reading 'id')\n    at /srv/app/routes/users.js:17:22\n    at Layer.handle [as handle_request] (/srv/app/node_modules/express/lib/router/layer.js:95:5)"

func TestScrubbing(t *testing.T) {
	tests := []struct {
		name        string
		cfg         problem.Config
		status      int
		contentType string
		body        string
		replaced    bool
	}{
		{"any-5xx", problem.Config{}, 500, "text/plain", "oops", true},
		{"bad-gateway-of-the-app", problem.Config{}, 502, "text/html", "<h1>nginx/1.2</h1>", true},
		{"stack-in-a-4xx-page", problem.Config{}, 400, "text/html; charset=utf-8", "<pre>" + strings.ReplaceAll(nodeStack, "\n", "<br> &nbsp;") + "</pre>", true},
		{"stack-in-4xx-json", problem.Config{}, 422, "application/json", `{"error":"x","stack":` + string(must(json.Marshal(nodeStack))) + `}`, true},
		{"useful-4xx-json", problem.Config{}, 409, "application/json", `{"error":"Email already taken"}`, false},
		{"cannot-get", problem.Config{}, 404, "text/html", "<pre>Cannot GET /x</pre>", false},
		{"success-with-a-stack", problem.Config{}, 200, "text/plain", nodeStack, false},
		{"binary-4xx", problem.Config{}, 404, "image/png", nodeStack, false},
		{"switched-off", problem.Config{NoScrub: true}, 500, "text/plain", "oops", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			resp, body, log := answer(t, tt.cfg, httptest.NewRequest("GET", "/", nil), http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				h := w.Header()
				h.Set("Content-Type", tt.contentType)
				h.Set("Content-Length", fmt.Sprint(len(tt.body)))
				h.Set("Etag", `"1"`)
				h.Set("Access-Control-Allow-Origin", "https://front.example")
				h.Add("Set-Cookie", "a=1")
				h.Set("X-Powered-By", "Express")
				w.WriteHeader(tt.status)
				io.WriteString(w, tt.body)
			}))
			if resp.StatusCode != tt.status || resp.Header.Get("X-Powered-By") != "" {
				t.Errorf("got %d, X-Powered-By %q; want %d and none", resp.StatusCode, resp.Header.Get("X-Powered-By"), tt.status)
			}
			if resp.Header.Get("Set-Cookie") != "a=1" || resp.Header.Get("Access-Control-Allow-Origin") == "" {
				t.Errorf("cookies and CORS headers are gone: %v", resp.Header)
			}
			if !tt.replaced {
				if body != tt.body {
					t.Errorf("got %q; want it untouched", body)
				}
				return
			}
			if !strings.Contains(body, `"instance":"urn:uuid:`) || strings.Contains(body, "users.js") || strings.Contains(body, "oops") {
				t.Errorf("got %q; want a problem", body)
			}
			if resp.Header.Get("Etag") != "" || resp.Header.Get("Content-Length") != fmt.Sprint(len(body)) {
				t.Errorf("headers speak of the old body: %v", resp.Header)
			}
			if !strings.Contains(log, "errors/") {
				t.Errorf("the log does not tell: %s", log)
			}
		})
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// The app's own words go to the log, without what is secret in them.
func TestReplacedBodiesAreLoggedMasked(t *testing.T) {
	_, _, log := answer(t, problem.Config{}, httptest.NewRequest("GET", "/", nil), http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(500)
		io.WriteString(w, "MongoServerError: bad auth for mongodb://shop:hunter2@10.0.1.42/db")
	}))
	if !strings.Contains(log, "MongoServerError") || strings.Contains(log, "hunter2") {
		t.Errorf("the log says %s", log)
	}
}

func TestOwnProblemsAreNeverScrubbed(t *testing.T) {
	_, body, _ := answer(t, problem.Config{}, httptest.NewRequest("GET", "/", nil), failing(&problem.Error{Status: 503, Detail: "The shop is closed on Sundays."}))
	if !strings.Contains(body, "closed on Sundays") {
		t.Errorf("got %s", body)
	}
}

func TestRetryAfterIsRoundedUp(t *testing.T) {
	for d, want := range map[time.Duration]string{0: "", time.Millisecond: "1", time.Second: "1", 1001 * time.Millisecond: "2", 15 * time.Minute: "900"} {
		resp, _, _ := answer(t, problem.Config{}, httptest.NewRequest("GET", "/", nil), failing(&problem.Error{Status: 429, Retry: d}))
		if got := resp.Header.Get("Retry-After"); got != want {
			t.Errorf("%v: got %q; want %q", d, got, want)
		}
	}
}

func TestFrontEndsMayReadOwnAnswers(t *testing.T) {
	for origin, want := range map[string]string{"https://front.example": "https://front.example", "https://evil.example": "", "": ""} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Origin", origin)
		resp, _, _ := answer(t, problem.Config{CORSOrigins: []string{"https://front.example"}}, r, failing(errDial))
		if got := resp.Header.Get("Access-Control-Allow-Origin"); got != want {
			t.Errorf("%q: got %q; want %q", origin, got, want)
		}
	}
}

func TestNewRefusesWhatIsNoOrigin(t *testing.T) {
	_, err := problem.New(problem.Config{CORSOrigins: []string{"https://ok.example", "*", "ftp://x", "https://x/y", "https://X"}})
	for _, at := range []string{"cors.origins[1]", "cors.origins[2]", "cors.origins[3]", "cors.origins[4]"} {
		if err == nil || !strings.Contains(err.Error(), at) {
			t.Errorf("got %v; want %s named", err, at)
		}
	}
}

func TestHeadGetsNoBody(t *testing.T) {
	for name, next := range map[string]http.Handler{
		"own":      failing(errDial),
		"scrubbed": http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) }),
	} {
		if resp, body, _ := answer(t, problem.Config{}, httptest.NewRequest("HEAD", "/", nil), next); body != "" || resp.StatusCode != 500 {
			t.Errorf("%s: got %d %q", name, resp.StatusCode, body)
		}
	}
}

func BenchmarkRefusal(b *testing.B) {
	p, err := problem.New(problem.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		b.Fatal(err)
	}
	h := p.Handler(failing(problem.Refuse(rule.NoSQLOperator, "")))
	r := httptest.NewRequest("POST", "/", nil)
	b.ReportAllocs()
	for b.Loop() {
		h.ServeHTTP(httptest.NewRecorder(), r)
	}
}

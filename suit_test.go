// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package panoply_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	mime "mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/textproto"
	"strings"
	"sync"
	"testing"

	"github.com/panoply-security/panoply"
	"github.com/panoply-security/panoply/internal/spool"
)

// app is what stands behind a suit in a test: it keeps what arrived.
type app struct {
	suit   *panoply.Suit
	log    *lockedBuffer
	answer http.HandlerFunc

	reached int
	body    string
	request *http.Request
}

type lockedBuffer struct {
	mu sync.Mutex
	bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.Write(p)
}

// behind puts an app behind the suit of a policy file.
func behind(t *testing.T, policy string, answer http.HandlerFunc) *app {
	t.Helper()
	return wear(t, parse(t, policy), answer)
}

func wear(t *testing.T, p panoply.Policy, answer http.HandlerFunc) *app {
	t.Helper()
	a := &app{log: new(lockedBuffer), answer: answer}
	var err error
	if a.suit, err = panoply.New(p, panoply.WithLogger(slog.New(slog.NewJSONHandler(a.log, nil)))); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.gaveBack(t) })
	return a
}

// gaveBack holds that whatever happened, no memory is held any more.
func (a *app) gaveBack(t *testing.T) {
	t.Helper()
	if used := a.suit.BudgetUsed(); used != 0 {
		t.Errorf("bodies still hold %d bytes", used)
	}
	if memory, disk := spool.Shared.Used(); memory != 0 || disk != 0 {
		t.Errorf("spools still hold %d bytes of memory and %d of disk", memory, disk)
	}
}

func (a *app) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.reached++
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, "cut off", http.StatusTeapot)
	}
	a.body, a.request = string(body), r
	if a.answer != nil {
		a.answer(w, r)
	}
}

// send plays one request and tells whether it reached the app.
func (a *app) send(r *http.Request) (rec *httptest.ResponseRecorder, reached bool) {
	before := a.reached
	rec = httptest.NewRecorder()
	a.suit.Handler(a).ServeHTTP(rec, r)
	return rec, a.reached > before
}

// request makes a request; headers alternate name and value.
func request(method, target, body string, headers ...string) *http.Request {
	var from io.Reader
	if body != "" {
		from = strings.NewReader(body)
	}
	r := httptest.NewRequest(method, target, from)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	return r
}

func postJSON(path, body string) *http.Request {
	return request("POST", path, body, "Content-Type", "application/json")
}

func chunked(r *http.Request) *http.Request {
	r.Body = io.NopCloser(io.MultiReader(r.Body)) // of no type that tells its length
	r.ContentLength = -1
	return r
}

func zipped(s string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	io.WriteString(w, s)
	w.Close()
	return b.String()
}

// part is a part of a form; with a filename it is a file.
type part struct{ name, filename, contentType, content string }

func form(path string, parts ...part) *http.Request {
	var b bytes.Buffer
	w := mime.NewWriter(&b)
	w.SetBoundary("----boundary")
	for _, p := range parts {
		h := textproto.MIMEHeader{"Content-Disposition": {fmt.Sprintf(`form-data; name="%s"`, p.name)}}
		if p.filename != "" {
			h.Set("Content-Disposition", fmt.Sprintf(`form-data; name="%s"; filename="%s"`, p.name, p.filename))
		}
		if p.contentType != "" {
			h.Set("Content-Type", p.contentType)
		}
		out, _ := w.CreatePart(h)
		io.WriteString(out, p.content)
	}
	w.Close()
	return request("POST", path, b.String(), "Content-Type", w.FormDataContentType())
}

const script = "<script>alert(1)</script>"

var exe = part{"file", "run.exe", "application/octet-stream", "MZ\x90\x00\x03\x00\x00\x00\x04\x00" + strings.Repeat("\x00", 128)}

// ruleOf is the rule id of a problem answer, "" for any other answer.
func ruleOf(rec *httptest.ResponseRecorder) string {
	var p struct{ Type string }
	if json.Unmarshal(rec.Body.Bytes(), &p) != nil {
		return ""
	}
	return strings.TrimPrefix(p.Type, "urn:panoply:")
}

func refusedBy(t *testing.T, rec *httptest.ResponseRecorder, reached bool, status int, rule string) {
	t.Helper()
	if reached || rec.Code != status || ruleOf(rec) != rule {
		t.Errorf("status %d, rule %q, reached the app %v; want %d by %s\n%s", rec.Code, ruleOf(rec), reached, status, rule, rec.Body)
	}
}

func passes(t *testing.T, rec *httptest.ResponseRecorder, reached bool) {
	t.Helper()
	if !reached || rec.Code >= 400 {
		t.Errorf("status %d, reached the app %v; want it to pass\n%s", rec.Code, reached, rec.Body)
	}
}

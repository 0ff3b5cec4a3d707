// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package inspect_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/panoply-security/panoply/inspect"
	"github.com/panoply-security/panoply/problem"
	"github.com/panoply-security/panoply/rule"
)

// witness notes all that a visitor is shown: a name as its pointer, a value as
// its pointer and kind.
type witness struct{ log []string }

func (s *witness) Key(p *inspect.Path) error {
	s.log = append(s.log, p.Pointer())
	return nil
}

func (s *witness) Value(p *inspect.Path, k inspect.Kind) error {
	s.log = append(s.log, p.Pointer()+"="+k.String())
	return nil
}

func (s *witness) String() string { return strings.Join(s.log, " ") }

// shows reports whether a name was shown, wherever it stands.
func (s *witness) shows(name string) bool {
	return slices.ContainsFunc(s.log, func(l string) bool { return strings.HasSuffix(l, "/"+name) })
}

// stopper refuses the first name it is shown.
type stopper struct{}

func (stopper) Key(*inspect.Path) error                 { return problem.Refuse(rule.NoSQLOperator, "") }
func (stopper) Value(*inspect.Path, inspect.Kind) error { return nil }

func post(contentType, body string) *http.Request {
	r := httptest.NewRequest("POST", "/", strings.NewReader(body))
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	return r
}

// chunked is a request of unknown length.
func chunked(contentType string, body io.Reader) *http.Request {
	r := post(contentType, "")
	r.Body, r.ContentLength = io.NopCloser(body), -1
	return r
}

func with(r *http.Request, name string, values ...string) *http.Request {
	r.Header[name] = values
	return r
}

// read reads a body within 10 kB.
func read(r *http.Request, v inspect.Visitor) (*inspect.Reading, error) {
	return inspect.ReadBody(r, inspect.Options{MaxBytes: 10_000, Visitor: v, Tree: true})
}

// arrived checks that the next reader gets exactly these bytes, and is told so.
func arrived(t *testing.T, r *http.Request, want string) {
	t.Helper()
	got, err := io.ReadAll(r.Body)
	if err != nil || string(got) != want {
		t.Errorf("the next reader gets %.80q, %v; want %.80q", got, err, want)
	}
	if r.ContentLength >= 0 && r.ContentLength != int64(len(got)) {
		t.Errorf("ContentLength is %d of %d bytes", r.ContentLength, len(got))
	}
	if h := r.Header.Get("Content-Length"); h != "" && h != fmt.Sprint(len(got)) {
		t.Errorf("Content-Length is %s of %d bytes", h, len(got))
	}
}

// refused checks the rule of an error; "" is none.
func refused(t *testing.T, err error, want rule.ID) {
	t.Helper()
	if got := ruleOf(err); got != want || want == "" && err != nil {
		t.Errorf("got rule %q (%v), want %q", got, err, want)
	}
}

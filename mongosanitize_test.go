// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package panoply_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/panoply-security/panoply"
	"github.com/panoply-security/panoply/nosql"
)

// sanitizeDifferences are the cases of express-mongo-sanitize's suite in which we do
// something else on purpose. Where it takes an operator out we refuse the request, or
// on a route that strips take it out too; that is no difference.
var sanitizeDifferences = map[string]string{
	"ms-028": dotsStay, "ms-030": dotsStay, "ms-032": dotsStay, "ms-034": dotsStay,
	"ms-001": dotsStay, "ms-002": dotsStay, "ms-004": dotsStay, "ms-005": dotsStay, "ms-006": dotsStay, "ms-007": dotsStay,
	"ms-008": dotsStay, "ms-009": dotsStay, "ms-010": dotsStay, "ms-037": dotsStay,
	"ms-003": headerRefused, "ms-044": headerRefused, "ms-013": headerRefused, "ms-054": headerRefused,
	"ms-011": neverRenamed, "ms-012": neverRenamed, "ms-014": neverRenamed, "ms-015": neverRenamed, "ms-016": neverRenamed,
	"ms-017": neverRenamed, "ms-018": neverRenamed, "ms-019": neverRenamed, "ms-020": neverRenamed, "ms-021": neverRenamed,
	"ms-025": neverRenamed, "ms-026": neverRenamed,
	"ms-052": neverRenamed, "ms-053": neverRenamed, "ms-055": neverRenamed, "ms-056": neverRenamed, "ms-057": neverRenamed,
	"ms-058": neverRenamed, "ms-059": neverRenamed, "ms-060": neverRenamed, "ms-061": neverRenamed, "ms-062": neverRenamed,
}

const (
	dotsStay      = "names with dots are ordinary (i18n keys, file names), and reach into nothing but a filter that already takes operators; express-mongo-sanitize 2 takes them out unless told"
	headerRefused = "a header is refused and never taken out: no ordinary one has such a name"
	neverRenamed  = "a name is never replaced by another, which may be one that the request has already"
)

type sanitizeCase struct {
	ID, Kind string
	Options  struct {
		AllowDots   bool
		DryRun      bool
		ReplaceWith string
	}
	Request struct {
		Method, Target string
		Headers        map[string]string
		Body           *string
	}
	Input  json.RawMessage
	Expect json.RawMessage
}

func (c sanitizeCase) request() *http.Request {
	if c.Kind != "http" {
		r := httptest.NewRequest("POST", "/", strings.NewReader(string(c.Input)))
		r.Header.Set("Content-Type", "application/json")
		return r
	}
	var body io.Reader
	if c.Request.Body != nil {
		body = strings.NewReader(*c.Request.Body)
	}
	r := httptest.NewRequest(c.Request.Method, c.Request.Target, body)
	for name, value := range c.Request.Headers {
		r.Header[http.CanonicalHeaderKey(name)] = []string{value}
	}
	return r
}

// attacks reports whether the request carries an operator.
func (c sanitizeCase) attacks() bool {
	text := c.Request.Target + string(c.Input)
	if c.Request.Body != nil {
		text += *c.Request.Body
	}
	for name := range c.Request.Headers {
		text += name
	}
	return strings.Contains(text, "$")
}

// Wherever the peer finds an operator we refuse it, or take it out where that is
// asked for; what it lets pass passes.
func TestMongoSanitizeVectors(t *testing.T) {
	src, err := os.ReadFile("../shared/vectors/mongo_sanitize.json")
	if err != nil {
		t.Skipf("CONFORMANCE DATA ABSENT, NOTHING HELD AGAINST IT: %v", err)
	}
	var file struct{ Cases []sanitizeCase }
	if err := json.Unmarshal(src, &file); err != nil || len(file.Cases) < 70 {
		t.Fatalf("%d cases, %v", len(file.Cases), err)
	}
	refusing := quiet(t, panoply.Policy{})
	reporting := quiet(t, panoply.Policy{Mode: panoply.Report})
	stripping := quiet(t, panoply.Policy{NoSQL: panoply.NoSQLSection{Config: nosql.Config{Strip: []string{"/"}}}})
	same, different := 0, 0
	for _, c := range file.Cases {
		reached, _, _ := pass(refusing, c.request())
		if reached == c.attacks() {
			t.Errorf("%s: reached the app %v; it carries an operator: %v", c.ID, reached, c.attacks())
		}
		if c.Options.DryRun {
			reached, query, body := pass(reporting, c.request())
			want := ""
			if c.Request.Body != nil {
				want = *c.Request.Body
			}
			if c.Kind == "http" && (!reached || body != want || !strings.HasSuffix(c.Request.Target, query)) {
				t.Errorf("%s: in report mode %v %q %q arrives", c.ID, reached, query, body)
			}
		}
		_, listed := sanitizeDifferences[c.ID]
		if agrees := c.agrees(t, stripping, reached); agrees == listed {
			t.Errorf("%s (%s): does as the peer: %v, and is on the list of differences: %v", c.ID, c.Kind, agrees, listed)
		} else if listed {
			different++
			if reached, query, body := pass(stripping, c.request()); reached && strings.Contains(query+body, "$") {
				t.Errorf("%s: %q %q still has an operator", c.ID, query, body)
			}
		} else {
			same++
		}
	}
	t.Logf("%d cases: %d as the peer, %d different on purpose", len(file.Cases), same, different)
}

// agrees reports whether we do as the peer, with what it would take out taken out.
func (c sanitizeCase) agrees(t *testing.T, stripping *panoply.Suit, reached bool) bool {
	switch c.Kind {
	case "has":
		return reached == (string(c.Expect) == "false")
	case "sanitize":
		return reached
	}
	if c.Options.DryRun {
		return true // reported, above
	}
	reached, query, body := pass(stripping, c.request())
	var want struct {
		Sees struct {
			Body, Query json.RawMessage
		} `json:"app_sees"`
	}
	if err := json.Unmarshal(c.Expect, &want); err != nil {
		t.Fatal(err)
	}
	if !reached {
		return false
	}
	switch {
	case want.Sees.Body != nil && c.Request.Headers["Content-Type"] == "application/json":
		return equalJSON(t, want.Sees.Body, json.RawMessage(body))
	case want.Sees.Body != nil:
		return equalJSON(t, want.Sees.Body, nested(t, body))
	case want.Sees.Query != nil:
		return equalJSON(t, want.Sees.Query, nested(t, query))
	}
	return false
}

// nested is a form as qs nests it, as far as the cases need it. An object that was
// emptied is not there any more.
func nested(t *testing.T, form string) json.RawMessage {
	t.Helper()
	root := map[string]any{}
	for pair := range strings.SplitSeq(form, "&") {
		name, value, _ := strings.Cut(pair, "=")
		if name == "" {
			continue
		}
		switch parts := strings.FieldsFunc(name, func(r rune) bool { return r == '[' || r == ']' }); len(parts) {
		case 1:
			root[parts[0]] = value
		case 2:
			root[parts[0]] = map[string]any{parts[1]: value}
		case 3:
			root[parts[0]] = []any{map[string]any{parts[2]: value}}
		}
	}
	b, err := json.Marshal(root)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func equalJSON(t *testing.T, a, b json.RawMessage) bool {
	t.Helper()
	var x, y any
	if json.Unmarshal(a, &x) != nil || json.Unmarshal(b, &y) != nil {
		t.Fatalf("%s or %s is no JSON", a, b)
	}
	return reflect.DeepEqual(x, y)
}

// pass plays a request through a suit and tells what arrives behind it.
func pass(s *panoply.Suit, r *http.Request) (reached bool, query, body string) {
	s.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		reached, query, body = true, r.URL.RawQuery, string(b)
	})).ServeHTTP(httptest.NewRecorder(), r)
	return reached, query, body
}

// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package attack

import (
	"cmp"
	"context"
	"errors"
	"html"
	"net/http"
	"regexp"
	"strings"
)

// leaks provokes errors and looks for the app's insides in the answers.
func leaks(ctx context.Context, c *client, r *Result) error {
	list := c.do(ctx, get("/api/products"))
	lost := c.do(ctx, get("/no-such-page"))
	if err := cmp.Or(list.err, lost.err); err != nil {
		return err
	}
	if list.status != http.StatusOK || lost.status != http.StatusNotFound {
		return errors.New("no list at GET /api/products or no 404 for an unknown path")
	}
	r.Worked = true

	seen := map[string]bool{} // One example of each kind will do.
	var leaky []string
	for _, mishap := range mishaps {
		a := c.do(ctx, mishap.request)
		found := leaksIn(string(a.body), c.base.Host)
		for _, leak := range found {
			if !seen[leak.kind] {
				seen[leak.kind] = true
				r.prove("%s, answered %d: %s: %s", mishap.name, a.status, leak.kind, leak.text)
			}
		}
		if len(found) > 0 {
			leaky = append(leaky, mishap.name)
		}
	}
	if len(leaky) > 0 {
		r.note("%d of %d requests leak: %s", len(leaky), len(mishaps), strings.Join(leaky, ", "))
	}
	return nil
}

// mishaps are requests that go wrong in different places of an app.
var mishaps = []struct {
	name    string
	request request
}{
	{"GET /api/data", get("/api/data")},
	{"unknown path", get("/no-such-page")},
	{"broken JSON", postJSON("/api/login", `{"email":}`)},
	{"JSON that ends early", postJSON("/api/login", `{"email":`)},
	{"JSON nested 60,000 deep", postJSON("/api/login", strings.Repeat(`{"a":`, 5_000)+strings.Repeat("[", 55_000))},
	{"JSON of 200 KB", postJSON("/api/login", `{"email":"`+strings.Repeat("a", 200_000)+`"}`)},
	{"JSON null", postJSON("/api/users", "null")},
	{"unknown charset", post("/api/login", "application/json; charset=x-unknown", []byte("{}"))},
	{"wrong gzip", request{method: "POST", target: "/api/login", contentType: "application/json",
		header: http.Header{"Content-Encoding": {"gzip"}}, body: []byte("not gzip")}},
	{"form with 1100 parameters", post("/api/login", "application/x-www-form-urlencoded", []byte(strings.Repeat("a=1&", 1100)))},
	{"form nested 40 deep", post("/api/login", "application/x-www-form-urlencoded", []byte("a"+strings.Repeat("[a]", 40)+"=1"))},
	{"wrong percent escape in the path", get("/uploads/%zz")},
	{"NUL in the path", get("/uploads/a%00b")},
	{"name of 300 letters in the path", get("/uploads/" + strings.Repeat("a", 300))},
	{"folder in place of an upload", get("/uploads/.")},
	{"unknown operator", postJSON("/api/login", `{"email":{"$unknown":1},"password":"x"}`)},
	{"operator in the query", get("/api/products?rating[unknown]=1")},
	{"wrong regular expression in the query", get("/api/products?q=(")},
	{"address that is taken", postJSON("/api/users", `{"name":"Alice","email":"alice@shop.example","password":"Quiet-1234567"}`)},
	{"multipart that ends early", post("/api/upload", "multipart/form-data; boundary=b", []byte("--b\r\nContent-Dis"))},
	{"multipart without boundary", post("/api/upload", "multipart/form-data", []byte("x"))},
	{"broken token", request{method: "GET", target: "/api/me", token: "a.b.c"}},
}

// Patterns for what only an app's insides can have written. A stack frame
// needs a source file and a line, so that prose does not match.
var leakPatterns = []struct {
	kind    string
	pattern *regexp.Regexp
}{
	{"stack frame", regexp.MustCompile(
		`[\w./\\@-]{1,300}\.(?:go|[cm]?js|[jt]sx?|py|rb|php|java|kt):\d+|\bnode:internal/[\w/]{1,300}:\d+|\bFile "[^"\n]{1,300}", line \d+`)},
	{"goroutine stack", regexp.MustCompile(`goroutine \d+ \[[a-z ,0-9]+\]:\n`)},
	{"internal address", regexp.MustCompile(
		`\b(?:(?:10|127)(?:\.\d{1,3}){3}|(?:192\.168|169\.254|172\.(?:1[6-9]|2\d|3[01]))(?:\.\d{1,3}){2}|localhost):\d{2,5}\b` +
			`|\[(?:::1|f[cd][0-9a-f:]{1,40}|fe80[0-9a-f:]{1,40})\]:\d{2,5}\b`)},
	{"file path", regexp.MustCompile(
		`\b(?:open|stat|lstat|unlink|mkdir|scandir|rename|access) (?:['"](?:/|[A-Za-z]:\\)[^\n'"]{1,400}['"]` +
			`|(?:/|[A-Za-z]:\\)[^\n]{1,400}: (?:no such file|permission denied|file name too long|invalid argument|is a directory|not a directory))`)},
	{"error of the database or its driver", regexp.MustCompile(
		`Mongo[A-Z]\w*Error|\bMongoError\b|E11000 duplicate key|\bCastError\b|\bBSONError\b|unknown (?:top level )?operator: \$|server selection error|write exception: |\((?:BadValue|DuplicateKey|NotImplemented|FailedToParse|Location\d+)\)|\bECONNREFUSED\b|connect: connection refused|SQLSTATE|\bSequelize\w+Error|\bQueryFailedError\b|\bPrismaClient\w+Error`)},
	{"connection string", regexp.MustCompile(`\b(?:mongodb(?:\+srv)?|postgres(?:ql)?|mysql|redis)://[^\s"'<]+`)},
}

type leak struct{ kind, text string }

// leaksIn returns what the patterns find in the body of an answer. The
// address of the server itself is no secret.
func leaksIn(body, host string) (found []leak) {
	// Express writes the stack as HTML, APIs as a JSON string.
	body = strings.NewReplacer("<br>", "\n", "&nbsp;", " ", `\n`, "\n", `\t`, "\t", `\"`, `"`, `\\`, `\`).Replace(body)
	body = strings.ReplaceAll(html.UnescapeString(body), host, "the server")
	for _, p := range leakPatterns {
		if match := p.pattern.FindString(body); match != "" {
			found = append(found, leak{p.kind, strings.TrimSpace(match)})
		}
	}
	return found
}

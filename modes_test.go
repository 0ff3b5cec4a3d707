// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package panoply_test

import (
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/panoply-security/panoply"
)

// refusals are requests that a suit in force refuses, each for another reason.
var refusals = []struct {
	name string
	make func() *http.Request
	rule string
}{
	{"operator-in-json", func() *http.Request { return postJSON("/x", `{"password":{"$ne":""}}`) }, "nosql/operator"},
	{"operator-in-form", func() *http.Request {
		return request("POST", "/x", "password[$ne]=", "Content-Type", "application/x-www-form-urlencoded")
	}, "nosql/operator"},
	{"operator-in-query", func() *http.Request { return request("GET", "/x?a[$gt]=1", "") }, "nosql/operator"},
	{"operator-in-cookie", func() *http.Request { return request("GET", "/x", "", "Cookie", `f=j:{"$ne":1}`) }, "nosql/operator"},
	{"operator-in-zipped-json", func() *http.Request {
		return request("POST", "/x", zipped(`{"a":{"$ne":""}}`), "Content-Type", "application/json", "Content-Encoding", "gzip")
	}, "nosql/operator"},
	{"operator-in-chunked-json", func() *http.Request { return chunked(postJSON("/x", `{"a":{"$ne":""}}`)) }, "nosql/operator"},
	{"operator-in-body-of-get", func() *http.Request {
		return request("GET", "/x", `{"a":{"$ne":""}}`, "Content-Type", "application/json")
	}, "nosql/operator"},
	{"operator-in-body-of-delete", func() *http.Request {
		return request("DELETE", "/x", `{"a":{"$ne":""}}`, "Content-Type", "application/json")
	}, "nosql/operator"},
	{"operator-in-text-that-looks-like-json", func() *http.Request { return request("POST", "/x", ` {"a":{"$ne":""}}`, "Content-Type", "text/plain") }, "nosql/operator"},
	{"operator-in-name-of-a-part", func() *http.Request { return form("/x", part{"user[$ne]", "", "", "x"}) }, "nosql/operator"},
	{"operator-in-name-of-a-file", func() *http.Request { return form("/x", part{"a[$ne]", "a.png", "image/png", "x"}) }, "nosql/operator"},
	{"prototype-key", func() *http.Request { return postJSON("/x", `{"__proto__":{"admin":true}}`) }, "validate/prototype-key"},
	{"malformed-json", func() *http.Request { return postJSON("/x", `{"a":1,`+strings.Repeat(" ", 5000)) }, "request/json"},
	{"duplicate-name", func() *http.Request { return postJSON("/x", `{"a":1,"a":2}`) }, "request/json"},
	{"unknown-charset", func() *http.Request {
		return request("POST", "/x", `{}`, "Content-Type", "application/json; charset=utf-16")
	}, "request/charset"},
	{"unknown-coding", func() *http.Request {
		return request("POST", "/x", `{}`, "Content-Type", "application/json", "Content-Encoding", "br")
	}, "request/content-coding"},
	{"broken-gzip", func() *http.Request {
		return request("POST", "/x", zipped(`{"a":1}`)[:20], "Content-Type", "application/json", "Content-Encoding", "gzip")
	}, "request/content-coding"},
	{"too-large", func() *http.Request { return postJSON("/x", `{"a":"`+strings.Repeat("x", 300<<10)+`"}`) }, "request/body-too-large"},
	{"too-large-and-chunked", func() *http.Request { return chunked(postJSON("/x", `{"a":"`+strings.Repeat("x", 300<<10)+`"}`)) }, "request/body-too-large"},
	{"too-large-and-zipped", func() *http.Request {
		return request("POST", "/x", zipped(`{"a":"`+strings.Repeat("x", 300<<10)+`"}`), "Content-Type", "application/json", "Content-Encoding", "gzip")
	}, "request/body-too-large"},
	{"opaque-and-too-large", func() *http.Request {
		return request("POST", "/x", strings.Repeat("x", 300<<10), "Content-Type", "application/octet-stream")
	}, "request/body-too-large"},
	{"executable", func() *http.Request { return form("/x", exe) }, "upload/dangerous"},
	{"file-too-large", func() *http.Request {
		return form("/x", part{"file", "a.png", "image/png", strings.Repeat("x", 6<<20)})
	}, "upload/too-large"},
	{"malformed-form", func() *http.Request {
		return request("POST", "/x", "--b\r\nContent-Disposition: form-data; name=a; name=b\r\n\r\nx\r\n--b--\r\n", "Content-Type", "multipart/form-data; boundary=b")
	}, "request/multipart-parameter"},
	{"form-without-end", func() *http.Request {
		return request("POST", "/x", "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nx", "Content-Type", "multipart/form-data; boundary=b")
	}, "request/multipart-end"},
	{"schema", func() *http.Request { return postJSON("/api/users", `{"name":"a","role":"admin"}`) }, "validate/schema"},
	{"form-where-json-is-declared", func() *http.Request {
		return request("POST", "/api/users", "name=a", "Content-Type", "application/x-www-form-urlencoded")
	}, "validate/content-type"},
	{"no-token", func() *http.Request { return request("GET", "/private", "") }, "token/missing"},
	{"dots-in-path", func() *http.Request { return request("GET", "/a/%2e%2e/x", "") }, "request/path"},
	{"method", func() *http.Request { return request("TRACE", "/x", "") }, "request/method"},
	{"another-method-in-a-header", func() *http.Request {
		return request("POST", "/api/users", `{"name":"a"}`, "Content-Type", "application/json", "X-HTTP-Method-Override", "PUT")
	}, "request/method"},
	{"another-method-in-the-query", func() *http.Request { return request("PUT", "/api/users?_method=post", "") }, "request/method"},
	{"repeated-header", func() *http.Request {
		return request("GET", "/x", "", "Authorization", "Basic eDp5", "Authorization", "Basic eDp6")
	}, "request/header"},
	{"connection-names-a-header", func() *http.Request { return request("GET", "/x", "", "Connection", "X-Api-Key", "X-Api-Key", "k") }, "request/header"},
	{"headers-too-large", func() *http.Request { return request("GET", "/x", "", "X-A", strings.Repeat("x", 20<<10)) }, "request/headers-too-large"},
}

const allSections = `
bodies: {routes: [{match: "POST /api/users", schema: {type: object, properties: {name: {type: string}}}}]}
tokens: [{match: /private, secret_env: TEST_SECRET}]
`

func secret(t *testing.T) {
	t.Setenv("TEST_SECRET", "kq83hdYw02mzPqX7vLr5tNbC1sJe9uGfA4iO6xZw")
}

func TestRefusals(t *testing.T) {
	secret(t)
	a := behind(t, allSections, nil)
	for _, c := range refusals {
		t.Run(c.name, func(t *testing.T) {
			rec, reached := a.send(c.make())
			if ruleOf(rec) != c.rule || rec.Code < 400 || rec.Code > 499 {
				t.Errorf("status %d by %q; want it refused by %s", rec.Code, ruleOf(rec), c.rule)
			}
			// A body that streams meets its bound in mid-handler, which is why
			// one that tells its length is refused before.
			if reached {
				t.Error("it reached the app")
			}
		})
	}
}

// An opaque body that does not tell its length streams, and is cut at its bound.
func TestStreamsAreCutAtTheirBound(t *testing.T) {
	var failed error
	var n int64
	s := quiet(t, panoply.Policy{})
	s.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		n, failed = io.Copy(io.Discard, r.Body)
	})).ServeHTTP(httptest.NewRecorder(), chunked(request("POST", "/x", strings.Repeat("x", 300<<10), "Content-Type", "application/octet-stream")))
	if failed == nil || n != 100<<10 {
		t.Errorf("%d bytes arrived, error %v", n, failed)
	}
}

// What report mode would refuse arrives as it was sent, to the byte, with its
// headers; the answer is the app's; the log tells. Off is the same, in silence.
func TestReportAndOffChangeNothing(t *testing.T) {
	secret(t)
	for _, mode := range []string{"report", "off"} {
		t.Run(mode, func(t *testing.T) {
			a := behind(t, "mode: "+mode+allSections, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("X-Powered-By", "Express")
				w.Header().Set("Set-Cookie", "sid=1")
				w.WriteHeader(500)
				io.WriteString(w, "Error: connect ECONNREFUSED 10.0.0.7:5432")
			})
			for _, c := range refusals {
				t.Run(c.name, func(t *testing.T) {
					a.log.Reset()
					want, _ := io.ReadAll(c.make().Body)
					r := c.make()
					header, length := r.Header.Clone(), r.ContentLength
					rec, reached := a.send(r)
					if !reached {
						t.Fatalf("refused by %s: %s", ruleOf(rec), rec.Body)
					}
					if a.body != string(want) {
						t.Errorf("%d bytes arrived of %d", len(a.body), len(want))
					}
					if a.request.ContentLength != length || !maps.EqualFunc(a.request.Header, header, equal) {
						t.Errorf("arrived with length %d and %v; sent %d and %v", a.request.ContentLength, a.request.Header, length, header)
					}
					if rec.Code != 500 || rec.Header().Get("X-Powered-By") == "" || rec.Header().Get("Set-Cookie") != "sid=1" ||
						!strings.Contains(rec.Body.String(), "ECONNREFUSED") || len(rec.Header()) != 3 {
						t.Errorf("the answer is %d %v %s", rec.Code, rec.Header(), rec.Body)
					}
					told := strings.Contains(a.log.String(), `"would block","rule":"`+c.rule+`"`)
					if told != (mode == "report") {
						t.Errorf("the log says:\n%s", a.log)
					}
				})
			}
		})
	}
}

// The same over a connection, whose body must not be read after it was closed.
func TestReportedBodiesArriveOverAConnection(t *testing.T) {
	a := behind(t, "mode: report", nil)
	server := httptest.NewServer(a.suit.Handler(a))
	defer server.Close()
	for _, text := range []string{`{"a":1,"a":2}`, `{"a":1}`, `{"a":{"$ne":1}}`, `{"a":"` + strings.Repeat("x", 1<<20) + `"}`} {
		res, err := http.Post(server.URL, "application/json", strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != 200 || a.body != text {
			t.Errorf("%.20s: status %d, %d bytes arrived of %d", text, res.StatusCode, len(a.body), len(text))
		}
	}
}

func equal(a, b []string) bool { return strings.Join(a, "\n") == strings.Join(b, "\n") }

// A section in force is not blinded by a milder mode around it.
func TestModesTogether(t *testing.T) {
	secret(t)
	big := func() *http.Request { return postJSON("/x", `{"a":"`+strings.Repeat("x", 300<<10)+`"}`) }
	duplicate := func() *http.Request { return postJSON("/x", `{"a":1,"a":{"$ne":1}}`) }
	cases := []struct {
		name, policy string
		make         func() *http.Request
		rule         string // empty: it passes whole
	}{
		{"bodies-off-lets-large-ones-pass", "bodies: off\nnosql: off", big, ""},
		{"bodies-reported-let-large-ones-pass", "bodies: report\nnosql: report", big, ""},
		{"but-not-past-the-nosql-guard", "bodies: off", big, "request/body-too-large"},
		{"nosql-in-force-reads-strictly-in-report", "mode: report\nnosql: enforce", duplicate, "request/json"},
		{"nosql-in-force-reads-strictly-in-off", "mode: off\nnosql: enforce", duplicate, "request/json"},
		{"nosql-in-force-reads-queries-strictly", "mode: report\nnosql: enforce", func() *http.Request { return request("GET", "/x?a=%zz", "") }, "request/query"},
		{"nosql-reported-still-reads-strictly", "nosql: report", duplicate, "request/json"},
		{"nosql-reported-reports-operators", "nosql: report", func() *http.Request { return postJSON("/x", `{"a":{"$ne":1}}`) }, ""},
		{"nosql-in-force-reads-forms-with-uploads-off", "uploads: off", func() *http.Request { return form("/x", part{"user[$ne]", "", "", "x"}) }, "nosql/operator"},
		{"nosql-in-force-reads-forms-with-uploads-reported", "uploads: report", func() *http.Request { return form("/x", part{"user[$ne]", "", "", "x"}) }, "nosql/operator"},
		{"nosql-in-force-counts-fields-with-uploads-off", "uploads: off\nnosql: {strings: [password]}",
			func() *http.Request { return form("/x", part{"password", "", "", "x"}, part{"password", "", "", "y"}) }, "nosql/type"},
		{"schemas-in-force-read-strictly-in-report", "mode: report\nbodies: {mode: enforce, routes: [{match: /x, schema: {type: object}}]}", duplicate, "request/json"},
		{"uploads-in-force-in-report", "mode: report\nuploads: enforce", func() *http.Request { return form("/x", exe) }, "upload/dangerous"},
		{"uploads-in-force-read-strictly-in-report", "mode: report\nuploads: enforce", func() *http.Request {
			return request("POST", "/x", "--b\r\n", "Content-Type", "multipart/form-data; boundary=b")
		}, "request/multipart-end"},
		{"uploads-in-force-leave-json-alone", "mode: report\nuploads: enforce", duplicate, ""},
		{"limits-in-force-read-paths-strictly", "mode: report\nrate_limits: enforce", func() *http.Request { return request("GET", "/a/%2e%2e/x", "") }, "request/path"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			a := behind(t, c.policy, nil)
			want, _ := io.ReadAll(c.make().Body)
			rec, reached := a.send(c.make())
			if c.rule == "" {
				passes(t, rec, reached)
				if a.body != string(want) {
					t.Errorf("%d bytes arrived of %d", len(a.body), len(want))
				}
				return
			}
			if reached || ruleOf(rec) != c.rule {
				t.Errorf("status %d by %q, reached %v; want it refused by %s", rec.Code, ruleOf(rec), reached, c.rule)
			}
		})
	}
}

// With uploads off, what is in a file is nobody's business.
func TestUploadsOffTakeAnyFile(t *testing.T) {
	a := behind(t, "uploads: off", nil)
	rec, reached := a.send(form("/x", exe, part{"b", "b.html", "text/html", script}))
	passes(t, rec, reached)
	if !strings.Contains(a.body, script) || !strings.Contains(a.body, "MZ\x90") {
		t.Error("the files did not arrive")
	}
	described := ""
	for _, l := range a.suit.Describe() {
		described += l.What + "\n"
	}
	if !strings.Contains(described, "though uploads are off") {
		t.Errorf("nobody is told that forms are still read:\n%s", described)
	}
}

// What compatible refuses cannot be ordinary use; the rest it reports.
func TestCompatibleReportsWhatMayBeOrdinary(t *testing.T) {
	text := func() *http.Request { return form("/x", part{"file", "a.txt", "text/plain", "hello"}) }
	two := func() *http.Request {
		return form("/x", part{"a", "a.txt", "text/plain", "hello"}, part{"b", "b.txt", "text/plain", "hello"})
	}
	a := behind(t, "profile: compatible", nil)
	for name, r := range map[string]*http.Request{"a-text-file": text(), "two-files": two()} {
		t.Run(name, func(t *testing.T) {
			a.log.Reset()
			rec, reached := a.send(r)
			passes(t, rec, reached)
			if !strings.Contains(a.log.String(), "would block") {
				t.Errorf("the log says:\n%s", a.log)
			}
		})
	}
	rec, reached := a.send(form("/x", exe))
	refusedBy(t, rec, reached, 415, "upload/dangerous")
	named := behind(t, "profile: compatible\nuploads: [{match: POST /x, types: [image/png]}]", nil)
	rec, reached = named.send(text())
	refusedBy(t, rec, reached, 415, "upload/type")
}

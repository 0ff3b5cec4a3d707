// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package panoply_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/panoply-security/panoply"
)

// declared is a policy in which everything about a route is declared.
const declared = `
bodies:
  mode: MODE
  routes:
    - match: POST /items/{id}
      unknown: UNKNOWN
      path: {properties: {id: {type: integer}}}
      query: {properties: {page: {type: integer, minimum: 1}}}
      headers: {required: [X-Tenant], properties: {X-Tenant: {type: string, maxLength: 3}}}
      cookies: {properties: {theme: {enum: [dark, light]}}}
      schema: {type: object, properties: {name: {type: string}}}
      form: {type: object, properties: {name: {type: string}, size: {type: integer}}}
      multipart: {type: object, required: [name], properties: {name: {type: string, maxLength: 5}}}
`

func declaredPolicy(mode, unknown string) string {
	return strings.NewReplacer("MODE", mode, "UNKNOWN", unknown).Replace(declared)
}

const urlencoded = "application/x-www-form-urlencoded"

// misfits are requests that do not fit, each for one reason.
var misfits = []struct {
	name, pointer string
	make          func() *http.Request
}{
	{"path", "#path/id", func() *http.Request { return request("POST", "/items/x", "", "X-Tenant", "a") }},
	{"query", "#query/page", func() *http.Request { return request("POST", "/items/1?page=0", "", "X-Tenant", "a") }},
	{"query-unknown", "#query/role", func() *http.Request { return request("POST", "/items/1?role=admin&page=1", "", "X-Tenant", "a") }},
	{"header", "#header/X-Tenant", func() *http.Request { return request("POST", "/items/1", "", "X-Tenant", "abcd") }},
	{"header-missing", "#header/X-Tenant", func() *http.Request { return request("POST", "/items/1", "") }},
	{"cookie", "#cookie/theme", func() *http.Request { return request("POST", "/items/1", "", "X-Tenant", "a", "Cookie", "theme=x") }},
	{"json", "/role", func() *http.Request { return jsonTo(`{"role":1}`) }},
	{"form", "/role", func() *http.Request {
		return request("POST", "/items/1", "name=a&role=admin", "X-Tenant", "a", "Content-Type", urlencoded)
	}},
	{"form-zipped", "/size", func() *http.Request {
		return request("POST", "/items/1", zipped("size=1.5"), "X-Tenant", "a", "Content-Type", urlencoded, "Content-Encoding", "gzip")
	}},
	{"form-chunked", "/size", func() *http.Request {
		return chunked(request("POST", "/items/1", "size=x", "X-Tenant", "a", "Content-Type", urlencoded))
	}},
	{"multipart", "/name", func() *http.Request { return multipartTo(part{"name", "", "", "too long"}) }},
	{"multipart-unknown", "/role", func() *http.Request {
		return multipartTo(part{"name", "", "", "a"}, part{"role", "", "", "admin"})
	}},
	{"multipart-missing", "/name", func() *http.Request { return multipartTo() }},
}

func jsonTo(body string) *http.Request {
	return request("POST", "/items/1", body, "X-Tenant", "a", "Content-Type", "application/json")
}

func multipartTo(parts ...part) *http.Request {
	r := form("/items/1", parts...)
	r.Header.Set("X-Tenant", "a")
	return r
}

func TestDeclaredRoutesInTheSuit(t *testing.T) {
	for _, others := range []string{"", "nosql: off\n", "uploads: off\n", "nosql: off\nuploads: off\n"} {
		a := behind(t, "upstream: http://127.0.0.1:1\n"+others+declaredPolicy("enforce", "reject"), nil)
		for _, m := range misfits {
			t.Run(strings.ReplaceAll(others, "\n", " ")+m.name, func(t *testing.T) {
				r := m.make()
				if r.ContentLength == 0 { // a body is required as well
					r = jsonBeside(r)
				}
				rec, reached := a.send(r)
				refusedBy(t, rec, reached, 400, "validate/schema")
				if want := `"pointer":"` + m.pointer + `"`; !strings.Contains(rec.Body.String(), want) {
					t.Errorf("got %s; want %s in it", rec.Body, want)
				}
			})
		}
		rec, reached := a.send(multipartTo(part{"name", "", "", "hat"}))
		passes(t, rec, reached)
		rec, reached = a.send(request("POST", "/items/1?page=2", "name=a&size=1", "X-Tenant", "a", "Content-Type", urlencoded))
		passes(t, rec, reached)
		if a.body != "name=a&size=1" || a.request.URL.RawQuery != "page=2" {
			t.Errorf("the app sees %q and %q", a.body, a.request.URL.RawQuery)
		}
	}
}

// A field of a declared form that comes as JSON would be an object to some apps.
func TestADeclaredFieldIsNoJSON(t *testing.T) {
	for _, others := range []string{"", "uploads: off\n", "profile: compatible\n", "nosql: off\nuploads: off\n"} {
		a := behind(t, others+declaredPolicy("enforce", "reject"), nil)
		if rec, reached := a.send(multipartTo(part{"name", "", "application/json", `{"x":1}`})); reached || rec.Code < 400 {
			t.Errorf("%q: status %d", others, rec.Code)
		}
		if rec, reached := a.send(multipartTo(part{"name", "", "text/plain", "a"})); !reached && others != "" {
			t.Errorf("%q: a text has status %d: %s", others, rec.Code, rec.Body)
		}
	}
}

// jsonBeside gives a request a body that fits.
func jsonBeside(r *http.Request) *http.Request {
	r.Body, r.ContentLength = io.NopCloser(strings.NewReader(`{"name":"a"}`)), 12
	r.Header.Set("Content-Type", "application/json")
	return r
}

// Report mode tells the same, and changes nothing: neither does strip.
func TestDeclaredRoutesAreReported(t *testing.T) {
	for _, unknown := range []string{"reject", "strip"} {
		a := behind(t, "upstream: http://127.0.0.1:1\nmode: report\n"+declaredPolicy("report", unknown), nil)
		for _, m := range misfits {
			t.Run(unknown+"-"+m.name, func(t *testing.T) {
				r := m.make()
				if r.ContentLength == 0 {
					r = jsonBeside(r)
				}
				query := r.URL.RawQuery
				body, _ := io.ReadAll(r.Body)
				r.Body = io.NopCloser(strings.NewReader(string(body)))
				a.log.Reset()
				rec, reached := a.send(r)
				passes(t, rec, reached)
				if a.body != string(body) || a.request.URL.RawQuery != query {
					t.Errorf("the app sees %q and %q; want %q and %q", a.body, a.request.URL.RawQuery, body, query)
				}
				stripped := unknown == "strip" && strings.HasSuffix(m.pointer, "/role") && m.name != "multipart-unknown"
				if told := strings.Contains(a.log.String(), "would block") && strings.Contains(a.log.String(), m.pointer); told == stripped {
					t.Errorf("logged: %s", a.log)
				}
			})
		}
	}
}

func TestDeclaredRoutesAreStripped(t *testing.T) {
	a := behind(t, "upstream: http://127.0.0.1:1\n"+declaredPolicy("enforce", "strip"), nil)
	r := request("POST", "/items/1?role=admin&page=1", "role=admin&name=%61&x[y]=1", "X-Tenant", "a", "Content-Type", urlencoded)
	rec, reached := a.send(r)
	passes(t, rec, reached)
	if a.body != "name=%61" || a.request.URL.RawQuery != "page=1" || a.request.ContentLength != 8 {
		t.Errorf("the app sees %q (%d bytes) and %q", a.body, a.request.ContentLength, a.request.URL.RawQuery)
	}
	// What another section refuses is refused before anything is taken out.
	rec, reached = a.send(request("POST", "/items/1?x[$ne]=1", "name=a", "X-Tenant", "a", "Content-Type", urlencoded))
	refusedBy(t, rec, reached, 400, "nosql/operator")
}

// A browser's preflight carries neither the headers nor the body that are
// declared, and is never refused for it.
func TestPreflightsNeedNothingDeclared(t *testing.T) {
	a := behind(t, "upstream: http://127.0.0.1:1\n"+declaredPolicy("enforce", "reject"), nil)
	rec, reached := a.send(request("OPTIONS", "/items/x?role=1", "", "Origin", "https://a.example", "Access-Control-Request-Method", "POST"))
	passes(t, rec, reached)
}

// The values of a request are not in the log, nor in the answer.
func TestNoValueIsEchoed(t *testing.T) {
	a := behind(t, "upstream: http://127.0.0.1:1\n"+declaredPolicy("enforce", "reject"), nil)
	rec, _ := a.send(request("POST", "/items/secret1?page=secret2", "size=secret4", "X-Tenant", "secret3",
		"Cookie", "theme=secret5", "Content-Type", urlencoded))
	if text := rec.Body.String() + strings.ReplaceAll(a.log.String(), `"path":"/items/secret1"`, ""); strings.Contains(text, "secret") {
		t.Errorf("it tells %s", text)
	}
}

func TestOpenAPINeedsTheGuard(t *testing.T) {
	_, err := panoply.New(parse(t, "bodies: {openapi: openapi.yaml}"))
	if err == nil || !strings.HasPrefix(err.Error(), "bodies.openapi: ") {
		t.Errorf("got %v", err)
	}
}

// A query that nobody can read, and that is let pass, takes nothing else out of force.
func TestAnUnreadableQueryLeavesTheRestDeclared(t *testing.T) {
	policy := "mode: report\n" + strings.Replace(declaredPolicy("enforce", "reject"), "      query: {properties: {page: {type: integer, minimum: 1}}}\n", "", 1)
	for target, want := range map[string]int{"/items/1?a=%zz": 200, "/items/x?a=%zz": 400} {
		rec, _ := behind(t, policy, nil).send(request("POST", target, `{"name":"a"}`, "X-Tenant", "a", "Content-Type", "application/json"))
		if rec.Code != want {
			t.Errorf("%s: status %d; want %d", target, rec.Code, want)
		}
	}
	rec, _ := behind(t, policy, nil).send(request("POST", "/items/1?a=%zz", `{"name":"a"}`, "Content-Type", "application/json"))
	if rec.Code != 400 {
		t.Errorf("without its header: status %d; want 400", rec.Code)
	}
}

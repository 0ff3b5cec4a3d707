// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package panoply_test

import (
	"net/http"
	"strings"
	"testing"
)

func preflight(target string, headers ...string) *http.Request {
	return request("OPTIONS", target, "", append([]string{"Origin", "https://front.example", "Access-Control-Request-Method", "POST"}, headers...)...)
}

// A browser's preflight is never blocked and never counted; what only looks like
// one is held to every rule.
func TestPreflights(t *testing.T) {
	secret(t)
	policy := `
rate_limits: {rules: [{name: all, match: /, limit: 1, window: 1h, count: all}]}
tokens:
  - {match: /private, secret_env: TEST_SECRET}
  - {match: /app/, reissue: {}}
nosql: {allow: [{match: "POST /odata", keys: [$set]}]}
`
	forged := "eyJhbGciOiJIUzI1NiJ9.eyJyb2xlIjoiYWRtaW4ifQ.c2lnbmF0dXJlLXNpZ25hdHVyZS1zaWduYXR1cmU"
	cases := []struct {
		name  string
		make  *http.Request
		rule  string // empty: it passes
		limit bool   // it counts
	}{
		{"plain", preflight("/x"), "", false},
		{"to-a-route-that-needs-a-token", preflight("/private"), "", false},
		{"to-a-route-with-reissue", preflight("/app/x"), "", false},
		{"with-names-that-its-method-may-use", preflight("/odata?$set=a"), "", false},
		{"with-names-that-its-method-may-not-use", request("OPTIONS", "/odata?$set=a", "", "Origin", "https://a.example", "Access-Control-Request-Method", "DELETE"), "nosql/operator", false},
		{"with-an-operator", preflight("/x?a[$ne]=1"), "nosql/operator", false},
		{"with-a-forged-token-in-a-header", preflight("/app/x", "X-Access-Token", forged), "token/not-reissued", false},
		{"with-a-forged-token-in-the-query", preflight("/app/x?token=" + forged), "token/not-reissued", false},
		{"with-a-body", func() *http.Request {
			r := request("OPTIONS", "/x", `{"a":{"$ne":1}}`, "Content-Type", "application/json", "Origin", "https://a.example", "Access-Control-Request-Method", "POST")
			return r
		}(), "nosql/operator", true},
		{"with-a-chunked-body", chunked(request("OPTIONS", "/x", `{"a":{"$ne":1}}`, "Content-Type", "application/json", "Origin", "https://a.example", "Access-Control-Request-Method", "POST")), "nosql/operator", true},
		{"with-a-body-to-a-route-that-needs-a-token", request("OPTIONS", "/private", `{}`, "Content-Type", "application/json", "Origin", "https://a.example", "Access-Control-Request-Method", "POST"), "token/missing", true},
		{"with-a-cookie-to-a-route-that-needs-a-token", preflight("/private", "Cookie", "a=b"), "token/missing", true},
		{"with-authorization-to-a-route-that-needs-a-token", preflight("/private", "Authorization", "Basic eDp5"), "token/invalid", true},
		{"with-another-method-in-a-header", preflight("/private", "X-HTTP-Method-Override", "DELETE"), "token/missing", true},
		{"with-another-method-in-the-query", preflight("/private?_method=DELETE"), "token/missing", true},
		{"with-a-parameter-of-another-name", preflight("/private?payment_method=DELETE"), "", false},
		{"options-that-is-none", request("OPTIONS", "/private", ""), "token/missing", true},
		{"options-for-the-server", func() *http.Request { r := request("OPTIONS", "/x", ""); r.RequestURI, r.URL.Path = "*", "*"; return r }(), "", true},
		{"dots", preflight("/a/%2e%2e/private"), "request/path", false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			a := behind(t, policy, nil)
			rec, reached := a.send(c.make)
			if c.rule == "" {
				passes(t, rec, reached)
			} else if reached || ruleOf(rec) != c.rule {
				t.Errorf("status %d by %q, reached %v; want it refused by %s", rec.Code, ruleOf(rec), reached, c.rule)
			}
			next, _ := a.send(request("GET", "/", ""))
			if counted := next.Code == http.StatusTooManyRequests; counted != c.limit {
				t.Errorf("it counts: %v", counted)
			}
		})
	}
}

const multipartMethod = "--b\r\nContent-Disposition: form-data; name=\"_method\"\r\n\r\nDELETE\r\n--b--\r\n"

// Whichever method the app goes by, no rule is dodged; where none differs, an
// override passes.
func TestMethodOverrides(t *testing.T) {
	policy := "rate_limits: {rules: [{name: delete, match: \"DELETE /items/{id}\", limit: 1, window: 1h, count: all}]}"
	cases := []struct {
		name    string
		make    *http.Request
		refused bool
	}{
		{"header-onto-a-rule", request("POST", "/items/1", "", "X-HTTP-Method-Override", "DELETE"), true},
		{"header-in-lower-case", request("POST", "/items/1", "", "X-HTTP-Method-Override", " delete"), true},
		{"second-of-a-list", request("POST", "/items/1", "", "X-HTTP-Method-Override", "PUT, DELETE"), true},
		{"microsoft-header", request("POST", "/items/1", "", "X-HTTP-Method", "DELETE"), true},
		{"ibm-header", request("POST", "/items/1", "", "X-Method-Override", "DELETE"), true},
		{"query-onto-a-rule", request("POST", "/items/1?_method=DELETE", ""), true},
		{"encoded-query", request("POST", "/items/1?_%6dethod=DELETE", ""), true},
		{"away-from-a-rule", request("DELETE", "/items/1", "", "X-HTTP-Method-Override", "PUT"), true},
		{"where-no-rule-differs", request("POST", "/items/1", "", "X-HTTP-Method-Override", "PUT"), false},
		{"the-same-method", request("DELETE", "/items/1", "", "X-HTTP-Method-Override", "DELETE"), false},
		{"form-field", request("POST", "/items/1", "a=1&_method=delete", "Content-Type", "application/x-www-form-urlencoded"), true},
		{"encoded-form-field", request("POST", "/items/1", "%5Fmethod=DELETE", "Content-Type", "application/x-www-form-urlencoded"), true},
		{"json-member", request("POST", "/items/1", `{"a":1,"_meth\u006fd":"DELETE"}`, "Content-Type", "application/json"), true},
		{"multipart-field", request("POST", "/items/1", multipartMethod, "Content-Type", "multipart/form-data; boundary=b"), true},
		{"json-list", request("POST", "/items/1", `{"_method":["DELETE"]}`, "Content-Type", "application/json"), true},
		{"json-lines", request("POST", "/items/1", "{\"_method\":\"PUT\"}\n{\"_method\":\"DELETE\"}", "Content-Type", "application/x-ndjson"), true},
		{"json-as-text", request("POST", "/items/1", `{"_method":"DELETE"}`, "Content-Type", "text/plain"), true},
		{"json-as-a-form", request("POST", "/items/1", `{"_method":"DELETE"}`, "Content-Type", "application/x-www-form-urlencoded"), true},
		{"list-of-a-form", request("POST", "/items/1", "_method[]=PUT&_method[]=DELETE", "Content-Type", "application/x-www-form-urlencoded"), true},
		{"list-of-a-multipart-form", request("POST", "/items/1", strings.Replace(multipartMethod, "_method", "_method[0]", 1), "Content-Type", "multipart/form-data; boundary=b"), true},
		{"list-of-a-query", request("POST", "/items/1?_method[]=DELETE", ""), true},
		{"brackets-of-a-query", request("POST", "/items/1?%5B_method%5D=DELETE", ""), true},
		{"space-before", request("POST", "/items/1", "a=1& _method=DELETE", "Content-Type", "application/x-www-form-urlencoded"), true},
		{"plus-before", request("POST", "/items/1", "+_method=DELETE", "Content-Type", "application/x-www-form-urlencoded"), true},
		{"dot-to-php", request("POST", "/items/1", ".method=DELETE", "Content-Type", "application/x-www-form-urlencoded"), true},
		{"space-to-php", request("POST", "/items/1", strings.Replace(multipartMethod, "_method", ".method", 1), "Content-Type", "multipart/form-data; boundary=b"), true},
		{"bracket-to-php", request("POST", "/items/1?[method=DELETE", ""), true},
		{"form-field-where-no-rule-differs", request("POST", "/items/1", "_method=PUT", "Content-Type", "application/x-www-form-urlencoded"), false},
		{"json-member-below", request("POST", "/items/1", `{"a":{"_method":"DELETE"}}`, "Content-Type", "application/json"), false},
		{"field-too-long-for-a-method", request("POST", "/items/1", "_method=DELETE"+strings.Repeat("x", 64), "Content-Type", "application/x-www-form-urlencoded"), false},
		{"json-value", request("POST", "/items/1", `{"a":"DELETE"}`, "Content-Type", "application/json"), false},
		{"a-parameter-of-another-name", request("POST", "/items/1?payment_method=DELETE", ""), false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			rec, reached := behind(t, policy, nil).send(c.make)
			if c.refused {
				refusedBy(t, rec, reached, 405, "request/method")
			} else {
				passes(t, rec, reached)
			}
		})
	}
}

// Where nothing else reads bodies, or only reports on them, another method is heard all
// the same on a path for which rules differ.
func TestAnotherMethodInABodyThatNobodyReads(t *testing.T) {
	const limit = "rate_limits: {mode: enforce, rules: [{match: 'DELETE /users/{id}', limit: 1, window: 1m}]}\n"
	const form = "application/x-www-form-urlencoded"
	for name, tt := range map[string]struct {
		policy, path, contentType, body string
		refused                         bool
	}{
		"form":      {"bodies: off\nnosql: off\nuploads: off\n", "/users/1", form, "_method=DELETE", true},
		"json":      {"bodies: off\nnosql: off\nuploads: off\n", "/users/1", "application/json", `{"_method":"DELETE"}`, true},
		"multipart": {"bodies: off\nnosql: off\nuploads: off\n", "/users/1", "multipart/form-data; boundary=b", multipartMethod, true},
		"unread":    {"bodies: off\nnosql: off\nuploads: off\n", "/users/1", "application/json", `{"a":`, false},
		"elsewhere": {"bodies: off\nnosql: off\nuploads: off\n", "/items/1", form, "_method=DELETE", false},
		"reported":  {"mode: report\n", "/users/1", "application/json", "\ufeff{\"_method\":\"DELETE\"}", true},
	} {
		t.Run(name, func(t *testing.T) {
			rec, reached := behind(t, limit+tt.policy, nil).send(request("POST", tt.path, tt.body, "Content-Type", tt.contentType))
			if reached == tt.refused {
				t.Errorf("status %d, reached %v", rec.Code, reached)
			}
		})
	}
}

// To what stands behind CGI a header with underscores is the one with dashes.
func TestAnotherMethodWithUnderscores(t *testing.T) {
	for _, name := range []string{"X_HTTP_METHOD_OVERRIDE", "x_http-method-override", "X-Method_Override"} {
		r := request("POST", "/items/1", "")
		r.Header[http.CanonicalHeaderKey(name)] = []string{"DELETE"}
		rec, reached := behind(t, "", nil).send(r)
		refusedBy(t, rec, reached, 400, "request/header")
	}
	r := request("POST", "/items/1", "")
	r.Header["X_other_method"] = []string{"DELETE"}
	rec, reached := behind(t, "", nil).send(r)
	passes(t, rec, reached)
}

// HEAD meets the rules of GET, as Express routes it.
func TestHeadMeetsTheRulesOfGet(t *testing.T) {
	secret(t)
	a := behind(t, "tokens: [{match: \"GET /private\", secret_env: TEST_SECRET}]", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusInternalServerError)
	})
	rec, reached := a.send(request("HEAD", "/private", ""))
	if reached || rec.Code != 401 || rec.Body.Len() > 0 {
		t.Errorf("status %d, reached %v, %d bytes of body", rec.Code, reached, rec.Body.Len())
	}
	rec, _ = a.send(request("HEAD", "/x", ""))
	if rec.Code != 500 || rec.Body.Len() > 0 || rec.Header().Get("Content-Length") == "0" || rec.Header().Get("X-Frame-Options") == "" {
		t.Errorf("status %d, %d bytes of body, %v", rec.Code, rec.Body.Len(), rec.Header())
	}
}

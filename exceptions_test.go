// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package panoply_test

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/panoply-security/panoply"
)

// beforeTheRoute are the refusals that are decided before a request's route is known, or are
// about whether it is what it seems.
var beforeTheRoute = []string{"dots-in-path", "method", "repeated-header", "connection-names-a-header", "headers-too-large",
	"another-method-in-a-header", "another-method-in-the-query"}

// An exception for every route does what the mode does for the whole policy.
func TestExceptionsChangeNothing(t *testing.T) {
	secret(t)
	for _, mode := range []string{"report", "off"} {
		t.Run(mode, func(t *testing.T) {
			a := behind(t, "exceptions: [{match: /, mode: "+mode+"}]"+allSections, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("X-Powered-By", "Express")
				w.Header().Set("Set-Cookie", "sid=1")
				w.WriteHeader(500)
				io.WriteString(w, "Error: connect ECONNREFUSED 10.0.0.7:5432")
			})
			for _, c := range refusals {
				t.Run(c.name, func(t *testing.T) {
					a.log.Reset()
					want, _ := io.ReadAll(c.make().Body)
					rec, reached := a.send(c.make())
					if slices.Contains(beforeTheRoute, c.name) {
						if reached || ruleOf(rec) != c.rule {
							t.Errorf("status %d by %q", rec.Code, ruleOf(rec))
						}
						return
					}
					if !reached {
						t.Fatalf("refused by %s: %s", ruleOf(rec), rec.Body)
					}
					if a.body != string(want) {
						t.Errorf("%d bytes arrived of %d", len(a.body), len(want))
					}
					if rec.Code != 500 || rec.Header().Get("X-Powered-By") == "" || rec.Header().Get("Set-Cookie") != "sid=1" ||
						!strings.Contains(rec.Body.String(), "ECONNREFUSED") || len(rec.Header()) != 3 {
						t.Errorf("the answer is %d %v %s", rec.Code, rec.Header(), rec.Body)
					}
					if told := strings.Contains(a.log.String(), `"would block","rule":"`+c.rule+`"`); told != (mode == "report") {
						t.Errorf("the log says:\n%s", a.log)
					}
				})
			}
		})
	}
}

func TestExceptionsHoldForTheirRoutesAndSections(t *testing.T) {
	a := behind(t, `
exceptions:
  - {match: POST /legacy/search, sections: [nosql]}
  - {match: /legacy/, sections: [headers, cookies], mode: "off"}
  - {match: /legacy/, sections: [headers]}
`, setCookie("sid=1; Path=/"))
	operator := func(path string) *http.Request { return postJSON(path, `{"a":{"$ne":""}}`) }
	for _, path := range []string{"/search", "/legacy/other", "/legacy/search/more"} {
		rec, reached := a.send(operator(path))
		refusedBy(t, rec, reached, 400, "nosql/operator")
	}
	// As Express matches.
	for _, path := range []string{"/legacy/search", "/LEGACY/Search/"} {
		rec, reached := a.send(operator(path))
		passes(t, rec, reached)
		if rec.Header().Get("Content-Security-Policy") != "" || rec.Header().Get("Set-Cookie") != "sid=1; Path=/" {
			t.Errorf("%s: %v", path, rec.Header())
		}
	}
	// What another section refuses is refused.
	rec, reached := a.send(postJSON("/legacy/search", `{"__proto__":1`))
	refusedBy(t, rec, reached, 400, "request/json")
	rec, reached = a.send(request("GET", "/", ""))
	passes(t, rec, reached)
	if rec.Header().Get("Content-Security-Policy") == "" || !strings.Contains(rec.Header().Get("Set-Cookie"), "HttpOnly") {
		t.Errorf("elsewhere: %v", rec.Header())
	}
}

// A WebSocket of another site's page is refused where other requests are only reported, and
// an exception for cookies is one for it too.
func TestExceptionsHoldForSockets(t *testing.T) {
	a := behind(t, "exceptions: [{match: /live, sections: [cookies]}, {match: /off, sections: [cookies], mode: \"off\"}, {match: /other, sections: [nosql]}]", nil)
	for path, refused := range map[string]bool{"/": true, "/other": true, "/live": false, "/off": false} {
		rec, reached := a.send(request("GET", path, "", "Upgrade", "websocket", "Origin", "https://evil.example", "Cookie", "sid=1"))
		if reached == refused || refused && ruleOf(rec) != "session/cross-origin" {
			t.Errorf("%s: status %d by %q, reached %v", path, rec.Code, ruleOf(rec), reached)
		}
	}
}

// Another method that a body names has no exceptions: what holds for that method holds.
func TestExceptionsOpenNoOtherMethod(t *testing.T) {
	const json, plain, parts = "application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=b"
	for _, mode := range []string{"report", "off"} {
		a := behind(t, "exceptions: [{match: POST /items, mode: "+mode+"}]", nil)
		for name, c := range map[string]struct {
			kind, body string
			refused    bool
		}{
			"form":             {plain, "a=1&_method=DELETE", true},
			"json":             {json, `{"_method":"DELETE"}`, true},
			"multipart":        {parts, multipartMethod, true},
			"json-unreadable":  {json, `{"_method":"DELETE","a":1,"a":2}`, true},
			"multipart-no-end": {parts, strings.TrimSuffix(multipartMethod, "--b--\r\n") + "--b\r\nContent-Disposition: form-data; name=a\r\n\r\nx", true},
			"own-method":       {plain, "_method=POST", false},
			"none":             {json, `{"a":{"$ne":1},"a":2}`, false},
			"too-large":        {json, `{"a":"` + strings.Repeat("x", 200<<10) + `"}`, false},
		} {
			t.Run(mode+"/"+name, func(t *testing.T) {
				rec, reached := a.send(request("POST", "/items", c.body, "Content-Type", c.kind))
				if reached == c.refused || c.refused && ruleOf(rec) != "request/method" || !c.refused && a.body != c.body {
					t.Errorf("status %d by %q, reached %v", rec.Code, ruleOf(rec), reached)
				}
			})
		}
	}
}

// A path that Express reads as another route than other routers is excepted only where both
// are.
func TestExceptionsHoldInEveryReading(t *testing.T) {
	secret(t)
	a := behind(t, `
exceptions: [{match: /legacy/, mode: "off"}, {match: "/old/{name}"}]
tokens: [{match: /api/, except: [/api/public/, "/api/by/{id}"], secret_env: TEST_SECRET}]
nosql: {allow: [{match: /data/, keys: [$ne]}]}
`, nil)
	for path, rule := range map[string]string{
		"/legacy%2Fx?a[$ne]=1":    "nosql/operator", // to Express /{name}
		"/legacy/x%2Fy?a[$ne]=1":  "",
		"/old/x?a[$ne]=1":         "",
		"/old/x%2fy?a[$ne]=1":     "nosql/operator", // to others /old/x/y
		"/data/x?a[$ne]=1":        "",
		"/data/x%2Fy?a[$ne]=1":    "",
		"/data%2Fx?a[$ne]=1":      "nosql/operator",
		"/api/public/x":           "",
		"/api/public/x%2Fy":       "",
		"/api/public%2Fx":         "token/missing", // to Express /api/{name}
		"/api/by/1":               "",
		"/api/by/1%2fadmin":       "token/missing",
		"/api/by/1?next=%2fadmin": "",
	} {
		rec, reached := a.send(request("GET", path, ""))
		if reached != (rule == "") || ruleOf(rec) != rule {
			t.Errorf("%s: status %d by %q, reached %v; want %q", path, rec.Code, ruleOf(rec), reached, rule)
		}
	}
}

// A cookie that one route gives out comes back on all.
func TestExceptionsLeaveCookiesEncrypted(t *testing.T) {
	secret(t)
	a := behind(t, "cookies: {encrypt: {key_env: TEST_SECRET}}\nexceptions: [{match: /legacy, mode: \"off\"}]", setCookie("connect.sid=s%3Aadmin.c2ln"))
	rec, _ := a.send(request("GET", "/legacy", ""))
	pair, _, _ := strings.Cut(rec.Header().Get("Set-Cookie"), ";")
	if pair == "" || strings.Contains(pair, "admin") {
		t.Fatalf("it leaves as %q", pair)
	}
	for _, path := range []string{"/legacy", "/"} {
		a.send(request("GET", path, "", "Cookie", pair))
		if got := a.request.Header.Get("Cookie"); got != "connect.sid=s%3Aadmin.c2ln" {
			t.Errorf("%s sees %q", path, got)
		}
	}
}

func TestExceptionsAreChecked(t *testing.T) {
	_, err := panoply.New(panoply.Policy{Exceptions: []panoply.Exception{
		{Match: "POST legacy"}, {Match: "/a", Mode: "enforce"}, {Match: "/a", Sections: []string{"nosql", "body"}}}})
	for _, want := range []string{"exceptions[0].match", "exceptions[1].mode", "exceptions[2].sections[1]"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s is missing in %v", want, err)
		}
	}
	a := behind(t, "exceptions: [{match: /a, sections: [nosql, bodies]}, {match: /b, mode: \"off\"}]", nil)
	all := strings.Join(a.suit.Warnings(), "\n")
	for _, want := range []string{"exceptions[0]: /a: nosql, bodies is mode report", "exceptions[1]: /b: everything is mode off"} {
		if !strings.Contains(all, want) {
			t.Errorf("%q is missing in %s", want, all)
		}
	}
}

// A token that one route gives out comes back on all.
func TestExceptionsLeaveTokensReissued(t *testing.T) {
	secret(t)
	const own = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ1In0.c2lnbmF0dXJlLXRoYXQtbm9ib2R5LWNoZWNrcw"
	a := behind(t, "tokens: [{match: /, reissue: {key_env: TEST_SECRET}}]\nexceptions: [{match: /legacy, mode: \"off\"}]", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, `{"token":"`+own+`"}`)
	})
	for _, path := range []string{"/", "/legacy"} {
		rec, _ := a.send(request("POST", path, ""))
		if rec.Code != 200 || strings.Contains(rec.Body.String(), own) {
			t.Errorf("%s: %d %s", path, rec.Code, rec.Body)
		}
		rec, reached := a.send(request("GET", path, "", "Authorization", "Bearer "+own))
		if reached {
			t.Errorf("%s lets the app's own token in: %d", path, rec.Code)
		}
	}
}

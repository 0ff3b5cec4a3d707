// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/panoply-security/panoply/demo/shop"
	"github.com/panoply-security/panoply/headers"
)

// TestStrictScores has the Observatory grade, over TLS, what leaves a guard with
// the committed policy in front of each app: pages, refusals of the app and of
// the guard, errors, the answer that signs somebody in. Each is an A+ with every
// bonus that Helmet's default set can earn, and the CSP Evaluator finds nothing
// HIGH and no wrong SYNTAX. docs/decisions/0034 says which bonuses it cannot.
func TestStrictScores(t *testing.T) {
	installGraders(t) // before anything is started for them
	demo := profile{"strict", "../demo/policy/policy.yaml"}
	for _, app := range append([]string{"demo"}, apps...) {
		t.Run(app, func(t *testing.T) {
			var g guard
			if app == "demo" {
				url, _ := startShop(t)
				g = startGuard(t, url, demo)
			} else {
				g = startGuard(t, startApp(t, app), strict)
			}
			all := grade(t, g.answers(t)...)
			for i, a := range strictAnswers {
				t.Run(a.name, func(t *testing.T) { a.check(t, app, all[i]) })
			}
		})
	}
}

// strictAnswer is an answer of a shop behind a guard with profile strict.
type strictAnswer struct {
	name, method, path, body string
	accept                   string
	token                    bool // the request carries the customer's
	times                    int  // how often it is sent; the last answer counts
	status                   int
	html                     string // the result about its scripts; empty if it is no page
	expressPage              bool   // Express makes it by itself
	guards                   bool   // the guard answers, not the app
	session                  bool   // the demo's app sets its cookie; the Express apps always do
}

// shown reports whether the graders, who only send GET, are shown the answer.
func (a strictAnswer) shown() bool { return a.method != "GET" || a.token }

const (
	noScripts  = "sri-not-implemented-but-no-scripts-loaded +0"
	ownScripts = "sri-not-implemented-but-all-scripts-loaded-from-secure-origin +0"

	login    = `{"email":"` + shop.AliceEmail + `","password":"` + shop.AlicePassword + `"}`
	operator = `{"email":{"$ne":null},"password":{"$ne":null}}`
	wrong    = `{"email":"` + shop.AliceEmail + `","password":"wrong"}`
)

// strictAnswers begins with those that the graders fetch by themselves.
var strictAnswers = []strictAnswer{
	{name: "page", method: "GET", path: "/", status: 200, html: ownScripts, session: true},
	{name: "data", method: "GET", path: "/api/products", status: 200},
	{name: "unauthorized", method: "GET", path: "/api/me", status: 401},
	{name: "not-found", method: "GET", path: "/nope", status: 404, html: noScripts, expressPage: true},
	{name: "error-scrubbed", method: "GET", path: "/api/data", status: 500, html: noScripts, expressPage: true},
	{name: "signed-in", method: "POST", path: "/api/login", body: login, status: 200, session: true},
	{name: "forbidden", method: "GET", path: "/api/admin/users", token: true, status: 403},
	{name: "refused", method: "POST", path: "/api/login", body: operator, status: 400, guards: true},
	{name: "refused-page", method: "POST", path: "/api/login", body: operator, accept: "text/html", status: 400, html: noScripts, guards: true},
	{name: "method", method: "TRACE", path: "/", status: 405, guards: true},
	{name: "limited", method: "POST", path: "/api/login", body: wrong, times: 6, status: 429, guards: true},
	{name: "limited-page", method: "POST", path: "/api/login", body: wrong, accept: "text/html", status: 429, html: noScripts, guards: true},
}

// answers are the graders' targets for strictAnswers, the later ones with what
// the guard answered just now.
func (g guard) answers(t *testing.T) []target {
	t.Helper()
	var targets []target
	var captured []recorded
	var token struct{ Token string }
	for _, a := range strictAnswers {
		if !a.shown() {
			targets = append(targets, page(t, g.url, a.path))
			continue
		}
		var got reply
		for range max(a.times, 1) {
			req, err := http.NewRequestWithContext(t.Context(), a.method, g.url+a.path, strings.NewReader(a.body))
			if err != nil {
				t.Fatal(err)
			}
			if a.body != "" {
				req.Header.Set("Content-Type", "application/json")
			}
			if a.accept != "" {
				req.Header.Set("Accept", a.accept)
			}
			if a.token {
				req.Header.Set("Authorization", "Bearer "+token.Token)
			}
			if got, err = send(g.client, req); err != nil {
				t.Fatal(err)
			}
		}
		if a.body == login {
			if err := json.Unmarshal([]byte(got.body), &token); err != nil || token.Token == "" {
				t.Fatalf("no token in %s", got.body)
			}
		}
		captured = append(captured, recorded{status: got.status, header: got.header, body: got.body})
	}
	for _, shown := range replay(t, captured) {
		shown.HTTP = noPort // as at the guard
		targets = append(targets, shown)
	}
	return targets
}

// strictPoints are what Helmet's default set earns over TLS: 130 without a
// cookie. Beside each bonus that is left out stands why.
func strictPoints() map[string]string {
	return map[string]string{
		// +5 without 'unsafe-inline' in style-src, +10 with default-src 'none':
		// Helmet's policy has neither, nor has the article's.
		"content-security-policy": "csp-implemented-with-unsafe-inline-in-style-src-only +0",
		// +5 where cookies are set.
		"cookies": "cookies-not-found +0",
		// +10 when sent; off as in Helmet, since it breaks what pages embed.
		"cross-origin-embedder-policy":  "coep-not-implemented +0",
		"cross-origin-opener-policy":    "coop-implemented-with-same-origin +10",
		"cross-origin-resource-policy":  "corp-implemented-with-same-origin +10",
		"cross-origin-resource-sharing": "cross-origin-resource-sharing-not-implemented +0",
		"redirection":                   "redirection-not-needed-no-http +0",
		"referrer-policy":               "referrer-policy-private +5",
		// +5 for a name on the browsers' preload list, whatever the header says.
		"strict-transport-security": "hsts-implemented-max-age-at-least-six-months +0",
		// +5 for integrity attributes, which only the app can write.
		"subresource-integrity":  "sri-not-implemented-response-not-html +0",
		"x-content-type-options": "x-content-type-options-nosniff +0",
		"x-frame-options":        "x-frame-options-implemented-via-csp +5",
	}
}

// check wants every point that Helmet's default set can earn, and no more.
func (a strictAnswer) check(t *testing.T, app string, got graded) {
	t.Helper()
	want, score := strictPoints(), 130
	if a.html != "" {
		want["subresource-integrity"] = a.html
	}
	if !a.guards && (a.session || app != "demo") {
		want["cookies"] = "cookies-secure-with-httponly-sessions-and-samesite +5"
		score += 5
	}
	if app != "demo" && a.expressPage {
		// Express gives its own pages a policy, and what the app sends stays.
		want["content-security-policy"] = "csp-implemented-with-no-unsafe-default-src-none +10"
		want["x-frame-options"] = "x-frame-options-sameorigin-or-deny +5"
		score += 10
	}
	if app != "demo" && strings.HasPrefix(a.path, "/api/") && !a.shown() {
		// The shop answers preflights itself, and names its partner alone.
		want["cross-origin-resource-sharing"] = "cross-origin-resource-sharing-implemented-with-restricted-access +0"
	}
	got.compare(t, a.status, score, "A+", want)
	if bad := got.found("HIGH", "SYNTAX"); len(bad) > 0 || got.Policy == "" {
		t.Errorf("the CSP Evaluator says %q of %q", bad, got.Policy)
	}
}

// compare reports where the Observatory found something else.
func (g graded) compare(t *testing.T, status, score int, letter string, points map[string]string) {
	t.Helper()
	if g.Status != status || g.Score != score || g.Grade != letter {
		t.Errorf("status %d, %d %s; want %d, %d %s", g.Status, g.Score, g.Grade, status, score, letter)
	}
	got := g.results()
	for _, test := range slices.Sorted(maps.Keys(points)) {
		if got[test] != points[test] {
			t.Errorf("%s: %s; want %s", test, got[test], points[test])
		}
	}
	if len(got) != len(points) {
		t.Errorf("%d tests; want %d", len(got), len(points))
	}
}

// TestScoresOfPolicies tells what else policies are worth in front of one page,
// so that a change is seen: what differs from the points of strictPoints.
func TestScoresOfPolicies(t *testing.T) {
	installGraders(t)
	app := func(cookie string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			if cookie != "" {
				w.Header().Set("Set-Cookie", cookie)
			}
			_, _ = w.Write([]byte(`<!doctype html><title>A page</title><script src="/app.js"></script>`))
		}
	}
	upstream := httptest.NewServer(app("sessionid=1; Path=/"))
	t.Cleanup(upstream.Close)
	library, err := headers.New(headers.Config{})
	if err != nil {
		t.Fatal(err)
	}

	const (
		toSelf   = "MEDIUM_MAYBE SCRIPT_ALLOWLIST_BYPASS script-src 'self'"
		hardened = "cookies-secure-with-httponly-sessions-and-samesite +5"
	)
	for _, c := range []struct {
		name     string
		policy   string       // of a guard
		server   http.Handler // or this instead
		score    int
		grade    string
		differs  map[string]string
		findings []string
	}{
		{
			name: "nothing", server: app(""), score: 30, grade: "D",
			differs: map[string]string{
				"content-security-policy":      "csp-not-implemented -25",
				"cross-origin-opener-policy":   "coop-not-implemented +0",
				"cross-origin-resource-policy": "corp-not-implemented +0",
				"referrer-policy":              "referrer-policy-not-implemented +0",
				"strict-transport-security":    "hsts-not-implemented -20",
				"x-content-type-options":       "x-content-type-options-not-implemented -5",
				"x-frame-options":              "x-frame-options-not-implemented -20",
			},
			findings: []string{"HIGH MISSING_DIRECTIVES object-src", "HIGH MISSING_DIRECTIVES script-src"},
		},
		// Helmet's default set, as the zero value of package headers sends it.
		{name: "headers-package", server: library.Handler(app("")), score: 130, grade: "A+", findings: []string{toSelf}},
		{
			name: "strict", policy: "profile: strict", score: 135, grade: "A+",
			differs: map[string]string{"cookies": hardened}, findings: []string{toSelf},
		},
		// What might break an app that nobody has looked at only reports, or is
		// not sent: the policy for scripts costs 20 points, and without it no
		// bonus counts.
		{
			name: "compatible", policy: "profile: compatible", score: 80, grade: "B+",
			differs: map[string]string{
				"content-security-policy":      "csp-implemented-with-unsafe-inline -20",
				"cookies":                      hardened,
				"cross-origin-opener-policy":   "coop-not-implemented +0",
				"cross-origin-resource-policy": "corp-not-implemented +0",
			},
			findings: []string{"HIGH MISSING_DIRECTIVES script-src"},
		},
		// A page's inline scripts and styles by nonce: both graders' best case.
		{
			name: "nonces", score: 140, grade: "A+",
			policy: `
headers:
  content_security_policy:
    directives: {script-src: ["'strict-dynamic'"], style-src: ["'self'"]}
    nonces: [script-src, style-src]`,
			differs: map[string]string{"cookies": hardened, "content-security-policy": "csp-implemented-with-no-unsafe +5"},
		},
		// Every bonus that headers can earn; decision 34 has this policy.
		{
			name: "every-bonus", score: 155, grade: "A+",
			policy: `
headers:
  content_security_policy:
    directives: {default-src: ["'none'"], connect-src: ["'self'"], font-src: ["'self'"], img-src: ["'self'"], style-src: ["'self'"]}
  cross_origin_embedder_policy: on`,
			differs: map[string]string{
				"content-security-policy":      "csp-implemented-with-no-unsafe-default-src-none +10",
				"cookies":                      hardened,
				"cross-origin-embedder-policy": "coep-implemented-with-require-corp +10",
			},
			findings: []string{toSelf},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			var at target
			if c.server != nil {
				server := httptest.NewTLSServer(c.server)
				t.Cleanup(server.Close)
				at = page(t, server.URL, "/")
			} else {
				file := filepath.Join(t.TempDir(), "policy.yaml")
				if err := os.WriteFile(file, []byte(c.policy+"\ntrusted_proxies: []\n"), 0o600); err != nil {
					t.Fatal(err)
				}
				at = page(t, startGuard(t, upstream.URL, profile{c.name, file}).url, "/")
			}
			got := grade(t, at)[0]
			sameGrade(t, at, got)
			want := strictPoints()
			want["subresource-integrity"] = ownScripts
			maps.Copy(want, c.differs)
			got.compare(t, 200, c.score, c.grade, want)
			if found := got.found(); !slices.Equal(found, c.findings) {
				t.Errorf("the CSP Evaluator says %q of %q; want %q", found, got.Policy, c.findings)
			}
		})
	}
}

// TestGraderIsAlgorithmSix holds the Observatory as it is run here, the version
// on npm with what algorithm 6 changed, against answers and grades recorded of
// 1.6.3.
func TestGraderIsAlgorithmSix(t *testing.T) {
	data, err := os.ReadFile("../../shared/vectors/observatory.json")
	if err != nil {
		t.Skipf("CONFORMANCE DATA ABSENT, NOTHING HELD AGAINST IT: %v", err)
	}
	var file struct {
		Recorded []struct {
			ID    string
			Input struct {
				Headers map[string]headerValues
				Cookies []string
				HTML    string
				Status  int
				Type    string `json:"contentType"`
				CORS    *struct {
					Origin      *string `json:"acao"`
					Reflect     bool
					Credentials bool `json:"acac"`
				}
			}
			Error   string // when it refuses to grade the status
			Score   int
			Grade   string
			Results map[string]struct {
				Result   string
				Modifier int
				Pass     bool
			}
		}
	}
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	var answers []recorded
	for _, c := range file.Recorded {
		answer := recorded{status: c.Input.Status, body: c.Input.HTML, header: http.Header{"Content-Type": {c.Input.Type}, "Set-Cookie": c.Input.Cookies}}
		for name, values := range c.Input.Headers {
			answer.header[http.CanonicalHeaderKey(name)] = values
		}
		if cors := c.Input.CORS; cors != nil {
			answer.preflight = func(origin string) http.Header {
				header := http.Header{"Access-Control-Allow-Credentials": {"true"}}
				if !cors.Reflect {
					origin = *cors.Origin
				}
				header.Set("Access-Control-Allow-Origin", origin)
				return header
			}
		}
		answers = append(answers, answer)
	}
	// The older version makes less of two policies in two headers.
	known := map[string]string{"h0264": "content-security-policy"}
	compared := 0
	for i, got := range grade(t, replay(t, answers)...) {
		want := file.Recorded[i]
		if want.Error != "" {
			continue // it is graded here nevertheless
		}
		compared++
		if got.Score != want.Score || got.Grade != want.Grade {
			t.Errorf("%s: %d %s; want %d %s", want.ID, got.Score, got.Grade, want.Score, want.Grade)
		}
		if len(got.Tests) != len(want.Results) {
			t.Errorf("%s: %d tests; want %d", want.ID, len(got.Tests), len(want.Results))
		}
		for name, result := range want.Results {
			if got.Tests[name] != result && known[want.ID] != name {
				t.Errorf("%s: %s: %+v; want %+v", want.ID, name, got.Tests[name], result)
			}
		}
	}
	if compared < 182 {
		t.Errorf("only %d answers were compared", compared)
	}
}

// headerValues are one value or several.
type headerValues []string

func (v *headerValues) UnmarshalJSON(b []byte) error {
	var one string
	if json.Unmarshal(b, &one) == nil {
		*v = headerValues{one}
		return nil
	}
	return json.Unmarshal(b, (*[]string)(v))
}

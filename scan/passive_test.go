// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package scan_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"github.com/panoply-security/panoply/finding"
	"github.com/panoply-security/panoply/rule"
	"github.com/panoply-security/panoply/scan"
)

const page = `<!doctype html><title>A page</title><script src="/app.js"></script>`

// good are headers that leave nothing to find.
var good = []string{
	"Content-Security-Policy", "default-src 'self'; object-src 'none'; base-uri 'self'; frame-ancestors 'self'",
	"X-Content-Type-Options", "nosniff", "Strict-Transport-Security", "max-age=31536000; includeSubDomains",
	"Referrer-Policy", "no-referrer", "Cross-Origin-Opener-Policy", "same-origin",
}

// with is good with some headers changed, or left out if empty.
func with(changes ...string) []string {
	change := map[string]string{}
	for i := 0; i+1 < len(changes); i += 2 {
		change[changes[i]] = changes[i+1]
	}
	var out []string
	for i := 0; i+1 < len(good); i += 2 {
		value, changed := change[good[i]]
		if !changed {
			value = good[i+1]
		}
		if value != "" {
			out = append(out, good[i], value)
		}
		delete(change, good[i])
	}
	for name, value := range change {
		out = append(out, name, value)
	}
	return out
}

func signedID(id, secret string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(id))
	return url.QueryEscape("s:" + id + "." + base64.RawStdEncoding.EncodeToString(mac.Sum(nil)))
}

func signedToken(secret string, claims jwt.MapClaims) string {
	text, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString([]byte(secret))
	if err != nil {
		panic(err)
	}
	return text
}

func TestPassiveFindings(t *testing.T) {
	const random = "m3Rk0wz6tYq9Lr1nVb5cXd8s-random-session"
	html := "text/html; charset=utf-8"
	for _, tt := range []struct {
		name    string
		plain   bool // over plain HTTP
		status  int
		kind    string
		body    string
		headers []string
		want    map[rule.ID]rule.Severity
	}{
		{name: "good", headers: good},
		{name: "bare", headers: nil, want: map[rule.ID]rule.Severity{rule.HeadersNone: rule.Medium}},
		{name: "bare-json", kind: "application/json", body: "{}", want: map[rule.ID]rule.Severity{rule.HeadersNone: rule.Low}},
		{name: "json-needs-no-policy", kind: "application/json", body: "{}", headers: with("Content-Security-Policy", "")},
		{name: "no-policy", headers: with("Content-Security-Policy", ""), want: map[rule.ID]rule.Severity{rule.HeadersCSPMissing: rule.Medium, rule.HeadersFraming: rule.Medium}},
		{name: "policy-only-reports", headers: with("Content-Security-Policy", "", "Content-Security-Policy-Report-Only", "default-src 'self'", "X-Frame-Options", "DENY"),
			want: map[rule.ID]rule.Severity{rule.HeadersCSPMissing: rule.Medium}},
		{name: "policy-in-page", body: `<meta http-equiv="Content-Security-Policy" content="default-src 'self'; object-src 'none'">`,
			headers: with("Content-Security-Policy", "", "X-Frame-Options", "SAMEORIGIN")},
		{name: "inline-scripts", headers: with("Content-Security-Policy", "default-src 'self' 'unsafe-inline'; frame-ancestors 'none'"),
			want: map[rule.ID]rule.Severity{rule.HeadersCSPWeak: rule.Medium}},
		{name: "misspelt-policy", headers: with("Content-Security-Policy", "default-src self; frame-ancestors 'none'"),
			want: map[rule.ID]rule.Severity{rule.HeadersCSPWeak: rule.Low}},
		{name: "same-nonce", headers: with("Content-Security-Policy", "script-src 'nonce-c2FtZS1ub25jZQ=='; object-src 'none'; base-uri 'none'; frame-ancestors 'none'"),
			want: map[rule.ID]rule.Severity{rule.HeadersCSPWeak: rule.Medium}},
		{name: "two-policies-hold-at-once", headers: append(with("Content-Security-Policy", "default-src *"), "Content-Security-Policy", "default-src 'self'; frame-ancestors 'self'")},
		{name: "framed-by-all", headers: with("Content-Security-Policy", "default-src 'self'; frame-ancestors *"), want: map[rule.ID]rule.Severity{rule.HeadersFraming: rule.Medium}},
		{name: "sniffed", headers: with("X-Content-Type-Options", "sniff"), want: map[rule.ID]rule.Severity{rule.HeadersNoSniff: rule.Low}},
		{name: "referrer", headers: with("Referrer-Policy", "no-referrer, unsafe-url"), want: map[rule.ID]rule.Severity{rule.HeadersReferrer: rule.Low}},
		{name: "no-referrer-policy", headers: with("Referrer-Policy", "")},
		{name: "products", headers: with("X-Powered-By", "Express", "Server", "nginx/1.18.0 (Ubuntu)"),
			want: map[rule.ID]rule.Severity{rule.HeadersPoweredBy: rule.Low, rule.HeadersServer: rule.Low}},
		{name: "server-without-version", headers: with("Server", "nginx")},
		{name: "mixed", body: page + `<script src="http://cdn.example/x.js" integrity="sha384-x"></script><img src="http://127.0.0.1/x.png">`, headers: good,
			want: map[rule.ID]rule.Severity{rule.HeadersMixedContent: rule.Medium}},
		{name: "foreign-script", body: `<script src="https://cdn.example/x.js"></script><link rel="stylesheet" href="https://cdn.example/x.css">`, headers: good,
			want: map[rule.ID]rule.Severity{rule.HeadersIntegrity: rule.Low}},
		{name: "foreign-script-with-integrity", body: `<script src="https://cdn.example/x.js" integrity="sha384-x"></script>`, headers: good},
		{name: "cookie", headers: with("Set-Cookie", "connect.sid="+signedID(random, "aUpZmZ0s3Tn9xkV1o8R4yLqC2eWbHd7J")+"; Path=/"),
			want: map[rule.ID]rule.Severity{rule.SessionCookieSecure: rule.High, rule.SessionCookieHTTPOnly: rule.Medium, rule.SessionCookieSameSite: rule.Medium}},
		{name: "cookie-over-plain-http", plain: true, headers: with("Set-Cookie", "connect.sid=x; HttpOnly; SameSite=Lax", "Strict-Transport-Security", "")},
		{name: "other-cookies", headers: with("Set-Cookie", "theme=dark; Path=/; Max-Age=31536000")},
		{name: "balancer", headers: with("Set-Cookie", "AWSALB=x; Path=/; Expires=Fri, 31 Dec 2100 00:00:00 GMT")},
		{name: "deleted-cookie", headers: with("Set-Cookie", "sessionid=; Max-Age=0")},
		{name: "csrf-cookie", headers: with("Set-Cookie", "XSRF-TOKEN=x; Path=/; Secure; SameSite=Lax")},
		{name: "long-session", headers: with("Set-Cookie", "sessionid=x; Secure; HttpOnly; SameSite=Lax; Max-Age=31536000"), want: map[rule.ID]rule.Severity{rule.SessionCookieLifetime: rule.Low}},
		{name: "refused-cookie", headers: with("Set-Cookie", "__Host-session=x; Path=/app; Secure; HttpOnly; SameSite=Lax"), want: map[rule.ID]rule.Severity{rule.SessionCookieMalformed: rule.Low}},
		{name: "guessed-random-id", headers: with("Set-Cookie", "sid="+signedID(random, "keyboard cat")+"; Secure; HttpOnly; SameSite=Lax")},
		{name: "guessed-short-id", headers: with("Set-Cookie", "sid="+signedID("17", "keyboard cat")+"; Secure; HttpOnly; SameSite=Lax"), want: map[rule.ID]rule.Severity{rule.SessionWeakSecret: rule.Critical}},
		{name: "guessed-token", headers: with("Set-Cookie", "jwt="+signedToken("secret123", jwt.MapClaims{"id": 1})+"; Secure; HttpOnly; SameSite=Lax"),
			want: map[rule.ID]rule.Severity{rule.TokenWeakSecret: rule.Critical, rule.TokenNoExpiry: rule.High}},
		{name: "long-token", headers: with("Set-Cookie", "jwt="+signedToken(random+random, jwt.MapClaims{"iat": 1000, "exp": 1000 + 86400*30})+"; Secure; HttpOnly; SameSite=Lax"),
			want: map[rule.ID]rule.Severity{rule.TokenLongLived: rule.Low}},
		{name: "unsigned-token", headers: with("Set-Cookie", "jwt=eyJhbGciOiJub25lIn0.eyJleHAiOjF9.; Secure; HttpOnly; SameSite=Lax"), want: map[rule.ID]rule.Severity{rule.TokenAlgNone: rule.Critical}},
		{name: "error-page-is-no-page", status: 404, headers: good},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.kind == "" {
				tt.kind = html
			}
			if tt.body == "" {
				tt.body = page
			}
			if tt.status == 0 {
				tt.status = 200
			}
			r := run(t, serve(t, answers(tt.status, tt.kind, tt.body, tt.headers...), !tt.plain))
			if got := rules(r); !maps.Equal(got, tt.want) {
				t.Errorf("got %v; want %v", got, tt.want)
			}
			if r.Run.Requests > scan.MaxPassive {
				t.Errorf("%d requests", r.Run.Requests)
			}
		})
	}
}

func TestErrorAnswers(t *testing.T) {
	stack := "<pre>SyntaxError: Unexpected end of JSON input<br> &nbsp; at JSON.parse (&lt;anonymous&gt;)<br> &nbsp; at parse (/srv/app/node_modules/body-parser/lib/types/json.js:92:19)</pre>"
	app := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == "POST" {
			answers(400, "text/html", stack, good...)(w, r)
			return
		}
		answers(200, "text/html", page, good...)(w, r)
	})
	r := run(t, serve(t, app, true))
	if got := rules(r); got[rule.ErrorLeak] != rule.Medium || len(got) != 1 {
		t.Errorf("got %v; want a leak", got)
	}
	for _, f := range r.Findings {
		if f.Rule == rule.ErrorLeak && (!strings.Contains(f.Location.URL, "/nowhere") || !strings.Contains(strings.Join(f.Evidence, "\n"), "JSON.parse")) {
			t.Errorf("got %+v", f)
		}
	}
	if r.Mistakes[3].Verdict != finding.Open {
		t.Errorf("got %+v", r.Mistakes[3])
	}
}

func TestCORS(t *testing.T) {
	for name, tt := range map[string]struct {
		credentials, origin string
		want                rule.Severity
	}{
		"reflected-with-credentials":    {"true", "", rule.High},
		"reflected-without-credentials": {"", "", finding.None},
		"anybody":                       {"true", "*", finding.None},
		"one-partner":                   {"true", "https://partner.example", finding.None},
	} {
		t.Run(name, func(t *testing.T) {
			app := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				origin := r.Header.Get("Origin")
				if tt.origin != "" {
					origin = tt.origin
				}
				answers(200, "text/html", page, with("Access-Control-Allow-Origin", origin, "Access-Control-Allow-Credentials", tt.credentials)...)(w, r)
			})
			got, ok := rules(run(t, serve(t, app, true)))[rule.HeadersCORSCredentials]
			if !ok {
				got = finding.None
			}
			if got != tt.want {
				t.Errorf("got %s; want %s", got, tt.want)
			}
		})
	}
}

// A page behind a redirect to the login is what is judged, and a redirect to another
// host is not followed.
func TestRedirects(t *testing.T) {
	app := http.NewServeMux()
	app.Handle("/{$}", http.RedirectHandler("/login", http.StatusFound))
	app.Handle("/login", answers(200, "text/html", page, good...))
	app.Handle("/away", http.RedirectHandler("https://login.example/", http.StatusFound))
	o := serve(t, app, true)
	if r := run(t, o); len(rules(r)) > 0 || r.Observatory == nil || r.Observatory.Score < 100 {
		t.Errorf("got %v, %+v", rules(r), r.Observatory)
	}
	o.Target += "/away"
	r := run(t, o)
	if got := rules(r); len(got) > 0 {
		t.Errorf("got %v", got)
	}
	if notes := strings.Join(r.Run.Notes, "\n"); !strings.Contains(notes, "login.example") {
		t.Errorf("notes %q", notes)
	}
}

// The plan comes before the first request, and holds.
func TestPlanIsPrintedFirst(t *testing.T) {
	var sent atomic.Int32
	o := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sent.Add(1)
		if !strings.HasPrefix(r.UserAgent(), "panoply-scan/1.2.3 (+http") {
			t.Errorf("User-Agent %q", r.UserAgent())
		}
	}), false)
	o.Version = "1.2.3"
	first := true
	o.Progress = func(line string) {
		if first && (sent.Load() > 0 || !strings.Contains(line, fmt.Sprint(scan.MaxPassive))) {
			t.Errorf("after %d requests the first line is %q", sent.Load(), line)
		}
		first = false
	}
	r := run(t, o)
	// One has a wrong escape, which Go's server refuses by itself.
	if n := int(sent.Load()); n+1 != r.Run.Requests || n > scan.MaxPassive || first {
		t.Errorf("%d requests arrived, the report says %d", n, r.Run.Requests)
	}
	for _, n := range []int{2, 3, 6, 7} {
		if m := r.Mistakes[n-1]; m.Verdict != finding.NotTested || m.Reason == "" {
			t.Errorf("got %+v", m)
		}
	}
}

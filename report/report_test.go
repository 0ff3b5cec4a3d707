// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package report

import (
	"bytes"
	"flag"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/panoply-security/panoply/finding"
	"github.com/panoply-security/panoply/rule"
)

var update = flag.Bool("update", false, "write the golden files anew")

var day = time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)

// aScan is a report with something of everything a scan says.
func aScan() *finding.Report {
	r := finding.NewReport("panoply scan", "1.2.3", "http://localhost:3000/")
	for _, n := range []int{1, 2, 3, 4, 5, 7} {
		r.Tested(n)
	}
	r.NotTested(2, "one address only: limits by user were not tried")
	r.NotTested(6, "no upload form was found; name one with --upload")

	csp := finding.New(rule.HeadersCSPMissing, finding.InAnswer("GET", "http://localhost:3000/", "content-security-policy"),
		"The start page has no Content-Security-Policy")
	csp.Evidence = []string{"GET /: 200 text/html, 12 headers, none of them content-security-policy"}
	r.Add(csp)
	r.Add(finding.New(rule.HeadersPoweredBy, finding.InAnswer("GET", "http://localhost:3000/", "x-powered-by"), "X-Powered-By says Express"))

	for _, path := range []string{"/", "/account", "/api/me", "/cart", "/login", "/orders"} {
		f := finding.New(rule.SessionCookieSameSite, finding.InAnswer("GET", "http://localhost:3000"+path, "connect.sid"),
			"connect.sid is sent along from other sites")
		f.Evidence = []string{"Set-Cookie: connect.sid=s%3A…; Path=/; HttpOnly"}
		r.Add(f)
	}

	leak := finding.New(rule.ErrorLeak, finding.InAnswer("POST", "http://localhost:3000/api/login", ""),
		"Malformed JSON is answered with a stack trace")
	leak.Evidence = []string{
		"POST /api/login {\"zz: 400 text/html",
		"SyntaxError: Unterminated string in JSON at position 4<br> at JSON.parse (<anonymous>)",
		"at parse (/srv/shop/node_modules/body-parser/lib/types/json.js:77:19)",
	}
	r.Add(leak)

	login := finding.New(rule.NoSQLOperator, finding.InAnswer("POST", "http://localhost:3000/api/login", "password"),
		"An operator in place of the password signs in")
	login.Evidence = []string{
		`POST /api/login {"email":"zz41@example.com","password":{"$ne":""}}: 200 {"token":"eyJ…"}`,
		`control {"email":"zz41@example.com","password":"zz41"}: 401`,
		`repeated: 200`,
	}
	login.Fix.Express = "if (typeof req.body.email !== 'string' ||\n    typeof req.body.password !== 'string') {\n  return res.status(400).json({ error: 'Invalid input' });\n}"
	login.Reproduce = `curl -sS -i -H 'content-type: application/json' -d '{"email":"you@example.com","password":{"$ne":""}}' http://localhost:3000/api/login`
	r.Add(login)

	hint := finding.New(rule.TokenNoExpiry, finding.InAnswer("POST", "http://localhost:3000/api/login", "token"), "The token has no exp")
	hint.Confidence, hint.Severity = finding.Firm, rule.Info
	r.Add(hint)

	r.Run = &finding.Run{Started: day, DurationMS: 1840, Mode: "active", Requests: 63,
		Notes: []string{"3 addresses answered with another type and were left out"}, Left: []string{"user zz41@example.com"}}
	r.Observatory = &finding.Observatory{Grade: "D", Score: 30, Tests: []finding.ObservatoryTest{
		{Name: "content-security-policy", Code: "csp-not-implemented", Points: -25},
		{Name: "cookies", Code: "cookies-session-without-secure-flag", Points: -40},
		{Name: "referrer-policy", Code: "referrer-policy-private", Points: 5, Pass: true},
		{Name: "redirection", Code: "redirection-not-needed-no-http", Pass: true, Note: "loopback: judged as if behind TLS"},
	}}
	r.Finish()
	return r
}

// anAudit is a report with what only an audit says.
func anAudit() *finding.Report {
	r := finding.NewReport("panoply audit", "1.2.3", "shop")
	for n := 1; n <= 7; n++ {
		r.Tested(n)
	}
	query := finding.New(rule.NoSQLOperator, finding.InFile("routes/my login.js", 14, 35, 17, 6), "req.body.password reaches User.findOne unchecked")
	query.Anchor = "User.findOne({ email: req.body.email, password: req.body.password })"
	query.Trace = []finding.Step{
		{File: "routes/my login.js", Line: 12, Column: 3, Note: "express.json() fills req.body"},
		{File: "routes/my login.js", Line: 16, Column: 15, Note: "req.body.password goes into the query"},
	}
	query.Fix.Text = "Compare the password with bcrypt, outside the query."
	r.Add(query)
	secret := finding.New(rule.SessionWeakSecret, finding.InFile("app.js", 7, 19, 7, 33), "The secret is 12 characters of a public word list")
	secret.Anchor = "session({ secret })"
	secret.Confidence = finding.Tentative
	r.Add(secret)
	r.Run = &finding.Run{Started: day, DurationMS: 310, Files: 41}
	r.Finish()
	return r
}

// judgedScan is aScan beside a baseline, with a line of the ignore file.
func judgedScan(t *testing.T) *finding.Report {
	t.Helper()
	before := finding.NewReport("panoply scan", "1.2.2", "http://localhost:8080/")
	for n := 1; n <= 7; n++ {
		before.Tested(n)
	}
	before.Add(finding.New(rule.HeadersPoweredBy, finding.InAnswer("GET", "http://localhost:8080/", "x-powered-by"), "x"))
	before.Add(finding.New(rule.HeadersFraming, finding.InAnswer("GET", "http://localhost:8080/", ""), "Any site may frame the start page"))
	before.Add(finding.New(rule.UploadType, finding.InAnswer("POST", "http://localhost:8080/upload", "file"), "Any file is taken"))
	before.Finish()
	ignores, err := ParseIgnores("panoply-ignore.yaml", []byte(`accept:
  - rule: headers/csp-missing
    reason: the new front end brings one
    until: 2027-01-31
  - rule: headers/server-version
    reason: gone
    until: 2027-01-31
  - rule: errors/leak
    at: /api/*
    reason: to be fixed in spring
    until: 2026-04-01
`))
	if err != nil {
		t.Fatal(err)
	}
	r := aScan()
	if err := Judge(r, Judging{Baseline: before, Ignores: ignores, Now: day, Level: rule.High}); err != nil {
		t.Fatal(err)
	}
	return r
}

func render(t testing.TB, f Format, r *finding.Report, o Options) string {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, f, r, o); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestGolden(t *testing.T) {
	nothing := finding.NewReport("panoply scan", "1.2.3", "http://localhost:1/")
	nothing.Run = &finding.Run{Stopped: "nobody answers at localhost:1"}
	nothing.Finish()
	clean := finding.NewReport("panoply scan", "1.2.3", "https://shop.example/")
	for n := 1; n <= 7; n++ {
		clean.Tested(n)
	}
	clean.Finish()
	if err := Judge(clean, Judging{Now: day}); err != nil {
		t.Fatal(err)
	}
	for name, r := range map[string]*finding.Report{
		"scan": aScan(), "judged": judgedScan(t), "audit": anAudit(), "nothing": nothing, "clean": clean,
	} {
		for _, f := range Formats {
			golden(t, name+"."+string(f), render(t, f, r, Options{}))
		}
	}
	golden(t, "narrow.text", render(t, Text, judgedScan(t), Options{Width: 40}))
	golden(t, "colour.text", render(t, Text, judgedScan(t), Options{Colour: true, Width: 100}))
	golden(t, "file.sarif", render(t, SARIF, aScan(), Options{File: "src/my app.js"}))
}

func golden(t *testing.T, name, got string) {
	t.Run(name, func(t *testing.T) {
		file := "testdata/" + name
		if *update {
			if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			g, w := strings.Split(got, "\n"), strings.Split(string(want), "\n")
			for i := range min(len(g), len(w)) {
				if g[i] != w[i] {
					t.Fatalf("line %d: got\n%s\nwant\n%s\n-update writes %s anew", i+1, g[i], w[i], file)
				}
			}
			t.Fatalf("got %d lines; want %d", len(g), len(w))
		}
	})
}

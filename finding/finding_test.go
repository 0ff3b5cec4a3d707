// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package finding_test

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/panoply-security/panoply/finding"
	"github.com/panoply-security/panoply/rule"
)

// finished is a report with all seven tested and some findings.
func finished(findings ...finding.Finding) *finding.Report {
	r := finding.NewReport("panoply scan", "1.2.3", "http://localhost:3000/")
	for n := 1; n <= 7; n++ {
		r.Tested(n)
	}
	for _, f := range findings {
		r.Add(f)
	}
	r.Finish()
	return r
}

func inAnswer(id rule.ID, method, url, parameter string) finding.Finding {
	return finding.New(id, finding.InAnswer(method, url, parameter), "a fault")
}

func inFile(id rule.ID, file string, line int, anchor string) finding.Finding {
	f := finding.New(id, finding.InFile(file, line, 1, 0, 0), "a fault")
	f.Anchor = anchor
	return f
}

func TestFingerprintStays(t *testing.T) {
	for _, tt := range []struct {
		name string
		a, b finding.Finding
		same bool
	}{
		{"another-port", inAnswer(rule.NoSQLOperator, "POST", "http://localhost:3000/api/login", "email"),
			inAnswer(rule.NoSQLOperator, "POST", "http://localhost:8080/api/login", "email"), true},
		{"another-host-and-scheme", inAnswer(rule.HeadersNone, "GET", "http://localhost:3000", ""),
			inAnswer(rule.HeadersNone, "get", "https://shop.example/", ""), true},
		{"another-query", inAnswer(rule.ErrorLeak, "GET", "http://h/api/data?zz=1", ""),
			inAnswer(rule.ErrorLeak, "GET", "http://h/api/data/", ""), true},
		{"no-address-at-all", inAnswer(rule.ErrorLeak, "GET", "http://h:x/a%zz?q", ""),
			inAnswer(rule.ErrorLeak, "GET", "http://other/a%zz#f", ""), true},
		{"another-path", inAnswer(rule.ErrorLeak, "GET", "http://h/a", ""), inAnswer(rule.ErrorLeak, "GET", "http://h/b", ""), false},
		{"another-method", inAnswer(rule.ErrorLeak, "GET", "http://h/a", ""), inAnswer(rule.ErrorLeak, "POST", "http://h/a", ""), false},
		{"another-parameter", inAnswer(rule.SessionCookieSecure, "GET", "http://h/", "sid"), inAnswer(rule.SessionCookieSecure, "GET", "http://h/", "tid"), false},
		{"another-rule", inAnswer(rule.SessionCookieSecure, "GET", "http://h/", "sid"), inAnswer(rule.SessionCookieHTTPOnly, "GET", "http://h/", "sid"), false},
		{"another-line", inFile(rule.NoSQLOperator, "routes/login.js", 12, "User.findOne( req.body )"),
			inFile(rule.NoSQLOperator, "./routes/login.js", 40, "User.findOne(\n  req.body )"), true},
		{"windows", inFile(rule.NoSQLOperator, `routes\login.js`, 12, ""), inFile(rule.NoSQLOperator, "routes/login.js", 1, ""), true},
		{"another-file", inFile(rule.NoSQLOperator, "a.js", 1, "x"), inFile(rule.NoSQLOperator, "b.js", 1, "x"), false},
		{"another-anchor", inFile(rule.NoSQLOperator, "a.js", 1, "x"), inFile(rule.NoSQLOperator, "a.js", 1, "y"), false},
		{"parts-that-run-together", inAnswer(rule.ErrorLeak, "GET", "http://h/a", "bc"), inAnswer(rule.ErrorLeak, "GET", "http://h/ab", "c"), false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a, b := finished(tt.a).Findings[0].Fingerprint, finished(tt.b).Findings[0].Fingerprint
			if (a == b) != tt.same {
				t.Errorf("%s and %s; want same: %v", a, b, tt.same)
			}
		})
	}
}

// The messages and the severity are ours to improve: no baseline breaks.
func TestFingerprintIgnoresWords(t *testing.T) {
	a := inAnswer(rule.HeadersNone, "GET", "http://h/", "")
	b := a
	b.Message, b.Severity, b.Evidence = "in other words", rule.High, []string{"x"}
	if finished(a).Findings[0].Fingerprint != finished(b).Findings[0].Fingerprint {
		t.Error("another wording is another finding")
	}
}

func TestAlikeFindingsAreCounted(t *testing.T) {
	r := finished(inFile(rule.NoSQLOperator, "a.js", 30, "x"), inFile(rule.NoSQLOperator, "a.js", 9, "x"), inFile(rule.NoSQLOperator, "a.js", 20, "x"))
	alone := finished(inFile(rule.NoSQLOperator, "a.js", 1, "x")).Findings[0].Fingerprint
	seen := map[string]bool{}
	for _, f := range r.Findings {
		seen[f.Fingerprint] = true
	}
	if len(seen) != 3 || r.Findings[0].Fingerprint != alone || r.Findings[0].Location.Line != 9 {
		t.Errorf("got %d fingerprints, the first %s; want 3, %s", len(seen), r.Findings[0].Fingerprint, alone)
	}
}

func TestBounds(t *testing.T) {
	f := inAnswer(rule.HeadersNone, "GET", "http://h/"+strings.Repeat("é", 5000), "\xff\xfe")
	f.Message = strings.Repeat("é", 5000)
	f.Evidence = make([]string, 1000)
	f.Trace = make([]finding.Step, 1000)
	f.Evidence[0] = strings.Repeat("\xff", 5000)
	f.Fix.Express = strings.Repeat("x", 1<<20)
	f = finished(f).Findings[0]
	for _, s := range []string{f.Message, f.Location.URL, f.Location.Parameter, f.Evidence[0], f.Fix.Express} {
		if len(s) > finding.MaxFix || !utf8.ValidString(s) {
			t.Errorf("%d bytes, UTF-8: %v", len(s), utf8.ValidString(s))
		}
	}
	if len(f.Message) > finding.MaxText || !strings.HasSuffix(f.Message, "é…") {
		t.Errorf("message of %d bytes ends with %q", len(f.Message), f.Message[len(f.Message)-8:])
	}
	if len(f.Evidence) != finding.MaxEvidence || len(f.Trace) != finding.MaxTrace {
		t.Errorf("%d lines of evidence and %d steps", len(f.Evidence), len(f.Trace))
	}
}

func TestFloodHidesNothing(t *testing.T) {
	r := finding.NewReport("panoply scan", "1", "http://h/")
	for i := range 3 * finding.MaxFindings {
		f := inAnswer(rule.ErrorLeak, "GET", "http://h/"+strings.Repeat("a", i%700), "")
		f.Severity = rule.Low
		if i == 3*finding.MaxFindings-1 {
			f.Severity = rule.Critical
		}
		r.Add(f)
	}
	r.Finish()
	if len(r.Findings) != finding.MaxFindings || r.Findings[0].Severity != rule.Critical {
		t.Errorf("%d findings, the worst %s; want %d, critical", len(r.Findings), r.Findings[0].Severity, finding.MaxFindings)
	}
	if r.Run == nil || len(r.Run.Notes) != 1 || !strings.Contains(r.Run.Notes[0], "400 more") {
		t.Errorf("the report does not say what it left out: %+v", r.Run)
	}
	if r.Finish(); len(r.Run.Notes) != 1 {
		t.Errorf("it says so twice: %q", r.Run.Notes)
	}
}

// The largest report that can be made can be read.
func TestLargestReport(t *testing.T) {
	r := finding.NewReport("panoply scan", "1", "http://h/")
	huge := strings.Repeat("\x1b", 10000) // six bytes each as JSON
	for _, of := range rule.All() {
		if of.Mistake == 0 {
			continue
		}
		for range 20 {
			f := finding.New(of.ID, finding.InAnswer(huge, huge, huge), huge)
			f.Severity = rule.Low
			f.Evidence = slices.Repeat([]string{huge}, 50)
			f.Trace = slices.Repeat([]finding.Step{{File: huge, Note: huge}}, 100)
			f.Fix = finding.Fix{Express: huge, Policy: huge, Text: huge}
			f.Reproduce = huge
			r.Add(f)
		}
	}
	for range 2 * finding.MaxNotes {
		r.Note(huge)
	}
	r.Finish()
	r.Baseline = &finding.Baseline{Gone: slices.Repeat(r.Findings[:1], 5*finding.MaxGone)}
	r.Finish()
	text := encode(t, r)
	if _, err := finding.Decode(strings.NewReader(text)); err != nil {
		t.Fatalf("%d MB: %v", len(text)>>20, err)
	}
	t.Logf("%d findings in %d MB", len(r.Findings), len(text)>>20)
}

func TestNewTakesOnlyTheSeven(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a finding of request/json was made; it belongs to no mistake")
		}
	}()
	finding.New(rule.RequestJSON, finding.Location{}, "x")
}

func TestLocationString(t *testing.T) {
	for want, l := range map[string]finding.Location{
		"POST http://h/login email": finding.InAnswer("POST", "http://h/login", "email"),
		"GET http://h/":             finding.InAnswer("GET", "http://h/", ""),
		"app.js:3:5":                finding.InFile("app.js", 3, 5, 3, 9),
		"package.json":              finding.InFile("package.json", 0, 0, 0, 0),
	} {
		if got := l.String(); got != want {
			t.Errorf("got %q; want %q", got, want)
		}
	}
}

// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package report

import (
	"strings"
	"testing"
	"time"

	"github.com/panoply-security/panoply/finding"
	"github.com/panoply-security/panoply/rule"
)

// allTested is a report with all seven tested and a finding for each rule.
func allTested(ids ...rule.ID) *finding.Report {
	r := finding.NewReport("panoply scan", "1", "http://localhost:3000/")
	for n := 1; n <= 7; n++ {
		r.Tested(n)
	}
	for _, id := range ids {
		r.Add(finding.New(id, finding.InAnswer("GET", "http://localhost:3000/admin/x", ""), "x"))
	}
	r.Finish()
	return r
}

func TestLevels(t *testing.T) {
	for _, tt := range []struct {
		level rule.Severity
		want  int
	}{{"", 3}, {finding.None, 0}, {rule.Info, 4}, {rule.Low, 3}, {rule.Medium, 2}, {rule.High, 1}, {rule.Critical, 1}} {
		t.Run("level-"+string(tt.level), func(t *testing.T) {
			r := allTested(rule.NoSQLOperator, rule.HeadersFraming, rule.HeadersServer, rule.TokenMissing)
			if err := Judge(r, Judging{Level: tt.level, Now: day}); err != nil {
				t.Fatal(err)
			}
			if r.Failing.Findings != tt.want {
				t.Errorf("%d findings fail; want %d", r.Failing.Findings, tt.want)
			}
		})
	}
}

func TestParseLevel(t *testing.T) {
	for _, name := range []string{"none", "info", "low", "medium", "high", "critical"} {
		if l, err := ParseLevel(name); err != nil || string(l) != name {
			t.Errorf("%s: %q, %v", name, l, err)
		}
	}
	for _, name := range []string{"", "High", "all"} {
		if _, err := ParseLevel(name); err == nil {
			t.Errorf("%q is a level", name)
		}
	}
}

func TestBaseline(t *testing.T) {
	before := allTested(rule.HeadersFraming, rule.HeadersServer, rule.UploadType, rule.NoSQLType)
	worse := finding.New(rule.HeadersServer, finding.InAnswer("GET", "http://localhost:8080/admin/x/", ""), "x")
	worse.Severity = rule.High
	now := finding.NewReport("panoply scan", "1", "http://localhost:8080/") // another port
	now.Tested(1)
	now.Tested(6)
	now.Add(finding.New(rule.HeadersFraming, finding.InAnswer("GET", "http://localhost:8080/admin/x", ""), "in other words"))
	now.Add(worse)
	now.Add(finding.New(rule.HeadersReferrer, finding.InAnswer("GET", "http://localhost:8080/admin/x", ""), "x"))
	now.Finish()
	if err := Judge(now, Judging{Baseline: before, Now: day}); err != nil {
		t.Fatal(err)
	}
	status := map[rule.ID]finding.Status{}
	for _, f := range now.Findings {
		status[f.Rule] = f.Status
	}
	for id, want := range map[rule.ID]finding.Status{
		rule.HeadersFraming:  finding.StatusSame,
		rule.HeadersReferrer: finding.StatusNew,
		rule.HeadersServer:   finding.StatusNew, // it got worse
	} {
		if status[id] != want {
			t.Errorf("%s is %s; want %s", id, status[id], want)
		}
	}
	b := now.Baseline
	if b.New != 2 || b.Same != 1 || len(b.Gone) != 1 || b.Gone[0].Rule != rule.UploadType || b.Unknown != 1 {
		t.Errorf("got %+v; want 2 new, 1 same, upload/type gone, and 1 of a mistake that was not tested", b)
	}
	if now.Failing.Findings != 2 {
		t.Errorf("%d fail; want the 2 new ones", now.Failing.Findings)
	}

	audit := finding.NewReport("panoply audit", "1", ".")
	audit.Finish()
	if err := Judge(audit, Judging{Baseline: before, Now: day}); err == nil {
		t.Error("an audit was compared with a scan")
	}
}

// A report that was judged and written is the next run's baseline.
func TestJudgedReportIsABaseline(t *testing.T) {
	r := judgedScan(t)
	back, err := finding.Decode(strings.NewReader(render(t, JSON, r, Options{})))
	if err != nil {
		t.Fatal(err)
	}
	again := aScan()
	if err := Judge(again, Judging{Baseline: back, Now: day}); err != nil {
		t.Fatal(err)
	}
	if b := again.Baseline; b.New != 0 || b.Same != len(again.Findings) || len(b.Gone) != 0 {
		t.Errorf("the same scan again: %d new, %d same, %d gone", b.New, b.Same, len(b.Gone))
	}
}

func TestIgnores(t *testing.T) {
	for _, tt := range []struct {
		name, line string
		now        time.Time
		accepted   bool
		note       string
	}{
		{"by-rule", "rule: headers/framing", day, true, ""},
		{"by-rule-and-path", "rule: headers/framing\n    at: /admin/*", day, true, ""},
		{"another-path", "rule: headers/framing\n    at: /shop/*", day, false, "the line can go"},
		{"another-rule", "rule: headers/hsts", day, false, "the line can go"},
		{"another-fingerprint", "fingerprint: 'ffffffffffffffffffffffffffffffff'", day, false, "the line can go"},
		{"on-the-last-day", "rule: headers/framing", time.Date(2027, 1, 31, 23, 59, 59, 0, time.UTC), true, ""},
		{"a-day-later", "rule: headers/framing", time.Date(2027, 2, 1, 0, 0, 0, 0, time.UTC), false, "accepted only until 2027-01-31"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ig, err := ParseIgnores("i.yaml", []byte("accept:\n  - "+tt.line+"\n    reason: known\n    until: 2027-01-31\n"))
			if err != nil {
				t.Fatal(err)
			}
			r := allTested(rule.HeadersFraming)
			if err := Judge(r, Judging{Ignores: ig, Now: tt.now}); err != nil {
				t.Fatal(err)
			}
			if (r.Findings[0].Accepted != nil) != tt.accepted || (r.Failing.Findings == 0) != tt.accepted {
				t.Errorf("accepted %+v, %d fail; want accepted %v", r.Findings[0].Accepted, r.Failing.Findings, tt.accepted)
			}
			if notes := r.Run; (notes == nil) != (tt.note == "") || notes != nil && !strings.Contains(notes.Notes[0], tt.note) {
				t.Errorf("got notes %+v; want %q", notes, tt.note)
			}
			if r.Score != 85 || r.Mistakes[0].Verdict != finding.Open {
				t.Errorf("score %d, %s: an accepted fault is still there", r.Score, r.Mistakes[0].Verdict)
			}
		})
	}
}

func TestParseIgnoresTellsEverything(t *testing.T) {
	_, err := ParseIgnores("i.yaml", []byte(`accept:
  - rule: headers/nothing
    reason: x
    until: 2027-01-31
  - at: /x
    until: 2027-02-31
`))
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"i.yaml:2:", "headers/nothing", "i.yaml:5:", "neither a rule nor a fingerprint", "reason: is missing", "until: is no day"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in\n%v", want, err)
		}
	}
	if _, err := ParseIgnores("i.yaml", []byte("acccept: []")); err == nil {
		t.Error("an unknown key passed")
	}
	if ig, err := ParseIgnores("i.yaml", nil); err != nil || len(ig.accept) != 0 {
		t.Errorf("an empty file: %v", err)
	}
}

func TestMatches(t *testing.T) {
	for _, tt := range []struct {
		pattern, s string
		want       bool
	}{
		{"/admin", "/admin", true}, {"/admin", "/admin/x", false}, {"/admin/*", "/admin/x/y", true}, {"*", "", true},
		{"*.js", "routes/a.js", true}, {"*.js", "routes/a.jsx", false}, {"/a*b*c", "/a1b2c", true}, {"/a*b*c", "/ac", false},
		{"a*a", "a", false}, {"**", "x", true}, {"", "x", false},
	} {
		if got := matches(tt.pattern, tt.s); got != tt.want {
			t.Errorf("%q and %q: %v; want %v", tt.pattern, tt.s, got, tt.want)
		}
	}
}

func FuzzParseIgnores(f *testing.F) {
	f.Add([]byte("accept:\n  - rule: headers/framing\n    at: /a*b*\n    reason: x\n    until: 2027-01-31\n"))
	r := allTested(rule.HeadersFraming)
	f.Fuzz(func(t *testing.T, src []byte) {
		ig, err := ParseIgnores("i.yaml", src)
		if err != nil {
			return
		}
		copied := *r
		copied.Findings = append([]finding.Finding(nil), r.Findings...)
		copied.Run = nil
		if err := Judge(&copied, Judging{Ignores: ig, Now: day}); err != nil {
			t.Error(err)
		}
	})
}

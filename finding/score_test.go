// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package finding_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/panoply-security/panoply/finding"
	"github.com/panoply-security/panoply/rule"
)

func as(s rule.Severity, id rule.ID) finding.Finding {
	f := inAnswer(id, "GET", "http://h/", "")
	f.Severity = s
	return f
}

func TestScore(t *testing.T) {
	for _, tt := range []struct {
		name     string
		findings []finding.Finding
		score    int
		grade    string
	}{
		{"nothing-found", nil, 100, "A+"},
		{"info", []finding.Finding{as(rule.Info, rule.HeadersNone)}, 100, "A+"},
		{"one-low", []finding.Finding{as(rule.Low, rule.HeadersServer)}, 97, "A"},
		{"one-medium", []finding.Finding{as(rule.Medium, rule.HeadersHSTS)}, 85, "B"},
		{"one-high", []finding.Finding{as(rule.High, rule.HeadersHSTS)}, 55, "D"},
		{"one-critical", []finding.Finding{as(rule.Critical, rule.NoSQLOperator)}, 40, "F"},
		{"a-rule-in-many-places-counts-once", []finding.Finding{as(rule.Medium, rule.HeadersHSTS), as(rule.Medium, rule.HeadersHSTS), as(rule.Low, rule.HeadersHSTS)}, 85, "B"},
		{"a-further-rule-costs-a-third", []finding.Finding{as(rule.Medium, rule.HeadersHSTS), as(rule.Medium, rule.HeadersFraming), as(rule.Low, rule.HeadersServer)}, 79, "C"},
		{"two-mistakes", []finding.Finding{as(rule.Medium, rule.HeadersHSTS), as(rule.Medium, rule.ErrorLeak)}, 70, "C"},
		{"never-below-zero", []finding.Finding{as(rule.Critical, rule.NoSQLOperator), as(rule.Critical, rule.ErrorLeak)}, 0, "F"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := finished(tt.findings...)
			if r.Score != tt.score || r.Grade != tt.grade {
				t.Errorf("got %d %s; want %d %s", r.Score, r.Grade, tt.score, tt.grade)
			}
			left := 100
			for _, d := range r.Deductions() {
				left -= d.Points
			}
			if max(left, 0) != r.Score {
				t.Errorf("the deductions leave %d, the score is %d", left, r.Score)
			}
		})
	}
}

// TestFaultsOnlyCost adds findings one by one in random order: no finding ever
// raises a score, and the worst bounds the grade whatever else there is.
func TestFaultsOnlyCost(t *testing.T) {
	atBest := map[rule.Severity]int{finding.None: 100, rule.Info: 100, rule.Low: 97, rule.Medium: 85, rule.High: 55, rule.Critical: 40}
	random := rand.New(rand.NewPCG(1, 2))
	ids := slices.DeleteFunc(rule.All(), func(r *rule.Rule) bool { return r.Mistake == 0 })
	for range 300 {
		r := finished()
		for range 12 {
			before := r.Score
			r.Add(as(rule.Severities[random.IntN(len(rule.Severities))], ids[random.IntN(len(ids))].ID))
			r.Finish()
			if r.Score > before {
				t.Fatalf("%d became %d by %+v", before, r.Score, r.Findings)
			}
			if most := atBest[r.Worst()]; r.Score > most {
				t.Fatalf("%d with a %s finding; want %d at most", r.Score, r.Worst(), most)
			}
		}
	}
}

func TestVerdicts(t *testing.T) {
	r := finding.NewReport("panoply scan", "1", "http://h/")
	if r.Finish(); r.Grade != "-" || r.Score != 0 {
		t.Errorf("got %s %d for nothing tested; want no grade", r.Grade, r.Score)
	}
	r.Tested(1)
	r.Tested(2)
	r.NotTested(2, "only one client address")
	r.NotTested(6, "needs --active")
	r.Add(as(rule.Info, rule.HeadersServer))
	r.Add(as(rule.High, rule.NoSQLOperator)) // found, though nobody said it was tested
	r.Finish()
	for n, want := range map[int]finding.Mistake{
		1: {Number: 1, Verdict: finding.Closed, Worst: rule.Info, Findings: 1},
		2: {Number: 2, Verdict: finding.Closed, Worst: finding.None, Reason: "only one client address"},
		6: {Number: 6, Verdict: finding.NotTested, Worst: finding.None, Reason: "needs --active"},
		7: {Number: 7, Verdict: finding.Open, Worst: rule.High, Findings: 1},
	} {
		want.Name = rule.Mistakes[n-1].Name
		if got := r.Mistakes[n-1]; got != want {
			t.Errorf("got %+v; want %+v", got, want)
		}
	}
}

func TestFullMarksNeedAllSeven(t *testing.T) {
	r := finding.NewReport("panoply scan", "1", "http://h/")
	for n := 1; n <= 6; n++ {
		r.Tested(n)
	}
	if r.Finish(); r.Score != 100 || r.Grade != "A" {
		t.Errorf("got %d %s with six tested; want 100 A", r.Score, r.Grade)
	}
	r.Tested(7)
	if r.Finish(); r.Grade != "A+" {
		t.Errorf("got %s with all seven tested; want A+", r.Grade)
	}
}

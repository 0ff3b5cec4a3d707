// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package finding

import (
	"cmp"
	"slices"

	"github.com/panoply-security/panoply/rule"
)

// Price is what a broken rule costs: whole if it is the worst of its mistake, a
// third if it is not. Every price is a multiple of three.
func Price(s rule.Severity) int {
	switch s {
	case rule.Critical:
		return 60
	case rule.High:
		return 45
	case rule.Medium:
		return 15
	case rule.Low:
		return 3
	}
	return 0
}

// Deduction is one line of the explanation of a score.
type Deduction struct {
	Mistake  int
	Rule     rule.ID
	Severity rule.Severity // the worst of the rule's findings
	Findings int
	Points   int // what it costs
	Worst    bool
}

// Deductions explains the score: what each broken rule costs, by mistake and the
// worst first. Their points may add up to more than 100; a score does not fall
// below 0.
func (r *Report) Deductions() []Deduction {
	byRule := map[rule.ID]*Deduction{}
	for _, f := range r.Findings {
		d := byRule[f.Rule]
		if d == nil {
			d = &Deduction{Mistake: f.Mistake, Rule: f.Rule, Severity: f.Severity}
			byRule[f.Rule] = d
		}
		if d.Findings++; f.Severity.Rank() > d.Severity.Rank() {
			d.Severity = f.Severity
		}
	}
	var all []Deduction
	for _, d := range byRule {
		if Price(d.Severity) > 0 {
			all = append(all, *d)
		}
	}
	slices.SortFunc(all, func(a, b Deduction) int {
		return cmp.Or(a.Mistake-b.Mistake, b.Severity.Rank()-a.Severity.Rank(), cmp.Compare(a.Rule, b.Rule))
	})
	for i := range all {
		d := &all[i]
		d.Points = Price(d.Severity)
		if d.Worst = i == 0 || all[i-1].Mistake != d.Mistake; !d.Worst {
			d.Points /= 3
		}
	}
	return all
}

// ungraded is the grade of a report about nothing.
const ungraded = "-"

// Grades are the grades from best to worst and the least score of each. A+
// asks for more: every mistake closed.
var Grades = []struct {
	Grade string
	From  int
}{{"A+", 100}, {"A", 90}, {"B", 80}, {"C", 65}, {"D", 50}, {"F", 0}}

func (r *Report) grade() (string, int) {
	score, tested, closed := 100, 0, 0
	for _, d := range r.Deductions() {
		score -= d.Points
	}
	for _, m := range r.Mistakes {
		if m.Verdict != NotTested {
			tested++
		}
		if m.Verdict == Closed {
			closed++
		}
	}
	if tested == 0 {
		return ungraded, 0
	}
	score = max(score, 0)
	for _, g := range Grades {
		if score >= g.From && (g.Grade != "A+" || closed == len(r.Mistakes)) {
			return g.Grade, score
		}
	}
	panic("unreachable: F begins at 0")
}

// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package report

import (
	"github.com/panoply-security/panoply/finding"
	"github.com/panoply-security/panoply/rule"
)

// group is everything found of one rule: one cause, one fix, many places.
type group struct {
	ID       rule.ID
	Mistake  int
	Severity rule.Severity // the worst
	Fix      finding.Fix   // of the worst
	Findings []*finding.Finding
}

// groups gathers findings by rule, in their order: worst first.
func groups(r *finding.Report) []*group {
	var all []*group
	byID := map[rule.ID]*group{}
	for i := range r.Findings {
		f := &r.Findings[i]
		g := byID[f.Rule]
		if g == nil {
			g = &group{ID: f.Rule, Mistake: f.Mistake, Severity: f.Severity, Fix: f.Fix}
			byID[f.Rule] = g
			all = append(all, g)
		}
		g.Findings = append(g.Findings, f)
	}
	return all
}

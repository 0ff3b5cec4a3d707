// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package report

import (
	"cmp"
	"fmt"
	"time"

	"github.com/panoply-security/panoply/finding"
	"github.com/panoply-security/panoply/rule"
)

// Judging is what a report is judged by.
type Judging struct {
	Baseline *finding.Report // an earlier report of the same tool, or nil
	Ignores  *Ignores        // what was accepted, or nil
	Now      time.Time       // when; acceptances end

	// Level is the mildest severity that fails the run: empty means low,
	// [finding.None] never fails.
	Level rule.Severity
}

// ParseLevel returns the level with the name: a severity, or none.
func ParseLevel(name string) (rule.Severity, error) {
	s := rule.Severity(name)
	if s == finding.None || s.Rank() > 0 {
		return s, nil
	}
	return "", fmt.Errorf("unknown level %q (hint: critical, high, medium, low, info or none)", name)
}

// Judge writes into a finished report what is new since the baseline, what is
// gone, what was accepted, and how many findings fail the run. A finding of the
// baseline that got worse is new. What the ignore file no longer or needlessly
// accepts becomes a note.
func Judge(r *finding.Report, by Judging) error {
	if by.Baseline != nil {
		if by.Baseline.Tool != r.Tool {
			return fmt.Errorf("the baseline is a report of %s; this is one of %s", by.Baseline.Tool, r.Tool)
		}
		compare(r, by.Baseline)
	}
	by.Ignores.apply(r, by.Now)
	r.Failing = &finding.Failing{Level: cmp.Or(by.Level, rule.Low)}
	for i := range r.Findings {
		if fails(r, &r.Findings[i]) {
			r.Failing.Findings++
		}
	}
	return nil
}

// fails reports whether a finding fails the run.
func fails(r *finding.Report, f *finding.Finding) bool {
	level := rule.Low
	if r.Failing != nil {
		level = r.Failing.Level
	}
	return level != finding.None && f.Severity.AtLeast(level) && f.Accepted == nil && f.Status != finding.StatusSame
}

func compare(r, before *finding.Report) {
	was := make(map[string]rule.Severity, len(before.Findings))
	for _, f := range before.Findings {
		was[f.Fingerprint] = f.Severity
	}
	b := &finding.Baseline{
		Version: before.Version, Target: before.Target, Grade: before.Grade, Score: before.Score,
		Gone: []finding.Finding{},
	}
	is := make(map[string]bool, len(r.Findings))
	for i := range r.Findings {
		f := &r.Findings[i]
		is[f.Fingerprint] = true
		if s, known := was[f.Fingerprint]; known && s.AtLeast(f.Severity) {
			f.Status = finding.StatusSame
			b.Same++
		} else {
			f.Status = finding.StatusNew
			b.New++
		}
	}
	for _, f := range before.Findings {
		switch {
		case is[f.Fingerprint]:
		case r.Mistakes[f.Mistake-1].Verdict == finding.NotTested:
			b.Unknown++ // nobody looked, so nobody knows
		default:
			f.Status, f.Accepted = "", nil
			b.Gone = append(b.Gone, f)
		}
	}
	if n := len(b.Gone) - finding.MaxGone; n > 0 {
		r.Note(fmt.Sprintf("%d more findings are gone", n))
	}
	r.Baseline = b
	r.Finish() // bounds it
}

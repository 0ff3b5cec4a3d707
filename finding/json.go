// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package finding

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/panoply-security/panoply/internal/printable"
	"github.com/panoply-security/panoply/rule"
)

// Encode writes the report as JSON, indented, the same bytes for the same
// report. Control characters and < > & are written as escapes, so that it may
// be shown on a terminal or stand in a page.
func (r *Report) Encode(w io.Writer) error {
	text, err := json.Marshal(r, jsontext.WithIndent("  "), json.Deterministic(true), jsontext.AllowInvalidUTF8(true))
	if err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	_, err = w.Write(append(printable.JSON(text), '\n'))
	return err
}

// Decode reads a report that Encode wrote. It is strict: unknown or repeated
// members, other types, anything behind the report, and values that no report
// has are errors. Rules that the catalogue does not know are none: the report
// may be a newer version's.
func Decode(rd io.Reader) (*Report, error) {
	text, err := io.ReadAll(io.LimitReader(rd, MaxReport+1))
	if err != nil {
		return nil, fmt.Errorf("reading the report: %w", err)
	}
	if len(text) > MaxReport {
		return nil, fmt.Errorf("reading the report: it is larger than %d MB", MaxReport>>20)
	}
	var r Report
	if err := json.Unmarshal(text, &r, json.RejectUnknownMembers(true)); err != nil {
		return nil, fmt.Errorf("reading the report: %w", err)
	}
	if err := r.check(); err != nil {
		return nil, fmt.Errorf("reading the report: %w", err)
	}
	r.bound()
	r.seen, r.listed = map[rule.ID]int{}, map[rule.ID]int{}
	for i := range r.Findings {
		f := &r.Findings[i]
		f.bound()
		f.kept = true
		r.seen[f.Rule]++
		r.listed[f.Rule]++
		r.size += f.size()
	}
	if r.Findings == nil {
		r.Findings = []Finding{}
	}
	return &r, nil
}

var (
	ruleSyntax        = regexp.MustCompile(`^[a-z0-9]{1,40}/[a-z0-9-]{1,80}$`)
	fingerprintSyntax = regexp.MustCompile(`^[0-9a-f]{32}$`)
)

// check reports everything in the report that Finish would not have left there.
func (r *Report) check() error {
	var problems []error
	bad := func(where, format string, args ...any) {
		if len(problems) < 10 {
			problems = append(problems, fmt.Errorf("%s: "+format, append([]any{where}, args...)...))
		}
	}
	if r.Tool == "" {
		bad("tool", "is missing")
	}
	if r.Score < 0 || r.Score > 100 {
		bad("score", "%d is not between 0 and 100", r.Score)
	}
	if f := r.Failing; f != nil && f.Level != None && f.Level.Rank() == 0 {
		bad("failing.level", "%q is no level", f.Level)
	}
	known := r.Grade == ungraded
	for _, g := range Grades {
		known = known || r.Grade == g.Grade
	}
	if !known {
		bad("grade", "%q is no grade", r.Grade)
	}
	if len(r.Mistakes) != len(rule.Mistakes) {
		bad("mistakes", "there are %d; want %d", len(r.Mistakes), len(rule.Mistakes))
	}
	for i, m := range r.Mistakes {
		where := fmt.Sprintf("mistakes[%d]", i)
		if m.Number != i+1 {
			bad(where+".number", "%d; want %d", m.Number, i+1)
		}
		if m.Verdict != Open && m.Verdict != Closed && m.Verdict != NotTested {
			bad(where+".verdict", "%q is no verdict", m.Verdict)
		}
		if m.Worst != None && m.Worst.Rank() == 0 {
			bad(where+".worst", "%q is no severity", m.Worst)
		}
		if m.Findings < 0 {
			bad(where+".findings", "%d", m.Findings)
		}
	}
	all := r.Findings
	if r.Baseline != nil {
		all = slices.Concat(all, r.Baseline.Gone)
	}
	for i, f := range all {
		where := fmt.Sprintf("findings[%d]", i)
		if i >= len(r.Findings) {
			where = fmt.Sprintf("baseline.gone[%d]", i-len(r.Findings))
		}
		if f.Status != "" && f.Status != StatusNew && f.Status != StatusSame {
			bad(where+".status", "%q is no status", f.Status)
		}
		if !ruleSyntax.MatchString(string(f.Rule)) {
			bad(where+".rule", "%q is no rule id", f.Rule)
		} else if known := rule.Lookup(f.Rule); known != nil && known.Mistake != f.Mistake {
			bad(where+".mistake", "%d; %s belongs to %d", f.Mistake, f.Rule, known.Mistake)
		}
		if f.Mistake < 1 || f.Mistake > len(rule.Mistakes) {
			bad(where+".mistake", "%d is not between 1 and 7", f.Mistake)
		}
		if f.Severity.Rank() == 0 {
			bad(where+".severity", "%q is no severity", f.Severity)
		}
		if !slices.Contains(confidences, f.Confidence) {
			bad(where+".confidence", "%q is no confidence", f.Confidence)
		}
		if !fingerprintSyntax.MatchString(f.Fingerprint) {
			bad(where+".fingerprint", "%q is no fingerprint", f.Fingerprint)
		}
		if l := f.Location; l.Line < 0 || l.Column < 0 || l.EndLine < 0 || l.EndColumn < 0 || l.File != "" && l.URL != "" {
			bad(where+".location", "it is in no file and no answer")
		}
	}
	return errors.Join(problems...)
}

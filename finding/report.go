// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package finding

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/panoply-security/panoply/rule"
)

// Verdict is what is known about one mistake.
type Verdict string

// The verdicts.
const (
	Closed    Verdict = "closed"     // tested, and nothing worse than info was found
	Open      Verdict = "open"       // something worse than info was found
	NotTested Verdict = "not-tested" // nothing was found because nobody looked
)

// None is the worst severity of a mistake without findings.
const None rule.Severity = "none"

// Mistake is the verdict on one of the seven.
type Mistake struct {
	Number   int           `json:"number"` // 1 to 7
	Name     string        `json:"name"`
	Verdict  Verdict       `json:"verdict"`
	Worst    rule.Severity `json:"worst"` // None without findings
	Findings int           `json:"findings"`
	Reason   string        `json:"reason,omitempty"` // why it was not tested, or not all of it
}

// Report is everything that a scan or an audit says.
type Report struct {
	Tool     string    `json:"tool"` // panoply scan, panoply audit
	Version  string    `json:"version"`
	Target   string    `json:"target"` // an address or a directory
	Grade    string    `json:"grade"`
	Score    int       `json:"score"`    // 0 to 100
	Mistakes []Mistake `json:"mistakes"` // the seven, in order
	Findings []Finding `json:"findings"` // worst first

	Run         *Run         `json:"run,omitempty"`
	Observatory *Observatory `json:"observatory,omitempty"`

	Baseline *Baseline `json:"baseline,omitempty"`
	Failing  *Failing  `json:"failing,omitempty"`

	seen, listed map[rule.ID]int
	size         int // of the findings, as JSON
}

// Run is how the report came about.
type Run struct {
	Started    time.Time `json:"started,omitzero"`
	DurationMS int64     `json:"duration_ms,omitzero"`
	Mode       string    `json:"mode,omitempty"`    // passive, active
	Requests   int       `json:"requests,omitzero"` // sent to the target
	Files      int       `json:"files,omitzero"`    // read
	Stopped    string    `json:"stopped,omitempty"` // why it ended early
	Notes      []string  `json:"notes,omitempty"`   // what the reader should know
	Left       []string  `json:"left,omitempty"`    // what could not be cleaned up on the target
}

// Observatory is the score that MDN's HTTP Observatory gives, algorithm 6. It
// has no part in the score of the report.
type Observatory struct {
	Grade string            `json:"grade"`
	Score int               `json:"score"`
	Tests []ObservatoryTest `json:"tests"`
}

// ObservatoryTest is one line of it.
type ObservatoryTest struct {
	Name   string `json:"name"` // content-security-policy, cookies, …
	Code   string `json:"code"` // the Observatory's result code
	Points int    `json:"points"`
	Pass   bool   `json:"pass"`
	Note   string `json:"note,omitempty"`
}

// NewReport is a report in which nothing has been tested.
func NewReport(tool, version, target string) *Report {
	r := &Report{
		Tool: text(tool, MaxText), Version: text(version, MaxText), Target: text(target, MaxText),
		Grade: ungraded, Findings: []Finding{}, seen: map[rule.ID]int{}, listed: map[rule.ID]int{},
	}
	for _, m := range rule.Mistakes {
		r.Mistakes = append(r.Mistakes, Mistake{Number: m.Number, Name: m.Name, Verdict: NotTested, Worst: None})
	}
	return r
}

// Tested says that a mistake was looked for. A mistake that is not said to be
// tested stays not-tested unless something is found.
func (r *Report) Tested(mistake int) {
	if m := &r.Mistakes[mistake-1]; m.Verdict == NotTested {
		m.Verdict = Closed
	}
}

// NotTested says why a mistake was not looked for, or, if it was, what of it was
// not.
func (r *Report) NotTested(mistake int, reason string) {
	r.Mistakes[mistake-1].Reason = text(reason, MaxText)
}

// Add takes a finding in. It panics on one that [New] did not make.
func (r *Report) Add(f Finding) {
	if f.Mistake < 1 || f.Mistake > len(r.Mistakes) || f.Severity.Rank() == 0 || !slices.Contains(confidences, f.Confidence) {
		panic(fmt.Sprintf("finding: mistake %d, severity %q, confidence %q", f.Mistake, f.Severity, f.Confidence))
	}
	f.bound()
	r.seen[f.Rule]++
	if r.listed[f.Rule] < MaxFindings {
		size := f.size()
		if r.size+size > MaxSize && r.listed[f.Rule] == 0 {
			f.strip() // the first of a rule is always told
			size = f.size()
		} else if r.size+size > MaxSize {
			return
		}
		r.listed[f.Rule]++
		r.size += size
		r.Findings = append(r.Findings, f)
		return
	}
	// Full: a worse one takes the place of the mildest, so that no flood of small
	// faults hides a large one.
	mildest := &f
	for i := range r.Findings {
		if g := &r.Findings[i]; g.Rule == f.Rule && g.Severity.Rank() < mildest.Severity.Rank() {
			mildest = g
		}
	}
	if mildest == &f {
		return
	}
	r.size -= mildest.size()
	if r.size+f.size() > MaxSize {
		f.strip()
	}
	r.size += f.size()
	*mildest = f
}

// Finish puts the findings in order and works out fingerprints, verdicts, grade
// and score. It may be called again after more was added.
func (r *Report) Finish() {
	r.bound()
	slices.SortStableFunc(r.Findings, compare)
	r.number()
	for _, id := range slices.Sorted(maps.Keys(r.seen)) {
		if n := r.seen[id] - r.listed[id]; n > 0 {
			r.Note(fmt.Sprintf("%d more findings of %s are not listed", n, id))
		}
	}
	for i := range r.Mistakes {
		m := &r.Mistakes[i]
		m.Worst, m.Findings = None, 0
		for _, f := range r.Findings {
			if f.Mistake != m.Number {
				continue
			}
			if m.Findings++; f.Severity.Rank() > m.Worst.Rank() {
				m.Worst = f.Severity
			}
		}
		switch {
		case m.Worst.Rank() > rule.Info.Rank():
			m.Verdict = Open
		case m.Verdict == Open: // of an earlier Finish
			m.Verdict = Closed
		}
	}
	r.Grade, r.Score = r.grade()
}

// bound cuts the texts that producers write straight into the report.
func (r *Report) bound() {
	r.Tool, r.Version, r.Target = text(r.Tool, MaxText), text(r.Version, MaxText), text(r.Target, MaxText)
	if r.Run != nil {
		r.Run.Mode, r.Run.Stopped = text(r.Run.Mode, MaxText), text(r.Run.Stopped, MaxText)
		r.Run.Notes, r.Run.Left = texts(r.Run.Notes), texts(r.Run.Left)
	}
	if b := r.Baseline; b != nil {
		b.Target, b.Version, b.Grade = text(b.Target, MaxText), text(b.Version, MaxText), text(b.Grade, MaxText)
		b.Gone = b.Gone[:min(len(b.Gone), MaxGone)]
		for i := range b.Gone {
			b.Gone[i].bound()
			b.Gone[i].strip()
		}
	}
	if r.Observatory != nil {
		r.Observatory.Tests = slices.Clone(r.Observatory.Tests[:min(len(r.Observatory.Tests), MaxNotes)])
		r.Observatory.Grade = text(r.Observatory.Grade, MaxText)
		for i := range r.Observatory.Tests {
			t := &r.Observatory.Tests[i]
			t.Name, t.Code, t.Note = text(t.Name, MaxText), text(t.Code, MaxText), text(t.Note, MaxText)
		}
	}
}

// texts bounds a list of lines, and says how many it left out.
func texts(lines []string) []string {
	var kept []string
	for i, l := range lines {
		if i == MaxNotes-1 && len(lines) > MaxNotes {
			return append(kept, fmt.Sprintf("and %d more", len(lines)-i))
		}
		kept = append(kept, text(l, MaxText))
	}
	return kept
}

// number gives every finding its fingerprint; those that would share one are
// counted in the order of the report's places, so that the first keeps its own.
func (r *Report) number() {
	order := make([]*Finding, len(r.Findings))
	for i := range r.Findings {
		order[i] = &r.Findings[i]
	}
	slices.SortStableFunc(order, func(a, b *Finding) int { return place(a.Location, b.Location) })
	used := map[string]bool{}
	for _, f := range order {
		if f.kept {
			used[f.Fingerprint] = true
		}
	}
	alike := map[string]int{}
	for _, f := range order {
		if f.kept {
			continue
		}
		first := f.fingerprint(0)
		for f.Fingerprint = ""; f.Fingerprint == "" || used[f.Fingerprint]; alike[first]++ {
			f.Fingerprint = f.fingerprint(alike[first])
		}
		used[f.Fingerprint] = true
	}
}

// Note adds a line for the reader to the report, once.
func (r *Report) Note(line string) {
	line = text(line, MaxText)
	if r.Run == nil {
		r.Run = &Run{}
	}
	if !slices.Contains(r.Run.Notes, line) {
		r.Run.Notes = append(r.Run.Notes, line)
	}
}

// Worst is the worst severity of all findings.
func (r *Report) Worst() rule.Severity {
	worst := None
	for _, m := range r.Mistakes {
		if m.Worst.Rank() > worst.Rank() {
			worst = m.Worst
		}
	}
	return worst
}

// compare orders findings: the worst first, then by mistake, rule and place.
func compare(a, b Finding) int {
	return cmp.Or(
		b.Severity.Rank()-a.Severity.Rank(),
		a.Mistake-b.Mistake,
		cmp.Compare(a.Rule, b.Rule),
		place(a.Location, b.Location),
		cmp.Compare(a.Message, b.Message),
	)
}

func place(a, b Location) int {
	return cmp.Or(
		cmp.Compare(a.File, b.File),
		a.Line-b.Line,
		a.Column-b.Column,
		cmp.Compare(a.URL, b.URL),
		cmp.Compare(a.Method, b.Method),
		cmp.Compare(a.Parameter, b.Parameter),
	)
}

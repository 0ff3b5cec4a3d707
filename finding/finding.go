// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

// Package finding is what a scan of a running app and an audit of its source
// both produce: findings, and a report with a verdict on each of the seven
// mistakes, a score and a grade.
//
// A producer makes a [Report], says of each mistake whether it was tested, adds
// findings and calls [Report.Finish]. What is in the report then is all that
// any output shows; package report renders it.
//
//	r := finding.NewReport("panoply scan", version, target)
//	r.Tested(1)
//	r.NotTested(6, "no upload form was found")
//	r.Add(finding.New(rule.HeadersCSPMissing, finding.InAnswer("GET", url, "content-security-policy"), "…"))
//	r.Finish()
//	err := r.Encode(w)
//
// # Score
//
// A score starts at 100 and only ever falls: there is no bonus, so nothing good
// can hide a fault. Of each mistake the worst rule broken costs its full price,
// every further rule of the mistake a third, however many places it shows in:
// critical 60, high 45, medium 15, low 3, info nothing. The grade is the
// score's: A+ for 100 with all seven closed, A from 90, B from 80, C from 65, D
// from 50, F below. So one medium fault means B at best, a high one D, a
// critical one F. docs/scoring.md has the reasons.
//
// # Fingerprints
//
// A fingerprint says that a finding of today is the one of yesterday. It is made
// of the rule, of the [Finding.Anchor] and, in a running app, of method, path and
// parameter, but not of scheme, host, port or query; in source, of the file, but
// not of the line. Findings that have all of that in common are counted.
//
// # Bounds
//
// Texts are cut at [MaxText] bytes and, of evidence and traces, the first
// [MaxEvidence] lines and [MaxTrace] steps are kept; bytes that are not UTF-8 are
// replaced. A report keeps [MaxFindings] findings of a rule and [MaxSize] bytes of
// findings as JSON; it counts the rest, and always tells the first of a rule. So
// a report is smaller than the [MaxReport] bytes that [Decode] reads at most.
package finding

import (
	"strings"

	"github.com/panoply-security/panoply/rule"
)

// Bounds of what a report holds.
const (
	MaxText     = 2000 // bytes of one text: a message, a line of evidence, an address
	MaxFix      = 8000 // bytes of one fix
	MaxEvidence = 20   // lines of evidence of one finding
	MaxTrace    = 50   // steps of one trace
	MaxFindings = 200  // findings of one rule
	MaxNotes    = 100  // notes of one run
	MaxGone     = 200  // findings of a baseline that are gone
	MaxSize     = 16 << 20
	MaxReport   = 64 << 20
)

// Confidence is how sure it is that a finding is one.
type Confidence string

// The confidences.
const (
	Certain   Confidence = "certain"   // seen, or shown against a control
	Firm      Confidence = "firm"      // hardly anything else explains it
	Tentative Confidence = "tentative" // somebody should look
)

var confidences = []Confidence{Certain, Firm, Tentative}

// Finding is one fault at one place.
type Finding struct {
	Rule        rule.ID       `json:"rule"`
	Mistake     int           `json:"mistake"` // 1 to 7
	Severity    rule.Severity `json:"severity"`
	Confidence  Confidence    `json:"confidence"`
	Message     string        `json:"message"` // one sentence: what is wrong here
	Fingerprint string        `json:"fingerprint"`
	Location    Location      `json:"location"`
	Evidence    []string      `json:"evidence"`            // what was seen, secrets masked
	Trace       []Step        `json:"trace"`               // how data gets there, source first
	Fix         Fix           `json:"fix"`                 // the catalogue's unless something better is known
	Reproduce   string        `json:"reproduce,omitempty"` // a command in one line that shows it

	Status   Status      `json:"status,omitempty"`   // beside a baseline
	Accepted *Acceptance `json:"accepted,omitempty"` // by the ignore file

	// Anchor is what stays when lines move: in source the normalized statement, the
	// route or the name of a function; in an answer, where it is needed to tell two
	// findings of a rule apart, the directive or the kind of fault. It goes into the
	// fingerprint and nowhere else, so it holds nothing that changes by itself.
	Anchor string `json:"-"`

	kept bool // it was read with its fingerprint, and without its anchor
}

// Location is where: a place in a file, or an answer of the app.
type Location struct {
	File      string `json:"file,omitempty"`  // relative to the audited directory, with slashes
	Line      int    `json:"line,omitzero"`   // from 1
	Column    int    `json:"column,omitzero"` // from 1, in UTF-16 code units
	EndLine   int    `json:"end_line,omitzero"`
	EndColumn int    `json:"end_column,omitzero"` // the first behind it

	URL       string `json:"url,omitempty"`
	Method    string `json:"method,omitempty"`
	Parameter string `json:"parameter,omitempty"` // a field, header or cookie
}

// Step is one step of a trace.
type Step struct {
	File   string `json:"file"`
	Line   int    `json:"line"`
	Column int    `json:"column"`
	Note   string `json:"note"`
}

// Fix is what closes a finding. Any of the three may be empty.
type Fix struct {
	Express string `json:"express"` // code for the app
	Policy  string `json:"policy"`  // lines for the guard's policy
	Text    string `json:"text"`    // anything else
}

// New is a finding of a rule, with the severity and the fix that the catalogue
// has; both may be replaced. It panics on a rule that belongs to none of the
// seven mistakes, as rules come from code.
func New(id rule.ID, at Location, message string) Finding {
	r := rule.Get(id)
	if r.Mistake == 0 {
		panic("finding: " + string(id) + " belongs to no mistake")
	}
	return Finding{
		Rule:       id,
		Mistake:    r.Mistake,
		Severity:   r.Severity,
		Confidence: Certain,
		Message:    message,
		Location:   at,
		Fix:        Fix{Express: r.Express, Policy: r.Policy},
	}
}

// InAnswer is the place of a finding in a running app. parameter is the field,
// header or cookie it is about, or empty.
func InAnswer(method, url, parameter string) Location {
	return Location{Method: method, URL: url, Parameter: parameter}
}

// InFile is the place of a finding in source; the end may be zero.
func InFile(file string, line, column, endLine, endColumn int) Location {
	return Location{File: file, Line: line, Column: column, EndLine: endLine, EndColumn: endColumn}
}

// String is the place in a few words: POST http://…/login password, or app.js:3:5.
func (l Location) String() string {
	if l.File != "" {
		s := l.File
		for _, n := range []int{l.Line, l.Column} {
			if n == 0 {
				break
			}
			s += ":" + itoa(n)
		}
		return s
	}
	return strings.Join(strings.Fields(l.Method+" "+l.URL+" "+l.Parameter), " ")
}

// Quote is a word for a POSIX shell: in single quotes, so that nothing in it
// means anything. What a target wrote goes into [Finding.Reproduce] only so.
func Quote(word string) string {
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// bound cuts a finding to what a report holds.
func (f *Finding) bound() {
	f.Message = text(f.Message, MaxText)
	f.Anchor = text(f.Anchor, MaxText)
	f.Reproduce = text(f.Reproduce, MaxFix)
	f.Fix = Fix{text(f.Fix.Express, MaxFix), text(f.Fix.Policy, MaxFix), text(f.Fix.Text, MaxFix)}

	l := &f.Location
	l.File = text(strings.ReplaceAll(l.File, `\`, "/"), MaxText)
	l.URL, l.Method, l.Parameter = text(l.URL, MaxText), text(l.Method, MaxText), text(l.Parameter, MaxText)

	evidence := make([]string, 0, min(len(f.Evidence), MaxEvidence))
	for _, e := range f.Evidence[:cap(evidence)] {
		evidence = append(evidence, text(e, MaxText))
	}
	trace := make([]Step, 0, min(len(f.Trace), MaxTrace))
	for _, s := range f.Trace[:cap(trace)] {
		s.File, s.Note = text(strings.ReplaceAll(s.File, `\`, "/"), MaxText), text(s.Note, MaxText)
		trace = append(trace, s)
	}
	f.Evidence, f.Trace = evidence, trace // copies: the caller's slices are his
	if f.Accepted != nil {
		f.Accepted = &Acceptance{text(f.Accepted.Reason, MaxText), text(f.Accepted.Until, MaxText)}
	}
}

// strip leaves what is wrong and where.
func (f *Finding) strip() {
	f.Evidence, f.Trace, f.Fix, f.Reproduce = []string{}, []Step{}, Fix{}, ""
}

// size is about how many bytes of a report the finding takes, rather too many.
func (f *Finding) size() int {
	l := f.Location
	n := 1000 // the names of the members, numbers and indentation
	for _, s := range []string{f.Message, f.Reproduce, f.Fix.Express, f.Fix.Policy, f.Fix.Text, l.File, l.URL, l.Method, l.Parameter} {
		n += escaped(s)
	}
	for _, e := range f.Evidence {
		n += 20 + escaped(e)
	}
	for _, s := range f.Trace {
		n += 150 + escaped(s.File) + escaped(s.Note)
	}
	return n
}

// escaped is how long a text is in JSON at most.
func escaped(s string) int {
	n := len(s)
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '<' || c == '>' || c == '&' || c == '#' || c == '"' || c == '\\' {
			n += 5
		}
	}
	return n
}

// text is s as UTF-8, cut at a bound with an ellipsis.
func text(s string, most int) string {
	s = strings.ToValidUTF8(s, "\ufffd")
	if len(s) <= most {
		return s
	}
	const dots = "…"
	return strings.ToValidUTF8(s[:most-len(dots)], "") + dots
}

// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package report

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"github.com/panoply-security/panoply/finding"
	"github.com/panoply-security/panoply/internal/printable"
)

// page writes text for a terminal.
type page struct {
	bytes.Buffer
	paint
	width int
}

const (
	usualWidth = 80
	leastWidth = 24
	mostWidth  = 110 // longer lines are hard to read
	mostPlaces = 10  // of one rule
)

func writeText(w io.Writer, r *finding.Report, o Options) error {
	p := &page{paint: paint(o.Colour), width: usualWidth}
	if o.Width > 0 {
		p.width = min(max(o.Width, leastWidth), mostWidth)
	}
	p.head(r)
	p.seven(r)
	for _, g := range groups(r) {
		p.rule(g)
	}
	p.score(r)
	p.observatory(r.Observatory)
	p.gone(r.Baseline)
	p.run(r.Run)
	p.end(r)
	_, err := w.Write(p.Bytes())
	return err
}

// para writes a text that may be hostile as wrapped lines, the first behind lead
// and the others as far in. A lead is ours and may have colours; room is the
// columns it takes.
func (p *page) para(lead string, room int, s string) {
	if p.width-room < leastWidth/2 { // no room for both
		p.WriteString(strings.TrimRight(lead, " ") + "\n")
		lead, room = "  ", 2
	}
	for i, line := range wrap(printable.Line(s), p.width-room) {
		if i > 0 {
			lead = strings.Repeat(" ", room)
		}
		p.line(lead + printable.Unheard(line)) // a new line, a new beginning
	}
}

func (p *page) line(s string) { p.WriteString(strings.TrimRight(s, " ") + "\n") }

func (p *page) head(r *finding.Report) {
	p.para("", 0, strings.TrimSpace(r.Tool+" "+r.Version)+": "+r.Target)
	if r.Grade == "-" {
		p.line("Grade " + p.bold("-") + ": nothing was tested")
		return
	}
	p.line(fmt.Sprintf("Grade %s, score %d of 100", p.grade(printable.Line(r.Grade)), r.Score))
	if n := tested(r); n < len(r.Mistakes) {
		p.para("", 0, fmt.Sprintf("%d of %d mistakes tested", n, len(r.Mistakes)))
	}
}

func tested(r *finding.Report) int {
	n := 0
	for _, m := range r.Mistakes {
		if m.Verdict != finding.NotTested {
			n++
		}
	}
	return n
}

// seven is the table of mistakes; on a narrow terminal a line each.
func (p *page) seven(r *finding.Report) {
	const name, verdict, worst = 32, 12, 10
	p.line("")
	wide := p.width >= 4+name+verdict+worst+8
	if wide {
		p.line(p.faint("  # " + pad("mistake", name) + pad("verdict", verdict) + pad("worst", worst) + "findings"))
	}
	for _, m := range r.Mistakes {
		says, severity, count := verdictText(m.Verdict), string(m.Worst), fmt.Sprint(m.Findings)
		if m.Verdict == finding.NotTested {
			severity, count = "-", "-"
		}
		if wide {
			p.line(fmt.Sprintf("  %d ", m.Number) + pad(printable.Line(m.Name), name) +
				p.verdict(m.Verdict, pad(says, verdict)) + p.severity(m.Worst, pad(severity, worst)) + fmt.Sprintf("%8s", count))
			continue
		}
		if m.Findings > 0 {
			says += ", " + count + " " + severity
		}
		p.para(fmt.Sprintf("%d ", m.Number), 2, m.Name+": "+says)
	}
	for _, m := range r.Mistakes {
		if m.Reason != "" {
			p.para(fmt.Sprintf("  %d ", m.Number), 4, m.Reason)
		}
	}
}

func verdictText(v finding.Verdict) string {
	if v == finding.NotTested {
		return "not tested"
	}
	return string(v)
}

// rule writes everything about one broken rule: each place, then the fix.
func (p *page) rule(g *group) {
	p.line("")
	tag := strings.ToUpper(string(g.Severity))
	title := string(g.ID)
	if n := len(g.Findings); n > 1 {
		title += fmt.Sprintf(", %d places", n)
	}
	p.para(p.severity(g.Severity, tag)+"  ", len(tag)+2, title)
	for i, f := range g.Findings {
		if i == mostPlaces {
			p.para("  ", 2, fmt.Sprintf("and %d more places, which the other formats list", len(g.Findings)-i))
			break
		}
		if i > 0 {
			p.line("")
		}
		p.place(g, f)
	}
	p.fix(g.Fix)
}

func (p *page) place(g *group, f *finding.Finding) {
	says := about(f)
	if f.Severity != g.Severity {
		says = " (" + string(f.Severity) + ")" + says
	}
	p.para("  ", 2, f.Message+says)
	p.item("at", f.Location.String())
	for i, e := range f.Evidence {
		p.item(first(i, "seen"), e)
	}
	for i, s := range f.Trace {
		p.item(first(i, "path"), finding.InFile(s.File, s.Line, s.Column, 0, 0).String()+" "+s.Note)
	}
	p.code("show", command(f))
	if f.Fix != g.Fix {
		p.fix(f.Fix)
	}
}

func (p *page) fix(f finding.Fix) {
	p.item("fix", f.Text)
	p.code("express", f.Express)
	p.code("policy", f.Policy)
}

// about is what is to be said of a finding beside its severity.
func about(f *finding.Finding) string {
	var says []string
	if f.Confidence != finding.Certain {
		says = append(says, string(f.Confidence))
	}
	if f.Status != "" {
		says = append(says, string(f.Status))
	}
	if f.Accepted != nil {
		says = append(says, "accepted until "+f.Accepted.Until+": "+f.Accepted.Reason)
	}
	if len(says) == 0 {
		return ""
	}
	return " (" + strings.Join(says, ", ") + ")"
}

func first(i int, label string) string {
	if i > 0 {
		return ""
	}
	return label
}

// room is what the labels take.
const room = 2 + 9

// item is a line with a label before it; nothing if there is nothing to say.
func (p *page) item(label, s string) {
	if s != "" {
		p.para("  "+p.label(label), room, s)
	}
}

// code is an item to be copied: its lines stay lines, however narrow the
// terminal is.
func (p *page) code(label, s string) {
	if strings.TrimSpace(s) == "" {
		return
	}
	for i, line := range printable.Lines(s) {
		p.line("  " + p.label(first(i, label)) + line)
	}
}

func (p *page) label(s string) string { return p.faint(s) + strings.Repeat(" ", room-2-len(s)) }

func (p *page) score(r *finding.Report) {
	all := r.Deductions()
	if r.Grade == "-" {
		return
	}
	p.line("")
	p.line(p.bold("Score") + " 100")
	for _, d := range all {
		p.para(fmt.Sprintf("  %4d  ", -d.Points), 8, deductionText(d))
	}
	p.line(fmt.Sprintf("  = %d", r.Score))
}

func deductionText(d finding.Deduction) string {
	s := fmt.Sprintf("%s, %s", d.Rule, d.Severity)
	if d.Findings > 1 {
		s += fmt.Sprintf(", %d places", d.Findings)
	}
	if !d.Worst {
		s += fmt.Sprintf(", a third: not the worst of mistake %d", d.Mistake)
	}
	return s
}

func (p *page) observatory(o *finding.Observatory) {
	if o == nil {
		return
	}
	p.line("")
	p.para("", 0, fmt.Sprintf("MDN HTTP Observatory (algorithm 6) would say %s, %d", o.Grade, o.Score))
	for _, t := range o.Tests {
		if t.Points != 0 || !t.Pass {
			p.para(fmt.Sprintf("  %+4d  ", t.Points), 8, t.Code)
		}
	}
}

func (p *page) gone(b *finding.Baseline) {
	if b == nil {
		return
	}
	p.line("")
	p.para("", 0, baselineText(b))
	for i := range b.Gone {
		f := &b.Gone[i]
		p.para("  gone  ", 8, fmt.Sprintf("%s %s %s", f.Severity, f.Rule, f.Location))
	}
}

func baselineText(b *finding.Baseline) string {
	s := fmt.Sprintf("Since the baseline (grade %s, score %d): %d new, %d the same, %d gone", b.Grade, b.Score, b.New, b.Same, len(b.Gone))
	if b.Unknown > 0 {
		s += fmt.Sprintf(", %d not looked for this time", b.Unknown)
	}
	return s
}

func (p *page) run(run *finding.Run) {
	if run == nil {
		return
	}
	p.line("")
	if s := runText(run); s != "" {
		p.para("", 0, s)
	}
	for _, n := range run.Notes {
		p.para("note: ", 6, n)
	}
	for _, l := range run.Left {
		p.para("left on the target: ", 20, l)
	}
	if run.Stopped != "" {
		p.para("stopped early: ", 15, run.Stopped)
	}
}

func runText(run *finding.Run) string {
	var says []string
	if run.Mode != "" {
		says = append(says, run.Mode)
	}
	if run.Requests > 0 {
		says = append(says, plural(run.Requests, "request"))
	}
	if run.Files > 0 {
		says = append(says, plural(run.Files, "file"))
	}
	if run.DurationMS > 0 {
		says = append(says, fmt.Sprintf("%.1f s", float64(run.DurationMS)/1000))
	}
	return strings.Join(says, ", ")
}

// end says last what decides the exit code.
func (p *page) end(r *finding.Report) {
	if r.Failing != nil {
		p.line("")
		p.para("", 0, failingText(r))
	}
}

func failingText(r *finding.Report) string {
	f := r.Failing
	what := "finding"
	if r.Baseline != nil {
		what = "new finding"
	}
	switch {
	case f.Level == finding.None:
		return "passed: no finding fails this run"
	case f.Findings == 0:
		return fmt.Sprintf("passed: no %s at or above %s", what, f.Level)
	}
	return fmt.Sprintf("failed: %s at or above %s", plural(f.Findings, what), f.Level)
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package report

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"strings"

	"github.com/panoply-security/panoply/finding"
	"github.com/panoply-security/panoply/internal/printable"
	"github.com/panoply-security/panoply/rule"
)

var (
	//go:embed html/report.css
	css string
	//go:embed html/report.html
	markup string

	pageTemplate = template.Must(template.New("report").Funcs(template.FuncMap{
		"line":    printable.Line,
		"lines":   func(s string) string { return strings.Join(printable.Lines(s), "\n") },
		"verdict": verdictText,
		"signed":  signed,
		"fold":    func(n int) bool { return n > openPlaces },
	}).Parse(markup))

	// The page allows itself one style sheet, by its hash, and nothing else: not
	// even an image, a form or a base address.
	pagePolicy = "default-src 'none'; style-src 'sha256-" + hash(css) + "'; base-uri 'none'; form-action 'none'"
)

func hash(s string) string {
	sum := sha256.Sum256([]byte(s))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// openPlaces is how many places of a rule are shown unfolded.
const openPlaces = 5

// htmlView is what the template shows.
type htmlView struct {
	Report   *finding.Report
	CSS      template.CSS
	Policy   string
	Title    string
	Summary  string
	Class    string // of the grade
	Failing  string
	Fails    bool
	Baseline string
	Run      string
	Began    string
	Sections []htmlSection
	Lines    []htmlLine
	Prices   []htmlPrice
	Sum      int // of the deductions
}

// htmlSection is a mistake with findings.
type htmlSection struct {
	Mistake finding.Mistake
	Rules   []*htmlRule
}

// htmlRule is everything about one broken rule: why and how to fix it once, then
// every place.
type htmlRule struct {
	*group
	Title  string
	Why    string
	Links  []rule.Link
	Places []htmlPlace
}

type htmlPlace struct {
	finding.Finding
	About string
	Fix   *finding.Fix // where it is not the rule's
	Show  string
	Steps []string
}

// htmlLine is a line of the score's explanation.
type htmlLine struct {
	Points int
	Text   string
}

type htmlPrice struct {
	Severity     rule.Severity
	Whole, Third int
}

func writeHTML(w io.Writer, r *finding.Report) error {
	v := htmlView{
		Report: r,
		CSS:    template.CSS(css), // ours, and hashed: it must come out as it is
		Policy: pagePolicy,
		Title:  printable.Line(fmt.Sprintf("Grade %s: %s", r.Grade, r.Target)),
		Class:  gradeClass(r.Grade),
	}
	byMistake := map[int]int{}
	for _, g := range groups(r) { // the worst first, so the mistakes are too
		at, known := byMistake[g.Mistake]
		if !known {
			at = len(v.Sections)
			byMistake[g.Mistake] = at
			v.Sections = append(v.Sections, htmlSection{Mistake: r.Mistakes[g.Mistake-1]})
		}
		v.Sections[at].Rules = append(v.Sections[at].Rules, htmlRuleOf(g))
	}
	v.Summary = summary(r)
	if r.Failing != nil {
		v.Failing, v.Fails = capital(failingText(r)), r.Failing.Findings > 0
	}
	if r.Baseline != nil {
		v.Baseline = baselineText(r.Baseline)
	}
	if r.Run != nil {
		v.Run = runText(r.Run)
		if !r.Run.Started.IsZero() {
			v.Began = r.Run.Started.UTC().Format("2 January 2006, 15:04 UTC")
		}
	}
	for _, d := range r.Deductions() {
		v.Lines = append(v.Lines, htmlLine{-d.Points, deductionText(d)})
		v.Sum += d.Points
	}
	for _, s := range []rule.Severity{rule.Critical, rule.High, rule.Medium, rule.Low, rule.Info} {
		v.Prices = append(v.Prices, htmlPrice{s, finding.Price(s), finding.Price(s) / 3})
	}

	var b bytes.Buffer
	if err := pageTemplate.Execute(&b, v); err != nil {
		return err
	}
	_, err := w.Write(b.Bytes())
	return err
}

func summary(r *finding.Report) string {
	n := tested(r)
	of := fmt.Sprintf("%d of the seven mistakes", n)
	switch n {
	case 0:
		return "Nothing was tested, so there is no score."
	case len(r.Mistakes):
		of = "all seven mistakes"
	}
	return fmt.Sprintf("Score %d of 100, %s tested, %s.", r.Score, of, plural(len(r.Findings), "finding"))
}

func gradeClass(grade string) string {
	switch grade {
	case "A+", "A":
		return "good"
	case "B", "C":
		return "fair"
	case "-":
		return "none"
	}
	return "poor"
}

func htmlRuleOf(g *group) *htmlRule {
	of := &htmlRule{group: g, Title: string(g.ID)}
	if known := rule.Lookup(g.ID); known != nil {
		of.Title, of.Why, of.Links = known.Title, known.Why, known.Links()
	}
	for _, f := range g.Findings {
		quiet := *f
		quiet.Status = "" // it has a tag
		p := htmlPlace{Finding: *f, About: about(&quiet), Show: command(f)}
		if f.Fix != g.Fix {
			p.Fix = &f.Fix
		}
		for _, step := range f.Trace {
			p.Steps = append(p.Steps, finding.InFile(step.File, step.Line, step.Column, 0, 0).String()+" "+step.Note)
		}
		of.Places = append(of.Places, p)
	}
	return of
}

// signed is a number of points with its sign, a real minus.
func signed(n int) string {
	switch {
	case n > 0:
		return fmt.Sprintf("+%d", n)
	case n < 0:
		return fmt.Sprintf("−%d", -n)
	}
	return "0"
}

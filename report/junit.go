// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package report

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"

	"github.com/panoply-security/panoply/finding"
	"github.com/panoply-security/panoply/internal/printable"
	"github.com/panoply-security/panoply/rule"
)

// A suite for each of the seven mistakes; a case for each finding, which fails
// if the finding fails the run and is skipped, with the reason, if it does not;
// and one case for a mistake without any.
type (
	junitSuites struct {
		XMLName  xml.Name     `xml:"testsuites"`
		Name     string       `xml:"name,attr"`
		Tests    int          `xml:"tests,attr"`
		Failures int          `xml:"failures,attr"`
		Errors   int          `xml:"errors,attr"`
		Skipped  int          `xml:"skipped,attr"`
		Time     string       `xml:"time,attr"`
		Suites   []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name      string      `xml:"name,attr"`
		Tests     int         `xml:"tests,attr"`
		Failures  int         `xml:"failures,attr"`
		Errors    int         `xml:"errors,attr"`
		Skipped   int         `xml:"skipped,attr"`
		Time      string      `xml:"time,attr"`
		Timestamp string      `xml:"timestamp,attr,omitempty"`
		Cases     []junitCase `xml:"testcase"`
	}
	junitCase struct {
		Name      string        `xml:"name,attr"`
		ClassName string        `xml:"classname,attr"`
		File      string        `xml:"file,attr,omitempty"`
		Line      int           `xml:"line,attr,omitempty"`
		Time      string        `xml:"time,attr"`
		Failure   *junitFailure `xml:"failure"`
		Skipped   *junitSkipped `xml:"skipped"`
		Out       string        `xml:"system-out,omitempty"`
	}
	junitFailure struct {
		Message string `xml:"message,attr"`
		Type    string `xml:"type,attr"`
		Text    string `xml:",chardata"`
	}
	junitSkipped struct {
		Message string `xml:"message,attr"`
	}
)

func writeJUnit(w io.Writer, r *finding.Report) error {
	all := junitSuites{Name: printable.Line(r.Tool + ": " + r.Target), Time: "0"}
	began := ""
	if r.Run != nil {
		all.Time = fmt.Sprintf("%.3f", float64(r.Run.DurationMS)/1000)
		if !r.Run.Started.IsZero() {
			began = r.Run.Started.UTC().Format("2006-01-02T15:04:05")
		}
	}
	for _, m := range r.Mistakes {
		s := junitSuite{Name: printable.Line(fmt.Sprintf("%d %s", m.Number, m.Name)), Time: "0", Timestamp: began}
		class := "panoply." + rule.Mistakes[m.Number-1].Area
		for i := range r.Findings {
			if f := &r.Findings[i]; f.Mistake == m.Number {
				s.add(junitFinding(r, f, class))
			}
		}
		switch {
		case m.Verdict == finding.NotTested:
			s.add(junitCase{Name: "not tested", ClassName: class, Skipped: &junitSkipped{printable.Line(m.Reason)}})
		case len(s.Cases) == 0:
			s.add(junitCase{Name: "closed", ClassName: class})
		}
		all.Tests += s.Tests
		all.Failures += s.Failures
		all.Skipped += s.Skipped
		all.Suites = append(all.Suites, s)
	}
	text, err := xml.MarshalIndent(all, "", "  ")
	if err != nil {
		return err
	}
	_, err = io.WriteString(w, xml.Header+string(text)+"\n")
	return err
}

func (s *junitSuite) add(c junitCase) {
	c.Time = "0"
	s.Tests++
	if c.Failure != nil {
		s.Failures++
	}
	if c.Skipped != nil {
		s.Skipped++
	}
	s.Cases = append(s.Cases, c)
}

func junitFinding(r *finding.Report, f *finding.Finding, class string) junitCase {
	c := junitCase{
		Name:      printable.Line(fmt.Sprintf("%s at %s", f.Rule, f.Location)),
		ClassName: class,
		File:      printable.Line(f.Location.File),
		Line:      f.Location.Line,
	}
	var lines []string
	add := func(label, s string) {
		if s != "" {
			lines = append(lines, label+printable.Line(s))
		}
	}
	add("", f.Message)
	add("at: ", f.Location.String())
	for _, e := range f.Evidence {
		add("seen: ", e)
	}
	for _, s := range f.Trace {
		add("path: ", finding.InFile(s.File, s.Line, s.Column, 0, 0).String()+" "+s.Note)
	}
	add("fix: ", f.Fix.Text)
	add("express: ", f.Fix.Express)
	add("policy: ", f.Fix.Policy)
	add("show: ", command(f))
	text := strings.Join(lines, "\n")

	if fails(r, f) {
		c.Failure = &junitFailure{Message: printable.Line(f.Message), Type: string(f.Severity), Text: text}
		return c
	}
	c.Out = text
	switch {
	case f.Accepted != nil:
		c.Skipped = &junitSkipped{printable.Line("accepted until " + f.Accepted.Until + ": " + f.Accepted.Reason)}
	case f.Status == finding.StatusSame:
		c.Skipped = &junitSkipped{"in the baseline"}
	case f.Severity != rule.Info:
		c.Skipped = &junitSkipped{string(f.Severity) + " does not fail this run"}
	}
	return c
}

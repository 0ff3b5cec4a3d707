// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/term"

	"github.com/panoply-security/panoply/demo/attack"
	"github.com/panoply-security/panoply/finding"
)

// report is what the attacks and the scan came to on one target.
type report struct {
	target  target
	results []attack.Result
	scan    *finding.Report // or nil, where there was none
}

// open is how many mistakes the scan found.
func (r report) open() (n int) {
	for _, m := range r.scan.Mistakes {
		if m.Verdict == finding.Open {
			n++
		}
	}
	return n
}

func (r report) found() (n int) {
	for _, res := range r.results {
		if res.Exploited {
			n++
		}
	}
	return n
}

// printer writes the result for a person: in colour on a terminal that does not
// ask for none.
type printer struct {
	w      io.Writer
	colour bool
	all    bool // the evidence whole
	width  int  // of the terminal; 0 if there is none
}

const (
	evidenceLines  = 4
	evidenceIndent = 6
	maxWidth       = 110 // of a line of evidence, where no terminal is narrower
)

func newPrinter(f *os.File) printer {
	p := printer{w: f}
	if width, _, err := term.GetSize(int(f.Fd())); err == nil {
		p.width = width
		p.colour = os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
	}
	return p
}

const (
	red    = "31"
	green  = "32"
	yellow = "33"
	bold   = "1"
)

func (p printer) paint(colour, s string) string {
	if !p.colour || colour == "" {
		return s
	}
	return "\x1b[" + colour + "m" + s + "\x1b[0m"
}

func (p printer) progress(format string, args ...any) { fmt.Fprintf(p.w, format+"\n", args...) }

// word is a result in one word. A target that does not serve its own users is
// broken, not safe.
func word(r attack.Result) (text, colour string) {
	switch {
	case r.Exploited:
		return "EXPLOITED", red
	case r.Err != nil || !r.Worked:
		return "BROKEN", yellow
	}
	return "safe", green
}

func (p printer) table(reports []report) {
	fmt.Fprintln(p.w)
	p.row(bold, "", "mistake", reports, func(r report) (text, colour string) { return r.target.name, bold })
	for i, first := range reports[0].results {
		p.row("", strconv.Itoa(i+1), first.Name, reports, func(r report) (text, colour string) { return word(r.results[i]) })
	}
	p.scans(reports)
	for _, r := range reports {
		fmt.Fprintf(p.w, "\n%s\n", p.paint(bold, fmt.Sprintf("what the attacks saw on the %s shop (%s)", r.target.name, r.target.about)))
		for _, res := range r.results {
			text, colour := word(res)
			fmt.Fprintf(p.w, "  %d %s, %d requests\n", res.Mistake, p.paint(colour, text), res.Requests)
			if res.Err != nil {
				fmt.Fprintf(p.w, "      %v\n", res.Err)
			}
			p.evidence(res.Evidence)
		}
	}
}

// scans prints what the scan says, in the same form.
func (p printer) scans(reports []report) {
	if slices.ContainsFunc(reports, func(r report) bool { return r.scan == nil }) {
		return
	}
	fmt.Fprintln(p.w)
	p.row(bold, "", "what panoply scan says", reports, func(r report) (text, colour string) { return r.target.name, bold })
	for i, m := range reports[0].scan.Mistakes {
		p.row("", strconv.Itoa(i+1), m.Name, reports, func(r report) (text, colour string) {
			switch v := r.scan.Mistakes[i].Verdict; v {
			case finding.Open:
				return string(v), red
			case finding.Closed:
				return string(v), green
			default:
				return string(v), yellow
			}
		})
	}
	p.row("", "", "grade, score", reports, func(r report) (text, colour string) {
		return fmt.Sprintf("%s, %d", r.scan.Grade, r.scan.Score), ""
	})
}

// row prints a line of the table, with a cell for each target.
func (p printer) row(colour, number, name string, reports []report, cell func(report) (text, colour string)) {
	line := p.paint(colour, fmt.Sprintf("%-3s%-30s", number, name))
	for _, r := range reports {
		text, colour := cell(r)
		line += "  " + p.paint(colour, fmt.Sprintf("%-11s", text))
	}
	fmt.Fprintln(p.w, strings.TrimRight(line, " "))
}

// evidence prints what was seen, cut to what a person reads.
func (p printer) evidence(lines []string) {
	width := maxWidth
	if p.width > 2*evidenceIndent {
		width = min(width, p.width)
	}
	for i, line := range lines {
		if !p.all && i == evidenceLines {
			fmt.Fprintf(p.w, "      and %d more (-v shows them)\n", len(lines)-i)
			return
		}
		if r := []rune(line); !p.all && len(r) > width-evidenceIndent {
			line = string(r[:width-evidenceIndent-1]) + "…"
		}
		fmt.Fprintf(p.w, "      %s\n", line)
	}
}

func (p printer) browse(targets []target) {
	fmt.Fprintln(p.w, "\nopen in a browser (log in as alice@shop.example / sunshine1; the certificate is this demo's own):")
	for _, t := range targets {
		fmt.Fprintf(p.w, "  %-11s %s\n", t.name, t.url)
	}
}

// verdict says in the last line what was found, and before it what is not as
// claimed.
func (p printer) verdict(reports []report) (ok bool) {
	ok = true
	var counts, scanned []string
	for _, r := range reports {
		for _, res := range r.results {
			text, colour := word(res)
			want := "safe"
			if r.target.vulnerable {
				want = "EXPLOITED"
			}
			if text != want || !res.Worked {
				ok = false
				fmt.Fprintln(p.w, p.paint(colour, fmt.Sprintf("%s: mistake %d, %s: %s; want %s (policy section %s)",
					r.target.name, res.Mistake, res.Name, text, want, sections[res.Mistake-1])))
			}
		}
		ok = p.agrees(r) && ok
		found := ""
		if r.target.vulnerable {
			found = " found"
		}
		if r.scan != nil {
			scanned = append(scanned, fmt.Sprintf("%s %d/%d open", r.target.name, r.open(), len(r.scan.Mistakes)))
		}
		counts = append(counts, fmt.Sprintf("%s %d/%d%s", r.target.name, r.found(), len(r.results), found))
	}
	if len(scanned) == len(reports) {
		fmt.Fprintf(p.w, "scan: %s\n", strings.Join(scanned, ", "))
	}
	fmt.Fprintf(p.w, "demo: %s\n", strings.Join(counts, ", "))
	return ok
}

// agrees says where the scan sees something else than the attacks should.
func (p printer) agrees(r report) (ok bool) {
	if r.scan == nil {
		return true
	}
	want := finding.Closed
	if r.target.vulnerable {
		want = finding.Open
	}
	ok = true
	for _, m := range r.scan.Mistakes {
		if m.Verdict != want {
			ok = false
			fmt.Fprintln(p.w, p.paint(yellow, fmt.Sprintf("%s: mistake %d, %s: the scan says %s; want %s %s",
				r.target.name, m.Number, m.Name, m.Verdict, want, m.Reason)))
		}
	}
	return ok
}

// sections are the policy's sections against the seven.
var sections = [7]string{"headers", "rate_limits", "bodies", "errors", "cookies and tokens", "uploads", "nosql"}

// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/panoply-security/panoply/demo/attack"
)

// report is what the attacks came to on one target.
type report struct {
	target  target
	results []attack.Result
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
}

const (
	evidenceLines = 4
	evidenceWidth = 104
)

func newPrinter(f *os.File) printer {
	info, err := f.Stat()
	terminal := err == nil && info.Mode()&os.ModeCharDevice != 0
	return printer{w: f, colour: terminal && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"}
}

const (
	red    = "31"
	green  = "32"
	yellow = "33"
	bold   = "1"
)

func (p printer) paint(colour, s string) string {
	if !p.colour {
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
	fmt.Fprintf(p.w, "\n%s", p.paint(bold, fmt.Sprintf("%-3s%-32s", "", "mistake")))
	for _, r := range reports {
		fmt.Fprint(p.w, p.paint(bold, fmt.Sprintf("%-13s", r.target.name)))
	}
	fmt.Fprintln(p.w)
	for i := range reports[0].results {
		fmt.Fprintf(p.w, "%d  %-32s", i+1, reports[0].results[i].Name)
		for _, r := range reports {
			text, colour := word(r.results[i])
			fmt.Fprint(p.w, p.paint(colour, fmt.Sprintf("%-13s", text)))
		}
		fmt.Fprintln(p.w)
	}
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

// evidence prints what was seen, cut to what a person reads.
func (p printer) evidence(lines []string) {
	for i, line := range lines {
		if !p.all && i == evidenceLines {
			fmt.Fprintf(p.w, "      and %d more (-v shows them)\n", len(lines)-i)
			return
		}
		if r := []rune(line); !p.all && len(r) > evidenceWidth {
			line = string(r[:evidenceWidth-1]) + "…"
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
	var counts []string
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
		found := ""
		if r.target.vulnerable {
			found = " found"
		}
		counts = append(counts, fmt.Sprintf("%s %d/%d%s", r.target.name, r.found(), len(r.results), found))
	}
	fmt.Fprintf(p.w, "demo: %s\n", strings.Join(counts, ", "))
	return ok
}

// sections are the policy's sections against the seven.
var sections = [7]string{"headers", "rate_limits", "bodies", "errors", "cookies and tokens", "uploads", "nosql"}

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

// A summary is to be read: so many rules, so many places of each.
const (
	mostListed       = 20
	mostPlacesListed = 3
)

// writeMarkdown writes a summary for a pull request, in GitHub's dialect.
func writeMarkdown(w io.Writer, r *finding.Report) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "## %s: grade %s, score %d of 100\n\n", plain(r.Tool), plain(r.Grade), r.Score)
	fmt.Fprintf(&b, "%s\n\n", code(r.Target))
	if r.Failing != nil {
		fmt.Fprintf(&b, "**%s**\n\n", plain(capital(failingText(r))))
	}

	b.WriteString("| # | Mistake | Verdict | Worst | Findings |\n|--:|---|---|---|--:|\n")
	for _, m := range r.Mistakes {
		worst, count := string(m.Worst), fmt.Sprint(m.Findings)
		if m.Verdict == finding.NotTested {
			worst, count = "–", "–"
		}
		verdict := verdictText(m.Verdict)
		if m.Verdict == finding.Open {
			verdict = "**open**"
		}
		fmt.Fprintf(&b, "| %d | %s | %s | %s | %s |\n", m.Number, plain(m.Name), verdict, worst, count)
	}
	for _, m := range r.Mistakes {
		if m.Reason != "" {
			fmt.Fprintf(&b, "\n%d: %s\n", m.Number, plain(m.Reason))
		}
	}

	if r.Baseline != nil {
		fmt.Fprintf(&b, "\n%s.\n", plain(baselineText(r.Baseline)))
	}
	shown := 0
	for _, g := range groups(r) {
		var fresh []*finding.Finding // a review is about what is new
		for _, f := range g.Findings {
			if f.Status != finding.StatusSame && f.Accepted == nil {
				fresh = append(fresh, f)
			}
		}
		if len(fresh) == 0 {
			continue
		}
		if shown++; shown > mostListed {
			continue
		}
		if shown == 1 {
			b.WriteString("\n### Findings\n\n")
		}
		fmt.Fprintf(&b, "- **%s** %s: %s\n", fresh[0].Severity, code(string(g.ID)), plain(fresh[0].Message))
		for i, f := range fresh {
			if i == mostPlacesListed {
				fmt.Fprintf(&b, "  - and %d more places\n", len(fresh)-i)
				break
			}
			fmt.Fprintf(&b, "  - %s\n", code(f.Location.String()))
		}
		if fix := fresh[0].Fix.Express; fix != "" {
			fmt.Fprintf(&b, "\n  %s\n", strings.ReplaceAll(fence(fix, "js"), "\n", "\n  "))
		}
	}
	if shown > mostListed {
		fmt.Fprintf(&b, "- and %d more rules\n", shown-mostListed)
	}
	if r.Baseline != nil && len(r.Baseline.Gone) > 0 {
		b.WriteString("\n### Gone\n\n")
		for i, f := range r.Baseline.Gone {
			if i == mostListed {
				fmt.Fprintf(&b, "- and %d more\n", len(r.Baseline.Gone)-i)
				break
			}
			fmt.Fprintf(&b, "- %s %s at %s\n", f.Severity, code(string(f.Rule)), code(f.Location.String()))
		}
	}
	_, err := w.Write(b.Bytes())
	return err
}

func capital(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

// code is a text in a code span, in which nothing is mark-up, a link or a
// mention. In a table a bar would still end the cell; none stands in one.
func code(s string) string {
	s = printable.Line(s)
	if strings.TrimSpace(s) == "" {
		return "–"
	}
	tics := strings.Repeat("`", longest(s, '`')+1)
	if strings.HasPrefix(s, "`") || strings.HasSuffix(s, "`") || s[0] == ' ' || s[len(s)-1] == ' ' {
		s = " " + s + " "
	}
	return tics + s + tics
}

// fence is a text as a block of code.
func fence(s, language string) string {
	tics := strings.Repeat("`", max(longest(s, '`')+1, 3))
	return tics + language + "\n" + strings.Join(printable.Lines(s), "\n") + "\n" + tics
}

// longest is the length of the longest run of c.
func longest(s string, c byte) int {
	most, run := 0, 0
	for i := range len(s) {
		if s[i] != c {
			run = 0
			continue
		}
		run++
		most = max(most, run)
	}
	return most
}

// plain is a text that stays text: every character that Markdown or GitHub could
// read is escaped, and an empty comment breaks up mentions and references,
// which GitHub looks for after escapes are gone.
func plain(s string) string {
	var b strings.Builder
	s = printable.Line(s)
	for i, r := range s {
		switch {
		case r == '<':
			b.WriteString("&lt;")
		case r == '>':
			b.WriteString("&gt;")
		case r == '&':
			b.WriteString("&amp;")
		case r == '@':
			b.WriteString("@<!-- -->")
		case r == '#':
			b.WriteString(`\#<!-- -->`)
		case strings.ContainsRune("\\`*_{}[]!|~$", r), r == ':' && !strings.HasPrefix(s[i+1:], " "), i == 0 && strings.ContainsRune("-+", r):
			b.WriteString(`\` + string(r))
		case r == '.' && (isWWW(s[:i]) || i > 0 && strings.Trim(s[:i], "0123456789") == ""):
			b.WriteString(`\.`)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

func isWWW(before string) bool {
	return len(before) >= 3 && strings.EqualFold(before[len(before)-3:], "www")
}

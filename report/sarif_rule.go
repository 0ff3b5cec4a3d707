// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package report

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/panoply-security/panoply/finding"
	"github.com/panoply-security/panoply/rule"
)

// describe is the rule of a finding, which is the worst of the rule's as
// findings are in order. Code scanning takes the severity of all of them from
// here.
func describe(f *finding.Finding, c finding.Confidence) sarifRule {
	known := rule.Lookup(f.Rule)
	if known == nil { // a report that a newer version wrote
		known = &rule.Rule{ID: f.Rule, Mistake: f.Mistake, Title: string(f.Rule), Why: string(f.Rule)}
	}
	d := sarifRule{
		ID:                   string(f.Rule),
		Name:                 pascal(string(f.Rule)),
		ShortDescription:     sarifMessage{Text: known.Title},
		FullDescription:      sarifMessage{Text: known.Why},
		Help:                 sarifMessage{helpText(known), helpMarkdown(known)},
		DefaultConfiguration: sarifConfig{level(f.Severity)},
		Properties:           map[string]any{"precision": precision(c), "mistake": f.Mistake},
	}
	if links := known.Links(); len(links) > 0 {
		d.HelpURI = links[len(links)-1].URL
	}
	tags := []string{"mistake-" + strconv.Itoa(f.Mistake)}
	if known.CWE != 0 {
		tags = append(tags, fmt.Sprintf("external/cwe/cwe-%03d", known.CWE))
	}
	if c := known.OWASP(); c != "" {
		tags = append(tags, "owasp/"+c)
	}
	// Everything with the tag security needs a number above 0, which for code
	// scanning is low at least; what is only worth knowing is neither.
	if n := securitySeverity(f.Severity); n != "" {
		d.Properties["security-severity"] = n
		tags = append(tags, "security")
	}
	d.Properties["tags"] = tags
	return d
}

// confidence is the best of a rule's findings: a rule has one precision.
func confidence(r *finding.Report, id rule.ID) finding.Confidence {
	best := finding.Tentative
	for _, f := range r.Findings {
		if f.Rule == id && (f.Confidence == finding.Certain || best == finding.Tentative) {
			best = f.Confidence
		}
	}
	return best
}

// pascal is an id as a name: nosql/operator is NosqlOperator.
func pascal(id string) string {
	var b strings.Builder
	for _, word := range strings.FieldsFunc(id, func(r rune) bool { return r == '/' || r == '-' }) {
		b.WriteString(strings.ToUpper(word[:1]) + word[1:])
	}
	return b.String()
}

func helpText(r *rule.Rule) string {
	var b strings.Builder
	b.WriteString(r.Why)
	if r.Express != "" {
		b.WriteString("\n\nIn the app: " + r.Express)
	}
	if r.Policy != "" {
		b.WriteString("\n\nIn the policy of a guard: " + r.Policy)
	}
	for _, l := range r.Links() {
		b.WriteString("\n\n" + l.Title + ": " + l.URL)
	}
	return b.String()
}

func helpMarkdown(r *rule.Rule) string {
	var b strings.Builder
	b.WriteString(r.Why + "\n")
	if r.Express != "" {
		b.WriteString("\n**In the app**\n\n" + fence(r.Express, "js") + "\n")
	}
	if r.Policy != "" {
		b.WriteString("\n**In the policy of a guard**\n\n" + fence(r.Policy, "yaml") + "\n")
	}
	if links := r.Links(); len(links) > 0 {
		b.WriteString("\n**More**\n\n")
		for _, l := range links {
			b.WriteString("- [" + l.Title + "](" + l.URL + ")\n")
		}
	}
	return b.String()
}

func level(s rule.Severity) string {
	switch s {
	case rule.Critical, rule.High:
		return "error"
	case rule.Medium:
		return "warning"
	}
	return "note"
}

// securitySeverity is in the middle of the band that code scanning calls by the
// same name: above 9 critical, from 7 high, from 4 medium, below low.
func securitySeverity(s rule.Severity) string {
	switch s {
	case rule.Critical:
		return "9.5"
	case rule.High:
		return "8.0"
	case rule.Medium:
		return "5.5"
	case rule.Low:
		return "2.0"
	}
	return ""
}

func precision(c finding.Confidence) string {
	switch c {
	case finding.Certain:
		return "very-high"
	case finding.Firm:
		return "high"
	}
	return "medium"
}

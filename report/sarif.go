// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package report

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"path"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/panoply-security/panoply/finding"
	"github.com/panoply-security/panoply/internal/printable"
	"github.com/panoply-security/panoply/rule"
)

// mostResults stays below the 25,000 that GitHub takes of one run.
const mostResults = 20000

// home is the project's page.
const home = "https://github.com/panoply-security/panoply"

// The part of SARIF 2.1.0 that code scanning reads, and a little of what other
// viewers do.
type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool              sarifTool         `json:"tool"`
		AutomationDetails sarifAutomation   `json:"automationDetails"`
		Invocations       []sarifInvocation `json:"invocations"`
		ColumnKind        string            `json:"columnKind"`
		Results           []sarifResult     `json:"results"`
		Properties        map[string]any    `json:"properties"`
	}
	sarifTool struct {
		Driver sarifDriver `json:"driver"`
	}
	sarifDriver struct {
		Name            string      `json:"name"`
		Version         string      `json:"version,omitempty"`
		SemanticVersion string      `json:"semanticVersion,omitempty"`
		InformationURI  string      `json:"informationUri"`
		Rules           []sarifRule `json:"rules"`
	}
	sarifAutomation struct {
		ID string `json:"id"`
	}
	sarifInvocation struct {
		ExecutionSuccessful        bool                `json:"executionSuccessful"`
		StartTimeUTC               string              `json:"startTimeUtc,omitempty"`
		EndTimeUTC                 string              `json:"endTimeUtc,omitempty"`
		ToolExecutionNotifications []sarifNotification `json:"toolExecutionNotifications,omitempty"`
	}
	sarifNotification struct {
		Level   string       `json:"level"`
		Message sarifMessage `json:"message"`
	}
	sarifRule struct {
		ID                   string         `json:"id"`
		Name                 string         `json:"name"`
		ShortDescription     sarifMessage   `json:"shortDescription"`
		FullDescription      sarifMessage   `json:"fullDescription"`
		Help                 sarifMessage   `json:"help"`
		HelpURI              string         `json:"helpUri,omitempty"`
		DefaultConfiguration sarifConfig    `json:"defaultConfiguration"`
		Properties           map[string]any `json:"properties"`
	}
	sarifConfig struct {
		Level string `json:"level"`
	}
	sarifMessage struct {
		Text     string `json:"text"`
		Markdown string `json:"markdown,omitempty"`
	}
	sarifResult struct {
		RuleID              string              `json:"ruleId"`
		RuleIndex           int                 `json:"ruleIndex"`
		Level               string              `json:"level"`
		Message             sarifMessage        `json:"message"`
		Locations           []sarifLocation     `json:"locations"`
		PartialFingerprints map[string]string   `json:"partialFingerprints"`
		CodeFlows           []sarifCodeFlow     `json:"codeFlows,omitempty"`
		WebRequest          *sarifWebRequest    `json:"webRequest,omitempty"`
		BaselineState       string              `json:"baselineState,omitempty"`
		Suppressions        *[]sarifSuppression `json:"suppressions,omitempty"`
		Properties          map[string]any      `json:"properties"`
	}
	sarifLocation struct {
		PhysicalLocation sarifPhysical  `json:"physicalLocation"`
		LogicalLocations []sarifLogical `json:"logicalLocations,omitempty"`
		Message          *sarifMessage  `json:"message,omitempty"`
	}
	sarifPhysical struct {
		ArtifactLocation sarifArtifact `json:"artifactLocation"`
		Region           sarifRegion   `json:"region"`
	}
	sarifArtifact struct {
		URI       string `json:"uri"`
		URIBaseID string `json:"uriBaseId"`
	}
	sarifRegion struct {
		StartLine   int `json:"startLine"`
		StartColumn int `json:"startColumn"`
		EndLine     int `json:"endLine"`
		EndColumn   int `json:"endColumn"`
	}
	sarifLogical struct {
		FullyQualifiedName string `json:"fullyQualifiedName"`
		Kind               string `json:"kind"`
	}
	sarifCodeFlow struct {
		ThreadFlows []sarifThreadFlow `json:"threadFlows"`
	}
	sarifThreadFlow struct {
		Locations []sarifFlowStep `json:"locations"`
	}
	sarifFlowStep struct {
		Location sarifLocation `json:"location"`
	}
	sarifWebRequest struct {
		Method string `json:"method"`
		Target string `json:"target"`
	}
	sarifSuppression struct {
		Kind          string `json:"kind"`
		Status        string `json:"status"`
		Justification string `json:"justification"`
	}
)

func writeSARIF(w io.Writer, r *finding.Report, o Options) error {
	run := sarifRun{
		Tool: sarifTool{sarifDriver{
			Name: "Panoply", Version: printable.Line(r.Version), InformationURI: home, Rules: []sarifRule{},
		}},
		// Code scanning replaces what an earlier run of the same category found, so
		// a scan and an audit of one repository need one each.
		AutomationDetails: sarifAutomation{strings.ReplaceAll(printable.Line(r.Tool), " ", "/") + "/"},
		Invocations:       []sarifInvocation{invocation(r.Run)},
		ColumnKind:        "utf16CodeUnits",
		Results:           []sarifResult{},
		Properties:        map[string]any{"target": nonEmpty(r.Target), "grade": r.Grade, "score": r.Score},
	}
	if semantic.MatchString(r.Version) {
		run.Tool.Driver.SemanticVersion = r.Version
	}

	accepted := false
	for _, f := range r.Findings {
		accepted = accepted || f.Accepted != nil
	}
	index := map[rule.ID]int{}
	for i := range r.Findings {
		f := &r.Findings[i]
		at, known := index[f.Rule]
		if !known {
			at = len(index)
			index[f.Rule] = at
			run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, describe(f, confidence(r, f.Rule)))
		}
		if i == mostResults {
			run.Invocations[0].ToolExecutionNotifications = append(run.Invocations[0].ToolExecutionNotifications,
				notification("warning", fmt.Sprintf("%d more findings are in the other formats", len(r.Findings)-i)))
			break
		}
		result := resultOf(f, at, cmp.Or(o.File, "package.json"))
		if accepted { // SARIF: on all results or on none
			result.Suppressions = &[]sarifSuppression{}
			if f.Accepted != nil {
				*result.Suppressions = append(*result.Suppressions, sarifSuppression{"external", "accepted",
					nonEmpty(f.Accepted.Reason + " (until " + f.Accepted.Until + ")")})
			}
		}
		run.Results = append(run.Results, result)
	}

	text, err := json.MarshalIndent(sarifLog{
		Schema:  "https://json.schemastore.org/sarif-2.1.0.json",
		Version: "2.1.0",
		Runs:    []sarifRun{run},
	}, "", "  ")
	if err != nil {
		return err
	}
	_, err = w.Write(append(printable.JSON(text), '\n'))
	return err
}

var semantic = regexp.MustCompile(`^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$`)

func invocation(run *finding.Run) sarifInvocation {
	if run == nil {
		return sarifInvocation{ExecutionSuccessful: true}
	}
	in := sarifInvocation{ExecutionSuccessful: run.Stopped == ""}
	if !run.Started.IsZero() {
		in.StartTimeUTC = run.Started.UTC().Format(time.RFC3339)
		in.EndTimeUTC = run.Started.UTC().Add(time.Duration(run.DurationMS) * time.Millisecond).Format(time.RFC3339)
	}
	if run.Stopped != "" {
		in.ToolExecutionNotifications = append(in.ToolExecutionNotifications, notification("error", run.Stopped))
	}
	for _, n := range run.Notes {
		in.ToolExecutionNotifications = append(in.ToolExecutionNotifications, notification("note", n))
	}
	for _, l := range run.Left {
		in.ToolExecutionNotifications = append(in.ToolExecutionNotifications, notification("warning", "left on the target: "+l))
	}
	return in
}

func notification(level, text string) sarifNotification {
	return sarifNotification{level, sarifMessage{Text: nonEmpty(text)}}
}

// nonEmpty is a text as SARIF can show it: code scanning refuses empty strings.
func nonEmpty(s string) string { return cmp.Or(printable.Line(s), "-") }

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

func resultOf(f *finding.Finding, ruleIndex int, file string) sarifResult {
	result := sarifResult{
		RuleID:    string(f.Rule),
		RuleIndex: ruleIndex,
		Level:     level(f.Severity),
		Message:   sarifMessage{Text: resultText(f)},
		PartialFingerprints: map[string]string{
			"primaryLocationLineHash": f.Fingerprint + ":1", // the one that code scanning uses
			"panoply/v1":              f.Fingerprint,
		},
		Properties: map[string]any{"severity": f.Severity, "confidence": f.Confidence, "mistake": f.Mistake},
	}
	at := sarifLocation{PhysicalLocation: physical(f.Location)}
	if f.Location.File == "" {
		// An answer is in no file, and code scanning shows nothing without one.
		at.PhysicalLocation = physical(finding.InFile(file, 1, 1, 1, 1))
		if f.Location.URL != "" {
			where := nonEmpty(strings.TrimSpace(f.Location.Method + " " + f.Location.Path()))
			at.LogicalLocations = []sarifLogical{{where, "resource"}}
			result.WebRequest = &sarifWebRequest{nonEmpty(cmp.Or(f.Location.Method, "GET")), nonEmpty(f.Location.URL)}
		}
	}
	result.Locations = []sarifLocation{at}
	if len(f.Trace) > 0 {
		var steps []sarifFlowStep
		for _, s := range f.Trace {
			steps = append(steps, sarifFlowStep{sarifLocation{
				PhysicalLocation: physical(finding.InFile(s.File, s.Line, s.Column, 0, 0)),
				Message:          &sarifMessage{Text: nonEmpty(s.Note)},
			}})
		}
		result.CodeFlows = []sarifCodeFlow{{[]sarifThreadFlow{{steps}}}}
	}
	switch f.Status {
	case finding.StatusNew:
		result.BaselineState = "new"
	case finding.StatusSame:
		result.BaselineState = "unchanged"
	}
	return result
}

// resultText is all that code scanning shows of a finding beside its rule.
func resultText(f *finding.Finding) string {
	lines := []string{nonEmpty(f.Message)}
	if f.Location.File == "" && f.Location.URL != "" {
		lines = append(lines, "At: "+printable.Line(f.Location.String()))
	}
	for _, e := range f.Evidence {
		lines = append(lines, "Seen: "+printable.Line(e))
	}
	if f.Fix.Text != "" {
		lines = append(lines, "Fix: "+printable.Line(f.Fix.Text))
	}
	return unlinked(strings.Join(lines, "\n"))
}

// unlinked takes from a text what SARIF reads in messages: links [text](target)
// and placeholders {0}. All else stays as it was seen.
func unlinked(s string) string {
	return placeholder.ReplaceAllString(strings.ReplaceAll(s, "](", "] ("), "{{$1}}")
}

var placeholder = regexp.MustCompile(`\{(\d+)\}`)

// physical is a place in a file of the repository, with an end behind its start.
func physical(l finding.Location) sarifPhysical {
	// Cleaned as from the root, so that it cannot point out of the repository.
	file := cmp.Or(strings.TrimPrefix(path.Clean("/"+printable.Line(l.File)), "/"), "package.json")
	g := sarifRegion{max(l.Line, 1), max(l.Column, 1), max(l.EndLine, l.Line, 1), l.EndColumn}
	if g.EndLine == g.StartLine {
		g.EndColumn = max(g.EndColumn, g.StartColumn+1)
	}
	g.EndColumn = max(g.EndColumn, 1)
	uri := (&url.URL{Path: "/" + file}).EscapedPath()[1:]
	uri = strings.ReplaceAll(uri, ":", "%3A") // before a colon stands a scheme
	return sarifPhysical{sarifArtifact{uri, "%SRCROOT%"}, g}
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

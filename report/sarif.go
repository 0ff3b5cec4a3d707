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

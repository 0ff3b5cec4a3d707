// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package report

import (
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/panoply-security/panoply/finding"
	"github.com/panoply-security/panoply/rule"
)

// sarifProblems holds a log against what GitHub's documentation of code scanning
// requires, and what it asks for.
func sarifProblems(text string) []string {
	var problems []string
	bad := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	if len(text) > 200<<20 {
		bad("%d bytes", len(text))
	}

	var raw any
	if err := json.Unmarshal([]byte(text), &raw); err != nil {
		return []string{err.Error()}
	}
	eachString(raw, "", func(path, s string) {
		if s == "" {
			bad("%s is empty", path)
		}
	})

	var log sarifLog
	if err := json.Unmarshal([]byte(text), &log); err != nil {
		return append(problems, err.Error())
	}
	if log.Schema != "https://json.schemastore.org/sarif-2.1.0.json" || log.Version != "2.1.0" || len(log.Runs) != 1 {
		bad("schema %q, version %q, %d runs", log.Schema, log.Version, len(log.Runs))
		return problems
	}
	run := log.Runs[0]
	driver := run.Tool.Driver
	if driver.Name == "" || driver.Rules == nil || run.Results == nil {
		bad("the tool has no name, or rules or results are missing")
	}
	if id := run.AutomationDetails.ID; !strings.HasSuffix(id, "/") || len(id) < 2 {
		bad("category %q", id)
	}
	if len(run.Invocations) != 1 || run.ColumnKind != "utf16CodeUnits" {
		bad("%d invocations, columns in %q", len(run.Invocations), run.ColumnKind)
	}
	ids := map[string]bool{}
	for i, r := range driver.Rules {
		if ids[r.ID] {
			bad("rule %s twice", r.ID)
		}
		ids[r.ID] = true
		if r.ID == "" || len(r.Name) > 255 || r.ShortDescription.Text == "" || len(r.ShortDescription.Text) > 1024 ||
			r.FullDescription.Text == "" || len(r.FullDescription.Text) > 1024 || r.Help.Text == "" {
			bad("rule %d: a text is missing or too long: %+v", i, r)
		}
		if rule.Lookup(rule.ID(r.ID)) != nil && (r.Help.Markdown == "" || !strings.HasPrefix(r.HelpURI, "https://")) {
			bad("rule %s has no help", r.ID)
		}
		switch r.DefaultConfiguration.Level {
		case "note", "warning", "error":
		default:
			bad("rule %s: level %q", r.ID, r.DefaultConfiguration.Level)
		}
		switch r.Properties["precision"] {
		case "very-high", "high", "medium", "low":
		default:
			bad("rule %s: precision %v", r.ID, r.Properties["precision"])
		}
		tags := fmt.Sprint(r.Properties["tags"])
		severity, scored := r.Properties["security-severity"].(string)
		if scored != strings.Contains(tags, " security]") {
			bad("rule %s: tags %s beside severity %q", r.ID, tags, severity)
		}
		if n, err := strconv.ParseFloat(severity, 64); scored && (err != nil || n <= 0 || n > 10) {
			bad("rule %s: severity %q", r.ID, severity)
		}
		if t, _ := r.Properties["tags"].([]any); len(t) > 20 {
			bad("rule %s: %d tags", r.ID, len(t))
		}
	}
	if len(run.Results) > 25000 {
		bad("%d results", len(run.Results))
	}
	prints := map[string]bool{}
	for i, r := range run.Results {
		if r.RuleIndex < 0 || r.RuleIndex >= len(driver.Rules) || driver.Rules[r.RuleIndex].ID != r.RuleID {
			bad("result %d: rule %s is not at %d", i, r.RuleID, r.RuleIndex)
		}
		if r.Message.Text == "" || len(r.Locations) != 1 {
			bad("result %d: message %q, %d locations", i, r.Message.Text, len(r.Locations))
		}
		p := r.PartialFingerprints["primaryLocationLineHash"]
		if p == "" || prints[p] {
			bad("result %d: fingerprint %q is missing or another's", i, p)
		}
		prints[p] = true
		places := r.Locations
		for _, flow := range r.CodeFlows {
			for _, thread := range flow.ThreadFlows {
				for _, s := range thread.Locations {
					places = append(places, s.Location)
				}
			}
		}
		for _, l := range places {
			uri, g := l.PhysicalLocation.ArtifactLocation.URI, l.PhysicalLocation.Region
			u, err := url.Parse(uri)
			if err != nil || u.IsAbs() || u.Host != "" || strings.HasPrefix(uri, "/") || strings.Contains("/"+u.Path+"/", "/../") || !isASCII(uri) {
				bad("result %d: %q is not relative to the repository", i, uri)
			}
			if g.StartLine < 1 || g.StartColumn < 1 || g.EndLine < g.StartLine || g.EndColumn < 1 ||
				g.EndLine == g.StartLine && g.EndColumn <= g.StartColumn {
				bad("result %d: region %+v", i, g)
			}
		}
		if placeholder.MatchString(strings.NewReplacer("{{", "", "}}", "").Replace(r.Message.Text)) || strings.Contains(r.Message.Text, "](") {
			bad("result %d: the message has a link or a placeholder: %q", i, r.Message.Text)
		}
	}
	return problems
}

func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r > 0x7e || r < 0x21 })
}

func eachString(v any, path string, do func(path, s string)) {
	switch v := v.(type) {
	case string:
		do(path, v)
	case []any:
		for i, e := range v {
			eachString(e, fmt.Sprintf("%s[%d]", path, i), do)
		}
	case map[string]any:
		for k, e := range v {
			eachString(e, path+"."+k, do)
		}
	}
}

func TestSARIFForCodeScanning(t *testing.T) {
	everything := finding.NewReport("panoply scan", "dev", "http://h/")
	for _, r := range rule.All() {
		if r.Mistake != 0 {
			everything.Add(finding.New(r.ID, finding.InAnswer("GET", "http://h/", ""), "every rule once"))
		}
	}
	everything.Finish()
	none := finding.NewReport("panoply audit", "1.0.0-rc.1", ".")
	none.Finish()
	for name, r := range map[string]*finding.Report{
		"scan": aScan(), "judged": judgedScan(t), "audit": anAudit(), "every-rule": everything, "no-finding": none,
	} {
		t.Run(name, func(t *testing.T) {
			for _, p := range sarifProblems(render(t, SARIF, r, Options{})) {
				t.Error(p)
			}
		})
	}
}

func sarif(t *testing.T, r *finding.Report, o Options) sarifRun {
	t.Helper()
	var log sarifLog
	if err := json.Unmarshal([]byte(render(t, SARIF, r, o)), &log); err != nil {
		t.Fatal(err)
	}
	return log.Runs[0]
}

func TestSARIFSeverityIsTheWorst(t *testing.T) {
	r := finding.NewReport("panoply scan", "1", "http://h/")
	for _, s := range []rule.Severity{rule.Low, rule.Critical, rule.Medium} {
		f := finding.New(rule.ErrorLeak, finding.InAnswer("GET", "http://h/"+string(s), ""), "x")
		f.Severity = s
		r.Add(f)
	}
	r.Finish()
	run := sarif(t, r, Options{})
	if got := run.Tool.Driver.Rules[0].Properties["security-severity"]; got != "9.5" {
		t.Errorf("got %v; want 9.5: the rule has one number, and the worst is critical", got)
	}
	if got := []string{run.Results[0].Level, run.Results[1].Level, run.Results[2].Level}; got[0] != "error" || got[1] != "warning" || got[2] != "note" {
		t.Errorf("got levels %q", got)
	}
}

func TestSARIFPlaces(t *testing.T) {
	for _, tt := range []struct{ file, want string }{
		{"routes/my login.js", "routes/my%20login.js"},
		{`routes\login.js`, "routes/login.js"},
		{"./app.js", "app.js"},
		{"../../etc/passwd", "etc/passwd"},
		{"/etc/passwd", "etc/passwd"},
		{"a:b.js", "a%3Ab.js"},
		{"a#b?c%.js", "a%23b%3Fc%25.js"},
		{"é.js", "%C3%A9.js"},
	} {
		r := finding.NewReport("panoply audit", "1", ".")
		r.Add(finding.New(rule.ErrorLeak, finding.InFile(tt.file, 3, 0, 0, 0), "x"))
		r.Finish()
		if got := sarif(t, r, Options{}).Results[0].Locations[0].PhysicalLocation.ArtifactLocation.URI; got != tt.want {
			t.Errorf("%s: got %s; want %s", tt.file, got, tt.want)
		}
	}
}

// An accepted finding is suppressed; SARIF wants to hear about all or none.
func TestSARIFSuppressions(t *testing.T) {
	for _, r := range sarif(t, judgedScan(t), Options{}).Results {
		if r.Suppressions == nil || (len(*r.Suppressions) == 1) != (r.RuleID == string(rule.HeadersCSPMissing)) {
			t.Errorf("%s: %+v", r.RuleID, r.Suppressions)
		}
	}
	for _, r := range sarif(t, aScan(), Options{}).Results {
		if r.Suppressions != nil {
			t.Errorf("%s has suppressions, and nothing was accepted", r.RuleID)
		}
	}
}

func TestPascal(t *testing.T) {
	if got := pascal("headers/csp-missing"); got != "HeadersCspMissing" || !regexp.MustCompile(`^\w+$`).MatchString(got) {
		t.Errorf("got %q", got)
	}
}

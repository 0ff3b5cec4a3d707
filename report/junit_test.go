// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package report

import (
	"encoding/xml"
	"strings"
	"testing"

	"github.com/panoply-security/panoply/finding"
	"github.com/panoply-security/panoply/rule"
)

// TestJUnitCounts holds the numbers in the attributes against the elements, as
// build servers believe either.
func TestJUnitCounts(t *testing.T) {
	for name, r := range map[string]*finding.Report{"scan": aScan(), "judged": judgedScan(t), "audit": anAudit()} {
		t.Run(name, func(t *testing.T) {
			text := render(t, JUnit, r, Options{})
			var all junitSuites
			if err := xml.Unmarshal([]byte(text), &all); err != nil {
				t.Fatal(err)
			}
			failing := 0
			for i := range r.Findings {
				if fails(r, &r.Findings[i]) {
					failing++
				}
			}
			if n := strings.Count(text, "<failure"); all.Failures != n || n != failing {
				t.Errorf("%d failures in the attribute, %d elements; want %d", all.Failures, n, failing)
			}
			if n := strings.Count(text, "<testcase"); all.Tests != n || len(all.Suites) != 7 {
				t.Errorf("%d tests in the attribute, %d elements, %d suites; want 7", all.Tests, n, len(all.Suites))
			}
			if n := strings.Count(text, "<skipped"); all.Skipped != n {
				t.Errorf("%d skipped in the attribute, %d elements", all.Skipped, n)
			}
			sum := 0
			for _, s := range all.Suites {
				sum += s.Tests
				if s.Tests != len(s.Cases) {
					t.Errorf("%s: %d tests, %d cases", s.Name, s.Tests, len(s.Cases))
				}
			}
			if sum != all.Tests {
				t.Errorf("the suites have %d tests; want %d", sum, all.Tests)
			}
		})
	}
}

// Without a level everything from low on fails; what is only worth knowing does not.
func TestJUnitWithoutALevel(t *testing.T) {
	r := finding.NewReport("panoply scan", "1", "http://h/")
	r.Add(finding.New(rule.HeadersServer, finding.InAnswer("GET", "http://h/", ""), "x"))
	r.Add(finding.New(rule.TokenMissing, finding.InAnswer("GET", "http://h/", ""), "x"))
	r.Finish()
	if got := render(t, JUnit, r, Options{}); strings.Count(got, "<failure") != 1 {
		t.Errorf("want one failure:\n%s", got)
	}
}

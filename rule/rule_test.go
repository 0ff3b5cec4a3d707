// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package rule

import (
	"net/url"
	"regexp"
	"testing"
)

var syntax = regexp.MustCompile(`^[a-z]+/[a-z]+(-[a-z]+)*$`)

// TestCatalogue holds what reports rely on: texts for everybody who reads one.
func TestCatalogue(t *testing.T) {
	for _, r := range All() {
		t.Run(string(r.ID), func(t *testing.T) {
			if !syntax.MatchString(string(r.ID)) {
				t.Errorf("the id is not area/fault in lower case")
			}
			if r.Title == "" || len(r.Title) > 100 || r.Why == "" || len(r.Why) > 1024 {
				t.Errorf("title %q and why %q: one is missing or too long", r.Title, r.Why)
			}
			if r.Severity.Rank() == 0 {
				t.Errorf("severity %q is none of the five", r.Severity)
			}
			if r.CWE == 0 && r.Severity != Info {
				t.Error("no CWE: only what harms nobody may have none")
			}
			if r.CWE != 0 && r.OWASP() == "" {
				t.Errorf("owasp.go does not say in which category CWE-%d is", r.CWE)
			}
			for _, l := range r.Links() {
				if u, err := url.Parse(l.URL); err != nil || u.Scheme != "https" || u.Host == "" || l.Title == "" {
					t.Errorf("link %+v", l)
				}
			}
		})
	}
}

func TestOWASPListsEachWeaknessOnce(t *testing.T) {
	for cwe := range nearest {
		if _, twice := listed[cwe]; twice && cwe != 0 {
			t.Errorf("CWE-%d is on OWASP's list; the nearest is not asked for", cwe)
		}
	}
}

func TestSeverityOrder(t *testing.T) {
	if !Critical.AtLeast(High) || !Low.AtLeast(Low) || Info.AtLeast(Low) || Severity("none").AtLeast(Info) {
		t.Error("the order is none < info < low < medium < high < critical")
	}
}

// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/panoply-security/panoply/rule"
)

func TestParse(t *testing.T) {
	tests := []struct {
		name  string
		parse func([]byte) ([]found, error)
		want  []found
	}{
		{"panoply", func(b []byte) ([]found, error) { return parsePanoply("shop", b) }, []found{{"token/weak-secret", "shop/lib/token.js", 7, 7}}},
		{"eslint", func(b []byte) ([]found, error) {
			out, broken, err := parseESLint(b)
			if err == nil && broken != 1 {
				t.Errorf("%d files not parsed; want 1", broken)
			}
			return out, err
		}, []found{
			{"security/detect-object-injection", "shop/app.js", 4, 4},
			{"security/detect-object-injection", "shop/app.js", 4, 4},
			{"security/detect-unsafe-regex", "shop/app.js", 30, 30},
		}},
		{"njsscan", parseNJSScan, []found{{"hardcoded_jwt_secret", "shop/app.js", 1, 6}}},
		{"semgrep", parseSemgrep, []found{{"jwt-none-alg", "shop/lib/token.js", 7, 9}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			report, err := os.ReadFile(filepath.Join("testdata", tt.name+".json"))
			if err != nil {
				t.Fatal(err)
			}
			got, err := tt.parse(report)
			if err != nil || !slices.Equal(got, tt.want) {
				t.Errorf("got %v, %v; want %v", got, err, tt.want)
			}
			if _, err := tt.parse(report[:len(report)/2]); err == nil {
				t.Error("half a report is taken for a whole one")
			}
		})
	}
}

func TestErrorsOfNJSScanAreNoEmptyResult(t *testing.T) {
	if _, err := parseNJSScan([]byte(`{"errors": ["semgrep not found"], "nodejs": {}}`)); err == nil {
		t.Error("no error")
	}
}

func TestMarks(t *testing.T) {
	got := marksOf("shop/app.js", "a // ! token/alg-none, token/weak-secret\n// no mark!\n/* ! upload/name */ b")
	want := []mark{{"shop/app.js", 1, "token/alg-none"}, {"shop/app.js", 1, "token/weak-secret"}, {"shop/app.js", 3, "upload/name"}}
	if !slices.Equal(got, want) {
		t.Errorf("got %v; want %v", got, want)
	}
}

func TestScore(t *testing.T) {
	marks := []mark{{"shop/app.js", 5, "token/weak-secret"}, {"shop/app.js", 20, "upload/name"}, {"shop/lib/a.ts", 5, "ratelimit/none"}}
	c := claims{"secret": {"token/weak-secret"}, "path": {"upload/name"}, "limiter": {"ratelimit/none"}, "other": nil}
	tests := []struct {
		name                string
		finding             found
		found, missed, fals int
	}{
		{"the-line", found{"secret", "shop/app.js", 5, 5}, 1, 2, 0},
		{"a-line-before", found{"secret", "shop/app.js", 4, 4}, 1, 2, 0},
		{"a-line-after", found{"secret", "shop/app.js", 6, 6}, 1, 2, 0},
		{"two-lines-before", found{"secret", "shop/app.js", 3, 3}, 0, 3, 1},
		{"two-lines-after", found{"secret", "shop/app.js", 7, 7}, 0, 3, 1},
		{"a-function-around-it", found{"secret", "shop/app.js", 1, 30}, 1, 2, 0},
		{"another-file", found{"secret", "shop/lib/b.js", 5, 5}, 0, 3, 1},
		{"beside-the-mark-of-another-rule", found{"secret", "shop/app.js", 20, 20}, 0, 3, 0},
		{"a-rule-about-something-else", found{"other", "shop/app.js", 5, 5}, 0, 3, 0},
		{"a-rule-about-something-else-elsewhere", found{"other", "shop/app.js", 9, 9}, 0, 3, 0},
		{"a-rule-that-is-not-known", found{"new", "shop/app.js", 9, 9}, 0, 3, 0},
		{"the-whole-app", found{rule: "limiter", path: "shop"}, 1, 2, 0},
		{"another-app-of-like-name", found{rule: "limiter", path: "sho"}, 0, 3, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			// Said twice, it counts once.
			got := sum(score(marks, []found{tt.finding, tt.finding}, c))
			if want := (tally{tt.found, tt.missed, tt.fals}); got != want {
				t.Errorf("got %+v; want %+v", got, want)
			}
		})
	}
}

// A dozen notices about the headers of one app are one false finding, and none if
// the app has any mark of that mistake.
func TestNoticesOfAnAppAreOne(t *testing.T) {
	var notices []found
	for id := range controlClaims {
		notices = append(notices, found{rule: id, path: "shop"})
	}
	marks := []mark{{"shop/app.js", 5, "ratelimit/weak"}}
	got := score(marks, notices, controlClaims)
	if want := (tally{false: 1}); got[1] != want {
		t.Errorf("headers: got %+v; want %+v", got[1], want)
	}
	if want := (tally{missed: 1}); got[2] != want {
		t.Errorf("limits: got %+v; want %+v", got[2], want)
	}
}

func TestControlsAreMissingByApp(t *testing.T) {
	got := missing([]string{"a", "b"}, []found{{"rate_limit_control", "a/app.js", 3, 3}})
	if len(got) != 2*len(controlClaims)-1 || slices.Contains(got, found{rule: "rate_limit_control", path: "a"}) || !slices.Contains(got, found{rule: "rate_limit_control", path: "b"}) {
		t.Errorf("got %v", got)
	}
}

// What a peer's rule is taken for exists in the catalogue.
func TestClaimsAreOfKnownRules(t *testing.T) {
	for _, c := range []claims{eslintClaims, njsscanClaims, controlClaims, semgrepClaims} {
		for name, ids := range c {
			for _, id := range ids {
				if rule.Lookup(id) == nil || mistake(id) == 0 {
					t.Errorf("%s: %s is no rule of the seven", name, id)
				}
			}
		}
	}
}

// Every mark of the apps is counted for a mistake.
func TestMarksOfTheApps(t *testing.T) {
	marks, err := readMarks("../../" + apps)
	if err != nil || len(marks) < 100 {
		t.Fatalf("%d marks, %v", len(marks), err)
	}
	for _, m := range marks {
		if mistake(m.rule) == 0 {
			t.Errorf("%s:%d: %s is no rule of the seven", m.path, m.line, m.rule)
		}
	}
}

func TestPageSaysWhatWasNotRun(t *testing.T) {
	var page strings.Builder
	marks := []mark{{"shop/app.js", 5, "token/weak-secret"}}
	write(&page, marks, []result{
		{tool: "panoply audit", findings: []found{{"token/weak-secret", "shop/app.js", 5, 5}}, claims: claims{"token/weak-secret": {"token/weak-secret"}}},
		{tool: "semgrep", note: "1.0", claims: semgrepClaims, err: errors.New("no rules")},
	}, time.Date(2026, 11, 28, 0, 0, 0, 0, time.UTC))
	for _, want := range []string{
		"| 5 Insecure sessions and tokens | 1 | 1 / 0 / 0 | not run |\n",
		"| semgrep | 1.0 | not run on 2026-11-28: no rules | |\n",
		"| token/weak-secret | 1 |\n", // a peer that was not run claims nothing
	} {
		if !strings.Contains(page.String(), want) {
			t.Errorf("the page lacks %q:\n%s", want, page.String())
		}
	}
}

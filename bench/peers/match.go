// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/panoply-security/panoply/rule"
)

// mark is one rule that a marked line breaks; path is below the directory of apps.
type mark struct {
	path string
	line int
	rule rule.ID
}

// found is what a tool reports: from and to are lines; both are 0 for what is said
// of an app as a whole, and then path is the app's.
type found struct {
	rule, path string
	from, to   int
}

// tally counts, for one mistake, marks found and missed, and false findings.
type tally struct{ found, missed, false int }

// sources are the files in which the audit's tests look for marks.
var sources = []string{".js", ".mjs", ".cjs", ".ts", ".mts", ".cts", ".jsx", ".tsx"}

var marked = regexp.MustCompile(`(?://|/\*) ! ([a-z0-9/, -]+[a-z0-9])`)

func readMarks(dir string) ([]mark, error) {
	var marks []mark
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !slices.Contains(sources, filepath.Ext(path)) {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		below, err := filepath.Rel(dir, path)
		marks = append(marks, marksOf(filepath.ToSlash(below), string(text))...)
		return err
	})
	return marks, err
}

func marksOf(path, text string) []mark {
	var marks []mark
	for i, line := range strings.Split(text, "\n") {
		if m := marked.FindStringSubmatch(line); m != nil {
			for id := range strings.SplitSeq(m[1], ",") {
				marks = append(marks, mark{path, i + 1, rule.ID(strings.TrimSpace(id))})
			}
		}
	}
	return marks
}

// near says whether a finding is where a mark is: on its lines, one before or one
// after, or in the app if it is of the app.
func (f found) near(m mark) bool {
	if f.from == 0 {
		return strings.HasPrefix(m.path, f.path+"/")
	}
	return f.path == m.path && f.from-1 <= m.line && m.line <= f.to+1
}

// score holds findings against marks, by mistake (index 0 is unused). A mark is
// found if a finding near it claims its rule. A finding is false if it claims a
// rule and no mark at all is near it; one of a whole app, if the app has no mark of
// that mistake. What a rule says twice of a line counts once, and so does all that
// is said of an app as a whole about one mistake.
func score(marks []mark, findings []found, c claims) [8]tally {
	var t [8]tally
	for _, m := range marks {
		if slices.ContainsFunc(findings, func(f found) bool { return f.near(m) && slices.Contains(c[f.rule], m.rule) }) {
			t[mistake(m.rule)].found++
		} else {
			t[mistake(m.rule)].missed++
		}
	}
	seen := map[found]bool{}
	for _, f := range findings {
		f.to = max(f.from, f.to)
		if len(c[f.rule]) == 0 {
			continue
		}
		n := mistake(c[f.rule][0])
		once := found{rule: f.rule, path: f.path, from: f.from}
		if f.from == 0 {
			once.rule = rule.Mistakes[n-1].Area
		}
		if seen[once] {
			continue
		}
		seen[once] = true
		if !slices.ContainsFunc(marks, func(m mark) bool {
			return f.near(m) && (f.from > 0 || mistake(m.rule) == n)
		}) {
			t[n].false++
		}
	}
	return t
}

func mistake(id rule.ID) int {
	if r := rule.Lookup(id); r != nil {
		return r.Mistake
	}
	return 0
}

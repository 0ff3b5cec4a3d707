// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package checks_test

import (
	"context"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/panoply-security/panoply/audit/checks"
	"github.com/panoply-security/panoply/audit/source"
)

// mark is a comment that names the rules which its line breaks: // ! area/fault.
var mark = regexp.MustCompile(`(?://|/\*) ! ([a-z0-9/, -]+[a-z0-9])`)

// Every marked line of every app is found, and no other.
func TestMarkedApps(t *testing.T) {
	dirs, _ := filepath.Glob("../testdata/apps/*")
	if len(dirs) < 5 {
		t.Fatalf("%d apps", len(dirs))
	}
	for _, dir := range dirs {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			tree, err := source.Load(context.Background(), dir, source.Options{})
			if err != nil {
				t.Fatal(err)
			}
			var want, got []string
			for _, f := range tree.Files {
				for i, line := range strings.Split(f.Text, "\n") {
					if m := mark.FindStringSubmatch(line); m != nil {
						for _, id := range strings.Split(m[1], ",") {
							want = append(want, fmt.Sprintf("%s:%d %s", f.Path, i+1, strings.TrimSpace(id)))
						}
					}
				}
			}
			for _, p := range tree.Problems {
				t.Errorf("%s:%d: %s", p.Path, p.Line, p.Message)
			}
			r := checks.Run(context.Background(), tree)
			for _, f := range r.Program.Failed {
				t.Error(f)
			}
			messages := map[string]string{}
			for _, f := range r.Findings {
				k := fmt.Sprintf("%s:%d %s", f.Location.File, f.Location.Line, f.Rule)
				got = append(got, k)
				messages[k] = f.Message
			}
			slices.Sort(want)
			slices.Sort(got)
			for _, g := range got {
				if !slices.Contains(want, g) {
					t.Errorf("found, but not marked: %s: %s", g, messages[g])
				}
			}
			for _, w := range want {
				if !slices.Contains(got, w) {
					t.Errorf("marked, but not found: %s", w)
				}
			}
		})
	}
}

// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package model_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/panoply-security/panoply/audit/model"
	"github.com/panoply-security/panoply/audit/source"
)

func run(t *testing.T, dir string) *model.Program {
	t.Helper()
	tree, err := source.Load(context.Background(), dir, source.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range tree.Problems {
		t.Errorf("%s: %s", p.Path, p.Message)
	}
	return model.Run(context.Background(), tree, nil)
}

// The routes.txt of each app is what Express itself registers; package
// e2e/audit holds the JavaScript ones against it.
func TestRoutes(t *testing.T) {
	dirs, _ := filepath.Glob("../testdata/routes/*")
	if len(dirs) < 5 {
		t.Fatalf("%d apps", len(dirs))
	}
	for _, dir := range dirs {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			want, err := os.ReadFile(filepath.Join(dir, "routes.txt"))
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, r := range run(t, dir).Routes {
				got = append(got, r.Name())
			}
			lines := strings.Fields(strings.ReplaceAll(string(want), " ", "\x00"))
			for i := range lines {
				lines[i] = strings.ReplaceAll(lines[i], "\x00", " ")
			}
			slices.Sort(got)
			slices.Sort(lines)
			if !slices.Equal(got, lines) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(lines, "\n"))
			}
		})
	}
}

func TestChains(t *testing.T) {
	for _, r := range run(t, "../testdata/routes/chained").Routes {
		switch r.Name() {
		case "GET /users": // app.use's a, router.use's a, a, the handler
			if len(r.Chain) != 4 || r.Own != 2 {
				t.Errorf("%s has %d handlers, %d of its own", r.Name(), len(r.Chain), r.Own)
			}
		case "GET /one":
			if len(r.Chain) != 3 {
				t.Errorf("%s has %d handlers", r.Name(), len(r.Chain))
			}
		}
	}
	for _, r := range run(t, "../testdata/routes/factories").Routes {
		if onlyDev := len(r.Conds) > 0 && r.Conds[0].Production < 0; onlyDev != (r.Path == "/debug") {
			t.Errorf("%s: conditions %v", r.Name(), r.Conds)
		}
	}
}

// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

// Package audit holds what an audit reads in the source of an app against what
// Express does when the app runs.
package audit

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/panoply-security/panoply/audit/model"
	"github.com/panoply-security/panoply/audit/source"
	"github.com/panoply-security/panoply/e2e/nodeapp"
)

const small = "../../audit/testdata/routes"

// installed makes sure of an app's packages, or skips, or fails where nothing
// may be skipped.
func installed(t *testing.T, dir string) {
	t.Helper()
	err := nodeapp.Install(t.Context(), dir)
	if err == nil {
		return
	}
	var missing *nodeapp.Missing
	if errors.As(err, &missing) && os.Getenv("PANOPLY_REQUIRE") != "1" {
		t.Skipf("MISSING: %v", err)
	}
	t.Fatal(err)
}

// registered is what Express's routers hold once an app has started.
func registered(t *testing.T, entry, packages string) []string {
	t.Helper()
	abs, err := filepath.Abs(packages)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "node", "dump.js", entry)
	cmd.Env = append(os.Environ(), "NODE_PATH="+abs, "UPLOAD_DIR="+t.TempDir())
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, stderr.String())
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	slices.Sort(lines)
	return lines
}

func found(t *testing.T, dir string, o source.Options) []string {
	t.Helper()
	tree, err := source.Load(t.Context(), dir, o)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, r := range model.Run(t.Context(), tree, nil).Routes {
		names = append(names, r.Name())
	}
	slices.Sort(names)
	return names
}

func TestRoutesAreThoseThatExpressRegisters(t *testing.T) {
	for _, version := range []string{"express4", "express5"} {
		t.Run(version, func(t *testing.T) {
			dir := filepath.Join("..", "apps", version)
			installed(t, dir)
			packages := filepath.Join(dir, "node_modules")
			// pages.js is an app of its own.
			same(t, found(t, dir, source.Options{Exclude: []string{"pages.js"}}), registered(t, filepath.Join(dir, "app.js"), packages))
			entries, err := filepath.Glob(small + "/*/*.js")
			if err != nil || len(entries) < 4 {
				t.Fatal(entries, err)
			}
			for _, name := range []string{"chained/app.js", "loader/server.js", "classes/index.js", "factories/app.js"} {
				t.Run(filepath.Dir(name), func(t *testing.T) {
					want := registered(t, filepath.Join(small, name), packages)
					same(t, found(t, filepath.Join(small, filepath.Dir(name)), source.Options{}), want)
					golden, err := os.ReadFile(filepath.Join(small, filepath.Dir(name), "routes.txt"))
					if err != nil {
						t.Fatal(err)
					}
					lines := strings.Split(strings.TrimSpace(string(golden)), "\n")
					slices.Sort(lines)
					same(t, lines, want)
				})
			}
		})
	}
}

func same(t *testing.T, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// What people publish can be read: all but five files of a thousand.
func TestPublishedPackagesAreParsed(t *testing.T) {
	files, broken := 0, 0
	for _, app := range []string{"express4", "express5", "errors", "graders", "oracle"} {
		dir := filepath.Join("..", "apps", app, "node_modules")
		entries, err := os.ReadDir(dir)
		if err != nil {
			continue
		}
		// Everything but the packages' own dependencies, a part at a time.
		for _, e := range entries {
			if !e.IsDir() || strings.HasPrefix(e.Name(), ".") {
				continue
			}
			all := source.Options{Include: []string{"dist", "build", "out", "test", "tests", "public", "docs", "vendor", "assets", "static", "client"}}
			tree, err := source.Load(t.Context(), filepath.Join(dir, e.Name()), all)
			if err != nil {
				t.Fatal(err)
			}
			files += len(tree.Files)
			for _, p := range tree.Problems {
				if strings.HasPrefix(p.Message, "syntax") || strings.Contains(p.Message, "parser") || strings.Contains(p.Message, "nested") {
					broken++
					t.Logf("%s/%s/%s:%d: %s", app, e.Name(), p.Path, p.Line, p.Message)
				}
			}
		}
	}
	if files < 1000 {
		if os.Getenv("PANOPLY_REQUIRE") == "1" {
			t.Fatalf("MISSING: only %d files of packages are installed", files)
		}
		t.Skipf("MISSING: only %d files of packages are installed", files)
	}
	t.Logf("%d of %d files have syntax errors", broken, files)
	if broken*1000 > files*5 {
		t.Errorf("%d of %d files have syntax errors; want 0.5 %% at most", broken, files)
	}
}

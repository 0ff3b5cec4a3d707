// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package checks_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/panoply-security/panoply/audit/checks"
	"github.com/panoply-security/panoply/audit/source"
)

// Whatever is in a file, an audit ends and nothing of it fails.
func FuzzAudit(f *testing.F) {
	files, _ := filepath.Glob("../testdata/*/*/*.js")
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
	}
	f.Add("const f = (x) => f(f(x)); f(f); class A extends A { constructor() { super(); new A(); } } new A(); for (;;) f();")
	f.Add("const app = require('express')(); app.use(app); app.use(app.use); app.get(app, [[[app]]]); app.listen();")
	f.Add("const o = {}; o.o = o; JSON.stringify({...o, o}); o.map((x) => x.map(o)); require('./a')(require('./a'))")
	f.Fuzz(func(t *testing.T, text string) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "a.js"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		tree, err := source.Load(context.Background(), dir, source.Options{})
		if err != nil {
			t.Fatal(err)
		}
		for _, failed := range checks.Run(context.Background(), tree).Program.Failed {
			t.Error(failed)
		}
	})
}

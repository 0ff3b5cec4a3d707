// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package source_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/panoply-security/panoply/audit/source"
)

// tree writes files, name and text by turns, and loads them.
func tree(t *testing.T, o source.Options, files map[string]string) *source.Tree {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		p := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	tree, err := source.Load(context.Background(), dir, o)
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

func paths(tr *source.Tree) string {
	var names []string
	for _, f := range tr.Files {
		names = append(names, f.Path)
	}
	return strings.Join(names, " ")
}

func TestDefaultsLeaveOutWhatIsNotTheServer(t *testing.T) {
	files := map[string]string{
		"app.js": "", "src/a.ts": "", "src/b.mjs": "", "node_modules/x/index.js": "", "dist/app.js": "", "test/app.js": "",
		"src/a.test.ts": "", "src/types.d.ts": "", "client/index.jsx": "", ".cache/x.js": "", "lib/x.min.js": "", "lib/x.cjs": "",
	}
	if got := paths(tree(t, source.Options{}, files)); got != "app.js lib/x.cjs src/a.ts src/b.mjs" {
		t.Errorf("read %s", got)
	}
	if got := paths(tree(t, source.Options{Include: []string{"dist", "src/a.test.ts"}, Exclude: []string{"lib", "b.*"}}, files)); got != "app.js dist/app.js src/a.test.ts src/a.ts" {
		t.Errorf("read %s", got)
	}
}

func TestBrokenFilesDoNotEndIt(t *testing.T) {
	tr := tree(t, source.Options{}, map[string]string{
		"good.js":   "const a = 1",
		"broken.js": "app.get('/', (req, res) => {\n  res.send('x'\n})\nfunction (",
		"deep.js":   strings.Repeat("[", 100_000),
		"huge.js":   strings.Repeat("a;", source.MaxFile),
		"nul.js":    "\x00\xff\xfe",
		"types.js":  "function f(a: string): number { return 1 }",
		"bang.js":   strings.Repeat("!", 900_000) + "a",
		"arrow.js":  "x=" + strings.Repeat("a=>", 200_000) + "1",
		"if.js":     strings.Repeat("if(a)", 150_000) + "b",
		"cond.js":   strings.Repeat("a?b:", 200_000) + "1",
		"typeof.js": strings.Repeat("typeof ", 140_000) + "a",
		"plus.js":   "x='a'" + strings.Repeat("+'a'", 60_000),
	})
	if tr.File("good.js") == nil || tr.File("broken.js") == nil || tr.File("types.js") == nil {
		t.Errorf("read %s", paths(tr))
	}
	var told []string
	for _, p := range tr.Problems {
		told = append(told, p.Path)
	}
	for _, name := range []string{"broken.js", "deep.js", "huge.js"} {
		if !slices.Contains(told, name) {
			t.Errorf("%s is not reported: %v", name, tr.Problems)
		}
	}
	if slices.Contains(told, "types.js") {
		t.Errorf("annotations in JavaScript are reported: %v", tr.Problems)
	}
}

func TestResolve(t *testing.T) {
	tr := tree(t, source.Options{}, map[string]string{
		"package.json":               `{"name":"root","imports":{"#db":"./lib/db.js"}}`,
		"tsconfig.json":              "{ // aliases\n\"compilerOptions\": {\"baseUrl\": \"./src\", \"paths\": {\"@app/*\": [\"app/*\"],},},}",
		"app.js":                     "",
		"lib/db.js":                  "",
		"lib/index.js":               "",
		"config.json":                `{"a":1}`,
		"src/app/users.ts":           "",
		"src/util.ts":                "",
		"packages/core/package.json": `{"name":"@x/core","main":"lib/main"}`,
		"packages/core/lib/main.js":  "",
	})
	for _, tt := range []struct{ from, spec, want string }{
		{"app.js", "./lib/db", "lib/db.js"},
		{"app.js", "./lib", "lib/index.js"},
		{"lib/db.js", "../app.js", "app.js"},
		{"lib/db.js", ".", "lib/index.js"},
		{"lib/db.js", "..", ""},
		{"app.js", "./config", "{"},
		{"app.js", "#db", "lib/db.js"},
		{"app.js", "@x/core", "packages/core/lib/main.js"},
		{"src/util.ts", "@app/users", "src/app/users.ts"},
		{"src/util.ts", "./app/users.js", "src/app/users.ts"},
		{"app.js", "util", "src/util.ts"},
		{"app.js", "express", ""},
		{"app.js", "./nothing", ""},
	} {
		f, text, _ := tr.Resolve(tt.from, tt.spec)
		got := text
		if f != nil {
			got = f.Path
		}
		if tt.want == "{" && got != "" {
			continue
		}
		if got != tt.want {
			t.Errorf("%s in %s: got %q; want %q", tt.spec, tt.from, got, tt.want)
		}
	}
}

func TestVersions(t *testing.T) {
	tr := tree(t, source.Options{}, map[string]string{
		"package.json":      `{"dependencies":{"express":"^4.17.1","helmet":"~3","lodash":"*"},"bin":{"x":"cli.js"},"scripts":{"start":"node -r dotenv/config ./srv.js"}}`,
		"package-lock.json": `{"packages":{"":{},"node_modules/express":{"version":"4.21.2"},"node_modules/a/node_modules/helmet":{"version":"9.0.0"}}}`,
		"cli.js":            "", "srv.js": "", "app.js": "",
	})
	for name, want := range map[string]string{"express": "4.21.2", "helmet": "3", "lodash": "", "nothing": ""} {
		if got := tr.Version(name); got != want {
			t.Errorf("%s: got %q; want %q", name, got, want)
		}
	}
	var entries []string
	for _, f := range tr.Entries() {
		entries = append(entries, f.Path)
	}
	if strings.Join(entries, " ") != "srv.js cli.js app.js" {
		t.Errorf("entries %v", entries)
	}
	if !source.Less("4.17.4", "4.17.21") || source.Less("4.18", "4.18.0") || source.Less("10.0.0", "9.9.9") {
		t.Error("versions are not compared by their numbers")
	}
}

func FuzzParse(f *testing.F) {
	f.Add("const a = require('express')()\napp.get('/', (req, res) => res.send(`${req.query.a}`))")
	f.Add("class A<T> { @x() private a?: string = <T>1; }")
	f.Fuzz(func(t *testing.T, text string) {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "a.js"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "b.tsx"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := source.Load(context.Background(), dir, source.Options{}); err != nil {
			t.Fatal(err)
		}
	})
}

// Every link of a chain stands on all before it, so long ones are not gone into.
func TestChainsAreBounded(t *testing.T) {
	for name, text := range map[string]string{
		"members":   "x = a" + strings.Repeat(".b", 3000),
		"optional":  "x = a" + strings.Repeat("?.b()", 3000),
		"arrows":    "x = " + strings.Repeat("a=>", 3000) + "1",
		"coalesced": "x = " + strings.Repeat("a??", 3000) + "1",
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "a.js"), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			tree, err := source.Load(context.Background(), dir, source.Options{})
			if err != nil {
				t.Fatal(err)
			}
			if len(tree.Files) != 0 || len(tree.Problems) != 1 {
				t.Errorf("%d files, problems %v", len(tree.Files), tree.Problems)
			}
		})
	}
}

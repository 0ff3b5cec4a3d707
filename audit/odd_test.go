// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package audit_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/panoply-security/panoply/audit"
)

// What nobody writes costs no more than its length: twice the source, not four
// times the memory. Time is not measured, but most of what takes quadratic time
// takes memory too.
func TestOddSourcesCostTheirLength(t *testing.T) {
	handler := func(body string) string {
		return "const express = require('express'), lib = require('lib');\nconst app = express();\napp.post('/', (req, res) => {\n" +
			"let x = req.body.a, s = 'aa', l = [1], o = {}, q = lib;\n" + body + "\nres.json(x);\n});\napp.listen(1);\n"
	}
	many := func(one string) func(n int) string {
		return func(n int) string { return handler(strings.Repeat(one+"\n", n)) }
	}
	for name, source := range map[string]func(n int) string{
		"members":           many("x = req.body" + strings.Repeat(".b", 1900) + ";"),
		"calls":             many("x = a" + strings.Repeat("?.b()", 900) + ";"),
		"library-calls":     many("x = lib" + strings.Repeat(".b()", 900) + ";"),
		"arrows":            many("x = " + strings.Repeat("a => ", 1900) + "a;"),
		"conditions":        many("x = " + strings.Repeat("a ? b : ", 900) + "a;"),
		"texts-of-texts":    many(strings.Repeat("x = String(x);\n", 200)),
		"json-of-json":      many(strings.Repeat("x = JSON.parse(JSON.stringify(x));\n", 200)),
		"calls-of-calls":    many(strings.Repeat("q = q.b();\n", 200)),
		"texts-that-double": many("s = s + s; s = s.replaceAll('a', s); s = require('path').join(s, s);"),
		"lists-that-double": many("l = [...l, ...l]; l = l.concat(l); l.push(...l);"),
		"objects-of-all":    many(strings.Repeat("o = {...o, ...{a: o, b: o}};\n", 50)),
		"checks": func(n int) string {
			var b strings.Builder
			for i := range n * 100 {
				fmt.Fprintf(&b, "if (typeof req.body.k%d !== 'string') return;\n", i)
			}
			return handler(b.String())
		},
		"middleware-and-routes": func(n int) string {
			return "const app = require('express')();\n" + strings.Repeat("app.use((req, res, next) => next());\n", 40*n) +
				strings.Repeat("app.get('/a', (req, res) => res.end());\n", 40*n) + "app.listen(1);\n"
		},
	} {
		t.Run(name, func(t *testing.T) {
			const n = 20
			one, two := allocated(t, source(n)), allocated(t, source(2*n))
			t.Logf("%d and %d bytes", one, two)
			if two > 3*one+4<<20 {
				t.Errorf("%d bytes are allocated, and %d for twice the source", one, two)
			}
		})
	}
}

// allocated is what an audit of an app of one file allocates in all.
func allocated(t *testing.T, text string) uint64 {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"app.js": text, "package.json": `{"dependencies": {"express": "5.0.0"}}`} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, _, err := audit.Run(context.Background(), dir, audit.Options{}); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

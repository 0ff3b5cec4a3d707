// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build unix

package audit_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"github.com/panoply-security/panoply/audit"
)

// BenchmarkAudit audits apps from end to end: reading, parsing, going through,
// judging. Per app it reports MB/s of source by the clock and, as cpu-MB/s, by the
// time that the processor gave, which on a shared machine is the one to compare,
// and how many bytes are held for a byte of source once the audit is done. Run it on one core, as the figures are
// meant, and on an app of your own with PANOPLY_APP:
//
//	GOWORK=off GOMAXPROCS=1 go test -run ^$ -bench BenchmarkAudit -benchmem .
//	PANOPLY_APP=path/to/app GOWORK=off GOMAXPROCS=1 go test -run ^$ -bench BenchmarkAudit/own -benchmem .
func BenchmarkAudit(b *testing.B) {
	b.Run("5000-lines", func(b *testing.B) { measure(b, writeApp(b, 50)) })
	b.Run("50000-lines", func(b *testing.B) { measure(b, writeApp(b, 500)) })
	if dir := os.Getenv("PANOPLY_APP"); dir != "" {
		b.Run("own", func(b *testing.B) { measure(b, dir) })
	}
}

func measure(b *testing.B, dir string) {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	_, app, err := audit.Run(context.Background(), dir, audit.Options{})
	if err != nil {
		b.Fatal(err)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	size := app.Tree.Bytes
	held := float64(after.HeapAlloc-before.HeapAlloc) / float64(size)
	routes := len(app.Routes)
	app = nil
	b.SetBytes(int64(size))
	b.ReportAllocs()
	used := processor(b)
	for b.Loop() {
		if _, _, err := audit.Run(context.Background(), dir, audit.Options{}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(size)*float64(b.N)/1e6/(processor(b)-used), "cpu-MB/s")
	b.ReportMetric(held, "held-B/B")
	b.ReportMetric(float64(routes), "routes")
}

// processor is the processor time that the process has had, in seconds.
func processor(b *testing.B) float64 {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		b.Fatal(err)
	}
	return float64(r.Utime.Nano()+r.Stime.Nano()) / 1e9
}

// writeApp writes an app of some hundred lines for each part: a model, a router
// and a controller, written as people write them.
func writeApp(tb testing.TB, parts int) string {
	dir := tb.TempDir()
	write := func(name, text string) {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			tb.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			tb.Fatal(err)
		}
	}
	write("package.json", `{"name": "shop", "main": "app.js", "dependencies": {"express": "^4.21.0", "mongoose": "^8.0.0"}}`)
	var main strings.Builder
	main.WriteString("const express = require('express');\nconst app = express();\napp.use(express.json());\n")
	part, err := os.ReadFile("testdata/app-part.txt")
	if err != nil {
		tb.Fatal(err)
	}
	files := strings.Split(string(part), "// file ")[1:]
	for i := range parts {
		for _, f := range files {
			name, text, _ := strings.Cut(f, "\n")
			n := fmt.Sprint(i)
			write(strings.ReplaceAll(name, "NN", n), strings.ReplaceAll(text, "NN", n))
		}
		fmt.Fprintf(&main, "app.use('/api/item%d', require('./routes/item%d'));\n", i, i)
	}
	main.WriteString("app.use((err, req, res, next) => {\n  console.error(err);\n  res.status(500).json({ error: 'Internal server error' });\n});\napp.listen(3000);\n")
	write("app.js", main.String())
	return dir
}

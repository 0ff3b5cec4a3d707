// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

// Command peers runs panoply audit and other analysers of JavaScript on the apps
// that the audit's own tests are held to, and says what each found, missed and
// reported falsely. It writes docs/audit-peers.md.
//
//	go run ./peers                      the page, on standard output
//	go run ./peers -o ../docs/audit-peers.md
//	go run ./peers -dir DIR             keep what is installed there
//
// It needs Go, node, npm and python3, and the registries of npm and PyPI. What it
// installs lies in DIR, or a directory that is removed at the end; nothing of the
// repository but the page is written. A peer that cannot be run has its row, with
// the reason.
package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

const apps = "audit/testdata/apps" // below the repository's root

func main() {
	out := flag.String("o", "", "the file to write, or standard output")
	dir := flag.String("dir", "", "where tools are installed and kept; outside of the repository")
	rules := flag.String("semgrep-rules", "", "a directory of semgrep rules, for its registry's packs")
	flag.Parse()
	ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
	defer cancel()
	if err := run(ctx, *out, *dir, *rules); err != nil {
		fmt.Fprintln(os.Stderr, "peers:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out, dir, rules string) error {
	root, err := filepath.Abs("..")
	if err != nil {
		return err
	}
	marks, err := readMarks(filepath.Join(root, apps))
	if err != nil {
		return err
	}
	if len(marks) == 0 {
		return fmt.Errorf("no marks below ../%s; run it in the directory bench", apps)
	}
	if dir == "" {
		if dir, err = os.MkdirTemp("", "panoply-peers-"); err != nil {
			return err
		}
		defer os.RemoveAll(dir)
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return err
	}
	b := bench{root: root, dir: dir, rules: rules}
	var page bytes.Buffer
	write(&page, marks, []result{b.panoply(ctx), b.eslint(ctx), b.njsscan(ctx), b.controls(ctx), b.semgrep(ctx)}, time.Now())
	if out == "" {
		_, err = os.Stdout.Write(page.Bytes())
		return err
	}
	return os.WriteFile(out, page.Bytes(), 0o644)
}

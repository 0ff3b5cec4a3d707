// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package audit_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/panoply-security/panoply/audit"
	"github.com/panoply-security/panoply/finding"
)

func TestWatch(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "app")
	write := func(name, text string) {
		t.Helper()
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("package.json", `{"dependencies": {"express": "5.0.0"}}`)
	write("app.js", "const app = require('express')();\napp.get('/a', (req, res) => res.end());\napp.listen(1);\n")

	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	ticks, audits, ended := make(chan time.Time), make(chan int), make(chan error, 1)
	broken := -1
	go func() {
		ended <- audit.Watch(ctx, dir, audit.Options{}, ticks, func(_ *finding.Report, app *audit.App, err error) error {
			if err != nil {
				audits <- broken
				return nil
			}
			audits <- len(app.Routes)
			return nil
		})
	}()
	// until sends ticks until there is an audit; quiet sends some and wants none.
	until := func(want int) {
		t.Helper()
		for {
			select {
			case ticks <- time.Time{}:
			case got := <-audits:
				if got != want {
					t.Fatalf("%d routes, want %d", got, want)
				}
				return
			}
		}
	}
	quiet := func() {
		t.Helper()
		for range 3 {
			select {
			case ticks <- time.Time{}:
			case got := <-audits:
				t.Fatalf("an audit of %d routes, though nothing has changed", got)
			}
		}
	}
	if got := <-audits; got != 1 {
		t.Fatalf("%d routes at first", got)
	}
	quiet()
	write("more.js", "const app = require('express')();\napp.get('/b', (req, res) => res.end());\napp.listen(2);\n")
	until(2)
	quiet()
	if err := os.Rename(dir, dir+"-away"); err != nil {
		t.Fatal(err)
	}
	until(broken)
	quiet()
	if err := os.Rename(dir+"-away", dir); err != nil {
		t.Fatal(err)
	}
	until(2)
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestWatchEndsWithItsReader(t *testing.T) {
	enough := errors.New("enough")
	err := audit.Watch(context.Background(), "testdata/apps/bare", audit.Options{}, nil, func(*finding.Report, *audit.App, error) error { return enough })
	if !errors.Is(err, enough) {
		t.Error(err)
	}
}

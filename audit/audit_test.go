// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package audit_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/panoply-security/panoply"
	"github.com/panoply-security/panoply/audit"
	"github.com/panoply-security/panoply/finding"
)

// Whatever an audit finds, the policy it writes is one.
func TestWrittenPoliciesHold(t *testing.T) {
	dirs, _ := filepath.Glob("testdata/*/*")
	if len(dirs) < 10 {
		t.Fatalf("%d apps", len(dirs))
	}
	for _, dir := range dirs {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			_, app, err := audit.Run(context.Background(), dir, audit.Options{Version: "test"})
			if err != nil {
				t.Fatal(err)
			}
			var b bytes.Buffer
			if err := app.WritePolicy(&b); err != nil {
				t.Fatal(err)
			}
			p, err := panoply.Parse("policy.yaml", b.Bytes())
			if err != nil {
				t.Fatalf("%v\n%s", err, b.String())
			}
			if _, err := panoply.New(p); err != nil {
				t.Fatalf("%v\n%s", err, b.String())
			}
		})
	}
}

func TestPolicyNamesTheAppsRoutes(t *testing.T) {
	_, app, err := audit.Run(context.Background(), "../e2e/apps/express5", audit.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := app.WritePolicy(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`match: "POST /api/login", limit: 5, window: 15m, count: failures`,
		`match: "POST /login"`,
		`match: "POST /api/users", unknown: strip`,
		`# not for clients to set: passwordHash, role`,
		`match: "POST /api/upload", max_file_bytes: 5MB, max_files: 1`,
		"nosql: {strings: [email, password]}",
		"app.js:50",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("%q is missing in\n%s", want, b.String())
		}
	}
}

func TestNoAppIsNotTested(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "a.js"), []byte("module.exports = 1"), 0o600); err != nil {
		t.Fatal(err)
	}
	r, _, err := audit.Run(context.Background(), dir, audit.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range r.Mistakes {
		if m.Verdict != finding.NotTested || m.Reason == "" {
			t.Errorf("mistake %d: %s, %q", m.Number, m.Verdict, m.Reason)
		}
	}
}

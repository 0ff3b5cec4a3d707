// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/panoply-security/panoply/audit"
	"github.com/panoply-security/panoply/audit/source"
)

// TestFindFixProve audits the source of an app with all seven mistakes, has a guard
// stand in front of the app with the policy that the audit wrote, and scans: nothing
// is open, and the journey is that of the app alone.
func TestFindFixProve(t *testing.T) {
	forEachApp(t, func(t *testing.T, app string) {
		_, found, err := audit.Run(t.Context(), filepath.Join("apps", app), audit.Options{Options: source.Options{Exclude: []string{"pages.js"}}})
		if err != nil {
			t.Fatal(err)
		}
		var policy bytes.Buffer
		if err := found.WritePolicy(&policy); err != nil {
			t.Fatal(err)
		}
		// The reader is asked for one thing: a key for tokens.
		text := bytes.Replace(policy.Bytes(), []byte("\n# tokens: ["), []byte("\ntrusted_proxies: []\ntokens: ["), 1)
		file := filepath.Join(t.TempDir(), "policy.yaml")
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
		written := profile{"written", file}
		g := startGuard(t, startApp(t, app), written)
		r := scanned(t, g.url, g.roots)
		if got := verdicts(r); got != "open  untested" {
			t.Errorf("got %s with\n%s", got, text)
			for _, f := range r.Findings {
				t.Logf("%s %s %s %s", f.Severity, f.Rule, f.Location, f.Message)
			}
		}
		g = startGuard(t, startApp(t, app), written)
		direct := walk(t, startApp(t, app), nil)
		guarded := walk(t, g.url, g.client)
		dropReissuedTags(direct, guarded)
		expectSame(t, direct, guarded)
	})
}

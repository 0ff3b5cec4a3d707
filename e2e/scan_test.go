// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"crypto/x509"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/panoply-security/panoply/finding"
	"github.com/panoply-security/panoply/rule"
	"github.com/panoply-security/panoply/scan"
)

// scanned is what an active scan says of a server.
func scanned(t *testing.T, url string, roots *x509.CertPool) *finding.Report {
	t.Helper()
	r, err := scan.Run(t.Context(), scan.Options{Target: url, Active: true, Auth: true, RootCAs: roots})
	if err != nil {
		t.Fatal(err)
	}
	if r.Run.Stopped != "" {
		t.Errorf("stopped: %s", r.Run.Stopped)
	}
	return r
}

// verdicts are the mistakes that are open, and those that were not tested.
func verdicts(r *finding.Report) string {
	var open, untested []string
	for _, m := range r.Mistakes {
		switch m.Verdict {
		case finding.Open:
			open = append(open, fmt.Sprint(m.Number))
		case finding.NotTested:
			untested = append(untested, fmt.Sprint(m.Number))
		}
	}
	return strings.TrimSpace("open " + strings.Join(open, " ") + " untested " + strings.Join(untested, " "))
}

func ids(r *finding.Report) []string {
	var out []string
	for _, f := range r.Findings {
		if f.Severity != rule.Info {
			out = append(out, string(f.Rule))
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// TestScan has the scan find what the Express apps do wrong, in development and
// production, and what a guard in front of them leaves open: nothing with the shop's
// policy, and without one what nobody can close who does not know the app.
func TestScan(t *testing.T) {
	for _, tt := range []struct {
		name, mode string
		guard      *profile
		want       string
	}{
		{"development", "", nil, "open 1 2 3 4 5 6 7 untested"},
		// In production Express shows nothing of its errors by itself.
		{"production", "production", nil, "open 1 2 3 5 6 7 untested"},
		{"strict", "", &strict, "open  untested"},
		{"compatible", "", &compatible, "open 1 3 5 untested"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			forEachApp(t, func(t *testing.T, app string) {
				url := startAppAs(t, app, t.TempDir(), tt.mode)
				var roots *x509.CertPool
				if tt.guard != nil {
					g := startGuard(t, url, *tt.guard)
					url, roots = g.url, g.roots
				}
				r := scanned(t, url, roots)
				if got := verdicts(r); got != tt.want {
					t.Errorf("got %s; want %s\n%q", got, tt.want, ids(r))
					for _, m := range r.Mistakes {
						t.Logf("%d %s %s", m.Number, m.Verdict, m.Reason)
					}
					for _, f := range r.Findings {
						t.Logf("%s %s %s %s\n%s", f.Severity, f.Rule, f.Location, f.Message, strings.Join(f.Evidence, "\n"))
					}
				}
			})
		})
	}
}

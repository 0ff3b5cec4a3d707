// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"crypto/x509"
	"fmt"
	"os"
	"slices"
	"testing"

	"github.com/panoply-security/panoply/scan"
	"github.com/panoply-security/panoply/scan/cspeval"
)

// sameGrade holds what a scan gives a page against what the published graders gave
// it just now: the same points in each test, and of the policy the same findings.
func sameGrade(t *testing.T, at target, want graded) {
	t.Helper()
	pem, err := os.ReadFile(certificates(t, []target{at}))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	r, err := scan.Run(t.Context(), scan.Options{Target: "https://127.0.0.1:" + at.HTTPS + at.Path, RootCAs: roots})
	if err != nil || r.Observatory == nil {
		t.Fatalf("the scan says %+v, %v", r, err)
	}
	if r.Observatory.Score != want.Score || r.Observatory.Grade != want.Grade {
		t.Errorf("the scan gives %d %s; the Observatory %d %s", r.Observatory.Score, r.Observatory.Grade, want.Score, want.Grade)
	}
	points := want.results()
	for _, test := range r.Observatory.Tests {
		if got := fmt.Sprintf("%s %+d", test.Code, test.Points); got != points[test.Name] {
			t.Errorf("%s: the scan gives %s; the Observatory %s", test.Name, got, points[test.Name])
		}
	}
	var findings []string
	for _, f := range cspeval.Evaluate(want.Policy) {
		findings = append(findings, f.String())
	}
	theirs := want.found()
	slices.Sort(findings)
	slices.Sort(theirs)
	if !slices.Equal(findings, theirs) {
		t.Errorf("of %q cspeval says %q; the CSP Evaluator %q", want.Policy, findings, theirs)
	}
}

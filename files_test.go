// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package panoply_test

import (
	"slices"
	"testing"

	"github.com/panoply-security/panoply"
)

func TestFilesThatAPolicyNames(t *testing.T) {
	for name, tt := range map[string]struct {
		policy string
		want   []string
	}{
		"none":           {"profile: strict\n", nil},
		"schemas":        {"bodies: {routes: [{match: POST /a, schema: b.json}, {match: GET /a, query: a.json, cookies: a.json}]}\n", []string{"/etc/p/a.json", "/etc/p/b.json"}},
		"written-inside": {"bodies: {routes: [{match: POST /a, schema: {type: object}}]}\n", nil},
		"description":    {"bodies: {openapi: api.yaml}\n", []string{"/etc/p/api.yaml"}},
		"certificate":    {"tls: {cert: /run/a.pem, key: k.pem}\n", []string{"/etc/p/k.pem", "/run/a.pem"}},
		"known-secrets":  {"tokens: {known_secrets: known.txt}\n", []string{"/etc/p/known.txt"}},
		"csp-enforced":   {"csp: enforce\n", []string{"/etc/p/csp.proposed.yaml"}},
		"csp-learned":    {"csp: learn\n", nil},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := panoply.Parse("/etc/p/policy.yaml", []byte(tt.policy))
			if err != nil {
				t.Fatal(err)
			}
			if got := p.Files(); !slices.Equal(got, tt.want) {
				t.Errorf("got %q; want %q", got, tt.want)
			}
		})
	}
}

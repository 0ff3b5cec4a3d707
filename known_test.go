// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package panoply_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/panoply-security/panoply"
)

// A secret of the operator's own list is refused wherever the policy names it, and never shown.
func TestKnownSecrets(t *testing.T) {
	const leaked, fresh = "bQ7vXn2LwT9sKc4Rj8Zp5Ym3Hd6Gf1Ea", "mR4tYb8NqW2xLv6Kc9Jz3Hp7Sd5Gf1Au"
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "known.txt"), []byte("of another\r\n"+leaked+"\r\n\r\nlast"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "empty.txt"), []byte("\r\n\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "long.txt"), []byte(strings.Repeat("x\n", 1_000_001)), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("TEST_LEAKED", leaked)
	t.Setenv("TEST_FRESH", fresh)
	t.Setenv("JWT_SECRET", leaked)
	build := func(text string) (*panoply.Suit, error) {
		p, err := panoply.Parse(filepath.Join(dir, "policy.yaml"), []byte(text))
		if err != nil {
			return nil, err
		}
		return panoply.New(p)
	}
	for rules, fault := range map[string]string{
		"{match: /, secret_env: TEST_LEAKED}": "tokens[0].secret_env",
		"{match: /}":                          "tokens[0].secret_env",
		"{match: /, secret_env: TEST_FRESH, verify_keys: [{secret_env: TEST_LEAKED}]}": "tokens[0].verify_keys[0].secret_env",
		"{match: /, reissue: {key_env: TEST_LEAKED}}":                                  "tokens[0].reissue.key_env",
		"{match: /, reissue: {key_env: TEST_FRESH, old_key_envs: [TEST_LEAKED]}}":      "tokens[0].reissue.old_key_envs[0]",
		"]}\ncookies: {encrypt: {key_env: TEST_LEAKED}}\nuploads: {rules: [":           "cookies.encrypt.key_env",
		"{match: /, reissue: {key_env: TEST_FRESH}}":                                   "",
	} {
		s, err := build("tokens: {known_secrets: known.txt, rules: [" + rules + "]}")
		if fault == "" {
			if err != nil || len(s.KnownSecrets()) != 3 || s.KnownSecrets()[2] != "last" {
				t.Errorf("%s: %v", rules, err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), fault+": the secret in ") || strings.Contains(err.Error(), leaked) {
			t.Errorf("%s: %v; want %s", rules, err, fault)
		}
	}
	for file, fault := range map[string]string{"nowhere.txt": "cannot be opened", "empty.txt": "there is no secret in it", "long.txt": "it has 1000001 lines"} {
		if _, err := build("tokens: {known_secrets: " + file + "}"); err == nil || !strings.Contains(err.Error(), "tokens.known_secrets: ") || !strings.Contains(err.Error(), fault) {
			t.Errorf("%s: %v", file, err)
		}
	}
}

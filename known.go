// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package panoply

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/panoply-security/panoply/internal/fault"
	"github.com/panoply-security/panoply/internal/weak"
)

// maxKnownSecrets and maxKnownLines bound the file of known secrets.
const (
	maxKnownSecrets = 16 << 20
	maxKnownLines   = 1_000_000
)

// KnownSecrets are those of the policy's file.
func (s *Suit) KnownSecrets() []string { return s.knownSecrets }

// compileKnownSecrets reads the operator's file of secrets that are known, and holds the
// policy's own against it. The faults never show one.
func (s *Suit) compileKnownSecrets(faults *fault.List) {
	name := s.policy.Tokens.KnownSecrets
	if name == "" {
		return
	}
	const path, hint = "tokens.known_secrets", "a text file, one secret a line"
	text, err := readKnownSecrets(s.policy.File(name))
	if err != nil {
		faults.Add(path, err.Error(), hint)
		return
	}
	if n := strings.Count(text, "\n"); n > maxKnownLines {
		faults.Addf(path, hint, "it has %d lines; the most is %d", n, maxKnownLines)
		return
	}
	for line := range strings.Lines(text) {
		if line = strings.TrimRight(line, "\r\n"); line != "" {
			s.knownSecrets = append(s.knownSecrets, line)
		}
	}
	if len(s.knownSecrets) == 0 {
		faults.Add(path, "there is no secret in it", hint)
	}
	for _, v := range s.policy.secretVariables() {
		if text, ok := v.lookup(v.name); ok && slices.Contains(s.knownSecrets, text) {
			faults.Addf(v.path, weak.Hint, "the secret in %s is one of known_secrets", v.name)
		}
	}
}

func readKnownSecrets(file string) (string, error) {
	f, err := os.Open(file)
	if err != nil {
		return "", fmt.Errorf("the file cannot be opened: %w", err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxKnownSecrets+1))
	if err != nil {
		return "", fmt.Errorf("the file cannot be read: %w", err)
	}
	if len(b) > maxKnownSecrets {
		return "", fmt.Errorf("the file has more than %d bytes", maxKnownSecrets)
	}
	return string(b), nil
}

// secretVariable is an environment variable that holds a secret, and where the policy
// names it.
type secretVariable struct {
	path, name string
	lookup     func(string) (string, bool)
}

// secretVariables are those of the policy.
func (p *Policy) secretVariables() (all []secretVariable) {
	add := func(path, name string, lookup func(string) (string, bool)) {
		if lookup == nil {
			lookup = os.LookupEnv
		}
		if name != "" {
			all = append(all, secretVariable{path, name, lookup})
		}
	}
	many := func(path string, names []string, lookup func(string) (string, bool)) {
		for i, name := range names {
			add(fmt.Sprintf("%s[%d]", path, i), name, lookup)
		}
	}
	for i, r := range p.Tokens.Rules {
		at := fmt.Sprintf("tokens[%d].", i)
		if re := r.Reissue; re != nil {
			add(at+"reissue.key_env", re.KeyEnv, re.LookupEnv)
			many(at+"reissue.old_key_envs", re.OldKeyEnvs, re.LookupEnv)
			continue
		}
		name := r.SecretEnv
		if r.PublicKey == "" && r.PrivateKey == "" && r.JWKS == "" && r.Secret == nil {
			name = cmp.Or(name, "JWT_SECRET")
		}
		add(at+"secret_env", name, r.LookupEnv)
		for j, k := range r.VerifyKeys {
			add(fmt.Sprintf("%sverify_keys[%d].secret_env", at, j), k.SecretEnv, r.LookupEnv)
		}
	}
	if c := p.Cookies.Encrypt; c != nil {
		add("cookies.encrypt.key_env", c.KeyEnv, c.LookupEnv)
		many("cookies.encrypt.old_key_envs", c.OldKeyEnvs, c.LookupEnv)
	}
	add("upstream_secret.env", p.UpstreamSecret.Env, nil)
	add("rate_limits.key_secret_env", p.RateLimits.KeySecretEnv, nil)
	return all
}

// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"hash"
	"strings"
	"time"

	"github.com/panoply-security/panoply/internal/weak"
	"github.com/panoply-security/panoply/rule"
)

// farEnd is when a token's end is too far away to protect anybody: the article has an
// hour.
const farEnd = 24 * time.Hour

// looksLikeToken reports whether a text is a JSON Web Token in the compact form.
func looksLikeToken(s string) bool {
	return len(s) <= maxToken && strings.HasPrefix(s, "eyJ") && strings.Count(s, ".") == 2
}

// token readies a token to be tried.
func (w *Watcher) token(where, token string) {
	if looksLikeToken(token) && w.due(where) {
		token = strings.Clone(token)
		w.give(proof{where, func(guess func(func(string) bool) bool) []fault { return tokenFaults(token, w.now(), guess) }})
	}
}

func tokenFaults(token string, now time.Time, guess func(func(string) bool) bool) (all []fault) {
	signed, signature, _ := cutLast(token, ".")
	head, payload, _ := strings.Cut(signed, ".")
	var header struct {
		Alg string `json:"alg"`
	}
	var claims map[string]json.RawMessage
	if !decoded(head, &header) || !decoded(payload, &claims) || header.Alg == "" {
		return nil // it only looks like one
	}
	if strings.EqualFold(header.Alg, "none") {
		all = append(all, fault{rule.TokenAlgNone, "alg is none"})
	}
	var end float64
	switch exp, given := claims["exp"]; {
	case !given:
		all = append(all, fault{rule.TokenNoExpiry, "it has no exp"})
	case json.Unmarshal(exp, &end) != nil:
		all = append(all, fault{rule.TokenNoExpiry, "its exp is no number"})
	case end > float64(now.Add(farEnd).Unix()):
		all = append(all, fault{rule.TokenNoExpiry, "it ends more than a day from now"})
	}
	hashes := map[string]func() hash.Hash{"HS256": sha256.New, "HS384": sha512.New384, "HS512": sha512.New}
	sum, err := base64.RawURLEncoding.DecodeString(signature)
	if made := hashes[header.Alg]; made != nil && err == nil && guess(weak.Signs(made, signed, sum)) {
		all = append(all, fault{rule.TokenWeakSecret, "its secret can be guessed"})
	}
	return all
}

func decoded(part string, into any) bool {
	b, err := base64.RawURLEncoding.DecodeString(part)
	return err == nil && json.Unmarshal(b, into) == nil
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package scan

import (
	"bytes"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"hash"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/panoply-security/panoply/internal/cookies"
	"github.com/panoply-security/panoply/internal/weak"
	"github.com/panoply-security/panoply/rule"
)

const (
	maxGuessed = 2 << 10 // bytes of a token or cookie that is worth a dictionary
	maxGuesses = 4       // tokens and cookies of a scan that it is spent on: an app has one secret, or two
	randomID   = 22      // characters of an id that nobody guesses: 128 bits in base64
)

// token is a JWT taken apart, unverified.
type token struct {
	text      string
	signed    string // header and payload as signed
	signature []byte
	header    map[string]any
	claims    map[string]any
}

func parseToken(text string) (t token, ok bool) {
	parts := strings.Split(text, ".")
	if len(parts) != 3 || len(text) > maxGuessed {
		return t, false
	}
	t.text, t.signed = text, parts[0]+"."+parts[1]
	for i, into := range []*map[string]any{&t.header, &t.claims} {
		raw, err := base64.RawURLEncoding.DecodeString(parts[i])
		if err != nil || json.Unmarshal(raw, into) != nil || *into == nil {
			return t, false
		}
	}
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	t.signature = signature
	_, has := t.header["alg"].(string)
	return t, err == nil && has
}

func (t token) algorithm() string { return fmt.Sprint(t.header["alg"]) }

// hmacs are the algorithms that a word can be tried against.
var hmacs = map[string]func() hash.Hash{"HS256": sha256.New, "HS384": sha512.New384, "HS512": sha512.New}

// guessToken looks for the word that signed the token.
func (s *scan) guessToken(t token) (secret string, found bool) {
	algorithm := hmacs[t.algorithm()]
	if algorithm == nil {
		return "", false
	}
	return s.guess(weak.Signs(algorithm, t.signed, t.signature))
}

// guess tries the words of the list, as often as a scan does.
func (s *scan) guess(signs func(word string) bool) (secret string, found bool) {
	if s.guesses == maxGuesses {
		return "", false
	}
	s.guesses++
	return weak.Guess(signs)
}

// judgeToken judges a token without asking anybody.
func (s *scan) judgeToken(a answer, where string, t token) {
	if s.once("token " + where) {
		return
	}
	s.report.Tested(5)
	s.report.NotTested(5, "")
	add := func(id rule.ID, format string, args ...any) {
		f := s.in(id, a, "", format, args...)
		f.Location.Parameter = where
		f.Evidence = append(f.Evidence, "the token's header: "+clip(fmt.Sprint(t.header), 200), "its claims: "+clip(strings.Join(names(t.claims), ", "), 200))
		s.report.Add(f)
	}
	if strings.EqualFold(t.algorithm(), "none") {
		add(rule.TokenAlgNone, "The app hands out a token that is not signed")
	}
	if secret, found := s.guessToken(t); found {
		add(rule.TokenWeakSecret, "A word of the list signed the token: %s", hint(secret))
	}
	end, bounded := t.claims["exp"].(float64)
	if !bounded {
		add(rule.TokenNoExpiry, "The token has no exp: who steals it keeps it")
	} else if start, ok := t.claims["iat"].(float64); ok && end-start > longToken.Seconds() {
		add(rule.TokenLongLived, "The token holds for %s", time.Duration(min(end-start, 1e9)*float64(time.Second)).Round(time.Minute))
	}
}

// judgeSecrets tries the list on a cookie's signature: express-session's and
// cookie-session's, and a token.
func (s *scan) judgeSecrets(a answer, k cookies.Cookie) {
	value := k.Value
	if decoded, err := url.QueryUnescape(value); err == nil {
		value = decoded
	}
	if len(value) > maxGuessed {
		return
	}
	if t, ok := parseToken(value); ok {
		s.judgeToken(a, k.Name, t)
		return
	}
	add := func(secret string, random bool) {
		f := s.in(rule.SessionWeakSecret, a, "", "A word of the list signed the cookie: %s", hint(secret))
		f.Location.Parameter = clip(k.Name, 100)
		if random {
			// It names a session that the server holds: who signs one of his own making
			// still has to guess another's.
			f.Severity = rule.Info
			f.Message += ". What it signs is a long random id, which keeps sessions apart by itself"
		}
		f.Evidence = append(f.Evidence, "Set-Cookie: "+shown(k))
		s.report.Add(f)
	}
	if signed, ok := strings.CutPrefix(value, "s:"); ok {
		dot := strings.LastIndexByte(signed, '.')
		if dot < 0 {
			return
		}
		signature, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(signed[dot+1:], "="))
		if err != nil || len(signature) != sha256.Size {
			return
		}
		if secret, found := s.guess(weak.Signs(sha256.New, signed[:dot], signature)); found {
			add(secret, dot >= randomID && !strings.ContainsAny(signed[:dot], "{=:"))
		}
		return
	}
	name, ok := strings.CutSuffix(k.Name, ".sig") // keygrip: the signature of the cookie beside it
	if !ok {
		return
	}
	signature, err := base64.RawURLEncoding.DecodeString(k.Value)
	if err != nil || len(signature) != sha1.Size {
		return
	}
	for _, other := range s.jar {
		if other.Name != name || len(other.Value) > maxGuessed {
			continue
		}
		text := name + "=" + other.Value
		if secret, found := s.guess(weak.Signs(sha1.New, text, signature)); found {
			add(secret, false)
			return
		}
	}
}

// hint is a secret that its owner recognises, and no reader of the report can use.
func hint(secret string) string {
	if len(secret) < 4 {
		return fmt.Sprintf("%d characters", len(secret))
	}
	return fmt.Sprintf("%c…%c, %d characters", secret[0], secret[len(secret)-1], len(secret))
}

func names(m map[string]any) []string {
	var out []string
	for name := range m {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}

// resigned is the token with one bit of its signature changed.
func (t token) resigned() string {
	signature := bytes.Clone(t.signature)
	if len(signature) == 0 {
		signature = []byte{0}
	}
	signature[len(signature)/2] ^= 1
	return t.signed + "." + base64.RawURLEncoding.EncodeToString(signature)
}

// unsigned is the token as one that says it needs no signature.
func (t token) unsigned() string {
	_, payload, _ := strings.Cut(t.signed, ".")
	return base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","typ":"JWT"}`)) + "." + payload + "."
}

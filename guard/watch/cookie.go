// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"hash"
	"net/url"
	"strings"

	"github.com/panoply-security/panoply/internal/weak"
	"github.com/panoply-security/panoply/rule"
)

// cookies looks at what an answer sets.
func (w *Watcher) cookies(lines []string) {
	for _, line := range lines {
		name, value, ok := pair(line)
		if !ok || len(value) > maxToken {
			continue
		}
		where := "cookie " + name
		if !w.due(where) {
			continue
		}
		if text, err := url.PathUnescape(value); err == nil {
			value = text
		}
		if looksLikeToken(value) {
			w.token(where, value)
			continue
		}
		// express-session and cookie-parser: s:value.HMAC-SHA256(value)
		if signed, ok := strings.CutPrefix(value, "s:"); ok {
			if text, sum, ok := cutLast(signed, "."); ok && text != "" {
				w.signed(where, text, sum, base64.RawStdEncoding, sha256.New)
			}
			continue
		}
		// cookie-session and keygrip: name=value beside name.sig=HMAC-SHA1(name=value)
		for _, other := range lines {
			if n, sum, ok := pair(other); ok && n == name+".sig" {
				w.signed(where, name+"="+value, sum, base64.RawURLEncoding, sha1.New)
			}
		}
	}
}

// pair is the name and the value of a Set-Cookie line.
func pair(line string) (name, value string, ok bool) {
	line, _, _ = strings.Cut(line, ";")
	name, value, ok = strings.Cut(line, "=")
	name, value = strings.TrimSpace(name), strings.TrimSpace(value)
	return name, value, ok && name != "" && len(name) <= 128
}

// signed readies a signed text to be tried.
func (w *Watcher) signed(where, text, signature string, encoding *base64.Encoding, made func() hash.Hash) {
	sum, err := encoding.DecodeString(strings.TrimRight(signature, "="))
	if err != nil || len(sum) != made().Size() {
		return
	}
	text = strings.Clone(text)
	w.give(proof{where, func(guess func(func(string) bool) bool) []fault {
		if guess(weak.Signs(made, text, sum)) {
			return []fault{{rule.SessionWeakSecret, "the secret that signs it can be guessed"}}
		}
		return nil
	}})
}

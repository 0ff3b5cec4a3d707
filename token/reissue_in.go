// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package token

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/panoply-security/panoply/rule"
)

// In swaps the tokens of a request's headers and cookies for the app's own, in
// place: Authorization with a scheme or bare, every cookie, and every other
// header, such as X-Access-Token or Sec-WebSocket-Protocol. It changes nothing
// when it refuses.
//
// The error is a [*problem.Error] with status 401: token/expired for one of
// ours that is over, token/invalid for one that was revoked, token/not-reissued for
// anything else that some parser might take for a token, or for more than one
// Authorization header; 503 when the store of revocations does not answer. What has not
// the shape of a token, such as Basic or an opaque one, passes untouched.
// Referer, in which no app looks for tokens, is not looked at either.
//
// A cookie with such a token is taken out instead, and [Crossing.Dead] says why: a browser
// sends it with every request, the login's and a picture's too, and only an answer of
// the app takes it away. The app sees a visitor without a token.
func (c *Crossing) In(r *http.Request) error {
	if len(r.Header["Authorization"]) > 1 {
		return refuse(rule.TokenNotReissued, errTwoTokens)
	}
	type swap struct {
		name  string
		i     int
		value string
	}
	var swaps []swap
	for name, values := range r.Header {
		if name == "Referer" || c.t.ignored(name) {
			continue
		}
		for i, v := range values {
			var out string
			var err error
			if name == "Cookie" {
				out, err = c.inCookies(v)
			} else {
				out, err = c.inText(v)
			}
			if err != nil {
				return refused(fmt.Errorf("in the header %s: %w", name, err))
			}
			if out != v {
				swaps = append(swaps, swap{name, i, out})
			}
		}
	}
	for _, s := range swaps {
		r.Header[s.name][s.i] = s.value
	}
	if c.dead != nil {
		if lines := slices.DeleteFunc(r.Header["Cookie"], func(line string) bool { return strings.TrimSpace(line) == "" }); len(lines) > 0 {
			r.Header["Cookie"] = lines
		} else {
			delete(r.Header, "Cookie")
		}
	}
	return nil
}

// Dead is why a cookie was taken out of the request, nil where none was: a
// [*problem.Error] as [Crossing.In] has it.
func (c *Crossing) Dead() error {
	if c.dead == nil {
		return nil
	}
	return refused(c.dead)
}

// InBody does for the body of a request what [Crossing.In] does for its
// headers: JSON, a form or other text, already read and decompressed. Tokens are
// swapped wherever they stand. A body without any is returned as it is.
//
// A token of somebody else in a body, such as the one that a browser brings
// from a Google login, is refused like a forged one: keep its route out.
func (c *Crossing) InBody(b []byte) ([]byte, error) {
	out, err := c.in(b, true)
	if err != nil {
		return nil, refused(fmt.Errorf("in the body: %w", err))
	}
	return out, nil
}

// InQuery does the same for the raw query of a URL, without the question mark.
func (c *Crossing) InQuery(raw string) (string, error) {
	out, err := c.inText(raw)
	if err != nil {
		return "", refused(fmt.Errorf("in the query: %w", err))
	}
	return out, nil
}

func (c *Crossing) inCookies(v string) (string, error) {
	pairs := strings.Split(v, ";")
	for i, pair := range pairs {
		name, _, _ := strings.Cut(pair, "=")
		if c.t.ignored(name) {
			continue
		}
		switch out, err := c.inText(pair); {
		case err == nil:
			pairs[i] = out
		case errors.Is(err, errTooMany) || errors.As(err, new(storeError)):
			return "", err
		default:
			if c.dead == nil {
				c.dead = fmt.Errorf("in a cookie: %w", err)
			}
			if !c.Leave {
				pairs[i] = ""
			}
		}
	}
	return strings.Join(slices.DeleteFunc(pairs, func(pair string) bool { return pair == "" }), ";"), nil
}

func (c *Crossing) inText(s string) (string, error) {
	if !twoDots(s) {
		return s, nil
	}
	out, err := c.in([]byte(s), false)
	if err != nil {
		return "", err
	}
	return string(out), nil
}

// twoDots reports whether the text has the two dots of a token, or escapes that
// may be dots. Most headers have not.
func twoDots(s string) bool {
	first := strings.IndexByte(s, '.')
	return first >= 0 && first != strings.LastIndexByte(s, '.') || strings.ContainsAny(s, `%\`)
}

// in swaps our tokens, and refuses the text when anything around them could be
// read as a token.
func (c *Crossing) in(b []byte, quoted bool) ([]byte, error) {
	var out []byte
	done := 0
	for at := 0; ; {
		start, end, ok := find(b, at)
		if !ok {
			break
		}
		at = end
		token := b[start:end]
		var original []byte
		if k := c.t.keyOf(token); k != nil {
			var err error
			if original, err = c.appOf(k, token); err != nil {
				return nil, err
			}
		} else if ok, err := c.inGrace(token); err != nil {
			return nil, err
		} else if !ok {
			continue
		} else {
			original = token
		}
		if forgeable(b[done:start], quoted) {
			return nil, errNotOurs
		}
		out = append(append(out, b[done:start]...), original...)
		done = end
	}
	if forgeable(b[done:], quoted) {
		return nil, errNotOurs
	}
	if done == 0 {
		return b, nil
	}
	return append(out, b[done:]...), nil
}

// forgeable looks for tokens in the text as it stands and with its escapes
// undone, as the app may undo them.
func forgeable(b []byte, quoted bool) bool {
	if lookalike(b, quoted) {
		return true
	}
	for _, mark := range []byte{'%', '\\'} {
		if undone := unescape(b, mark); undone != nil {
			if b = undone; lookalike(b, quoted) {
				return true
			}
		}
	}
	return false
}

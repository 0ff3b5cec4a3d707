// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package token

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"math"
	"time"
	"unicode/utf8"
)

// Claims is what a token says. Values are as encoding/json gives them, but
// numbers are [json.Number]: an id beyond 2^53 stays the id it is.
type Claims map[string]any

// Subject is the claim sub, or "".
func (c Claims) Subject() string { return c.Text("sub") }

// Text is a claim that is a string, or "".
func (c Claims) Text(name string) string {
	s, _ := c[name].(string)
	return s
}

// Int is a claim that is a whole number.
func (c Claims) Int(name string) (n int64, ok bool) {
	v, ok := c[name].(json.Number)
	if !ok {
		return 0, false
	}
	n, err := v.Int64()
	return n, err == nil
}

// ExpiresAt is when the token ends.
func (c Claims) ExpiresAt() time.Time {
	at, err := date(c["exp"])
	if err != nil {
		return time.Time{}
	}
	return at
}

type contextKey struct{}

// NewContext returns a context that carries the claims, for [From].
func NewContext(ctx context.Context, c Claims) context.Context {
	return context.WithValue(ctx, contextKey{}, c)
}

// From returns the claims of the token that the request was let in with, or
// nil: no token was demanded of it.
func From(ctx context.Context) Claims {
	c, _ := ctx.Value(contextKey{}).(Claims)
	return c
}

// Why a token is refused, for the log alone.
var (
	errObject     = errors.New("not a JSON object")
	errUTF8       = errors.New("not UTF-8")
	errTwice      = errors.New("a name is there twice")
	errNoExpiry   = errors.New("there is no exp")
	errExpired    = errors.New("expired")
	errTooLong    = errors.New("exp is further away than the lifetime allowed")
	errNotYet     = errors.New("nbf is in the future")
	errFuture     = errors.New("iat is in the future")
	errDate       = errors.New("exp, nbf or iat is no time in seconds before the year 10000")
	errIssuer     = errors.New("iss is not the one configured")
	errAudience   = errors.New("aud names none of the audiences configured")
	errNoAudience = errors.New("there is an aud, and no audience is configured")
)

// endOfTime is the last second of the year 9999. Times beyond are milliseconds.
const endOfTime = 253402300799

// date reads a NumericDate.
func date(v any) (time.Time, error) {
	n, ok := v.(json.Number)
	if !ok {
		return time.Time{}, errDate
	}
	f, err := n.Float64()
	if err != nil || !(f >= 0 && f <= endOfTime) {
		return time.Time{}, errDate
	}
	whole, part := math.Modf(f)
	return time.Unix(int64(whole), int64(part*1e9)), nil
}

// object reads a JSON object in the one way it can be read: UTF-8, no name
// twice at any depth, nothing behind it.
func object(b []byte) (Claims, error) {
	if !utf8.Valid(b) {
		return nil, errUTF8
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.UseNumber()
	var c Claims
	if err := dec.Decode(&c); err != nil || c == nil {
		return nil, errObject
	}
	if len(bytes.TrimLeft(b[dec.InputOffset():], " \t\r\n")) > 0 {
		return nil, errObject
	}
	if entries(map[string]any(c)) != colons(b) {
		return nil, errTwice
	}
	return c, nil
}

// colons counts the members of all objects in valid JSON: each has one colon
// outside of strings. A name that is there twice leaves fewer entries than that
// in the decoded value, which kept only the last.
func colons(b []byte) int {
	n, quoted := 0, false
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case c == ':' && !quoted:
			n++
		}
	}
	return n
}

func entries(v any) int {
	n := 0
	switch v := v.(type) {
	case map[string]any:
		n = len(v)
		for _, e := range v {
			n += entries(e)
		}
	case []any:
		for _, e := range v {
			n += entries(e)
		}
	}
	return n
}

// claims reads and judges a payload.
func (t *Tokens) claims(payload []byte, now time.Time) (Claims, error) {
	c, err := object(payload)
	if err != nil {
		return nil, err
	}
	if t.issuer != "" && c.Text("iss") != t.issuer {
		return nil, errIssuer
	}
	if err := t.checkAudience(c); err != nil {
		return nil, err
	}
	return c, t.checkTimes(c, now)
}

// checkTimes judges exp last, so that "there is no exp" means that nothing else
// is wrong.
func (t *Tokens) checkTimes(c Claims, now time.Time) error {
	from := now
	if v, ok := c["nbf"]; ok {
		nbf, err := date(v)
		if err != nil {
			return err
		}
		if now.Add(t.leeway).Before(nbf) {
			return errNotYet
		}
	}
	if v, ok := c["iat"]; ok {
		iat, err := date(v)
		if err != nil {
			return err
		}
		if now.Add(t.leeway).Before(iat) {
			return errFuture
		}
		from = iat
	}
	v, ok := c["exp"]
	if !ok {
		return errNoExpiry
	}
	exp, err := date(v)
	if err != nil {
		return err
	}
	if !now.Before(exp.Add(t.leeway)) {
		return errExpired
	}
	if exp.After(from.Add(t.maxLifetime + time.Second)) { // iat and exp may be cut to seconds apart
		return errTooLong
	}
	return nil
}

func (t *Tokens) checkAudience(c Claims) error {
	v, ok := c["aud"]
	switch {
	case len(t.audience) == 0 && !ok:
		return nil
	case len(t.audience) == 0:
		return errNoAudience
	}
	if list, ok := v.([]any); ok {
		for _, e := range list {
			if t.isAudience(e) {
				return nil
			}
		}
	} else if t.isAudience(v) {
		return nil
	}
	return errAudience
}

func (t *Tokens) isAudience(v any) bool {
	s, ok := v.(string)
	for _, a := range t.audience {
		if ok && s == a {
			return true
		}
	}
	return false
}

// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package token

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"strings"

	"github.com/panoply-security/panoply/problem"
	"github.com/panoply-security/panoply/rule"
)

var (
	errShape     = errors.New("not three base64url segments in at most 8 KiB")
	errAlgorithm = errors.New("alg is not one of those configured")
	errCritical  = errors.New("the header has crit or b64")
	errType      = errors.New("typ is neither JWT nor at+jwt")
	errKeyID     = errors.New("kid names no key that is known")
	errSignature = errors.New("the signature is not right")
)

// strict is base64url with canonical trailing bits. Line breaks, over which it
// would pass, are refused before.
var strict = base64.RawURLEncoding.Strict()

// Verify returns the claims of a token that is right in every respect. The
// error is a [*problem.Error] with status 401 and one fixed text; why the token
// was refused is its cause, for the log. It has status 503 while keys or
// revocations that have to be asked do not answer.
func (t *Tokens) Verify(token string) (Claims, error) {
	return t.VerifyContext(context.Background(), token)
}

// VerifyContext is Verify with a context for what has to be asked.
func (t *Tokens) VerifyContext(ctx context.Context, token string) (Claims, error) {
	c, err := t.verify(ctx, token)
	switch {
	case err == nil:
		if err := t.checkRevoked(ctx, c); err != nil {
			return nil, err
		}
		return c, nil
	case errors.Is(err, errExpired):
		return nil, refuse(rule.TokenExpired, err)
	case errors.Is(err, errNoKeys):
		e := problem.Refuse(rule.TokenUnavailable, "").Because(err)
		e.Retry = keySetPause
		return nil, e
	}
	return nil, refuse(rule.TokenInvalid, err)
}

func (t *Tokens) verify(ctx context.Context, token string) (Claims, error) {
	header, payload, signature, ok := split(token)
	if !ok || len(token) > MaxBytes || signature == "" {
		return nil, errShape
	}
	sig, err := strict.DecodeString(signature)
	if err != nil {
		return nil, errShape
	}
	if err := t.checkSignature(ctx, header, token[:len(header)+1+len(payload)], sig); err != nil {
		return nil, err
	}
	// From here on the text is that of a holder of the key.
	raw, err := strict.DecodeString(payload)
	if err != nil {
		return nil, errShape
	}
	return t.claims(raw, t.now())
}

// checkSignature finds the keys that may have signed the text, and tries them.
func (t *Tokens) checkSignature(ctx context.Context, header, text string, sig []byte) error {
	for _, k := range t.set {
		if header == k.header && k.methods[0].Verify(text, sig, k.verify) == nil {
			return nil // one of ours, whose header need not be read
		}
	}
	raw, err := strict.DecodeString(header)
	if err != nil {
		return errShape
	}
	alg, kid, err := readHeader(raw)
	if err != nil {
		return err
	}
	cause, tries := errAlgorithm, 0
	try := func(keys []*key) bool {
		for _, k := range keys {
			m := k.method(alg)
			switch {
			case m == nil || tries == maxTries:
			case !k.takes(kid):
				cause = errKeyID
			default:
				tries++
				if m.Verify(text, sig, k.verify) == nil {
					return true
				}
				cause = errSignature
			}
		}
		return false
	}
	if try(t.set) {
		return nil
	}
	if t.remote != nil {
		keys, err := t.remote.find(ctx, kid)
		if err != nil {
			return err
		}
		if try(keys) {
			return nil
		}
	}
	return cause
}

// maxTries is how many keys a token may be held against: one that names no kid
// could have been signed with any.
const maxTries = 8

// split cuts a token at its two dots.
func split(token string) (header, payload, signature string, ok bool) {
	header, rest, ok1 := strings.Cut(token, ".")
	payload, signature, ok2 := strings.Cut(rest, ".")
	ok = ok1 && ok2 && header != "" && payload != "" && !strings.ContainsAny(signature, ".") &&
		strings.IndexByte(token, '\n') < 0 && strings.IndexByte(token, '\r') < 0
	return header, payload, signature, ok
}

// readHeader reads a JOSE header. It takes nothing else from it: no key, no
// address of a key.
func readHeader(raw []byte) (alg, kid string, err error) {
	h, err := object(raw)
	if err != nil {
		return "", "", err
	}
	if _, ok := h["crit"]; ok {
		return "", "", errCritical // extensions that must be understood, and none is
	}
	if _, ok := h["b64"]; ok {
		return "", "", errCritical // RFC 7797: the payload is not what it seems
	}
	if typ, ok := h["typ"]; ok {
		s, _ := typ.(string)
		if !strings.EqualFold(s, "JWT") && !strings.EqualFold(s, "at+jwt") && !strings.EqualFold(s, "application/at+jwt") {
			return "", "", errType // a token of another kind: RFC 8725 section 3.11
		}
	}
	if v, ok := h["kid"]; ok {
		if kid, ok = v.(string); !ok || len(kid) > maxKeyID {
			return "", "", errKeyID
		}
	}
	alg, ok := h["alg"].(string)
	if !ok {
		return "", "", errAlgorithm
	}
	return alg, kid, nil
}

// The challenges of RFC 6750 section 3, the same for everybody.
var (
	challenge        = http.Header{"Www-Authenticate": {"Bearer"}}
	challengeInvalid = http.Header{"Www-Authenticate": {`Bearer error="invalid_token"`}}
	challengeExpired = http.Header{"Www-Authenticate": {`Bearer error="invalid_token", error_description="The token expired"`}}
)

func refuse(id rule.ID, cause error) *problem.Error {
	e := &problem.Error{Rule: id, Header: challengeInvalid, Cause: cause}
	switch id {
	case rule.TokenMissing:
		e.Header = challenge
	case rule.TokenExpired:
		e.Header = challengeExpired
	}
	return e
}

// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package token

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/panoply-security/panoply/problem"
	"github.com/panoply-security/panoply/rule"
)

// Crossing is one request and its answer, whose tokens a [Reissuer] swaps. It is for
// one goroutine at a time.
type Crossing struct {
	// Leave leaves cookies with a dead token where they are, as report mode does.
	Leave bool

	t      *Reissuer
	ctx    context.Context
	known  []swapped
	dead   error    // why a cookie was taken out
	graced []string // what the tokens that a grace window let in are revoked by
}

// swapped is a token of the app and the one of ours that stands for it.
type swapped struct {
	app, ours string
	id        reissueID
	exp       int64
	in        bool // it came with the request
}

var errTooMany = errors.New("more than 16 different tokens in one request")

// maxKnown is how many tokens of one request and its answer are remembered.
const maxKnown = 16

// Cross begins a request. The context is for what has to be asked.
func (t *Reissuer) Cross(ctx context.Context) *Crossing { return &Crossing{t: t, ctx: ctx} }

// Graced is how many of the app's own tokens were let in because of a grace window. Who
// sent them may have forged them.
func (c *Crossing) Graced() int { return len(c.graced) }

func (c *Crossing) remember(s swapped) {
	for _, k := range c.known {
		if k.ours == s.ours {
			return
		}
	}
	if len(c.known) < maxKnown {
		c.known = append(c.known, s)
	}
}

// outOf is the token that stands for the app's already.
func (c *Crossing) outOf(app []byte) (ours string, ok bool) {
	for _, k := range c.known {
		if k.app == string(app) {
			return k.ours, true
		}
	}
	return "", false
}

// appOf returns the app's token inside one of ours.
func (c *Crossing) appOf(k *reissueKey, token []byte) ([]byte, error) {
	for _, s := range c.known {
		if s.ours == string(token) {
			return []byte(s.app), nil
		}
	}
	if len(c.known) == maxKnown {
		return nil, errTooMany // each may cost a look-up, and a logout has to end them all
	}
	o, err := c.t.open(k, token)
	if err != nil {
		return nil, err
	}
	if c.t.revoked != nil {
		for _, id := range []string{o.id.String(), o.jti} {
			if id == "" {
				continue
			}
			switch revoked, err := c.revoked(id); {
			case err != nil:
				return nil, storeError{err}
			case revoked:
				return nil, errRevoked
			}
		}
	}
	c.remember(swapped{app: string(o.app), ours: string(token), id: o.id, exp: o.exp, in: true})
	return o.app, nil
}

// storePatience is how long a store of revocations may take for one token.
const storePatience = time.Second

func (c *Crossing) revoked(id string) (bool, error) {
	ctx, cancel := context.WithTimeout(c.ctx, storePatience)
	defer cancel()
	return c.t.revoked.Revoked(ctx, id)
}

// inGrace reports whether a token that was not issued here may pass for now: one that a
// library wrote, signed by whatever, and not over.
func (c *Crossing) inGrace(token []byte) (bool, error) {
	if c.t.Grace().IsZero() {
		return false, nil
	}
	header, payload, sig, ok := decode(token)
	if !ok || len(sig) == 0 {
		return false, nil
	}
	claims, err := object(payload)
	head, twice := object(header)
	if err != nil || twice != nil || !oneAlgorithm(head) {
		return false, nil
	}
	if exp, given := claims["exp"]; given {
		at, err := date(exp)
		if err != nil {
			return false, nil
		}
		if !c.t.now().Before(at) {
			return false, errExpired
		}
	}
	if len(c.graced) == maxKnown {
		return false, errTooMany
	}
	id := graceID(token)
	if c.t.revoked != nil {
		jti, _ := claims["jti"].(string)
		for _, id := range []string{id, jti} {
			if id == "" || len(id) > maxID {
				continue
			}
			switch revoked, err := c.revoked(id); {
			case err != nil:
				return false, storeError{err}
			case revoked:
				return false, errRevoked
			}
		}
	}
	c.graced = append(c.graced, id)
	return true, nil
}

// graceID is what a token of the app's own is revoked by, for it may have no jti.
func graceID(token []byte) string {
	sum := sha256.Sum256(token)
	return "token:" + base64.RawURLEncoding.EncodeToString(sum[:])
}

// oneAlgorithm reports whether a header names one algorithm, and not none.
func oneAlgorithm(head map[string]any) bool {
	for name := range head {
		if strings.EqualFold(name, "alg") && name != "alg" {
			return false
		}
	}
	alg, ok := head["alg"].(string)
	return ok && !strings.EqualFold(alg, "none")
}

// Revoke ends the tokens that came with the request, as a logout does. It reports how
// many there were. Nothing is ended where tokens are not revocable. The error is a
// [*problem.Error] with status 503: some of them may still be good.
func (c *Crossing) Revoke() (n int, err error) {
	if c.t.revoked == nil {
		return 0, nil
	}
	for _, k := range c.known {
		if !k.in {
			continue
		}
		if err := c.revoke(k.id.String(), time.Unix(k.exp, 0)); err != nil {
			return n, err
		}
		n++
	}
	for _, id := range c.graced {
		if err := c.revoke(id, c.t.Grace()); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

func (c *Crossing) revoke(id string, until time.Time) error {
	ctx, cancel := context.WithTimeout(c.ctx, storePatience)
	defer cancel()
	if err := c.t.revoked.Revoke(ctx, id, until.Add(storeSkew)); err != nil {
		return refused(storeError{err})
	}
	return nil
}

// Issued reports whether the token says that it was signed here. Only its use tells
// whether that is so.
func (t *Reissuer) Issued(token string) bool { return t.keyOf([]byte(token)) != nil }

// Revoke ends every token with that jti, one of ours or of the app, for an operator.
// Who has the token itself gives that.
func (t *Reissuer) Revoke(ctx context.Context, token string) error {
	if t.revoked == nil {
		return errors.New("token: re-issued tokens are not revocable")
	}
	// What the policy gave it when it was issued is not known.
	id, until := token, t.now().Add(maxLifetime)
	if k := t.keyOf([]byte(token)); k != nil {
		o, err := t.open(k, []byte(token))
		if errors.Is(err, errExpired) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("token: %w", err)
		}
		id, until = o.id.String(), time.Unix(o.exp, 0)
	} else if strings.Count(token, ".") == 2 { // the app's own, which goes by its jti
		_, payload, _, ok := decode([]byte(token))
		claims, err := object(payload)
		if id = claims.Text("jti"); !ok || err != nil || id == "" {
			return fmt.Errorf("token: it is none of ours, and %w", errNoID)
		}
	}
	if id == "" || len(id) > maxID {
		return fmt.Errorf("token: %w", errNoID)
	}
	return t.revoked.Revoke(ctx, id, until.Add(storeSkew))
}

// storeError is a store of revocations that does not do what it is asked.
type storeError struct{ error }

func (e storeError) Unwrap() error { return e.error }

// refused is why a token is refused, as an answer.
func refused(err error) error {
	var store storeError
	switch {
	case errors.As(err, &store):
		e := problem.Refuse(rule.TokenUnavailable, "").Because(err)
		e.Retry = keySetPause
		return e
	case errors.Is(err, errExpired):
		return refuse(rule.TokenExpired, err)
	case errors.Is(err, errRevoked):
		return refuse(rule.TokenInvalid, err)
	}
	return refuse(rule.TokenNotReissued, err)
}

// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package panoply

import (
	"errors"
	"iter"
	"slices"

	"github.com/panoply-security/panoply/problem"
	"github.com/panoply-security/panoply/rule"
	"github.com/panoply-security/panoply/token"
)

// checkTokens verifies, or swaps back, the tokens of the request.
func (p *pass) checkTokens() error {
	for t := range p.tokenRules() {
		if t.tokens == nil || p.modes.tokens == Off {
			continue
		}
		// Not Tokens.Check, which lets pass what only looks like a preflight.
		text, err := t.tokens.FromRequest(p.r)
		var claims token.Claims
		if err == nil {
			claims, err = t.tokens.VerifyContext(p.r.Context(), text)
		}
		if err == nil && p.claims == nil {
			p.claims = claims
		}
		switch {
		case err != nil:
			if err := p.judge(p.modes.tokens, err); err != nil {
				return err
			}
		case !p.suit.policy.proxies():
			p.r = p.r.WithContext(token.NewContext(p.r.Context(), claims))
		}
		if err == nil {
			t.rule.tell(p.r.Header, claims)
		}
	}
	return p.swapTokens()
}

// tokenRules are those that the request meets and is not excepted from.
func (p *pass) tokenRules() iter.Seq[*tokenRule] {
	return func(yield func(*tokenRule) bool) {
		if p.suit.modes.tokens == Off {
			return
		}
		for _, i := range p.met.by[ownToken] {
			if !slices.Contains(p.met.by[ownTokenExcept], i) && !yield(&p.suit.tokens[i]) {
				return
			}
		}
	}
}

// swapTokens puts the app's own tokens back into headers and query, on every route of a
// rule or on none: a token that one route gives out comes back on all.
func (p *pass) swapTokens() error {
	mode := p.suit.modes.tokens
	for t := range p.tokenRules() {
		if t.reissuer == nil {
			continue
		}
		crossing := t.reissuer.Cross(p.r.Context())
		crossing.Leave = mode != Enforce
		if mode == Enforce {
			p.crossing, p.logout = crossing, slices.Contains(p.met.by[ownLogout], t.number)
			p.r.Header.Set("Accept-Encoding", "identity") // tokens must be readable on the way out
		}
		if err := p.judge(mode, crossing.In(p.r)); err != nil {
			return err
		}
		if err := crossing.Dead(); err != nil {
			p.suit.respond.Report(p.r, p.x, problem.As(err))
		}
		query, err := crossing.InQuery(p.r.URL.RawQuery)
		if err := p.judge(mode, err); err != nil {
			return err
		}
		if err == nil {
			p.r.URL.RawQuery = query
		}
	}
	return nil
}

// settleTokens ends the tokens of a logout, before the app is told of it: so that
// whoever is told that he is out is.
func (p *pass) settleTokens() error {
	if p.reportGrace(); !p.logout {
		return nil
	}
	_, err := p.crossing.Revoke()
	return err
}

// reportGrace reports a request with tokens that pass because of a grace window.
func (p *pass) reportGrace() {
	if p.crossing != nil && p.crossing.Graced() > 0 {
		p.suit.respond.Report(p.r, p.x, problem.Refuse(rule.TokenNotReissued, "").Because(errGrace))
	}
}

var errGrace = errors.New("it passes until unsafe_grace_until")

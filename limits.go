// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package panoply

import (
	"strings"

	"github.com/panoply-security/panoply/clientip"
	"github.com/panoply-security/panoply/ratelimit"
)

// limit takes an attempt from every limit that the request meets: first those
// that need no more than its head, then those that are keyed by a field of the
// body or a claim of the token.
func (p *pass) limit(late bool) error {
	mode := p.modes.limits
	if mode == Off || len(p.met.by[ownLimiter]) == 0 || p.suit.limiter.Exempt(p.x.Client) {
		return nil
	}
	if p.decisions == nil {
		p.decisions = p.room[:0]
	}
	var room [8]int
	numbers := p.suit.limiter.Applies(p.met.by[ownLimiter], room[:0])
	if !late {
		p.named = p.suit.limiter.Named(numbers)
	} else if err := p.judge(mode, p.named.Check()); err != nil {
		return err
	}
	for _, number := range numbers {
		if l := p.suit.limiter; (l.NeedsBody(number) || l.NeedsClaims(number)) != late {
			continue
		}
		if err := p.attempt(number); err != nil {
			return err
		}
	}
	return nil
}

// attempt takes what one limit asks for: an attempt, or one for each account
// that the body names.
func (p *pass) attempt(number int) error {
	l := p.suit.limiter
	if l.ReadsAnswers(number) {
		p.r.Header.Set("Accept-Encoding", "identity")
	}
	if !l.ByAccount(number) {
		return p.decided(l.Begin(number, p.x.Client, p.r, p.field))
	}
	for _, account := range p.named.Accounts() {
		if err := p.decided(l.BeginAccount(number, p.x.Client, p.r, p.field, account)); err != nil {
			return err
		}
	}
	return nil
}

func (p *pass) decided(d ratelimit.Decision) error {
	if !d.Allowed && d.General() && p.suit.clients.Mistake(p.r) != clientip.NoMistake {
		return nil // a proxy that nobody declared stands for all its clients
	}
	p.decisions = append(p.decisions, d)
	if d.Allowed {
		return nil
	}
	err := p.judge(p.modes.limits, d.Problem())
	if err != nil {
		ratelimit.Unmake(p.decisions)
	}
	return err
}

// field is a field of the body, or a claim of the token that was verified.
func (p *pass) field(name string) string {
	claim, ok := strings.CutPrefix(name, "claim:")
	if !ok {
		return p.named.Field(name)
	}
	text, _ := p.claims[claim].(string)
	return text
}

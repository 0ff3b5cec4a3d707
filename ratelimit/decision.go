// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package ratelimit

import (
	"fmt"
	"net/http"
	"net/netip"
	"time"

	"github.com/panoply-security/panoply/problem"
	"github.com/panoply-security/panoply/rule"
)

// Decision is what a rule says about one attempt. Keep one Decision for each
// attempt, do not copy it once it is in use, and call its methods from one
// goroutine at a time.
type Decision struct {
	Allowed   bool
	Limit     int           // the rule's
	Remaining int           // attempts left
	Reset     time.Duration // until there are more
	Retry     time.Duration // until the next is allowed; 0 when this one is

	rule  *compiled
	key   Key
	stamp int64
	taken bool // the attempt counts, and can be given back
	given bool // it was given back
}

// Begin asks the rule with the number, one of [Limiter.Rules], about a request
// and takes an attempt if it is allowed. field gives the value of a body field,
// "" for a field that is not there; it may be nil for rules without
// [Rule.BodyFields]. Call [Decision.Done] when the answer is known.
//
// When another rule refuses the request, an attempt at a rule that counts
// failures is no failure: [Decision.Return] it.
func (l *Limiter) Begin(number int, client netip.Addr, r *http.Request, field func(name string) string) Decision {
	return l.Take(number, l.Key(number, client, r, field))
}

// Key is the key under which a rule counts a request.
func (l *Limiter) Key(number int, client netip.Addr, r *http.Request, field func(name string) string) Key {
	return l.rules[number].keyOf(client, r, field)
}

// Take is the bare decision: it takes an attempt for the key, if the rule
// allows it one.
func (l *Limiter) Take(number int, key Key) Decision {
	c := l.rules[number]
	v := c.table.take(key, l.clock())
	d := Decision{rule: c, key: key, stamp: v.stamp, taken: v.allowed, Limit: c.Limit}
	d.set(v)
	return d
}

func (d *Decision) set(v verdict) {
	d.Allowed, d.Remaining = v.allowed, v.remaining
	d.Reset, d.Retry = time.Duration(v.reset), time.Duration(v.retry)
}

// Rule is the name of the rule that decided.
func (d *Decision) Rule() string { return d.rule.Name }

// Return gives the attempt back, as if it had never been made, and updates what
// the decision says is left. A second call does nothing, nor does one on a
// refusal, which took nothing.
func (d *Decision) Return() {
	if !d.taken {
		return
	}
	d.taken, d.given = false, true
	if v, found := d.rule.table.giveBack(d.key, d.stamp, d.rule.limiter.clock()); found {
		d.set(v)
	}
}

// Done says with what status the attempt was answered; 0 for an answer that
// never came, because the handler panicked or the client went away. A rule that
// counts failures gives the attempt back if the status is below 400.
func (d *Decision) Done(status int) {
	if d.rule.Count == "failures" && 0 < status && status < 400 {
		d.Return()
	}
}

// Broken says that the answer broke off after its header had left. An
// attempt that was given back for that header counts again.
func (d *Decision) Broken() {
	if !d.given {
		return
	}
	d.given = false
	d.rule.table.take(d.key, d.rule.limiter.clock())
}

// Problem is the 429 that tells the client of a refusal, nil when the attempt
// is allowed.
func (d *Decision) Problem() *problem.Error {
	if d.Allowed {
		return nil
	}
	return &problem.Error{Rule: rule.RateLimitExceeded, Detail: d.rule.Message, Retry: d.Retry}
}

// Reset forgets what a client has done under the rule with the name, for
// an operator who lets somebody in again. The values are those of the rule's
// Key, in its order: "203.0.113.7", or an address and an account. It reports
// whether anything was known.
func (l *Limiter) Reset(name string, values ...string) (bool, error) {
	for _, c := range l.rules {
		if c.Name != name {
			continue
		}
		key, err := c.keyOfParts(values)
		if err != nil {
			return false, err
		}
		return c.table.reset(key, l.clock()), nil
	}
	return false, fmt.Errorf("there is no rule named %q", name)
}

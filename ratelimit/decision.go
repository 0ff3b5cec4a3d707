// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package ratelimit

import (
	"context"
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

	rule    *compiled
	account Account
	path    string // that was asked for, where a redirect may lead back
	key     Key
	cost    int
	stamp   int64
	remote  bool // the shared store decided
	blocked bool // and nothing that is given back helps
	short   bool // refused while attempts were undecided
	inside  bool // counts as one at the same time
	tracked bool // others may wait for it to be decided
	taken   bool // the attempt counts, and can be given back
	given   bool // it was given back
}

// Begin asks the rule with the number, one of [Limiter.Rules], about a request
// and takes an attempt if it is allowed. field gives the value of a body field,
// "" for a field that is not there, and for a name that begins with `claim:` that
// claim of the token that the caller has verified; it may be nil for rules that
// need neither. Call [Decision.Done] when the answer is known.
//
// When another rule refuses the request, an attempt at a rule that counts
// failures is no failure: [Decision.Return] it.
func (l *Limiter) Begin(number int, client netip.Addr, r *http.Request, field func(name string) string) (d Decision) {
	if l.rules[number].byAccount {
		if all := Accounts(field); len(all) > 0 {
			d.account = all[0]
		}
	}
	d.ask(l.rules[number], client, r, field)
	return d
}

// ByAccount reports whether the rule's key has the account in it. Such a rule is
// asked with [Limiter.BeginAccount] for each of the request's [Accounts], and
// not at all if there is none.
func (l *Limiter) ByAccount(number int) bool { return l.rules[number].byAccount }

// BeginAccount is [Limiter.Begin] for one account of those that the request
// names.
func (l *Limiter) BeginAccount(number int, client netip.Addr, r *http.Request, field func(name string) string, account Account) (d Decision) {
	d.account = account
	d.ask(l.rules[number], client, r, field)
	return d
}

// Key is the key under which a rule without an account counts a request.
func (l *Limiter) Key(number int, client netip.Addr, r *http.Request, field func(name string) string) Key {
	return l.rules[number].keyOf(client, r, field, Account{})
}

// Take is the bare decision: it takes an attempt of that cost, at least 1, for
// the key, if the rule allows it. One that costs more than the rule ever has is
// refused. A rule that counts failures or successes waits for attempts that are
// undecided, at most five seconds and not beyond ctx.
func (l *Limiter) Take(ctx context.Context, number int, key Key, cost int) (d Decision) {
	d.key, d.cost = key, max(1, cost)
	d.take(ctx, l.rules[number])
	return d
}

// ask takes an attempt for a request. A Decision is filled in where it is, for
// copying it costs as much as the rest.
func (d *Decision) ask(c *compiled, client netip.Addr, r *http.Request, field func(string) string) {
	ctx := context.Background()
	if r != nil {
		ctx = r.Context()
	}
	if r != nil && r.Method != http.MethodGet && r.Method != http.MethodHead {
		d.path = r.URL.Path
	}
	d.key, d.cost = c.keyOf(client, r, field, d.account), c.Cost
	d.take(ctx, c)
}

func (d *Decision) take(ctx context.Context, c *compiled) {
	d.rule, d.Limit = c, c.Limit
	switch {
	case c.inside != nil && !d.enter():
	case c.undecided != nil:
		d.begin(ctx)
	default:
		d.try(ctx, true)
	}
	if !d.Allowed {
		c.refused.Add(1)
		d.Close()
	}
}

// enter holds how many requests a key may have at the same time.
func (d *Decision) enter() bool {
	others, _ := d.rule.inside.join(d.key, false)
	if d.inside = others >= 0; d.inside && others < d.rule.Concurrent {
		return true
	}
	d.Close()
	d.short, d.Retry, d.Reset = true, shortRetry, shortRetry
	return false
}

// try asks the shared store, or the counts of this process. Where the rule
// blocks, and block is set, a refusal does.
func (d *Decision) try(ctx context.Context, block bool) {
	c := d.rule
	l := &c.limit
	if !block {
		l = &c.lenient
	}
	if s := c.shared(); s != nil && d.tryShared(ctx, s, l) {
		return
	}
	v := c.counts.take(d.key.hash(), c.limiter.clock(), int64(d.cost), l.Block, l.MaxBlock)
	d.Allowed, d.taken, d.blocked, d.stamp = v.allowed, v.allowed, v.blocked, v.stamp
	d.Reset, d.Retry = time.Duration(v.reset), time.Duration(v.retry)
	if v.allowed {
		d.Remaining = v.remaining
	}
}

// tryShared reports whether the shared store decides, or what is declared for
// when it does not answer.
func (d *Decision) tryShared(ctx context.Context, s *shared, l *Limit) bool {
	if r, ok := s.take(ctx, *l, d.key, d.cost); ok {
		d.remote = true
		d.Allowed, d.taken, d.blocked, d.stamp = r.Allowed, r.Allowed, r.Blocked, r.Stamp
		d.Remaining, d.Reset, d.Retry = r.Remaining, r.Reset, r.Retry
		if r.Allowed {
			d.rule.allowed.Add(1)
		} else {
			d.Remaining = 0
		}
		return true
	}
	switch s.instead {
	case "allow": // nothing was taken
		d.rule.allowed.Add(1)
		d.Allowed, d.Remaining, d.Reset = true, d.rule.counts.full, d.rule.Window
	case "deny":
		d.Allowed, d.blocked, d.Reset, d.Retry = false, true, storeRetry, storeRetry
	default:
		return false
	}
	return true
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
	d.rule.returned.Add(1)
	r, ok := d.giveBack()
	if ok {
		d.Remaining, d.Reset = r.Remaining, r.Reset
	}
	d.decided(d.cost)
}

func (d *Decision) giveBack() (Result, bool) {
	c := d.rule
	if d.remote {
		return c.limiter.shared.giveBack(c.limit, d.key, d.stamp, d.cost)
	}
	return c.counts.look(d.key.hash(), d.stamp, c.limiter.clock(), int64(d.cost)).result(), true
}

// Done says with what status the attempt was answered; 0 for an answer that
// never came, because the handler panicked or the client went away.
func (d *Decision) Done(status int) { d.Answered(status, nil) }

// Answered is Done for a rule whose [Failure] looks at more than the status.
// What the rule does not count is given back. With more, only the body can tell:
// hold [Peek] bytes of it back and call [Decision.Read].
func (d *Decision) Answered(status int, h http.Header) (more bool) {
	if d.rule.Count != "all" && status > 0 {
		if d.rule.failed.inBody(status, h, d.path) {
			return d.taken
		}
		d.judged(d.rule.failed.by(status, h, d.path))
	}
	d.decided(0)
	return false
}

// Read says how the body begins of an answer that Answered could not judge.
func (d *Decision) Read(body []byte) {
	d.judged(d.rule.failed.byBody(body))
	d.decided(0)
}

// judged gives back what the rule does not count.
func (d *Decision) judged(failed bool) {
	if failed == (d.rule.Count == "successes") {
		d.Return()
	}
}

// Close ends the attempt: one that was not decided counts. Call it when the
// request is over, if only as a precaution; a second call does nothing.
func (d *Decision) Close() {
	d.decided(0)
	if d.inside {
		d.inside = false
		d.rule.inside.leave(d.key, 0)
	}
}

// Broken says that the answer broke off after its header had left. An
// attempt that was given back for that header counts again.
func (d *Decision) Broken() {
	if !d.given {
		return
	}
	d.given = false
	again := *d
	again.try(context.Background(), true)
	d.rule.allowed.Add(-1) // it is the same attempt
}

// Problem is the 429 that tells the client of a refusal, nil when the attempt
// is allowed.
func (d *Decision) Problem() *problem.Error {
	if d.Allowed {
		return nil
	}
	detail := d.rule.Message
	if d.short {
		detail = "Too many attempts at once. Try again in a moment."
	}
	return &problem.Error{Rule: rule.RateLimitExceeded, Detail: detail, Retry: d.Retry}
}

// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package ratelimit

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/panoply-security/panoply/internal/fault"
)

// What operators do. Where a store is shared they need it, and its error is
// theirs to see.

// maxBlocked bounds a list of blocked keys.
const maxBlocked = 10_000

// maxAllow bounds what every request of a limited route is compared with.
const maxAllow = 256

// Find is the rule with the name, as a number for [Limiter.Take].
func (l *Limiter) Find(name string) (number int, err error) {
	for n, c := range l.rules {
		if c.Name == name {
			return n, nil
		}
	}
	return 0, fmt.Errorf("there is no rule named %q", name)
}

// KeyOf is the key of values, those of the rule's Key in its order:
// "203.0.113.7", or an address and an account.
func (l *Limiter) KeyOf(number int, values ...string) (Key, error) {
	return l.rules[number].keyOfParts(values)
}

// Peek says what is left to a key, and takes nothing.
func (l *Limiter) Peek(ctx context.Context, number int, key Key) (Result, error) {
	c := l.rules[number]
	if s := c.shared(); s != nil {
		return s.store.Peek(ctx, c.limit, key)
	}
	return c.counts.look(key.hash(), 0, l.clock(), 0).result(), nil
}

// Reset forgets what a client has done under a rule, its blocks included, for
// an operator who lets somebody in again. It reports whether anything was
// known. Of a shared store, other processes may refuse a blocked key for five
// seconds more.
func (l *Limiter) Reset(ctx context.Context, number int, key Key) (known bool, err error) {
	c := l.rules[number]
	known = c.counts.reset(key.hash(), l.clock())
	s := c.shared()
	if s == nil {
		return known, nil
	}
	there, err := s.store.Reset(ctx, c.limit, key)
	s.forget(key)
	return known || there, err
}

// Block refuses a client under a rule for d, 1s to 744h, whatever it has done.
func (l *Limiter) Block(ctx context.Context, number int, key Key, d time.Duration) error {
	if d < time.Second || d > maxBlock {
		return fmt.Errorf("a block of %v: 1s to 744h", d)
	}
	c := l.rules[number]
	c.counts.block(key.hash(), l.clock(), d) // for when the store does not answer, too
	s := c.shared()
	if s == nil {
		return nil
	}
	s.forget(key)
	return s.store.Block(ctx, c.limit, key, d)
}

// Blocked lists clients that a rule refuses, at most so many and never more
// than 10,000. Who they are only the holder of a secret can say: [Limiter.KeyOf]
// tells whether it is a given one.
func (l *Limiter) Blocked(ctx context.Context, number, most int) ([]Blocked, error) {
	c := l.rules[number]
	most = min(most, maxBlocked)
	if most < 1 {
		return nil, nil
	}
	if s := c.shared(); s != nil {
		return s.store.Blocked(ctx, c.limit, most)
	}
	return c.counts.list(l.clock(), l.wall(), most), nil
}

// Stats are counters since the limiter was made, for metrics; what a rule has
// allowed goes on when its counts are adopted.
type Stats struct {
	Rules []RuleStats
	// StoreDown says that the shared store is left alone for now, because it does
	// not answer; WithoutStore counts the decisions that were made without it, and
	// Shielded the refusals of blocked keys that cost it nothing.
	StoreDown              bool
	WithoutStore, Shielded int64
}

// RuleStats are one rule's.
type RuleStats struct {
	Name string
	// Allowed and Refused count decisions, Returned attempts that were given back.
	Allowed, Refused, Returned int64
	// Waiting is how many requests wait now for undecided attempts.
	Waiting int
}

// Stats reads the counters; each is right, all together are of about one moment.
func (l *Limiter) Stats() Stats {
	var s Stats
	for _, c := range l.rules {
		r := RuleStats{Name: c.Name, Allowed: c.allowed.Load() + c.counts.table.allowed(), Refused: c.refused.Load(), Returned: c.returned.Load()}
		if c.undecided != nil {
			r.Waiting = int(c.undecided.waiting.Load())
		}
		s.Rules = append(s.Rules, r)
	}
	if sh := l.shared; sh != nil {
		s.StoreDown, s.WithoutStore, s.Shielded = sh.resume.Load() != 0, sh.missed.Load(), sh.shielded.Load()
	}
	return s
}

// parseAllow reads the addresses that are not limited.
func parseAllow(faults *fault.List, texts []string) []netip.Prefix {
	if len(texts) > maxAllow {
		faults.Addf("allow", "write CIDRs", "%d addresses; the most is %d", len(texts), maxAllow)
		return nil
	}
	var all []netip.Prefix
	for i, text := range texts {
		p, err := netip.ParsePrefix(text)
		if addr, err2 := netip.ParseAddr(text); err2 == nil && addr.Zone() == "" {
			p, err = netip.PrefixFrom(addr, addr.BitLen()), nil
		}
		switch {
		case err != nil || p.Addr().Is4In6():
			faults.Addf(fmt.Sprintf("allow[%d]", i), "such as 192.0.2.0/24 or 2001:db8::/48", "%.64q is no address and no CIDR", text)
		case p.Bits() == 0:
			faults.Addf(fmt.Sprintf("allow[%d]", i), "mode: off, to limit nobody", "%q is everybody", text)
		default:
			all = append(all, p.Masked())
		}
	}
	return all
}

// Exempt reports whether a client is one of those that no rule limits.
func (l *Limiter) Exempt(client netip.Addr) bool {
	if len(l.allow) == 0 {
		return false
	}
	client = client.Unmap().WithZone("")
	return slices.ContainsFunc(l.allow, func(p netip.Prefix) bool { return p.Contains(client) })
}

// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package ratelimit

import (
	"context"
	"encoding/hex"
	"fmt"
	"time"
)

// Store keeps counts for several processes. Package storetest holds what every
// store must do. A limiter without a shared store does not use the interface:
// its own tables are there at once and cannot fail.
//
// A method is one round trip, during which nothing is locked on either side,
// and ends with its context. What it writes it writes at once or not at all. The
// clock is that of the store, so that the processes need not agree on the time;
// it does not go back for a key. Every key is forgotten by itself when nothing
// of it counts any more.
//
// An error says that the store cannot answer, never that a client may not go on.
type Store interface {
	// Take counts an attempt that costs so much (at least 1), or refuses it and
	// counts nothing. A cost that the limit never has is refused. When the limit
	// blocks, so does the refusal: a key that is blocked already stays blocked
	// for as long as it was, one that was blocked before is blocked for twice as
	// long, as [Limit] says.
	Take(ctx context.Context, limit Limit, key Key, cost int) (Result, error)
	// GiveBack undoes the attempt with that Stamp and cost, as far as it still
	// counts, and no other. It never ends or shortens a block.
	GiveBack(ctx context.Context, limit Limit, key Key, stamp int64, cost int) (Result, error)
	// Peek says what Take of cost 1 would, and counts nothing; Remaining is what
	// there is before it.
	Peek(ctx context.Context, limit Limit, key Key) (Result, error)
	// Reset forgets a key, its blocks included, and reports whether anything of
	// it counted.
	Reset(ctx context.Context, limit Limit, key Key) (known bool, err error)
	// Block refuses the key for d from now, whatever it has done, in the place
	// of a block that it may have. It is no repetition for the next.
	Block(ctx context.Context, limit Limit, key Key, d time.Duration) error
	// Blocked lists at most so many of the keys that are blocked. It may list
	// those that have nothing left, too.
	Blocked(ctx context.Context, limit Limit, most int) ([]Blocked, error)
}

// Limit is how a rule counts, as a plain value: all that a store needs to know.
type Limit struct {
	// ID is the rule's name and a hash of all that its counts depend on, 1 to 80
	// letters, digits and `._-`. A store puts it before its keys.
	ID        string
	Algorithm string        // sliding, gcra or fixed
	Limit     int           // attempts in a Window, 1 to 1,000,000
	Window    time.Duration // 1s to 744h
	Burst     int           // of gcra, 1 to 1,000,000
	// Block is for how long a refusal blocks the key, 0 for not at all. Each
	// further one doubles it, up to MaxBlock (at least Block), until the key has
	// not been blocked for MaxBlock.
	Block, MaxBlock time.Duration
}

// Interval is the time in which gcra pays for one attempt.
func (l Limit) Interval() time.Duration {
	n := time.Duration(l.Limit)
	return (l.Window + n - 1) / n
}

// Result is what a store says about a key.
type Result struct {
	Allowed   bool
	Remaining int           // attempts left, 0 while blocked
	Reset     time.Duration // until there are more
	Retry     time.Duration // until an attempt like this one is allowed; 0 when it is
	Stamp     int64         // names the attempt that was taken, for GiveBack
	// Blocked says that the key is refused for all of Retry, whatever is given
	// back in the meantime.
	Blocked bool
}

// Blocked is a key that is refused until a time.
type Blocked struct {
	Key   Key
	Until time.Time
}

// Key stands for one client of one rule: a hash under a secret, of this process
// or, in a shared store, of all that share it. Nobody can compute it without
// the secret.
type Key [16]byte

// String is the key in hexadecimal, as [ParseKey] takes it.
func (k Key) String() string { return hex.EncodeToString(k[:]) }

// ParseKey reads what [Key.String] wrote.
func ParseKey(s string) (Key, error) {
	var k Key
	if b, err := hex.DecodeString(s); err == nil && len(b) == len(k) {
		copy(k[:], b)
		return k, nil
	}
	return k, fmt.Errorf("%.64q is not a key: 32 hexadecimal digits", s)
}

func (v verdict) result() Result {
	return Result{Allowed: v.allowed, Remaining: v.remaining, Reset: time.Duration(v.reset),
		Retry: time.Duration(v.retry), Stamp: v.stamp, Blocked: v.blocked}
}

func (l Limit) algorithm() algorithm {
	window := int64(l.Window)
	switch l.Algorithm {
	case "sliding":
		return sliding{l.Limit, window}
	case "fixed":
		return fixed{l.Limit, window}
	}
	return gcra{burst: int64(l.Burst), interval: int64(l.Interval()), window: window}
}

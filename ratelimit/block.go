// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package ratelimit

import (
	"sync/atomic"
	"time"
)

// counts is what the memory of this process holds of one limit: how often each
// key has tried, and who is blocked for longer than that says.
type counts struct {
	full  int // attempts of a key that has made none
	table *table
	// jail is apart, so that a key that was never blocked costs nothing for it,
	// and nothing that is given back shortens a block.
	jail *table
	used atomic.Bool // the jail was
}

func newCounts(l Limit, maxKeys int) *counts {
	full := l.Limit
	if l.Algorithm == "gcra" {
		full = l.Burst
	}
	return &counts{full: full, table: newTable(l.algorithm(), maxKeys), jail: newTable(jail{}, maxKeys)}
}

// take is the decision. A refusal blocks the key for first, and for twice the
// time at each repetition, up to most; 0 blocks nobody.
func (c *counts) take(key hash, now, cost int64, first, most time.Duration) verdict {
	if c.used.Load() {
		if until := c.jail.until(key, now); until > now {
			return verdict{reset: until - now, retry: until - now, blocked: true}
		}
	}
	v := c.table.take(key, now, cost)
	if !v.allowed && first > 0 {
		c.used.Store(true)
		until := c.jail.lock(key, now, int64(first), int64(most), true)
		if wait := until - now; wait > v.retry {
			v = verdict{reset: wait, retry: wait, blocked: true}
		}
	}
	return v
}

// look gives an attempt back, of cost 0 none, and says what is left then.
func (c *counts) look(key hash, stamp, now, cost int64) verdict {
	v, found := c.table.giveBack(key, stamp, now, cost)
	if c.used.Load() {
		if until := c.jail.until(key, now); until > now {
			return verdict{reset: until - now, retry: until - now, blocked: true}
		}
	}
	if !found {
		v.remaining = c.full
	}
	v.allowed = v.remaining > 0
	return v
}

// block keeps a key out for d from now, whatever it has done.
func (c *counts) block(key hash, now int64, d time.Duration) {
	c.used.Store(true)
	c.jail.lock(key, now, int64(d), int64(d), false)
}

func (c *counts) reset(key hash, now int64) bool {
	known := c.table.reset(key, now)
	return c.jail.reset(key, now) || known
}

// list is at most so many of the keys that are refused: the blocked ones, then
// those that have nothing left. Now is also the time of day.
func (c *counts) list(now int64, day time.Time, most int) []Blocked {
	var list []Blocked
	add := func(key hash, until int64) bool {
		if len(list) < most {
			list = append(list, Blocked{key.key(), day.Add(time.Duration(until - now))})
		}
		return len(list) < most
	}
	c.jail.refused(now, add)
	c.table.refused(now, func(key hash, until int64) bool {
		return c.jail.until(key, now) > now || add(key, until)
	})
	return list
}

// jail is what a table of blocked keys holds of each: until when it is blocked,
// how often it was, and until when that is remembered.
type jail struct{}

func (jail) size() int { return 3 }

func (jail) take([]int64, int64, int64) verdict            { return verdict{} }
func (jail) giveBack([]int64, int64, int64, int64) verdict { return verdict{} }
func (jail) until(state []int64) (blocked, idle int64)     { return state[0], state[2] }

// until is when a blocked key may go on, 0 for one that never was blocked.
func (t *table) until(key hash, now int64) int64 {
	s := &t.shards[key>>t.shift]
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tick(now)
	i := s.find(key)
	if i == 0 {
		return 0
	}
	return s.state(i)[0]
}

// lock blocks a key and returns until when. With strike, one that is blocked
// already stays as it is, for many requests may be refused at once; the others
// are blocked for twice as long as the last time, up to most, unless they kept
// quiet for most after it.
func (t *table) lock(key hash, now, first, most int64, strike bool) int64 {
	s := &t.shards[key>>t.shift]
	s.mu.Lock()
	defer s.mu.Unlock()
	now = s.tick(now)
	i := s.find(key)
	if i == 0 {
		i = s.add(t.algorithm, key, now)
	}
	state := s.state(i)
	if strike && state[0] > now {
		return state[0]
	}
	if state[2] <= now {
		state[1] = 0
	}
	d := first
	for range state[1] {
		if d >= most {
			break
		}
		d *= 2
	}
	d = max(first, min(d, most))
	if strike {
		state[1]++
	}
	state[0] = now + d
	state[2] = state[0] + max(d, most)
	s.file(t.algorithm, i, now)
	return state[0]
}

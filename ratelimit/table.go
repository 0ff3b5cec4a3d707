// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package ratelimit

import (
	"math"
	"sync"
)

// table holds the state of at most max keys, in shards with a lock each.
type table struct {
	algorithm algorithm
	max       int
	shards    []shard // a power of two
	shift     uint    // of a key, to its shard
}

const (
	maxShards = 64
	minShard  = 256 // keys; smaller shards would fill unevenly
)

func newTable(a algorithm, maxKeys int) *table {
	n, shift := 1, uint(64)
	for n < maxShards && maxKeys/(2*n) >= minShard {
		n, shift = 2*n, shift-1
	}
	t := &table{algorithm: a, max: maxKeys, shards: make([]shard, n), shift: shift}
	for i := range t.shards {
		t.shards[i].size = a.size()
		t.shards[i].max = uint32(maxKeys / n)
	}
	return t
}

func (t *table) take(key hash, now, cost int64) verdict {
	s := &t.shards[key>>t.shift]
	s.mu.Lock()
	now = s.tick(now)
	i := s.find(key)
	if i == 0 {
		i = s.add(t.algorithm, key, now)
	}
	v := t.algorithm.take(s.state(i), now, cost)
	if v.allowed {
		s.allowed++
	}
	s.file(t.algorithm, i, now)
	s.mu.Unlock()
	return v
}

// allowed is how many attempts were.
func (t *table) allowed() (n int64) {
	for i := range t.shards {
		t.shards[i].mu.Lock()
		n += t.shards[i].allowed
		t.shards[i].mu.Unlock()
	}
	return n
}

// giveBack undoes an attempt. A key that is no longer known has nothing to
// give back to; found is then false. With a cost of 0 it looks at the key.
func (t *table) giveBack(key hash, stamp, now, cost int64) (v verdict, found bool) {
	s := &t.shards[key>>t.shift]
	s.mu.Lock()
	defer s.mu.Unlock()
	now = s.tick(now)
	i := s.find(key)
	if i == 0 {
		return verdict{}, false
	}
	v = t.algorithm.giveBack(s.state(i), stamp, now, cost)
	s.file(t.algorithm, i, now)
	if v.remaining == 0 {
		release, _ := t.algorithm.until(s.state(i))
		v.retry = max(0, release-now)
	}
	return v, true
}

// reset forgets what a key has done. It reports whether the key was known.
func (t *table) reset(key hash, now int64) bool {
	s := &t.shards[key>>t.shift]
	s.mu.Lock()
	defer s.mu.Unlock()
	now = s.tick(now)
	i := s.find(key)
	if i == 0 {
		return false
	}
	clear(s.state(i))
	s.file(t.algorithm, i, now)
	return true
}

// refused calls yield with the keys that have nothing left and when they do
// again, until it returns false.
func (t *table) refused(now int64, yield func(key hash, until int64) bool) {
	for i := range t.shards {
		if !t.shards[i].refused(t.algorithm, now, yield) {
			return
		}
	}
}

func (s *shard) refused(a algorithm, now int64, yield func(key hash, until int64) bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	now = s.tick(now)
	for _, i := range s.blocked {
		if until, _ := a.until(s.state(i)); until > now && !yield(s.slots[i].key(), until) {
			return false
		}
	}
	return true
}

// hash stands for a key in a table.
type hash uint64

// shard is a hash table with chains over an array of slots. Each slot is in one
// of two heaps, which say whom to forget when the shard is full.
type shard struct {
	mu      sync.Mutex
	allowed int64    // attempts
	now     int64    // the latest time it was asked at
	size    int      // numbers of state a key has
	max     uint32   // keys
	heads   []uint32 // first slot of each chain; 0 is none
	slots   []slot   // slots[0] is unused
	states  []int64  // size for each slot

	open    queue // may be forgotten; the one idle soonest first
	blocked queue // may not; the one released soonest first
}

// slot is what a key takes besides its state: 20 bytes.
type slot struct {
	low, high uint32 // of the key
	due       uint32 // when it is idle, or when it is released, in ticks
	next      uint32 // in its chain
	queued    uint32 // where it is in its queue, and which that is
}

func (sl *slot) key() hash { return hash(sl.high)<<32 | hash(sl.low) }

func (sl *slot) setKey(key hash) { sl.low, sl.high = uint32(key), uint32(key>>32) }

func (sl *slot) is(key hash) bool { return sl.low == uint32(key) && sl.high == uint32(key>>32) }

const isBlocked = 1 << 31

func (sl *slot) at() uint32 { return sl.queued &^ isBlocked }

func (sl *slot) blocked() bool { return sl.queued&isBlocked != 0 }

func (sl *slot) setAt(at uint32) { sl.queued = sl.queued&isBlocked | at }

// ticks is a time in steps of 17 ms, rounded up, so that a key is never released too early.
// What lies more than two years ahead of the process's start is as far as can be told.
func ticks(t int64) uint32 {
	const step = 24 // bits of nanoseconds
	return uint32(min((max(t, 0)+1<<step-1)>>step, math.MaxUint32))
}

// tick makes time go forward only, though goroutines read the clock before they
// wait for the lock.
func (s *shard) tick(now int64) int64 {
	s.now = max(s.now, now)
	return s.now
}

func (s *shard) head(key hash) *uint32 { return &s.heads[int(key)&(len(s.heads)-1)] }

func (s *shard) state(i uint32) []int64 {
	return s.states[int(i)*s.size:][:s.size:s.size]
}

func (s *shard) find(key hash) uint32 {
	if s.heads == nil {
		return 0
	}
	i := *s.head(key)
	for i != 0 && !s.slots[i].is(key) {
		i = s.slots[i].next
	}
	return i
}

// add gives a new key a slot: a fresh one, or when the shard is full that of
// the key that can be forgotten best.
func (s *shard) add(a algorithm, key hash, now int64) uint32 {
	if s.heads == nil {
		n := 1
		for 2*n < int(s.max) { // two keys in a chain take less than a miss in a table twice as long
			n *= 2
		}
		s.heads = make([]uint32, n)
		s.slots = make([]slot, 1, 2)
		s.states = make([]int64, s.size, 2*s.size)
	}
	var i uint32
	if n := len(s.slots); n <= int(s.max) {
		s.grow()
		i = uint32(n)
		s.slots[i].setKey(key)
		s.push(&s.open, i)
	} else {
		i = s.victim(a, now)
		s.unchain(i)
		s.slots[i].setKey(key)
		clear(s.state(i))
	}
	head := s.head(key)
	s.slots[i].next = *head
	*head = i
	return i
}

// grow adds a slot. Room is doubled, but never beyond what max keys take.
func (s *shard) grow() {
	n := len(s.slots) + 1
	if n > cap(s.slots) {
		room := min(2*n, int(s.max)+1)
		s.slots = append(make([]slot, 0, room), s.slots...)
		s.states = append(make([]int64, 0, room*s.size), s.states...)
	}
	s.slots = s.slots[:n]
	s.states = s.states[:n*s.size]
}

// victim is the key to forget: of those that are not blocked the one that is
// idle soonest, or since longest. Only when all are blocked, the one that is
// released soonest.
func (s *shard) victim(a algorithm, now int64) uint32 {
	for len(s.blocked) > 0 && s.slots[s.blocked[0]].due < ticks(now) {
		s.file(a, s.blocked[0], now)
	}
	if len(s.open) > 0 {
		return s.open[0]
	}
	return s.blocked[0]
}

func (s *shard) unchain(i uint32) {
	p := s.head(s.slots[i].key())
	for *p != i {
		p = &s.slots[*p].next
	}
	*p = s.slots[i].next
}

// file puts a slot whose state has changed where it belongs.
func (s *shard) file(a algorithm, i uint32, now int64) {
	release, idle := a.until(s.state(i))
	sl := &s.slots[i]
	from, to, due, flag := &s.open, &s.open, ticks(idle), uint32(0)
	if sl.blocked() {
		from = &s.blocked
	}
	if release > now {
		to, due, flag = &s.blocked, ticks(release), isBlocked
	}
	if from == to {
		if sl.due != due {
			sl.due = due
			s.fix(*to, sl.at())
		}
		return
	}
	s.remove(from, i)
	sl.due, sl.queued = due, flag
	s.push(to, i)
}

// queue is a binary heap of slots, the smallest due first.
type queue []uint32

func (s *shard) push(q *queue, i uint32) {
	if len(*q) == cap(*q) {
		*q = append(make(queue, 0, min(2*len(*q)+1, int(s.max))), *q...)
	}
	*q = append(*q, i)
	at := uint32(len(*q) - 1)
	s.slots[i].setAt(at)
	s.fix(*q, at)
}

func (s *shard) remove(q *queue, i uint32) {
	at, last := s.slots[i].at(), uint32(len(*q)-1)
	s.swap(*q, at, last)
	*q = (*q)[:last]
	if at != last {
		s.fix(*q, at)
	}
}

func (s *shard) swap(q queue, a, b uint32) {
	q[a], q[b] = q[b], q[a]
	s.slots[q[a]].setAt(a)
	s.slots[q[b]].setAt(b)
}

// fix moves the slot at a place up or down to where its due belongs.
func (s *shard) fix(q queue, at uint32) {
	due := func(at uint32) uint32 { return s.slots[q[at]].due }
	for at > 0 {
		above := (at - 1) / 2
		if due(above) <= due(at) {
			break
		}
		s.swap(q, at, above)
		at = above
	}
	for {
		below := 2*at + 1
		if below >= uint32(len(q)) {
			return
		}
		if right := below + 1; right < uint32(len(q)) && due(right) < due(below) {
			below = right
		}
		if due(at) <= due(below) {
			return
		}
		s.swap(q, at, below)
		at = below
	}
}

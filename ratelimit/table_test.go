// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package ratelimit

import (
	"hash/maphash"
	"math/rand/v2"
	"testing"
	"time"
	"unsafe"
)

func mix(n int) hash { return hash(maphash.Comparable(secret, n)) }

// bytes is the memory that a table holds.
func (t *table) bytes() int {
	n := len(t.shards) * int(unsafe.Sizeof(shard{}))
	for i := range t.shards {
		s := &t.shards[i]
		n += cap(s.slots)*int(unsafe.Sizeof(slot{})) + cap(s.states)*8 + cap(s.heads)*4 + cap(s.open)*4 + cap(s.blocked)*4
	}
	return n
}

func (t *table) keys() (n int) {
	for i := range t.shards {
		n += len(t.shards[i].open) + len(t.shards[i].blocked)
	}
	return n
}

func TestAMillionClientsDoNotFreeABlockedOne(t *testing.T) {
	const maxKeys, window = 10_000, int64(15 * time.Minute)
	for _, tt := range []struct {
		a       algorithm
		clients int
	}{
		{sliding{5, window}, 1_000_000},
		{gcra{burst: 5, interval: window / 5, window: window}, 100_000},
		{fixed{5, window}, 100_000},
	} {
		a := tt.a
		tab := newTable(a, maxKeys)
		blocked := []hash{mix(-1), mix(-2), mix(-3)}
		for _, key := range blocked {
			for range 5 {
				tab.take(key, 1, 1)
			}
		}
		for n := range tt.clients {
			tab.take(mix(n), 2+int64(n), 1)
		}
		for _, key := range blocked {
			if tab.take(key, 2_000_000, 1).allowed {
				t.Errorf("%T: a blocked client was forgotten for others", a)
			}
		}
		if n := tab.keys(); n > maxKeys {
			t.Errorf("%T: %d keys; want at most %d", a, n, maxKeys)
		}
		if each := tab.bytes() / maxKeys; each > 36+8*a.size() {
			t.Errorf("%T: %d bytes a key; want at most %d", a, each, 36+8*a.size())
		}
		t.Logf("%T: %d keys, %d bytes each", a, tab.keys(), tab.bytes()/tab.keys())
	}
}

func TestWhoIsForgotten(t *testing.T) {
	const tick = 1 << 24 // what the queues tell apart
	const window = 1000 * tick
	known := func(tab *table, key hash) bool { return tab.shards[0].find(key) != 0 }
	fill := func(a algorithm) *table { // four keys: 1 blocked, 2 old, 3 young, 4 expired
		tab := newTable(a, 4)
		tab.take(4, 100*tick, 1)
		tab.take(1, 1050*tick, 1)
		tab.take(1, 1050*tick, 1)
		tab.take(2, 1060*tick, 1)
		tab.take(3, 1070*tick, 1)
		return tab
	}
	for _, a := range []algorithm{sliding{2, window}, gcra{burst: 2, interval: window / 2, window: window}, fixed{2, window}} {
		tab := fill(a)
		for _, step := range []struct{ comes, goes hash }{{11, 4}, {12, 2}, {13, 3}, {14, 11}, {15, 12}} {
			tab.take(step.comes, (1100+int64(step.comes))*tick, 1)
			if known(tab, step.goes) || !known(tab, step.comes) || !known(tab, 1) {
				t.Errorf("%T: for key %d, key %d stays: %v; key 1 stays: %v", a, step.comes, step.goes, known(tab, step.goes), known(tab, 1))
			}
		}
		// Given back, an attempt leaves nothing to remember: that key goes first.
		v := tab.take(13, 1200*tick, 1)
		tab.giveBack(13, v.stamp, 1200*tick, 1)
		tab.reset(14, 1200*tick)
		if tab.take(16, 1201*tick, 1); known(tab, 14) {
			t.Errorf("%T: a key that was reset stays", a)
		}
	}

	// All blocked: the one that is released soonest goes, and nobody is locked out.
	tab := newTable(sliding{1, window}, 3)
	for i, key := range []hash{1, 2, 3} {
		tab.take(key, (10+int64(i))*tick, 1)
	}
	if !tab.take(4, 20*tick, 1).allowed || known(tab, 1) || !known(tab, 2) || !known(tab, 3) {
		t.Error("all blocked: want the one released soonest forgotten, and the new one in")
	}
	// Released meanwhile, a key is like any other that expired.
	tab = newTable(sliding{2, window}, 2)
	tab.take(1, 10*tick, 1)
	tab.take(1, 10*tick, 1)
	tab.take(2, 500*tick, 1)
	if tab.take(3, 11*tick+window, 1); known(tab, 1) || !known(tab, 2) {
		t.Error("a key that was released stays, and one that counts goes")
	}
}

// A goroutine that read the clock before it waited for the lock does not turn
// time back.
func TestTimeNeverGoesBack(t *testing.T) {
	tab := newTable(sliding{1, 1000}, 10)
	tab.take(1, 10, 1)
	tab.giveBack(1, 0, 1010, 1) // forgets the attempt at 10
	if v := tab.take(1, 1005, 1); !v.allowed || v.stamp != 1010 {
		t.Errorf("got %+v; want an attempt at 1010", v)
	}
}

// TestTableKeepsItsOrder holds the table's structure against random use.
func TestTableKeepsItsOrder(t *testing.T) {
	const window, maxKeys = 1000 << 22, 37
	random := rand.New(rand.NewPCG(3, 4))
	for _, a := range []algorithm{sliding{2, window}, gcra{burst: 2, interval: window / 2, window: window}, fixed{2, window}} {
		tab := newTable(a, maxKeys)
		s := &tab.shards[0]
		now := int64(0)
		for range 20_000 {
			now += random.Int64N(40 << 22)
			key := hash(random.IntN(3 * maxKeys))
			switch v := tab.take(key, now, 1); random.IntN(4) {
			case 0:
				tab.giveBack(key, v.stamp, now, 1)
			case 1:
				tab.reset(key, now)
			}
			if s.find(key) == 0 {
				t.Fatalf("%T: key %d is lost", a, key)
			}
			chained := 0
			for _, i := range s.heads {
				for ; i != 0; i = s.slots[i].next {
					chained++
				}
			}
			if n := len(s.slots) - 1; n > maxKeys || chained != n || len(s.open)+len(s.blocked) != n {
				t.Fatalf("%T: %d slots, %d in chains, %d+%d in queues", a, n, chained, len(s.open), len(s.blocked))
			}
			for which, q := range []queue{s.open, s.blocked} {
				for at, i := range q {
					sl := s.slots[i]
					if sl.at() != uint32(at) || sl.blocked() != (which == 1) || s.slots[q[max(0, at-1)/2]].due > sl.due {
						t.Fatalf("%T: queue %d is out of order at %d", a, which, at)
					}
				}
			}
		}
	}
}

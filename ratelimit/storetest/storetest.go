// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

// Package storetest holds what every store of rate limits must do, as tests
// that any store can run:
//
//	func TestStore(t *testing.T) {
//		storetest.Run(t, func(t *testing.T, test storetest.Test) {
//			test(t, newStore(t), time.Sleep)
//		})
//	}
//
// Time is the caller's: a store that looks at the clock is best run in a bubble
// of testing/synctest, where time.Sleep takes no time; one that talks to a
// server moves the server's clock. Times are held to a tolerance of two seconds,
// for a server's clock also goes on by itself. A store that others use at the
// same time is as good as an empty one: no two tests share a key or a limit.
package storetest

import (
	"context"
	"crypto/rand"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/panoply-security/panoply/ratelimit"
)

// Test is one test of a store. pass lets time pass for the store.
type Test func(t *testing.T, store ratelimit.Store, pass func(time.Duration))

// Run runs every test as a subtest; open calls it with a store.
func Run(t *testing.T, open func(t *testing.T, test Test)) {
	for _, tt := range []struct {
		name string
		test Test
	}{
		{"limit-and-window", each(limitAndWindow)},
		{"retry-is-enough", each(retryIsEnough)},
		{"cost", each(cost)},
		{"cost-beyond-the-limit", each(costBeyondTheLimit)},
		{"gives-back-that-attempt", each(givesBackThatAttempt)},
		{"gives-back-only-what-counts", each(givesBackOnlyWhatCounts)},
		{"peek-counts-nothing", each(peekCountsNothing)},
		{"keys-are-apart", each(keysAreApart)},
		{"reset", each(reset)},
		{"one-of-many-at-once", each(manyAtOnce)},
		{"block", each(block)},
		{"block-takes-the-place-of-a-block", each(blockTakesThePlace)},
		{"giving-back-does-not-end-a-block", each(givingBackDoesNotUnblock)},
		{"refusal-blocks", each(refusalBlocks)},
		{"many-refusals-are-one-block", each(manyRefusalsAreOneBlock)},
		{"blocks-grow-and-are-forgotten", each(blocksGrow)},
		{"blocked-is-bounded", each(blockedIsBounded)},
		{"sliding-has-no-edge", slidingHasNoEdge},
		{"gcra-pays-at-its-rate", gcraPaysAtItsRate},
		{"limits-are-apart", limitsAreApart},
		{"context-ended", contextEnded},
	} {
		t.Run(tt.name, func(t *testing.T) { open(t, tt.test) })
	}
}

const window = time.Minute

// subject is one key of one limit under test.
type subject struct {
	*testing.T
	store ratelimit.Store
	pass  func(time.Duration)
	limit ratelimit.Limit
	key   ratelimit.Key
}

// each runs a test with every algorithm: five a minute.
func each(test func(s subject)) Test {
	return func(t *testing.T, store ratelimit.Store, pass func(time.Duration)) {
		for _, algorithm := range []string{"sliding", "gcra", "fixed"} {
			test(open(t, store, pass, algorithm))
		}
	}
}

func open(t *testing.T, store ratelimit.Store, pass func(time.Duration), algorithm string) subject {
	l := ratelimit.Limit{ID: "test-" + rand.Text(), Algorithm: algorithm, Limit: 5, Window: window}
	if algorithm == "gcra" {
		l.Burst = 5
	}
	return subject{t, store, pass, l, newKey()}
}

func newKey() (k ratelimit.Key) {
	rand.Read(k[:])
	return k
}

func (s subject) take(cost int) ratelimit.Result {
	s.Helper()
	r, err := s.store.Take(s.Context(), s.limit, s.key, cost)
	if err != nil {
		s.Fatalf("%s: Take: %v", s.limit.Algorithm, err)
	}
	s.sane(r)
	return r
}

func (s subject) giveBack(stamp int64, cost int) ratelimit.Result {
	s.Helper()
	r, err := s.store.GiveBack(s.Context(), s.limit, s.key, stamp, cost)
	if err != nil {
		s.Fatalf("%s: GiveBack: %v", s.limit.Algorithm, err)
	}
	return r
}

func (s subject) peek() ratelimit.Result {
	s.Helper()
	r, err := s.store.Peek(s.Context(), s.limit, s.key)
	if err != nil {
		s.Fatalf("%s: Peek: %v", s.limit.Algorithm, err)
	}
	s.sane(r)
	return r
}

// allowed takes n attempts that must all be allowed.
func (s subject) allowed(n int) {
	s.Helper()
	for i := range n {
		if r := s.take(1); !r.Allowed {
			s.Fatalf("%s: attempt %d of %d was refused: %+v", s.limit.Algorithm, i+1, n, r)
		}
	}
}

func (s subject) refused() ratelimit.Result {
	s.Helper()
	r := s.take(1)
	if r.Allowed {
		s.Fatalf("%s: one attempt too many was allowed: %+v", s.limit.Algorithm, r)
	}
	return r
}

// sane holds what every answer must be.
func (s subject) sane(r ratelimit.Result) {
	s.Helper()
	if r.Allowed != (r.Retry == 0) || r.Retry < 0 || r.Reset < 0 || r.Remaining < 0 || r.Remaining > s.limit.Limit || r.Blocked && (r.Allowed || r.Remaining != 0) {
		s.Fatalf("%s: an answer that contradicts itself: %+v", s.limit.Algorithm, r)
	}
}

func (s subject) about(what string, got, want time.Duration) {
	s.Helper()
	if d := got - want; d > 2*time.Second || d < -2*time.Second {
		s.Fatalf("%s: %s is %v; want about %v", s.limit.Algorithm, what, got, want)
	}
}

func limitAndWindow(s subject) {
	for round := range 2 {
		for i := range 5 {
			r := s.take(1)
			if !r.Allowed || r.Remaining != 4-i {
				s.Fatalf("%s: round %d, attempt %d: %+v", s.limit.Algorithm, round, i, r)
			}
		}
		s.refused()
		s.pass(window + time.Second)
	}
}

func retryIsEnough(s subject) {
	s.allowed(5)
	r := s.refused()
	want := window
	if s.limit.Algorithm == "gcra" {
		want = s.limit.Interval()
	}
	s.about("Retry", r.Retry, want)
	if r.Blocked {
		s.Errorf("%s: a limit without Block has blocked: %+v", s.limit.Algorithm, r)
	}
	s.pass(r.Retry + time.Millisecond)
	s.allowed(1)
}

func cost(s subject) {
	if r := s.take(3); !r.Allowed || r.Remaining != 2 {
		s.Fatalf("%s: three of five: %+v", s.limit.Algorithm, r)
	}
	if r := s.take(3); r.Allowed {
		s.Fatalf("%s: six of five: %+v", s.limit.Algorithm, r)
	}
	r := s.take(2)
	if !r.Allowed || r.Remaining != 0 {
		s.Fatalf("%s: five of five, for the refused three cost nothing: %+v", s.limit.Algorithm, r)
	}
	if r := s.giveBack(r.Stamp, 2); r.Remaining != 2 {
		s.Fatalf("%s: two of five given back: %+v", s.limit.Algorithm, r)
	}
	s.allowed(2)
	s.refused()
}

func costBeyondTheLimit(s subject) {
	if r := s.take(6); r.Allowed {
		s.Fatalf("%s: six of five at once: %+v", s.limit.Algorithm, r)
	}
	s.allowed(5)
}

func givesBackThatAttempt(s subject) {
	first := s.take(1)
	s.allowed(4)
	s.refused()
	if r := s.giveBack(first.Stamp, 1); r.Remaining != 1 {
		s.Errorf("%s: one given back: %+v", s.limit.Algorithm, r)
	}
	s.allowed(1)
	s.refused()
}

func givesBackOnlyWhatCounts(s subject) {
	first := s.take(1)
	s.pass(window + time.Second)
	s.allowed(5)
	if r := s.giveBack(first.Stamp, 1); r.Remaining != 0 {
		s.Errorf("%s: what no longer counts was given back: %+v", s.limit.Algorithm, r)
	}
	s.refused()
	s.key = newKey()
	if r := s.giveBack(first.Stamp, 1); r.Remaining != 5 {
		s.Errorf("%s: given back to a key that is not known: %+v", s.limit.Algorithm, r)
	}
	s.allowed(5)
	s.refused()
}

func peekCountsNothing(s subject) {
	for i := range 5 {
		if r := s.peek(); !r.Allowed || r.Remaining != 5-i {
			s.Fatalf("%s: after %d attempts: %+v", s.limit.Algorithm, i, r)
		}
		s.allowed(1)
	}
	if r := s.peek(); r.Allowed || r.Remaining != 0 || r.Retry > window {
		s.Fatalf("%s: with nothing left: %+v", s.limit.Algorithm, r)
	}
}

func keysAreApart(s subject) {
	s.allowed(5)
	for i := range s.key {
		s.key[i] ^= 1
		s.allowed(1)
		s.key[i] ^= 1
		if i == 7 && isMemory(s.store) {
			return // the first eight bytes are its key
		}
	}
	s.refused()
}

func isMemory(store ratelimit.Store) bool { _, ok := store.(*ratelimit.Memory); return ok }

func reset(s subject) {
	s.expectReset(false)
	s.allowed(5)
	s.expectReset(true)
	s.allowed(5)
	s.block(time.Hour)
	s.expectReset(true)
	s.allowed(5)
}

func (s subject) expectReset(want bool) {
	s.Helper()
	if known, err := s.store.Reset(s.Context(), s.limit, s.key); err != nil || known != want {
		s.Fatalf("%s: Reset = %v, %v; want %v", s.limit.Algorithm, known, err, want)
	}
}

func (s subject) block(d time.Duration) {
	s.Helper()
	if err := s.store.Block(s.Context(), s.limit, s.key, d); err != nil {
		s.Fatalf("%s: Block: %v", s.limit.Algorithm, err)
	}
}

func manyAtOnce(s subject) {
	var allowed atomic.Int32
	var wg sync.WaitGroup
	for range 64 {
		wg.Go(func() {
			if r, err := s.store.Take(s.Context(), s.limit, s.key, 1); err != nil {
				s.Errorf("%s: Take: %v", s.limit.Algorithm, err)
			} else if r.Allowed {
				allowed.Add(1)
			}
		})
	}
	wg.Wait()
	if n := allowed.Load(); n != 5 {
		s.Errorf("%s: %d of 64 at once were allowed; want 5", s.limit.Algorithm, n)
	}
}

func block(s subject) {
	s.block(time.Hour)
	r := s.refused()
	s.about("Retry", r.Retry, time.Hour)
	if p := s.peek(); !r.Blocked || !p.Blocked || p.Allowed {
		s.Errorf("%s: blocked: Take %+v, Peek %+v", s.limit.Algorithm, r, p)
	}
	s.pass(time.Hour - 5*time.Second)
	s.refused()
	s.pass(6 * time.Second)
	s.allowed(5)
}

func blockTakesThePlace(s subject) {
	s.block(time.Hour)
	s.block(time.Minute)
	s.about("Retry", s.refused().Retry, time.Minute)
	s.block(time.Hour)
	s.about("Retry", s.refused().Retry, time.Hour)
}

func givingBackDoesNotUnblock(s subject) {
	first := s.take(1)
	s.block(time.Hour)
	if r := s.giveBack(first.Stamp, 1); !r.Blocked || r.Remaining != 0 {
		s.Errorf("%s: given back while blocked: %+v", s.limit.Algorithm, r)
	}
	s.about("Retry", s.refused().Retry, time.Hour)
	s.pass(time.Hour + time.Second)
	s.allowed(5)
}

// blocking makes the limit block for 10 minutes, then 20, then 30.
func (s *subject) blocking() { s.limit.Block, s.limit.MaxBlock = 10*time.Minute, 30*time.Minute }

func refusalBlocks(s subject) {
	lenient := s
	s.blocking()
	lenient.allowed(5)
	// The same limit without Block only refuses.
	if r := lenient.refused(); r.Blocked {
		s.Errorf("%s: a limit without Block has blocked: %+v", s.limit.Algorithm, r)
	}
	r := s.refused()
	s.about("Retry", r.Retry, 10*time.Minute)
	if !r.Blocked {
		s.Errorf("%s: the refusal did not block: %+v", s.limit.Algorithm, r)
	}
	if r := lenient.refused(); !r.Blocked {
		s.Errorf("%s: blocked, but not for the same limit without Block: %+v", s.limit.Algorithm, r)
	}
	s.pass(9 * time.Minute)
	s.about("Retry", s.refused().Retry, time.Minute)
	s.pass(time.Minute + time.Second)
	s.allowed(5)
}

func manyRefusalsAreOneBlock(s subject) {
	s.blocking()
	s.allowed(5)
	var wg sync.WaitGroup
	for range 32 {
		wg.Go(func() {
			if r, err := s.store.Take(s.Context(), s.limit, s.key, 1); err != nil || r.Allowed {
				s.Errorf("%s: Take = %+v, %v; want a refusal", s.limit.Algorithm, r, err)
			}
		})
	}
	wg.Wait()
	s.about("Retry", s.refused().Retry, 10*time.Minute)
}

func blocksGrow(s subject) {
	s.blocking()
	for _, want := range []time.Duration{10, 20, 30, 30} {
		s.allowed(5)
		r := s.refused()
		s.about("Retry", r.Retry, want*time.Minute)
		s.pass(r.Retry + time.Second)
	}
	s.pass(31 * time.Minute)
	s.allowed(5)
	s.about("Retry after keeping quiet", s.refused().Retry, 10*time.Minute)
}

func blockedIsBounded(s subject) {
	list := func(most int) []ratelimit.Blocked {
		s.Helper()
		list, err := s.store.Blocked(s.Context(), s.limit, most)
		if err != nil || len(list) > most {
			s.Fatalf("%s: Blocked(%d) = %d keys, %v", s.limit.Algorithm, most, len(list), err)
		}
		return list
	}
	if got := list(10); len(got) != 0 {
		s.Errorf("%s: nobody is blocked, but %v", s.limit.Algorithm, got)
	}
	short, long := newKey(), newKey()
	for i, k := range []ratelimit.Key{short, long} {
		s.key = k
		s.block(time.Duration(1+i) * time.Hour)
	}
	if n := len(list(1)); n != 1 {
		s.Errorf("%s: of two, at most one: got %d", s.limit.Algorithm, n)
	}
	if n := len(list(10)); n != 2 {
		s.Errorf("%s: got %d; want two", s.limit.Algorithm, n)
	}
	s.pass(time.Hour + time.Minute)
	got := list(10)
	if len(got) != 1 || !same(s.store, got[0].Key, long) {
		s.Fatalf("%s: an hour later: got %v; want %v", s.limit.Algorithm, got, long)
	}
	s.key = long
	s.expectReset(true)
	if got := list(10); len(got) != 0 {
		s.Errorf("%s: after Reset: %v", s.limit.Algorithm, got)
	}
}

// same compares what the store keeps of a key.
func same(store ratelimit.Store, a, b ratelimit.Key) bool {
	if isMemory(store) {
		return [8]byte(a[:8]) == [8]byte(b[:8])
	}
	return a == b
}

func slidingHasNoEdge(t *testing.T, store ratelimit.Store, pass func(time.Duration)) {
	s := open(t, store, pass, "sliding")
	s.allowed(1)
	pass(40 * time.Second)
	s.allowed(4)
	pass(21 * time.Second)
	s.allowed(1) // the first has left the window
	s.about("Retry", s.refused().Retry, 39*time.Second)
}

func gcraPaysAtItsRate(t *testing.T, store ratelimit.Store, pass func(time.Duration)) {
	s := open(t, store, pass, "gcra")
	s.limit.Burst = 2
	s.allowed(2)
	for range 4 {
		r := s.refused()
		s.about("Retry", r.Retry, 12*time.Second)
		pass(r.Retry + time.Millisecond)
		s.allowed(1)
	}
}

func limitsAreApart(t *testing.T, store ratelimit.Store, pass func(time.Duration)) {
	a, b := open(t, store, pass, "sliding"), open(t, store, pass, "sliding")
	b.key = a.key
	a.allowed(5)
	b.allowed(5)
	a.block(time.Hour)
	if r := b.refused(); r.Blocked {
		t.Errorf("blocked under another limit: %+v", r)
	}
}

func contextEnded(t *testing.T, store ratelimit.Store, pass func(time.Duration)) {
	s := open(t, store, pass, "sliding")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for name, call := range map[string]func() error{
		"Take":     func() error { _, err := store.Take(ctx, s.limit, s.key, 1); return err },
		"GiveBack": func() error { _, err := store.GiveBack(ctx, s.limit, s.key, 1, 1); return err },
		"Peek":     func() error { _, err := store.Peek(ctx, s.limit, s.key); return err },
		"Reset":    func() error { _, err := store.Reset(ctx, s.limit, s.key); return err },
		"Block":    func() error { return store.Block(ctx, s.limit, s.key, time.Hour) },
		"Blocked":  func() error { _, err := store.Blocked(ctx, s.limit, 1); return err },
	} {
		if err := call(); err == nil {
			t.Errorf("%s with a context that has ended: got no error", name)
		}
	}
	if r := s.peek(); r.Remaining != 5 || r.Blocked {
		t.Errorf("got %+v; want 5 left: nothing was counted", r)
	}
}

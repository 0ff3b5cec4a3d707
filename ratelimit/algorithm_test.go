// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package ratelimit

import (
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// most returns the largest number of times in any window [t, t+window).
func most(times []int64, window int64) int {
	slices.Sort(times)
	best, first := 0, 0
	for i, t := range times {
		for times[first]+window <= t {
			first++
		}
		best = max(best, i-first+1)
	}
	return best
}

// rush lets 64 goroutines take attempts for one key while simulated time goes
// on, and returns when each attempt was allowed. An attempt is given back with
// the chance given.
func rush(t *table, rounds int, step int64, giveBack float64) (kept []int64) {
	var clock atomic.Int64
	var mu sync.Mutex
	var wg sync.WaitGroup
	for g := range 64 {
		wg.Go(func() {
			random := rand.New(rand.NewPCG(uint64(g), 1))
			for range rounds {
				v := t.take(7, clock.Add(random.Int64N(step)), 1)
				if !v.allowed {
					continue
				}
				clock.Add(random.Int64N(step))
				if random.Float64() < giveBack {
					t.giveBack(7, v.stamp, clock.Load(), 1)
					continue
				}
				at := v.stamp
				if _, ok := t.algorithm.(gcra); ok {
					at -= v.reset // the stamp is when the attempt is paid for
				}
				mu.Lock()
				kept = append(kept, at)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return kept
}

func TestNeverMoreThanTheLimitInAnyWindow(t *testing.T) {
	const window = int64(time.Minute)
	for _, tt := range []struct {
		name  string
		a     algorithm
		bound int
	}{
		{"sliding-5", sliding{5, window}, 5},
		{"sliding-1", sliding{1, window}, 1},
		{"sliding-100", sliding{100, window}, 100},
		{"gcra-100", gcra{burst: 100, interval: window / 100, window: window}, 200},
		{"gcra-100-burst-10", gcra{burst: 10, interval: window / 100, window: window}, 110},
		{"gcra-burst-1", gcra{burst: 1, interval: window / 5, window: window}, 6},
		{"fixed-5", fixed{5, window}, 10}, // around the edge of two windows
	} {
		for _, giveBack := range []float64{0, 0.5} {
			t.Run(tt.name, func(t *testing.T) {
				tab := newTable(tt.a, 1000)
				kept := rush(tab, 2000, window/5000, giveBack)
				if n := most(kept, window); n > tt.bound {
					t.Errorf("%d attempts in one window, %v given back; want at most %d", n, giveBack, tt.bound)
				}
				if len(kept) < 2*tt.bound {
					t.Errorf("only %d attempts were allowed in all: time did not go on", len(kept))
				}
			})
		}
	}
}

// A crowd at one moment: exactly the limit gets through.
func TestExactlyTheLimitAtOnce(t *testing.T) {
	const window = int64(time.Minute)
	for _, a := range []algorithm{sliding{5, window}, gcra{burst: 5, interval: window / 5, window: window}, fixed{5, window}} {
		tab := newTable(a, 1000)
		var allowed atomic.Int32
		var wg sync.WaitGroup
		for range 64 {
			wg.Go(func() {
				if tab.take(7, window, 1).allowed {
					allowed.Add(1)
				}
			})
		}
		wg.Wait()
		if n := allowed.Load(); n != 5 {
			t.Errorf("%T: %d attempts allowed; want 5", a, n)
		}
	}
}

// The sliding window against the plainest possible one.
func TestSlidingIsExact(t *testing.T) {
	const window, limit = 1000, 7
	random := rand.New(rand.NewPCG(1, 2))
	a := sliding{limit, window}
	state := make([]int64, a.size())
	var log []int64
	now := int64(1)
	for range 50_000 {
		now += random.Int64N(300)
		log = slices.DeleteFunc(log, func(at int64) bool { return at+window <= now })
		if random.IntN(3) == 0 && len(log) > 0 {
			i := random.IntN(len(log))
			v := a.giveBack(state, log[i], now, 1)
			log = slices.Delete(log, i, i+1)
			if v.remaining != limit-len(log) {
				t.Fatalf("after giving back: %d left; want %d", v.remaining, limit-len(log))
			}
			continue
		}
		v := a.take(state, now, 1)
		if want := len(log) < limit; v.allowed != want {
			t.Fatalf("with %d in the log: allowed %v; want %v", len(log), v.allowed, want)
		}
		if v.allowed {
			log = append(log, v.stamp)
			if v.remaining != limit-len(log) {
				t.Fatalf("%d left; want %d", v.remaining, limit-len(log))
			}
		} else if v.retry != log[0]+window-now {
			t.Fatalf("retry in %d; want %d", v.retry, log[0]+window-now)
		}
	}
}

// What a refusal says of the time to wait is exact: one moment earlier is still
// refused.
func TestRetryIsExact(t *testing.T) {
	const window = int64(time.Minute)
	for _, a := range []algorithm{sliding{3, window}, gcra{burst: 3, interval: window / 3, window: window}, fixed{3, window}} {
		state := make([]int64, a.size())
		now := int64(5)
		for range 20 {
			v := a.take(state, now, 1)
			if v.allowed {
				now += window / 100
				continue
			}
			if early := a.take(state, now+v.retry-1, 1); early.allowed {
				t.Errorf("%T: allowed before the %d that the refusal named", a, v.retry)
			}
			now += v.retry
			if late := a.take(state, now, 1); !late.allowed {
				t.Errorf("%T: refused after the %d that the refusal named", a, v.retry)
			}
		}
	}
}

func TestGiveBackGivesExactlyThatAttempt(t *testing.T) {
	const window = int64(time.Minute)
	for _, a := range []algorithm{sliding{2, window}, gcra{burst: 2, interval: window / 2, window: window}, fixed{2, window}} {
		state := make([]int64, a.size())
		first := a.take(state, 100, 1)
		a.take(state, 100, 1)
		if a.take(state, 100, 1).allowed {
			t.Fatalf("%T: a third attempt was allowed", a)
		}
		if v := a.giveBack(state, first.stamp, 100, 1); v.remaining != 1 {
			t.Errorf("%T: %d left after giving one back; want 1", a, v.remaining)
		}
		if !a.take(state, 100, 1).allowed {
			t.Errorf("%T: the attempt given back is not there", a)
		}
		if a.take(state, 100, 1).allowed {
			t.Errorf("%T: giving one back gave two", a)
		}
		// Long after, the first attempt no longer counts: there is nothing to give.
		now := 100 + 2*window
		a.take(state, now, 1)
		if v := a.giveBack(state, first.stamp, now, 1); v.remaining != 1 {
			t.Errorf("%T: %d left after giving an old attempt back; want 1", a, v.remaining)
		}
	}
}

// Five around the edge of two fixed windows are ten; the sliding window has no
// edge.
func TestFixedAllowsTwiceAtTheEdgeAndSlidingDoesNot(t *testing.T) {
	const window = int64(time.Minute)
	for _, tt := range []struct {
		a    algorithm
		want int
	}{{sliding{5, window}, 6}, {fixed{5, window}, 10}} {
		state := make([]int64, tt.a.size())
		allowed := 0
		try := func(at int64, n int) {
			for range n {
				if tt.a.take(state, at, 1).allowed {
					allowed++
				}
			}
		}
		try(1, 1)
		try(window-10, 4)
		if try(window+1, 5); allowed != tt.want {
			t.Errorf("%T: %d allowed around the edge; want %d", tt.a, allowed, tt.want)
		}
	}
}

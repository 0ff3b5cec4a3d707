// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package ratelimit

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// bubble makes a limiter on the clock of a synctest bubble, with the real
// patience.
func bubble(t *testing.T, cfg Config) *Limiter {
	t.Helper()
	begin := time.Now()
	cfg.now = func() time.Time { return start.Add(time.Hour + time.Since(begin)) }
	l, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// idle reports whether nothing of anybody is left in the crowd.
func (c *crowd) idle() bool {
	for i := range c.stripes {
		c.stripes[i].mu.Lock()
		n := len(c.stripes[i].keys)
		c.stripes[i].mu.Unlock()
		if n > 0 {
			return false
		}
	}
	return c.waiting.Load() == 0
}

// 64 customers behind one address log in at once, where five attempts may fail:
// all get in.
func TestManyGoodLoginsAtOnceAllSucceed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := bubble(t, Config{})
		key := l.Key(0, alice, nil, nil)
		var inApp, most, refused atomic.Int32
		for range 64 {
			go func() {
				d := l.Take(t.Context(), 0, key, 1)
				defer d.Close()
				if !d.Allowed {
					refused.Add(1)
					return
				}
				n := inApp.Add(1)
				for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
				}
				time.Sleep(300 * time.Millisecond)
				inApp.Add(-1)
				d.Done(200)
			}()
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if refused.Load() > 0 || most.Load() != 5 {
			t.Errorf("%d were refused, %d were with the app at once; want 0 and 5", refused.Load(), most.Load())
		}
		if !l.rules[0].undecided.idle() {
			t.Error("something is left in the crowd")
		}
	})
}

// An attacker in the same crowd gets no attempt more for it.
func TestAttackersInACrowdGetTheLimit(t *testing.T) {
	for _, algorithm := range []string{"sliding", "gcra"} {
		synctest.Test(t, func(t *testing.T) {
			l := bubble(t, Config{Rules: []Rule{{Name: "login", Match: []string{"/"}, Algorithm: algorithm}}})
			key := l.Key(0, alice, nil, nil)
			var mu sync.Mutex
			var failures []int64
			good := 0
			for g := range 64 {
				random := rand.New(rand.NewPCG(uint64(g), 5))
				go func() {
					for range 200 {
						d := l.Take(t.Context(), 0, key, 1)
						at := l.clock()
						time.Sleep(time.Duration(random.Int64N(int64(time.Second))))
						bad := random.IntN(4) == 0
						if d.Allowed {
							mu.Lock()
							if bad {
								failures = append(failures, at)
							} else {
								good++
							}
							mu.Unlock()
						}
						if bad {
							d.Done(401)
						} else {
							d.Done(200)
						}
						d.Close()
						time.Sleep(time.Duration(random.Int64N(int64(time.Minute))))
					}
				}()
			}
			time.Sleep(24 * time.Hour)
			synctest.Wait()
			bound := 5
			if algorithm == "gcra" {
				bound = 10 // limit and burst
			}
			if n := most(failures, int64(15*time.Minute)); n > bound || len(failures) < 20 || good < 20 {
				t.Errorf("%s: %d failures in one window, %d in all, %d successes", algorithm, n, len(failures), good)
			}
			if !l.rules[0].undecided.idle() {
				t.Errorf("%s: something is left in the crowd", algorithm)
			}
		})
	}
}

func TestWaitsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := bubble(t, Config{})
		key := l.Key(0, alice, nil, nil)
		var held []Decision
		for range 5 {
			held = append(held, l.Take(t.Context(), 0, key, 1))
		}
		begin := time.Now()
		d := l.Take(t.Context(), 0, key, 1)
		if d.Allowed || time.Since(begin) != patience || d.Retry != shortRetry || d.Problem().Detail == l.rules[0].Message {
			t.Errorf("after %v: %+v", time.Since(begin), d)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		begin = time.Now()
		if d := l.Take(ctx, 0, key, 1); d.Allowed || time.Since(begin) != time.Second {
			t.Errorf("the client went away, and %v later: %+v", time.Since(begin), d)
		}
		// No more than so many wait for one key.
		var refused atomic.Int32
		for range crowdWaiting + 10 {
			go func() {
				d := l.Take(t.Context(), 0, key, 1)
				if !d.Allowed {
					refused.Add(1)
				}
				d.Done(401)
				d.Close()
			}()
		}
		synctest.Wait()
		if refused.Load() != 10 {
			t.Errorf("%d were refused at once; want 10", refused.Load())
		}
		// A failure frees nobody; the last to be decided lets all know.
		for i := range held {
			held[i].Done(401)
			synctest.Wait()
			if n := refused.Load(); i < 4 && n != 10 || i == 4 && n != crowdWaiting+10 {
				t.Errorf("%d failures: %d were refused", i+1, n)
			}
		}
		if !l.rules[0].undecided.idle() {
			t.Error("something is left in the crowd")
		}
		if d := l.Take(t.Context(), 0, key, 1); d.Allowed || d.Retry < 14*time.Minute || d.Problem().Detail != l.rules[0].Message {
			t.Errorf("five failures: %+v", d)
		}
	})
}

func TestWaitsEndWhenTimeFreesAnAttempt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := bubble(t, Config{Rules: []Rule{{Match: []string{"/"}, Limit: 60, Window: time.Minute, Count: "failures", Algorithm: "gcra", Burst: 1}}})
		key := l.Key(0, alice, nil, nil)
		held := l.Take(t.Context(), 0, key, 1)
		begin := time.Now()
		d := l.Take(t.Context(), 0, key, 1)
		if !d.Allowed || time.Since(begin) != time.Second {
			t.Errorf("after %v: %+v", time.Since(begin), d)
		}
		held.Close()
		d.Close()
		if !l.rules[0].undecided.idle() {
			t.Error("something is left in the crowd")
		}
	})
}

func TestNoWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := bubble(t, Config{NoWait: true})
		key := l.Key(0, alice, nil, nil)
		begin := time.Now()
		for range 5 {
			d := l.Take(t.Context(), 0, key, 1)
			defer d.Close()
		}
		if d := l.Take(t.Context(), 0, key, 1); d.Allowed || time.Since(begin) > 0 {
			t.Errorf("after %v: %+v", time.Since(begin), d)
		}
	})
}

// What blocks is failures, not good logins that are still undecided.
func TestUndecidedAttemptsDoNotBlock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := bubble(t, Config{Rules: []Rule{{Name: "login", Match: []string{"/"}, Block: time.Hour}}})
		key := l.Key(0, alice, nil, nil)
		var held []Decision
		for range 5 {
			held = append(held, l.Take(t.Context(), 0, key, 1))
		}
		if d := l.Take(t.Context(), 0, key, 1); d.Allowed || d.blocked {
			t.Errorf("all undecided: %+v", d)
		}
		for i := range held {
			held[i].Done(200)
		}
		for range 5 {
			d := l.Take(t.Context(), 0, key, 1)
			d.Done(401)
			if !d.Allowed {
				t.Errorf("after five successes: %+v", d)
			}
		}
		if d := l.Take(t.Context(), 0, key, 1); d.Allowed || !d.blocked || d.Retry != time.Hour {
			t.Errorf("after five failures: %+v", d)
		}
	})
}

func TestConcurrent(t *testing.T) {
	l, _ := limiter(t, Config{Rules: []Rule{{Match: []string{"/"}, Limit: 100, Window: time.Minute, Concurrent: 2}}})
	key := l.Key(0, alice, nil, nil)
	first, second := l.Take(t.Context(), 0, key, 1), l.Take(t.Context(), 0, key, 1)
	third := l.Take(t.Context(), 0, key, 1)
	if !first.Allowed || !second.Allowed || third.Allowed || third.Retry != shortRetry {
		t.Fatalf("got %v, %v, %+v; want two allowed", first.Allowed, second.Allowed, third)
	}
	if d := l.Take(t.Context(), 0, l.Key(0, bob, nil, nil), 1); !d.Allowed {
		t.Error("another client was refused")
	}
	first.Done(200) // the answer begins, but is still on its way
	if d := l.Take(t.Context(), 0, key, 1); d.Allowed {
		t.Error("allowed while two are there")
	}
	first.Close()
	first.Close()
	third.Close()
	fourth := l.Take(t.Context(), 0, key, 1)
	if d := l.Take(t.Context(), 0, key, 1); !fourth.Allowed || d.Allowed {
		t.Errorf("one has left: got %v, %v; want one more", fourth.Allowed, d.Allowed)
	}
}

// A turn that was called when its request had gone goes to the next.
func TestTurnsAreNotLost(t *testing.T) {
	c := new(crowd)
	key := Key{1}
	c.join(key, true)
	c.join(key, false)
	_, first := c.join(key, true)
	_, second := c.join(key, true)
	c.leave(key, 1) // given back: calls the first
	select {
	case <-first:
	default:
		t.Fatal("the first in the queue was not called")
	}
	c.unqueue(key, first) // but it has gone
	select {
	case <-second:
	default:
		t.Error("the turn was lost")
	}
	for range 3 {
		c.leave(key, 0)
	}
	if !c.idle() {
		t.Error("something is left in the crowd")
	}
}

// Requests that were refused at once are one strike.
func TestOneStrikeAtATime(t *testing.T) {
	tab := newTable(jail{}, 10)
	for range 3 {
		if until := tab.lock(1, 100, 1000, 8000, true); until != 1100 {
			t.Fatalf("blocked until %d; want 1100", until)
		}
	}
	if until := tab.lock(1, 1100, 1000, 8000, true); until != 1100+2000 {
		t.Errorf("the second time until %d; want %d", until, 1100+2000)
	}
}

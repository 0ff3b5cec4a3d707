// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package ratelimit

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// flaky is a store that can fail or be slow, and counts the round trips.
type flaky struct {
	Store
	err   atomic.Pointer[error]
	slow  atomic.Bool
	trips atomic.Int32
}

func (f *flaky) fail(err error) {
	if err == nil {
		f.err.Store(nil)
		return
	}
	f.err.Store(&err)
}

func (f *flaky) trip(ctx context.Context) error {
	f.trips.Add(1)
	if f.slow.Load() {
		<-ctx.Done()
		return ctx.Err()
	}
	if err := f.err.Load(); err != nil {
		return *err
	}
	return nil
}

func (f *flaky) Take(ctx context.Context, l Limit, key Key, cost int) (Result, error) {
	if err := f.trip(ctx); err != nil {
		return Result{}, err
	}
	return f.Store.Take(ctx, l, key, cost)
}

func (f *flaky) GiveBack(ctx context.Context, l Limit, key Key, stamp int64, cost int) (Result, error) {
	if err := f.trip(ctx); err != nil {
		return Result{}, err
	}
	return f.Store.GiveBack(ctx, l, key, stamp, cost)
}

var testSecret = func() []byte { s := sha256.Sum256([]byte("a secret of the tests")); return s[:] }()

type notes struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (n *notes) Write(b []byte) (int, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.buf.Write(b)
}

func (n *notes) lines(text string) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return strings.Count(n.buf.String(), text)
}

// sharing makes a limiter on a shared store, in a synctest bubble.
func sharing(t *testing.T, store Store, cfg Config) (*Limiter, *notes) {
	t.Helper()
	n := &notes{}
	cfg.Shared, cfg.KeySecret, cfg.Logger = store, testSecret, slog.New(slog.NewTextHandler(n, nil))
	l, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return l, n
}

func take(t *testing.T, l *Limiter) Decision {
	t.Helper()
	return l.Take(t.Context(), 0, l.Key(0, alice, nil, nil), 1)
}

// bubbled is synctest.Test with the package's clock started in the bubble.
func bubbled(t *testing.T, test func(t *testing.T)) {
	synctest.Test(t, func(t *testing.T) {
		was := start
		start = time.Now()
		defer func() { start = was }()
		time.Sleep(time.Hour)
		test(t)
	})
}

func TestTwoLimitersShareOneLimit(t *testing.T) {
	bubbled(t, func(t *testing.T) {
		store := NewMemory(1000)
		a, _ := sharing(t, store, Config{})
		b, _ := sharing(t, store, Config{})
		for i := range 5 {
			d := take(t, []*Limiter{a, b}[i%2])
			if d.Done(401); !d.Allowed || d.Remaining != 4-i {
				t.Errorf("failure %d: %+v", i, d)
			}
		}
		for _, l := range []*Limiter{a, b} {
			if d := take(t, l); d.Allowed {
				t.Error("a sixth attempt was allowed")
			}
		}
		key := a.Key(0, alice, nil, nil)
		if key != b.Key(0, alice, nil, nil) || key == (Key{}) {
			t.Error("two limiters with one secret have different keys")
		}
		if known, err := b.Reset(t.Context(), 0, key); !known || err != nil {
			t.Errorf("Reset: %v, %v", known, err)
		}
		for range 20 {
			d := take(t, a)
			if d.Done(200); !d.Allowed || d.Remaining != 5 {
				t.Fatalf("a success: %+v", d)
			}
		}
	})
}

func TestKeysOfASharedStoreNeedTheSecret(t *testing.T) {
	other := append([]byte("x"), testSecret...)
	a, _ := sharing(t, NewMemory(1), Config{})
	b, err := New(Config{Shared: NewMemory(1), KeySecret: other})
	if err != nil {
		t.Fatal(err)
	}
	if a.Key(0, alice, nil, nil) == b.Key(0, alice, nil, nil) {
		t.Error("two secrets make one key")
	}
	for _, secret := range [][]byte{nil, []byte("short"), bytes.Repeat([]byte("a"), 64)} {
		if _, err := New(Config{Shared: NewMemory(1), KeySecret: secret}); err == nil || !strings.Contains(err.Error(), "key_secret_env") {
			t.Errorf("the secret %q: got %v", secret, err)
		}
	}
}

// While the store fails, the declared answer holds; when it is back, it is asked
// again within a second, and each change is logged once.
func TestTheStoreFails(t *testing.T) {
	for _, tt := range []struct {
		instead string
		allowed []bool // of seven attempts at a limit of five
	}{
		{"local", []bool{true, true, true, true, true, false, false}},
		{"allow", []bool{true, true, true, true, true, true, true}},
		{"deny", []bool{false, false, false, false, false, false, false}},
	} {
		for _, how := range []string{"error", "slow"} {
			t.Run(tt.instead+"-"+how, func(t *testing.T) {
				bubbled(t, func(t *testing.T) {
					store := &flaky{Store: NewMemory(1000)}
					l, log := sharing(t, store, Config{OnStoreError: tt.instead})
					down := func(is bool) {
						store.slow.Store(is && how == "slow")
						store.fail(nil)
						if is && how == "error" {
							store.fail(errors.New("connection refused"))
						}
					}
					down(true)
					begin := time.Now()
					for i, want := range tt.allowed {
						d := take(t, l)
						d.Done(401)
						if d.Allowed != want {
							t.Errorf("attempt %d: allowed %v; want %v", i, d.Allowed, want)
						}
						if !want && (d.Retry <= 0 || d.Problem() == nil) {
							t.Errorf("attempt %d: %+v", i, d)
						}
					}
					if took := time.Since(begin); took > storeFaults*storeTimeout {
						t.Errorf("seven attempts took %v; want at most %v", took, storeFaults*storeTimeout)
					}
					if n := store.trips.Load(); n != storeFaults {
						t.Errorf("%d round trips; want %d", n, storeFaults)
					}
					// One request tries again, and the others do not wait for it.
					time.Sleep(storePause)
					store.trips.Store(0)
					for range 20 {
						go take(t, l)
					}
					time.Sleep(storeTimeout + 10*time.Millisecond)
					synctest.Wait()
					if n := store.trips.Load(); n != 1 {
						t.Errorf("%d tried again; want one", n)
					}
					down(false)
					time.Sleep(storePause)
					for i := range 6 {
						d := take(t, l)
						d.Done(401)
						if want := i < 5; d.Allowed != want || !d.remote {
							t.Errorf("when it is back, attempt %d: %+v", i, d)
						}
					}
					if log.lines("does not answer") != 1 || log.lines("answers again") != 1 {
						t.Errorf("logged:\n%s", log.buf.String())
					}
					if s := l.Stats(); s.StoreDown || s.WithoutStore < 7 {
						t.Errorf("stats: %+v", s)
					}
				})
			})
		}
	}
}

// What is declared for a store that fails is said at once, though attempts are
// undecided.
func TestTheDeclaredAnswerDoesNotWait(t *testing.T) {
	for _, instead := range []string{"allow", "deny"} {
		bubbled(t, func(t *testing.T) {
			store := &flaky{Store: NewMemory(1000)}
			l, _ := sharing(t, store, Config{OnStoreError: instead})
			held := take(t, l)
			store.fail(errors.New("connection refused"))
			begin := time.Now()
			d := take(t, l)
			if d.Allowed != (instead == "allow") || time.Since(begin) > 0 {
				t.Errorf("%s: after %v: %+v", instead, time.Since(begin), d)
			}
			d.Done(200)
			d.Close()
			held.Close()
			if !l.rules[0].undecided.idle() {
				t.Errorf("%s: something is left in the crowd", instead)
			}
		})
	}
}

// Faults now and then are no reason to leave the store alone.
func TestFaultsInARowCount(t *testing.T) {
	bubbled(t, func(t *testing.T) {
		store := &flaky{Store: NewMemory(1000)}
		l, log := sharing(t, store, Config{Rules: []Rule{{Match: []string{"/"}, Limit: 100, Window: time.Minute}}})
		for i := range 20 {
			store.fail(nil)
			if i%storeFaults != 0 {
				store.fail(errors.New("connection reset"))
			}
			take(t, l)
		}
		if n := store.trips.Load(); n != 20 || log.lines("does not answer") != 0 {
			t.Errorf("%d round trips; want 20", n)
		}
	})
}

// A client that hangs up before it is asked about counts all the same, and is no
// fault of the store.
func TestClientsThatHangUpCount(t *testing.T) {
	for _, instead := range []string{"local", "allow", "deny"} {
		t.Run("on-store-error-"+instead, func(t *testing.T) {
			bubbled(t, func(t *testing.T) {
				store := &flaky{Store: NewMemory(1000)}
				l, log := sharing(t, store, Config{OnStoreError: instead})
				gone, cancel := context.WithCancel(t.Context())
				cancel()
				allowed := 0
				for range 20 {
					d := l.Take(gone, 0, l.Key(0, alice, nil, nil), 1)
					if d.Allowed {
						allowed++
					}
					d.Close()
				}
				if allowed != 5 {
					t.Errorf("%d attempts were allowed; want 5", allowed)
				}
				if d := take(t, l); d.Allowed || !d.remote {
					t.Errorf("and then of a client that stays: %+v; want it refused by the store", d)
				}
				if n := l.Stats().WithoutStore; n > 0 || log.lines("does not answer") > 0 {
					t.Errorf("%d decisions without the store; want none", n)
				}
			})
		})
	}
}

// Who asks for nobody any more waits no longer for the store than others.
func TestASlowStoreIsBoundedForClientsThatHangUp(t *testing.T) {
	bubbled(t, func(t *testing.T) {
		store := &flaky{Store: NewMemory(1000)}
		l, _ := sharing(t, store, Config{})
		store.slow.Store(true)
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		begin := time.Now()
		d := l.Take(gone, 0, l.Key(0, alice, nil, nil), 1)
		if took := time.Since(begin); took != storeTimeout || d.remote {
			t.Errorf("it took %v, remote: %v; want %v, and counts of this process", took, d.remote, storeTimeout)
		}
	})
}

// A key that the store has blocked costs a round trip in five seconds.
func TestBlockedKeysCostNoRoundTrip(t *testing.T) {
	bubbled(t, func(t *testing.T) {
		store := &flaky{Store: NewMemory(1000)}
		l, _ := sharing(t, store, Config{Rules: []Rule{{Match: []string{"/"}, Limit: 1, Window: time.Minute, Block: time.Hour}}})
		take(t, l)
		take(t, l)
		store.trips.Store(0)
		for range 1000 {
			time.Sleep(time.Millisecond)
			if d := take(t, l); d.Allowed || d.Retry > time.Hour || d.Retry < time.Hour-2*time.Second {
				t.Fatalf("blocked: %+v", d)
			}
		}
		if n := store.trips.Load(); n != 0 {
			t.Errorf("%d round trips; want none", n)
		}
		if d := l.Take(t.Context(), 0, l.Key(0, bob, nil, nil), 1); !d.Allowed {
			t.Error("another key was refused")
		}
		store.Store.(*Memory).forgetAll()
		time.Sleep(cacheFor)
		if d := take(t, l); !d.Allowed {
			t.Error("another process let the key in, and this one has not heard of it after five seconds")
		}
	})
}

// forgetAll is what another process does.
func (m *Memory) forgetAll() {
	m.mu.Lock()
	defer m.mu.Unlock()
	clear(m.limits)
}

// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package ratelimit

import (
	"context"
	"log/slog"
	"net/url"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/panoply-security/panoply/internal/fault"
	"github.com/panoply-security/panoply/internal/weak"
)

// How long a shared store may take, and what happens when it fails.
const (
	storeTimeout = 200 * time.Millisecond
	storeFaults  = 3                      // in a row, until it is left alone
	storePause   = 500 * time.Millisecond // for so long; then one request tries it
	storeRetry   = time.Second            // for a client that `deny` refused
	cacheSlots   = 4096
	cacheFor     = 5 * time.Second // so that another process's Reset is heard of
)

// shared asks a shared store, and leaves it alone while it does not answer: the
// circuit breaker. It never waits for it longer than storeTimeout, and never
// for another request.
type shared struct {
	store   Store
	instead string // local, allow or deny
	log     *slog.Logger

	faults   atomic.Int32 // in a row
	resume   atomic.Int64 // when to try again, in nanoseconds from start; 0: it answers
	missed   atomic.Int64 // decisions without it
	shielded atomic.Int64
	blocked  [cacheSlots]cached
}

// cached is a key that the store has said is blocked. A slot is for all keys
// that fall into it, the last one stays: a key that lost it costs a round trip.
type cached struct {
	mu    sync.Mutex
	id    string
	key   Key
	until time.Duration
	reset time.Duration
}

func newShared(cfg Config) *shared {
	log := cfg.Logger
	if log == nil {
		log = slog.Default()
	}
	return &shared{store: cfg.Shared, instead: cfg.OnStoreError, log: log}
}

// checkStore notes what is wrong with where the counts are.
func (c *Config) checkStore(faults *fault.List) {
	u, err := url.Parse(c.Store)
	remote := err == nil && u.Host != "" && (u.Scheme == "redis" || u.Scheme == "rediss")
	switch {
	case c.Store != "memory" && !remote:
		faults.Add("store", "neither memory nor redis://host:port", "memory, redis://host:port or rediss://host:port") // may hold a password: not repeated
	case remote && hasPassword(u):
		faults.Add("store", "a password does not belong in a policy", "name the environment variable that has it in store_password_env")
	case remote && c.Shared == nil:
		faults.Add("store", "nothing has opened it", "the guard does; a Go app sets Config.Shared to a redisstore")
	}
	if c.OnStoreError != "local" && c.OnStoreError != "allow" && c.OnStoreError != "deny" {
		faults.Addf("on_store_error", "local, allow or deny", "%.40q is not an answer", c.OnStoreError)
	}
	if c.KeySecretEnv != "" && c.KeySecret == nil {
		c.KeySecret = []byte(os.Getenv(c.KeySecretEnv))
	}
	if c.Shared != nil || c.KeySecretEnv != "" || c.KeySecret != nil {
		faults.Join("key_secret_env", weak.Check(c.KeySecret))
	}
}

func hasPassword(u *url.URL) bool {
	_, has := u.User.Password()
	return has
}

// take asks the store; ok is false when it has no answer.
func (s *shared) take(ctx context.Context, l Limit, key Key, cost int) (r Result, ok bool) {
	slot := &s.blocked[key.hash()%cacheSlots]
	if wait := slot.wait(l.ID, key); wait > 0 {
		s.shielded.Add(1)
		return Result{Reset: wait, Retry: wait, Blocked: true}, true
	}
	ok = s.ask(ctx, func(ctx context.Context) (err error) {
		r, err = s.store.Take(ctx, l, key, cost)
		return err
	})
	if !ok {
		s.missed.Add(1)
		return Result{}, false
	}
	if r.Blocked && !r.Allowed {
		slot.put(l.ID, key, r.Retry)
	}
	return r, true
}

func (s *shared) giveBack(l Limit, key Key, stamp int64, cost int) (r Result, ok bool) {
	ok = s.ask(context.Background(), func(ctx context.Context) (err error) {
		r, err = s.store.GiveBack(ctx, l, key, stamp, cost)
		return err
	})
	return r, ok
}

// ask makes one round trip, unless the store is to be left alone. It is made for
// a client that has hung up, too: whoever closes its half of the connection right
// after the request would else be counted nowhere.
func (s *shared) ask(ctx context.Context, trip func(context.Context) error) bool {
	resume := s.resume.Load()
	if resume != 0 {
		now := int64(time.Since(start))
		// One request tries; until it is back the others go without.
		if now < resume || !s.resume.CompareAndSwap(resume, now+int64(storePause)) {
			return false
		}
	}
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTimeout)
	err := trip(bounded)
	cancel()
	if err == nil {
		s.faults.Store(0)
		if s.resume.Swap(0) != 0 {
			s.log.Info("the store of the rate limits answers again")
		}
		return true
	}
	if n := s.faults.Add(1); n >= storeFaults && s.resume.CompareAndSwap(0, int64(time.Since(start)+storePause)) {
		s.log.Error("the store of the rate limits does not answer", "error", err, "on_store_error", s.instead)
	}
	return false
}

// wait is for how long the key is known to be blocked.
func (c *cached) wait(id string, key Key) time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.key != key || c.id != id {
		return 0
	}
	now := time.Since(start)
	if now >= c.until {
		return 0
	}
	return c.reset - now
}

func (c *cached) put(id string, key Key, retry time.Duration) {
	now := time.Since(start)
	c.mu.Lock()
	c.id, c.key, c.reset, c.until = id, key, now+retry, now+min(retry, cacheFor)
	c.mu.Unlock()
}

// forget lets a key that was reset be asked about.
func (s *shared) forget(key Key) {
	c := &s.blocked[key.hash()%cacheSlots]
	c.mu.Lock()
	c.key, c.id = Key{}, ""
	c.mu.Unlock()
}

// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package upstream

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/panoply-security/panoply"
)

const (
	// ejectAfter failures in a row have a server left out for a while, where another one
	// can take its place.
	ejectAfter = 3
	ejectFor   = 5 * time.Second
)

// server is one of a group. It goes on over reloads that leave it as it is.
type server struct {
	name      string // as in the policy
	endpoint  Endpoint
	transport Transport
	health    panoply.Health
	headers   func(http.Header) // of what is asked of it
	log       *slog.Logger
	wait      time.Duration // at most, in the queue

	slots    chan struct{} // one for each request that is open
	maxQueue int64
	waiting  atomic.Int64
	open     atomic.Int64 // requests under way, and WebSockets
	failures atomic.Int64 // since the start

	condition
	stop func() // the checks, nil while there are none
}

// condition is what is known of a server's health.
type condition struct {
	mu      sync.Mutex
	down    bool      // say the checks
	asked   bool      // at least once
	row     int       // checks in a row that say otherwise
	failed  int       // requests in a row
	ejected time.Time // until then
}

// newCondition takes over what was known of the same server.
func (c *condition) adopt(old *condition) {
	old.mu.Lock()
	defer old.mu.Unlock()
	c.down, c.asked, c.row, c.failed, c.ejected = old.down, old.asked, old.row, old.failed, old.ejected
}

// state reports whether the checks say that the server is down, and until when it is left
// out for what has failed.
func (c *condition) state() (down bool, ejected time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.down, c.ejected
}

// succeeded notes that a request was answered.
func (s *server) succeeded() {
	s.mu.Lock()
	s.failed, s.ejected = 0, time.Time{}
	s.mu.Unlock()
}

// failedWith notes that a request was not.
func (s *server) failedWith(ctx context.Context, err error, now time.Time) {
	s.failures.Add(1)
	s.mu.Lock()
	s.failed++
	out := s.failed >= ejectAfter && now.After(s.ejected)
	if out {
		s.ejected = now.Add(ejectFor)
	}
	first := s.failed == ejectAfter
	s.mu.Unlock()
	if out && first {
		s.log.LogAttrs(ctx, slog.LevelWarn, "a server of the app fails, and others have its requests for a while if there are any",
			slog.String("server", s.name), slog.String("cause", err.Error()))
	}
}

// checked notes what a check has found: nil for a good answer. The first one decides
// alone.
func (s *server) checked(err error) {
	s.mu.Lock()
	need := s.health.Unhealthy
	if s.down {
		need = s.health.Healthy
	}
	if !s.asked {
		need = 1
	}
	s.asked = true
	changed := false
	if s.down == (err != nil) {
		s.row = 0
	} else if s.row++; s.row >= need {
		s.down, s.row, changed = !s.down, 0, true
		if !s.down {
			s.failed, s.ejected = 0, time.Time{}
		}
	}
	s.mu.Unlock()
	switch {
	case changed && err != nil:
		s.log.Warn("a server of the app is down", slog.String("server", s.name), slog.String("cause", err.Error()))
	case changed:
		s.log.Info("a server of the app is well again", slog.String("server", s.name))
	}
}

// acquire takes a slot, after a wait for one if need be. It reports false where the
// queue is full or the wait too long; an error is the context's.
func (s *server) acquire(ctx context.Context) (bool, error) {
	select {
	case s.slots <- struct{}{}:
		return true, nil
	default:
	}
	if s.waiting.Add(1) > s.maxQueue {
		s.waiting.Add(-1)
		return false, nil
	}
	defer s.waiting.Add(-1)
	timer := time.NewTimer(s.wait)
	defer timer.Stop()
	select {
	case s.slots <- struct{}{}:
		return true, nil
	case <-timer.C:
		return false, nil
	case <-ctx.Done():
		return false, ctx.Err()
	}
}

func (s *server) release() { <-s.slots }

func (s *server) full() bool { return len(s.slots) == cap(s.slots) }

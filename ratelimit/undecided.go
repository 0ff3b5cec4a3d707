// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package ratelimit

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Bounds on what waits, and on how many keys are known to be with the app: one
// for each request that is, so a server that bounds its requests bounds them
// too.
const (
	patience      = 5 * time.Second
	crowdStripes  = 64
	crowdKeys     = 1024 // in each stripe
	crowdWaiting  = 128  // for each key
	crowdAllQueue = 4096 // of one rule
)

// shortRetry is for a client that was refused before the attempts ahead of it
// were decided.
const shortRetry = time.Second

// crowd knows, of each key, how many attempts are with the app and not decided,
// and who waits for one of them. A key with none is not in it.
type crowd struct {
	waiting atomic.Int32
	stripes [crowdStripes]stripe
}

type stripe struct {
	mu   sync.Mutex
	keys map[Key]group
}

type group struct {
	here    int
	waiting []chan struct{} // first come, first served
}

func (c *crowd) of(key Key) *stripe { return &c.stripes[key.hash()%crowdStripes] }

// join adds an attempt and says how many were there before it; -1 when there is
// no room, and the attempt was not added. With wait it also queues, if somebody
// is there to wait for and there is room: turn is closed when one of them has
// given its attempt back, or all are decided.
func (c *crowd) join(key Key, wait bool) (others int, turn chan struct{}) {
	s := c.of(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.keys[key]
	if g.here == 0 {
		if len(s.keys) == crowdKeys {
			return -1, nil
		}
		if s.keys == nil {
			s.keys = map[Key]group{}
		}
	}
	others = g.here
	g.here++
	if wait && others > 0 && len(g.waiting) < crowdWaiting {
		if c.waiting.Add(1) <= crowdAllQueue {
			turn = make(chan struct{})
			g.waiting = append(g.waiting, turn)
		} else {
			c.waiting.Add(-1)
		}
	}
	s.keys[key] = g
	return others, turn
}

// alone reports whether one attempt is all that is there.
func (c *crowd) alone(key Key) bool {
	s := c.of(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.keys[key].here == 1
}

// leave takes an attempt out that was decided or refused. One that was given
// back lets so many go on; when none is left, all may.
func (c *crowd) leave(key Key, given int) {
	s := c.of(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	g := s.keys[key]
	g.here--
	n := min(given, len(g.waiting))
	if g.here == 0 {
		n = len(g.waiting)
	}
	c.wake(&g, n)
	if g.here == 0 {
		delete(s.keys, key)
		return
	}
	s.keys[key] = g
}

func (c *crowd) wake(g *group, n int) {
	for _, turn := range g.waiting[:n] {
		close(turn)
	}
	c.waiting.Add(int32(-n))
	g.waiting = g.waiting[n:]
}

// unqueue ends a wait. A turn that came too late for it goes to the next, as
// does one that was not needed.
func (c *crowd) unqueue(key Key, turn chan struct{}) {
	s := c.of(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	g, known := s.keys[key]
	if !known {
		return
	}
	if i := slices.Index(g.waiting, turn); i >= 0 {
		g.waiting = slices.Delete(g.waiting, i, i+1)
		c.waiting.Add(-1)
	} else {
		c.wake(&g, min(1, len(g.waiting)))
	}
	s.keys[key] = g
}

// begin takes an attempt that is decided later. Where none is left, but some
// are with the app, it waits for one of them to be given back, or for time to
// free one: at most patience, and not beyond ctx. Only a refusal with none undecided blocks.
func (d *Decision) begin(ctx context.Context) {
	c := d.rule.undecided
	var began time.Time
	for {
		others, turn := c.join(d.key, d.rule.limiter.patience > 0)
		d.tracked = others >= 0
		if d.try(ctx, others < 0); !d.Allowed && !d.blocked && others == 0 {
			if !c.alone(d.key) { // others came behind, and took what there was
				d.decided(0)
				continue
			}
			if d.rule.limit.Block > 0 {
				d.try(ctx, true)
			}
		}
		if turn == nil || d.Allowed || d.blocked {
			if turn != nil {
				c.unqueue(d.key, turn)
			}
			if !d.taken {
				d.decided(0)
			}
			d.short = !d.Allowed && others > 0 && !d.blocked
			break
		}
		d.decided(0)
		if began.IsZero() {
			began = time.Now()
		}
		left := d.rule.limiter.patience - time.Since(began)
		timer := time.NewTimer(min(left, d.Retry))
		select {
		case <-turn:
			timer.Stop()
			continue
		case <-timer.C:
			if d.Retry < left { // time has freed one
				c.unqueue(d.key, turn)
				continue
			}
		case <-ctx.Done():
			timer.Stop()
		}
		c.unqueue(d.key, turn)
		d.short = true
		break
	}
	if d.short {
		d.Retry = min(d.Retry, shortRetry)
	}
}

// decided takes the attempt out of those that others wait for.
func (d *Decision) decided(given int) {
	if d.tracked {
		d.tracked = false
		d.rule.undecided.leave(d.key, given)
	}
}

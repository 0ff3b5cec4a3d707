// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package ratelimit

import (
	"context"
	"encoding/binary"
	"fmt"
	"sync"
	"time"
)

// Memory is a Store in the memory of one process, on the tables that a limiter
// without a store uses: for the tests of those who share one, and what the
// other stores are held against. It holds at most 256 limits, and of each as
// many keys as it was made for.
type Memory struct {
	maxKeys int
	start   time.Time
	mu      sync.Mutex
	limits  map[string]*counts
}

var _ Store = (*Memory)(nil)

// NewMemory makes a store of maxKeys keys for each limit; below 1 it is 100,000.
func NewMemory(maxKeys int) *Memory {
	if maxKeys < 1 {
		maxKeys = defaultMaxKeys
	}
	return &Memory{maxKeys: maxKeys, start: time.Now(), limits: map[string]*counts{}}
}

// of finds the counts of a limit, and the time.
func (m *Memory) of(ctx context.Context, l Limit) (*counts, int64, error) {
	if err := ctx.Err(); err != nil {
		return nil, 0, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	c := m.limits[l.ID]
	if c == nil {
		if len(m.limits) == maxRules {
			return nil, 0, fmt.Errorf("more than %d limits", maxRules)
		}
		c = newCounts(l, m.maxKeys)
		m.limits[l.ID] = c
	}
	return c, int64(time.Since(m.start)), nil
}

// Take implements [Store].
func (m *Memory) Take(ctx context.Context, l Limit, key Key, cost int) (Result, error) {
	c, now, err := m.of(ctx, l)
	if err != nil {
		return Result{}, err
	}
	return c.take(key.hash(), now, int64(cost), l.Block, l.MaxBlock).result(), nil
}

// GiveBack implements [Store].
func (m *Memory) GiveBack(ctx context.Context, l Limit, key Key, stamp int64, cost int) (Result, error) {
	c, now, err := m.of(ctx, l)
	if err != nil {
		return Result{}, err
	}
	return c.look(key.hash(), stamp, now, int64(cost)).result(), nil
}

// Peek implements [Store].
func (m *Memory) Peek(ctx context.Context, l Limit, key Key) (Result, error) {
	return m.GiveBack(ctx, l, key, 0, 0)
}

// Reset implements [Store].
func (m *Memory) Reset(ctx context.Context, l Limit, key Key) (bool, error) {
	c, now, err := m.of(ctx, l)
	if err != nil {
		return false, err
	}
	return c.reset(key.hash(), now), nil
}

// Block implements [Store].
func (m *Memory) Block(ctx context.Context, l Limit, key Key, d time.Duration) error {
	c, now, err := m.of(ctx, l)
	if err == nil {
		c.block(key.hash(), now, d)
	}
	return err
}

// Blocked implements [Store].
func (m *Memory) Blocked(ctx context.Context, l Limit, most int) ([]Blocked, error) {
	c, now, err := m.of(ctx, l)
	if err != nil {
		return nil, err
	}
	return c.list(now, time.Now(), most), nil
}

// A hash is the first half of a key: 64 bits under a secret are enough for what
// one process remembers.
func (k Key) hash() hash { return hash(binary.LittleEndian.Uint64(k[:8])) }

func (h hash) key() (k Key) {
	binary.LittleEndian.PutUint64(k[:8], uint64(h))
	return k
}

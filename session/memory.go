// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package session

import (
	"bytes"
	"container/list"
	"context"
	"sync"
	"time"

	"github.com/panoply-security/panoply/internal/fault"
)

// MemoryConfig bounds a [Memory].
type MemoryConfig struct {
	// MaxSessions is how many it holds. 0 is 100,000; at most 10,000,000.
	MaxSessions int `yaml:"max_sessions"`
	// MaxPerUser is how many of them one user may have: one login more ends the one
	// that was idle longest. 0 is 100, or MaxSessions if that is less.
	MaxPerUser int `yaml:"max_per_user"`
	// MaxBytes bounds what they take together: values, names of users, and 512
	// bytes of bookkeeping each. 0 is 64 MiB, at least 64 KiB.
	MaxBytes int64 `yaml:"max_bytes"`
}

// Memory is a Store in the memory of one process.
//
// When it is full, expired sessions make room first, then the one without a
// user that was idle longest: anybody can create these. Sessions with a user
// never make room for those of others: then the answer is [ErrFull], and whoever could
// create sessions without end cannot sign anybody out. Nor does one account that logs
// in without end keep others out: its own sessions make room.
type Memory struct {
	max      int
	perUser  int
	maxBytes int64

	mu       sync.Mutex
	sessions map[Key]*entry
	users    map[string]map[Key]*entry
	// Least recently committed first, so with what expires soonest at the front,
	// but for lifetimes that end before the idle time does.
	anonymous, signedIn *list.List
	bytes               int64
}

type entry struct {
	key  Key
	rec  Record
	node *list.Element // in the list of its kind
}

const bookkeeping = 512 // bytes per entry, about what maps, lists and record take

func (e *entry) size() int64 { return bookkeeping + int64(len(e.rec.Data)+len(e.rec.User)) }

var (
	_ Store     = (*Memory)(nil)
	_ UserIndex = (*Memory)(nil)
)

// NewMemory checks the configuration and makes an empty store.
func NewMemory(cfg MemoryConfig) (*Memory, error) {
	var faults fault.List
	if cfg.MaxSessions == 0 {
		cfg.MaxSessions = 100_000
	}
	if cfg.MaxSessions < 1 || cfg.MaxSessions > 10_000_000 {
		faults.Addf("max_sessions", "leave it out for 100000", "%d is not within 1 and 10000000", cfg.MaxSessions)
	}
	if cfg.MaxPerUser == 0 {
		cfg.MaxPerUser = min(100, cfg.MaxSessions)
	}
	if cfg.MaxPerUser < 1 || cfg.MaxPerUser > cfg.MaxSessions {
		faults.Addf("max_per_user", "leave it out for 100", "%d is not within 1 and max_sessions", cfg.MaxPerUser)
	}
	if cfg.MaxBytes == 0 {
		cfg.MaxBytes = 64 << 20
	}
	if cfg.MaxBytes < 64<<10 {
		faults.Addf("max_bytes", "leave it out for 67108864", "%d is less than 65536", cfg.MaxBytes)
	}
	if err := faults.Err(); err != nil {
		return nil, err
	}
	return &Memory{max: cfg.MaxSessions, perUser: cfg.MaxPerUser, maxBytes: cfg.MaxBytes, sessions: map[Key]*entry{}, users: map[string]map[Key]*entry{},
		anonymous: list.New(), signedIn: list.New()}, nil
}

// Len is the number of sessions held, expired ones that nobody has asked for
// included.
func (m *Memory) Len() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.sessions)
}

// Find implements [Store].
func (m *Memory) Find(_ context.Context, key Key) (Record, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if e := m.live(key, time.Now()); e != nil {
		return e.rec, true, nil
	}
	return Record{}, false, nil
}

// live returns the entry, or removes it when it has expired.
func (m *Memory) live(key Key, now time.Time) *entry {
	e := m.sessions[key]
	if e != nil && !now.Before(e.rec.Expires) {
		m.remove(e)
		return nil
	}
	return e
}

// Commit implements [Store].
func (m *Memory) Commit(_ context.Context, key Key, rec Record) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	old := m.live(key, now)
	if old == nil && rec.Version != 1 || old != nil && rec.Version != old.rec.Version+1 {
		return false, nil
	}
	rec.Data = bytes.Clone(rec.Data)
	e := &entry{key: key, rec: rec}
	if !m.makeRoom(e, old, now) {
		return false, ErrFull
	}
	if old != nil {
		m.remove(old)
	}
	m.insert(e)
	return true, nil
}

// makeRoom reports whether e fits in place of old.
func (m *Memory) makeRoom(e, old *entry, now time.Time) bool {
	n, size := 1, e.size()
	if old != nil {
		n, size = 0, size-old.size()
	}
	fits := func() bool { return len(m.sessions)+n <= m.max && m.bytes+size <= m.maxBytes }
	front := func(l *list.List) *entry {
		node := l.Front()
		if node != nil && node.Value == old {
			node = node.Next()
		}
		if node == nil {
			return nil
		}
		return node.Value.(*entry)
	}
	for _, l := range []*list.List{m.anonymous, m.signedIn} {
		for x := front(l); x != nil && !now.Before(x.rec.Expires); x = front(l) {
			m.remove(x)
		}
	}
	if own := m.users[e.rec.User]; len(own) >= m.perUser && (old == nil || old.rec.User != e.rec.User) {
		m.remove(idlest(own))
	}
	for !fits() {
		x := front(m.anonymous)
		if x == nil {
			return false
		}
		m.remove(x)
	}
	return true
}

// idlest is the session that was idle longest, of a few.
func idlest(of map[Key]*entry) (longest *entry) {
	for _, e := range of {
		if longest == nil || e.rec.Seen.Before(longest.rec.Seen) {
			longest = e
		}
	}
	return longest
}

func (m *Memory) insert(e *entry) {
	m.sessions[e.key] = e
	m.bytes += e.size()
	if e.rec.User == "" {
		e.node = m.anonymous.PushBack(e)
		return
	}
	e.node = m.signedIn.PushBack(e)
	of := m.users[e.rec.User]
	if of == nil {
		of = map[Key]*entry{}
		m.users[e.rec.User] = of
	}
	of[e.key] = e
}

func (m *Memory) remove(e *entry) {
	delete(m.sessions, e.key)
	m.bytes -= e.size()
	if e.rec.User == "" {
		m.anonymous.Remove(e.node)
		return
	}
	m.signedIn.Remove(e.node)
	of := m.users[e.rec.User]
	if delete(of, e.key); len(of) == 0 {
		delete(m.users, e.rec.User)
	}
}

// Delete implements [Store].
func (m *Memory) Delete(_ context.Context, key Key) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e := m.live(key, time.Now())
	if e == nil {
		return false, nil
	}
	m.remove(e)
	return true, nil
}

// ListUser implements [UserIndex].
func (m *Memory) ListUser(_ context.Context, user string) (map[Key]Record, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now, all := time.Now(), map[Key]Record{}
	for key, e := range m.users[user] {
		if now.Before(e.rec.Expires) {
			all[key] = e.rec
		}
	}
	return all, nil
}

// DeleteUser implements [UserIndex].
func (m *Memory) DeleteUser(_ context.Context, user string) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now, n := time.Now(), 0
	for _, e := range m.users[user] {
		if now.Before(e.rec.Expires) {
			n++
		}
		m.remove(e)
	}
	return n, nil
}

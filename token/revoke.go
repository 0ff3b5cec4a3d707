// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package token

import (
	"container/heap"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/panoply-security/panoply/internal/fault"
	"github.com/panoply-security/panoply/problem"
	"github.com/panoply-security/panoply/rule"
)

// Revocations remembers the tokens that are not accepted any more although their
// time is not over: after a logout, or when one was stolen. It is used by many
// goroutines at once. An error is a fault of the store, and no token is accepted
// while its store cannot be asked.
type Revocations interface {
	// Revoke remembers an id until the token has expired by itself. When it has
	// returned without an error, Revoked says so on every node. [ErrFull] says that
	// there is no room.
	Revoke(ctx context.Context, id string, until time.Time) error
	// Revoked reports whether the id was revoked.
	Revoked(ctx context.Context, id string) (bool, error)
}

// ErrFull is what a store answers when it has no room. It never forgets one
// entry for another: that would let a revoked token in again.
var ErrFull = errors.New("token: the store is full")

var errRevoked = errors.New("revoked")
var errNoID = errors.New("there is no jti, which revocation goes by")

// maxID is how long a jti may be, in bytes.
const maxID = 256

// storeSkew is how far a store's clock may be ahead of ours. One that forgot a revocation
// while the token is still good here would let it in again.
const storeSkew = time.Minute

// newID makes 128 random bits.
func newID() string {
	var b [16]byte
	rand.Read(b[:]) // never fails: it ends the process instead
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// Revoke ends a token that was verified, on every node that shares the store.
func (t *Tokens) Revoke(ctx context.Context, c Claims) error {
	if t.revoked == nil {
		return errors.New("token: no Revocations are configured")
	}
	id := c.Text("jti")
	if id == "" || len(id) > maxID {
		return fmt.Errorf("token: %w", errNoID)
	}
	return t.revoked.Revoke(ctx, id, c.ExpiresAt().Add(t.leeway+storeSkew))
}

// checkRevoked refuses a token that was revoked, and every token while nobody can
// say whether it was.
func (t *Tokens) checkRevoked(ctx context.Context, c Claims) error {
	if t.revoked == nil {
		return nil
	}
	id := c.Text("jti")
	if id == "" || len(id) > maxID {
		return refuse(rule.TokenInvalid, errNoID)
	}
	switch revoked, err := t.revoked.Revoked(ctx, id); {
	case err != nil:
		e := problem.Refuse(rule.TokenUnavailable, "").Because(err)
		e.Retry = keySetPause
		return e
	case revoked:
		return refuse(rule.TokenInvalid, errRevoked)
	}
	return nil
}

// MemoryRevocations keeps revocations in the memory of one process, until it ends.
//
// Each stays until its token has expired by itself, and none makes room for
// another, not even for one of the same subject: that would let a revoked token in
// again. When the store is full, nobody can log out ([ErrFull]). Filling it takes as
// many tokens as it has room for within one lifetime of a token: by default 100,000
// logins in an hour, each with its logout, which one account can make. So limit how
// often one may log out, for example with package ratelimit by `claim:sub`.
type MemoryRevocations struct {
	max int
	now func() time.Time

	mu    sync.Mutex
	until map[[16]byte]time.Time
	next  expiries
}

var _ Revocations = (*MemoryRevocations)(nil)

const maxRevocations = 10_000_000

// NewMemoryRevocations makes an empty store of at most so many revocations, about
// 100 bytes each; 0 is 100,000.
func NewMemoryRevocations(max int) (*MemoryRevocations, error) {
	if max == 0 {
		max = 100_000
	}
	if max < 1 || max > maxRevocations {
		var faults fault.List
		faults.Addf("max", "leave it out for 100000", "%d is not within 1 and %d", max, maxRevocations)
		return nil, faults.Err()
	}
	return &MemoryRevocations{max: max, now: time.Now, until: map[[16]byte]time.Time{}}, nil
}

// shortened is an id in a size of its own, whatever its length.
func shortened(id string) [16]byte {
	sum := sha256.Sum256([]byte(id))
	return [16]byte(sum[:16])
}

// Revoke implements [Revocations].
func (m *MemoryRevocations) Revoke(_ context.Context, id string, until time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.now()
	for len(m.next) > 0 && !now.Before(m.next[0].at) {
		first := heap.Pop(&m.next).(expiry)
		if !now.Before(m.until[first.id]) {
			delete(m.until, first.id)
		}
	}
	if !now.Before(until) {
		return nil // it has expired by itself
	}
	key := shortened(id)
	if at, ok := m.until[key]; ok && !until.After(at) {
		return nil
	}
	if len(m.next) == m.max {
		return ErrFull
	}
	m.until[key] = until
	heap.Push(&m.next, expiry{key, until})
	return nil
}

// Revoked implements [Revocations].
func (m *MemoryRevocations) Revoked(_ context.Context, id string) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	until, ok := m.until[shortened(id)]
	return ok && m.now().Before(until), nil
}

// expiries is a heap, what expires first in front.
type expiries []expiry

type expiry struct {
	id [16]byte
	at time.Time
}

func (e expiries) Len() int           { return len(e) }
func (e expiries) Less(i, j int) bool { return e[i].at.Before(e[j].at) }
func (e expiries) Swap(i, j int)      { e[i], e[j] = e[j], e[i] }
func (e *expiries) Push(x any)        { *e = append(*e, x.(expiry)) }
func (e *expiries) Pop() any {
	last := (*e)[len(*e)-1]
	*e = (*e)[:len(*e)-1]
	return last
}

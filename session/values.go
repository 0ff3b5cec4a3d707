// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package session

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"sync"
)

// Session is the session of one request, in being or not yet. It is safe for
// concurrent use.
type Session struct {
	t *Sessions

	mu      sync.Mutex
	id      id
	inStore bool                       // as it was when loaded
	rec     Record                     // zero when not inStore
	changes map[string]json.RawMessage // since the last save; nil deletes
	renew   bool
	user    string // of the renewed session
	touch   bool   // the time of the last request is to be saved
	expire  bool   // the cookie is to be removed
	sent    bool   // the header has left
}

type contextKey struct{}

// From returns the session of a request that passed [Sessions.Handler], or nil.
// A nil session has no values and takes none.
func From(ctx context.Context) *Session {
	s, _ := ctx.Value(contextKey{}).(*Session)
	return s
}

var (
	// ErrSent is what a change answers that needs a new cookie, when the header
	// of the answer has left.
	ErrSent = errors.New("session: the header of the answer has left, so no cookie can be set")
	// ErrTooLarge is what Set answers when the values would exceed
	// [Config.MaxBytes].
	ErrTooLarge = errors.New("session: the values are too large")

	errNone = errors.New("session: the request has not passed Sessions.Handler")
)

const maxUser = 256

// User is whose session it is, as given to Renew; empty before that.
func (s *Session) User() string {
	if s == nil {
		return ""
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.renew:
		return s.user
	case s.inStore:
		return s.rec.User
	}
	return ""
}

// Get returns the value of that name. It is false when there is none, or none
// that decodes into a T.
func Get[T any](s *Session, name string) (v T, ok bool) {
	if s == nil {
		return v, false
	}
	raw, ok := s.get(name)
	if !ok || json.Unmarshal(raw, &v) != nil {
		var zero T
		return zero, false
	}
	return v, true
}

func (s *Session) get(name string) (json.RawMessage, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if raw, changed := s.changes[name]; changed {
		return raw, raw != nil
	}
	return lookup(s.rec.Data, name)
}

// Set stores a value, as JSON, under a name. The session is saved with the
// answer; it comes into being if there was none.
func (s *Session) Set(name string, v any) error {
	if s == nil {
		return errNone
	}
	raw, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("session: %q is not JSON: %w", name, err)
	}
	return s.change(name, raw)
}

// Delete removes the value of that name.
func (s *Session) Delete(name string) error {
	if s == nil {
		return errNone
	}
	if _, ok := s.get(name); !ok {
		return nil
	}
	return s.change(name, nil)
}

// change notes a change for the next save; nil deletes.
func (s *Session) change(name string, raw json.RawMessage) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sent && !s.inStore {
		return ErrSent
	}
	changes := maps.Clone(s.changes)
	if changes == nil {
		changes = map[string]json.RawMessage{}
	}
	changes[name] = raw
	if raw != nil && len(merge(s.rec.Data, changes)) > s.t.maxBytes {
		return ErrTooLarge
	}
	s.changes = changes
	return nil
}

// Renew gives the session a new id and binds it to the user. Call it at login
// and at every change of privilege: an id that somebody else may know is worth
// nothing from then on. The values stay. A session that changes hands begins a
// new lifetime; for the user it had, the lifetime goes on.
//
// The old id ends when the answer leaves. When the session was revoked in the
// meantime, the answer is a 401 problem instead.
func (s *Session) Renew(user string) error {
	if s == nil {
		return errNone
	}
	if len(user) > maxUser {
		return fmt.Errorf("session: a user of %d bytes, the most is %d", len(user), maxUser)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sent {
		return ErrSent
	}
	s.renew, s.user = true, user
	return nil
}

// Destroy ends the session, at once and for all requests, and removes the
// cookie with the answer. What is set afterwards is in a new session.
func (s *Session) Destroy(ctx context.Context) error {
	if s == nil {
		return errNone
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.inStore {
		if _, err := s.t.store.Delete(ctx, s.id.key()); err != nil {
			return unavailable(err)
		}
	}
	s.forget()
	s.expire = true
	return nil
}

// forget makes it the session of a request that had none.
func (s *Session) forget() {
	s.inStore, s.rec, s.changes, s.renew, s.user, s.touch = false, Record{}, nil, false, "", false
}

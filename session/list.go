// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package session

import (
	"cmp"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"slices"
	"time"
)

// Info is one of a user's sessions, as a page of signed-in devices shows it.
type Info struct {
	// Handle names it for [Sessions.Revoke]. It is no secret: nobody is signed in by it.
	Handle string
	// Created is when it began, Seen when a request last came by it (to a tenth of the idle
	// time), Expires when it ends if none comes any more.
	Created, Seen, Expires time.Time
	data                   []byte
}

// Value decodes the value of that name into v, such as the browser that was noted at the
// login. It is false when there is none, or none that fits.
func (i Info) Value(name string, v any) bool {
	raw, ok := lookup(i.data, name)
	return ok && json.Unmarshal(raw, v) == nil
}

// Handle names the session of the request in [Sessions.List]; it is empty when there is
// none in the store.
func (s *Session) Handle() string {
	if s == nil {
		return ""
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.inStore {
		return ""
	}
	return handleOf(s.id.key())
}

func handleOf(key Key) string { return hex.EncodeToString(key[:]) }

// List returns the sessions of a user, the last one seen first.
func (t *Sessions) List(ctx context.Context, user string) ([]Info, error) {
	index, ok := t.store.(UserIndex)
	if !ok {
		return nil, ErrNoUserIndex
	}
	if user == "" {
		return nil, errors.New("session: List without a user")
	}
	all, err := index.ListUser(ctx, user)
	if err != nil {
		return nil, unavailable(err)
	}
	list := make([]Info, 0, len(all))
	for key, rec := range all {
		list = append(list, Info{handleOf(key), rec.Created, rec.Seen, rec.Expires, rec.Data})
	}
	slices.SortFunc(list, func(a, b Info) int { return cmp.Or(b.Seen.Compare(a.Seen), cmp.Compare(a.Handle, b.Handle)) })
	return list, nil
}

// Revoke ends one session of a user, and reports whether it was there. The handle may come
// from a client: sessions of others it does not touch.
func (t *Sessions) Revoke(ctx context.Context, user, handle string) (found bool, err error) {
	if user == "" {
		return false, errors.New("session: Revoke without a user")
	}
	var key Key
	if n, err := hex.Decode(key[:], []byte(handle[:min(len(handle), 2*len(key))])); err != nil || n != len(key) || len(handle) != 2*len(key) {
		return false, nil
	}
	rec, found, err := t.store.Find(ctx, key)
	if err != nil {
		return false, unavailable(err)
	}
	if !found || rec.User != user {
		return false, nil
	}
	if found, err = t.store.Delete(ctx, key); err != nil {
		return false, unavailable(err)
	}
	return found, nil
}

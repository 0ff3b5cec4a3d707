// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package session

import (
	"context"
	"errors"
	"time"
)

// Key names a session in a store: the SHA-256 of its id.
type Key [32]byte

// Record is what a store keeps of a session.
type Record struct {
	User    string    // whose it is; empty before a login
	Data    []byte    // the values; opaque, not to be changed
	Created time.Time // what the lifetime counts from
	Seen    time.Time // what the idle time counts from
	Expires time.Time // from then on there is no such session
	Version uint64    // 1 when new, one more with each change
}

// Store keeps records. It is used by many goroutines at once. Package
// sessiontest holds what every store must do.
//
// Errors are for faults of the store alone: that a session is not there, has
// expired or was changed by somebody else is no error.
type Store interface {
	// Find returns the record, or found is false when there is none or it has
	// expired.
	Find(ctx context.Context, key Key) (rec Record, found bool, err error)
	// Commit stores the record when that is the next version: Version is 1 and
	// there is none, or Version is one more than that of the one there. Otherwise
	// it changes nothing, and done is false. An expired one is not there. It must
	// decide and store in one step, and keep a copy of Data. [ErrFull] says that
	// there is no room.
	Commit(ctx context.Context, key Key, rec Record) (done bool, err error)
	// Delete removes the record, and reports whether it was there. When it has
	// returned, nothing brings the record back.
	Delete(ctx context.Context, key Key) (found bool, err error)
}

// UserIndex is a Store that knows whose the sessions are.
type UserIndex interface {
	// DeleteUser removes all records whose User is user, and says how many there
	// were.
	DeleteUser(ctx context.Context, user string) (n int, err error)
	// ListUser returns all records whose User is user, in any order, by their keys.
	ListUser(ctx context.Context, user string) (map[Key]Record, error)
}

// ErrFull is what a store's Commit answers when it has no room for a record.
// The client is told 503.
var ErrFull = errors.New("session: the store is full")

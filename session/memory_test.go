// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package session_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/panoply-security/panoply/session"
)

// put stores a new record and reports whether there was room.
func put(t *testing.T, m *session.Memory, n int, user string, bytesOfData int, lifetime time.Duration) bool {
	t.Helper()
	now := time.Now()
	rec := session.Record{User: user, Data: bytes.Repeat([]byte{'x'}, bytesOfData), Created: now, Seen: now, Expires: now.Add(lifetime), Version: 1}
	done, err := m.Commit(t.Context(), numbered(n), rec)
	if err != nil && !errors.Is(err, session.ErrFull) || done != (err == nil) {
		t.Fatalf("Commit = %v, %v", done, err)
	}
	return done
}

func numbered(n int) (k session.Key) {
	binary.BigEndian.PutUint64(k[:], uint64(n))
	return k
}

func has(t *testing.T, m *session.Memory, n int) bool {
	t.Helper()
	_, found, err := m.Find(t.Context(), numbered(n))
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestMemoryFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(t, session.MemoryConfig{MaxSessions: 4})
		put(t, m, 1, "ada", 0, time.Minute)
		put(t, m, 2, "", 0, time.Hour)
		put(t, m, 3, "bob", 0, time.Hour)
		put(t, m, 4, "", 0, time.Hour)
		// The one without a user that was idle longest makes room.
		if !put(t, m, 5, "", 0, time.Hour) || has(t, m, 2) || !has(t, m, 1) || !has(t, m, 4) {
			t.Error("the oldest anonymous session did not make room")
		}
		// A login finds room as long as anybody is there without a user.
		if !put(t, m, 6, "cy", 0, time.Hour) || !put(t, m, 7, "di", 0, time.Hour) || has(t, m, 4) || has(t, m, 5) {
			t.Error("anonymous sessions keep a login out")
		}
		// Then nobody is signed out for another, known or not.
		if put(t, m, 8, "", 0, time.Hour) || put(t, m, 9, "ed", 0, time.Hour) {
			t.Error("a session with a user made room")
		}
		for _, n := range []int{1, 3, 6, 7} {
			if !has(t, m, n) {
				t.Errorf("session %d is gone", n)
			}
		}
		// An existing one can still change.
		rec, _, _ := m.Find(t.Context(), numbered(3))
		rec.Version++
		if done, err := m.Commit(t.Context(), numbered(3), rec); !done || err != nil {
			t.Errorf("a change when full: %v, %v", done, err)
		}
		// What has expired makes room, asked for or not.
		time.Sleep(time.Minute)
		if !put(t, m, 9, "ed", 0, time.Hour) || has(t, m, 1) || m.Len() != 4 {
			t.Error("the expired session did not make room")
		}
	})
}

// One account that logs in without end keeps nobody else out.
func TestMemoryPerUser(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(t, session.MemoryConfig{MaxSessions: 6, MaxPerUser: 3})
		put(t, m, 1, "ada", 0, time.Hour)
		for n := 10; n < 30; n++ {
			time.Sleep(time.Second)
			if !put(t, m, n, "eve", 0, time.Hour) {
				t.Fatalf("login %d is refused", n)
			}
		}
		if !has(t, m, 1) || !has(t, m, 29) || !has(t, m, 27) || has(t, m, 26) || m.Len() != 4 {
			t.Errorf("%d sessions", m.Len())
		}
		// One that changes takes no other's place; one that logs in does.
		rec, _, _ := m.Find(t.Context(), numbered(27))
		rec.Version++
		if done, err := m.Commit(t.Context(), numbered(27), rec); !done || err != nil || m.Len() != 4 {
			t.Errorf("a change: %v, %v, %d sessions", done, err, m.Len())
		}
		put(t, m, 40, "", 0, time.Hour)
		rec, _, _ = m.Find(t.Context(), numbered(40))
		rec.Version, rec.User = rec.Version+1, "eve"
		if done, err := m.Commit(t.Context(), numbered(40), rec); !done || err != nil || m.Len() != 4 || !has(t, m, 40) {
			t.Errorf("a login: %v, %v, %d sessions", done, err, m.Len())
		}
	})
}

func TestMemoryBytes(t *testing.T) {
	m := newMemory(t, session.MemoryConfig{MaxBytes: 64 << 10})
	n := 0
	for n < 1000 && put(t, m, n, "ada", 1000, time.Hour) {
		n++
	}
	if n < 35 || n > 64 {
		t.Errorf("%d sessions of 1000 bytes fit into 64 KiB", n)
	}
	// A change that grows beyond it is refused and changes nothing.
	rec, _, _ := m.Find(t.Context(), numbered(0))
	rec.Version, rec.Data = 2, make([]byte, 32<<10)
	if done, err := m.Commit(t.Context(), numbered(0), rec); done || !errors.Is(err, session.ErrFull) {
		t.Errorf("Commit = %v, %v; want ErrFull", done, err)
	}
	if got, _, _ := m.Find(t.Context(), numbered(0)); got.Version != 1 || len(got.Data) != 1000 {
		t.Errorf("it changed to version %d", got.Version)
	}
	if k, err := m.DeleteUser(t.Context(), "ada"); k != n || err != nil || m.Len() != 0 {
		t.Errorf("DeleteUser = %d, %v, %d left", k, err, m.Len())
	}
	// All of it is free again.
	again := 0
	for again < 1000 && put(t, m, again, "bob", 1000, time.Hour) {
		again++
	}
	if again != n {
		t.Errorf("%d fit the second time; want %d", again, n)
	}
}

// However many come, no more are held.
func TestMemoryFlood(t *testing.T) {
	m := newMemory(t, session.MemoryConfig{MaxSessions: 100})
	for n := range 10_000 {
		if !put(t, m, n, "", 10, time.Hour) {
			t.Fatalf("session %d found no room", n)
		}
	}
	if m.Len() != 100 || !has(t, m, 9_999) || has(t, m, 9_899) {
		t.Errorf("%d sessions are held", m.Len())
	}
}

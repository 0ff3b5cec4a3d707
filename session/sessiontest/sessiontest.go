// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

// Package sessiontest holds what every session store must do, as tests that
// any store can run:
//
//	func TestStore(t *testing.T) {
//		sessiontest.Run(t, func(t *testing.T, test sessiontest.Test) {
//			test(t, newStore(t), sessiontest.Bubble)
//		})
//	}
//
// Time is the caller's: a store that looks at the clock is best run in a bubble
// of testing/synctest, where time.Sleep takes no time; one that talks to a
// server moves the server's clock.
package sessiontest

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/panoply-security/panoply/session"
)

// Test is one test of a store that is empty.
type Test func(t *testing.T, store session.Store, clock Clock)

// Clock is the store's time: Pass lets some pass.
type Clock struct {
	Now  func() time.Time
	Pass func(time.Duration)
}

// Bubble is the clock in a bubble of testing/synctest.
var Bubble = Clock{time.Now, time.Sleep}

// Run runs every test as a subtest; open calls it with a store.
func Run(t *testing.T, open func(t *testing.T, test Test)) {
	for _, tt := range []struct {
		name string
		test Test
	}{
		{"find-nothing", findNothing},
		{"commit-and-find", commitAndFind},
		{"keeps-a-copy", keepsACopy},
		{"any-bytes", anyBytes},
		{"versions", versions},
		{"deleted-stays-deleted", deletedStaysDeleted},
		{"expires", expires},
		{"expiry-moves", expiryMoves},
		{"one-of-many-wins", oneOfManyWins},
		{"delete-user", deleteUser},
		{"list-user", listUser},
		{"delete-user-after-it-changed", deleteUserAfterItChanged},
		{"context-ended", contextEnded},
	} {
		t.Run(tt.name, func(t *testing.T) { open(t, tt.test) })
	}
}

func key(n byte) session.Key { return session.Key{0: n, 31: 1} }

// record is one that lives for an hour.
func record(c Clock, user, data string) session.Record {
	now := c.Now().UTC().Truncate(time.Millisecond)
	return session.Record{User: user, Data: []byte(data), Created: now, Seen: now, Expires: now.Add(time.Hour), Version: 1}
}

func commit(t *testing.T, s session.Store, k session.Key, rec session.Record, want bool) {
	t.Helper()
	if done, err := s.Commit(t.Context(), k, rec); err != nil || done != want {
		t.Fatalf("Commit of version %d = %v, %v; want %v", rec.Version, done, err, want)
	}
}

func find(t *testing.T, s session.Store, k session.Key, want bool) session.Record {
	t.Helper()
	rec, found, err := s.Find(t.Context(), k)
	if err != nil || found != want {
		t.Fatalf("Find = %v, %v; want %v", found, err, want)
	}
	return rec
}

func same(t *testing.T, got, want session.Record) {
	t.Helper()
	if got.User != want.User || !bytes.Equal(got.Data, want.Data) || got.Version != want.Version ||
		!got.Created.Equal(want.Created) || !got.Seen.Equal(want.Seen) || !got.Expires.Equal(want.Expires) {
		t.Errorf("found\n%+v, want\n%+v", got, want)
	}
}

func findNothing(t *testing.T, s session.Store, c Clock) {
	find(t, s, key(1), false)
	if found, err := s.Delete(t.Context(), key(1)); err != nil || found {
		t.Errorf("Delete of nothing = %v, %v", found, err)
	}
}

func commitAndFind(t *testing.T, s session.Store, c Clock) {
	one, two := record(c, "ada", `{"a":1}`), record(c, "", `{}`)
	commit(t, s, key(1), one, true)
	commit(t, s, key(2), two, true)
	same(t, find(t, s, key(1), true), one)
	same(t, find(t, s, key(2), true), two)
	find(t, s, key(3), false)
	if found, err := s.Delete(t.Context(), key(1)); err != nil || !found {
		t.Errorf("Delete = %v, %v", found, err)
	}
	find(t, s, key(1), false)
	same(t, find(t, s, key(2), true), two)
}

func keepsACopy(t *testing.T, s session.Store, c Clock) {
	rec := record(c, "ada", `{"a":1}`)
	commit(t, s, key(1), rec, true)
	rec.Data[5] = '2'
	if got := find(t, s, key(1), true); string(got.Data) != `{"a":1}` {
		t.Errorf("the data changed with the caller's: %s", got.Data)
	}
}

func anyBytes(t *testing.T, s session.Store, c Clock) {
	rec := record(c, "ada\x00\xff\r\n:*{}", "{\"a\":\"\u2028\\u0000\"}")
	commit(t, s, key(0), rec, true)
	same(t, find(t, s, key(0), true), rec)
	find(t, s, session.Key{}, false)
}

func versions(t *testing.T, s session.Store, c Clock) {
	rec := record(c, "", `{"n":1}`)
	second, third := rec, rec
	second.Version, second.Data, second.User = 2, []byte(`{"n":2}`), "ada"
	third.Version = 3
	commit(t, s, key(1), second, false) // there is none to follow
	find(t, s, key(1), false)
	commit(t, s, key(1), rec, true)
	commit(t, s, key(1), rec, false) // there is one
	commit(t, s, key(1), third, false)
	same(t, find(t, s, key(1), true), rec)
	commit(t, s, key(1), second, true)
	commit(t, s, key(1), second, false)
	same(t, find(t, s, key(1), true), second)
	commit(t, s, key(1), third, true)
}

func deletedStaysDeleted(t *testing.T, s session.Store, c Clock) {
	rec := record(c, "ada", `{}`)
	commit(t, s, key(1), rec, true)
	if found, err := s.Delete(t.Context(), key(1)); err != nil || !found {
		t.Fatalf("Delete = %v, %v", found, err)
	}
	rec.Version = 2
	commit(t, s, key(1), rec, false)
	find(t, s, key(1), false)
	if found, err := s.Delete(t.Context(), key(1)); err != nil || found {
		t.Errorf("second Delete = %v, %v", found, err)
	}
}

func expires(t *testing.T, s session.Store, c Clock) {
	rec := record(c, "ada", `{}`)
	commit(t, s, key(1), rec, true)
	c.Pass(time.Hour - time.Second)
	find(t, s, key(1), true)
	c.Pass(2 * time.Second)
	find(t, s, key(1), false)
	next := rec
	next.Version, next.Expires = 2, c.Now().Add(time.Hour)
	commit(t, s, key(1), next, false)
	if found, err := s.Delete(t.Context(), key(1)); err != nil || found {
		t.Errorf("Delete of an expired one = %v, %v", found, err)
	}
	if index, ok := s.(session.UserIndex); ok {
		commit(t, s, key(2), record(c, "ada", `{}`), true)
		if n, err := index.DeleteUser(t.Context(), "ada"); err != nil || n != 1 {
			t.Errorf("DeleteUser = %d, %v; want 1, without the expired one", n, err)
		}
	}
	commit(t, s, key(1), record(c, "ada", `{}`), true) // its place is free
}

func expiryMoves(t *testing.T, s session.Store, c Clock) {
	rec := record(c, "ada", `{}`)
	commit(t, s, key(1), rec, true)
	c.Pass(30 * time.Minute)
	rec.Version, rec.Expires = 2, rec.Expires.Add(time.Hour)
	commit(t, s, key(1), rec, true)
	c.Pass(time.Hour)
	find(t, s, key(1), true)
	rec.Version, rec.Expires = 3, c.Now().Add(time.Minute)
	commit(t, s, key(1), rec, true)
	c.Pass(2 * time.Minute)
	find(t, s, key(1), false)
}

func oneOfManyWins(t *testing.T, s session.Store, c Clock) {
	for version := range uint64(5) {
		var won atomic.Int32
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				rec := record(c, "ada", fmt.Sprintf(`{"i":%d}`, i))
				rec.Version = version + 1
				done, err := s.Commit(t.Context(), key(1), rec)
				if err != nil {
					t.Errorf("Commit: %v", err)
				}
				if done {
					won.Add(1)
				}
			})
		}
		wg.Wait()
		if n := won.Load(); n != 1 {
			t.Fatalf("version %d: %d commits were done; want 1", version+1, n)
		}
	}
	var found atomic.Int32
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if ok, err := s.Delete(t.Context(), key(1)); err != nil {
				t.Errorf("Delete: %v", err)
			} else if ok {
				found.Add(1)
			}
		})
	}
	wg.Wait()
	if n := found.Load(); n != 1 {
		t.Errorf("%d Deletes found it; want 1", n)
	}
}

// index skips the test for a store that has no user index.
func index(t *testing.T, s session.Store) session.UserIndex {
	t.Helper()
	i, ok := s.(session.UserIndex)
	if !ok {
		t.Skip("the store has no user index")
	}
	return i
}

func deleteUser(t *testing.T, s session.Store, c Clock) {
	i := index(t, s)
	for n, user := range []string{"ada", "ada", "ad", "", "adaa", "ada"} {
		commit(t, s, key(byte(n)), record(c, user, `{}`), true)
	}
	if n, err := i.DeleteUser(t.Context(), "ada"); err != nil || n != 3 {
		t.Errorf("DeleteUser = %d, %v; want 3", n, err)
	}
	for n, want := range []bool{false, false, true, true, true, false} {
		find(t, s, key(byte(n)), want)
	}
	rec := record(c, "ada", `{}`)
	rec.Version = 2
	commit(t, s, key(0), rec, false) // not brought back
	if n, err := i.DeleteUser(t.Context(), "ada"); err != nil || n != 0 {
		t.Errorf("second DeleteUser = %d, %v; want 0", n, err)
	}
}

func listUser(t *testing.T, s session.Store, c Clock) {
	i := index(t, s)
	for n, user := range []string{"ada", "ada", "ad", "", "adaa", "ada"} {
		commit(t, s, key(byte(n)), record(c, user, fmt.Sprintf(`{"n":%d}`, n)), true)
	}
	short := record(c, "ada", `{}`)
	short.Expires = c.Now().Add(time.Minute)
	commit(t, s, key(9), short, true)
	moved := record(c, "bob", `{}`)
	moved.Version = 2
	commit(t, s, key(1), moved, true)
	if _, err := s.Delete(t.Context(), key(5)); err != nil {
		t.Fatal(err)
	}
	c.Pass(2 * time.Minute)
	all, err := i.ListUser(t.Context(), "ada")
	if rec, ok := all[key(0)]; err != nil || len(all) != 1 || !ok || rec.User != "ada" || string(rec.Data) != `{"n":0}` || rec.Version != 1 || rec.Seen.IsZero() {
		t.Errorf("ListUser = %v, %v; want the first alone", all, err)
	}
	if all, err := i.ListUser(t.Context(), "nobody"); err != nil || len(all) != 0 {
		t.Errorf("ListUser of nobody = %v, %v", all, err)
	}
}

func deleteUserAfterItChanged(t *testing.T, s session.Store, c Clock) {
	i := index(t, s)
	rec := record(c, "ada", `{}`)
	commit(t, s, key(1), rec, true)
	rec.Version, rec.User = 2, "bob"
	commit(t, s, key(1), rec, true)
	if n, err := i.DeleteUser(t.Context(), "ada"); err != nil || n != 0 {
		t.Errorf("DeleteUser of who it was = %d, %v; want 0", n, err)
	}
	find(t, s, key(1), true)
	if n, err := i.DeleteUser(t.Context(), "bob"); err != nil || n != 1 {
		t.Errorf("DeleteUser of who it is = %d, %v; want 1", n, err)
	}
	find(t, s, key(1), false)
}

// A store may look at the context or not; what it must not do is half of it.
func contextEnded(t *testing.T, s session.Store, c Clock) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	done, err := s.Commit(ctx, key(1), record(c, "ada", `{}`))
	if err != nil && done {
		t.Errorf("Commit = %v, %v; want one or the other", done, err)
	}
	if err == nil && done {
		find(t, s, key(1), true)
	}
}

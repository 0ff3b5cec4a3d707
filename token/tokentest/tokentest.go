// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

// Package tokentest holds what every store of package token must do, as tests that
// any store can run:
//
//	func TestFamilies(t *testing.T) {
//		tokentest.Families(t, func(t *testing.T, test tokentest.FamiliesTest) {
//			test(t, newStore(t), tokentest.Bubble)
//		})
//	}
//
// Time is the caller's: a store that looks at the clock is best run in a bubble of
// testing/synctest, where time.Sleep takes no time; one that talks to a server moves
// the server's clock.
package tokentest

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/panoply-security/panoply/token"
)

// FamiliesTest is one test of a store that is empty.
type FamiliesTest func(t *testing.T, s token.Families, clock Clock)

// RevocationsTest is the same for a store of revocations.
type RevocationsTest func(t *testing.T, s token.Revocations, clock Clock)

// Clock is the store's time: Pass lets some pass.
type Clock struct {
	Now  func() time.Time
	Pass func(time.Duration)
}

// Bubble is the clock in a bubble of testing/synctest.
var Bubble = Clock{time.Now, time.Sleep}

// Families runs every test as a subtest; open calls it with a store.
func Families(t *testing.T, open func(t *testing.T, test FamiliesTest)) {
	for _, tt := range []struct {
		name string
		test FamiliesTest
	}{
		{"create-and-find", createAndFind},
		{"swap", swap},
		{"one-of-many-swaps", oneOfManySwaps},
		{"deleted-stays-deleted", deletedStaysDeleted},
		{"expires", familyExpires},
		{"delete-subject", deleteSubject},
	} {
		t.Run(tt.name, func(t *testing.T) { open(t, tt.test) })
	}
}

// Revocations runs every test as a subtest; open calls it with a store.
func Revocations(t *testing.T, open func(t *testing.T, test RevocationsTest)) {
	for _, tt := range []struct {
		name string
		test RevocationsTest
	}{
		{"revoke", revoke},
		{"until-it-expires", revokedUntil},
		{"the-longest-time-holds", longestHolds},
		{"any-id", anyID},
	} {
		t.Run(tt.name, func(t *testing.T) { open(t, tt.test) })
	}
}

func id(n byte) token.FamilyID { return token.FamilyID{0: n, 15: 1} }

func family(c Clock, subject string, secret byte) token.Family {
	now := c.Now().UTC().Truncate(time.Millisecond)
	return token.Family{Subject: subject, Current: [32]byte{secret}, Expires: now.Add(time.Hour), Ends: now.Add(24 * time.Hour)}
}

func create(t *testing.T, s token.Families, n byte, f token.Family) {
	t.Helper()
	if err := s.Create(t.Context(), id(n), f); err != nil {
		t.Fatal(err)
	}
}

func find(t *testing.T, s token.Families, n byte, want bool) token.Family {
	t.Helper()
	f, found, err := s.Find(t.Context(), id(n))
	if err != nil || found != want {
		t.Fatalf("Find(%d) = %v, %v; want %v", n, found, err, want)
	}
	return f
}

func trySwap(t *testing.T, s token.Families, n, from byte, next token.Family, want bool) {
	t.Helper()
	if done, err := s.Swap(t.Context(), id(n), [32]byte{from}, next); err != nil || done != want {
		t.Fatalf("Swap of %d = %v, %v; want %v", n, done, err, want)
	}
}

func same(t *testing.T, got, want token.Family) {
	t.Helper()
	if got.Subject != want.Subject || got.Current != want.Current || !got.Expires.Equal(want.Expires) || !got.Ends.Equal(want.Ends) {
		t.Errorf("found\n%+v, want\n%+v", got, want)
	}
}

func createAndFind(t *testing.T, s token.Families, c Clock) {
	find(t, s, 1, false)
	one, two := family(c, "ada", 1), family(c, "a:*{}\x00\xff\r\n"+strings.Repeat("x", 1000), 2)
	create(t, s, 1, one)
	create(t, s, 2, two)
	same(t, find(t, s, 1, true), one)
	same(t, find(t, s, 2, true), two)
	find(t, s, 3, false)
}

func swap(t *testing.T, s token.Families, c Clock) {
	one, next := family(c, "ada", 1), family(c, "ada", 2)
	next.Expires = next.Expires.Add(time.Hour)
	trySwap(t, s, 1, 1, next, false)
	create(t, s, 1, one)
	trySwap(t, s, 1, 2, next, false)
	same(t, find(t, s, 1, true), one)
	trySwap(t, s, 1, 1, next, true)
	same(t, find(t, s, 1, true), next)
	trySwap(t, s, 1, 1, next, false)
}

func oneOfManySwaps(t *testing.T, s token.Families, c Clock) {
	create(t, s, 1, family(c, "ada", 1))
	var done atomic.Int32
	var all sync.WaitGroup
	for n := range 16 {
		all.Go(func() {
			ok, err := s.Swap(context.Background(), id(1), [32]byte{1}, family(c, "ada", byte(n+2)))
			if err != nil {
				t.Error(err)
			}
			if ok {
				done.Add(1)
			}
		})
	}
	all.Wait()
	if done.Load() != 1 {
		t.Errorf("%d of 16 swapped the same token; want 1", done.Load())
	}
}

func deletedStaysDeleted(t *testing.T, s token.Families, c Clock) {
	create(t, s, 1, family(c, "ada", 1))
	for range 2 { // what is not there is deleted too
		if err := s.Delete(t.Context(), id(1)); err != nil {
			t.Fatal(err)
		}
	}
	find(t, s, 1, false)
	trySwap(t, s, 1, 1, family(c, "ada", 2), false)
	find(t, s, 1, false)
}

func familyExpires(t *testing.T, s token.Families, c Clock) {
	create(t, s, 1, family(c, "ada", 1))
	create(t, s, 2, family(c, "ada", 1))
	c.Pass(59 * time.Minute)
	trySwap(t, s, 2, 1, family(c, "ada", 2), true)
	c.Pass(2 * time.Minute)
	find(t, s, 1, false)
	trySwap(t, s, 1, 1, family(c, "ada", 2), false)
	find(t, s, 2, true)
	if n, err := s.DeleteSubject(t.Context(), "ada"); err != nil || n != 1 {
		t.Errorf("DeleteSubject = %d, %v; want the one that lives", n, err)
	}
}

func deleteSubject(t *testing.T, s token.Families, c Clock) {
	create(t, s, 1, family(c, "ada", 1))
	create(t, s, 2, family(c, "ada", 1))
	create(t, s, 3, family(c, "ad", 1))
	trySwap(t, s, 2, 1, family(c, "ada", 2), true)
	for _, want := range []int{2, 0} {
		if n, err := s.DeleteSubject(t.Context(), "ada"); err != nil || n != want {
			t.Errorf("DeleteSubject = %d, %v; want %d", n, err, want)
		}
	}
	find(t, s, 1, false)
	find(t, s, 2, false)
	find(t, s, 3, true)
}

func revoked(t *testing.T, s token.Revocations, id string, want bool) {
	t.Helper()
	if got, err := s.Revoked(t.Context(), id); err != nil || got != want {
		t.Errorf("Revoked(%.40q) = %v, %v; want %v", id, got, err, want)
	}
}

func revokeFor(t *testing.T, s token.Revocations, c Clock, id string, d time.Duration) {
	t.Helper()
	if err := s.Revoke(t.Context(), id, c.Now().Add(d)); err != nil {
		t.Fatal(err)
	}
}

func revoke(t *testing.T, s token.Revocations, c Clock) {
	revoked(t, s, "a", false)
	revokeFor(t, s, c, "a", time.Hour)
	revokeFor(t, s, c, "a", time.Hour)
	revoked(t, s, "a", true)
	revoked(t, s, "b", false)
}

func revokedUntil(t *testing.T, s token.Revocations, c Clock) {
	revokeFor(t, s, c, "a", time.Hour)
	revokeFor(t, s, c, "over", -time.Second)
	revoked(t, s, "over", false)
	c.Pass(59 * time.Minute)
	revoked(t, s, "a", true)
	c.Pass(2 * time.Minute)
	revoked(t, s, "a", false)
}

func longestHolds(t *testing.T, s token.Revocations, c Clock) {
	revokeFor(t, s, c, "a", time.Hour)
	revokeFor(t, s, c, "a", time.Minute)
	revokeFor(t, s, c, "b", time.Minute)
	revokeFor(t, s, c, "b", time.Hour)
	c.Pass(30 * time.Minute)
	revoked(t, s, "a", true)
	revoked(t, s, "b", true)
}

func anyID(t *testing.T, s token.Revocations, c Clock) {
	ids := []string{" ", "a:b", "{a}", "*", "\x00", "\xff\r\n", strings.Repeat("x", 256), "é"}
	for i, id := range ids {
		revokeFor(t, s, c, id, time.Hour)
		for j, other := range ids {
			revoked(t, s, other, j <= i)
		}
		revoked(t, s, fmt.Sprint(id, "x"), false)
	}
}

// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package token_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/panoply-security/panoply/token"
	"github.com/panoply-security/panoply/token/tokentest"
)

func TestMemoryFamiliesAreAStore(t *testing.T) {
	tokentest.Families(t, func(t *testing.T, test tokentest.FamiliesTest) {
		synctest.Test(t, func(t *testing.T) {
			m, err := token.NewMemoryFamilies(0, 0)
			if err != nil {
				t.Fatal(err)
			}
			test(t, m, tokentest.Bubble)
		})
	})
}

func TestMemoryRevocationsAreAStore(t *testing.T) {
	tokentest.Revocations(t, func(t *testing.T, test tokentest.RevocationsTest) {
		synctest.Test(t, func(t *testing.T) {
			m, err := token.NewMemoryRevocations(0)
			if err != nil {
				t.Fatal(err)
			}
			test(t, m, tokentest.Bubble)
		})
	})
}

// A full store makes room of what has ended, wherever it is, and of nothing else.
func TestMemoryFamiliesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, err := token.NewMemoryFamilies(3, 0)
		if err != nil {
			t.Fatal(err)
		}
		create := func(n byte, d time.Duration) error {
			return m.Create(t.Context(), token.FamilyID{n}, token.Family{Subject: string(rune('a' + n)), Expires: time.Now().Add(d), Ends: time.Now().Add(d)})
		}
		// The one that ends last came first: what has ended is behind it.
		for n, d := range []time.Duration{time.Hour, time.Minute, 2 * time.Minute} {
			if err := create(byte(n), d); err != nil {
				t.Fatal(err)
			}
		}
		if err := create(3, time.Hour); !errors.Is(err, token.ErrFull) {
			t.Errorf("one too many: %v; want %v", err, token.ErrFull)
		}
		time.Sleep(time.Minute)
		if err := create(3, time.Hour); err != nil {
			t.Errorf("in the room of one that has ended: %v", err)
		}
		if err := create(4, time.Hour); !errors.Is(err, token.ErrFull) {
			t.Errorf("one too many again: %v; want %v", err, token.ErrFull)
		}
		// One that was used goes on, and one that has ended goes.
		later := token.Family{Current: [32]byte{9}, Expires: time.Now().Add(3 * time.Hour)}
		if done, err := m.Swap(t.Context(), token.FamilyID{2}, [32]byte{}, later); !done || err != nil {
			t.Fatalf("Swap = %v, %v", done, err)
		}
		time.Sleep(time.Hour)
		for n := range byte(2) {
			if err := create(10+n, time.Hour); err != nil {
				t.Errorf("in the room of another that has ended: %v", err)
			}
		}
		if err := create(12, time.Hour); !errors.Is(err, token.ErrFull) {
			t.Errorf("in the room of one that was used: %v; want %v", err, token.ErrFull)
		}
	})
}

// Who logs in without end ends families of its own.
func TestMemoryFamiliesOfOneSubjectAreBounded(t *testing.T) {
	for _, tt := range []struct {
		name                  string
		max, perSubject, want int
	}{
		{"default", 0, 0, 100},
		{"own-bound", 50, 3, 3},
		{"small-store", 20, 0, 20},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m, err := token.NewMemoryFamilies(tt.max, tt.perSubject)
			if err != nil {
				t.Fatal(err)
			}
			id := func(n int) token.FamilyID { return token.FamilyID{byte(n >> 8), byte(n), 1} }
			f := token.Family{Subject: "mallory", Expires: time.Now().Add(time.Hour), Ends: time.Now().Add(time.Hour)}
			const logins = 500
			for n := range logins {
				if err := m.Create(t.Context(), id(n), f); err != nil {
					t.Fatalf("login %d: %v", n, err)
				}
				if n > 0 { // the first one is in use all the time
					if done, err := m.Swap(t.Context(), id(0), [32]byte{}, f); !done || err != nil {
						t.Fatalf("after login %d the one in use has ended: %v", n, err)
					}
				}
			}
			live := 0
			for n := range logins {
				if _, found, _ := m.Find(t.Context(), id(n)); found {
					live++
					if n != 0 && n <= logins-tt.want {
						t.Errorf("the one of login %d is still there", n)
					}
				}
			}
			if live != tt.want {
				t.Errorf("%d are there; want %d", live, tt.want)
			}
			if tt.max > tt.want || tt.max == 0 {
				f.Subject = "ada"
				if err := m.Create(t.Context(), id(logins), f); err != nil {
					t.Errorf("somebody else: %v", err)
				}
				if n, err := m.DeleteSubject(t.Context(), "mallory"); n != tt.want || err != nil {
					t.Errorf("DeleteSubject = %d, %v; want %d", n, err, tt.want)
				}
			}
		})
	}
	for _, bad := range [][2]int{{-1, 0}, {0, -1}, {5, 6}, {10_000_001, 0}} {
		if _, err := token.NewMemoryFamilies(bad[0], bad[1]); err == nil {
			t.Errorf("%d and %d are no bounds", bad[0], bad[1])
		}
	}
}

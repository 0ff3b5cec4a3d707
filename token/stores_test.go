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
			m, err := token.NewMemoryFamilies(0)
			if err != nil {
				t.Fatal(err)
			}
			test(t, m, time.Sleep)
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
			test(t, m, time.Sleep)
		})
	})
}

// A full store makes room of what has ended, and of nothing else.
func TestMemoryFamiliesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, err := token.NewMemoryFamilies(3)
		if err != nil {
			t.Fatal(err)
		}
		create := func(n byte, d time.Duration) error {
			return m.Create(t.Context(), token.FamilyID{n}, token.Family{Subject: "ada", Expires: time.Now().Add(d), Ends: time.Now().Add(d)})
		}
		for n := range byte(3) {
			if err := create(n, time.Duration(n+1)*time.Minute); err != nil {
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
	})
}

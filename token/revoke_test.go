// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package token

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/panoply-security/panoply/problem"
	"github.com/panoply-security/panoply/rule"
)

func newRevocations(t *testing.T, max int) (*MemoryRevocations, *clock) {
	t.Helper()
	m, err := NewMemoryRevocations(max)
	if err != nil {
		t.Fatal(err)
	}
	c := &clock{at: testNow}
	m.now = c.now
	return m, c
}

func TestRevoke(t *testing.T) {
	m, at := newRevocations(t, 0)
	tok := newTokens(t, Config{Revocations: m})
	tok.now = at.now
	one, two := must(tok.Issue(Claims{"sub": "1"})), must(tok.Issue(Claims{"sub": "1"}))
	c, err := tok.Verify(one)
	if err != nil || len(c.Text("jti")) != 22 {
		t.Fatalf("Verify = %v, %v; want a jti of 128 bits", c, err)
	}
	if err := tok.Revoke(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Authorization", "Bearer "+one)
	if _, err := tok.Check(r); !errors.Is(err, errRevoked) || problem.As(err).Rule != rule.TokenInvalid {
		t.Errorf("after its revocation: %v", err)
	}
	if _, err := tok.Verify(two); err != nil {
		t.Errorf("another token of the user: %v", err)
	}
	// Until the last moment in which the clocks' difference would let it pass.
	at.pass(time.Hour + 4*time.Second)
	if _, err := tok.Verify(one); !errors.Is(err, errRevoked) {
		t.Errorf("just before it expires: %v", err)
	}
	at.pass(time.Second)
	if _, err := tok.Verify(one); !errors.Is(err, errExpired) {
		t.Errorf("afterwards: %v", err)
	}
}

func TestRevocationGoesByTheID(t *testing.T) {
	m, _ := newRevocations(t, 0)
	tok := newTokens(t, Config{Revocations: m})
	for name, id := range map[string]any{"none": nil, "empty": "", "no-text": 1, "long": strings.Repeat("x", maxID+1)} {
		t.Run(name, func(t *testing.T) {
			claims := map[string]any{"exp": soon(), "jti": id}
			if id == nil {
				delete(claims, "jti")
			}
			if _, err := tok.Verify(sign(t, jwt.SigningMethodHS256, []byte(goodSecret), nil, claims)); !errors.Is(err, errNoID) {
				t.Errorf("Verify = %v; want %v", err, errNoID)
			}
		})
	}
	if err := tok.Revoke(t.Context(), Claims{}); !errors.Is(err, errNoID) {
		t.Errorf("Revoke without an id: %v", err)
	}
	if err := newTokens(t, Config{}).Revoke(t.Context(), Claims{"jti": "a"}); err == nil {
		t.Error("Revoke without a store does nothing, and says so to nobody")
	}
}

// down is a store that does not answer.
type down struct{}

func (down) Revoke(context.Context, string, time.Time) error { return errors.New("down") }
func (down) Revoked(context.Context, string) (bool, error)   { return false, errors.New("down") }

func TestNothingPassesWhileRevocationsCannotBeAsked(t *testing.T) {
	tok := newTokens(t, Config{Revocations: down{}})
	_, err := tok.Verify(must(tok.Issue(nil)))
	if e := problem.As(err); err == nil || e.Rule != rule.TokenUnavailable || e.Retry == 0 {
		t.Errorf("Verify = %v; want %s", err, rule.TokenUnavailable)
	}
}

func TestMemoryRevocations(t *testing.T) {
	const max = 10
	m, at := newRevocations(t, max)
	id := func(n int) string { return fmt.Sprint("id", n) }
	is := func(n int, want bool) {
		t.Helper()
		if got, err := m.Revoked(t.Context(), id(n)); err != nil || got != want {
			t.Errorf("Revoked(%d) = %v, %v; want %v", n, got, err, want)
		}
	}
	for n := range max {
		if err := m.Revoke(t.Context(), id(n), at.now().Add(time.Duration(n+1)*time.Minute)); err != nil {
			t.Fatal(err)
		}
	}
	// Again, or for a shorter time, takes no room and shortens nothing.
	if err := m.Revoke(t.Context(), id(9), at.now().Add(time.Second)); err != nil {
		t.Error(err)
	}
	if err := m.Revoke(t.Context(), id(10), at.now().Add(time.Hour)); !errors.Is(err, ErrFull) {
		t.Errorf("one too many: %v; want %v", err, ErrFull)
	}
	if err := m.Revoke(t.Context(), id(11), at.now()); err != nil {
		t.Errorf("one that is over: %v; it needs no room", err)
	}
	for n := range max {
		is(n, true)
	}
	is(10, false)

	at.pass(time.Minute)
	is(0, false)
	is(1, true)
	if err := m.Revoke(t.Context(), id(10), at.now().Add(time.Hour)); err != nil {
		t.Errorf("in the room of the one that is over: %v", err)
	}
	is(10, true)
	// A longer time for the same id outlives the shorter.
	at.pass(time.Minute)
	if err := m.Revoke(t.Context(), id(9), at.now().Add(2*time.Hour)); err != nil {
		t.Fatal(err)
	}
	at.pass(90 * time.Minute)
	if err := m.Revoke(t.Context(), id(12), at.now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	is(9, true)
	is(10, false)
	if len(m.until) != 2 || len(m.next) != 2 {
		t.Errorf("%d ids and %d expiries are held; want 2", len(m.until), len(m.next))
	}
	if _, err := NewMemoryRevocations(-1); err == nil {
		t.Error("a negative bound is accepted")
	}
}

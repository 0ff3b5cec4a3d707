// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package token

import (
	"context"
	"encoding/base64"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/panoply-security/panoply/problem"
	"github.com/panoply-security/panoply/rule"
)

func newRefresher(t *testing.T, cfg RefreshConfig) (*Refresher, *clock) {
	t.Helper()
	r, err := NewRefresher(cfg)
	if err != nil {
		t.Fatal(err)
	}
	c := &clock{at: testNow}
	r.now = c.now
	if m, ok := r.families.(*MemoryFamilies); ok {
		m.now = c.now
	}
	return r, c
}

func begin(t *testing.T, r *Refresher, subject string) string {
	t.Helper()
	s, err := r.Begin(t.Context(), subject)
	if err != nil || len(s) != refreshText {
		t.Fatalf("Begin = %q, %v", s, err)
	}
	return s
}

// rotate wants the token to be good, or refused by the rule.
func rotate(t *testing.T, r *Refresher, token string, want rule.ID) (next string) {
	t.Helper()
	subject, next, err := r.Rotate(t.Context(), token)
	switch {
	case want == "" && (err != nil || subject != "ada" || next == token || len(next) != refreshText):
		t.Fatalf("Rotate = %q, %q, %v; want the next one of ada", subject, next, err)
	case want != "" && (err == nil || problem.As(err).Rule != want || subject != "" || next != ""):
		t.Fatalf("Rotate = %q, %q, %v; want %s", subject, next, err, want)
	}
	return next
}

func TestRefresh(t *testing.T) {
	r, _ := newRefresher(t, RefreshConfig{})
	s := begin(t, r, "ada")
	for range 5 {
		s = rotate(t, r, s, "")
	}
}

// Whoever of the two comes second, both are out.
func TestAStolenTokenShows(t *testing.T) {
	t.Run("thief-first", func(t *testing.T) {
		r, _ := newRefresher(t, RefreshConfig{})
		other := begin(t, r, "ada")
		stolen := begin(t, r, "ada")
		thief := rotate(t, r, stolen, "")
		rotate(t, r, stolen, rule.TokenReused) // the user
		rotate(t, r, thief, rule.TokenExpired)
		rotate(t, r, other, "") // another login goes on
	})
	t.Run("user-first", func(t *testing.T) {
		r, _ := newRefresher(t, RefreshConfig{})
		stolen := begin(t, r, "ada")
		user := rotate(t, r, rotate(t, r, stolen, ""), "")
		rotate(t, r, stolen, rule.TokenReused)
		rotate(t, r, user, rule.TokenExpired)
		rotate(t, r, stolen, rule.TokenExpired)
	})
	t.Run("at-once", func(t *testing.T) {
		r, _ := newRefresher(t, RefreshConfig{})
		s := begin(t, r, "ada")
		var good atomic.Int32
		var next atomic.Value
		var all sync.WaitGroup
		for range 16 {
			all.Go(func() {
				if _, n, err := r.Rotate(context.Background(), s); err == nil {
					good.Add(1)
					next.Store(n)
				}
			})
		}
		all.Wait()
		if good.Load() > 1 {
			t.Errorf("%d of 16 uses of one token are good", good.Load())
		}
		if n, ok := next.Load().(string); ok {
			rotate(t, r, n, rule.TokenExpired)
		}
	})
}

func TestRefreshTokensEnd(t *testing.T) {
	r, at := newRefresher(t, RefreshConfig{Idle: time.Hour, Lifetime: 3 * time.Hour})
	s, idle := begin(t, r, "ada"), begin(t, r, "ada")
	for range 3 {
		at.pass(59 * time.Minute)
		s = rotate(t, r, s, "")
	}
	rotate(t, r, idle, rule.TokenExpired)
	at.pass(3 * time.Minute) // three hours, whatever was used
	rotate(t, r, s, rule.TokenExpired)

	s = begin(t, r, "ada")
	next := rotate(t, r, s, "")
	if err := r.End(t.Context(), s); err != nil { // an old one logs out too
		t.Error(err)
	}
	rotate(t, r, next, rule.TokenExpired)

	one, two, other := begin(t, r, "ada"), begin(t, r, "ada"), begin(t, r, "bob")
	if n, err := r.EndAll(t.Context(), "ada"); n != 2 || err != nil {
		t.Errorf("EndAll = %d, %v; want 2", n, err)
	}
	rotate(t, r, one, rule.TokenExpired)
	rotate(t, r, two, rule.TokenExpired)
	if subject, _, err := r.Rotate(t.Context(), other); subject != "bob" || err != nil {
		t.Errorf("somebody else's: %q, %v", subject, err)
	}
}

func TestWhatIsNoRefreshToken(t *testing.T) {
	r, _ := newRefresher(t, RefreshConfig{})
	s := begin(t, r, "ada")
	for name, text := range map[string]string{
		"empty": "", "short": s[1:], "long": s + "A", "padded": s[:len(s)-1] + "=", "line-break": s[:10] + "\n" + s[11:],
		"other-alphabet": strings.Repeat("+", refreshText),
	} {
		t.Run(name, func(t *testing.T) {
			rotate(t, r, text, rule.TokenInvalid)
			if err := r.End(t.Context(), text); err == nil {
				t.Error("End takes it")
			}
		})
	}
	rotate(t, r, strings.Repeat("A", refreshText), rule.TokenExpired) // a family that never was
	rotate(t, r, s, "")
	if _, err := r.Begin(t.Context(), ""); err == nil {
		t.Error("a token for nobody")
	}
	if _, err := NewRefresher(RefreshConfig{Idle: 2 * time.Hour, Lifetime: time.Hour}); err == nil {
		t.Error("idle may be longer than the lifetime")
	}
}

// A store holds nothing with which a token could be made.
func TestAStoreHoldsNoTokens(t *testing.T) {
	r, _ := newRefresher(t, RefreshConfig{})
	s := begin(t, r, "ada")
	b, _ := base64.RawURLEncoding.DecodeString(s)
	f, found, err := r.families.Find(t.Context(), FamilyID(b[:16]))
	if err != nil || !found {
		t.Fatal(found, err)
	}
	if f.Current == [32]byte(b[16:]) {
		t.Error("the store has the secret itself")
	}
}

// outage is a store that fails from some call on.
type outage struct {
	Families
	fails string
}

var errOutage = errors.New("down")

func (o outage) Find(ctx context.Context, id FamilyID) (Family, bool, error) {
	if o.fails == "find" {
		return Family{}, false, errOutage
	}
	return o.Families.Find(ctx, id)
}

func (o outage) Swap(ctx context.Context, id FamilyID, from [32]byte, next Family) (bool, error) {
	if o.fails == "swap" {
		return false, errOutage
	}
	return o.Families.Swap(ctx, id, from, next)
}

func (o outage) Delete(ctx context.Context, id FamilyID) error {
	if o.fails == "delete" {
		return errOutage
	}
	return o.Families.Delete(ctx, id)
}

func (o outage) Create(ctx context.Context, id FamilyID, f Family) error {
	if o.fails == "create" {
		return ErrFull
	}
	return o.Families.Create(ctx, id, f)
}

func TestAnOutageRefreshesNothing(t *testing.T) {
	for _, fails := range []string{"find", "swap", "delete", "create"} {
		t.Run(fails, func(t *testing.T) {
			r, _ := newRefresher(t, RefreshConfig{})
			s := begin(t, r, "ada")
			used := s
			if fails == "delete" {
				rotate(t, r, used, "")
			}
			r.families = outage{r.families, fails}
			switch fails {
			case "create":
				if _, err := r.Begin(t.Context(), "ada"); err == nil || problem.As(err).Rule != rule.TokenUnavailable {
					t.Errorf("Begin = %v", err)
				}
			default:
				rotate(t, r, used, rule.TokenUnavailable)
			}
		})
	}
}

// A thief that hangs up as soon as the reuse shows does not keep the family.
func TestReuseEndsTheFamilyWhateverTheClientDoes(t *testing.T) {
	r, _ := newRefresher(t, RefreshConfig{})
	s := begin(t, r, "ada")
	next := rotate(t, r, s, "")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := r.Rotate(ctx, s); problem.As(err).Rule != rule.TokenReused {
		t.Errorf("Rotate = %v", err)
	}
	rotate(t, r, next, rule.TokenExpired)
}

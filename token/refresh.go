// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package token

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"time"

	"github.com/panoply-security/panoply/internal/fault"
	"github.com/panoply-security/panoply/problem"
	"github.com/panoply-security/panoply/rule"
)

// RefreshConfig is how long refresh tokens live.
type RefreshConfig struct {
	// Families keeps them; nil is a [MemoryFamilies] of its own.
	Families Families
	// Idle is how long a token waits to be used. 0 is 14 days.
	Idle time.Duration
	// Lifetime is how long they go on after the login, however often they are used.
	// 0 is 90 days; at most 366.
	Lifetime time.Duration
}

// Refresher hands out refresh tokens, each of which is good for one use: it is
// swapped for the next, and for another access token (RFC 9700 section 4.14.2). A
// token that is used a second time was stolen before the first or after it; nobody
// can tell which, so the whole family that began with the login ends, and both the
// thief and the user have to log in.
//
// A client that sends a token twice at once, as two tabs of a browser may, looks
// just like that: let one of them refresh, and keep the token in a cookie with
// HttpOnly and the path of the refresh route.
//
// Each login is one more family in the store. What bounds those of one subject is
// the store's: [MemoryFamilies] keeps a hundred.
//
//	refresh, err := refresher.Begin(ctx, user.ID)          // at the login
//	user, refresh, err := refresher.Rotate(ctx, refresh)   // POST /api/refresh
//	err := refresher.End(ctx, refresh)                     // at the logout
type Refresher struct {
	families       Families
	idle, lifetime time.Duration
	now            func() time.Time
}

// FamilyID names the tokens that began with one login.
type FamilyID [16]byte

// Family is what a store keeps of one.
type Family struct {
	Subject string    // whose it is
	Current [32]byte  // the SHA-256 of the one token that is good
	Expires time.Time // when that ends, unless it is used
	Ends    time.Time // when all of it ends
}

// Families is a store of them. It is used by many goroutines at once. An error is a
// fault of the store alone.
type Families interface {
	// Create stores a new one. [ErrFull] says that there is no room.
	Create(ctx context.Context, id FamilyID, f Family) error
	// Find returns one that has not expired.
	Find(ctx context.Context, id FamilyID) (f Family, found bool, err error)
	// Swap puts next in the place of the one whose Current is from, in one step. It
	// changes nothing, and done is false, when there is none.
	Swap(ctx context.Context, id FamilyID, from [32]byte, next Family) (done bool, err error)
	// Delete removes one. When it has returned, no Swap brings it back.
	Delete(ctx context.Context, id FamilyID) error
	// DeleteSubject removes all of a subject, and says how many there were.
	DeleteSubject(ctx context.Context, subject string) (n int, err error)
}

// NewRefresher checks the configuration.
func NewRefresher(cfg RefreshConfig) (*Refresher, error) {
	var faults fault.List
	r := &Refresher{families: cfg.Families, now: time.Now}
	r.lifetime = within(&faults, "lifetime", cfg.Lifetime, 90*24*time.Hour, time.Minute, maxLifetime)
	r.idle = within(&faults, "idle", cfg.Idle, min(14*24*time.Hour, r.lifetime), time.Minute, r.lifetime)
	if r.families == nil {
		families, err := NewMemoryFamilies(0, 0)
		faults.Join("families", err)
		r.families = families
	}
	if err := faults.Err(); err != nil {
		return nil, err
	}
	return r, nil
}

const (
	secretBytes  = 32
	refreshText  = 64 // characters: 16 bytes of the family and 32 of the secret
	maxSubject   = 1024
	refreshEnded = "Log in again."
)

var (
	errRefreshShape = errors.New("no refresh token")
	errFamilyEnded  = errors.New("no such family of refresh tokens, or it has ended")
	errReused       = errors.New("a refresh token was used twice")
)

// Begin returns the first token of a login of the subject.
func (r *Refresher) Begin(ctx context.Context, subject string) (string, error) {
	if subject == "" || len(subject) > maxSubject {
		return "", fmt.Errorf("token: a subject has 1 to %d bytes", maxSubject)
	}
	var id FamilyID
	rand.Read(id[:]) // never fails: it ends the process instead
	now := r.now()
	text, f := r.next(id, Family{Subject: subject, Ends: now.Add(r.lifetime)}, now)
	if err := r.families.Create(ctx, id, f); err != nil {
		return "", r.unavailable(err)
	}
	return text, nil
}

// next makes another token of a family.
func (r *Refresher) next(id FamilyID, f Family, now time.Time) (text string, _ Family) {
	var secret [secretBytes]byte
	rand.Read(secret[:])
	f.Current = sha256.Sum256(secret[:])
	f.Expires = now.Add(r.idle)
	if f.Ends.Before(f.Expires) {
		f.Expires = f.Ends
	}
	return strict.EncodeToString(append(id[:], secret[:]...)), f
}

// Rotate swaps a token for the next one of its family, and says whose it is. The
// error is a [*problem.Error]: 401 for a token that is not good, 503 when the store
// does not answer.
func (r *Refresher) Rotate(ctx context.Context, token string) (subject, next string, err error) {
	id, current, ok := readRefresh(token)
	if !ok {
		return "", "", refuse(rule.TokenInvalid, errRefreshShape)
	}
	f, found, err := r.families.Find(ctx, id)
	now := r.now()
	switch {
	case err != nil:
		return "", "", r.unavailable(err)
	case !found || !now.Before(f.Expires):
		return "", "", refuse(rule.TokenExpired, errFamilyEnded)
	case subtle.ConstantTimeCompare(f.Current[:], current[:]) != 1:
		return "", "", r.reused(ctx, id)
	}
	text, after := r.next(id, f, now)
	done, err := r.families.Swap(ctx, id, current, after)
	switch {
	case err != nil:
		return "", "", r.unavailable(err)
	case !done: // somebody else has used it since
		return "", "", r.reused(ctx, id)
	}
	return f.Subject, text, nil
}

// reused ends the family.
func (r *Refresher) reused(ctx context.Context, id FamilyID) error {
	// Also for a client that has gone away meanwhile: a thief would see to that.
	if err := r.families.Delete(context.WithoutCancel(ctx), id); err != nil {
		return r.unavailable(errors.Join(errReused, err))
	}
	e := refuse(rule.TokenReused, errReused)
	e.Detail = refreshEnded
	return e
}

// End ends the family of a token, whichever of its tokens that is: a logout must
// work with an old one too.
func (r *Refresher) End(ctx context.Context, token string) error {
	id, _, ok := readRefresh(token)
	if !ok {
		return refuse(rule.TokenInvalid, errRefreshShape)
	}
	if err := r.families.Delete(ctx, id); err != nil {
		return r.unavailable(err)
	}
	return nil
}

// EndAll ends all families of a subject, as after a new password, and says how many
// there were.
func (r *Refresher) EndAll(ctx context.Context, subject string) (int, error) {
	n, err := r.families.DeleteSubject(ctx, subject)
	if err != nil {
		return n, r.unavailable(err)
	}
	return n, nil
}

func (r *Refresher) unavailable(err error) error {
	e := problem.Refuse(rule.TokenUnavailable, "").Because(err)
	e.Retry = keySetPause
	return e
}

// readRefresh takes a token apart.
func readRefresh(token string) (id FamilyID, hash [32]byte, ok bool) {
	if len(token) != refreshText {
		return id, hash, false
	}
	b, err := strict.DecodeString(token)
	if err != nil || len(b) != len(id)+secretBytes {
		return id, hash, false
	}
	copy(id[:], b)
	return id, sha256.Sum256(b[len(id):]), true
}

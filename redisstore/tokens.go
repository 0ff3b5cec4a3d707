// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package redisstore

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"

	"github.com/panoply-security/panoply/token"
)

//go:embed families.lua
var familiesScript string

//go:embed revoked.lua
var revokedScript string

// Families keeps families of refresh tokens: [token.Families]. One ends by the
// server's clock. A subject has at most 100, and a login more ends the one that would
// end first.
type Families struct{ owned }

var _ token.Families = (*Families)(nil)

// Families is the store of refresh tokens on this client.
func (c *Client) Families() *Families {
	return &Families{newOwned(c, "panoply:family:", familiesScript)}
}

func familyName(id token.FamilyID) string { return hex.EncodeToString(id[:]) }

func familyArgs(f token.Family) []string {
	return []string{f.Subject, string(f.Current[:]), micro(f.Expires), micro(f.Ends)}
}

// Create implements [token.Families].
func (s *Families) Create(ctx context.Context, id token.FamilyID, f token.Family) error {
	if err := s.add(ctx, f.Subject, familyName(id), f.Ends); err != nil {
		return err
	}
	return s.run(ctx, familyName(id), "create", familyArgs(f)...).Error()
}

// Find implements [token.Families].
func (s *Families) Find(ctx context.Context, id token.FamilyID) (f token.Family, found bool, err error) {
	got, err := s.run(ctx, familyName(id), "find").AsStrSlice()
	switch {
	case rueidis.IsRedisNil(err):
		return f, false, nil
	case err != nil:
		return f, false, err
	case len(got) != 4 || len(got[1]) != len(f.Current):
		return f, false, errShape
	}
	f.Subject = got[0]
	copy(f.Current[:], got[1])
	var faults [2]error
	f.Expires, faults[0] = fromMicro(got[2])
	f.Ends, faults[1] = fromMicro(got[3])
	if errors.Join(faults[:]...) != nil {
		return token.Family{}, false, errShape
	}
	return f, true, nil
}

// Swap implements [token.Families].
func (s *Families) Swap(ctx context.Context, id token.FamilyID, from [32]byte, next token.Family) (done bool, err error) {
	n, err := s.run(ctx, familyName(id), "swap", append(familyArgs(next), string(from[:]))...).AsInt64()
	return n == 1, err
}

// Delete implements [token.Families].
func (s *Families) Delete(ctx context.Context, id token.FamilyID) error {
	client, err := s.client.connected(ctx)
	if err != nil {
		return err
	}
	return client.Do(ctx, client.B().Del().Key(s.key(familyName(id))).Build()).Error()
}

// DeleteSubject implements [token.Families].
func (s *Families) DeleteSubject(ctx context.Context, subject string) (n int, err error) {
	return s.deleteAll(ctx, subject)
}

// Revocations keeps the ids of tokens that are no longer good: [token.Revocations].
type Revocations struct {
	client *Client
	script *rueidis.Lua
	shift  atomic.Int64 // of the server's clock, in microseconds, for tests
}

var _ token.Revocations = (*Revocations)(nil)

// Revocations is the store of revoked tokens on this client.
func (c *Client) Revocations() *Revocations {
	return &Revocations{client: c, script: rueidis.NewLuaScript(revokedScript)}
}

func (s *Revocations) run(ctx context.Context, id string, args ...string) (revoked bool, err error) {
	client, err := s.client.connected(ctx)
	if err != nil {
		return false, err
	}
	sum := sha256.Sum256([]byte(id))
	key := "panoply:revoked:{" + hex.EncodeToString(sum[:16]) + "}"
	n, err := s.script.Exec(ctx, client, []string{key}, append([]string{number(s.shift.Load())}, args...)).AsInt64()
	return n == 1, err
}

// Revoke implements [token.Revocations].
func (s *Revocations) Revoke(ctx context.Context, id string, until time.Time) error {
	_, err := s.run(ctx, id, micro(until))
	return err
}

// Revoked implements [token.Revocations].
func (s *Revocations) Revoked(ctx context.Context, id string) (bool, error) {
	return s.run(ctx, id)
}

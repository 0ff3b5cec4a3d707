// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package redisstore

import (
	"context"
	_ "embed"
	"encoding/hex"
	"errors"
	"strconv"

	"github.com/redis/rueidis"

	"github.com/panoply-security/panoply/session"
)

//go:embed sessions.lua
var sessionsScript string

// Sessions keeps sessions: [session.Store]. A record ends by the server's clock. A user
// has at most 100, and a login more ends the one that would end first. Values stand in
// the server as the app gave them.
type Sessions struct{ owned }

var (
	_ session.Store     = (*Sessions)(nil)
	_ session.UserIndex = (*Sessions)(nil)
)

// Sessions is the store of sessions on this client.
func (c *Client) Sessions() *Sessions {
	return &Sessions{newOwned(c, "panoply:session:", sessionsScript)}
}

func sessionName(key session.Key) string { return hex.EncodeToString(key[:]) }

var errShape = errors.New("the server answered with something else than a record")

// Find implements [session.Store].
func (s *Sessions) Find(ctx context.Context, key session.Key) (rec session.Record, found bool, err error) {
	got, err := s.run(ctx, sessionName(key), "find").AsStrSlice()
	switch {
	case rueidis.IsRedisNil(err):
		return rec, false, nil
	case err != nil:
		return rec, false, err
	case len(got) != 6:
		return rec, false, errShape
	}
	rec.User, rec.Data = got[0], []byte(got[1])
	var faults [4]error
	rec.Created, faults[0] = fromMicro(got[2])
	rec.Seen, faults[1] = fromMicro(got[3])
	rec.Expires, faults[2] = fromMicro(got[4])
	rec.Version, faults[3] = strconv.ParseUint(got[5], 10, 64)
	if errors.Join(faults[:]...) != nil {
		return session.Record{}, false, errShape
	}
	return rec, true, nil
}

// Commit implements [session.Store]: one round trip, and one more for a session with a
// user.
func (s *Sessions) Commit(ctx context.Context, key session.Key, rec session.Record) (done bool, err error) {
	name := sessionName(key)
	if rec.User != "" {
		if err := s.add(ctx, rec.User, name, rec.Expires); err != nil {
			return false, err
		}
	}
	n, err := s.run(ctx, name, "commit", rec.User, string(rec.Data), micro(rec.Created), micro(rec.Seen), micro(rec.Expires),
		strconv.FormatUint(rec.Version, 10)).AsInt64()
	return n == 1, err
}

// Delete implements [session.Store].
func (s *Sessions) Delete(ctx context.Context, key session.Key) (found bool, err error) {
	n, err := s.run(ctx, sessionName(key), "delete").AsInt64()
	return n == 1, err
}

// ListUser implements [session.UserIndex]: a round trip, and one for each session.
func (s *Sessions) ListUser(ctx context.Context, user string) (map[session.Key]session.Record, error) {
	names, err := s.names(ctx, user)
	if err != nil {
		return nil, err
	}
	all := map[session.Key]session.Record{}
	for _, name := range names {
		var key session.Key
		if n, err := hex.Decode(key[:], []byte(name)); err != nil || n != len(key) {
			return nil, errShape
		}
		rec, found, err := s.Find(ctx, key)
		if err != nil {
			return nil, err
		}
		if found && rec.User == user { // a name without a record means nothing
			all[key] = rec
		}
	}
	return all, nil
}

// DeleteUser implements [session.UserIndex].
func (s *Sessions) DeleteUser(ctx context.Context, user string) (n int, err error) {
	return s.deleteAll(ctx, user)
}

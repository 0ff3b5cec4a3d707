// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package redisstore

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"
)

//go:embed index.lua
var indexScript string

// maxOwned is how many sessions, or families of refresh tokens, one user may have:
// those that end first make room.
const maxOwned = 100

// owned knows what belongs to whom: for each user the names of his records, each in a
// key of its own. In a Cluster they are in different slots, so a record is written after
// its name: what is there is always found, and a name without a record means nothing.
type owned struct {
	client *Client
	prefix string // of the records
	index  *rueidis.Lua
	record *rueidis.Lua
	shift  atomic.Int64 // of the server's clock, in microseconds, for tests
}

func newOwned(c *Client, prefix, script string) owned {
	return owned{client: c, prefix: prefix, index: rueidis.NewLuaScript(indexScript), record: rueidis.NewLuaScript(script)}
}

// key is where a record is. Its name is a hash or random already.
func (o *owned) key(name string) string { return o.prefix + "{" + name + "}" }

// of is where the names of a user's records are. Nothing that a client chose is part
// of it.
func (o *owned) of(user string) string {
	sum := sha256.Sum256([]byte(user))
	return o.prefix + "of:{" + hex.EncodeToString(sum[:16]) + "}"
}

// run has the record's script do something.
func (o *owned) run(ctx context.Context, name, op string, args ...string) rueidis.RedisResult {
	client, err := o.client.connected(ctx)
	if err != nil {
		return rueidis.NewErrorResult(err)
	}
	return o.record.Exec(ctx, client, []string{o.key(name)}, append([]string{op, number(o.shift.Load())}, args...))
}

// add notes that a record is to be a user's, and removes those that have to make room.
func (o *owned) add(ctx context.Context, user, name string, ends time.Time) error {
	client, err := o.client.connected(ctx)
	if err != nil {
		return err
	}
	gone, err := o.index.Exec(ctx, client, []string{o.of(user)}, []string{number(o.shift.Load()), name, micro(ends), strconv.Itoa(maxOwned)}).AsStrSlice()
	if err != nil {
		return err
	}
	for _, other := range gone {
		if err := o.run(ctx, other, "delete-of", user).Error(); err != nil {
			return err
		}
	}
	return nil
}

// deleteAll removes a user's records. Their names stay until they end: one may be that
// of a record which is being written.
func (o *owned) deleteAll(ctx context.Context, user string) (n int, err error) {
	names, err := o.names(ctx, user)
	if err != nil {
		return 0, err
	}
	for _, name := range names {
		found, err := o.run(ctx, name, "delete-of", user).AsInt64()
		if err != nil {
			return n, err
		}
		n += int(found)
	}
	return n, nil
}

// names are those of a user's records, and of some that are not there.
func (o *owned) names(ctx context.Context, user string) ([]string, error) {
	client, err := o.client.connected(ctx)
	if err != nil {
		return nil, err
	}
	return client.Do(ctx, client.B().Zrange().Key(o.of(user)).Min("0").Max("-1").Build()).AsStrSlice()
}

func number(n int64) string { return strconv.FormatInt(n, 10) }

func micro(t time.Time) string { return number(t.UnixMicro()) }

func fromMicro(s string) (time.Time, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	return time.UnixMicro(n).UTC(), err
}

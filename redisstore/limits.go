// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package redisstore

import (
	"cmp"
	"context"
	_ "embed"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"

	"github.com/panoply-security/panoply/ratelimit"
)

//go:embed limits.lua
var limitsScript string

// Limits keeps the counts of rate limits. Get one from [Client.Limits].
type Limits struct {
	client *Client
	script *rueidis.Lua
	shift  atomic.Int64 // of the server's clock, in microseconds, for tests
}

var _ ratelimit.Store = (*Limits)(nil)

// Limits is the store of rate limits on this client.
func (c *Client) Limits() *Limits {
	return &Limits{client: c, script: rueidis.NewLuaScript(limitsScript)}
}

const limitKeys = "panoply:limit:"

// keys are where a key's attempts and its block are. The braces make Redis
// Cluster keep both in one slot, and different clients in different ones. A key
// has at most 138 bytes, none of them chosen by a client.
func keys(l ratelimit.Limit, key ratelimit.Key) []string {
	name := limitKeys + l.ID + ":{" + key.String() + "}"
	return []string{name, name + ":b"}
}

// run makes one decision: one round trip, but for the first after the server
// lost the script.
func (s *Limits) run(ctx context.Context, op string, l ratelimit.Limit, key ratelimit.Key, block, maxBlock time.Duration, cost int, stamp int64) (ratelimit.Result, error) {
	number := func(n int64) string { return strconv.FormatInt(n, 10) }
	window := micros(l.Window)
	interval := (window + int64(l.Limit) - 1) / int64(max(1, l.Limit))
	client, err := s.client.connected(ctx)
	if err != nil {
		return ratelimit.Result{}, err
	}
	got, err := s.script.Exec(ctx, client, keys(l, key), []string{
		op, l.Algorithm, number(int64(l.Limit)), number(window), number(int64(l.Burst)), number(interval),
		number(micros(block)), number(micros(maxBlock)), number(int64(cost)), number(stamp), number(s.shift.Load()),
	}).AsIntSlice()
	if err != nil {
		return ratelimit.Result{}, err
	}
	if len(got) != 6 {
		return ratelimit.Result{}, fmt.Errorf("the script answered with %d numbers; want 6", len(got))
	}
	us := func(n int64) time.Duration { return time.Duration(n) * time.Microsecond }
	return ratelimit.Result{Allowed: got[0] == 1, Remaining: int(got[1]), Reset: us(got[2]), Retry: us(got[3]), Stamp: got[4], Blocked: got[5] == 1}, nil
}

// micros rounds up: a limit is never laxer here than it says.
func micros(d time.Duration) int64 { return int64((d + time.Microsecond - 1) / time.Microsecond) }

// Take implements [ratelimit.Store].
func (s *Limits) Take(ctx context.Context, l ratelimit.Limit, key ratelimit.Key, cost int) (ratelimit.Result, error) {
	return s.run(ctx, "take", l, key, l.Block, l.MaxBlock, cost, 0)
}

// GiveBack implements [ratelimit.Store].
func (s *Limits) GiveBack(ctx context.Context, l ratelimit.Limit, key ratelimit.Key, stamp int64, cost int) (ratelimit.Result, error) {
	return s.run(ctx, "look", l, key, 0, 0, cost, stamp)
}

// Peek implements [ratelimit.Store].
func (s *Limits) Peek(ctx context.Context, l ratelimit.Limit, key ratelimit.Key) (ratelimit.Result, error) {
	return s.run(ctx, "look", l, key, 0, 0, 0, 0)
}

// Block implements [ratelimit.Store].
func (s *Limits) Block(ctx context.Context, l ratelimit.Limit, key ratelimit.Key, d time.Duration) error {
	_, err := s.run(ctx, "block", l, key, d, d, 0, 0)
	return err
}

// Reset implements [ratelimit.Store].
func (s *Limits) Reset(ctx context.Context, l ratelimit.Limit, key ratelimit.Key) (known bool, err error) {
	client, err := s.client.connected(ctx)
	if err != nil {
		return false, err
	}
	n, err := client.Do(ctx, client.B().Del().Key(keys(l, key)...).Build()).AsInt64()
	return n > 0, err
}

// Blocked implements [ratelimit.Store], but not in one round trip: an index of
// blocked keys would cost every decision, so this walks over the keys of each
// node, 1,000 at a time, until it has enough or the context ends. It is for
// operators.
func (s *Limits) Blocked(ctx context.Context, l ratelimit.Limit, most int) ([]ratelimit.Blocked, error) {
	client, err := s.client.connected(ctx)
	if err != nil {
		return nil, err
	}
	prefix, suffix := limitKeys+l.ID+":{", "}:b"
	found := map[ratelimit.Key]time.Time{} // a walk may see a key twice
	for _, node := range client.Nodes() {
		clock, err := node.Do(ctx, node.B().Time().Build()).AsIntSlice()
		if err != nil || len(clock) != 2 {
			return nil, cmp.Or(err, fmt.Errorf("TIME answered with %d numbers", len(clock)))
		}
		now := clock[0]*1e6 + clock[1] + s.shift.Load()
		for cursor := uint64(0); ; {
			page, err := node.Do(ctx, node.B().Scan().Cursor(cursor).Match(prefix+"*"+suffix).Count(1000).Build()).AsScanEntry()
			if err != nil {
				return nil, err
			}
			for _, name := range page.Elements {
				key, err := ratelimit.ParseKey(strings.TrimSuffix(strings.TrimPrefix(name, prefix), suffix))
				if err != nil {
					continue // not ours
				}
				text, err := client.Do(ctx, client.B().Get().Key(name).Build()).ToString()
				if rueidis.IsRedisNil(err) {
					continue // forgotten meanwhile
				} else if err != nil {
					return nil, err
				}
				first, _, _ := strings.Cut(text, " ")
				if until, err := strconv.ParseInt(first, 10, 64); err == nil && until > now {
					found[key] = time.UnixMicro(until)
				}
				if len(found) >= most {
					return list(found), nil
				}
			}
			if cursor = page.Cursor; cursor == 0 {
				break
			}
		}
	}
	return list(found), nil
}

func list(found map[ratelimit.Key]time.Time) (out []ratelimit.Blocked) {
	for key, until := range found {
		out = append(out, ratelimit.Blocked{Key: key, Until: until})
	}
	return out
}

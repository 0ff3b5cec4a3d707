// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

// Package redisstore keeps in Redis or Valkey what several processes share.
//
// # Threat
//
// Counts in the memory of each process let an attacker try as often as there
// are processes, and forget everything when one restarts.
//
// # What it does
//
// [Open] connects to one server, to a Redis Cluster (which it finds out by
// itself), or through Sentinels. [Client.Limits] is a store for package
// ratelimit: each decision is one Lua script, thus atomic, in one round trip,
// by the server's clock, and concurrent decisions share one pipeline without
// waiting for one another. While the server cannot be reached, calls fail
// within their context and the client connects again by itself.
//
// [Client.Sessions] is a store for package session, and [Client.Families] and
// [Client.Revocations] are two for package token: each record is in one key, changed
// by one script, and a set beside it knows whose it is, so that all of a user can be
// ended at once.
//
// # What it does not do
//
// It does not decide what happens without an answer: the limiter does, by
// on_store_error; sessions and tokens are then refused (503). Redis replicates after it
// answers, so that a failover may forget the last attempts, and bring back what was
// ended in the last moments. Values of sessions are not encrypted.
//
// # Bounds
//
// A user has at most 100 sessions and 100 families of refresh tokens; those that end
// first make room. Keys have at most 138 bytes and hold no text of a client, only a hash under
// a secret. Every key expires. A sliding window costs about 11 bytes for each
// attempt and never holds more than its limit, the others about 40 bytes; a
// blocked key 60 more. Rates of gcra are rounded to whole microseconds for an
// attempt, up. Redis 6 or Valkey 7 and newer.
package redisstore

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/redis/rueidis"

	"github.com/panoply-security/panoply/internal/fault"
)

// Config says where the server is.
type Config struct {
	// URL is redis://host:port/db, or rediss:// for TLS. `?addr=host:port`, once
	// for each, names further nodes of a cluster, and `?master_name=name` makes
	// all of them Sentinels that know the server by that name. A user may stand
	// before the host, but no password.
	URL string
	// PasswordEnv names the environment variable with the password. Sentinels
	// are given the same. Empty is no password.
	PasswordEnv string
	// TLS is used for rediss://, with the server's name filled in. Nil takes the
	// system's roots, and TLS 1.2 or newer.
	TLS *tls.Config
}

const (
	dialTimeout = time.Second     // to connect, TLS included
	deadAfter   = 2 * time.Second // without an answer, until a connection counts as lost
	buffer      = 32 << 10        // for reading and for writing, each
)

// Client is a connection to a server, shared by all stores on it. It is safe for
// concurrent use.
type Client struct {
	option rueidis.ClientOption

	mu     sync.Mutex
	live   rueidis.Client
	trying chan struct{} // closed when the attempt under way has ended
	err    error         // of the last attempt
	closed bool
}

func (c Config) option() (rueidis.ClientOption, error) {
	var faults fault.List
	o := parseURL(c.URL, &faults)
	password := ""
	if c.PasswordEnv != "" {
		if password = os.Getenv(c.PasswordEnv); password == "" {
			faults.Addf("store_password_env", "set it, or leave store_password_env out", "the variable %.80q is empty", c.PasswordEnv)
		}
	}
	if o.TLSConfig != nil && c.TLS != nil {
		o.TLSConfig = c.TLS.Clone()
	}
	dialer := net.Dialer{Timeout: dialTimeout, KeepAlive: time.Second}
	o.Password, o.Dialer = password, dialer
	o.DisableCache, o.PipelineMultiplex = true, -1 // one connection to a node
	o.ConnWriteTimeout = deadAfter
	o.ReadBufferEachConn, o.WriteBufferEachConn = buffer, buffer
	o.ClientSetInfo = rueidis.DisableClientSetInfo
	o.DisableRetry = true // the limiter's breaker decides
	o.ClusterOption.MaxMovedRedirections = 3
	if o.Sentinel.MasterSet != "" {
		o.Sentinel.Dialer, o.Sentinel.TLSConfig = dialer, o.TLSConfig
		o.Sentinel.Username, o.Sentinel.Password = o.Username, password
		o.Sentinel.TopologyRefreshInterval = 5 * time.Second
	}
	return o, faults.Err()
}

// New makes a client that connects when it is first asked.
func New(cfg Config) (*Client, error) {
	option, err := cfg.option()
	if err != nil {
		return nil, err
	}
	return &Client{option: option}, nil
}

// Open connects. A server that cannot be reached is no error, for the limiter
// says what happens without one, and the client tries again when it is asked;
// [Client.Ping] tells. A server that refuses the password is an error, and so is
// a bad configuration.
func Open(ctx context.Context, cfg Config) (*Client, error) {
	c, err := New(cfg)
	if err != nil {
		return nil, err
	}
	if err := c.Ping(ctx); Refused(err) {
		c.Close()
		return nil, err
	}
	return c, nil
}

// Refused reports whether an error says that the server is there and does not
// let us in, which trying again does not mend.
func Refused(err error) bool {
	e, ok := rueidis.IsRedisErr(err)
	if !ok {
		return false
	}
	for _, start := range []string{"NOAUTH", "WRONGPASS", "NOPERM", "ERR AUTH", "ERR invalid password"} {
		if strings.HasPrefix(e.Error(), start) {
			return true
		}
	}
	return false
}

// Ping asks the server whether it is there.
func (c *Client) Ping(ctx context.Context) error {
	client, err := c.connected(ctx)
	if err != nil {
		return err
	}
	return client.Do(ctx, client.B().Ping().Build()).Error()
}

// Close ends the connections. Calls after it fail.
func (c *Client) Close() {
	c.mu.Lock()
	c.closed = true
	trying := c.trying
	c.mu.Unlock()
	if trying != nil {
		<-trying
	}
	c.mu.Lock()
	live := c.live
	c.live = nil
	c.mu.Unlock()
	if live != nil {
		live.Close()
	}
}

var errClosed = errors.New("the store is closed")

// connected is the client, which is there once the server first was. One
// attempt to connect is under way at most, and nobody waits for it longer than
// the context says.
func (c *Client) connected(ctx context.Context) (rueidis.Client, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	c.mu.Lock()
	if c.live != nil || c.closed {
		defer c.mu.Unlock()
		if c.closed {
			return nil, errClosed
		}
		return c.live, nil
	}
	trying := c.trying
	if trying == nil {
		trying = make(chan struct{})
		c.trying = trying
		go c.connect(trying)
	}
	c.mu.Unlock()
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-trying:
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.closed:
		return nil, errClosed
	case c.live != nil:
		return c.live, nil
	}
	return nil, c.err
}

func (c *Client) connect(done chan struct{}) {
	live, err := rueidis.NewClient(c.option)
	c.mu.Lock()
	if err == nil {
		c.live = live
	} else if c.err = err; live != nil {
		live.Close()
	}
	c.trying = nil
	c.mu.Unlock()
	close(done)
}

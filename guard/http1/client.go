// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

// Package http1 speaks HTTP/1.1 with one server, for a gateway: it asks what was
// asked, and believes no answer that can be read in two ways.
//
// # Why not http.Transport
//
// That runs two goroutines for each connection, and hands every request and answer
// over between them. Here the goroutine that asks writes the request and reads the
// answer. Another one is needed only for a body that is not in memory yet, as the
// answer may come before its end.
//
// # What it does
//
// [Client] keeps connections for the next request. One that was closed while it was
// idle, or on which the server has said anything unasked, is closed without a word
// and without anybody getting to see what was said. Informational answers go
// to the request's [httptrace.ClientTrace]. An answer may overtake the request's body. The
// end of the request's context closes its connection within 250 ms, so that the server stops working for
// nobody. After 101 the answer's body is the connection, which can be half closed.
//
// A request is sent a second time, on a new connection, where an idle one broke before a
// byte of an answer: if nothing of the request had left, or if it is a GET, HEAD, OPTIONS or
// TRACE without a body.
//
// # What it refuses
//
// An answer has one framing: one length, or chunks, or the end of the connection. Refused
// are, beside what is no HTTP/1.0 or 1.1: both framings at once, lengths that differ,
// lists, any other coding than chunked, chunks in HTTP/1.0, folded fields, space before
// a colon, control bytes in fields, and line ends of two kinds in one header. Trailers that
// would frame a message are refused. Of a request nothing leaves that would
// be read as more than was meant: control bytes, or a space in the target.
//
// # What it does not do
//
// It chooses no server, follows no redirect, keeps no cookies, undoes no content coding,
// and looks at no URL but for the target. It does not close the request's body, which is
// its owner's. An answer that ends with the connection may have been cut off, and over TLS
// too, as crypto/tls takes any end between two records for one: apps should tell lengths.
//
// # Bounds
//
// An answer's header: 256 KiB together with the informational ones before it, 500 fields
// each. It must be there in the time that [Config] says, counted from the end of the
// request; of the request's body the server must take something in the same time.
// A chunk's line has 4 KiB, all extensions of an answer 64 KiB, its trailers 16 KiB. 512 idle
// connections, for 4 s each. A request that is under way holds 8 KiB, and 32 KiB while its
// body is sent; an idle connection holds no buffer and no goroutine.
package http1

import (
	"context"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"
)

const (
	maxIdle = 512
	idleFor = 4 * time.Second // Node closes idle connections after 5 s
	every   = 250 * time.Millisecond
)

// Config is what a client needs to know of its server.
type Config struct {
	// Dial connects, and shakes hands where that is over TLS. Its error is RoundTrip's. A
	// connection that is not of the system's own has a method NetConn, as tls.Conn has;
	// others are used for one request.
	Dial func(context.Context) (net.Conn, error)
	// Answer bounds the wait for an answer's header.
	Answer time.Duration
}

// Client speaks with one server. It is safe for concurrent use.
type Client struct {
	Config
	idleFor, every time.Duration

	mu     sync.Mutex
	idle   []*conn // those that were used last are last
	busy   []*conn // have a request under way
	timer  *time.Timer
	ticker bool // the timer runs
}

// New makes a client. Nothing is dialled before the first request.
func New(c Config) *Client { return &Client{Config: c, idleFor: idleFor, every: every} }

// RoundTrip sends a request to the server, whatever host its URL names, and reads the
// header of the answer. The caller reads the answer's body and closes it.
func (c *Client) RoundTrip(r *http.Request) (*http.Response, error) {
	out := writing.Get().(*outgoing)
	defer out.free()
	if err := out.compose(r); err != nil {
		return nil, err
	}
	ctx := r.Context()
	for again := false; ; again = true {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		cn, err := c.connection(ctx, again)
		if err != nil {
			return nil, err
		}
		if err := out.load(r); err != nil {
			c.drop(cn)
			return nil, err
		}
		res, safe, err := cn.exchange(ctx, r, out)
		if err == nil {
			return res, nil
		}
		if again || !safe {
			return nil, err
		}
	}
}

// connection is an idle one, or a new one, for a request with this context.
func (c *Client) connection(ctx context.Context, fresh bool) (*conn, error) {
	for !fresh {
		cn := c.take(ctx)
		if cn == nil {
			break
		}
		cn.arm(c.Answer) // first: an old deadline would keep quiet from looking
		if cn.quiet() {
			return cn, nil
		}
		c.drop(cn)
	}
	to, err := c.Dial(ctx)
	if err != nil {
		return nil, err
	}
	cn := newConn(c, to)
	c.mu.Lock()
	c.watch(cn, ctx)
	c.mu.Unlock()
	cn.arm(c.Answer)
	return cn, nil
}

func (c *Client) take(ctx context.Context) *conn {
	c.mu.Lock()
	defer c.mu.Unlock()
	last := len(c.idle) - 1
	if last < 0 {
		return nil
	}
	cn := c.idle[last]
	c.idle[last] = nil
	c.idle = c.idle[:last]
	c.watch(cn, ctx)
	return cn
}

// put keeps a connection for the next request.
func (c *Client) put(cn *conn) {
	cn.used, cn.since = true, time.Now()
	c.mu.Lock()
	c.unwatch(cn)
	keep := !cn.hungUp && len(c.idle) < maxIdle
	if keep {
		c.idle = append(c.idle, cn)
		c.tick()
	}
	c.mu.Unlock()
	if !keep {
		cn.Close()
	}
}

// drop ends a connection that has, or was to have, a request under way.
func (c *Client) drop(cn *conn) {
	c.mu.Lock()
	c.unwatch(cn)
	c.mu.Unlock()
	cn.Close()
}

// watch has the connection of a request end with its context. The lock is held, as it is
// for unwatch and tick.
func (c *Client) watch(cn *conn, ctx context.Context) {
	cn.ctx, cn.at = ctx, len(c.busy)
	c.busy = append(c.busy, cn)
	c.tick()
}

func (c *Client) unwatch(cn *conn) {
	if cn.ctx == nil {
		return
	}
	last := len(c.busy) - 1
	c.busy[cn.at] = c.busy[last]
	c.busy[cn.at].at = cn.at
	c.busy[last], c.busy = nil, c.busy[:last]
	cn.ctx = nil
}

// tick has sweep run in a moment.
func (c *Client) tick() {
	if c.ticker {
		return
	}
	c.ticker = true
	if c.timer == nil {
		c.timer = time.AfterFunc(c.every, c.sweep)
	} else {
		c.timer.Reset(c.every)
	}
}

// sweep hangs up where nobody waits for an answer any more, and closes connections that
// were idle for too long. To be told of the end of each context at once would cost
// each request more than the rest of this file.
func (c *Client) sweep() {
	c.mu.Lock()
	c.ticker = false
	var left []*conn
	for _, cn := range c.busy {
		if !cn.hungUp && cn.ctx.Err() != nil {
			cn.hungUp = true // and so nobody else's
			left = append(left, cn)
		}
	}
	now, old := time.Now(), 0
	for old < len(c.idle) && now.Sub(c.idle[old].since) >= c.idleFor {
		old++
	}
	closing := slices.Clone(c.idle[:old])
	c.idle = slices.Delete(c.idle, 0, old)
	if len(c.idle) > 0 || len(c.busy) > 0 {
		c.tick()
	}
	c.mu.Unlock()
	for _, cn := range left {
		cn.hangUp()
	}
	for _, cn := range closing {
		cn.Conn.Close() // with the goodbye of TLS
	}
}

// CloseIdleConnections closes those on which no request is under way.
func (c *Client) CloseIdleConnections() {
	c.mu.Lock()
	closing := c.idle
	c.idle = nil
	c.mu.Unlock()
	for _, cn := range closing {
		cn.Conn.Close()
	}
}

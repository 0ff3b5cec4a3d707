// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/panoply-security/panoply"
	"github.com/panoply-security/panoply/clientip"
	"github.com/panoply-security/panoply/internal/fault"
	"github.com/panoply-security/panoply/problem"
	"github.com/panoply-security/panoply/rule"
)

const (
	// mostConnections are open at once, where the policy and the system allow it.
	mostConnections = 16384
	// mostOfOne are those of one address. A browser opens six, and an office shares
	// an address.
	mostOfOne = 256
	// mostTurnedAway are beyond the bounds, and get an answer that says so. Further
	// ones are closed without.
	mostTurnedAway = 256
	// crowdRetry is when a client that was turned away may come again.
	crowdRetry = 5 * time.Second
)

// crowd bounds the connections that are open at once: all, and those of each address, an
// IPv6 client being its /56. It remembers an address only while it has a connection.
type crowd struct {
	most   func() (all, ofOne int) // as the policy in force says
	exempt func(net.Addr) bool     // from the bound of one address: proxies, with many clients

	mu     sync.Mutex
	all    int
	of     map[netip.Addr]int
	turned int // away, and still here

	refused [2]atomic.Uint64 // beyond the bound of all, and of one
}

// The reasons for which connections are refused, for metrics.
const (
	crowdedAll = iota
	crowdedOne
)

var crowdReasons = [...]string{crowdedAll: "all", crowdedOne: "address"}

// crowdDetails are what the client is told.
var crowdDetails = [...]string{crowdedAll: "Too many connections are open.", crowdedOne: "Too many connections of this address are open."}

func newCrowd(g *Guard) *crowd {
	return &crowd{of: map[netip.Addr]int{},
		most:   func() (int, int) { return connectionsOf(g.now().policy) },
		exempt: func(peer net.Addr) bool { return g.now().suit.Trusted(&http.Request{RemoteAddr: peer.String()}) },
	}
}

// connectionsOf are the bounds of a policy with its defaults. Half of what the process
// may have open is for the app's side.
func connectionsOf(p panoply.Policy) (all, ofOne int) {
	all = p.Connections.Max
	if all == 0 {
		all = mostConnections
		if files := maxFiles() / 2; files > 0 {
			all = min(all, max(files-64, 16))
		}
	}
	if ofOne = p.Connections.PerAddress; ofOne == 0 {
		if ofOne = mostOfOne; !slices.ContainsFunc(p.Listen, beyond) {
			ofOne = all // whoever comes is a proxy on the same machine
		}
	}
	return all, min(ofOne, all)
}

// beyond reports whether others than this machine can reach an address.
func beyond(addr string) bool {
	_, unix := unixPath(addr)
	host, _, _ := net.SplitHostPort(addr)
	return !unix && !loopback(host)
}

func checkConnections(p panoply.Policy) (faults fault.List) {
	for name, n := range map[string]int{"max": p.Connections.Max, "per_address": p.Connections.PerAddress} {
		if n < 0 || n > 1_000_000 {
			faults.Addf("connections."+name, "leave it out for the default", "%d is not between 1 and 1000000", n)
		}
	}
	return faults
}

// enter counts a connection in as it is accepted, or closes it.
func (c *crowd) enter(conn net.Conn) *guest {
	all, _ := c.most()
	g := &guest{Conn: conn, crowd: c, reason: -1}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.all >= all && !c.turn(g, crowdedAll) {
		return nil
	}
	c.all++
	return g
}

// settle counts it under its address, which may be known only now: a PROXY header names
// it. It reports whether it may stay.
func (c *crowd) settle(g *guest) bool {
	_, ofOne := c.most()
	peer := g.RemoteAddr()
	if c.exempt(peer) {
		return true
	}
	port, err := netip.ParseAddrPort(peer.String())
	if err != nil {
		return true // a Unix socket's other side has no address
	}
	addr := clientip.Prefix(port.Addr(), 0)
	c.mu.Lock()
	defer c.mu.Unlock()
	if g.left {
		return false
	}
	g.addr = addr
	c.of[addr]++
	return c.of[addr] <= ofOne || c.turn(g, crowdedOne)
}

// turn marks a connection to be turned away, if there is room for the answer.
func (c *crowd) turn(g *guest, reason int) bool {
	if g.reason >= 0 {
		return true
	}
	c.refused[reason].Add(1)
	if c.turned >= mostTurnedAway {
		return false
	}
	c.turned++
	g.reason = reason
	return true
}

func (c *crowd) leave(g *guest) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if g.left {
		return
	}
	g.left = true
	c.all--
	if g.reason >= 0 {
		c.turned--
	}
	if g.addr.IsValid() {
		if c.of[g.addr]--; c.of[g.addr] == 0 {
			delete(c.of, g.addr)
		}
	}
}

// open is how many connections there are.
func (c *crowd) open() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.all
}

// guest is a connection that counts until it is closed.
type guest struct {
	net.Conn
	crowd  *crowd
	addr   netip.Addr // under which it counts
	reason int        // for which it is turned away, or -1
	left   bool
}

func (g *guest) Close() error {
	g.crowd.leave(g)
	return g.Conn.Close()
}

// CloseWrite ends our side, as net/http does to a client that still sends.
func (g *guest) CloseWrite() error {
	if half, ok := g.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return g.Close()
}

// full is what a connection that is turned away is told, nil for any other.
func full(c net.Conn) *problem.Error {
	g, ok := c.(*guest)
	if secure, isTLS := c.(*tls.Conn); isTLS {
		g, ok = secure.NetConn().(*guest)
	}
	if !ok || g.reason < 0 {
		return nil
	}
	e := problem.Refuse(rule.RequestBusy, crowdDetails[g.reason])
	e.Retry = crowdRetry
	return e
}

// link is what the handler knows of a connection.
type link struct {
	tap  *tap           // nil with HTTP/2
	full *problem.Error // nil, or that it is one too many
}

type linkKey struct{}

// linked gives the requests of a connection its link: an [http.Server.ConnContext].
func linked(ctx context.Context, c net.Conn) context.Context {
	var l link
	switch c := c.(type) {
	case *tap:
		l = link{c, full(c.Conn)}
	case *secureTap:
		l = link{&c.tap, full(c.Conn)}
	default:
		l.full = full(c)
	}
	return context.WithValue(ctx, linkKey{}, &l)
}

// linkOf is never nil: a handler that others serve has connections of its own.
func linkOf(ctx context.Context) *link {
	if l, ok := ctx.Value(linkKey{}).(*link); ok {
		return l
	}
	return &link{}
}

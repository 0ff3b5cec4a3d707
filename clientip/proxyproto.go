// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package clientip

import (
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/panoply-security/panoply/internal/fault"
)

// ProxyHeaderTimeout is how long a listed peer may take for its PROXY header.
const ProxyHeaderTimeout = 5 * time.Second

// ProxyProtocol reads the PROXY protocol (versions 1 and 2), in which a load
// balancer that only passes bytes on names the client at the start of a
// connection. Give the connections that result to a TLS listener or an
// [net/http.Server]: their RemoteAddr is the client's.
//
// Listed peers must send the header, completely and within 5 s, or the
// connection is closed without an answer. From everyone else it is not read:
// such a peer is its own client, and a header that it sends is garbage to the
// server.
//
// What the header names is what RemoteAddr says, and [Config].TrustedProxies
// go by that: behind a load balancer of this kind they are the proxies in front
// of it.
type ProxyProtocol struct {
	// Timeout bounds the header; 0 is [ProxyHeaderTimeout].
	Timeout time.Duration
	// Failed, when not nil, is told of each connection of a listed peer that was
	// closed for want of a header: the peer is not set up to send one. It is
	// called from the goroutine that uses the connection. Peers that connect and
	// leave without a byte, as health checks do, are no failures.
	Failed func(peer net.Addr, cause error)

	peers proxies
}

// NewProxyProtocol reads the PROXY protocol from these peers, given as
// addresses and prefixes as in [Config].TrustedProxies.
func NewProxyProtocol(peers []string) (*ProxyProtocol, error) {
	var faults fault.List
	p := &ProxyProtocol{peers: parseProxies("proxy_protocol", peers, &faults)}
	return p, faults.Err()
}

// Listen wraps a listener. Accept never waits for a header: whoever uses the
// connection first does.
func (p *ProxyProtocol) Listen(l net.Listener) net.Listener { return &proxyListener{l, p} }

type proxyListener struct {
	net.Listener
	p *ProxyProtocol
}

func (l *proxyListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil || !l.p.peers.include(c.RemoteAddr()) {
		return c, err
	}
	return &proxiedConn{Conn: c, p: l.p, begun: time.Now()}, nil
}

// proxiedConn is a connection that begins with a PROXY header. The header is
// read by the first call that cannot do without it.
type proxiedConn struct {
	net.Conn
	p     *ProxyProtocol
	begun time.Time

	once   sync.Once
	client net.Addr
	rest   []byte // read behind the header
	err    error

	mu       sync.Mutex // the two below
	read     bool       // the header is behind us
	deadline time.Time  // for reading, as the user of the connection wants it
}

// The error is of the form by which net/http knows that there is nobody to
// answer.
func (c *proxiedConn) header() {
	c.Conn.SetReadDeadline(c.begun.Add(c.p.timeout()))
	client, rest, err := readProxyHeader(c.Conn)
	c.client, c.rest = c.Conn.RemoteAddr(), rest
	if err != nil {
		c.err = &net.OpError{Op: "read", Net: "tcp", Addr: c.client, Err: err}
		if c.p.Failed != nil && !errors.Is(err, errNoByte) && !errors.Is(err, net.ErrClosed) {
			c.p.Failed(c.client, err)
		}
		c.Conn.Close()
	} else if client.IsValid() {
		c.client = net.TCPAddrFromAddrPort(client)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.read = true
	c.Conn.SetReadDeadline(c.deadline)
}

func (p *ProxyProtocol) timeout() time.Duration {
	if p.Timeout > 0 {
		return p.Timeout
	}
	return ProxyHeaderTimeout
}

// RemoteAddr is the client that the header names, or the peer where the header
// says that there is none or cannot be read.
func (c *proxiedConn) RemoteAddr() net.Addr {
	c.once.Do(c.header)
	return c.client
}

func (c *proxiedConn) Read(b []byte) (int, error) {
	c.once.Do(c.header)
	if c.err != nil {
		return 0, c.err
	}
	if len(c.rest) > 0 {
		n := copy(b, c.rest)
		c.rest = c.rest[n:]
		return n, nil
	}
	return c.Conn.Read(b)
}

// SetDeadline does not move the deadline of the header.
func (c *proxiedConn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

// SetReadDeadline does not move the deadline of the header.
func (c *proxiedConn) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.deadline = t
	if !c.read {
		return nil
	}
	return c.Conn.SetReadDeadline(t)
}

// CloseWrite ends our side, as net/http does to a client that still sends.
func (c *proxiedConn) CloseWrite() error {
	if w, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return w.CloseWrite()
	}
	return fmt.Errorf("%T cannot be closed for writing alone", c.Conn)
}

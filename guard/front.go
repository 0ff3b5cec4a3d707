// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"sync"
	"time"
)

// front makes accepted connections ready for net/http: it counts them, shakes hands where TLS is
// served, and taps what speaks HTTP/1. HTTP/2, which frames requests in one way, goes
// on untouched. A peer that takes its time holds nobody else up.
type front struct {
	net.Listener
	crowd    *crowd
	config   *tls.Config // nil without TLS
	patience time.Duration
	log      *slog.Logger

	ready   chan greeted
	ctx     context.Context // until it is closed
	cancel  context.CancelFunc
	workers sync.WaitGroup
}

type greeted struct {
	conn net.Conn
	err  error
}

// front takes a listener of its own, whose clients may be behind the PROXY protocol.
func (g *Guard) front(l net.Listener, config *tls.Config) net.Listener {
	f := &front{Listener: g.clients.listen(l), crowd: g.crowd, config: config, patience: g.times.header, log: g.log, ready: make(chan greeted)}
	f.ctx, f.cancel = context.WithCancel(context.Background())
	f.workers.Go(f.accept)
	return f
}

// Accept returns the next connection that is ready.
func (f *front) Accept() (net.Conn, error) {
	select {
	case g := <-f.ready:
		return g.conn, g.err
	case <-f.ctx.Done():
		return nil, net.ErrClosed
	}
}

// Close ends the listener and the connections that it has not given away.
func (f *front) Close() error {
	f.cancel()
	err := f.Listener.Close()
	f.workers.Wait()
	return err
}

func (f *front) accept() {
	for {
		c, err := f.Listener.Accept()
		if err != nil {
			if !f.give(greeted{err: err}) || errors.Is(err, net.ErrClosed) {
				return
			}
			continue // when the server, which waits after such an error, asks again
		}
		guest := f.crowd.enter(c)
		if guest == nil {
			c.Close()
			continue
		}
		f.workers.Go(func() {
			stop := context.AfterFunc(f.ctx, func() { guest.Close() })
			var ready net.Conn
			if f.crowd.settle(guest) {
				ready = f.greet(guest)
			}
			stop()
			if ready == nil || !f.give(greeted{conn: ready}) {
				guest.Close()
			}
		})
	}
}

func (f *front) give(g greeted) bool {
	select {
	case f.ready <- g:
		return true
	case <-f.ctx.Done():
		return false
	}
}

// greet returns nil for a connection that is over.
func (f *front) greet(c net.Conn) net.Conn {
	if f.config == nil {
		return &tap{Conn: c}
	}
	secure := tls.Server(c, f.config)
	c.SetDeadline(time.Now().Add(f.patience))
	if err := secure.HandshakeContext(f.ctx); err != nil {
		f.failed(c, err)
		return nil
	}
	c.SetDeadline(time.Time{})
	switch secure.ConnectionState().NegotiatedProtocol {
	case "", "http/1.1":
		return &secureTap{tap{Conn: secure}, secure}
	}
	return secure // net/http serves HTTP/2, and closes what is neither
}

// failed tells why there was no handshake, and whoever speaks plain HTTP what to do.
func (f *front) failed(c net.Conn, err error) {
	var header tls.RecordHeaderError
	if errors.As(err, &header) && header.Conn != nil && plainHTTP(header.RecordHeader) {
		io.WriteString(header.Conn, "HTTP/1.0 400 Bad Request\r\nConnection: close\r\n\r\nClient sent an HTTP request to an HTTPS server.\n")
	}
	f.log.Debug("connection", "message", "TLS handshake error from "+c.RemoteAddr().String()+": "+err.Error())
}

// plainHTTP reports whether what should begin a TLS record begins a request.
func plainHTTP(b [5]byte) bool {
	switch string(b[:]) {
	case "GET /", "HEAD ", "POST ", "PUT /", "OPTIO":
		return true
	}
	return false
}

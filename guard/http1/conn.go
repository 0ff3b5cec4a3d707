// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package http1

import (
	"context"
	"errors"
	"net"
	"os"
	"syscall"
	"time"
)

// conn is a connection to the server, used by one request at a time.
type conn struct {
	net.Conn
	client *Client
	raw    net.Conn  // below TLS
	used   bool      // by a request before
	since  time.Time // idle
	until  time.Time // its deadlines; zero when they are not those of arm

	// Of the client, under its lock:
	ctx    context.Context // of the request under way, nil without
	at     int             // in busy
	hungUp bool

	control syscall.RawConn // nil where there is none
	look    func(fd uintptr) bool
	silent  bool // as look has seen
}

func newConn(c *Client, to net.Conn) *conn {
	cn := &conn{Conn: to, client: c, raw: to}
	if tls, ok := to.(interface{ NetConn() net.Conn }); ok {
		cn.raw = tls.NetConn()
	}
	if system, ok := cn.raw.(syscall.Conn); ok {
		cn.control, _ = system.SyscallConn()
	}
	cn.look = cn.peek
	return cn
}

// Close says goodbye to nobody: TLS would wait for what is being written.
func (cn *conn) Close() error { return cn.raw.Close() }

// hangUp ends whatever is going on, from any goroutine.
func (cn *conn) hangUp() { cn.raw.Close() }

// arm gives the exchange that begins its time. A deadline costs something to set, so one
// that is at most a sixteenth too late is left where it is.
func (cn *conn) arm(patience time.Duration) {
	now := time.Now()
	if cn.until.Sub(now) >= patience {
		return
	}
	cn.until = now.Add(patience + patience/16)
	cn.SetDeadline(cn.until)
}

// await bounds the wait for an answer from now on, or for ever with 0.
func (cn *conn) await(patience time.Duration) {
	cn.until = time.Time{}
	if patience == 0 {
		cn.SetReadDeadline(time.Time{})
	} else {
		cn.SetReadDeadline(time.Now().Add(patience))
	}
}

// quiet reports whether an idle connection is as it was left: open, and nothing came. A
// server that talks unasked would have its words taken for the next answer.
func (cn *conn) quiet() bool {
	if cn.control == nil {
		return false // nobody knows
	}
	cn.silent = false
	err := cn.control.Read(cn.look)
	return err == nil && cn.silent && (cn.raw == cn.Conn || cn.emptied())
}

// emptied reports whether TLS holds nothing back that it has read already.
func (cn *conn) emptied() bool {
	cn.SetReadDeadline(time.Unix(1, 0)) // so that it does not wait for more
	defer cn.SetReadDeadline(cn.until)
	var b [1]byte
	n, err := cn.Conn.Read(b[:])
	return n == 0 && errors.Is(err, os.ErrDeadlineExceeded)
}

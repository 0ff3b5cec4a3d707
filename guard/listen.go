// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/panoply-security/panoply"
	"github.com/panoply-security/panoply/internal/fault"
)

const (
	// maxUnixPath is what the smallest of the systems that Go runs on has room for.
	maxUnixPath = 103
	// socketMode lets the guard's user and group connect: give the proxy that group.
	socketMode = 0o660
)

// checkListen holds what only a gateway must state.
func checkListen(p panoply.Policy) (faults fault.List) {
	local := true
	if n := len(p.Listen); n > maxListeners {
		faults.Addf("listen", "fewer", "%d addresses; the most is %d", n, maxListeners)
		return faults
	}
	for i, addr := range p.Listen {
		at := "listen"
		if len(p.Listen) > 1 {
			at = fmt.Sprintf("listen[%d]", i)
		}
		if slices.Contains(p.Listen[:i], addr) && !anyPort(addr) {
			faults.Add(at, "the address is there twice", "once")
		}
		if path, unix := unixPath(addr); unix {
			if !filepath.IsAbs(path) || len(path) > maxUnixPath {
				faults.Addf(at, "write unix:/run/panoply.sock", "a Unix socket has an absolute path of at most %d bytes", maxUnixPath)
			}
			if p.TrustedProxies == nil {
				faults.Add("trusted_proxies", "listening on a Unix socket, so it must be said whether the forwarding headers of who connects are believed",
					"write [unix] when that is a proxy in front, else []")
				p.TrustedProxies = []string{} // told once
			}
			continue
		}
		host, _, err := net.SplitHostPort(addr)
		if err != nil {
			faults.Addf(at, "write host:port, such as 127.0.0.1:8080", "%q is not an address", addr)
			return faults
		}
		local = local && loopback(host)
	}
	if !local && p.TrustedProxies == nil {
		faults.Add("trusted_proxies", "listening beyond loopback, so it must be said whose forwarding headers are believed",
			"write [] when clients connect directly, or the CIDRs of the proxies in front")
	}
	if !local && p.Environment == panoply.Development {
		faults.Add("environment", "development shows causes, so it must not listen beyond loopback", "listen on 127.0.0.1")
	}
	faults = append(faults, checkTLS(p)...)
	if to := p.TLS.Redirect; to != "" {
		_, _, err := net.SplitHostPort(to)
		switch {
		case err != nil:
			faults.Addf("tls.redirect", "write host:port, such as :80", "%q is not an address", to)
		case p.TLS.Cert == "" && p.TLS.ACME == nil:
			faults.Add("tls.redirect", "there is no https to send anybody to", "name cert and key")
		case slices.Contains(p.Listen, to) && !anyPort(to):
			faults.Add("tls.redirect", "the guard listens there itself", "another port, such as :80")
		}
	}
	return append(faults, checkAdmin(p)...)
}

// anyPort reports whether an address has whatever port is free.
func anyPort(addr string) bool { return strings.HasSuffix(addr, ":0") }

// unixPath is the path of a Unix socket, if the address is one.
func unixPath(addr string) (path string, unix bool) { return strings.CutPrefix(addr, "unix:") }

// listenOn listens on host:port, or on unix:/path.
func listenOn(addr string) (net.Listener, error) {
	path, unix := unixPath(addr)
	if !unix {
		return net.Listen("tcp", addr)
	}
	if err := freeSocket(path); err != nil {
		return nil, fmt.Errorf("listen unix %s: %w", path, err)
	}
	listener, err := net.Listen("unix", path)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, socketMode); err != nil {
		listener.Close()
		return nil, err
	}
	return socket{listener}, nil
}

// freeSocket removes a socket that a guard left which was killed. It touches nothing that
// is in use, and nothing that is no socket.
func freeSocket(path string) error {
	info, err := os.Lstat(path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil
	case err != nil:
		return err
	case info.Mode().Type() != os.ModeSocket:
		return errors.New("the file is there, and is no socket")
	}
	c, err := net.Dial("unix", path)
	if err == nil {
		c.Close()
		return errors.New("somebody listens there")
	}
	if !errors.Is(err, syscall.ECONNREFUSED) {
		return err
	}
	return os.Remove(path)
}

// socket is a Unix socket whose peers have no name: one that they choose could look like
// an address.
type socket struct{ net.Listener }

func (s socket) Accept() (net.Conn, error) {
	c, err := s.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return socketConn{c}, nil
}

type socketConn struct{ net.Conn }

func (socketConn) RemoteAddr() net.Addr { return &net.UnixAddr{Name: "@", Net: "unix"} }

// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"crypto/tls"
	"net"
	"strings"
	"time"

	"github.com/panoply-security/panoply"
	"github.com/panoply-security/panoply/guard/acme"
	"github.com/panoply-security/panoply/internal/fault"
)

// checkTLS holds what is said of certificates.
func checkTLS(p panoply.Policy) (faults fault.List) {
	t := p.TLS
	if (t.Cert == "") != (t.Key == "") {
		faults.Add("tls", "cert and key belong together", "name both PEM files")
	}
	if t.ACME == nil {
		return faults
	}
	if t.Cert != "" || t.Key != "" {
		faults.Add("tls.acme", "cert and key are given too", "one of the two")
	}
	if _, ok := firstTCP(p); !ok {
		faults.Add("tls.acme", "a Unix socket has no port that an authority could reach", "listen: :443")
	}
	return append(faults, acme.Check(*t.ACME, "tls.acme")...)
}

// firstTCP is the first address that is no Unix socket.
func firstTCP(p panoply.Policy) (addr string, ok bool) {
	for _, addr := range p.Listen {
		if _, unix := unixPath(addr); !unix {
			return addr, true
		}
	}
	return "", false
}

// withACME gets certificates for a listener.
func (g *Guard) withACME(l net.Listener) (*tls.Config, error) {
	at := l.Addr()
	if j, ok := l.(*joined); ok {
		at = j.tcp()
	}
	c, err := acme.New(*g.policy.TLS.ACME, acme.Options{Policy: g.policy, Listener: at, Redirect: g.policy.TLS.Redirect, Log: g.log})
	if err != nil {
		return nil, err
	}
	g.acme.Store(c)
	return &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1", acme.Protocol}, GetCertificate: c.Get}, nil
}

// tcp is the first address that is no Unix socket.
func (j *joined) tcp() net.Addr {
	for _, l := range j.all {
		if l.Addr().Network() != "unix" {
			return l.Addr()
		}
	}
	return j.Addr()
}

// serves reports whether the guard has a certificate for a host.
func (g *Guard) serves(host string) bool {
	if c := g.acme.Load(); c != nil {
		return c.Known(host)
	}
	cert := g.cert.Load()
	return cert != nil && cert.Leaf.VerifyHostname(host) == nil
}

// expiries are when the certificates run out, by their first name.
func (g *Guard) expiries() map[string]time.Time {
	if c := g.acme.Load(); c != nil {
		return c.Stats().Expires
	}
	cert := g.cert.Load()
	if cert == nil || cert.Leaf == nil {
		return nil
	}
	name := cert.Leaf.Subject.CommonName
	if len(cert.Leaf.DNSNames) > 0 {
		name = cert.Leaf.DNSNames[0]
	}
	return map[string]time.Time{strings.ToValidUTF8(name, "?"): cert.Leaf.NotAfter}
}

// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

// Package clientip says who is asking: the address that a request is counted,
// limited and logged under.
//
// # Threat
//
// X-Forwarded-For, Forwarded and X-Real-IP are written by whoever sends the
// request. A server that believes them from everyone lets each client choose
// its own address: a brute-force attack gets a fresh limit per request, and the
// log names an innocent. A server that believes none of them behind a proxy
// sees one client, the proxy.
//
// # What it does
//
// Nobody is trusted by default: the client is the TCP peer. Only when the peer
// is one of [Config].TrustedProxies is one header read, the configured one,
// its repeated lines joined in order. The hops are walked from right to left,
// from the proxy nearest to us outwards, and the first that is not itself a
// trusted proxy is the client. A hop that is no address (garbage, `unknown`, an
// obfuscated name) ends the walk: it is never skipped, and the client is then
// the last address that a trusted proxy vouched for.
//
// Addresses are netip values: IPv4 written as IPv6 (::ffff:192.0.2.1) is IPv4,
// and ports, brackets and zones are gone. [Prefix] makes of an address the key
// under which one client is counted.
//
// [ProxyProtocol] does the same for load balancers that write no header, and
// [Resolver.Mistake] tells when what arrives does not fit the configuration.
//
// # What it does not do
//
// It cannot tell a proxy that appends to the header from one that passes the
// client's own header on: trust only proxies that append to it or replace it.
//
// # Bounds
//
// At most 32 hops are walked. A request of an untrusted peer costs one parse of
// its RemoteAddr and no allocation, whatever headers it carries. A PROXY header
// has at most 107 bytes in version 1 and 4 KiB in version 2, and 5 s.
package clientip

import (
	"net/http"
	"net/netip"
	"strings"

	"github.com/panoply-security/panoply/internal/fault"
)

const maxHops = 32

// Config names the proxies that may say who the client is. The zero value
// trusts nobody.
type Config struct {
	// TrustedProxies are the addresses and CIDR prefixes of the proxies in
	// front, such as 10.0.0.0/8 or 192.0.2.7; `unix` stands for the other side
	// of a Unix socket. Prefixes shorter than /8, or /7 for IPv6, are refused:
	// they would let strangers choose their address.
	TrustedProxies []string `yaml:"trusted_proxies"`
	// Header is the one header in which those proxies name the client:
	// X-Forwarded-For (the default), Forwarded (RFC 7239) or X-Real-IP. The
	// other two are never read.
	Header string `yaml:"forwarded_header"`
}

// WithDefaults returns the configuration with its defaults written out.
func (c Config) WithDefaults() Config {
	if c.Header == "" {
		c.Header = "X-Forwarded-For"
	}
	return c
}

// Resolver finds the client of a request. It is safe for concurrent use.
type Resolver struct {
	trusted proxies
	header  string // canonical
}

// New checks the configuration.
func New(cfg Config) (*Resolver, error) {
	cfg = cfg.WithDefaults()
	t := &Resolver{header: http.CanonicalHeaderKey(cfg.Header)}
	var faults fault.List
	switch t.header {
	case "X-Forwarded-For", "Forwarded", "X-Real-Ip":
	default:
		faults.Addf("forwarded_header", "X-Forwarded-For, Forwarded or X-Real-IP", "%q is not a header that names clients", cfg.Header)
	}
	t.trusted = parseProxies("trusted_proxies", cfg.TrustedProxies, &faults)
	if err := faults.Err(); err != nil {
		return nil, err
	}
	return t, nil
}

// From returns the address of the client. It is valid whenever r.RemoteAddr
// is an address; only requests that net/http did not get over TCP, such as
// those over a Unix socket, may have none.
func (t *Resolver) From(r *http.Request) netip.Addr {
	peer, trusted := t.peer(r)
	if !trusted {
		return peer
	}
	client, _ := t.walk(r.Header, peer)
	return client
}

// Trusted reports whether the peer that sent the request is a trusted proxy.
func (t *Resolver) Trusted(r *http.Request) bool {
	_, trusted := t.peer(r)
	return trusted
}

// TLS reports whether the client's connection is encrypted: ours is, or a
// trusted proxy says that the client's was. It says so in the proto parameter
// where the header is Forwarded, else in X-Forwarded-Proto, which must then
// have exactly one value.
func (t *Resolver) TLS(r *http.Request) bool {
	if r.TLS != nil {
		return true
	}
	peer, trusted := t.peer(r)
	if !trusted {
		return false
	}
	if t.header == "Forwarded" {
		_, proto := t.walk(r.Header, peer)
		return strings.EqualFold(proto, "https")
	}
	proto := r.Header["X-Forwarded-Proto"]
	return len(proto) == 1 && strings.EqualFold(proto[0], "https")
}

func (t *Resolver) peer(r *http.Request) (addr netip.Addr, trusted bool) {
	addr, ok := parse(r.RemoteAddr)
	if !ok {
		// net/http gives the peer's path, usually empty or "@", for Unix sockets.
		return addr, t.trusted.unix && (r.RemoteAddr == "" || r.RemoteAddr[0] == '@' || r.RemoteAddr[0] == '/')
	}
	return addr, t.trusted.trusts(addr)
}

// walk follows the hops that trusted proxies name, from right to left. It
// returns the client and the proto of the hop at which it was found.
func (t *Resolver) walk(h http.Header, peer netip.Addr) (client netip.Addr, proto string) {
	client = peer
	lines := h[t.header]
	if t.header == "X-Real-Ip" {
		if len(lines) == 1 {
			if addr, ok := parse(lines[0]); ok {
				return addr, ""
			}
		}
		return client, ""
	}
	hops := 0
	for i := len(lines) - 1; i >= 0; i-- {
		for rest, more := lines[i], true; more; hops++ {
			if hops == maxHops {
				return client, proto
			}
			var element string
			rest, element, more = lastElement(rest)
			name := element
			if t.header == "Forwarded" {
				name, proto = forwarded(element)
			}
			addr, ok := parse(name)
			if !ok {
				return client, proto
			}
			client = addr
			if !t.trusted.trusts(addr) {
				return client, proto
			}
		}
	}
	return client, proto
}

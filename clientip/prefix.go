// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package clientip

import (
	"net/http"
	"net/netip"
	"strings"
)

var (
	nat64      = netip.MustParsePrefix("64:ff9b::/96") // RFC 6052
	compatible = netip.MustParsePrefix("::/96")        // RFC 4291 2.5.5.1, deprecated
)

// DefaultIPv6Bits is the prefix that one client is taken to own: providers give
// customers a /56 or so, within which they change addresses at will.
const DefaultIPv6Bits = 56

// Prefix returns the address under which a client is counted: IPv4 whole, IPv6
// cut to v6bits (0 is [DefaultIPv6Bits]), so that a client with 2^72 addresses
// has one key. IPv4 in whatever IPv6 spelling, the NAT64 prefix 64:ff9b::/96
// included, is that IPv4 address: the clients behind a NAT64 do not share one
// key, and no client has two.
func Prefix(addr netip.Addr, v6bits int) netip.Addr {
	addr = addr.Unmap()
	if !addr.Is6() {
		return addr
	}
	addr = addr.WithZone("")
	if nat64.Contains(addr) || compatible.Contains(addr) && !addr.IsUnspecified() && !addr.IsLoopback() {
		b := addr.As16()
		return netip.AddrFrom4([4]byte(b[12:]))
	}
	if v6bits <= 0 || v6bits > 128 {
		v6bits = DefaultIPv6Bits
	}
	p, _ := addr.Prefix(v6bits) // fails only on bits out of range
	return p.Addr()
}

// StripUntrusted removes the headers that only a trusted proxy may send: the
// names that begin with X-Forwarded, Forwarded and Forwarded-For, and the
// X-Real-IP family. Underscores count as dashes, because Node, CGI and WSGI
// apps read X_Forwarded_For as X-Forwarded-For. Call it for every request whose
// peer is not [Resolver.Trusted], before an app sees the request.
func StripUntrusted(h http.Header) {
	for name := range h {
		if claimsClient(name) {
			delete(h, name)
		}
	}
}

// StripUnread removes of the same headers those that a trusted proxy may have
// passed on as the client wrote them: all but X-Forwarded-… spelled like this.
// Call it for requests of trusted proxies, and then name the client anew.
func StripUnread(h http.Header) {
	for name := range h {
		if claimsClient(name) && (!strings.HasPrefix(name, "X-Forwarded-") || strings.Contains(name, "_")) {
			delete(h, name)
		}
	}
}

// Underscored reports whether a header is one of them spelled with an underscore, which
// no proxy writes: to what stands behind CGI it is the one with dashes.
func Underscored(name string) bool { return strings.IndexByte(name, '_') >= 0 && claimsClient(name) }

// The names that apps take for the client's address, lower case.
var claims = []string{
	"forwarded", "forwarded-for", "x-real-ip", "x-client-ip", "x-cluster-client-ip",
	"true-client-ip", "cf-connecting-ip", "fastly-client-ip",
}

func claimsClient(name string) bool {
	const family = "x-forwarded"
	if len(name) >= len(family) && spelledLike(name[:len(family)], family) {
		return true
	}
	for _, c := range claims {
		if len(name) == len(c) && spelledLike(name, c) {
			return true
		}
	}
	return false
}

// spelledLike reports whether s, of the same length, is lower in any case and
// with underscores for dashes.
func spelledLike(s, lower string) bool {
	for i := range len(s) {
		c := s[i]
		switch {
		case 'A' <= c && c <= 'Z':
			c += 'a' - 'A'
		case c == '_':
			c = '-'
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}

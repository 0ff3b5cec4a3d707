// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package clientip

import (
	"net/http"
	"net/netip"
)

// Mistake is a way in which a request or connection shows that the configuration does not fit
// what stands in front. Its text is a name for logs and metrics.
type Mistake string

// The mistakes. Another classic one, to trust everyone, is a fault of the
// configuration: [New] refuses it.
const (
	NoMistake Mistake = ""
	// UntrustedProxy is a forwarding header from a private address that is not
	// a trusted proxy. It is a proxy nobody declared, and all its clients look
	// like one: they share one limit, and the log names the proxy. (From a
	// public address it is a client that lies, which is no mistake of ours.)
	UntrustedProxy Mistake = "untrusted-proxy"
	// UnreadHeader is a trusted proxy that names the client in another header
	// than the configured one, so that all its clients look like one.
	UnreadHeader Mistake = "unread-header"
	// NoProxyHeader is a peer whose connection [ProxyProtocol] closed for want
	// of a header. It is never what [Resolver.Mistake] returns.
	NoProxyHeader Mistake = "no-proxy-header"
)

// Mistakes are all of them, so that whoever counts has a fixed set.
func Mistakes() []Mistake { return []Mistake{UntrustedProxy, UnreadHeader, NoProxyHeader} }

// Advice says what the mistake means and what to write instead.
func (m Mistake) Advice() string {
	switch m {
	case UntrustedProxy:
		return "a private peer that is not trusted sends forwarding headers: its clients all count as one; if it is your proxy, name it in trusted_proxies"
	case UnreadHeader:
		return "a trusted proxy names the client in another header than forwarded_header says: its clients all count as one"
	case NoProxyHeader:
		return "a peer of proxy_protocol sends no PROXY header, so its connections are closed: have it send one, or take it off the list"
	}
	return ""
}

var forwardingHeaders = []string{"X-Forwarded-For", "Forwarded", "X-Real-Ip"}

// sharedSpace is what providers and clouds use between themselves and their
// customers (RFC 6598): private in all but name.
var sharedSpace = netip.MustParsePrefix("100.64.0.0/10")

// Mistake looks at what the request says of the configuration. For a client
// with an address it allocates nothing, and with a public one it costs a parse.
func (t *Resolver) Mistake(r *http.Request) Mistake {
	peer, trusted := t.peer(r)
	if trusted {
		if len(r.Header[t.header]) == 0 && forwarding(r.Header) {
			return UnreadHeader
		}
		return NoMistake
	}
	near := !peer.IsValid() || peer.IsPrivate() || peer.IsLoopback() || peer.IsLinkLocalUnicast() || sharedSpace.Contains(peer)
	if near && forwarding(r.Header) {
		return UntrustedProxy
	}
	return NoMistake
}

func forwarding(h http.Header) bool {
	for _, name := range forwardingHeaders {
		if len(h[name]) > 0 {
			return true
		}
	}
	return false
}

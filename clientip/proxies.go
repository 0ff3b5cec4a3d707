// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package clientip

import (
	"fmt"
	"net"
	"net/netip"
	"strings"

	"github.com/panoply-security/panoply/internal/fault"
)

// The widest networks that are somebody's own: 10.0.0.0/8 and fc00::/7. What is
// wider trusts strangers, and a few such prefixes trust everyone.
const (
	widestV4 = 8
	widestV6 = 7
)

// proxies are peers that are believed.
type proxies struct {
	nets []netip.Prefix
	unix bool // and the other side of a Unix socket
}

// include reports whether a peer is listed.
func (p *proxies) include(peer net.Addr) bool {
	if peer == nil {
		return false
	}
	if peer.Network() == "unix" {
		return p.unix
	}
	addr, ok := parse(peer.String())
	return ok && p.trusts(addr)
}

func (p *proxies) trusts(addr netip.Addr) bool {
	for _, n := range p.nets {
		if n.Contains(addr) {
			return true
		}
	}
	return false
}

// parseProxies reads a list of addresses and prefixes; key is its name in the
// policy file.
func parseProxies(key string, list []string, faults *fault.List) (out proxies) {
	for i, s := range list {
		at := fmt.Sprintf("%s[%d]", key, i)
		if s == "unix" {
			out.unix = true
			continue
		}
		p, err := parsePrefix(s)
		switch {
		case err != nil:
			faults.Addf(at, "an address like 192.0.2.7, a prefix like 10.0.0.0/8, or unix", "%q is not an address or prefix", s)
		case p.Bits() == 0:
			faults.Addf(at, "list the addresses of your own proxies", "%q trusts everyone, so that every client could choose its address", s)
		case p.Addr().Is4() && p.Bits() < widestV4 || p.Addr().Is6() && p.Bits() < widestV6:
			faults.Addf(at, "list the addresses of your own proxies", "%q is wider than any network of one's own, so that strangers could choose their address", s)
		case p != p.Masked():
			faults.Addf(at, fmt.Sprintf("%s for the network, %s for the one host", p.Masked(), p.Addr()), "%q is neither a network nor a host", s)
		default:
			out.nets = append(out.nets, p)
		}
	}
	return out
}

// parsePrefix reads an address or a prefix; IPv4 written as IPv6 becomes IPv4.
func parsePrefix(s string) (netip.Prefix, error) {
	if !strings.Contains(s, "/") {
		a, err := netip.ParseAddr(s)
		if err != nil || a.Zone() != "" {
			return netip.Prefix{}, fmt.Errorf("not an address")
		}
		a = a.Unmap()
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	p, err := netip.ParsePrefix(s)
	if err == nil && p.Addr().Is4In6() {
		if p.Bits() < 96 {
			return netip.Prefix{}, fmt.Errorf("wider than all of IPv4")
		}
		p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
	}
	return p, err
}

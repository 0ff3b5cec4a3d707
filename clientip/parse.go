// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package clientip

import (
	"net/netip"
	"strings"
)

// parse reads one hop: an address, with a port, brackets or a zone or without.
// Those, and the IPv6 spelling of IPv4, are taken off.
func parse(s string) (netip.Addr, bool) {
	if len(s) == 0 || len(s) > 64 {
		return netip.Addr{}, false
	}
	host, port, hasPort := s, "", false
	bracketed := s[0] == '['
	if bracketed {
		end := strings.IndexByte(s, ']')
		if end < 0 {
			return netip.Addr{}, false
		}
		host = s[1:end]
		if after := s[end+1:]; after != "" {
			if after[0] != ':' {
				return netip.Addr{}, false
			}
			port, hasPort = after[1:], true
		}
	} else if i := strings.IndexByte(s, ':'); i >= 0 && i == strings.LastIndexByte(s, ':') {
		host, port, hasPort = s[:i], s[i+1:], true // one colon: IPv4 and a port
	}
	if hasPort && !validPort(port) {
		return netip.Addr{}, false
	}
	host, zone, hasZone := strings.Cut(host, "%")
	if hasZone && zone == "" {
		return netip.Addr{}, false
	}
	addr, err := netip.ParseAddr(host)
	if err != nil || addr.Is4() && (bracketed || hasZone) {
		return netip.Addr{}, false
	}
	return addr.Unmap(), true
}

// validPort accepts a port number or the `_name` that RFC 7239 allows for one.
func validPort(s string) bool {
	if s == "" || s[0] == '_' {
		return s != ""
	}
	if len(s) > 5 {
		return false
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// lastElement cuts the last element off a comma-separated list. Quoted strings
// are read from the right too, so that a quote which the client opened and
// never closed cannot swallow what our proxies appended behind it.
func lastElement(list string) (rest, last string, more bool) {
	quoted := false
	for i := len(list) - 1; i >= 0; i-- {
		switch {
		case list[i] == '"':
			quoted = !quoted
		case list[i] == ',' && !quoted:
			return list[:i], strings.Trim(list[i+1:], " \t"), true
		}
	}
	return "", strings.Trim(list, " \t"), false
}

// forwarded reads the node and the protocol of one RFC 7239 element. What
// cannot be read in exactly one way has neither.
func forwarded(element string) (node, proto string) {
	seenFor, seenProto := false, false
	for more := true; more; {
		var pair string
		pair, element, more = cutUnquoted(element)
		name, value, ok := strings.Cut(strings.Trim(pair, " \t"), "=")
		if !ok {
			return "", ""
		}
		value, ok = unquote(value)
		if !ok {
			return "", ""
		}
		switch {
		case strings.EqualFold(name, "for"):
			if seenFor {
				return "", ""
			}
			node, seenFor = value, true
		case strings.EqualFold(name, "proto"):
			if seenProto {
				return "", ""
			}
			proto, seenProto = value, true
		}
	}
	return node, proto
}

// cutUnquoted cuts s at the first semicolon outside quotes.
func cutUnquoted(s string) (before, after string, found bool) {
	quoted := false
	for i := range len(s) {
		switch {
		case s[i] == '"':
			quoted = !quoted
		case s[i] == ';' && !quoted:
			return s[:i], s[i+1:], true
		}
	}
	return s, "", false
}

// unquote takes the quotes off. No address or protocol needs an escape, so a
// value with one is not read.
func unquote(s string) (string, bool) {
	if len(s) >= 2 && s[0] == '"' && s[len(s)-1] == '"' {
		s = s[1 : len(s)-1]
	}
	return s, s != "" && !strings.ContainsAny(s, `"\`)
}

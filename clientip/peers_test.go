// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package clientip

import (
	"fmt"
	"net"
	"net/netip"
	"regexp"
	"strings"
	"testing"
)

// What is known to go wrong elsewhere, a row for each.
func TestTrapsOfOthers(t *testing.T) {
	for _, tt := range []struct {
		name, header string
		trusted      []string
		peer         string
		lines        []string
		want         string
	}{
		{"express-hop-count-believes-a-peer-that-is-no-proxy", "", []string{"10.0.0.1"}, "203.0.113.9:1", []string{"X-Forwarded-For: 198.51.100.1"}, "203.0.113.9"},
		{"express-takes-garbage-for-the-address", "", []string{"10.0.0.1"}, "10.0.0.1:1", []string{"X-Forwarded-For: unknown"}, "10.0.0.1"},
		{"express-keeps-the-port-in-the-key", "", []string{"10.0.0.1"}, "10.0.0.1:1", []string{"X-Forwarded-For: 198.51.100.1:5678"}, "198.51.100.1"},
		{"express-true-takes-the-left-most", "", []string{"10.0.0.1"}, "10.0.0.1:1", []string{"X-Forwarded-For: 1.1.1.1, 198.51.100.1"}, "198.51.100.1"},
		{"caddy-takes-the-left-most", "", []string{"10.0.0.0/8"}, "10.0.0.1:1", []string{"X-Forwarded-For: 1.1.1.1, 198.51.100.1, 10.0.0.2"}, "198.51.100.1"},
		{"caddy-skips-what-does-not-parse", "", []string{"10.0.0.0/8"}, "10.0.0.1:1", []string{"X-Forwarded-For: 198.51.100.1, bogus, 10.0.0.2"}, "10.0.0.2"},
		{"traefik-depth-beyond-the-list-has-no-key", "", []string{"10.0.0.0/8"}, "10.0.0.1:1", []string{"X-Forwarded-For: 10.0.0.2"}, "10.0.0.2"},
		{"traefik-pool-takes-garbage-for-the-key", "", []string{"10.0.0.0/8"}, "10.0.0.1:1", []string{"X-Forwarded-For: bogus, 10.0.0.2"}, "10.0.0.2"},
		{"oauth2-proxy-reads-the-first-line-alone", "", []string{"10.0.0.0/8"}, "10.0.0.1:1", []string{"X-Forwarded-For: 1.1.1.1", "X-Forwarded-For: 198.51.100.1"}, "198.51.100.1"},
		{"nginx-takes-the-last-though-it-is-a-proxy", "", []string{"10.0.0.0/8"}, "10.0.0.1:1", []string{"X-Forwarded-For: 198.51.100.1, 10.0.0.2"}, "198.51.100.1"},
		{"chi-does-not-look-at-the-peer", "", []string{"10.0.0.0/8"}, "203.0.113.9:1", []string{"X-Forwarded-For: 198.51.100.1, 10.0.0.2"}, "203.0.113.9"},
		{"whichever-header-is-there", "Forwarded", []string{"10.0.0.0/8"}, "10.0.0.1:1", []string{"X-Forwarded-For: 1.1.1.1", "X-Real-IP: 1.1.1.1"}, "10.0.0.1"},
		{"mapped-notation-dodges-a-limit", "", []string{"10.0.0.0/8"}, "10.0.0.1:1", []string{"X-Forwarded-For: ::ffff:c633:6401"}, "198.51.100.1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := resolver(t, tt.header, tt.trusted...).From(request(tt.peer, tt.lines...)); got.String() != tt.want {
				t.Errorf("got %v; want %v", got, tt.want)
			}
		})
	}
}

var (
	slowV4 = regexp.MustCompile(`^([0-9.]+)(?::([0-9]{1,5}|_.*))?$`)
	slowV6 = regexp.MustCompile(`^(?:\[([0-9a-fA-F:.]+)(?:%[^\]]+)?\](?::([0-9]{1,5}|_.*))?|([0-9a-fA-F:.]+)(?:%.+)?)$`)
)

// slowHop reads one hop by regular expressions and package net.
func slowHop(s string) net.IP {
	if len(s) > 64 {
		return nil
	}
	if m := slowV4.FindStringSubmatch(s); m != nil {
		return net.ParseIP(m[1]).To4()
	}
	if m := slowV6.FindStringSubmatch(s); m != nil && strings.Contains(m[1]+m[3], ":") {
		return net.ParseIP(m[1] + m[3])
	}
	return nil
}

// slowWalk is the walk over X-Forwarded-For as one would explain it: write all
// hops down, the peer last, and cross out proxies from the end.
func slowWalk(trusted *net.IPNet, peer net.IP, lines []string) net.IP {
	var hops []net.IP
	for _, hop := range strings.Split(strings.Join(lines, ","), ",") {
		hops = append(hops, slowHop(strings.Trim(hop, " \t")))
	}
	hops = hops[max(0, len(hops)-maxHops):]
	client := peer
	for len(hops) > 0 && trusted.Contains(client) {
		last := hops[len(hops)-1]
		if last == nil {
			break
		}
		client, hops = last, hops[:len(hops)-1]
	}
	return client
}

func FuzzWalk(f *testing.F) {
	f.Add("1.1.1.1, 198.51.100.1", "10.2.2.2,10.3.3.3:80")
	f.Add("[2001:db8::1%eth0]:_x, ::ffff:10.0.0.1", " 10.1.1.1\t")
	f.Add("::ffff:10.0.0.1%0, 010.0.0.1", "")
	f.Add(strings.Repeat("10.0.0.1,", 40), "1.1.1.1,,10.0.0.9")
	f.Add("1.1.1.1 , [::]", "[10.0.0.1], 10.0.0.1:")
	res := resolver(f, "", "10.0.0.0/8")
	_, trusted, _ := net.ParseCIDR("10.0.0.0/8")
	f.Fuzz(func(t *testing.T, first, second string) {
		if strings.ContainsRune(first+second, '"') {
			return // X-Forwarded-For has no quoted strings; the walk reads them as Forwarded has them
		}
		r := request("10.0.0.1:80")
		r.Header["X-Forwarded-For"] = []string{first, second}
		got := res.From(r)
		want, _ := netip.AddrFromSlice(slowWalk(trusted, net.ParseIP("10.0.0.1"), []string{first, second}))
		if got != want.Unmap() {
			t.Errorf("%q: got %v; want %v", fmt.Sprint([]string{first, second}), got, want.Unmap())
		}
	})
}

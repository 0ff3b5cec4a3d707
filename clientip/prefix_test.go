// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package clientip

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"testing"
)

func TestPrefix(t *testing.T) {
	for _, tt := range []struct {
		name, addr string
		bits       int
		want       string
	}{
		{"v4-is-whole", "198.51.100.1", 0, "198.51.100.1"},
		{"v4-in-v6", "::ffff:198.51.100.1", 0, "198.51.100.1"},
		{"nat64", "64:ff9b::198.51.100.1", 0, "198.51.100.1"},
		{"v4-compatible", "::198.51.100.1", 0, "198.51.100.1"},
		{"loopback", "::1", 0, "::"},
		{"default-is-56", "2001:db8:1:2345::1", 0, "2001:db8:1:2300::"},
		{"wanted-bits", "2001:db8:1:2345::1", 64, "2001:db8:1:2345::"},
		{"zone", "fe80::1%eth0", 0, "fe80::"},
		{"bits-out-of-range", "2001:db8:1:2345::1", 129, "2001:db8:1:2300::"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := Prefix(netip.MustParseAddr(tt.addr), tt.bits); got.String() != tt.want {
				t.Errorf("got %v; want %v", got, tt.want)
			}
		})
	}
	if got := Prefix(netip.Addr{}, 0); got.IsValid() {
		t.Errorf("no address: got %v", got)
	}
}

func TestStripUntrusted(t *testing.T) {
	h := http.Header{}
	gone := []string{
		"X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Forwarded-Anything", "X-Forwarded", "Forwarded", "X-Real-Ip",
		"X_forwarded_for", "X-Forwarded_host", "x-FORWARDED-for", "X_real_ip", "X-Real_IP", "Forwarded_For", "True-Client-Ip", "X-Client-Ip", "Cf_connecting-ip",
	}
	stay := []string{"X-Forward", "Forwarding", "X-Real-Ips", "X-Request-Id", "Host", "Cookie", "Via", "X", ""}
	for _, name := range slices.Concat(gone, stay) {
		h[name] = []string{"1.1.1.1"}
	}
	StripUntrusted(h)
	for _, name := range gone {
		if _, ok := h[name]; ok {
			t.Errorf("%q is still there", name)
		}
	}
	for _, name := range stay {
		if _, ok := h[name]; !ok {
			t.Errorf("%q is gone", name)
		}
	}
}

// What the standard library keeps of a name with underscores is what
// StripUntrusted must recognise.
func TestNetHTTPKeepsUnderscores(t *testing.T) {
	h := http.Header{}
	h.Add("x_forwarded_for", "1.1.1.1")
	for name := range h {
		if !strings.Contains(name, "_") {
			t.Errorf("net/http now spells it %q", name)
		}
	}
	if StripUntrusted(h); len(h) != 0 {
		t.Errorf("%v is still there", h)
	}
}

func BenchmarkStripUntrusted(b *testing.B) {
	h := http.Header{}
	for _, name := range []string{"Accept", "Accept-Encoding", "Accept-Language", "Authorization", "Content-Type", "Cookie", "Origin", "Referer", "User-Agent", "X-Request-Id"} {
		h.Set(name, "x")
	}
	b.ReportAllocs()
	for b.Loop() {
		StripUntrusted(h)
	}
}

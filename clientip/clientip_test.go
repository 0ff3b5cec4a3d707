// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package clientip

import (
	"crypto/tls"
	"net/http"
	"net/netip"
	"strings"
	"testing"
)

// request makes one from a peer with headers given as "Name: value".
func request(peer string, lines ...string) *http.Request {
	r := &http.Request{RemoteAddr: peer, Header: http.Header{}}
	for _, l := range lines {
		name, value, _ := strings.Cut(l, ": ")
		r.Header.Add(name, value)
	}
	return r
}

func resolver(t testing.TB, header string, trusted ...string) *Resolver {
	t.Helper()
	res, err := New(Config{TrustedProxies: trusted, Header: header})
	if err != nil {
		t.Fatal(err)
	}
	return res
}

func TestXForwardedFor(t *testing.T) {
	proxies := []string{"10.0.0.0/8", "2001:db8:ffff::/48", "192.0.2.7", "unix"}
	tests := []struct {
		name, peer string
		lines      []string
		want       string
	}{
		{"no-header", "10.0.0.1:80", nil, "10.0.0.1"},
		{"untrusted-peer-is-the-client", "203.0.113.9:4711", []string{"X-Forwarded-For: 198.51.100.1"}, "203.0.113.9"},
		{"untrusted-neighbour", "192.0.2.8:1", []string{"X-Forwarded-For: 198.51.100.1"}, "192.0.2.8"},
		{"one-proxy", "10.0.0.1:80", []string{"X-Forwarded-For: 198.51.100.1"}, "198.51.100.1"},
		{"single-trusted-address", "192.0.2.7:80", []string{"X-Forwarded-For: 198.51.100.1"}, "198.51.100.1"},
		{"spoofed-left-part", "10.0.0.1:80", []string{"X-Forwarded-For: 1.1.1.1, 198.51.100.1"}, "198.51.100.1"},
		{"chain-of-proxies", "10.0.0.1:80", []string{"X-Forwarded-For: 1.1.1.1, 198.51.100.1, 10.1.1.1 ,\t10.2.2.2"}, "198.51.100.1"},
		{"repeated-lines-are-one-list", "10.0.0.1:80", []string{"X-Forwarded-For: 1.1.1.1", "X-Forwarded-For: 198.51.100.1, 10.2.2.2", "X-Forwarded-For: 10.3.3.3"}, "198.51.100.1"},
		{"all-trusted", "10.0.0.1:80", []string{"X-Forwarded-For: 10.9.9.9, 10.2.2.2"}, "10.9.9.9"},
		{"garbage-ends-the-walk", "10.0.0.1:80", []string{"X-Forwarded-For: 198.51.100.1, garbage"}, "10.0.0.1"},
		{"garbage-behind-a-proxy", "10.0.0.1:80", []string{"X-Forwarded-For: 198.51.100.1, unknown, 10.2.2.2"}, "10.2.2.2"},
		{"empty-element-ends-the-walk", "10.0.0.1:80", []string{"X-Forwarded-For: 198.51.100.1,, 10.2.2.2"}, "10.2.2.2"},
		{"empty-header", "10.0.0.1:80", []string{"X-Forwarded-For: "}, "10.0.0.1"},
		{"port", "10.0.0.1:80", []string{"X-Forwarded-For: 198.51.100.1:5678"}, "198.51.100.1"},
		{"bad-port", "10.0.0.1:80", []string{"X-Forwarded-For: 198.51.100.1:56a"}, "10.0.0.1"},
		{"v6", "10.0.0.1:80", []string{"X-Forwarded-For: 2001:db8::1"}, "2001:db8::1"},
		{"v6-brackets", "10.0.0.1:80", []string{"X-Forwarded-For: [2001:db8::1]"}, "2001:db8::1"},
		{"v6-brackets-and-port", "10.0.0.1:80", []string{"X-Forwarded-For: [2001:db8::1]:443"}, "2001:db8::1"},
		{"v6-open-bracket", "10.0.0.1:80", []string{"X-Forwarded-For: [2001:db8::1"}, "10.0.0.1"},
		{"v6-text-after-bracket", "10.0.0.1:80", []string{"X-Forwarded-For: [2001:db8::1]443"}, "10.0.0.1"},
		{"v4-in-brackets", "10.0.0.1:80", []string{"X-Forwarded-For: [198.51.100.1]"}, "10.0.0.1"},
		{"v6-zone", "10.0.0.1:80", []string{"X-Forwarded-For: fe80::1%eth0"}, "fe80::1"},
		{"v4-zone", "10.0.0.1:80", []string{"X-Forwarded-For: 198.51.100.1%eth0"}, "10.0.0.1"},
		{"v4-in-v6", "10.0.0.1:80", []string{"X-Forwarded-For: ::ffff:198.51.100.1"}, "198.51.100.1"},
		{"v4-in-v6-hop-is-trusted-as-v4", "10.0.0.1:80", []string{"X-Forwarded-For: 198.51.100.1, ::ffff:10.2.2.2"}, "198.51.100.1"},
		{"v4-in-v6-peer-is-trusted-as-v4", "[::ffff:10.0.0.1]:80", []string{"X-Forwarded-For: 198.51.100.1"}, "198.51.100.1"},
		{"leading-zeros-are-octal-to-some", "10.0.0.1:80", []string{"X-Forwarded-For: 010.1.1.1"}, "10.0.0.1"},
		{"v6-peer", "[2001:db8:ffff::1]:80", []string{"X-Forwarded-For: 198.51.100.1"}, "198.51.100.1"},
		{"v6-peer-with-zone", "[fe80::1%eth0]:80", []string{"X-Forwarded-For: 198.51.100.1"}, "fe80::1"},
		{"peer-without-port", "10.0.0.1", []string{"X-Forwarded-For: 198.51.100.1"}, "198.51.100.1"},
		{"unix-peer", "@", []string{"X-Forwarded-For: 198.51.100.1"}, "198.51.100.1"},
		{"other-headers-are-not-read", "10.0.0.1:80", []string{"Forwarded: for=1.1.1.1", "X-Real-IP: 1.1.1.1", "X_Forwarded_For: 1.1.1.1"}, "10.0.0.1"},
		{"32-hops-at-most", "10.0.0.1:80", []string{"X-Forwarded-For: 198.51.100.1" + strings.Repeat(", 10.7.7.7", 31) + ", 10.8.8.8"}, "10.7.7.7"},
		{"the-32nd-hop-counts", "10.0.0.1:80", []string{"X-Forwarded-For: 198.51.100.1" + strings.Repeat(", 10.7.7.7", 31)}, "198.51.100.1"},
	}
	res := resolver(t, "", proxies...)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := res.From(request(tt.peer, tt.lines...)); got.String() != tt.want {
				t.Errorf("got %v; want %v", got, tt.want)
			}
		})
	}
}

func TestForwarded(t *testing.T) {
	tests := []struct {
		name  string
		lines []string
		want  string
		tls   bool
	}{
		{"plain", []string{"Forwarded: for=198.51.100.1"}, "198.51.100.1", false},
		{"all-parameters", []string{`Forwarded: by=10.0.0.1;FOR="198.51.100.1:47";host="a,b;c";proto=https`}, "198.51.100.1", true},
		{"v6", []string{`Forwarded: for="[2001:db8::1]:443";proto=HTTPS`}, "2001:db8::1", true},
		{"spaces", []string{"Forwarded: for=1.1.1.1 , for=198.51.100.1 ; proto=http"}, "198.51.100.1", false},
		{"proto-of-the-hop-where-the-client-is", []string{"Forwarded: for=1.1.1.1;proto=http, for=198.51.100.1;proto=https, for=10.2.2.2;proto=http"}, "198.51.100.1", true},
		{"client-cannot-claim-proto", []string{"Forwarded: for=1.1.1.1;proto=https, for=198.51.100.1;proto=http"}, "198.51.100.1", false},
		{"unknown", []string{"Forwarded: for=1.1.1.1, for=unknown, for=10.2.2.2"}, "10.2.2.2", false},
		{"obfuscated", []string{"Forwarded: for=1.1.1.1, for=_hidden;proto=https"}, "10.0.0.1", true},
		{"obfuscated-port", []string{`Forwarded: for="198.51.100.1:_p"`}, "198.51.100.1", false},
		{"no-for", []string{"Forwarded: for=1.1.1.1, proto=https"}, "10.0.0.1", true},
		{"two-for", []string{"Forwarded: for=1.1.1.1;for=198.51.100.1;proto=https"}, "10.0.0.1", false},
		{"two-proto", []string{"Forwarded: for=198.51.100.1;proto=https;proto=http"}, "10.0.0.1", false},
		{"no-value", []string{"Forwarded: for"}, "10.0.0.1", false},
		{"empty-value", []string{`Forwarded: for=""`}, "10.0.0.1", false},
		{"escape", []string{`Forwarded: for="198.51.100.\1"`}, "10.0.0.1", false},
		{"quote-opened-by-the-client", []string{`Forwarded: for="1.1.1.1, for="198.51.100.1"`}, "198.51.100.1", false},
		{"quote-opened-in-another-line", []string{`Forwarded: for="1.1.1.1`, "Forwarded: for=198.51.100.1"}, "198.51.100.1", false},
		{"x-forwarded-headers-are-not-read", []string{"X-Forwarded-For: 1.1.1.1", "X-Forwarded-Proto: https"}, "10.0.0.1", false},
	}
	res := resolver(t, "forwarded", "10.0.0.0/8")
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := request("10.0.0.1:80", tt.lines...)
			if got := res.From(r); got.String() != tt.want {
				t.Errorf("client: got %v; want %v", got, tt.want)
			}
			if got := res.TLS(r); got != tt.tls {
				t.Errorf("TLS: got %v; want %v", got, tt.tls)
			}
			r.RemoteAddr = "203.0.113.9:1"
			if got := res.From(r); got.String() != "203.0.113.9" || res.TLS(r) {
				t.Errorf("of an untrusted peer: got %v, TLS %v; want the peer, false", got, res.TLS(r))
			}
		})
	}
}

func TestXRealIP(t *testing.T) {
	res := resolver(t, "X-Real-IP", "10.0.0.0/8")
	for _, tt := range []struct {
		name  string
		lines []string
		want  string
	}{
		{"one", []string{"X-Real-IP: 198.51.100.1"}, "198.51.100.1"},
		{"two-lines", []string{"X-Real-IP: 198.51.100.1", "X-Real-IP: 198.51.100.2"}, "10.0.0.1"},
		{"list", []string{"X-Real-IP: 198.51.100.1, 198.51.100.2"}, "10.0.0.1"},
		{"garbage", []string{"X-Real-IP: localhost"}, "10.0.0.1"},
		{"other-header", []string{"X-Forwarded-For: 198.51.100.1"}, "10.0.0.1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := res.From(request("10.0.0.1:80", tt.lines...)); got.String() != tt.want {
				t.Errorf("got %v; want %v", got, tt.want)
			}
		})
	}
}

func TestZeroConfigTrustsNobody(t *testing.T) {
	res := resolver(t, "")
	for _, peer := range []string{"127.0.0.1:80", "[::1]:80", "10.0.0.1:80", "@"} {
		r := request(peer, "X-Forwarded-For: 198.51.100.1", "X-Forwarded-Proto: https")
		if res.Trusted(r) || res.TLS(r) || res.From(r) == netip.MustParseAddr("198.51.100.1") {
			t.Errorf("peer %s: its headers are believed", peer)
		}
	}
}

func TestTLS(t *testing.T) {
	res := resolver(t, "", "10.0.0.0/8")
	for _, tt := range []struct {
		name, peer string
		lines      []string
		want       bool
	}{
		{"https", "10.0.0.1:80", []string{"X-Forwarded-Proto: https"}, true},
		{"upper-case", "10.0.0.1:80", []string{"X-Forwarded-Proto: HTTPS"}, true},
		{"http", "10.0.0.1:80", []string{"X-Forwarded-Proto: http"}, false},
		{"list", "10.0.0.1:80", []string{"X-Forwarded-Proto: https, http"}, false},
		{"two-lines", "10.0.0.1:80", []string{"X-Forwarded-Proto: https", "X-Forwarded-Proto: https"}, false},
		{"none", "10.0.0.1:80", nil, false},
		{"untrusted", "203.0.113.9:80", []string{"X-Forwarded-Proto: https"}, false},
		{"forwarded-is-not-read", "10.0.0.1:80", []string{"Forwarded: for=1.1.1.1;proto=https"}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := res.TLS(request(tt.peer, tt.lines...)); got != tt.want {
				t.Errorf("got %v; want %v", got, tt.want)
			}
		})
	}
	r := request("203.0.113.9:80")
	r.TLS = &tls.ConnectionState{}
	if !res.TLS(r) {
		t.Error("a TLS connection: got false; want true")
	}
}

func TestNewReportsAllFaults(t *testing.T) {
	_, err := New(Config{
		TrustedProxies: []string{"10.0.0.0/8", "0.0.0.0/0", "::/0", "10.0.0.1/8", "localhost", "::ffff:0.0.0.0/64", "fe80::1%eth0", "::ffff:0:0/96", ""},
		Header:         "CF-Connecting-IP",
	})
	if err == nil {
		t.Fatal("got no error")
	}
	for _, path := range []string{"forwarded_header:", "trusted_proxies[1]:", "[2]:", "[3]:", "[4]:", "[5]:", "[6]:", "[7]:", "[8]:"} {
		if !strings.Contains(err.Error(), path) {
			t.Errorf("%s is not reported:\n%v", path, err)
		}
	}
	if strings.Contains(err.Error(), "trusted_proxies[0]") {
		t.Errorf("a good prefix is reported:\n%v", err)
	}
	res := resolver(t, "", "::ffff:10.0.0.0/104")
	if !res.Trusted(request("10.1.2.3:80")) {
		t.Error("an IPv4 prefix written as IPv6: got untrusted; want trusted")
	}
}

func TestUntrustedPeerCostsNoAllocation(t *testing.T) {
	res := resolver(t, "", "10.0.0.0/8")
	for _, peer := range []string{"203.0.113.9:4711", "[2001:db8::1]:4711", "[::ffff:203.0.113.9]:1"} {
		r := request(peer, "X-Forwarded-For: 198.51.100.1")
		if n := testing.AllocsPerRun(100, func() { res.From(r) }); n != 0 {
			t.Errorf("%s: %v allocations; want 0", peer, n)
		}
	}
}

func FuzzFrom(f *testing.F) {
	f.Add("10.0.0.1:80", "1.1.1.1, 10.2.2.2", `for="[::1]:1";proto=https, for=10.0.0.2`)
	f.Add("[::1]:80", "::ffff:1.2.3.4%x", `for="1.1.1.1, for=_a`)
	f.Add("@", ",,,", `;;=",`)
	resolvers := []*Resolver{
		resolver(f, "", "10.0.0.0/8", "::1", "unix"), resolver(f, "Forwarded", "10.0.0.0/8", "::1", "unix"), resolver(f, "X-Real-IP", "10.0.0.0/8", "::1", "unix"),
	}
	f.Fuzz(func(t *testing.T, peer, list, forwarded string) {
		bare := request(peer)
		r := request(peer)
		r.Header["X-Forwarded-For"] = []string{list, list}
		r.Header["Forwarded"] = []string{forwarded, forwarded}
		r.Header["X-Real-Ip"] = []string{list}
		r.Header["X-Forwarded-Proto"] = []string{list}
		for _, res := range resolvers {
			own, got := res.From(bare), res.From(r)
			if own.IsValid() && !got.IsValid() {
				t.Errorf("peer %q: no client", peer)
			}
			if !res.Trusted(r) && (got != own || res.TLS(r)) {
				t.Errorf("untrusted peer %q changes its address to %v, TLS %v", peer, got, res.TLS(r))
			}
			if got.Is4In6() || got.Zone() != "" {
				t.Errorf("client %v has a second spelling", got)
			}
			if ap, err := netip.ParseAddrPort(peer); err == nil && own != ap.Addr().Unmap().WithZone("") {
				t.Errorf("peer %q: got %v", peer, own)
			}
		}
	})
}

func BenchmarkFrom(b *testing.B) {
	res := resolver(b, "", "10.0.0.0/8")
	for _, bench := range []struct {
		name string
		r    *http.Request
	}{
		{"untrusted", request("203.0.113.9:4711", "X-Forwarded-For: 198.51.100.1")},
		{"one-proxy", request("10.0.0.1:4711", "X-Forwarded-For: 1.1.1.1, 198.51.100.1")},
	} {
		b.Run(bench.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				res.From(bench.r)
			}
		})
	}
}

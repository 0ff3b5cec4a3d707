// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/panoply-security/panoply/clientip"
)

const (
	headerV1 = "PROXY TCP4 198.51.100.7 192.0.2.1 4711 443\r\n"
	headerV2 = "\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x10\xc6\x33\x64\x07\xc0\x00\x02\x01\x12\x67\x01\xbb\x04\x00\x01\x00" // a TLV behind the addresses
)

// whoAmI answers with the client as the app is told of it.
func whoAmI(w http.ResponseWriter, r *http.Request) {
	io.WriteString(w, r.Header.Get("X-Forwarded-For"))
}

// The client that a load balancer names at the start of a connection is the one
// that limits count and the app sees, for each request on it.
func TestProxyProtocolThroughTheGuard(t *testing.T) {
	request := []string{"GET / HTTP/1.1", "Host: a", "X-Forwarded-For: 6.6.6.6", "", ""}
	for name, test := range map[string]struct{ policy, header, want string }{
		"v1":                         {"", headerV1, "198.51.100.7"},
		"v2":                         {"", headerV2, "198.51.100.7"},
		"v1-unknown":                 {"", "PROXY UNKNOWN\r\n", "127.0.0.1"},
		"v2-local":                   {"", "\r\n\r\n\x00\r\nQUIT\n\x20\x00\x00\x00", "127.0.0.1"},
		"the-client-is-a-proxy":      {"trusted_proxies: [198.51.100.0/24]", headerV1, "6.6.6.6, 198.51.100.7"},
		"trust-is-not-for-the-bytes": {"trusted_proxies: [127.0.0.1]", headerV1, "198.51.100.7"},
	} {
		t.Run(name, func(t *testing.T) {
			g := start(t, whoAmI, options{policy: "proxy_protocol: [127.0.0.1]\n" + test.policy})
			c := g.dial(t)
			c.send(t, test.header)
			for range 2 {
				c.send(t, request...)
				if resp, body := c.answer(t, "GET"); resp.StatusCode != 200 || body != test.want {
					t.Errorf("got %d, %q; want %q", resp.StatusCode, body, test.want)
				}
			}
		})
	}
}

func TestProxyProtocolUnderTLS(t *testing.T) {
	cert, key, pool := certificate(t)
	g := start(t, whoAmI, options{policy: fmt.Sprintf("proxy_protocol: [127.0.0.1]\ntls: {cert: %q, key: %q}", cert, key)})
	for _, h2 := range []bool{false, true} {
		transport := &http.Transport{
			TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: h2,
			DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
				c, err := new(net.Dialer).DialContext(ctx, network, addr)
				if err == nil {
					io.WriteString(c, headerV2)
				}
				return c, err
			},
		}
		g.client.Transport = transport
		resp, body := g.do(t, "GET", "/", "")
		transport.CloseIdleConnections()
		if body != "198.51.100.7" || (resp.ProtoMajor == 2) != h2 {
			t.Errorf("%s: got %q; want 198.51.100.7", resp.Proto, body)
		}
	}
}

// Who is listed and sends no header gets no answer; who is not listed and sends
// one gets that of any garbage.
func TestProxyProtocolIsRequiredOfTheListedAlone(t *testing.T) {
	quick := usual
	quick.header = 200 * time.Millisecond
	t.Run("listed", func(t *testing.T) {
		g := start(t, whoAmI, options{policy: "proxy_protocol: [127.0.0.1]", times: quick})
		for name, bytes := range map[string]string{
			"none": "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "half": "PROXY TCP4 198.51.100.7", "broken": "PROXY TCP4 a b c d\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
			"silence": "", "endless": "PROXY UNKNOWN " + strings.Repeat("x", 1000), "huge": headerV2[:14] + "\xff\xff",
		} {
			t.Run(name, func(t *testing.T) {
				c := g.dial(t)
				c.send(t, bytes)
				c.ends(t)
			})
		}
		if got := g.clients.counts()[clientip.NoProxyHeader]; got != 6 {
			t.Errorf("%d were counted; want 6", got)
		}
		if n := strings.Count(g.log.String(), `"mistake":"no-proxy-header"`); n != 1 {
			t.Errorf("the log tells of it %d times; want once", n)
		}
	})
	t.Run("stranger", func(t *testing.T) {
		g := start(t, whoAmI, options{policy: "proxy_protocol: [10.0.0.0/8]", times: quick})
		if resp, body := g.do(t, "GET", "/", ""); resp.StatusCode != 200 || body != "127.0.0.1" {
			t.Errorf("without a header: got %d, %q", resp.StatusCode, body)
		}
		c := g.dial(t)
		c.send(t, headerV1+"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
		if resp, _ := c.answer(t, "GET"); resp.StatusCode != http.StatusBadRequest {
			t.Errorf("with a header: got %d; want 400", resp.StatusCode)
		}
	})
}

// A silent connection of a load balancer does not keep others from being served.
func TestProxyProtocolHoldsNobodyUp(t *testing.T) {
	g := start(t, whoAmI, options{policy: "proxy_protocol: [127.0.0.1]"})
	for range 8 {
		g.dial(t)
	}
	c := g.dial(t)
	c.send(t, headerV1+"GET / HTTP/1.1", "Host: a", "", "")
	if _, body := c.answer(t, "GET"); body != "198.51.100.7" {
		t.Errorf("got %q", body)
	}
}

// A proxy that nobody declared is told of once, and counted.
func TestUndeclaredProxiesAreToldOf(t *testing.T) {
	for name, test := range map[string]struct {
		policy  string
		headers []string
		mistake clientip.Mistake
	}{
		"untrusted":      {"", []string{"X-Forwarded-For", "198.51.100.1"}, clientip.UntrustedProxy},
		"another-header": {"trusted_proxies: [127.0.0.1]", []string{"Forwarded", "for=198.51.100.1"}, clientip.UnreadHeader},
		"declared":       {"trusted_proxies: [127.0.0.1]", []string{"X-Forwarded-For", "198.51.100.1"}, clientip.NoMistake},
		"none":           {"", nil, clientip.NoMistake},
	} {
		t.Run(name, func(t *testing.T) {
			g := start(t, ok, options{policy: test.policy})
			for range 3 {
				g.do(t, "GET", "/", "", test.headers...)
			}
			for m, n := range g.clients.counts() {
				want := uint64(0)
				if m == test.mistake {
					want = 3
				}
				if n != want {
					t.Errorf("%s: counted %d; want %d", m, n, want)
				}
			}
			told := strings.Count(g.log.String(), "the proxies in front are not as the policy says")
			if want := map[bool]int{true: 1, false: 0}[test.mistake != clientip.NoMistake]; told != want {
				t.Errorf("the log tells of it %d times; want %d", told, want)
			}
			if strings.Contains(g.log.String(), "198.51.100.1\"") && test.mistake != clientip.NoMistake {
				t.Error("what a header claims is in the log")
			}
		})
	}
}

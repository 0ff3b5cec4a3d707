// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// peer is a connection of nothing but its other side's address.
type peer struct {
	net.Conn
	addr net.Addr
}

func (p peer) RemoteAddr() net.Addr { return p.addr }
func (p peer) Close() error         { return nil }

func tcp(addr string) net.Addr {
	a, err := net.ResolveTCPAddr("tcp", addr)
	if err != nil {
		panic(err)
	}
	return a
}

func TestCrowd(t *testing.T) {
	const stays, turned, closed = "stays", "turned away", "closed"
	for name, test := range map[string]struct {
		all, ofOne int
		peers      []net.Addr
		want       []string
	}{
		"of-one-address":      {9, 2, []net.Addr{tcp("192.0.2.1:1"), tcp("192.0.2.1:2"), tcp("192.0.2.1:3"), tcp("192.0.2.2:1")}, []string{stays, stays, turned, stays}},
		"of-one-network":      {9, 1, []net.Addr{tcp("[2001:db8::1]:1"), tcp("[2001:db8:0:ff::2]:1"), tcp("[2001:db8:0:100::1]:1")}, []string{stays, turned, stays}},
		"one-in-two-families": {9, 1, []net.Addr{tcp("192.0.2.1:1"), tcp("[::ffff:192.0.2.1]:1"), tcp("[64:ff9b::192.0.2.1]:1")}, []string{stays, turned, turned}},
		"of-all":              {2, 2, []net.Addr{tcp("192.0.2.1:1"), tcp("192.0.2.2:1"), tcp("192.0.2.3:1")}, []string{stays, stays, turned}},
		"a-trusted-proxy":     {9, 1, []net.Addr{tcp("10.0.0.1:1"), tcp("10.0.0.1:2"), tcp("10.0.0.1:3")}, []string{stays, stays, stays}},
		"a-proxy-among-all":   {1, 1, []net.Addr{tcp("10.0.0.1:1"), tcp("10.0.0.1:2")}, []string{stays, turned}},
		"a-unix-socket":       {9, 1, []net.Addr{&net.UnixAddr{Name: "@", Net: "unix"}, &net.UnixAddr{Name: "@", Net: "unix"}}, []string{stays, stays}},
	} {
		t.Run(name, func(t *testing.T) {
			g, err := New(parsePolicy(t, fmt.Sprintf("admin: off\ntrusted_proxies: [10.0.0.0/8]\nconnections: {max: %d, per_address: %d}", test.all, test.ofOne)), slog.New(slog.DiscardHandler))
			if err != nil {
				t.Fatal(err)
			}
			defer g.Close()
			var guests []*guest
			come := func(addr net.Addr) string {
				guest := g.crowd.enter(peer{addr: addr})
				if guest == nil {
					return closed
				}
				guests = append(guests, guest)
				switch ok := g.crowd.settle(guest); {
				case !ok:
					return closed
				case full(guest) != nil:
					return turned
				}
				return stays
			}
			for i, addr := range test.peers {
				if got := come(addr); got != test.want[i] {
					t.Errorf("%s %s; want it to be %s", addr, got, test.want[i])
				}
			}
			last := test.peers[len(test.peers)-1]
			if test.want[len(test.want)-1] == turned { // and so are others, until there are too many
				n := g.crowd.turned
				for ; come(last) == turned; n++ {
				}
				if n != mostTurnedAway {
					t.Errorf("%d were turned away; want %d", n, mostTurnedAway)
				}
			}
			for _, guest := range guests {
				guest.Close()
				guest.Close() // counts once
			}
			if g.crowd.all != 0 || g.crowd.turned != 0 || len(g.crowd.of) != 0 {
				t.Errorf("it is not empty: %d, %d, %v", g.crowd.all, g.crowd.turned, g.crowd.of)
			}
			if got := come(last); got != stays {
				t.Errorf("one more %s", got)
			}
		})
	}
}

func TestConnectionsByDefault(t *testing.T) {
	all := mostConnections
	if files := maxFiles(); files > 0 {
		all = min(all, max(files/2-64, 16))
	}
	for policy, want := range map[string][2]int{
		"listen: 127.0.0.1:0":        {all, all},
		"listen: 'unix:/run/p.sock'": {all, all},
		"listen: 0.0.0.0:80":         {all, min(mostOfOne, all)},
		"connections: {max: 10}":     {10, 10},
		"{connections: {max: 10, per_address: 3}, listen: 127.0.0.1:0}":       {10, 3},
		"{connections: {max: 10, per_address: 30}, listen: 'localhost:8080'}": {10, 10},
	} {
		p := parsePolicy(t, policy)
		if a, one := connectionsOf(p); [2]int{a, one} != want {
			t.Errorf("%s: got %d and %d; want %v", policy, a, one, want)
		}
	}
	if all > 16 && maxFiles() == 0 {
		t.Log("the system does not tell how many files a process may have open")
	}
	_, err := New(parsePolicy(t, "connections: {max: -1, per_address: 2000000}"), slog.New(slog.DiscardHandler))
	if err == nil || !strings.Contains(err.Error(), "connections.max") || !strings.Contains(err.Error(), "connections.per_address") {
		t.Errorf("got %v", err)
	}
}

// A connection too many is told so, over every protocol, and leaves room when it goes:
// also one that became a WebSocket.
func TestConnectionsAreBounded(t *testing.T) {
	cert, key, pool := certificate(t)
	for name, test := range map[string]struct {
		policy string
		h2     bool
	}{
		"http-1.1": {"connections: {per_address: 2}", false},
		"of-all":   {"connections: {max: 2}", false},
		"http-2":   {fmt.Sprintf("connections: {per_address: 2}\ntls: {cert: %q, key: %q}", cert, key), true},
	} {
		t.Run(name, func(t *testing.T) {
			g := start(t, echo, options{policy: test.policy})
			config := &tls.Config{RootCAs: pool}
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			idle := &http.Transport{TLSClientConfig: config.Clone(), ForceAttemptHTTP2: test.h2}
			defer idle.CloseIdleConnections()
			sockets := &http.Transport{TLSClientConfig: config.Clone()}
			get := func(from *http.Transport) (*http.Response, string) {
				g.client.Transport = from
				return g.do(t, "GET", "/", "")
			}
			if resp, body := get(idle); resp.StatusCode == 503 {
				t.Fatalf("the first connection: %s", body)
			}
			ws, _, err := websocket.Dial(ctx, strings.Replace(g.url, "http", "ws", 1)+"/chat", &websocket.DialOptions{HTTPClient: &http.Client{Transport: sockets}})
			if err != nil {
				t.Fatal(err)
			}
			defer ws.CloseNow()
			other := &http.Transport{TLSClientConfig: config.Clone(), ForceAttemptHTTP2: test.h2}
			defer other.CloseIdleConnections()
			resp, body := get(other)
			if rule := problemOf(t, g, resp, body); resp.StatusCode != 503 || rule != "request/busy" || resp.Header.Get("Retry-After") != "5" {
				t.Errorf("got %d %s, Retry-After %q", resp.StatusCode, rule, resp.Header.Get("Retry-After"))
			}
			if want := map[bool]int{true: 2, false: 1}[test.h2]; resp.ProtoMajor != want {
				t.Errorf("got %s", resp.Proto)
			}
			if resp, _ := get(idle); resp.StatusCode == 503 {
				t.Error("who was there before is turned away")
			}
			ws.CloseNow()
			for deadline := time.Now().Add(patience); ; {
				if resp, _ := get(other); resp.StatusCode != 503 {
					break
				}
				if time.Now().After(deadline) {
					t.Fatal("there is no room though a connection was closed")
				}
			}
		})
	}
}

// Another policy's bounds hold from the next connection on.
func TestConnectionsAfterAReload(t *testing.T) {
	g := start(t, ok, options{policy: "connections: {max: 1}"})
	first := g.dial(t)
	first.send(t, "GET / HTTP/1.1", "Host: a", "", "")
	first.answer(t, "GET")
	for _, test := range []struct{ most, status int }{{0, 503}, {2, 200}} {
		if test.most > 0 {
			p := g.Policy()
			p.Connections.Max = test.most
			if err := g.Reload(t.Context(), p); err != nil {
				t.Fatal(err)
			}
		}
		c := g.dial(t)
		c.send(t, "GET / HTTP/1.1", "Host: a", "", "")
		if resp, body := c.answer(t, "GET"); resp.StatusCode != test.status {
			t.Errorf("most %d: got %d %s", test.most, resp.StatusCode, body)
		}
		if test.status == 503 {
			c.ends(t)
		}
		c.Conn.Close()
	}
}

// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"

	"github.com/panoply-security/panoply"
	"github.com/panoply-security/panoply/clientip"
)

// clients knows who is in front: it reads the PROXY protocol, and counts what
// shows that the policy and the proxies do not fit. The first of each kind is
// logged; a line for each request would only be a way to fill the log.
type clients struct {
	proxied *clientip.ProxyProtocol // nil without
	log     *slog.Logger
	seen    map[clientip.Mistake]*atomic.Uint64 // never written after it is made
}

func newClients(policy panoply.Policy, log *slog.Logger, t times) (*clients, error) {
	c := &clients{log: log, seen: map[clientip.Mistake]*atomic.Uint64{}}
	for _, m := range clientip.Mistakes() {
		c.seen[m] = new(atomic.Uint64)
	}
	if len(policy.ProxyProtocol) == 0 {
		return c, nil
	}
	proxied, err := clientip.NewProxyProtocol(policy.ProxyProtocol)
	if err != nil {
		return nil, err
	}
	proxied.Timeout = min(t.header, clientip.ProxyHeaderTimeout)
	proxied.Failed = func(peer net.Addr, cause error) { c.made(clientip.NoProxyHeader, peer.String(), cause.Error()) }
	c.proxied = proxied
	return c, nil
}

func (c *clients) listen(l net.Listener) net.Listener {
	if c.proxied == nil {
		return l
	}
	return c.proxied.Listen(l)
}

// watch looks at each request before the suit does.
func (c *clients) watch(suit *panoply.Suit, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if m := suit.ClientMistake(r); m != clientip.NoMistake {
			c.made(m, r.RemoteAddr, "")
		}
		next.ServeHTTP(w, r)
	})
}

func (c *clients) made(m clientip.Mistake, peer, cause string) {
	if c.seen[m].Add(1) > 1 {
		return
	}
	attrs := []any{slog.String("mistake", string(m)), slog.String("peer", peer), slog.String("means", m.Advice())}
	if cause != "" {
		attrs = append(attrs, slog.String("cause", cause))
	}
	c.log.Warn("the proxies in front are not as the policy says", attrs...)
}

func (c *clients) counts() map[clientip.Mistake]uint64 {
	n := map[clientip.Mistake]uint64{}
	for m, seen := range c.seen {
		n[m] = seen.Load()
	}
	return n
}

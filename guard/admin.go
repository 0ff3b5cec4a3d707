// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"cmp"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/panoply-security/panoply"
	"github.com/panoply-security/panoply/clientip"
	"github.com/panoply-security/panoply/guard/upstream"
	"github.com/panoply-security/panoply/guard/watch"
)

// serveAdmin serves health and status on a listener of its own, beyond loopback with the
// guard's certificate. The default address may be taken by another guard on the machine:
// that is logged and no reason not to start, unless the policy named the address.
func (g *Guard) serveAdmin(ctx context.Context, config *tls.Config) (stop func(), err error) {
	addr := cmp.Or(g.policy.Admin.Listen, defaultAdmin)
	if addr == "off" {
		return func() {}, nil
	}
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		if g.policy.Admin.Listen != "" {
			return nil, fmt.Errorf("admin: %w", err)
		}
		g.log.WarnContext(ctx, "no admin listener", "address", addr, "cause", err.Error())
		return func() {}, nil
	}
	const patience = 5 * time.Second
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { g.now().admin.ServeHTTP(w, r) }), ReadTimeout: patience, WriteTimeout: patience, IdleTimeout: patience,
		MaxHeaderBytes: 8 << 10, ErrorLog: log.New(connLog{g.log}, "", 0)}
	scheme := "http"
	if host, _, _ := net.SplitHostPort(addr); !loopback(host) {
		if config == nil {
			g.log.WarnContext(ctx, "the admin token crosses the network in clear, as the guard has no certificate", "address", addr)
		} else {
			scheme, listener = "https", tls.NewListener(listener, config.Clone())
		}
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		server.Serve(listener) // until stop
	}()
	g.log.InfoContext(ctx, "admin", "listening", scheme+"://"+listener.Addr().String())
	return func() { server.Close(); <-ended }, nil
}

// status is what the admin page tells.
type status struct {
	Profile     panoply.Profile `json:"profile"`
	Upstream    string          `json:"upstream"`
	Servers     []upstream.Stat `json:"servers"`
	Protections []protection    `json:"protections"`
	Warnings    []string        `json:"warnings"`
	// ClientMistakes counts what shows that the proxies in front are not
	// declared as they are.
	ClientMistakes map[clientip.Mistake]uint64 `json:"client_mistakes"`
	// Findings are what is wrong with the tokens and cookies that the app gives out.
	Findings []watch.Finding `json:"findings"`
}

// protection is a panoply.Line, spelled for JSON.
type protection struct {
	Mistake int          `json:"mistake"`
	Name    string       `json:"name"`
	Mode    panoply.Mode `json:"mode"`
	What    string       `json:"what"`
}

// adminHandler answers only requests that name a loopback host or one of the policy's, so
// that a page on the web cannot reach it by rebinding its own name.
func (g *Guard) adminHandler() http.Handler {
	s := status{Profile: g.policy.Profile, Upstream: servers(g.policy), Warnings: append([]string{}, g.suit.Warnings()...)}
	for _, l := range g.suit.Describe() {
		s.Protections = append(s.Protections, protection(l))
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "ok\n") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if g.draining.Load() {
			http.Error(w, "stopping", http.StatusServiceUnavailable)
			return
		}
		io.WriteString(w, "ok\n")
	})
	if g.metrics != nil {
		mux.Handle("GET /metrics", g.metrics.handler)
	}
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Vary", "Accept")
		if strings.Contains(r.Header.Get("Accept"), "text/html") {
			g.showPage(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		now := s
		now.Servers = g.proxy.upstreams.Stats()
		now.ClientMistakes = g.clients.counts()
		now.Findings = append([]watch.Finding{}, g.watcher.Findings()...)
		json.NewEncoder(w).Encode(now)
	})
	mux.HandleFunc("GET /limits", g.showLimits)
	mux.HandleFunc("POST /limits/{rule}/reset", func(w http.ResponseWriter, r *http.Request) { g.changeLimit(w, r, false) })
	mux.HandleFunc("POST /limits/{rule}/block", func(w http.ResponseWriter, r *http.Request) { g.changeLimit(w, r, true) })
	mux.HandleFunc("POST /tokens/revoke", g.endToken)
	mux.HandleFunc("GET /tokens/{rule}/keys", g.showKeys)
	if g.policy.Admin.Pprof {
		profiles(mux)
	}
	let := newAccess(g.policy.Admin)
	own := http.NewCrossOriginProtection().Handler(mux) // a page on the web may send what it cannot read
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Cache-Control", "no-store")
		if let.admits(w, r) {
			own.ServeHTTP(w, r)
		}
	})
}

// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"time"

	"github.com/panoply-security/panoply"
)

// serveAdmin serves health and status on a loopback listener of its own. The
// default address may be taken by another guard on the machine: that is logged
// and no reason not to start, unless the policy named the address.
func (g *Guard) serveAdmin(ctx context.Context) (stop func()) {
	addr := g.policy.Admin
	if addr == "off" {
		return func() {}
	}
	if addr == "" {
		addr = defaultAdmin
	}
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		g.log.WarnContext(ctx, "no admin listener", "address", addr, "cause", err.Error())
		return func() {}
	}
	server := &http.Server{Handler: g.adminHandler(), ReadHeaderTimeout: 5 * time.Second, MaxHeaderBytes: 8 << 10}
	go server.Serve(listener)
	g.log.InfoContext(ctx, "admin", "listening", "http://"+listener.Addr().String())
	return func() { server.Close() }
}

// adminHandler answers only requests that name a loopback host, so that a page
// on the web cannot reach it by rebinding its own name.
func (g *Guard) adminHandler() http.Handler {
	mux := http.NewServeMux()
	ok := func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("ok\n")) }
	mux.HandleFunc("GET /healthz", ok)
	mux.HandleFunc("GET /readyz", ok)
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(struct {
			Profile     panoply.Profile `json:"profile"`
			Upstream    string          `json:"upstream"`
			Protections []panoply.Line  `json:"protections"`
			Warnings    []string        `json:"warnings"`
		}{g.policy.Profile, g.policy.Upstream, g.suit.Describe(), g.suit.Warnings()})
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := r.Host
		if h, _, err := net.SplitHostPort(host); err == nil {
			host = h
		}
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Cache-Control", "no-store")
		if !loopback(host) {
			http.Error(w, "this address is for the operator of this machine", http.StatusForbidden)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

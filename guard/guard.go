// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

// Package guard stands in front of an unchanged app and closes the seven
// mistakes there: a reverse proxy with the suit inside.
//
// # What it does
//
// A request passes the suit ([panoply.Suit]) and, if nothing refuses it, goes
// to the app with its body byte for byte (multipart part headers written anew),
// fresh forwarding headers, and the request's id. The answer streams back
// through the suit: SSE, WebSockets, trailers, informational answers and
// downloads as they come. An app that cannot be reached is a 502 or 504
// problem.
//
// # What it does not do
//
// It balances no load, caches nothing and retries nothing that may have had an
// effect. It trusts no forwarding header unless the policy names the proxy it
// comes from.
//
// # Bounds
//
// Request headers: 16 KiB and 100 lines (a problem), 64 KiB at the connection.
// A request's headers must arrive within 10 s, each chunk of its body within
// 60 s, the app's answer must begin within 60 s. Everything else is bounded by
// the suit.
package guard

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"

	"github.com/panoply-security/panoply"
	"github.com/panoply-security/panoply/internal/fault"
)

const (
	defaultListen = "127.0.0.1:8080"
	defaultAdmin  = "127.0.0.1:9901"
)

// Guard is one gateway.
type Guard struct {
	policy  panoply.Policy
	suit    *panoply.Suit
	handler http.Handler
	proxy   *proxy
	log     *slog.Logger
}

// New compiles the policy and plays canary requests through it: a protection
// that claims to enforce and does not is an error here, not a surprise later.
func New(policy panoply.Policy, log *slog.Logger) (*Guard, error) {
	if log == nil {
		log = slog.Default()
	}
	var faults fault.List
	target, err := parseUpstream(policy.Upstream)
	if err != nil {
		faults.Add("upstream", err.Error(), "write http://127.0.0.1:3000")
	}
	if policy.Listen == "" {
		policy.Listen = defaultListen
	}
	faults = append(faults, checkListen(policy)...)
	suit, err := panoply.New(policy, panoply.WithLogger(log))
	faults.Join("", err)
	if err := faults.Err(); err != nil {
		return nil, policy.Explain(err)
	}
	g := &Guard{policy: suit.Policy(), suit: suit, log: log, proxy: newProxy(target, suit)}
	g.handler = suit.Handler(g.proxy)
	if err := g.selfTest(); err != nil {
		return nil, err
	}
	return g, nil
}

// Handler is the gateway as an http.Handler.
func (g *Guard) Handler() http.Handler { return g.handler }

// Policy is the effective policy.
func (g *Guard) Policy() panoply.Policy { return g.policy }

// Close ends the idle connections to the app.
func (g *Guard) Close() { g.proxy.transport.CloseIdleConnections() }

func parseUpstream(s string) (*url.URL, error) {
	if s == "" {
		return nil, fmt.Errorf("no upstream is given")
	}
	u, err := url.Parse(s)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%q is not a URL", s)
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, fmt.Errorf("%q does not start with http:// or https://", s)
	case u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || strings.Trim(u.Path, "/") != "":
		return nil, fmt.Errorf("%q is more or less than scheme://host:port", s)
	}
	return u, nil
}

// checkListen holds what only a gateway must state.
func checkListen(p panoply.Policy) (faults fault.List) {
	host, _, err := net.SplitHostPort(p.Listen)
	if err != nil {
		faults.Addf("listen", "write host:port, such as 127.0.0.1:8080", "%q is not an address", p.Listen)
		return faults
	}
	if !loopback(host) && p.TrustedProxies == nil {
		faults.Add("trusted_proxies", "listening beyond loopback, so it must be said whose forwarding headers are believed",
			"write [] when clients connect directly, or the CIDRs of the proxies in front")
	}
	if !loopback(host) && p.Environment == panoply.Development {
		faults.Add("environment", "development shows causes, so it must not listen beyond loopback", "listen on 127.0.0.1")
	}
	if (p.TLS.Cert == "") != (p.TLS.Key == "") {
		faults.Add("tls", "cert and key belong together", "name both PEM files")
	}
	if p.Admin != "" && p.Admin != "off" {
		host, _, err := net.SplitHostPort(p.Admin)
		if err != nil || !loopback(host) {
			faults.Addf("admin", "write a loopback address such as 127.0.0.1:9901, or off", "%q is not a loopback address", p.Admin)
		}
	}
	return faults
}

func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

// Announce logs what is on, a line for each protection.
func (g *Guard) Announce(ctx context.Context, listening string) {
	p := g.policy
	g.log.LogAttrs(ctx, slog.LevelInfo, "panoply guard", slog.String("profile", string(p.Profile)), slog.String("listening", listening),
		slog.String("upstream", p.Upstream), slog.String("environment", string(p.Environment)))
	if p.Profile == panoply.Compatible {
		g.log.LogAttrs(ctx, slog.LevelInfo, "profile compatible enforces what cannot break an app that nobody has looked at; to see what strict would refuse",
			slog.String("run", "panoply guard --upstream "+p.Upstream+" --profile strict --mode report"))
	}
	for _, l := range g.suit.Describe() {
		level := slog.LevelInfo
		if l.Mode != panoply.Enforce {
			level = slog.LevelWarn
		}
		g.log.LogAttrs(ctx, level, "protection", slog.Int("mistake", l.Mistake), slog.String("section", l.Name),
			slog.String("mode", string(l.Mode)), slog.String("does", l.What))
	}
	for _, w := range g.suit.Warnings() {
		g.log.LogAttrs(ctx, slog.LevelWarn, "weakened", slog.String("by", w))
	}
}

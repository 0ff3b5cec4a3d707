// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

// Package guard stands in front of an unchanged app and closes the seven
// mistakes there: a reverse proxy with the suit inside.
//
// # What it does
//
// A request passes the suit ([panoply.Suit]) and, if nothing refuses it, goes
// to the app with its target and its body byte for byte (multipart part headers
// written anew), fresh forwarding headers, and the request's id. The answer
// streams back through the suit: SSE, WebSockets, trailers, early hints and
// downloads as they come. An app that cannot be reached, or whose answer can be
// read in two ways, is a 502 or 504 problem.
//
// The app is one server or several, in groups by host and path (package upstream): they
// take turns, those that fail or say that they are not well are left out, and a request goes to another one where
// that is safe. A header with a secret, or the guard's certificate, tells them that a request
// came through the guard; an app with a public address is warned of.
//
// The app gets one X-Forwarded-For: the client as the policy counts it, and
// behind it the trusted proxy that the request came through, if any; what the
// client wrote into such headers itself never arrives. X-Forwarded-Host is the
// Host, X-Forwarded-Proto what the client used. X-Real-IP, where a trusted proxy
// sends it, is that client too. Load balancers that write no header may begin
// their connections with the PROXY protocol. What shows that the proxies in
// front are not declared as they are is logged, once for each kind, and counted.
//
// Several guards share their rate limits through Redis or Valkey when the policy
// names one (package redisstore). While it cannot be reached they go on as
// on_store_error says.
//
// Where the policy's Content-Security-Policy names nonces, the guard puts the answer's
// nonce on every script and style of a page as it streams. It asks the app for such a page
// without a content coding and without conditions, and no cache keeps it. A page that has
// a policy of the app's own, that is coded, a part, or in a charset such as UTF-16 stays
// as it is.
//
// A Content-Security-Policy for an app that has none is learned from its pages and from
// browsers' reports, reviewed by a person, and then enforced: package guard/learn.
//
// Tokens and signed cookies that the app gives out are tried in the background, as an
// attacker would who holds one: package guard/watch.
//
// It listens on one address or several, each alike, or on a Unix socket for a proxy on the same machine, which
// trusted_proxies names unix; the guard's user and group can connect. Certificates come from files, or from an
// authority by ACME (package acme). With one a second listener can send browsers that come over plain
// HTTP to https, if they name a host that the certificate is for.
//
// The admin listener answers loopback names alone: /healthz, /readyz, /metrics for Prometheus, / for what is in
// force and what was found, /limits for what the rate limits have decided and whom they block, and POST
// /limits/{rule}/reset or /block with {"key": ["203.0.113.7"], "for": "1h"} for the
// operator who lets somebody in again or keeps somebody out. POST /tokens/revoke with {"token": "…"}, a
// re-issued token or its jti, ends that token on every guard that shares the store, and
// /tokens/{rule}/keys publishes the keys of re-issued tokens that EdDSA signs.
//
// Another policy can take the place of the one in force while it serves ([Guard.Reload]):
// tried first like any, with every fault told and nothing changed if there is one, and with
// no request dropped. [Guard.Follow] does it at SIGHUP, and a second or two after the policy's
// file or one that it names was changed.
//
// # What it does not do
//
// It caches nothing and retries nothing that may have had an
// effect. What net/http reads of a connection and other parsers read differently is refused:
// Content-Length with Transfer-Encoding or given twice, folded headers, HTTP/1.0 with
// Transfer-Encoding, a target that names another host than Host. Line ends may be bare line
// feeds; the app sees one spelling of what was read, so none of it can smuggle a second request. It
// passes no trailers of requests on, which nothing here would have inspected,
// and no offer to upgrade to anything but a WebSocket. What flows through a
// WebSocket it does not see.
//
// # Bounds
//
// Request headers: 16 KiB and 100 lines (a problem), 64 KiB at the connection.
// A request's headers must arrive within 10 s; of its body something must
// arrive every 60 s, and on the whole 500 bytes for each second that is waited
// for it; of an answer the client must take something every 60 s. The app's answer must begin
// within 60 s, and of a body the app must take something in that time; what its header and its
// framing may have, package http1 says. An HTTP/2 connection buffers at most 1 MiB of bodies. Connections: 16384, or
// half of the files that the process may have open if that is less, and 256 of an address
// (an IPv6 /56) that is no trusted proxy, unless it listens on loopback alone; 256 further ones
// are told so with a 503, all others are closed. Of the files that it
// watches, only those that a policy of at most 2 MiB names, it asks once a second when they
// were changed. Metrics have at most 200 patterns of policies as labels. Everything else is
// bounded by the suit.
package guard

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/panoply-security/panoply"
	"github.com/panoply-security/panoply/guard/acme"
	"github.com/panoply-security/panoply/guard/history"
	"github.com/panoply-security/panoply/guard/learn"
	"github.com/panoply-security/panoply/guard/openapi"
	"github.com/panoply-security/panoply/guard/upstream"
	"github.com/panoply-security/panoply/guard/watch"
	"github.com/panoply-security/panoply/internal/fault"
	"github.com/panoply-security/panoply/problem"
	"github.com/panoply-security/panoply/redisstore"
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
	clients *clients
	store   *redisstore.Client // nil without
	learner *learn.Learner     // nil without
	watcher *watch.Watcher     // nil without
	admin   http.Handler
	metrics *metrics // nil without an admin listener
	history *history.History
	started time.Time // and the policy
	loaded  time.Time
	log     *slog.Logger
	times   times

	// Of the first of those that follow one another by reloads alone:
	draining  *atomic.Bool
	upgrades  *sync.WaitGroup // of all
	crowd     *crowd
	cert      atomic.Pointer[tls.Certificate]
	acme      atomic.Pointer[acme.Certificates] // instead of cert
	current   atomic.Pointer[Guard]
	reloading sync.Mutex
}

// times are how long the guard waits, and for what. Tests are less patient.
type times struct {
	header time.Duration // for a request's headers
	chunk  time.Duration // for the next chunk of a body, or for the client to take one
	answer time.Duration // for the app's answer to begin
	queue  time.Duration // for a server of the app with room for a request
	drain  time.Duration // for requests under way when the guard stops
	look   time.Duration // between two looks at the policy's files
}

var usual = times{header: 10 * time.Second, chunk: 60 * time.Second, answer: 60 * time.Second, queue: 5 * time.Second, drain: 10 * time.Second, look: time.Second}

// wear dresses handlers as a policy says. It is what the self-test tries.
type wear func(panoply.Policy) (func(http.Handler) http.Handler, error)

// New compiles the policy and plays canary requests through it: a protection
// that claims to enforce and does not is an error here, not a surprise later.
func New(policy panoply.Policy, log *slog.Logger) (*Guard, error) {
	return build(policy, log, usual, wearSuit, nil)
}

// build makes a guard that takes the place of another one, or of none.
func build(policy panoply.Policy, log *slog.Logger, t times, try wear, old *Guard) (*Guard, error) {
	if log == nil {
		log = slog.Default()
	}
	policy, described := openapi.Apply(policy)
	policy, learned := learn.Apply(policy)
	var faults fault.List
	if len(policy.Listen) == 0 {
		policy.Listen = []string{defaultListen}
	}
	faults = append(faults, checkListen(policy)...)
	faults = append(faults, checkConnections(policy)...)
	faults = append(faults, checkUpstreams(policy)...)
	secret, err := newSecretHeader(policy)
	faults.Join("", err)
	clients, err := newClients(policy, log, t)
	faults.Join("", err)
	store, err := withStore(&policy)
	faults.Join("", err)
	worn := []panoply.Option{panoply.WithLogger(log), panoply.WithCheck(checkConnection)}
	var m *metrics
	if old != nil {
		m = old.metrics
	} else if policy.Admin.Listen != "off" {
		m = newMetrics()
	}
	past := history.New()
	if old != nil {
		past = old.history
	}
	if o := observers(policy, log, m, past); o != nil {
		worn = append(worn, panoply.WithObserver(o))
	}
	suit, err := panoply.New(policy, worn...)
	faults.Join("", err)
	if err := errors.Join(faults.Err(), described, learned); err != nil {
		return nil, policy.Explain(err)
	}
	upstreams, err := upstream.New(policy, upstream.Options{Log: log, Answer: t.answer, Queue: t.queue, Check: secret.set, CheckSum: secret.name + secret.value}, old.upstreams())
	if err != nil {
		return nil, policy.Explain(err)
	}
	g := &Guard{policy: suit.Policy(), suit: suit, log: log, times: t, clients: clients, store: store, metrics: m, history: past, started: time.Now(), loaded: time.Now(), draining: new(atomic.Bool), upgrades: new(sync.WaitGroup)}
	if old == nil {
		m.of(g)
		g.crowd = newCrowd(g)
	} else {
		g.draining, g.upgrades, g.crowd, g.watcher = old.draining, old.upgrades, old.crowd, old.watcher
		g.learner, g.started = old.learner, old.started
	}
	if old == nil || g.policy.CSP != old.policy.CSP || g.policy.File("x") != old.policy.File("x") {
		g.learner = learn.New(g.policy, log)
	}
	if off := g.policy.Tokens.Mode == panoply.Off; off || g.watcher == nil {
		if g.watcher = nil; !off {
			g.watcher = watch.New(log)
		}
	}
	g.watcher.Know(suit.KnownSecrets())
	g.proxy = newProxy(g, upstreams, secret)
	g.handler = framed(patient(t.chunk, clients.watch(suit, g.learner.Handler(clientOf(suit), suit.Handler(g.proxy)))))
	g.admin = g.adminHandler()
	alone := g.policy // the canaries are nobody's attempts
	alone.RateLimits.Store, alone.RateLimits.Shared = "memory", nil
	if err := selfTest(alone, try); err != nil {
		if old != nil {
			g.retire(old)
		}
		return nil, err
	}
	return g, nil
}

// clientOf tells who sent a request, also of one that was made anew for the app, whose
// forwarding headers are the guard's own.
func clientOf(suit *panoply.Suit) func(*http.Request) netip.Addr {
	return func(r *http.Request) netip.Addr {
		if x := problem.From(r.Context()); x != nil && x.Client.IsValid() {
			return x.Client
		}
		return suit.Client(r)
	}
}

// Handler is the gateway as an http.Handler.
func (g *Guard) Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { g.now().handler.ServeHTTP(w, r) })
}

// upstreams are those of a guard, nil of none.
func (g *Guard) upstreams() *upstream.Set {
	if g == nil {
		return nil
	}
	return g.proxy.upstreams
}

// Policy is the effective policy.
func (g *Guard) Policy() panoply.Policy { return g.now().policy }

// Close ends the idle connections to the app, and those to the store.
func (g *Guard) Close() {
	now := g.now()
	if c := g.acme.Swap(nil); c != nil {
		c.Close()
	}
	now.proxy.upstreams.Retire(nil)
	now.learner.Close()
	now.watcher.Close()
	if now.store != nil {
		now.store.Close()
	}
}

// Announce logs what is on, a line for each protection.
func (g *Guard) Announce(ctx context.Context, listening string) {
	p := g.policy
	g.log.LogAttrs(ctx, slog.LevelInfo, "panoply guard", slog.String("profile", string(p.Profile)), slog.String("listening", listening),
		slog.String("upstream", servers(p)), slog.String("environment", string(p.Environment)))
	if p.Profile == panoply.Compatible {
		g.log.LogAttrs(ctx, slog.LevelInfo, "profile compatible enforces what cannot break an app that nobody has looked at; to see what strict would refuse",
			slog.String("run", "panoply guard --upstream "+servers(p)+" --profile strict --mode report"))
	}
	for _, l := range g.suit.Describe() {
		level := slog.LevelInfo
		if l.Mode != panoply.Enforce {
			level = slog.LevelWarn
		}
		g.log.LogAttrs(ctx, level, "protection", slog.Int("mistake", l.Mistake), slog.String("section", l.Name),
			slog.String("mode", string(l.Mode)), slog.String("does", l.What))
	}
	switch c := p.CSP; c.Mode {
	case panoply.Learn:
		g.log.LogAttrs(ctx, slog.LevelWarn, "a Content-Security-Policy is learned, and none is in force that stops scripts", slog.String("proposed_in", p.File(c.File)))
	case panoply.EnforceCSP:
		g.log.LogAttrs(ctx, slog.LevelInfo, "the Content-Security-Policy that was learned is in force", slog.String("file", p.File(c.File)))
	}
	for _, w := range g.suit.Warnings() {
		g.log.LogAttrs(ctx, slog.LevelWarn, "weakened", slog.String("by", w))
	}
}

// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

// Package upstream chooses which of an app's servers a request goes to.
//
// # What it does
//
// A policy has groups of servers, by host and path. A request goes to the first group that
// it fits: the path as the suit reads it, case and doubled slashes forgiven. Where
// an encoded slash lets routers read a path in two ways that lead to two groups, it is refused.
// What fits no group gets 421 when none has its host, else 404. Within the group servers take
// turns, or the one with the fewest requests under way is next.
//
// A server is left out while the checks say that it is down, and for 5 s after three requests
// in a row have failed for it: not connected, broken off, unanswered in time, or answered
// with what is not HTTP. What an app answers in HTTP says nothing about its server. If nothing but failures speaks
// against the last ones, they are tried all the same; a lone server always is.
// When the checks say that all are down, the answer is 503 with Retry-After. The
// first check of a server decides alone, so that the guard does not start by finding out
// what it could have asked; later ones need as many in a row as the policy says.
//
// Another server gets the request, at most twice, where the first cannot have seen any of it, or
// where it is a GET, HEAD or OPTIONS without a body on a connection that broke before an answer that is HTTP.
// Never after a server has kept it waiting too long, and never where a body has begun.
//
// Each server has a number of requests that may be open at once; more wait in its
// queue, at most 5 s, and get 503 with Retry-After when that is full.
//
// # A reload
//
// What stays as it is in a new policy goes on ([New] with the set before): its connections,
// its health, what is open to it. A server whose settings change keeps its health.
//
// # What it does not do
//
// Weights, sticky sessions, service discovery, and any retry that could have an effect
// twice. It looks a server's name up when it connects, and takes what the system gives.
//
// # Bounds
//
// 64 groups of 64 servers; for each server 4096 requests at once and 1024 in its queue unless
// the policy says otherwise, 512 idle connections, one goroutine for its checks, and 64 KiB of an answer to one.
package upstream

import (
	"crypto/sha256"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/panoply-security/panoply"
	"github.com/panoply-security/panoply/internal/fault"
	"github.com/panoply-security/panoply/problem"
	"github.com/panoply-security/panoply/route"
	"github.com/panoply-security/panoply/rule"
)

// Options are what a policy does not say.
type Options struct {
	Log    *slog.Logger
	Answer time.Duration     // for an answer to begin
	Queue  time.Duration     // in the queue of a server
	Check  func(http.Header) // puts headers on checks; nil for none
	// CheckSum tells one Check from another.
	CheckSum string
}

// Set is the upstreams of a policy.
type Set struct {
	groups   []*group
	table    route.Table
	owner    []int // the group of each pattern
	anything bool  // the first group takes all
	servers  map[string]*server
}

// New makes the upstreams of a policy that [Check] finds nothing wrong with, but for the
// files that it names. Servers of the set before, which may be nil, go on.
func New(p panoply.Policy, o Options, old *Set) (*Set, error) {
	s := &Set{servers: map[string]*server{}}
	var faults fault.List
	for i, g := range p.Groups() {
		at := fmt.Sprintf("upstreams[%d].tls", i)
		c, sum, err := loadTLS(p, g.TLS)
		if err != nil {
			faults.Add(at, err.Error(), "PEM files, named relative to the policy")
			continue
		}
		one := &group{hosts: g.Hosts, patterns: len(g.Match) > 0, least: g.Balance == panoply.LeastConnections, ownHost: g.NoPassHost, http2: g.HTTP2}
		for _, m := range g.Match {
			pattern, err := route.Compile(m)
			if err != nil {
				return nil, err
			}
			s.table.Add(pattern)
			s.owner = append(s.owner, i)
		}
		for _, name := range g.Servers {
			e, err := ParseServer(name)
			if err != nil {
				return nil, err
			}
			e.HTTP2 = g.HTTP2
			if e.TLS = c.Clone(); e.HTTP2 {
				e.TLS.NextProtos = []string{"h2"}
			} else {
				e.TLS.NextProtos = []string{"http/1.1"}
			}
			if e.TLS.ServerName == "" {
				e.TLS.ServerName = e.URL.Hostname()
			}
			key := fmt.Sprint(name, g.HTTP2, g.MaxRequests, g.MaxQueue, g.Health, g.TLS.ServerName, sum, o.Answer, o.Queue, sha256.Sum256([]byte(o.CheckSum)))
			one.servers = append(one.servers, s.server(key, old, func() *server {
				return &server{name: name, endpoint: e, transport: newTransport(e, o.Answer), health: g.Health, headers: o.Check, log: o.Log, wait: o.Queue,
					slots: make(chan struct{}, g.MaxRequests), maxQueue: int64(g.MaxQueue)}
			}))
		}
		s.groups = append(s.groups, one)
	}
	if err := faults.Err(); err != nil {
		s.Retire(old)
		return nil, err
	}
	s.anything = len(s.groups[0].hosts) == 0 && !s.groups[0].patterns
	return s, nil
}

// server is that of the key, from this set or the old one, else a new one with
// the condition that the same server is known to be in.
func (s *Set) server(key string, old *Set, made func() *server) *server {
	if have := s.servers[key]; have != nil {
		return have
	}
	if old != nil && old.servers[key] != nil {
		s.servers[key] = old.servers[key]
		return s.servers[key]
	}
	one := made()
	if old != nil {
		for _, other := range old.servers {
			if other.name == one.name {
				one.adopt(&other.condition)
				if one.health.Path == "" {
					one.down = false // nothing would ever say otherwise
				}
				break
			}
		}
	}
	s.servers[key] = one
	return one
}

// Start begins the checks of servers that have none yet.
func (s *Set) Start() {
	for _, one := range s.servers {
		one.start()
	}
}

// Retire ends what the other set, which may be nil, does not go on with. Requests under
// way are not disturbed.
func (s *Set) Retire(other *Set) {
	for key, one := range s.servers {
		if other == nil || other.servers[key] != one {
			one.end()
		}
	}
}

// RoundTrip sends a request to the group that is for it. The request is the set's own, its
// Host that of the client: URL and, if the group says so, Host change. Its errors are
// those of transports, and for what goes to no server a *problem.Error.
func (s *Set) RoundTrip(r *http.Request) (*http.Response, error) {
	g, err := s.choose(r)
	if err != nil {
		return nil, err
	}
	return g.roundTrip(r)
}

// choose finds the group for a request, or the answer to what none is for.
func (s *Set) choose(r *http.Request) (*group, error) {
	if s.anything {
		return s.groups[0], nil
	}
	key, err := route.KeyOf(r.URL)
	if err != nil && r.Method == http.MethodOptions && r.URL.Path == "*" { // of the server, not of a path
		key, err = route.Key{}, nil
	}
	if err != nil {
		return nil, problem.Refuse(rule.RequestPath, "").Because(err)
	}
	host := hostname(r.Host)
	var chosen *group
	for i, reading := range key.Readings() {
		g, known := s.first(r.Method, host, reading)
		switch {
		case i > 0 && g != chosen:
			return nil, problem.Refuse(rule.RequestPath, "The path has an encoded slash.")
		case g == nil && !known:
			e := problem.Refuse(rule.UpstreamNone, "")
			e.Status = http.StatusMisdirectedRequest
			return nil, e
		}
		chosen = g
	}
	if chosen == nil {
		return nil, problem.Refuse(rule.UpstreamNone, "")
	}
	return chosen, nil
}

// first is the first group that fits, nil for none. known reports whether any has the host.
func (s *Set) first(method, host string, key route.Key) (g *group, known bool) {
	var room [32]int
	met := s.table.Match(method, key, room[:0])
	for i, g := range s.groups {
		if !g.has(host) {
			continue
		}
		known = true
		if !g.patterns {
			return g, true
		}
		for _, id := range met {
			if s.owner[id] == i {
				return g, true
			}
		}
	}
	return nil, known
}

// hostname is a Host header without its port, as names are compared.
func hostname(host string) string {
	if i := strings.LastIndexByte(host, ':'); i >= 0 && strings.IndexByte(host[i:], ']') < 0 {
		host = host[:i]
	}
	return strings.ToLower(strings.TrimSuffix(host, "."))
}

// Stat is what is known of a server.
type Stat struct {
	Server   string `json:"server"`
	Up       bool   `json:"up"`       // neither down nor left out
	Open     int64  `json:"open"`     // requests and WebSockets under way
	Waiting  int64  `json:"waiting"`  // in its queue
	Failures int64  `json:"failures"` // since it was there first
}

// Stats are those of each server, of its several settings together.
func (s *Set) Stats() []Stat {
	var all []Stat
	at := map[string]int{}
	now := time.Now()
	for _, g := range s.groups {
		for _, one := range g.servers {
			down, ejected := one.state()
			i, have := at[one.name]
			if !have {
				i = len(all)
				at[one.name] = i
				all = append(all, Stat{Server: one.name, Up: true})
			}
			all[i].Up = all[i].Up && !down && !now.Before(ejected)
			all[i].Open += one.open.Load()
			all[i].Waiting += one.waiting.Load()
			all[i].Failures += one.failures.Load()
		}
	}
	return all
}

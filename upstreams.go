// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package panoply

import (
	"cmp"
	"time"
)

// UpstreamGroup is some servers that run the same app, and says which requests go there: those
// to one of Hosts, if it names any, that meet one of Match, if it names any. A request
// goes to the first group that it fits.
type UpstreamGroup struct {
	Servers []string `yaml:"servers" doc:"the app's servers: http://host:port, https://host:port, or unix:/run/app.sock; 1 to 64"`
	Hosts   []string `yaml:"hosts" doc:"the names in the Host header that go there: shop.example, or *.shop.example for all below; any by default"`
	Match   []string `yaml:"match" doc:"the routes that go there: /api/ for a subtree; any by default"`

	Balance Balance `yaml:"balance" doc:"which server is next: round_robin (the default) or least_connections"`
	// HTTP2 also without TLS, with prior knowledge (h2c).
	HTTP2 bool `yaml:"http2" doc:"speak HTTP/2 with the servers, h2c where they are http://, as gRPC needs; WebSockets then are not served"`
	// NoPassHost sends the server's own name as Host, and the client's as X-Forwarded-Host alone.
	NoPassHost bool `yaml:"pass_host,not" doc:"send the Host that the client has sent, else that of the server; true by default"`

	// MaxRequests bounds what is open to one server: from the request to the last byte of
	// the answer, WebSockets but to their beginning.
	MaxRequests int `yaml:"max_requests" doc:"requests to one server at once, 4096 by default"`
	MaxQueue    int `yaml:"max_queue" doc:"requests that wait for one server with so many, for at most 5 s, before 503; 1024 by default"`

	Health Health      `yaml:"health" doc:"ask each server whether it is well"`
	TLS    UpstreamTLS `yaml:"tls" doc:"of https:// servers"`
}

// Balance says which server of a group is next.
type Balance string

// The ways to choose.
const (
	RoundRobin       Balance = "round_robin"       // in turns
	LeastConnections Balance = "least_connections" // the one with the fewest requests under way
)

// Values are the words a policy may use.
func (Balance) Values() []string { return []string{string(RoundRobin), string(LeastConnections)} }

// Health asks servers whether they are well: GET to a path that answers with a status from
// 200 to 399. The zero value asks nothing; then only what fails says so.
type Health struct {
	Path      string        `yaml:"path" doc:"what to GET, /healthz; nothing is asked without one"`
	Interval  time.Duration `yaml:"interval" doc:"from one question to the next, 100ms to 1h; 2s by default"`
	Timeout   time.Duration `yaml:"timeout" doc:"for an answer, at most 1m; 1s by default"`
	Healthy   int           `yaml:"healthy" doc:"good answers in a row that bring a server back, 1 to 100; 2 by default"`
	Unhealthy int           `yaml:"unhealthy" doc:"bad ones in a row that take it out, 1 to 100; 3 by default"`
}

// UpstreamTLS is how servers prove who they are, and the guard to them. Files are PEM,
// named relative to the policy.
type UpstreamTLS struct {
	CA         string `yaml:"ca" doc:"the certificate authorities that servers' certificates are from; the system's by default"`
	Cert       string `yaml:"cert" doc:"the guard's own certificate, for servers that ask for one"`
	Key        string `yaml:"key" doc:"and its key"`
	ServerName string `yaml:"server_name" doc:"the name in the servers' certificates; the host of their URL by default"`
}

// UpstreamSecret is a header by which the app knows that a request came through the guard.
// What clients send under its name never arrives.
type UpstreamSecret struct {
	Env    string `yaml:"env" doc:"the environment variable that holds the secret, at least 32 bytes of printable ASCII"`
	Header string `yaml:"header" doc:"X-Upstream-Secret by default"`
}

// Groups are the policy's upstreams, in order and with their defaults; upstream alone is a group
// of one server.
func (p *Policy) Groups() []UpstreamGroup {
	groups := p.Upstreams
	if p.Upstream != "" {
		groups = []UpstreamGroup{{Servers: []string{p.Upstream}}}
	}
	all := make([]UpstreamGroup, len(groups))
	for i, u := range groups {
		all[i] = u.effective()
	}
	return all
}

// proxies reports whether the policy is of a guard, with an app behind.
func (p *Policy) proxies() bool { return p.Upstream != "" || len(p.Upstreams) > 0 }

func (u UpstreamGroup) effective() UpstreamGroup {
	u.Balance = cmp.Or(u.Balance, RoundRobin)
	u.MaxRequests = cmp.Or(u.MaxRequests, 4096)
	u.MaxQueue = cmp.Or(u.MaxQueue, 1024)
	if h := &u.Health; h.Path != "" {
		h.Interval = cmp.Or(h.Interval, 2*time.Second)
		h.Timeout = cmp.Or(h.Timeout, time.Second)
		h.Healthy = cmp.Or(h.Healthy, 2)
		h.Unhealthy = cmp.Or(h.Unhealthy, 3)
	}
	return u
}

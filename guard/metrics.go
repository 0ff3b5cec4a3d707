// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/panoply-security/panoply"
	"github.com/panoply-security/panoply/problem"
	"github.com/panoply-security/panoply/rule"
)

// maxRoutes is how many of the policies' patterns are labels, of all policies since the
// start. With the rules of the catalogue that bounds the series, whatever clients send: a
// label is never a path, a client or anything else that they choose.
const maxRoutes = 200

// otherRoute is the label of patterns beyond maxRoutes.
const otherRoute = "other"

// metrics counts for Prometheus what the guard does. It outlives reloads.
type metrics struct {
	handler  http.Handler
	requests *prometheus.CounterVec
	blocks   *prometheus.CounterVec
	added    prometheus.Histogram
	upstream prometheus.Histogram
	reloads  *prometheus.CounterVec
	last     prometheus.Gauge

	first *Guard // of those that follow one another

	routes sync.Map // of patterns that are labels
	adding sync.Mutex
	known  int // how many
}

// seconds are the bounds of the histograms: from what the suit adds to a small request to
// what the guard waits for an app.
var seconds = []float64{25e-6, 50e-6, 100e-6, 250e-6, 500e-6, 1e-3, 2.5e-3, 5e-3, 10e-3, 25e-3, 50e-3, 100e-3, 250e-3, 500e-3, 1, 2.5, 5, 10, 30, 60}

func newMetrics() *metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	}
	histogram := func(name, help string) prometheus.Histogram {
		return prometheus.NewHistogram(prometheus.HistogramOpts{Name: name, Help: help, Buckets: seconds})
	}
	m := &metrics{
		requests: counter("panoply_requests_total", "Requests, by the longest pattern of the policy that they met and the class of their status; none where the answer never began.", "route", "status"),
		blocks:   counter("panoply_blocks_total", "Requests refused and answers replaced, by rule and route; with mode report those that would have been.", "rule", "route", "mode"),
		added:    histogram("panoply_added_seconds", "What the guard adds to a request: the time before the app is asked, with the wait for a body that is judged whole, and after it has answered."),
		upstream: histogram("panoply_upstream_seconds", "From asking the app to the header of its answer, or to the error instead."),
		reloads:  counter("panoply_reloads_total", "Policies that were to take the place of the one in force, by result: ok or refused.", "result"),
		last:     prometheus.NewGauge(prometheus.GaugeOpts{Name: "panoply_policy_loaded_timestamp_seconds", Help: "When the policy in force was loaded."}),
	}
	for _, result := range []string{"ok", "refused"} {
		m.reloads.WithLabelValues(result)
	}
	m.last.SetToCurrentTime()
	registry := prometheus.NewRegistry()
	registry.MustRegister(m.requests, m.blocks, m.added, m.upstream, m.reloads, m.last, state{m},
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.handler = promhttp.HandlerFor(registry, promhttp.HandlerOpts{MaxRequestsInFlight: 4})
	return m
}

// of says whose metrics they are.
func (m *metrics) of(g *Guard) {
	if m != nil {
		m.first = g
	}
}

// Decided counts a decision.
func (m *metrics) Decided(_ *http.Request, x *problem.Exchange, e *problem.Error, reported bool) {
	id, mode := string(e.Rule), panoply.Enforce
	if rule.Lookup(e.Rule) == nil {
		id = "other"
	}
	if reported {
		mode = panoply.Report
	}
	m.blocks.WithLabelValues(id, m.route(x.Route), string(mode)).Inc()
}

// Answered counts a request.
func (m *metrics) Answered(_ *http.Request, x *problem.Exchange, a panoply.Answer) {
	status, class := a.Status, "none"
	if status >= 100 && status <= 599 {
		class = [...]string{"1xx", "2xx", "3xx", "4xx", "5xx"}[status/100-1]
	} else if status > 599 {
		class = otherRoute
	}
	m.requests.WithLabelValues(m.route(x.Route), class).Inc()
	m.added.Observe(a.Added.Seconds())
}

// route is the label of a pattern, "" of none.
func (m *metrics) route(pattern string) string {
	if pattern == "" {
		return ""
	}
	if _, known := m.routes.Load(pattern); known {
		return pattern
	}
	m.adding.Lock()
	defer m.adding.Unlock()
	if m.known == maxRoutes {
		return otherRoute
	}
	if _, known := m.routes.LoadOrStore(pattern, nil); !known {
		m.known++
	}
	return pattern
}

// reloaded counts a reload.
func (m *metrics) reloaded(err error) {
	switch {
	case m == nil:
	case err != nil:
		m.reloads.WithLabelValues("refused").Inc()
	default:
		m.reloads.WithLabelValues("ok").Inc()
		m.last.SetToCurrentTime()
	}
}

// timed measures how long the app takes to begin its answers.
func (m *metrics) timed(to http.RoundTripper) http.RoundTripper {
	if m == nil {
		return to
	}
	return &timed{to, m.upstream}
}

type timed struct {
	to   http.RoundTripper
	took prometheus.Histogram
}

func (t *timed) RoundTrip(r *http.Request) (*http.Response, error) {
	began := time.Now()
	res, err := t.to.RoundTrip(r)
	t.took.Observe(time.Since(began).Seconds())
	return res, err
}

// state is what is asked of the guard when it is scraped.
type state struct{ *metrics }

var (
	modeOf      = prometheus.NewDesc("panoply_protection_mode", "1 for the mode that a protection is in.", []string{"mistake", "protection", "mode"}, nil)
	decisions   = prometheus.NewDesc("panoply_ratelimit_decisions_total", "Decisions of a rate limit of the policy in force: allowed, refused, or given back after a success.", []string{"limit", "decision"}, nil)
	waiting     = prometheus.NewDesc("panoply_ratelimit_waiting", "Requests that wait for undecided attempts of others.", []string{"limit"}, nil)
	storeDown   = prometheus.NewDesc("panoply_ratelimit_store_down", "1 while the shared store of the rate limits does not answer.", nil, nil)
	storeErrors = prometheus.NewDesc("panoply_ratelimit_without_store_total", "Decisions that on_store_error made, because the shared store did not answer.", nil, nil)
	mistakes    = prometheus.NewDesc("panoply_client_mistakes_total", "Requests and connections which show that the proxies in front are not as the policy says.", []string{"mistake"}, nil)
	expires     = prometheus.NewDesc("panoply_certificate_expires_timestamp_seconds", "When the certificate that is served for a domain runs out.", []string{"domain"}, nil)
	acmeResults = prometheus.NewDesc("panoply_acme_certificates_total", "Certificates asked for by ACME, by result: ok or failed.", []string{"result"}, nil)
	serverUp    = prometheus.NewDesc("panoply_upstream_up", "1 for a server of the app that is neither down nor left out for what has failed.", []string{"server"}, nil)
	serverOpen  = prometheus.NewDesc("panoply_upstream_open", "Requests and WebSockets under way to a server of the app.", []string{"server"}, nil)
	serverQueue = prometheus.NewDesc("panoply_upstream_waiting", "Requests that wait for a server of the app with room for them.", []string{"server"}, nil)
	serverFails = prometheus.NewDesc("panoply_upstream_failures_total", "Requests that a server of the app has not answered: not connected, broken off, or too late.", []string{"server"}, nil)
	findings    = prometheus.NewDesc("panoply_findings", "What is wrong with the tokens and cookies that the app gives out.", nil, nil)
	connections = prometheus.NewDesc("panoply_connections", "Connections of clients that are open.", nil, nil)
	turnedAway  = prometheus.NewDesc("panoply_connections_refused_total", "Connections beyond the bound of all, or of one address.", []string{"bound"}, nil)
	stopping    = prometheus.NewDesc("panoply_stopping", "1 while the guard drains.", nil, nil)
)

// Describe is of the metrics that Collect gives.
func (state) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{modeOf, decisions, waiting, storeDown, storeErrors, mistakes, expires, acmeResults, serverUp, serverOpen, serverQueue, serverFails, findings, connections, turnedAway, stopping} {
		to <- d
	}
}

// Collect asks the guard that is in force.
func (s state) Collect(to chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	counter := func(d *prometheus.Desc, v float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, v, labels...)
	}
	g := s.first.now()
	for _, l := range g.suit.Describe() {
		for _, mode := range l.Mode.Values() {
			gauge(modeOf, oneIf(l.Mode == panoply.Mode(mode)), strconv.Itoa(l.Mistake), l.Name, mode)
		}
	}
	stats := g.suit.Limits().Stats()
	for _, r := range stats.Rules {
		counter(decisions, float64(r.Allowed), r.Name, "allowed")
		counter(decisions, float64(r.Refused), r.Name, "refused")
		counter(decisions, float64(r.Returned), r.Name, "returned")
		gauge(waiting, float64(r.Waiting), r.Name)
	}
	gauge(storeDown, oneIf(stats.StoreDown))
	counter(storeErrors, float64(stats.WithoutStore))
	for m, n := range g.clients.counts() {
		counter(mistakes, float64(n), string(m))
	}
	for name, at := range s.first.expiries() {
		gauge(expires, float64(at.Unix()), name)
	}
	if c := s.first.acme.Load(); c != nil {
		stats := c.Stats()
		counter(acmeResults, float64(stats.Obtained), "ok")
		counter(acmeResults, float64(stats.Failed), "failed")
	}
	for _, u := range g.proxy.upstreams.Stats() {
		gauge(serverUp, oneIf(u.Up), u.Server)
		gauge(serverOpen, float64(u.Open), u.Server)
		gauge(serverQueue, float64(u.Waiting), u.Server)
		counter(serverFails, float64(u.Failures), u.Server)
	}
	gauge(findings, float64(len(g.watcher.Findings())))
	gauge(connections, float64(g.crowd.open()))
	for reason, name := range crowdReasons {
		counter(turnedAway, float64(g.crowd.refused[reason].Load()), name)
	}
	gauge(stopping, oneIf(g.draining.Load()))
}

func oneIf(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

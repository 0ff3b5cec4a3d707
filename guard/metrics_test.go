// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/panoply-security/panoply"
	"github.com/panoply-security/panoply/problem"
	"github.com/panoply-security/panoply/rule"
)

// scraped is what the guard tells Prometheus, by series. Histograms are there with their
// counts alone.
func scraped(t *testing.T, g *Guard) map[string]float64 {
	t.Helper()
	resp := ask(g, "GET", "/metrics", "localhost")
	b, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != 200 {
		t.Fatal(resp.StatusCode, err)
	}
	all := map[string]float64{}
	for line := range strings.Lines(string(b)) {
		at := strings.LastIndexByte(line, ' ')
		name := line[:max(at, 0)]
		if !strings.HasPrefix(name, "panoply_") || strings.Contains(name, "_bucket") || strings.Contains(name, "_sum") {
			continue
		}
		if all[name], err = strconv.ParseFloat(strings.TrimSpace(line[at:]), 64); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

const observed = `admin: "127.0.0.1:0"
bodies: {routes: [{match: "POST /items/{id}", schema: {properties: {a: {type: integer}}}}]}
rate_limits: {no_general_limit: true, rules: [{name: all, match: GET /few, limit: 1, window: 1h, count: all}]}
`

func TestMetrics(t *testing.T) {
	g := start(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/500":
			w.WriteHeader(500)
		case "/broken":
			panic(http.ErrAbortHandler)
		}
	}, options{policy: observed + "uploads: report\n"})
	g.do(t, "GET", "/", "")
	g.do(t, "GET", "/few", "")
	g.do(t, "GET", "/few", "")
	g.do(t, "GET", "/500", "")
	g.do(t, "GET", "/broken", "")
	g.post(t, "/items/17", `{"a":1}`)
	g.post(t, "/items/18", `{"a":"x"}`)
	g.post(t, "/items/19", `{"a":{"$ne":1}}`)
	if err := g.Reload(t.Context(), g.reloaded(t, observed+"nosql: report\n")); err != nil {
		t.Fatal(err)
	}
	g.post(t, "/items/20?x[$ne]=1", `{"a":1}`)
	bad := g.reloaded(t, observed)
	bad.Upstream = "x"
	if err := g.Reload(t.Context(), bad); err == nil {
		t.Fatal("a bad policy is in force")
	}
	got := scraped(t, g.Guard)
	for series, want := range map[string]float64{
		`panoply_requests_total{route="",status="2xx"}`:                                        1,
		`panoply_requests_total{route="",status="5xx"}`:                                        2,
		`panoply_requests_total{route="GET /few",status="2xx"}`:                                1,
		`panoply_requests_total{route="GET /few",status="4xx"}`:                                1,
		`panoply_requests_total{route="POST /items/{id}",status="2xx"}`:                        2,
		`panoply_requests_total{route="POST /items/{id}",status="4xx"}`:                        2,
		`panoply_blocks_total{mode="enforce",route="GET /few",rule="ratelimit/exceeded"}`:      1,
		`panoply_blocks_total{mode="enforce",route="POST /items/{id}",rule="validate/schema"}`: 1,
		`panoply_blocks_total{mode="enforce",route="POST /items/{id}",rule="nosql/operator"}`:  1,
		`panoply_blocks_total{mode="report",route="POST /items/{id}",rule="nosql/operator"}`:   1,
		`panoply_blocks_total{mode="enforce",route="",rule="request/upstream-down"}`:           1,
		`panoply_added_seconds_count`:                                                          9,
		`panoply_upstream_seconds_count`:                                                       6,
		`panoply_reloads_total{result="ok"}`:                                                   1,
		`panoply_reloads_total{result="refused"}`:                                              1,
		`panoply_protection_mode{mistake="7",mode="report",protection="nosql"}`:                1,
		`panoply_protection_mode{mistake="7",mode="enforce",protection="nosql"}`:               0,
		`panoply_protection_mode{mistake="6",mode="enforce",protection="uploads"}`:             1,
		`panoply_ratelimit_store_down`:                                                         0,
		`panoply_ratelimit_without_store_total`:                                                0,
		`panoply_client_mistakes_total{mistake="untrusted-proxy"}`:                             0,
		`panoply_findings`: 0,
		`panoply_stopping`: 0,
	} {
		if n, there := got[series]; !there || n != want {
			t.Errorf("%s is %v (%v); want %v", series, n, there, want)
		}
	}
	if t.Failed() {
		for series, n := range got {
			t.Log(series, n)
		}
	}
}

// The names, labels and helps are what dashboards and alerts are written for.
func TestMetricsStayTheSame(t *testing.T) {
	g := admin(t, observed)
	g.metrics.Decided(nil, &problem.Exchange{}, problem.Refuse(rule.RequestPath, ""), false)
	g.metrics.Answered(nil, &problem.Exchange{}, panoply.Answer{Status: 200})
	b, err := io.ReadAll(ask(g, "GET", "/metrics", "localhost").Body)
	if err != nil {
		t.Fatal(err)
	}
	var kept strings.Builder
	for line := range strings.Lines(string(b)) {
		if strings.HasPrefix(line, "# ") && strings.Contains(line, " panoply_") {
			kept.WriteString(line)
		}
	}
	file := filepath.Join("testdata", "metrics.golden")
	if *update {
		if err := os.WriteFile(file, []byte(kept.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if kept.String() != string(want) {
		t.Errorf("%s differs; got\n%s", file, kept.String())
	}
}

// Nothing that a client sends becomes a label.
func TestClientsMakeNoSeries(t *testing.T) {
	g := start(t, ok, options{policy: observed + "nosql: report\n"})
	several := func(n int) {
		for i := range n {
			g.do(t, "GET", fmt.Sprintf("/p%d?a[$ne]=%d", i, i), "", "X-Forwarded-For", fmt.Sprintf("10.0.0.%d", i))
			g.post(t, fmt.Sprintf("/items/%d", i), `{"a":1}`)
		}
	}
	several(1)
	before := len(scraped(t, g.Guard))
	several(50)
	if after := len(scraped(t, g.Guard)); after != before {
		t.Errorf("%d series, then %d", before, after)
	}
}

// Patterns come from the operator, but reloads bring ever new ones.
func TestRoutesAreBounded(t *testing.T) {
	m := newMetrics()
	for i := range 2 * maxRoutes {
		want := fmt.Sprintf("GET /%d", i)
		if i >= maxRoutes {
			want = otherRoute
		}
		if got := m.route(fmt.Sprintf("GET /%d", i)); got != want {
			t.Fatalf("got %q; want %q", got, want)
		}
	}
	if got := m.route("GET /0") + m.route(""); got != "GET /0" {
		t.Errorf("got %q", got)
	}
}

// Without an admin listener nothing is counted.
func TestNoMetricsWithoutAdmin(t *testing.T) {
	var m *metrics
	m.of(nil)
	m.reloaded(errors.New("x"))
	if to := http.DefaultTransport; m.timed(to) != to {
		t.Error("the app's answers are timed")
	}
	if g := admin(t, "admin: off"); g.metrics != nil || ask(g, "GET", "/metrics", "localhost").StatusCode != 404 {
		t.Error("there are metrics")
	}
}

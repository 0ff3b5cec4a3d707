// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package upstream

import (
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/panoply-security/panoply"
	"github.com/panoply-security/panoply/problem"
)

func parse(t *testing.T, src string) panoply.Policy {
	t.Helper()
	p, err := panoply.Parse("policy.yaml", []byte(src))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func quiet() Options {
	return Options{Log: slog.New(slog.DiscardHandler), Answer: time.Minute, Queue: time.Minute}
}

func made(t *testing.T, src string, old *Set) *Set {
	t.Helper()
	p := parse(t, src)
	if faults := Check(p); len(faults) > 0 {
		t.Fatal(faults)
	}
	s, err := New(p, quiet(), old)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Whatever is wrong with upstreams is told, each with the path of its value.
func TestCheck(t *testing.T) {
	const one = "upstreams: [{servers: ['http://127.0.0.1:1']"
	for name, tt := range map[string]struct {
		policy string
		faults []string
	}{
		"none":                 {"mode: enforce", []string{"upstream"}},
		"one":                  {"upstream: http://127.0.0.1:3000", nil},
		"unix":                 {"upstream: unix:/run/app.sock", nil},
		"unix-relative":        {"upstream: unix:app.sock", []string{"upstream"}},
		"unix-too-long":        {"upstream: unix:/" + strings.Repeat("x", 103), []string{"upstream"}},
		"both":                 {"upstream: http://127.0.0.1:3000\n" + one + "}]", []string{"upstreams"}},
		"group":                {one + ", hosts: [shop.example, '*.shop.example', '[::1]', 192.0.2.1], match: [/api/, POST /x]}]", nil},
		"no-servers":           {"upstreams: [{servers: []}]", []string{"upstreams[0].servers"}},
		"bad-server":           {"upstreams: [{servers: ['http://a:1', '127.0.0.1:1', 'http://a/x', 'ftp://a']}]", []string{"upstreams[0].servers[1]", "upstreams[0].servers[2]", "upstreams[0].servers[3]"}},
		"same-server-twice":    {"upstreams: [{servers: ['http://a:1', 'http://a:1']}]", []string{"upstreams[0].servers[1]"}},
		"never-reached":        {one + "}, {servers: ['http://b'], match: /api/}, {servers: ['http://c']}]", []string{"upstreams[1]", "upstreams[2]"}},
		"catch-all-is-last":    {one + ", match: /api/}, {servers: ['http://b']}]", nil},
		"bad-host":             {one + ", hosts: ['shop.example:80', 'a b', '*', '']}]", []string{"upstreams[0].hosts[0]", "upstreams[0].hosts[1]", "upstreams[0].hosts[2]", "upstreams[0].hosts[3]"}},
		"bad-pattern":          {one + ", match: [api]}]", []string{"upstreams[0].match[0]"}},
		"bounds":               {one + ", max_requests: -1, max_queue: 2000000}]", []string{"upstreams[0].max_requests", "upstreams[0].max_queue"}},
		"health":               {one + ", health: {path: '/healthz?a=b', interval: 1s, timeout: 500ms, healthy: 1, unhealthy: 1}}]", nil},
		"health-no-path":       {one + ", health: {interval: 1s}}]", []string{"upstreams[0].health.path"}},
		"health-all-wrong":     {one + ", health: {path: 'http://b/', interval: 1ms, timeout: 2m, healthy: 101, unhealthy: -1}}]", []string{"upstreams[0].health.path", "upstreams[0].health.interval", "upstreams[0].health.timeout", "upstreams[0].health.healthy", "upstreams[0].health.unhealthy"}},
		"tls-without-https":    {one + ", tls: {ca: ca.pem}}]", []string{"upstreams[0].tls"}},
		"half-a-certificate":   {"upstreams: [{servers: ['https://a'], tls: {cert: a.pem}}]", []string{"upstreams[0].tls"}},
		"certificate-and-more": {"upstreams: [{servers: ['https://a', 'http://b'], tls: {cert: a.pem, key: a.pem, ca: b.pem, server_name: x}}]", nil},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, f := range Check(parse(t, tt.policy)) {
				got = append(got, f.Path)
				if f.Hint == "" {
					t.Errorf("%v has no hint", f)
				}
			}
			if strings.Join(got, " ") != strings.Join(tt.faults, " ") {
				t.Errorf("got %q; want %q", got, tt.faults)
			}
		})
	}
}

func TestFilesThatCannotBeReadAreFaults(t *testing.T) {
	p := parse(t, "upstreams: [{servers: ['https://a'], match: /a/, tls: {ca: none.pem}}, {servers: ['https://b'], tls: {cert: none.pem, key: none.pem}}]")
	_, err := New(p, quiet(), nil)
	for _, want := range []string{"upstreams[0].tls: ", "upstreams[1].tls: "} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v; want %s", err, want)
		}
	}
}

// A request goes to the first group that it fits, in the spelling that the suit compares.
func TestChoose(t *testing.T) {
	s := made(t, `upstreams:
  - {servers: ['http://0'], hosts: [api.example], match: [/v1/, POST /orders]}
  - {servers: ['http://1'], hosts: [api.example, '*.api.example', '[::1]']}
  - {servers: ['http://2'], hosts: [shop.example], match: '/users/{id}'}
  - {servers: ['http://3'], hosts: [shop.example], match: '/users/{id}/photos'}
`, nil)
	for name, tt := range map[string]struct {
		method, host, target string
		group                int // or
		status               int
	}{
		"path":                  {"GET", "api.example", "/v1/a", 0, 0},
		"path-in-other-letters": {"GET", "API.example.", "//V1//a", 0, 0},
		"path-escaped":          {"GET", "api.example:8443", "/%761/a", 0, 0},
		"method":                {"POST", "api.example", "/orders", 0, 0},
		"another-method":        {"GET", "api.example", "/orders", 1, 0},
		"the-rest-of-a-host":    {"GET", "api.example", "/v2", 1, 0},
		"below-a-host":          {"GET", "a.b.api.example", "/v1/a", 1, 0},
		"not-below-a-host":      {"GET", "xapi.example", "/v1/a", 0, 421},
		"ipv6":                  {"GET", "[::1]:80", "/", 1, 0},
		"parameter":             {"GET", "shop.example", "/users/7", 2, 0},
		"no-route":              {"GET", "shop.example", "/", 0, 404},
		"no-host":               {"GET", "evil.example", "/v1/a", 0, 421},
		"empty-host":            {"GET", "", "/v1/a", 0, 421},
		"two-readings":          {"GET", "shop.example", "/users/7%2Fphotos", 0, 400},
		"two-readings-same":     {"GET", "api.example", "/v1/7%2Fphotos", 0, 0},
		"dots":                  {"GET", "shop.example", "/users/../v1", 0, 400},
		"options-of-the-server": {"OPTIONS", "api.example", "*", 1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest(tt.method, "http://x/", nil)
			if r.URL.Path = "*"; tt.target != "*" {
				r = httptest.NewRequest(tt.method, tt.target, nil)
			}
			r.Host = tt.host
			g, err := s.choose(r)
			status := 0
			if err != nil {
				if e := problem.As(err); e.Status != 0 {
					status = e.Status
				} else {
					status = map[string]int{"request/upstream-none": 404, "request/path": 400}[string(e.Rule)]
				}
			}
			if status != tt.status || err == nil && g != s.groups[tt.group] {
				t.Errorf("got %v, %v", g, err)
			}
		})
	}
}

// What stays as it is goes on over a reload, and what is known of a server that changes.
func TestReload(t *testing.T) {
	old := made(t, "upstreams: [{servers: ['http://a', 'http://b', 'http://c'], health: {path: /}}]", nil)
	for _, s := range old.servers {
		s.checked(errNoHTTP2) // down
	}
	next := made(t, "upstreams: [{servers: ['http://a', 'http://d'], match: /x/, health: {path: /}}, {servers: ['http://b'], health: {path: /other}}, ]", old)
	a, d, b := next.groups[0].servers[0], next.groups[0].servers[1], next.groups[1].servers[0]
	if a != old.groups[0].servers[0] {
		t.Error("a server that stays is another one")
	}
	if b == old.groups[0].servers[1] || !b.down {
		t.Error("a server whose checks change is the same, or well again")
	}
	if d.down {
		t.Error("a new server is down")
	}
	last := made(t, "upstreams: [{servers: ['http://b']}]", next)
	if last.groups[0].servers[0].down {
		t.Error("a server without checks is down for ever")
	}
	// One server, in two groups with the same settings.
	both := made(t, "upstreams: [{servers: ['http://a'], match: /x/}, {servers: ['http://a']}]", nil)
	if both.groups[0].servers[0] != both.groups[1].servers[0] || len(both.Stats()) != 1 {
		t.Error("the same server is there twice")
	}
	// With other ones it has one line of metrics nevertheless.
	both = made(t, "upstreams: [{servers: ['http://a'], match: /x/}, {servers: ['http://a'], max_queue: 7}]", nil)
	both.groups[1].servers[0].failures.Add(2)
	both.groups[0].servers[0].failures.Add(1)
	if got := both.Stats(); len(got) != 1 || got[0].Failures != 3 || !got[0].Up {
		t.Errorf("stats are %v", got)
	}
}

// Whatever a server is said to be, it is refused or has one place.
func FuzzParseServer(f *testing.F) {
	for _, s := range []string{"http://127.0.0.1:3000", "https://app.internal/", "unix:/run/app.sock", "unix:app", "http://u:p@a", "http://[::1]:80", "http://a?b", "http:a", "//a"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		e, err := ParseServer(s)
		if err != nil {
			return
		}
		if e.URL.Host == "" || e.URL.User != nil || e.URL.Path != "" || e.URL.Scheme != "http" && e.URL.Scheme != "https" {
			t.Errorf("%q is %v", s, e.URL)
		}
	})
}

// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"encoding/json"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

func admin(t *testing.T, policy string) *Guard {
	t.Helper()
	g, err := New(parsePolicy(t, policy), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func ask(g *Guard, method, path, host string) *http.Response {
	r := httptest.NewRequest(method, path, nil)
	r.Host = host
	rec := httptest.NewRecorder()
	g.adminHandler().ServeHTTP(rec, r)
	return rec.Result()
}

// A page on the web that points its own name at this machine learns nothing.
func TestAdminAnswersLoopbackNamesAlone(t *testing.T) {
	g := admin(t, "")
	for host, want := range map[string]int{
		"127.0.0.1:9901": 200, "127.0.0.1": 200, "localhost:9901": 200, "LOCALHOST": 200, "[::1]:9901": 200, "[::1]": 200, "127.8.8.8:1": 200,
		"": 403, "evil.example": 403, "evil.example:9901": 403, "localhost.evil.example": 403, "127.0.0.1.evil.example": 403, "localhost:9901:x": 403,
		"0.0.0.0:9901": 403, "10.0.0.1": 403, "[::ffff:10.0.0.1]:1": 403, "localhost.": 403, "2130706433": 403, "127.1": 403,
	} {
		for _, path := range []string{"/", "/healthz", "/readyz", "/metrics", "/nothing"} {
			want := want
			if want == 200 && path == "/nothing" {
				want = 404
			}
			resp := ask(g, "GET", path, host)
			if resp.StatusCode != want || resp.Header.Get("X-Content-Type-Options") != "nosniff" || resp.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("%s of %q: got %d with %v; want %d", path, host, resp.StatusCode, resp.Header, want)
			}
		}
	}
	for _, method := range []string{"POST", "PUT", "DELETE", "OPTIONS"} {
		if resp := ask(g, method, "/", "localhost"); resp.StatusCode != 405 {
			t.Errorf("%s: got %d; want 405", method, resp.StatusCode)
		}
	}
}

func TestAdminTellsWhatIsOn(t *testing.T) {
	g := admin(t, "profile: compatible\nnosql: report\nupstream: http://127.0.0.1:3999")
	resp := ask(g, "GET", "/", "localhost")
	if ct := resp.Header.Get("Content-Type"); ct != "application/json" {
		t.Errorf("Content-Type: %q", ct)
	}
	var got struct {
		Profile, Upstream string
		Protections       []map[string]any
		Warnings          []string
		ClientMistakes    map[string]int `json:"client_mistakes"`
		Findings          []any
		Servers           []map[string]any
	}
	decoder := json.NewDecoder(resp.Body)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&got); err != nil {
		t.Fatal(err)
	}
	if got.Profile != "compatible" || got.Upstream != "http://127.0.0.1:3999" || !slices.Contains(got.Warnings, "nosql: mode report") {
		t.Errorf("got %+v", got)
	}
	if want := map[string]int{"untrusted-proxy": 0, "unread-header": 0, "no-proxy-header": 0}; !maps.Equal(got.ClientMistakes, want) {
		t.Errorf("client_mistakes: got %v; want %v", got.ClientMistakes, want)
	}
	if len(got.Servers) != 1 || got.Servers[0]["server"] != got.Upstream || got.Servers[0]["up"] != true {
		t.Errorf("servers: %v", got.Servers)
	}
	if got.Findings == nil || len(got.Findings) > 0 {
		t.Errorf("findings: %v", got.Findings)
	}
	mistakes := map[float64]bool{}
	for _, p := range got.Protections {
		mistakes[p["mistake"].(float64)] = true
		if p["name"] == "nosql" && p["mode"] != "report" || p["what"] == "" {
			t.Errorf("got %v", p)
		}
	}
	if len(mistakes) != 7 {
		t.Errorf("got mistakes %v; want all seven", mistakes)
	}
}

func TestReadinessEndsWithTheStop(t *testing.T) {
	g := admin(t, "")
	if resp := ask(g, "GET", "/readyz", "localhost"); resp.StatusCode != 200 {
		t.Errorf("got %d", resp.StatusCode)
	}
	g.draining.Store(true)
	if resp := ask(g, "GET", "/readyz", "localhost"); resp.StatusCode != 503 {
		t.Errorf("stopping: got %d; want 503", resp.StatusCode)
	}
	if resp := ask(g, "GET", "/healthz", "localhost"); resp.StatusCode != 200 {
		t.Errorf("stopping: not healthy, %d", resp.StatusCode)
	}
}

// The admin page has a listener of its own, which ends with the guard.
func TestAdminIsServed(t *testing.T) {
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := free.Addr().String()
	free.Close()
	g := start(t, ok, options{policy: "admin: " + addr})
	resp, err := http.Get("http://" + addr + "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 200 {
		t.Errorf("got %d", resp.StatusCode)
	}
	if _, body := g.do(t, "GET", "/healthz", ""); body != "ok" {
		t.Errorf("the app's own /healthz is not its own: %q", body)
	}
	http.DefaultClient.CloseIdleConnections()
	g.stop()
	g.wait(t)
	if c, err := net.Dial("tcp", addr); err == nil {
		c.Close()
		t.Error("the admin listener outlives the guard")
	}
}

// Several guards live in one process, each with its own policy and counts.
func TestSeveralGuards(t *testing.T) {
	limited := `rate_limits: {rules: [{name: all, match: /, limit: 1, window: 1h, count: all}]}`
	a, b, c := start(t, ok, options{policy: limited}), start(t, ok, options{policy: limited}), start(t, careless, options{policy: "mode: off"})
	for i, want := range []int{200, 429} {
		for _, g := range []*running{a, b} {
			if resp, _ := g.do(t, "GET", "/", ""); resp.StatusCode != want {
				t.Errorf("request %d: got %d; want %d", i+1, resp.StatusCode, want)
			}
		}
		if resp, _ := c.do(t, "GET", "/", ""); resp.StatusCode != 200 || resp.Header.Get("X-Powered-By") != "Express" {
			t.Errorf("got %d with %v", resp.StatusCode, resp.Header)
		}
	}
	a.stop()
	a.wait(t)
	if resp, _ := b.do(t, "GET", "/", ""); resp.StatusCode != 429 {
		t.Errorf("got %d after another guard ended", resp.StatusCode)
	}
	if strings.Contains(b.log.String(), "stopping") {
		t.Error("the stop of one is in the log of the other")
	}
}

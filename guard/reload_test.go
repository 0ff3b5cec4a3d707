// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/panoply-security/panoply"
)

// reloaded is a policy for the guard that runs.
func (r *running) reloaded(t *testing.T, src string) panoply.Policy {
	p := parsePolicy(t, src)
	p.Upstream, p.Listen, p.Admin = r.policy.Upstream, r.policy.Listen, r.policy.Admin
	if len(p.Upstreams) == 0 {
		p.Upstreams = r.policy.Upstreams
	}
	return p
}

func (r *running) post(t *testing.T, path, body string) int {
	t.Helper()
	res, err := r.client.Post(r.url+path, "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	io.Copy(io.Discard, res.Body)
	res.Body.Close()
	return res.StatusCode
}

// Another policy is in force from one request to the next, and what the limits have
// counted goes on.
func TestReload(t *testing.T) {
	const limit = "rate_limits: {rules: [{name: login, limit: 3, window: 1h}]}\n"
	g := start(t, func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(401) }, options{policy: limit + "errors: off\n"})
	attempt := func() int { return g.post(t, "/login", `{"email":"a@x","password":"b"}`) }
	if a, b := attempt(), attempt(); a != 401 || b != 401 {
		t.Fatal(a, b)
	}
	if err := g.Reload(t.Context(), g.reloaded(t, limit+"errors: off\nbodies: {routes: [{match: POST /items, schema: {properties: {a: {type: integer}}}}]}\n")); err != nil {
		t.Fatal(err)
	}
	if a, b := attempt(), attempt(); a != 401 || b != 429 {
		t.Errorf("after a reload: %d and %d; want the third attempt and no fourth", a, b)
	}
	if code := g.post(t, "/items", `{"a":"x"}`); code != 400 {
		t.Errorf("the new schema: %d", code)
	}
	for _, line := range []string{"another policy is in force", "as before"} {
		if !strings.Contains(g.log.String(), line) {
			t.Errorf("the log does not tell %s", line)
		}
	}
}

// A policy that does not hold changes nothing, and every fault of it is told.
func TestReloadOfABadPolicy(t *testing.T) {
	g := start(t, func(w http.ResponseWriter, r *http.Request) {}, options{policy: "bodies: {max_bytes: 1KB}\n"})
	for name, tt := range map[string]struct {
		change func(p *panoply.Policy)
		want   []string
	}{
		"two-faults": {func(p *panoply.Policy) { p.Upstream = "x"; p.Cookies.CrossOrigin = "often" }, []string{"upstream:", "cookies.cross_origin:"}},
		"listen":     {func(p *panoply.Policy) { p.Listen = []string{"127.0.0.1:1"} }, []string{"listen: only a start can change it"}},
		"admin":      {func(p *panoply.Policy) { p.Admin.Listen = "127.0.0.1:1" }, []string{"admin: only a start"}},
		"tls":        {func(p *panoply.Policy) { p.TLS.Cert, p.TLS.Key = "a", "b" }, []string{"tls: only a start"}},
		"proxies":    {func(p *panoply.Policy) { p.ProxyProtocol = []string{"10.0.0.0/8"} }, []string{"proxy_protocol: only a start"}},
	} {
		t.Run(name, func(t *testing.T) {
			p := g.reloaded(t, "bodies: {max_bytes: 1MB}\n")
			tt.change(&p)
			err := g.Reload(t.Context(), p)
			for _, want := range tt.want {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("got %v; want %s", err, want)
				}
			}
			if code := g.post(t, "/items", `{"a":"`+strings.Repeat("x", 2000)+`"}`); code != 413 {
				t.Errorf("the policy before is not in force: %d", code)
			}
		})
	}
}

// No request is dropped while policies come and go, and what is under way ends by the
// one that it began with.
func TestReloadsUnderLoad(t *testing.T) {
	release, begun := make(chan bool), make(chan bool)
	g := start(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			io.WriteString(w, "begun, ")
			w.(http.Flusher).Flush()
			close(begun)
			<-release
		}
		io.WriteString(w, "done")
	}, options{policy: "rate_limits: off\n"})
	answered := make(chan string, 1)
	go func() {
		res, err := g.client.Get(g.url + "/slow")
		if err != nil {
			answered <- err.Error()
			return
		}
		defer res.Body.Close()
		b, err := io.ReadAll(res.Body)
		answered <- string(b) + errorText(err)
	}()
	<-begun
	var all sync.WaitGroup
	var failed atomic.Int64
	stop := make(chan bool)
	for range 4 {
		all.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				res, err := g.client.Get(g.url + "/")
				if err != nil {
					failed.Add(1)
					continue
				}
				b, err := io.ReadAll(res.Body)
				if res.Body.Close(); err != nil || res.StatusCode != 200 || string(b) != "done" {
					failed.Add(1)
				}
			}
		})
	}
	for i := range 20 {
		policy := "rate_limits: off\n"
		if i%2 == 0 {
			policy += "headers: {x_frame_options: deny}\n"
		}
		if err := g.Reload(t.Context(), g.reloaded(t, policy)); err != nil {
			t.Fatal(err)
		}
	}
	close(stop)
	all.Wait()
	close(release)
	if got := <-answered; got != "begun, done" {
		t.Errorf("what was under way: %s", got)
	}
	if n := failed.Load(); n > 0 {
		t.Errorf("%d requests failed", n)
	}
}

func errorText(err error) string {
	if err == nil || errors.Is(err, io.EOF) {
		return ""
	}
	return " " + err.Error()
}

// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// mortal is a server that can be killed, and started again at the same address.
type mortal struct {
	addr    string
	handler http.HandlerFunc
	server  *http.Server
}

func (m *mortal) start(t *testing.T) {
	t.Helper()
	if m.addr == "" {
		m.addr = "127.0.0.1:0"
	}
	listener, err := net.Listen("tcp", m.addr)
	for began := time.Now(); err != nil && time.Since(began) < patience; time.Sleep(time.Millisecond) {
		listener, err = net.Listen("tcp", m.addr)
	}
	if err != nil {
		t.Fatal(err)
	}
	m.addr = listener.Addr().String()
	m.server = &http.Server{Handler: m.handler}
	go m.server.Serve(listener)
}

func (m *mortal) kill() { m.server.Close() }

func newMortal(t *testing.T, handler http.HandlerFunc) *mortal {
	m := &mortal{handler: handler}
	m.start(t)
	t.Cleanup(m.kill)
	return m
}

// load is what clients get who ask again and again.
type load struct {
	statuses [600]atomic.Int64
	odd      atomic.Pointer[string] // the first answer that is neither whole nor a problem
	stop     chan bool
	all      sync.WaitGroup
}

func (g *running) load(clients int, method string) *load {
	l := &load{stop: make(chan bool)}
	for range clients {
		l.all.Go(func() {
			for {
				select {
				case <-l.stop:
					return
				default:
				}
				l.one(g, method)
			}
		})
	}
	return l
}

func (l *load) one(g *running, method string) {
	fault := func(format string, args ...any) {
		s := fmt.Sprintf(format, args...)
		l.odd.CompareAndSwap(nil, &s)
	}
	var body io.Reader
	if method == "POST" {
		body = strings.NewReader(`{"a":1}`)
	}
	req, err := http.NewRequest(method, g.url+"/", body)
	if err != nil {
		fault("%v", err)
		return
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := g.client.Do(req)
	if err != nil {
		fault("%v", err)
		return
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	switch whole := string(b) == "done"; {
	case err != nil:
		fault("%d, and then %v", res.StatusCode, err)
	case res.StatusCode == 200 && !whole, res.StatusCode != 200 && res.Header.Get("Content-Type") != "application/problem+json":
		fault("%d %s", res.StatusCode, b)
	}
	l.statuses[res.StatusCode].Add(1)
}

// reach returns when a status has been seen so many times more.
func (l *load) reach(t *testing.T, status int, more int64) {
	t.Helper()
	want := l.statuses[status].Load() + more
	for began := time.Now(); l.statuses[status].Load() < want; time.Sleep(time.Millisecond) {
		if time.Since(began) > patience {
			t.Fatalf("no %d more answers of %d", more, status)
		}
	}
}

// end stops the load, and holds it to what may have been seen.
func (l *load) end(t *testing.T, may ...int) {
	t.Helper()
	close(l.stop)
	l.all.Wait()
	if odd := l.odd.Load(); odd != nil {
		t.Errorf("a client got %s", *odd)
	}
	for status := range l.statuses {
		n := l.statuses[status].Load()
		for _, m := range may {
			if status == m {
				n = 0
			}
		}
		if n > 0 {
			t.Errorf("%d answers of %d", n, status)
		}
	}
}

func done(w http.ResponseWriter, r *http.Request) {
	io.Copy(io.Discard, r.Body)
	io.WriteString(w, "done")
}

// An app that is killed under load makes problems, of two kinds alone, and is served again
// as soon as it is back.
func TestKilledAndStartedAgain(t *testing.T) {
	for _, method := range []string{"GET", "POST"} {
		t.Run(strings.ToLower(method), func(t *testing.T) {
			app := newMortal(t, done)
			g := start(t, nil, options{upstream: "http://" + app.addr, policy: "rate_limits: off\n"})
			l := g.load(8, method)
			for range 3 {
				l.reach(t, 200, 50)
				app.kill()
				l.reach(t, 502, 50)
				app.start(t)
			}
			l.reach(t, 200, 50)
			l.end(t, 200, 502, 503)
		})
	}
}

// With another server in the group, nobody who only asks notices.
func TestOneOfTwoIsKilled(t *testing.T) {
	a, b := newMortal(t, done), newMortal(t, done)
	for name, settings := range map[string]string{"turns": "", "least": ", balance: least_connections", "checked": ", health: {path: /, interval: 100ms}"} {
		t.Run(name, func(t *testing.T) {
			g := start(t, nil, options{policy: fmt.Sprintf("rate_limits: off\nupstreams: [{servers: ['http://%s', 'http://%s']%s}]\n", a.addr, b.addr, settings)})
			l := g.load(8, "GET")
			for range 3 {
				l.reach(t, 200, 100)
				a.kill()
				l.reach(t, 200, 200)
				a.start(t)
			}
			l.end(t, 200)
		})
	}
}

// While the checks say that nobody is well, the answer says when to come again.
func TestNobodyIsWell(t *testing.T) {
	app := newMortal(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/healthz" {
			w.WriteHeader(500)
		}
	})
	g := start(t, nil, options{policy: fmt.Sprintf("upstreams: [{servers: ['http://%s'], health: {path: /healthz, interval: 30s}}]", app.addr)})
	for began := time.Now(); g.proxy.upstreams.Stats()[0].Up; time.Sleep(time.Millisecond) {
		if time.Since(began) > patience {
			t.Fatal("it is never known to be down")
		}
	}
	resp, body := g.do(t, "GET", "/", "")
	if rule := problemOf(t, g, resp, body); resp.StatusCode != 503 || rule != "request/upstream-full" || resp.Header.Get("Retry-After") != "30" {
		t.Errorf("got %d, %s, Retry-After %q", resp.StatusCode, rule, resp.Header.Get("Retry-After"))
	}
	if line := g.log.find(map[string]string{"msg": "a server of the app is down"}); line == nil || line["cause"] != "GET /healthz answers 500" {
		t.Errorf("the log has %v", line)
	}
}

// A hundred policies that come and go under load, the servers of the app among what
// changes, cost no request.
func TestAHundredReloads(t *testing.T) {
	a, b := newMortal(t, done), newMortal(t, done)
	policy := func(i int) string {
		one := "'http://" + a.addr + "'"
		both := one + ", 'http://" + b.addr + "'"
		return "rate_limits: off\nerrors: off\n" + []string{
			"upstreams: [{servers: [" + both + "]}]",
			"upstreams: [{servers: [" + one + "], balance: least_connections}]",
			"upstreams: [{servers: [" + both + "], health: {path: /, interval: 100ms}}]\nheaders: {x_frame_options: deny}",
			"upstreams: [{servers: [" + one + "], match: /elsewhere/}, {servers: [" + both + "], max_requests: 100}]",
		}[i%4]
	}
	g := start(t, nil, options{policy: policy(0)})
	g.client.Transport.(*http.Transport).MaxIdleConnsPerHost = 64
	l := g.load(64, "GET")
	l.reach(t, 200, 64)
	for i := range 100 {
		p := parsePolicy(t, policy(i+1))
		p.Listen, p.Admin = g.policy.Listen, g.policy.Admin
		if err := g.Reload(t.Context(), p); err != nil {
			t.Fatal(err)
		}
	}
	l.reach(t, 200, 64)
	l.end(t, 200)
	for _, s := range g.now().proxy.upstreams.Stats() {
		if s.Failures > 0 || !s.Up {
			t.Errorf("in the end: %v", s)
		}
	}
}

// Whatever streams does so through a group as through a single server.
func TestStreamsThroughAGroup(t *testing.T) {
	app := func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/chat":
			echo(w, r)
		case "/events":
			w.Header().Set("Content-Type", "text/event-stream")
			for i := range 3 {
				fmt.Fprintf(w, "data: %d\n\n", i)
				w.(http.Flusher).Flush()
			}
			<-r.Context().Done()
		case "/trailers":
			w.Header().Set("Trailer", "Grpc-Status")
			io.WriteString(w, "x")
			w.Header().Set("Grpc-Status", "0")
		}
	}
	a, b := newMortal(t, app), newMortal(t, app)
	for _, balance := range []string{"round_robin", "least_connections"} {
		t.Run(strings.ReplaceAll(balance, "_", "-"), func(t *testing.T) {
			g := start(t, nil, options{policy: fmt.Sprintf("upstreams: [{servers: ['http://%s', 'http://%s'], balance: %s}]", a.addr, b.addr, balance)})
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			var open []*websocket.Conn
			for i := range 4 {
				c, _, err := websocket.Dial(ctx, "ws://"+g.addr+"/chat", &websocket.DialOptions{HTTPClient: g.client})
				if err != nil {
					t.Fatal(err)
				}
				open = append(open, c)
				message := fmt.Sprint("hello ", i)
				if err := c.Write(ctx, websocket.MessageText, []byte(message)); err != nil {
					t.Fatal(err)
				}
				if _, got, err := c.Read(ctx); err != nil || string(got) != message {
					t.Fatalf("got %q, %v", got, err)
				}
			}
			for _, s := range g.proxy.upstreams.Stats() {
				if s.Open != 2 {
					t.Errorf("WebSockets are not shared: %v", s)
				}
			}
			for range 2 {
				req, err := http.NewRequestWithContext(ctx, "GET", g.url+"/events", nil)
				if err != nil {
					t.Fatal(err)
				}
				res, err := g.client.Do(req)
				if err != nil {
					t.Fatal(err)
				}
				lines := bufio.NewReader(res.Body)
				for i := range 3 {
					line, _ := lines.ReadString('\n')
					if lines.ReadString('\n'); line != fmt.Sprintf("data: %d\n", i) {
						t.Errorf("got %q", line)
					}
				}
				res.Body.Close()
				if res, body := g.do(t, "GET", "/trailers", ""); body != "x" || res.Trailer.Get("Grpc-Status") != "0" {
					t.Errorf("got %q and trailer %v", body, res.Trailer)
				}
			}
			for _, c := range open {
				c.Close(websocket.StatusNormalClosure, "")
			}
			for began := time.Now(); ; time.Sleep(time.Millisecond) {
				s := g.proxy.upstreams.Stats()
				if s[0].Open+s[1].Open == 0 {
					break
				}
				if time.Since(began) > patience {
					t.Fatalf("something stays open: %v", s)
				}
			}
		})
	}
}

// gRPC-shaped calls reach a server that speaks h2c alone; a WebSocket, which it could not
// have, is a problem.
func TestH2C(t *testing.T) {
	app := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/grpc")
		w.Header().Set("Trailer", "Grpc-Status")
		fmt.Fprint(w, r.Proto, " ", r.Header.Get("Te"), " ")
		io.Copy(w, r.Body)
		w.(http.Flusher).Flush() // without a length, as an HTTP/1.1 client gets no trailers beside one
		w.Header().Set("Grpc-Status", "0")
	}))
	app.Config.Protocols = new(http.Protocols)
	app.Config.Protocols.SetUnencryptedHTTP2(true)
	app.Start()
	t.Cleanup(app.Close)
	g := start(t, nil, options{policy: "upstreams: [{servers: ['" + app.URL + "'], http2: true}]"})
	res, body := g.do(t, "POST", "/pkg.Service/Call", "\x00\x00\x00\x00\x01x", "Content-Type", "application/grpc", "Te", "trailers")
	if res.StatusCode != 200 || body != "HTTP/2.0 trailers \x00\x00\x00\x00\x01x" || res.Trailer.Get("Grpc-Status") != "0" {
		t.Errorf("got %d %q, trailer %v", res.StatusCode, body, res.Trailer)
	}
	c := g.dial(t)
	c.send(t, append([]string{"GET /chat HTTP/1.1"}, handshake...)...)
	res, body = c.answer(t, "GET")
	if rule := problemOf(t, g, res, body); res.StatusCode != 400 || rule != "request/upgrade" {
		t.Errorf("a WebSocket: %d, %s", res.StatusCode, rule)
	}
	for _, s := range g.proxy.upstreams.Stats() {
		if s.Failures > 0 || s.Open != 0 {
			t.Errorf("in the end: %v", s)
		}
	}
}

func TestGroupsByHostAndPath(t *testing.T) {
	says := func(what string) string {
		m := newMortal(t, func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprint(w, what, " ", r.Host == r.Header.Get("X-Forwarded-Host"), " ", r.RequestURI)
		})
		return "http://" + m.addr
	}
	g := start(t, nil, options{policy: fmt.Sprintf("upstreams: [{servers: ['%s'], hosts: shop.example, match: /api/}, {servers: ['%s'], hosts: [shop.example, '*.shop.example'], match: /pages/, pass_host: false}]",
		says("api"), says("pages"))})
	for name, tt := range map[string]struct {
		host, path string
		status     int
		want       string // the body, or a rule
	}{
		"api":          {"shop.example", "/API//a%2fb?x=%20", 200, "api true /API//a%2fb?x=%20"},
		"pages":        {"www.shop.example:8080", "/pages/", 200, "pages false /pages/"},
		"no-route":     {"shop.example", "/", 404, "request/upstream-none"},
		"no-host":      {"other.example", "/api/", 421, "request/upstream-none"},
		"of-another":   {"www.shop.example", "/api/", 404, "request/upstream-none"},
		"two-readings": {"shop.example", "/api%2Fpages", 400, "request/path"},
	} {
		t.Run(name, func(t *testing.T) {
			res, body := g.do(t, "GET", tt.path, "", "Host", tt.host)
			if res.StatusCode != 200 {
				body = problemOf(t, g, res, body)
			}
			if res.StatusCode != tt.status || body != tt.want {
				t.Errorf("got %d %s", res.StatusCode, body)
			}
		})
	}
}

// The app gets the guard's secret on every request, and never what a client sends in its
// place; the checks have it too.
func TestUpstreamSecret(t *testing.T) {
	const secret = "kq83hdYw02mzPq/n0t-a-secret-but-long-enough"
	t.Setenv("UPSTREAM_SECRET", secret)
	seen := make(chan http.Header, 10)
	app := newMortal(t, func(w http.ResponseWriter, r *http.Request) { seen <- r.Header })
	g := start(t, nil, options{policy: fmt.Sprintf("upstream_secret: {env: UPSTREAM_SECRET}\nupstreams: [{servers: ['http://%s'], health: {path: /, interval: 1h}}]", app.addr)})
	if got := (<-seen)["X-Upstream-Secret"]; len(got) != 1 || got[0] != secret {
		t.Errorf("a check has %q", got)
	}
	g.do(t, "GET", "/", "", "X-Upstream-Secret", "mine", "x-upstream-secret", "again")
	h := <-seen
	for name, values := range h {
		if foldHeader(name) == "x-upstream-secret" && (len(values) != 1 || values[0] != secret) {
			t.Errorf("%s is %q", name, values)
		}
	}
	if h.Get("X-Upstream-Secret") != secret {
		t.Errorf("the app got %v", h)
	}
	s := secretHeader{"X-Upstream-Secret", "x-upstream-secret", secret}
	forged := http.Header{"X_upstream-Secret": {"a"}, "X_Upstream_Secret": {"b"}, "X-Upstream-Secrets": {"c"}}
	if s.set(forged); len(forged) != 2 || forged.Get("X-Upstream-Secret") != secret {
		t.Errorf("what could be taken for it stays: %v", forged)
	}
	if strings.Contains(g.log.String(), secret) {
		t.Error("the secret is in the log")
	}
}

func TestUpstreamFaults(t *testing.T) {
	t.Setenv("PANOPLY_TEST_WEAK", "secret")
	t.Setenv("PANOPLY_TEST_SPACE", "kq83hdYw02mzPq n0t-a-secret-but-long-enough")
	t.Setenv("PANOPLY_TEST_GOOD", "kq83hdYw02mzPq/n0t-a-secret-but-long-enough")
	os.Unsetenv("PANOPLY_TEST_UNSET")
	for name, tt := range map[string]struct {
		policy string
		faults []string
	}{
		"itself":             {"upstreams: [{servers: ['http://127.0.0.1:3000', 'http://localhost:8080']}]", []string{"upstreams[0].servers[1]"}},
		"the-redirect":       {"listen: 127.0.0.1:8443\ntls: {cert: a, key: b, redirect: 127.0.0.1:8080}\nupstream: http://127.0.0.1:8080", []string{"upstream"}},
		"the-admin-listener": {"upstream: http://127.0.0.1:9901", []string{"upstream"}},
		"another-admin":      {"admin: 127.0.0.1:9000\nupstream: http://127.0.0.1:9901", nil},
		"the-socket":         {"listen: unix:/run/p.sock\ntrusted_proxies: []\nupstream: unix:/run/p.sock", []string{"upstream"}},
		"unspecified":        {"listen: :8080\ntrusted_proxies: []\nupstream: http://0.0.0.0:8080", []string{"upstream"}},
		"secret":             {"upstream_secret: {env: PANOPLY_TEST_GOOD, header: X-From-Guard}", nil},
		"secret-weak":        {"upstream_secret: {env: PANOPLY_TEST_WEAK}", []string{"upstream_secret.env"}},
		"secret-with-space":  {"upstream_secret: {env: PANOPLY_TEST_SPACE}", []string{"upstream_secret.env"}},
		"secret-unset":       {"upstream_secret: {env: PANOPLY_TEST_UNSET}", []string{"upstream_secret.env"}},
		"secret-unnamed":     {"upstream_secret: {header: X-A}", []string{"upstream_secret.env"}},
		"secret-taken":       {"upstream_secret: {env: PANOPLY_TEST_GOOD, header: X-Forwarded-For}", []string{"upstream_secret.header"}},
		"secret-no-name":     {"upstream_secret: {env: PANOPLY_TEST_GOOD, header: 'X-A: b'}", []string{"upstream_secret.header"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := New(parsePolicy(t, tt.policy), slog.New(slog.DiscardHandler))
			var got []string
			if err != nil {
				got = strings.Split(err.Error(), "\n")
			}
			if len(got) != len(tt.faults) {
				t.Fatalf("got %q; want faults of %q", got, tt.faults)
			}
			for i, path := range tt.faults {
				if !strings.Contains(got[i], " "+path+":") || !strings.Contains(got[i], "hint: ") {
					t.Errorf("%q does not tell of %s", got[i], path)
				}
			}
		})
	}
}

// An app that the internet can reach is told of; one that it cannot is not.
func TestPublicUpstreamsAreWarnedOf(t *testing.T) {
	for name, tt := range map[string]struct {
		server string
		warned bool
	}{
		"loopback":  {"http://127.0.0.1:1", false},
		"localhost": {"http://localhost:1", false},
		"private":   {"http://10.1.2.3:1", false},
		"unique":    {"http://[fd00::1]:1", false},
		"unix":      {"unix:/run/app.sock", false},
		"public":    {"http://203.0.113.7", true},
		"public-6":  {"https://[2001:db8::1]:1", true},
	} {
		t.Run(name, func(t *testing.T) {
			log := &journal{}
			p := parsePolicy(t, "admin: off")
			p.Upstream = tt.server
			g, err := New(p, slog.New(slog.NewJSONHandler(log, nil)))
			if err != nil {
				t.Fatal(err)
			}
			defer g.Close()
			g.warnOfOtherWays(t.Context())
			if warned := strings.Contains(log.String(), "past the guard"); warned != tt.warned {
				t.Errorf("got %v: %s", warned, log)
			}
		})
	}
}

// What the checks know, requests to come go by after a reload.
func TestAReloadKeepsWhatIsKnownOfServers(t *testing.T) {
	app := newMortal(t, func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(500) })
	policy := func(more string) string {
		return fmt.Sprintf("upstreams: [{servers: ['http://%s'], health: {path: /, interval: 1h}%s}]", app.addr, more)
	}
	g := start(t, nil, options{policy: policy("")})
	for began := time.Now(); g.proxy.upstreams.Stats()[0].Up; time.Sleep(time.Millisecond) {
		if time.Since(began) > patience {
			t.Fatal("it is never known to be down")
		}
	}
	for _, more := range []string{"", ", max_queue: 7"} {
		p := parsePolicy(t, policy(more))
		p.Listen, p.Admin = g.policy.Listen, g.policy.Admin
		if err := g.Reload(t.Context(), p); err != nil {
			t.Fatal(err)
		}
		if g.now().proxy.upstreams.Stats()[0].Up {
			t.Errorf("forgotten with %q", more)
		}
	}
}

// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/panoply-security/panoply"
)

// Every test stops what it starts: no goroutine may be left.
func TestMain(m *testing.M) {
	// A client that looked for a cluster in vain sleeps for a second, then goes.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/redis/rueidis.(*call).DelayDo.func1"))
}

// patience is how long a test waits for what must happen. Nothing waits that
// long unless it fails.
const patience = 20 * time.Second

func parsePolicy(t *testing.T, src string) panoply.Policy {
	t.Helper()
	p, err := panoply.Parse("policy.yaml", []byte(src))
	if err != nil {
		t.Fatal(err)
	}
	if p.Upstream == "" && len(p.Upstreams) == 0 {
		p.Upstream = "http://127.0.0.1:1"
	}
	return p
}

// running is a guard that serves.
type running struct {
	*Guard
	url, addr string
	log       *journal
	client    *http.Client
	stop      context.CancelFunc // as a signal would
	ended     chan error
}

type options struct {
	policy   string
	loaded   *panoply.Policy // instead of policy
	upstream string          // instead of an app
	times    times
	admin    bool // at its default address, if nothing else is said
}

// start runs a guard in front of an app until the test ends.
func start(t *testing.T, app http.HandlerFunc, o options) *running {
	t.Helper()
	p := parsePolicy(t, o.policy)
	if o.loaded != nil {
		p = *o.loaded
	}
	p.Upstream = o.upstream
	if p.Upstream == "" && len(p.Upstreams) == 0 {
		upstream := httptest.NewUnstartedServer(app)
		upstream.Config.DisableGeneralOptionsHandler = true // as Node, which has none
		upstream.Start()
		t.Cleanup(upstream.Close)
		p.Upstream = upstream.URL
	}
	if len(p.Listen) == 0 {
		p.Listen = []string{"127.0.0.1:0"}
	}
	if p.Admin.Listen == "" && !o.admin {
		p.Admin.Listen = "off"
	}
	if o.times == (times{}) {
		o.times = usual
	}
	r := &running{log: &journal{}, ended: make(chan error, 1)}
	g, err := build(p, slog.New(slog.NewJSONHandler(r.log, &slog.HandlerOptions{Level: slog.LevelDebug})), o.times, wearSuit, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Guard = g
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	r.stop = stop
	ready := make(chan string, 1)
	go func() { r.ended <- g.Run(ctx, func(url string) { ready <- url }) }()
	select {
	case r.url = <-ready:
	case err := <-r.ended:
		stop()
		t.Fatal(err)
	}
	_, r.addr, _ = strings.Cut(r.url, "://")
	transport := &http.Transport{DisableCompression: true, ExpectContinueTimeout: patience}
	r.client = &http.Client{Transport: transport, Timeout: patience,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		stop()
		if err := r.wait(t); err != nil {
			t.Errorf("the guard ended with %v", err)
		}
		if t.Failed() {
			t.Logf("log:\n%s", r.log)
		}
	})
	return r
}

// wait returns when the guard has ended.
func (r *running) wait(t *testing.T) error {
	t.Helper()
	select {
	case err := <-r.ended:
		r.ended <- err
		return err
	case <-time.After(patience):
		t.Fatal("the guard does not end")
		return nil
	}
}

// do sends a request with headers given as pairs, and reads the answer.
func (r *running) do(t *testing.T, method, path, body string, headers ...string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequest(method, r.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		if headers[i] == "Host" {
			req.Host = headers[i+1]
			continue
		}
		req.Header.Add(headers[i], headers[i+1])
	}
	resp, err := r.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(answer)
}

// conn is a connection to the guard for bytes that no client would send.
type conn struct {
	net.Conn
	*bufio.Reader
}

func (c conn) Read(p []byte) (int, error) { return c.Reader.Read(p) }

func (r *running) dial(t *testing.T) conn {
	t.Helper()
	c, err := net.Dial("tcp", r.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(patience))
	return conn{c, bufio.NewReader(c)}
}

// send writes a request, its lines joined by CRLF.
func (c conn) send(t *testing.T, lines ...string) {
	t.Helper()
	if _, err := io.WriteString(c.Conn, strings.Join(lines, "\r\n")); err != nil {
		t.Fatal(err)
	}
}

// answer reads the next answer and its body.
func (c conn) answer(t *testing.T, method string) (*http.Response, string) {
	t.Helper()
	resp, err := http.ReadResponse(c.Reader, &http.Request{Method: method})
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(body)
}

// ends reports whether the guard closes the connection without a further byte.
func (c conn) ends(t *testing.T) bool {
	t.Helper()
	b, err := c.ReadByte()
	if ne, ok := err.(net.Error); ok && ne.Timeout() {
		t.Error("the connection stays open")
		return false
	}
	if err == nil {
		t.Errorf("another answer begins with %q", b)
	}
	return err != nil
}

// journal is a log that tests read.
type journal struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (j *journal) Write(b []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.b.Write(b)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.b.String()
}

// find returns the first line in which all the given members have their values.
func (j *journal) find(want map[string]string) map[string]any {
	for line := range strings.Lines(j.String()) {
		var m map[string]any
		if json.Unmarshal([]byte(line), &m) != nil {
			continue
		}
		found := true
		for k, v := range want {
			if s, ok := m[k].(string); !ok || s != v {
				found = false
			}
		}
		if found {
			return m
		}
	}
	return nil
}

// problemOf reads a problem and holds it to what all of them have in common:
// the id is in body, header and log.
func problemOf(t *testing.T, r *running, resp *http.Response, body string) (rule string) {
	t.Helper()
	if ct := resp.Header.Get("Content-Type"); ct != "application/problem+json" {
		t.Fatalf("got Content-Type %q and status %d; want a problem: %.200s", ct, resp.StatusCode, body)
	}
	var p struct {
		Type, Title, Instance string
		Status                int
	}
	if err := json.Unmarshal([]byte(body), &p); err != nil {
		t.Fatal(err)
	}
	id := resp.Header.Get("X-Request-Id")
	if p.Status != resp.StatusCode || p.Title == "" || id == "" || p.Instance != "urn:uuid:"+id {
		t.Errorf("got status %d, X-Request-Id %q and %s", resp.StatusCode, id, body)
	}
	if r.log.find(map[string]string{"id": id}) == nil {
		t.Errorf("the id %s is not in the log", id)
	}
	if resp.Header.Get("X-Content-Type-Options") != "nosniff" {
		t.Error("the problem lacks the security headers")
	}
	_, rule, _ = strings.Cut(p.Type, "panoply:")
	return rule
}

func ok(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "ok") }

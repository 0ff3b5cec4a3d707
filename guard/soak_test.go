// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"image"
	"image/png"
	"io"
	"log/slog"
	"mime/multipart"
	"net"
	"net/http"
	"net/http/httptest"
	"net/textproto"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// soakFor is how long the load lasts: PANOPLY_SOAK, as in `make soak`, or a moment.
func soakFor(t *testing.T) time.Duration {
	s := os.Getenv("PANOPLY_SOAK")
	if s == "" {
		return 4 * time.Second
	}
	d, err := time.ParseDuration(s)
	if err != nil || d <= 0 {
		t.Fatalf("PANOPLY_SOAK is %q; want 20m or the like", s)
	}
	return d
}

const (
	// soakHeap and soakResident are what may be added between the first part of a soak
	// and its end, when all is at rest again: not a leak, but pools and the garbage
	// collector's ways. A leak of 1 KB a request is more within a minute.
	soakHeap     = 6 << 20
	soakResident = 48 << 20
	// soakGoroutines are those of the runtime and the test, which come and go.
	soakGoroutines = 12
)

// Whatever comes for however long, the guard is afterwards what it was before: memory and
// goroutines do not grow, and no honest request fails, through reloads and all.
func TestSoak(t *testing.T) {
	last := soakFor(t)
	s := newSoak(t)
	s.load(t, last/4) // pools, buffers and tables are filled
	before := s.rest(t)
	s.load(t, last-last/4)
	after := s.rest(t)
	t.Logf("requests: %s", s.counts())
	t.Logf("at rest before: %s", before)
	t.Logf("at rest after:  %s", after)
	if after.heap > before.heap+soakHeap {
		t.Errorf("the heap grew from %d to %d KB", before.heap>>10, after.heap>>10)
	}
	if after.resident > before.resident+soakResident {
		t.Errorf("resident memory grew from %d to %d KB", before.resident>>10, after.resident>>10)
	}
	if after.goroutines > s.base+soakGoroutines {
		t.Errorf("goroutines grew from %d to %d", s.base, after.goroutines)
	}
	for i := range s.kinds {
		if s.kinds[i].done.Load() == 0 {
			t.Errorf("nothing of %s was done", s.kinds[i].name)
		}
	}
}

// kind is a kind of work, done again and again.
type kind struct {
	name string
	do   func(ctx context.Context, client *http.Client, n int64) error
	done atomic.Int64
}

type soak struct {
	g       *Guard
	url     string
	config  *tls.Config
	kinds   []kind
	clients [2]*http.Client // HTTP/1.1 and HTTP/2
	base    int             // goroutines before the load
}

// atRest is what the process holds when nothing is under way.
type atRest struct {
	heap, resident uint64
	goroutines     int
}

func (a atRest) String() string {
	return fmt.Sprintf("heap %d KB, resident %d KB, %d goroutines", a.heap>>10, a.resident>>10, a.goroutines)
}

func newSoak(t *testing.T) *soak {
	t.Helper()
	cert, key, pool := certificate(t)
	upstream := httptest.NewServer(http.HandlerFunc(soakApp))
	t.Cleanup(upstream.Close)
	policy := parsePolicy(t, fmt.Sprintf(`
upstream: %s
listen: 127.0.0.1:0
admin: off
tls: {cert: %q, key: %q}
rate_limits: {no_general_limit: true}
bodies: {routes: [{match: "POST /items", schema: {properties: {name: {type: string}}}}]}
uploads: [{match: "POST /upload"}]
`, upstream.URL, cert, key))
	g, err := build(policy, slog.New(slog.DiscardHandler), usual, wearSuit, nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ready, ended := make(chan string, 1), make(chan error, 1)
	go func() { ended <- g.Run(ctx, func(url string) { ready <- url }) }()
	s := &soak{g: g, config: &tls.Config{RootCAs: pool}}
	select {
	case s.url = <-ready:
	case err := <-ended:
		stop()
		t.Fatal(err)
	}
	for i := range s.clients {
		s.clients[i] = &http.Client{Timeout: 3 * patience, Transport: &http.Transport{TLSClientConfig: s.config.Clone(), ForceAttemptHTTP2: i == 1, DisableCompression: true}}
	}
	t.Cleanup(func() {
		for _, c := range s.clients {
			c.CloseIdleConnections()
		}
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	s.base = runtime.NumGoroutine()
	photo := soakUpload(t)
	s.kinds = []kind{
		{name: "gets", do: s.request("GET", "/page", "", "", 200)},
		{name: "downloads", do: s.request("GET", "/download", "", "", 200)},
		{name: "posts", do: s.request("POST", "/items", "application/json", `{"name":"`+strings.Repeat("x", 900)+`"}`, 200)},
		{name: "operators", do: s.request("POST", "/items", "application/json", `{"name":{"$ne":1}}`, 400)},
		{name: "streams", do: s.request("POST", "/stream", "application/octet-stream", strings.Repeat("octet", 20_000), 200)},
		{name: "uploads", do: s.request("POST", "/upload", photo.contentType, photo.body, 200)},
		{name: "dangerous uploads", do: s.request("POST", "/upload", photo.contentType, strings.Replace(photo.body, "\x89PNG", "<svg", 1), 415)},
		{name: "errors", do: s.request("GET", "/500", "", "", 500)},
		{name: "logins", do: s.login},
		{name: "events", do: s.events},
		{name: "websockets", do: s.socket},
		{name: "aborted downloads", do: s.abortDownload},
		{name: "aborted uploads", do: s.abortUpload},
		{name: "misframed", do: s.misframed},
		{name: "reloads", do: s.reload},
	}
	return s
}

// soakApp is an app with something of everything.
func soakApp(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/chat":
		echo(w, r)
	case "/events":
		w.Header().Set("Content-Type", "text/event-stream")
		for i := range 20 {
			if _, err := fmt.Fprintf(w, "data: %d\n\n", i); err != nil {
				return
			}
			w.(http.Flusher).Flush()
		}
	case "/download":
		w.Write(soakDownload)
	case "/api/login":
		io.Copy(io.Discard, r.Body)
		w.WriteHeader(http.StatusUnauthorized)
	case "/500":
		http.Error(w, "Error: at /srv/app.js:1:1", http.StatusInternalServerError)
	case "/page":
		w.Header().Set("Set-Cookie", "connect.sid=s1; Path=/")
		w.Header().Set("Content-Type", "text/html")
		io.WriteString(w, "<p>"+strings.Repeat("word ", 200))
	default:
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			panic(http.ErrAbortHandler)
		}
		io.WriteString(w, "ok")
	}
}

var soakDownload = bytes.Repeat([]byte("download "), 1<<17)

type soakForm struct{ contentType, body string }

func soakUpload(t *testing.T) soakForm {
	t.Helper()
	var b bytes.Buffer
	form := multipart.NewWriter(&b)
	part, err := form.CreatePart(textproto.MIMEHeader{"Content-Disposition": {`form-data; name="file"; filename="a.png"`}, "Content-Type": {"image/png"}})
	if err != nil {
		t.Fatal(err)
	}
	if err := png.Encode(part, image.NewGray(image.Rect(0, 0, 64, 64))); err != nil {
		t.Fatal(err)
	}
	form.Close()
	return soakForm{form.FormDataContentType(), b.String()}
}

// load does every kind of work, over both protocols at once, for a while.
func (s *soak) load(t *testing.T, last time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), last)
	defer cancel()
	var all sync.WaitGroup
	for i := range s.kinds {
		k := &s.kinds[i]
		for _, client := range s.clients {
			all.Go(func() {
				for ctx.Err() == nil {
					// What was begun is finished: a request that is cut off is no failure to look for.
					if err := k.do(context.WithoutCancel(ctx), client, k.done.Add(1)); err != nil {
						t.Errorf("%s: %v", k.name, err)
						return
					}
				}
			})
		}
	}
	all.Wait()
}

// rest waits until nothing is under way, and weighs what is left.
func (s *soak) rest(t *testing.T) (a atRest) {
	t.Helper()
	for _, c := range s.clients {
		c.CloseIdleConnections()
	}
	for deadline := time.Now().Add(patience); s.g.crowd.open() > 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d connections of clients that are gone", s.g.crowd.open())
		}
	}
	s.g.now().proxy.upstreams.Retire(nil) // ends the idle ones: there are no checks
	// Connections to the app that a policy before had in use end when they were idle for a while.
	for deadline := time.Now().Add(patience); runtime.NumGoroutine() > s.base+soakGoroutines && time.Now().Before(deadline); {
		time.Sleep(10 * time.Millisecond)
	}
	debug.FreeOSMemory()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	a = atRest{heap: m.HeapAlloc, goroutines: runtime.NumGoroutine()}
	if b, err := os.ReadFile("/proc/self/statm"); err == nil { // Linux alone has it
		var size uint64
		fmt.Sscan(string(b), &size, &a.resident)
		a.resident *= uint64(os.Getpagesize())
	}
	return a
}

func (s *soak) counts() string {
	var all []string
	for i := range s.kinds {
		all = append(all, fmt.Sprintf("%d %s", s.kinds[i].done.Load(), s.kinds[i].name))
	}
	return strings.Join(all, ", ")
}

// request is a kind of request that has one answer.
func (s *soak) request(method, path, contentType, body string, status int) func(context.Context, *http.Client, int64) error {
	return func(ctx context.Context, client *http.Client, _ int64) error {
		return s.send(ctx, client, method, path, contentType, body, status)
	}
}

func (s *soak) send(ctx context.Context, client *http.Client, method, path, contentType, body string, want ...int) error {
	req, err := http.NewRequestWithContext(ctx, method, s.url+path, strings.NewReader(body))
	if err != nil {
		return err
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	for _, status := range want {
		if resp.StatusCode == status {
			return nil
		}
	}
	return fmt.Errorf("got %d: %.200s", resp.StatusCode, answer)
}

// login fails, as most do that a guard sees, and is limited sooner or later.
func (s *soak) login(ctx context.Context, client *http.Client, n int64) error {
	body := fmt.Sprintf(`{"email":"user%d@shop.example","password":"wrong"}`, n%50)
	return s.send(ctx, client, "POST", "/api/login", "application/json", body, 401, 429)
}

// events reads a stream of events, every other time only its beginning.
func (s *soak) events(ctx context.Context, client *http.Client, n int64) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, "GET", s.url+"/events", nil)
	if err != nil {
		return err
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if n%2 == 0 {
		_, err = io.ReadFull(resp.Body, make([]byte, 20))
		return err
	}
	all, err := io.ReadAll(resp.Body)
	if err == nil && !strings.HasSuffix(string(all), "data: 19\n\n") {
		err = fmt.Errorf("the events end with %.40q", all[max(0, len(all)-40):])
	}
	return err
}

// socket exchanges messages over a WebSocket, and every other time just leaves.
func (s *soak) socket(ctx context.Context, _ *http.Client, n int64) error {
	transport := s.clients[0].Transport.(*http.Transport)
	c, _, err := websocket.Dial(ctx, strings.Replace(s.url, "https", "wss", 1)+"/chat", &websocket.DialOptions{HTTPClient: &http.Client{Transport: transport}})
	if err != nil {
		return err
	}
	defer c.CloseNow()
	for range 5 {
		if err := c.Write(ctx, websocket.MessageText, []byte("hello")); err != nil {
			return err
		}
		if _, got, err := c.Read(ctx); err != nil || string(got) != "hello" {
			return fmt.Errorf("heard %q, %v", got, err)
		}
	}
	if n%2 == 0 {
		return nil
	}
	return c.Close(websocket.StatusNormalClosure, "")
}

func (s *soak) abortDownload(ctx context.Context, client *http.Client, _ int64) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, "GET", s.url+"/download", nil)
	if err != nil {
		return err
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	_, err = io.ReadFull(resp.Body, make([]byte, 1000))
	return err
}

// abortUpload leaves in the middle of a body.
func (s *soak) abortUpload(_ context.Context, _ *http.Client, n int64) error {
	return s.raw(func(c net.Conn) error {
		kind := []string{"application/json", "application/octet-stream", "multipart/form-data; boundary=b"}[n%3]
		_, err := fmt.Fprintf(c, "POST /upload HTTP/1.1\r\nHost: a\r\nContent-Type: %s\r\nContent-Length: 5000\r\n\r\n[", kind)
		return err
	})
}

func (s *soak) misframed(_ context.Context, _ *http.Client, _ int64) error {
	return s.raw(func(c net.Conn) error {
		if _, err := io.WriteString(c, misframed["length-and-coding"]); err != nil {
			return err
		}
		answer, err := io.ReadAll(c)
		if err == nil && !strings.HasPrefix(string(answer), "HTTP/1.1 400 ") {
			err = fmt.Errorf("got %.100q", answer)
		}
		return err
	})
}

func (s *soak) raw(do func(net.Conn) error) error {
	c, err := tls.Dial("tcp", strings.TrimPrefix(s.url, "https://"), s.config)
	if err != nil {
		return err
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(3 * patience))
	return do(c)
}

// reload puts the policy in the place of itself, not quite the same each time. Whoever
// reloads more often has the machine for nothing else.
func (s *soak) reload(_ context.Context, _ *http.Client, n int64) error {
	time.Sleep(500 * time.Millisecond)
	p := s.g.Policy()
	p.Bodies.MaxBytes = 100<<10 + n%2
	return s.g.Reload(context.Background(), p)
}

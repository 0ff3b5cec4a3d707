// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// impatient waits for chunks only a moment, where a test is about waiting.
var impatient = times{header: patience, chunk: 50 * time.Millisecond, answer: patience, drain: patience}

// calm is for what must pass: a chunk has so long that no machine is too busy for
// it, and the test goes on for longer than that.
var calm = times{header: patience, chunk: time.Second, answer: patience, drain: patience}

// rawApp answers every connection with fixed bytes, once it has read a request.
func rawApp(t *testing.T, answer string) (url string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			if r, err := http.ReadRequest(bufio.NewReader(c)); err == nil {
				io.Copy(io.Discard, r.Body)
				io.WriteString(c, answer)
			}
			c.Close()
		}
	}()
	t.Cleanup(func() { listener.Close(); <-ended })
	return "http://" + listener.Addr().String()
}

func TestAnAppThatFailsIsAProblem(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	for name, test := range map[string]struct{ upstream, cause string }{
		"not-there":          {"http://" + closed.Addr().String(), "connection refused"},
		"closes":             {rawApp(t, ""), "EOF"},
		"speaks-no-http":     {rawApp(t, "SSH-2.0-OpenSSH_9.6\r\n"), "malformed"},
		"tls-expected":       {strings.Replace(rawApp(t, ""), "http:", "https:", 1), ""},
		"two-lengths":        {rawApp(t, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab"), "Content-Length"},
		"unknown-coding":     {rawApp(t, "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nab"), "transfer encoding"},
		"length-and-coding":  {rawApp(t, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), "both Content-Length"},
		"folded-field":       {rawApp(t, "HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 0\r\n\r\n"), "goes on in the next line"},
		"split-by-a-feed":    {rawApp(t, "HTTP/1.1 200 OK\r\nX: a\nSet-Cookie: a=b\r\nContent-Length: 0\r\n\r\n"), "end in two ways"},
		"lone-return":        {rawApp(t, "HTTP/1.1 200 OK\r\nX: a\rb\r\nContent-Length: 0\r\n\r\n"), "control byte"},
		"status-zero":        {rawApp(t, "HTTP/1.1 000 None\r\nContent-Length: 0\r\n\r\n"), "status 0"},
		"endless-header":     {rawApp(t, "HTTP/1.1 200 OK\r\nX: "+strings.Repeat("x", 300<<10)+"\r\n\r\n"), ""},
		"endless-interim":    {rawApp(t, strings.Repeat("HTTP/1.1 102 Processing\r\nX: "+strings.Repeat("x", 1<<10)+"\r\n\r\n", 500)), ""},
		"binary-header-name": {rawApp(t, "HTTP/1.1 200 OK\r\n\x00: x\r\n\r\n"), ""},
	} {
		t.Run(name, func(t *testing.T) {
			g := start(t, nil, options{upstream: test.upstream})
			resp, body := g.do(t, "POST", "/api/items", `{"name":"secret"}`, "Content-Type", "application/json")
			if rule := problemOf(t, g, resp, body); resp.StatusCode != 502 || rule != "request/upstream-down" {
				t.Errorf("got %d, %s; want 502: %s", resp.StatusCode, rule, body)
			}
			line := g.log.find(map[string]string{"id": resp.Header.Get("X-Request-Id")})
			if cause, _ := line["cause"].(string); cause == "" || !strings.Contains(cause, test.cause) {
				t.Errorf("the log's cause is %q; want %q in it", cause, test.cause)
			}
			if address := g.policy.Upstream[len("http://"):]; strings.Contains(body, address) || strings.Contains(g.log.String(), "secret") {
				t.Errorf("the answer tells where the app is, or the log what was sent: %s", body)
			}
		})
	}
}

func TestASlowAppIsA504(t *testing.T) {
	times := usual
	times.answer = 20 * time.Millisecond
	g := start(t, func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, options{times: times})
	for _, method := range []string{"GET", "POST", "HEAD"} {
		resp, body := g.do(t, method, "/", "")
		if resp.StatusCode != 504 {
			t.Errorf("%s: got %d; want 504", method, resp.StatusCode)
		}
		if method == "HEAD" {
			continue
		}
		if rule := problemOf(t, g, resp, body); rule != "request/upstream-timeout" {
			t.Errorf("%s: got %s", method, rule)
		}
	}
}

// An answer that the app breaks off must not look whole, and is in the log.
func TestAnAnswerBrokenOffLooksBroken(t *testing.T) {
	for name, answer := range map[string]string{
		"with-a-length": "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this",
		"in-chunks":     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nonly this\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			g := start(t, nil, options{upstream: rawApp(t, answer)})
			resp, err := g.client.Get(g.url + "/")
			if err == nil {
				defer resp.Body.Close()
				_, err = io.ReadAll(resp.Body)
			}
			if err == nil {
				t.Error("it looks whole")
			}
			if line := g.log.find(map[string]string{"msg": "answer broken off"}); line["id"] == nil || line["cause"] == "" {
				t.Errorf("the log does not tell: %v", line)
			}
		})
	}
}

// reader is an app that reports what came of each body.
func reader(got chan<- error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_, err := io.Copy(io.Discard, r.Body)
		got <- err
		io.WriteString(w, "ok")
	}
}

// A body that turns out too long is refused while it streams, and the app sees
// a broken request, not a short one.
func TestALongBodyIsCutOff(t *testing.T) {
	got := make(chan error, 1)
	g := start(t, reader(got), options{policy: "bodies: {max_bytes: 1MB}"})
	body := io.LimitReader(endless{}, 64<<20)
	req, err := http.NewRequest("POST", g.url+"/", io.MultiReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/octet-stream")
	resp, err := g.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if rule := problemOf(t, g, resp, string(answer)); resp.StatusCode != 413 || rule != "request/body-too-large" {
		t.Errorf("got %d %s; want 413", resp.StatusCode, rule)
	}
	if !resp.Close {
		t.Error("the connection is offered again, with a body half read")
	}
	if err := <-got; err == nil {
		t.Error("the app got a body that looks whole")
	}
}

// endless is a body without an end.
type endless struct{}

func (endless) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = 'x'
	}
	return len(b), nil
}

// A body that stops coming is answered, whether it is read here or by the app.
func TestABodyMustKeepComing(t *testing.T) {
	for _, contentType := range []string{"application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=b", "application/octet-stream"} {
		t.Run(contentType, func(t *testing.T) {
			got := make(chan error, 1)
			g := start(t, reader(got), options{times: impatient})
			c := g.dial(t)
			c.send(t, "POST /api/login HTTP/1.1", "Host: a", "Content-Type: "+contentType, "Content-Length: 100", "", "part")
			resp, body := c.answer(t, "POST")
			if rule := problemOf(t, g, resp, body); resp.StatusCode != 408 || rule != "request/aborted" {
				t.Errorf("got %d %s; want 408", resp.StatusCode, rule)
			}
			if !resp.Close {
				t.Error("the connection is offered again, with a body half read")
			}
			if contentType == "application/octet-stream" {
				if err := <-got; err == nil {
					t.Error("the app got a body that looks whole")
				}
			}
		})
	}
	// As slow as the law allows is too slow on the whole.
	t.Run("drop-by-drop", func(t *testing.T) {
		g := start(t, reader(make(chan error, 1)), options{times: impatient})
		c := g.dial(t)
		c.send(t, "POST / HTTP/1.1", "Host: a", "Content-Type: application/json", "Content-Length: 100000", "", "[")
		dripping, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			tick := time.NewTicker(impatient.chunk / 5)
			defer tick.Stop()
			for {
				select {
				case <-dripping.Done():
					return
				case <-tick.C:
					io.WriteString(c.Conn, " ")
				}
			}
		}()
		resp, _ := c.answer(t, "POST")
		if resp.StatusCode != 408 {
			t.Errorf("got %d; want 408", resp.StatusCode)
		}
		stop()
		<-ended
	})
	t.Run("refused-unread", func(t *testing.T) {
		g := start(t, ok, options{times: impatient})
		c := g.dial(t)
		c.send(t, "POST /a/../b HTTP/1.1", "Host: a", "Content-Length: 100", "", "part")
		resp, _ := c.answer(t, "POST")
		if resp.StatusCode != 400 || !resp.Close {
			t.Errorf("got %d, close %v", resp.StatusCode, resp.Close)
		}
		c.ends(t)
	})
}

// overBoth has a test run over HTTP/1.1, and over HTTP/2, which has deadlines of
// another kind.
func overBoth(t *testing.T, app http.HandlerFunc, o options, test func(t *testing.T, g *running)) {
	t.Run("http-1.1", func(t *testing.T) {
		t.Parallel()
		test(t, start(t, app, o))
	})
	t.Run("http-2", func(t *testing.T) {
		t.Parallel()
		cert, key, pool := certificate(t)
		secure := o
		secure.policy += fmt.Sprintf("\ntls: {cert: %q, key: %q}", cert, key)
		g := start(t, app, secure)
		transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: true}
		t.Cleanup(transport.CloseIdleConnections)
		g.client.Transport = transport
		test(t, g)
	})
}

// A client that takes nothing does not hold an answer for ever.
func TestAnAnswerMustBeTaken(t *testing.T) {
	ended := make(chan error, 1)
	app := func(w http.ResponseWriter, r *http.Request) {
		_, err := io.Copy(w, &pattern{n: 1 << 30})
		ended <- err
	}
	overBoth(t, app, options{times: impatient}, func(t *testing.T, g *running) {
		resp, err := g.client.Get(g.url + "/")
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		select {
		case err := <-ended:
			if err == nil {
				t.Error("a gigabyte went to a client that reads nothing")
			}
		case <-time.After(patience):
			t.Fatal("the answer is held")
		}
	})
}

// Answers may last much longer than the client has for one chunk, and so may
// the time that the app takes: before it begins, in between, and at the end.
func TestAnAppMayTakeItsTime(t *testing.T) {
	t.Parallel()
	app := func(w http.ResponseWriter, r *http.Request) {
		n, err := io.Copy(io.Discard, r.Body)
		if err != nil {
			n = -1
		}
		pass(calm.chunk * 5 / 4)
		w.Header().Set("Content-Type", "text/event-stream")
		w.(http.Flusher).Flush()
		for range 2 {
			pass(calm.chunk * 5 / 4)
			fmt.Fprintf(w, "data: %d\n\n", n)
			w.(http.Flusher).Flush()
		}
		pass(calm.chunk * 5 / 4)
	}
	overBoth(t, app, options{times: calm}, func(t *testing.T, g *running) {
		for method, sent := range map[string]string{"GET": "", "POST": "{}"} {
			want := fmt.Sprintf("data: %d\n\n", len(sent))
			if resp, body := g.do(t, method, "/events", sent, "Content-Type", "application/json"); resp.StatusCode != 200 || body != want+want {
				t.Errorf("%s: got %d %q", method, resp.StatusCode, body)
			}
		}
	})
}

// A body that the app is slow to read is not a slow body.
func TestAnAppMayReadAsItLikes(t *testing.T) {
	t.Parallel()
	const size = 16 << 20
	app := func(w http.ResponseWriter, r *http.Request) {
		buf := make([]byte, 1)
		io.ReadFull(r.Body, buf)
		pass(calm.chunk * 3 / 2)
		n, err := io.Copy(io.Discard, r.Body)
		fmt.Fprint(w, n+1, err)
	}
	overBoth(t, app, options{times: calm, policy: "bodies: {max_bytes: 64MB}"}, func(t *testing.T, g *running) {
		req, err := http.NewRequest("POST", g.url+"/", &pattern{n: size})
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/octet-stream")
		resp, err := g.client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if body, _ := io.ReadAll(resp.Body); resp.StatusCode != 200 || string(body) != fmt.Sprint(size, nil) {
			t.Errorf("got %d %q", resp.StatusCode, body)
		}
	})
}

// A body may last much longer than one chunk may take.
func TestALongBodyIsNotASlowOne(t *testing.T) {
	t.Parallel()
	app := func(w http.ResponseWriter, r *http.Request) {
		n, err := io.Copy(io.Discard, r.Body)
		fmt.Fprint(w, n, err)
	}
	for _, contentType := range []string{"application/json", "application/octet-stream"} {
		t.Run(contentType, func(t *testing.T) {
			t.Parallel()
			overBoth(t, app, options{times: calm}, func(t *testing.T, g *running) {
				body, feed := io.Pipe()
				go func() {
					io.WriteString(feed, "[")
					for range 3 { // each brings time for the next
						pass(calm.chunk / 2)
						io.WriteString(feed, strings.Repeat(" ", 1000))
					}
					io.WriteString(feed, "]")
					feed.Close()
				}()
				req, err := http.NewRequest("POST", g.url+"/", body)
				if err != nil {
					t.Fatal(err)
				}
				req.Header.Set("Content-Type", contentType)
				resp, err := g.client.Do(req)
				if err != nil {
					t.Fatal(err)
				}
				defer resp.Body.Close()
				if body, _ := io.ReadAll(resp.Body); resp.StatusCode != 200 || string(body) != fmt.Sprint(3002, nil) {
					t.Errorf("got %d %q", resp.StatusCode, body)
				}
			})
		})
	}
}

// pass lets time pass, where a test is about nothing else.
func pass(d time.Duration) { <-time.NewTimer(d).C }

// A client that goes away ends the app's work, and is no error.
func TestAClientThatGoesAwayEndsTheRequest(t *testing.T) {
	reached, ended := make(chan struct{}), make(chan error, 1)
	g := start(t, func(w http.ResponseWriter, r *http.Request) {
		close(reached)
		<-r.Context().Done()
		ended <- r.Context().Err()
	}, options{})
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-reached; cancel() }()
	req, _ := http.NewRequestWithContext(ctx, "GET", g.url+"/", nil)
	if _, err := g.client.Do(req); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	<-ended
	g.stop()
	if err := g.wait(t); err != nil {
		t.Error(err)
	}
	if strings.Contains(g.log.String(), `"ERROR"`) {
		t.Error("it is logged as an error")
	}
}

// A client that goes away within its body is no fault of the app.
func TestABodyBrokenOffIsNotTheApps(t *testing.T) {
	got := make(chan error, 1)
	g := start(t, reader(got), options{})
	c := g.dial(t)
	c.send(t, "POST / HTTP/1.1", "Host: a", "Content-Type: application/octet-stream", "Content-Length: 100", "", "part")
	c.Conn.(*net.TCPConn).CloseWrite()
	resp, body := c.answer(t, "POST")
	if rule := problemOf(t, g, resp, body); resp.StatusCode != 400 || rule != "request/aborted" {
		t.Errorf("got %d %s; want 400", resp.StatusCode, rule)
	}
	if err := <-got; err == nil {
		t.Error("the app got a body that looks whole")
	}
}

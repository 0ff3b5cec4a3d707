// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// pattern is n bytes that repeat only after a prime number of them, so that a
// lost or doubled buffer shows.
type pattern struct{ at, n int64 }

func (p *pattern) Read(b []byte) (int, error) {
	if p.at == p.n {
		return 0, io.EOF
	}
	b = b[:min(int64(len(b)), p.n-p.at)]
	for i := range b {
		b[i] = byte((p.at + int64(i)) % 251)
	}
	p.at += int64(len(b))
	return len(b), nil
}

func digest(r io.Reader) (string, int64) {
	h := sha256.New()
	n, err := io.Copy(h, r)
	if err != nil {
		return err.Error(), n
	}
	return hex.EncodeToString(h.Sum(nil)), n
}

func TestLargeBodiesStreamBothWays(t *testing.T) {
	const size = 8 << 20
	want, _ := digest(&pattern{n: size})
	app := func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			sum, n := digest(r.Body)
			fmt.Fprintf(w, "%s %d %d", sum, n, r.ContentLength)
			return
		}
		if r.URL.Query().Has("length") {
			w.Header().Set("Content-Length", fmt.Sprint(size))
		}
		w.Header().Set("Content-Type", "application/octet-stream")
		io.Copy(w, &pattern{n: size})
	}
	g := start(t, app, options{policy: "bodies: {max_bytes: 16MB}"})
	for name, length := range map[string]int64{"up-with-a-length": size, "up-in-chunks": -1} {
		t.Run(name, func(t *testing.T) {
			req, err := http.NewRequest("POST", g.url+"/", &pattern{n: size})
			if err != nil {
				t.Fatal(err)
			}
			req.ContentLength = length
			req.Header.Set("Content-Type", "application/octet-stream")
			resp, err := g.client.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			got, _ := io.ReadAll(resp.Body)
			if want := fmt.Sprintf("%s %d %d", want, size, length); string(got) != want {
				t.Errorf("the app got %s; want %s", got, want)
			}
		})
	}
	for name, test := range map[string]struct {
		query  string
		length int64
	}{"down-with-a-length": {"?length=1", size}, "down-in-chunks": {"", -1}} {
		t.Run(name, func(t *testing.T) {
			resp, err := g.client.Get(g.url + "/" + test.query)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			if got, n := digest(resp.Body); got != want || n != size || resp.ContentLength != test.length {
				t.Errorf("got %d bytes (%s), length %d", n, got, resp.ContentLength)
			}
		})
	}
}

// Each event arrives before the app writes the next, and the header before the
// first.
func TestEventsArriveOneByOne(t *testing.T) {
	for name, contentType := range map[string]string{
		"event-stream": "text/event-stream", "ndjson": "application/x-ndjson", "plain-chunks": "text/plain",
	} {
		for _, method := range []string{"GET", "POST"} {
			t.Run(name+"-"+strings.ToLower(method), func(t *testing.T) {
				next := make(chan struct{})
				app := func(w http.ResponseWriter, r *http.Request) {
					io.Copy(io.Discard, r.Body)
					w.Header().Set("Content-Type", contentType)
					w.(http.Flusher).Flush()
					for i := range 5 {
						<-next
						fmt.Fprintf(w, "data: %d\n\n", i)
						w.(http.Flusher).Flush()
					}
					<-next
				}
				// An answer may last much longer than a chunk may take.
				g := start(t, app, options{policy: "profile: compatible"})
				body := ""
				if method == "POST" {
					body = `{"question": 1}`
				}
				req, _ := http.NewRequest(method, g.url+"/events", strings.NewReader(body))
				req.Header.Set("Content-Type", "application/json")
				resp, err := g.client.Do(req)
				if err != nil {
					t.Fatal(err)
				}
				defer resp.Body.Close()
				for i := range 5 {
					next <- struct{}{}
					want := fmt.Sprintf("data: %d\n\n", i)
					got := make([]byte, len(want))
					if _, err := io.ReadFull(resp.Body, got); err != nil || string(got) != want {
						t.Fatalf("got %q, %v; want %q", got, err, want)
					}
				}
				close(next)
				if rest, err := io.ReadAll(resp.Body); err != nil || len(rest) > 0 {
					t.Errorf("got %q, %v behind the last event", rest, err)
				}
			})
		}
	}
}

// An app may answer while the body still arrives, and talk back and forth.
func TestAnswersOvertakeBodies(t *testing.T) {
	app := func(w http.ResponseWriter, r *http.Request) {
		http.NewResponseController(w).EnableFullDuplex()
		w.Header().Set("Content-Type", "application/octet-stream")
		buf := make([]byte, 64)
		for {
			n, err := r.Body.Read(buf)
			w.Write(bytes.ToUpper(buf[:n]))
			w.(http.Flusher).Flush()
			if err != nil {
				return
			}
		}
	}
	g := start(t, app, options{policy: "profile: compatible"})
	c := g.dial(t)
	c.send(t, "POST /echo HTTP/1.1", "Host: a", "Content-Type: application/octet-stream", "Transfer-Encoding: chunked", "", "4", "word", "")
	resp, err := http.ReadResponse(c.Reader, nil)
	if err != nil {
		t.Fatal(err)
	}
	expect := func(want string) {
		t.Helper()
		got := make([]byte, len(want))
		if _, err := io.ReadFull(resp.Body, got); err != nil || string(got) != want {
			t.Fatalf("got %q, %v; want %q", got, err, want)
		}
	}
	expect("WORD")
	c.send(t, "4", "more", "")
	expect("MORE")
	c.send(t, "0", "", "")
	if rest, err := io.ReadAll(resp.Body); err != nil || len(rest) > 0 {
		t.Errorf("got %q, %v behind the end", rest, err)
	}
	if !resp.Close {
		t.Error("the connection is offered again, though the answer began within the request's body")
	}
	c.ends(t)
}

// What a client sends of a body that nobody waits for is never the next request.
func TestTheRestOfABodyIsNoRequest(t *testing.T) {
	app := func(w http.ResponseWriter, r *http.Request) {
		http.NewResponseController(w).EnableFullDuplex() // as Node: without reading the body
		w.Header().Set("Connection", "close")            // net/http itself would panic over the rest of the body
		w.WriteHeader(http.StatusUnauthorized)
		io.WriteString(w, r.URL.Path)
	}
	smuggled := "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"
	for name, contentType := range map[string]string{"streamed": "application/octet-stream", "buffered": "application/json"} {
		t.Run(name, func(t *testing.T) {
			g := start(t, app, options{policy: "profile: compatible"})
			c := g.dial(t)
			c.send(t, "POST /first HTTP/1.1", "Host: a", "Content-Type: "+contentType, fmt.Sprintf("Content-Length: %d", 1+len(smuggled)), "", "x")
			if name == "buffered" {
				c.send(t, smuggled) // is read, and no JSON
			}
			resp, body := c.answer(t, "POST")
			if name == "streamed" && body != "/first" || resp.StatusCode < 400 {
				t.Errorf("status %d: %s", resp.StatusCode, body)
			}
			if name == "streamed" {
				io.WriteString(c.Conn, smuggled) // fails once the connection is closed
				c.ends(t)
			}
			if strings.Contains(g.log.String(), "smuggled") {
				t.Error("the rest of the body became a request")
			}
		})
	}
	t.Run("refused-unread", func(t *testing.T) {
		g := start(t, app, options{policy: "rate_limits: {rules: [{name: all, match: /, limit: 1, window: 1h, count: all}]}"})
		g.do(t, "GET", "/", "")
		c := g.dial(t)
		for range 2 { // on one connection: the body is skipped
			c.send(t, "POST / HTTP/1.1", "Host: a", "Content-Type: application/json", fmt.Sprintf("Content-Length: %d", len(smuggled)), "", smuggled)
			if resp, body := c.answer(t, "POST"); resp.StatusCode != 429 || problemOf(t, g, resp, body) != "ratelimit/exceeded" {
				t.Errorf("status %d: %s", resp.StatusCode, body)
			}
		}
	})
}

func TestTrailersOfAnswersPass(t *testing.T) {
	app := func(w http.ResponseWriter, r *http.Request) {
		if len(r.Trailer) > 0 {
			t.Errorf("the app got trailers %v, which nothing inspected", r.Trailer)
		}
		w.Header().Set("Trailer", "X-Sum")
		io.WriteString(w, "body")
		w.Header().Set("X-Sum", "42")
		w.Header().Set(http.TrailerPrefix+"X-Late", "43")
	}
	g := start(t, app, options{policy: "profile: compatible"})
	c := g.dial(t)
	c.send(t, "POST / HTTP/1.1", "Host: a", "Content-Type: application/octet-stream", "Transfer-Encoding: chunked", "Trailer: X-Mine", "", "4", "word", "0", "X-Mine: 1", "", "")
	resp, body := c.answer(t, "POST")
	if body != "body" || resp.Trailer.Get("X-Sum") != "42" || resp.Trailer.Get("X-Late") != "43" {
		t.Errorf("got %q and trailers %v", body, resp.Trailer)
	}
}

// Informational answers pass, with hints and nothing else, but not to HTTP/1.0.
func TestEarlyHintsPass(t *testing.T) {
	app := func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Link", "</a.css>; rel=preload")
		h.Set("X-Powered-By", "Express")
		h.Set("Set-Cookie", "connect.sid=early")
		w.WriteHeader(http.StatusEarlyHints)
		h.Del("Link")
		io.WriteString(w, "final")
	}
	g := start(t, app, options{})
	c := g.dial(t)
	c.send(t, "GET / HTTP/1.1", "Host: a", "", "")
	hints, err := http.ReadResponse(c.Reader, nil)
	if err != nil {
		t.Fatal(err)
	}
	if hints.StatusCode != 103 || len(hints.Header) != 1 || hints.Header.Get("Link") != "</a.css>; rel=preload" {
		t.Errorf("got %d with %v", hints.StatusCode, hints.Header)
	}
	resp, body := c.answer(t, "GET")
	if resp.StatusCode != 200 || body != "final" || resp.Header.Get("Link") != "" || resp.Header.Get("X-Powered-By") != "" || !strings.Contains(resp.Header.Get("Set-Cookie"), "HttpOnly") {
		t.Errorf("got %d %q with %v", resp.StatusCode, body, resp.Header)
	}
	old := g.dial(t)
	old.send(t, "GET / HTTP/1.0", "", "")
	if resp, body := old.answer(t, "GET"); resp.StatusCode != 200 || body != "final" {
		t.Errorf("HTTP/1.0: got %d %q", resp.StatusCode, body)
	}
}

// Answers without a body keep their headers and their connection.
func TestAnswersWithoutABody(t *testing.T) {
	app := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Powered-By", "Express")
		switch r.URL.Path {
		case "/204":
			w.WriteHeader(204)
		case "/304":
			w.Header().Set("Etag", `"1"`)
			w.WriteHeader(304)
		case "/404":
			w.Header().Set("Content-Length", "9")
			w.Header().Set("Content-Type", "text/plain")
			w.WriteHeader(404)
			io.WriteString(w, "not found")
		case "/500":
			w.WriteHeader(500)
			io.WriteString(w, "Error: secret")
		default:
			w.Header().Set("Content-Length", "5")
			io.WriteString(w, "12345")
		}
	}
	g := start(t, app, options{})
	c := g.dial(t)
	for _, test := range []struct {
		method, path string
		status       int
		length       int64
	}{
		{"HEAD", "/", 200, 5}, {"GET", "/204", 204, 0}, {"GET", "/304", 304, 0}, {"HEAD", "/404", 404, 9}, {"HEAD", "/204", 204, -2},
		{"HEAD", "/500", 500, -2}, {"DELETE", "/204", 204, 0}, {"GET", "/", 200, 5},
	} {
		c.send(t, test.method+" "+test.path+" HTTP/1.1", "Host: a", "", "")
		resp, body := c.answer(t, test.method)
		if resp.StatusCode != test.status || test.length != -2 && resp.ContentLength != test.length || resp.Close {
			t.Errorf("%s %s: status %d, length %d, close %v", test.method, test.path, resp.StatusCode, resp.ContentLength, resp.Close)
		}
		if test.method == "HEAD" && body != "" {
			t.Errorf("%s %s: body %q", test.method, test.path, body)
		}
		if resp.Header.Get("X-Powered-By") != "" || resp.Header.Get("X-Content-Type-Options") != "nosniff" || resp.Header.Get("X-Request-Id") == "" {
			t.Errorf("%s %s: headers %v", test.method, test.path, resp.Header)
		}
	}
}

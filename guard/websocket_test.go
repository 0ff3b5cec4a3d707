// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// echo is a WebSocket that says back what it hears. Its handshake sets headers
// as a careless app does.
func echo(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Powered-By", "Express")
	w.Header().Set("Server", "node")
	w.Header().Set("Set-Cookie", "connect.sid=s1; Path=/")
	w.Header().Set("X-Frame-Options", "DENY")
	c, err := websocket.Accept(w, r, nil)
	if err != nil {
		return
	}
	defer c.CloseNow()
	c.SetReadLimit(2 << 20)
	for {
		kind, message, err := c.Read(r.Context())
		if err != nil {
			return
		}
		if c.Write(r.Context(), kind, message) != nil {
			return
		}
	}
}

func TestWebSocketsPass(t *testing.T) {
	g := start(t, echo, options{policy: "profile: strict"})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c, resp, err := websocket.Dial(ctx, "ws://"+g.addr+"/chat", &websocket.DialOptions{HTTPClient: g.client})
	if err != nil {
		t.Fatal(err)
	}
	defer c.CloseNow()
	c.SetReadLimit(2 << 20)
	for _, message := range []string{"hello", "", strings.Repeat("long ", 200_000)} {
		if err := c.Write(ctx, websocket.MessageText, []byte(message)); err != nil {
			t.Fatal(err)
		}
		if _, got, err := c.Read(ctx); err != nil || string(got) != message {
			t.Fatalf("got %d bytes, %v; want %d", len(got), err, len(message))
		}
	}
	// The handshake's answer wears the suit, once.
	h := resp.Header
	for name, want := range map[string]string{
		"X-Powered-By": "", "Server": "", "X-Frame-Options": "DENY", "X-Content-Type-Options": "nosniff",
		"Set-Cookie": "connect.sid=s1; Path=/; Max-Age=3600; HttpOnly; SameSite=Strict",
	} {
		if got := strings.Join(h[name], "|"); got != want {
			t.Errorf("%s: got %q; want %q", name, got, want)
		}
	}
	if len(h["X-Request-Id"]) != 1 {
		t.Errorf("X-Request-Id: %q", h["X-Request-Id"])
	}
	if err := c.Close(websocket.StatusNormalClosure, ""); err != nil {
		t.Errorf("closing: %v", err)
	}
}

var handshake = []string{"Host: a", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "", ""}

// switcher is an app that switches protocols on every request. It reports what
// it was offered, and the end of the connection.
func switcher(offered chan<- string, to string, ended chan<- bool) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		offered <- strings.Join(r.Header["Upgrade"], "|")
		c, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer c.Close()
		io.WriteString(rw, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: "+to+"\r\n\r\ntunnel")
		rw.Flush()
		io.Copy(io.Discard, rw)
		ended <- true
	}
}

// No request but a WebSocket's becomes a tunnel, whatever the app says.
func TestNothingElseIsUpgraded(t *testing.T) {
	for name, test := range map[string]struct {
		request []string
		to      string
		offered string
	}{
		"h2c":                 {[]string{"GET / HTTP/1.1", "Host: a", "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__", "", ""}, "h2c", ""},
		"tls":                 {[]string{"OPTIONS / HTTP/1.1", "Host: a", "Connection: Upgrade", "Upgrade: TLS/1.0", "", ""}, "TLS/1.0", ""},
		"post":                {append([]string{"POST / HTTP/1.1", "Content-Length: 0"}, handshake...), "websocket", ""},
		"http-1.0":            {append([]string{"GET / HTTP/1.0"}, handshake...), "websocket", ""},
		"with-a-body":         {append(append([]string{"GET / HTTP/1.1", "Content-Type: application/json", "Content-Length: 2"}, handshake...)[:8], "", "{}"), "websocket", ""},
		"list":                {[]string{"GET / HTTP/1.1", "Host: a", "Connection: Upgrade", "Upgrade: websocket, h2c", "", ""}, "h2c", ""},
		"two-lines":           {[]string{"GET / HTTP/1.1", "Host: a", "Connection: Upgrade", "Upgrade: websocket", "Upgrade: h2c", "", ""}, "h2c", ""},
		"not-about-it":        {[]string{"GET / HTTP/1.1", "Host: a", "Upgrade: websocket", "", ""}, "websocket", ""},
		"nothing-asked":       {[]string{"GET / HTTP/1.1", "Host: a", "", ""}, "websocket", ""},
		"another-than-asked":  {append([]string{"GET / HTTP/1.1"}, handshake...), "h2c", "websocket"},
		"many-at-once-by-app": {append([]string{"GET / HTTP/1.1"}, handshake...), "websocket, h2c", "websocket"},
	} {
		t.Run(name, func(t *testing.T) {
			offered, ended := make(chan string, 1), make(chan bool, 1)
			g := start(t, switcher(offered, test.to, ended), options{policy: "profile: strict"})
			c := g.dial(t)
			c.send(t, test.request...)
			resp, body := c.answer(t, "GET")
			if rule := problemOf(t, g, resp, body); resp.StatusCode != 502 || rule != "request/upstream-down" {
				t.Errorf("status %d, rule %s; want 502", resp.StatusCode, rule)
			}
			if got := <-offered; got != test.offered {
				t.Errorf("the app was offered %q; want %q", got, test.offered)
			}
			select {
			case <-ended:
			case <-time.After(patience):
				t.Error("the connection to the app stays open")
			}
		})
	}
}

// A handshake that the app refuses is an ordinary answer.
func TestRefusedHandshakes(t *testing.T) {
	g := start(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Powered-By", "Express")
		http.Error(w, "no sockets here", http.StatusUpgradeRequired)
	}, options{})
	c := g.dial(t)
	for range 2 { // on one connection
		c.send(t, append([]string{"GET /chat HTTP/1.1"}, handshake...)...)
		resp, body := c.answer(t, "GET")
		if resp.StatusCode != 426 || body != "no sockets here\n" || resp.Header.Get("X-Powered-By") != "" {
			t.Errorf("got %d %q with %v", resp.StatusCode, body, resp.Header)
		}
	}
	t.Run("by-the-guard", func(t *testing.T) {
		c := g.dial(t)
		c.send(t, append([]string{"GET /chat?room[$ne]=1 HTTP/1.1"}, handshake...)...)
		if resp, body := c.answer(t, "GET"); resp.StatusCode != 400 || !strings.HasPrefix(problemOf(t, g, resp, body), "nosql/") {
			t.Errorf("got %d %s", resp.StatusCode, body)
		}
	})
}

// A page of another site cannot open one with the visitor's cookies.
func TestWebSocketsOfOtherSites(t *testing.T) {
	for name, test := range map[string]struct {
		policy  string
		headers []string
		status  int
	}{
		"other-site": {"profile: strict", []string{"Origin: https://evil.example", "Cookie: sid=1"}, 403},
		"own-site":   {"profile: strict", []string{"Origin: http://a", "Cookie: sid=1"}, 426},
		"no-cookies": {"profile: strict", []string{"Origin: https://evil.example"}, 426},
		"compatible": {"profile: compatible", []string{"Origin: https://evil.example", "Cookie: sid=1"}, 426},
	} {
		t.Run(name, func(t *testing.T) {
			g := start(t, func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusUpgradeRequired) }, options{policy: test.policy})
			c := g.dial(t)
			c.send(t, append(append([]string{"GET /chat HTTP/1.1"}, test.headers...), handshake...)...)
			resp, body := c.answer(t, "GET")
			if resp.StatusCode != test.status || test.status == 403 && problemOf(t, g, resp, body) != "session/cross-origin" {
				t.Errorf("got %d %s; want %d", resp.StatusCode, body, test.status)
			}
		})
	}
}

// The end of one side's talking reaches the other, and so does its going away.
func TestWebSocketsEndTogether(t *testing.T) {
	ended := make(chan []byte, 1)
	g := start(t, func(w http.ResponseWriter, r *http.Request) {
		c, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer c.Close()
		io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
		heard, _ := io.ReadAll(rw)
		io.WriteString(c, "heard")
		ended <- heard
	}, options{})
	c := g.dial(t)
	c.send(t, append([]string{"GET /chat HTTP/1.1"}, handshake...)...)
	resp, err := http.ReadResponse(c.Reader, nil)
	if err != nil || resp.StatusCode != 101 {
		t.Fatalf("got %v, %v", resp, err)
	}
	c.send(t, "bytes")
	c.Conn.(*net.TCPConn).CloseWrite()
	if heard := <-ended; !bytes.Equal(heard, []byte("bytes")) {
		t.Errorf("the app heard %q", heard)
	}
	if rest, err := io.ReadAll(c); err != nil || string(rest) != "heard" {
		t.Errorf("got %q, %v after the end", rest, err)
	}
}

// A client that takes nothing does not hold a WebSocket for ever.
func TestWebSocketsThatTakeNothingEnd(t *testing.T) {
	ended := make(chan error, 1)
	g := start(t, func(w http.ResponseWriter, r *http.Request) {
		c, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer c.Close()
		io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
		_, err = io.Copy(c, &pattern{n: 1 << 30})
		ended <- err
	}, options{times: impatient})
	c := g.dial(t)
	c.send(t, append([]string{"GET /chat HTTP/1.1"}, handshake...)...)
	if err := <-ended; err == nil {
		t.Error("a gigabyte went to a client that reads nothing")
	}
}

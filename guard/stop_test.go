// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"go.uber.org/goleak"
)

func TestAStopLetsRequestsFinish(t *testing.T) {
	reached, finish := make(chan struct{}), make(chan struct{})
	g := start(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/slow" {
			return
		}
		io.WriteString(w, "begin ")
		w.(http.Flusher).Flush()
		close(reached)
		<-finish
		io.WriteString(w, "end")
	}, options{})
	idle := g.dial(t)
	idle.send(t, "GET / HTTP/1.1", "Host: a", "", "")
	idle.answer(t, "GET")
	resp, err := g.client.Get(g.url + "/slow")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	<-reached
	g.stop()
	closed := false
	for range 100_000 { // until the stop has begun, which closes the listener
		c, err := net.Dial("tcp", g.addr)
		if closed = err != nil; closed {
			break
		}
		c.Close()
	}
	if !closed {
		t.Error("connections are still accepted")
	}
	idle.ends(t)
	select {
	case err := <-g.ended:
		t.Fatalf("the guard ended with a request under way: %v", err)
	default:
	}
	close(finish)
	if body, err := io.ReadAll(resp.Body); err != nil || string(body) != "begin end" {
		t.Errorf("got %q, %v", body, err)
	}
	if err := g.wait(t); err != nil {
		t.Error(err)
	}
}

// One stop ends WebSockets and, after the time to drain, answers that never
// end. Nothing is left.
func TestAStopEndsWhatNeverEnds(t *testing.T) {
	before := goleak.IgnoreCurrent()
	app := func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/chat" {
			echo(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	}
	for name, events := range map[string]bool{"websockets": false, "websockets-and-events": true} {
		t.Run(name, func(t *testing.T) {
			times := usual
			if events {
				times.drain = 20 * time.Millisecond
			}
			g := start(t, app, options{times: times})
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			var sockets []*websocket.Conn
			for range 5 {
				c, _, err := websocket.Dial(ctx, "ws://"+g.addr+"/chat", &websocket.DialOptions{HTTPClient: g.client})
				if err != nil {
					t.Fatal(err)
				}
				defer c.CloseNow()
				sockets = append(sockets, c)
			}
			if events {
				resp, err := g.client.Get(g.url + "/events")
				if err != nil {
					t.Fatal(err)
				}
				defer resp.Body.Close()
				defer func() {
					if _, err := io.ReadAll(resp.Body); err == nil {
						t.Error("an event stream that was cut off looks whole")
					}
				}()
			}
			g.stop()
			for _, c := range sockets {
				if _, _, err := c.Read(ctx); err == nil || ctx.Err() != nil {
					t.Errorf("a WebSocket outlives the guard: %v", err)
				}
			}
			if err := g.wait(t); err != nil {
				t.Error(err)
			}
			if cut := g.log.find(map[string]string{"msg": "requests under way were cut off"}) != nil; cut != events {
				t.Errorf("requests were cut off: %v", cut)
			}
		})
	}
	goleak.VerifyNone(t, before)
}

// Hundreds of requests of every kind leave nothing behind.
func TestNothingIsLeftBehind(t *testing.T) {
	before := goleak.IgnoreCurrent()
	t.Run("guard", func(t *testing.T) {
		g := start(t, func(w http.ResponseWriter, r *http.Request) {
			switch r.URL.Path {
			case "/abort":
				panic(http.ErrAbortHandler)
			case "/early":
				w.WriteHeader(401)
				return
			}
			io.Copy(w, r.Body)
		}, options{policy: "profile: compatible"})
		for i := range 60 {
			g.do(t, "POST", "/echo", `{"a":1}`, "Content-Type", "application/json")
			g.do(t, "GET", "/abort", "")
			g.do(t, "POST", "/early", "octets octets octets", "Content-Type", "application/octet-stream")
			g.do(t, "POST", fmt.Sprintf("/q?a[$ne]=%d", i), "{}")
			c := g.dial(t)
			c.send(t, "POST /echo HTTP/1.1", "Host: a", "Content-Type: application/octet-stream", "Content-Length: 100", "", "only this")
			c.Conn.Close()
		}
	})
	goleak.VerifyNone(t, before)
}

func TestRunSaysWhyItCannotServe(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for name, policy := range map[string]string{
		"address-taken":  "admin: off\nlisten: " + taken.Addr().String(),
		"admin-taken":    "listen: 127.0.0.1:0\nadmin: " + taken.Addr().String(),
		"no-certificate": "admin: off\nlisten: 127.0.0.1:0\ntls: {cert: none.pem, key: none.pem}",
	} {
		t.Run(name, func(t *testing.T) {
			g, err := New(parsePolicy(t, policy), slog.New(slog.DiscardHandler))
			if err != nil {
				t.Fatal(err)
			}
			if err := g.Run(t.Context(), func(string) { t.Error("it says that it is ready") }); err == nil {
				t.Error("it served")
			}
		})
	}
	t.Run("default-admin-taken", func(t *testing.T) {
		// Whoever has the default address: the guard serves all the same.
		if taken, err := net.Listen("tcp", defaultAdmin); err == nil { // else somebody has it already
			defer taken.Close()
		}
		g := start(t, ok, options{admin: true})
		if log := g.log.String(); !strings.Contains(log, "no admin listener") {
			t.Errorf("nothing is said of it: %s", log)
		}
		if resp, body := g.do(t, "GET", "/", ""); resp.StatusCode != 200 || body != "ok" {
			t.Errorf("got %d %q", resp.StatusCode, body)
		}
	})
}

// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// socketPath is short enough for every system.
func socketPath(t *testing.T) string {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("*** NOT TESTED: Unix sockets (Windows has no modes of files) ***")
	}
	dir, err := os.MkdirTemp("", "p")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return filepath.Join(dir, "s")
}

// over has the guard's client connect to a Unix socket, from a socket that may have a name.
func (r *running) over(path, from string) {
	r.url = "http://shop.example"
	r.client.Transport = &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		d := net.Dialer{}
		if from != "" {
			d.LocalAddr = &net.UnixAddr{Name: from, Net: "unix"}
		}
		return d.DialContext(ctx, "unix", path)
	}}
}

func TestUnixSocket(t *testing.T) {
	for name, tt := range map[string]struct {
		trusted, from string
		want          string // what the app is told of the client
	}{
		"a-proxy":            {"[unix]", "", "203.0.113.7"},
		"whoever":            {"[]", "", ""},
		"other-proxies":      {"[10.0.0.0/8]", "", ""},
		"named-like-a-proxy": {"[10.0.0.0/8]", "10.0.0.1:80", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Chdir(t.TempDir()) // for a relative name
			path := socketPath(t)
			g := start(t, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.Header.Get("X-Forwarded-For")) },
				options{policy: "listen: unix:" + path + "\ntrusted_proxies: " + tt.trusted})
			if g.url != "unix:"+path {
				t.Errorf("it is told of as %s", g.url)
			}
			if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o660 {
				t.Errorf("the socket: %v, %v", info, err)
			}
			g.over(path, tt.from)
			if resp, body := g.do(t, "GET", "/", "", "X-Forwarded-For", "203.0.113.7"); resp.StatusCode != 200 || body != tt.want {
				t.Errorf("got %d, %q; want %q", resp.StatusCode, body, tt.want)
			}
			g.stop()
			g.wait(t)
			if _, err := os.Lstat(path); err == nil {
				t.Error("the socket outlives the guard")
			}
		})
	}
}

// A socket that was left is taken over; what is in use or no socket stays.
func TestSocketsThatAreThere(t *testing.T) {
	for name, tt := range map[string]struct {
		make func(path string) (io.Closer, error)
		want string // the fault
	}{
		"left": {func(path string) (io.Closer, error) {
			l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
			if err == nil {
				l.SetUnlinkOnClose(false)
				l.Close()
			}
			return nil, err
		}, ""},
		"in-use": {func(path string) (io.Closer, error) { return net.Listen("unix", path) }, "somebody listens there"},
		"a-file": {func(path string) (io.Closer, error) { return os.Create(path) }, "is no socket"},
		"a-link": {func(path string) (io.Closer, error) { return nil, os.Symlink("/dev/null", path) }, "is no socket"},
	} {
		t.Run(name, func(t *testing.T) {
			path := socketPath(t)
			there, err := tt.make(path)
			if err != nil {
				t.Fatal(err)
			}
			if there != nil {
				defer there.Close()
			}
			l, err := listenOn("unix:" + path)
			if err == nil {
				l.Close()
			}
			if got := fmt.Sprint(err); (err == nil) != (tt.want == "") || !strings.Contains(got, tt.want) {
				t.Errorf("got %v; want %q", err, tt.want)
			}
			if _, err := os.Lstat(path); tt.want != "" && err != nil {
				t.Error("it is gone")
			}
		})
	}
}

// Browsers are sent to https, and nowhere else.
func TestRedirect(t *testing.T) {
	cert, key, _ := certificate(t)
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := free.Addr().String()
	free.Close()
	g := start(t, ok, options{policy: fmt.Sprintf("tls: {cert: %q, key: %q, redirect: %q}", cert, key, addr)})
	for name, tt := range map[string]struct {
		method, target, host string
		status               int
		to                   string
	}{
		"a-page":              {"GET", "/a/b?c=d%20e", "127.0.0.1", 308, "https://127.0.0.1/a/b?c=d%20e"},
		"with-a-port":         {"GET", "/", "127.0.0.1:80", 308, "https://127.0.0.1:0/"}, // the policy's port
		"head":                {"HEAD", "/", "127.0.0.1", 308, "https://127.0.0.1/"},
		"two-slashes":         {"GET", "//evil.example/x", "127.0.0.1", 308, "https://127.0.0.1//evil.example/x"},
		"absolute":            {"GET", "http://127.0.0.1/x", "ignored.example", 308, "https://127.0.0.1/x"},
		"another-host":        {"GET", "/", "evil.example", 421, ""},
		"absolute-elsewhere":  {"GET", "http://evil.example/x", "127.0.0.1", 421, ""},
		"another-with-a-port": {"GET", "/", "evil.example:443", 421, ""},
		"a-name-before":       {"GET", "/", "127.0.0.1@evil.example", 400, ""},
		"a-longer-name":       {"GET", "/", "127.0.0.1.evil.example", 421, ""},
		"no-host":             {"GET", "/", "", 421, ""},
		"a-port-alone":        {"GET", "/", ":80", 421, ""},
		"a-form":              {"POST", "/login", "127.0.0.1", 403, ""},
		"the-server":          {"OPTIONS", "*", "127.0.0.1", 400, ""},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := net.Dial("tcp", addr)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			c.SetDeadline(time.Now().Add(patience))
			fmt.Fprintf(c, "%s %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", tt.method, tt.target, tt.host)
			b, err := io.ReadAll(c)
			if err != nil {
				t.Fatal(err)
			}
			answer := string(b)
			location := ""
			if _, rest, found := strings.Cut(answer, "\r\nLocation: "); found {
				location, _, _ = strings.Cut(rest, "\r\n")
			}
			if !strings.HasPrefix(answer, fmt.Sprintf("HTTP/1.1 %d ", tt.status)) || location != tt.to {
				t.Errorf("got %s; want %d to %q", answer, tt.status, tt.to)
			}
			if strings.Contains(answer, "Strict-Transport-Security") {
				t.Error("HSTS over plain HTTP")
			}
		})
	}
	g.stop()
	g.wait(t)
	if c, err := net.Dial("tcp", addr); err == nil {
		c.Close()
		t.Error("the listener outlives the guard")
	}
}

// A listener that cannot be had is told at the start, and leaves none behind.
func TestRedirectOnATakenPort(t *testing.T) {
	cert, key, _ := certificate(t)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	g := admin(t, fmt.Sprintf("listen: 127.0.0.1:0\nadmin: off\ntls: {cert: %q, key: %q, redirect: %q}", cert, key, taken.Addr()))
	if err := g.Run(t.Context(), nil); err == nil || !strings.HasPrefix(err.Error(), "tls.redirect: ") {
		t.Errorf("got %v", err)
	}
}

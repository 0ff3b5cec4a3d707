// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Whichever address a client comes to, it is served, and they all end together.
func TestSeveralListeners(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "p.sock")
	g := start(t, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.Header.Get("X-Forwarded-For")) },
		options{policy: "listen: ['127.0.0.1:0', '127.0.0.1:0', 'unix:" + socket + "']\ntrusted_proxies: []"})
	line := g.log.find(map[string]string{"msg": "panoply guard"})
	at := strings.Fields(line["listening"].(string))
	if len(at) != 3 || at[0] != g.url || at[2] != "unix:"+socket {
		t.Fatalf("listening is %q", at)
	}
	for _, url := range at[:2] {
		res, err := g.client.Get(url)
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(res.Body)
		if res.Body.Close(); err != nil || string(b) != "127.0.0.1" {
			t.Errorf("%s: %q, %v", url, b, err)
		}
	}
	over := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", socket)
	}}
	defer over.CloseIdleConnections()
	res, err := (&http.Client{Transport: over, Timeout: patience}).Get("http://panoply/")
	if err != nil {
		t.Fatal(err)
	}
	if res.Body.Close(); res.StatusCode != 200 {
		t.Errorf("over the socket: %d", res.StatusCode)
	}
	g.stop()
	if err := g.wait(t); err != nil {
		t.Error(err)
	}
	for _, addr := range []string{strings.TrimPrefix(at[0], "http://"), strings.TrimPrefix(at[1], "http://")} {
		if c, err := net.Dial("tcp", addr); err == nil {
			c.Close()
			t.Errorf("%s is still there", addr)
		}
	}
}

// A guard that cannot listen at one address listens at none.
func TestAllListenersOrNone(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	socket := filepath.Join(t.TempDir(), "p.sock")
	if l, err := listenAt([]string{"unix:" + socket, taken.Addr().String()}); err == nil {
		l.Close()
		t.Fatal("it listens")
	}
	if _, err := net.Dial("unix", socket); err == nil {
		t.Error("the first address is left open")
	}
}

func TestListenFaults(t *testing.T) {
	many := strings.Repeat("'127.0.0.1:0', ", maxListeners) + "'127.0.0.1:0'"
	for name, tt := range map[string]struct {
		policy string
		faults []string
	}{
		"several":           {"listen: ['127.0.0.1:8080', '[::1]:8080', 'unix:/run/p.sock']\ntrusted_proxies: []", nil},
		"twice":             {"listen: ['127.0.0.1:8080', '127.0.0.1:8080']", []string{"listen[1]"}},
		"second-is-wrong":   {"listen: ['127.0.0.1:8080', '8080']", []string{"listen[1]"}},
		"second-is-beyond":  {"listen: ['127.0.0.1:8080', ':8443']\nenvironment: development", []string{"trusted_proxies", "environment"}},
		"untrusted-sockets": {"listen: ['unix:/run/a.sock', 'unix:/run/b.sock', ':80']", []string{"trusted_proxies"}},
		"too-many":          {"listen: [" + many + "]", []string{"listen"}},
		"second-is-the-app": {"listen: ['127.0.0.1:8080', '127.0.0.1:8081']\nupstream: http://localhost:8081", []string{"upstream"}},
		"second-is-admin":   {"listen: ['127.0.0.1:8080', '127.0.0.1:9000']\nadmin: 127.0.0.1:9000", []string{"admin"}},
		"acme":              {"tls: {acme: {domains: [shop.example]}, redirect: '127.0.0.1:80'}", nil},
		"acme-and-files":    {"tls: {cert: a, key: b, acme: {domains: [shop.example]}}", []string{"tls.acme"}},
		"acme-on-a-socket":  {"listen: unix:/run/p.sock\ntrusted_proxies: []\ntls: {acme: {domains: [shop.example]}}", []string{"tls.acme"}},
		"acme-of-nothing":   {"tls: {acme: {domains: []}}", []string{"tls.acme.domains"}},
		"second-redirects":  {"listen: ['127.0.0.1:8080', '127.0.0.1:80']\ntls: {cert: a, key: b, redirect: '127.0.0.1:80'}", []string{"tls.redirect"}},
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
			for _, path := range tt.faults {
				found := false
				for _, line := range got {
					found = found || (strings.Contains(line, " "+path+":") || strings.HasPrefix(line, path+":")) && strings.Contains(line, "hint: ")
				}
				if !found {
					t.Errorf("%q does not tell of %s", got, path)
				}
			}
		})
	}
}

// What the documentation shows is without faults.
func TestServingIsDocumented(t *testing.T) {
	text, err := os.ReadFile("../docs/serving.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := strings.Split(string(text), "```yaml\n")[1:]
	if len(blocks) < 4 {
		t.Fatalf("%d examples", len(blocks))
	}
	for _, block := range blocks {
		src, _, _ := strings.Cut(block, "```")
		p := parsePolicy(t, src)
		if len(p.Listen) == 0 {
			p.Listen = []string{defaultListen}
		}
		if faults := append(checkListen(p), checkUpstreams(p)...); len(faults) > 0 {
			t.Errorf("%s\n%v", src, faults)
		}
	}
}

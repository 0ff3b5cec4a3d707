// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

// Package acme_test has the guard get certificates from Pebble, the authority that Let's
// Encrypt tests clients with.
package acme_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/letsencrypt/pebble/v2/ca"
	"github.com/letsencrypt/pebble/v2/db"
	"github.com/letsencrypt/pebble/v2/va"
	"github.com/letsencrypt/pebble/v2/wfe"
	"github.com/miekg/dns"

	"github.com/panoply-security/panoply"
	"github.com/panoply-security/panoply/guard"
)

const patience = 60 * time.Second

// authority is a Pebble that looks for every host on this machine.
type authority struct {
	*httptest.Server
	roots *x509.CertPool // of what it issues
	file  string         // of its own certificate
	open  chan http.Handler
}

// newAuthority answers once it is told at which ports challenges are answered.
func newAuthority(t *testing.T, dir string) *authority {
	a := &authority{open: make(chan http.Handler, 1), file: filepath.Join(dir, "roots.pem")}
	handler := sync.OnceValue(func() http.Handler { return <-a.open })
	a.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handler().ServeHTTP(w, r) }))
	t.Cleanup(a.Close)
	if err := os.WriteFile(a.file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	return a
}

func (a *authority) looksAt(t *testing.T, httpPort, tlsPort int) {
	t.Helper()
	t.Setenv("PEBBLE_VA_NOSLEEP", "1")
	t.Setenv("PEBBLE_WFE_NONCEREJECT", "0")
	quiet := log.New(io.Discard, "", 0)
	store := db.NewMemoryStore()
	issuer := ca.New(quiet, store, "", "ecdsa", 0, 1, map[string]ca.Profile{"default": {Description: "the only one"}})
	front := wfe.New(quiet, store, va.New(quiet, httpPort, tlsPort, true, resolver(t), store), issuer, []string{"ca.example"}, true, false, 1, 1)
	a.roots = x509.NewCertPool()
	if !a.roots.AppendCertsFromPEM(issuer.GetRootCert(0).PEM()) {
		t.Fatal("no root")
	}
	a.open <- front.Handler()
}

// resolver says of every host that it is this machine. Pebble asks over TCP.
func resolver(t *testing.T) (addr string) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &dns.Server{Listener: listener, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		m := new(dns.Msg).SetReply(q)
		if q.Question[0].Qtype == dns.TypeA {
			m.Answer = append(m.Answer, &dns.A{Hdr: dns.RR_Header{Name: q.Question[0].Name, Rrtype: dns.TypeA, Class: dns.ClassINET}, A: net.IPv4(127, 0, 0, 1)})
		}
		w.WriteMsg(m)
	})}
	go server.ActivateAndServe()
	t.Cleanup(func() { server.Shutdown() })
	return listener.Addr().String()
}

// journal is a log that is read while it is written.
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

// run runs a guard until stop.
func run(t *testing.T, policy string) (url string, log *journal, stop func()) {
	t.Helper()
	p, err := panoply.Parse("policy.yaml", []byte(policy))
	if err != nil {
		t.Fatal(err)
	}
	log = &journal{}
	g, err := guard.New(p, slog.New(slog.NewTextHandler(log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ready, ended := make(chan string, 1), make(chan error, 1)
	go func() { ended <- g.Run(ctx, func(url string) { ready <- url }) }()
	select {
	case url = <-ready:
	case err := <-ended:
		t.Fatal(err)
	}
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() {
		stop()
		if t.Failed() {
			t.Logf("log:\n%s", log)
		}
	})
	return url, log, stop
}

func port(t *testing.T, addr string) (n int) {
	t.Helper()
	if _, err := fmt.Sscan(addr[strings.LastIndexByte(addr, ':')+1:], &n); err != nil {
		t.Fatal(err)
	}
	return n
}

// free is a port at which nobody listens, or did not a moment ago.
func free(t *testing.T) int {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return port(t, l.Addr().String())
}

// get asks the guard for a host as a browser does that trusts the roots.
func get(addr, host string, roots *x509.CertPool) (*http.Response, error) {
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", addr)
		}}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: patience, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Get(host)
	if err == nil {
		res.Body.Close()
	}
	return res, err
}

// By either challenge each of the domains gets its certificate; it outlives the guard, and the authority.
func TestCertificates(t *testing.T) {
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {}))
	defer app.Close()
	for name, over := range map[string]string{"tls-alpn-01": "tls", "http-01": "http"} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			a := newAuthority(t, dir)
			redirect, plain := "", free(t)
			if over == "http" {
				redirect = fmt.Sprintf(", redirect: '127.0.0.1:%d'", plain)
			}
			policy := fmt.Sprintf("listen: 127.0.0.1:0\nadmin: off\nupstream: %s\ntls: {acme: {domains: [shop.example, www.shop.example], email: ops@shop.example, ca: '%s', roots: '%s', storage: '%s'}%s}\n",
				app.URL, a.URL+wfe.DirectoryPath, a.file, filepath.Join(dir, "acme"), redirect)
			url, log, stop := run(t, policy)
			addr := strings.TrimPrefix(url, "https://")
			if over == "http" {
				a.looksAt(t, plain, free(t)) // where TLS is not answered
			} else {
				a.looksAt(t, free(t), port(t, addr))
			}
			for _, host := range []string{"shop.example", "www.shop.example"} {
				for began := time.Now(); ; time.Sleep(10 * time.Millisecond) {
					res, err := get(addr, "https://"+host, a.roots)
					if err == nil {
						if res.StatusCode != 200 || res.ProtoMajor != 2 {
							t.Errorf("%s: %s %d", host, res.Proto, res.StatusCode)
						}
						break
					}
					if time.Since(began) > patience {
						t.Fatal(err)
					}
				}
			}
			if _, err := get(addr, "https://other.example", a.roots); err == nil {
				t.Error("another host has a certificate")
			}
			if n := strings.Count(log.String(), "a certificate was obtained"); n != 2 {
				t.Errorf("%d certificates are told of", n)
			}
			if over == "http" {
				at := fmt.Sprintf("127.0.0.1:%d", plain)
				for target, want := range map[string]int{"http://www.shop.example/x": 308, "http://other.example/x": 421, "http://shop.example/.well-known/acme-challenge/x": 308} {
					if res, err := get(at, target, nil); err != nil || res.StatusCode != want {
						t.Errorf("%s: %v, %v", target, res, err)
					}
				}
			}
			// Keys are for the guard's user alone.
			filepath.Walk(filepath.Join(dir, "acme"), func(path string, info os.FileInfo, err error) error {
				if err == nil && strings.HasSuffix(path, ".key") && info.Mode().Perm()&0o077 != 0 {
					t.Errorf("%s has mode %v", path, info.Mode())
				}
				return err
			})
			// Another guard finds them, though nobody answers there any more.
			stop()
			a.Close()
			url, _, _ = run(t, policy)
			if res, err := get(strings.TrimPrefix(url, "https://"), "https://shop.example", a.roots); err != nil || res.StatusCode != 200 {
				t.Errorf("after a start: %v, %v", res, err)
			}
		})
	}
}

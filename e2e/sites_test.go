// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/panoply-security/panoply"
	"github.com/panoply-security/panoply/demo/db"
	"github.com/panoply-security/panoply/demo/shop/hardened"
	"github.com/panoply-security/panoply/e2e/child"
	"github.com/panoply-security/panoply/e2e/nodeapp"
	"github.com/panoply-security/panoply/finding"
	"github.com/panoply-security/panoply/rule"
	"github.com/panoply-security/panoply/scan"
)

// wellMade are sites in which there is nothing to find. Those in apps/sites are put
// together of published packages, as their documentation has it.
var wellMade = []struct {
	name  string
	start func(t *testing.T) (url string, roots *x509.CertPool)
	all   bool // a scan can tell of each mistake that it is closed
}{
	{"express-with-the-articles-fixes", published("shop"), true},
	{"express-rate-limit-draft-6", published("draft6"), false},
	{"express-rate-limit-draft-7", published("draft7"), false},
	{"express-rate-limit-draft-8", published("draft8"), false},
	{"express-static-with-helmet", published("static"), false},
	{"express-behind-a-login", published("signin"), false},
	{"express-with-one-cors-partner", published("partner"), false},
	{"fastify-with-helmet", published("fastify"), false},
	{"koa-with-helmet", published("koa"), false},
	{"hono-page-with-nonces", published("hono"), false},
	{"nginx-static", nginx, false},
	{"go-with-the-library", secure(library), true},
	{"go-with-the-suit-around-a-file-server", secure(files), false},
	{"go-api-by-hand", secure(api), false},
	{"guard-with-the-shops-policy", guarded, true},
	{"site-that-moved", secure(moved), false},
}

// TestWellMadeSites: no finding above info, passive and active.
func TestWellMadeSites(t *testing.T) {
	for _, site := range wellMade {
		t.Run(site.name, func(t *testing.T) {
			url, roots := site.start(t)
			for _, active := range []bool{false, true} {
				r, err := scan.Run(t.Context(), scan.Options{Target: url, RootCAs: roots, Active: active})
				if err != nil {
					t.Fatal(err)
				}
				for _, f := range r.Findings {
					if f.Severity != rule.Info {
						t.Errorf("active %v: %s %s %s %s\n%s", active, f.Severity, f.Rule, f.Location, f.Message, strings.Join(f.Evidence, "\n"))
					}
				}
				for _, m := range r.Mistakes {
					if site.all && active && m.Verdict != finding.Closed {
						t.Errorf("mistake %d is %s: %s", m.Number, m.Verdict, m.Reason)
					}
				}
				if r.Run.Stopped != "" {
					t.Errorf("stopped: %s", r.Run.Stopped)
				}
			}
		})
	}
}

// published starts a site of apps/sites behind a proxy that ends TLS.
func published(site string) func(t *testing.T) (string, *x509.CertPool) {
	return func(t *testing.T) (string, *x509.CertPool) {
		dir := filepath.Join("apps", "sites")
		if err := nodeapp.Install(t.Context(), dir); err != nil {
			if missing := (*nodeapp.Missing)(nil); errors.As(err, &missing) {
				lacking(t, missing.What, missing.Err)
			}
			t.Fatal(err)
		}
		running, err := nodeapp.Start(t.Context(), dir, nodeapp.Config{UploadDir: t.TempDir(), Site: site, Mode: "production"})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			running.Stop()
			if t.Failed() {
				t.Logf("the site %s printed:\n%s", site, running.Log())
			}
		})
		return endTLS(t, running.URL)
	}
}

// endTLS is a proxy over TLS in front of a server.
func endTLS(t *testing.T, upstream string) (string, *x509.CertPool) {
	t.Helper()
	to, err := url.Parse(upstream)
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(to)
		r.SetXForwarded()
	}}
	return secure(func(*testing.T) http.Handler { return proxy })(t)
}

// secure serves a handler over TLS.
func secure(handler func(t *testing.T) http.Handler) func(t *testing.T) (string, *x509.CertPool) {
	return func(t *testing.T) (string, *x509.CertPool) {
		server := httptest.NewTLSServer(handler(t))
		t.Cleanup(server.Close)
		roots := x509.NewCertPool()
		roots.AddCert(server.Certificate())
		return server.URL, roots
	}
}

func library(t *testing.T) http.Handler {
	database, err := db.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = database.Close() })
	client, err := db.Connect(t.Context(), database.URI())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Disconnect(t.Context()) })
	app, err := hardened.New(hardened.Options{Database: client.Database("shop"), UploadDir: filepath.Join(t.TempDir(), "uploads"), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return app
}

const sitePage = `<!doctype html><html lang="en"><title>A site</title><link rel="stylesheet" href="/site.css"><h1>A site</h1></html>`

func files(t *testing.T) http.Handler {
	suit, err := panoply.New(panoply.Policy{})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "index.html"), []byte(sitePage), 0o600); err != nil {
		t.Fatal(err)
	}
	return suit.Handler(http.FileServer(http.Dir(dir)))
}

func api(*testing.T) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Strict-Transport-Security", "max-age=63072000")
		w.Header().Set("Cache-Control", "no-store")
		if r.URL.Path != "/" || r.Method != http.MethodGet {
			w.WriteHeader(http.StatusNotFound)
		}
		fmt.Fprint(w, `{"ok":true}`)
	})
}

func moved(*testing.T) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Strict-Transport-Security", "max-age=63072000")
		http.Redirect(w, r, "https://www.shop.example/", http.StatusMovedPermanently)
	})
}

func guarded(t *testing.T) (string, *x509.CertPool) {
	g := startGuard(t, startApp(t, "express5"), strict)
	return g.url, g.roots
}

// nginxConfig is a static site with the headers that guides to hardening have.
const nginxConfig = `
daemon off;
worker_processes 1;
pid %[1]s/nginx.pid;
error_log %[1]s/error.log;
events { worker_connections 64; }
http {
	access_log off;
	types { text/html html; text/css css; }
	client_body_temp_path %[1]s/body;
	proxy_temp_path %[1]s/proxy;
	fastcgi_temp_path %[1]s/fastcgi;
	uwsgi_temp_path %[1]s/uwsgi;
	scgi_temp_path %[1]s/scgi;
	server_tokens off;
	server {
		listen %[2]s;
		root %[1]s/site;
		add_header Content-Security-Policy "default-src 'self'; object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'" always;
		add_header Strict-Transport-Security "max-age=63072000; includeSubDomains" always;
		add_header X-Content-Type-Options nosniff always;
		add_header X-Frame-Options DENY always;
		add_header Referrer-Policy strict-origin-when-cross-origin always;
		location ~ /\. { deny all; }
	}
}
`

func nginx(t *testing.T) (string, *x509.CertPool) {
	command, err := exec.LookPath("nginx")
	if err != nil {
		if command = "/usr/sbin/nginx"; exec.Command(command, "-v").Run() != nil {
			lacking(t, "nginx", err)
		}
	}
	// Started by root it works as nobody, who must get to its files.
	dir, err := os.MkdirTemp("", "panoply-nginx-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	for _, d := range []string{dir, filepath.Join(dir, "site")} {
		if err := errors.Join(os.MkdirAll(d, 0o755), os.Chmod(d, 0o755)); err != nil {
			t.Fatal(err)
		}
	}
	addr := freeAddr(t)
	for name, text := range map[string]string{"nginx.conf": fmt.Sprintf(nginxConfig, dir, addr), "site/index.html": sitePage, "site/site.css": "h1 { color: black }"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	process, _, err := child.Start(t.Context(), exec.Command(command, "-p", dir, "-c", filepath.Join(dir, "nginx.conf")), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		process.Stop()
		if t.Failed() {
			t.Logf("nginx printed:\n%s", process.Output())
		}
	})
	if err := process.Accepts(t.Context(), addr); err != nil {
		t.Fatal(err)
	}
	return endTLS(t, "http://"+addr)
}

// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package acme

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddyserver/certmagic"
	"go.uber.org/zap"

	"github.com/panoply-security/panoply"
)

const patience = 20 * time.Second

func TestCheck(t *testing.T) {
	for name, tt := range map[string]struct {
		section string
		faults  string
	}{
		"one":           {"domains: [shop.example]", ""},
		"all":           {"domains: [shop.example, www.shop.example, xn--bcher-kva.example], email: ops@shop.example, ca: 'https://ca.internal/dir', storage: s, roots: r.pem", ""},
		"none":          {"email: ops@shop.example", "acme.domains"},
		"wildcard":      {"domains: ['*.shop.example']", "acme.domains[0]"},
		"no-domain":     {"domains: [shop, 192.0.2.1, 'a b.example', Shop.example, a..example, -a.example, 'shop.example:443']", "acme.domains[0] acme.domains[1] acme.domains[2] acme.domains[3] acme.domains[4] acme.domains[5] acme.domains[6]"},
		"twice":         {"domains: [shop.example, shop.example]", "acme.domains[1]"},
		"too-many":      {"domains: [" + strings.Repeat("a.example, ", maxDomains) + "b.example]", "acme.domains"},
		"in-the-clear":  {"domains: [shop.example], ca: 'http://ca.internal/dir'", "acme.ca"},
		"not-an-addres": {"domains: [shop.example], email: ops", "acme.email"},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := panoply.Parse("policy.yaml", []byte("tls: {acme: {"+tt.section+"}}"))
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, f := range Check(*p.TLS.ACME, "acme") {
				if got = append(got, f.Path); f.Hint == "" {
					t.Errorf("%v has no hint", f)
				}
			}
			if name == "too-many" {
				got = got[:1] // and the same name again and again
			}
			if strings.Join(got, " ") != tt.faults {
				t.Errorf("got %q; want %q", got, tt.faults)
			}
		})
	}
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

// made is an authority's client that is started by the test.
func made(t *testing.T, a panoply.ACME, log *journal) *Certificates {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	c, err := New(a, Options{Listener: listener.Addr(), Log: slog.New(slog.NewTextHandler(log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// keepOne puts a certificate where one that was obtained is kept.
func keepOne(t *testing.T, c *Certificates, domain string, until time.Duration) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(42), DNSNames: []string{domain}, NotBefore: time.Now().Add(-80 * 24 * time.Hour), NotAfter: time.Now().Add(until)}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	by := c.issuer.IssuerKey()
	for name, b := range map[string][]byte{
		certmagic.StorageKeys.SiteCert(by, domain):       pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		certmagic.StorageKeys.SitePrivateKey(by, domain): pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: keyDER}),
		certmagic.StorageKeys.SiteMeta(by, domain):       fmt.Appendf(nil, `{"sans":[%q],"issuer_data":{"url":"https://ca.invalid/cert/1"}}`, domain),
	} {
		if err := c.config.Storage.Store(t.Context(), name, b); err != nil {
			t.Fatal(err)
		}
	}
}

// handshake is one with a client that asks for a name; the certificate that it gets.
func handshake(t *testing.T, c *Certificates, name string, protocols ...string) (*x509.Certificate, error) {
	t.Helper()
	here, there := net.Pipe()
	defer there.Close()
	ended := make(chan bool)
	go func() {
		defer close(ended)
		defer here.Close()
		tls.Server(here, &tls.Config{GetCertificate: c.Get, NextProtos: []string{"h2", Protocol}}).HandshakeContext(t.Context())
	}()
	defer func() { <-ended }()
	client := tls.Client(there, &tls.Config{ServerName: name, InsecureSkipVerify: true, NextProtos: protocols})
	if err := client.HandshakeContext(t.Context()); err != nil {
		there.Close()
		return nil, err
	}
	return client.ConnectionState().PeerCertificates[0], nil
}

// While the authority fails, the certificate before stays; that it failed is told and counted.
func TestTheOldCertificateStays(t *testing.T) {
	asked := make(chan bool, 100)
	authority := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case asked <- true:
		default:
		}
		w.WriteHeader(http.StatusServiceUnavailable)
	}))
	defer authority.Close()
	dir := t.TempDir()
	roots := filepath.Join(dir, "roots.pem")
	if err := os.WriteFile(roots, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: authority.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	var log journal
	c := made(t, panoply.ACME{Domains: []string{"shop.example"}, CA: authority.URL + "/dir", Storage: filepath.Join(dir, "acme"), Roots: roots}, &log)
	keepOne(t, c, "shop.example", 24*time.Hour) // of 81 days: it is time
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	served := func(name string) *x509.Certificate {
		cert, _ := handshake(t, c, name)
		return cert
	}
	for began := time.Now(); c.Stats().Failed == 0; time.Sleep(time.Millisecond) {
		if time.Since(began) > patience {
			t.Fatalf("it never fails:\n%s", &log)
		}
	}
	<-asked
	for _, name := range []string{"shop.example", ""} {
		if cert := served(name); cert == nil || cert.SerialNumber.Int64() != 42 {
			t.Errorf("%q: the old certificate is not served", name)
		}
	}
	if served("other.example") != nil {
		t.Error("a host that the policy does not name has a certificate")
	}
	if until := c.Stats().Expires["shop.example"]; until.Before(time.Now()) || c.Stats().Obtained != 0 {
		t.Errorf("stats are %v", c.Stats())
	}
	if !strings.Contains(log.String(), "one before stays in force") || strings.Contains(log.String(), "PRIVATE KEY") {
		t.Errorf("the log has\n%s", &log)
	}
}

// looked notes what is looked for on disk.
type looked struct {
	certmagic.Storage
	keys []string
}

func (s *looked) Load(ctx context.Context, key string) ([]byte, error) {
	s.keys = append(s.keys, key)
	return s.Storage.Load(ctx, key)
}

// Nobody's name makes the authority be asked, nor the disk be looked at for a challenge.
func TestNothingOnDemand(t *testing.T) {
	authority := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { t.Error("the authority is asked") }))
	defer authority.Close()
	c := made(t, panoply.ACME{Domains: []string{"shop.example"}, CA: authority.URL, Storage: t.TempDir()}, new(journal))
	disk := &looked{Storage: c.config.Storage}
	c.config.Storage = disk
	for _, name := range []string{"other.example", "shop.example", "", "x/../../shop.example"} {
		for _, protocol := range []string{"h2", Protocol} {
			if cert, err := handshake(t, c, name, protocol); err == nil {
				t.Errorf("%s for %s: got %v", name, protocol, cert.Subject)
			}
		}
	}
	if len(disk.keys) != 1 || !strings.HasSuffix(disk.keys[0], "/shop.example.json") {
		t.Errorf("looked for on disk: %q; want the challenge of shop.example alone", disk.keys)
	}
	for name, tt := range map[string]struct{ method, host, path string }{
		"another-host": {"GET", "other.example", "/.well-known/acme-challenge/x"},
		"another-path": {"GET", "shop.example", "/x"},
		"no-get":       {"POST", "shop.example", "/.well-known/acme-challenge/x"},
	} {
		r := httptest.NewRequest(tt.method, "http://"+tt.host+tt.path, nil)
		if c.issuer.DisableHTTPChallenge = false; c.Challenge(httptest.NewRecorder(), r) {
			t.Errorf("%s is a challenge", name)
		}
	}
}

func TestStorageMustBeWritable(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	at := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 443}
	log := slog.New(slog.DiscardHandler)
	for name, tt := range map[string]struct {
		a    panoply.ACME
		at   net.Addr
		want string
	}{
		"storage": {panoply.ACME{Domains: []string{"a.example"}, Storage: file}, at, "tls.acme.storage"},
		"roots":   {panoply.ACME{Domains: []string{"a.example"}, Storage: t.TempDir(), Roots: file}, at, "tls.acme.roots"},
		"socket":  {panoply.ACME{Domains: []string{"a.example"}, Storage: t.TempDir()}, &net.UnixAddr{}, "tls.acme: "},
	} {
		if _, err := New(tt.a, Options{Listener: tt.at, Log: log}); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestRedirectPort(t *testing.T) {
	for name, tt := range map[string]struct {
		redirect, host string
		port           int
		ok             bool
	}{
		"everywhere":   {":80", "", 80, true},
		"unspecified":  {"0.0.0.0:8080", "", 8080, true},
		"same-host":    {"127.0.0.1:80", "127.0.0.1", 80, true},
		"another-host": {"127.0.0.1:80", "", 80, false},
		"none":         {"", "", 0, false},
	} {
		if port, ok := redirectPort(tt.redirect, tt.host); port != tt.port || ok != tt.ok {
			t.Errorf("%s: got %d, %v", name, port, ok)
		}
	}
}

// What the library tells goes to the guard's log, the small things as details.
func TestLog(t *testing.T) {
	var log journal
	l := zap.New(core{log: slog.New(slog.NewTextHandler(&log, nil))}).Named("x").With(zap.String("a", "b"))
	l.Debug("never")
	l.Info("seldom")
	l.Warn("often", zap.Int("n", 7))
	if got := log.String(); strings.Contains(got, "never") || strings.Contains(got, "seldom") || !strings.Contains(got, `level=WARN msg="acme: often" details="map[a:b n:7]"`) {
		t.Errorf("got %s", got)
	}
}

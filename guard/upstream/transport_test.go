// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package upstream

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// authority makes certificates, and writes them where a policy names them.
type authority struct {
	dir  string
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t *testing.T, dir, name string) *authority {
	a := &authority{dir: dir}
	a.cert, a.key = a.issue(t, name, true)
	return a
}

// issue writes name.pem and name.key.
func (a *authority) issue(t *testing.T, name string, ca bool) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, DNSNames: []string{"app.internal"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: ca, BasicConstraintsValid: true,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign}
	parent, signer := tmpl, key
	if a.cert != nil {
		parent, signer = a.cert, a.key
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, parent, &key.PublicKey, signer)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{name + ".pem": {Type: "CERTIFICATE", Bytes: der}, name + ".key": {Type: "EC PRIVATE KEY", Bytes: keyDER}} {
		if err := os.WriteFile(filepath.Join(a.dir, file), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert, key
}

// serve answers with the protocol and the client's name, until the test ends.
func serve(t *testing.T, configure func(*httptest.Server)) *httptest.Server {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Trailer", "Grpc-Status")
		who := "nobody"
		if r.TLS != nil && len(r.TLS.PeerCertificates) > 0 {
			who = r.TLS.PeerCertificates[0].Subject.CommonName
		}
		fmt.Fprint(w, r.Proto, " ", who, " ", r.Host)
		w.Header().Set("Grpc-Status", "0")
	}))
	configure(server)
	t.Cleanup(server.Close)
	return server
}

func TestTransports(t *testing.T) {
	dir := t.TempDir()
	ca, other := newAuthority(t, dir, "ca"), newAuthority(t, dir, "other")
	ca.issue(t, "app", false)
	ca.issue(t, "guard", false)
	other.issue(t, "stranger", false)
	pair, err := tls.LoadX509KeyPair(filepath.Join(dir, "app.pem"), filepath.Join(dir, "app.key"))
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(ca.cert)
	encrypted := func(protocols ...string) string {
		return serve(t, func(s *httptest.Server) {
			s.TLS = &tls.Config{Certificates: []tls.Certificate{pair}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool, NextProtos: protocols}
			s.EnableHTTP2 = len(protocols) > 1
			s.Config.ErrorLog = nil
			s.StartTLS()
		}).URL
	}
	clear := func(h2c bool) string {
		return serve(t, func(s *httptest.Server) {
			if h2c {
				s.Config.Protocols = new(http.Protocols)
				s.Config.Protocols.SetUnencryptedHTTP2(true)
			}
			s.Start()
		}).URL
	}
	socket := filepath.Join(dir, "app.sock")
	serve(t, func(s *httptest.Server) {
		listener, err := net.Listen("unix", socket)
		if err != nil {
			t.Fatal(err)
		}
		s.Listener.Close()
		s.Listener = listener
		s.Start()
	})
	one, both := encrypted("http/1.1"), encrypted("h2", "http/1.1")
	const known = "tls: {ca: ca.pem, cert: guard.pem, key: guard.key, server_name: app.internal}"
	for name, tt := range map[string]struct{ server, settings, want string }{
		"http":               {clear(false), "", "HTTP/1.1 nobody shop.example"},
		"unix":               {"unix:" + socket, "", "HTTP/1.1 nobody shop.example"},
		"unix-own-host":      {"unix:" + socket, "pass_host: false", "HTTP/1.1 nobody localhost"},
		"h2c":                {clear(true), "http2: true", "HTTP/2.0 nobody shop.example"},
		"https":              {both, known, "HTTP/1.1 guard shop.example"},
		"h2":                 {both, "http2: true, " + known, "HTTP/2.0 guard shop.example"},
		"h2-not-spoken":      {one, "http2: true, " + known, ""},
		"no-certificate":     {one, "tls: {ca: ca.pem, server_name: app.internal}", "refused"},
		"a-stranger's":       {one, "tls: {ca: ca.pem, cert: stranger.pem, key: stranger.key, server_name: app.internal}", "refused"},
		"another-authority":  {one, "tls: {ca: other.pem, cert: guard.pem, key: guard.key, server_name: app.internal}", ""},
		"systems-authority":  {one, "tls: {server_name: app.internal}", ""},
		"another-name":       {one, "tls: {ca: ca.pem, cert: guard.pem, key: guard.key, server_name: shop.internal}", ""},
		"not-by-ip":          {one, "tls: {ca: ca.pem, cert: guard.pem, key: guard.key}", ""},
		"nobody-there":       {"http://127.0.0.1:1", "", ""},
		"nobody-in-the-file": {"unix:" + socket + "x", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			settings := ""
			if tt.settings != "" {
				settings = ", " + tt.settings
			}
			settings = strings.NewReplacer("ca: ", "ca: "+dir+"/", "cert: ", "cert: "+dir+"/", "key: ", "key: "+dir+"/").Replace(settings)
			s := made(t, "upstreams: [{servers: ['"+tt.server+"']"+settings+"}]", nil)
			defer s.Retire(nil)
			r := httptest.NewRequest("POST", "http://shop.example/x", strings.NewReader("body"))
			r.RequestURI = ""
			res, err := s.RoundTrip(r)
			if err != nil {
				var not *NotSent
				if tt.want == "" && !errors.As(err, &not) {
					t.Errorf("%v does not tell that nothing was sent", err)
				} else if tt.want != "" && tt.want != "refused" { // over TLS 1.3 the server tells only afterwards
					t.Error(err)
				}
				return
			}
			b, err := io.ReadAll(res.Body)
			res.Body.Close()
			if string(b) != tt.want || err != nil || res.Trailer.Get("Grpc-Status") != "0" {
				t.Errorf("got %q, %v, trailer %v; want %q", b, err, res.Trailer, tt.want)
			}
		})
	}
}

// A server is asked by the checks alone whether it is well, and goes on being asked after a
// reload; nobody is asked any more when nobody needs it.
func TestServersAreAsked(t *testing.T) {
	var status, asked atomic.Int64
	status.Store(200)
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/healthz" || r.Header.Get("X-Upstream-Secret") != "s3cret" || r.Header.Get("User-Agent") != "panoply-health" {
			status.Store(500)
		}
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(int(status.Load()))
		asked.Add(1)
	}))
	defer app.Close()
	o := quiet()
	o.Check = func(h http.Header) { h.Set("X-Upstream-Secret", "s3cret") }
	p := parse(t, "upstreams: [{servers: ['"+app.URL+"'], health: {path: /healthz, interval: 100ms, healthy: 1, unhealthy: 1}}]")
	s, err := New(p, o, nil)
	if err != nil {
		t.Fatal(err)
	}
	until := func(up bool) {
		t.Helper()
		for began := time.Now(); s.Stats()[0].Up != up; time.Sleep(time.Millisecond) {
			if time.Since(began) > 20*time.Second {
				t.Fatal("it never is")
			}
		}
	}
	s.Start()
	s.Start() // once
	until(true)
	for _, code := range []int64{500, 404} {
		status.Store(code)
		until(false)
		status.Store(302)
		until(true)
	}
	next, err := New(p, o, s)
	if err != nil {
		t.Fatal(err)
	}
	next.Start()
	s.Retire(next)
	s = next
	status.Store(503)
	until(false)
	s.Retire(nil)
	n := asked.Load()
	time.Sleep(250 * time.Millisecond)
	if asked.Load() != n {
		t.Error("it is asked for nobody")
	}
}

// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/panoply-security/panoply/e2e/child"
)

// profile is a way in which the guard stands in front of an app.
type profile struct {
	name   string
	policy string // a file, run with TLS; empty runs with none, in plain HTTP
}

var (
	// strict is the article to the letter, with the shop's committed policy.
	strict = profile{"strict", "policies/shop.yaml"}
	// compatible is what a guard does for an app that nobody has looked at.
	compatible = profile{"compatible", ""}
)

func forEachProfile(t *testing.T, test func(t *testing.T, p profile)) {
	for _, p := range []profile{strict, compatible} {
		t.Run(p.name, func(t *testing.T) { test(t, p) })
	}
}

// guard is a running guard.
type guard struct {
	url     string
	addr    string
	client  *http.Client // trusts the guard's certificate
	roots   *x509.CertPool
	process *child.Process
	temp    string // where its temporary files go
}

// commandDir is where the command's module is.
const commandDir = "../cmd/panoply"

// startGuard builds the command once, starts `panoply guard` in front of the
// upstream, and returns when it serves. It ends with the test, must leave no
// temporary file behind, and its log is shown when the test fails. All
// knowledge of the command line is here.
func startGuard(t *testing.T, upstream string, p profile) guard {
	t.Helper()
	command := buildCommand(t)
	addr := freeAddr(t)
	args := []string{"guard", "--upstream", upstream, "--listen", addr, "--admin", "off"}
	g := guard{url: "http://" + addr, addr: addr, temp: t.TempDir(), client: &http.Client{Transport: &http.Transport{ExpectContinueTimeout: time.Second}}}
	env := append(os.Environ(), "TMPDIR="+g.temp)
	if p.policy == "" {
		args = append(args, "--profile", p.name)
	} else {
		dir := t.TempDir()
		g.roots = writeCertificate(t, dir)
		args = append(args, "--config", policyWithTLS(t, dir, p.policy))
		env = append(env, "PANOPLY_TOKEN_KEY="+rand.Text()+rand.Text())
		g.url = "https://" + addr
		g.client.Transport = &http.Transport{
			TLSClientConfig:       &tls.Config{RootCAs: g.roots},
			ForceAttemptHTTP2:     true, // as browsers do
			ExpectContinueTimeout: time.Second,
		}
	}

	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	cmd := exec.Command(command, args...)
	cmd.Env = env
	process, _, err := child.Start(ctx, cmd, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		g.client.CloseIdleConnections()
		process.Stop()
		if left, err := os.ReadDir(g.temp); err != nil || len(left) > 0 {
			t.Errorf("the guard left %v, %v; want no temporary file", left, err)
		}
		if t.Failed() {
			t.Logf("the guard (%s) printed:\n%s", p.name, process.Output())
		}
	})
	if err := process.Accepts(ctx, addr); err != nil {
		t.Fatal(err)
	}
	g.process = process
	return g
}

// policyWithTLS copies a policy to dir, where the certificate is already, adds
// the certificate to it, and returns its path. A file's paths are relative to
// itself, so what lies beside it comes along.
func policyWithTLS(t *testing.T, dir, policyFile string) string {
	t.Helper()
	if err := os.CopyFS(dir, os.DirFS(filepath.Dir(policyFile))); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, filepath.Base(policyFile))
	policy, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	policy = append(policy, "\ntls: {cert: cert.pem, key: key.pem}\n"...)
	if err := os.WriteFile(path, policy, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// scratch is a folder for what all tests share, which [TestMain] removes.
var scratch string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "panoply-e2e-")
	if err != nil {
		panic(err)
	}
	scratch = dir
	code := m.Run()
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// build makes the command, once for all tests.
var build = sync.OnceValues(func() (string, error) {
	binary := filepath.Join(scratch, "panoply")
	if runtime.GOOS == "windows" {
		binary += ".exe"
	}
	cmd := exec.Command("go", "build", "-o", binary, ".")
	cmd.Dir = commandDir
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("failed to build the command: %w\n%s", err, out)
	}
	return binary, nil
})

func buildCommand(t *testing.T) string {
	t.Helper()
	binary, err := build()
	if err != nil {
		t.Fatal(err)
	}
	return binary
}

// freeAddr is an address of the loopback interface that was free just now.
func freeAddr(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// writeCertificate writes a new key and a certificate for the loopback
// address that signs itself, and returns the pool that trusts it.
func writeCertificate(t *testing.T, dir string) *x509.CertPool {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: "Panoply end-to-end test"},
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().Add(24 * time.Hour),
		IPAddresses:           []net.IP{net.IPv4(127, 0, 0, 1)},
		DNSNames:              []string{"localhost"},
		KeyUsage:              x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true,
		IsCA:                  true,
	}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{
		"cert.pem": {Type: "CERTIFICATE", Bytes: certificate},
		"key.pem":  {Type: "PRIVATE KEY", Bytes: private},
	} {
		if err := os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate}))
	return pool
}

// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/panoply-security/panoply/e2e/nodeapp"
)

const gradersDir = "apps/graders"

// noPort is where nothing listens: a guard that serves TLS serves nothing else.
const noPort = "1"

// target is a page on the loopback address for the graders to look at.
type target struct {
	HTTPS string `json:"https"` // port
	HTTP  string `json:"http"`  // port
	Path  string `json:"path"`
}

// page is a target behind a base URL with TLS.
func page(t *testing.T, base, path string) target {
	t.Helper()
	u, err := url.Parse(base)
	if err != nil || u.Scheme != "https" {
		t.Fatalf("%s is no address with TLS: %v", base, err)
	}
	return target{HTTPS: u.Port(), HTTP: noPort, Path: path}
}

// graded is what the graders found in an answer.
type graded struct {
	Status   int
	Verified bool // the certificate was
	Score    int
	Grade    string
	Tests    map[string]struct {
		Result   string
		Modifier int
		Pass     bool
	}
	Policy   string // the Content-Security-Policy
	Findings []struct{ Type, Severity, Directive, Value string }
}

// results are the Observatory's tests with their points: "corp-… +10".
func (g graded) results() map[string]string {
	all := make(map[string]string)
	for name, test := range g.Tests {
		all[name] = fmt.Sprintf("%s %+d", test.Result, test.Modifier)
	}
	return all
}

// found are the CSP Evaluator's findings of these severities, or all of them.
func (g graded) found(severities ...string) []string {
	var all []string
	for _, f := range g.Findings {
		line := strings.TrimSpace(fmt.Sprintf("%s %s %s %s", f.Severity, f.Type, f.Directive, f.Value))
		for _, s := range severities {
			if f.Severity == s {
				all = append(all, line)
			}
		}
		if len(severities) == 0 {
			all = append(all, line)
		}
	}
	return all
}

// grade has the graders look at the targets, in order.
func grade(t *testing.T, targets ...target) []graded {
	t.Helper()
	installGraders(t)
	input, err := json.Marshal(targets)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "node", "grade.mjs")
	cmd.Dir = gradersDir
	cmd.Env = append(os.Environ(), "NODE_EXTRA_CA_CERTS="+certificates(t, targets))
	cmd.Stdin = bytes.NewReader(input)
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	output, err := cmd.Output()
	if err != nil {
		t.Fatalf("the graders failed: %v\n%s", err, complaints.String())
	}
	var all []graded
	if err := json.Unmarshal(output, &all); err != nil || len(all) != len(targets) {
		t.Fatalf("the graders wrote %d results for %d targets: %v\n%s", len(all), len(targets), err, output)
	}
	for i, g := range all {
		if !g.Verified {
			t.Fatalf("the graders did not trust the certificate of %+v", targets[i])
		}
	}
	return all
}

func installGraders(t *testing.T) {
	t.Helper()
	if err := nodeapp.Install(t.Context(), gradersDir); err != nil {
		if missing := (*nodeapp.Missing)(nil); errors.As(err, &missing) {
			lacking(t, missing.What, missing.Err)
		}
		t.Fatal(err)
	}
}

// certificates writes the targets' own certificates into a file that Node
// trusts.
func certificates(t *testing.T, targets []target) string {
	t.Helper()
	var file bytes.Buffer
	seen := make(map[string]bool)
	for _, target := range targets {
		if seen[target.HTTPS] {
			continue
		}
		seen[target.HTTPS] = true
		// Whom it reaches here is the test's own server on loopback.
		conn, err := tls.Dial("tcp", net.JoinHostPort("127.0.0.1", target.HTTPS), &tls.Config{InsecureSkipVerify: true})
		if err != nil {
			t.Fatal(err)
		}
		certificate := conn.ConnectionState().PeerCertificates[0].Raw
		conn.Close()
		if err := pem.Encode(&file, &pem.Block{Type: "CERTIFICATE", Bytes: certificate}); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(t.TempDir(), "trusted.pem")
	if err := os.WriteFile(path, file.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// recorded is an answer that a server gives again.
type recorded struct {
	status    int
	header    http.Header
	body      string
	preflight func(origin string) http.Header // what it says to a preflight, if anything
}

// replay serves each answer over TLS, and on plain HTTP a redirection to it.
// The graders only send GET: this is how they see what other requests got.
func replay(t *testing.T, answers []recorded) []target {
	t.Helper()
	serve := func(w http.ResponseWriter, r *http.Request) {
		var n int
		if _, err := fmt.Sscanf(r.URL.Path, "/answer/%d", &n); err != nil || n >= len(answers) {
			http.NotFound(w, r) // robots.txt
			return
		}
		answer := answers[n]
		if r.Method == "OPTIONS" {
			if answer.preflight != nil {
				for name, values := range answer.preflight(r.Header.Get("Origin")) {
					w.Header()[name] = values
				}
			}
			w.WriteHeader(http.StatusNoContent)
			return
		}
		for name, values := range answer.header {
			if name != "Content-Length" && name != "Connection" && name != "Transfer-Encoding" {
				w.Header()[name] = values
			}
		}
		w.WriteHeader(answer.status)
		if answer.status != http.StatusNoContent {
			_, _ = io.WriteString(w, answer.body)
		}
	}
	secure := httptest.NewTLSServer(http.HandlerFunc(serve))
	t.Cleanup(secure.Close)
	plain := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, secure.URL+r.URL.Path, http.StatusMovedPermanently)
	}))
	t.Cleanup(plain.Close)
	var targets []target
	for n := range answers {
		one := page(t, secure.URL, fmt.Sprintf("/answer/%d", n))
		one.HTTP = portOf(t, plain.URL)
		targets = append(targets, one)
	}
	return targets
}

func portOf(t *testing.T, base string) string {
	t.Helper()
	u, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	return u.Port()
}

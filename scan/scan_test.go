// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package scan_test

import (
	"context"
	"crypto/x509"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/panoply-security/panoply/finding"
	"github.com/panoply-security/panoply/rule"
	"github.com/panoply-security/panoply/scan"
)

// serve runs an app, over TLS with a certificate that the scan trusts if secure.
func serve(t *testing.T, h http.Handler, secure bool) scan.Options {
	t.Helper()
	if !secure {
		server := httptest.NewServer(h)
		t.Cleanup(server.Close)
		return scan.Options{Target: server.URL}
	}
	server := httptest.NewTLSServer(h)
	t.Cleanup(server.Close)
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	return scan.Options{Target: server.URL, RootCAs: roots}
}

func run(t *testing.T, o scan.Options) *finding.Report {
	t.Helper()
	r, err := scan.Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// rules are the rules of a report's findings that are worse than info.
func rules(r *finding.Report) map[rule.ID]rule.Severity {
	out := map[rule.ID]rule.Severity{}
	for _, f := range r.Findings {
		if f.Severity != rule.Info && f.Severity.Rank() > out[f.Rule].Rank() {
			out[f.Rule] = f.Severity
		}
	}
	return out
}

// answers is an app that answers every path with the headers and the body.
func answers(status int, kind, body string, headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind)
		for i := 0; i+1 < len(headers); i += 2 {
			w.Header().Add(headers[i], headers[i+1])
		}
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}
}

func TestUsage(t *testing.T) {
	for name, o := range map[string]scan.Options{
		"no-target":        {},
		"another-scheme":   {Target: "ftp://localhost"},
		"password":         {Target: "http://u:p@localhost"},
		"too-many":         {Target: "http://localhost", MaxRequests: 1 << 20},
		"auth-but-passive": {Target: "http://localhost", Auth: true},
		"route":            {Target: "http://localhost", Routes: []string{"DELETE /everything"}},
		"route-syntax":     {Target: "http://localhost", Routes: []string{"/login"}},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := scan.Run(t.Context(), o); !errors.Is(err, scan.ErrUsage) {
				t.Errorf("got %v; want an error of usage", err)
			}
		})
	}
}

func TestUnreachable(t *testing.T) {
	server := httptest.NewServer(nil)
	server.Close()
	if _, err := scan.Run(t.Context(), scan.Options{Target: server.URL}); !errors.Is(err, scan.ErrUnreachable) {
		t.Errorf("got %v; want unreachable", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := scan.Run(ctx, scan.Options{Target: server.URL}); err == nil {
		t.Error("it scans after the end")
	}
}

// An active scan connects to no public address that is not named, whatever name
// leads there.
func TestActiveStaysAtHome(t *testing.T) {
	_, err := scan.Run(t.Context(), scan.Options{Target: "http://192.0.2.1", Active: true})
	if !errors.Is(err, scan.ErrUnreachable) || !strings.Contains(err.Error(), "public") {
		t.Errorf("got %v; want that the address is public", err)
	}
}

// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// An admin listener beyond loopback is served with a certificate, which names no loopback.
func TestHealth(t *testing.T) {
	ready := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/readyz" {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		io.WriteString(w, r.URL.Path+"\n")
	})
	plain, secure := httptest.NewServer(ready), httptest.NewTLSServer(ready)
	defer plain.Close()
	defer secure.Close()
	_, port, _ := strings.Cut(strings.TrimPrefix(secure.URL, "https://"), ":")
	for name, tt := range map[string]struct {
		args []string
		code int
		said string
	}{
		"plain":         {[]string{"--live", "--admin", strings.TrimPrefix(plain.URL, "http://")}, 0, "/healthz"},
		"stopping":      {[]string{"--admin", plain.URL}, exitUnreachable, "503: /readyz"},
		"tls":           {[]string{"--live", "--admin", secure.URL}, 0, "/healthz"},
		"tls-elsewhere": {[]string{"--live", "--admin", "https://localhost:" + port}, exitUnreachable, "certificate"},
		"tls-unsaid":    {[]string{"--live", "--admin", "127.0.0.1:" + port}, exitUnreachable, "HTTPS"},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			if code := run(append([]string{"health"}, tt.args...), streams{&out, &out}); code != tt.code || !strings.Contains(out.String(), tt.said) {
				t.Errorf("code %d: %s", code, &out)
			}
		})
	}
}

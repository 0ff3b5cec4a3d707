// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package scan_test

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"github.com/panoply-security/panoply/scan"
)

// BenchmarkPassive scans a page of 200 KB with a cookie and a token that no list has,
// over a connection of this machine: server and client together.
func BenchmarkPassive(b *testing.B) {
	body := page + strings.Repeat(`<p><a href="/a/path">text</a> and <script>fetch("/api/x")</script></p>`, 3000)
	headers := with("Set-Cookie", "jwt="+signedToken(strong, jwt.MapClaims{"exp": 1 << 40})+"; Secure; HttpOnly; SameSite=Lax", "Strict-Transport-Security", "")
	server := httptest.NewServer(answers(200, "text/html", body, headers...))
	defer server.Close()
	for b.Loop() {
		if _, err := scan.Run(b.Context(), scan.Options{Target: server.URL}); err != nil {
			b.Fatal(err)
		}
	}
}

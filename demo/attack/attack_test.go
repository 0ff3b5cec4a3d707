// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package attack

import (
	"context"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/panoply-security/panoply/demo/db"
	"github.com/panoply-security/panoply/demo/shop/vulnerable"
)

// vulnerableShop serves the vulnerable shop and returns its URL.
func vulnerableShop(t *testing.T) string {
	t.Helper()
	d, err := db.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	client, err := db.Connect(t.Context(), d.URI())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Disconnect(context.Background()) })
	app, err := vulnerable.New(vulnerable.Options{Database: client.Database("shop"), UploadDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(app)
	t.Cleanup(server.Close)
	return server.URL
}

// proofs are parts of the lines that each attack must show.
var proofs = [7][]string{
	{"GET /: no Content-Security-Policy", "any site can frame the page", "X-Powered-By: Express"},
	{"logged in as alice@shop.example with guess 53 of 60 (plain requests)"},
	{"role in JSON: the new user has role admin and reads GET /api/admin/users", "and "},
	{"stack frame: /", "internal address: 127.10.1.42:5432"},
	{"without HttpOnly", "without SameSite", "without Max-Age", `tutorial secret "keyboard-cat"`, "no exp", `"secret123"`, "a forged token reads"},
	{"a picture of 12 MB: 125", "page.html: comes back as text/html", "shell.php: comes back as application/x-httpd-php"},
	{"logged in as admin@shop.example with $ne in JSON", "and 23 more"},
}

func TestVulnerableShopFallsSevenTimes(t *testing.T) {
	results, err := Run(t.Context(), vulnerableShop(t), Options{})
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range results {
		if r.Mistake != i+1 || !r.Exploited || !r.Worked || r.Err != nil || len(r.Evidence) == 0 || r.Requests == 0 {
			t.Errorf("mistake %d: %+v", i+1, r)
		}
		for _, proof := range proofs[i] {
			if !slices.ContainsFunc(r.Evidence, func(line string) bool { return strings.Contains(line, proof) }) {
				t.Errorf("mistake %d: no line with %q", r.Mistake, proof)
			}
		}
		t.Logf("%d %s: %d requests", r.Mistake, r.Name, r.Requests)
		for _, line := range r.Evidence {
			t.Log("   ", line)
		}
	}
}

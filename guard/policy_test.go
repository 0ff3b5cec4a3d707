// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"bytes"
	"flag"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files anew")

// What only a gateway must state, is demanded.
func TestCheckListen(t *testing.T) {
	for name, test := range map[string]struct {
		policy string
		faults []string // the paths, each at the start of a line
	}{
		"default":                  {"", nil},
		"loopback":                 {"listen: 127.0.0.1:8080", nil},
		"loopback-six":             {"listen: '[::1]:8080'", nil},
		"localhost":                {"listen: localhost:8080", nil},
		"everywhere":               {"listen: :8080", []string{"trusted_proxies"}},
		"everywhere-four":          {"listen: 0.0.0.0:8080", []string{"trusted_proxies"}},
		"everywhere-stated":        {"listen: 0.0.0.0:8080\ntrusted_proxies: []", nil},
		"everywhere-proxied":       {"listen: 0.0.0.0:8080\ntrusted_proxies: [10.0.0.0/8]", nil},
		"a-name":                   {"listen: shop.example:80", []string{"trusted_proxies"}},
		"no-port":                  {"listen: 127.0.0.1", []string{"listen"}},
		"a-url":                    {"listen: http://127.0.0.1:80", []string{"listen"}},
		"development-on-loopback":  {"environment: development", nil},
		"development-everywhere":   {"environment: development\nlisten: :80\ntrusted_proxies: []", []string{"environment"}},
		"proxy-protocol":           {"proxy_protocol: [10.0.0.0/8, unix]", nil},
		"proxy-protocol-of-all":    {"proxy_protocol: [0.0.0.0/0]", []string{"proxy_protocol[0]"}},
		"half-a-certificate":       {"tls: {cert: a.pem}", []string{"tls"}},
		"the-other-half":           {"tls: {key: a.pem}", []string{"tls"}},
		"unix":                     {"listen: unix:/run/panoply.sock\ntrusted_proxies: [unix]", nil},
		"unix-in-development":      {"listen: unix:/run/p.sock\ntrusted_proxies: []\nenvironment: development", nil},
		"unix-unstated":            {"listen: unix:/run/panoply.sock", []string{"trusted_proxies"}},
		"unix-relative":            {"listen: unix:p.sock\ntrusted_proxies: [unix]", []string{"listen"}},
		"unix-too-long":            {"listen: unix:/" + strings.Repeat("x", 103) + "\ntrusted_proxies: []", []string{"listen"}},
		"redirect":                 {"tls: {cert: a.pem, key: b.pem, redirect: ':80'}", nil},
		"redirect-without-tls":     {"tls: {redirect: ':80'}", []string{"tls.redirect"}},
		"redirect-to-itself":       {"listen: 127.0.0.1:443\ntls: {cert: a.pem, key: b.pem, redirect: 127.0.0.1:443}", []string{"tls.redirect"}},
		"redirect-no-port":         {"tls: {cert: a.pem, key: b.pem, redirect: localhost}", []string{"tls.redirect"}},
		"admin-on-unix":            {"admin: unix:/run/a.sock", []string{"admin"}},
		"admin-off":                {"admin: off", nil},
		"admin-elsewhere":          {"admin: 127.0.0.1:0", nil},
		"admin-everywhere":         {"admin: :9901", []string{"admin"}},
		"admin-on-an-address":      {"admin: 10.0.0.1:9901", []string{"admin"}},
		"admin-without-port":       {"admin: localhost", []string{"admin"}},
		"no-upstream":              {"upstream: ''", []string{"upstream"}},
		"upstream-without-scheme":  {"upstream: 127.0.0.1:3000", []string{"upstream"}},
		"upstream-with-a-path":     {"upstream: http://127.0.0.1:3000/app", []string{"upstream"}},
		"upstream-with-a-slash":    {"upstream: http://127.0.0.1:3000/", nil},
		"upstream-with-a-password": {"upstream: http://u:p@127.0.0.1:3000", []string{"upstream"}},
		"upstream-of-a-file":       {"upstream: file:///etc/passwd", []string{"upstream"}},
		"upstream-over-tls":        {"upstream: https://app.internal", nil},
		"upstream-is-the-guard":    {"upstream: http://127.0.0.1:8080", []string{"upstream"}},
		"everything-at-once": {"listen: :80\nadmin: :1\nenvironment: development\ntls: {cert: a.pem}\nupstream: x\ntokens: [{match: /, secret_env: PANOPLY_TEST_UNSET}]",
			[]string{"upstream", "trusted_proxies", "environment", "tls", "admin", "tokens[0]"}},
	} {
		t.Run(name, func(t *testing.T) {
			p := parsePolicy(t, test.policy)
			if strings.Contains(test.policy, "upstream: ''") {
				p.Upstream = ""
			}
			_, err := New(p, slog.New(slog.DiscardHandler))
			var got []string
			if err != nil {
				got = strings.Split(err.Error(), "\n")
			}
			if len(got) != len(test.faults) {
				t.Fatalf("got %q; want faults of %q", got, test.faults)
			}
			for _, path := range test.faults {
				found := false
				for _, line := range got {
					found = found || strings.Contains(line, " "+path+":") || strings.Contains(line, " "+path+".") || strings.HasPrefix(line, path+":")
				}
				if !found {
					t.Errorf("%q does not tell of %s", got, path)
				}
			}
			for _, line := range got {
				if !strings.Contains(line, "hint: ") {
					t.Errorf("%q gives no hint", line)
				}
			}
		})
	}
}

// The first lines of the log say what is enforced, reported and off.
func TestAnnounce(t *testing.T) {
	t.Setenv("JWT_SECRET", "n0t-a-secret-but-long-enough/kq83hdYw02mzPq")
	for name, policy := range map[string]string{
		"strict":     "",
		"compatible": "profile: compatible",
		"mixed": "profile: strict\nnosql: report\nuploads: off\nerrors: {scrub: false}\nenvironment: development\n" +
			"tokens: [{match: /api/, secret_env: JWT_SECRET}, {match: /, reissue: {}}]\nbodies: {routes: [{match: POST /api/users, schema: {type: object}}]}",
	} {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			log := slog.New(slog.NewTextHandler(&b, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
				if a.Key == slog.TimeKey {
					return slog.Attr{}
				}
				return a
			}}))
			p := parsePolicy(t, policy)
			p.Upstream = "http://127.0.0.1:3000"
			g, err := New(p, log)
			if err != nil {
				t.Fatal(err)
			}
			g.Announce(t.Context(), "http://127.0.0.1:8080")
			file := filepath.Join("testdata", "announce-"+name+".golden")
			if *update {
				if err := os.MkdirAll("testdata", 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(file, b.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if b.String() != string(want) {
				t.Errorf("%s differs (go test -run %s -update writes it anew); got:\n%s", file, t.Name(), b.String())
			}
		})
	}
}

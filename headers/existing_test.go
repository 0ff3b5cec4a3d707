// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package headers

import (
	"net/http"
	"strings"
	"testing"
)

// TestExisting holds what leaves for a header that the app sent too, in each of
// the three ways and for every header that has an order.
func TestExisting(t *testing.T) {
	opener := func(v string) Config { return Config{CrossOriginOpenerPolicy: Choice{Policy: v}} }
	referrer := func(v ...string) Config { return Config{ReferrerPolicy: Referrer{Policy: v}} }
	features := func(m map[string][]string) Config { return Config{PermissionsPolicy: Permissions{Features: m}} }
	age := func(s Seconds) Config {
		return Config{StrictTransportSecurity: HSTS{MaxAge: s, ExcludeSubdomains: true}}
	}
	const upgrade = ";upgrade-insecure-requests"
	ours := helmetDefaults["Content-Security-Policy"]
	tests := []struct {
		name   string
		cfg    Config
		header string
		app    string
		want   string // when strengthened
	}{
		{"csp-both-hold", Config{}, "Content-Security-Policy", "default-src https:", "default-src https: | " + ours},
		{"csp-the-same-once", Config{}, "Content-Security-Policy", ours, ours},
		{"csp-report-only-both", Config{ContentSecurityPolicy: CSP{Off: true}, ContentSecurityPolicyReportOnly: &CSP{Directives: map[string][]string{"upgrade-insecure-requests": {"off"}}}},
			"Content-Security-Policy-Report-Only", "default-src a.example", "default-src a.example | " + strings.TrimSuffix(ours, upgrade)},

		{"coep-app", Config{CrossOriginEmbedderPolicy: Embedder{Policy: "credentialless"}}, "Cross-Origin-Embedder-Policy", "require-corp", "require-corp"},
		{"coep-ours", Config{CrossOriginEmbedderPolicy: Embedder{Policy: "require-corp"}}, "Cross-Origin-Embedder-Policy", "credentialless", "require-corp"},
		{"coep-none", Config{CrossOriginEmbedderPolicy: Embedder{Policy: "credentialless"}}, "Cross-Origin-Embedder-Policy", "unsafe-none", "credentialless"},

		{"coop-ours", Config{}, "Cross-Origin-Opener-Policy", "same-origin-allow-popups", "same-origin"},
		{"coop-app", opener("unsafe-none"), "Cross-Origin-Opener-Policy", "same-origin-allow-popups", "same-origin-allow-popups"},
		{"coop-noopener-is-stricter", opener("same-origin-allow-popups"), "Cross-Origin-Opener-Policy", "noopener-allow-popups", "noopener-allow-popups"},
		{"coop-with-a-parameter", opener("unsafe-none"), "Cross-Origin-Opener-Policy", `same-origin; report-to="coop"`, `same-origin; report-to="coop"`},
		{"coop-unknown", Config{}, "Cross-Origin-Opener-Policy", "closed", "same-origin"},

		{"corp-ours", Config{}, "Cross-Origin-Resource-Policy", "cross-origin", "same-origin"},
		{"corp-app", Config{CrossOriginResourcePolicy: Choice{Policy: "cross-origin"}}, "Cross-Origin-Resource-Policy", "same-site", "same-site"},

		{"agent-cluster", Config{}, "Origin-Agent-Cluster", "?0", "?1"},

		{"referrer-ours", Config{}, "Referrer-Policy", "unsafe-url", "no-referrer"},
		{"referrer-app", referrer("strict-origin-when-cross-origin"), "Referrer-Policy", "same-origin", "same-origin"},
		{"referrer-last-known-token", referrer("origin"), "Referrer-Policy", "no-referrer, unsafe-url, future", "origin"},
		{"referrer-app-list", referrer("origin"), "Referrer-Policy", "unsafe-url, no-referrer", "unsafe-url, no-referrer"},
		{"referrer-unknown-is-the-browsers-default", referrer("unsafe-url"), "Referrer-Policy", "future", "future"},
		{"referrer-our-empty-one", referrer(""), "Referrer-Policy", "unsafe-url", ""},

		{"hsts-longer-and-wider", age(600), "Strict-Transport-Security", "max-age=60; includeSubDomains", "max-age=600; includeSubDomains"},
		{"hsts-our-subdomains", Config{}, "Strict-Transport-Security", "max-age=63072000", "max-age=63072000; includeSubDomains"},
		{"hsts-app", age(60), "Strict-Transport-Security", "max-age=600", "max-age=600"},
		{"hsts-app-forgets", age(60), "Strict-Transport-Security", "max-age=0", "max-age=60"},
		{"hsts-app-preload", Config{}, "Strict-Transport-Security", "max-age=63072000; includeSubDomains; preload", "max-age=63072000; includeSubDomains; preload"},
		{"hsts-unreadable", age(60), "Strict-Transport-Security", "includeSubDomains", "max-age=60"},
		{"hsts-age-twice", age(60), "Strict-Transport-Security", "max-age=600; max-age=0", "max-age=60"},
		{"hsts-quoted", age(60), "Strict-Transport-Security", `Max-Age="600"`, `Max-Age="600"`},

		{"nosniff", Config{}, "X-Content-Type-Options", "none", "nosniff"},
		{"dns-ours", Config{}, "X-Dns-Prefetch-Control", "on", "off"},
		{"dns-app", Config{XDNSPrefetchControl: DNSPrefetch{Allow: true}}, "X-Dns-Prefetch-Control", "off", "off"},
		{"download", Config{}, "X-Download-Options", "open", "noopen"},
		{"frame-app", Config{}, "X-Frame-Options", "deny", "deny"},
		{"frame-ours", Config{XFrameOptions: Frame{Action: "deny"}}, "X-Frame-Options", "SAMEORIGIN", "DENY"},
		{"frame-ignored-by-browsers", Config{}, "X-Frame-Options", "ALLOW-FROM https://a.example", "SAMEORIGIN"},
		{"cross-domain-ours", Config{}, "X-Permitted-Cross-Domain-Policies", "all", "none"},
		{"cross-domain-app", Config{XPermittedCrossDomainPolicies: CrossDomain{PermittedPolicies: "all"}}, "X-Permitted-Cross-Domain-Policies", "master-only", "master-only"},
		{"xss", Config{}, "X-Xss-Protection", "1; mode=block", "0"},

		{"permissions-common", features(map[string][]string{"camera": {"self"}, "usb": {}}), "Permissions-Policy",
			`camera=*, usb=(self), geolocation=(self "https://a.example")`, `camera=(self), geolocation=(self "https://a.example"), usb=()`},
		{"permissions-lists", features(map[string][]string{"camera": {"self", "https://a.example"}}), "Permissions-Policy",
			`camera=("https://a.example" "https://b.example")`, `camera=("https://a.example")`},
		{"permissions-unreadable", features(map[string][]string{"camera": {}}), "Permissions-Policy", "camera none", "camera=()"},
		{"permissions-off-is-no-list", features(map[string][]string{"camera": {}}), "Permissions-Policy", "off", "camera=()"},

		{"reporting-is-the-apps", Config{ReportingEndpoints: Endpoints{Endpoints: map[string]string{"a": "/r"}}}, "Reporting-Endpoints", `b="/s"`, `b="/s"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			alone := http.Header{}
			must(t, tt.cfg).Apply(alone, Request{TLS: true})
			configured := alone.Get(tt.header)
			for existing, want := range map[Existing]string{"": tt.app, Keep: tt.app, Strengthen: tt.want, Replace: configured} {
				tt.cfg.Existing = existing
				h := http.Header{tt.header: {tt.app}}
				must(t, tt.cfg).Apply(h, Request{TLS: true})
				if got := strings.Join(h[tt.header], " | "); got != want {
					t.Errorf("%s: got %q; want %q", existing, got, want)
				}
			}
		})
	}
}

// TestStricterIsNeitherLoose strengthens every pair of an order's values both
// ways round: the outcome is the same header, and never the looser one.
func TestStricterIsNeitherLoose(t *testing.T) {
	orders := map[string][]string{
		"referrer": referrerOrder, "corp": {"same-origin", "same-site", "cross-origin"},
	}
	for name, order := range orders {
		strict := byOrder(order...)
		if name == "referrer" {
			strict = stricterReferrer
		}
		for i, a := range order {
			for j, b := range order {
				want := order[min(i, j)]
				if got := strict([]string{a}, []string{b}); got[0] != want {
					t.Errorf("%s: of %s and %s: %s", name, a, b, got[0])
				}
			}
		}
	}
}

func TestStrengthenOnLogoutClearsBoth(t *testing.T) {
	p := must(t, Config{Existing: Strengthen, Routes: []Route{{Match: "/logout", ClearSiteData: []string{"cookies"}}}})
	h := http.Header{"Clear-Site-Data": {`"storage"`}}
	p.Apply(h, Request{TLS: true, Routes: []int{0}})
	if got := strings.Join(h["Clear-Site-Data"], ", "); got != `"storage", "cookies"` {
		t.Errorf("got %s", got)
	}
}

func TestStrengthenLeavesSharedValuesAlone(t *testing.T) {
	p := must(t, Config{Existing: Strengthen})
	app := append(make([]string, 0, 4), "default-src https:") // with room for one more
	for range 2 {
		h := http.Header{"Content-Security-Policy": app}
		p.Apply(h, Request{TLS: true})
		if got := h["Content-Security-Policy"]; len(got) != 2 || len(app) != 1 {
			t.Fatalf("got %q of %q", got, app)
		}
	}
	if beyond := app[:2][1]; beyond != "" {
		t.Errorf("%q was written behind the app's own value", beyond)
	}
}

func TestStricterCacheControl(t *testing.T) {
	tests := []struct{ name, app, ours, want string }{
		{"public", "public, max-age=60", "no-store", "no-store"},
		{"already", "No-Store", "no-store", "No-Store"},
		{"stricter-than-private", "no-store", "private", "no-store"},
		{"revalidated", "no-cache", "private", "no-cache, private"},
		{"already-private", "max-age=60, private", "private", "max-age=60, private"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := strings.Join(stricterCache([]string{tt.app}, []string{tt.ours}), " | "); got != tt.want {
				t.Errorf("got %q; want %q", got, tt.want)
			}
		})
	}
}

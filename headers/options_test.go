// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package headers

import (
	"encoding"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/panoply-security/panoply/internal/conf"
	"github.com/panoply-security/panoply/internal/fault"
)

func TestShortForms(t *testing.T) {
	tests := []struct {
		name string
		into encoding.TextUnmarshaler
		text string
		want any
	}{
		{"frame-value", new(Frame), "deny", Frame{Action: "deny"}},
		{"frame-off", new(Frame), "off", Frame{Off: true}},
		{"frame-false", new(Frame), "false", Frame{Off: true}},
		{"frame-on", new(Frame), "on", Frame{}},
		{"frame-default", new(Frame), "default", Frame{}},
		{"choice-value", new(Choice), "same-site", Choice{Policy: "same-site"}},
		{"embedder-on", new(Embedder), "on", Embedder{Policy: "require-corp"}},
		{"embedder-off", new(Embedder), "off", Embedder{Off: true}},
		{"embedder-value", new(Embedder), "credentialless", Embedder{Policy: "credentialless"}},
		{"switch-value", new(Switch), "nosniff", Switch{Value: "nosniff"}},
		{"referrer-one", new(Referrer), "same-origin", Referrer{Policy: []string{"same-origin"}}},
		{"referrer-two", new(Referrer), "origin, unsafe-url", Referrer{Policy: []string{"origin", "unsafe-url"}}},
		{"hsts-value", new(HSTS), "max-age=63072000; includeSubDomains; preload", HSTS{MaxAge: 63072000, Preload: true}},
		{"hsts-no-subdomains", new(HSTS), "max-age=600", HSTS{MaxAge: 600, ExcludeSubdomains: true}},
		{"hsts-forget", new(HSTS), "max-age=0", HSTS{MaxAge: None, ExcludeSubdomains: true}},
		{"dns-allow", new(DNSPrefetch), "allow", DNSPrefetch{Allow: true}},
		{"dns-deny", new(DNSPrefetch), "deny", DNSPrefetch{}},
		{"dns-off", new(DNSPrefetch), "off", DNSPrefetch{Off: true}},
		{"cross-domain", new(CrossDomain), "master-only", CrossDomain{PermittedPolicies: "master-only"}},
		{"csp-off", new(CSP), "off", CSP{Off: true}},
		{"csp-on", new(CSP), "on", CSP{}},
		{"csp-policy", new(CSP), "default-src 'self'; sandbox", CSP{NoDefaults: true, Directives: map[string][]string{"default-src": {"'self'"}, "sandbox": {}}}},
		{"seconds-part-dropped", new(Seconds), "123.9", Seconds(123)},
		{"endpoints", new(Endpoints), `csp="https://a.example/r", own="/reports"`,
			Endpoints{Endpoints: map[string]string{"csp": "https://a.example/r", "own": "/reports"}}},
		{"permissions", new(Permissions), `camera=(), geolocation=(self "https://a.example"), fullscreen=*`,
			Permissions{Features: map[string][]string{"camera": {}, "geolocation": {"self", "https://a.example"}, "fullscreen": {"*"}}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if err := tt.into.UnmarshalText([]byte(tt.text)); err != nil {
				t.Fatal(err)
			}
			got := reflect.ValueOf(tt.into).Elem().Interface()
			if !reflect.DeepEqual(got, tt.want) {
				t.Fatalf("got %+v; want %+v", got, tt.want)
			}
			m, ok := got.(encoding.TextMarshaler)
			if !ok {
				return
			}
			short, err := m.MarshalText()
			if err != nil {
				t.Fatal(err)
			}
			if len(short) == 0 {
				return // the map says it
			}
			again := reflect.New(reflect.TypeOf(got))
			if err := again.Interface().(encoding.TextUnmarshaler).UnmarshalText(short); err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(again.Elem().Interface(), got) {
				t.Errorf("%s became %+v", short, again.Elem().Interface())
			}
		})
	}
}

func TestShortFormsRefused(t *testing.T) {
	tests := []struct {
		name string
		into encoding.TextUnmarshaler
		text string
	}{
		{"empty", new(Frame), ""},
		{"empty-csp", new(CSP), ""},
		{"csp-directive-twice", new(CSP), "default-src a; default-src b"},
		{"dns-unknown", new(DNSPrefetch), "deni"},
		{"hsts-no-age", new(HSTS), "includeSubDomains"},
		{"hsts-misspelt", new(HSTS), "max-age=600; includeSubdomain"},
		{"hsts-age-twice", new(HSTS), "max-age=600; max-age=0"},
		{"hsts-age-twice-zero-first", new(HSTS), "max-age=0; max-age=600"},
		{"seconds-negative", new(Seconds), "-1"},
		{"seconds-negative-fraction", new(Seconds), "-0.1"},
		{"seconds-two-points", new(Seconds), "1.2.3"},
		{"seconds-open-fraction", new(Seconds), "1."},
		{"hsts-fraction", new(HSTS), "max-age=1.5"},
		{"endpoints-unquoted", new(Endpoints), "csp=https://a.example/"},
		{"endpoints-twice", new(Endpoints), `csp="/a", csp="/b"`},
		{"seconds-duration", new(Seconds), "1h"},
		{"seconds-huge", new(Seconds), "99999999999999999999"},
		{"permissions-no-list", new(Permissions), "camera"},
		{"permissions-open-list", new(Permissions), "camera=(self"},
		{"permissions-twice", new(Permissions), "camera=(), camera=*"},
		{"permissions-unquoted-origin", new(Permissions), "camera=(https://a.example)"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if err := tt.into.UnmarshalText([]byte(tt.text)); err == nil {
				t.Errorf("read as %+v", tt.into)
			}
		})
	}
}

func TestSecondsZero(t *testing.T) {
	var s Seconds
	if err := s.UnmarshalText([]byte("0")); err != nil || s != None {
		t.Fatalf("got %d, %v", s, err)
	}
	if b, _ := s.MarshalText(); string(b) != "0" {
		t.Errorf("got %s", b)
	}
	h := http.Header{}
	must(t, Config{StrictTransportSecurity: HSTS{MaxAge: s}}).Apply(h, Request{TLS: true})
	if got := h.Get("Strict-Transport-Security"); got != "max-age=0; includeSubDomains" {
		t.Errorf("got %q", got)
	}
}

func TestValues(t *testing.T) {
	tests := []struct {
		name   string
		cfg    Config
		header string
		want   string
	}{
		{"csp-report-only", Config{ContentSecurityPolicy: CSP{NoDefaults: true, ReportOnly: true, Directives: map[string][]string{"default-src": {"'self'"}}}},
			"Content-Security-Policy-Report-Only", "default-src 'self'"},
		{"csp-report-only-is-not-enforced", Config{ContentSecurityPolicy: CSP{ReportOnly: true}}, "Content-Security-Policy", ""},
		{"second-policy-default", Config{ContentSecurityPolicyReportOnly: &CSP{}}, "Content-Security-Policy-Report-Only", helmetDefaults["Content-Security-Policy"]},
		{"second-policy-leaves-the-first", Config{ContentSecurityPolicyReportOnly: &CSP{}}, "Content-Security-Policy", helmetDefaults["Content-Security-Policy"]},
		{"second-policy-off", Config{ContentSecurityPolicyReportOnly: &CSP{Off: true}}, "Content-Security-Policy-Report-Only", ""},
		{"profile-compatible", Config{ContentSecurityPolicy: CSP{NoDefaults: true, InsecureNoDefaultSrc: true, Directives: map[string][]string{
			"object-src": {"'none'"}, "base-uri": {"'self'"}, "frame-ancestors": {"'self'"}}}},
			"Content-Security-Policy", "base-uri 'self';frame-ancestors 'self';object-src 'none'"},
		{"referrer-list", Config{ReferrerPolicy: Referrer{Policy: []string{"origin", "unsafe-url"}}}, "Referrer-Policy", "origin,unsafe-url"},
		{"permissions", Config{PermissionsPolicy: Permissions{Features: map[string][]string{"geolocation": {"self", "https://*.a.example:8443"}, "camera": nil, "fullscreen": {"*"}}}},
			"Permissions-Policy", `camera=(), fullscreen=*, geolocation=(self "https://*.a.example:8443")`},
		{"frame-deny", Config{XFrameOptions: Frame{Action: "deNY"}}, "X-Frame-Options", "DENY"},
		{"off", Config{XFrameOptions: Frame{Off: true}}, "X-Frame-Options", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := http.Header{}
			must(t, tt.cfg).Apply(h, Request{TLS: true})
			if got := h.Get(tt.header); got != tt.want {
				t.Errorf("got %q; want %q", got, tt.want)
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	tests := []struct {
		name string
		cfg  Config
		path string
	}{
		{"csp-keyword", Config{ContentSecurityPolicy: CSP{Directives: map[string][]string{"scriptSrc": {"self"}}}}, "content_security_policy.directives.scriptSrc[0]"},
		{"csp-line-break", Config{ContentSecurityPolicy: CSP{Directives: map[string][]string{"script-src": {"a\nb"}}}}, "content_security_policy.directives.script-src[0]"},
		{"csp-second", Config{ContentSecurityPolicyReportOnly: &CSP{NoDefaults: true}}, "content_security_policy_report_only.directives"},
		{"csp-two-report-only", Config{ContentSecurityPolicy: CSP{ReportOnly: true}, ContentSecurityPolicyReportOnly: &CSP{}}, "content_security_policy_report_only"},
		{"coep", Config{CrossOriginEmbedderPolicy: Embedder{Policy: "foo"}}, "cross_origin_embedder_policy"},
		{"coop-case", Config{CrossOriginOpenerPolicy: Choice{Policy: "SAME-ORIGIN"}}, "cross_origin_opener_policy"},
		{"corp", Config{CrossOriginResourcePolicy: Choice{Policy: "none"}}, "cross_origin_resource_policy"},
		{"nosniff", Config{XContentTypeOptions: Switch{Value: "sniff"}}, "x_content_type_options"},
		{"xss-filter", Config{XXSSProtection: Switch{Value: "1; mode=block"}}, "x_xss_protection"},
		{"powered-by", Config{XPoweredBy: Switch{Value: "PHP/4.2"}}, "x_powered_by"},
		{"referrer-unknown", Config{ReferrerPolicy: Referrer{Policy: []string{"sameorigin"}}}, "referrer_policy.policy[0]"},
		{"referrer-twice", Config{ReferrerPolicy: Referrer{Policy: []string{"origin", "origin"}}}, "referrer_policy.policy[1]"},
		{"referrer-empty", Config{ReferrerPolicy: Referrer{Policy: []string{}}}, "referrer_policy.policy"},
		{"hsts-negative", Config{StrictTransportSecurity: HSTS{MaxAge: -123}}, "strict_transport_security.max_age"},
		{"hsts-preload-too-short", Config{StrictTransportSecurity: HSTS{MaxAge: 600, Preload: true}}, "strict_transport_security.preload"},
		{"hsts-preload-without-subdomains", Config{StrictTransportSecurity: HSTS{ExcludeSubdomains: true, Preload: true}}, "strict_transport_security.preload"},
		{"frame", Config{XFrameOptions: Frame{Action: "allow-from"}}, "x_frame_options"},
		{"cross-domain", Config{XPermittedCrossDomainPolicies: CrossDomain{PermittedPolicies: "NONE"}}, "x_permitted_cross_domain_policies"},
		{"permissions-name", Config{PermissionsPolicy: Permissions{Features: map[string][]string{"Camera": {}}}}, "permissions_policy.features"},
		{"permissions-injection", Config{PermissionsPolicy: Permissions{Features: map[string][]string{"camera": {`https://a"), x=*`}}}}, "permissions_policy.features.camera[0]"},
		{"permissions-path", Config{PermissionsPolicy: Permissions{Features: map[string][]string{"camera": {"https://a.example/x"}}}}, "permissions_policy.features.camera[0]"},
		{"permissions-star-and-more", Config{PermissionsPolicy: Permissions{Features: map[string][]string{"camera": {"*", "self"}}}}, "permissions_policy.features.camera"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := New(tt.cfg)
			list, ok := err.(fault.List)
			if !ok || len(list) != 1 {
				t.Fatalf("got %v; want one fault", err)
			}
			if list[0].Path != tt.path || list[0].Hint == "" {
				t.Errorf("got %+v; want the path %s and a hint", list[0], tt.path)
			}
		})
	}
}

func TestAllFaultsTogether(t *testing.T) {
	_, err := New(Config{
		ContentSecurityPolicy: CSP{Directives: map[string][]string{"a b": {}}},
		XFrameOptions:         Frame{Action: "x"},
		XXSSProtection:        Switch{Value: "1"},
	})
	if list, _ := err.(fault.List); len(list) != 3 {
		t.Errorf("got %v", err)
	}
}

func TestWarnings(t *testing.T) {
	if w := (Config{}).Warnings(); len(w) != 0 {
		t.Errorf("the default warns: %q", w)
	}
	cfg := Config{
		ContentSecurityPolicy:     CSP{ReportOnly: true, InsecureNoDefaultSrc: true},
		CrossOriginOpenerPolicy:   Choice{Policy: "unsafe-none"},
		StrictTransportSecurity:   HSTS{MaxAge: None},
		Server:                    Switch{Off: true},
		CrossOriginResourcePolicy: Choice{Policy: "same-site"},
	}
	want := []string{"content_security_policy only reports", "content_security_policy has insecure_no_default_src",
		"cross_origin_opener_policy is unsafe-none", "strict_transport_security is forgotten by browsers (max_age 0)", "server is off"}
	if got := cfg.Warnings(); !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

// Every field of Config has a snake_case name, and no two the same.
func TestYAMLNames(t *testing.T) {
	seen := make(map[string]bool)
	for _, f := range reflect.VisibleFields(reflect.TypeFor[Config]()) {
		name := f.Tag.Get("yaml")
		if name == "" || name != strings.ToLower(name) || name != "-" && seen[name] {
			t.Errorf("%s has the name %q", f.Name, name)
		}
		seen[name] = true
	}
}

// The policy file reads and writes every form.
func TestPolicyFile(t *testing.T) {
	const file = `content_security_policy:
  directives:
    script-src: "'self'"
    font-src: off
    img-src: ["'self'", "https:"]
    sandbox: []
  report_only: false
content_security_policy_report_only: default-src 'none'
cross_origin_embedder_policy: on
cross_origin_opener_policy: off
cross_origin_resource_policy: {policy: same-site}
origin_agent_cluster: on
referrer_policy: same-origin
strict_transport_security: {max_age: 0, include_subdomains: false}
x_content_type_options: nosniff
x_dns_prefetch_control: {allow: true}
x_frame_options: deny
x_powered_by: off
x_xss_protection: 0
permissions_policy: camera=()
`
	want := Config{
		ContentSecurityPolicy: CSP{Directives: map[string][]string{
			"script-src": {"'self'"}, "font-src": {"off"}, "img-src": {"'self'", "https:"}, "sandbox": {}}},
		ContentSecurityPolicyReportOnly: &CSP{NoDefaults: true, Directives: map[string][]string{"default-src": {"'none'"}}},
		CrossOriginEmbedderPolicy:       Embedder{Policy: "require-corp"},
		CrossOriginOpenerPolicy:         Choice{Off: true},
		CrossOriginResourcePolicy:       Choice{Policy: "same-site"},
		ReferrerPolicy:                  Referrer{Policy: []string{"same-origin"}},
		StrictTransportSecurity:         HSTS{MaxAge: None, ExcludeSubdomains: true},
		XContentTypeOptions:             Switch{Value: "nosniff"},
		XDNSPrefetchControl:             DNSPrefetch{Allow: true},
		XFrameOptions:                   Frame{Action: "deny"},
		XPoweredBy:                      Switch{Off: true},
		XXSSProtection:                  Switch{Value: "0"},
		PermissionsPolicy:               Permissions{Features: map[string][]string{"camera": {}}},
	}
	var got Config
	if _, err := conf.Decode("policy.yaml", []byte(file), &got); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("got  %+v\nwant %+v", got, want)
	}
	for name, cfg := range map[string]Config{"given": got, "effective": got.WithDefaults(), "default": Config{}.WithDefaults()} {
		written, err := conf.Encode(cfg)
		if err != nil {
			t.Fatal(err)
		}
		var again Config
		if _, err := conf.Decode("policy.yaml", written, &again); err != nil {
			t.Fatalf("%s: %v\n%s", name, err, written)
		}
		if !reflect.DeepEqual(again, cfg) {
			t.Errorf("%s: got  %+v\nwant %+v\n%s", name, again, cfg, written)
		}
		t.Logf("%s:\n%s", name, written)
	}
}

// What would end a header, or is no byte of one, is refused when the headers are
// built, wherever a configuration holds text.
func TestBytesThatNoHeaderCarriesAreRefused(t *testing.T) {
	for _, bad := range []string{"x\r\ny", "x\ny", "x\ry", "x\x00y", "x\x7fy", "xéy", "x\ty"} {
		configs := map[string]Config{
			"csp-source":      {ContentSecurityPolicy: CSP{Directives: map[string][]string{"img-src": {bad}}}},
			"csp-name":        {ContentSecurityPolicy: CSP{Directives: map[string][]string{bad: {"'self'"}}}},
			"csp-report-only": {ContentSecurityPolicyReportOnly: &CSP{Directives: map[string][]string{"img-src": {bad}}}},
			"coep":            {CrossOriginEmbedderPolicy: Embedder{Policy: bad}},
			"coop":            {CrossOriginOpenerPolicy: Choice{Policy: bad}},
			"corp":            {CrossOriginResourcePolicy: Choice{Policy: bad}},
			"agent-cluster":   {OriginAgentCluster: Switch{Value: bad}},
			"referrer":        {ReferrerPolicy: Referrer{Policy: []string{bad}}},
			"nosniff":         {XContentTypeOptions: Switch{Value: bad}},
			"download":        {XDownloadOptions: Switch{Value: bad}},
			"frame":           {XFrameOptions: Frame{Action: bad}},
			"cross-domain":    {XPermittedCrossDomainPolicies: CrossDomain{PermittedPolicies: bad}},
			"xss":             {XXSSProtection: Switch{Value: bad}},
			"feature":         {PermissionsPolicy: Permissions{Features: map[string][]string{bad: {}}}},
			"origin":          {PermissionsPolicy: Permissions{Features: map[string][]string{"camera": {"https://" + bad}}}},
			"endpoint-name":   {ReportingEndpoints: Endpoints{Endpoints: map[string]string{bad: "/x"}}},
			"endpoint":        {ReportingEndpoints: Endpoints{Endpoints: map[string]string{"a": "/" + bad}}},
			"session-cache":   {SessionCacheControl: Choice{Policy: bad}},
			"clear":           {Routes: []Route{{Match: "/x", ClearSiteData: []string{bad}}}},
		}
		for name, cfg := range configs {
			if _, err := New(cfg); err == nil {
				t.Errorf("%s: %q was taken", name, bad)
			}
			if frame := cfg.XFrameOptions; name == "frame" {
				if _, err := New(Config{Routes: []Route{{Match: "/x", XFrameOptions: &frame}}}); err == nil {
					t.Errorf("%s on a route: %q was taken", name, bad)
				}
			}
		}
	}
}

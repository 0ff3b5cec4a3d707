// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package headers

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/panoply-security/panoply/internal/csp"
)

// Config is which headers are sent. The zero value is Helmet's default set.
//
// In YAML each header is its value, or a map of its options, or `off`, which
// leaves the header to the app, or `on`, which is the default.
type Config struct {
	// ContentSecurityPolicy says where scripts, styles and the rest may come
	// from. Default: Helmet's policy, everything from the same origin.
	ContentSecurityPolicy CSP `yaml:"content_security_policy"`
	// ContentSecurityPolicyReportOnly is a second policy whose breaches the
	// browser reports and allows. Nil sends none; its zero value is Helmet's
	// default policy.
	ContentSecurityPolicyReportOnly *CSP `yaml:"content_security_policy_report_only"`
	// CrossOriginEmbedderPolicy keeps documents from loading what other origins
	// have not offered. Default: not sent, since it breaks most embeds; `on` is
	// require-corp.
	CrossOriginEmbedderPolicy Embedder `yaml:"cross_origin_embedder_policy"`
	// CrossOriginOpenerPolicy keeps windows of other origins from reaching into
	// this one: same-origin (default), same-origin-allow-popups,
	// noopener-allow-popups or unsafe-none.
	CrossOriginOpenerPolicy Choice `yaml:"cross_origin_opener_policy"`
	// CrossOriginResourcePolicy keeps other origins from embedding what is
	// served here: same-origin (default), same-site or cross-origin.
	CrossOriginResourcePolicy Choice `yaml:"cross_origin_resource_policy"`
	// OriginAgentCluster asks for a process per origin. Value: ?1.
	OriginAgentCluster Switch `yaml:"origin_agent_cluster"`
	// ReferrerPolicy says how much of a page's address other sites get to see.
	// Default: no-referrer.
	ReferrerPolicy Referrer `yaml:"referrer_policy"`
	// StrictTransportSecurity makes browsers use TLS for a year, subdomains
	// included. Sent over TLS only.
	StrictTransportSecurity HSTS `yaml:"strict_transport_security"`
	// XContentTypeOptions keeps browsers from guessing types. Value: nosniff.
	XContentTypeOptions Switch `yaml:"x_content_type_options"`
	// XDNSPrefetchControl switches the early look-up of links' hosts: deny
	// (default, sends `off`) or allow (sends `on`).
	XDNSPrefetchControl DNSPrefetch `yaml:"x_dns_prefetch_control"`
	// XDownloadOptions keeps old Internet Explorers from opening downloads in
	// the site's context. Value: noopen.
	XDownloadOptions Switch `yaml:"x_download_options"`
	// XFrameOptions says who may frame the page: sameorigin (default) or deny.
	XFrameOptions Frame `yaml:"x_frame_options"`
	// XPermittedCrossDomainPolicies is for Adobe's readers: none (default),
	// master-only, by-content-type or all.
	XPermittedCrossDomainPolicies CrossDomain `yaml:"x_permitted_cross_domain_policies"`
	// XPoweredBy is removed from every answer, unless off.
	XPoweredBy Switch `yaml:"x_powered_by"`
	// XXSSProtection switches off the filter of old browsers, which made holes
	// of its own. Value: 0.
	XXSSProtection Switch `yaml:"x_xss_protection"`
	// Server is removed from every answer, unless off.
	Server Switch `yaml:"server"`
	// PermissionsPolicy switches browser features such as camera and
	// geolocation. Default: not sent, as in Helmet.
	PermissionsPolicy Permissions `yaml:"permissions_policy"`
	// ReportingEndpoints names where browsers send reports. Default: not sent.
	ReportingEndpoints Endpoints `yaml:"reporting_endpoints"`
	// SessionCacheControl is the Cache-Control of answers that set a session
	// cookie: no-store (default) or private. A shared cache that kept one would
	// give the session to the next client.
	SessionCacheControl Choice `yaml:"session_cache_control"`

	// Existing says what becomes of a header that the app sends already: keep
	// (default), strengthen or replace.
	Existing Existing `yaml:"existing"`
	// Routes says what differs on some routes. At most 1000.
	Routes []Route `yaml:"routes"`

	// TLS reports whether the client came over TLS. Nil asks whether this
	// server's connection did; set it behind a proxy that ends TLS, and only on
	// the word of a proxy that is trusted.
	TLS func(*http.Request) bool `yaml:"-"`
}

// maxAge is Helmet's default for Strict-Transport-Security: 365 days.
const maxAge Seconds = 365 * 24 * 60 * 60

// WithDefaults returns the configuration with every default filled in: what
// `policy show` prints. It does not change what New makes of it, except that a
// faulty Content-Security-Policy is left as it is for New to report.
func (c Config) WithDefaults() Config {
	c.ContentSecurityPolicy = c.ContentSecurityPolicy.withDefaults()
	if c.ContentSecurityPolicyReportOnly != nil {
		ro := c.ContentSecurityPolicyReportOnly.withDefaults()
		c.ContentSecurityPolicyReportOnly = &ro
	}
	// Said out loud, so that the whole of the default can be seen.
	c.CrossOriginEmbedderPolicy.Off = c.CrossOriginEmbedderPolicy.Off || c.CrossOriginEmbedderPolicy.Policy == ""
	c.PermissionsPolicy.Off = c.PermissionsPolicy.Off || len(c.PermissionsPolicy.Features) == 0
	c.ReportingEndpoints.Off = c.ReportingEndpoints.Off || len(c.ReportingEndpoints.Endpoints) == 0
	c.SessionCacheControl = c.SessionCacheControl.or("no-store")
	c.Existing = cmp.Or(c.Existing, Keep)
	c.CrossOriginOpenerPolicy = c.CrossOriginOpenerPolicy.or("same-origin")
	c.CrossOriginResourcePolicy = c.CrossOriginResourcePolicy.or("same-origin")
	c.OriginAgentCluster = c.OriginAgentCluster.or("?1")
	if !c.ReferrerPolicy.Off && c.ReferrerPolicy.Policy == nil {
		c.ReferrerPolicy.Policy = []string{"no-referrer"}
	}
	if !c.StrictTransportSecurity.Off && c.StrictTransportSecurity.MaxAge == 0 {
		c.StrictTransportSecurity.MaxAge = maxAge
	}
	c.XContentTypeOptions = c.XContentTypeOptions.or("nosniff")
	c.XDownloadOptions = c.XDownloadOptions.or("noopen")
	if !c.XFrameOptions.Off && c.XFrameOptions.Action == "" {
		c.XFrameOptions.Action = "sameorigin"
	}
	if !c.XPermittedCrossDomainPolicies.Off && c.XPermittedCrossDomainPolicies.PermittedPolicies == "" {
		c.XPermittedCrossDomainPolicies.PermittedPolicies = "none"
	}
	c.XPoweredBy = c.XPoweredBy.or(removed)
	c.XXSSProtection = c.XXSSProtection.or("0")
	c.Server = c.Server.or(removed)
	return c
}

func (p CSP) withDefaults() CSP {
	if p.Off {
		return p
	}
	built, err := p.build()
	if err != nil {
		return p
	}
	p.NoDefaults, p.Directives = true, built.Directives()
	return p
}

func (p CSP) build() (csp.Policy, error) {
	return csp.Build(csp.Options{Directives: p.Directives, NoDefaults: p.NoDefaults, NoDefaultSrc: p.InsecureNoDefaultSrc})
}

// Warnings names what the configuration weakens against the default, and what
// in it does nothing, in the words of the policy file: for the start-up log.
func (c Config) Warnings() []string {
	w := c.warnings()
	for i, r := range c.Routes {
		there, _ := r.over(c)
		for _, text := range there.warnings() {
			if !slices.Contains(w, text) {
				w = append(w, fmt.Sprintf("routes[%d] (%s): %s", i, r.Match, text))
			}
		}
	}
	return w
}

func (c Config) warnings() []string {
	var w []string
	note := func(name string, off bool, value string, weak ...string) {
		switch {
		case off:
			w = append(w, name+" is off")
		case slices.Contains(weak, value):
			w = append(w, name+" is "+value)
		}
	}
	note("content_security_policy", c.ContentSecurityPolicy.Off, "")
	if c.ContentSecurityPolicy.ReportOnly && !c.ContentSecurityPolicy.Off {
		w = append(w, "content_security_policy only reports")
	}
	if c.ContentSecurityPolicy.InsecureNoDefaultSrc {
		w = append(w, "content_security_policy has insecure_no_default_src")
	}
	note("cross_origin_opener_policy", c.CrossOriginOpenerPolicy.Off, c.CrossOriginOpenerPolicy.Policy, "unsafe-none")
	note("cross_origin_resource_policy", c.CrossOriginResourcePolicy.Off, c.CrossOriginResourcePolicy.Policy, "cross-origin")
	note("origin_agent_cluster", c.OriginAgentCluster.Off, "")
	note("referrer_policy", c.ReferrerPolicy.Off, strings.Join(c.ReferrerPolicy.Policy, ","), "unsafe-url")
	note("strict_transport_security", c.StrictTransportSecurity.Off, "")
	if c.StrictTransportSecurity.MaxAge == None {
		w = append(w, "strict_transport_security is forgotten by browsers (max_age 0)")
	}
	note("x_content_type_options", c.XContentTypeOptions.Off, "")
	note("x_dns_prefetch_control", c.XDNSPrefetchControl.Off, "")
	note("x_download_options", c.XDownloadOptions.Off, "")
	note("x_frame_options", c.XFrameOptions.Off, "")
	note("x_permitted_cross_domain_policies", c.XPermittedCrossDomainPolicies.Off, c.XPermittedCrossDomainPolicies.PermittedPolicies, "all")
	note("x_powered_by", c.XPoweredBy.Off, "")
	note("x_xss_protection", c.XXSSProtection.Off, "")
	note("server", c.Server.Off, "")
	note("session_cache_control", c.SessionCacheControl.Off, "")
	for _, s := range []struct {
		name    string
		ignored map[string]any
	}{
		{"origin_agent_cluster", c.OriginAgentCluster.Ignored}, {"x_content_type_options", c.XContentTypeOptions.Ignored},
		{"x_download_options", c.XDownloadOptions.Ignored}, {"x_powered_by", c.XPoweredBy.Ignored},
		{"x_xss_protection", c.XXSSProtection.Ignored}, {"server", c.Server.Ignored},
	} {
		for _, key := range slices.Sorted(maps.Keys(s.ignored)) {
			w = append(w, fmt.Sprintf("%s has no option %q, so it does nothing", s.name, key))
		}
	}
	return w
}

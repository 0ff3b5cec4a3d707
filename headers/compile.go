// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package headers

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/panoply-security/panoply/internal/csp"
	"github.com/panoply-security/panoply/internal/fault"
)

// compile turns the configuration, defaults filled in, into lines.
func (t *Headers) compile(faults *fault.List) {
	c := &t.cfg
	t.compileCSP(faults)
	t.compileHSTS(faults)

	oneOf := func(path, name string, off bool, value string, known ...string) {
		if off {
			return
		}
		if !slices.Contains(known, value) {
			faults.Addf(path, "one of "+strings.Join(known, ", "), "%q is not known", value)
		}
		t.add(name, value, value)
	}
	coep := c.CrossOriginEmbedderPolicy
	oneOf("cross_origin_embedder_policy", "Cross-Origin-Embedder-Policy", coep.Off, coep.Policy,
		"require-corp", "credentialless", "unsafe-none")
	oneOf("cross_origin_opener_policy", "Cross-Origin-Opener-Policy", c.CrossOriginOpenerPolicy.Off, c.CrossOriginOpenerPolicy.Policy,
		"same-origin", "same-origin-allow-popups", "noopener-allow-popups", "unsafe-none")
	oneOf("cross_origin_resource_policy", "Cross-Origin-Resource-Policy", c.CrossOriginResourcePolicy.Off, c.CrossOriginResourcePolicy.Policy,
		"same-origin", "same-site", "cross-origin")
	oneOf("origin_agent_cluster", "Origin-Agent-Cluster", c.OriginAgentCluster.Off, c.OriginAgentCluster.Value, "?1")
	oneOf("x_content_type_options", "X-Content-Type-Options", c.XContentTypeOptions.Off, c.XContentTypeOptions.Value, "nosniff")
	oneOf("x_download_options", "X-Download-Options", c.XDownloadOptions.Off, c.XDownloadOptions.Value, "noopen")
	oneOf("x_permitted_cross_domain_policies", "X-Permitted-Cross-Domain-Policies",
		c.XPermittedCrossDomainPolicies.Off, c.XPermittedCrossDomainPolicies.PermittedPolicies,
		"none", "master-only", "by-content-type", "all")
	oneOf("x_xss_protection", "X-Xss-Protection", c.XXSSProtection.Off, c.XXSSProtection.Value, "0")

	t.compileReferrer(faults)

	if f := c.XFrameOptions; !f.Off {
		switch strings.ToLower(f.Action) {
		case "deny":
			t.add("X-Frame-Options", "DENY", "DENY")
		case "sameorigin", "same-origin":
			t.add("X-Frame-Options", "SAMEORIGIN", "SAMEORIGIN")
		default:
			faults.Addf("x_frame_options", "deny or sameorigin; for other sites use the directive frame-ancestors", "%q is not known", f.Action)
		}
	}
	if d := c.XDNSPrefetchControl; !d.Off {
		value := "off"
		if d.Allow {
			value = "on"
		}
		t.add("X-Dns-Prefetch-Control", value, value)
	}
	if p := c.PermissionsPolicy; !p.Off {
		value := p.compile(faults)
		t.add("Permissions-Policy", value, value)
	}
	for _, r := range []struct {
		path, name string
		s          Switch
	}{{"x_powered_by", "X-Powered-By", c.XPoweredBy}, {"server", "Server", c.Server}} {
		if r.s.Off {
			continue
		}
		if r.s.Value != removed {
			faults.Addf(r.path, "on removes the header, off leaves it", "%q is not known", r.s.Value)
		}
		t.remove = append(t.remove, r.name)
	}
}

func (t *Headers) compileCSP(faults *fault.List) {
	main, second := t.cfg.ContentSecurityPolicy, t.cfg.ContentSecurityPolicyReportOnly
	sendSecond := second != nil && !second.Off
	if !main.Off && main.ReportOnly && sendSecond {
		faults.Add("content_security_policy_report_only", "content_security_policy only reports already", "drop one of the two")
	}
	policy := func(path string, c CSP, reportOnly bool) {
		p, err := c.build()
		if err != nil {
			faults.Join(path, err)
			return
		}
		name := "Content-Security-Policy"
		if reportOnly {
			name = "Content-Security-Policy-Report-Only"
		}
		t.add(name, p.Without(csp.UpgradeInsecureRequests).String(), p.String())
	}
	if !main.Off {
		policy("content_security_policy", main, main.ReportOnly)
	}
	if sendSecond {
		policy("content_security_policy_report_only", *second, true)
	}
}

// preloadMinimum is what the browsers' preload list asks for.
const preloadMinimum Seconds = 31536000

func (t *Headers) compileHSTS(faults *fault.List) {
	h := t.cfg.StrictTransportSecurity
	if h.Off {
		return
	}
	const path = "strict_transport_security"
	if h.MaxAge < None {
		faults.Addf(path+".max_age", "a whole number of seconds; 31536000 is a year", "%d is negative", int64(h.MaxAge))
	}
	if h.Preload && (h.ExcludeSubdomains || h.MaxAge < preloadMinimum) {
		faults.Add(path+".preload", "not accepted by browsers this way", "preload needs include_subdomains and a max_age of at least 31536000")
	}
	value := "max-age=" + strconv.FormatInt(h.MaxAge.count(), 10)
	if !h.ExcludeSubdomains {
		value += "; includeSubDomains"
	}
	if h.Preload {
		value += "; preload"
	}
	t.add("Strict-Transport-Security", "", value)
}

var referrerTokens = []string{
	"no-referrer", "no-referrer-when-downgrade", "same-origin", "origin", "strict-origin",
	"origin-when-cross-origin", "strict-origin-when-cross-origin", "unsafe-url", "",
}

func (t *Headers) compileReferrer(faults *fault.List) {
	r := t.cfg.ReferrerPolicy
	if r.Off {
		return
	}
	if len(r.Policy) == 0 {
		faults.Add("referrer_policy.policy", "an empty list", "no-referrer, or off")
	}
	for i, token := range r.Policy {
		path := fmt.Sprintf("referrer_policy.policy[%d]", i)
		if !slices.Contains(referrerTokens, token) {
			faults.Addf(path, "one of "+strings.Join(referrerTokens[:8], ", "), "%q is not known", token)
		} else if slices.Contains(r.Policy[:i], token) {
			faults.Addf(path, "each token once", "%q is there twice", token)
		}
	}
	value := strings.Join(r.Policy, ",")
	// An empty value is legal and means the browser's own default.
	l := line{"Referrer-Policy", []string{value}}
	t.plain, t.secure = append(t.plain, l), append(t.secure, l)
}

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

// compile turns a configuration, defaults filled in, into lines.
func compile(c Config, clear []string, faults *fault.List) (set lines) {
	set[policy], set[reportOnly] = compilePolicies(c, faults)
	set[hsts] = compileHSTS(c.StrictTransportSecurity, faults)
	set[referrer] = compileReferrer(c.ReferrerPolicy, faults)

	// The values that a header may have, the strictest first: the order of
	// Strengthen.
	oneOf := func(at slot, path string, off bool, value string, known ...string) {
		if off {
			return
		}
		if !slices.Contains(known, value) {
			faults.Addf(path, "one of "+strings.Join(known, ", "), "%q is not known", value)
		}
		set[at] = always(value, byOrder(known...))
	}
	coep := c.CrossOriginEmbedderPolicy
	oneOf(embedder, "cross_origin_embedder_policy", coep.Off, coep.Policy,
		"require-corp", "credentialless", "unsafe-none")
	oneOf(opener, "cross_origin_opener_policy", c.CrossOriginOpenerPolicy.Off, c.CrossOriginOpenerPolicy.Policy,
		"same-origin", "noopener-allow-popups", "same-origin-allow-popups", "unsafe-none")
	oneOf(resource, "cross_origin_resource_policy", c.CrossOriginResourcePolicy.Off, c.CrossOriginResourcePolicy.Policy,
		"same-origin", "same-site", "cross-origin")
	oneOf(agentCluster, "origin_agent_cluster", c.OriginAgentCluster.Off, c.OriginAgentCluster.Value, "?1")
	oneOf(noSniff, "x_content_type_options", c.XContentTypeOptions.Off, c.XContentTypeOptions.Value, "nosniff")
	oneOf(download, "x_download_options", c.XDownloadOptions.Off, c.XDownloadOptions.Value, "noopen")
	oneOf(crossDomain, "x_permitted_cross_domain_policies",
		c.XPermittedCrossDomainPolicies.Off, c.XPermittedCrossDomainPolicies.PermittedPolicies,
		"none", "master-only", "by-content-type", "all")
	oneOf(xssProtection, "x_xss_protection", c.XXSSProtection.Off, c.XXSSProtection.Value, "0")
	oneOf(sessionCache, "session_cache_control", c.SessionCacheControl.Off, c.SessionCacheControl.Policy, "no-store", "private")
	set[sessionCache].stricter = stricterCache

	if f := c.XFrameOptions; !f.Off {
		value := strings.ToUpper(f.Action)
		if value == "SAME-ORIGIN" {
			value = "SAMEORIGIN"
		}
		if value != "DENY" && value != "SAMEORIGIN" {
			faults.Addf("x_frame_options", "deny or sameorigin; for other sites use the directive frame-ancestors", "%q is not known", f.Action)
		}
		set[frame] = always(value, byOrder("DENY", "SAMEORIGIN"))
	}
	if d := c.XDNSPrefetchControl; !d.Off {
		value := "off"
		if d.Allow {
			value = "on"
		}
		set[dnsPrefetch] = always(value, byOrder("off", "on"))
	}
	if p := c.PermissionsPolicy; !p.Off {
		set[permissions] = always(p.compile(faults), stricterPermissions)
	}
	if e := c.ReportingEndpoints; !e.Off {
		set[reporting] = always(e.compile(faults), theirs)
	}
	if len(clear) > 0 {
		set[clearSiteData] = line{secure: []string{compileClear(faults, clear)}, stricter: both}
	}
	for _, r := range []struct {
		at   slot
		path string
		s    Switch
	}{{poweredBy, "x_powered_by", c.XPoweredBy}, {server, "server", c.Server}} {
		if !r.s.Off && r.s.Value != removed {
			faults.Addf(r.path, "on removes the header, off leaves it", "%q is not known", r.s.Value)
		}
		set[r.at] = line{remove: !r.s.Off}
	}
	for i := range set {
		if set[i].name == "" {
			set[i].name, set[i].bit = names[i], 1<<i
		}
	}
	return set
}

// always is a header for every client.
func always(value string, s stricter) line {
	shared := []string{value}
	return line{plain: shared, secure: shared, stricter: s}
}

func compilePolicies(c Config, faults *fault.List) (main, second line) {
	first, other := c.ContentSecurityPolicy, c.ContentSecurityPolicyReportOnly
	sendOther := other != nil && !other.Off
	if !first.Off {
		main = first.compile("content_security_policy", faults)
		if first.ReportOnly {
			main.name, main.bit = names[reportOnly], 1<<reportOnly
			if sendOther {
				faults.Add("content_security_policy_report_only", "content_security_policy only reports already", "drop one of the two")
			}
		}
	}
	if sendOther {
		second = other.compile("content_security_policy_report_only", faults)
	}
	return main, second
}

func (p CSP) compile(path string, faults *fault.List) line {
	built, err := p.build()
	if err != nil {
		faults.Join(path, err)
		return line{}
	}
	l := line{stricter: both, around: p.aroundNonces(path, built, faults)}
	if plain := built.Without(csp.UpgradeInsecureRequests); len(plain) > 0 {
		l.plain = []string{plain.String()}
	}
	l.secure = []string{built.String()}
	return l
}

// preloadMinimum is what the browsers' preload list asks for.
const preloadMinimum Seconds = 31536000

func compileHSTS(h HSTS, faults *fault.List) line {
	if h.Off {
		return line{}
	}
	const path = "strict_transport_security"
	if h.MaxAge < None {
		faults.Addf(path+".max_age", "a whole number of seconds; 31536000 is a year", "%d is negative", int64(h.MaxAge))
	}
	if h.Preload && (h.ExcludeSubdomains || h.MaxAge < preloadMinimum) {
		faults.Add(path+".preload", "not accepted by browsers this way", "preload needs include_subdomains and a max_age of at least 31536000")
	}
	return line{secure: []string{h.value()}, stricter: stricterHSTS}
}

// value is the header.
func (h HSTS) value() string {
	value := "max-age=" + strconv.FormatInt(h.MaxAge.count(), 10)
	if !h.ExcludeSubdomains {
		value += "; includeSubDomains"
	}
	if h.Preload {
		value += "; preload"
	}
	return value
}

var referrerTokens = []string{
	"no-referrer", "no-referrer-when-downgrade", "same-origin", "origin", "strict-origin",
	"origin-when-cross-origin", "strict-origin-when-cross-origin", "unsafe-url", "",
}

func compileReferrer(r Referrer, faults *fault.List) line {
	if r.Off {
		return line{}
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
	// An empty value is legal and means the browser's own default.
	return always(strings.Join(r.Policy, ","), stricterReferrer)
}

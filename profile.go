// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package panoply

import (
	"cmp"
	"slices"

	"github.com/panoply-security/panoply/headers"
	"github.com/panoply-security/panoply/ratelimit"
)

// compatibleBytes bounds bodies where nobody has said what the app needs.
const compatibleBytes = 10 << 20

// Effective returns the policy with its defaults spelled out: those of its
// profile, and those of every package.
func (p Policy) Effective() Policy {
	p.Profile = cmp.Or(p.Profile, Strict)
	p.Environment = cmp.Or(p.Environment, Production)
	p.Mode = cmp.Or(p.Mode, Enforce)
	for _, m := range p.modes() {
		*m = cmp.Or(*m, p.Mode)
	}
	if len(p.Upstreams) > 0 && p.Upstream == "" {
		p.Upstreams = p.Groups()
	}
	if p.UpstreamSecret.Env != "" {
		p.UpstreamSecret.Header = cmp.Or(p.UpstreamSecret.Header, "X-Upstream-Secret")
	}
	if p.TLS.ACME != nil {
		a := *p.TLS.ACME
		a.Storage = cmp.Or(a.Storage, "acme")
		p.TLS.ACME = &a
	}
	p.CSP = p.CSP.Effective()
	if p.CSP.Mode == Learn {
		p.letPagesBe()
		p.Headers.ContentSecurityPolicyReportOnly = nil // the guard sends one of its own
	}
	if p.Profile == Compatible {
		p.loosen()
	}
	if p.Profile == Strict && !p.Cookies.NoMaxAge {
		p.Cookies.AddMaxAge = true // the article's cookie ends after an hour, whatever the browser keeps
	}
	p.Cookies.Policy = p.Cookies.Policy.WithDefaults()
	if p.Cookies.CrossOrigin == "" {
		if p.Cookies.CrossOrigin = Report; p.Cookies.Mode == Off {
			p.Cookies.CrossOrigin = Off
		}
	}
	p.Headers.Config = p.Headers.Config.WithDefaults()
	p.RateLimits.Config = p.RateLimits.Config.WithDefaults()
	if p.Profile == Strict && !p.RateLimits.NoGeneralLimit && !limitsAll(p.RateLimits.Rules) {
		p.RateLimits.Rules = append(p.RateLimits.Rules, ratelimit.General())
	}
	p.Bodies.Config = p.Bodies.Config.WithDefaults()
	p.Uploads.Rules = append([]UploadRule(nil), p.Uploads.Rules...)
	for i := range p.Uploads.Rules {
		p.Uploads.Rules[i].Config = p.Uploads.Rules[i].Config.WithDefaults()
	}
	return p
}

// limitsAll reports whether a rule limits everything already.
func limitsAll(rules []ratelimit.Rule) bool {
	return slices.ContainsFunc(rules, func(r ratelimit.Rule) bool {
		return r.Name == ratelimit.General().Name || r.Count == "all" && slices.Contains(r.Match, "/")
	})
}

// modes are the modes of all sections, in the order of the seven.
func (p *Policy) modes() []*Mode {
	return []*Mode{&p.Headers.Mode, &p.RateLimits.Mode, &p.Bodies.Mode, &p.Errors.Mode,
		&p.Cookies.Mode, &p.Tokens.Mode, &p.Uploads.Mode, &p.NoSQL.Mode}
}

// loosen sets what the compatible profile sets, where the policy says nothing:
// it enforces what cannot break an app that nobody has looked at, and has the
// rest reported.
func (p *Policy) loosen() {
	h := &p.Headers.Config
	if p.loosenCSP() {
		// The full default only reports.
		h.ContentSecurityPolicyReportOnly = cmp.Or(h.ContentSecurityPolicyReportOnly, &headers.CSP{
			// Browsers complain about it in a policy that only reports.
			Directives: map[string][]string{"upgrade-insecure-requests": {"off"}}})
	}
	if h.CrossOriginOpenerPolicy == (headers.Choice{}) {
		h.CrossOriginOpenerPolicy.Off = true // breaks pop-up logins
	}
	if h.CrossOriginResourcePolicy == (headers.Choice{}) {
		h.CrossOriginResourcePolicy.Off = true // breaks assets used by other sites
	}
	if h.OriginAgentCluster.Value == "" {
		h.OriginAgentCluster.Off = true // breaks document.domain
	}
	if h.SessionCacheControl == (headers.Choice{}) {
		h.SessionCacheControl.Policy = "private" // no-store breaks the back button
	}
	if r := &h.ReferrerPolicy; !r.Off && len(r.Policy) == 0 {
		r.Policy = []string{"same-origin"} // no-referrer breaks "back" redirects
	}
	if s := &h.StrictTransportSecurity; *s == (headers.HSTS{}) {
		s.ExcludeSubdomains = true // other hosts may still be on plain HTTP
	}
	p.Bodies.MaxBytes = cmp.Or(p.Bodies.MaxBytes, compatibleBytes)
	p.Cookies.SameSite = cmp.Or(p.Cookies.SameSite, "Lax")
	p.Cookies.HTTPOnlySessionsOnly = true
	if p.Cookies.MaxAge == 0 {
		p.Cookies.NoMaxAge = true
	}
}

// letPagesBe enforces nothing but framing, which the pages themselves do not depend on,
// where the policy says nothing: whoever learns what pages need must see them whole.
func (p *Policy) letPagesBe() {
	if p.loosenCSP() {
		p.Headers.ContentSecurityPolicy.Directives = map[string][]string{"frame-ancestors": {"'self'"}}
	}
}

// loosenCSP enforces of the default Content-Security-Policy what breaks no page, where
// the policy says nothing. It reports whether it does.
func (p *Policy) loosenCSP() bool {
	csp := &p.Headers.ContentSecurityPolicy
	if csp.Off || len(csp.Directives) > 0 || csp.NoDefaults || len(csp.Nonces) > 0 {
		return false
	}
	*csp = headers.CSP{NoDefaults: true, InsecureNoDefaultSrc: true, Directives: map[string][]string{
		"object-src": {"'none'"}, "base-uri": {"'self'"}, "frame-ancestors": {"'self'"}}}
	return true
}

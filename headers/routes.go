// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package headers

import (
	"fmt"
	"slices"

	"github.com/panoply-security/panoply/internal/fault"
	"github.com/panoply-security/panoply/route"
)

// maxRoutes bounds Config.Routes: what all of them hold is compiled by New.
const maxRoutes = 1000

// Route is what differs on the routes of a pattern. A header that it leaves out
// is as everywhere else. Of several patterns that a request meets, the last one
// in the list that names a header decides about it.
type Route struct {
	// Match is a pattern of package route: /embed/ for a subtree, or POST /logout.
	Match string `yaml:"match"`
	// Existing is [Config.Existing] on these routes.
	Existing                        Existing     `yaml:"existing"`
	ContentSecurityPolicy           *CSP         `yaml:"content_security_policy"`
	ContentSecurityPolicyReportOnly *CSP         `yaml:"content_security_policy_report_only"`
	CrossOriginEmbedderPolicy       *Embedder    `yaml:"cross_origin_embedder_policy"`
	CrossOriginOpenerPolicy         *Choice      `yaml:"cross_origin_opener_policy"`
	CrossOriginResourcePolicy       *Choice      `yaml:"cross_origin_resource_policy"`
	OriginAgentCluster              *Switch      `yaml:"origin_agent_cluster"`
	ReferrerPolicy                  *Referrer    `yaml:"referrer_policy"`
	StrictTransportSecurity         *HSTS        `yaml:"strict_transport_security"`
	XContentTypeOptions             *Switch      `yaml:"x_content_type_options"`
	XDNSPrefetchControl             *DNSPrefetch `yaml:"x_dns_prefetch_control"`
	XDownloadOptions                *Switch      `yaml:"x_download_options"`
	XFrameOptions                   *Frame       `yaml:"x_frame_options"`
	XPermittedCrossDomainPolicies   *CrossDomain `yaml:"x_permitted_cross_domain_policies"`
	XPoweredBy                      *Switch      `yaml:"x_powered_by"`
	XXSSProtection                  *Switch      `yaml:"x_xss_protection"`
	Server                          *Switch      `yaml:"server"`
	PermissionsPolicy               *Permissions `yaml:"permissions_policy"`
	ReportingEndpoints              *Endpoints   `yaml:"reporting_endpoints"`
	SessionCacheControl             *Choice      `yaml:"session_cache_control"`
	// ClearSiteData lists what a browser forgets with these answers: cache,
	// cookies, storage, executionContexts, clientHints, or * for all of it.
	// For logout. Sent over TLS only, where browsers act on it.
	ClearSiteData []string `yaml:"clear_site_data"`
}

// over is the configuration that holds on the route alone, and which headers
// the route names.
func (r Route) over(c Config) (_ Config, named [slots]bool) {
	if r.ContentSecurityPolicyReportOnly != nil {
		c.ContentSecurityPolicyReportOnly = r.ContentSecurityPolicyReportOnly
		named[reportOnly] = true
	}
	named[policy] = put(&c.ContentSecurityPolicy, r.ContentSecurityPolicy)
	named[embedder] = put(&c.CrossOriginEmbedderPolicy, r.CrossOriginEmbedderPolicy)
	named[opener] = put(&c.CrossOriginOpenerPolicy, r.CrossOriginOpenerPolicy)
	named[resource] = put(&c.CrossOriginResourcePolicy, r.CrossOriginResourcePolicy)
	named[agentCluster] = put(&c.OriginAgentCluster, r.OriginAgentCluster)
	named[referrer] = put(&c.ReferrerPolicy, r.ReferrerPolicy)
	named[hsts] = put(&c.StrictTransportSecurity, r.StrictTransportSecurity)
	named[noSniff] = put(&c.XContentTypeOptions, r.XContentTypeOptions)
	named[dnsPrefetch] = put(&c.XDNSPrefetchControl, r.XDNSPrefetchControl)
	named[download] = put(&c.XDownloadOptions, r.XDownloadOptions)
	named[frame] = put(&c.XFrameOptions, r.XFrameOptions)
	named[crossDomain] = put(&c.XPermittedCrossDomainPolicies, r.XPermittedCrossDomainPolicies)
	named[poweredBy] = put(&c.XPoweredBy, r.XPoweredBy)
	named[xssProtection] = put(&c.XXSSProtection, r.XXSSProtection)
	named[server] = put(&c.Server, r.Server)
	named[permissions] = put(&c.PermissionsPolicy, r.PermissionsPolicy)
	named[reporting] = put(&c.ReportingEndpoints, r.ReportingEndpoints)
	named[sessionCache] = put(&c.SessionCacheControl, r.SessionCacheControl)
	named[clearSiteData] = r.ClearSiteData != nil
	return c.WithDefaults(), named
}

// put puts what a route names into the place of what holds everywhere.
func put[T any](to, from *T) (named bool) {
	if from != nil {
		*to = *from
	}
	return from != nil
}

// override is a compiled Route.
type override struct {
	existing Existing
	named    [slots]bool
	lines    lines
}

func (t *Headers) compileRoutes(faults *fault.List) {
	if len(t.cfg.Routes) > maxRoutes {
		faults.Addf("routes", "one pattern can cover many paths: /embed/", "more than %d routes", maxRoutes)
		return
	}
	everywhere := slices.Clone(*faults)
	for i, r := range t.cfg.Routes {
		at := fmt.Sprintf("routes[%d]", i)
		pattern, err := route.Compile(r.Match)
		if err != nil {
			faults.Add(at+".match", err.Error(), "POST /logout, /embed/ for a subtree")
			pattern = route.MustCompile("/") // for the place in the table; New fails
		}
		t.patterns = append(t.patterns, pattern)
		t.table.Add(pattern)

		cfg, named := r.over(t.cfg)
		o := override{existing: r.Existing, named: named}
		var found fault.List
		checkExisting(&found, r.Existing)
		o.lines = compile(cfg, r.ClearSiteData, &found)
		// What is wrong everywhere is told once.
		found = slices.DeleteFunc(found, func(f fault.Fault) bool { return slices.Contains(everywhere, f) })
		faults.Join(at, found.Err())
		t.overrides = append(t.overrides, o)
	}
}

// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package headers

import "net/http"

// slot is the place of a header in a compiled set.
type slot uint8

const (
	policy slot = iota
	reportOnly
	embedder
	opener
	resource
	agentCluster
	referrer
	hsts
	noSniff
	dnsPrefetch
	download
	frame
	crossDomain
	xssProtection
	permissions
	reporting
	clearSiteData
	sessionCache
	poweredBy
	server
	slots
)

// names are the headers of the slots, in canonical spelling. Bit i of a mask
// stands for name i.
var names = [slots]string{
	policy:        "Content-Security-Policy",
	reportOnly:    "Content-Security-Policy-Report-Only",
	embedder:      "Cross-Origin-Embedder-Policy",
	opener:        "Cross-Origin-Opener-Policy",
	resource:      "Cross-Origin-Resource-Policy",
	agentCluster:  "Origin-Agent-Cluster",
	referrer:      "Referrer-Policy",
	hsts:          "Strict-Transport-Security",
	noSniff:       "X-Content-Type-Options",
	dnsPrefetch:   "X-Dns-Prefetch-Control",
	download:      "X-Download-Options",
	frame:         "X-Frame-Options",
	crossDomain:   "X-Permitted-Cross-Domain-Policies",
	xssProtection: "X-Xss-Protection",
	permissions:   "Permissions-Policy",
	reporting:     "Reporting-Endpoints",
	clearSiteData: "Clear-Site-Data",
	sessionCache:  "Cache-Control",
	poweredBy:     "X-Powered-By",
	server:        "Server",
}

// setCookie is a further bit of a mask: the answer sets a cookie.
const setCookie = slots

// byLength finds a name's bit without hashing it: few names are as long as
// another.
var byLength = func() (t [64][]uint8) {
	for i, name := range names {
		t[len(name)] = append(t[len(name)], uint8(i))
	}
	return t
}()

// present is which of the names an answer has: one pass over its few headers is
// cheaper than a look-up of each name.
func present(h http.Header) (mask uint32) {
	for name, values := range h {
		if len(values) == 0 || len(name) >= len(byLength) {
			continue
		}
		for _, i := range byLength[len(name)] {
			if names[i] == name {
				mask |= 1 << i
			}
		}
		if name == "Set-Cookie" {
			mask |= 1 << setCookie
		}
	}
	return mask
}

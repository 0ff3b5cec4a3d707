// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package observatory

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

func (g *grader) embedderPolicy() string {
	return g.isolation("Cross-Origin-Embedder-Policy", "coep", "require-corp", "credentialless", "unsafe-none")
}

func (g *grader) openerPolicy() string {
	return g.isolation("Cross-Origin-Opener-Policy", "coop", "same-origin", "same-origin-allow-popups", "noopener-allow-popups", "unsafe-none")
}

// item is a structured field's token with parameters, which do not count.
var item = regexp.MustCompile(`^ *([a-z-]+)(?:[ \t]*;[ \t]*[a-z*][a-z0-9_.*-]*(?:=(?:"[^"]*"|[\w*:/.-]+))?)*[ \t]*$`)

func (g *grader) isolation(header, prefix string, tokens ...string) string {
	value, ok := first(g.Page.Header, header)
	if !ok {
		return prefix + "-not-implemented"
	}
	if m := item.FindStringSubmatch(value); m != nil && slices.Contains(tokens, m[1]) {
		return prefix + "-implemented-with-" + m[1]
	}
	return prefix + "-header-invalid"
}

func (g *grader) resourcePolicy() string {
	value, ok := first(g.Page.Header, "Cross-Origin-Resource-Policy")
	if n := len(g.page.resource); !ok && n > 0 {
		value, ok = g.page.resource[n-1], true
	}
	value = strings.ToLower(strings.TrimSpace(value))
	switch {
	case !ok || value == "":
		return "corp-not-implemented"
	case value == "same-origin" || value == "same-site" || value == "cross-origin":
		return "corp-implemented-with-" + value
	}
	return "corp-header-invalid"
}

func (g *grader) resourceSharing() string {
	const prefix = "cross-origin-resource-sharing-"
	origin, ok := first(g.Preflight, "Access-Control-Allow-Origin")
	credentials, _ := first(g.Preflight, "Access-Control-Allow-Credentials")
	switch {
	case !ok:
		return prefix + "not-implemented"
	case strings.TrimSpace(origin) == "*":
		return prefix + "implemented-with-public-access"
	case origin == g.Origin && strings.EqualFold(strings.TrimSpace(credentials), "true"):
		return prefix + "implemented-with-universal-access"
	}
	return prefix + "implemented-with-restricted-access"
}

func (g *grader) redirection() string {
	if g.HTTP == nil {
		return "redirection-not-needed-no-http"
	}
	if !g.HTTP.Verified {
		return "redirection-invalid-cert"
	}
	preloaded := true
	for _, u := range g.Route {
		preloaded = preloaded && g.preloaded(u.Hostname())
	}
	n := len(g.Route)
	switch {
	case n > 0 && preloaded:
		return "redirection-all-redirects-preloaded"
	case n <= 1:
		return "redirection-missing"
	case g.Route[n-1].Scheme != "https":
		return "redirection-not-to-https"
	case g.Route[1].Scheme == "http":
		return "redirection-not-to-https-on-initial-redirection"
	case g.Route[0].Scheme == "http" && g.Route[0].Hostname() != g.Route[1].Hostname():
		return "redirection-off-host-from-http"
	}
	return "redirection-to-https"
}

// preloaded reports whether browsers know that the host is reached over TLS only.
func (g *grader) preloaded(host string) bool {
	if g.Preloaded == nil {
		return false
	}
	host = strings.ToLower(host)
	if listed, _ := g.Preloaded(host); listed {
		return true
	}
	for range 32 { // labels of a name that is in no list
		_, parent, ok := strings.Cut(host, ".")
		if !ok {
			return false
		}
		host = parent
		if listed, below := g.Preloaded(host); listed && below {
			return true
		}
	}
	return false
}

func (g *grader) referrerPolicy() string {
	values := slices.Concat(g.Page.Header.Values("Referrer-Policy"), g.page.referrer)
	if len(values) == 0 {
		return "referrer-policy-not-implemented"
	}
	code := "referrer-policy-header-invalid"
	for word := range strings.SplitSeq(strings.Join(values, ","), ",") { // the last that is known counts
		switch strings.ToLower(strings.TrimSpace(word)) {
		case "no-referrer", "same-origin", "strict-origin", "strict-origin-when-cross-origin":
			code = "referrer-policy-private"
		case "origin", "origin-when-cross-origin", "unsafe-url", "no-referrer-when-downgrade":
			code = "referrer-policy-unsafe"
		}
	}
	return code
}

// sixMonths in seconds, as many sites count them.
const sixMonths = 15552000

func (g *grader) strictTransport() string {
	if g.HTTP != nil || g.HTTPS != nil {
		if g.preloaded(g.Host) {
			return "hsts-preloaded"
		}
	}
	if g.HTTPS == nil {
		return "hsts-not-implemented-no-https"
	}
	if !g.HTTPS.Verified {
		return "hsts-invalid-cert"
	}
	value, ok := first(g.HTTPS.Header, "Strict-Transport-Security")
	if !ok {
		return "hsts-not-implemented"
	}
	age, valid := MaxAge(value)
	switch {
	case !valid:
		return "hsts-header-invalid"
	case age < sixMonths:
		return "hsts-implemented-max-age-less-than-six-months"
	}
	return "hsts-implemented-max-age-at-least-six-months"
}

// MaxAge is the time in seconds for which a value of Strict-Transport-Security
// holds. It reports false for one that browsers ignore.
func MaxAge(value string) (seconds int64, ok bool) {
	if strings.Contains(value, ",") {
		return 0, false // sent twice
	}
	for part := range strings.SplitSeq(strings.ToLower(value), ";") {
		number, is := strings.CutPrefix(strings.TrimSpace(part), "max-age=")
		if !is {
			continue
		}
		number = strings.TrimSpace(number)
		if n := len(number); n > 1 && number[0] == '"' && number[n-1] == '"' {
			number = number[1 : n-1]
		}
		n, err := strconv.ParseInt(number, 10, 64)
		if err != nil || n < 0 {
			return 0, false
		}
		return n, true
	}
	return 0, false
}

func (g *grader) contentTypeOptions() string {
	value, ok := first(g.Page.Header, "X-Content-Type-Options")
	switch {
	case !ok:
		return "x-content-type-options-not-implemented"
	case strings.EqualFold(strings.TrimSpace(value), "nosniff"):
		return "x-content-type-options-nosniff"
	}
	return "x-content-type-options-header-invalid"
}

func (g *grader) frameOptions() string {
	if g.csp != nil {
		if _, ok := g.csp.get("frame-ancestors"); ok {
			return "x-frame-options-implemented-via-csp"
		}
	}
	value, ok := first(g.Page.Header, "X-Frame-Options")
	value = strings.ToLower(strings.TrimSpace(value))
	switch {
	case !ok:
		return "x-frame-options-not-implemented"
	case value == "deny" || value == "sameorigin":
		return "x-frame-options-sameorigin-or-deny"
	case strings.HasPrefix(value, "allow-from"):
		return "x-frame-options-allow-from-origin"
	}
	return "x-frame-options-header-invalid"
}

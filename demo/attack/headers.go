// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package attack

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
)

// headers looks at the page, an API answer and error answers, and names what a
// browser would let an attacker do with them.
func headers(ctx context.Context, c *client, r *Result) error {
	page := c.do(ctx, get("/"))
	list := c.do(ctx, get("/api/products"))
	if err := cmp.Or(page.err, list.err); err != nil {
		return err
	}
	var products []any
	if page.status != http.StatusOK || !isHTML(page.header) || list.status != http.StatusOK || !list.decode(&products) {
		return errors.New("no page at GET / or no list at GET /api/products")
	}
	r.Worked = true

	https := c.base.Scheme == "https"
	if again := c.do(ctx, get("/")); again.err == nil {
		if nonce := sameNonce(page.header, again.header); nonce != "" {
			r.prove("GET /: the nonce %s is always the same: an injected script can carry it", nonce)
		}
	}
	for _, looked := range []struct {
		name string
		answer
	}{
		{"GET /", page},
		{"GET /api/products", list},
		{"unknown path", c.do(ctx, get("/no-such-page"))},
		{"GET /api/data", c.do(ctx, get("/api/data"))},
	} {
		if looked.err != nil {
			continue
		}
		for _, flaw := range headerFlaws(looked.header, https) {
			r.prove("%s: %s", looked.name, flaw)
		}
	}
	if absent := missing(page.header); len(absent) > 0 {
		r.note("GET /: also without %s", strings.Join(absent, ", "))
	}
	return nil
}

// headerFlaws returns what is missing or wrong in an answer's headers and what
// that allows.
func headerFlaws(h http.Header, https bool) (flaws []string) {
	if isHTML(h) {
		policies := policiesOf(h)
		if !slices.ContainsFunc(policies, policy.stopsScripts) {
			flaws = append(flaws, "no Content-Security-Policy that stops scripts: an injected script runs")
		}
		if !stopsFraming(h, policies) {
			flaws = append(flaws, "no X-Frame-Options or frame-ancestors: any site can frame the page")
		}
		if referrer := lower(h, "Referrer-Policy"); referrer == "" || strings.Contains(referrer, "unsafe-url") {
			flaws = append(flaws, "no Referrer-Policy: other sites learn the full address of the page")
		}
	}
	if lower(h, "X-Content-Type-Options") != "nosniff" {
		flaws = append(flaws, "no X-Content-Type-Options: a browser may take the answer for another type")
	}
	if hsts := strings.ReplaceAll(lower(h, "Strict-Transport-Security"), `"`, ""); https &&
		(!strings.Contains(hsts, "max-age=") || strings.Contains(hsts, "max-age=0")) {
		flaws = append(flaws, "no Strict-Transport-Security: the next visit may begin without TLS")
	}
	if powered := h.Get("X-Powered-By"); powered != "" {
		flaws = append(flaws, "X-Powered-By: "+powered)
	}
	return flaws
}

// missing returns those of Helmet's further headers that an answer lacks.
func missing(h http.Header) (absent []string) {
	for _, name := range []string{"Cross-Origin-Opener-Policy", "Cross-Origin-Resource-Policy", "Origin-Agent-Cluster"} {
		if h.Get(name) == "" {
			absent = append(absent, name)
		}
	}
	return absent
}

// stopsFraming reports whether other sites cannot frame the page. A
// frame-ancestors directive overrules X-Frame-Options.
func stopsFraming(h http.Header, policies []policy) bool {
	ruled := false
	for _, p := range policies {
		if ancestors, ok := p["frame-ancestors"]; ok {
			ruled = true
			if !slices.ContainsFunc(ancestors, anyOrigin) {
				return true
			}
		}
	}
	options := lower(h, "X-Frame-Options")
	return !ruled && (options == "deny" || options == "sameorigin")
}

// policy is a Content-Security-Policy: the sources of each directive.
type policy map[string][]string

// policiesOf returns the policies that the answer enforces. Report-only ones
// stop nothing.
func policiesOf(h http.Header) (policies []policy) {
	for text := range strings.SplitSeq(strings.Join(h.Values("Content-Security-Policy"), ","), ",") {
		p := policy{}
		for directive := range strings.SplitSeq(text, ";") {
			words := strings.Fields(strings.ToLower(directive))
			if len(words) == 0 {
				continue
			}
			if _, repeated := p[words[0]]; !repeated { // The first one counts.
				p[words[0]] = words[1:]
			}
		}
		policies = append(policies, p)
	}
	return policies
}

// stopsScripts reports whether neither an injected inline script nor one from
// an attacker's site runs.
func (p policy) stopsScripts() bool {
	sources, ok := p.scripts()
	if !ok {
		return false
	}
	chosen := slices.ContainsFunc(sources, func(s string) bool {
		return strings.HasPrefix(s, "'nonce-") || strings.HasPrefix(s, "'sha") || s == "'strict-dynamic'"
	})
	if slices.Contains(sources, "'unsafe-inline'") && !chosen {
		return false
	}
	return slices.Contains(sources, "'strict-dynamic'") || !slices.ContainsFunc(sources, anyOrigin)
}

// scripts returns the sources of script elements, if the policy rules them.
func (p policy) scripts() (sources []string, ok bool) {
	for _, directive := range []string{"script-src-elem", "script-src", "default-src"} {
		if sources, ok = p[directive]; ok {
			return sources, true
		}
	}
	return nil, false
}

// sameNonce returns a nonce that two answers share, or "".
func sameNonce(first, second http.Header) string {
	var seen []string
	for _, p := range policiesOf(first) {
		sources, _ := p.scripts()
		seen = append(seen, sources...)
	}
	for _, p := range policiesOf(second) {
		sources, _ := p.scripts()
		for _, source := range sources {
			if strings.HasPrefix(source, "'nonce-") && slices.Contains(seen, source) {
				return source
			}
		}
	}
	return ""
}

// anyOrigin reports whether a source is a scheme or a wildcard that an
// attacker's site matches, too.
func anyOrigin(source string) bool {
	return slices.Contains([]string{"*", "http:", "https:", "data:", "http://*", "https://*"}, source)
}

func isHTML(h http.Header) bool { return strings.Contains(lower(h, "Content-Type"), "html") }

// lower returns the value of a header in lower case. A value that is only
// repeated counts once.
func lower(h http.Header, name string) string {
	values := slices.Compact(slices.Clone(h.Values(name)))
	return strings.ToLower(strings.TrimSpace(strings.Join(values, ", ")))
}

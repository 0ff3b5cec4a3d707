// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package observatory

import (
	"errors"
	"net/url"
	"slices"
	"strings"
)

// policy is what all policies of a page leave of each directive.
type policy struct {
	sources  map[string][]string
	repeated bool // report-uri or report-to stands in a policy twice
}

func (p policy) get(directive string) ([]string, bool) {
	s, ok := p.sources[directive]
	return s, ok
}

// or is the directive, else the other, else everything.
func (p policy) or(directive, other string) []string {
	if s, ok := p.get(directive); ok {
		return s
	}
	if s, ok := p.get(other); ok {
		return s
	}
	return []string{"*"}
}

var errInvalid = errors.New("observatory: invalid policy")

// shortest is the length of the shortest policy that the Observatory takes.
const shortest = 6

// combine reads policies, all of which hold. A source counts if it is in the first
// two that name its directive; what only a later one restricts counts as 'none'.
func combine(policies []string) (policy, error) {
	out := policy{sources: map[string][]string{}}
	for i, text := range policies {
		text = strings.TrimSpace(strings.NewReplacer("\r", "", "\n", "").Replace(text[:min(len(text), maxHeader)]))
		if len(text) < shortest {
			return out, errInvalid
		}
		seen := map[string]bool{}
		for part := range strings.SplitSeq(text, ";") {
			words := strings.Fields(strings.ToLower(part))
			if len(words) == 0 {
				continue
			}
			name, sources := words[0], words[1:]
			if seen[name] {
				if name != "report-uri" && name != "report-to" {
					return out, errInvalid
				}
				out.repeated = true
			}
			seen[name] = true
			if len(sources) == 0 && strings.HasSuffix(name, "-src") {
				sources = []string{"'none'"}
			}
			if i > 0 {
				sources = common(out.sources[name], sources, i > 1)
			}
			out.sources[name] = sources
		}
	}
	for name, sources := range out.sources {
		slices.Sort(sources)
		if sources = slices.Compact(sources); len(sources) == 0 {
			sources = []string{"'none'"}
		}
		out.sources[name] = sources
	}
	return out, nil
}

// common are the sources of later that earlier has too, and from the third policy
// on those that earlier has anyway.
func common(earlier, later []string, keep bool) []string {
	var out []string
	if keep {
		out = slices.Clone(earlier)
	}
	for _, b := range later {
		if slices.ContainsFunc(earlier, func(a string) bool { return covers(a, b) || covers(b, a) }) {
			out = append(out, b)
		}
	}
	return out
}

// covers reports whether the paths of two sources match: all that is below one
// that ends in a slash, else the same.
func covers(a, b string) bool {
	if a == b {
		return true
	}
	as, bs := strings.Split(a, "/"), strings.Split(b, "/")
	if !strings.HasSuffix(a, "/") || len(as) > len(bs) {
		return false
	}
	for i, piece := range as[:len(as)-1] {
		x, errA := url.PathUnescape(piece)
		y, errB := url.PathUnescape(bs[i])
		if errA != nil || errB != nil || x != y {
			return false
		}
	}
	return true
}

var (
	broad         = []string{"ftp:", "http:", "https:", "*", "http://*", "http://*.*", "https://*", "https://*.*"}
	broadOrInPage = append([]string{"'unsafe-inline'", "data:"}, broad...)
	passive       = []string{"img-src", "media-src"}
)

func isBroad(source string) bool         { return slices.Contains(broad, source) }
func isBroadOrInPage(source string) bool { return slices.Contains(broadOrInPage, source) }
func isPlain(source string) bool {
	return strings.HasPrefix(source, "http:") || strings.HasPrefix(source, "ftp:")
}

func isNonceOrHash(source string) bool {
	for _, start := range []string{"'sha256-", "'sha384-", "'sha512-", "'nonce-"} {
		if strings.HasPrefix(source, start) {
			return true
		}
	}
	return false
}

// headerPolicies are the policies of the header: a comma separates them as a line
// of its own does.
func (g *grader) headerPolicies() []string {
	var out []string
	for _, value := range g.Page.Header.Values("Content-Security-Policy") {
		out = append(out, strings.Split(value, ",")...)
	}
	return out
}

// inMeta is what a meta tag may hold of a policy.
func inMeta(p policy) policy {
	for _, name := range []string{"frame-ancestors", "report-uri", "sandbox"} {
		delete(p.sources, name)
	}
	return p
}

// combined is what all policies of the page leave, or nil if there is none or one
// is invalid.
func (g *grader) combined() (p *policy, code string) {
	header, meta := g.headerPolicies(), g.page.policies
	all, err := combine(slices.Concat(header, meta))
	if err != nil {
		return nil, "csp-header-invalid"
	}
	fromHeader, _ := combine(header)
	fromMeta, err := combine(meta)
	if err != nil {
		fromMeta = policy{}
	}
	if len(fromHeader.sources)+len(inMeta(fromMeta).sources) == 0 {
		if _, ok := first(g.Page.Header, "Content-Security-Policy-Report-Only"); ok {
			return nil, "csp-not-implemented-but-reporting-enabled"
		}
		return nil, "csp-not-implemented"
	}
	return &all, ""
}

func (g *grader) contentSecurityPolicy() string {
	p, code := g.combined()
	if p == nil {
		return code
	}
	g.csp = p
	scripts, styles, objects := p.or("script-src", "default-src"), p.or("style-src", "default-src"), p.or("object-src", "default-src")
	scripts, styles = withoutIgnored(scripts), withoutIgnored(styles)
	if slices.Contains(scripts, "'strict-dynamic'") {
		if !slices.ContainsFunc(scripts, isNonceOrHash) {
			return "csp-header-invalid"
		}
		scripts = slices.DeleteFunc(scripts, func(s string) bool {
			return s == "'self'" || s == "'unsafe-inline'" || slices.ContainsFunc(broad, func(b string) bool { return strings.HasPrefix(s, b) })
		})
	}
	active := scripts
	for name, sources := range p.sources {
		if name != "script-src" && !slices.Contains(passive, name) {
			if _, own := p.get("script-src"); name == "default-src" && !own {
				sources = scripts // what browsers ignore for scripts does not count here
			}
			active = append(slices.Clone(active), sources...)
		}
	}
	var seen []string
	for _, name := range passive {
		if s, ok := p.get(name); ok {
			seen = append(seen, s...)
		} else if s, ok := p.get("default-src"); ok {
			seen = append(seen, s...)
		}
	}
	secure := g.URL.Scheme == "https"
	switch {
	case slices.ContainsFunc(scripts, isBroadOrInPage) || slices.ContainsFunc(objects, isBroad):
		return "csp-implemented-with-unsafe-inline"
	case secure && slices.ContainsFunc(active, isPlain):
		return "csp-implemented-with-insecure-scheme"
	case slices.Contains(scripts, "'unsafe-eval'") || slices.Contains(styles, "'unsafe-eval'"):
		return "csp-implemented-with-unsafe-eval"
	case secure && slices.ContainsFunc(seen, isPlain):
		code = lenient
	case slices.ContainsFunc(styles, isBroadOrInPage):
		code = "csp-implemented-with-unsafe-inline-in-style-src-only"
	default:
		code = "csp-implemented-with-no-unsafe"
		if s, ok := p.get("default-src"); ok && slices.Equal(s, []string{"'none'"}) {
			code = "csp-implemented-with-no-unsafe-default-src-none"
		}
	}
	if p.repeated {
		return "csp-implemented-but-duplicate-directives"
	}
	return code
}

// withoutIgnored leaves out 'unsafe-inline' where a nonce or hash has browsers
// ignore it.
func withoutIgnored(sources []string) []string {
	sources = slices.Clone(sources)
	if slices.ContainsFunc(sources, isNonceOrHash) {
		sources = slices.DeleteFunc(sources, func(s string) bool { return s == "'unsafe-inline'" })
	}
	return sources
}

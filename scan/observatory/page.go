// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package observatory

import (
	"bytes"
	"net"
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/net/publicsuffix"
)

// page is what a page says about itself.
type page struct {
	html     bool
	policies []string // of meta tags
	referrer []string
	resource []string
	scripts  []script
}

type script struct {
	src       string // as a browser resolves it, if the page has a base; else as written
	integrity bool
}

// readPage reads the tags of a page, without building a tree.
func readPage(header http.Header, body []byte) (p page) {
	mime, _ := first(header, "Content-Type")
	mime, _, _ = strings.Cut(mime, ";")
	p.html = mime == "text/html" || mime == "application/xhtml+xml"
	if !p.html {
		return p
	}
	var base *url.URL
	tags := 0
	z := html.NewTokenizer(bytes.NewReader(body))
	z.SetMaxBuf(maxPage)
	for tags < maxTags {
		kind := z.Next()
		if kind == html.ErrorToken {
			break
		}
		if kind != html.StartTagToken && kind != html.SelfClosingTagToken {
			continue
		}
		name, more := z.TagName()
		switch string(name) {
		case "base", "meta", "script":
		default:
			continue
		}
		tag := string(name)
		tags++
		attrs := map[string]string{}
		for more {
			var key, value []byte
			key, value, more = z.TagAttr()
			if _, twice := attrs[string(key)]; !twice {
				attrs[string(key)] = string(value)
			}
		}
		switch tag {
		case "base":
			if u, err := url.Parse(attrs["href"]); base == nil && err == nil && (u.Scheme == "http" || u.Scheme == "https") {
				base = u
			}
		case "meta":
			p.meta(attrs)
		case "script":
			p.scripts = append(p.scripts, script{resolve(base, attrs["src"]), attrs["integrity"] != ""})
		}
	}
	return p
}

func (p *page) meta(attrs map[string]string) {
	content, ok := attrs["content"]
	if !ok {
		return
	}
	switch strings.ToLower(attrs["http-equiv"]) {
	case "content-security-policy":
		p.policies = append(p.policies, content)
	case "referrer-policy":
		p.referrer = append(p.referrer, content)
	case "cross-origin-resource-policy":
		p.resource = append(p.resource, content)
	}
	if strings.EqualFold(attrs["name"], "referrer") {
		p.referrer = append(p.referrer, content)
	}
}

func resolve(base *url.URL, src string) string {
	src = strings.TrimSpace(src)
	if src == "" || base == nil {
		return src
	}
	u, err := base.Parse(src)
	if err != nil {
		return src
	}
	return u.String()
}

// integrity: a script of another site that was changed there runs here.
func (g *grader) integrity() string {
	if !g.page.html {
		return "sri-not-implemented-response-not-html"
	}
	if len(g.page.scripts) == 0 {
		return "sri-not-implemented-but-no-scripts-loaded"
	}
	const (
		allSecure      = "sri-implemented-and-all-scripts-loaded-securely"
		plain          = "sri-implemented-but-external-scripts-not-loaded-securely"
		withoutSRI     = "sri-not-implemented-but-external-scripts-loaded-securely"
		plainNoSRI     = "sri-not-implemented-and-external-scripts-not-loaded-securely"
		externalSecure = "sri-implemented-and-external-scripts-loaded-securely"
		ownOnly        = "sri-not-implemented-but-all-scripts-loaded-from-secure-origin"
	)
	rank := map[string]int{"": 0, allSecure: 1, plain: 2, withoutSRI: 3, plainNoSRI: 4}
	code, foreign := "", false
	worse := func(c string) {
		if rank[c] > rank[code] {
			code = c
		}
	}
	for _, s := range g.page.scripts {
		if s.src == "" {
			continue
		}
		secure, external := s.secure(g)
		foreign = foreign || external
		switch {
		case !external:
			if s.integrity && secure && code == "" {
				code = allSecure
			}
		case s.integrity && !secure:
			worse(plain)
		case !s.integrity && secure:
			worse(withoutSRI)
		case !s.integrity:
			worse(plainNoSRI)
		}
	}
	switch {
	case code != "":
		return code
	case foreign:
		return externalSecure
	}
	return ownOnly
}

// secure reports whether the script is loaded over TLS, and whether it is another
// site's. One without a scheme counts as another's, and as not secure.
func (s script) secure(g *grader) (secure, external bool) {
	lower := strings.ToLower(s.src)
	switch {
	case strings.HasPrefix(s.src, "//") && len(s.src) > 2 && s.src[2] != '/':
		return false, true
	case strings.HasPrefix(lower, "http://") || strings.HasPrefix(lower, "https://"):
		u, err := url.Parse(s.src)
		if err != nil {
			return false, true
		}
		return u.Scheme == "https", Domain(u.Hostname()) != Domain(g.Host)
	}
	return g.URL.Scheme == "https", false
}

// Domain is the name that somebody registered, or empty: www.shop.example.co.uk is
// example.co.uk. What companies offer as a suffix (github.io) is their own.
func Domain(host string) string {
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	if net.ParseIP(host) != nil {
		return ""
	}
	suffix, official := publicsuffix.PublicSuffix(host)
	for !official && strings.Contains(suffix, ".") {
		_, suffix, _ = strings.Cut(suffix, ".")
		suffix, official = publicsuffix.PublicSuffix(suffix)
	}
	rest, ok := strings.CutSuffix(host, "."+suffix)
	if !ok {
		return ""
	}
	return rest[strings.LastIndexByte(rest, '.')+1:] + "." + suffix
}

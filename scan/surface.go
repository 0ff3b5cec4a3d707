// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package scan

import (
	"bytes"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/net/html"
)

const (
	maxTags   = 2000 // of a page
	maxForms  = 20
	maxFields = 40 // of a form
	maxPaths  = 60 // of everything
	maxPath   = 200
)

// surface is what a page and its scripts tell about an app.
type surface struct {
	forms    []form
	links    []string // paths of the app that a page links to
	paths    []string // of the app, that are linked or named in scripts
	scripts  []string // of the app, to be read
	foreign  []tag    // scripts and style sheets of other hosts
	plain    []tag    // what a page over TLS loads over plain HTTP
	policies []string // of meta tags
}

type form struct {
	method, action string // action is a path of the app
	fields         []field
	cookies        []*http.Cookie // of its page
}

type field struct{ name, kind, value string }

func (f form) has(kind string) (name string, ok bool) {
	for _, field := range f.fields {
		if field.kind == kind {
			return field.name, true
		}
	}
	return "", false
}

type tag struct {
	name, address string
	integrity     bool
}

// hidden are the fields that the page has filled in, such as a token against other
// sites' forms.
func (f form) hidden() map[string]string {
	out := map[string]string{}
	for _, field := range f.fields {
		if field.kind == "hidden" {
			out[field.name] = field.value
		}
	}
	return out
}

// readSurface reads a page, without building a tree. Addresses of other hosts are
// told apart by the page's own.
func readSurface(page *url.URL, body []byte) (s surface) {
	base := page
	z := html.NewTokenizer(bytes.NewReader(body))
	z.SetMaxBuf(maxBody)
	var open *form
	inScript := false
	for tags := 0; tags < maxTags; {
		switch kind := z.Next(); kind {
		case html.ErrorToken:
			return s
		case html.TextToken:
			if inScript {
				s.addPaths(pathsIn(z.Text()))
			}
		case html.EndTagToken:
			name, _ := z.TagName()
			inScript = false
			if string(name) == "form" {
				open = nil
			}
		case html.StartTagToken, html.SelfClosingTagToken:
			tags++
			name, attrs := readTag(z)
			inScript = name == "script" && kind == html.StartTagToken
			switch name {
			case "base":
				if u, err := base.Parse(attrs["href"]); err == nil && attrs["href"] != "" {
					base = u
				}
			case "meta":
				if strings.EqualFold(attrs["http-equiv"], "content-security-policy") {
					s.policies = append(s.policies, attrs["content"])
				}
			case "a":
				link := own(base, page, attrs["href"])
				s.addPaths([]string{link})
				if link != "" && len(s.links) < maxPaths && !slices.Contains(s.links, link) {
					s.links = append(s.links, link)
				}
			case "form":
				if len(s.forms) < maxForms {
					s.forms = append(s.forms, form{method: strings.ToUpper(attrs["method"]), action: own(base, page, attrs["action"])})
					if open = &s.forms[len(s.forms)-1]; open.method != "POST" {
						open.method = "GET"
					}
				}
			case "input", "select", "textarea", "button":
				if open != nil && attrs["name"] != "" && len(open.fields) < maxFields {
					open.fields = append(open.fields, field{clip(attrs["name"], maxPath), strings.ToLower(attrs["type"]), clip(attrs["value"], maxPath)})
				}
			}
			s.resource(page, base, name, attrs)
		}
	}
	return s
}

func readTag(z *html.Tokenizer) (name string, attrs map[string]string) {
	raw, more := z.TagName()
	name, attrs = string(raw), map[string]string{}
	for n := 0; more && n < maxFields; n++ {
		var key, value []byte
		key, value, more = z.TagAttr()
		if _, twice := attrs[string(key)]; !twice {
			attrs[string(key)] = string(value)
		}
	}
	return name, attrs
}

// resource keeps what a tag has a browser load.
func (s *surface) resource(page, base *url.URL, name string, attrs map[string]string) {
	address := attrs["src"]
	switch name {
	case "script", "iframe", "img":
	case "link":
		if rel := strings.ToLower(attrs["rel"]); !slices.Contains(strings.Fields(rel), "stylesheet") {
			return
		}
		address = attrs["href"]
	default:
		return
	}
	u, err := base.Parse(strings.TrimSpace(address))
	if address == "" || err != nil || u.Scheme != "http" && u.Scheme != "https" || len(s.foreign)+len(s.plain) > maxPaths {
		return
	}
	t := tag{name, clip(u.String(), maxPath), attrs["integrity"] != ""}
	if page.Scheme == "https" && u.Scheme == "http" {
		s.plain = append(s.plain, t)
	}
	switch {
	case !strings.EqualFold(u.Hostname(), page.Hostname()):
		if name == "script" || name == "link" {
			s.foreign = append(s.foreign, t)
		}
	case name == "script" && u.Host == page.Host && u.Scheme == page.Scheme && len(s.scripts) < maxPaths:
		s.scripts = append(s.scripts, u.RequestURI())
	}
}

// own is an address as a path of the app, or empty if it is another host's.
func own(base, page *url.URL, address string) string {
	u, err := base.Parse(strings.TrimSpace(address))
	if err != nil || u.Host != page.Host || u.Scheme != page.Scheme {
		return ""
	}
	return u.EscapedPath()
}

func (s *surface) addPaths(paths []string) {
	for _, p := range paths {
		if p != "" && len(p) <= maxPath && len(s.paths) < maxPaths && !slices.Contains(s.paths, p) {
			s.paths = append(s.paths, p)
		}
	}
}

// quoted is a path in a script: fetch('/api/login').
var quoted = regexp.MustCompile("[\"'`](/[A-Za-z0-9_][A-Za-z0-9_./-]{0,150})[\"'`?]")

func pathsIn(script []byte) []string {
	var out []string
	for _, m := range quoted.FindAllSubmatch(script[:min(len(script), maxBody)], maxPaths) {
		out = append(out, string(m[1]))
	}
	return out
}

// route is a way into an app.
type route struct{ method, path string }

func (r route) String() string { return r.method + " " + r.path }

func parseRoute(text string) (route, error) {
	method, path, ok := strings.Cut(strings.TrimSpace(text), " ")
	path = strings.TrimSpace(path)
	if !ok || !strings.HasPrefix(path, "/") || strings.ContainsAny(path, " \t\r\n#") || len(path) > maxPath {
		return route{}, fmt.Errorf("%q is no route (hint: POST /api/login)", text)
	}
	switch method = strings.ToUpper(method); method {
	case http.MethodGet, http.MethodPost:
		return route{method, path}, nil
	}
	return route{}, fmt.Errorf("%q is no route for a scan: it sends GET and POST", text)
}

// clip cuts a text at a number of bytes.
func clip(s string, most int) string {
	if len(s) > most {
		return strings.ToValidUTF8(s[:most-len("…")], "") + "…"
	}
	return s
}

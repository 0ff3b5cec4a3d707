// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package scan

import (
	"context"
	"net/http"
	"slices"
)

// maxPages are read beside the target's.
const maxPages = 8

// usualPages have the forms that no link leads to.
var usualPages = []string{"/login", "/register", "/signup"}

// crawl reads pages that the page links to, those first whose names promise a form, and
// takes over their forms and paths. It follows links, which ask for nothing to be done,
// and of those none that sounds as if it did.
func (s *scan) crawl(ctx context.Context) {
	for i := range s.surface.forms {
		s.surface.forms[i].cookies = cookiesOf(s.page)
	}
	if !s.page.isPage() {
		return
	}
	read := map[string]bool{s.page.url.EscapedPath(): true, "": true}
	for range maxPages {
		path := s.nextPage(read)
		if path == "" {
			return
		}
		read[path] = true
		a := s.client.do(ctx, get(path))
		if !a.ok() || !a.isPage() {
			continue
		}
		s.judgeCookies(a)
		s.takeOver(a)
	}
}

// takeOver takes over what another page tells about the app.
func (s *scan) takeOver(a answer) {
	found := readSurface(a.from(), a.content)
	for _, f := range found.forms {
		f.cookies = cookiesOf(a)
		known := slices.ContainsFunc(s.surface.forms, func(g form) bool { return g.method == f.method && g.action == f.action })
		if !known && len(s.surface.forms) < maxForms {
			s.surface.forms = append(s.surface.forms, f)
		}
	}
	s.surface.addPaths(found.paths)
	for _, list := range []struct {
		to   *[]string
		from []string
	}{{&s.surface.links, found.links}, {&s.surface.scripts, found.scripts}} {
		for _, path := range list.from {
			if len(*list.to) < maxPaths && !slices.Contains(*list.to, path) {
				*list.to = append(*list.to, path)
			}
		}
	}
}

// nextPage is the page to read next, or empty.
func (s *scan) nextPage(read map[string]bool) string {
	var other string
	for _, link := range s.surface.links {
		if read[link] || staysAway.MatchString(link) {
			continue
		}
		if loginName.MatchString(link) || signupName.MatchString(link) || uploadName.MatchString(link) {
			return link
		}
		if other == "" {
			other = link
		}
	}
	if other != "" {
		return other
	}
	for _, path := range usualPages {
		if !read[path] {
			return path
		}
	}
	return ""
}

func cookiesOf(a answer) []*http.Cookie { return (&http.Response{Header: a.header}).Cookies() }

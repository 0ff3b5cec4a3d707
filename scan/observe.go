// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package scan

import (
	"net/http"
	"net/url"

	"github.com/panoply-security/panoply/finding"
	"github.com/panoply-security/panoply/scan/observatory"
)

// observatory is the score of MDN's HTTP Observatory over what was fetched, or nil
// where it gives none.
func (s *scan) observatory(plain answer, preflight http.Header) *finding.Observatory {
	as := func(a answer) *observatory.Answer {
		return &observatory.Answer{Status: a.status, Verified: a.verified == nil, Header: a.header}
	}
	site := observatory.Site{
		Host: s.target.Hostname(), URL: s.page.url, Page: as(s.page), Body: s.page.content, Cookies: s.held(),
		Preflight: preflight, Origin: "https://" + s.marker + ".example",
	}
	if s.page.tls != nil {
		site.HTTPS = as(s.page)
	}
	if plain.err == nil {
		site.HTTP = as(plain)
		site.Route = []*url.URL{plain.url}
		if next := redirect(plain); next != nil {
			site.Route = append(site.Route, next)
		}
	}
	r, err := observatory.Grade(site)
	if err != nil {
		s.note("no score of the HTTP Observatory: %v", err)
		return nil
	}
	out := &finding.Observatory{Grade: r.Grade, Score: r.Score}
	for _, t := range r.Tests {
		out.Tests = append(out.Tests, finding.ObservatoryTest{Name: t.Name, Code: t.Code, Points: t.Points, Pass: t.Pass})
	}
	if s.page.tls == nil {
		s.note("the HTTP Observatory gives no site without TLS more than 60, a C+")
	}
	return out
}

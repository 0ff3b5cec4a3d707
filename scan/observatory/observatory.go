// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

// Package observatory gives a site the score and the grade of MDN's HTTP
// Observatory, algorithm 6, offline: it judges answers that somebody else has
// fetched.
//
//	r, err := observatory.Grade(site)
//	fmt.Println(r.Grade, r.Score) // B+ 80
//
// # How the score is made
//
// It starts at 100. Twelve tests take points away or add some; the bonuses count
// only if the faults alone leave at least 90. It does not fall below 0 and has no
// upper bound; the grade is A+ from 100.
//
// # What differs from the Observatory, on purpose
//
//   - An answer that repeats any origin and allows credentials is
//     universal-access, -50 points, as the Observatory's own table has it. Its
//     code compares with a header that it does not keep, and gives
//     restricted-access.
//   - max-age=abc in Strict-Transport-Security is header-invalid, and the number in
//     max-age="300" is 300. The Observatory takes both for more than six months.
//   - Any host name can be graded, localhost and addresses included.
//
// What it leaves out of its score this package leaves out as well: that
// frame-ancestors * earns the bonus for not being framed, that connect.sid is a
// session, that X-Powered-By and Server name a product. A scan has findings of
// its own for these.
//
// The list of preloaded names is the caller's ([Site.Preloaded]); without one
// nothing is preloaded.
//
// # Bounds
//
// Of a page the first 1 MiB and the first 1000 scripts and meta tags are read, of
// a header 16 KiB. Time is linear in that, but for a
// directive that stands in several policies, of which each source is compared
// with each.
package observatory

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// Algorithm is the version of the Observatory's rules.
const Algorithm = 6

const (
	maxPage   = 1 << 20
	maxTags   = 1000
	maxHeader = 16 << 10
)

// Answer is an answer of the site without its body.
type Answer struct {
	Status   int
	Verified bool // its certificate, or there was none to verify
	Header   http.Header
}

// Site is everything that is graded.
type Site struct {
	Host string   // that was asked for
	URL  *url.URL // of Page, behind all redirects

	Page *Answer // what is graded: over https if the site has it
	Body []byte  // of Page

	HTTPS *Answer // the answer at https://Host/, or nil
	HTTP  *Answer // the answer at http://Host/, or nil
	// Route is where a request to http://Host/ came through, itself first.
	Route []*url.URL

	Preflight http.Header // of the answer to a CORS preflight, or nil
	Origin    string      // that the preflight came from

	Cookies   []Cookie                                        // that were set, Secure ones over plain HTTP as well
	Preloaded func(host string) (listed, withSubdomains bool) // the browsers' list, or nil
}

// Result is what a site is graded.
type Result struct {
	Score int
	Grade string
	Tests []Test // in a fixed order
}

// Test is the result of one test.
type Test struct {
	Name   string // content-security-policy
	Code   string // csp-not-implemented
	Points int
	Pass   bool
}

// Grade grades a site. It is an error if the page has no answer or one of a status
// that says nothing about the site: others than 2xx, 3xx, 401 and 403.
func Grade(s Site) (Result, error) {
	if s.Page == nil || s.URL == nil {
		return Result{}, fmt.Errorf("observatory: there is no answer to grade")
	}
	if n := s.Page.Status; n < 200 || n >= 400 && n != 401 && n != 403 {
		return Result{}, fmt.Errorf("observatory: an answer of status %d is not graded", n)
	}
	s.Body = s.Body[:min(len(s.Body), maxPage)]
	g := grader{Site: s, page: readPage(s.Page.Header, s.Body)}
	var r Result
	for _, t := range tests {
		r.Tests = append(r.Tests, result(t.name, t.run(&g)))
	}
	r.Score, r.Grade = score(r.Tests)
	return r, nil
}

// grader is a site with its page taken apart.
type grader struct {
	Site
	page page
	csp  *policy // of policy()
}

var tests = []struct {
	name string
	run  func(*grader) string
}{
	{"content-security-policy", (*grader).contentSecurityPolicy},
	{"cookies", (*grader).cookies},
	{"cross-origin-embedder-policy", (*grader).embedderPolicy},
	{"cross-origin-opener-policy", (*grader).openerPolicy},
	{"cross-origin-resource-policy", (*grader).resourcePolicy},
	{"cross-origin-resource-sharing", (*grader).resourceSharing},
	{"redirection", (*grader).redirection},
	{"referrer-policy", (*grader).referrerPolicy},
	{"strict-transport-security", (*grader).strictTransport},
	{"subresource-integrity", (*grader).integrity},
	{"x-content-type-options", (*grader).contentTypeOptions},
	{"x-frame-options", (*grader).frameOptions},
}

// score is the sum and its grade.
func score(tests []Test) (int, string) {
	faults, all := 100, 100
	for _, t := range tests {
		all += t.Points
		faults += min(t.Points, 0)
	}
	n := faults
	if faults >= 90 {
		n = all
	}
	n = max(n, 0)
	return n, letter(n)
}

func letter(score int) string {
	for _, g := range []struct {
		from  int
		grade string
	}{{100, "A+"}, {90, "A"}, {85, "A-"}, {80, "B+"}, {70, "B"}, {65, "B-"}, {60, "C+"}, {50, "C"}, {45, "C-"}, {40, "D+"}, {30, "D"}, {25, "D-"}} {
		if score >= g.from {
			return g.grade
		}
	}
	return "F"
}

// first is a header's value, several lines of it joined as Node joins them. ok is
// false if there is none, or an empty one.
func first(h http.Header, name string) (value string, ok bool) {
	value = strings.Join(h.Values(name), ", ")
	return value[:min(len(value), maxHeader)], value != ""
}

// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package observatory

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
)

func TestGrade(t *testing.T) {
	bare := &Answer{Status: 200, Verified: true, Header: http.Header{}}
	r, err := Grade(Site{Host: "localhost", URL: at(t, "https://localhost/"), Page: bare, HTTPS: bare})
	if err != nil || r.Score != 30 || r.Grade != "D" || len(r.Tests) != 12 {
		t.Errorf("a bare answer: %+v, %v; want 30 D", r, err)
	}
	for name, s := range map[string]Site{
		"no-answer": {URL: at(t, "https://h/")},
		"no-url":    {Page: bare},
		"status":    {URL: at(t, "https://h/"), Page: &Answer{Status: 404, Header: http.Header{}}},
	} {
		if _, err := Grade(s); err == nil {
			t.Errorf("%s is graded", name)
		}
	}
}

func TestLetter(t *testing.T) {
	for want, scores := range map[string][]int{
		"A+": {100, 165}, "A": {90, 99}, "A-": {85, 89}, "B+": {80}, "B": {70, 79}, "B-": {65}, "C+": {60},
		"C": {50, 59}, "C-": {45}, "D+": {40}, "D": {30, 39}, "D-": {25}, "F": {24, 0},
	} {
		for _, n := range scores {
			if got := letter(n); got != want {
				t.Errorf("%d: %s; want %s", n, got, want)
			}
		}
	}
}

// The bonuses count only where the faults alone leave 90.
func TestBonusesHideNoFault(t *testing.T) {
	for _, tt := range []struct{ points, want []int }{
		{[]int{5, 10, -10}, []int{105}},
		{[]int{5, 10, -15}, []int{85}},
		{[]int{-50, -60}, []int{0}},
	} {
		var all []Test
		for _, n := range tt.points {
			all = append(all, Test{Points: n})
		}
		if got, _ := score(all); got != tt.want[0] {
			t.Errorf("%v: %d; want %d", tt.points, got, tt.want[0])
		}
	}
}

func TestMaxAge(t *testing.T) {
	for value, want := range map[string]int64{
		"max-age=300": 300, `max-age="300"; preload`: 300, "includeSubDomains; MAX-AGE=5": 5,
		"max-age=abc": -1, "max-age=": -1, "": -1, "max-age=-1": -1, "max-age=1, max-age=2": -1, "preload": -1, "max-age=99999999999999999999": -1,
	} {
		got, ok := MaxAge(value)
		if !ok {
			got = -1
		}
		if got != want {
			t.Errorf("%q: %d; want %d", value, got, want)
		}
	}
}

func TestDomain(t *testing.T) {
	for host, want := range map[string]string{
		"www.shop.example.co.uk": "example.co.uk", "a.b.github.io": "github.io", "localhost": "", "127.0.0.1": "", "::1": "",
		"WWW.Mozilla.org.": "mozilla.org", "": "", "com": "",
	} {
		if got := Domain(host); got != want {
			t.Errorf("%q: %q; want %q", host, got, want)
		}
	}
}

// FuzzGrade: whatever a site answers is graded, twice alike, within the points
// there are.
func FuzzGrade(f *testing.F) {
	f.Add("default-src 'self', script-src *", "max-age=1", "sid=1; SameSite=X", "<base href=https://a/><script src=//b integrity=x>", true)
	f.Add("script-src 'strict-dynamic'", "", "", "<meta http-equiv=content-security-policy content='img-src */%zz/'>", false)
	f.Fuzz(func(t *testing.T, csp, value, cookie, body string, secure bool) {
		h := http.Header{"Content-Security-Policy": {csp, value}, "Content-Type": {"text/html"}, "Set-Cookie": {cookie}}
		for _, name := range []string{"Strict-Transport-Security", "Referrer-Policy", "X-Frame-Options", "Cross-Origin-Opener-Policy", "X-Content-Type-Options"} {
			h.Set(name, value)
		}
		u := &url.URL{Scheme: "http", Host: "h", Path: "/"}
		a := &Answer{200, true, h}
		s := Site{Host: value, URL: u, Page: a, HTTP: a, Body: []byte(body), Cookies: []Cookie{{Name: cookie}}, Preflight: h, Preloaded: preloadStub}
		if secure {
			s.HTTPS, u.Scheme = a, "https"
		}
		first, err := Grade(s)
		if err != nil {
			t.Fatal(err)
		}
		second, _ := Grade(s)
		if !slices.Equal(first.Tests, second.Tests) || first.Score < 0 || first.Score > 165 || strings.TrimSpace(first.Grade) == "" {
			t.Errorf("%+v and %+v", first, second)
		}
	})
}

// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package observatory

import (
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/panoply-security/panoply/internal/cookies"
)

// values is one value of a header or several.
type values []string

func (v *values) UnmarshalJSON(data []byte) error {
	if data[0] == '[' {
		return json.Unmarshal(data, (*[]string)(v))
	}
	*v = make(values, 1)
	return json.Unmarshal(data, &(*v)[0])
}

type headers map[string]values

func (h headers) header() http.Header {
	out := http.Header{}
	for name, v := range h {
		for _, value := range v {
			out.Add(name, value)
		}
	}
	return out
}

type expected struct {
	Result   string
	Modifier int
	Pass     bool
}

type answerVector struct {
	Status   int
	Verified bool
	Headers  headers
	Equiv    map[string][]string `json:"httpEquiv"`
	Origin   string              `json:"request_origin"`
}

func (a *answerVector) answer() *Answer {
	if a == nil {
		return nil
	}
	return &Answer{a.Status, a.Verified, a.Headers.header()}
}

type vectors struct {
	Unit []struct {
		ID, Test string
		Input    struct {
			Site              struct{ Hostname string }
			URL               string `json:"session_url"`
			Auto, HTTPS, HTTP *answerVector
			CORS              *answerVector
			Redirects         []struct{ URL string } `json:"http_redirects"`
			Jar               []Cookie               `json:"cookie_jar"`
			HTML              string
		}
		Expected expected
	}
	Recorded []recorded
}

type recorded struct {
	ID    string
	Input struct {
		Headers headers
		Cookies []string
		HTML    string
		Status  int
		Type    string `json:"contentType"`
		CORS    *struct {
			Origin      *string `json:"acao"`
			Reflect     bool
			Credentials bool `json:"acac"`
		}
	}
	Error     string
	Score     int
	Grade     string
	Results   map[string]expected
	PlainHTTP struct {
		Score *int
		Grade string
	} `json:"plain_http"`
	UntrustedTLS struct {
		Score                    *int
		Grade, Redirection, HSTS string
	} `json:"untrusted_tls"`
}

func read(t *testing.T) (v vectors) {
	t.Helper()
	data, err := os.ReadFile("../../../shared/vectors/observatory.json")
	if err != nil {
		t.Skipf("CONFORMANCE DATA ABSENT, NOTHING HELD AGAINST IT: %v", err)
	}
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatal(err)
	}
	if len(v.Unit) < 230 || len(v.Recorded) < 180 {
		t.Fatalf("%d unit cases and %d answers", len(v.Unit), len(v.Recorded))
	}
	return v
}

// preloadStub are the names that were preloaded when the vectors were recorded.
func preloadStub(host string) (listed, withSubdomains bool) {
	switch host {
	case "bugzilla.mozilla.org", "cloudflare.com":
		return true, true
	case "facebook.com":
		return true, false
	}
	return false, false
}

func at(t *testing.T, address string) *url.URL {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// differences are the cases that are judged otherwise on purpose, with what they
// are here; the package comment has the reasons.
var differences = map[string]string{
	"h0328": "cross-origin-resource-sharing-implemented-with-universal-access",
	"h0054": "hsts-header-invalid",
}

func TestUnits(t *testing.T) {
	for _, c := range read(t).Unit {
		t.Run(c.ID+"-"+c.Test, func(t *testing.T) {
			in := c.Input
			g := grader{Site: Site{
				Host: in.Site.Hostname, URL: at(t, in.URL), Page: in.Auto.answer(), HTTPS: in.HTTPS.answer(), HTTP: in.HTTP.answer(),
				Body: []byte(in.HTML), Cookies: in.Jar, Preloaded: preloadStub,
			}}
			if in.CORS != nil {
				g.Preflight, g.Origin = in.CORS.Headers.header(), in.CORS.Origin
			}
			for _, r := range in.Redirects {
				g.Route = append(g.Route, at(t, r.URL))
			}
			g.page = readPage(g.Page.Header, g.Body)
			for name, list := range in.Auto.Equiv { // of a page that is not in the vector
				switch name {
				case "content-security-policy":
					g.page.policies = list
				case "referrer-policy":
					g.page.referrer = list
				case "cross-origin-resource-policy":
					g.page.resource = list
				}
			}
			g.contentSecurityPolicy() // which that of X-Frame-Options needs
			for _, one := range tests {
				if one.name != c.Test {
					continue
				}
				got := result(one.name, one.run(&g))
				if got.Code != c.Expected.Result || got.Points != c.Expected.Modifier || got.Pass != c.Expected.Pass {
					t.Errorf("got %+v; want %+v", got, c.Expected)
				}
			}
		})
	}
}

// site is how the answer was recorded: over TLS with a redirect to it, over plain
// HTTP alone, or with a certificate that nobody trusts.
func (c recorded) site(t *testing.T, scheme string, trusted bool) Site {
	t.Helper()
	header := c.Input.Headers.header()
	if c.Input.Type != "" {
		header.Set("Content-Type", c.Input.Type)
	}
	var jar []Cookie
	for _, line := range c.Input.Cookies {
		header.Add("Set-Cookie", line)
		parsed, err := cookies.Parse(line)
		if err != nil {
			t.Fatal(err)
		}
		held := Cookie{Name: parsed.Name, Secure: parsed.Secure, HTTPOnly: parsed.HTTPOnly}
		if parsed.SameSiteValid() {
			held.SameSite = parsed.SameSite
		}
		jar = append(jar, held) // Secure ones over plain HTTP as well
	}
	a := &Answer{Status: c.Input.Status, Verified: trusted, Header: header}
	s := Site{Host: "127.0.0.1", URL: at(t, scheme+"://127.0.0.1/"), Page: a, HTTP: a, Body: []byte(c.Input.HTML), Cookies: jar,
		Route: []*url.URL{at(t, "http://127.0.0.1/")}, Origin: "https://observatory.example"}
	if scheme == "https" {
		s.HTTPS = a
		s.Route = append(s.Route, at(t, "https://127.0.0.1/"))
	}
	if cors := c.Input.CORS; cors != nil {
		s.Preflight = http.Header{"Access-Control-Allow-Credentials": {"true"}, "Access-Control-Allow-Origin": {s.Origin}}
		if !cors.Reflect {
			s.Preflight.Set("Access-Control-Allow-Origin", *cors.Origin)
		}
	}
	return s
}

func TestRecordedAnswers(t *testing.T) {
	for _, c := range read(t).Recorded {
		t.Run(c.ID, func(t *testing.T) {
			r, err := Grade(c.site(t, "https", true))
			if (err != nil) != (c.Error != "") {
				t.Fatalf("error %v; want %q", err, c.Error)
			}
			if err != nil {
				return
			}
			differs := differences[c.ID]
			for _, got := range r.Tests {
				want := c.Results[got.Name]
				if got.Code == differs {
					differs = "seen"
					continue
				}
				if got.Code != want.Result || got.Points != want.Modifier || got.Pass != want.Pass {
					t.Errorf("%s: got %+v; want %+v", got.Name, got, want)
				}
			}
			if len(r.Tests) != len(c.Results) {
				t.Errorf("%d tests; want %d", len(r.Tests), len(c.Results))
			}
			if differs != "" {
				if differs != "seen" {
					t.Errorf("it does not differ")
				}
				return
			}
			same(t, "https", r, &c.Score, c.Grade)
			r, err = Grade(c.site(t, "http", true))
			if err != nil {
				t.Fatal(err)
			}
			same(t, "plain", r, c.PlainHTTP.Score, c.PlainHTTP.Grade)
			r, err = Grade(c.site(t, "https", false))
			if err != nil {
				t.Fatal(err)
			}
			same(t, "untrusted", r, c.UntrustedTLS.Score, c.UntrustedTLS.Grade)
			for _, got := range r.Tests {
				if got.Name == "redirection" && got.Code != c.UntrustedTLS.Redirection || got.Name == "strict-transport-security" && got.Code != c.UntrustedTLS.HSTS {
					t.Errorf("untrusted: %+v; want %+v", got, c.UntrustedTLS)
				}
			}
		})
	}
}

func same(t *testing.T, name string, r Result, score *int, grade string) {
	t.Helper()
	if score != nil && (r.Score != *score || r.Grade != grade) {
		var lines []string
		for _, test := range r.Tests {
			lines = append(lines, test.Code)
		}
		t.Errorf("%s: %d %s; want %d %s\n%s", name, r.Score, r.Grade, *score, grade, strings.Join(lines, "\n"))
	}
}

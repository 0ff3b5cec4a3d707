// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package scan

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/panoply-security/panoply/finding"
	"github.com/panoply-security/panoply/internal/csp"
	"github.com/panoply-security/panoply/rule"
	"github.com/panoply-security/panoply/scan/cspeval"
	"github.com/panoply-security/panoply/scan/observatory"
)

// in is a finding about a header of an answer.
func (s *scan) in(id rule.ID, a answer, header, format string, args ...any) finding.Finding {
	f := finding.New(id, finding.InAnswer(a.method, s.address(a), header), fmt.Sprintf(format, args...))
	f.Evidence = []string{a.line()}
	if header != "" {
		if values := a.header.Values(header); len(values) > 0 {
			f.Evidence = append(f.Evidence, header+": "+clip(strings.Join(values, ", "), 400))
		} else {
			f.Evidence = append(f.Evidence, "there is no "+header)
		}
	}
	return f
}

// basics are the headers without any of which an answer has had no attention.
var basics = []string{"Content-Security-Policy", "X-Frame-Options", "X-Content-Type-Options", "Referrer-Policy",
	"Strict-Transport-Security", "Cross-Origin-Opener-Policy", "Cross-Origin-Resource-Policy", "Permissions-Policy"}

// judgeHeaders judges the answer by what kind it is.
func (s *scan) judgeHeaders(a answer) {
	s.judgeProduct(a)
	if a.status >= 400 && a.status != 401 && a.status != 403 {
		s.note("the page's answer has status %d: what is judged is an error page", a.status)
	}
	if a.status/100 == 3 || a.status == http.StatusNoContent {
		return // a browser shows nothing of it
	}
	none := !slices.ContainsFunc(basics, func(name string) bool { return a.header.Get(name) != "" })
	if none && len(s.surface.policies) == 0 {
		f := s.in(rule.HeadersNone, a, "", "The answer has none of the headers that protect a page")
		f.Evidence = append(f.Evidence, "looked for "+strings.Join(basics, ", "))
		if !a.isPage() {
			f.Severity = rule.Low
		}
		s.report.Add(f)
		return
	}
	if !strings.EqualFold(strings.TrimSpace(a.header.Get("X-Content-Type-Options")), "nosniff") {
		s.report.Add(s.in(rule.HeadersNoSniff, a, "X-Content-Type-Options", "Browsers may take the answer for another type than it says"))
	}
	if !a.isPage() {
		return
	}
	s.judgePolicy(a)
	s.judgeFraming(a)
	s.judgeReferrer(a)
	if a.header.Get("Cross-Origin-Opener-Policy") == "" && a.header.Get("Cross-Origin-Resource-Policy") == "" {
		f := s.in(rule.HeadersCrossOrigin, a, "Cross-Origin-Opener-Policy", "Windows of other origins keep a handle on this page's")
		f.Severity = rule.Info
		s.report.Add(f)
	}
}

func (s *scan) judgePolicy(a answer) {
	policies := csp.ParseHeader(a.header.Values("Content-Security-Policy"))
	texts := make([]string, 0, len(policies)+len(s.surface.policies))
	for _, p := range policies {
		texts = append(texts, p.String())
	}
	texts = append(texts, s.surface.policies...)
	s.nonces = noncesIn(texts)
	if len(texts) == 0 {
		f := s.in(rule.HeadersCSPMissing, a, "Content-Security-Policy", "The page has no Content-Security-Policy")
		if a.header.Get("Content-Security-Policy-Report-Only") != "" {
			f.Message = "The page's Content-Security-Policy only reports"
			f.Evidence = append(f.Evidence, "Content-Security-Policy-Report-Only: "+clip(a.header.Get("Content-Security-Policy-Report-Only"), 400))
		}
		s.report.Add(f)
		return
	}
	for _, found := range weakest(texts) {
		f := s.in(rule.HeadersCSPWeak, a, "Content-Security-Policy", "The policy's %s: %s", place(found), found.Type.About())
		f.Severity = severityOf(found)
		f.Anchor = found.Type.String() + " " + found.Directive
		f.Evidence = append(f.Evidence, "CSP Evaluator: "+found.String())
		s.report.Add(f)
	}
}

func place(f cspeval.Finding) string {
	if f.Type == cspeval.MissingDirectives {
		return "missing " + f.Directive
	}
	return strings.TrimSpace(f.Directive + " " + clip(f.Value, 80))
}

// weakest are the findings that every one of the policies has: all hold at once, so
// what one forbids is forbidden.
func weakest(policies []string) []cspeval.Finding {
	var all []cspeval.Finding
	for i, text := range policies {
		found := cspeval.Evaluate(text)
		if i == 0 {
			all = found
		}
		all = slices.DeleteFunc(all, func(f cspeval.Finding) bool {
			return !slices.ContainsFunc(found, func(g cspeval.Finding) bool { return g.Type == f.Type && g.Directive == f.Directive })
		})
	}
	return slices.DeleteFunc(all, func(f cspeval.Finding) bool {
		listed := f.Type == cspeval.ScriptAllowlistBypass || f.Type == cspeval.ObjectAllowlistBypass
		return f.Severity > cspeval.MediumMaybe || listed && f.Severity != cspeval.High // no host of the page is without doubt
	})
}

// severityOf is what a fault of a policy means for the page.
func severityOf(f cspeval.Finding) rule.Severity {
	scripts := strings.HasPrefix(f.Directive, "script-src") || f.Directive == "default-src"
	switch f.Severity {
	case cspeval.High:
		if scripts {
			return rule.Medium
		}
		return rule.Low // object-src, base-uri: no browser runs plugins any more
	case cspeval.Syntax, cspeval.Medium:
		return rule.Low
	}
	return rule.Info
}

var nonce = regexp.MustCompile(`'nonce-[^'\s]+'`)

func noncesIn(policies []string) []string {
	var out []string
	for _, p := range policies {
		out = append(out, nonce.FindAllString(p, 10)...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// judgeNonces compares the nonces of two answers: one that stays protects nothing.
func (s *scan) judgeNonces(again answer) {
	if again.err != nil || again.status != s.page.status || again.header.Get("Age") != "" && again.header.Get("Age") != "0" {
		return // from a cache, where the page has the nonce too
	}
	for _, n := range noncesIn(again.header.Values("Content-Security-Policy")) {
		if slices.Contains(s.nonces, n) {
			f := s.in(rule.HeadersCSPWeak, again, "Content-Security-Policy", "The policy's nonce is the same in two answers")
			f.Anchor = "same nonce"
			f.Evidence = append(f.Evidence, "both answers: "+clip(n, 80))
			s.report.Add(f)
			return
		}
	}
}

func (s *scan) judgeFraming(a answer) {
	switch strings.ToLower(strings.TrimSpace(a.header.Get("X-Frame-Options"))) {
	case "deny", "sameorigin":
		return
	}
	for _, p := range csp.ParseHeader(a.header.Values("Content-Security-Policy")) {
		if sources, ok := p.Get("frame-ancestors"); ok && !slices.ContainsFunc(sources, anybody) {
			return
		}
	}
	s.report.Add(s.in(rule.HeadersFraming, a, "X-Frame-Options", "Any site may show the page in a frame"))
}

// anybody reports whether a source lets any site in.
func anybody(source string) bool {
	switch strings.ToLower(source) {
	case "*", "http:", "https:", "http://*", "https://*":
		return true
	}
	return false
}

// judgeReferrer: without the header browsers do the right thing by themselves.
func (s *scan) judgeReferrer(a answer) {
	policy := ""
	for word := range strings.SplitSeq(strings.Join(a.header.Values("Referrer-Policy"), ","), ",") {
		switch word = strings.ToLower(strings.TrimSpace(word)); word {
		case "no-referrer", "same-origin", "origin", "strict-origin", "origin-when-cross-origin", "strict-origin-when-cross-origin",
			"unsafe-url", "no-referrer-when-downgrade":
			policy = word // the last that is known counts
		}
	}
	switch policy {
	case "unsafe-url", "no-referrer-when-downgrade":
		s.report.Add(s.in(rule.HeadersReferrer, a, "Referrer-Policy", "Other sites are told the whole address of the page"))
	}
}

// version is a product with a number in it.
var version = regexp.MustCompile(`[A-Za-z][\w.+-]*[/ ]v?\d+\.\d+|\(\w+\)`)

// judgeProduct: what the app says about what it is made of.
func (s *scan) judgeProduct(a answer) {
	for _, name := range []string{"X-Powered-By", "X-AspNet-Version", "X-Generator"} {
		if value := a.header.Get(name); value != "" && !s.once("product "+name) {
			s.report.Add(s.in(rule.HeadersPoweredBy, a, name, "The answer says what it is made with: %s", clip(value, 60)))
		}
	}
	if value := a.header.Get("Server"); version.MatchString(value) && !s.once("product Server") {
		s.report.Add(s.in(rule.HeadersServer, a, "Server", "The server tells its version: %s", clip(value, 60)))
	}
}

// once reports whether this was said already.
func (s *scan) once(what string) bool {
	if s.said[what] {
		return true
	}
	if s.said == nil {
		s.said = map[string]bool{}
	}
	s.said[what] = true
	return false
}

// judgeContent: what the page loads.
func (s *scan) judgeContent() {
	upgraded := strings.Contains(strings.ToLower(s.page.header.Get("Content-Security-Policy")), csp.UpgradeInsecureRequests)
	for _, t := range s.surface.plain {
		if upgraded || s.once("plain "+t.address) {
			continue
		}
		f := s.in(rule.HeadersMixedContent, s.page, "", "The page loads a %s over plain HTTP", t.name)
		if t.name == "img" {
			f.Severity = rule.Low
		}
		f.Anchor = t.address
		f.Evidence = append(f.Evidence, "<"+t.name+"> "+t.address)
		s.report.Add(f)
	}
	for _, t := range s.surface.foreign {
		if t.integrity || t.name != "script" || s.familiar(t.address) || s.once("foreign "+t.address) {
			continue
		}
		f := s.in(rule.HeadersIntegrity, s.page, "", "A script of another host runs in the page whatever becomes of it there")
		f.Anchor = t.address
		f.Evidence = append(f.Evidence, "<script> "+t.address+" without integrity")
		s.report.Add(f)
	}
}

// judgeTransport: TLS, its certificate, and the way to it.
func (s *scan) judgeTransport(plain answer) {
	host := s.page.url.Hostname()
	local := isLocal(host)
	if s.page.tls == nil {
		if local {
			s.note("the page is not served over TLS: Strict-Transport-Security and Secure cookies are not judged")
			return
		}
		s.report.Add(s.in(rule.HeadersRedirect, s.page, "", "The page is served over plain HTTP, and nothing leads to TLS"))
		return
	}
	if s.page.verified != nil {
		f := s.in(rule.HeadersCertificate, s.page, "", "Browsers do not trust the certificate: %s", clip(s.page.verified.Error(), 200))
		if local {
			f.Severity = rule.Info // of a developer's own making
		}
		s.report.Add(f)
	}
	if v := s.page.tls.Version; v < 0x0303 {
		f := s.in(rule.HeadersCertificate, s.page, "", "The server speaks an old version of TLS with a client that knows newer ones")
		f.Anchor, f.Severity = "version", rule.Medium
		s.report.Add(f)
	}
	if plain.err == nil && s.target.Scheme == "https" {
		if next := redirect(plain); plain.status/100 == 2 || next != nil && next.Scheme == "http" {
			s.report.Add(s.in(rule.HeadersRedirect, plain, "Location", "The same host answers over plain HTTP, and does not lead to TLS"))
		}
	}
	age, ok := observatory.MaxAge(s.page.header.Get("Strict-Transport-Security"))
	if ok && age >= 86400*30 {
		return
	}
	f := s.in(rule.HeadersHSTS, s.page, "Strict-Transport-Security", "Browsers come back over plain HTTP when somebody types the address")
	if net.ParseIP(host) != nil || host == "localhost" || s.page.verified != nil {
		f.Severity = rule.Info // browsers ignore the header there
	} else if ok && age > 0 {
		f.Severity, f.Message = rule.Low, "Strict-Transport-Security holds for less than a month"
	}
	s.report.Add(f)
}

func isLocal(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || ip != nil && (ip.IsLoopback() || ip.IsPrivate())
}

// origins asks from another origin, and returns the headers of the preflight.
func (s *scan) origins(ctx context.Context) http.Header {
	foreign := "https://" + s.marker + ".example"
	q := get(s.page.url.RequestURI())
	q.extra = http.Header{"Origin": {foreign}}
	read := s.client.do(ctx, q)
	s.judgeNonces(read)
	q.method = "OPTIONS"
	q.extra = http.Header{"Origin": {foreign}, "Access-Control-Request-Method": {"GET"}}
	q.provoked = true
	preflight := s.client.do(ctx, q)
	for _, a := range []answer{read, preflight} {
		if a.err != nil || a.header.Get("Access-Control-Allow-Origin") != foreign {
			continue
		}
		f := s.in(rule.HeadersCORSCredentials, a, "Access-Control-Allow-Origin", "Any site may read answers that are meant for the visitor")
		f.Evidence = append(f.Evidence, "asked from "+foreign+", Access-Control-Allow-Credentials: "+a.header.Get("Access-Control-Allow-Credentials"))
		if !strings.EqualFold(strings.TrimSpace(a.header.Get("Access-Control-Allow-Credentials")), "true") {
			f.Severity = rule.Info // what everybody may read anyway
			f.Message = "Any site may read answers, without the visitor's cookies"
		}
		s.report.Add(f)
		break
	}
	return preflight.header
}

// familiar reports whether an address belongs to whom the page belongs.
func (s *scan) familiar(address string) bool {
	u, err := url.Parse(address)
	if err != nil {
		return false
	}
	d := observatory.Domain(u.Hostname())
	return d != "" && d == observatory.Domain(s.page.url.Hostname())
}

// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package scan

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/panoply-security/panoply/finding"
	"github.com/panoply-security/panoply/internal/leak"
	"github.com/panoply-security/panoply/rule"
)

// passive looks at what the app answers to anybody. It is an error if there is no
// answer at all.
func (s *scan) passive(ctx context.Context) error {
	s.say("looking at the page, its headers and cookies")
	if err := s.fetchPage(ctx); err != nil {
		return err
	}
	s.surface = readSurface(s.page.url, s.page.content)
	plain := s.plain(ctx)
	s.report.Tested(1)
	s.judgeTransport(plain)
	s.judgeHeaders(s.page)
	s.judgeContent()
	preflight := s.origins(ctx)
	s.say("looking at the answers to what is wrong")
	s.mistakes(ctx)
	s.report.Observatory = s.observatory(plain, preflight)

	if len(s.cookies) > 0 {
		s.report.Tested(5)
	} else {
		s.report.NotTested(5, "the page sets no cookie and shows no token")
	}
	if !s.Active {
		for _, n := range []int{2, 3, 6, 7} {
			s.report.NotTested(n, "only an active scan can tell (--active)")
		}
		if name := limits(s.page.header); name != "" {
			s.note("the page's answer has %s: something counts requests", name)
		}
	}
	return nil
}

// fetchPage gets the target and follows redirects to the same host.
func (s *scan) fetchPage(ctx context.Context) error {
	s.cookies = map[string]bool{}
	a := s.client.do(ctx, get(s.target.String()))
	if a.err != nil {
		if strings.Contains(a.err.Error(), "malformed HTTP") || strings.Contains(a.err.Error(), "headers exceeded") {
			return fmt.Errorf("%w: %s answers something that is no HTTP: %w", ErrUnreachable, s.target, a.err)
		}
		return fmt.Errorf("%w: %w", ErrUnreachable, a.err)
	}
	s.judgeCookies(a)
	for range maxHops {
		next := redirect(a)
		if next == nil {
			break
		}
		if !sameSite(s.target.Hostname(), next.Hostname()) {
			s.note("the target redirects to %s, which is another host: its answer is judged, not what is there", next.Host)
			break
		}
		if next.String() == a.url.String() {
			break
		}
		b := s.client.do(ctx, get(next.String()))
		if b.err != nil {
			break
		}
		if s.first.status == 0 {
			s.first = a
		}
		a = b
		s.judgeCookies(a)
	}
	if redirect(a) != nil && s.first.status != 0 {
		s.note("the target redirects again and again: the answer to the last of %d requests is judged", s.client.sent)
	}
	s.page = a
	s.client.base = &url.URL{Scheme: a.url.Scheme, Host: a.url.Host}
	s.say("judging %s: %d %s", a.url, a.status, a.header.Get("Content-Type"))
	return nil
}

// redirect is where an answer sends a browser, or nil.
func redirect(a answer) *url.URL {
	if a.err != nil || a.status/100 != 3 || a.status == http.StatusNotModified {
		return nil
	}
	next, err := a.from().Parse(a.header.Get("Location"))
	if err != nil || a.header.Get("Location") == "" || next.Scheme != "http" && next.Scheme != "https" || next.User != nil {
		return nil
	}
	next.Fragment = ""
	return next
}

// sameSite reports whether two hosts are one, but for a www.
func sameSite(a, b string) bool {
	return strings.EqualFold(strings.TrimPrefix(strings.ToLower(a), "www."), strings.TrimPrefix(strings.ToLower(b), "www."))
}

// plain asks the same host over plain HTTP, where a page over TLS has an ordinary
// port: any other port is the guess of nobody.
func (s *scan) plain(ctx context.Context) answer {
	if s.target.Scheme == "http" {
		if s.first.status != 0 {
			return s.first
		}
		return s.page
	}
	if port := s.target.Port(); port != "" && port != "443" {
		return answer{err: errBudget}
	}
	return s.client.do(ctx, get("http://"+s.target.Hostname()+"/"))
}

// mistakes sends what no app expects to a path that none has.
func (s *scan) mistakes(ctx context.Context) {
	nowhere := "/" + s.marker
	broken := postJSON(nowhere, `{"`+s.marker+`":`)
	charset := postJSON(nowhere, `{}`)
	charset.kind = "application/json; charset=x-" + s.marker
	answered := 0
	for _, q := range []request{get(nowhere), broken, charset, get("/%" + s.marker)} {
		q.provoked = true
		a := s.client.do(ctx, q)
		if a.err == nil {
			answered++
			s.judgeError(a)
			s.judgeProduct(a)
		}
	}
	if answered > 0 {
		s.report.Tested(4)
		if !s.Active {
			s.report.NotTested(4, "only errors that anybody may provoke: an active scan provokes more (--active)")
		}
	}
}

// judgeError looks for the app's insides in an answer that is an error. more is further
// evidence.
func (s *scan) judgeError(a answer, more ...string) bool {
	if a.err != nil || a.status < 400 {
		return false
	}
	kind, found := leak.Find(a.content)
	if !found {
		return false
	}
	at := finding.InAnswer(a.method, s.address(a), "")
	f := finding.New(rule.ErrorLeak, at, fmt.Sprintf("The error answer to %s shows %s", a.method, kind))
	f.Anchor = kind
	f.Evidence = append([]string{a.line(), "the answer begins: " + quote(a.content)}, more...)
	s.report.Add(f)
	return true
}

// address is where an answer came from, with what this scan made up taken out, so
// that another scan finds the same.
func (s *scan) address(a answer) string {
	address := a.url.String()
	if a.url.Opaque != "" {
		address = s.client.base.String() + a.url.Opaque
	}
	return strings.ReplaceAll(address, s.marker, "nowhere")
}

// quote is the beginning of a body for evidence, in one line and masked.
func quote(body []byte) string {
	return clip(leak.Mask(strings.Join(strings.Fields(string(body[:min(len(body), 600)])), " ")), 300)
}

// limits is the name of a header that says how many requests are left, or empty.
func limits(h http.Header) string {
	for _, name := range []string{"RateLimit", "RateLimit-Policy", "RateLimit-Remaining", "X-RateLimit-Remaining", "X-RateLimit-Limit", "X-Rate-Limit-Remaining"} {
		if h.Get(name) != "" {
			return name
		}
	}
	return ""
}

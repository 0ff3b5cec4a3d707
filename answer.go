// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package panoply

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/panoply-security/panoply/headers"
	"github.com/panoply-security/panoply/internal/respond"
	"github.com/panoply-security/panoply/problem"
	"github.com/panoply-security/panoply/ratelimit"
	"github.com/panoply-security/panoply/rule"
)

// tokenHold is how much of a JSON answer is held back to find tokens in it.
const tokenHold = 1 << 20

// Header settles the answer's header: the one place where an answer of the app
// or of Panoply itself gets what the policy asks for.
func (p *pass) Header(status int, h http.Header) respond.Plan {
	s := p.suit
	p.status = status
	plan := p.scrub(status, h)
	// What the app put into the header stays when Panoply answers in its place.
	if p.crossing != nil {
		p.crossing.OutHeader(h)
		if !plan.Replace && !p.x.Own && holdsTokens(h) {
			plan.Hold = max(plan.Hold, tokenHold)
		}
	}
	p.hardenCookies(h)
	switch p.modes.headers {
	case Enforce:
		s.headers.Apply(h, headers.Request{TLS: p.tls, Nonce: p.nonce, Routes: p.met.by[ownHeaders]})
	case Report:
	}
	h["X-Request-Id"] = p.id[:]
	if hold := p.settleLimits(status, h); !plan.Replace {
		plan.Hold = max(plan.Hold, hold)
	}
	return plan
}

func (p *pass) scrub(status int, h http.Header) respond.Plan {
	switch p.modes.errors {
	case Enforce:
		return p.suit.respond.Scrub(p.r, p.x, status, h)
	case Report:
		if status >= 500 && !p.x.Own {
			p.suit.respond.Report(p.r, p.x, &problem.Error{Rule: rule.ErrorBody, Status: status})
		}
	}
	return respond.Plan{}
}

func (p *pass) hardenCookies(h http.Header) {
	if len(h["Set-Cookie"]) == 0 {
		return
	}
	var dropped []string
	switch p.modes.cookies {
	case Enforce:
		_, dropped = p.suit.cookies.Harden(h, p.tls)
	case Report:
		copied := http.Header{"Set-Cookie": append([]string(nil), h["Set-Cookie"]...)}
		if n, _ := p.suit.cookies.Harden(copied, p.tls); n > 0 {
			p.suit.respond.Report(p.r, p.x, problem.Refuse(rule.SessionCookieSecure, strconv.Itoa(n)+" cookies lack flags."))
		}
	}
	if p.seals() { // last: the end that the browser is told is inside
		dropped = append(dropped, p.suit.sealer.Seal(h)...)
	}
	for _, why := range dropped {
		p.suit.respond.Report(p.r, p.x, problem.Refuse(rule.SessionCookieMalformed, why))
	}
}

// settleLimits tells the limits how the attempt ended, and the client what is
// left, or how much of the body to hold to find out.
func (p *pass) settleLimits(status int, h http.Header) (hold int) {
	if len(p.decisions) == 0 {
		return 0
	}
	if p.r.Context().Err() != nil {
		status = 0 // the client went away: whatever is said now is no success
	}
	p.unread = p.unread[:0]
	for i := range p.decisions {
		if p.decisions[i].Answered(status, h) {
			p.unread = append(p.unread, &p.decisions[i])
		}
	}
	if len(p.unread) == 0 {
		p.tellLimits(status, h)
		return 0
	}
	return ratelimit.Peek
}

// tellLimits tells the client what is left, and who it was.
func (p *pass) tellLimits(status int, h http.Header) {
	if p.modes.limits != Enforce {
		return
	}
	p.suit.limiter.SetHeaders(h, p.decisions)
	if c := p.suit.limiter.DeviceCookie(p.decisions, p.r, status, p.tls); c != nil && !p.x.Own {
		h.Add("Set-Cookie", c.String())
	}
}

// holdsTokens reports whether an answer may have a token in its body: readable
// JSON, or what nobody has said is something else.
func holdsTokens(h http.Header) bool {
	if ce := h.Get("Content-Encoding"); ce != "" && !strings.EqualFold(ce, "identity") {
		return false
	}
	ct := strings.ToLower(h.Get("Content-Type"))
	return ct == "" || strings.HasPrefix(ct, "application/jwt") || strings.Contains(ct, "json") && !strings.Contains(ct, "seq") && !strings.Contains(ct, "ndjson")
}

// Body changes a held body: the app's tokens become the guard's, and a 4xx that
// leaks becomes a problem.
func (p *pass) Body(status int, h http.Header, held []byte, complete bool) (int, []byte, bool) {
	body := held
	if len(p.unread) > 0 {
		for _, d := range p.unread {
			d.Read(held)
		}
		p.unread = nil
		p.tellLimits(status, h)
	}
	if p.crossing != nil && !p.x.Own && holdsTokens(h) {
		out, n := p.crossing.Out(held)
		if n > 0 {
			body = out
			h.Del("Etag")
			h.Del("Content-Md5")
			h.Del("Digest")
			h.Del("Content-Digest")
			h.Del("Repr-Digest")
			h.Del("Content-Length")
			if complete {
				h.Set("Content-Length", strconv.Itoa(len(body)))
			}
			if h.Get("Cache-Control") == "" {
				h.Set("Cache-Control", "no-store")
			}
		}
	}
	if p.modes.errors == Enforce && !p.x.Own {
		if scrubbed, replaced := p.suit.respond.ScrubBody(p.r, p.x, status, h, body); replaced {
			return status, scrubbed, true
		}
	}
	return status, body, false
}

// Dropped logs what the app said in an answer that was replaced.
func (p *pass) Dropped(original []byte) {
	p.suit.respond.Scrubbed(p.r, p.x, p.status, original)
}

// trailers keeps cookies out of what stands behind a body, where no browser takes them,
// and the app's tokens as in its headers.
func (p *pass) trailers() {
	if p.crossing == nil && p.suit.sealer == nil {
		return
	}
	h := p.out.Header()
	announced := strings.Join(h["Trailer"], ",")
	for name, values := range h {
		plain := http.CanonicalHeaderKey(strings.TrimPrefix(name, http.TrailerPrefix))
		behind := plain != name
		for other := range strings.SplitSeq(announced, ",") {
			behind = behind || strings.EqualFold(strings.TrimSpace(other), name)
		}
		switch {
		case !behind:
		case plain == "Set-Cookie":
			delete(h, name)
		case p.crossing != nil:
			one := http.Header{plain: values}
			p.crossing.OutHeader(one)
			h[name] = one[plain]
		}
	}
}

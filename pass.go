// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package panoply

import (
	"net/http"
	"slices"

	"github.com/panoply-security/panoply/inspect"
	"github.com/panoply-security/panoply/internal/respond"
	"github.com/panoply-security/panoply/nosql"
	"github.com/panoply-security/panoply/problem"
	"github.com/panoply-security/panoply/ratelimit"
	"github.com/panoply-security/panoply/route"
	"github.com/panoply-security/panoply/rule"
	"github.com/panoply-security/panoply/token"
	"github.com/panoply-security/panoply/upload"
)

// Handler puts the suit before next.
func (s *Suit) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p := &pass{suit: s}
		r, p.x = s.respond.Begin(r)
		p.r = r
		p.x.Client = s.clients.From(r)
		p.tls = s.clients.TLS(r)
		p.out.Reset(w, p)
		defer p.end()
		if err := p.admit(); err != nil {
			s.respond.Write(&p.out, p.r, err)
			p.out.Finish()
			p.finished = true
			return
		}
		next.ServeHTTP(&p.out, p.r)
		p.out.Finish()
		p.finished = true
	})
}

// pass is one request on its way through the suit.
type pass struct {
	suit *Suit
	r    *http.Request
	x    *problem.Exchange
	out  respond.Writer
	tls  bool
	met  met

	decisions []ratelimit.Decision
	room      [2]ratelimit.Decision
	names     *nosql.Check
	reading   *inspect.Reading
	form      *upload.Form
	fields    map[string]string // body fields that limits are keyed by
	reissue   *tokenRule        // stands between the app's tokens and this client
	status    int               // what the app answered
	finished  bool
}

// end runs when the handler has returned or panicked.
func (p *pass) end() {
	if v := recover(); v != nil {
		defer p.release()
		if v == http.ErrAbortHandler || p.out.Committed() {
			p.broken()
		}
		p.suit.respond.Recovered(&p.out, p.r, v)
		p.out.Finish()
		return
	}
	if !p.finished {
		p.broken()
	}
	p.release()
}

func (p *pass) release() {
	p.reading.Close()
	if p.form != nil {
		p.form.Close()
	}
}

// broken tells the limiter that the answer never came whole.
func (p *pass) broken() {
	for i := range p.decisions {
		p.decisions[i].Broken()
	}
}

// judge refuses, reports or lets pass, as the section's mode says.
func (p *pass) judge(mode Mode, err error) error {
	if err == nil || mode == Off {
		return nil
	}
	if mode == Report {
		p.suit.respond.Report(p.r, p.x, problem.As(err))
		return nil
	}
	return err
}

// admit decides whether the request may reach the app, cheap checks first.
func (p *pass) admit() error {
	s := p.suit
	strict := s.policy.Mode // of the reading itself
	if err := p.judge(strict, checkHead(p.r)); err != nil {
		return err
	}
	key, err := route.KeyOf(p.r.URL)
	if err != nil && !(p.r.Method == http.MethodOptions && p.r.RequestURI == "*") {
		if err := p.judge(strict, problem.Refuse(rule.RequestPath, "").Because(err)); err != nil {
			return err
		}
	}
	s.table.match(&p.met, p.r.Method, key)
	p.x.Route = p.met.route
	if preflight(p.r) {
		return p.inspectHead(strict) // no attempt at anything, no token to check
	}
	if err := p.limit(false); err != nil {
		return err
	}
	if err := p.checkTokens(); err != nil {
		return err
	}
	if err := p.inspectHead(strict); err != nil {
		return err
	}
	if err := p.inspectBody(strict); err != nil {
		return err
	}
	return p.limit(true)
}

// preflight reports whether a browser asks for permission to send a request.
// It sends neither a body nor credentials along; whoever does is no browser, and
// may have an app that serves every method alike in mind.
func preflight(r *http.Request) bool {
	return r.Method == http.MethodOptions && r.Header.Get("Origin") != "" &&
		r.Header.Get("Access-Control-Request-Method") != "" && r.ContentLength == 0 &&
		len(r.Header["Authorization"]) == 0 && len(r.Header["Cookie"]) == 0
}

// limit takes an attempt from every limit that the request meets: first those
// that need no body, then those that are keyed by a field of it.
func (p *pass) limit(withBody bool) error {
	mode := p.suit.policy.RateLimits.Mode
	if mode == Off || len(p.met.by[ownLimiter]) == 0 {
		return nil
	}
	if p.decisions == nil {
		p.decisions = p.room[:0]
	}
	var room [8]int
	for _, number := range p.suit.limiter.Applies(p.met.by[ownLimiter], room[:0]) {
		if p.suit.limiter.NeedsBody(number) != withBody {
			continue
		}
		d := p.suit.limiter.Begin(number, p.x.Client, p.r, p.field)
		p.decisions = append(p.decisions, d)
		if d.Allowed {
			continue
		}
		if err := p.judge(mode, d.Problem()); err != nil {
			ratelimit.Unmake(p.decisions)
			return err
		}
	}
	return nil
}

func (p *pass) field(name string) string { return p.fields[name] }

// checkTokens verifies, or swaps back, the tokens of the request.
func (p *pass) checkTokens() error {
	mode := p.suit.policy.Tokens.Mode
	if mode == Off {
		return nil
	}
	for _, i := range p.met.by[ownToken] {
		if slices.Contains(p.met.by[ownTokenExcept], i) {
			continue
		}
		t := &p.suit.tokens[i]
		if t.reissuer == nil {
			claims, err := t.tokens.Check(p.r)
			if err != nil {
				if err := p.judge(mode, err); err != nil {
					return err
				}
			} else if p.suit.policy.Upstream == "" {
				p.r = p.r.WithContext(token.NewContext(p.r.Context(), claims))
			}
			continue
		}
		if mode == Enforce {
			p.reissue = t
			p.r.Header.Set("Accept-Encoding", "identity") // tokens must be readable on the way out
		}
		if err := p.judge(mode, t.reissuer.In(p.r)); err != nil {
			return err
		}
		query, err := t.reissuer.InQuery(p.r.URL.RawQuery)
		if err := p.judge(mode, err); err != nil {
			return err
		}
		if err == nil {
			p.r.URL.RawQuery = query
		}
	}
	return nil
}

// inspectHead reads query and cookies, once, for everything that looks at them.
func (p *pass) inspectHead(strict Mode) error {
	mode := p.suit.policy.NoSQL.Mode
	if mode == Off {
		return nil
	}
	visit := p.visitor()
	if err := p.judge(p.modeOf(inspect.ReadQuery(p.r.URL.RawQuery, visit), mode, strict)); err != nil {
		return err
	}
	return p.judge(p.modeOf(inspect.ReadCookies(p.r.Header["Cookie"], visit), mode, strict))
}

// inspectBody reads the body, if there is one.
func (p *pass) inspectBody(strict Mode) error {
	if p.r.Body == nil || p.r.Body == http.NoBody || p.r.ContentLength == 0 {
		return p.checkSchema(nil)
	}
	return p.body(p.visitor(), strict)
}

// visitor is what looks at names and values for the NoSQL guard.
func (p *pass) visitor() inspect.Visitor {
	mode := p.suit.policy.NoSQL.Mode
	switch {
	case mode == Off:
		return inspect.Visitors(nil)
	case p.names == nil:
		check := p.suit.nosql.For(p.met.by[ownNoSQL])
		if mode == Report {
			check.Judge = func(e *problem.Error) error { return p.judge(Report, e) }
		}
		p.names = &check
	}
	return p.names
}

// modeOf pairs an error with the mode that decides about it: the section's for
// its own refusals, the policy's for what cannot be read in one way.
func (p *pass) modeOf(err error, section, strict Mode) (Mode, error) {
	if err != nil {
		if r := rule.Lookup(problem.As(err).Rule); r != nil && r.Mistake != 0 {
			return section, err
		}
	}
	return strict, err
}

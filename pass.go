// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package panoply

import (
	"iter"
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
	key  route.Key
	met  met

	decisions []ratelimit.Decision
	room      [2]ratelimit.Decision
	names     *nosql.Check
	reading   *inspect.Reading
	start     *beginning // of a body that may have to arrive as it came
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
		p.broken() // whatever the answer was going to be
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
	p.start.close()
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
	strict := s.headMode
	if err := p.judge(strict, checkHead(p.r)); err != nil {
		return err
	}
	key, err := route.KeyOf(p.r.URL)
	if err != nil && !(p.r.Method == http.MethodOptions && p.r.RequestURI == "*") {
		if err := p.judge(strict, problem.Refuse(rule.RequestPath, "").Because(err)); err != nil {
			return err
		}
	}
	if preflight(p.r) {
		return p.admitPreflight(key)
	}
	p.key = key
	s.table.match(&p.met, p.r.Method, key)
	p.x.Route = p.met.route
	if err := p.judge(strict, p.checkOverride()); err != nil {
		return err
	}
	if err := p.limit(false); err != nil {
		return err
	}
	if err := p.checkTokens(); err != nil {
		return err
	}
	if err := p.inspectHead(); err != nil {
		return err
	}
	if err := p.inspectBody(); err != nil {
		return err
	}
	return p.limit(true)
}

// admitPreflight lets a preflight pass, as no attempt at anything and without a
// token. What it holds is still looked at, by the rules of the method that it
// asks for: an app may serve every method alike.
func (p *pass) admitPreflight(key route.Key) error {
	p.suit.table.match(&p.met, p.r.Header.Get("Access-Control-Request-Method"), key)
	p.x.Route = p.met.route
	if err := p.swapTokens(); err != nil {
		return err
	}
	return p.inspectHead()
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
	for t := range p.tokenRules() {
		if t.tokens == nil {
			continue
		}
		// Not Tokens.Check, which lets pass what only looks like a preflight.
		text, err := t.tokens.FromRequest(p.r)
		var claims token.Claims
		if err == nil {
			claims, err = t.tokens.Verify(text)
		}
		switch {
		case err != nil:
			if err := p.judge(p.suit.policy.Tokens.Mode, err); err != nil {
				return err
			}
		case p.suit.policy.Upstream == "":
			p.r = p.r.WithContext(token.NewContext(p.r.Context(), claims))
		}
	}
	return p.swapTokens()
}

// tokenRules are those that the request meets and is not excepted from.
func (p *pass) tokenRules() iter.Seq[*tokenRule] {
	return func(yield func(*tokenRule) bool) {
		if p.suit.policy.Tokens.Mode == Off {
			return
		}
		for _, i := range p.met.by[ownToken] {
			if !slices.Contains(p.met.by[ownTokenExcept], i) && !yield(&p.suit.tokens[i]) {
				return
			}
		}
	}
}

// swapTokens puts the app's own tokens back into headers and query.
func (p *pass) swapTokens() error {
	mode := p.suit.policy.Tokens.Mode
	for t := range p.tokenRules() {
		if t.reissuer == nil {
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
func (p *pass) inspectHead() error {
	mode := p.suit.policy.NoSQL.Mode
	if mode == Off {
		return nil
	}
	// The guard has judged its own refusals; what is left cannot be read.
	mode = strictest(mode, p.suit.policy.Mode)
	visit := p.visitor()
	if err := p.judge(mode, inspect.ReadQuery(p.r.URL.RawQuery, visit)); err != nil {
		return err
	}
	return p.judge(mode, inspect.ReadCookies(p.r.Header["Cookie"], visit))
}

// inspectBody reads the body, if there is one.
func (p *pass) inspectBody() error {
	if p.r.Body == nil || p.r.Body == http.NoBody || p.r.ContentLength == 0 {
		return p.checkSchema(nil)
	}
	return p.body(p.visitor())
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

// ofSection reports whether a rule is one of the seven's, and not about what
// can be read in one way.
func ofSection(id rule.ID) bool {
	r := rule.Lookup(id)
	return r != nil && r.Mistake != 0
}

// strictest is the mode of several that does most.
func strictest(modes ...Mode) Mode {
	most := Off
	for _, m := range modes {
		if m == Enforce || most == Off {
			most = m
		}
	}
	return most
}

// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package panoply

import (
	"net/http"
	"time"

	"github.com/panoply-security/panoply/inspect"
	"github.com/panoply-security/panoply/internal/respond"
	"github.com/panoply-security/panoply/nosql"
	"github.com/panoply-security/panoply/problem"
	"github.com/panoply-security/panoply/ratelimit"
	"github.com/panoply-security/panoply/route"
	"github.com/panoply-security/panoply/rule"
	"github.com/panoply-security/panoply/token"
	"github.com/panoply-security/panoply/upload"
	"github.com/panoply-security/panoply/validate"
)

// Handler puts the suit before next.
func (s *Suit) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p := &pass{suit: s, modes: &s.modes}
		p.x = &p.exchange
		r = s.respond.BeginIn(r, p.x)
		p.r, p.id = r, [1]string{p.x.ID}
		p.x.Client = s.clients.From(r)
		p.tls = s.clients.TLS(r)
		p.out.Reset(w, p)
		if s.observer != nil {
			p.began = time.Now()
			defer p.tell()
		}
		defer p.end()
		if err := p.admit(); err != nil {
			s.respond.Write(&p.out, p.r, err)
			p.out.Finish()
			p.finished = true
			return
		}
		if p.modes.errors == Enforce {
			s.respond.AskReadable(p.r)
		}
		p.r, p.nonce = s.headers.Begin(p.r, p.met.by[ownHeaders])
		if s.observer == nil {
			next.ServeHTTP(&p.out, p.r)
		} else {
			p.asked = time.Now()
			next.ServeHTTP(&p.out, p.r)
			p.back = time.Now()
		}
		p.trailers() // a held answer leaves with them
		p.out.Finish()
		p.finished = true
	})
}

// pass is one request on its way through the suit.
type pass struct {
	suit     *Suit
	r        *http.Request
	x        *problem.Exchange
	exchange problem.Exchange // x
	id       [1]string        // its id as a header's values
	out      respond.Writer
	tls      bool
	key      route.Key
	met      met
	modes    *modes // the policy's, but for the exceptions that the request meets
	// nonce is the answer's, of a Go app whose policy has nonces.
	nonce string

	decisions []ratelimit.Decision
	room      [2]ratelimit.Decision
	unread    []*ratelimit.Decision // that need the answer's body
	names     *nosql.Check          // nil until it is asked for
	check     nosql.Check           // names
	texts     *nosql.Texts          // of fields that hold JSON; nil without
	named     *ratelimit.Named      // what limits are keyed by; nil without
	override  error                 // of another method that is named, until it is judged
	reading   *inspect.Reading
	query     []inspect.Pair
	unclear   bool       // the query could not be read in one way
	start     *beginning // of a body that may have to arrive as it came
	form      *upload.Form
	stream    *upload.Stream  // of a form that is judged while it goes on
	claims    token.Claims    // of the first token that was verified
	logout    bool            // ends them
	crossing  *token.Crossing // of the app's tokens and this client's; nil without
	status    int             // what the app answered
	finished  bool

	began, asked, back time.Time // for an observer
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
	p.stream.Close()
	p.start.close()
	for i := range p.decisions {
		p.decisions[i].Close()
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
	strict := p.modes.head
	if s.check != nil {
		if err := p.judge(strict, s.check(p.r)); err != nil {
			return err
		}
	}
	s.claimHeaders.strip(p.r.Header)
	if err := p.judge(strict, checkHead(p.r, s.claimHeaders)); err != nil {
		return err
	}
	p.openCookies()
	key, err := route.KeyOf(p.r.URL)
	if err != nil && !(p.r.Method == http.MethodOptions && p.r.RequestURI == "*") {
		if err := p.judge(strict, problem.Refuse(rule.RequestPath, "").Because(err)); err != nil {
			return err
		}
	}
	p.key = key
	if preflight(p.r) && !namesMethod(p.r) {
		return p.admitPreflight()
	}
	p.match(p.r.Method)
	if err := p.judge(strict, p.checkOverride()); err != nil {
		return err
	}
	if err := p.checkOrigin(); err != nil {
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
	if err := p.checkHead(); err != nil {
		return err
	}
	if err := p.inspectBody(); err != nil {
		return err
	}
	if err := p.limit(true); err != nil {
		return err
	}
	return p.settleTokens()
}

// match finds what of the policy the request meets.
func (p *pass) match(method string) {
	p.suit.table.match(&p.met, method, p.key)
	p.x.Route = p.met.route
	p.modes = p.suit.modesFor(p.met.by[ownException])
}

// openCookies decrypts the cookies that were encrypted on their way out, before anybody
// looks at them.
func (p *pass) openCookies() {
	if !p.seals() {
		return
	}
	for _, what := range p.suit.sealer.Open(p.r.Header) {
		p.suit.respond.Report(p.r, p.x, problem.Refuse(rule.SessionCookieForeign, what))
	}
}

// seals reports whether cookies are encrypted, which is so on every route or on none: a
// cookie that one route gives out comes back on all.
func (p *pass) seals() bool {
	return p.suit.sealer != nil && p.suit.modes.cookies == Enforce
}

// admitPreflight lets a preflight pass, as no attempt at anything and without a
// token. What it holds is still looked at, by the rules of the method that it
// asks for: an app may serve every method alike.
func (p *pass) admitPreflight() error {
	p.match(p.r.Header.Get("Access-Control-Request-Method"))
	if err := p.swapTokens(); err != nil {
		return err
	}
	p.reportGrace()
	return p.inspectHead()
}

// inspectHead reads query and cookies, once, for everything that looks at them.
func (p *pass) inspectHead() error {
	mode := p.modes.nosql
	declared := p.modes.bodies != Off && p.plan().Query()
	if mode == Off && !declared && p.named == nil {
		return nil
	}
	// The sections have judged their own refusals; what is left cannot be read.
	strict := strictest(mode, p.modes.policy)
	visit := p.visitor()
	if declared {
		strict = strictest(strict, p.modes.bodies)
	}
	if p.named != nil {
		strict = strictest(strict, p.modes.limits)
	}
	err := p.readQuery(visit, declared)
	p.unclear = err != nil
	if err := p.judge(strict, err); err != nil || mode == Off {
		return err
	}
	return p.judge(strict, inspect.ReadCookies(p.r.Header["Cookie"], visit))
}

// readQuery reads the query once, its values only for those who ask for them.
func (p *pass) readQuery(visit inspect.Visitor, declared bool) (err error) {
	var texts inspect.Texts
	if p.names != nil {
		p.names.StripQuery(p.r.URL)
		p.texts = p.names.Texts()
	}
	if p.texts != nil || p.named != nil {
		texts = listener{p}
	}
	if declared {
		p.query, err = inspect.ReadQueryPairs(p.r.URL.RawQuery, visit, texts)
	} else {
		err = inspect.ReadQuery(p.r.URL.RawQuery, visit, texts)
	}
	if err != nil {
		return err
	}
	return p.texts.Check()
}

// plan is what is declared for the request.
func (p *pass) plan() validate.Plan {
	plan := p.suit.bodies.For(p.met.by[ownBodies], p.key)
	if p.modes.bodies == Report {
		return plan.Dry()
	}
	return plan
}

// checkHead holds path, query, headers and cookies against what is declared. A
// query that could not be read is not held against anything: that was judged.
func (p *pass) checkHead() error {
	mode := p.modes.bodies
	if mode == Off || len(p.met.by[ownBodies]) == 0 {
		return nil
	}
	plan := p.plan()
	if p.unclear {
		plan = plan.WithoutQuery()
	}
	return p.judge(mode, plan.CheckHead(p.r, p.query))
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
	mode := p.modes.nosql
	switch {
	case mode == Off:
		return inspect.Visitors(nil)
	case p.names == nil:
		p.check = p.suit.nosql.For(p.met.by[ownNoSQL])
		if mode == Report {
			p.check.Judge = func(e *problem.Error) error { return p.judge(Report, e) }
		}
		p.names = &p.check
	}
	return p.names
}

// ofSection reports whether a rule is one of the seven's, and not about what
// can be read in one way.
func ofSection(id rule.ID) bool {
	r := rule.Lookup(id)
	return r != nil && r.Mistake != 0
}

// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

// Package panoply closes the seven security mistakes that web apps make in
// production, in one pass over each request:
//
//  1. no security headers           package headers
//  2. no rate limiting              package ratelimit
//  3. bodies without validation     package validate
//  4. errors that leak              package problem
//  5. weak sessions and tokens      packages session, token, password
//  6. unrestricted uploads          package upload
//  7. NoSQL injection               package nosql
//
// A [Suit] wears all of them, from one [Policy]:
//
//	suit, err := panoply.New(panoply.Policy{})
//	if err != nil {
//		log.Fatal(err) // every fault of the policy at once
//	}
//	http.ListenAndServe("127.0.0.1:8080", suit.Handler(mux))
//
// The zero Policy is the full suit in the strict profile. Each protection can
// be reported instead of enforced, or switched off; what weakens is named so.
// Each package can be used alone; the suit reads a request once for all of
// them, matches its route once and wraps its answer once.
//
// # Order
//
// On the way in: request id, client address, method, headers and path, limits
// by client, tokens, query, cookies, body (operators, schema, uploads), limits
// by a body field. On the way out: errors scrubbed, tokens re-issued, cookies
// hardened, headers set, the rate limit's result known.
//
// # What it does not do
//
// A policy without schemas leaves mistake 3 open: what a body may hold, only
// the app's authors know. Sessions are opened by the app, with package session.
//
// # Bounds
//
// JSON and form bodies are buffered within Bodies.MaxBytes each and 64 MiB in
// all; uploads are spooled to disk within their own bounds; at most 1 MiB of an
// answer is held back, on routes with token re-issue, and 64 KiB of a 4xx.
package panoply

import (
	"cmp"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"slices"
	"time"

	"github.com/panoply-security/panoply/clientip"
	"github.com/panoply-security/panoply/headers"
	"github.com/panoply-security/panoply/inspect"
	"github.com/panoply-security/panoply/internal/cookies"
	"github.com/panoply-security/panoply/internal/fault"
	"github.com/panoply-security/panoply/nosql"
	"github.com/panoply-security/panoply/problem"
	"github.com/panoply-security/panoply/ratelimit"
	"github.com/panoply-security/panoply/route"
	"github.com/panoply-security/panoply/token"
	"github.com/panoply-security/panoply/upload"
	"github.com/panoply-security/panoply/validate"
)

// bodyBudget bounds what all buffered bodies hold together.
const bodyBudget = 64 << 20

// Suit is a compiled policy. It is safe for concurrent use.
type Suit struct {
	policy   Policy // effective
	respond  *problem.Responder
	clients  *clientip.Resolver
	budget   *inspect.Budget
	table    routes
	observer Observer                  // nil without
	check    func(*http.Request) error // nil without
	modes    modes

	headers *headers.Headers
	limiter *ratelimit.Limiter
	bodies  *validate.Validator
	cookies *cookies.Hardener
	sealer  *cookies.Sealer // nil without
	origins *http.CrossOriginProtection
	tokens  []tokenRule
	// claimHeaders are those of all token rules.
	claimHeaders claimHeaders
	knownSecrets []string
	uploads      []*upload.Inspector
	fallback     *upload.Inspector // of routes that no upload rule names
	nosql        *nosql.Guard
}

// tokenRule is a compiled [TokenRule]: one of the two is set.
type tokenRule struct {
	tokens   *token.Tokens
	reissuer *token.Reissuer
	rule     *TokenRule
	number   int
}

// Option changes how a suit is built.
type Option func(*options)

type options struct {
	log      *slog.Logger
	observer Observer
	check    func(*http.Request) error
}

// WithLogger has the suit log to l instead of slog.Default().
func WithLogger(l *slog.Logger) Option { return func(o *options) { o.log = l } }

// WithCheck has the suit ask check about each request before anything else, for what only
// whoever serves the connection can know. Its error, a [*problem.Error], is judged in the
// mode of the rules request/….
func WithCheck(check func(*http.Request) error) Option { return func(o *options) { o.check = check } }

// New compiles a policy. The error tells every fault at once, each with its
// path in the policy file's spelling.
func New(p Policy, opts ...Option) (*Suit, error) {
	o := options{log: slog.Default()}
	for _, opt := range opts {
		opt(&o)
	}
	p = p.Effective()
	s := &Suit{policy: p, budget: inspect.NewBudget(bodyBudget), observer: o.observer, check: o.check}
	var faults fault.List
	var err error

	for _, m := range p.modes() {
		if *m != Enforce && *m != Report && *m != Off {
			faults.Addf("mode", "write enforce, report or off", "%q is no mode", string(*m))
			break
		}
	}
	p.checkCSP(&faults)
	s.clients, err = clientip.New(clientip.Config{TrustedProxies: p.TrustedProxies, Header: p.ForwardedHeader})
	faults.Join("", err)

	errs := p.Errors.Config
	errs.Logger, errs.CORSOrigins = o.log, p.CORS.Origins
	if o.observer != nil {
		errs.Observe = o.observer.Decided
	}
	errs.InsecureShowCauses = p.Environment == Development
	s.respond, err = problem.New(errs)
	faults.Join("", err) // its paths are whole: errors has no faults but in cors

	s.headers, err = headers.New(p.Headers.Config)
	faults.Join("headers", err)

	limits := p.RateLimits.Config
	if s.clients != nil {
		limits.Client = s.clients.From
	}
	limits.NoWait = p.RateLimits.Mode != Enforce // reporting changes nothing
	limits.Logger = o.log
	s.limiter, err = ratelimit.New(limits)
	faults.Join("rate_limits", err)

	if p.Bodies.OpenAPI.File != "" && p.Bodies.Operations == nil {
		faults.Add("bodies.openapi", "only the guard reads OpenAPI", "in Go, call Apply of package guard/openapi with the policy first")
	}
	p.Bodies.Dir = p.dir
	s.bodies, err = validate.New(p.Bodies.Config)
	faults.Join("bodies", err)

	s.nosql, err = nosql.New(p.NoSQL.Config)
	faults.Join("nosql", err)

	s.cookies, err = cookies.New(p.Cookies.Policy)
	faults.Join("cookies", err)
	if cfg := p.Cookies.Encrypt; cfg != nil {
		s.sealer, err = cookies.NewSealer(*cfg, p.Cookies.Policy)
		faults.Join("cookies.encrypt", err)
	}

	s.origins = http.NewCrossOriginProtection()
	for i, origin := range p.Cookies.TrustedOrigins {
		if err := s.origins.AddTrustedOrigin(origin); err != nil {
			faults.Add(fmt.Sprintf("cookies.trusted_origins[%d]", i), err.Error(), "https://login.example")
		}
	}
	if m := p.Cookies.CrossOrigin; m != Enforce && m != Report && m != Off {
		faults.Addf("cookies.cross_origin", "write enforce, report or off", "%q is no mode", string(m))
	}

	s.compileTokens(&faults)
	s.compileKnownSecrets(&faults)
	s.checkClaims(&faults)
	s.compileUploads(&faults)
	p.checkExceptions(&faults)
	if err := faults.Err(); err != nil {
		return nil, err
	}
	s.collectRoutes()
	s.modes = p.all()
	return s, nil
}

func (s *Suit) compileTokens(faults *fault.List) {
	for i, r := range s.policy.Tokens.Rules {
		at := fmt.Sprintf("tokens[%d]", i)
		compilePattern(faults, at+".match", r.Match)
		for j, e := range r.Except {
			compilePattern(faults, fmt.Sprintf("%s.except[%d]", at, j), e)
		}
		for j, l := range r.Logout {
			compilePattern(faults, fmt.Sprintf("%s.logout[%d]", at, j), l)
		}
		if len(r.Logout) > 0 && r.Reissue == nil {
			faults.Add(at+".logout", "only re-issued tokens can be ended", "reissue: {key_env: PANOPLY_TOKEN_KEY} in the same rule")
		}
		s.compileClaims(faults, at, r)
		t := tokenRule{rule: &s.policy.Tokens.Rules[i], number: i}
		var err error
		if r.Reissue != nil {
			cfg := *r.Reissue
			cfg.Revocable = cfg.Revocable || len(r.Logout) > 0
			cfg.Revocations = cmp.Or(cfg.Revocations, s.policy.Tokens.Revocations)
			t.reissuer, err = token.NewReissuer(cfg)
			faults.Join(at+".reissue", err)
		} else {
			t.tokens, err = token.New(r.Config)
			faults.Join(at, err)
		}
		s.tokens = append(s.tokens, t)
	}
}

// checkClaims holds that limits by a claim have a rule that verifies tokens.
// While that is switched off, they count by address.
func (s *Suit) checkClaims(faults *fault.List) {
	if s.limiter == nil || slices.ContainsFunc(s.tokens, func(t tokenRule) bool { return t.tokens != nil }) {
		return
	}
	for number, r := range s.limiter.Rules() {
		if s.limiter.NeedsClaims(number) {
			faults.Addf(fmt.Sprintf("rate_limits.rules[%d].key", number), "tokens: [{match: …, secret_env: …}] with the routes of the limit", "rule %q is keyed by a claim, but no token is verified", r.Name)
		}
	}
}

func (s *Suit) compileUploads(faults *fault.List) {
	for i, r := range s.policy.Uploads.Rules {
		at := fmt.Sprintf("uploads[%d]", i)
		compilePattern(faults, at+".match", r.Match)
		u, err := upload.New(r.Config)
		faults.Join(at, err)
		s.uploads = append(s.uploads, u)
	}
	rest := upload.Config{}
	if s.policy.Profile == Compatible {
		rest.MaxFileBytes, rest.MaxBytes = compatibleBytes, compatibleBytes
	}
	var err error
	s.fallback, err = upload.New(rest)
	faults.Join("uploads", err)
}

// checkCSP holds that the guard is asked for what only the guard does.
func (p *Policy) checkCSP(faults *fault.List) {
	switch c := p.CSP; {
	case c.Mode == "" || c.Mode == OffCSP:
		if c.File != "" || c.Clients != 0 {
			faults.Add("csp.mode", "nothing is learned and nothing enforced", "csp: learn")
		}
	case c.Mode != Learn && c.Mode != EnforceCSP:
		faults.Addf("csp.mode", "write learn, enforce or off", "%q is no mode", string(c.Mode))
	case !c.Guarded:
		faults.Add("csp.mode", "only the guard sees the pages of an app", "in Go, headers.Nonce allows the scripts of a template")
	case c.Clients < 1 || c.Clients > 16:
		faults.Addf("csp.clients", "1 to 16; leave it out for 3", "%d is out of range", c.Clients)
	case p.Headers.Mode != Enforce:
		faults.Add("csp.mode", "the headers section is not in force", "headers: {mode: enforce}")
	}
}

// Limits are the rate limits, for operators.
func (s *Suit) Limits() *ratelimit.Limiter { return s.limiter }

// Reissuers are those of the policy's token rules, nil where a rule has none.
func (s *Suit) Reissuers() []*token.Reissuer {
	all := make([]*token.Reissuer, len(s.tokens))
	for i, t := range s.tokens {
		all[i] = t.reissuer
	}
	return all
}

// Client is who sends a request, as the policy counts clients.
func (s *Suit) Client(r *http.Request) netip.Addr { return s.clients.From(r) }

func compilePattern(faults *fault.List, at, text string) {
	if _, err := route.Compile(text); err != nil {
		faults.Add(at, err.Error(), "POST /api/login, /api/ for a subtree, /users/{id}")
	}
}

// Policy is the effective policy, defaults spelled out.
func (s *Suit) Policy() Policy { return s.policy }

// Trusted reports whether the request's peer is a proxy that the policy trusts.
func (s *Suit) Trusted(r *http.Request) bool { return s.clients.Trusted(r) }

// ClientMistake is how the request shows that trusted_proxies or
// forwarded_header do not fit what stands in front, if it does.
func (s *Suit) ClientMistake(r *http.Request) clientip.Mistake { return s.clients.Mistake(r) }

// TLS reports whether the client came over TLS, to this server or to a trusted
// proxy.
func (s *Suit) TLS(r *http.Request) bool { return s.clients.TLS(r) }

// Nonce is what a page's scripts need to carry for the policy that goes with it, given
// the headers that the app sends: "" where the policy has no nonces, or the app's own
// stays.
func (s *Suit) Nonce(r *http.Request, own http.Header) string {
	if s.policy.Headers.Mode != Enforce {
		return ""
	}
	return headers.NonceBeside(r.Context(), own)
}

// Warnings names everything in the policy that weakens a protection.
func (s *Suit) Warnings() []string {
	var w []string
	for _, l := range s.Describe() {
		if l.Mode != Enforce {
			w = append(w, fmt.Sprintf("%s: mode %s", l.Name, l.Mode))
		}
	}
	for i, e := range s.policy.Exceptions {
		w = append(w, fmt.Sprintf("exceptions[%d]: %s", i, e))
	}
	for _, h := range s.policy.Headers.Config.Warnings() {
		w = append(w, "headers: "+h)
	}
	if s.policy.Environment == Development {
		w = append(w, "environment: development shows causes to clients on loopback")
	}
	if o := s.policy.Bodies.OpenAPI; o.Undeclared == Allow {
		w = append(w, "bodies: openapi allows operations that it does not declare")
	}
	if s.policy.Errors.NoScrub {
		w = append(w, "errors: scrub is off")
	}
	for _, c := range s.policy.Cookies.Policy.Warnings() {
		w = append(w, "cookies: "+c)
	}
	if s.sealer != nil && s.sealer.Ephemeral() {
		w = append(w, "cookies: encrypt has no key_env, so cookies end when this process does (hint: a variable with the output of `openssl rand -base64 48`)")
	}
	for i, u := range s.uploads {
		for _, unsafe := range u.UnsafeSettings() {
			w = append(w, fmt.Sprintf("uploads[%d]: %s", i, unsafe))
		}
	}
	for i, t := range s.tokens {
		if t.reissuer == nil {
			continue
		}
		if until := t.reissuer.Grace(); !until.IsZero() {
			w = append(w, fmt.Sprintf("tokens[%d]: unsafe_grace_until lets tokens in that were not issued here, forged ones too, until %s", i, until.UTC().Format(time.RFC3339)))
		}
		if t.reissuer.Ephemeral() {
			w = append(w, fmt.Sprintf("tokens[%d]: no key_env, so re-issued tokens end when this process does (hint: a variable with the output of `openssl rand -base64 48`)", i))
		}
	}
	return w
}

// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package checks

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/panoply-security/panoply/audit/model"
	"github.com/panoply-security/panoply/finding"
	"github.com/panoply-security/panoply/rule"
)

// Mistake 2: routes that log in or cost much, and no limiter on the way to them.

var loginWords = regexp.MustCompile(`(?i)(^|[/_-])(log-?in|sign-?in|authenticate|auth/local|session|sessions|token|otp|2fa|mfa|verify-?otp|reset-?password|password-?reset|forgot-?password|forgot|register|sign-?up)/?$`)

func loginPath(path string) bool { return loginWords.MatchString(path) }

// limiters are packages whose middleware limits.
var limiters = []string{"express-rate-limit", "rate-limiter-flexible", "express-slow-down", "express-brute", "express-limiter", "ratelimiter",
	"express-throttle", "limiter", "ddos", "express-brute-redis", "@nestjs/throttler", "strict-rate-limiter", "rate-limit-redis", "express-rate-limiter", "arcjet", "@arcjet/node", "@upstash/ratelimit", "express-bouncer", "api-rate-limiter"}

func (r *run) limitsEvent(e *model.Event) {
	if e.Route == nil || e.Kind != model.Called {
		return
	}
	why := ""
	if e.Lib != nil {
		last := e.Lib.Path[strings.LastIndexByte(e.Lib.Path, '.')+1:]
		switch {
		case (e.Lib.Mod == "bcrypt" || e.Lib.Mod == "bcryptjs" || e.Lib.Mod == "argon2" || e.Lib.Mod == "@node-rs/argon2" || e.Lib.Mod == "@node-rs/bcrypt") && (strings.HasPrefix(last, "compare") || last == "verify"):
			why = "compares a password"
		case (e.Lib.Mod == "bcrypt" || e.Lib.Mod == "bcryptjs" || e.Lib.Mod == "argon2") && strings.HasPrefix(last, "hash"):
			r.cost(e, "hashes a password")
		case strings.HasPrefix(e.Lib.Mod, "nodemailer") && last == "sendMail":
			r.cost(e, "sends mail")
		case e.Lib.Mod == "child_process" && last != "fork":
			r.cost(e, "starts a process")
		}
	}
	if why != "" {
		r.logins[e.Route] = append(r.logins[e.Route], why)
	}
}

func (r *run) cost(e *model.Event, what string) {
	r.costly[e.Route] = append(r.costly[e.Route], what)
}

func (r *run) limits() {
	for _, rt := range r.p.Routes {
		why := ""
		switch reasons := r.logins[rt]; {
		case len(reasons) > 0:
			why = reasons[0]
		case loginPath(rt.Path) && (rt.Method == "POST" || rt.Method == "PUT" || rt.Method == "ALL"):
			why = "logs in"
		}
		login := why != ""
		if !login {
			if reasons := r.costly[rt]; len(reasons) > 0 {
				why = reasons[0]
			}
		}
		if why == "" || rt.Method == "GET" && !login {
			continue
		}
		l, conds := r.limiter(rt)
		if l == nil {
			r.need(Need{Rule: rule.RateLimitNone, Route: rt, Field: map[bool]string{true: "login"}[login], At: rt.Site})
		}
		switch {
		case l == nil && login:
			r.add(rule.RateLimitNone, rt.Site, nil, fmt.Sprintf("nothing limits %s, which %s", rt.Name(), why), on(rt))
		case l == nil:
			r.add(rule.RateLimitNone, rt.Site, nil, fmt.Sprintf("nothing limits %s, which %s", rt.Name(), why), severity(rule.Medium), confidence(finding.Firm), on(rt))
		case slices.ContainsFunc(conds, func(c model.Cond) bool { return c.Production < 0 }):
			r.add(rule.RateLimitNone, rt.Site, nil, fmt.Sprintf("%s is limited outside production only", rt.Name()), on(rt))
		case login:
			r.weakLimiter(l, rt)
		}
	}
	for _, app := range r.listeners() {
		for _, s := range app.Settings {
			if s.Name == "trust proxy" && isTrue(s.Value) && r.anyLimiter(app) {
				r.add(rule.RateLimitSpoofed, s.At, nil, "trust proxy is true: the address that limits count by is whatever a client writes into X-Forwarded-For")
			}
		}
	}
}

func on(rt *model.Route) func(*finding.Finding) {
	return func(f *finding.Finding) { f.Evidence = append(f.Evidence, "on "+rt.Name()) }
}

func (r *run) anyLimiter(app *model.Router) bool {
	for _, rt := range r.p.Routes {
		if rt.App == app {
			if l, _ := r.limiter(rt); l != nil {
				return true
			}
		}
	}
	return false
}

// limiter is what limits a route, by the package it comes from, by what it does
// or, last, by what it is called. Of several it is the last, which is the route's
// own: one for the whole app comes before it.
func (r *run) limiter(rt *model.Route) (limit model.Value, conds []model.Cond) {
	for i, l := range rt.Chain {
		last := i == len(rt.Chain)-1
		var found model.Value
		model.Each(l.Handler, func(v model.Value) {
			switch x := v.(type) {
			case *model.Call:
				for c := x; c != nil; c = c.Lib.Of {
					if slices.Contains(limiters, c.Lib.Mod) {
						found = x
					}
				}
				if named(x.Lib.Mod) || named(x.Lib.Path) {
					found = x
				}
			case *model.Lib:
				if slices.Contains(limiters, x.Mod) {
					found = x
				}
			case *model.Func:
				if limitsByShape(x, last) {
					found = x
				}
			case *model.Method:
				if named(x.Name) {
					found = x
				} else if c, ok := model.One[*model.Call](x.Recv); ok && slices.Contains(limiters, c.Lib.Mod) {
					found = x
				}
			}
		})
		if found == nil && !last && l.Handler == nil && namedArgument(l.Site, i, rt) {
			found = model.Str{S: "by name"}
		}
		if found != nil && (limit == nil || !slices.ContainsFunc(l.Conds, func(c model.Cond) bool { return c.Production < 0 })) {
			limit, conds = found, l.Conds
		}
	}
	return limit, conds
}

var limiterName = regexp.MustCompile(`(?i)(rate[-_]?limit|limiter|throttl|brute|slow-?down|too-?many)`)

func named(s string) bool { return limiterName.MatchString(s) }

// namedArgument says whether an argument that is not understood is called like a
// limiter.
func namedArgument(at model.Site, i int, rt *model.Route) bool {
	text := at.Text()
	if n := strings.IndexByte(text, '{'); n >= 0 {
		text = text[:n]
	}
	return named(text)
}

var tooMany = regexp.MustCompile(`\b429\b|\.consume\(|TOO_MANY_REQUESTS|\.tryConsume\(|\.removeTokens\(|\.incr\(|\.hit\(`)

// limitsByShape says whether a function of the app limits: it answers 429 or
// asks a limiter.
func limitsByShape(f *model.Func, last bool) bool {
	at := model.Site{File: f.Mod.File, Node: f.Node}
	if tooMany.MatchString(at.Text()) {
		return true
	}
	if n := f.Node.Name(); n != nil && !last && named(n.Text()) {
		return true
	}
	// A function that a factory made may have what it counts with around it.
	if p := f.Node.Parent; p != nil && !last {
		for range 3 {
			if p = p.Parent; p == nil {
				return false
			}
			if n := p.Name; n != nil && p.Body() != nil && p.Name() != nil && named(p.Name().Text()) {
				return true
			}
		}
	}
	return false
}

// weakLimiter looks at the options of a known limiter.
func (r *run) weakLimiter(l model.Value, rt *model.Route) {
	c, ok := l.(*model.Call)
	if !ok || c.Lib.Mod != "express-rate-limit" {
		return
	}
	opts := arg(c.Args, 0)
	for _, name := range []string{"max", "limit"} {
		if v, ok := option(opts, name); ok {
			if n, ok := v.(model.Num); ok && n.F > 100 {
				r.add(rule.RateLimitWeak, c.At, nil, fmt.Sprintf("%v attempts a window are too many for %s", n.F, rt.Name()))
			}
		}
	}
	if v, ok := option(opts, "windowMs"); ok {
		if n, ok := v.(model.Num); ok && n.F < 10_000 {
			r.add(rule.RateLimitWeak, c.At, nil, fmt.Sprintf("a window of %v milliseconds limits nothing", n.F))
		}
	}
	if v, ok := option(opts, "keyGenerator"); ok {
		if f, ok := model.One[*model.Func](v); ok {
			text := strings.ToLower(model.Site{File: f.Mod.File, Node: f.Node}.Text())
			if strings.Contains(text, "headers") || strings.Contains(text, ".get(") || strings.Contains(text, ".header(") {
				r.add(rule.RateLimitSpoofed, c.At, nil, "the limit counts by a header, which every request may write anew")
			}
		}
	}
}

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

// limiters are packages whose middleware limits.
var limiters = []string{"express-rate-limit", "rate-limiter-flexible", "express-slow-down", "express-brute", "express-limiter", "ratelimiter",
	"express-throttle", "limiter", "ddos", "express-brute-redis", "@nestjs/throttler", "strict-rate-limiter", "rate-limit-redis", "express-rate-limiter", "arcjet", "@arcjet/node", "@upstash/ratelimit", "express-bouncer", "api-rate-limiter"}

func (r *run) limitsEvent(e *model.Event) {
	r.limiterEvent(e)
	if e.Route == nil || e.Kind != model.Called {
		return
	}
	if why := signsIn(e); why != "" {
		r.logins[e.Route] = append(r.logins[e.Route], why)
	}
	if what, get := costs(e); what != "" && (get || e.Route.Method != "GET" && e.Route.Method != "HEAD") {
		r.cost(e, what)
	}
}

func (r *run) cost(e *model.Event, what string) {
	r.costly[e.Route] = append(r.costly[e.Route], what)
}

func (r *run) limits() {
	each := false // whether eachRequest was told
	for _, rt := range r.p.Routes {
		why := ""
		changes := rt.Method == "POST" || rt.Method == "PUT" || rt.Method == "PATCH" || rt.Method == "ALL"
		switch reasons := r.logins[rt]; {
		case len(reasons) > 0:
			why = strongest(reasons...)
		case changes && signsInOnTheWay(rt) != "":
			why = signsInOnTheWay(rt)
		case changes && loginPath(rt.Path):
			why = "logs in"
		}
		if why == eachRequest && changes && loginPath(rt.Path) {
			why = "logs in"
		}
		login := why != ""
		if !login {
			if reasons := r.costly[rt]; len(reasons) > 0 {
				why = reasons[0]
			} else if changes && takesFiles(rt) {
				why = "takes files"
			}
		}
		if why == "" {
			continue
		}
		l, conds := r.limiter(rt)
		var faults []weakness
		if l != nil && login {
			faults = r.weak(l, rt)
		}
		development := slices.ContainsFunc(conds, func(c model.Cond) bool { return c.Production < 0 })
		if l == nil || development || len(faults) > 0 {
			r.need(Need{Rule: rule.RateLimitNone, Route: rt, Field: map[bool]string{true: "login"}[login], At: rt.Site})
		}
		at, after := behind(rt)
		switch {
		case l == nil && after:
			r.add(rule.RateLimitWeak, at, nil, fmt.Sprintf("the limiter of %s stands behind the handler, where no request comes", rt.Name()), on(rt))
		case l == nil && r.anew[rt]: // said already
		case l == nil && why == eachRequest:
			if !each {
				each = true
				r.add(rule.RateLimitNone, rt.Site, nil, fmt.Sprintf("nothing limits %s, which %s; other routes that do are not told of one by one", rt.Name(), why), on(rt))
			}
		case l == nil && login:
			r.add(rule.RateLimitNone, rt.Site, nil, fmt.Sprintf("nothing limits %s, which %s", rt.Name(), why), on(rt))
		case l == nil:
			r.add(rule.RateLimitNone, rt.Site, nil, fmt.Sprintf("nothing limits %s, which %s", rt.Name(), why), severity(rule.Medium), confidence(finding.Firm), on(rt))
		case development:
			r.add(rule.RateLimitNone, rt.Site, nil, fmt.Sprintf("%s is limited outside production only", rt.Name()), on(rt))
		}
		for _, f := range faults {
			r.add(f.id, f.at, nil, f.message)
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

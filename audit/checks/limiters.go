// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package checks

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/panoply-security/panoply/audit/model"
	"github.com/panoply-security/panoply/rule"
)

// Mistake 2: limiters that do not limit.

// weakness is why a limiter does not limit.
type weakness struct {
	id      rule.ID
	at      model.Site
	message string
}

// mostAttempts is how many attempts in a quarter of an hour still count as a limit
// of logins: ten a minute.
const mostAttempts = 150

var (
	readsHeader  = regexp.MustCompile(`(?i)req(uest)?\.(headers\b|get\(|header\()|x-forwarded-for|x-real-ip`)
	everNew      = regexp.MustCompile(`(?i)uuid|nanoid|math\.random|randombytes|date\.now|performance\.now`)
	alwaysTrue   = regexp.MustCompile(`^(?:async)?\(?[\w,:]*\)?=>(?:true|\{returntrue;?\})$`)
	forwardedFor = regexp.MustCompile(`(?i)x-forwarded-for|x-real-ip`)
)

// flat is the text of a function without white space.
func flat(f *model.Func) string {
	return strings.Join(strings.Fields(model.Site{File: f.Mod.File, Node: f.Node}.Text()), "")
}

// weak is why a limiter does not limit a route, if so.
func (r *run) weak(l model.Value, rt *model.Route) (all []weakness) {
	if f, ok := l.(*model.Func); ok {
		if at := (model.Site{File: f.Mod.File, Node: f.Node}); forwardedFor.MatchString(at.Text()) {
			all = append(all, weakness{rule.RateLimitSpoofed, at, "the limit counts by a header, which every request may write anew"})
		}
		return all
	}
	c, ok := l.(*model.Call)
	if !ok || c.Lib.Mod != "express-rate-limit" {
		return nil
	}
	add := func(id rule.ID, format string, args ...any) {
		all = append(all, weakness{id, c.At, fmt.Sprintf(format, args...)})
	}
	opts := arg(c.Args, 0)
	window := 60_000.0
	if v, ok := option(opts, "windowMs"); ok {
		if window, ok = number(v); !ok {
			window = 0
		}
	}
	if window > 0 && window < 10_000 {
		add(rule.RateLimitWeak, "a window of %v milliseconds limits nothing", window)
	}
	for _, name := range []string{"max", "limit"} {
		v, _ := option(opts, name)
		n, ok := number(v)
		switch {
		case !ok:
		case n == 0 && r.p.Tree.Major("express-rate-limit") > 0 && r.p.Tree.Major("express-rate-limit") < 7:
			add(rule.RateLimitWeak, "0 switches the limit off")
		case window >= 10_000 && n*900_000/window > mostAttempts:
			add(rule.RateLimitWeak, "%v attempts in %s are too many for %s", n, (time.Duration(min(window, 1e12)) * time.Millisecond).String(), rt.Name())
		}
	}
	if v, ok := option(opts, "skipFailedRequests"); ok && isTrue(v) {
		add(rule.RateLimitWeak, "failed attempts are not counted, and those are what a limit of logins is for")
	}
	if v, ok := option(opts, "skip"); ok {
		if f, ok := model.One[*model.Func](v); ok && alwaysTrue.MatchString(flat(f)) {
			add(rule.RateLimitWeak, "every request is skipped")
		}
	}
	if v, ok := option(opts, "keyGenerator"); ok {
		if f, ok := model.One[*model.Func](v); ok {
			switch text := flat(f); {
			case readsHeader.MatchString(text):
				add(rule.RateLimitSpoofed, "the limit counts by a header, which every request may write anew")
			case everNew.MatchString(text):
				add(rule.RateLimitWeak, "every request is counted under a name of its own")
			}
		}
	}
	return all
}

// limiter is what limits a route, by the package it comes from, by what it does
// or, last, by what it is called. Of several it is the strictest: the last that
// limits, or else the last.
func (r *run) limiter(rt *model.Route) (limit model.Value, conds []model.Cond) {
	strict := false
	for i, l := range rt.Chain {
		found := limiterLink(rt, i)
		if found == nil {
			continue
		}
		holds := !slices.ContainsFunc(l.Conds, func(c model.Cond) bool { return c.Production < 0 }) && len(r.weak(found, rt)) == 0
		if limit == nil || holds || !strict && !slices.ContainsFunc(l.Conds, func(c model.Cond) bool { return c.Production < 0 }) {
			limit, conds, strict = found, l.Conds, strict || holds
		}
	}
	return limit, conds
}

// limiterLink is the limiter that a link of a chain is, or nil.
func limiterLink(rt *model.Route, i int) (found model.Value) {
	l := rt.Chain[i]
	last := i == len(rt.Chain)-1
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
	if _, package1 := found.(*model.Call); package1 && last && rt.Own > 1 {
		return nil // behind the handler, where no request comes
	}
	if found == nil && !last && l.Handler == nil && namedArgument(l.Site, i, rt) {
		found = model.Str{S: "by name"}
	}
	return found
}

// behind says whether a route's limiter stands behind its handler.
func behind(rt *model.Route) (model.Site, bool) {
	if rt.Own < 2 || len(rt.Chain) == 0 {
		return model.Site{}, false
	}
	c, ok := model.One[*model.Call](rt.Chain[len(rt.Chain)-1].Handler)
	return rt.Site, ok && slices.Contains(limiters, c.Lib.Mod)
}

// limiterEvent looks at limiters where they are made.
func (r *run) limiterEvent(e *model.Event) {
	if e.Kind != model.Called || e.Lib == nil {
		return
	}
	last := e.Lib.Path[strings.LastIndexByte(e.Lib.Path, '.')+1:]
	switch e.Lib.Mod {
	case "express-rate-limit":
		if e.Route != nil && !e.Guess && (last == "" || last == "default" || last == "rateLimit") {
			r.anew[e.Route] = true
			r.add(rule.RateLimitWeak, e.At, e, "the limiter is made anew for each request, so it always counts from one")
		}
	case "rate-limiter-flexible":
		opts := arg(e.Args, 0)
		p, _ := option(opts, "points")
		d, _ := option(opts, "duration")
		points, ok := number(p)
		seconds, ok2 := number(d)
		if e.New && ok && ok2 && seconds > 0 && points*900/seconds > 100*mostAttempts {
			r.add(rule.RateLimitWeak, e.At, e, fmt.Sprintf("%v points in %v seconds limit nothing", points, seconds))
		}
	}
}

// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package checks

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/panoply-security/panoply/audit/model"
	"github.com/panoply-security/panoply/finding"
	"github.com/panoply-security/panoply/rule"
)

// Mistake 5: sessions, cookies and tokens.

func (r *run) sessionEvent(e *model.Event) {
	if e.Kind == model.Responded && e.Name == "cookie" {
		r.cookie(e)
		return
	}
	if e.Kind != model.Called || e.Lib == nil {
		return
	}
	opts := arg(e.Args, 0)
	last := e.Lib.Path[strings.LastIndexByte(e.Lib.Path, '.')+1:]
	switch e.Lib.Mod {
	case "cors":
		if origin, ok := option(opts, "origin"); ok {
			model.Each(origin, func(v model.Value) { r.origin(v, e) })
		}
	case "express-session":
		if e.Lib.Path == "" || e.Lib.Path == "default" {
			r.session(opts, e)
		}
	case "cookie-session":
		if secret, ok := option(opts, "secret"); ok {
			r.secret(rule.SessionWeakSecret, secret, e)
		}
		if list, ok := option(opts, "keys"); ok {
			if o, ok := model.One[*model.Obj](list); ok {
				for _, k := range o.Elems {
					r.secret(rule.SessionWeakSecret, k, e)
				}
			}
		}
		r.cookieFlags(opts, e, true)
	case "jsonwebtoken":
		switch last {
		case "sign":
			r.sign(e)
		case "verify":
			r.verify(e)
		case "decode":
			if e.Route != nil {
				r.add(rule.TokenUnverified, e.At, e, "jwt.decode reads a token without checking its signature", confidence(finding.Firm))
			}
		}
	case "express-jwt":
		if secret, ok := option(opts, "secret"); ok {
			r.secret(rule.TokenWeakSecret, secret, e)
		}
	case "passport-jwt":
		if secret, ok := option(opts, "secretOrKey"); ok {
			r.secret(rule.TokenWeakSecret, secret, e)
		}
		if v, ok := option(opts, "ignoreExpiration"); ok && isTrue(v) {
			r.add(rule.TokenNoExpiry, e.At, e, "expired tokens are accepted")
		}
	case "cookie-parser":
		if s, ok := opts.(model.Str); ok {
			r.secret(rule.SessionWeakSecret, s, e)
		}
	}
}

// origin notes a front end that must be able to read the guard's answers.
func (r *run) origin(v model.Value, e *model.Event) {
	switch x := v.(type) {
	case model.Str:
		if strings.HasPrefix(x.S, "http://") || strings.HasPrefix(x.S, "https://") {
			r.need(Need{Rule: rule.HeadersCORSCredentials, Field: x.S, At: e.At})
		}
	case *model.Obj:
		for _, el := range x.Elems {
			r.origin(el, e)
		}
	}
}

// secret reports a secret that is written in the source, or stands in for a
// variable that is not set.
func (r *run) secret(id rule.ID, v model.Value, e *model.Event) {
	model.Each(v, func(v model.Value) {
		switch x := v.(type) {
		case model.Str:
			r.add(id, e.At, e, "the secret is written in the source, so everybody who sees the code can sign", mask(x.S))
		case *model.Env:
			if s, ok := model.Constant(x.Default); ok {
				r.add(id, e.At, e, fmt.Sprintf("when %s is not set, a secret from the source is used", x.Name), severity(rule.High), mask(s))
			}
		case *model.Obj:
			if x.Array && len(x.Elems) > 0 {
				r.secret(id, x.Elems[0], e)
			}
		}
	})
}

// mask keeps a secret out of a finding.
func mask(secret string) func(*finding.Finding) {
	return func(f *finding.Finding) {
		if len(secret) < 3 {
			return
		}
		shown := secret[:2] + "…"
		for i := range f.Evidence {
			f.Evidence[i] = strings.ReplaceAll(f.Evidence[i], secret, shown)
		}
		f.Anchor = strings.ReplaceAll(f.Anchor, secret, shown)
	}
}

func (r *run) session(opts model.Value, e *model.Event) {
	o, ok := model.One[*model.Obj](opts)
	if !ok {
		return
	}
	if secret, ok := o.Get("secret"); ok {
		r.secret(rule.SessionWeakSecret, secret, e)
	}
	cookie, has := o.Get("cookie")
	if has {
		r.cookieFlags(cookie, e, false)
	} else if closed(o) {
		r.add(rule.SessionCookieSecure, e.At, e, "the session cookie has neither Secure nor SameSite nor an end")
	}
	var faults []string
	if _, ok := o.Get("store"); !ok && closed(o) {
		faults = append(faults, "sessions are kept in memory")
	}
	if v, ok := o.Get("saveUninitialized"); ok && isTrue(v) || !ok && closed(o) {
		faults = append(faults, "every visitor gets one (saveUninitialized)")
	}
	if v, ok := o.Get("resave"); ok && isTrue(v) {
		faults = append(faults, "each request writes its session anew (resave)")
	}
	if len(faults) > 0 {
		r.add(rule.SessionMemoryStore, e.At, e, strings.Join(faults, ", "))
	}
}

// cookieFlags looks at a cookie's options; httpOnly says that they lack HttpOnly unless
// told otherwise.
func (r *run) cookieFlags(v model.Value, e *model.Event, session bool) {
	o, ok := model.One[*model.Obj](v)
	if !ok {
		return
	}
	var faults []string
	id := rule.SessionCookieLifetime
	flag := func(name, title string, worse rule.ID, missing bool) {
		f, ok := o.Get(name)
		if ok && isFalse(f) || !ok && missing && closed(o) {
			faults = append(faults, title)
			if id == rule.SessionCookieLifetime {
				id = worse
			}
		}
	}
	flag("secure", "Secure", rule.SessionCookieSecure, true)
	flag("httpOnly", "HttpOnly", rule.SessionCookieHTTPOnly, false)
	flag("sameSite", "SameSite", rule.SessionCookieSameSite, true)
	if _, ok := o.Get("maxAge"); !ok && closed(o) {
		if _, ok := o.Get("expires"); !ok {
			faults = append(faults, "an end")
		}
	}
	if len(faults) > 0 {
		r.add(id, e.At, e, "the session cookie lacks "+strings.Join(faults, ", "))
	}
}

var sessionCookie = regexp.MustCompile(`(?i)(^|[._-])(sess|session|sessionid|sid|token|jwt|auth|access_?token|refresh_?token|remember_?me|connect\.sid)([._-]|$)|token$`)

// cookie looks at res.cookie of what is named like a session or token.
func (r *run) cookie(e *model.Event) {
	name, ok := model.Constant(arg(e.Args, 0))
	if v, set := option(arg(e.Args, 2), "httpOnly"); ok && !sessionCookie.MatchString(name) && !(set && isTrue(v)) {
		r.need(Need{Rule: rule.SessionCookieHTTPOnly, Route: e.Route, Field: name, At: e.At})
	}
	if !ok || !sessionCookie.MatchString(name) || strings.Contains(strings.ToLower(name), "csrf") || strings.Contains(strings.ToLower(name), "xsrf") {
		return
	}
	opts := argOr(e.Args[min(2, len(e.Args)):])
	var faults []string
	id := rule.ID("")
	for _, f := range []struct {
		name, title string
		id          rule.ID
	}{{"httpOnly", "HttpOnly", rule.SessionCookieHTTPOnly}, {"secure", "Secure", rule.SessionCookieSecure}, {"sameSite", "SameSite", rule.SessionCookieSameSite}} {
		v, ok := option(opts, f.name)
		if ok && isFalse(v) || !ok && closed(opts) {
			faults = append(faults, f.title)
			if id == "" || f.id == rule.SessionCookieSecure {
				id = f.id
			}
		}
	}
	if len(faults) > 0 {
		r.add(id, e.At, e, fmt.Sprintf("the cookie %s lacks %s", name, strings.Join(faults, ", ")))
	}
}

func (r *run) sign(e *model.Event) {
	r.secret(rule.TokenWeakSecret, arg(e.Args, 1), e)
	opts := argOr(e.Args[min(2, len(e.Args)):])
	if _, isFunc := opts.(*model.Func); isFunc {
		opts = &model.Undef{}
	}
	if v, ok := option(opts, "algorithm"); ok {
		if s, _ := model.Constant(v); strings.EqualFold(s, "none") {
			r.add(rule.TokenAlgNone, e.At, e, "the token is not signed")
		}
	}
	if _, ok := option(opts, "expiresIn"); ok || !closed(opts) {
		return
	}
	payload := arg(e.Args, 0)
	if _, ok := option(payload, "exp"); ok || payload == nil {
		return
	}
	if o, ok := model.One[*model.Obj](payload); ok && o.Open {
		return
	}
	r.add(rule.TokenNoExpiry, e.At, e, "the token never expires: neither expiresIn nor exp is given")
}

func (r *run) verify(e *model.Event) {
	key := arg(e.Args, 1)
	r.secret(rule.TokenWeakSecret, key, e)
	switch x := key.(type) {
	case *model.Undef:
		r.add(rule.TokenAlgNone, e.At, e, "the token is verified without a key")
	case model.Str:
		if x.S == "" {
			r.add(rule.TokenAlgNone, e.At, e, "the token is verified without a key")
		}
	}
	opts := arg(e.Args, 2)
	if v, ok := option(opts, "ignoreExpiration"); ok && isTrue(v) {
		r.add(rule.TokenNoExpiry, e.At, e, "expired tokens are accepted")
	}
	if list, ok := option(opts, "algorithms"); ok {
		if o, ok := model.One[*model.Obj](list); ok {
			for _, a := range o.Elems {
				if s, _ := model.Constant(a); strings.EqualFold(s, "none") {
					r.add(rule.TokenAlgNone, e.At, e, "unsigned tokens are accepted")
				}
			}
		}
	}
}

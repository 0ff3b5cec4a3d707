// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package checks

import (
	"fmt"
	"strings"

	"github.com/panoply-security/panoply/audit/model"
	"github.com/panoply-security/panoply/finding"
	"github.com/panoply-security/panoply/rule"
)

// Mistake 5: sessions, cookies and tokens.

func (r *run) sessionEvent(e *model.Event) {
	if e.Development() {
		return
	}
	if e.Kind == model.Responded {
		r.cookieSent(e)
		return
	}
	if e.Kind != model.Called || e.Lib == nil {
		return
	}
	opts := arg(e.Args, 0)
	switch e.Lib.Mod {
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
		r.cookieFlags(opts, e)
	case "cookie-parser":
		r.secret(rule.SessionWeakSecret, opts, e)
	default:
		r.cookiePackage(e)
		r.tokenEvent(e)
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
		r.cookieFlags(cookie, e)
	} else if closed(o) {
		r.add(rule.SessionCookieSecure, e.At, e, "the session cookie has neither Secure nor SameSite nor an end")
	}
	var faults []string
	if store, ok := o.Get("store"); !ok && closed(o) || memoryStore(store) {
		faults = append(faults, "sessions are kept in memory")
	}
	if v, ok := o.Get("saveUninitialized"); ok && isTrue(v) || !ok && closed(o) {
		faults = append(faults, "every visitor gets one (saveUninitialized)")
	}
	if v, ok := o.Get("resave"); ok && isTrue(v) || !ok && closed(o) {
		faults = append(faults, "each request writes its session anew (resave)")
	}
	if len(faults) > 0 {
		r.add(rule.SessionMemoryStore, e.At, e, strings.Join(faults, ", "))
	}
}

// memoryStore says whether a store is the one that express-session has for
// trying things out.
func memoryStore(v model.Value) bool {
	switch x := v.(type) {
	case *model.Undef:
		return true
	case *model.Call:
		return x.Lib.Mod == "express-session" && strings.HasSuffix(x.Lib.Path, "MemoryStore")
	}
	return false
}

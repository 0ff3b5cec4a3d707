// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package checks

import (
	"fmt"
	"slices"
	"strings"

	"github.com/panoply-security/panoply/audit/model"
	"github.com/panoply-security/panoply/finding"
	"github.com/panoply-security/panoply/rule"
)

// Mistake 1: no security headers, or too late, or the best of them switched off.

// wanted are the headers that count, as an app sets them by hand, the functions
// of helmet and other packages that set each, and lusca's option.
var wanted = []struct{ header, functions, lusca string }{
	{"content-security-policy", "helmet.contentSecurityPolicy helmet.csp helmet-csp.", "csp"},
	{"strict-transport-security", "helmet.hsts helmet.strictTransportSecurity hsts.", "hsts"},
	{"x-content-type-options", "helmet.noSniff helmet.xContentTypeOptions dont-sniff-mimetype.", "nosniff"},
	{"x-frame-options", "helmet.frameguard helmet.xFrameOptions frameguard. x-frame-options.", "xframe"},
	{"referrer-policy", "helmet.referrerPolicy referrer-policy.", "referrerPolicy"},
	{"-x-powered-by", "helmet.hidePoweredBy helmet.xPoweredBy hide-powered-by.", ""},
}

// headersEvent notes the headers that an app sets by hand where all its answers
// get them: in a middleware before the routes.
func (r *run) headersEvent(e *model.Event) {
	if e.Kind != model.Responded || e.Route == nil {
		return
	}
	each := func(name string, v model.Value) {
		name = strings.ToLower(name)
		if text, ok := v.(model.Str); ok && name == "content-security-policy" && !e.Development() {
			r.policy(text.S, e)
		}
		if r.everywhere(e) && len(r.sent[e.Route.App]) < 200 {
			if r.sent[e.Route.App] == nil {
				r.sent[e.Route.App] = map[string]bool{}
			}
			r.sent[e.Route.App][name] = true
		}
	}
	switch e.Name {
	case "setHeader", "set", "header", "append":
		if s, ok := model.Constant(arg(e.Args, 0)); ok {
			each(s, arg(e.Args, 1))
		}
		if o, ok := model.One[*model.Obj](arg(e.Args, 0)); ok {
			for _, k := range o.Keys() {
				v, _ := o.Get(k)
				each(k, v)
			}
		}
	case "removeHeader":
		if s, ok := model.Constant(arg(e.Args, 0)); ok {
			each("-"+s, nil)
		}
	}
}

// everywhere says whether an event happens on the way to every answer.
func (r *run) everywhere(e *model.Event) bool {
	if e.Development() || e.Route.App == nil {
		return false
	}
	if e.Route.Method != "USE" {
		return !e.Own && covering(e.Mount)
	}
	return covering(e.Route.Path) && !slices.ContainsFunc(r.p.Routes, func(rt *model.Route) bool { return rt.App == e.Route.App })
}

// policy looks at a Content-Security-Policy written by hand.
func (r *run) policy(text string, e *model.Event) {
	scripts, found := "", false
	for _, d := range strings.Split(text, ";") {
		name, list, _ := strings.Cut(strings.TrimSpace(d), " ")
		switch strings.ToLower(name) {
		case "script-src":
			scripts, found = list, true
		case "default-src":
			if !found {
				scripts = list
			}
		}
	}
	for _, s := range strings.Fields(scripts) {
		if weakSource(s) && !strings.Contains(scripts, "'nonce-") && !strings.Contains(scripts, "'strict-dynamic'") {
			r.add(rule.HeadersCSPWeak, e.At, e, fmt.Sprintf("the Content-Security-Policy has %s for scripts", s))
			return
		}
	}
}

// weakSource says whether a source of scripts lets injected ones run.
func weakSource(s string) bool {
	switch strings.ToLower(s) {
	case "'unsafe-inline'", "'unsafe-eval'", "*", "https:", "http:", "data:", "http://*", "https://*":
		return true
	}
	return false
}

// listeners are the apps that answer the world.
func (r *run) listeners() []*model.Router {
	var apps []*model.Router
	for _, a := range r.p.Apps {
		if len(a.Events) > 0 && (len(r.p.Listening) == 0 || slices.Contains(r.p.Listening, a)) {
			apps = append(apps, a)
		}
	}
	if len(apps) == 0 {
		for _, a := range r.p.Apps {
			if len(a.Events) > 0 {
				apps = append(apps, a)
			}
		}
	}
	return apps
}

func (r *run) headers() {
	for _, app := range r.listeners() {
		r.headersOf(app)
	}
}

// isHelmet says whether a handler is all of helmet.
func isHelmet(v model.Value) (*model.Call, bool) {
	c, ok := model.One[*model.Call](v)
	return c, ok && c.Lib.Mod == "helmet" && (c.Lib.Path == "" || c.Lib.Path == "default" || c.Lib.Path == "helmet")
}

func (r *run) headersOf(app *model.Router) {
	var all []*model.Use
	set := map[string]bool{}
	for name := range r.sent[app] {
		set[name] = true
	}
	for _, u := range r.p.Uses {
		c, ok := model.One[*model.Call](u.Handler)
		if u.App != app || !ok {
			continue
		}
		if _, ok := isHelmet(u.Handler); ok {
			all = append(all, u)
			continue
		}
		if !covering(u.Path) || slices.ContainsFunc(u.Conds, func(c model.Cond) bool { return c.Production < 0 }) {
			continue
		}
		function := strings.TrimPrefix(strings.TrimPrefix(c.Lib.Path, "default"), ".")
		for _, w := range wanted {
			_, has := option(arg(c.Args, 0), w.lusca)
			if slices.Contains(strings.Fields(w.functions), c.Lib.Mod+"."+function) || c.Lib.Mod == "lusca" && w.lusca != "" && (function == w.lusca || has) {
				set[w.header] = true
			}
		}
	}
	off := r.poweredOff(app) || set["-x-powered-by"]
	if len(all) > 0 {
		r.helmet(app, all, off)
		return
	}
	n := 0
	for _, w := range wanted {
		if set[w.header] && w.header[0] != '-' {
			n++
		}
	}
	if n >= 3 {
		if !set["content-security-policy"] {
			r.add(rule.HeadersCSPMissing, app.At, nil, "the app sets security headers by hand, but no Content-Security-Policy", confidence(finding.Firm))
		}
		if !off {
			r.add(rule.HeadersPoweredBy, app.At, nil, "the app sets security headers by hand, and X-Powered-By still names Express")
		}
		return
	}
	message := "the app sends no security headers: helmet is not used"
	if n > 0 {
		message = fmt.Sprintf("the app sends %d of helmet's headers", n)
	}
	if !off {
		message += ", and X-Powered-By names Express"
	}
	r.add(rule.HeadersNone, app.At, nil, message)
}

// poweredOff says whether X-Powered-By is taken off.
func (r *run) poweredOff(app *model.Router) bool {
	return slices.ContainsFunc(app.Settings, func(s model.Setting) bool {
		return strings.EqualFold(s.Name, "x-powered-by") && isFalse(s.Value)
	})
}

func covering(path string) bool { return path == "" || path == "/" || path == "*" }

// helmet looks at how an app uses helmet.
func (r *run) helmet(app *model.Router, all []*model.Use, off bool) {
	u := all[0]
	for _, one := range all {
		if covering(one.Path) {
			u = one
			break
		}
	}
	if rt := r.bare(app); rt != nil {
		switch {
		case !covering(u.Path):
			r.add(rule.HeadersNone, u.Site, nil, fmt.Sprintf("helmet covers %s only: %s has no security headers", u.Path, rt.Name()))
		case u.After(rt):
			r.add(rule.HeadersNone, u.Site, nil, fmt.Sprintf("helmet comes after %s, whose answers carry no security headers", rt.Name()))
		default:
			r.add(rule.HeadersNone, u.Site, nil, "helmet is used outside production only")
		}
	} else if files := r.filesBefore(app, u); files != nil && covering(u.Path) {
		r.add(rule.HeadersNone, u.Site, nil, "helmet comes after express.static, whose pages carry no security headers")
	}
	if len(u.Conds) > 0 && u.Conds[0].Production == 0 {
		r.add(rule.HeadersNone, u.Site, nil, fmt.Sprintf("helmet is used only if %s", short(u.Conds[0].Text)), severity(rule.Low), confidence(finding.Firm))
	}
	c, _ := isHelmet(u.Handler)
	opts := arg(c.Args, 0)
	r.helmetPolicy(u, c)
	for _, o := range []struct {
		option string
		id     rule.ID
	}{{"hsts", rule.HeadersHSTS}, {"strictTransportSecurity", rule.HeadersHSTS}, {"frameguard", rule.HeadersFraming}, {"xFrameOptions", rule.HeadersFraming},
		{"noSniff", rule.HeadersNoSniff}, {"xContentTypeOptions", rule.HeadersNoSniff}, {"referrerPolicy", rule.HeadersReferrer},
		{"hidePoweredBy", rule.HeadersPoweredBy}, {"xPoweredBy", rule.HeadersPoweredBy}} {
		if v, ok := option(opts, o.option); ok && isFalse(v) && !(o.id == rule.HeadersPoweredBy && off) {
			r.add(o.id, u.Site, nil, fmt.Sprintf("helmet's %s is switched off", o.option), severity(rule.Low))
		}
	}
	for _, name := range []string{"hsts", "strictTransportSecurity"} {
		if v, ok := option(opts, name, "maxAge"); ok {
			if n, ok := number(v); ok && n < halfYear {
				r.add(rule.HeadersHSTS, u.Site, nil, fmt.Sprintf("Strict-Transport-Security is promised for %.0f seconds; half a year is the least that counts", n), severity(rule.Low))
			}
		}
	}
}

// halfYear is the least time of Strict-Transport-Security that counts, in
// seconds.
const halfYear = 15_768_000

// bare is the first route of an app that helmet does not cover in production.
func (r *run) bare(app *model.Router) *model.Route {
	for _, rt := range r.p.Routes {
		if rt.App == app && !slices.ContainsFunc(rt.Chain, func(l model.Link) bool {
			_, ok := isHelmet(l.Handler)
			return ok && !slices.ContainsFunc(l.Conds, func(c model.Cond) bool { return c.Production < 0 })
		}) {
			return rt
		}
	}
	return nil
}

// filesBefore is a folder that is served before helmet's turn.
func (r *run) filesBefore(app *model.Router, helmet *model.Use) *model.Use {
	for _, u := range r.p.Uses {
		c, ok := model.One[*model.Call](u.Handler)
		if u.App == app && ok && u.Before(helmet) && (c.Lib.Mod == "serve-static" || c.Lib.Mod == "express" && strings.HasSuffix(c.Lib.Path, "static")) {
			return u
		}
	}
	return nil
}

// helmetPolicy looks at helmet's Content-Security-Policy.
func (r *run) helmetPolicy(u *model.Use, c *model.Call) {
	csp, ok := option(arg(c.Args, 0), "contentSecurityPolicy")
	switch {
	case ok && isFalse(csp):
		r.add(rule.HeadersCSPMissing, u.Site, nil, "helmet's Content-Security-Policy is switched off")
		return
	case !ok && closed(argOr(c.Args)):
		if m := r.p.Tree.Major("helmet"); m > 0 && m < 4 {
			r.add(rule.HeadersCSPMissing, u.Site, nil, fmt.Sprintf("helmet %d sends no Content-Security-Policy unless it is given one", m))
		}
		return
	case !ok:
		return
	}
	if v, ok := option(csp, "reportOnly"); ok && isTrue(v) {
		r.add(rule.HeadersCSPMissing, u.Site, nil, "helmet's Content-Security-Policy only reports", severity(rule.Low))
	}
	directives, _ := option(csp, "directives")
	for _, name := range []string{"scriptSrc", "script-src", "defaultSrc", "default-src"} {
		list, ok := option(directives, name)
		if !ok {
			continue
		}
		if o, ok := model.One[*model.Obj](list); ok {
			for _, el := range o.Elems {
				if s, _ := model.Constant(el); weakSource(s) {
					r.add(rule.HeadersCSPWeak, u.Site, nil, fmt.Sprintf("the Content-Security-Policy has %s in %s", s, name))
					break
				}
			}
		}
		break
	}
}

func argOr(args []model.Value) model.Value {
	if len(args) == 0 {
		return &model.Undef{}
	}
	return args[0]
}

func short(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if len(s) > 60 {
		s = s[:60] + "…"
	}
	return s
}

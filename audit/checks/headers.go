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

// byHand are the headers that count when an app sets them itself.
var byHand = []string{"content-security-policy", "strict-transport-security", "x-content-type-options", "x-frame-options", "referrer-policy"}

func (r *run) headersEvent(e *model.Event) {
	if e.Kind != model.Responded || e.Route == nil || e.Route.Method != "USE" && len(e.Route.Chain) == e.Route.Own {
		return
	}
	switch e.Name {
	case "setHeader", "set", "header", "append":
		if s, ok := model.Constant(arg(e.Args, 0)); ok {
			r.sent[strings.ToLower(s)] = true
		}
		if o, ok := model.One[*model.Obj](arg(e.Args, 0)); ok {
			for _, k := range o.Keys() {
				r.sent[strings.ToLower(k)] = true
			}
		}
	case "removeHeader":
		if s, ok := model.Constant(arg(e.Args, 0)); ok {
			r.sent["-"+strings.ToLower(s)] = true
		}
	}
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

func (r *run) headersOf(app *model.Router) {
	var full *model.Use
	parts := map[string]bool{}
	for _, u := range r.p.Uses {
		c, ok := model.One[*model.Call](u.Handler)
		if u.App != app || !ok || !covering(u.Path) {
			continue
		}
		lib := c.Lib
		switch {
		case lib.Mod == "helmet" && (lib.Path == "" || lib.Path == "default" || lib.Path == "helmet"):
			if full == nil {
				full = u
			}
		case lib.Mod == "helmet" || lib.Mod == "lusca" || lib.Mod == "hsts" || lib.Mod == "frameguard" || lib.Mod == "helmet-csp" || lib.Mod == "dont-sniff-mimetype":
			parts[lib.Mod+"."+lib.Path] = true
		}
	}
	if full != nil {
		r.helmet(app, full)
		return
	}
	set := len(parts)
	for _, h := range byHand {
		if r.sent[h] {
			set++
		}
	}
	if set >= 3 {
		if !r.sent["content-security-policy"] && !slices.ContainsFunc(keys(parts), func(k string) bool {
			return strings.Contains(k, "contentSecurityPolicy") || strings.Contains(k, "csp")
		}) {
			r.add(rule.HeadersCSPMissing, app.At, nil, "the app sets security headers by hand, but no Content-Security-Policy", confidence(finding.Firm))
		}
		return
	}
	message := "the app sends no security headers: helmet is not used"
	if set > 0 {
		message = fmt.Sprintf("the app sends %d of helmet's headers", set)
	}
	if !r.poweredOff(app) {
		message += ", and X-Powered-By names Express"
	}
	r.add(rule.HeadersNone, app.At, nil, message)
}

func keys(m map[string]bool) (all []string) {
	for k := range m {
		all = append(all, k)
	}
	return all
}

// poweredOff says whether X-Powered-By is taken off.
func (r *run) poweredOff(app *model.Router) bool {
	for _, s := range app.Settings {
		if strings.EqualFold(s.Name, "x-powered-by") && isFalse(s.Value) {
			return true
		}
	}
	return r.sent["-x-powered-by"]
}

func covering(path string) bool { return path == "" || path == "/" || path == "*" }

// helmet looks at how an app uses helmet.
func (r *run) helmet(app *model.Router, u *model.Use) {
	c, _ := model.One[*model.Call](u.Handler)
	for _, rt := range r.p.Routes {
		if rt.App == app && u.After(rt) {
			r.add(rule.HeadersNone, u.Site, nil, fmt.Sprintf("helmet comes after %s, whose answers carry no security headers", rt.Name()))
			break
		}
	}
	if len(u.Conds) > 0 && u.Conds[0].Production == 0 {
		r.add(rule.HeadersNone, u.Site, nil, fmt.Sprintf("helmet is used only if %s", short(u.Conds[0].Text)), severity(rule.Low), confidence(finding.Firm))
	}
	csp, ok := option(arg(c.Args, 0), "contentSecurityPolicy")
	switch {
	case ok && isFalse(csp):
		r.add(rule.HeadersCSPMissing, u.Site, nil, "helmet's Content-Security-Policy is switched off")
	case !ok && closed(argOr(c.Args)):
		if m := r.p.Tree.Major("helmet"); m > 0 && m < 4 {
			r.add(rule.HeadersCSPMissing, u.Site, nil, fmt.Sprintf("helmet %d sends no Content-Security-Policy unless it is given one", m))
		}
	case ok:
		directives, _ := option(csp, "directives")
		for _, name := range []string{"scriptSrc", "script-src", "defaultSrc", "default-src"} {
			list, ok := option(directives, name)
			if !ok {
				continue
			}
			if o, ok := model.One[*model.Obj](list); ok {
				for _, el := range o.Elems {
					if s, _ := model.Constant(el); s == "'unsafe-inline'" || s == "*" || s == "'unsafe-eval'" && strings.HasPrefix(name, "script") {
						r.add(rule.HeadersCSPWeak, u.Site, nil, fmt.Sprintf("the Content-Security-Policy has %s in %s", s, name))
					}
				}
			}
			break
		}
	}
	for option1, id := range map[string]rule.ID{"hsts": rule.HeadersHSTS, "strictTransportSecurity": rule.HeadersHSTS, "frameguard": rule.HeadersFraming, "xFrameOptions": rule.HeadersFraming, "noSniff": rule.HeadersNoSniff, "xContentTypeOptions": rule.HeadersNoSniff} {
		if v, ok := option(arg(c.Args, 0), option1); ok && isFalse(v) {
			r.add(id, u.Site, nil, fmt.Sprintf("helmet's %s is switched off", option1), severity(rule.Low))
		}
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

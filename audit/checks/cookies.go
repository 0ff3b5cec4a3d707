// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package checks

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	ts "github.com/microsoft/typescript-go/panoply"

	"github.com/panoply-security/panoply/audit/model"
	"github.com/panoply-security/panoply/rule"
)

// Mistake 5: cookies that carry sessions and tokens.

// What lasts longer is worth a finding, as for a scan; what is there to sign in
// anew with may last a quarter of a year.
const (
	longSession = 7 * 24 * time.Hour
	longToken   = 24 * time.Hour
	longRefresh = 92 * 24 * time.Hour
)

// days is a time as people say it.
func days(d time.Duration) string {
	if d < 48*time.Hour {
		return fmt.Sprintf("%.0f hours", d.Hours())
	}
	return fmt.Sprintf("%.0f days", d.Hours()/24)
}

// number is a number, or what stands in for a variable that holds one.
func number(v model.Value) (float64, bool) {
	switch x := v.(type) {
	case model.Num:
		return x.F, true
	case *model.Env:
		return number(x.Default)
	}
	return 0, false
}

// milliseconds is an option of a cookie as a time, bounded.
func milliseconds(opts model.Value, name string) time.Duration {
	v, _ := option(opts, name)
	n, ok := number(v)
	if !ok || n != n {
		return 0
	}
	return time.Duration(max(0, min(n, 1e14))) * time.Millisecond
}

// cookieFlags looks at the cookie of a session.
func (r *run) cookieFlags(v model.Value, e *model.Event) {
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
	long := milliseconds(o, "maxAge")
	switch {
	case len(faults) > 0 && long > longSession:
		r.add(id, e.At, e, fmt.Sprintf("the session cookie lacks %s, and lasts %s", strings.Join(faults, ", "), days(long)))
	case len(faults) > 0:
		r.add(id, e.At, e, "the session cookie lacks "+strings.Join(faults, ", "))
	case long > longSession:
		r.add(id, e.At, e, "the session cookie lasts "+days(long))
	}
}

var sessionCookie = regexp.MustCompile(`(?i)(^|[._-])(sess|session|sessionid|sid|token|jwt|auth|access_?token|refresh_?token|remember_?me|connect\.sid)([._-]|$)|token$`)

// refreshes tells what is kept to sign in anew with.
var refreshes = regexp.MustCompile(`(?i)refresh|remember`)

// isSession says whether a cookie is named like a session or token.
func isSession(name string) bool {
	low := strings.ToLower(name)
	return sessionCookie.MatchString(name) && !strings.Contains(low, "csrf") && !strings.Contains(low, "xsrf")
}

// cookieSent looks at the cookies that an answer sets.
func (r *run) cookieSent(e *model.Event) {
	switch e.Name {
	case "cookie":
		name, ok := model.Constant(arg(e.Args, 0))
		if v, set := option(arg(e.Args, 2), "httpOnly"); ok && !sessionCookie.MatchString(name) && !(set && isTrue(v)) {
			r.need(Need{Rule: rule.SessionCookieHTTPOnly, Route: e.Route, Field: name, At: e.At})
		}
		if ok {
			r.cookie(name, argOr(e.Args[min(2, len(e.Args)):]), e, false)
		}
	case "setHeader", "set", "header", "append":
		if s, _ := model.Constant(arg(e.Args, 0)); strings.EqualFold(s, "set-cookie") && len(e.Args) > 1 {
			r.cookieByHand(e)
		}
	}
}

// cookiePackage looks at what packages are told that write cookies.
func (r *run) cookiePackage(e *model.Event) {
	switch {
	case e.Lib.Mod == "cookie" && e.Lib.Path == "serialize":
		if name, ok := model.Constant(arg(e.Args, 0)); ok {
			r.cookie(name, argOr(e.Args[min(2, len(e.Args)):]), e, false)
		}
	case e.Lib.Mod == "cookies" && strings.HasSuffix(e.Lib.Path, ".set"):
		if name, ok := model.Constant(arg(e.Args, 0)); ok && len(e.Args) > 1 {
			r.cookie(name, argOr(e.Args[min(2, len(e.Args)):]), e, true)
		}
	}
}

// cookie looks at a cookie that is named like a session or token; safe says that
// it has HttpOnly, and Secure where the request came over TLS, unless told
// otherwise.
func (r *run) cookie(name string, opts model.Value, e *model.Event, safe bool) {
	if !isSession(name) {
		return
	}
	var faults []string
	id := rule.ID("")
	for _, f := range []struct {
		name, title string
		id          rule.ID
	}{{"httpOnly", "HttpOnly", rule.SessionCookieHTTPOnly}, {"secure", "Secure", rule.SessionCookieSecure}, {"sameSite", "SameSite", rule.SessionCookieSameSite}} {
		v, ok := option(opts, f.name)
		if ok && isFalse(v) || !ok && closed(opts) && !(safe && f.name != "sameSite") {
			faults = append(faults, f.title)
			if id == "" || f.id == rule.SessionCookieSecure {
				id = f.id
			}
		}
	}
	most := longSession
	if refreshes.MatchString(name) {
		most = longRefresh
	}
	long := milliseconds(opts, "maxAge")
	if e.Lib != nil && e.Lib.Mod == "cookie" {
		long = min(long, 1e14*time.Microsecond) * 1000 // it counts seconds
	}
	if long > most {
		if len(faults) == 0 {
			r.add(rule.SessionCookieLifetime, e.At, e, fmt.Sprintf("the cookie %s lasts %s", name, days(long)))
			return
		}
		faults = append(faults, "an end before "+days(long))
	}
	if len(faults) > 0 {
		r.add(id, e.At, e, fmt.Sprintf("the cookie %s lacks %s", name, strings.Join(faults, ", ")))
	}
}

// cookieText is a cookie in a text of the source's, up to its attributes.
var cookieText = regexp.MustCompile("^['\"`]([A-Za-z0-9_.-]+)=")

// cookieByHand looks at a Set-Cookie header that the app puts together.
func (r *run) cookieByHand(e *model.Event) {
	var texts []string
	args := e.At.Node.Arguments()
	if len(args) < 2 {
		return
	}
	values := []*ts.Node{args[1]}
	if args[1].Kind == ts.KindArrayLiteralExpression {
		values = args[1].Elements()
	}
	for _, n := range values {
		texts = append(texts, model.Site{File: e.At.File, Node: n}.Text())
	}
	if s, ok := e.Args[1].(model.Str); ok {
		texts = []string{"'" + s.S + "'"}
	}
	for _, text := range texts {
		m := cookieText.FindStringSubmatch(text)
		if m == nil || !isSession(m[1]) {
			continue
		}
		low := strings.ToLower(text)
		if strings.Contains(low, "flags") || strings.Contains(low, "attr") || strings.Contains(low, "opt") {
			continue // they are put in elsewhere
		}
		var faults []string
		id := rule.ID("")
		for _, f := range []struct {
			title string
			id    rule.ID
		}{{"HttpOnly", rule.SessionCookieHTTPOnly}, {"Secure", rule.SessionCookieSecure}, {"SameSite", rule.SessionCookieSameSite}} {
			if !strings.Contains(low, strings.ToLower(f.title)) {
				faults = append(faults, f.title)
				if id == "" || f.id == rule.SessionCookieSecure {
					id = f.id
				}
			}
		}
		if len(faults) > 0 {
			r.add(id, e.At, e, fmt.Sprintf("the cookie %s lacks %s", m[1], strings.Join(faults, ", ")))
		}
	}
}

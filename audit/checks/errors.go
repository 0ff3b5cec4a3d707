// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package checks

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	ts "github.com/microsoft/typescript-go/panoply"

	"github.com/panoply-security/panoply/audit/model"
	"github.com/panoply-security/panoply/audit/taint"
	"github.com/panoply-security/panoply/finding"
	"github.com/panoply-security/panoply/rule"
)

// Mistake 4: what went wrong is told to the client.

func (r *run) errorsEvent(e *model.Event) {
	switch e.Kind {
	case model.Called:
		if e.Lib != nil && e.Lib.Mod == "errorhandler" && !debugging(e.Conds) {
			r.add(rule.ErrorLeak, e.At, e, "errorhandler sends stacks to clients; it is for development only")
		}
		return
	case model.Responded:
	default:
		return
	}
	switch e.Name {
	case "json", "send", "jsonp", "end", "write", "render":
	default:
		return
	}
	if e.Development() {
		return
	}
	args := e.Args
	if e.Name == "render" {
		args = args[min(1, len(args)):]
	}
	for _, a := range args {
		err := leaked(a, 0)
		if err == nil || e.Facts.Of(err.ID)&taint.Known != 0 {
			continue
		}
		what, s := "its message", rule.Low
		switch err.Part {
		case "stack":
			what, s = "its stack", rule.Medium
		case "":
			what, s = "the error itself", rule.Medium
		}
		if s == rule.Low && (e.Status == 0 || e.Status >= 500) {
			s = rule.Medium
		}
		c := finding.Certain
		if e.Status >= 400 && e.Status < 500 {
			c = finding.Tentative // it may be meant for the client
		}
		from := map[string]string{"catch": "a caught error", "callback": "a callback's error", "promise": "a promise's error", "handler": "an error"}[err.From]
		line, column := err.At.Line()
		r.add(rule.ErrorLeak, e.At, e, fmt.Sprintf("the client is sent %s: %s", from, what), severity(s), confidence(c), func(f *finding.Finding) {
			sinkLine, sinkColumn := e.At.Line()
			f.Trace = []finding.Step{
				{File: err.At.Path(), Line: line, Column: column, Note: from},
				{File: e.At.Path(), Line: sinkLine, Column: sinkColumn, Note: what + " goes to the client"},
			}
		})
	}
}

// leaked is an error in what is sent.
func leaked(v model.Value, depth int) *model.Err {
	var found *model.Err
	model.Each(v, func(v model.Value) {
		switch x := v.(type) {
		case *model.Err:
			if x.Part != "code" {
				found = x
			}
		case *model.Obj:
			if depth > 2 {
				return
			}
			for _, k := range x.Keys() {
				f, _ := x.Get(k)
				if e := leaked(f, depth+1); e != nil && (found == nil || worse(e, found)) {
					found = e
				}
			}
			for _, s := range x.Spread {
				if e, ok := model.One[*model.Err](s); ok {
					found = e
				}
			}
			for _, el := range x.Elems {
				if e := leaked(el, depth+1); e != nil && found == nil {
					found = e
				}
			}
		}
	})
	return found
}

func worse(a, b *model.Err) bool { return a.Part != "message" && b.Part == "message" }

// errors looks for the handlers that answer when everything else has failed.
func (r *run) errors() {
	for _, app := range r.listeners() {
		if app.Nest != nil {
			continue // its own filter answers, without what went wrong
		}
		var handlers []*model.Use
		unknown := map[*model.Use]bool{}
		threes := 0
		for _, u := range r.p.Uses {
			if u.App != app {
				continue
			}
			model.Each(u.Handler, func(v model.Value) {
				switch x := v.(type) {
				case *model.Func:
					switch params := x.Node.Parameters()[min(len(x.Bound), len(x.Node.Parameters())):]; {
					case len(params) == 4:
						handlers = append(handlers, u)
					case len(params) == 3 && errorFirst(params):
						threes++
						r.add(rule.ErrorNoHandler, u.Site, nil, "an error handler has four parameters; with three Express takes this for a handler of requests, and errors never get here")
					}
				case *model.Call:
					if u.Path == "" && errorPackage(x.Lib) && !(x.Lib.Mod == "errorhandler" && debugging(u.Conds)) {
						handlers = append(handlers, u)
					}
				case nil:
					handlers = append(handlers, u) // not known: it may be one
					unknown[u] = true
				}
			})
		}
		if len(handlers) == 0 {
			if threes == 0 {
				r.add(rule.ErrorNoHandler, app.At, nil, "the app has no error handler of its own, so Express's answers: outside production with the stack", confidence(finding.Firm))
			}
			continue
		}
		for _, rt := range r.p.Routes {
			if rt.App != app {
				continue
			}
			late := false
			if slices.ContainsFunc(handlers, func(u *model.Use) bool {
				late = late || !unknown[u] && u.Covers(rt)
				return u.After(rt) && u.Covers(rt)
			}) {
				continue
			}
			message := "no error handler sees the errors of %s"
			if late {
				message = "%s comes after the error handler, which so never sees its errors"
			}
			r.add(rule.ErrorNoHandler, rt.Site, nil, fmt.Sprintf(message, rt.Name()))
			break
		}
	}
}

// errorFirst says whether parameters are named as those of an error handler whose
// last is missing.
func errorFirst(params []*ts.Node) bool {
	var names []string
	for _, p := range params {
		if p.Name().Kind != ts.KindIdentifier {
			return false
		}
		names = append(names, strings.ToLower(strings.Trim(p.Name().Text(), "_")))
	}
	return (names[0] == "err" || names[0] == "error" || names[0] == "e") && strings.HasPrefix(names[1], "req") && strings.HasPrefix(names[2], "res")
}

// debugFlag is a condition that holds while somebody looks for a fault.
var debugFlag = regexp.MustCompile(`(?i)^([\w$]+\.)*(is|in|enable)?_?debug(ging|_?mode|_?enabled)?(\(\))?$|^[\w$.]+\(\s*['"]([\w.]+\.)?debug['"]\s*\)$`)

// debugging says whether something happens outside production only, or under a flag
// for debugging. The latter excuses package errorhandler, which is made for that,
// and nothing that an app answers by hand.
func debugging(conds []model.Cond) bool {
	return slices.ContainsFunc(conds, func(c model.Cond) bool {
		return c.Production < 0 || c.Production == 0 && debugFlag.MatchString(strings.TrimSpace(c.Text))
	})
}

func errorPackage(l *model.Lib) bool {
	switch l.Mod {
	case "celebrate", "api-error-handler", "strong-error-handler", "express-error-handler", "@sentry/node", "errorhandler", "express-errorhandler":
		return l.Mod != "celebrate" && l.Mod != "@sentry/node"
	}
	return false
}

// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package checks

import (
	"fmt"

	"github.com/panoply-security/panoply/audit/model"
	"github.com/panoply-security/panoply/audit/taint"
	"github.com/panoply-security/panoply/finding"
	"github.com/panoply-security/panoply/rule"
)

// Mistake 4: what went wrong is told to the client.

func (r *run) errorsEvent(e *model.Event) {
	switch e.Kind {
	case model.Called:
		if e.Lib != nil && e.Lib.Mod == "errorhandler" && !e.Development() {
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
		from := map[string]string{"catch": "caught error", "callback": "callback's error", "promise": "promise's error", "handler": "error"}[err.From]
		line, column := err.At.Line()
		r.add(rule.ErrorLeak, e.At, e, fmt.Sprintf("the client is sent a %s: %s", from, what), severity(s), confidence(c), func(f *finding.Finding) {
			sinkLine, sinkColumn := e.At.Line()
			f.Trace = []finding.Step{
				{File: err.At.Path(), Line: line, Column: column, Note: "the " + from},
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

// errors looks for the handler that answers when everything else has failed.
func (r *run) errors() {
	for _, app := range r.listeners() {
		var last *model.Use
		handled := false
		for _, u := range r.p.Uses {
			if u.App != app {
				continue
			}
			model.Each(u.Handler, func(v model.Value) {
				switch x := v.(type) {
				case *model.Func:
					if len(x.Node.Parameters())-len(x.Bound) == 4 {
						handled, last = true, u
					}
				case *model.Call:
					if x.Lib.Mod != "" && u.Path == "" && errorPackage(x.Lib) {
						handled, last = true, u
					}
				case nil:
					handled = true // not known: it may be one
				}
			})
		}
		if !handled {
			r.add(rule.ErrorNoHandler, app.At, nil, "the app has no error handler of its own, so Express's answers: outside production with the stack", confidence(finding.Firm))
			continue
		}
		if last == nil {
			continue
		}
		for _, rt := range r.p.Routes {
			if rt.App == app && !last.After(rt) {
				r.add(rule.ErrorNoHandler, rt.Site, nil, fmt.Sprintf("%s comes after the error handler, which so never sees its errors", rt.Name()))
				break
			}
		}
	}
}

func errorPackage(l *model.Lib) bool {
	switch l.Mod {
	case "celebrate", "api-error-handler", "strong-error-handler", "express-error-handler", "@sentry/node", "errorhandler", "express-errorhandler":
		return l.Mod != "celebrate" && l.Mod != "@sentry/node"
	}
	return false
}

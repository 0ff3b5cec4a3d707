// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package checks

import (
	"strings"

	"github.com/panoply-security/panoply/audit/model"
	"github.com/panoply-security/panoply/audit/taint"
	"github.com/panoply-security/panoply/finding"
	"github.com/panoply-security/panoply/rule"
)

// Mistake 1: answers that any origin may read with its visitors' credentials, by
// package cors or by hand.

func (r *run) corsEvent(e *model.Event) {
	if e.Kind == model.Responded && e.Route != nil {
		r.originByHand(e)
	}
	if e.Kind != model.Called || e.Lib == nil || e.Lib.Mod != "cors" || e.Lib.Path != "" && e.Lib.Path != "default" || e.Development() {
		return
	}
	opts := arg(e.Args, 0)
	origin, ok := option(opts, "origin")
	if !ok {
		return
	}
	model.Each(origin, func(v model.Value) { r.origin(v, e) })
	if c, ok := option(opts, "credentials"); !ok || !isTrue(c) {
		return
	}
	f, isFunc := model.One[*model.Func](origin)
	if isTrue(origin) || isFunc && takesAll.MatchString(strings.Join(strings.Fields(model.Site{File: f.Mod.File, Node: f.Node}.Text()), "")) {
		r.add(rule.HeadersCORSCredentials, e.At, e, "every origin may read answers with its visitors' cookies")
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

// crossOrigin is what a route says by hand of other origins.
type crossOrigin struct {
	reflects    *model.Event
	credentials bool
}

func (r *run) originByHand(e *model.Event) {
	each := func(name string, v model.Value) {
		switch strings.ToLower(name) {
		case "access-control-allow-origin", "access-control-allow-credentials":
		default:
			return
		}
		c := r.origins[e.Route]
		if c == nil {
			c = &crossOrigin{}
			r.origins[e.Route] = c
		}
		if t, ok := model.One[*model.Taint](v); ok && t.ID == "headers.origin" && e.Facts.Of(t.ID)&taint.String == 0 && c.reflects == nil {
			c.reflects = e
		}
		if s, _ := model.Constant(v); s == "true" || isTrue(v) {
			c.credentials = true
		}
	}
	switch e.Name {
	case "setHeader", "set", "header":
		if s, ok := model.Constant(arg(e.Args, 0)); ok {
			each(s, arg(e.Args, 1))
		} else if o, ok := model.One[*model.Obj](arg(e.Args, 0)); ok {
			for _, k := range o.Keys() {
				v, _ := o.Get(k)
				each(k, v)
			}
		}
	}
}

// reflected reports routes that let the origin that asks read with credentials.
func (r *run) reflected() {
	for _, rt := range r.p.Routes {
		if c := r.origins[rt]; c != nil && c.credentials && c.reflects != nil {
			r.add(rule.HeadersCORSCredentials, c.reflects.At, c.reflects, "whatever origin asks may read answers with its visitors' cookies", confidence(finding.Firm))
		}
	}
}

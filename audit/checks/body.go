// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package checks

import (
	"fmt"
	"strings"

	"github.com/panoply-security/panoply/audit/model"
	"github.com/panoply-security/panoply/audit/source"
	"github.com/panoply-security/panoply/audit/taint"
	"github.com/panoply-security/panoply/finding"
	"github.com/panoply-security/panoply/rule"
)

// Mistake 3: a body used as it came: stored with every field that it has, or
// merged so that it reaches prototypes.

func (r *run) bodyEvent(e *model.Event) {
	switch e.Kind {
	case model.Made, model.Queried:
		for _, v := range documents(e) {
			r.stored(v, e)
		}
	case model.Called:
		r.merged(e)
	case model.Assigned:
		r.polluted(e)
	}
}

func (r *run) stored(v model.Value, e *model.Event) {
	t := whole(v, e)
	if t == nil || strings.HasPrefix(t.ID, "file") || strings.HasPrefix(t.ID, "headers") {
		return
	}
	m, _ := e.Recv.(*model.Model)
	if d, ok := model.One[*model.Doc](arg(e.Args, 0)); ok && m == nil {
		m = d.Model // Object.assign(doc, …)
	}
	r.need(Need{Rule: rule.ValidateAssignment, Route: e.Route, Model: m, At: e.At})
	r.add(rule.ValidateAssignment, e.At, e, fmt.Sprintf("%s stores every field that the client sends", callee(e)),
		trace(t, e.At, "stored whole by "+callee(e)))
}

// pollutable are merges that write to prototypes, below a version.
var pollutable = map[string]struct{ names, fixed string }{
	"lodash":           {"merge mergeWith defaultsDeep zipObjectDeep", "4.17.12"},
	"lodash.merge":     {"*", "4.6.2"},
	"lodash.mergewith": {"*", "4.6.2"},
	"lodash/merge":     {"*", "4.17.12"},
	"merge":            {"recursive *", "2.1.1"},
	"deep-extend":      {"*", "0.5.1"},
	"merge-deep":       {"*", "3.0.3"},
	"merge-options":    {"*", "1.0.1"},
	"deepmerge":        {"", "0"},
	"set-value":        {"*", "4.0.1"},
	"mixin-deep":       {"*", "2.0.1"},
	"defaults-deep":    {"*", "99"},
	"extend":           {"*", "3.0.2"},
	"node.extend":      {"*", "2.0.1"},
	"just-extend":      {"*", "4.0.0"},
	"object-path":      {"set", "0.11.8"},
	"dot-prop":         {"set", "5.1.1"},
	"underscore.deep":  {"*", "99"},
	"jquery-deparam":   {"*", "99"},
	"deep-assign":      {"*", "99"},
	"@hapi/hoek":       {"merge applyToDefaults clone", "8.5.1"},
}

func (r *run) merged(e *model.Event) {
	if e.Name == "Object.assign" || e.Lib != nil && (e.Lib.Mod == "lodash" || e.Lib.Mod == "underscore") && (e.Lib.Path == "extend" || e.Lib.Path == "assign" || e.Lib.Path == "merge") {
		if d, ok := model.One[*model.Doc](arg(e.Args, 0)); ok && d != nil {
			for _, from := range e.Args[1:] {
				r.stored(from, e)
			}
		}
	}
	if e.Lib == nil {
		return
	}
	p, ok := pollutable[e.Lib.Mod]
	if !ok {
		return
	}
	named := p.names == "*"
	for _, n := range strings.Fields(p.names) {
		named = named || n == e.Lib.Path || n == "*"
	}
	if !named {
		return
	}
	pkg, _, _ := strings.Cut(e.Lib.Mod, "/")
	if strings.HasPrefix(e.Lib.Mod, "@") {
		pkg = e.Lib.Mod
	}
	version := r.p.Tree.Version(pkg)
	if version == "" || !source.Less(version, p.fixed) {
		return
	}
	for _, a := range e.Args {
		if t, ok := model.One[*model.Taint](a); ok && e.State(t) >= taint.Any {
			r.add(rule.ValidatePrototype, e.At, e, fmt.Sprintf("%s of %s %s writes to prototypes when the client sends __proto__ or constructor", callee(e), pkg, version),
				trace(t, e.At, "merged"))
		}
	}
}

// polluted finds a merge of the app's own that copies every key, prototypes'
// too.
func (r *run) polluted(e *model.Event) {
	if e.Handler == nil || len(e.Args) != 2 {
		return
	}
	key, ok := model.One[*model.Taint](e.Args[0])
	if !ok || !strings.HasPrefix(key.ID, "key(") {
		return
	}
	at := model.Site{File: e.Handler.Mod.File, Node: e.Handler.Node}
	text := at.Text()
	name := ""
	if n := e.Handler.Node.Name(); n != nil {
		name = n.Text()
	}
	if name == "" || strings.Count(text, name+"(") < 2 { // it must call itself to get below the first level
		return
	}
	for _, guard := range []string{"__proto__", "hasOwn", "'prototype'", `"prototype"`, "Object.create(null)"} {
		if strings.Contains(text, guard) {
			return
		}
	}
	r.add(rule.ValidatePrototype, e.At, e, fmt.Sprintf("%s copies every key that the client sends, __proto__ too, at every level", name),
		confidence(finding.Firm), trace(key, e.At, "used as a name"))
}

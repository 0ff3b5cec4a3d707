// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

// Package checks finds the seven mistakes in what package model learns of an
// app: one file for each.
//
// A finding is certain when the model is sure of everything that it rests on, firm
// when it rests on what a thing is called, tentative when no route was found to
// the code. What is not known makes no finding.
package checks

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/panoply-security/panoply/audit/model"
	"github.com/panoply-security/panoply/audit/source"
	"github.com/panoply-security/panoply/finding"
	"github.com/panoply-security/panoply/rule"
)

// run is one audit.
type run struct {
	p     *model.Program
	seen  map[string]bool
	found []finding.Finding

	sent   map[*model.Router]map[string]bool // headers that apps set by hand, lower case; with a minus those they remove
	logins map[*model.Route][]string
	costly map[*model.Route][]string
	anew   map[*model.Route]bool // routes that make a limiter for each request
	needs  []Need

	static   []string // folders that the app serves
	stores   []stored // folders that uploads go to
	parsers  []parser
	multers  []*model.Event                // calls of multer
	noFiles  map[model.Site]bool           // those that are asked for forms without files
	filters  map[model.Site][]*model.Event // calls of multer by their filter
	declared map[*model.Route][]Declaration

	origins map[*model.Route]*crossOrigin

	decodes  []decoded             // tokens that were read
	verifies map[*model.Route]bool // routes that verify one
}

// Run goes through the app and says what is wrong with it.
func Run(ctx context.Context, tree *source.Tree) Result {
	r := &run{seen: map[string]bool{}, sent: map[*model.Router]map[string]bool{}, logins: map[*model.Route][]string{}, costly: map[*model.Route][]string{}, anew: map[*model.Route]bool{}, filters: map[model.Site][]*model.Event{}, noFiles: map[model.Site]bool{},
		declared: map[*model.Route][]Declaration{}, verifies: map[*model.Route]bool{}, origins: map[*model.Route]*crossOrigin{}}
	r.p = model.Run(ctx, tree, func(p *model.Program, e *model.Event) {
		r.p = p
		r.headersEvent(e)
		r.corsEvent(e)
		r.checkedEvent(e)
		r.limitsEvent(e)
		r.bodyEvent(e)
		r.errorsEvent(e)
		r.sessionEvent(e)
		r.uploadEvent(e)
		r.nosqlEvent(e)
	})
	r.headers()
	r.limits()
	r.errors()
	r.promises()
	r.reflected()
	r.unverified()
	r.multer()
	r.served()
	r.types()
	r.uploadRoutes()
	r.declare()
	return Result{r.p, r.found, r.needs}
}

// add keeps a finding, once for each rule and place.
func (r *run) add(id rule.ID, at model.Site, e *model.Event, message string, change ...func(*finding.Finding)) {
	line, column := at.Line()
	endLine, endColumn := at.End()
	key := fmt.Sprint(id, at.Path(), line, column)
	if r.seen[key] || at.Path() == "" {
		return
	}
	r.seen[key] = true
	f := finding.New(id, finding.InFile(at.Path(), line, column, endLine, endColumn), message)
	f.Anchor = strings.Join(strings.Fields(at.Text()), " ")
	f.Evidence = []string{firstLine(at)}
	if e != nil {
		switch {
		case e.Guess:
			f.Confidence = finding.Tentative
		case e.Route != nil && e.Route.Path != "":
			f.Evidence = append(f.Evidence, "on "+e.Route.Name())
		}
	}
	for _, c := range change {
		c(&f)
	}
	r.found = append(r.found, f)
}

// firstLine is the line of source that a place begins on.
func firstLine(at model.Site) string {
	line, _ := at.Line()
	for l := range strings.Lines(at.File.Text) {
		if line--; line == 0 {
			return strings.TrimSpace(l)
		}
	}
	return ""
}

func severity(s rule.Severity) func(*finding.Finding) {
	return func(f *finding.Finding) { f.Severity = s }
}

// confidence lowers the confidence.
func confidence(c finding.Confidence) func(*finding.Finding) {
	return func(f *finding.Finding) {
		if f.Confidence != finding.Tentative {
			f.Confidence = c
		}
	}
}

// trace adds how the data got there.
func trace(t *model.Taint, sink model.Site, note string) func(*finding.Finding) {
	return func(f *finding.Finding) {
		var steps []finding.Step
		for s := t.Trace; s != nil; s = s.Before {
			if s.At.File == nil || s.Note == "" && s.Before != nil {
				continue
			}
			line, column := s.At.Line()
			note := s.Note
			if note == "" {
				note = "the client sends " + s.At.Text()
			}
			steps = append(steps, finding.Step{File: s.At.Path(), Line: line, Column: column, Note: note})
		}
		slices.Reverse(steps)
		line, column := sink.Line()
		f.Trace = append(steps, finding.Step{File: sink.Path(), Line: line, Column: column, Note: note})
	}
}

// whole is data in v of which a client chooses the fields too.
func whole(v model.Value, e *model.Event) *model.Taint { return wholeAt(v, e, 0) }

func wholeAt(v model.Value, e *model.Event, depth int) *model.Taint {
	if depth > 4 {
		return nil
	}
	var found *model.Taint
	model.Each(v, func(v model.Value) {
		switch x := v.(type) {
		case *model.Taint:
			if e.Fields(x) {
				found = x
			}
		case *model.Obj:
			if x.Array {
				for _, el := range x.Elems {
					if t := wholeAt(el, e, depth+1); t != nil {
						found = t
					}
				}
			}
			for _, s := range x.Spread {
				if _, ok := s.(*model.Obj); ok {
					continue
				}
				if t := wholeAt(s, e, depth+1); t != nil {
					found = t
				}
			}
		}
	})
	return found
}

// option is a field of an options object; ok is false when it is not there.
func option(v model.Value, names ...string) (model.Value, bool) {
	for _, n := range names {
		o, is := model.One[*model.Obj](v)
		if !is {
			return nil, false
		}
		f, ok := o.Get(n)
		if !ok {
			return nil, false
		}
		v = f
	}
	return v, true
}

// closed says whether all fields of an options object are known.
func closed(v model.Value) bool {
	switch x := v.(type) {
	case *model.Obj:
		return !x.Open && len(x.Spread) == 0
	case *model.Undef:
		return true
	}
	return false
}

func arg(args []model.Value, i int) model.Value {
	if i < len(args) {
		return args[i]
	}
	return nil
}

func isFalse(v model.Value) bool { return v == model.Bool{B: false} }
func isTrue(v model.Value) bool  { return v == model.Bool{B: true} }

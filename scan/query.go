// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package scan

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"

	"github.com/panoply-security/panoply/rule"
)

// maxFilters of a list are tried.
const maxFilters = 3

// queries asks lists with a parameter twice, and with an operator in its name.
func (s *scan) queries(ctx context.Context) {
	for _, list := range s.app.lists[:min(len(s.app.lists), 3)] {
		for _, name := range filters(list.content) {
			s.twice(ctx, list, name)
			if s.filtered(ctx, list, name) {
				break
			}
		}
	}
}

func (s *scan) query(ctx context.Context, list answer, pairs ...string) answer {
	target := list.target
	for i := 0; i+1 < len(pairs); i += 2 {
		sign := "&"
		if i == 0 {
			sign = "?"
		}
		target += sign + pairs[i] + "=" + url.QueryEscape(pairs[i+1])
	}
	q := get(target)
	q.provoked = true
	return s.client.do(ctx, q)
}

// filters are the parameters that may narrow a list: the names of its members that are
// text, and q.
func filters(content []byte) []string {
	out := []string{"q"}
	var list []map[string]any
	if json.Unmarshal(content, &list) == nil && len(list) > 0 {
		for _, name := range names(list[0]) {
			if _, text := list[0][name].(string); text && len(out) < maxFilters && url.QueryEscape(name) == name {
				out = append(out, name)
			}
		}
	}
	return out
}

// twice: a parameter that comes twice is an array in Express.
func (s *scan) twice(ctx context.Context, list answer, name string) {
	once := s.query(ctx, list, name, s.marker)
	both := s.query(ctx, list, name, s.marker, name, s.marker)
	if both.err != nil || once.err != nil || both.status < 500 || once.status >= 500 {
		return
	}
	again := s.query(ctx, list, name, s.marker, name, s.marker)
	if again.status < 500 || s.once("twice "+list.target) {
		return
	}
	s.judgeError(both)
	// It harms nobody but who sends it: no guard can know which parameters are lists.
	s.probeAs(rule.Info, rule.ValidateConfusion, both, name, "A parameter that comes twice breaks the app",
		both.line(), "the answer begins: "+quote(both.content), "baseline "+list.line(), "control, once: "+once.line(), "repeated "+again.line())
}

// filtered: an operator in a parameter's name turns the filter round.
func (s *scan) filtered(ctx context.Context, list answer, name string) bool {
	ordinary := s.query(ctx, list, name, s.marker)
	if !ordinary.ok() || bytes.Equal(ordinary.content, list.content) {
		return false // it is no filter
	}
	ask := func(operator string) answer { return s.query(ctx, list, name+"["+operator+"]", s.marker) }
	all := func(a answer) bool { return a.ok() && bytes.Equal(a.content, list.content) }
	hit := ask("$ne")
	if !all(hit) {
		return false
	}
	object, equal, again := ask(s.marker), ask("$eq"), ask("$ne")
	if all(object) || all(equal) || !all(again) {
		return false
	}
	s.probe(rule.NoSQLOperator, hit, name, "A query operator in a parameter's name reaches the database",
		hit.line()+", the whole list", "baseline "+ordinary.line()+", filtered", "control "+object.line(), "control "+equal.line(), "repeated "+again.line())
	return true
}

// pollution signs up with a constructor whose prototype is text. A recursive merge in
// strict mode fails at it, and nothing stays behind in any that is known; that it
// passes proves nothing.
func (s *scan) pollution(ctx context.Context) {
	r := s.app.signup
	if r == nil || !r.nested() {
		return
	}
	try := func(name string) answer {
		return s.create(ctx, r, s.newAccount(), map[string]any{name: map[string]any{"prototype": s.marker}})
	}
	hit := try("constructor")
	if hit.err != nil || hit.status < http.StatusInternalServerError {
		return
	}
	control, again := try(s.marker), try("constructor")
	if control.err != nil || control.status >= 500 || again.status < 500 {
		return
	}
	s.judgeError(hit)
	s.probe(rule.ValidatePrototype, hit, "constructor", "A body's constructor reaches a merge that follows it",
		said(hit), "the answer begins: "+quote(hit.content), fmt.Sprintf("baseline %s", said(s.app.made.created)), "control "+said(control), "repeated "+said(again))
}

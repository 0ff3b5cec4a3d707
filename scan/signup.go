// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package scan

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
)

// signup is a route that makes accounts.
type signup struct {
	path string
	user string   // the field that login takes
	text string   // a field beside, that holds text
	form *form    // of a page, that it is sent as; nil is JSON
	as   *account // who may make accounts, or nil for anybody
	made []*account

	deleted int // of those
}

// nested reports whether a field may be more than text.
func (r *signup) nested() bool { return r.form == nil }

// fields are what the account signs up with.
func (u *account) fields(r *signup) map[string]any {
	out := map[string]any{"password": u.password}
	switch r.user {
	case "email":
		out["email"] = u.email
	default:
		out[r.user] = u.login(r.user)
		if r.text == "email" {
			out["email"] = u.email
		}
	}
	if r.text == "name" {
		out["name"] = u.name
	}
	return out
}

// userName is a field of a form that holds what a user calls himself.
var userName = regexp.MustCompile(`(?i)user|login|nick`)

// filled is the form as a person would fill it in.
func (u *account) filled(f *form) map[string]string {
	out := f.hidden()
	for _, field := range f.fields {
		switch {
		case field.kind == "hidden" || field.kind == "submit" || field.kind == "button" || field.kind == "file":
		case field.kind == "password":
			out[field.name] = u.password
		case field.kind == "email" || mailName.MatchString(field.name):
			out[field.name] = u.email
		case userName.MatchString(field.name):
			u.nick = true
			out[field.name] = u.login("username")
		case field.value != "":
			out[field.name] = field.value
		case field.kind == "checkbox":
			out[field.name] = "on"
		case field.kind == "number":
			out[field.name] = "1"
		default:
			out[field.name] = u.name
		}
	}
	return out
}

var mailName = regexp.MustCompile(`(?i)e-?mail`)

// findSignup looks for a route that makes accounts for anybody, or for the account that
// was given.
func (s *scan) findSignup(ctx context.Context, given *account) {
	for _, path := range s.candidates("POST", signupName, usual.signup) {
		if slices.ContainsFunc(s.app.logins, func(l *login) bool { return l.path == path }) {
			continue
		}
		var as *account
		for _, r := range s.signups(path) {
			r.path, r.as = path, as
			u := s.newAccount()
			a := s.create(ctx, &r, u, nil)
			if given != nil && as == nil && (a.status == http.StatusUnauthorized || a.status == http.StatusForbidden) {
				as = given
				r.as = as
				a = s.create(ctx, &r, u, nil)
			}
			if !s.there(a) || a.status == 401 || a.status == 403 || a.status >= 500 {
				break
			}
			if len(r.made) > 0 {
				s.app.signup, s.app.made = &r, u
				s.say("signing up: POST %s", path)
				return
			}
		}
	}
}

// signups are the ways in which a sign-up may want its fields: as the form that leads
// there has them, or as JSON.
func (s *scan) signups(path string) []signup {
	var out []signup
	for _, f := range s.surface.forms {
		if _, ok := f.has("password"); !ok || f.action != path || f.method != http.MethodPost {
			continue
		}
		user := "email"
		for _, field := range f.fields {
			if field.kind != "hidden" && userName.MatchString(field.name) {
				user = "username"
			}
		}
		out = append(out, signup{user: user, form: &f})
	}
	return append(out, signup{user: "email", text: "name"}, signup{user: "username", text: "email"}, signup{user: "email"}, signup{user: "username"})
}

// create signs an account up, with more fields.
func (s *scan) create(ctx context.Context, r *signup, u *account, more map[string]any) answer {
	q, err := r.request(u, more)
	if err != nil {
		return answer{err: err}
	}
	if r.as != nil {
		q = r.as.as(q)
	}
	q.provoked = len(more) > 0
	u.created = s.client.do(ctx, q)
	if taken(u.created) {
		r.made = append(r.made, u)
	}
	return u.created
}

func (r *signup) request(u *account, more map[string]any) (request, error) {
	if r.form != nil {
		fields := u.filled(r.form)
		for name, value := range more {
			fields[name] = fmt.Sprint(value)
		}
		return request{method: "POST", target: r.path, kind: "application/x-www-form-urlencoded", body: formOf(fields), cookies: r.form.cookies}, nil
	}
	fields := u.fields(r)
	for name, value := range more {
		fields[name] = value
	}
	body, err := json.Marshal(fields)
	return postJSON(r.path, string(body)), err
}

// taken reports whether an answer says that a form or its like was taken: with what
// came of it, or by sending the browser on.
func taken(a answer) bool {
	return a.ok() || a.status == http.StatusFound || a.status == http.StatusSeeOther
}

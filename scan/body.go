// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package scan

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"strings"

	"github.com/panoply-security/panoply/rule"
)

// assignment signs up with a role that nobody offered, and with a field that no app
// has as its control. The role is a word that means nothing, so that no account with
// rights comes of it.
func (s *scan) assignment(ctx context.Context) {
	r := s.app.signup
	if r == nil {
		s.report.NotTested(3, "no way to sign up was found")
		return
	}
	role, other := "role-"+s.marker, "other-"+s.marker
	kept := func() (u *account, where answer, ok, all bool) {
		u = s.newAccount()
		a := s.create(ctx, r, u, map[string]any{"role": role, s.marker: other})
		if !taken(a) {
			return u, a, false, false
		}
		shown, ok := s.shows(ctx, u)
		if !ok {
			// Nothing shows the account: its own answer, if that has the role and not
			// everything that was sent.
			has, echo := members(a, role, other)
			return u, a, has && !echo, false
		}
		has, all := members(shown, role, other)
		return u, shown, has || all, all
	}
	u, where, ok, all := kept()
	s.report.Tested(3)
	s.report.NotTested(3, "")
	if u.created.status >= 500 {
		s.judgeError(u.created)
	}
	if !ok {
		if taken(u.created) && s.app.me == "" {
			s.report.NotTested(3, "nothing shows what was kept of a new account")
		}
		return
	}
	again, _, repeated, _ := kept()
	if !repeated {
		return
	}
	baseline := s.app.made.created
	if had, _ := members(baseline, role, other); had {
		return
	}
	control := "control: the field " + s.marker + " was not kept"
	if all {
		control = "control: the field " + s.marker + ", which no app has, was kept as well"
	}
	s.probe(rule.ValidateAssignment, u.created, "role", "A new account keeps a role that it gave itself",
		said(u.created), fmt.Sprintf("%s shows %q", where.line(), role), control,
		"baseline "+said(baseline)+", without it", "repeated "+said(again.created))
}

// members reports whether an answer has the role under its name, and the control under
// whatever name. A page has no names.
func members(a answer, role, control string) (has, all bool) {
	if !a.isJSON() {
		return bytes.Contains(a.content, []byte(role)), bytes.Contains(a.content, []byte(control))
	}
	walk(a.content, func(key string, v any) {
		has = has || v == role && key == "role"
		all = all || v == control
	})
	return has, all
}

// confusion signs up with an object where text belongs, or signs in with one where
// nobody can sign up.
func (s *scan) confusion(ctx context.Context) {
	r := s.app.signup
	if r == nil || r.text != "name" {
		for _, l := range s.app.logins {
			s.confuseLogin(ctx, l)
		}
		return
	}
	for _, wrong := range []struct {
		name  string
		value any
	}{{"an object", map[string]any{s.marker: 1}}, {"a number", 7}, {"an array", []string{s.marker}}} {
		try := func() *account {
			u := s.newAccount()
			s.create(ctx, r, u, map[string]any{"name": wrong.value})
			return u
		}
		u := try()
		s.report.Tested(3)
		problem := ""
		switch {
		case u.created.status >= 500:
			problem = fmt.Sprintf("%s in place of a name breaks the app", wrong.name)
			s.judgeError(u.created)
		case u.created.ok() && keeps(u.created.content, "name"):
			problem = fmt.Sprintf("%s in place of a name is kept as it is", wrong.name)
		}
		if problem == "" {
			continue
		}
		again := try()
		if again.created.status != u.created.status {
			continue
		}
		s.probe(rule.ValidateConfusion, u.created, "name", strings.ToUpper(problem[:1])+problem[1:],
			said(u.created), "the answer begins: "+quote(u.created.content), "baseline "+said(s.app.made.created), "repeated "+said(again.created))
		return
	}
}

// keeps reports whether a JSON answer has something else than text under the name.
func keeps(content []byte, name string) (other bool) {
	walk(content, func(key string, v any) {
		switch v.(type) {
		case string, nil:
		default:
			other = other || key == name
		}
	})
	return other
}

func (s *scan) confuseLogin(ctx context.Context, l *login) {
	if l.form {
		return
	}
	q := l.raw(s.newAccount().email, `["`+s.marker+`"]`)
	q.provoked = true
	a := s.client.do(ctx, q)
	if a.err != nil || a.status == http.StatusTooManyRequests {
		return
	}
	s.report.Tested(3)
	if s.app.signup == nil {
		s.report.NotTested(3, "only the login was tried: no way to sign up was found")
	}
	if a.status < 500 {
		return
	}
	if again := s.client.do(ctx, q); again.status >= 500 {
		s.probe(rule.ValidateConfusion, a, l.pass, "An array in place of a password breaks the app",
			said(a), "baseline "+said(l.wrong), "repeated "+said(again))
		s.judgeError(a)
	}
}

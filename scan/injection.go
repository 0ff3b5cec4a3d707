// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package scan

import (
	"context"
	"fmt"
	"maps"

	"github.com/panoply-security/panoply/rule"
)

// injection puts query operators in place of the password. With an account of the
// scan's own, {"$eq": its password} signs in exactly where the operator reaches the
// query; the same object under a name that is no operator is the control. Without an
// account an operator that no database knows breaks the query, where the control only
// fails to sign in.
func (s *scan) injection(ctx context.Context) {
	if len(s.app.logins) == 0 {
		s.report.NotTested(7, "no login was found; name it (--route \"POST /…\")")
		return
	}
	s.inject(ctx, s.app.login) // first: its limit may be that of all
	for _, l := range s.app.logins {
		if l != s.app.login {
			s.inject(ctx, l)
		}
	}
}

func (s *scan) inject(ctx context.Context, l *login) {
	u := s.app.made
	if given := s.app.user; (u == nil || !u.in) && given != nil && given.password != "" {
		u = given
	}
	own := u != nil && u.in
	if l.wrong.status < 400 && l.wrong.status/100 != 3 && !(own && tokenIn(u.signed) != "") {
		s.report.NotTested(7, fmt.Sprintf("a wrong login at %s is answered %d: no failure to compare with", l.path, l.wrong.status))
		return
	}
	limited, tested := false, false
	ask := func(q request) answer {
		q.provoked = true
		a := s.client.do(ctx, q)
		limited = limited || isLimit(a)
		tested = tested || a.err == nil && !isLimit(a)
		return a
	}
	for _, way := range l.ways() {
		if own {
			found, refused := s.signsIn(l, u, way, ask)
			if found || limited {
				break
			}
			if refused {
				continue // an operator that no database knows is so too
			}
		}
		if s.breaks(l, way, ask) || limited {
			break
		}
	}
	switch {
	case limited:
		s.report.NotTested(7, "the limit of "+l.path+" was reached before all operators were tried")
	case tested:
		s.report.Tested(7)
		s.report.NotTested(7, "")
	}
}

// way is a form in which an operator may come.
type way struct {
	name string
	send func(user, operator, operand string) request
}

func (l *login) ways() []way {
	return []way{
		{"JSON", func(user, operator, operand string) request {
			return l.raw(user, fmt.Sprintf(`{%s:%s}`, quoteJSON(operator), quoteJSON(operand)))
		}},
		{"a form", func(user, operator, operand string) request {
			fields := map[string]string{l.user: user, l.pass + "[" + operator + "]": operand}
			maps.Copy(fields, l.hidden)
			return request{method: "POST", target: l.path, kind: "application/x-www-form-urlencoded", body: formOf(fields), cookies: l.cookies}
		}},
	}
}

// signsIn: the operator signs the own account in. refused is an answer that no wrong
// login has: something looks at types or names before the query.
func (s *scan) signsIn(l *login, u *account, w way, ask func(request) answer) (found, refused bool) {
	user := u.login(l.user)
	hit := ask(w.send(user, "$eq", u.password))
	if !l.succeeded(hit) {
		return false, hit.err == nil && hit.status >= 400 && hit.status < 500 && hit.status != l.wrong.status
	}
	object := ask(w.send(user, s.marker, u.password))
	wrong := ask(w.send(user, "$eq", "wrong-"+s.marker))
	again := ask(w.send(user, "$eq", u.password))
	if l.succeeded(object) || l.succeeded(wrong) || !l.succeeded(again) {
		return false, false
	}
	evidence := []string{said(hit), "baseline " + said(u.signed), "control " + said(object),
		"control " + said(wrong), "repeated " + said(again)}
	if s.Auth {
		if bypass := ask(w.send(user, "$ne", "wrong-"+s.marker)); l.succeeded(bypass) {
			evidence = append(evidence, "without the password, to the same account: "+said(bypass))
		}
	}
	s.probe(rule.NoSQLOperator, hit, l.pass, "A query operator in "+w.name+" signs in in place of the password", evidence...)
	return true, false
}

// breaks: an operator that no database knows breaks the query.
func (s *scan) breaks(l *login, w way, ask func(request) answer) bool {
	user := s.newAccount().email
	hit := ask(w.send(user, "$"+s.marker, "1"))
	if hit.err != nil || hit.status < 500 {
		return false
	}
	control := ask(w.send(user, s.marker, "1"))
	again := ask(w.send(user, "$"+s.marker, "1"))
	s.judgeError(hit)
	if control.err != nil || control.status >= 500 || again.status != hit.status {
		return false // any object breaks it: that is mistake 3
	}
	s.probe(rule.NoSQLOperator, hit, l.pass, "A query operator in "+w.name+" reaches the database in place of the password",
		said(hit), "the answer begins: "+quote(hit.content), "baseline "+said(l.wrong), "control "+said(control), "repeated "+said(again))
	return true
}

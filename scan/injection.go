// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package scan

import (
	"context"
	"fmt"
	"net/http"
	"net/url"

	"github.com/panoply-security/panoply/rule"
)

// injection puts query operators in place of the password. With an account of the
// scan's own, {"$eq": its password} signs in exactly where the operator reaches the
// query; the same object under a name that is no operator is the control. Without an
// account an operator that no database knows breaks the query, where the control only
// fails to sign in.
func (s *scan) injection(ctx context.Context) {
	l := s.app.login
	if l == nil {
		s.report.NotTested(7, "no login was found; name it (--route \"POST /…\")")
		return
	}
	if l.wrong.status < 400 && l.wrong.status/100 != 3 {
		s.report.NotTested(7, fmt.Sprintf("a wrong login is answered %d: no failure to compare with", l.wrong.status))
		return
	}
	u := s.app.user
	own := u != nil && u.signed.status != 0
	limited, tested := false, false
	ask := func(q request) answer {
		q.provoked = true
		a := s.client.do(ctx, q)
		limited = limited || a.status == http.StatusTooManyRequests
		tested = tested || a.err == nil && a.status != http.StatusTooManyRequests
		return a
	}
	for _, way := range []struct {
		name string
		send func(user, operator, operand string) request
	}{
		{"JSON", func(user, operator, operand string) request {
			return l.raw(user, fmt.Sprintf(`{%s:%s}`, quoteJSON(operator), quoteJSON(operand)))
		}},
		{"a form", func(user, operator, operand string) request {
			body := url.Values{l.user: {user}, l.pass + "[" + operator + "]": {operand}}.Encode()
			return request{method: "POST", target: l.path, kind: "application/x-www-form-urlencoded", body: []byte(body)}
		}},
	} {
		var found bool
		if own {
			found = s.signsIn(l, u, way.name, way.send, ask)
		}
		if !found && !limited {
			found = s.breaks(l, way.name, way.send, ask)
		}
		if found || limited {
			break
		}
	}
	switch {
	case limited:
		s.report.NotTested(7, "the login's limit was reached before all operators were tried")
	case tested:
		s.report.NotTested(7, "")
	}
	if tested && !limited {
		s.report.Tested(7)
	}
}

// signsIn: the operator signs the own account in.
func (s *scan) signsIn(l *login, u *account, way string, send func(user, operator, operand string) request, ask func(request) answer) bool {
	user := u.login(l.user)
	hit := ask(send(user, "$eq", u.password))
	if !s.succeeded(hit) {
		return false
	}
	object := ask(send(user, s.marker, u.password))
	wrong := ask(send(user, "$eq", "wrong-"+s.marker))
	again := ask(send(user, "$eq", u.password))
	if s.succeeded(object) || s.succeeded(wrong) || !s.succeeded(again) {
		return false
	}
	evidence := []string{s.hide(u, said(hit)), "baseline " + s.hide(u, said(u.signed)), "control " + s.hide(u, said(object)),
		"control " + said(wrong), "repeated " + s.hide(u, said(again))}
	if s.Auth {
		if bypass := ask(send(user, "$ne", "wrong-"+s.marker)); s.succeeded(bypass) {
			evidence = append(evidence, "without the password, to the scan's own account: "+said(bypass))
		}
	}
	s.probe(rule.NoSQLOperator, hit, l.pass, "A query operator in "+way+" signs in in place of the password", evidence...)
	return true
}

// hide takes the account's password out of evidence.
func (s *scan) hide(u *account, line string) string {
	return replaceAll(line, quoteJSON(u.password), `"***"`, u.password, "***")
}

// breaks: an operator that no database knows breaks the query.
func (s *scan) breaks(l *login, way string, send func(user, operator, operand string) request, ask func(request) answer) bool {
	user := s.newAccount().email
	hit := ask(send(user, "$"+s.marker, "1"))
	if hit.err != nil || hit.status < 500 {
		return false
	}
	control := ask(send(user, s.marker, "1"))
	again := ask(send(user, "$"+s.marker, "1"))
	s.judgeError(hit)
	if control.err != nil || control.status >= 500 || again.status != hit.status {
		return false // any object breaks it: that is mistake 3
	}
	s.probe(rule.NoSQLOperator, hit, l.pass, "A query operator in "+way+" reaches the database in place of the password",
		said(hit), "the answer begins: "+quote(hit.content), "baseline "+said(l.wrong), "control "+said(control), "repeated "+said(again))
	return true
}

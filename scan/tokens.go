// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package scan

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/panoply-security/panoply/rule"
)

// tampering changes the account's own token, which the app must not take then.
func (s *scan) tampering(ctx context.Context) {
	u := s.app.user
	if u == nil || !u.in {
		return
	}
	t, where, ok := u.ownToken()
	if !ok {
		return
	}
	paths := s.app.closed
	if s.app.me != "" {
		paths = []string{s.app.me}
	}
	for _, path := range paths {
		ask := func(token string) answer {
			q := u.with(get(path), where, token)
			q.provoked = true
			return s.client.do(ctx, q)
		}
		right, without := ask(t.text), ask("")
		if right.ok() && !without.ok() && without.err == nil {
			s.tamper(t, where, ask, right, without)
			return
		} // else the token makes no difference
	}
}

func (s *scan) tamper(t token, where string, ask func(string) answer, right, without answer) {
	// What it shows of the account, or all that it shows.
	own := s.app.name()
	if !strings.Contains(string(right.content), own) {
		own = ""
	}
	for _, forged := range []struct {
		id         rule.ID
		name, text string
	}{
		{rule.TokenUnverified, "with another signature", t.resigned()},
		{rule.TokenAlgNone, "with alg none", t.unsigned()},
	} {
		opens := func(a answer) bool {
			return a.ok() && (alike(a, right) || own != "" && strings.Contains(string(a.content), own))
		}
		a := ask(forged.text)
		if !opens(a) {
			continue
		}
		again := ask(forged.text)
		if !opens(again) {
			continue
		}
		s.probe(forged.id, a, where, "The app takes its own token "+forged.name,
			a.line(), "baseline, the token as it was: "+right.line(), "control, no token: "+without.line(), "repeated "+again.line())
	}
}

const bearer = "Authorization"

// ownToken is the token that the account is known by, and where it goes: the header or
// a cookie's name.
func (u *account) ownToken() (t token, where string, ok bool) {
	if t, ok = parseToken(u.token); ok {
		return t, bearer, true
	}
	for _, k := range u.cookies {
		if t, ok = parseToken(k.Value); ok {
			return t, k.Name, true
		}
	}
	return t, "", false
}

// with sends a request as the account with another token, or with none.
func (u *account) with(q request, where, token string) request {
	if where == bearer {
		q.token = token
		return q
	}
	q.cookies = slices.DeleteFunc(slices.Clone(u.cookies), func(k *http.Cookie) bool { return k.Name == where })
	if token != "" {
		q.cookies = append(q.cookies, &http.Cookie{Name: where, Value: token})
	}
	return q
}

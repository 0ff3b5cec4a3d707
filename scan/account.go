// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package scan

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// login is a route that signs users in.
type login struct {
	path       string
	user, pass string            // its fields
	form       bool              // it reads forms, not JSON
	hidden     map[string]string // fields that its form on the page has filled in
	cookies    []*http.Cookie    // of that page, when the form has any
	wrong      answer            // to a user that does not exist
	right      bool              // it has signed an account in
}

// account is one that this scan has made, or that it was given.
type account struct {
	name, email, password string
	ours                  bool   // it was made by this scan
	nick                  bool   // it signed up under a name
	given                 string // what it calls itself, if it was given and that is known
	created               answer
	in                    bool   // it is signed in
	signed                answer // the answer that signed it in, if one did
	token                 string
	cookies               []*http.Cookie
}

func (s *scan) newAccount() *account {
	id := s.marker + strings.ToLower(rand.Text())[:6]
	u := &account{ours: true, name: "Scan " + id, email: id + "@example.com", password: "Quiet-" + rand.Text()[:12]}
	s.own = append(s.own, u)
	return u
}

// login is what the account calls itself when it signs in.
func (u *account) login(field string) string {
	if !u.ours {
		return u.given
	}
	if field == "username" || u.nick && userName.MatchString(field) && !mailName.MatchString(field) {
		name, _, _ := strings.Cut(u.email, "@")
		return name
	}
	return u.email
}

// name is what the account to act as calls itself, or empty.
func (a *app) name() string {
	if a.login == nil {
		return a.user.given
	}
	return a.user.login(a.login.user)
}

// as sends a request as the account, or as nobody.
func (u *account) as(q request) request {
	if u != nil {
		q.token, q.cookies = u.token, u.cookies
	}
	return q
}

// enter finds the routes to sign up and in, and makes an account. One that was given
// is the one to act as.
func (s *scan) enter(ctx context.Context) {
	s.findLogins(ctx)
	given := s.theirs()
	if given != nil && given.in {
		s.judgeGiven(given)
	} else if given != nil {
		s.signInSomewhere(ctx, given)
	}
	if given != nil && !given.in {
		s.note("the account that was given could not sign in: what needs one is tried with the scan's own, if at all")
		given = nil
	}
	s.findSignup(ctx, given)
	if s.app.made != nil {
		s.signInSomewhere(ctx, s.app.made)
		if !s.app.made.in {
			s.note("the account that signed up could not sign in: probes that need one are left out")
		}
	}
	if s.app.user = s.app.made; given != nil {
		s.app.user = given
	}
	if s.app.user != nil && s.app.user.in {
		s.findMe(ctx)
	}
}

// signInSomewhere signs an account in wherever it can. The login that answers with a
// token is the one to know more of.
func (s *scan) signInSomewhere(ctx context.Context, u *account) {
	for _, l := range s.app.logins {
		try := *u
		if !s.signIn(ctx, l, &try) && !s.signInOtherwise(ctx, l, &try) {
			continue
		}
		if !u.in || u.token == "" && try.token != "" {
			s.app.login, *u = l, try
		}
	}
}

// signInOtherwise signs in with the fields that this login was not seen to refuse, but
// may want all the same: many answer 401 to what they do not find.
func (s *scan) signInOtherwise(ctx context.Context, l *login, u *account) bool {
	for _, other := range s.shapes(l.path) {
		if other.user == l.user && other.form == l.form {
			continue
		}
		other.wrong = l.wrong
		if s.signIn(ctx, &other, u) {
			*l = other
			return true
		}
	}
	return false
}

// maxLogins of an app are looked at.
const maxLogins = 2

// findLogins looks at the logins that are named, and guesses where none is: a guess
// may count as a failure.
func (s *scan) findLogins(ctx context.Context) {
	var guessed []string
	named := s.named("POST", loginName)
	if s.Login != "" {
		named = []string{s.Login}
	}
	for _, path := range usual.login {
		if !slices.Contains(named, path) {
			guessed = append(guessed, path)
		}
	}
	for i, path := range append(named, guessed...) {
		if i >= len(named) && len(s.app.logins) > 0 {
			return
		}
		for _, l := range s.shapes(path) {
			q := l.request(s.newAccount().email, "wrong-"+s.marker)
			q.provoked = true // names that it guesses may share a limit
			a := s.client.do(ctx, q)
			if a.err != nil || isLimit(a) {
				return
			}
			if !s.there(a) {
				break
			}
			if a.status == http.StatusUnsupportedMediaType || a.status == http.StatusUnprocessableEntity || a.status >= 500 {
				continue
			}
			l.wrong = a
			s.app.logins = append(s.app.logins, &l)
			s.app.login = s.app.logins[0]
			s.judgeCookies(a)
			s.say("logins: %s %s, wrong ones are answered %d", a.method, path, a.status)
			break
		}
		if len(s.app.logins) == maxLogins {
			return
		}
	}
}

// shapes are the ways in which a login may want its fields.
func (s *scan) shapes(path string) []login {
	user, pass := "email", "password"
	for _, f := range s.surface.forms {
		if f.action != path {
			continue
		}
		if name, ok := f.has("password"); ok {
			pass = name
			for _, field := range f.fields {
				if field.kind == "email" || field.kind == "text" || field.kind == "" {
					user = field.name
					break
				}
			}
			if hidden := f.hidden(); len(hidden) > 0 {
				return []login{{path: path, user: user, pass: pass, form: true, hidden: hidden, cookies: f.cookies}}
			}
		}
	}
	other := "username"
	if user == other {
		other = "email"
	}
	return []login{{path: path, user: user, pass: pass}, {path: path, user: user, pass: pass, form: true}, {path: path, user: other, pass: pass}}
}

// request signs in with an ordinary password.
func (l login) request(user, password string) request {
	if l.form {
		fields := maps.Clone(l.hidden)
		if fields == nil {
			fields = map[string]string{}
		}
		fields[l.user], fields[l.pass] = user, password
		return request{method: "POST", target: l.path, kind: "application/x-www-form-urlencoded", body: formOf(fields), cookies: l.cookies}
	}
	return l.raw(user, quoteJSON(password))
}

// raw signs in with any JSON in place of the password.
func (l login) raw(user, password string) request {
	return postJSON(l.path, fmt.Sprintf("{%s:%s,%s:%s}", quoteJSON(l.user), quoteJSON(user), quoteJSON(l.pass), password))
}

func quoteJSON(s string) string {
	b, _ := json.Marshal(s) // a string always has JSON
	return string(b)
}

// signIn signs an account in, and judges the token and the cookies that it gets.
func (s *scan) signIn(ctx context.Context, l *login, u *account) bool {
	a := s.client.do(ctx, l.request(u.login(l.user), u.password))
	if !l.succeeded(a) {
		return false
	}
	l.right = true
	u.in, u.signed, u.token = true, a, tokenIn(a)
	u.cookies = cookiesOf(a)
	s.judgeCookies(a)
	if t, ok := parseToken(u.token); ok {
		s.judgeToken(a, "the token of "+l.path, t)
	}
	return true
}

// succeeded reports whether an answer signed somebody in: it has a token, or another
// status than a wrong login and a cookie or a redirect elsewhere.
func (l *login) succeeded(a answer) bool {
	wrong := l.wrong
	if a.err != nil || a.status >= 400 {
		return false
	}
	if tokenIn(a) != "" && tokenIn(wrong) == "" {
		return true
	}
	if a.status/100 == 3 {
		return wrong.status/100 != 3 || a.header.Get("Location") != wrong.header.Get("Location")
	}
	return wrong.status >= 400
}

// tokenIn is the first token in a JSON answer: a JWT, or what is called one.
func tokenIn(a answer) string {
	if a.err != nil || !a.isJSON() {
		return ""
	}
	found := ""
	walk(a.content, func(key string, value any) {
		text, ok := value.(string)
		if !ok || found != "" {
			return
		}
		if _, jwt := parseToken(text); jwt || len(text) >= 16 && slices.Contains([]string{"token", "access_token", "accesstoken", "jwt", "idtoken", "id_token"}, strings.ToLower(key)) {
			found = text
		}
	})
	return found
}

// walk calls f with every member of a JSON text, in the order of names.
func walk(text []byte, f func(key string, value any)) {
	var v any
	if json.Unmarshal(text, &v) != nil {
		return
	}
	var step func(key string, v any, depth int)
	step = func(key string, v any, depth int) {
		if depth > 32 {
			return
		}
		f(key, v)
		switch v := v.(type) {
		case map[string]any:
			for _, name := range names(v) {
				step(name, v[name], depth+1)
			}
		case []any:
			for _, one := range v[:min(len(v), 100)] {
				step(key, one, depth+1)
			}
		}
	}
	step("", v, 0)
}

// findMe looks for a path that shows the account to itself, and to nobody else.
func (s *scan) findMe(ctx context.Context) {
	u, name := s.app.user, s.app.name()
	paths := s.candidates("GET", meName, usual.me)
	if next := redirect(u.signed); next != nil && next.Host == s.client.base.Host {
		paths = slices.Insert(paths, 0, next.EscapedPath()) // where it is sent after signing in
	}
	for _, path := range paths {
		a := s.client.do(ctx, u.as(get(path)))
		if !a.ok() {
			continue
		}
		if a.isPage() {
			s.takeOver(a) // forms that only users see
		}
		shown := name != "" && strings.Contains(string(a.content), name)
		if !shown && (u.ours || !a.isJSON() || s.client.do(ctx, get(path)).ok()) {
			continue
		}
		s.app.me = path
		s.say("the account is shown at GET %s", path)
		return
	}
}

// shows is what the app shows an account of itself.
func (s *scan) shows(ctx context.Context, u *account) (a answer, ok bool) {
	if s.app.me == "" || !s.signIn(ctx, s.app.login, u) {
		return a, false
	}
	a = s.client.do(ctx, u.as(get(s.app.me)))
	return a, a.ok()
}

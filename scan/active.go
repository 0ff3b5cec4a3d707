// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package scan

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/panoply-security/panoply/finding"
	"github.com/panoply-security/panoply/internal/leak"
	"github.com/panoply-security/panoply/rule"
)

// app is what an active scan finds out about an app.
type app struct {
	absent answer // to a POST to nowhere

	logins []*login
	login  *login // that the account signs in with
	signup *signup
	me     string   // a path that shows a user to himself
	user   *account // to act as
	made   *account // by the sign-up, as anybody makes one: a baseline
	lists  []answer // paths that answer with JSON, as they did
	closed []string // paths that want somebody who is signed in
}

// active tries things. What ordinary use needs comes first, what fills a limit last.
func (s *scan) active(ctx context.Context) {
	for n := 2; n <= 7; n++ {
		if n != 4 && n != 5 {
			s.report.NotTested(n, "nothing of it was found; name its routes (--route)")
		}
	}
	s.app = &app{}
	for _, step := range []struct {
		what string
		run  func(context.Context)
	}{
		{"looking for routes", s.discover},
		{"asking for files that nobody meant to serve", s.exposed},
		{"signing up and in", s.enter},
		{"sending fields that nobody offered", s.assignment},
		{"sending other types", s.confusion},
		{"sending a prototype that nothing keeps", s.pollution},
		{"changing the own token", s.tampering},
		{"uploading small harmless files", s.uploads},
		{"sending query operators", s.injection},
		{"asking lists with parameters twice and with operators", s.queries},
		{"provoking errors", s.provoke},
		{"deleting the accounts that it made", s.deleteAccounts},
		{"signing in wrongly, again and again", s.burst},
	} {
		if s.client.over() != nil || ctx.Err() != nil {
			break
		}
		s.say("%s", step.what)
		step.run(ctx)
	}
	if err := s.client.over(); err != nil {
		s.stopped(err.Error())
	}
}

// over is why the scan has to end, or nil.
func (c *client) over() error {
	switch {
	case c.sent >= c.budget:
		return errBudget
	case c.failing >= maxFailing:
		return errFailing
	case c.limited:
		return errLimited
	}
	return nil
}

// names of routes, by what they do.
var (
	loginName  = regexp.MustCompile(`(?i)(log-?in|sign-?in|/auth(enticate)?$|/sessions?$|/token$)`)
	signupName = regexp.MustCompile(`(?i)(register|sign-?up|/users$|/accounts$)`)
	uploadName = regexp.MustCompile(`(?i)(upload|/files?$|avatar|attachment|/images?$|/photos?$)`)
	meName     = regexp.MustCompile(`(?i)(/me$|profile|account|whoami|current-?user)`)
	listName   = regexp.MustCompile(`^/api/|^/v\d/`)
	staysAway  = regexp.MustCompile(`(?i)(log-?out|sign-?out|delete|remove|destroy|unsubscribe|cancel|reset|\.(js|css|png|jpe?g|svg|ico|woff2?|map)$)`)
)

var usual = struct{ login, signup, upload, me, lists []string }{
	login:  []string{"/api/login", "/login", "/api/auth/login", "/auth/login", "/api/signin", "/signin", "/api/sessions", "/api/v1/login", "/api/v1/auth/login"},
	signup: []string{"/api/users", "/api/register", "/api/signup", "/api/auth/register", "/api/auth/signup", "/auth/register", "/auth/signup", "/register", "/signup", "/users", "/api/v1/users", "/api/v1/auth/register"},
	upload: []string{"/api/upload", "/upload", "/api/uploads", "/api/files", "/files", "/api/v1/upload"},
	me:     []string{"/api/me", "/me", "/api/users/me", "/api/profile", "/api/auth/me", "/auth/me", "/users/me", "/api/v1/auth/me", "/api/v1/users/me", "/api/user", "/profile", "/account", "/api/account"},
	lists:  []string{"/api/products", "/api/items", "/api/data", "/api/posts", "/api/users"},
}

// given are the routes of a method that the options name.
func (s *scan) given(method string) []string {
	var out []string
	for _, text := range s.Routes {
		if r, err := parseRoute(text); err == nil && r.method == method {
			out = append(out, r.path)
		}
	}
	return out
}

// named are the paths that options, page and scripts name as such a route.
func (s *scan) named(method string, name *regexp.Regexp) []string {
	var out []string
	add := func(path string) {
		if path != "" && !staysAway.MatchString(path) && !slices.Contains(out, path) {
			out = append(out, path)
		}
	}
	for _, path := range s.given(method) {
		if name.MatchString(path) {
			add(path)
		}
	}
	for _, f := range s.surface.forms {
		if f.method == method && name.MatchString(f.action) {
			add(f.action)
		}
	}
	for _, p := range s.surface.paths {
		if name.MatchString(p) {
			add(p)
		}
	}
	return out[:min(len(out), 10)]
}

// candidates are the named ones and, behind them, those that such routes usually are.
func (s *scan) candidates(method string, name *regexp.Regexp, usual []string) []string {
	out := s.named(method, name)
	for _, p := range usual {
		if !slices.Contains(out, p) {
			out = append(out, p)
		}
	}
	return out
}

// discover reads the page's scripts, and learns what a path that is not there
// answers.
func (s *scan) discover(ctx context.Context) {
	s.crawl(ctx)
	if s.page.isJSON() {
		s.surface.addPaths(pathsIn(s.page.content)) // an API that tells its routes
	}
	for _, script := range s.surface.scripts[:min(len(s.surface.scripts), 4)] {
		if a := s.client.do(ctx, get(script)); a.ok() {
			s.surface.addPaths(pathsIn(a.content))
		}
	}
	q := postJSON("/"+s.marker, "{}")
	q.provoked = true
	s.app.absent = s.client.do(ctx, q)
	lists := s.candidates("GET", listName, usual.lists)
	for _, r := range s.given("GET") {
		if !slices.Contains(lists, r) {
			lists = slices.Insert(lists, 0, r)
		}
	}
	for _, path := range lists {
		if loginName.MatchString(path) || uploadName.MatchString(path) || meName.MatchString(path) {
			continue
		}
		if len(s.app.lists) >= 5 {
			break
		}
		q := get(path)
		q.provoked = true
		a := s.client.do(ctx, q)
		if s.judgeError(a) {
			s.report.Tested(4)
		}
		if a.ok() && a.isJSON() {
			s.app.lists = append(s.app.lists, a)
		}
		if a.err == nil && (a.status == http.StatusUnauthorized || a.status == http.StatusForbidden) {
			s.app.closed = append(s.app.closed, path)
		}
	}
}

// there reports whether an answer to a POST comes from a route and not from nowhere.
func (s *scan) there(a answer) bool {
	if a.err != nil || a.status == http.StatusNotFound || a.status == http.StatusMethodNotAllowed || a.status == http.StatusNotImplemented {
		return false
	}
	return !alike(a, s.app.absent)
}

// changing is what two answers of one kind may differ in: ids, times, counts.
var changing = regexp.MustCompile(`[0-9a-fA-F-]{6,}|[0-9]+`)

const maxAlike = 16 << 10 // bytes that are compared

// alike reports whether two answers say the same of two paths.
func alike(a, b answer) bool {
	if a.status != b.status || a.mediaType() != b.mediaType() {
		return false
	}
	if a.cut || b.cut || len(a.content) > maxAlike || len(b.content) > maxAlike {
		return a.cut == b.cut // no error message is as long
	}
	plain := func(a answer) string {
		return changing.ReplaceAllString(strings.ReplaceAll(string(a.content), a.target, ""), "")
	}
	return plain(a) == plain(b)
}

// exposed asks for files that lie beside an app, with one beside them that is not
// there.
func (s *scan) exposed(ctx context.Context) {
	control := s.client.do(ctx, get("/."+s.marker))
	if control.ok() {
		return // it answers everything
	}
	for _, file := range []struct {
		path  string
		shape *regexp.Regexp
	}{
		{"/.env", regexp.MustCompile(`(?m)^[A-Z][A-Z0-9_]{2,}=\S`)},
		{"/.git/HEAD", regexp.MustCompile(`^(ref: refs/|[0-9a-f]{40}\s*$)`)},
		{"/package.json", regexp.MustCompile(`"(dependencies|scripts)"\s*:`)},
	} {
		a := s.client.do(ctx, get(file.path))
		if !a.ok() || a.isPage() || !file.shape.Match(a.content) {
			continue
		}
		again := s.client.do(ctx, get(file.path))
		if !again.ok() {
			continue
		}
		f := finding.New(rule.ErrorExposedFile, finding.InAnswer("GET", s.address(a), ""), "The app serves "+file.path)
		f.Evidence = []string{a.line(), fmt.Sprintf("%d bytes that look like it", len(a.content)), "control " + control.line(), "repeated " + again.line()}
		if file.path == "/package.json" {
			f.Severity = rule.Low
		}
		s.report.Add(f)
	}
	for _, script := range s.surface.scripts[:min(len(s.surface.scripts), 1)] {
		path, _, _ := strings.Cut(script, "?")
		if a := s.client.do(ctx, get(path+".map")); a.ok() && a.isJSON() && strings.Contains(string(a.content), `"sourcesContent"`) {
			f := finding.New(rule.ErrorExposedFile, finding.InAnswer("GET", s.address(a), ""), "The app serves its source beside its scripts")
			f.Severity, f.Evidence = rule.Low, []string{a.line(), "control " + control.line()}
			s.report.Add(f)
		}
	}
}

// provoke sends every route what it cannot read.
func (s *scan) provoke(ctx context.Context) {
	var requests []request
	add := func(q request) { requests = append(requests, q) }
	var posts []string
	if s.app.signup != nil {
		posts = append(posts, s.app.signup.path)
	}
	for _, l := range s.app.logins {
		posts = append(posts, l.path)
	}
	for _, path := range s.given("POST") {
		if !slices.Contains(posts, path) {
			posts = append(posts, path)
		}
	}
	for _, path := range posts[:min(len(posts), 5)] {
		add(postJSON(path, `{"`+s.marker+`":`))
		add(postJSON(path, "null"))
	}
	for _, a := range s.app.lists[:min(len(s.app.lists), 3)] {
		add(get(a.target + "?" + s.marker + "[$" + s.marker + "]=1"))
		add(get(a.target + "/%" + s.marker))
		add(get(a.target + "?q=("))
	}
	if s.app.me != "" {
		q := get(s.app.me)
		q.token = "a.b.c"
		add(q)
	}
	if len(posts) > 0 {
		add(postJSON(posts[0], `{"`+s.marker+`":"`+strings.Repeat("a", 200<<10)+`"}`))
	}
	for _, q := range requests {
		q.provoked = true
		a := s.client.do(ctx, q)
		if a.err != nil || a.status < 400 {
			continue
		}
		s.report.Tested(4)
		if _, leaks := leak.Find(a.content); leaks && s.once("leak "+a.method+" "+a.target) {
			continue // one example of each route will do
		} else if leaks {
			s.judgeError(a, "repeated "+s.client.do(ctx, q).line())
		}
	}
	s.report.NotTested(4, "")
}

// probe is a finding of an active probe: what was tried, and what shows that it is
// no accident.
func (s *scan) probe(id rule.ID, a answer, parameter, message string, evidence ...string) {
	s.probeAs(rule.Get(id).Severity, id, a, parameter, message, evidence...)
}

// probeAs is probe with another severity than the catalogue's.
func (s *scan) probeAs(severity rule.Severity, id rule.ID, a answer, parameter, message string, evidence ...string) {
	f := finding.New(id, finding.InAnswer(a.method, s.address(a), parameter), message)
	f.Severity = severity
	for _, line := range evidence {
		f.Evidence = append(f.Evidence, leak.Mask(line))
	}
	s.report.Add(f)
}

// said is an exchange with what was sent, for evidence.
func said(a answer) string {
	if errors.Is(a.err, errBudget) || a.err != nil {
		return a.line()
	}
	return fmt.Sprintf("%s %s %s: %d", a.method, a.target, clip(string(a.body), 200), a.status)
}

// formOf is fields as a form, in a fixed order.
func formOf(fields map[string]string) []byte {
	v := url.Values{}
	for name, value := range fields {
		v.Set(name, value)
	}
	return []byte(v.Encode())
}

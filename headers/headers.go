// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

// Package headers sets security headers on every answer (mistake 1).
//
// # Threat
//
// Express sends no security headers at all. Without them a script that slips
// into a page runs with the page's rights, another site shows the page in a
// frame and steals clicks, a browser guesses an upload to be HTML, and the
// first request of every visit goes over plain HTTP, where anyone on the way
// can read it. X-Powered-By and Server tell an attacker which holes to try.
//
// # What it does
//
// The zero [Config] is Helmet 8's default set, byte for byte: twelve headers
// set, X-Powered-By removed, and Server removed too. Every header can be
// configured as in Helmet, or switched off. Options that Helmet refuses are
// refused by [New], and so are those that Helmet accepts and then fails on in
// every answer, such as line breaks in a policy.
//
// Headers are set when the final header leaves ([Headers.Handler]) or when the
// caller says so ([Headers.Apply]), on errors as on successes. A header that
// the app has set itself stays as it is, the Content-Security-Policy above all:
// a second policy could only break what the first one allows. [Strengthen] sends
// the stricter of the two instead, and [Replace] the configured one. The removed
// ones are removed whoever set them.
//
// Routes may differ ([Route]): a page that others may frame, an asset that other
// sites use, a logout that has the browser forget what it holds.
//
// Strict-Transport-Security, Clear-Site-Data and upgrade-insecure-requests are
// sent only to clients that came over TLS. Browsers ignore the first two over
// plain HTTP, and the third makes every link of a plain HTTP page fail.
//
// An answer that sets a session cookie and says nothing of caching is no-store,
// so that no shared cache gives the session to the next client.
//
// A Go app that writes its own scripts may allow them by a nonce: see
// [CSP.Nonces] and [Nonce].
//
// # What it does not do
//
// It does not look into pages, so it cannot tell which scripts a policy will
// block; report_only and content_security_policy_report_only find that out. It
// puts no nonce into a page: a Go app has to, and package guard does. It sees only header names in their
// canonical spelling, as http.Header.Set writes them.
//
// # Bounds
//
// Everything is compiled by New, at most 1000 routes. An answer costs one pass
// over the headers that it has, a map assignment for each that it lacks, and no
// allocation; the values are shared by all answers and must not be changed in
// place. A nonce costs a handful of allocations, and Strengthen one where
// neither header is the sum of both.
package headers

import (
	"net/http"
	"slices"
	"strings"

	"github.com/panoply-security/panoply/internal/cookies"
	"github.com/panoply-security/panoply/internal/fault"
	"github.com/panoply-security/panoply/internal/respond"
	"github.com/panoply-security/panoply/route"
)

// Headers sets the headers of one configuration. It is safe for concurrent use.
type Headers struct {
	lines   lines
	plain   []ready // what a client over plain HTTP gets, where no route differs
	secure  []ready // what a client over TLS gets there
	removed uint32  // the bits of what is removed there

	overrides []override
	patterns  []*route.Pattern
	table     route.Table
	nonces    bool // some policy has nonces

	tls func(*http.Request) bool
	cfg Config
}

// lines is a compiled set.
type lines [slots]line

func (set *lines) nonces() bool {
	return slices.ContainsFunc(set[:], func(l line) bool { return l.around != nil })
}

// line is one header, compiled. The values are shared by all answers; their
// capacity is their length, so that an append by the app copies them.
type line struct {
	name          string
	bit           uint32
	plain, secure []string // nil where the header is not sent
	remove        bool
	stricter      stricter
	around        *nonceParts // of a policy with nonces
}

// ready is a line that only has to be put into the map.
type ready struct {
	name  string
	bit   uint32
	value []string
	line  *line
}

// New checks the configuration and compiles it.
func New(cfg Config) (*Headers, error) {
	t := &Headers{cfg: cfg.WithDefaults(), tls: cfg.TLS}
	if t.tls == nil {
		t.tls = func(r *http.Request) bool { return r.TLS != nil }
	}
	var faults fault.List
	checkExisting(&faults, cfg.Existing)
	t.lines = compile(t.cfg, nil, &faults)
	t.compileRoutes(&faults)
	t.checkNonces(&faults)
	if err := faults.Err(); err != nil {
		return nil, err
	}
	for i := range t.lines {
		l := &t.lines[i]
		if l.remove {
			t.removed |= l.bit
		}
		if slot(i) == sessionCache {
			continue // it hangs on the answer
		}
		if l.plain != nil {
			t.plain = append(t.plain, ready{l.name, l.bit, l.plain, l})
		}
		if l.secure != nil {
			t.secure = append(t.secure, ready{l.name, l.bit, l.secure, l})
		}
	}
	t.nonces = t.lines.nonces()
	for i := range t.overrides {
		t.nonces = t.nonces || t.overrides[i].lines.nonces()
	}
	return t, nil
}

// Request is what has to be known of a request to set its answer's headers.
type Request struct {
	TLS    bool   // the client came over TLS
	Nonce  string // as Begin gave it
	Routes []int  // the places in [Headers.Routes] that it met, in any order
}

// Apply sets the headers of an answer and removes those that tell too much.
func (t *Headers) Apply(h http.Header, to Request) {
	have := present(h)
	if len(to.Routes) > 0 {
		t.applyRoutes(h, have, to)
		return
	}
	set := t.plain
	if to.TLS {
		set = t.secure
	}
	for i := range set {
		if r := &set[i]; have&r.bit == 0 && r.line.around == nil {
			h[r.name] = r.value
		} else {
			r.line.put(h, have, t.cfg.Existing, to)
		}
	}
	if have&t.removed != 0 {
		for i := range t.lines {
			if t.lines[i].remove {
				delete(h, t.lines[i].name)
			}
		}
	}
	if have&(1<<setCookie) != 0 && setsSession(h) {
		t.lines[sessionCache].put(h, have, t.cfg.Existing, to)
	}
}

// applyRoutes is Apply where routes differ: each header is as the last of them
// says that names it.
func (t *Headers) applyRoutes(h http.Header, have uint32, to Request) {
	existing := t.existingOn(to.Routes)
	session := have&(1<<setCookie) != 0 && setsSession(h)
	for i := range t.lines {
		if slot(i) != sessionCache || session {
			t.lineOn(i, to.Routes).put(h, have, existing, to)
		}
	}
}

// lineOn is a header as the last of these routes says that names it.
func (t *Headers) lineOn(i int, routes []int) *line {
	l, last := &t.lines[i], -1
	for _, id := range routes {
		if o := &t.overrides[id]; o.named[i] && id > last {
			l, last = &o.lines[i], id
		}
	}
	return l
}

// existingOn is what the last of these routes says of the app's own headers.
func (t *Headers) existingOn(routes []int) Existing {
	existing, last := t.cfg.Existing, -1
	for _, id := range routes {
		if e := t.overrides[id].existing; e != "" && id > last {
			existing, last = e, id
		}
	}
	return existing
}

// put settles one header of an answer.
func (l *line) put(h http.Header, have uint32, existing Existing, to Request) {
	value := l.plain
	if to.TLS {
		value = l.secure
	}
	switch there := have&l.bit != 0; {
	case l.remove:
		delete(h, l.name)
	case value == nil || there && existing == Keep:
	default:
		if l.around != nil && to.Nonce != "" {
			value = []string{l.around.with(to.Nonce, to.TLS)}
		}
		if there && existing == Strengthen {
			value = l.stricter(h[l.name], value)
		}
		h[l.name] = value
	}
}

// setsSession reports whether an answer sets a cookie that stands for a user.
func setsSession(h http.Header) bool {
	for _, cookie := range h["Set-Cookie"] {
		name, _, _ := strings.Cut(cookie, "=")
		if cookies.IsSession(strings.Trim(name, " \t")) {
			return true
		}
	}
	return false
}

// Routes are the patterns of Config.Routes, in their order.
func (t *Headers) Routes() []*route.Pattern { return t.patterns }

// Handler sets the headers of everything that next answers. It has to be
// outside of whatever else writes answers.
func (t *Headers) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a := &answer{t: t, to: Request{TLS: t.tls(r)}}
		if len(t.patterns) > 0 {
			if key, err := route.KeyOf(r.URL); err == nil {
				a.to.Routes = t.table.Match(r.Method, key, nil)
			}
		}
		r, a.to.Nonce = t.Begin(r, a.to.Routes)
		a.w.Reset(w, a)
		returned := false
		defer func() {
			// After a panic somebody further out may answer in next's place.
			if !returned && !a.w.Committed() {
				t.Apply(w.Header(), a.to)
			}
		}()
		next.ServeHTTP(&a.w, r)
		a.w.Finish()
		returned = true
	})
}

// answer is one answer on its way out.
type answer struct {
	w  respond.Writer
	t  *Headers
	to Request
}

func (a *answer) Header(_ int, h http.Header) respond.Plan {
	a.t.Apply(h, a.to)
	return respond.Plan{}
}

func (a *answer) Body(status int, _ http.Header, body []byte, _ bool) (int, []byte, bool) {
	return status, body, false
}

func (a *answer) Dropped([]byte) {}

// Names returns the names of all headers that Apply sets or removes, sorted.
func (t *Headers) Names() []string {
	var all []string
	note := func(set *lines) {
		for _, l := range set {
			if l.remove || l.secure != nil {
				all = append(all, l.name)
			}
		}
	}
	note(&t.lines)
	for i := range t.overrides {
		note(&t.overrides[i].lines)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// Describe returns the effective headers where no route differs, one line each,
// sorted: for the log and for `policy show`.
func (t *Headers) Describe() []string {
	var all []string
	for i, l := range t.lines {
		switch {
		case l.remove:
			all = append(all, l.name+": (removed)")
		case l.secure == nil:
		case slot(i) == sessionCache:
			all = append(all, l.name+": "+l.secure[0]+" (with a session cookie only)")
		case l.plain == nil:
			all = append(all, l.name+": "+l.secure[0]+" (over TLS only)")
		default:
			all = append(all, l.name+": "+l.secure[0])
		}
	}
	slices.Sort(all)
	return all
}

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
// a second policy could only break what the first one allows. The removed ones
// are removed whoever set them.
//
// Strict-Transport-Security and upgrade-insecure-requests are sent only to
// clients that came over TLS. Browsers ignore the first over plain HTTP, and
// the second makes every link of a plain HTTP page fail.
//
// # What it does not do
//
// It makes no nonces: a policy with a nonce has to come from the app that
// writes the scripts. It does not look into pages, so it cannot tell which
// scripts a policy will block; report_only and
// content_security_policy_report_only find that out. It sees only header names
// in their canonical spelling, as http.Header.Set writes them.
//
// # Bounds
//
// Everything is compiled by New. An answer costs one map lookup and at most one
// map assignment for each header, and no allocation; the values are shared by
// all answers and must not be changed in place.
package headers

import (
	"net/http"
	"slices"

	"github.com/panoply-security/panoply/internal/fault"
	"github.com/panoply-security/panoply/internal/respond"
)

// Headers sets the headers of one configuration. It is safe for concurrent use.
type Headers struct {
	plain  []line // what a client over plain HTTP gets
	secure []line // what a client over TLS gets
	remove []string
	tls    func(*http.Request) bool
	cfg    Config
}

// line is one header, ready to be put into the map. The slice is shared: its
// capacity is its length, so that an append by the app copies it.
type line struct {
	name  string
	value []string
}

// New checks the configuration and compiles it.
func New(cfg Config) (*Headers, error) {
	t := &Headers{cfg: cfg.WithDefaults(), tls: cfg.TLS}
	if t.tls == nil {
		t.tls = func(r *http.Request) bool { return r.TLS != nil }
	}
	var faults fault.List
	t.compile(&faults)
	if err := faults.Err(); err != nil {
		return nil, err
	}
	return t, nil
}

// add notes a header for both kinds of client; an empty value for one of them
// leaves it out there.
func (t *Headers) add(name, plain, secure string) {
	if plain != "" {
		t.plain = append(t.plain, line{name, []string{plain}})
	}
	if secure != "" {
		t.secure = append(t.secure, line{name, []string{secure}})
	}
}

// Apply sets the headers that h does not have and removes those that tell too
// much. tls says whether the client came over TLS.
func (t *Headers) Apply(h http.Header, tls bool) {
	set := t.plain
	if tls {
		set = t.secure
	}
	for i := range set {
		if len(h[set[i].name]) == 0 {
			h[set[i].name] = set[i].value
		}
	}
	for _, name := range t.remove {
		delete(h, name)
	}
}

// Handler sets the headers of everything that next answers. It has to be
// outside of whatever else writes answers.
func (t *Headers) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a := &answer{t: t, tls: t.tls(r)}
		a.w.Reset(w, a)
		returned := false
		defer func() {
			// After a panic somebody further out may answer in next's place.
			if !returned && !a.w.Committed() {
				t.Apply(w.Header(), a.tls)
			}
		}()
		next.ServeHTTP(&a.w, r)
		a.w.Finish()
		returned = true
	})
}

// answer is one answer on its way out.
type answer struct {
	w   respond.Writer
	t   *Headers
	tls bool
}

func (a *answer) Header(_ int, h http.Header) respond.Plan {
	a.t.Apply(h, a.tls)
	return respond.Plan{}
}

func (a *answer) Body(status int, _ http.Header, body []byte, _ bool) (int, []byte, bool) {
	return status, body, false
}

func (a *answer) Dropped([]byte) {}

// Names returns the names of all headers that Apply sets or removes, sorted.
func (t *Headers) Names() []string {
	names := slices.Clone(t.remove)
	for _, set := range [][]line{t.plain, t.secure} {
		for _, l := range set {
			names = append(names, l.name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Describe returns the effective headers, one line each, sorted: for the log
// and for `policy show`.
func (t *Headers) Describe() []string {
	var lines []string
	for _, l := range t.secure {
		text := l.name + ": " + l.value[0]
		if !slices.ContainsFunc(t.plain, func(p line) bool { return p.name == l.name }) {
			text += " (over TLS only)"
		}
		lines = append(lines, text)
	}
	for _, name := range t.remove {
		lines = append(lines, name+": (removed)")
	}
	slices.Sort(lines)
	return lines
}

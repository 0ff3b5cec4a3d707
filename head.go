// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package panoply

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/panoply-security/panoply/clientip"
	"github.com/panoply-security/panoply/inspect"
	"github.com/panoply-security/panoply/problem"
	"github.com/panoply-security/panoply/rule"
)

// preflight reports whether a browser asks for permission to send a request.
// It sends neither a body nor credentials along; whoever does is no browser, and
// may have an app that serves every method alike in mind.
func preflight(r *http.Request) bool {
	return r.Method == http.MethodOptions && r.Header.Get("Origin") != "" &&
		r.Header.Get("Access-Control-Request-Method") != "" && r.ContentLength == 0 &&
		len(r.Header["Authorization"]) == 0 && len(r.Header["Cookie"]) == 0
}

// overrideHeaders name another method, which some apps then take for the
// request's own.
var overrideHeaders = []string{"X-Http-Method-Override", "X-Http-Method", "X-Method-Override"}

// checkOverride refuses another method for which other rules hold: whichever of
// the two the app goes by, no rule may be dodged.
func (p *pass) checkOverride() error {
	var named []string
	for _, name := range overrideHeaders {
		named = append(named, p.r.Header[name]...)
	}
	if q := p.r.URL.RawQuery; strings.Contains(q, "method") || strings.Contains(q, "%") {
		query, _ := url.ParseQuery(q) // what is malformed is refused elsewhere
		named = append(named, query[overrideField]...)
		inspect.ReadQuery(q, inspect.Visitors(nil), overrides{p}) // brackets, too
	}
	for _, list := range named {
		for method := range strings.SplitSeq(list, ",") {
			if err := p.checkMethod(method); err != nil {
				return err
			}
		}
	}
	err := p.override
	p.override = nil
	return err
}

// namesMethod reports whether a request's head names another method, which no browser's
// preflight does: an app that goes by it does what is named, and asks for no token.
func namesMethod(r *http.Request) bool {
	for _, name := range overrideHeaders {
		if len(r.Header[name]) > 0 {
			return true
		}
	}
	var named naming
	if q := r.URL.RawQuery; strings.Contains(q, "method") || strings.Contains(q, "%") {
		inspect.ReadQuery(q, inspect.Visitors(nil), &named)
	}
	return bool(named)
}

// naming hears whether another method is named.
type naming bool

func (n *naming) Wants(at *inspect.Path) bool {
	*n = *n || at.Outer() == overrideField
	return false
}

func (n *naming) Text(*inspect.Path, string) {}

// overridable reports whether another method of the path meets other rules.
func (p *pass) overridable() bool {
	for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE"} {
		var other met
		if p.suit.table.match(&other, method, p.key); !p.met.same(&other) {
			return true
		}
	}
	return false
}

// checkOrigin refuses a request that a page of another site makes a browser send with
// the visitor's cookies. A WebSocket is begun by a GET, and does all that one may.
func (p *pass) checkOrigin() error {
	mode := p.modes.crossOrigin
	if mode == Off || len(p.r.Header["Cookie"]) == 0 {
		return nil
	}
	r := p.r
	if len(r.Header["Upgrade"]) > 0 && (r.Method == http.MethodGet || r.Method == http.MethodHead) {
		mode = p.modes.sockets
		unsafe := *r
		unsafe.Method = http.MethodPost
		r = &unsafe
	}
	if err := p.suit.origins.Check(r); err != nil {
		return p.judge(mode, problem.Refuse(rule.SessionCrossOrigin, "").Because(err))
	}
	return nil
}

// socketOrigin is the mode for WebSockets of other sites' pages. None of the reasons for
// which other requests are only reported holds for them, so strict refuses them.
func (p *Policy) socketOrigin() Mode {
	if p.Profile == Strict && p.Cookies.CrossOrigin == Report && p.Cookies.Mode == Enforce {
		return Enforce
	}
	return p.Cookies.CrossOrigin
}

const (
	// overrideField is the field of a body that names another method in Rails,
	// Laravel, and apps with method-override.
	overrideField = "_method"
	maxMethod     = 64 // bytes; what is longer is no method
)

// checkMethod refuses a method if it is for another rule.
func (p *pass) checkMethod(method string) error {
	if method = strings.TrimSpace(method); method == "" || len(method) > maxMethod {
		return nil
	}
	var other met
	if p.suit.table.match(&other, strings.ToUpper(method), p.key); !p.met.same(&other) {
		return problem.Refuse(rule.RequestMethod, "Another method is named, for which other rules hold.")
	}
	return nil
}

// same reports whether two requests meet the same of the policy.
func (m *met) same(other *met) bool {
	for o := range owners {
		if !slices.Equal(m.by[o], other.by[o]) {
			return false
		}
	}
	return true
}

// checkHead refuses methods that are never served and heads that parsers read
// differently.
func checkHead(r *http.Request, claims claimHeaders) error {
	switch r.Method {
	case http.MethodConnect, http.MethodTrace, "TRACK":
		return problem.Refuse(rule.RequestMethod, "")
	}
	size, lines := 0, 0
	for name, values := range r.Header {
		if name[0] == '$' { // an operator to an app that makes a query of req.headers
			return problem.Refuse(rule.RequestHeader, "A header's name starts with $.")
		}
		if strings.IndexByte(name, '_') >= 0 && slices.Contains(overrideHeaders, http.CanonicalHeaderKey(foldHeader(name))) {
			// To what stands behind CGI it is the one with dashes.
			return problem.Refuse(rule.RequestHeader, "Another method is named with underscores.")
		}
		if clientip.Underscored(name) {
			return problem.Refuse(rule.RequestHeader, "A client's address is claimed with underscores.")
		}
		lines += len(values)
		for _, v := range values {
			size += len(name) + len(v) + 4
		}
	}
	if size > maxHeaderBytes || lines > maxHeaderLines {
		return problem.Refuse(rule.RequestHeadersLarge, "")
	}
	for _, name := range onceOnly {
		if len(r.Header[name]) > 1 {
			return problem.Refuse(rule.RequestHeader, name+" is given more than once.")
		}
	}
	return checkConnection(r.Header, claims)
}

// checkConnection refuses a Connection header that names a header for the app: a
// proxy has to drop what it names, after it was inspected, or after a claim was put
// there.
func checkConnection(h http.Header, claims claimHeaders) error {
	for _, line := range h["Connection"] {
		for option := range strings.SplitSeq(line, ",") {
			name := http.CanonicalHeaderKey(strings.Trim(option, " \t"))
			if !slices.Contains(hopByHop, name) && (len(h[name]) > 0 || claims[foldHeader(name)]) {
				return problem.Refuse(rule.RequestHeader, "Connection names a header that is not about the connection.")
			}
		}
	}
	return nil
}

// hopByHop are the headers that may be about a connection.
var hopByHop = []string{"Close", "Http2-Settings", "Keep-Alive", "Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade"}

const (
	maxHeaderBytes = 16 << 10
	maxHeaderLines = 100
)

// onceOnly are headers that mean nothing when they are repeated, and that
// parsers then read differently.
var onceOnly = []string{"Authorization", "Content-Encoding", "Origin", "X-Http-Method-Override"}

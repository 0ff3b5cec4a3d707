// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package panoply

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/panoply-security/panoply/internal/fault"
)

// Exception is a route on which less is enforced than elsewhere: one that a protection
// would break, until the app or the policy is mended. Of several that a request meets,
// the weakest holds.
//
// What is decided before a request's route is known has no exceptions: its method,
// another one that it names, the size and form of its headers, and its path. Neither have
// the encryption of cookies and the re-issue of tokens: what one route gives out comes back
// on all. A preflight is looked at as what it asks for. An app that goes by a method
// named in a body may find one in a body that an exception leaves unread.
type Exception struct {
	Match string `yaml:"match" doc:"the route: POST /api/legacy, /legacy/ for a subtree"`
	// Sections are those of the policy: headers, rate_limits, bodies, errors, cookies,
	// tokens, uploads, nosql. None are all of them, and with them that a request
	// must be readable in one way. A body or query that a section in force has to read
	// must be readable all the same.
	Sections []string `yaml:"sections" doc:"headers, rate_limits, bodies, errors, cookies, tokens, uploads, nosql; all without"`
	Mode     Mode     `yaml:"mode" doc:"report (the default) or off"`
}

// String says it for an operator.
func (e Exception) String() string {
	what := "everything"
	if len(e.Sections) > 0 {
		what = strings.Join(e.Sections, ", ")
	}
	return fmt.Sprintf("%s: %s is mode %s", e.Match, what, cmp.Or(e.Mode, Report))
}

// modes are what is done in each section.
type modes struct {
	policy Mode // where no section says
	// head is that of the method, headers and path: the policy's, or a stricter one of a
	// section that goes by them.
	head                                                             Mode
	headers, limits, bodies, errors, cookies, tokens, uploads, nosql Mode
	crossOrigin, sockets                                             Mode // of cookies
}

// all are the modes of a policy.
func (p *Policy) all() modes {
	m := modes{policy: p.Mode, headers: p.Headers.Mode, limits: p.RateLimits.Mode, bodies: p.Bodies.Mode, errors: p.Errors.Mode,
		cookies: p.Cookies.Mode, crossOrigin: p.Cookies.CrossOrigin, sockets: p.socketOrigin(), tokens: p.Tokens.Mode, uploads: p.Uploads.Mode, nosql: p.NoSQL.Mode}
	m.settle()
	return m
}

func (m *modes) settle() {
	m.head = strictest(m.policy, m.limits, m.bodies, m.tokens, m.uploads, m.nosql)
}

// section is where the mode of a section stands, by the policy's name for it.
func (m *modes) section(name string) *Mode {
	switch name {
	case "headers":
		return &m.headers
	case "rate_limits":
		return &m.limits
	case "bodies":
		return &m.bodies
	case "errors":
		return &m.errors
	case "cookies":
		return &m.cookies
	case "tokens":
		return &m.tokens
	case "uploads":
		return &m.uploads
	case "nosql":
		return &m.nosql
	}
	return nil
}

// sections are the names of all.
var sections = []string{"headers", "rate_limits", "bodies", "errors", "cookies", "tokens", "uploads", "nosql"}

// modesFor are the modes for a request that meets some of the policy's exceptions.
func (s *Suit) modesFor(met []int) *modes {
	if len(met) == 0 {
		return &s.modes
	}
	m := s.modes
	for _, i := range met {
		e := &s.policy.Exceptions[i]
		mode := cmp.Or(e.Mode, Report)
		names := e.Sections
		if len(names) == 0 {
			names = sections
			m.policy = weaker(m.policy, mode)
		}
		for _, name := range names {
			at := m.section(name)
			if *at = weaker(*at, mode); name == "cookies" {
				m.crossOrigin, m.sockets = weaker(m.crossOrigin, mode), weaker(m.sockets, mode)
			}
		}
	}
	m.settle()
	return &m
}

// weaker is the mode of an exception, unless less is done already.
func weaker(is, asked Mode) Mode {
	if is == Off {
		return Off
	}
	return asked
}

func (p *Policy) checkExceptions(faults *fault.List) {
	for i, e := range p.Exceptions {
		at := fmt.Sprintf("exceptions[%d]", i)
		compilePattern(faults, at+".match", e.Match)
		if m := e.Mode; m != "" && m != Report && m != Off {
			faults.Addf(at+".mode", "write report or off", "%q makes no exception", string(m))
		}
		for j, name := range e.Sections {
			if !slices.Contains(sections, name) {
				faults.Addf(fmt.Sprintf("%s.sections[%d]", at, j), strings.Join(sections, ", "), "%q is no section", name)
			}
		}
	}
}

// strictest is the mode of several that does most.
func strictest(modes ...Mode) Mode {
	most := Off
	for _, m := range modes {
		if m == Enforce || most == Off {
			most = m
		}
	}
	return most
}

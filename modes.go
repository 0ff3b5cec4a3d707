// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package panoply

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Line says what one protection does, for the start-up log and the admin page.
type Line struct {
	Mistake int
	Name    string // the policy's section
	Mode    Mode
	What    string
}

// Describe says in one line per protection what is on.
func (s *Suit) Describe() []Line {
	p := &s.policy
	return []Line{
		{1, "headers", p.Headers.Mode, s.describeHeaders()},
		{2, "rate_limits", p.RateLimits.Mode, describeLimits(p)},
		{3, "bodies", p.Bodies.Mode, describeBodies(p)},
		{4, "errors", p.Errors.Mode, describeErrors(p)},
		{5, "cookies", p.Cookies.Mode, describeCookies(p)},
		{5, "tokens", p.Tokens.Mode, s.describeTokens()},
		{6, "uploads", p.Uploads.Mode, s.describeUploads()},
		{7, "nosql", p.NoSQL.Mode, describeNoSQL(p)},
	}
}

func (s *Suit) describeHeaders() string {
	if s.policy.Profile == Compatible {
		return "headers that break no page; the full CSP only reports, so injected scripts run: mistake 1 stays open"
	}
	return fmt.Sprintf("%d headers", len(s.headers.Names()))
}

func describeLimits(p *Policy) string {
	out := ""
	for i, r := range p.RateLimits.Rules {
		if i == 3 {
			return fmt.Sprintf("%s and %d more", out, len(p.RateLimits.Rules)-i)
		}
		if i > 0 {
			out += ", "
		}
		out += fmt.Sprintf("%s %d per %s (%s)", r.Name, r.Limit, spell(r.Window), r.Count)
	}
	return out
}

func describeBodies(p *Policy) string {
	routes, schemas := p.Bodies.Routes, 0
	if ops := p.Bodies.Operations; ops != nil {
		routes = slices.Concat(routes, ops.Routes)
	}
	for _, r := range routes {
		if r.Declares() {
			schemas++
		}
	}
	switch {
	case p.Bodies.Mode != Enforce && p.NoSQL.Mode == Enforce:
		return fmt.Sprintf("at most %s all the same, as longer ones would pass the NoSQL guard unread", size(p.Bodies.MaxBytes))
	case schemas == 0:
		return fmt.Sprintf("at most %s, read strictly; no schema, so undeclared fields pass: mistake 3 stays open", size(p.Bodies.MaxBytes))
	case p.Bodies.OpenAPI.File != "" && p.Bodies.OpenAPI.Undeclared != Allow:
		return fmt.Sprintf("at most %s, read strictly; routes with a schema: %d, and no other operation of the API", size(p.Bodies.MaxBytes), schemas)
	}
	return fmt.Sprintf("at most %s, read strictly; routes with a schema: %d", size(p.Bodies.MaxBytes), schemas)
}

func describeErrors(p *Policy) string {
	if p.Errors.NoScrub {
		return "own answers only; the app's bodies are not scrubbed"
	}
	return "5xx bodies replaced, leaking 4xx bodies replaced"
}

func describeCookies(p *Policy) string {
	c := p.Cookies.Policy
	out := fmt.Sprintf("Secure over TLS %v, HttpOnly %v, SameSite=%s where missing", !c.NoSecure, !c.NoHTTPOnly, c.SameSite)
	if c.NoMaxAge {
		out += ", lifetimes left"
	} else {
		out += ", at most " + spell(c.MaxAge)
	}
	if c := p.Cookies.Encrypt; c != nil && p.Cookies.Mode == Enforce {
		out += "; values of session cookies encrypted"
	}
	out += map[Mode]string{Enforce: "; other sites' requests refused", Report: "; other sites' requests only reported"}[p.Cookies.CrossOrigin]
	if p.Cookies.CrossOrigin == Report && p.socketOrigin() == Enforce {
		out += ", their WebSockets refused"
	}
	return out
}

func (s *Suit) describeTokens() string {
	if len(s.tokens) == 0 {
		return "no rule, so the app's tokens are what they are: mistake 5 stays open"
	}
	verified, reissued, ephemeral := 0, 0, ""
	for _, t := range s.tokens {
		if t.reissuer == nil {
			verified++
			continue
		}
		reissued++
		if t.reissuer.Ephemeral() {
			ephemeral = "; re-issued with a key of this process: tokens end with it"
		}
	}
	return fmt.Sprintf("rules that verify: %d, that re-issue: %d%s", verified, reissued, ephemeral)
}

func (s *Suit) describeUploads() string {
	if s.policy.Profile == Compatible {
		return fmt.Sprintf("own rules: %d; elsewhere dangerous files refused, type and count reported", len(s.policy.Uploads.Rules))
	}
	return fmt.Sprintf("own rules: %d; elsewhere the defaults: 5 MB, 1 file, JPEG, PNG, WebP, PDF", len(s.policy.Uploads.Rules))
}

func describeNoSQL(p *Policy) string {
	what := "operator and prototype keys refused"
	if p.NoSQL.Mode == Enforce && p.Uploads.Mode == Off {
		what += "; forms with files are read for their fields' names, though uploads are off"
	}
	if len(p.NoSQL.Strings) > 0 {
		return fmt.Sprintf("%s; %d fields must be strings", what, len(p.NoSQL.Strings))
	}
	return what + "; login fields must be strings"
}

// spell writes a duration without the zeros that time.Duration adds.
func spell(d time.Duration) string {
	s := d.String()
	if d%time.Minute == 0 {
		s = strings.TrimSuffix(s, "0s")
	}
	if d%time.Hour == 0 {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// size writes bytes as a policy file does.
func size(n int64) string {
	switch {
	case n%(1<<20) == 0:
		return fmt.Sprintf("%d MB", n>>20)
	case n%(1<<10) == 0:
		return fmt.Sprintf("%d KB", n>>10)
	}
	return fmt.Sprintf("%d bytes", n)
}

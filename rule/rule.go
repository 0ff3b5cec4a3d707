// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

// Package rule is the catalogue of everything Panoply can find, block or report.
//
// A rule has one id, `area/fault`, and that id is the same wherever it shows
// up: in the problem a client gets, in the operator's log line, in a finding of
// a scan or an audit, and in the docs. The catalogue is a leaf: it imports
// nothing of Panoply, so that everything may use it.
//
// Each rule belongs to one of the seven mistakes, numbered 1 to 7 as in the
// docs, or to 0: the rules `request/…` that keep a request readable in exactly
// one way, on which the seven rest.
package rule

import "slices"

// ID names a rule: `area/fault`, lower case, stable for ever.
type ID string

// URN is the id as a URI, the `type` member of an RFC 9457 problem.
func (id ID) URN() string { return "urn:panoply:" + string(id) }

// Severity says how bad it is when a rule's fault is open in an app.
type Severity string

// The severities, from harmless to worst.
const (
	Info     Severity = "info"
	Low      Severity = "low"
	Medium   Severity = "medium"
	High     Severity = "high"
	Critical Severity = "critical"
)

// Rule is one entry of the catalogue.
type Rule struct {
	ID       ID
	Mistake  int // 1 to 7; 0 for request/…
	Title    string
	Severity Severity
	Status   int    // the HTTP status of a refusal; 0 where the rule refuses nothing
	Why      string // what an attacker gains
	Express  string // the fix in an Express app
	Policy   string // the fix as policy lines of the guard
	CWE      int    // the weakness in MITRE's list; OWASP and Links follow from it
}

// Mistake is one of the seven.
type Mistake struct {
	Number int
	Name   string // as the article's summary has it
	Area   string // the first half of its rules' ids
}

// Mistakes are the seven, in their order everywhere.
var Mistakes = [...]Mistake{
	{1, "No security headers", "headers"},
	{2, "No rate limiting", "ratelimit"},
	{3, "No input validation", "validate"},
	{4, "Information leakage in errors", "errors"},
	{5, "Insecure sessions and tokens", "session"},
	{6, "Unrestricted file uploads", "upload"},
	{7, "NoSQL injection", "nosql"},
}

var byID = func() map[ID]*Rule {
	m := make(map[ID]*Rule)
	for _, group := range [][]Rule{
		requestRules, multipartRules, headerRules, rateLimitRules, validateRules, errorRules, sessionRules, uploadRules, nosqlRules, sourceRules,
	} {
		for i := range group {
			r := &group[i]
			if _, dup := m[r.ID]; dup {
				panic("rule: " + string(r.ID) + " is in the catalogue twice")
			}
			m[r.ID] = r
		}
	}
	return m
}()

// Get returns the rule with the id. It panics on an id that is not in the
// catalogue: ids come from code, never from input.
func Get(id ID) *Rule {
	r := byID[id]
	if r == nil {
		panic("rule: " + string(id) + " is not in the catalogue")
	}
	return r
}

// Lookup returns the rule with the id, or nil.
func Lookup(id ID) *Rule { return byID[id] }

// All returns the catalogue, sorted by mistake and id.
func All() []*Rule {
	all := make([]*Rule, 0, len(byID))
	for _, r := range byID {
		all = append(all, r)
	}
	slices.SortFunc(all, func(a, b *Rule) int {
		if a.Mistake != b.Mistake {
			return a.Mistake - b.Mistake
		}
		if a.ID < b.ID {
			return -1
		}
		return 1
	})
	return all
}

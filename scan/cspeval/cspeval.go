// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

// Package cspeval judges a Content-Security-Policy as Google's CSP Evaluator
// 1.1.8 does: the same findings with the same severities, offline.
//
//	for _, f := range cspeval.Evaluate(policy) {
//		fmt.Println(f) // HIGH SCRIPT_UNSAFE_INLINE script-src 'unsafe-inline'
//	}
//
// [Evaluate] runs the default checks on what is left of the policy in a browser
// that knows CSP level 3; [Policy.Check], [Policy.Strict], [Policy.Reporting] and
// [Lighthouse] are the other sets.
//
// # What differs from the CSP Evaluator, on purpose
//
//   - A source that is no address (wss://, //, [::) is one more source that no
//     list knows. The CSP Evaluator throws an exception.
//   - A directive named like a member of JavaScript's Object (constructor,
//     tostring) is unknown. The CSP Evaluator takes it for one that was there
//     before, and says nothing.
//
// # What it does not see
//
// Like the original it has no opinion on style-src, frame-ancestors and
// form-action, does not split at commas (a header is split by
// internal/csp.ParseHeader), and cannot know that a nonce is the same in every
// answer. The list of hosts that serve JSONP or old Angular is some years old.
//
// # Bounds
//
// Of a policy the first 64 KiB are read. Time is linear in that, times the 168
// addresses of the list.
package cspeval

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Severity is how bad a finding is; lower is worse.
type Severity int

// The severities, from worst to harmless.
const (
	High        Severity = 10
	Syntax      Severity = 20
	Medium      Severity = 30
	HighMaybe   Severity = 40
	StrictCSP   Severity = 45
	MediumMaybe Severity = 50
	Info        Severity = 60
	None        Severity = 100
)

func (s Severity) String() string {
	switch s {
	case High:
		return "HIGH"
	case Syntax:
		return "SYNTAX"
	case Medium:
		return "MEDIUM"
	case HighMaybe:
		return "HIGH_MAYBE"
	case StrictCSP:
		return "STRICT_CSP"
	case MediumMaybe:
		return "MEDIUM_MAYBE"
	case Info:
		return "INFO"
	case None:
		return "NONE"
	}
	return fmt.Sprintf("Severity(%d)", int(s))
}

// Finding is one fault of a policy.
type Finding struct {
	Type      Type
	Severity  Severity
	Directive string
	Value     string // the source it is about, or empty
}

// String is the finding in one line: HIGH PLAIN_WILDCARD script-src *.
func (f Finding) String() string {
	return strings.TrimSpace(fmt.Sprintf("%s %s %s %s", f.Severity, f.Type, f.Directive, f.Value))
}

// Level is the version of CSP that a browser knows.
type Level int

// The levels.
const (
	Level1 Level = 1 + iota
	Level2
	Level3
)

const maxPolicy = 64 << 10

// Policy is a policy taken apart: each directive once, the first one counting.
type Policy struct {
	names  []string // in order
	values map[string][]string
}

// Parse reads one policy. Names, keywords and bare schemes become lower case, and
// a source that is repeated is dropped.
func Parse(policy string) Policy {
	p := Policy{values: map[string][]string{}}
	for part := range strings.SplitSeq(policy[:min(len(policy), maxPolicy)], ";") {
		words := strings.Fields(part)
		if len(words) == 0 {
			continue
		}
		name := strings.ToLower(words[0])
		if p.has(name) {
			continue
		}
		values := []string{}
		seen := map[string]bool{}
		for _, w := range words[1:] {
			if w = normal(w); !seen[w] {
				seen[w] = true
				values = append(values, w)
			}
		}
		p.names = append(p.names, name)
		p.values[name] = values
	}
	return p
}

func normal(source string) string {
	if lower := strings.ToLower(source); isKeyword(lower) || isScheme(source) {
		return lower
	}
	return source
}

func (p Policy) has(directive string) bool {
	_, ok := p.values[directive]
	return ok
}

func (p Policy) clone() Policy {
	c := Policy{slices.Clone(p.names), maps.Clone(p.values)}
	for name, values := range c.values {
		c.values[name] = slices.Clone(values)
	}
	return c
}

func (p *Policy) remove(directive string) {
	delete(p.values, directive)
	p.names = slices.DeleteFunc(p.names, func(n string) bool { return n == directive })
}

// drop takes a source out of a directive.
func (p *Policy) drop(directive, value string) {
	p.values[directive] = slices.DeleteFunc(p.values[directive], func(v string) bool { return v == value })
}

// governs is the directive that speaks for another: script-src for
// script-src-elem, default-src for everything that is fetched.
func (p Policy) governs(directive string) string {
	if p.has(directive) {
		return directive
	}
	for _, kind := range []string{"script-src", "style-src"} {
		if (directive == kind+"-attr" || directive == kind+"-elem") && p.has(kind) {
			return kind
		}
	}
	if slices.Contains(fetch, directive) {
		return "default-src"
	}
	return directive
}

// governing are the directives that speak for these, each once.
func (p Policy) governing(directives ...string) []string {
	var out []string
	for _, d := range directives {
		if d = p.governs(d); !slices.Contains(out, d) {
			out = append(out, d)
		}
	}
	return out
}

// sources are those of the directive that speaks for this one.
func (p Policy) sources(directive string) []string { return p.values[p.governs(directive)] }

func (p Policy) nonces(directive string) bool {
	return slices.ContainsFunc(p.sources(directive), isNonce)
}
func (p Policy) hashes(directive string) bool {
	return slices.ContainsFunc(p.sources(directive), isHash)
}
func (p Policy) strictDynamic(directive string) bool {
	return slices.Contains(p.sources(directive), strictDynamic)
}

// Effective is what a browser of the level makes of the policy, and the sources
// that it ignores.
func (p Policy) Effective(level Level) (Policy, []Finding) {
	var ignored []Finding
	e := p.clone()
	for _, kind := range []string{"script-src", "script-src-attr", "script-src-elem"} {
		d := e.governs(kind)
		if !e.has(d) {
			continue
		}
		values := p.values[d]
		if e.nonces(d) || e.hashes(d) {
			if level >= Level2 {
				if slices.Contains(values, unsafeInline) {
					e.drop(d, unsafeInline)
					ignored = append(ignored, Finding{Ignored, None, d, unsafeInline})
				}
			} else {
				for _, v := range values {
					if strings.HasPrefix(v, "'nonce-") || strings.HasPrefix(v, "'sha") {
						e.drop(d, v)
					}
				}
			}
		}
		if !p.strictDynamic(d) {
			continue
		}
		if level < Level3 {
			e.drop(d, strictDynamic)
			continue
		}
		for _, v := range values {
			if !strings.HasPrefix(v, "'") || v == "'self'" || v == unsafeInline {
				e.drop(d, v)
				ignored = append(ignored, Finding{Ignored, None, d, v})
			}
		}
	}
	if level < Level3 {
		for _, d := range sinceLevel3 {
			e.remove(d)
		}
	}
	return e, ignored
}

// Evaluate runs the default checks on a policy, as a browser of level 3 has it.
// What a browser ignores is not in the list.
func Evaluate(policy string) []Finding {
	return slices.DeleteFunc(Parse(policy).Check(Level3), func(f Finding) bool { return f.Type == Ignored })
}

// Check runs the default checks on what a browser of the level makes of the
// policy. What it ignores comes first.
func (p Policy) Check(level Level) []Finding {
	e, out := p.Effective(level)
	return append(out, e.run(
		Policy.unsafeScripts, Policy.unsafeEval, Policy.plainSchemes, Policy.wildcards,
		Policy.missingObject, Policy.missingScript, Policy.missingBase,
		Policy.scriptBypass, Policy.objectBypass, Policy.addresses, Policy.nonceLength, Policy.plainHTTP,
		Policy.deprecated, Policy.unknown, Policy.semicolons, Policy.keywords)...)
}

// Strict runs the checks of a policy that rests on nonces or hashes, on the
// policy as it is written.
func (p Policy) Strict() []Finding {
	return p.run(Policy.strictDynamicMissing, Policy.strictDynamicAlone, Policy.inlineFallback, Policy.hostFallback, Policy.trustedTypes)
}

// Reporting checks that violations are told to somebody.
func (p Policy) Reporting() []Finding {
	switch {
	case len(p.values["report-uri"]) > 0:
		return nil
	case len(p.values["report-to"]) > 0:
		return []Finding{{ReportToOnly, Info, "report-to", ""}}
	}
	return []Finding{{ReportingDestinationMissing, Info, "report-uri", ""}}
}

func (p Policy) run(checks ...func(Policy) []Finding) []Finding {
	var out []Finding
	for _, check := range checks {
		out = append(out, check(p)...)
	}
	return out
}

// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

// Package csp reads and builds Content-Security-Policy values.
//
// [Build] makes a policy from a configuration and refuses everything that
// Helmet refuses at construction, and on top of that what Helmet lets through
// until it breaks every answer (control bytes) or protects nothing (a nonce
// that is the same in every answer). [Parse] reads a policy as browsers do. It
// judges no policy: that is the scanner's work.
package csp

import (
	"slices"
	"strings"
)

// Directive is one part of a policy: script-src 'self' https:.
type Directive struct {
	Name    string   // lower case
	Sources []string // as written; empty for a directive without a value
}

// Policy is a list of directives, each name once, in the order they are sent.
type Policy []Directive

// UpgradeInsecureRequests is the directive that only makes sense over TLS: on a
// page that came over plain HTTP it breaks every link to the same host.
const UpgradeInsecureRequests = "upgrade-insecure-requests"

// Defaults is Helmet's default policy, in Helmet's order.
func Defaults() Policy {
	return Policy{
		{"default-src", []string{"'self'"}},
		{"base-uri", []string{"'self'"}},
		{"font-src", []string{"'self'", "https:", "data:"}},
		{"form-action", []string{"'self'"}},
		{"frame-ancestors", []string{"'self'"}},
		{"img-src", []string{"'self'", "data:"}},
		{"object-src", []string{"'none'"}},
		{"script-src", []string{"'self'"}},
		{"script-src-attr", []string{"'none'"}},
		{"style-src", []string{"'self'", "https:", "'unsafe-inline'"}},
		{UpgradeInsecureRequests, nil},
	}
}

// String is the header's value, as Helmet spells it: no space after `;`.
func (p Policy) String() string {
	var b strings.Builder
	for i, d := range p {
		if i > 0 {
			b.WriteByte(';')
		}
		b.WriteString(d.Name)
		if value := strings.Join(d.Sources, " "); value != "" {
			b.WriteByte(' ')
			b.WriteString(value)
		}
	}
	return b.String()
}

// Get returns the sources of the directive and whether the policy has it. It
// does not fall back to default-src.
func (p Policy) Get(name string) (sources []string, ok bool) {
	for _, d := range p {
		if d.Name == name {
			return d.Sources, true
		}
	}
	return nil, false
}

// Without returns the policy without the directive.
func (p Policy) Without(name string) Policy {
	return slices.DeleteFunc(slices.Clone(p), func(d Directive) bool { return d.Name == name })
}

// Directives is the policy as the map that a configuration holds.
func (p Policy) Directives() map[string][]string {
	m := make(map[string][]string, len(p))
	for _, d := range p {
		m[d.Name] = append([]string{}, d.Sources...)
	}
	return m
}

// Parse reads one policy as browsers do: parts between `;`, names in any case,
// a directive that is repeated counts the first time. The names of repeated
// directives are returned too, since their author meant something else.
func Parse(value string) (p Policy, repeated []string) {
	for part := range strings.SplitSeq(value, ";") {
		words := strings.FieldsFunc(part, isSpace)
		if len(words) == 0 {
			continue
		}
		name := lowerASCII(words[0])
		if _, ok := p.Get(name); ok {
			repeated = append(repeated, name)
			continue
		}
		p = append(p, Directive{name, words[1:]})
	}
	return p, repeated
}

// ParseHeader reads the values of a header, one after the other: a comma in
// one of them separates policies as a second header line does. All of them
// hold at once.
func ParseHeader(values []string) []Policy {
	var all []Policy
	for _, value := range values {
		for one := range strings.SplitSeq(value, ",") {
			if p, _ := Parse(one); len(p) > 0 {
				all = append(all, p)
			}
		}
	}
	return all
}

// isSpace is the whitespace that separates sources, as HTML defines it.
func isSpace(r rune) bool {
	return r == ' ' || r == '\t' || r == '\n' || r == '\f' || r == '\r'
}

// lowerASCII lowers A to Z alone, as browsers do for names: the Kelvin sign
// must not become a k.
func lowerASCII(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}

// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package cspeval

import (
	"slices"
	"strings"
	"testing"
)

func TestEvaluate(t *testing.T) {
	for _, tt := range []struct {
		name, policy string
		want         []string
	}{
		{"strict", "script-src 'nonce-c29tZSByYW5kb20=' 'strict-dynamic' https: 'unsafe-inline'; object-src 'none'; base-uri 'none'", nil},
		{"nothing", "", []string{"HIGH MISSING_DIRECTIVES object-src", "HIGH MISSING_DIRECTIVES script-src"}},
		{"helmet", "default-src 'self';base-uri 'self';object-src 'none';script-src 'self';script-src-attr 'none'",
			[]string{"MEDIUM_MAYBE SCRIPT_ALLOWLIST_BYPASS script-src 'self'"}},
		{"member-of-every-object", "default-src 'none'; constructor x; tostring y",
			[]string{"SYNTAX UNKNOWN_DIRECTIVE constructor", "SYNTAX UNKNOWN_DIRECTIVE tostring"}},
		{"no-address", "default-src 'none'; connect-src wss:// // [:: a:b:c", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := got(Evaluate(tt.policy))
			if !slices.Equal(g, tt.want) && len(g)+len(tt.want) > 0 {
				t.Errorf("got %q; want %q", g, tt.want)
			}
		})
	}
}

func TestSources(t *testing.T) {
	for _, tt := range []struct {
		source string
		eval   bool
		want   bool
	}{
		{"//www.google.com", false, true},
		{"https://*.google.com", false, true},
		{"*.www.google.com", false, false},
		{"translate.google.com/translate_a/l", false, true},
		{"translate.google.com/translate_a/", false, true},
		{"translate.google.com/translate_a", false, false},
		{"translate.google.com:*", false, true},
		{"www.google-analytics.com", false, false},
		{"www.google-analytics.com", true, true},
		{"cdn.jsdelivr.net", false, true},
		{"https://shop.example", false, false},
		{"http://a:b:c", true, false},
		{"*", false, false},
	} {
		if got := bypassed(tt.source, tt.eval); got != tt.want {
			t.Errorf("%s: got %v; want %v", tt.source, got, tt.want)
		}
	}
}

func TestBound(t *testing.T) {
	p := Parse("default-src 'none';" + strings.Repeat("a ", 1<<20))
	if n := len(p.values["a"]); n > 1 {
		t.Errorf("%d sources", n)
	}
	if p := Parse(strings.Repeat("img-src *;", 7000) + "script-src *"); p.has("script-src") {
		t.Error("it read more than 64 KiB")
	}
}

func TestEveryTypeHasWords(t *testing.T) {
	for k := range kinds {
		if k.About() == "" || k.String() == "" {
			t.Errorf("%d", int(k))
		}
	}
	if Type(1).String() != "Type(1)" || Severity(1).String() != "Severity(1)" {
		t.Error("unknown ones do not say so")
	}
}

// FuzzEvaluate: whatever a header holds is judged, and a policy that is read
// again in its normal form is judged alike.
func FuzzEvaluate(f *testing.F) {
	for _, s := range []string{"", "default-src 'self'", "script-src 'strict-dynamic' 'nonce-a' http://*:* //; referrer", "a\x00b; c: [::"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, policy string) {
		p := Parse(policy)
		var again strings.Builder
		for _, name := range p.names {
			again.WriteString(name + " " + strings.Join(p.values[name], " ") + ";")
		}
		if len(again.String()) > maxPolicy {
			return
		}
		for level := Level1; level <= Level3; level++ {
			if a, b := p.Check(level), Parse(again.String()).Check(level); !slices.Equal(a, b) {
				t.Errorf("%q\n%q: %v\n%v", policy, again.String(), a, b)
			}
		}
		p.Strict()
		Lighthouse([]Policy{p, Parse(again.String())})
	})
}

// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package csp

import (
	"reflect"
	"strings"
	"testing"
)

// helmetDefault is what Helmet 8.3.0 sends without options, byte for byte.
const helmetDefault = "default-src 'self';base-uri 'self';font-src 'self' https: data:;form-action 'self';frame-ancestors 'self';img-src 'self' data:;object-src 'none';script-src 'self';script-src-attr 'none';style-src 'self' https: 'unsafe-inline';upgrade-insecure-requests"

func TestDefaultsAreHelmets(t *testing.T) {
	p, err := Build(Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got := p.String(); got != helmetDefault {
		t.Errorf("got  %s\nwant %s", got, helmetDefault)
	}
	plain := strings.TrimSuffix(helmetDefault, ";upgrade-insecure-requests")
	if got := p.Without(UpgradeInsecureRequests).String(); got != plain {
		t.Errorf("got  %s\nwant %s", got, plain)
	}
	if got := p.String(); got != helmetDefault {
		t.Errorf("Without changed the policy itself: %s", got)
	}
}

func TestBuild(t *testing.T) {
	tests := []struct {
		name string
		opts Options
		want string
	}{
		{"no-defaults-keeps-only-the-given",
			Options{NoDefaults: true, Directives: map[string][]string{"defaultSrc": {"'self'"}, "styleSrc": {"'none'"}}},
			"default-src 'self';style-src 'none'"},
		{"default-order-then-by-name",
			Options{NoDefaults: true, Directives: map[string][]string{"worker-src": {"'self'"}, "connect-src": {"'self'"}, "default-src": {"'self'"}}},
			"default-src 'self';connect-src 'self';worker-src 'self'"},
		{"empty-list-is-a-bare-directive",
			Options{NoDefaults: true, Directives: map[string][]string{"default-src": {"'self'"}, "sandbox": {}}},
			"default-src 'self';sandbox"},
		{"empty-string-is-a-bare-directive",
			Options{NoDefaults: true, Directives: map[string][]string{"default-src": {"'self'"}, "sandbox": {""}}},
			"default-src 'self';sandbox"},
		{"nil-is-a-bare-directive-too",
			Options{NoDefaults: true, Directives: map[string][]string{"default-src": {"'self'"}, "sandbox": nil}},
			"default-src 'self';sandbox"},
		{"off-drops-a-default",
			Options{Directives: map[string][]string{"base-uri": {"off"}, "imgSrc": {"off"}, "font-src": {"off"}, "style-src": {"off"}, "form-action": {"off"}, "frame-ancestors": {"off"}, "script-src-attr": {"off"}}},
			"default-src 'self';object-src 'none';script-src 'self';upgrade-insecure-requests"},
		{"string-of-several-sources-stays-as-written",
			Options{NoDefaults: true, Directives: map[string][]string{"default-src": {"'self'  example.com"}}},
			"default-src 'self'  example.com"},
		{"without-default-src-by-option",
			Options{NoDefaults: true, NoDefaultSrc: true, Directives: map[string][]string{"object-src": {"'none'"}}},
			"object-src 'none'"},
		{"a-host-that-starts-like-a-keyword",
			Options{NoDefaults: true, Directives: map[string][]string{"default-src": {"selfish.example", "none.example"}}},
			"default-src selfish.example none.example"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p, err := Build(tt.opts)
			if err != nil {
				t.Fatal(err)
			}
			if got := p.String(); got != tt.want {
				t.Errorf("got %s; want %s", got, tt.want)
			}
		})
	}
}

func TestBuildRefuses(t *testing.T) {
	one := func(name string, sources ...string) map[string][]string {
		return map[string][]string{name: append([]string{}, sources...)}
	}
	tests := []struct {
		name string
		opts Options
		want string // in the error
	}{
		{"empty-name", Options{Directives: one("", "x")}, "invalid directive name"},
		{"name-with-semicolon", Options{Directives: one("default;src", "x")}, "invalid directive name"},
		{"name-with-newline", Options{Directives: one("default-src\n", "x")}, "invalid directive name"},
		{"name-starting-upper", Options{Directives: one("DefaultSrc", "x")}, "invalid directive name"},
		{"name-ending-in-dash", Options{Directives: one("default-src-", "x")}, "invalid directive name"},
		{"name-with-underscore", Options{Directives: one("default_src", "x")}, "invalid directive name"},
		{"twice", Options{Directives: map[string][]string{"script-src": {"'self'"}, "scriptSrc": {"'self'"}}}, "directives.scriptSrc: the same directive as script-src"},
		{"semicolon", Options{Directives: one("script-src", "a; script-src *")}, "directives.script-src[0]"},
		{"comma", Options{Directives: one("script-src", "'self'", "a,b")}, "directives.script-src[1]"},
		{"carriage-return", Options{Directives: one("script-src", "a\r\nSet-Cookie: x=y")}, "may not carry"},
		{"null-byte", Options{Directives: one("script-src", "a\x00")}, "may not carry"},
		{"tab", Options{Directives: one("script-src", "a\tb")}, "may not carry"},
		{"not-ascii", Options{Directives: one("script-src", "‘self’")}, "may not carry"},
		{"invalid-utf-8", Options{Directives: one("script-src", "a\xffb")}, "may not carry"},
		{"unquoted-self", Options{Directives: one("script-src", "self")}, `write "'self'"`},
		{"unquoted-keyword-among-others", Options{Directives: one("script-src", "a.example unsafe-inline")}, "needs single quotes"},
		{"unquoted-hash", Options{Directives: one("script-src", "sha256-abc")}, "needs single quotes"},
		{"unquoted-in-upper-case", Options{Directives: one("script-src", "SELF")}, "needs single quotes"},
		{"fixed-nonce", Options{Directives: one("script-src", "'nonce-abc'")}, "protects nothing"},
		{"fixed-nonce-unquoted", Options{Directives: one("script-src", "nonce-abc")}, "protects nothing"},
		{"one-quote", Options{Directives: one("script-src", "'self")}, "one quote"},
		{"no-default-src", Options{NoDefaults: true, Directives: one("script-src", "'self'")}, "directives.default-src: missing"},
		{"default-src-off", Options{Directives: one("default-src", "off")}, "directives.default-src: missing"},
		{"nothing-left", Options{NoDefaults: true}, "no directives left"},
		{"nothing-left-without-default-src", Options{NoDefaults: true, NoDefaultSrc: true}, "no directives left"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p, err := Build(tt.opts)
			if err == nil {
				t.Fatalf("built %s", p)
			}
			if !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %q; want it to say %q", err, tt.want)
			}
			if strings.ContainsAny(err.Error(), "\x00\r\n") {
				t.Errorf("control bytes in %q", err)
			}
		})
	}
}

func TestBuildReportsEverything(t *testing.T) {
	_, err := Build(Options{Directives: map[string][]string{"a b": {"x"}, "img-src": {"self", "a;b"}}})
	if got := strings.Count(err.Error(), "\n") + 1; got != 3 {
		t.Errorf("got %d faults; want 3:\n%v", got, err)
	}
}

func TestDirectivesRoundTrip(t *testing.T) {
	p := Defaults()
	q, err := Build(Options{NoDefaults: true, Directives: p.Directives()})
	if err != nil || q.String() != p.String() {
		t.Errorf("got %v, %v; want %v", q, err, p)
	}
}

func TestParse(t *testing.T) {
	tests := []struct {
		name, value string
		want        Policy
		repeated    []string
	}{
		{"empty", "", nil, nil},
		{"only-semicolons", " ; ;", nil, nil},
		{"names-in-any-case", "Default-SRC 'self'", Policy{{"default-src", []string{"'self'"}}}, nil},
		{"first-one-counts", "img-src a; IMG-SRC b", Policy{{"img-src", []string{"a"}}}, []string{"img-src"}},
		{"any-white-space", "\timg-src\n a\f b ", Policy{{"img-src", []string{"a", "b"}}}, nil},
		{"bare", "sandbox;", Policy{{"sandbox", []string{}}}, nil},
		{"no-case-folding-beyond-ascii", "\u212Aey x", Policy{{"\u212Aey", []string{"x"}}}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, repeated := Parse(tt.value)
			if !reflect.DeepEqual(got, tt.want) || !reflect.DeepEqual(repeated, tt.repeated) {
				t.Errorf("got %#v, %q; want %#v, %q", got, repeated, tt.want, tt.repeated)
			}
		})
	}
}

func TestParseHeader(t *testing.T) {
	got := ParseHeader([]string{"default-src 'self', img-src a", "", "object-src 'none'"})
	if len(got) != 3 || got[1].String() != "img-src a" || got[2].String() != "object-src 'none'" {
		t.Errorf("got %v", got)
	}
}

// What is parsed and written again is parsed the same.
func FuzzParse(f *testing.F) {
	for _, s := range []string{helmetDefault, "a b;a c", ";;", "IMG-SRC *"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, value string) {
		p, _ := Parse(value)
		again, repeated := Parse(p.String())
		if p.String() != again.String() || len(repeated) > 0 {
			t.Errorf("%q became %q, then %q (repeated %q)", value, p, again, repeated)
		}
	})
}

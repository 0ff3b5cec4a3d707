// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package csp

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/panoply-security/panoply/internal/fault"
)

// Options is what a policy is built from.
type Options struct {
	// Directives maps names, camelCase or kebab-case, to their sources. The list
	// of the one word off drops the directive; an empty list sends it without a
	// value.
	Directives map[string][]string
	// NoDefaults leaves out [Defaults], which otherwise fill in what Directives
	// does not name.
	NoDefaults bool
	// NoDefaultSrc accepts a policy without default-src, in which everything
	// that no directive names may be loaded from anywhere.
	NoDefaultSrc bool
}

var (
	givenName = regexp.MustCompile(`^[a-z]([a-zA-Z0-9-]*[a-zA-Z0-9])?$`)
	upper     = regexp.MustCompile(`[A-Z]`)
	keyword   = regexp.MustCompile(`^(none|self|strict-dynamic|report-sample|inline-speculation-rules|unsafe-inline|unsafe-eval|unsafe-hashes|wasm-unsafe-eval|(sha256|sha384|sha512)-.*)$`)
)

// Build makes the policy: first the defaults' directives in their own order,
// then the others by name, so that the same options always give the same
// bytes. Everything wrong with the options is reported at once; paths start
// with `directives`.
func Build(o Options) (Policy, error) {
	var faults fault.List
	given := make(map[string][]string, len(o.Directives)) // by kebab-case name
	spelled := make(map[string]string, len(o.Directives)) // kebab-case name -> as given
	for _, key := range slices.Sorted(maps.Keys(o.Directives)) {
		path := "directives." + printable(key)
		if !givenName.MatchString(key) {
			faults.Add(path, "invalid directive name", "letters, digits and inner dashes, as script-src or scriptSrc")
			continue
		}
		name := upper.ReplaceAllStringFunc(key, func(s string) string { return "-" + strings.ToLower(s) })
		if first, twice := spelled[name]; twice {
			faults.Addf(path, "remove one of the two", "the same directive as %s", first)
			continue
		}
		spelled[name] = key
		given[name] = o.Directives[key]
		checkSources(&faults, path, o.Directives[key])
	}

	p := merge(given, o.NoDefaults)
	_, has := p.Get("default-src")
	switch {
	case len(faults) > 0: // what is missing below may only be misspelt above
	case len(p) == 0:
		faults.Add("directives", "no directives left", "name at least default-src, or switch the header off")
	case !has && !o.NoDefaultSrc:
		faults.Add("directives.default-src", "missing", `write default-src: ["'self'"], or insecure_no_default_src: true`)
	}
	if err := faults.Err(); err != nil {
		return nil, err
	}
	return p, nil
}

func merge(given map[string][]string, noDefaults bool) Policy {
	var p Policy
	seen := make(map[string]bool)
	add := func(name string, sources []string) {
		if !dropped(sources) {
			p = append(p, Directive{name, sources})
		}
	}
	for _, d := range Defaults() {
		seen[d.Name] = true
		if sources, ok := given[d.Name]; ok {
			add(d.Name, sources)
		} else if !noDefaults {
			p = append(p, d)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if !seen[name] {
			add(name, given[name])
		}
	}
	return p
}

func dropped(sources []string) bool {
	return len(sources) == 1 && sources[0] == "off"
}

// checkSources refuses what would end the directive, the policy or the header
// line early, and keywords that browsers would take for host names.
func checkSources(faults *fault.List, path string, sources []string) {
	for i, s := range sources {
		at := fmt.Sprintf("%s[%d]", path, i)
		if strings.ContainsAny(s, ";,") {
			faults.Addf(at, "one list entry for each source, one key for each directive", "%q holds a ; or a ,", s)
			continue
		}
		if strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' }) {
			faults.Addf(at, "printable ASCII; percent-encode the rest", "%q holds bytes that a header may not carry", s)
			continue
		}
		for word := range strings.FieldsSeq(s) {
			switch {
			case strings.HasPrefix(strings.TrimPrefix(strings.ToLower(word), "'"), "nonce-"):
				faults.Add(at, "a nonce that stays the same protects nothing", "allow the script by its hash: 'sha256-…'")
			case keyword.MatchString(strings.ToLower(word)):
				faults.Addf(at, fmt.Sprintf(`write "'%s'"`, word), "%q needs single quotes", word)
			case strings.HasPrefix(word, "'") != strings.HasSuffix(word, "'") || word == "'":
				faults.Addf(at, "quote the whole word", "%q has one quote", word)
			}
		}
	}
}

// printable makes a key fit for a fault's path.
func printable(key string) string {
	if givenName.MatchString(key) {
		return key
	}
	return fmt.Sprintf("%q", key)
}

// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package cspeval

import (
	"slices"
	"strings"
)

// dangerous are the directives through which scripts get in.
var dangerous = []string{"script-src", "script-src-attr", "script-src-elem", "object-src", "base-uri"}

// each calls f with every source of every directive and keeps what it finds.
func (p Policy) each(f func(directive, value string) []Finding) []Finding {
	var out []Finding
	for _, d := range p.names {
		for _, v := range p.values[d] {
			out = append(out, f(d, v)...)
		}
	}
	return out
}

// among calls f with every source of the directives that speak for these.
func (p Policy) among(directives []string, f func(directive, value string) []Finding) []Finding {
	var out []Finding
	for _, d := range p.governing(directives...) {
		for _, v := range p.values[d] {
			out = append(out, f(d, v)...)
		}
	}
	return out
}

func (p Policy) unsafeScripts() []Finding {
	return p.among(dangerous[:3], func(d, v string) []Finding {
		switch v {
		case unsafeInline:
			return []Finding{{ScriptUnsafeInline, High, d, v}}
		case unsafeHashes:
			return []Finding{{ScriptUnsafeHashes, MediumMaybe, d, v}}
		}
		return nil
	})
}

func (p Policy) unsafeEval() []Finding {
	return p.among(dangerous[:3], func(d, v string) []Finding {
		if v == unsafeEval {
			return []Finding{{ScriptUnsafeEval, MediumMaybe, d, v}}
		}
		return nil
	})
}

func (p Policy) plainSchemes() []Finding {
	return p.among(dangerous, func(d, v string) []Finding {
		if v == "data:" || v == "http:" || v == "https:" {
			return []Finding{{PlainURLSchemes, High, d, v}}
		}
		return nil
	})
}

func (p Policy) wildcards() []Finding {
	return p.among(dangerous, func(d, v string) []Finding {
		if withoutScheme(v) == "*" {
			return []Finding{{PlainWildcard, High, d, v}}
		}
		return nil
	})
}

func (p Policy) missingObject() []Finding {
	if len(p.sources("object-src")) > 0 {
		return nil
	}
	return []Finding{{MissingDirectives, High, "object-src", ""}}
}

func (p Policy) missingScript() []Finding {
	if p.has("script-src") || p.has("default-src") {
		return nil
	}
	return []Finding{{MissingDirectives, High, "script-src", ""}}
}

func (p Policy) missingBase() []Finding { return missingBase([]Policy{p}) }

// missingBase: where nonces decide, a base tag sends the relative address of a
// script with the right nonce elsewhere.
func missingBase(policies []Policy) []Finding {
	needs := func(p Policy) bool {
		return p.nonces("script-src") || p.hashes("script-src") && p.strictDynamic("script-src")
	}
	has := func(p Policy) bool { return p.has("base-uri") }
	if slices.ContainsFunc(policies, needs) && !slices.ContainsFunc(policies, has) {
		return []Finding{{MissingDirectives, High, "base-uri", ""}}
	}
	return nil
}

func (p Policy) scriptBypass() []Finding {
	var out []Finding
	for _, d := range p.governing("script-src", "script-src-elem") {
		values := p.values[d]
		if slices.Contains(values, none) {
			continue
		}
		for _, v := range values {
			if v == "'self'" {
				out = append(out, Finding{ScriptAllowlistBypass, MediumMaybe, d, v})
				continue
			}
			if strings.HasPrefix(v, "'") || isScheme(v) || !strings.Contains(v, ".") {
				continue
			}
			severity := MediumMaybe
			if bypassed(v, slices.Contains(values, unsafeEval)) {
				severity = High
			}
			out = append(out, Finding{ScriptAllowlistBypass, severity, d, v})
		}
	}
	return out
}

func (p Policy) objectBypass() []Finding {
	if types, ok := p.values["plugin-types"]; ok && !slices.Contains(types, "application/x-shockwave-flash") {
		return nil
	}
	d := p.governs("object-src")
	var out []Finding
	for _, v := range p.values[d] {
		if v == none {
			return nil
		}
		if serves(v, flash) {
			out = append(out, Finding{ObjectAllowlistBypass, High, d, v})
		} else if d == "object-src" {
			out = append(out, Finding{ObjectAllowlistBypass, MediumMaybe, d, v})
		}
	}
	return out
}

func (p Policy) addresses() []Finding {
	return p.each(func(d, v string) []Finding {
		if isAddress(hostOf(v)) {
			return []Finding{{IPSource, Info, d, v}}
		}
		return nil
	})
}

func (p Policy) nonceLength() []Finding {
	return p.each(func(d, v string) (out []Finding) {
		nonce, ok := strings.CutPrefix(v, "'nonce-")
		nonce, quoted := strings.CutSuffix(nonce, "'")
		if !ok || !quoted || nonce == "" {
			return nil
		}
		if len([]rune(nonce)) < 8 {
			out = append(out, Finding{NonceLength, Medium, d, v})
		}
		if !isNonce(v) {
			out = append(out, Finding{NonceCharset, Info, d, v})
		}
		return out
	})
}

func (p Policy) plainHTTP() []Finding {
	return p.each(func(d, v string) []Finding {
		if strings.HasPrefix(v, "http://") {
			return []Finding{{SrcHTTP, Medium, d, v}}
		}
		return nil
	})
}

func (p Policy) deprecated() []Finding {
	var out []Finding
	for _, d := range []string{"reflected-xss", "referrer", "disown-opener", "prefetch-src"} {
		if p.has(d) {
			out = append(out, Finding{DeprecatedDirective, Info, d, ""})
		}
	}
	return out
}

func (p Policy) unknown() []Finding {
	var out []Finding
	for _, d := range p.names {
		if !isDirective(d) {
			out = append(out, Finding{UnknownDirective, Syntax, d, ""})
		}
	}
	return out
}

func (p Policy) semicolons() []Finding {
	return p.each(func(d, v string) []Finding {
		if isDirective(v) {
			return []Finding{{MissingSemicolon, Syntax, d, v}}
		}
		return nil
	})
}

func (p Policy) keywords() []Finding {
	return p.each(func(d, v string) []Finding {
		if validKeyword(d, v) {
			return nil
		}
		return []Finding{{InvalidKeyword, Syntax, d, v}}
	})
}

func validKeyword(directive, value string) bool {
	if slices.Contains(keywordNames, value) {
		return false // its quotes are missing
	}
	for _, start := range []string{"nonce-", "sha256-", "sha384-", "sha512-"} {
		if strings.HasPrefix(value, start) {
			return false
		}
	}
	if !strings.HasPrefix(value, "'") {
		return true
	}
	switch directive {
	case "require-trusted-types-for":
		return value == "'script'"
	case "trusted-types":
		return value == "'allow-duplicates'" || value == none
	}
	return isKeyword(value) || isHash(value) || isNonce(value)
}

func (p Policy) strictDynamicMissing() []Finding {
	values := p.sources("script-src")
	host := func(v string) bool { return !strings.HasPrefix(v, "'") }
	if slices.ContainsFunc(values, host) && !slices.Contains(values, strictDynamic) {
		return []Finding{{StrictDynamic, StrictCSP, p.governs("script-src"), ""}}
	}
	return nil
}

func (p Policy) strictDynamicAlone() []Finding {
	if p.strictDynamic("script-src") && !p.nonces("script-src") && !p.hashes("script-src") {
		return []Finding{{StrictDynamicNotStandalone, Info, p.governs("script-src"), ""}}
	}
	return nil
}

func (p Policy) inlineFallback() []Finding {
	if (p.nonces("script-src") || p.hashes("script-src")) && !slices.Contains(p.sources("script-src"), unsafeInline) {
		return []Finding{{UnsafeInlineFallback, StrictCSP, p.governs("script-src"), ""}}
	}
	return nil
}

func (p Policy) hostFallback() []Finding {
	host := func(v string) bool { return v == "http:" || v == "https:" || v == "*" || strings.Contains(v, ".") }
	if p.strictDynamic("script-src") && !slices.ContainsFunc(p.sources("script-src"), host) {
		return []Finding{{AllowlistFallback, StrictCSP, p.governs("script-src"), ""}}
	}
	return nil
}

func (p Policy) trustedTypes() []Finding {
	if slices.Contains(p.values["require-trusted-types-for"], "'script'") {
		return nil
	}
	return []Finding{{RequireTrustedTypesForScripts, Info, "require-trusted-types-for", ""}}
}

// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package cspeval

import (
	"fmt"
	"regexp"
	"slices"
)

// Type is what kind of fault a finding is. Numbers and names are the CSP
// Evaluator's.
type Type int

// The kinds.
const (
	MissingSemicolon Type = 100
	UnknownDirective Type = 101
	InvalidKeyword   Type = 102
	NonceCharset     Type = 106

	MissingDirectives     Type = 300
	ScriptUnsafeInline    Type = 301
	ScriptUnsafeEval      Type = 302
	PlainURLSchemes       Type = 303
	PlainWildcard         Type = 304
	ScriptAllowlistBypass Type = 305
	ObjectAllowlistBypass Type = 306
	NonceLength           Type = 307
	IPSource              Type = 308
	DeprecatedDirective   Type = 309
	SrcHTTP               Type = 310
	ScriptUnsafeHashes    Type = 317

	StrictDynamic                 Type = 400
	StrictDynamicNotStandalone    Type = 401
	UnsafeInlineFallback          Type = 403
	AllowlistFallback             Type = 404
	Ignored                       Type = 405
	RequireTrustedTypesForScripts Type = 500
	ReportingDestinationMissing   Type = 600
	ReportToOnly                  Type = 601
)

var kinds = map[Type]struct{ name, about string }{
	MissingSemicolon:              {"MISSING_SEMICOLON", "a directive's name stands where a source should: is a semicolon missing?"},
	UnknownDirective:              {"UNKNOWN_DIRECTIVE", "no browser knows the directive"},
	InvalidKeyword:                {"INVALID_KEYWORD", "no keyword is spelled like this, or its quotes are missing"},
	NonceCharset:                  {"NONCE_CHARSET", "the nonce has characters that are not base64"},
	MissingDirectives:             {"MISSING_DIRECTIVES", "without the directive everything is allowed that it would restrict"},
	ScriptUnsafeInline:            {"SCRIPT_UNSAFE_INLINE", "every script in a page runs, an injected one included"},
	ScriptUnsafeEval:              {"SCRIPT_UNSAFE_EVAL", "text that reaches eval() runs"},
	PlainURLSchemes:               {"PLAIN_URL_SCHEMES", "whatever has this scheme is allowed, from any host"},
	PlainWildcard:                 {"PLAIN_WILDCARD", "every host is allowed"},
	ScriptAllowlistBypass:         {"SCRIPT_ALLOWLIST_BYPASS", "JSONP, old libraries or uploads on a trusted host run as scripts"},
	ObjectAllowlistBypass:         {"OBJECT_ALLOWLIST_BYPASS", "plugins are allowed; object-src 'none' is what pages need today"},
	NonceLength:                   {"NONCE_LENGTH", "a nonce this short can be guessed"},
	IPSource:                      {"IP_SOURCE", "browsers ignore addresses, and 127.0.0.1 is the visitor's own machine"},
	DeprecatedDirective:           {"DEPRECATED_DIRECTIVE", "browsers no longer know the directive"},
	SrcHTTP:                       {"SRC_HTTP", "what comes over plain HTTP can be changed on the way"},
	ScriptUnsafeHashes:            {"SCRIPT_UNSAFE_HASHES", "event handlers with these hashes run wherever they are injected"},
	StrictDynamic:                 {"STRICT_DYNAMIC", "lists of hosts can mostly be bypassed; nonces with 'strict-dynamic' cannot"},
	StrictDynamicNotStandalone:    {"STRICT_DYNAMIC_NOT_STANDALONE", "'strict-dynamic' without a nonce or hash blocks every script"},
	UnsafeInlineFallback:          {"UNSAFE_INLINE_FALLBACK", "old browsers that know no nonces run no script"},
	AllowlistFallback:             {"ALLOWLIST_FALLBACK", "old browsers that do not know 'strict-dynamic' load no script"},
	Ignored:                       {"IGNORED", "browsers ignore the source"},
	RequireTrustedTypesForScripts: {"REQUIRE_TRUSTED_TYPES_FOR_SCRIPTS", "text may reach the places of the DOM where it becomes script"},
	ReportingDestinationMissing:   {"REPORTING_DESTINATION_MISSING", "nobody hears of violations"},
	ReportToOnly:                  {"REPORT_TO_ONLY", "only browsers based on Chromium know report-to"},
}

func (t Type) String() string {
	if k, ok := kinds[t]; ok {
		return k.name
	}
	return fmt.Sprintf("Type(%d)", int(t))
}

// About is what the fault means, in a few words.
func (t Type) About() string { return kinds[t].about }

const (
	unsafeInline  = "'unsafe-inline'"
	unsafeEval    = "'unsafe-eval'"
	unsafeHashes  = "'unsafe-hashes'"
	strictDynamic = "'strict-dynamic'"
	none          = "'none'"
)

var (
	keywordNames = []string{"self", "none", "unsafe-inline", "unsafe-eval", "wasm-eval", "wasm-unsafe-eval", "strict-dynamic",
		"unsafe-hashed-attributes", "unsafe-hashes", "report-sample", "block", "allow", "inline-speculation-rules"}

	directives = append([]string{"prefetch-src", "base-uri", "plugin-types", "sandbox", "disown-opener", "form-action", "frame-ancestors",
		"navigate-to", "report-to", "report-uri", "block-all-mixed-content", "upgrade-insecure-requests", "reflected-xss", "referrer",
		"require-sri-for", "trusted-types", "require-trusted-types-for", "webrtc"}, fetch...)

	fetch = []string{"child-src", "connect-src", "default-src", "font-src", "frame-src", "img-src", "manifest-src", "media-src", "object-src",
		"script-src", "script-src-attr", "script-src-elem", "style-src", "style-src-attr", "style-src-elem", "worker-src"}

	sinceLevel3 = []string{"report-to", "worker-src", "manifest-src", "trusted-types", "require-trusted-types-for",
		"script-src-attr", "script-src-elem", "style-src-attr", "style-src-elem"}

	schemeSyntax = regexp.MustCompile(`^[a-zA-Z][+a-zA-Z0-9.-]*:$`)
	nonceSyntax  = regexp.MustCompile(`^'nonce-[a-zA-Z0-9+/_-]+={0,2}'$`)
	hashSyntax   = regexp.MustCompile(`^'(?:sha256|sha384|sha512)-[a-zA-Z0-9+/_-]+={0,2}'$`)
)

func isDirective(word string) bool { return slices.Contains(directives, word) }
func isScheme(source string) bool  { return schemeSyntax.MatchString(source) }
func isNonce(source string) bool   { return nonceSyntax.MatchString(source) }
func isHash(source string) bool    { return hashSyntax.MatchString(source) }

func isKeyword(source string) bool {
	n := len(source)
	return n > 2 && source[0] == '\'' && source[n-1] == '\'' && slices.Contains(keywordNames, source[1:n-1])
}

// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package cspeval

import (
	"encoding/json"
	"maps"
	"os"
	"slices"
	"testing"
)

type recorded struct {
	Type, Severity, Directive string
	Value                     *string
}

func (r recorded) String() string {
	value := ""
	if r.Value != nil {
		value = " " + *r.Value
	}
	return r.Severity + " " + r.Type + " " + r.Directive + value
}

// recordings are nil where the CSP Evaluator threw an exception.
type recordings []recorded

func (r *recordings) UnmarshalJSON(data []byte) error {
	if data[0] == '{' {
		return nil
	}
	*r = recordings{}
	return json.Unmarshal(data, (*[]recorded)(r))
}

// want are findings as the vectors have them, in a fixed order.
func want(list []recorded) []string {
	out := []string{}
	for _, r := range list {
		out = append(out, r.String())
	}
	slices.Sort(out)
	return out
}

func got(list []Finding) []string {
	out := []string{}
	for _, f := range list {
		out = append(out, f.String())
	}
	slices.Sort(out)
	return out
}

type vectors struct {
	Unit []struct {
		ID, Check string
		Level     Level `json:"csp_version"`
		Input     []json.RawMessage
		Expected  json.RawMessage
		Throws    any
	}
	Recorded []struct {
		ID, CSP              string
		Parsed               map[string][]string
		CSP3                 recordings `json:"default_csp3"`
		CSP2                 recordings `json:"default_csp2"`
		CSP1                 recordings `json:"default_csp1"`
		Strict               recordings `json:"strict_on_parsed"`
		Reporting            recordings
		Lighthouse           struct{ Failures, Warnings, Syntax recordings }
		DefaultAndStrictCSP3 recordings `json:"default_plus_strict_csp3"`
	}
}

func read(t *testing.T) (v vectors) {
	t.Helper()
	data, err := os.ReadFile("../../../shared/vectors/csp_evaluator.json")
	if err != nil {
		t.Skipf("CONFORMANCE DATA ABSENT, NOTHING HELD AGAINST IT: %v", err)
	}
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatal(err)
	}
	if len(v.Unit) < 270 || len(v.Recorded) < 240 {
		t.Fatalf("%d unit cases and %d policies", len(v.Unit), len(v.Recorded))
	}
	return v
}

// thrown are the recorded policies on which the CSP Evaluator throws, which we
// judge: connect-src wss:// is no address.
var thrown = []string{"c0214"}

func TestRecordedPolicies(t *testing.T) {
	for _, c := range read(t).Recorded {
		t.Run(c.ID, func(t *testing.T) {
			p := Parse(c.CSP)
			if len(p.values) != len(c.Parsed) {
				t.Errorf("%q is taken apart as %q; want %q", c.CSP, p.values, c.Parsed)
			}
			failures, warnings, syntax := Lighthouse([]Policy{p})
			for _, set := range []struct {
				name string
				got  []Finding
				want recordings
			}{
				{"level-3", p.Check(Level3), c.CSP3},
				{"level-2", p.Check(Level2), c.CSP2},
				{"level-1", p.Check(Level1), c.CSP1},
				{"strict", p.Strict(), c.Strict},
				{"both", append(p.Strict(), p.Check(Level3)...), c.DefaultAndStrictCSP3},
				{"reporting", p.Reporting(), c.Reporting},
				{"lighthouse-failures", failures, c.Lighthouse.Failures},
				{"lighthouse-warnings", warnings, c.Lighthouse.Warnings},
				{"lighthouse-syntax", syntax[0], c.Lighthouse.Syntax},
			} {
				if set.want == nil && slices.Contains(thrown, c.ID) {
					continue
				}
				if set.want == nil || !slices.Equal(got(set.got), want(set.want)) {
					t.Errorf("%s of %q:\n got %q\nwant %q", set.name, c.CSP, got(set.got), want(set.want))
				}
			}
		})
	}
}

// checks are the CSP Evaluator's functions that take one policy.
var checks = map[string]func(Policy) []Finding{
	"checkUnknownDirective": Policy.unknown, "checkMissingSemicolon": Policy.semicolons, "checkInvalidKeyword": Policy.keywords,
	"checkScriptUnsafeInline": Policy.unsafeScripts, "checkScriptUnsafeEval": Policy.unsafeEval, "checkPlainUrlSchemes": Policy.plainSchemes,
	"checkWildcards": Policy.wildcards, "checkScriptAllowlistBypass": Policy.scriptBypass, "checkFlashObjectAllowlistBypass": Policy.objectBypass,
	"checkIpSource": Policy.addresses, "checkDeprecatedDirective": Policy.deprecated, "checkNonceLength": Policy.nonceLength,
	"checkSrcHttp": Policy.plainHTTP, "checkHasConfiguredReporting": Policy.Reporting, "checkStrictDynamic": Policy.strictDynamicMissing,
	"checkStrictDynamicNotStandalone": Policy.strictDynamicAlone, "checkUnsafeInlineFallback": Policy.inlineFallback,
	"checkAllowlistFallback": Policy.hostFallback,
	"checkMissingDirectives": func(p Policy) []Finding { return p.run(Policy.missingObject, Policy.missingScript, Policy.missingBase) },
}

// words are its functions that take one word.
var words = map[string]func(string) any{
	"isDirective":        func(s string) any { return isDirective(s) },
	"isKeyword":          func(s string) any { return isKeyword(s) },
	"isNonce":            func(s string) any { return isNonce(s) },
	"isHash":             func(s string) any { return isHash(s) },
	"isUrlScheme":        func(s string) any { return isScheme(s) },
	"looksLikeIpAddress": func(s string) any { return isAddress(s) },
	"getHostname":        func(s string) any { return hostOf(s) },
	"getSchemeFreeUrl":   func(s string) any { return withoutScheme(s) },
}

type input struct {
	CSP string
}

func TestUnits(t *testing.T) {
	ran := 0
	for _, c := range read(t).Unit {
		t.Run(c.ID+"-"+c.Check, func(t *testing.T) {
			ran++
			if check := checks[c.Check]; check != nil {
				var in input
				var expected []recorded
				decode(t, c.Input[0], &in)
				decode(t, c.Expected, &expected)
				if g, w := got(check(Parse(in.CSP))), want(expected); !slices.Equal(g, w) {
					t.Errorf("%q: got %q; want %q", in.CSP, g, w)
				}
				return
			}
			if word := words[c.Check]; word != nil {
				var in string
				var expected any
				decode(t, c.Input[0], &in)
				decode(t, c.Expected, &expected)
				if g := word(in); g != expected {
					t.Errorf("%q: got %v; want %v", in, g, expected)
				}
				return
			}
			switch c.Check {
			case "getEffectiveCsp":
				effective(t, max(c.Level, 1), c.Input[0], c.Expected)
			case "evaluateForFailure", "evaluateForWarnings", "evaluateForSyntaxErrors":
				lighthouse(t, c.Check, c.Input[0], c.Expected)
			case "evaluate", "matchWildcardUrls": // takes functions; takes a list of its own, see TestSources
				ran--
			default:
				t.Errorf("nothing runs it")
			}
		})
	}
	if ran < 265 {
		t.Errorf("%d cases ran", ran)
	}
}

func decode(t *testing.T, data json.RawMessage, into any) {
	t.Helper()
	if err := json.Unmarshal(data, into); err != nil {
		t.Fatalf("%s: %v", data, err)
	}
}

func effective(t *testing.T, level Level, in, expected json.RawMessage) {
	t.Helper()
	var policy, want struct {
		CSP        string
		Directives map[string][]string
	}
	decode(t, in, &policy)
	decode(t, expected, &want)
	if e, _ := Parse(policy.CSP).Effective(level); !maps.EqualFunc(e.values, want.Directives, slices.Equal) {
		t.Errorf("%q at level %d: got %q; want %q", policy.CSP, level, e.values, want.Directives)
	}
}

func lighthouse(t *testing.T, check string, in, expected json.RawMessage) {
	t.Helper()
	var policies []input
	var parsed []Policy
	decode(t, in, &policies)
	for _, p := range policies {
		parsed = append(parsed, Parse(p.CSP))
	}
	failures, warnings, syntax := Lighthouse(parsed)
	var lists [][]recorded
	found := syntax
	if check == "evaluateForSyntaxErrors" {
		decode(t, expected, &lists)
	} else {
		lists = make([][]recorded, 1)
		decode(t, expected, &lists[0])
		found = [][]Finding{failures}
		if check == "evaluateForWarnings" {
			found[0] = warnings
		}
	}
	for i := range lists {
		if g, w := got(found[i]), want(lists[i]); !slices.Equal(g, w) {
			t.Errorf("%q: got %q; want %q", policies, g, w)
		}
	}
}

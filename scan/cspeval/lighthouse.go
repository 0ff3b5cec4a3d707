// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package cspeval

import "slices"

// Lighthouse is what the Lighthouse audit of Chrome makes of all policies of a
// page, which hold at once: a failure is only what every one of them fails.
func Lighthouse(policies []Policy) (failures, warnings []Finding, syntax [][]Finding) {
	var effective, withScripts []Policy
	for _, p := range policies {
		e, _ := p.Effective(Level3)
		effective = append(effective, e)
		if e.has(e.governs("script-src")) {
			withScripts = append(withScripts, e)
		}
	}
	failures = slices.Concat(
		inAll(policies, Policy.missingScript),
		inAll(policies, Policy.missingObject),
		missingBase(policies),
		inAll(withScripts, Policy.strictDynamicMissing),
		inAll(withScripts, Policy.unsafeScripts),
		inAll(effective, Policy.wildcards),
		inAll(effective, Policy.plainSchemes),
	)
	for _, p := range policies {
		for _, f := range p.run(Policy.inlineFallback) {
			if !slices.Contains(warnings, f) {
				warnings = append(warnings, f)
			}
		}
	}
	for _, p := range policies {
		for _, f := range p.run(Policy.hostFallback) {
			if !slices.Contains(warnings, f) {
				warnings = append(warnings, f)
			}
		}
		syntax = append(syntax, p.run(Policy.nonceLength, Policy.unknown, Policy.deprecated, Policy.semicolons, Policy.keywords))
	}
	return failures, warnings, syntax
}

// inAll is what a check finds in every policy.
func inAll(policies []Policy, check func(Policy) []Finding) []Finding {
	var out []Finding
	for i, p := range policies {
		found := check(p)
		if i == 0 {
			out = found
		}
		out = slices.DeleteFunc(out, func(f Finding) bool { return !slices.Contains(found, f) })
	}
	return out
}

// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package ratelimit

import (
	"slices"

	"github.com/panoply-security/panoply/route"
)

// Routes are all patterns of all rules, exceptions included, for a caller that
// matches a request's route once for several protections.
func (l *Limiter) Routes() []*route.Pattern { return l.patterns }

// Applies appends the numbers of the rules that apply to a request which meets
// some of [Limiter.Routes], in the rules' order.
func (l *Limiter) Applies(met []int, numbers []int) []int {
	for _, id := range met {
		if t := l.owner[id]; !t.except && !slices.Contains(numbers, t.rule) {
			numbers = append(numbers, t.rule)
		}
	}
	numbers = slices.DeleteFunc(numbers, func(rule int) bool {
		return slices.ContainsFunc(met, func(id int) bool { return l.owner[id] == target{rule, true} })
	})
	slices.Sort(numbers)
	return numbers
}

// NeedsClaims reports whether a rule's key has a claim. Such a rule is asked when
// the token has been verified.
func (l *Limiter) NeedsClaims(number int) bool {
	return slices.ContainsFunc(l.rules[number].key, func(p part) bool { return p.kind == partClaim })
}

// ReadsAnswers reports whether a rule looks into the app's answers.
func (l *Limiter) ReadsAnswers(number int) bool { return l.rules[number].failed.json != nil }

// NeedsBody reports whether a rule's key has a body field.
func (l *Limiter) NeedsBody(number int) bool { return len(l.rules[number].BodyFields()) > 0 }

// Unmake gives back the attempts at rules that do not count all when another
// rule refused the request: the app never judged them.
func Unmake(decisions []Decision) {
	for i := range decisions {
		if d := &decisions[i]; d.rule.Count != "all" {
			d.Return()
		}
	}
}

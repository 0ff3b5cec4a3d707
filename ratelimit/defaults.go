// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package ratelimit

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/panoply-security/panoply/internal/logins"
	"github.com/panoply-security/panoply/route"
)

// loginPaths are where apps usually take a password or a one-time code.
var loginPaths = slices.Concat(logins.Paths, logins.Below(2, "otp", "verify-otp", "verify_otp", "2fa", "mfa", "totp"))

// signUpPaths are where accounts are made, resetPaths where mails to change a
// password are asked for.
var (
	signUpPaths = logins.Below(2, "register", "signup", "sign-up", "sign_up")
	resetPaths  = slices.Concat(logins.Below(2, "forgot-password", "forgot_password", "reset-password", "reset_password", "password-reset"),
		[]string{"POST /password/forgot", "POST /password/reset", "POST /password/email", "POST /api/password/forgot", "POST /api/password/reset"})
)

// defaults are the rules that hold where no other rule names the path.
var defaults = []Rule{
	{Name: "login", Match: loginPaths, Limit: 5, Window: 15 * time.Minute, Count: "failures", Key: []string{"ip"}, Message: "Too many login attempts."},
	{Name: "login-account", Match: loginPaths, Limit: 10, Window: 15 * time.Minute, Count: "failures", Key: []string{"account"}, Message: "Too many login attempts."},
	{Name: "sign-up", Match: signUpPaths, Limit: 50, Window: time.Hour, Count: "successes", Key: []string{"ip"}, Algorithm: "gcra", Message: "Too many new accounts."},
	{Name: "reset", Match: resetPaths, Limit: 20, Window: time.Hour, Count: "all", Key: []string{"ip"}, Message: "Too many password resets."},
	{Name: "reset-account", Match: resetPaths, Limit: 5, Window: time.Hour, Count: "all", Key: []string{"account"}, Message: "Too many password resets."},
}

// generalName is the name of General.
const generalName = "general"

// General is the gentle limit of one client on everything, which the suit adds in the
// strict profile: a hundred requests a second in the long run, 3000 at once. No person
// behind a browser meets it, nor an office; a flood from one address does. It counts
// in each process by itself and is not in the headers of answers that pass, since it
// is on the way of every request.
func General() Rule {
	return Rule{Name: generalName}.withDefaults(nil)
}

var general = Rule{Name: generalName, Match: []string{"/"}, Limit: 6000, Window: time.Minute, Burst: 3000, Count: "all", Key: []string{"ip"},
	Algorithm: "gcra", Quiet: true, Local: true}

// withDefaultRules adds the default rules that are not there by name.
func withDefaultRules(rules []Rule) []Rule {
	all := slices.Clone(rules)
	for _, d := range defaults {
		if !slices.ContainsFunc(rules, func(r Rule) bool { return r.Name == d.Name }) {
			all = append(all, Rule{Name: d.Name, Except: namedPaths(rules, d)})
		}
	}
	return all
}

// fill takes from the default rule of the name what the rule leaves blank.
func (r *Rule) fill() {
	known := append(defaults[:len(defaults):len(defaults)], general)
	i := slices.IndexFunc(known, func(d Rule) bool { return d.Name == r.Name })
	if i < 0 {
		return
	}
	d := known[i]
	if len(r.Match) == 0 {
		r.Match = slices.Clone(d.Match)
	}
	if len(r.Key) == 0 {
		r.Key = slices.Clone(d.Key)
	}
	if r.Limit == 0 {
		r.Burst = cmp.Or(r.Burst, d.Burst)
	}
	r.Quiet, r.Local = r.Quiet || d.Quiet, r.Local || d.Local
	r.Limit = cmp.Or(r.Limit, d.Limit)
	r.Window = cmp.Or(r.Window, d.Window)
	r.Count = cmp.Or(r.Count, d.Count)
	r.Algorithm = cmp.Or(r.Algorithm, d.Algorithm)
	if r.Message == "" && d.Message != "" {
		r.Message = d.Message + " Try again in " + spell(r.Window) + "."
	}
}

// namedPaths are the patterns of rules that name one path of a default rule. A
// limit by account gives way only to one that goes by the body too: who sets the
// limit by address has not said that accounts need none.
func namedPaths(rules []Rule, d Rule) []string {
	patterns := make([]*route.Pattern, len(d.Match))
	for i, p := range d.Match {
		patterns[i] = route.MustCompile(p)
	}
	var named []string
	for _, r := range rules {
		if len(d.BodyFields()) > 0 && len(r.BodyFields()) == 0 {
			continue
		}
		for _, text := range r.Match {
			method, path, ok := strings.Cut(text, " ")
			if !ok {
				method, path = "POST", text
			}
			path = strings.TrimLeft(path, " ")
			if method != "POST" || strings.Contains(path, "{") || strings.HasSuffix(path, "/") {
				continue // not one path, but many
			}
			met := func(p *route.Pattern) bool { return p.Match(method, path) }
			if slices.ContainsFunc(patterns, met) && !slices.Contains(named, text) {
				named = append(named, text)
			}
		}
	}
	return named
}

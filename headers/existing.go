// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package headers

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/panoply-security/panoply/internal/fault"
)

// Existing says what becomes of a header that the app sends already.
type Existing string

// The ways. The zero value is Keep.
const (
	// Keep leaves the app's header as it is, however weak: a handler that sets
	// a header for one answer means it.
	Keep Existing = "keep"
	// Strengthen sends the stricter of the two, by the order that is written
	// beside each header in this package. Of two Content-Security-Policies both
	// are sent, so that a browser enforces both.
	Strengthen Existing = "strengthen"
	// Replace sends the configured header, as Helmet does.
	Replace Existing = "replace"
)

// Values are the words a policy may use.
func (Existing) Values() []string {
	return []string{string(Keep), string(Strengthen), string(Replace)}
}

func checkExisting(faults *fault.List, e Existing) {
	if e != "" && !slices.Contains(e.Values(), string(e)) {
		faults.Addf("existing", "keep, strengthen or replace", "%q is not known", string(e))
	}
}

// A stricter function gives what Strengthen sends for the app's values and ours.
// What it is given is shared and must not be changed.
type stricter func(app, ours []string) []string

// byOrder compares by a list of values, the strictest first. A value that is
// not in it is one that browsers ignore, and the weakest.
func byOrder(order ...string) stricter {
	return func(app, ours []string) []string {
		if rank(order, strings.Join(app, ", ")) < rank(order, ours[0]) {
			return app
		}
		return ours
	}
}

func rank(order []string, value string) int {
	value, _, _ = strings.Cut(value, ";") // COOP and COEP may say where to report
	for i, known := range order {
		if strings.EqualFold(strings.Trim(value, " \t"), known) {
			return i
		}
	}
	return len(order)
}

// referrerOrder is by what other sites get to see: nothing, the origin, the
// whole address; where the two are level, by whether plain HTTP sees it too.
var referrerOrder = []string{
	"no-referrer", "same-origin", "strict-origin", "origin", "strict-origin-when-cross-origin",
	"origin-when-cross-origin", "no-referrer-when-downgrade", "unsafe-url",
}

// stricterReferrer compares the tokens that a browser would use: the last that
// it knows.
func stricterReferrer(app, ours []string) []string {
	if referrerRank(app) < referrerRank(ours) {
		return app
	}
	return ours
}

func referrerRank(values []string) int {
	for _, token := range slices.Backward(strings.Split(strings.Join(values, ","), ",")) {
		if r := rank(referrerOrder, token); r < len(referrerOrder) {
			return r
		}
	}
	return rank(referrerOrder, "strict-origin-when-cross-origin") // what browsers do unasked
}

// both sends the two, as lines of their own: two Content-Security-Policies hold
// together, and of Clear-Site-Data everything is cleared.
func both(app, ours []string) []string {
	if slices.Contains(app, ours[0]) {
		return app
	}
	return append(slices.Clone(app), ours...)
}

// theirs keeps the app's header where neither value is stricter.
func theirs(app, _ []string) []string { return app }

// stricterHSTS takes the longer time, subdomains if either has them, and
// preload if either asks for it.
func stricterHSTS(app, ours []string) []string {
	a, ok := parseHSTS(app)
	o, _ := parseHSTS(ours)
	if !ok {
		return ours // browsers ignore what they cannot read
	}
	sum := HSTS{MaxAge: max(a.MaxAge, o.MaxAge), ExcludeSubdomains: a.ExcludeSubdomains && o.ExcludeSubdomains, Preload: a.Preload || o.Preload}
	switch sum {
	case a:
		return app
	case o:
		return ours
	}
	return []string{sum.value()}
}

// parseHSTS reads the header as browsers do: the first line, names in any case,
// unknown parts passed over.
func parseHSTS(values []string) (h HSTS, ok bool) {
	h.ExcludeSubdomains = true
	for part := range strings.SplitSeq(values[0], ";") {
		name, value, _ := strings.Cut(strings.Trim(part, " \t"), "=")
		switch strings.ToLower(strings.TrimRight(name, " \t")) {
		case "max-age":
			n, err := strconv.ParseUint(strings.Trim(value, " \t\""), 10, 53)
			if err != nil || ok {
				return HSTS{}, false
			}
			h.MaxAge, ok = Seconds(n), true
		case "includesubdomains":
			h.ExcludeSubdomains = false
		case "preload":
			h.Preload = true
		}
	}
	return h, ok
}

// stricterPermissions leaves each feature to those whom both allow; a feature
// that only one of the two names is as that one says.
func stricterPermissions(app, ours []string) []string {
	var a, o Permissions
	if a.UnmarshalText([]byte(strings.Join(app, ", "))) != nil || a.Features == nil || o.UnmarshalText([]byte(ours[0])) != nil {
		return ours // browsers drop a header that they cannot read
	}
	sum := maps.Clone(o.Features)
	for name, allowed := range a.Features {
		if also, named := sum[name]; named {
			allowed = common(allowed, also)
		}
		sum[name] = allowed
	}
	var faults fault.List
	value := Permissions{Features: sum}.compile(&faults)
	if len(faults) > 0 {
		return ours
	}
	return []string{value}
}

// common is whom both lists allow; * allows everybody.
func common(a, b []string) []string {
	switch {
	case slices.Contains(a, "*"):
		return b
	case slices.Contains(b, "*"):
		return a
	}
	all := []string{}
	for _, who := range a {
		if slices.Contains(b, who) {
			all = append(all, who)
		}
	}
	return all
}

// stricterCache has answers with a session kept out of shared caches (private)
// or out of all (no-store), whatever else the app says about them.
func stricterCache(app, ours []string) []string {
	all := strings.Join(app, ", ")
	has := func(directive string) bool {
		for d := range strings.SplitSeq(all, ",") {
			if strings.EqualFold(strings.Trim(d, " \t"), directive) {
				return true
			}
		}
		return false
	}
	switch {
	case has("no-store") || has(ours[0]):
		return app
	case ours[0] == "private":
		return []string{all + ", private"} // of two that conflict, the stricter counts (RFC 9111, 4.2.1)
	}
	return ours
}

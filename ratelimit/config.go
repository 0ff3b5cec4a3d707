// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package ratelimit

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/panoply-security/panoply/internal/fault"
)

// Rule is one limit.
type Rule struct {
	// Name is in the headers and the log: letters, digits and `._-`. Blank makes
	// one of the numbers, such as 5-in-15min.
	Name string `yaml:"name"`
	// Match are the routes that the rule is for, as in package route. A request
	// that meets any of them counts, all of them on one count.
	Match []string `yaml:"match"`
	// Except are routes that the rule leaves alone.
	Except []string `yaml:"except"`
	// Limit is how many attempts a key has in a Window: 1 to 1,000,000. A
	// sliding rule's log, 8 bytes for each, may not exceed 256 MiB in all.
	Limit int `yaml:"limit"`
	// Window is the time that Limit is for: 1s to 744h.
	Window time.Duration `yaml:"window"`
	// Count is what counts: all (the default), failures or successes. An answer
	// that never came, or broke off in a panic, counts in any case.
	Count string `yaml:"count"`
	// Failure is what a failure is; by default a status of 400 and above and, where
	// failures count, a redirect back to the login.
	Failure Failure `yaml:"failure"`
	// Cost is how many attempts a request takes, 1 (the default) to Limit.
	Cost int `yaml:"cost"`
	// Concurrent is how many requests a key may have at the same time, in this
	// process, up to 1,000,000; 0 is any number.
	Concurrent int `yaml:"concurrent"`
	// Key is what makes a client, in up to four parts; default [ip].
	//
	//	ip           its address, IPv6 cut to Config.IPv6Prefix
	//	account      the account that the body names: email, username, user,
	//	             login, account, identifier or phone; a device that has logged
	//	             in to it counts apart
	//	route        the path, in the one spelling that package route makes of it
	//	claim:name   a claim of the token that was verified; nobody asks here for
	//	             one that was not
	//	header:Name  a request header
	//	cookie:name  a cookie
	//	body:field   a field of the body
	//
	// Accounts and fields of the body count in one spelling: as in NFKD, without case,
	// spaces, marks, controls and what else nobody sees. All of more than 1 KiB are one.
	//
	// A part that the request does not have counts by the address instead, but a
	// rule with account does not apply to a request that names none. Headers, cookies,
	// fields and accounts are chosen by the client, and so is route where a pattern
	// has a wildcard: without ip, and without an app that refuses unknown values, they
	// limit nobody who changes them at will.
	Key []string `yaml:"key"`
	// Algorithm is sliding (the default for failures and
	// successes), gcra (otherwise) or
	// fixed.
	Algorithm string `yaml:"algorithm"`
	// Burst is how many attempts gcra allows at once, 1 to 1,000,000; default
	// Limit.
	Burst int `yaml:"burst"`
	// Block is for how long a refusal blocks the key, up to 744h; default 0: not
	// beyond what the limit says. Each further one doubles it, up to MaxBlock, by
	// default 24h or Block if that is longer, until the key has kept quiet for
	// MaxBlock.
	Block    time.Duration `yaml:"block"`
	MaxBlock time.Duration `yaml:"max_block"`
	// Quiet leaves the rule out of the headers of answers that it lets pass.
	Quiet bool `yaml:"quiet"`
	// Local counts in each process by itself, also where a store is shared: for a
	// rule that is on the way of every request.
	Local bool `yaml:"local"`
	// Message is the public detail of the 429.
	Message string `yaml:"message"`
}

const maxBlock = 31 * 24 * time.Hour

// WithDefaults returns the configuration with everything written out that
// it leaves blank: the rules that are in effect, and all their fields.
func (c Config) WithDefaults() Config {
	if c.MaxKeys == 0 {
		c.MaxKeys = defaultMaxKeys
	}
	if c.IPv6Prefix == 0 {
		c.IPv6Prefix = 56
	}
	if c.Store == "" {
		c.Store = "memory"
	}
	if c.OnStoreError == "" {
		c.OnStoreError = "local"
	}
	if len(c.Headers) == 0 {
		c.Headers = []string{"draft-8"}
	}
	rules := withDefaultRules(c.Rules)
	taken := make(map[string]bool, len(rules))
	for i := range rules {
		taken[rules[i].Name] = true
	}
	for i := range rules {
		rules[i] = rules[i].withDefaults(taken)
	}
	c.Rules = rules
	return c
}

func (r Rule) withDefaults(taken map[string]bool) Rule {
	r.fill()
	if r.Name == "" {
		r.Name = fmt.Sprintf("%d-in-%s", r.Limit, abbreviate(r.Window))
		for base, n := r.Name, 2; taken[r.Name]; n++ {
			r.Name = base + "-" + strconv.Itoa(n)
		}
		taken[r.Name] = true
	}
	if r.Count == "" {
		r.Count = "all"
	}
	if r.Cost == 0 {
		r.Cost = 1
	}
	if len(r.Key) == 0 {
		r.Key = []string{"ip"}
	}
	if r.Algorithm == "" {
		r.Algorithm = "gcra"
		if r.Count != "all" {
			r.Algorithm = "sliding"
		}
	}
	if r.Burst == 0 && r.Algorithm == "gcra" {
		r.Burst = r.Limit
	}
	if r.Block > 0 && r.MaxBlock == 0 {
		r.MaxBlock = max(24*time.Hour, r.Block)
	}
	if r.Message == "" {
		r.Message = "Too many requests, please try again later."
	}
	return r
}

// check notes what is wrong with a rule whose blanks are filled.
func (r *Rule) check(faults *fault.List, maxKeys int) {
	if !validName(r.Name) {
		faults.Addf("name", "1 to 64 letters, digits and . _ -", "%.80q is not a name", r.Name)
	}
	if len(r.Match) == 0 {
		faults.Add("match", "no route", "the routes to limit, such as POST /api/login; / for all")
	}
	if r.Limit < 1 || r.Limit > 1_000_000 {
		faults.Addf("limit", "1 to 1000000; to close a route altogether, do not serve it", "%d is out of range", r.Limit)
	}
	if r.Window < time.Second || r.Window > 31*24*time.Hour {
		faults.Addf("window", "1s to 744h, such as 15m", "%v is out of range", r.Window)
	}
	if r.Count != "all" && r.Count != "failures" && r.Count != "successes" {
		faults.Addf("count", "all, failures or successes", "%.40q is nothing to count", r.Count)
	}
	if f := r.Failure; r.Count == "all" && len(f.Status)+len(f.Redirect)+len(f.JSON) > 0 {
		faults.Add("failure", "all attempts count, whatever the answer", "count: failures, or count: successes")
	}
	if most := max(1, min(r.Limit, cmp.Or(r.Burst, r.Limit))); r.Cost < 1 || r.Cost > most {
		faults.Addf("cost", "more would never be allowed", "%d is not between 1 and %d", r.Cost, most)
	}
	if r.Concurrent < 0 || r.Concurrent > 1_000_000 {
		faults.Addf("concurrent", "1 to 1000000, or 0 for any number", "%d is out of range", r.Concurrent)
	}
	if len(r.Message) > 500 || strings.ContainsFunc(r.Message, func(c rune) bool { return c < ' ' }) {
		faults.Add("message", "longer than 500 bytes, or with control characters", "one sentence for the person who was stopped")
	}
	switch r.Algorithm {
	case "sliding":
		if r.Limit <= 1_000_000 && 8*r.Limit*maxKeys > maxLog {
			faults.Addf("limit", "algorithm: gcra needs 8 bytes a client; or set a lower max_keys",
				"the log of %d attempts for each of %d clients would take %d MiB; the most is %d", r.Limit, maxKeys, 8*r.Limit*maxKeys>>20, maxLog>>20)
		}
	case "gcra":
		if r.Burst < 1 || r.Burst > 1_000_000 {
			faults.Addf("burst", "1 to 1000000", "%d is out of range", r.Burst)
		} else if drain := r.Window.Seconds() * float64(r.Burst) / math.Max(1, float64(r.Limit)); drain > 366*24*3600 {
			faults.Addf("burst", "not many times the limit", "%d attempts at once would count for more than a year", r.Burst)
		}
	case "fixed":
	default:
		faults.Addf("algorithm", "sliding, gcra or fixed", "%.40q is not an algorithm", r.Algorithm)
	}
	if r.Block < 0 || r.Block > maxBlock || 0 < r.Block && r.Block < time.Second {
		faults.Addf("block", "1s to 744h, or 0 for none", "%v is out of range", r.Block)
	} else if r.MaxBlock < r.Block || r.MaxBlock > maxBlock || r.Block == 0 && r.MaxBlock != 0 {
		faults.Addf("max_block", "block to 744h, and only beside block", "%v is out of range", r.MaxBlock)
	}
	if r.Algorithm != "gcra" && r.Burst != 0 {
		faults.Add("burst", "only gcra has a burst", "leave it out, or set algorithm: gcra")
	}
}

// limit is how the rule counts. Its name in a store holds all that its counts
// depend on, so that rules which count differently never share them.
func (r *Rule) limit(v6bits int) Limit {
	l := Limit{Algorithm: r.Algorithm, Limit: r.Limit, Window: r.Window, Burst: r.Burst, Block: r.Block, MaxBlock: r.MaxBlock}
	h := fnv.New64a()
	fmt.Fprintf(h, "%+v %q %q %d", l, r.Count, r.Key, v6bits)
	l.ID = fmt.Sprintf("%s-%012x", r.Name, h.Sum64()>>16)
	return l
}

// countsLike reports whether two rules keep the same counts.
func (c *compiled) countsLike(o *compiled) bool {
	return c.limit.ID == o.limit.ID && c.counts.table.max == o.counts.table.max
}

func validName(s string) bool {
	for _, c := range s {
		if !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '.' || c == '_' || c == '-') {
			return false
		}
	}
	return s != "" && len(s) <= 64
}

// units from large to small, as policy identifiers and people write them.
var units = []struct {
	length               time.Duration
	short, plural, spelt string
}{
	{24 * time.Hour, "day", "days", "day"},
	{time.Hour, "hr", "hrs", "hour"},
	{time.Minute, "min", "min", "minute"},
	{time.Second, "sec", "sec", "second"},
}

// inUnits expresses d in the largest unit that divides it.
func inUnits(d time.Duration) (n int64, unit int) {
	for i, u := range units {
		if d >= u.length && d%u.length == 0 {
			return int64(d / u.length), i
		}
	}
	return int64((d + time.Second - 1) / time.Second), len(units) - 1
}

// abbreviate gives 15min, 2hrs, as express-rate-limit's identifiers do.
func abbreviate(d time.Duration) string {
	n, i := inUnits(d)
	if n == 1 {
		return "1" + units[i].short
	}
	return strconv.FormatInt(n, 10) + units[i].plural
}

// spell gives 15 minutes, 2 hours.
func spell(d time.Duration) string {
	n, i := inUnits(d)
	if n == 1 {
		return "1 " + units[i].spelt
	}
	return strconv.FormatInt(n, 10) + " " + units[i].spelt + "s"
}

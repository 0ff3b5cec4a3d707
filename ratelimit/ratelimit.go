// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

// Package ratelimit bounds how often one client may try (mistake 2).
//
// # Threat
//
// A login without a limit lets an attacker try millions of passwords or replay
// leaked ones, and a route without a limit lets one client take the server from
// all others.
//
// # What it does
//
// A [Rule] says how many requests a client may make on some routes in some
// time. The zero [Config] has the article's rule: five failed logins in any
// fifteen minutes for each client address, on the usual login, token and
// one-time-code paths. The sixth attempt is answered with a 429 problem and
// Retry-After; answers on limited routes carry the standard RateLimit headers.
// Beside it, `login-account` lets ten logins to one account fail, from whatever
// addresses; `sign-up` lets an address make 50 accounts an hour, `reset` ask for
// 20 password mails and `reset-account` have five sent to one account.
//
// A rule that counts failures takes the attempt before the app runs and gives
// exactly that attempt back when the answer is a success. So a hundred attempts
// at once cannot all slip through while the first is still being judged, and an
// answer that never came counts as a failure. A failure is a status of 400 and
// above, or a redirect back to the login, unless [Failure] says otherwise.
// While all attempts are with the app, a further one waits briefly for one of
// them to be decided: customers behind one address do not lock one another out.
//
// A limit by account alone would let anybody lock its owner out. So a device that
// has logged in to the account before counts apart from all others: a signed
// cookie says so, which a successful login sets, after the scheme that OWASP
// describes. It proves nothing to the app, and is good for one method and path and
// for the account as it was written. A login is a request with a password (password,
// passwd, pass, pwd, passphrase) and no other grant, provider or token; none is on a
// path that speaks of otp, 2fa, mfa, a factor or verifying, for whoever asks for a
// code has not logged in. All devices of an account fall into eight shares, each
// with the rule's limit.
//
// There are three algorithms. `sliding` remembers the moment of each attempt:
// five in fifteen minutes means five in any fifteen minutes. `gcra` is a token
// bucket in one number (the generic cell rate algorithm of ATM): it never
// lets more than limit+burst through in any window, and the limit on average. `fixed` starts
// a window at a client's first request, as express-rate-limit does; around the
// edge of two windows a client may make twice the limit. A refusal can also
// block the client, for longer each time.
//
// Several processes can count together in a [Store]. A decision there is one
// round trip of at most 200 ms, and none for a key that is known to be blocked.
// After three failures in a row the store is left alone; one request tries it
// again each half second, and meanwhile [Config].OnStoreError holds.
//
// # What it does not do
//
// There is no limit for everything else by itself: a flood is stopped by [General], which
// the suit adds in the strict profile, and no other number is right for every app. It takes a
// line: `{name: all, match: /, limit: 600, window: 1m}`.
//
// An app that answers a failed login with a plain 200, or a redirect to elsewhere
// than its login (or `back`, which is wherever the client says that it was), shows no
// failure, and to this package everybody is a device that has logged in: describe it
// in [Failure], or give its route a rule with count: all.
// And one that after a right password redirects back to its login has no success to
// show: describe that too, or it lets five in. A redirect to /login/otp is a success,
// for the password was right; the code has attempts of its own. Handler does not read bodies, so limits by
// account and by a body field need the suit, or [Limiter.BeginAccount]. Accounts
// are found in top-level fields with usual names alone; an app that takes another
// needs a rule with `body:` and its name. Undecided attempts and Concurrent are
// known for this process alone. There is no batching of decisions in front of a
// shared store: every count is exact.
//
// # Bounds
//
// Each rule has its own table of at most [Config].MaxKeys clients, so that a
// flood on one rule never evicts a client of another. A key costs about 52
// bytes, and for the sliding window 8 more for each attempt in its limit:
// 10 MB for the login rule at 100,000 clients. One that was blocked costs 70
// more. Memory grows with use up to
// that, and never beyond. When a table shard is full, the key that would be
// idle soonest makes room: expired keys first, then the one with the least left
// to remember. A blocked key never makes room while any other key of its shard
// can. When all are blocked, the one to be released soonest is forgotten: the
// alternative, refusing every new client, would let whoever fills the table
// lock everybody out.
//
// At most 128 requests for one key and 4,096 for one rule wait for undecided
// attempts, none longer than five seconds nor than its client.
//
// Keys are hashes under a secret: 64 bits under one that each process draws anew
// ([hash/maphash]), or 128 bits of HMAC-SHA256 under the one that all who share
// a store have. Without the secret nobody can choose values that
// share a key with a victim, or that all land in one shard; two of 100,000
// clients share a key by accident with a chance of one in four thousand
// million, and then share a limit.
//
// A decision takes one mutex of 64 and O(log n) steps in the shard; a sliding
// rule also moves at most its limit of numbers.
package ratelimit

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"slices"
	"sync/atomic"
	"time"

	"github.com/panoply-security/panoply/clientip"
	"github.com/panoply-security/panoply/internal/fault"
	"github.com/panoply-security/panoply/route"
)

// Config is what to limit. The zero value is the default rules.
type Config struct {
	// Rules are the limits; at most 256. Every rule that matches a request
	// applies.
	//
	// The default rules are added behind them: login, login-account, sign-up,
	// reset and reset-account, as the package comment says. One that has the name
	// of a default takes its place, and takes from it what it leaves blank. A path
	// that some rule names literally, such as `POST /api/login`, is excepted from
	// the defaults: whoever names a path sets its limits. Those by account give way
	// only to rules that are keyed by account or a body field.
	Rules []Rule `yaml:"rules"`
	// MaxKeys bounds how many clients each rule remembers; default 100,000, at
	// most 10,000,000.
	MaxKeys int `yaml:"max_keys"`
	// IPv6Prefix is how much of an IPv6 address is one client, in bits: 32 to
	// 64, default 56. IPv4 addresses count whole.
	IPv6Prefix int `yaml:"ipv6_prefix"`
	// NoDeviceCookie leaves out the cookie that a login on a route with a limit by
	// account sets when it succeeds: `panoply_device`, for 90 days and for the
	// method and path of the login alone. Without it, whoever knows an account's name can
	// use up its limit and keep its owner out.
	NoDeviceCookie bool `yaml:"no_device_cookie"`
	// Store is where the counts are: memory, the default, or redis://host:port or
	// rediss://host:port for counts that several processes share; the guard opens
	// it, and a Go app sets Shared. It has no password in it.
	Store string `yaml:"store"`
	// OnStoreError is what happens while a shared store does not answer: local
	// (the default: each process goes on with counts of its own, which begin
	// with nothing), allow or deny.
	OnStoreError string `yaml:"on_store_error"`
	// StorePasswordEnv names the environment variable with its password.
	StorePasswordEnv string `yaml:"store_password_env"`
	// KeySecretEnv names the environment variable with the secret, at least 32
	// bytes, under which the keys in a shared store are hashed and device cookies
	// are signed: the same in all processes that share it. Without a shared store
	// it may be left out: then device cookies end with the process.
	KeySecretEnv string `yaml:"key_secret_env"`
	// KeySecret is that secret, for a Go app that has it from elsewhere.
	KeySecret []byte `yaml:"-"`
	// Shared is the open store. Nil counts in this process.
	Shared Store `yaml:"-"`
	// Logger hears when a shared store stops and starts to answer. Nil is
	// [slog.Default].
	Logger *slog.Logger `yaml:"-"`
	// Headers are the forms of the headers that tell clients their limit:
	// draft-8 (the default), draft-7 and draft-6 of the IETF's RateLimit header
	// fields, legacy (X-RateLimit-*), or off. Legacy goes with one of the
	// others. Retry-After is sent with every 429 in any case.
	Headers []string `yaml:"headers"`
	// Allow are addresses and CIDRs of clients that no rule limits, at most 256:
	// one's own health checks and offices.
	Allow []string `yaml:"allow"`
	// Expose adds the headers' names to Access-Control-Expose-Headers of answers
	// that another origin may read, so that its scripts see them.
	Expose bool `yaml:"expose"`
	// NoWait refuses at once where an attempt would wait for those that are
	// undecided: for limits that are only reported.
	NoWait bool `yaml:"-"`
	// Client says who is asking, as [clientip.Resolver.From] does. Nil takes the
	// TCP peer, which is right only without a proxy in front.
	Client func(*http.Request) netip.Addr `yaml:"-"`

	now func() time.Time // for tests
}

const (
	maxRules       = 256
	maxMaxKeys     = 10_000_000
	defaultMaxKeys = 100_000
	maxLog         = 256 << 20 // bytes of a sliding rule's log
)

// start is the zero of all clocks, so that counts can move from one limiter to
// the next.
var start = time.Now()

// Limiter decides. It is safe for concurrent use.
type Limiter struct {
	rules     []*compiled
	styles    style
	allow     []netip.Prefix
	expose    bool
	client    func(*http.Request) netip.Addr
	now       func() time.Time // nil outside tests
	patience  time.Duration
	deviceKey []byte  // nil without device cookies
	shared    *shared // nil unless a store is shared

	routes   route.Table
	patterns []*route.Pattern
	owner    []target // by pattern id
}

// target is the rule that a pattern belongs to.
type target struct {
	rule   int
	except bool
}

// compiled is a rule made ready.
type compiled struct {
	Rule
	limiter *Limiter
	limit   Limit
	lenient Limit // without its block
	failed  failed
	// undecided is nil for a rule that gives nothing back, inside for one that
	// lets a key be there as often as it likes.
	undecided, inside *crowd

	allowed, refused, returned atomic.Int64
	counts                     *counts
	key                        []part
	hasher                     hasher
	byAccount                  bool
	v6bits                     int
	policy                     []string // the draft-8 policy, shared by all answers
}

// shared is the store that counts for the rule, nil for this process alone.
func (c *compiled) shared() *shared {
	if c.Local {
		return nil
	}
	return c.limiter.shared
}

// New checks the configuration and makes the limiter.
func New(cfg Config) (*Limiter, error) {
	cfg = cfg.WithDefaults()
	var faults fault.List
	if len(cfg.Rules) > maxRules {
		faults.Addf("rules", "let one rule match several routes", "%d rules; the most is %d", len(cfg.Rules), maxRules)
	}
	if cfg.MaxKeys < 1 || cfg.MaxKeys > maxMaxKeys {
		faults.Addf("max_keys", fmt.Sprintf("1 to %d", maxMaxKeys), "%d is out of range", cfg.MaxKeys)
	}
	if cfg.IPv6Prefix < 32 || cfg.IPv6Prefix > 64 {
		faults.Addf("ipv6_prefix", "32 to 64; 56 is what one customer usually has", "%d is out of range", cfg.IPv6Prefix)
	}
	l := &Limiter{client: cfg.Client, now: cfg.now, patience: patience}
	if cfg.NoWait {
		l.patience = 0
	}
	cfg.checkStore(&faults)
	if !cfg.NoDeviceCookie {
		l.deviceKey = deviceKey(cfg.KeySecret)
	}
	if cfg.Shared != nil {
		l.shared = newShared(cfg)
	}
	l.allow, l.expose = parseAllow(&faults, cfg.Allow), cfg.Expose
	l.styles = parseStyles(&faults, cfg.Headers)
	for i, r := range cfg.Rules {
		var part fault.List
		c := l.compile(&part, r, cfg)
		faults.Join(fmt.Sprintf("rules[%d]", i), part.Err())
		for _, earlier := range cfg.Rules[:i] {
			if earlier.Name == r.Name {
				faults.Addf(fmt.Sprintf("rules[%d].name", i), "each name once", "another rule is named %.80q", r.Name)
				break
			}
		}
		l.rules = append(l.rules, c)
	}
	if err := faults.Err(); err != nil {
		return nil, err
	}
	if l.client == nil {
		peer, err := clientip.New(clientip.Config{})
		if err != nil {
			return nil, err
		}
		l.client = peer.From
	}
	return l, nil
}

// compile readies a rule whose blanks are filled.
func (l *Limiter) compile(faults *fault.List, r Rule, cfg Config) *compiled {
	r.check(faults, cfg.MaxKeys)
	c := &compiled{Rule: r, limiter: l, v6bits: cfg.IPv6Prefix, policy: []string{policyText(&r)}}
	c.key = parseKey(faults, r.Key)
	c.byAccount = slices.Contains(r.Key, "account")
	if l.shared != nil {
		c.hasher.shared = cfg.KeySecret
	}
	if len(*faults) == 0 {
		c.limit = r.limit(cfg.IPv6Prefix)
		c.lenient = c.limit
		c.lenient.Block, c.lenient.MaxBlock = 0, 0
		c.counts = newCounts(c.limit, cfg.MaxKeys)
		if r.Count != "all" {
			c.undecided = new(crowd)
		}
		if r.Concurrent > 0 {
			c.inside = new(crowd)
		}
	}
	c.failed = r.Failure.compile(faults)
	c.failed.back = r.Count == "failures" && len(r.Failure.Status)+len(r.Failure.Redirect) == 0
	l.route(faults, "match", r.Match, false)
	l.route(faults, "except", r.Except, true)
	return c
}

// route adds the patterns of the rule being compiled.
func (l *Limiter) route(faults *fault.List, field string, patterns []string, except bool) {
	for i, text := range patterns {
		p, err := route.Compile(text)
		if err != nil {
			faults.Add(fmt.Sprintf("%s[%d]", field, i), err.Error(), "POST /api/login, /api/ for a subtree, /users/{id}")
			continue
		}
		l.routes.Add(p)
		l.patterns = append(l.patterns, p)
		l.owner = append(l.owner, target{len(l.rules), except})
	}
}

// Rules are the rules in effect, defaults included. Their order is that of the
// rule numbers that [Limiter.Begin] takes.
func (l *Limiter) Rules() []Rule {
	rules := make([]Rule, len(l.rules))
	for i, c := range l.rules {
		rules[i] = c.Rule
	}
	return rules
}

// Adopt takes the counts of another limiter over, so that a reloaded
// configuration does not set everybody free: each rule that counts the same
// way under the same name goes on with the same table. Call it before the new
// limiter serves; the old one may serve on.
func (l *Limiter) Adopt(old *Limiter) {
	for _, c := range l.rules {
		for _, o := range old.rules {
			if c.countsLike(o) {
				c.counts, c.undecided = o.counts, o.undecided
				if c.inside != nil && o.inside != nil {
					c.inside = o.inside
				}
			}
		}
	}
}

// clock is the time since start, in nanoseconds.
func (l *Limiter) clock() int64 {
	if l.now != nil {
		return int64(l.now().Sub(start))
	}
	return int64(time.Since(start))
}

// wall is the time of day.
func (l *Limiter) wall() time.Time {
	if l.now != nil {
		return l.now()
	}
	return time.Now()
}

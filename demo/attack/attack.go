// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

// Package attack breaks into the demo's shop, once for each of the seven
// mistakes, and says with proof whether it got in. It knows the shop's routes
// and the two public e-mail addresses; all else it finds out over HTTP.
//
// # What counts as proof
//
// The first answer is never believed. A role counts when a later read of the
// account shows it, a token when it opens what it should open, an upload when
// it is fetched back. Beside each attack runs a control that a sound shop must
// pass, such as an ordinary login, so a server that refuses everything is not
// reported as safe: [Result.Worked] is false.
//
// # Bounds
//
// A run sends at most 400 requests, one after another, in at most two minutes,
// reads at most 64 KB of an answer (13 MB of an uploaded file) and follows no
// redirect. It registers about 30 accounts and uploads about 20 harmless
// files, one of 12 MB, all of which stay. Run it only against a server of your
// own.
package attack

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode"
)

// The shop's public e-mail addresses.
const (
	adminEmail = "admin@shop.example"
	aliceEmail = "alice@shop.example"
)

const (
	maxTime     = 2 * time.Minute
	maxEvidence = 12  // lines per result
	maxLine     = 200 // runes per line of evidence
)

// Options adapts a run to its target.
type Options struct {
	// Client sends the requests; nil means http.DefaultClient. It is copied:
	// its redirects and cookies are switched off. Give one that trusts a local
	// certificate authority here.
	Client *http.Client
}

// Result says how the attack on one mistake ended.
type Result struct {
	Mistake   int      // 1 to 7
	Name      string   // the mistake in a few words
	Exploited bool     // the attack got in, proven
	Evidence  []string // at most 12 short printable lines
	Worked    bool     // the shop served the legitimate control beside the attack
	Requests  int      // sent by this attack
	Err       error    // why the control failed or the attack could not be finished

	more int // lines that no longer found room in Evidence
}

// prove records a successful attack and its evidence.
func (r *Result) prove(format string, args ...any) {
	r.Exploited = true
	r.note(format, args...)
}

// note records evidence. What came from the server goes to a terminal in the
// end, so control characters are replaced.
func (r *Result) note(format string, args ...any) {
	if len(r.Evidence) == maxEvidence-1 {
		r.more++
		return
	}
	line := []rune(strings.Map(func(c rune) rune {
		if !unicode.IsPrint(c) {
			return ' '
		}
		return c
	}, fmt.Sprintf(format, args...)))
	if len(line) > maxLine {
		line = append(line[:maxLine-1], '…')
	}
	r.Evidence = append(r.Evidence, string(line))
}

// attacks holds the attack on mistake n at n-1. An attack returns an error when
// its control failed; it sets Worked when the control passed.
var attacks = [7]struct {
	name string
	run  func(context.Context, *client, *Result) error
}{
	{"no security headers", headers},
	{"no rate limiting", bruteForce},
	{"body used without validation", massAssignment},
	{"errors leak", leaks},
	{"weak sessions and tokens", tokens},
	{"unrestricted uploads", uploads},
	{"NoSQL injection", injection},
}

// Run attacks the shop at baseURL, a scheme and a host, and returns the seven
// results in order. It returns an error for a wrong URL, for a target that
// does not answer, and with the results so far when the time is over.
func Run(ctx context.Context, baseURL string, o Options) ([]Result, error) {
	c, err := newClient(baseURL, o.Client)
	if err != nil {
		return nil, err
	}
	defer c.http.CloseIdleConnections()
	ctx, cancel := context.WithTimeout(ctx, maxTime)
	defer cancel()
	if a := c.do(ctx, get("/")); a.err != nil {
		return nil, fmt.Errorf("attack: the target does not answer: %w", a.err)
	}

	// Away from 127.0.0.1, whose login attempts are those of whoever opens the
	// shop in a browser afterwards.
	c.hop()
	results := make([]Result, len(attacks))
	// The brute force comes last, because it fills the login limits.
	for _, mistake := range []int{1, 3, 4, 5, 6, 7, 2} {
		results[mistake-1] = c.attack(ctx, mistake)
	}
	if err := context.Cause(ctx); err != nil {
		return results, fmt.Errorf("attack: not finished: %w", err)
	}
	return results, nil
}

// attack runs the attack on one mistake.
func (c *client) attack(ctx context.Context, mistake int) Result {
	r := Result{Mistake: mistake, Name: attacks[mistake-1].name}
	before := c.requests
	c.stuck = false
	r.Err = attacks[mistake-1].run(ctx, c, &r)
	if r.more > 0 {
		r.Evidence = append(r.Evidence, fmt.Sprintf("and %d more", r.more))
	}
	r.Requests = c.requests - before
	if c.requests >= maxRequests && r.Err == nil {
		r.Err = errBudget
	}
	if err := context.Cause(ctx); err != nil {
		r.Err = err
	}
	return r
}

// parseBase returns the URL of the target, which is a scheme and a host only.
func parseBase(baseURL string) (*url.URL, error) {
	base, err := url.Parse(strings.TrimSuffix(baseURL, "/"))
	if err != nil {
		return nil, fmt.Errorf("attack: %w", err)
	}
	if base.Scheme != "http" && base.Scheme != "https" || base.Host == "" {
		return nil, fmt.Errorf("attack: %q is not an http or https URL", baseURL)
	}
	if base.Path != "" || base.RawQuery != "" || base.Fragment != "" || base.User != nil {
		return nil, fmt.Errorf("attack: %q has more than a scheme and a host", baseURL)
	}
	return base, nil
}

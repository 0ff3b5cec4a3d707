// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

// Package scan asks a running app which of the seven mistakes it makes.
//
//	r, err := scan.Run(ctx, scan.Options{Target: "http://localhost:3000"})
//
// # Passive
//
// Without [Options].Active a scan only looks. It sends at most [MaxPassive]
// requests, none of which any app could take for an action: the page, behind its
// redirects; the same over plain HTTP, if it has TLS; the page and a preflight
// from another origin; and, to a path that does not exist, a GET, broken JSON, JSON
// of an unknown charset and a wrong percent escape. It judges
//
//   - security headers (mistake 1), by the kind of answer: a page needs a
//     Content-Security-Policy, JSON does not, a redirect neither. The policy is judged
//     as package cspeval does. Beside them CORS, TLS, the certificate, products that
//     name themselves, scripts of other sites and mixed content;
//   - error answers (mistake 4), by the shapes that internal/leak knows;
//   - cookies and tokens (mistake 5): flags, lifetimes, prefixes, and, offline, whether
//     a word of the list of internal/weak signed them.
//
// Beside its own score a report has the one of MDN's HTTP Observatory; see package
// observatory.
//
// # Active
//
// With Active it also tries, on apps of one's own ([Options].Own): what a limit on
// logins does (mistake 2), fields and types that nobody declared (3), more errors
// (4), the user's own token, changed (5), uploads that do no harm (6) and query
// operators (7). It finds the routes in the page, its scripts and the names that
// such routes usually have; [Options].Routes adds others. It signs up with addresses
// at example.com and uses these accounts alone, or acts as the [Options].Account that it
// was given, which a few wrong logins and uploads then belong to. It deletes the files
// and accounts that it made where the app lets it, if what it deletes showed itself to
// be that and nothing else, and calls gone what can no longer be read. The rest is in
// the report.
//
// Nothing is believed at once: a finding of an active probe has a baseline (the
// ordinary request), a control (one that differs as much but must not work) and a
// repetition. Where the ordinary use does not work, the report says not-tested. No
// probe runs code on the server, waits in the database or reads other users' data.
// With [Options].Auth an operator in place of a password may sign in, to the scan's own
// account.
//
// # What it cannot see
//
// A scan sees answers. What an app does behind them, what only a signed-in user may
// see, and routes that no page names stay unseen; an audit of the source sees
// more. That no limit was met in 30 logins does not say that there is none in 31.
//
// # Bounds
//
// One request at a time; at most [MaxPassive], with Active [Options].MaxRequests. Each
// has [Options].Timeout, the whole scan a limit too. Of an answer 256 KiB are read, of
// its headers 64 KiB; a gzip is read to the same 256 KiB of what comes out. Redirects
// are followed to the same host, 3 of them. An active scan ends at the first 429 that
// it did not provoke, and at 5 answers in a row of 500 and above. It connects to
// loopback and private addresses only, unless the host is named in Own: by the address
// that is dialled, so that no name leads elsewhere. Nothing of an answer is kept but
// what the report quotes, masked.
package scan

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/panoply-security/panoply/finding"
	"github.com/panoply-security/panoply/internal/cookies"
)

// MaxPassive is how many requests a passive scan sends at most.
const MaxPassive = 12

const (
	defaultActive  = 200 // requests of an active scan
	defaultTimeout = 10 * time.Second
	passiveTime    = 45 * time.Second
	activeTime     = 5 * time.Minute
)

// Options is what to scan and how far to go.
type Options struct {
	Target string // http://host[:port][/path]

	Active bool   // try things, on an app of one's own
	Auth   bool   // an operator may sign in, to the scan's own account
	Own    string // a host that may be scanned actively though its address is public

	Account Account // to act as, beside those that the scan makes
	Login   string  // the path where users sign in, if nobody would guess it

	Routes      []string      // more routes: "POST /api/login"
	MaxRequests int           // of an active scan; 0 means 200
	Timeout     time.Duration // of a request; 0 means 10 s

	From     net.IP            // the local address to send from, or nil
	RootCAs  *x509.CertPool    // that are trusted; nil means the system's
	Version  string            // of the program, for the report and the User-Agent
	Progress func(line string) // is told what is about to be done, or nil
}

// ErrUsage is wrapped by errors about the options.
var ErrUsage = errors.New("usage")

// ErrUnreachable is wrapped when the target gives no answer at all.
var ErrUnreachable = errors.New("the target does not answer")

// Run scans the target. It returns no report with an error that wraps [ErrUsage] or
// [ErrUnreachable]; one that was cut short says so in its Run.Stopped.
func Run(ctx context.Context, o Options) (*finding.Report, error) {
	target, err := o.check()
	if err != nil {
		return nil, err
	}
	limit, budget := passiveTime, MaxPassive
	if o.Active {
		limit, budget = activeTime, MaxPassive+o.MaxRequests
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	c, err := newClient(o, target, budget)
	if err != nil {
		return nil, err
	}
	defer c.close()
	started := time.Now()
	s := &scan{
		Options: o, client: c, target: target,
		report: finding.NewReport("panoply scan", o.Version, target.String()),
		marker: "zz" + strings.ToLower(rand.Text())[:10],
	}
	s.report.Run = &finding.Run{Started: started.UTC().Truncate(time.Second), Mode: "passive"}
	s.plan()
	if err := s.passive(ctx); err != nil {
		return nil, err
	}
	if o.Active {
		s.report.Run.Mode = "active"
		s.active(ctx)
	}
	switch ctx.Err() {
	case context.DeadlineExceeded:
		s.stopped("the scan took more than " + limit.String())
	case context.Canceled:
		s.stopped("it was interrupted")
	}
	s.report.Run.Requests = c.sent
	s.report.Run.DurationMS = time.Since(started).Milliseconds()
	s.listAccounts()
	s.hideAll()
	s.report.Finish()
	return s.report, nil
}

// scan is a scan under way.
type scan struct {
	Options
	client *client
	target *url.URL
	report *finding.Report
	marker string // of this scan: in whatever it leaves, and in no app

	app *app       // what an active scan found
	own []*account // that it made, or tried to

	page    answer          // the page that is judged
	first   answer          // the answer at the target itself, when it was a redirect
	surface surface         // what the page tells about the app
	nonces  []string        // of the page's policies
	cookies map[string]bool // names that are judged already
	jar     []cookies.Cookie
	said    map[string]bool // see once
	guesses int             // of the dictionary
}

func (o *Options) check() (*url.URL, error) {
	bad := func(format string, args ...any) (*url.URL, error) {
		return nil, fmt.Errorf("%w: %s", ErrUsage, fmt.Sprintf(format, args...))
	}
	text := o.Target
	if !strings.Contains(text, "://") {
		text = "http://" + text
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" {
		return bad("%q is no address to scan (hint: http://localhost:3000)", o.Target)
	}
	if u.User != nil {
		return bad("the address holds a password, which would stand in the report")
	}
	u.Fragment = ""
	if u.Path == "" {
		u.Path = "/"
	}
	if o.MaxRequests < 0 || o.MaxRequests > 2000 {
		return bad("between 1 and 2000 requests, not %d", o.MaxRequests)
	}
	if o.MaxRequests == 0 {
		o.MaxRequests = defaultActive
	}
	if o.Timeout <= 0 {
		o.Timeout = defaultTimeout
	}
	if o.Auth && !o.Active {
		return bad("signing in by an operator is part of an active scan")
	}
	if err := o.Account.check(); err != nil {
		return bad("%v", err)
	}
	if !o.Active && (o.Account != Account{} || o.Login != "") {
		return bad("an account and its login are for an active scan")
	}
	if o.Login != "" {
		if _, err := parseRoute("POST " + o.Login); err != nil {
			return bad("%q is no path of a login (hint: /api/login)", o.Login)
		}
	}
	for _, r := range o.Routes {
		if _, err := parseRoute(r); err != nil {
			return bad("%v", err)
		}
	}
	return u, nil
}

// plan tells what is about to be sent, before anything is.
func (s *scan) plan() {
	s.say("scanning %s: at most %d requests that only look, each within %s", s.target, MaxPassive, s.Timeout)
	if s.Active {
		s.say("and at most %d that try: sign up with addresses at example.com, sign in, fields, types and operators, small files and one of 12 MB, 30 wrong logins", s.MaxRequests)
	}
}

func (s *scan) say(format string, args ...any) {
	if s.Progress != nil {
		s.Progress(fmt.Sprintf(format, args...))
	}
}

func (s *scan) stopped(why string) {
	if s.report.Run.Stopped == "" {
		s.report.Run.Stopped = why
	}
}

func (s *scan) note(format string, args ...any) {
	s.report.Run.Notes = append(s.report.Run.Notes, fmt.Sprintf(format, args...))
}

func (s *scan) left(format string, args ...any) {
	s.report.Run.Left = append(s.report.Run.Left, fmt.Sprintf(format, args...))
}

// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

// Package watch looks at the tokens and signed cookies that an app gives out, as an
// attacker would who holds one.
//
// # Threat
//
// Whoever has one HS256 token, or one cookie that express-session or cookie-session has
// signed, can try a word list against it at home, millions a second, and with the
// secret writes a token for any user. Nothing on the app's side shows it. A token
// without an end is good for ever once it is stolen.
//
// # What it does
//
// Tokens in the app's answers, in cookies, in Authorization headers and in JSON, and
// cookies that cookie-signature or keygrip have signed are tried in the background
// against the secrets that attackers try first (about 160,000: those of documentation
// and tutorials, and variations), and those of a file that the policy names. Of each place that they come from one is tried an
// hour. What is found is logged and listed, once for each place: alg none, no end or
// one that is more than a day away, a secret that can be guessed.
//
// # What it does not do
//
// It holds no request and no answer up, and changes none. It stores no token: one is
// forgotten when it was tried, and what it was or the secret is told to nobody. That
// a secret was not guessed does not mean that it is good.
//
// # Bounds
//
// 256 places, 16 tokens that wait to be tried, of at most 8 KiB each; more are passed
// over. One is tried at a time, which takes about a tenth of a second of one core, and
// of JSON the first token in each chunk is seen.
package watch

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/panoply-security/panoply/internal/weak"
	"github.com/panoply-security/panoply/rule"
)

const (
	maxPlaces  = 256
	maxWaiting = 16
	maxToken   = 8 << 10
	again      = time.Hour
)

// Finding is a fault of what the app gives out.
type Finding struct {
	Rule  rule.ID   `json:"rule"`
	Where string    `json:"where"` // cookie connect.sid, or JSON of POST /login
	Why   string    `json:"why"`
	Seen  time.Time `json:"seen"`
}

// Watcher tries what an app gives out.
type Watcher struct {
	log    *slog.Logger
	now    func() time.Time
	trying sync.WaitGroup
	more   atomic.Pointer[[]string] // of the operator's file

	mu       sync.Mutex
	waiting  []proof
	busy     bool // somebody tries what waits
	closed   bool
	tried    map[string]time.Time // when a place is due again
	findings []Finding
}

// proof is a token or a signed cookie that waits to be tried.
type proof struct {
	where string
	find  func(guess func(try func(secret string) bool) bool) []fault
}

// fault is what is wrong with one.
type fault struct {
	rule rule.ID
	why  string
}

// New returns a watcher.
func New(log *slog.Logger) *Watcher {
	return &Watcher{log: log, now: time.Now, tried: map[string]time.Time{}}
}

// Close ends the watcher once it has tried what waits.
func (w *Watcher) Close() {
	if w == nil {
		return
	}
	w.mu.Lock()
	w.closed = true
	w.mu.Unlock()
	w.trying.Wait()
}

// work tries what waits, one after the other, until nothing does.
func (w *Watcher) work() {
	for {
		w.mu.Lock()
		if len(w.waiting) == 0 {
			w.busy, w.waiting = false, nil
			w.mu.Unlock()
			return
		}
		p := w.waiting[0]
		w.waiting[0] = proof{}
		w.waiting = w.waiting[1:]
		w.mu.Unlock()
		w.try(p)
	}
}

func (w *Watcher) try(p proof) {
	defer func() {
		if recover() != nil { // whatever the app gives out, it ends nothing
			w.log.Error("what the app gave out could not be tried", "where", p.where)
		}
	}()
	for _, f := range p.find(w.guess) {
		w.found(Finding{f.rule, p.where, f.why, w.now()})
	}
}

// guess tries the secrets that attackers try first.
func guess(try func(secret string) bool) bool {
	_, found := weak.Guess(try)
	return found
}

// guess tries those, and the operator's own.
func (w *Watcher) guess(try func(secret string) bool) bool {
	if guess(try) {
		return true
	}
	more := w.more.Load()
	return more != nil && slices.ContainsFunc(*more, try)
}

// Know has further secrets tried from now on.
func (w *Watcher) Know(secrets []string) {
	if w != nil {
		w.more.Store(&secrets)
	}
}

func (w *Watcher) found(f Finding) {
	w.mu.Lock()
	known := slices.ContainsFunc(w.findings, func(k Finding) bool { return k.Rule == f.Rule && k.Where == f.Where })
	if !known {
		w.findings = append(w.findings, f)
	}
	w.mu.Unlock()
	if !known {
		w.log.LogAttrs(context.Background(), slog.LevelWarn, "the app gives out what can be forged or never ends",
			slog.String("rule", string(f.Rule)), slog.String("where", f.Where), slog.String("why", f.Why))
	}
}

// Findings are what was found, in that order.
func (w *Watcher) Findings() []Finding {
	if w == nil {
		return nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.findings)
}

// due reports whether a place is to be tried again.
func (w *Watcher) due(where string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	at, known := w.tried[where]
	return known && !w.now().Before(at) || !known && len(w.tried) < maxPlaces
}

// give has something tried, if it is due and there is room.
func (w *Watcher) give(p proof) {
	w.mu.Lock()
	defer w.mu.Unlock()
	at, known := w.tried[p.where]
	if w.closed || known && w.now().Before(at) || !known && len(w.tried) >= maxPlaces || len(w.waiting) >= maxWaiting {
		return
	}
	w.tried[p.where] = w.now().Add(again)
	if w.waiting = append(w.waiting, p); !w.busy {
		w.busy = true
		w.trying.Go(w.work)
	}
}

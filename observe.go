// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package panoply

import (
	"net/http"
	"time"

	"github.com/panoply-security/panoply/problem"
)

// Observer is told what becomes of requests, for whoever counts. It is called while the
// request waits, by many at once, and keeps nothing of what it is given.
type Observer interface {
	// Decided is told of each decision by a rule: a request that is refused or an answer
	// that is replaced, or where reported one that would have been.
	Decided(r *http.Request, x *problem.Exchange, e *problem.Error, reported bool)
	// Answered is told when a request is over.
	Answered(r *http.Request, x *problem.Exchange, a Answer)
}

// Answer is what became of a request.
type Answer struct {
	Status int // 0 where it never had one
	// Added is how long it was with the suit and not with the handler: before the handler
	// is called, with the wait for a body that is judged whole, and after it returned.
	Added time.Duration
	Began time.Time
	Ended time.Time
}

// WithObserver has the suit tell o.
func WithObserver(o Observer) Option { return func(to *options) { to.observer = o } }

// tell tells the observer that the request is over.
func (p *pass) tell() {
	now := time.Now()
	added := now.Sub(p.began)
	switch {
	case p.asked.IsZero():
	case p.back.IsZero(): // the handler panicked
		added = p.asked.Sub(p.began)
	default:
		added -= p.back.Sub(p.asked)
	}
	p.suit.observer.Answered(p.r, p.x, Answer{Status: p.out.Status(), Added: added, Began: p.began, Ended: now})
}

// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package ratelimit

import (
	"net/http"

	"github.com/panoply-security/panoply/internal/respond"
	"github.com/panoply-security/panoply/problem"
	"github.com/panoply-security/panoply/route"
	"github.com/panoply-security/panoply/rule"
)

// Handler limits what reaches next. CORS preflights pass uncounted. A path that
// routers read in different ways is refused, for it could meet a limited route
// that no rule sees. Bodies are not read: a body field in a key counts by the
// client's address here, and a rule by account does not apply.
func (l *Limiter) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		key, err := route.KeyOf(r.URL)
		if err != nil {
			problem.Write(w, r, problem.Refuse(rule.RequestPath, "").Because(err))
			return
		}
		if preflight(r) {
			next.ServeHTTP(w, r)
			return
		}
		var room [8]int
		matches := l.routes.Match(r.Method, key, room[:0])
		if len(matches) == 0 {
			next.ServeHTTP(w, r)
			return
		}
		a := &attempt{limiter: l, request: r}
		a.decisions = a.room[:0]
		if !a.begin(matches) {
			l.SetHeaders(w.Header(), a.decisions)
			problem.Write(w, r, a.decisions[len(a.decisions)-1].Problem())
			return
		}
		a.out.Reset(w, a)
		defer a.end()
		next.ServeHTTP(&a.out, r)
		a.out.Finish()
		a.finished = true
	})
}

// preflight reports whether a browser asks for permission to send the request.
func preflight(r *http.Request) bool {
	return r.Method == http.MethodOptions && r.Header.Get("Origin") != "" && r.Header.Get("Access-Control-Request-Method") != ""
}

// attempt is one request on its way through Handler.
type attempt struct {
	limiter   *Limiter
	request   *http.Request
	decisions []Decision
	room      [2]Decision
	out       respond.Writer
	reading   []*Decision // whose answer must be read
	finished  bool
}

// begin asks all rules that apply, in their order, until one refuses.
func (a *attempt) begin(matches []int) (allowed bool) {
	var room [8]int
	client := a.limiter.client(a.request)
	if a.limiter.Exempt(client) {
		return true
	}
	for _, number := range a.limiter.Applies(matches, room[:0]) {
		if a.limiter.ByAccount(number) {
			continue
		}
		d := a.limiter.Begin(number, client, a.request, nil)
		a.decisions = append(a.decisions, d)
		if !d.Allowed {
			Unmake(a.decisions)
			return false
		}
	}
	return true
}

// end runs when the handler has returned or panicked.
func (a *attempt) end() {
	for i := range a.decisions {
		if !a.finished {
			a.decisions[i].Broken()
		}
		a.decisions[i].Close()
	}
}

// Header is called when the answer's status is known.
func (a *attempt) Header(status int, h http.Header) respond.Plan {
	if a.request.Context().Err() != nil {
		status = 0 // the client went away: whatever is said now is no success
	}
	a.reading = a.reading[:0]
	for i := range a.decisions {
		if a.decisions[i].Answered(status, h) {
			a.reading = append(a.reading, &a.decisions[i])
		}
	}
	if len(a.reading) > 0 {
		return respond.Plan{Hold: Peek}
	}
	a.limiter.SetHeaders(h, a.decisions)
	return respond.Plan{}
}

// Body judges what only the body tells. Nothing is replaced.
func (a *attempt) Body(status int, h http.Header, body []byte, _ bool) (int, []byte, bool) {
	for _, d := range a.reading {
		d.Read(body)
	}
	a.limiter.SetHeaders(h, a.decisions)
	return status, body, false
}

// Dropped is not called.
func (a *attempt) Dropped([]byte) {}

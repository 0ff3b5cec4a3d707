// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package cookies

import (
	"slices"
	"strings"
)

// sessionNames are whole names of cookies that stand for a signed-in user.
var sessionNames = []string{
	"connect.sid", "sid", "session", "sessionid", "token", "jwt", "auth", "authorization",
	"phpsessid", "jsessionid", "asp.net_sessionid", "cfid", "cftoken", "remember_me", "rememberme",
}

// sessionParts make any name with one of them a session's.
var sessionParts = []string{"sess", "login", "jwt"}

// sessionEnds make a name that ends in one of them a session's: access_token,
// refreshToken, app.sid.
var sessionEnds = []string{"token", ".sid", "_sid", "-sid", ".auth", "_auth", "-auth"}

// IsSession reports whether a cookie of this name is known to stand for a
// signed-in user, so that whoever steals it is that user.
func IsSession(name string) bool {
	name = plain(name)
	if isCSRF(name) {
		return false
	}
	in := func(part string) bool { return strings.Contains(name, part) }
	ends := func(end string) bool { return strings.HasSuffix(name, end) }
	return slices.Contains(sessionNames, name) || slices.ContainsFunc(sessionParts, in) || slices.ContainsFunc(sessionEnds, ends)
}

// IsCSRF reports whether a cookie of this name carries a token that the page's
// own scripts read and send back: XSRF-TOKEN, csrftoken, _csrf, csrf-token.
func IsCSRF(name string) bool { return isCSRF(plain(name)) }

func isCSRF(plain string) bool {
	return (strings.Contains(plain, "csrf") || strings.Contains(plain, "xsrf")) && !strings.Contains(plain, "sess")
}

// plain is the name in lower case and without the prefix that browsers know.
func plain(name string) string {
	switch {
	case isHost(name):
		name = name[len("__Host-"):]
	case isSecure(name):
		name = name[len("__Secure-"):]
	}
	return strings.ToLower(name)
}

// isHost and isSecure tell names that promise a browser something about the
// cookie: it came from this host alone, over TLS.
func isHost(name string) bool   { return hasPrefixFold(name, "__Host-") }
func isSecure(name string) bool { return hasPrefixFold(name, "__Secure-") }

func hasPrefixFold(s, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}

// matches reports whether the name is one of the patterns: a whole name, or a
// start with a star.
func matches(patterns []string, name string) bool {
	for _, p := range patterns {
		start, star := strings.CutSuffix(p, "*")
		if name == p || star && strings.HasPrefix(name, start) {
			return true
		}
	}
	return false
}

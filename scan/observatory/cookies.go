// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package observatory

import "strings"

// Cookie is a cookie that a browser holds.
type Cookie struct {
	Name             string
	Secure, HTTPOnly bool
	SameSite         string // strict, lax, none in any case, or empty
}

// severity orders the results about cookies from harmless to worst.
var severity = []string{
	"",
	"cookies-without-secure-flag-but-protected-by-hsts",
	"cookies-without-secure-flag",
	"cookies-session-without-secure-flag-but-protected-by-hsts",
	"cookies-samesite-flag-invalid",
	"cookies-anticsrf-without-samesite-flag",
	"cookies-session-without-httponly-flag",
	"cookies-session-without-secure-flag",
}

// cookies: the worst that any of them has.
func (g *grader) cookies() string {
	worst := 0
	found := func(code string) {
		for i := worst + 1; i < len(severity); i++ {
			if severity[i] == code {
				worst = i
			}
		}
	}
	for _, line := range g.Page.Header.Values("Set-Cookie") {
		if invalidSameSite(line) {
			found("cookies-samesite-flag-invalid")
		}
	}
	hsts := points[g.strictTransport()] >= 0
	held, allSameSite := 0, true
	for _, c := range g.Cookies {
		if c.Name == "" || c.Name == "heroku-session-affinity" { // the Observatory overlooks it
			continue
		}
		held++
		name, protected := strings.ToLower(c.Name), ""
		if hsts {
			protected = "-but-protected-by-hsts"
		}
		session := strings.Contains(name, "login") || strings.Contains(name, "sess")
		if !c.Secure {
			found("cookies-without-secure-flag" + protected)
			if strings.EqualFold(c.SameSite, "none") {
				found("cookies-samesite-flag-invalid")
			}
			if session {
				found("cookies-session-without-secure-flag" + protected)
			}
		}
		if c.SameSite == "" {
			allSameSite = false
			if strings.Contains(name, "csrf") {
				found("cookies-anticsrf-without-samesite-flag")
			}
		}
		if session && !c.HTTPOnly {
			found("cookies-session-without-httponly-flag")
		}
	}
	switch {
	case held == 0:
		return "cookies-not-found"
	case worst > 0:
		return severity[worst]
	case allSameSite:
		return "cookies-secure-with-httponly-sessions-and-samesite"
	}
	return "cookies-secure-with-httponly-sessions"
}

// invalidSameSite reports whether a Set-Cookie line has a SameSite that no browser
// knows.
func invalidSameSite(line string) bool {
	for part := range strings.SplitSeq(line[:min(len(line), maxHeader)], ";") {
		key, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		if !strings.EqualFold(strings.TrimSpace(key), "samesite") {
			continue
		}
		switch strings.ToLower(strings.TrimSpace(value)) {
		case "lax", "strict", "none":
		default:
			return true
		}
	}
	return false
}

// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package scan

import (
	"strings"
	"time"

	"github.com/panoply-security/panoply/internal/cookies"
	"github.com/panoply-security/panoply/rule"
	"github.com/panoply-security/panoply/scan/observatory"
)

const (
	maxCookies  = 40                 // of an answer
	longSession = 7 * 24 * time.Hour // more is worth a finding
	longToken   = 24 * time.Hour
)

// infrastructure are starts of names of cookies that balancers and counters set,
// which hold nothing of the app's.
var infrastructure = []string{"awsalb", "__cf", "cf_", "_ga", "_gid", "incap_", "visid_", "nlbi_", "bigip", "arraffinity", "heroku-session-affinity", "_hj", "_fbp", "datadome"}

func isInfrastructure(name string) bool {
	for _, start := range infrastructure {
		if strings.HasPrefix(strings.ToLower(name), start) {
			return true
		}
	}
	return false
}

// judgeCookies judges the cookies that an answer sets, each name once.
func (s *scan) judgeCookies(a answer) {
	lines := a.header.Values("Set-Cookie")
	for _, line := range lines[:min(len(lines), maxCookies)] {
		k, err := cookies.Parse(line)
		if k.Deletion(time.Now()) || k.Name != "" && isInfrastructure(k.Name) {
			continue
		}
		s.jar = append(s.jar, k)
		if s.cookies[k.Name] || len(s.cookies) > maxCookies {
			continue
		}
		s.cookies[k.Name] = true
		if err != nil {
			f := s.in(rule.SessionCookieMalformed, a, "", "Browsers refuse a cookie: %v", err)
			f.Location.Parameter = clip(k.Name, 100)
			s.report.Add(f)
			continue
		}
		s.judgeCookie(a, k)
		s.judgeSecrets(a, k)
	}
}

func (s *scan) judgeCookie(a answer, k cookies.Cookie) {
	session, csrf := cookies.IsSession(k.Name), cookies.IsCSRF(k.Name)
	secure := a.tls != nil
	add := func(id rule.ID, severity rule.Severity, message string) {
		f := s.in(id, a, "", "%s", message)
		f.Location.Parameter, f.Severity = clip(k.Name, 100), severity
		f.Evidence = append(f.Evidence, "Set-Cookie: "+shown(k))
		s.report.Add(f)
	}
	if secure && !k.Secure {
		if session {
			add(rule.SessionCookieSecure, rule.High, "The session's cookie is sent over plain HTTP too")
		} else {
			add(rule.SessionCookieSecure, rule.Info, "A cookie is sent over plain HTTP too")
		}
	}
	if strings.EqualFold(k.SameSite, "none") && !k.Secure && secure {
		add(rule.SessionCookieSameSite, rule.Medium, "Browsers refuse SameSite=None without Secure")
	} else if k.SameSite != "" && !k.SameSiteValid() {
		add(rule.SessionCookieSameSite, rule.Low, "No browser knows the cookie's SameSite")
	} else if session && k.SameSite == "" {
		add(rule.SessionCookieSameSite, rule.Medium, "The session's cookie goes along when another site sends its visitor here")
	}
	if !session || csrf {
		return
	}
	if !k.HTTPOnly {
		add(rule.SessionCookieHTTPOnly, rule.Medium, "Scripts in the page read the session's cookie")
	}
	if ends := k.Ends(time.Now()); !ends.IsZero() && time.Until(ends) > longSession {
		add(rule.SessionCookieLifetime, rule.Low, "The session's cookie lasts for more than a week")
	}
}

// shown is a cookie for evidence: its attributes, and nothing of its value.
func shown(k cookies.Cookie) string {
	out := clip(k.Name, 100) + "=***"
	if k.Path != "" {
		out += "; Path=" + clip(k.Path, 60)
	}
	if k.HasMaxAge {
		out += "; Max-Age=" + time.Duration(k.MaxAge*int64(time.Second)).String()
	}
	for _, flag := range []struct {
		set  bool
		name string
	}{{k.Secure, "Secure"}, {k.HTTPOnly, "HttpOnly"}, {k.SameSite != "", "SameSite=" + clip(k.SameSite, 20)}} {
		if flag.set {
			out += "; " + flag.name
		}
	}
	return out
}

// held are the cookies as the Observatory has them.
func (s *scan) held() []observatory.Cookie {
	var out []observatory.Cookie
	for _, k := range s.jar {
		o := observatory.Cookie{Name: k.Name, Secure: k.Secure, HTTPOnly: k.HTTPOnly}
		if k.SameSiteValid() {
			o.SameSite = k.SameSite
		}
		out = append(out, o)
	}
	return out
}

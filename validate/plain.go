// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package validate

import (
	"net/mail"
	"net/netip"
	"net/url"
	"strings"
	"time"
)

// plainFormats are quick looks at texts in the usual spelling of a format. One
// that a look does not take is left to the full check, so that a look may only
// take what that takes; a fuzz test holds it to that.
var plainFormats = map[string]func(string) bool{
	"email": plainEmail, "uuid": validUUID, "date": validDate, "date-time": plainDateTime, "uri": plainURL, "ipv4": plainIPv4,
}

// plainEmail takes dotted words of ASCII before a dotted host name.
func plainEmail(s string) bool {
	at := strings.IndexByte(s, '@')
	if at < 1 || at > 64 || len(s) > 254 {
		return false
	}
	word := false // in the local part; a dot stands between two
	for i := range at {
		switch {
		case emailBytes[s[i]]:
			word = true
		case s[i] == '.' && word:
			word = false
		default:
			return false
		}
	}
	host := s[at+1:]
	return word && strings.IndexByte(host, '.') > 0 && plainHost(host)
}

// plainHost takes labels of letters, digits and inner hyphens.
func plainHost(s string) bool {
	label := 0 // bytes of it so far
	for i := range len(s) {
		c := s[i]
		switch {
		case hostBytes[c]:
			label++
		case c == '-' && label > 0:
			label++
		case c == '.' && label > 0 && s[i-1] != '-':
			label = 0
		default:
			return false
		}
		if label > 63 {
			return false
		}
	}
	return label > 0 && len(s) <= 253 && s[len(s)-1] != '-'
}

func validUUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		switch i {
		case 8, 13, 18, 23:
			if s[i] != '-' {
				return false
			}
		default:
			if !hexBytes[s[i]] {
				return false
			}
		}
	}
	return true
}

func validDate(s string) bool {
	_, err := time.Parse(time.DateOnly, s)
	return err == nil
}

// plainDateTime takes RFC 3339 in capitals and without a leap second.
func plainDateTime(s string) bool {
	if len(s) < len("2006-01-02T15:04:05Z") || s[10] != 'T' || s[13] != ':' {
		return false // time.Parse takes an hour of one digit
	}
	if n := len(s); s[n-1] != 'Z' && (s[n-6:n-3] > "+23" && s[n-6] == '+' || s[n-6:n-3] > "-23" && s[n-6] == '-' || s[n-2:] > "59") {
		return false // and any offset
	}
	_, err := time.Parse(time.RFC3339, s)
	return err == nil && strings.IndexByte(s, ',') < 0
}

func plainIPv4(s string) bool {
	a, err := netip.ParseAddr(s)
	return err == nil && a.Is4()
}

// plainURL takes an absolute http or https URL of plain characters.
func plainURL(s string) bool {
	rest, ok := strings.CutPrefix(s, "https://")
	if !ok {
		if rest, ok = strings.CutPrefix(s, "http://"); !ok {
			return false
		}
	}
	end := strings.IndexAny(rest, "/?")
	if end < 0 {
		end = len(rest)
	}
	host, port, _ := strings.Cut(rest[:end], ":")
	if strings.Trim(port, digits) != "" {
		return false
	}
	for i := end; i < len(rest); i++ {
		if !urlBytes[rest[i]] {
			return false
		}
	}
	return plainHost(host)
}

// byteSet is a set of ASCII characters.
type byteSet [256]bool

func bytesOf(chars string) (s byteSet) {
	for i := range len(chars) {
		s[chars[i]] = true
	}
	return s
}

const (
	digits  = "0123456789"
	letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
)

var (
	hexBytes   = bytesOf(digits + "abcdefABCDEF")
	hostBytes  = bytesOf(digits + letters)
	emailBytes = bytesOf(digits + letters + "!#$%&'*+-/=?^_`{|}~")
	urlBytes   = bytesOf(digits + letters + "/?-._~=&+,;!$'()*@:")
)

// validEmail accepts one address as people write it: without a display name, and
// without the quotes and brackets that only attacks still use.
func validEmail(s string) bool { return plainEmail(s) || mailAddress(s) }

func mailAddress(s string) bool {
	if len(s) > 254 || strings.ContainsAny(s, "\"[]()<>\\, ") {
		return false
	}
	a, err := mail.ParseAddress(s)
	return err == nil && a.Name == "" && a.Address == s && strings.Contains(s[strings.LastIndexByte(s, '@')+1:], ".")
}

// validURL accepts what a link may lead to: an absolute http or https URL with a
// host and without a password, never javascript: or data:.
func validURL(s string) bool {
	if plainURL(s) {
		return true
	}
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != "" && u.User == nil
}

func validDateTime(s string) bool {
	var t time.Time
	return t.UnmarshalText([]byte(s)) == nil // stricter than time.Parse
}

// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package inspect

import (
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/panoply-security/panoply/problem"
	"github.com/panoply-security/panoply/rule"
)

// maxCookieJSON is how long the JSON cookies of a request may be together,
// decoded: Node takes no longer head.
const maxCookieJSON = 16 << 10

// ReadCookies shows the names of a request's cookies, and reads the JSON cookies,
// which cookie-parser turns into objects: `name=j:{…}`, signed or not, plain or
// percent-encoded. The values of others are strings in every parser and pass
// unread.
func ReadCookies(lines []string, visit Visitor) error {
	if len(lines) == 0 {
		return nil
	}
	flat := newPairs(Cookie, visit)
	defer flat.free()
	path := &flat.path
	left := maxCookieJSON
	for _, line := range lines {
		json := strings.Contains(line, "j:") || strings.Contains(line, "%")
		for more := true; more; {
			var pair string
			pair, line, more = strings.Cut(line, ";")
			name, value, ok := strings.Cut(pair, "=")
			if !ok {
				continue
			}
			name = strings.TrimSpace(latin1(name))
			path.push(name)
			if err := visit.Key(path); err != nil {
				return err
			}
			path.reset()
			if strings.IndexByte(name, '[') >= 0 { // PHP nests it, as in a form
				p := pairs{place: Cookie, visit: visit, path: Path{Place: Cookie}}
				if err := p.field(name, ""); err != nil {
					return err
				}
			}
			if !json {
				continue
			}
			text, ok := cookieJSON(value)
			if !ok {
				continue
			}
			if left -= len(text); left < 0 {
				return problem.Refuse(rule.RequestCookie, "The JSON cookies are too long.")
			}
			if err := readJSONLoose([]byte(text), Cookie, visit, nil); err != nil {
				return err
			}
		}
	}
	return nil
}

// cookieJSON is the JSON text in a cookie's value, found as cookie-parser and
// the cookie package below it find it.
func cookieJSON(value string) (text string, ok bool) {
	// Node takes the bytes of a header for ISO 8859-1. Read as UTF-8 instead, a
	// stray byte would make the value look undecodable when it is not.
	value = strings.TrimSpace(latin1(value))
	if strings.HasPrefix(value, `"`) && len(value) > 1 {
		_, last := utf8.DecodeLastRuneInString(value)
		value = value[1 : len(value)-last] // whatever stands at its end
	}
	// decodeURIComponent fails as a whole, and then the text is taken as it is.
	if decoded, err := url.PathUnescape(value); err == nil && utf8.ValidString(decoded) {
		value = decoded
	}
	if signed, ok := strings.CutPrefix(value, "s:"); ok {
		value = signed
		if dot := strings.LastIndexByte(value, '.'); dot >= 0 {
			value = value[:dot]
		}
	}
	return strings.CutPrefix(value, "j:")
}

// latin1 decodes ISO 8859-1.
func latin1(s string) string {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			runes := make([]rune, len(s))
			for i := range len(s) {
				runes[i] = rune(s[i])
			}
			return string(runes)
		}
	}
	return s
}

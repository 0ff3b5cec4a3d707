// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package token

import (
	"bytes"
	"net/http"
	"strings"
)

// Out replaces the app's tokens in the body of an answer, JSON or other text,
// and says how many. A token is replaced where it stands behind a name under
// which tokens are handed out ([ReissueConfig.Names]):
//
//	{"token": "eyJ…"}    var jwt = 'eyJ…'    ?access_token=eyJ…
//
// What has no token to replace is returned as it is, without a copy. Tokens of
// this Reissuer are left alone, and so is what is not one whole token of at most
// 8 KiB.
func (c *Crossing) Out(b []byte) (out []byte, n int) {
	return c.out(b, c.t.anywhere)
}

func (c *Crossing) out(b []byte, anywhere bool) (out []byte, n int) {
	done := 0
	for at := 0; ; {
		start, end, ok := find(b, at)
		if !ok {
			break
		}
		at = end
		token := b[start:end]
		if c.t.keyOf(token) != nil || !anywhere && !c.t.handsOut(nameBefore(b[:start])) {
			continue
		}
		if out == nil {
			out = make([]byte, 0, len(b)+512)
		}
		longer, ok := c.reissue(append(out, b[done:start]...), token)
		if !ok {
			continue
		}
		out, done, n = longer, end, n+1
	}
	if n == 0 {
		return b, 0
	}
	return append(out, b[done:]...), n
}

// reissue appends the token that leaves in place of the app's. One that came in, or has
// left already, leaves as the same.
func (c *Crossing) reissue(dst, token []byte) ([]byte, bool) {
	if ours, ok := c.outOf(token); ok {
		return append(dst, ours...), true
	}
	start := len(dst)
	dst, id, exp, ok := c.t.reissue(dst, token)
	if ok {
		c.remember(swapped{app: string(token), ours: string(dst[start:]), id: id, exp: exp})
	}
	return dst, ok
}

// OutHeader replaces the app's tokens in the headers of an answer, and says how
// many: in cookies and headers with a name under which tokens are handed out,
// and behind such a name in the URLs of Location and Refresh.
func (c *Crossing) OutHeader(h http.Header) (n int) {
	for name, values := range h {
		for i, v := range values {
			if !strings.Contains(v, "eyJ") || c.t.ignored(name) {
				continue
			}
			value, rest, anywhere := v, "", c.t.anywhere || c.t.handsOut(name)
			switch name {
			case "Set-Cookie":
				if end := strings.IndexByte(v, ';'); end >= 0 {
					value, rest = v[:end], v[end:]
				}
				cookie, _, _ := strings.Cut(value, "=")
				if c.t.ignored(cookie) {
					continue
				}
				anywhere = c.t.anywhere || c.t.handsOut(cookie)
			case "Location", "Refresh":
				anywhere = c.t.anywhere
			}
			if out, found := c.out([]byte(value), anywhere); found > 0 {
				values[i] = string(out) + rest
				n += found
			}
		}
	}
	return n
}

// handsOut reports whether tokens are handed out under the name.
func (t *Reissuer) handsOut(name string) bool {
	name = plainName(name)
	if t.names[name] {
		return true
	}
	name = strings.TrimPrefix(strings.TrimPrefix(name, "host"), "secure") // of __Host- and __Secure-
	switch name {
	case "auth", "authorization", "authentication", "access", "refresh", "bearer",
		"session", "sessionid", "sess", "sid", "credential", "credentials":
		return true
	}
	return strings.Contains(name, "token") || strings.Contains(name, "jwt")
}

// ignored reports whether the header or cookie is somebody else's.
func (t *Reissuer) ignored(name string) bool {
	return len(t.ignore) > 0 && t.ignore[plainName(name)]
}

// plainName is a name without what spellings differ in: accessToken,
// access_token and Access-Token are one.
func plainName(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r > 0x7f:
			return r
		}
		return -1
	}, s)
}

// nameBefore returns the name that the value after b belongs to: `"name": "`,
// `name=`, `name = '`, `setItem('name', "`, with a scheme such as Bearer before
// the value or not, quotes and signs escaped or not. It looks at 128 bytes.
func nameBefore(b []byte) string {
	b = b[max(0, len(b)-128):]
	b = trimScheme(b)
	b = trimAny(b, quotes)
	b = bytes.TrimRight(b, " \t\r\n")
	rest := trimAny(b, signs)
	if len(rest) == len(b) {
		return ""
	}
	b = bytes.TrimRight(rest, " \t\r\n")
	b = trimAny(b, quotes)
	start := len(b)
	for start > 0 && (wordByte[b[start-1]] || b[start-1] == '$') {
		start--
	}
	return string(b[start:])
}

var (
	quotes = []string{`\"`, `"`, `\'`, `'`, "`", "%22", "%27", "&quot;", "&#34;", "&#39;"}
	signs  = []string{":", "=", ",", "%3A", "%3a", "%3D", "%3d", "%2C", "%2c"}
)

// trimAny takes one of the ends off b.
func trimAny(b []byte, ends []string) []byte {
	for _, e := range ends {
		if bytes.HasSuffix(b, []byte(e)) {
			return b[:len(b)-len(e)]
		}
	}
	return b
}

// trimScheme takes the word Bearer, or another scheme of Authorization, off b.
func trimScheme(b []byte) []byte {
	rest := b
	for _, space := range []string{" ", "%20", "+"} {
		rest = trimAny(b, []string{space})
		if len(rest) < len(b) {
			break
		}
	}
	if len(rest) == len(b) {
		return b
	}
	for _, scheme := range []string{"bearer", "jwt", "token"} {
		if n := len(rest) - len(scheme); n >= 0 && strings.EqualFold(string(rest[n:]), scheme) {
			return rest[:n]
		}
	}
	return b
}

// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package leak

import (
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	maxText   = 16 << 10 // of what Mask reads
	maxMasked = 4 << 10  // of what it returns
	hidden    = "***"
)

// covers hide what is known by its own shape. One of the words has to be there.
var covers = []struct {
	words   []string
	pattern *regexp.Regexp
	text    string
}{
	// A key that was cut off has no end line.
	{[]string{"PRIVATE KEY"}, regexp.MustCompile(`-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----(?s:.*?)(?:-----END (?:[A-Z]+ )*PRIVATE KEY-----|$)`), "[private key]"},
	// To the last @: a password that was not encoded has any byte, and a path that
	// is hidden too does less harm.
	{[]string{"://", `:\/\/`}, regexp.MustCompile(`(:\\*/\\*/[^\s:/"'<>]*):[^\s"'<>]+@`), "$1:" + hidden + "@"},
	{[]string{"eyJ"}, regexp.MustCompile(`\beyJ[\w-]{4,}\.[\w-]+(?:\.[\w-]*)*`), "[jwt]"},
	{[]string{"earer ", "EARER ", "asic ", "igest ", "egotiate "}, regexp.MustCompile(`(?i)\b(bearer|basic|digest|negotiate) +[\w.~+/=-]{6,}`), "$1 " + hidden},
	{[]string{"ookie: ", "uthorization: "}, regexp.MustCompile(`(?i)\b((?:set-|proxy-)?(?:cookie|authorization): )[^"\r\n]+`), "$1" + hidden},
	{[]string{"AKIA", "gh", "sk_", "rk_", "xox"}, regexp.MustCompile(`\b(?:AKIA[0-9A-Z]{16}|gh[pos]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|[sr]k_(?:live|test)_\w{10,}|xox[abprs]-[\w-]{10,})`), "[key]"},
	{[]string{"$2", "$argon2", "$scrypt", "$pbkdf2"}, regexp.MustCompile(`\$(?:2[abxy]|argon2\w*|scrypt|pbkdf2[\w-]*)\$[\w$./,=+-]+`), "[password hash]"},
}

// Mask hides secrets in text meant for the log (passwords in URLs and in
// key=value or JSON form, bearer tokens, keys, long random strings), escapes
// what could forge a log line or fool a terminal, and clips it to 4 KiB.
func Mask(s string) string {
	cut := len(s) > maxText
	if cut {
		s = s[:maxText]
	}
	for _, c := range covers {
		if slices.ContainsFunc(c.words, func(w string) bool { return strings.Contains(s, w) }) {
			s = c.pattern.ReplaceAllString(s, c.text)
		}
	}
	s = escape(hideRandom(hideNamed(s)))
	if len(s) > maxMasked {
		n := maxMasked
		for n > 0 && !utf8.RuneStart(s[n]) {
			n--
		}
		return s[:n] + "…"
	}
	if cut {
		s += "…"
	}
	return s
}

// named is what stands between a name and the end of its value: ":"…", =…,
// => '…', in JSON within JSON and in HTML too. A string that was cut off ends
// with the text.
var named = regexp.MustCompile(`^((?:\\*["']|&quot;|&#39;)?[ \t]*(?:=>|=&gt;|[:=])[ \t]*)(?:\\+"(?:[^"\\]|\\+[^"\\])*(?:\\+"|$)|"(?:[^"\\]|\\.)*(?:"|$)|'(?:[^'\\]|\\.)*(?:'|$)|&quot;.*?(?:&quot;|$)|[^\s"'&,;<>\\{}\[\]()]+)`)

// hideNamed hides the values of names such as password and sessionToken.
func hideNamed(s string) string {
	var b strings.Builder
	done := 0
	for i := 0; i < len(s); {
		if !nameByte(s[i]) {
			i++
			continue
		}
		start := i
		for i < len(s) && nameByte(s[i]) {
			i++
		}
		if !secretName(s[start:i]) {
			continue
		}
		if m := named.FindStringSubmatchIndex(s[i:]); m != nil {
			b.WriteString(s[done : i+m[3]])
			b.WriteString(hidden)
			i += m[1]
			done = i
		}
	}
	if done == 0 {
		return s
	}
	b.WriteString(s[done:])
	return b.String()
}

func nameByte(c byte) bool {
	return c == '_' || c == '-' || c == '.' || alphanumeric(c)
}

func alphanumeric(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

var (
	secretParts = []string{"passw", "passphrase", "secret", "token", "credential", "authorization", "cookie", "session",
		"apikey", "api_key", "api-key", "accesskey", "access_key", "access-key", "privatekey", "private_key", "private-key"}
	secretWords = []string{"pass", "pwd", "sid", "jwt", "otp", "pin", "cvv", "ssn"}
)

// secretName reports whether a value of this name is a secret.
func secretName(name string) bool {
	name = strings.ToLower(name)
	if last := name[strings.LastIndexAny(name, "_-.")+1:]; slices.Contains(secretWords, last) {
		return true
	}
	return slices.ContainsFunc(secretParts, func(part string) bool { return strings.Contains(name, part) })
}

var hex = regexp.MustCompile(`[0-9a-fA-F]{32,}`)

// hideRandom hides long strings that can only be keys, hashes or tokens.
func hideRandom(s string) string {
	var b strings.Builder
	done := 0
	for i := 0; i < len(s); {
		if !base64Byte(s[i]) {
			i++
			continue
		}
		start := i
		for i < len(s) && base64Byte(s[i]) {
			i++
		}
		run := s[start:i]
		if len(run) < 32 {
			continue
		}
		masked := hex.ReplaceAllLiteralString(run, "[hex]")
		if masked == run && random(run) {
			masked = "[base64]"
			i += len(s[i:]) - len(strings.TrimLeft(s[i:], "="))
		}
		b.WriteString(s[done:start])
		b.WriteString(masked)
		done = i
	}
	if done == 0 {
		return s
	}
	b.WriteString(s[done:])
	return b.String()
}

func base64Byte(c byte) bool {
	return c == '+' || c == '/' || c == '_' || c == '-' || alphanumeric(c)
}

// random tells a random string from a long path or identifier: it has upper
// and lower case and digits, and hardly a slash.
func random(s string) bool {
	return len(s) >= 40 && strings.ContainsFunc(s, unicode.IsUpper) && strings.ContainsFunc(s, unicode.IsLower) &&
		strings.ContainsFunc(s, unicode.IsDigit) && strings.Count(s, "/")*16 <= len(s)
}

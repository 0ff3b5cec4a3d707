// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package inspect

import (
	"strings"
	"unicode/utf8"

	"github.com/panoply-security/panoply/rule"
)

// disposition reads a part's Content-Disposition: form-data with a name and
// perhaps a filename or filename*, each once. Two filenames must say the same,
// because busboy and Go believe filename*, multiparty and formidable filename.
func (p *Part) disposition(value string) error {
	kind, params, more := strings.Cut(value, ";")
	if !strings.EqualFold(strings.TrimRight(kind, " "), "form-data") {
		return refuseMultipart(rule.RequestMultipartDisposition, "A part's Content-Disposition is not form-data.")
	}
	if !more {
		return refuseMultipart(rule.RequestMultipartName, "A part has no name.")
	}
	var extended *string
	haveName := false
	for rest := ";" + params; rest != ""; {
		var q partParam
		var ok bool
		if q, rest, ok = cutPartParam(rest); !ok {
			return refuseMultipart(rule.RequestMultipartParameter, "A part's Content-Disposition is malformed.")
		}
		switch {
		case q.name == "name" && !haveName:
			haveName = true
			if err := p.setName(q.value); err != nil {
				return err
			}
		case q.name == "filename" && !p.named:
			p.named = true
			p.Filename = unescapeQuotes.Replace(q.value)
		case q.name == "filename*" && extended == nil:
			name, ok := extendedValue(q)
			if !ok {
				return refuseMultipart(rule.RequestMultipartFilename, "A part's filename* is malformed or not in UTF-8.")
			}
			extended = &name
		default:
			id := rule.RequestMultipartParameter
			if strings.Contains(q.name, "*") && extended == nil {
				id = rule.RequestMultipartContinuation
			}
			return refuseMultipart(id, "A part's Content-Disposition has a repeated or unknown parameter.")
		}
	}
	if extended != nil {
		if p.named && p.Filename != *extended {
			return refuseMultipart(rule.RequestMultipartFilename, "A part has two different filenames.")
		}
		p.named, p.Filename = true, *extended
	}
	return p.checkFilename()
}

// setName takes a field's name. A name that a parser would find a filename in,
// or unescape where others do not, is refused.
func (p *Part) setName(name string) error {
	lower := strings.ToLower(name)
	switch {
	case name == "":
		return refuseMultipart(rule.RequestMultipartName, "A part has no name.")
	case len(name) > maxName:
		return refuseMultipart(rule.RequestMultipartName, "A part's name is longer than 1024 bytes.")
	case strings.HasPrefix(name, string(utf8BOM)):
		// multer 1 and fetch's formData drop it.
		return refuseMultipart(rule.RequestMultipartName, "A part's name starts with a byte order mark.")
	case containsLineEnd(name), strings.Contains(name, "%22"):
		return refuseMultipart(rule.RequestMultipartName, "A part's name has an escaped quote or a line end in it.")
	case strings.Contains(lower, "filename=") || strings.Contains(lower, "filename*="):
		// formidable and multiparty look for it with a regular expression.
		return refuseMultipart(rule.RequestMultipartName, "A part's name has a filename in it.")
	}
	p.Name = name
	return nil
}

// checkFilename refuses a name that parsers would decode differently.
func (p *Part) checkFilename() error {
	switch name := p.Filename; {
	case strings.HasPrefix(name, string(utf8BOM)):
		// The same two drop it, and then a hidden file's name starts with its dot.
		return refuseMultipart(rule.RequestMultipartFilename, "A part's filename starts with a byte order mark.")
	case containsLineEnd(name):
		return refuseMultipart(rule.RequestMultipartFilename, "A part's filename has a line end in it.")
	case hasCharacterReference(name):
		// formidable and multiparty decode &#47; to a slash, others do not.
		return refuseMultipart(rule.RequestMultipartFilename, "A part's filename has a numeric character reference in it.")
	}
	return nil
}

// unescapeQuotes undoes what browsers write for a quote in a filename.
var unescapeQuotes = strings.NewReplacer("%22", `"`)

// containsLineEnd reports a line end, plain or as browsers escape it, which
// multer turns back into one. U+2028 and U+2029 count: the dot of the regular
// expressions that formidable parses with does not match them.
func containsLineEnd(s string) bool {
	if strings.ContainsAny(s, "\r\n\u2028\u2029") {
		return true
	}
	for i := 0; i+2 < len(s); i++ {
		if s[i] == '%' && s[i+1] == '0' && strings.IndexByte("aAdD", s[i+2]) >= 0 {
			return true
		}
	}
	return false
}

// hasCharacterReference reports &# and digits.
func hasCharacterReference(s string) bool {
	for {
		i := strings.Index(s, "&#")
		if i < 0 {
			return false
		}
		s = s[i+2:]
		if s != "" && '0' <= s[0] && s[0] <= '9' {
			return true
		}
	}
}

// extendedValue decodes filename*=UTF-8'language'percent-encoded (RFC 8187).
// What would come out as an escape or a control character is not accepted.
func extendedValue(q partParam) (string, bool) {
	charset, rest, ok := strings.Cut(q.value, "'")
	if !ok || q.quoted || !strings.EqualFold(charset, "utf-8") {
		return "", false
	}
	_, text, ok := strings.Cut(rest, "'")
	if !ok || strings.IndexByte(text, '\'') >= 0 {
		return "", false
	}
	out := make([]byte, 0, len(text))
	for i := 0; i < len(text); i++ {
		c := text[i]
		if c == '%' {
			if i+2 >= len(text) || unhex(text[i+1]) < 0 || unhex(text[i+2]) < 0 {
				return "", false
			}
			c = byte(unhex(text[i+1])<<4 | unhex(text[i+2]))
			i += 2
		}
		if c < ' ' || c == 0x7f || c == '\\' {
			return "", false
		}
		out = append(out, c)
	}
	for i := 0; i+2 < len(out); i++ {
		if out[i] == '%' && unhex(out[i+1]) >= 0 && unhex(out[i+2]) >= 0 {
			return "", false // busboy 0 undoes %5c once more, others do not
		}
	}
	return string(out), utf8.Valid(out)
}

func unhex(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

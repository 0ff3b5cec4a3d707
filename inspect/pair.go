// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package inspect

import (
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/panoply-security/panoply/problem"
	"github.com/panoply-security/panoply/rule"
)

// Pair is one parameter of a query or one field of a form, for a schema.
type Pair struct {
	// Parts is the decoded name, split at its brackets: user[mail] is user and
	// mail, tag[] is tag and "". A name whose brackets are not balanced is one
	// part, as it is.
	Parts []string
	Value string // decoded
	// From and To are where the pair stands in the raw text; 0 in a multipart
	// form. A pair that parsers end differently is given once for each reading,
	// with the same place.
	From, To int
}

// pairBytes is what a pair and each part of its name take in memory.
const (
	pairBytes = 96
	partBytes = 16
)

// keep notes one parameter for a schema, if one is there to ask.
func (p *pairs) keep(key, value string) error {
	if p.kept == nil {
		return nil
	}
	pair := Pair{Parts: splitName(key), Value: value, From: p.from, To: p.to}
	if p.reserve != nil {
		if err := p.reserve(int64(pairBytes + len(pair.Parts)*partBytes + len(key) + len(value))); err != nil {
			return err
		}
	}
	*p.kept = append(*p.kept, pair)
	return nil
}

// splitName splits a field's name at its brackets, as [Pair] has it.
func splitName(key string) []string {
	if parts, odd := bracketed(key, nil); !odd {
		return parts
	}
	return []string{key}
}

// ReadQueryPairs is [ReadQuery] for those who need the values too: at most 1000,
// in order.
func ReadQueryPairs(raw string, visit Visitor, texts Texts) ([]Pair, error) {
	var kept []Pair
	p := newPairs(Query, visit)
	defer p.free()
	p.kept, p.texts = &kept, texts
	if err := p.all(raw); err != nil {
		return nil, err
	}
	return kept, nil
}

// ReadCookieValues calls each with the name and the value of every cookie, both
// as cookie-parser has them: without surrounding white space and quotes, percent
// escapes undone. A cookie given twice is called for twice. Values that parsers
// read differently are refused where each asks for them by returning true: with a
// bad escape, a quote, a control character, text that is not UTF-8, or the mark of
// JSON that [ReadCookies] looks for.
func ReadCookieValues(lines []string, each func(name, value string) (wanted bool)) error {
	for _, line := range lines {
		for part := range strings.SplitSeq(line, ";") {
			name, value, ok := strings.Cut(part, "=")
			if !ok {
				continue
			}
			value = trimSpace(value)
			if len(value) > 1 && value[0] == '"' && value[len(value)-1] == '"' {
				value = value[1 : len(value)-1]
			}
			text, plain := decodeCookie(value)
			if each(strings.TrimSpace(latin1(name)), text) && !plain {
				return problem.Refuse(rule.RequestCookie, "A cookie has a value that parsers read differently.")
			}
		}
	}
	return nil
}

// DropPairs returns a raw query or form without the pairs for which drop reports
// true, and the pairs that stay. Their bytes are as they were. Of a pair that was
// given for more than one reading, one is enough to drop it.
func DropPairs(raw string, pairs []Pair, drop func(i int) bool) (string, []Pair) {
	var out strings.Builder
	var kept []Pair
	for i := 0; i < len(pairs); {
		end, gone := i, false
		for ; end < len(pairs) && pairs[end].From == pairs[i].From && pairs[end].To == pairs[i].To; end++ {
			gone = gone || drop(end)
		}
		if !gone {
			if out.Len() > 0 {
				out.WriteByte('&')
			}
			from := out.Len()
			out.WriteString(raw[pairs[i].From:pairs[i].To])
			for _, p := range pairs[i:end] {
				p.From, p.To = from, out.Len()
				kept = append(kept, p)
			}
		}
		i = end
	}
	return out.String(), kept
}

// decodeCookie undoes the percent escapes of a cookie's value, and reports
// whether there is one way to read it.
func decodeCookie(value string) (text string, plain bool) {
	text = value
	if strings.IndexByte(value, '%') >= 0 {
		decoded, err := url.PathUnescape(value)
		if err != nil {
			return value, false
		}
		text = decoded
	}
	_, isJSON := cookieJSON(value)
	return text, !isJSON && utf8.ValidString(text) && !strings.ContainsFunc(value, func(c rune) bool { return c < 0x20 || c == '"' || c >= 0x7f })
}

// fieldValue is the value of a multipart field. One with a type of its own is a
// file to some parsers, and may hold anything.
func fieldValue(part *Part) (string, error) {
	var value strings.Builder
	if _, err := part.WriteTo(&value); err != nil {
		return "", err
	}
	if !part.File && !utf8.ValidString(value.String()) {
		return "", refuseMultipart(rule.RequestMultipartText, "A field is not valid UTF-8.")
	}
	return value.String(), nil
}

// Keep adds a field that another reader found in the body, within the reading's
// budget: of a multipart form that is not buffered.
func (rd *Reading) Keep(name, value string) error {
	p := pairs{kept: &rd.Pairs, reserve: rd.reserve}
	return p.keep(name, value)
}

// DropPairs takes fields out of a form of the other type than multipart: out of
// its bytes, which r then sends on, and out of its pairs.
func (rd *Reading) DropPairs(r *http.Request, drop func(i int) bool) {
	raw, kept := DropPairs(string(rd.Data), rd.Pairs, drop)
	if len(kept) == len(rd.Pairs) {
		return
	}
	rd.Data, rd.Pairs = []byte(raw), kept
	Replace(r, rd.Data)
}

// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package token

import (
	"bytes"
	"encoding/json"
	"strings"
	"unicode/utf8"
)

// Two ways to see a token. find is exact: it sees what a library writes, and
// replaces it. lookalike is suspicious: it sees what any parser might read.

// find returns the next token-shaped text at or after from: eyJ, three runs of
// base64url characters with dots between, not part of a longer word. What the
// segments say is not looked at.
func find(b []byte, from int) (start, end int, ok bool) {
	for from < len(b) {
		i := bytes.Index(b[from:], []byte("eyJ"))
		if i < 0 {
			return 0, 0, false
		}
		start = from + i
		end, dots := start, 0
		for end < len(b) && (wordByte[b[end]] || b[end] == '.' && end+1 < len(b) && wordByte[b[end+1]] && dots < 3) {
			if b[end] == '.' {
				dots++
			}
			end++
		}
		// An empty signature: alg none. A dot that only ends a sentence does no harm
		// to a whole token.
		if dots == 1 && end < len(b) && b[end] == '.' {
			end, dots = end+1, 2
		}
		if dots == 2 && startsWord(b, start) && !(end < len(b) && strings.IndexByte("=+/~", b[end]) >= 0) {
			return start, end, true
		}
		from = max(end, start+3)
		for from < len(b) && (wordByte[b[from]] || b[from] == '.') {
			from++ // the rest of a longer dotted text, such as a JWE
		}
	}
	return 0, 0, false
}

// wordByte are the characters of base64url.
var wordByte = func() (set [256]bool) {
	for _, c := range "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_" {
		set[c] = true
	}
	return set
}()

// startsWord reports whether no word goes on into i. The end of an escape, as
// in %22 or \n, is no word.
func startsWord(b []byte, i int) bool {
	if i == 0 {
		return true
	}
	if b[i-1] == '.' {
		return false
	}
	if !wordByte[b[i-1]] {
		return true
	}
	ok := false
	switch {
	case i >= 2 && b[i-2] == '\\':
		ok = strings.IndexByte("nrtbf", b[i-1]) >= 0
	case i >= 3 && b[i-3] == '%':
		_, ok = hexRune(b[i-2:], 2)
	case i >= 6 && b[i-6] == '\\' && b[i-5] == 'u':
		_, ok = hexRune(b[i-4:], 4)
	}
	return ok
}

// decode takes a token apart that a library wrote: strict base64url, a header
// that is a JSON object with an alg, a signature unless that is none.
func decode(token []byte) (header, payload, sig []byte, ok bool) {
	if len(token) > MaxBytes {
		return nil, nil, nil, false
	}
	first, rest, ok1 := bytes.Cut(token, []byte("."))
	second, third, ok2 := bytes.Cut(rest, []byte("."))
	header, err1 := strict.AppendDecode(nil, first)
	payload, err2 := strict.AppendDecode(nil, second)
	sig, err3 := strict.AppendDecode(nil, third)
	if !ok1 || !ok2 || err1 != nil || err2 != nil || err3 != nil {
		return nil, nil, nil, false
	}
	var h struct {
		Alg *string `json:"alg"`
	}
	if json.Unmarshal(header, &h) != nil || h.Alg == nil || len(sig) == 0 && !strings.EqualFold(*h.Alg, "none") {
		return nil, nil, nil, false
	}
	return header, payload, sig, true
}

// lookalike reports whether some parser could read a token out of b: text
// before a first dot that decodes, by the loosest of decoders, to a JSON object
// with an alg, and a second dot behind it. Whatever is no base64 is passed over,
// as node's Buffer does, and the text may start behind any such byte. With
// quoted, a double quote ends every text, as in JSON.
func lookalike(b []byte, quoted bool) bool {
	stops := "."
	if quoted {
		stops = ".\""
	}
	for len(b) > 0 {
		end := bytes.IndexAny(b, stops)
		if end < 0 {
			return false
		}
		run, stop := b[:end], b[end]
		b = b[end+1:]
		if stop != '.' {
			continue
		}
		if next := bytes.IndexAny(b, stops); next >= 0 && b[next] == '.' && suspicious(run) {
			return true
		}
	}
	return false
}

// maxHeaders is how many places of a run are read to its end. No library writes more than
// one header into a run; whoever writes so many has the rest not read, but refused.
const maxHeaders = 8

// suspicious reports whether a header of a token starts anywhere in the run.
func suspicious(run []byte) bool {
	left := maxHeaders
	for i, c := range run {
		switch c {
		case 'e', 'I', 'C', 'D', '7': // the first six bits of {, of space and of a byte order mark
			if (i == 0 || !midWord[run[i-1]]) && looksLikeHeader(run[i:], &left) {
				return true
			}
		}
	}
	return false
}

// midWord are the bytes behind which no token starts.
var midWord = func() (set [256]bool) {
	set = wordByte
	set['-'], set['_'] = false, false
	return set
}()

func looksLikeHeader(run []byte, left *int) bool {
	var start [64]byte
	head := unspace(loose(start[:0], run, len(start)))
	inside, ok := bytes.CutPrefix(head, []byte("{"))
	inside = unspace(inside)
	if len(head) == 0 || ok && len(inside) == 0 {
		return len(run) > len(start) // nothing but space so far: no library writes that
	}
	if !ok || inside[0] != '"' {
		return false
	}
	if *left--; *left < 0 || len(run) > 2*MaxBytes {
		return true
	}
	text := unspace(loose(nil, run, len(run)))
	var h map[string]json.RawMessage
	if json.NewDecoder(bytes.NewReader(text)).Decode(&h) != nil {
		// Not quite JSON, for which some parser may be more forgiving; but all
		// must find the name.
		return bytes.Contains(bytes.ToLower(text), []byte("alg")) || bytes.IndexByte(text, '\\') >= 0
	}
	for name := range h {
		if strings.EqualFold(name, "alg") {
			return !encrypted(text)
		}
	}
	return false
}

// unspace takes off what may stand before a JSON text.
func unspace(b []byte) []byte {
	return bytes.TrimLeft(bytes.TrimPrefix(b, []byte("\xef\xbb\xbf")), " \t\r\n")
}

// encrypted reports whether a header is that of a JWE: no algorithm of a
// signature in any reading of it, so that no verifier of signatures takes it.
func encrypted(header []byte) bool {
	h, err := object(header)
	if err != nil || h.Text("enc") == "" {
		return false
	}
	for _, prefix := range []string{"dir", "RSA", "A128", "A192", "A256", "ECDH", "PBES2"} {
		if strings.HasPrefix(h.Text("alg"), prefix) {
			return true
		}
	}
	return false
}

// sextet is the value of a base64 character of either alphabet, or -1.
var sextet = func() (values [256]int8) {
	for i := range values {
		values[i] = -1
	}
	for i, c := range "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/" {
		values[c] = int8(i)
	}
	values['-'], values['_'] = values['+'], values['/']
	return values
}()

// loose decodes base64 of either alphabet and passes over everything else. It
// appends at most most bytes.
func loose(dst, b []byte, most int) []byte {
	var bits uint32
	n := 0
	for _, c := range b {
		v := sextet[c]
		if v < 0 {
			continue
		}
		bits, n = bits<<6|uint32(v), n+6
		if n >= 8 {
			if n -= 8; len(dst) == most {
				break
			}
			dst = append(dst, byte(bits>>n))
		}
	}
	return dst
}

// unescape undoes what the app will undo before it reads a token: percent
// escapes, or the backslash escapes of JSON and JavaScript. What comes out of an
// escape ends no text, so a double quote becomes a single one. It returns nil
// when there are none.
func unescape(b []byte, mark byte) []byte {
	at := bytes.IndexByte(b, mark)
	if at < 0 {
		return nil
	}
	out := append(make([]byte, 0, len(b)), b[:at]...)
	for i := at; i < len(b); i++ {
		if b[i] != mark {
			out = append(out, b[i])
			continue
		}
		digits, skip := b[i+1:], 1
		n := 2
		if mark == '\\' {
			digits, skip, n = b[min(i+2, len(b)):], 2, 0
			if i+1 < len(b) {
				n = map[byte]int{'u': 4, 'x': 2}[b[i+1]]
			}
		}
		r, ok := hexRune(digits, n)
		switch {
		case ok:
			i += skip + n - 1
		case mark == '\\' && i+1 < len(b):
			i++
			r = rune(b[i])
			if strings.IndexByte("nrtbf", b[i]) >= 0 {
				r = ' '
			}
		default:
			r = rune(mark)
		}
		if r == '"' {
			r = '\''
		}
		if mark == '%' || r < 0x80 {
			out = append(out, byte(r))
		} else {
			out = utf8.AppendRune(out, r)
		}
	}
	return out
}

// hexRune reads n hexadecimal digits.
func hexRune(b []byte, n int) (r rune, ok bool) {
	if n == 0 || len(b) < n {
		return 0, false
	}
	for _, c := range b[:n] {
		switch {
		case c >= '0' && c <= '9':
			r = r<<4 | rune(c-'0')
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			r = r<<4 | rune(c|0x20-'a'+10)
		default:
			return 0, false
		}
	}
	return r, true
}

// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package inspect_test

import (
	"bytes"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/panoply-security/panoply/inspect"
	"github.com/panoply-security/panoply/problem"
)

// tokens is what jsontext reads of a text: every value's kind and every string
// and name, and whether it is one JSON value, or the start of some.
func tokens(data []byte, o ...jsontext.Options) (seen []string, ok bool) {
	dec := jsontext.NewDecoder(bytes.NewBuffer(data), o...)
	for n := 0; ; {
		tok, err := dec.ReadToken()
		if err != nil {
			return seen, err == io.EOF && n == 1
		}
		kind, count := dec.StackIndex(dec.StackDepth())
		switch k := tok.Kind(); {
		case k == '"' && kind == '{' && count%2 == 1:
			seen = append(seen, "name "+tok.String())
		case k == '"':
			seen = append(seen, "string")
		case k == '}', k == ']':
		default:
			seen = append(seen, map[jsontext.Kind]string{'n': "null", 't': "boolean", 'f': "boolean", '0': "number", '{': "object", '[': "array"}[k])
		}
		if dec.StackDepth() == 0 {
			n++
		}
	}
}

// shown is the same from a reading.
type shown []string

func (s *shown) Key(p *inspect.Path) error {
	*s = append(*s, "name "+strings.Clone(p.Name()))
	return nil
}

func (s *shown) Value(_ *inspect.Path, k inspect.Kind) error {
	*s = append(*s, k.String())
	return nil
}

// bounded reports whether a refusal is about a bound that jsontext does not have.
func bounded(err error) bool {
	return slices.Contains([]string{
		"The JSON starts with a byte order mark.", "The JSON is nested too deeply.", "The JSON has a number that is too long, too large or too small.",
		"The JSON has a name that is too long.", "The JSON has a string that is too long.", "The JSON has an object with too many names.",
		"The JSON has too many values.",
	}, problem.As(err).Detail)
}

// The tokenizer takes what jsontext takes, and sees the same in it; of what
// nobody said that it is JSON, up to where jsontext gives up.
func FuzzJSONAgreesWithJSONText(f *testing.F) {
	for _, s := range []string{
		messy, operatorJSON, `{"a":1,"\u0061":2}`, `"\ud800"`, `[1e400,-0,1.50,1E+2,0.0e-1]`, bom + "{}", "{} {}", `"\ud83d\ude00"`, "[[", "nul", "\"\xff\"",
		`{"\ud83d\u0061":1,"\ude00\ud83d\ude00":"\"\\\/\b\f\n\r\t"}`, `[01]`, `[-]`, `[1.]`, `[1e]`, `[.5]`, `[truefalse]`, `{"a":1,}`, `[1,]`, `{"a" :1 , "b":[ ] }`,
		`{"a":1,"b":2,"c":3,"d":4,"e":5,"f":6,"g":7,"h":8,"i":9,"j":10,"a":11}`, `{"x":{"a":1,"b":2,"c":3,"d":4,"e":5,"f":6,"g":7,"h":8,"i":9,"j":10},"y":{"a":0},"x":1}`,
		"{\"\xff\":1,\"\xfe\":2}", "[\"\xed\xa0\x80\",\"\xc0\xa4\"]", "[\"a\x00b\"]", "[\"\u007f\u2028\"]", `{"a":tru`, `{"a"`, `["\u12`, `[]]`, `{"a":1]`, "[1\v]", " \f[]",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var got shown
		_, err := inspect.ReadBody(post("application/json", string(data)), inspect.Options{MaxBytes: 1 << 20, Visitor: &got})
		if len(data) > 0 && (err == nil || !bounded(err)) {
			want, ok := tokens(data)
			if ok != (err == nil) {
				t.Fatalf("%q: refused with %v; jsontext takes it: %v", data, err, ok)
			}
			if ok && !slices.Equal(got, want) {
				t.Fatalf("%q: shown %q, by jsontext %q", data, got, want)
			}
		}
		got = nil
		_, err = inspect.ReadBody(post("text/plain", string(data)), inspect.Options{MaxBytes: 1 << 20, Visitor: &got})
		if err != nil && !bounded(err) {
			t.Fatalf("%q as text: %v", data, err)
		}
		if rest := bytes.TrimLeft(bytes.TrimPrefix(data, []byte(bom)), " \t\r\n"); err != nil || len(rest) == 0 || rest[0] != '{' && rest[0] != '[' {
			return
		}
		want, _ := tokens(bytes.TrimPrefix(data, []byte(bom)), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
		if !slices.Equal(got, want) {
			t.Fatalf("%q as text: shown %q, by jsontext %q", data, got, want)
		}
	})
}

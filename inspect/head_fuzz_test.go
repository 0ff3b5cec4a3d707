// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package inspect_test

import (
	"mime"
	"net/http"
	"strings"
	"testing"

	"github.com/panoply-security/panoply/inspect"
)

// namesShown are the names that a visitor was shown.
type namesShown map[string]bool

func (n namesShown) Key(p *inspect.Path) error {
	n[strings.Clone(p.Name())] = true
	return nil
}

func (namesShown) Value(*inspect.Path, inspect.Kind) error { return nil }

// Reading cookies never fails but by a refusal, and shows a bounded number of names
// for each byte. Every name that net/http finds is shown.
func FuzzCookies(f *testing.F) {
	for _, s := range []string{"a=1; b=2", `a=j:{"$ne":1}`, "a=s%3Aj%3A%7B%7D.sig", `a="j:[1]"`, "$where=1", "=;;==", "a=j:{", "\xff=j:\xff", `a=s:j:"x"`, "__proto__=1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, line string) {
		var c count
		shown := namesShown{}
		err := inspect.ReadCookies([]string{line}, inspect.Visitors{&c, shown})
		if err != nil && ruleOf(err) == "" {
			t.Fatalf("%q: %v is no refusal", line, err)
		}
		if most := 2 * (len(line) + 1); c.names > most || c.values > most {
			t.Fatalf("%q: %d names and %d values are shown", line, c.names, c.values)
		}
		for pair := range strings.SplitSeq(line, ";") {
			r := http.Request{Header: http.Header{"Cookie": {pair}}}
			for _, cookie := range r.Cookies() {
				if err == nil && strings.Contains(pair, "=") && !shown[cookie.Name] {
					t.Fatalf("%q: the cookie %q is not shown", line, cookie.Name)
				}
			}
		}
	})
}

// What is accepted as a content type is the same type to package mime, with the same
// charset; what is refused is refused by a rule.
func FuzzMediaAgreesWithMime(f *testing.F) {
	for _, s := range []string{"application/json", "Application/JSON; charset=UTF-8", `text/plain; charset="utf-8"`, "application/json;;", "a/b; charset=utf-7",
		"application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain; a=multipart", "", "a/b; c=d; c=e", " a/b ", "a/b; charset=utf-8; x="} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, value string) {
		m, err := inspect.MediaOf(http.Header{"Content-Type": {value}})
		if err != nil {
			if ruleOf(err) == "" {
				t.Fatalf("%q: %v is no refusal", value, err)
			}
			return
		}
		if m.Form == inspect.Multipart {
			return // the multipart reader reads the rest
		}
		typ, params, err := mime.ParseMediaType(value)
		if typ != m.Type {
			t.Fatalf("%q is %q, to package mime %q", value, m.Type, typ)
		}
		if err == nil && strings.ToLower(params["charset"]) != m.Charset {
			t.Fatalf("%q has the charset %q, to package mime %q", value, m.Charset, params["charset"])
		}
	})
}

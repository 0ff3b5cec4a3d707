// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package inspect_test

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/panoply-security/panoply/inspect"
	"github.com/panoply-security/panoply/rule"
)

func spelled(raw string, pairs []inspect.Pair) string {
	var all []string
	for _, p := range pairs {
		all = append(all, fmt.Sprintf("%s=%s <%s>", strings.Join(p.Parts, "."), p.Value, raw[p.From:p.To]))
	}
	return strings.Join(all, " | ")
}

func TestPairsKnowWhereTheyStand(t *testing.T) {
	for _, tt := range []struct{ name, raw, want string }{
		{"plain", "a=1&b=2", "a=1 <a=1> | b=2 <b=2>"},
		{"empty-pairs", "&&a=1&&b&", "a=1 <a=1> | b= <b>"},
		{"decoded", "%61=%31+2", "a=1 2 <%61=%31+2>"},
		{"nested", "a[b][]=1&a%5Bc%5D=2", "a.b.=1 <a[b][]=1> | a.c=2 <a%5Bc%5D=2>"},
		{"unbalanced", "a[b=1&c]=2", "a[b=1 <a[b=1> | c]=2 <c]=2>"},
		{"ends-two-ways", "a[b=c]=1", "a[b=c]=1 <a[b=c]=1> | a.b=c=1 <a[b=c]=1>"},
		{"question-mark", "?a=1&b=2", "a=1 <?a=1> | ?a=1 <?a=1> | b=2 <b=2>"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			pairs, err := inspect.ReadQueryPairs(tt.raw, inspect.Visitors(nil), nil)
			if got := spelled(tt.raw, pairs); err != nil || got != tt.want {
				t.Errorf("got  %s, %v\nwant %s", got, err, tt.want)
			}
			r := httptest.NewRequest("POST", "/", strings.NewReader(tt.raw))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			rd, err := inspect.ReadBody(r, inspect.Options{MaxBytes: 100, Pairs: true})
			if got := spelled(tt.raw, rd.Pairs); err != nil || got != tt.want {
				t.Errorf("form: got  %s, %v\nwant %s", got, err, tt.want)
			}
		})
	}
}

func TestDroppedPairsLeaveTheOthersAsTheyWere(t *testing.T) {
	const raw = "a=%31&&b=2&c=3&b=4"
	pairs, err := inspect.ReadQueryPairs(raw, inspect.Visitors(nil), nil)
	if err != nil {
		t.Fatal(err)
	}
	left, kept := inspect.DropPairs(raw, pairs, func(i int) bool { return pairs[i].Parts[0] == "b" })
	if want := "a=1 <a=%31> | c=3 <c=3>"; left != "a=%31&c=3" || spelled(left, kept) != want {
		t.Errorf("got %q: %s; want %s", left, spelled(left, kept), want)
	}
}

// A form's pairs are paid for like a tree: a field of two bytes takes a hundred.
func TestPairsArePaidFor(t *testing.T) {
	budget := inspect.NewBudget(32 << 10)
	read := func(body string) error {
		r := httptest.NewRequest("POST", "/", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		rd, err := inspect.ReadBody(r, inspect.Options{MaxBytes: 8 << 10, Pairs: true, Budget: budget})
		if err == nil {
			rd.Close()
		}
		return err
	}
	many := strings.Repeat("&a", 900)
	refused(t, read(many), rule.RequestBusy)
	if err := read("a=1"); err != nil {
		t.Error(err)
	}
	rd, err := inspect.ReadBody(httptest.NewRequest("GET", "/", nil), inspect.Options{MaxBytes: 1, Budget: budget})
	if err != nil {
		t.Fatal(err)
	}
	refused(t, rd.Keep("a", strings.Repeat("x", 33<<10)), rule.RequestBusy)
}

func TestCookieValues(t *testing.T) {
	for line, want := range map[string]string{
		"a=1; b=2":          "a=1 b=2",
		`a="1"`:             "a=1",
		" a = 1 ;b":         "a=1",
		"a=%41%20b":         "a=A b",
		"a=1; a=2":          "a=1 a=2",
		"a=%zz":             "refused",
		"a=%ff":             "refused",
		`a="x"y`:            "refused",
		"a=\xe9":            "refused",
		"a=j:{}":            "refused",
		"a=s%3Aj%3A[1].sig": "refused",
		"a=s%3Ax.sig":       "a=s:x.sig",
		"\xa0a\x0b=1":       "a=1", // cookie trims the name as JavaScript does
	} {
		var all []string
		err := inspect.ReadCookieValues([]string{line}, func(name, value string) bool {
			all = append(all, name+"="+value)
			return true
		})
		if want == "refused" {
			refused(t, err, rule.RequestCookie)
		} else if got := strings.Join(all, " "); err != nil || got != want {
			t.Errorf("%q: got %q, %v; want %q", line, got, err, want)
		}
		// What nobody asks for is nobody's concern.
		if err := inspect.ReadCookieValues([]string{line}, func(string, string) bool { return false }); err != nil {
			t.Errorf("%q: %v", line, err)
		}
	}
}

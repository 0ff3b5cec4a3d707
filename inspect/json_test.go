// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package inspect_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/panoply-security/panoply/inspect"
	"github.com/panoply-security/panoply/problem"
	"github.com/panoply-security/panoply/rule"
)

func TestJSONIsReadInOneWay(t *testing.T) {
	nested := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	objects := func(n int) string { return strings.Repeat(`{"a":`, n) + "1" + strings.Repeat("}", n) }
	const (
		malformed = "The JSON is malformed."
		repeats   = "The JSON repeats a name."
		notUTF8   = "The JSON is not valid UTF-8."
		trailing  = "There is data after the JSON value."
		deep      = "The JSON is nested too deeply."
		number    = "The JSON has a number that is too long, too large or too small."
	)
	for _, c := range []struct{ name, body, detail string }{
		{"object", `{"a": [1, true, null, "x"]}`, ""},
		{"string", `"x"`, ""},
		{"null", ` null `, ""},
		{"white-space-around", "\r\n\t {} \n", ""},
		{"one-name-in-two-objects", `[{"a":1},{"a":{"a":2}}]`, ""},
		{"empty-name", `{"":1}`, ""},
		{"surrogate-pair", `"\ud83d\ude00"`, ""},

		{"repeated-name", `{"a":1,"a":2}`, repeats},
		{"repeated-when-unescaped", `{"a":1,"\u0061":2}`, repeats},
		{"repeated-far-apart", `{"a":1,"b":{"c":[{}]},"a":2}`, repeats},
		{"repeated-below", `[{"x":{"a":1,"a":2}}]`, repeats},
		{"repeated-empty-name", `{"":1,"":2}`, repeats},

		{"64-arrays", nested(64), ""},
		{"65-arrays", nested(65), deep},
		{"64-objects", objects(64), ""},
		{"65-objects", objects(65), deep},
		{"many-side-by-side", "[" + strings.Repeat("[[]],", 200) + "[]]", ""},

		{"byte-order-mark", "\xef\xbb\xbf{}", "The JSON starts with a byte order mark."},
		{"utf-16", "\xff\xfe{\x00}\x00", malformed},
		{"nul-behind", "{}\x00", trailing},
		{"second-value", `{} {}`, trailing},
		{"text-behind", `{}x`, trailing},
		{"bracket-behind", `{}]`, trailing},
		{"comma-behind", `{},`, trailing},

		{"invalid-utf-8", "{\"a\":\"\xff\"}", notUTF8},
		{"invalid-utf-8-in-a-name", "{\"\xc3\":1}", notUTF8},
		{"overlong-utf-8", "\"\xc0\xa4ne\"", notUTF8},
		{"utf-8-surrogate", "\"\xed\xa0\x80\"", notUTF8},
		{"lone-surrogate", `"\ud800"`, notUTF8},
		{"lone-low-surrogate", `"\ude00x"`, notUTF8},
		{"lone-surrogate-in-a-name", `{"\ud800":1}`, notUTF8},

		{"100-digits", strings.Repeat("9", 100), ""},
		{"101-digits", strings.Repeat("9", 101), number},
		{"101-digits-below", `{"a":[0.` + strings.Repeat("1", 99) + `]}`, number},
		{"largest-double", `1.7976931348623157e308`, ""},
		{"infinite", `1e309`, number},
		{"infinite-below", `{"a":-1E400}`, number},
		{"tiny", `1e-330`, ""},
		{"too-tiny", `1e-331`, number},
		{"huge-exponent", `1e999999999999999999999`, number},
		{"huge-exponent-of-zero", `0e999999`, number},
		{"spellings", `[-0, 1.50, 1E+2, 1e-7, 9007199254740993]`, ""},

		{"white-space-alone", "  ", malformed},
		{"cut", `{"a":`, malformed},
		{"comment", `{/*x*/}`, malformed},
		{"trailing-comma", `{"a":1,}`, malformed},
		{"single-quotes", `{'a':1}`, malformed},
		{"bare-name", `{a:1}`, malformed},
		{"leading-zero", `01`, trailing},
		{"leading-plus", `+1`, malformed},
		{"no-digit-in-front", `.5`, malformed},
		{"not-a-number", `NaN`, malformed},
		{"line-feed-in-a-string", "\"a\nb\"", malformed},
		{"bad-escape", `"\x41"`, malformed},
		{"mismatched", `[}`, malformed},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, tree := range []bool{false, true} {
				r := post("application/json", c.body)
				rd, err := inspect.ReadBody(r, inspect.Options{MaxBytes: 10_000, Tree: tree})
				if c.detail == "" {
					refused(t, err, "")
					arrived(t, r, c.body)
					if tree && rd.Tree == nil {
						t.Error("no tree")
					}
					continue
				}
				refused(t, err, rule.RequestJSON)
				e := problem.As(err)
				if e.Detail != c.detail || e.Code() != 400 {
					t.Errorf("status %d, detail %q; want 400, %q", e.Code(), e.Detail, c.detail)
				}
				if cause := e.Unwrap(); cause != nil && !strings.HasPrefix(cause.Error(), "at byte ") {
					t.Errorf("the cause %q says more than a place", cause)
				}
				if rd == nil || rd.Data != nil || rd.Tree != nil {
					t.Error("a refused reading gives data away")
				}
			}
		})
	}
}

func TestJSONIsShownInOrder(t *testing.T) {
	for _, c := range []struct{ name, body, want string }{
		{"scalar", `1`, "=number"},
		{"nested", `{"a":{"b":[1,{"c":null}]},"d":"x"}`, "=object /a /a=object /a/b /a/b=array /a/b/0=number /a/b/1=object /a/b/1/c /a/b/1/c=null /d /d=string"},
		{"arrays", `[[],[true,[]]]`, "=array /0=array /1=array /1/0=boolean /1/1=array"},
		{"unescaped-names", `{"\u0024ne":1,"a/b":2,"~":3}`, "=object /$ne /$ne=number /a~1b /a~1b=number /~0 /~0=number"},
		{"empty-object", `{"a":{}}`, "=object /a /a=object"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var s witness
			if _, err := read(post("application/json", c.body), &s); err != nil {
				t.Fatal(err)
			}
			if s.String() != c.want {
				t.Errorf("shown %s\nwant  %s", s.String(), c.want)
			}
		})
	}
}

func TestPointersStaySmall(t *testing.T) {
	var s witness
	long := strings.Repeat("é", 100)
	if _, err := read(post("application/json", `{"`+long+`":`+strings.Repeat("[", 40)+strings.Repeat("]", 40)+`}`), &s); err != nil {
		t.Fatal(err)
	}
	if want := "/" + strings.Repeat("é", 32) + "…" + strings.Repeat("/0", 15) + "/…=array"; s.log[len(s.log)-1] != want {
		t.Errorf("the last pointer is %q, want %q", s.log[len(s.log)-1], want)
	}
}

func TestJSONLines(t *testing.T) {
	for _, c := range []struct {
		name, typ, body string
		shows           bool // the name at the end
		rule            rule.ID
	}{
		{"lines", "application/x-ndjson", "{\"a\":1}\n{\"$ne\":2}\n", true, ""},
		{"concatenated", "application/jsonl", `{"a":1}{"$ne":2}`, true, ""},
		{"over-several-lines", "application/ndjson", "{\n\"a\":1\n}\n{\n\"$ne\":2}", true, ""},
		{"byte-order-mark", "application/x-ndjson", "\xef\xbb\xbf{\"$ne\":2}", true, ""},
		{"record-separators", "application/json-seq", "\x1e{\"a\":1}\n\x1e{\"$ne\":2}\n", true, ""},
		{"white-space", "application/x-ndjson", "\n\n", false, ""},
		{"one-name-in-two-lines", "application/x-ndjson", "{\"a\":1}\n{\"a\":2}", false, ""},
		{"malformed-line", "application/x-ndjson", "{\"a\":1}\n{nope}\n{\"$ne\":2}", false, rule.RequestJSON},
		{"cut-line", "application/x-ndjson", "{\"a\":1}\n{", false, rule.RequestJSON},
		{"repeated-name", "application/x-ndjson", "{\"a\":1}\n{\"a\":1,\"a\":2}", false, rule.RequestJSON},
		{"separator-elsewhere", "application/x-ndjson", "\x1e{}", false, rule.RequestJSON},
		{"too-deep", "application/x-ndjson", "1\n" + strings.Repeat("[", 65), false, rule.RequestJSON},
		{"large-number", "application/x-ndjson", "1\n1e999", false, rule.RequestJSON},
	} {
		t.Run(c.name, func(t *testing.T) {
			var s witness
			r := post(c.typ, c.body)
			_, err := read(r, &s)
			refused(t, err, c.rule)
			if s.shows("$ne") != c.shows {
				t.Errorf("shown %q; want $ne among it: %v", s.String(), c.shows)
			}
			if err == nil {
				arrived(t, r, c.body)
			}
		})
	}
}

func TestAVisitorEndsTheReading(t *testing.T) {
	for name, body := range map[string]string{
		"application/json": `{"a":1}`, "application/x-ndjson": `{"a":1}`, "text/plain": `{"a":1}`, "application/x-www-form-urlencoded": "a=1",
		"multipart/form-data; boundary=B": "--B\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--B--\r\n",
	} {
		t.Run(strings.ReplaceAll(name, "/", "-"), func(t *testing.T) {
			_, err := inspect.ReadBody(post(name, body), inspect.Options{MaxBytes: 1000, Visitor: stopper{}, Multipart: true})
			refused(t, err, rule.NoSQLOperator)
		})
	}
	refused(t, inspect.ReadQuery("a=1", stopper{}, nil), rule.NoSQLOperator)
	refused(t, inspect.ReadCookies([]string{`a=j:{"a":1}`}, stopper{}), rule.NoSQLOperator)
	refused(t, inspect.ReadQuery("a=1", inspect.Visitors{&witness{}, stopper{}}, nil), rule.NoSQLOperator)
}

// Each bound is met by one text and crossed by the next.
func TestJSONIsBounded(t *testing.T) {
	object := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, `,"%d":1`, i)
		}
		return "{" + b.String()[1:] + "}"
	}
	name := func(n int) string { return `{"` + strings.Repeat("n", n) + `":1}` }
	text := func(n int) string { return `["` + strings.Repeat("s", n-2) + `"]` }
	array := func(n int) string { return "[" + strings.Repeat("1,", n-2) + "1]" } // the array counts, too
	for _, c := range []struct{ name, body, detail string }{
		{"names-of-an-object", object(10_000), ""},
		{"one-name-more", object(10_001), "The JSON has an object with too many names."},
		{"names-of-several-objects", "[" + object(10_000) + "," + object(10_000) + "]", ""},
		{"repeated-among-many", "[" + object(9_000) + "," + strings.TrimSuffix(object(9_000), "}") + `,"4711":1}]`, "The JSON repeats a name."},
		{"repeated-behind-a-crowded-object", `{"a":` + object(100) + `,"b":` + object(100) + `,"a":1}`, "The JSON repeats a name."},
		{"many-names-inside-many", `{"a":` + object(100) + "," + object(100)[1:], ""},
		{"name", name(4 << 10), ""},
		{"longer-name", name(4<<10 + 1), "The JSON has a name that is too long."},
		{"string", text(16 << 20), ""},
		{"longer-string", text(16<<20 + 1), "The JSON has a string that is too long."},
		{"values", array(1_000_000), ""},
		{"one-value-more", array(1_000_001), "The JSON has too many values."},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := inspect.ReadBody(post("application/json", c.body), inspect.Options{MaxBytes: 32 << 20})
			if c.detail == "" {
				refused(t, err, "")
				return
			}
			refused(t, err, rule.RequestJSON)
			if e := problem.As(err); e.Detail != c.detail {
				t.Errorf("detail %q; want %q", e.Detail, c.detail)
			}
		})
	}
}

// A name of an object may stand in the one around it, however many there are.
func TestNamesOfOneObjectAreItsOwn(t *testing.T) {
	names := ""
	for i := range 300 {
		names += fmt.Sprintf(`"%d":1,`, i)
		_, err := inspect.ReadBody(post("application/json", "{"+names+`"in":{`+names+`"in":1}}`), inspect.Options{MaxBytes: 1 << 20})
		if err != nil {
			t.Fatalf("%d names inside %d: %v", i+2, i+2, err)
		}
	}
}

// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package conf

import (
	"fmt"
	"os"
	"reflect"
	"strings"
	"testing"
)

// refusedFiles are files with one thing wrong each, mostly in how they are
// written. testdata/refused.golden says what Decode reports.
var refusedFiles = []string{
	// What is not text.
	"\xff", "listen: \xc3(", "listen: \x00", "listen: a\rmode: off\n", "# hidden \u202e\n", "a\ufeffb: 1\n",
	"\tlisten: a\n", "listen:\n\t- a\n", "listen: \"a\tb\"\n", "# a\tcomment\n",
	// What would expand, or change how the rest is read.
	"listen: &x a\n", "listen: *x\n", "<<: {mode: off}\n", "listen: !!str 1\n", "listen: !x", "%YAML 1.2\n---\nmode: off\n",
	"? mode\n: off\n", "labels: {? a : b}\n",
	"mode: off\n---\nmode: off\n", "---\n---\n", "mode: off\n...\n",
	"a: &a [x]\nb: &b [*a, *a]\nc: &c [*b, *b]\n",
	// What is not a mapping.
	"- a\n", "text\n", "5\n", "null\n", "[]\n", "\"\"\n",
	// Brackets and quotes.
	"schema: [1, 2\n", "schema: {a: 1\n", "schema: ]\n", "schema: }\n", "schema: {a: b}}\n", "schema: {a: b} c\n", "schema: {, a: b}\n", "schema: [,]\n", "schema: [a,,b]\n",
	"schema: [a: b]\n", "schema: [- a]\n", "schema: [|\n a\n]\n", "labels: {a:b}\n", "schema: [?a]\n", "schema: {a: b]c}\n", "schema: {a: |\n b\n}\n", "schema: {a: 1,, b: 2}\n",
	"schema:\n[a]\n", "[a]: b\n", "{a: b}: c\n",
	"listen: \"a\n", "listen: 'a\n", "listen: 'a' b\n", "listen: \"a\" # ok\n\"b\n", "listen: \"\\q\"\n", "listen: \"\\xZZ\"\n", "listen: \"\\ud800\"\n", "listen: \"\\U00110000\"\n",
	"listen: \"a\n  b\"\n", "listen: 'a\n  b'\n",
	"listen: \"a\"#b\n", "schema:\n  a\n  : b\n", "\"a\"\n: b\n", "schema: 'a': b\n", "schema: [a] : b\n",
	// Plain text.
	"listen: a\n  b\n", "listen: a: b\n", "listen: a\n  mode: off\n", "listen: @a\n", "listen: `a`\n", "listen: ?\n", "listen: -\n", "listen: - a\n", "a::\n", ": a\n",
	// Indentation.
	"listen:\na\n", "listen:\n\"a\"\n", "rate_limits:\n store: a\n  rules: []\n", "rate_limits:\n  store: a\n rules: []\n", "uploads:\n- match: a\n max_files: 1\n",
	"uploads:\n  - match: a\n - match: b\n", "schema:\n-\na: b\n", "schema:\n- a\n  - b\n", "listen: a\n- b\n",
	// Blocks of text.
	"listen: |\nmode: off\n", "listen: |2\n   a\n", "listen: |+\n  a\n", "listen: >\n  a\n   b\n", "listen: |\n   a\n  b\n", "listen: | # why\n  a\n", "listen:\n|\n a\n", "|\n a\n", "? |\n a\n: b\n",
	// Values.
	"listen:\n", "tls:\n", "listen: ~\n", "headers: {x_frame_options: }\n", "trusted_proxies:\n", "trusted_proxies: [10.0.0.1]\n", "trusted_proxies:\n  -\n", "trusted_proxies: [null]\n",
	"cookies: {secure: null}\n", "cookies: {max_age: -1s}\n", "cookies: {max_age: 1.5h}\n", "cookies: {max_age: 106752d}\n", "cookies: {max_age: ''}\n", "cookies: {max_age: 99999999999999999999s}\n",
	"bodies: {max_bytes: -1}\n", "bodies: {max_bytes: 1.5MB}\n", "bodies: {max_bytes: 9000000000GB}\n", "bodies: {max_bytes: 99999999999999999999}\n", "bodies: {max_bytes: 1TB}\n",
	"small: 128\n", "small: 1e2\n", "small: 010\n", "small: 1_0\n", "small: 0x1\n", "small: +1\n", "score: .inf\n", "score: 1e999\n", "workers: -1\n", "workers: 70000\n",
	"schema: 0x10\n", "schema: 010\n", "schema: .nan\n", "schema: 1e999\n", "schema: 9223372036854775808\n", "schema: {a: 1, a: 1}\n", "schema: {a: 1, \"a\": 1}\n",
	"modes: {of: [a]}\n", "modes: [off]\n", "tree: {a: {below: {b: {blow: {}}}}}\n", "headers: {x_frame_options: {sections: 5}}\n",
	"mode: offf   \nlisten: 1  # why\n", "contentSecurityPolicy: 1\n", "trusted-proxies: []\n", "\"a b\": 1\n", strings.Repeat("x", 65) + ": 1\n",
}

func TestRefused(t *testing.T) {
	var b strings.Builder
	for _, src := range refusedFiles {
		_, err := Decode("f", []byte(src), new(policy))
		if err == nil {
			t.Errorf("%q is accepted", src)
		}
		fmt.Fprintf(&b, "%q\n\t%s\n", src, strings.ReplaceAll(fmt.Sprint(err), "\n", "\n\t"))
	}
	golden(t, "testdata/refused.golden", b.String())
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(name, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

func TestAccepted(t *testing.T) {
	type object = map[string]any
	type list = []any
	tests := []struct {
		name, src string
		want      object
	}{
		{"empty", "", nil},
		{"only-comments", "# a\n\n# b", nil},
		{"empty-mapping", "{}", object{}},
		{"document-start", "--- # why\na: b\n", object{"a": "b"}},
		{"byte-order-mark-and-crlf", "\ufeffa: b\r\nc: d\r\n", object{"a": "b", "c": "d"}},
		{"no-last-newline", "a: b", object{"a": "b"}},
		{"spaces-at-line-end", "a:   \n  b: c  \n  d: 'e' \n", object{"a": object{"b": "c", "d": "e"}}},
		{"comments", "a: b # c\n# d\ne: f#g\n  # h\ni:\n  # j\n  - k # l\n", object{"a": "b", "e": "f#g", "i": list{"k"}}},
		{"dashes-below-key", "a:\n- b\n- c:\n  - d\ne: f\n", object{"a": list{"b", object{"c": list{"d"}}}, "e": "f"}},
		{"lists-in-lists", "a:\n  - - b\n    - c\n  -\n    - d\n", object{"a": list{list{"b", "c"}, list{"d"}}}},
		{"value-on-next-line", "a:\n  b\nc:\n  [d]\n", object{"a": "b", "c": list{"d"}}},
		{"flow-over-lines", "a: [b,\n  {c: d,\n  e: f}, # g\n]\n", object{"a": list{"b", object{"c": "d", "e": "f"}}}},
		{"flow-like-json", `{"a":{"b":[1,-2.5e1,true,null,"c:d"]},"e":""}`, object{"a": object{"b": list{int64(1), -25.0, true, nil, "c:d"}}, "e": ""}},
		{"flow-null", "a: {b, c: }\n", object{"a": object{"b": nil, "c": nil}}},
		{"colons", "a: http://b:1/c\nd: ::1\n'e: f': g:h\n", object{"a": "http://b:1/c", "d": "::1", "e: f": "g:h"}},
		{"looks-like-text", "a: 1.2.3.4\nb: 1m\nc: 2024-01-02\nd: 12:30\ne: yes\nf: -x\n", object{"a": "1.2.3.4", "b": "1m", "c": "2024-01-02", "d": "12:30", "e": "yes", "f": "-x"}},
		{"scalars", "a: True\nb: ~\nc: 1.0\nd: -0\ne: 1e2\n", object{"a": true, "b": nil, "c": 1.0, "d": int64(0), "e": 100.0}},
		{"keys-are-text", "1: a\ntrue: b\nnull: c\n", object{"1": "a", "true": "b", "null": "c"}},
		{"escapes", `a: "\0\a\b\t\n\v\f\r\e\"\\\/\N\_\L\P\x41\u00e9\U0001F600"` + "\n", object{"a": "\x00\a\b\t\n\v\f\r\x1b\"\\/\u0085\u00a0\u2028\u2029Aé😀"}},
		{"single-quotes", "a: 'b''c\\n'\nd: ''\n", object{"a": `b'c\n`, "d": ""}},
		{"literal", "a: |\n  b\n    c\n\n  # d\ne: |-\n  f\n\n\ng:\n  - |\n   h\n", object{"a": "b\n  c\n\n# d\n", "e": "f", "g": list{"h\n"}}},
		{"folded", "a: >\n  b\n  c\n\n  d\n\n\n  e\nf: >-\n  g\n  h\n", object{"a": "b c\nd\n\ne\n", "f": "g h"}},
		{"block-like-yaml", "a: |\n  - b: [\n  \"c\n", object{"a": "- b: [\n\"c\n"}},
		{"columns-in-characters", "é: 'ü' # ö\nà: [ñ, {ç: ø}]\n", object{"é": "ü", "à": list{"ñ", object{"ç": "ø"}}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var got object
			_, err := Decode("f", []byte(test.src), &got)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, test.want) {
				t.Errorf("got %#v, want %#v", got, test.want)
			}
		})
	}
}

func TestBounds(t *testing.T) {
	levels := func(n int) string { // of mappings
		var b strings.Builder
		for i := range n {
			b.WriteString(strings.Repeat(" ", i) + "a:\n")
		}
		return b.String()
	}
	keys := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "k%d: v\n", i)
		}
		return b.String()
	}
	tests := []struct {
		name, src, want string
	}{
		{"bytes", "#" + strings.Repeat("x", maxBytes-1), ""},
		{"too-many-bytes", "#" + strings.Repeat("x", maxBytes), "f: the file is larger than 2097152 bytes"},
		{"tokens", "a:\n" + strings.Repeat("- b\n", 24_999), ""},
		{"too-many-tokens", "a:\n" + strings.Repeat("- b\n", 25_000), "f: the file has more than 50000 tokens"},
		{"levels", levels(maxDepth - 1), ""},
		{"too-many-levels", levels(maxDepth), "f:32:32: a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a: more than 32 levels deep"},
		{"far-too-many-levels", levels(1000), "f:65:66: more than 32 levels deep"},
		{"far-too-many-brackets", "a: " + strings.Repeat("[", 49_000), "f:1:67: more than 32 levels deep"},
		{"far-too-many-dashes", "a:\n" + strings.Repeat("- ", 49_000), "f:2:129: more than 32 levels deep"},
		{"keys", keys(maxKeys), ""},
		{"too-many-keys", keys(maxKeys + 1), "f:2001:6: more than 2000 keys in a mapping"},
		{"keys-in-brackets", "a: {" + strings.ReplaceAll(keys(100), "\n", ", ") + "}", ""},
		{"long-key", strings.Repeat("k", maxKey) + ": v", ""},
		{"too-long-key", strings.Repeat("k", maxKey+1) + ": v", "f:1:202: the key is longer than 200 bytes"},
		{"blank-lines", "a: b" + strings.Repeat("\n", maxBlank+1) + "c: d", ""},
		{"too-many-blank-lines", "a: b" + strings.Repeat("\n ", maxBlank+1) + "\nc: d", "f:102:1: more than 100 blank lines in a row"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := Decode("f", []byte(test.src), new(map[string]any))
			got := ""
			if err != nil {
				got = err.Error()
			}
			if got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestProblemsAreCapped(t *testing.T) {
	var src strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&src, "k%d: v\n", i)
	}
	_, err := Decode("f", []byte(src.String()), new(policy))
	problems := err.(Problems)
	if len(problems) != maxProblems+1 || problems[maxProblems].Error() != "f: 800 more problems are not listed" {
		t.Errorf("got %d problems, the last is %v", len(problems), problems[len(problems)-1])
	}
}

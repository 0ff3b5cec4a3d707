// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package ratelimit

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/collate"
	"golang.org/x/text/language"
	"golang.org/x/text/unicode/norm"
)

func TestFold(t *testing.T) {
	for _, tt := range []struct{ name, in, want string }{
		{"plain", "alice@x", "alice@x"},
		{"capitals", "Alice@X", "alice@x"},
		{"spaces", " alice @x\t\n", "alice@x"},
		{"controls", "al\x00ice\x7f@x\x1b", "alice@x"},
		{"no-break-space", "\u00a0alice@x\u3000", "alice@x"},
		{"byte-order-mark", "\ufeffalice@x", "alice@x"},
		{"zero-width", "al\u200bi\u200dce\u2060@x\u00ad", "alice@x"},
		{"direction-marks", "\u202ealice@x\u2069", "alice@x"},
		{"combining-mark", "a\u0301lice\u0308@x", "alice@x"},
		{"composed", "\u00e1lic\u00eb@x", "alice@x"},
		{"enclosing-mark", "alice\u20dd@x", "alice@x"},
		{"variation-selector", "alice\ufe0f@x", "alice@x"},
		{"hangul-filler", "\u3164alice@x\u115f", "alice@x"},
		{"tags", "alice\U000e0061@x", "alice@x"},
		{"full-width", "\uff41\uff2cice\uff20x", "alice@x"},
		{"mathematical", "\U0001d4d0lice@x", "alice@x"},
		{"circled", "\u24d0lice@x", "alice@x"},
		{"ligature", "\ufb01n@x", "fin@x"},
		{"sharp-s", "stra\u00dfe", "strase"},
		{"capital-sharp-s", "STRA\u1e9eE", "strase"},
		{"dotless-i", "al\u0131ce", "alice"},
		{"dotted-capital-i", "AL\u0130CE", "alice"},
		{"kelvin", "\u212aate", "kate"},
		{"long-s", "\u017fam", "sam"},
		{"final-sigma", "\u03bf\u03b4\u03bf\u03c2", "\u03bf\u03b4\u03bf\u03c3"},
		{"stroke", "pau\u0142\u00f8@x", "paulo@x"},
		{"combining-letter", "p\u0363ul", "paul"},
		{"ae-in-one", "c\u00e6sar \u0152", "caesaroe"},
		{"digits-of-other-scripts", "\u0661\u096b\uff19\U0001d7da", "1592"},
		{"negative-circled", "\u2776\U0001f170", "1a"},
		{"doubled-s", "Jess\u00dfs", "jes"},
		{"place-of-sajdah", "al\u06de\u06deice", "alice"},
		{"ignored-since-unicode-7", "al\U00011445\u1cf7i\U00011302ce", "alice"},
		{"unassigned-in-older-tables", "al\u1ac1ice", "alice"},
		{"letters-since-unicode-7", "\ua79bl\ua79dr", "alor"},
		{"combining-letters-since-unicode-7", "a\u1de8f\u1deb", "abff"},
		{"greek-acrophonic-digits", "\U000102e1\u09f5", "12"},
		{"apostrophes", "o\u2019brien o'brien", "obrienobrien"},
		{"signs", "al\u00a9ice\U0001f389", "alice"},
		{"other-scripts-stay", "\u65e5\u672c\u0438", "\u65e5\u672c\u0438"},
		{"telephone", "+49 (170) 12", "4917012"},
		{"telephone-in-other-ways", "00-49/170.12", "4917012"},
		{"subaddress", "Alice+News@Shop.example", "alice@shop.example"},
		{"subaddress-in-full-width", "alice\uff0b1@x", "alice@x"},
		{"nothing-before-the-plus", "+1@x", "+1@x"},
		{"dots-of-gmail", "a.l.ice+1@googlemail.com", "alice@gmail.com"},
		{"dots-of-others", "a.lice@x", "a.lice@x"},
		{"dash-of-yahoo", "alice-1@yahoo.co.uk", "alice@yahoo.co.uk"},
		{"dash-of-others", "anna-maria@x", "anna-maria@x"},
		{"yandex", "alice@yandex.com", "alice@ya.ru"},
		{"two-at-signs", "a@b+c@d", "a@b@d"},
		{"zeros", strings.Repeat("0", 900) + "123", "123"},
		{"zero", "000", "0"},
		{"fraction", "123.00", "123"},
		{"sign", "+123", "123"},
		{"exponent", "1.23e2", "123"},
		{"hexadecimal", "0x7B", "123"},
		{"binary", "0b1111011", "123"},
		{"telephone-with-a-dot", "555.1234", "5551234"},
		{"long-number", "012345678901234567890", "12345678901234567890"},
		{"object-id", "507f1f77bcf86cd799439011", "507f1f77bcf86cd799439011"},
		{"looks-like-an-exponent", "1e999", "1e999"},
		{"number-first", "7eleven", "7eleven"},
		{"no-digits", "--", "--"},
		{"nothing", " \u200b", ""},
		{"padded", strings.Repeat("\u200b", 200) + strings.Repeat(" ", 200) + "Alice@x", "alice@x"},
		{"padded-beyond-the-bound", strings.Repeat("\u200b", 5000) + "Alice@x", tooLong},
		{"long", strings.Repeat("A", maxAccount), strings.Repeat("a", maxAccount)},
		{"too-long", strings.Repeat("a", maxAccount+1), tooLong},
		{"too-long-when-decomposed", strings.Repeat("\ufdfa", 300), tooLong},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := fold(tt.in); got != tt.want {
				t.Errorf("got %+q; want %+q", got, tt.want)
			}
		})
	}
}

// Folding what is folded changes nothing, and marks, case and spaces never tell
// two accounts apart.
func FuzzFold(f *testing.F) {
	for _, s := range []string{"Alice@x", "stra\u00dfe \u0131\u0130", "\ufdfa\ufb01", "\u0345\u1fb3\u03c2", "\xff\xc0", "\u13a0\uab70", "\u0142\u00e6\u0663\u2776"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got := fold(text)
		if again := fold(got); again != got {
			t.Errorf("%+q becomes %+q, and that %+q", text, got, again)
		}
		if len(got) > maxAccount || !utf8.ValidString(got) {
			t.Errorf("%+q becomes %d bytes, or no UTF-8", text, len(got))
		}
		if len(text) > maxAccount/32 || strings.ContainsRune(norm.NFKD.String(text), 0x345) || !utf8.ValidString(text) {
			return
		}
		for name, other := range map[string]string{
			"mark": "\ufeff" + text + "\u0301", "capitals": strings.ToUpper(text), "small": strings.ToLower(text),
		} {
			if fold(other) != got {
				t.Errorf("%s: %+q becomes %+q, and %+q %+q", name, text, got, other, fold(other))
			}
		}
	})
}

// What a database takes for ASCII by the primary weights of the root collation
// counts as that.
func TestFoldKnowsTheRootCollation(t *testing.T) {
	c, buf := collate.New(language.Und, collate.Loose), &collate.Buffer{}
	weights := func(s string) string {
		buf.Reset()
		return string(c.KeyFromString(buf, s))
	}
	as := map[string]string{weights(""): ""}
	for _, set := range []string{"abcdefghijklmnopqrstuvwxyz", "0123456789"} {
		for _, a := range set {
			as[weights(string(a))] = string(a)
			for _, b := range set {
				as[weights(string([]rune{a, b}))] = string([]rune{a, b})
			}
		}
	}
	met := 0
	for r := rune(0x80); r < 0x20000; r++ {
		if !unicode.IsPrint(r) {
			continue
		}
		if want, ok := as[weights(string(r))]; ok {
			met++
			if got, want := fold(string(r)), singleS(want); got != want {
				t.Errorf("%U %c: got %+q; want %q", r, r, got, want)
			}
		}
	}
	if met < 3000 {
		t.Errorf("only %d characters were compared", met)
	}
}

func BenchmarkFold(b *testing.B) {
	for name, text := range map[string]string{
		"plain": "alice@shop.example", "accent": "\u00e1lice@shop.example", "invisible": strings.Repeat("\u200b", 340), "worst": strings.Repeat("\ufdfa", 340), "wide": strings.Repeat("\u65e5", 340),
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				fold(text)
			}
		})
	}
}

func TestFoldOfPlainTextDoesNotAllocate(t *testing.T) {
	if n := testing.AllocsPerRun(100, func() { fold("alice@shop.example") }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package printable

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestLine(t *testing.T) {
	for _, tt := range []struct{ name, in, want string }{
		{"plain", `Zürich "x" <b> \n`, `Zürich "x" <b> \n`},
		{"colour", "\x1b[31mred", `\u001b[31mred`},
		{"c1-csi", "\u009b2J", `\u009b2J`},
		{"lines", "a\r\nb\tc", `a\r\nb\tc`},
		{"bidi", "gpj\u202eexe", `gpj\u202eexe`},
		{"zero-width", "a\u200bb", `a\u200bb`},
		{"separators", "a\u2028b\u00a0c", `a\u2028b\u00a0c`},
		{"not-utf8", "a\xffb", `a\xffb`},
		{"tag-characters", "a\U000e0041b", `a\udb40\udc41b`},
		{"emoji", "🛡", "🛡"},
		{"github-command", "::error::x", `\u003a:error::x`},
		{"github-command-further-in", "  ::error::x", `  \u003a:error::x`},
		{"loopback", "::1", "::1"},
		{"in-the-middle", "std::string", "std::string"},
		{"old-command", "a ##[error]x", `a #\u0023[error]x`},
		{"many", "###", `#\u0023#`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := Line(tt.in); got != tt.want {
				t.Errorf("got %s; want %s", got, tt.want)
			}
		})
	}
}

func TestLines(t *testing.T) {
	got := Lines("a\n\tb\x07\r\nc")
	if want := []string{"a", `  b\u0007`, "c"}; !slices.Equal(got, want) {
		t.Errorf("got %q; want %q", got, want)
	}
}

func FuzzPrintable(f *testing.F) {
	f.Add("\x1b]0;title\x07 \u202e <script> \U000e0041 \xff")
	f.Fuzz(func(t *testing.T, s string) {
		line := Line(s)
		if strings.ContainsFunc(line, acts) || !utf8.ValidString(line) {
			t.Errorf("%q: a line that acts", line)
		}
		if again := Line(line); again != line {
			t.Errorf("%q became %q the second time", line, again)
		}
		text, err := json.MarshalIndent(map[string]string{"s": s}, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		safe := JSON(text)
		if strings.Contains(line+string(safe), "##") {
			t.Errorf("%q is a command", s)
		}
		for _, r := range string(safe) {
			if r != '\n' && acts(r) || r == '<' {
				t.Errorf("%q acts", safe)
			}
		}
		var back map[string]string
		if err := json.Unmarshal(safe, &back); err != nil || back["s"] != strings.ToValidUTF8(s, "\ufffd") && utf8.ValidString(s) {
			t.Errorf("%q came back as %q: %v", s, back["s"], err)
		}
	})
}

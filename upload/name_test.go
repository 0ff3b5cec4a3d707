// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package upload

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestSafeName(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"ordinary", "photo.png", "photo.png"},
		{"spaces", "my photo (1).png", "my photo (1).png"},
		{"unicode", "画像.png", "画像.png"},
		{"decomposed", "e\u0301.png", "é.png"},
		{"path", "../../etc/passwd", "passwd"},
		{"windows-path", `C:\Users\x\a.png`, "a.png"},
		{"only-path", "a/b/", "file"},
		{"empty", "", "file"},
		{"dots", "...", "file"},
		{"hidden", ".htaccess", "htaccess"},
		{"trailing", "a.png. .", "a.png"},
		{"control", "a\x00\r\n\u0085b.png", "ab.png"},
		{"line-separator", "a\u2028b.png", "ab.png"},
		{"no-break-space", "a\u00a0b.png", "a b.png"},
		{"bidi", "a\u202egnp.exe", "agnp.exe"},
		{"zero-width", "a\u200b\ufeff.png", "a.png"},
		{"markup", `<script>"x".html`, "_script__x_.html"},
		{"wildcards", "a*?|:b.png", "a____b.png"},
		{"device", "CON.png", "_CON.png"},
		{"device-alone", "nul", "_nul"},
		{"not-utf-8", "a\xff.png", "a.png"},
		{"long", strings.Repeat("a", 300) + ".png", strings.Repeat("a", 251) + ".png"},
		{"long-in-characters", strings.Repeat("ä", 200) + ".png", strings.Repeat("ä", 125) + ".png"},
		{"long-extension", "a." + strings.Repeat("b", 300), "a." + strings.Repeat("b", 253)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := SafeName(tt.in); got != tt.want {
				t.Errorf("got %q; want %q", got, tt.want)
			}
		})
	}
}

func FuzzNames(f *testing.F) {
	for _, s := range []string{"a.png", "a.php.png", "a.php::$DATA", ".htaccess", "a\u202e.png", "con", "a.php%00.png", "a.asp;.png", strings.Repeat("ä.", 200)} {
		f.Add(s)
	}
	l := &inspector(f, Config{}).types
	f.Fuzz(func(t *testing.T, name string) {
		safe := SafeName(name)
		if safe == "" || len(safe) > maxNameBytes || !utf8.ValidString(safe) || strings.ContainsAny(safe, "/\\<>:\"|?*\x00\r\n") || safe[0] == '.' {
			t.Fatalf("SafeName(%q) = %q", name, safe)
		}
		if again := SafeName(safe); again != safe {
			t.Fatalf("SafeName(%q) = %q, and again %q", name, safe, again)
		}
		if why := badName(safe, parseName(safe)); why != "" && !strings.Contains(safe, "%00") {
			t.Fatalf("SafeName(%q) = %q: %s", name, safe, why)
		}
		// Nothing put before or behind makes a dangerous name harmless.
		if !utf8.ValidString(name) || parseName(name).dangerous(l) == "" {
			return
		}
		for _, other := range []string{"x." + name, name + ".", name + " "} {
			if parseName(other).dangerous(l) == "" && !dangerousNames[strings.ToLower(name)] {
				t.Fatalf("%q is dangerous, %q is not", name, other)
			}
		}
	})
}

// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package validate

import (
	"math/rand/v2"
	"strings"
	"testing"
)

var formatSeeds = map[string][]string{
	"email":     {"a@b.example", "first.last+tag@sub.shop.example", "a..b@c.example", ".a@b.example", "a.@b.example", "a@-b.example", "a@b-.example", "a@b..example", "a@b.example.", "a@1.2"},
	"uuid":      {"123e4567-e89b-42d3-a456-426614174000", "123E4567-E89B-42D3-A456-426614174000", "123e4567-e89b-42d3-a456-42661417400"},
	"date":      {"2024-02-29", "2023-02-29", "0000-01-01", "2024-2-9", "2024-13-01", "10000-01-01"},
	"date-time": {"2026-11-27T10:00:00Z", "2026-11-27T10:00:00.5+01:00", "2026-11-27T23:59:60Z", "2026-11-27T1:00:00Z", "2026-11-27T10:00:00,5Z", "2026-11-27T10:00:00+24:00", "2026-11-27T10:00:00-23:60", "2026-11-27T10:00:00.Z"},
	"uri":       {"https://shop.example/a?b=c", "http://shop.example:8080", "http://a:/b", "http://a:x", "https://a.b/%zz", "https://-a.example", "http://1.2.3.4?x", "https://a..b"},
	"ipv4":      {"192.0.2.1", "192.0.2.256", "01.2.3.4", "1.2.3", "1.2.3.4.5", "+1.2.3.4"},
}

var libraryFormats = func() map[string]*format {
	all := map[string]*format{}
	for name := range plainFormats {
		all[name], _ = libraryFormat(name)
	}
	return all
}()

// holdToLibrary holds a quick look to the library's check: what it takes, that must
// take, and it must not be blind to the usual spelling.
func holdToLibrary(t *testing.T, name, text string) (taken bool) {
	t.Helper()
	f := libraryFormats[name]
	if taken = plainFormats[name](text); taken && f.Validate(text) != nil {
		t.Errorf("%s: %q is taken; the library says %v", name, text, f.Validate(text))
	}
	if name == "email" && taken && !mailAddress(text) {
		t.Errorf("email: %q is taken; net/mail does not read it", text)
	}
	return taken
}

func TestQuickLooksTakeNoMoreThanTheLibrary(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for name, seeds := range formatSeeds {
		if !holdToLibrary(t, name, seeds[0]) {
			t.Errorf("%s: the usual %q is not taken at once", name, seeds[0])
		}
		taken := 0
		for range 20_000 {
			text := []byte(seeds[r.IntN(len(seeds))])
			for range r.IntN(3) {
				const chars = "019aZ.-_:+@/%?T z,\\\x00é"
				switch at := r.IntN(len(text) + 1); {
				case at == len(text):
					text = append(text, chars[r.IntN(len(chars))])
				case r.IntN(3) == 0:
					text = append(text[:at], text[at+1:]...)
				default:
					text[at] = chars[r.IntN(len(chars))]
				}
			}
			if holdToLibrary(t, name, string(text)) {
				taken++
			}
		}
		if taken < 1000 || taken > 19_000 {
			t.Errorf("%s: %d of 20000 texts are taken; the comparison says little", name, taken)
		}
	}
	holdToLibrary(t, "email", strings.Repeat("a", 64)+"@"+strings.Repeat("a", 63)+".example")
	holdToLibrary(t, "email", strings.Repeat("a", 65)+"@b.example")
	holdToLibrary(t, "email", "a@"+strings.Repeat("a", 64)+".example")
	holdToLibrary(t, "uri", "https://"+strings.Repeat("a", 64)+".example")
}

func FuzzQuickLooksTakeNoMoreThanTheLibrary(f *testing.F) {
	for _, seeds := range formatSeeds {
		for _, s := range seeds {
			f.Add(s)
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		for name := range plainFormats {
			holdToLibrary(t, name, text)
		}
	})
}

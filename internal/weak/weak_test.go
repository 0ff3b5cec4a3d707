// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package weak

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"strings"
	"testing"
)

func TestCheckRefuses(t *testing.T) {
	tests := []struct{ name, secret, says string }{
		{"empty", "", "is empty"},
		{"the-article", "keyboard-cat", "guessable"},
		{"the-article-jwt", "secret123", "guessable"},
		{"known", "keyboard cat", "guessable"},
		{"known-case", "KEYBOARD CAT", "guessable"},
		{"known-separators", "keyboard.cat", "guessable"},
		{"known-suffix", "keyboardcat2024!", "guessable"},
		{"known-leet", "k3yb04rdc4t", "guessable"},
		{"known-leet-l", "p1ea5e-change-me", "guessable"},
		{"known-reversed", "terces", "guessable"},
		{"known-repeated", strings.Repeat("secret", 20), "guessable"},
		{"known-repeated-cut", strings.Repeat("secret", 20)[:70], "guessable"},
		{"phrase", "this-is-my-super-secret-jwt-key-for-my-blog-app-2024", "guessable"},
		{"phrase-run-together", "thisismyverylongsecretkeyforsigningtokens", "guessable"},
		{"phrase-camel", "MySuperSecretKeyForJwtAuthentication123456789", "guessable"},
		{"long-enough-in-words-only", "your-super-secret-jwt-token-with-at-least-32-characters-long", "guessable"},
		{"known-random-looking", "09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7", "guessable"},
		{"known-random-looking-case", "404e635266556a586e3272357538782f413f4428472b4b6250645367566b5970", "guessable"},
		{"base64-of-known", base64.StdEncoding.EncodeToString([]byte("this is my super secret key")), "guessable"},
		{"hex-of-known", hex.EncodeToString([]byte("change this in production")), "guessable"},
		{"sequence", "abcdefghijklmnopqrstuvwxyz1234567890", "guessable"},
		{"digits", "12345678901234567890123456789012", "guessable"},
		{"counting-bytes", string(counting(32)), "guessable"},
		{"one-byte", strings.Repeat("x", 64), "is 64 bytes long, but repeats after 1"},
		{"zero-bytes", string(make([]byte, 64)), "repeats after 1"},
		{"short-random", "kX9mQ2vLp", "is 9 bytes long"},
		{"almost", "vq8Zr2Lx0WmTn5Kc7Hs1Yb4Jd9Gf3PeA"[:31], "is 31 bytes long"},
		{"repeats", strings.Repeat("vq8Zr2Lx0W", 8), "repeats after 10"},
		{"few-bytes", "abacabbcadbbcdaccbdabdcadcabbadcbcadbdacbdcbadcd", "has only 4 different bytes"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := Check([]byte(tt.secret))
			if err == nil {
				t.Fatalf("Check(%q) = nil; want a fault", tt.secret)
			}
			if got := err.Error(); !strings.Contains(got, tt.says) || !strings.Contains(got, "openssl rand -base64 48") {
				t.Errorf("Check(%q) = %q; want %q and the command", tt.secret, got, tt.says)
			}
			if len(tt.secret) > 8 && strings.Contains(err.Error(), tt.secret) {
				t.Errorf("the fault shows the secret: %q", err)
			}
		})
	}
}

func counting(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i)
	}
	return b
}

// Random secrets in every usual spelling pass; a thousand of each, because the
// word list must not hit them by chance.
func TestCheckAcceptsRandom(t *testing.T) {
	spell := map[string]func() []byte{
		"raw-32":         func() []byte { return random(32) },
		"hex-16-bytes":   func() []byte { return []byte(hex.EncodeToString(random(16))) },
		"hex-32-bytes":   func() []byte { return []byte(hex.EncodeToString(random(32))) },
		"base64-openssl": func() []byte { return []byte(base64.StdEncoding.EncodeToString(random(48))) },
		"base64url-32":   func() []byte { return []byte(base64.RawURLEncoding.EncodeToString(random(32))) },
		"rand-text":      func() []byte { return []byte(rand.Text() + rand.Text()) },
		"prefixed":       func() []byte { return []byte("my-app-secret-key:" + hex.EncodeToString(random(16))) },
	}
	for name, make := range spell {
		t.Run(name, func(t *testing.T) {
			for range 1000 {
				s := make()
				if err := Check(s); err != nil {
					t.Fatalf("Check(%q) = %v; want nil", s, err)
				}
			}
		})
	}
}

func random(n int) []byte {
	b := make([]byte, n)
	rand.Read(b)
	return b
}

// What Guess finds, Check must refuse: the two share their knowledge.
func TestCheckRefusesEveryGuess(t *testing.T) {
	n, passed := 0, 0
	Guess(func(c string) bool {
		if n++; n%23 == 0 && Check([]byte(c)) == nil {
			passed++
			t.Logf("Check(%q) = nil", c)
		}
		return passed > 10
	})
	if passed > 0 {
		t.Errorf("%d guesses pass Check", passed)
	}
	if n < 150_000 || n > 170_000 {
		t.Errorf("the walk has %d candidates; the docs say about 160,000", n)
	}
}

func TestGuess(t *testing.T) {
	for _, secret := range []string{
		"keyboard cat", "keyboard-cat", "secret", "secret123", "Secret123", "SECRET", "your-256-bit-secret", "shhhhh", "changeme",
		"jwt_secret", "mysecretkey", "supersecret", "password1", "Password123!", "p455w0rd", "terces", "secretsecretsecret",
		"KEYBOARD_CAT", "mySuperSecret", "MY_JWT_SECRET", "api.token", "dragon2024",
	} {
		t.Run(strings.ReplaceAll(strings.ToLower(secret), " ", "-"), func(t *testing.T) {
			got, ok := Guess(func(c string) bool { return c == secret })
			if !ok || got != secret {
				t.Errorf("Guess for %q = %q, %v", secret, got, ok)
			}
		})
	}
	t.Run("unknown", func(t *testing.T) {
		if got, ok := Guess(func(c string) bool { return c == "vq8Zr2Lx0WmTn5Kc7Hs1Yb4Jd9Gf3PeA" }); ok || got != "" {
			t.Errorf("Guess = %q, %v; want none", got, ok)
		}
	})
}

func TestListsAreClean(t *testing.T) {
	for name, text := range map[string]string{"secrets": secretsText, "passwords": passwordsText} {
		seen := map[string]bool{}
		for _, s := range lines(text) {
			if seen[s] || s != strings.TrimSpace(s) {
				t.Errorf("%s: %q is there twice or has space around it", name, s)
			}
			seen[s] = true
		}
		if len(seen) < 200 {
			t.Errorf("%s has only %d entries", name, len(seen))
		}
	}
}

func FuzzCheck(f *testing.F) {
	f.Add([]byte("secret123"))
	f.Add([]byte("vq8Zr2Lx0WmTn5Kc7Hs1Yb4Jd9Gf3PeA"))
	f.Fuzz(func(t *testing.T, secret []byte) {
		err := Check(secret)
		if len(secret) < MinBytes && err == nil {
			t.Errorf("Check passed %d bytes", len(secret))
		}
		// Saying the same twice adds nothing.
		if twice := append(append([]byte{}, secret...), secret...); len(twice) <= 2048 && err != nil && len(secret) < MinBytes && Check(twice) == nil {
			t.Errorf("%q is refused and passes when doubled", secret)
		}
	})
}

func BenchmarkCheck(b *testing.B) {
	secret := []byte("vq8Zr2Lx0WmTn5Kc7Hs1Yb4Jd9Gf3PeAvq8Zr2Lx0WmTn5K")
	for b.Loop() {
		if Check(secret) != nil {
			b.Fatal("refused")
		}
	}
}

// One token against the whole walk, as a background check would do it.
func BenchmarkGuessHS256(b *testing.B) {
	b.ReportAllocs()
	text := []byte("eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpZCI6NDJ9")
	want := random(32)
	for b.Loop() {
		n := 0
		Guess(func(c string) bool {
			n++
			mac := hmac.New(sha256.New, []byte(c))
			mac.Write(text)
			return hmac.Equal(mac.Sum(nil), want)
		})
		b.ReportMetric(float64(n), "candidates")
	}
}

func TestCommon(t *testing.T) {
	for password, want := range map[string]bool{"123456": true, "sunshine1": true, "SunShine1": true, "trustno1": true, "correct horse": false, "": false, "# Copyright": false} {
		if got := Common(password); got != want {
			t.Errorf("Common(%q) = %v", password, got)
		}
	}
}

// Common passwords strung together make no secret.
func TestCheckKnowsCommonPasswords(t *testing.T) {
	for _, s := range []string{"iloveyousunshinebaseballdragon12", "trustno1-starwars-mustang-corvette-1", "PatriciaLiverpoolManchesterCorvette"} {
		if Check([]byte(s)) == nil {
			t.Errorf("%s passes", s)
		}
	}
}

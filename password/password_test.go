// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package password

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"golang.org/x/crypto/bcrypt"

	"github.com/panoply-security/panoply/problem"
)

func hasher(t testing.TB, cfg Config) *Hasher {
	t.Helper()
	h, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// cheap is bcrypt at its least cost, below what New allows, so that tests are
// quick.
func cheap(t testing.TB) *Hasher {
	h := hasher(t, Config{Algorithm: "bcrypt"})
	h.params = params{bcryptCost: bcrypt.MinCost}
	h.decoy = h.params.decoy()
	return h
}

func verify(t *testing.T, h *Hasher, encoded, password string) (bool, string) {
	t.Helper()
	ok, upgrade, err := h.Verify(t.Context(), encoded, password)
	if err != nil {
		t.Fatalf("Verify(%q, %q): %v", encoded, password, err)
	}
	return ok, upgrade
}

func TestHashAndVerify(t *testing.T) {
	for name, h := range map[string]*Hasher{"argon2id": hasher(t, Config{}), "bcrypt": cheap(t)} {
		t.Run(name, func(t *testing.T) {
			const pw = "correct horse ∞"
			one, err := h.Hash(t.Context(), pw)
			if err != nil {
				t.Fatal(err)
			}
			two, _ := h.Hash(t.Context(), pw)
			if one == two {
				t.Error("two hashes of one password are equal: no salt")
			}
			if ok, upgrade := verify(t, h, one, pw); !ok || upgrade != "" {
				t.Errorf("right password: %v, upgrade %q", ok, upgrade)
			}
			for _, wrong := range []string{"", "correct horse", pw + " ", strings.ToUpper(pw), pw + "\x00"} {
				if ok, upgrade := verify(t, h, one, wrong); ok || upgrade != "" {
					t.Errorf("wrong password %q: %v, upgrade %q", wrong, ok, upgrade)
				}
			}
		})
	}
}

func TestPHCString(t *testing.T) {
	s, err := hasher(t, Config{}).Hash(t.Context(), "correct horse")
	if err != nil || !strings.HasPrefix(s, "$argon2id$v=19$m=19456,t=2,p=1$") || len(s) != len("$argon2id$v=19$m=19456,t=2,p=1$")+22+1+43 {
		t.Errorf("Hash = %q, %v", s, err)
	}
}

// Hashes that other software made: the argon2 command, node's bcrypt, PHP.
func TestVerifyForeign(t *testing.T) {
	h := hasher(t, Config{})
	tests := []struct{ name, encoded, password string }{
		{"argon2-reference", "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4", "password"},
		{"argon2-reference-lanes", "$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc", "password"},
		{"bcrypt-2a", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "U*U"},
		{"bcrypt-2b", "$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "U*U"},
		{"bcrypt-2y", "$2y$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "U*U"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ok, upgrade := verify(t, h, tt.encoded, tt.password)
			if !ok || !strings.HasPrefix(upgrade, "$argon2id$v=19$m=19456,t=2,p=1$") {
				t.Fatalf("Verify = %v, upgrade %q; want a match and an upgrade", ok, upgrade)
			}
			if ok, again := verify(t, h, upgrade, tt.password); !ok || again != "" {
				t.Errorf("the upgrade: %v, upgrade %q", ok, again)
			}
			if ok, upgrade := verify(t, h, tt.encoded, tt.password+"x"); ok || upgrade != "" {
				t.Errorf("wrong password: %v, upgrade %q", ok, upgrade)
			}
		})
	}
}

func TestUpgradeOnlyWhenWeaker(t *testing.T) {
	strong := hasher(t, Config{MemoryKiB: 24 << 10, Iterations: 3})
	usual := hasher(t, Config{})
	cheap, dearer := cheap(t), cheap(t)
	dearer.params.bcryptCost++
	made := func(h *Hasher) string {
		s, err := h.Hash(t.Context(), "correct horse")
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	tests := []struct {
		name    string
		stored  string
		by      *Hasher
		upgrade string // prefix; empty for none
	}{
		{"same", made(usual), usual, ""},
		{"stronger-stays", made(strong), usual, ""},
		{"weaker-rises", made(usual), strong, "$argon2id$v=19$m=24576,t=3"},
		{"bcrypt-to-argon2id", made(cheap), usual, "$argon2id$"},
		{"argon2id-to-bcrypt", made(usual), cheap, "$2a$04$"},
		{"bcrypt-cost-rises", made(cheap), dearer, "$2a$05$"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ok, upgrade := verify(t, tt.by, tt.stored, "correct horse")
			if !ok || (upgrade == "") != (tt.upgrade == "") || !strings.HasPrefix(upgrade, tt.upgrade) {
				t.Errorf("Verify = %v, upgrade %q; want upgrade %q", ok, upgrade, tt.upgrade)
			}
		})
	}
}

func TestBcryptNeverTruncates(t *testing.T) {
	h := cheap(t)
	long := strings.Repeat("a", 73)
	if s, err := h.Hash(t.Context(), long); !errors.Is(err, ErrBcrypt) || s != "" {
		t.Errorf("Hash of 73 bytes = %q, %v; want ErrBcrypt", s, err)
	}
	if _, err := h.Hash(t.Context(), strings.Repeat("é", 37)); !errors.Is(err, ErrBcrypt) {
		t.Errorf("Hash of 37 characters in 74 bytes: %v; want ErrBcrypt", err)
	}
	stored, err := h.Hash(t.Context(), long[:72])
	if err != nil {
		t.Fatal(err)
	}
	if ok, _ := verify(t, h, stored, long[:72]); !ok {
		t.Error("72 bytes do not match themselves")
	}
	for _, by := range []*Hasher{h, hasher(t, Config{})} {
		if ok, upgrade := verify(t, by, stored, long); ok || upgrade != "" {
			t.Errorf("73 bytes match a hash of the first 72: %v, %q", ok, upgrade)
		}
	}
	// A long password is no reason to keep an argon2id user out, nor to lose
	// him in an upgrade to bcrypt.
	a, err := hasher(t, Config{}).Hash(t.Context(), long)
	if err != nil {
		t.Fatal(err)
	}
	if ok, upgrade := verify(t, h, a, long); !ok || upgrade != "" {
		t.Errorf("Verify = %v, upgrade %q; want a match without upgrade", ok, upgrade)
	}
}

func TestPasswordsRefused(t *testing.T) {
	h := hasher(t, Config{})
	tests := []struct {
		name, password string
		want           error
	}{
		{"short", "1234567", ErrLength},
		{"seven-wide", strings.Repeat("é", 7), ErrLength},
		{"long", strings.Repeat("x", 129), ErrLength},
		{"nul", "correct\x00horse", ErrText},
		{"not-utf8", "correct\xffhorse", ErrText},
		{"least", "horse-18", nil},
		{"most", strings.Repeat("é", 128), nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := h.Hash(t.Context(), tt.password); !errors.Is(err, tt.want) {
				t.Errorf("Hash: %v; want %v", err, tt.want)
			}
		})
	}
	if e := problem.As(ErrLength); e.Code() != 400 {
		t.Errorf("ErrLength is answered with %d", e.Code())
	}
}

func TestUnknownUserDoesTheWork(t *testing.T) {
	for name, h := range map[string]*Hasher{"argon2id": hasher(t, Config{}), "bcrypt": cheap(t)} {
		t.Run(name, func(t *testing.T) {
			if ok, upgrade := verify(t, h, "", "correct horse"); ok || upgrade != "" {
				t.Errorf("Verify of nobody = %v, %q", ok, upgrade)
			}
			// The work itself, not its time: the decoy asks for the same as a
			// real hash, and the slot is taken.
			real, _ := h.Hash(t.Context(), "correct horse")
			p, err := parse(real)
			if err != nil || p.params != h.decoy.params || len(p.key) != len(h.decoy.key) || len(p.salt) != len(h.decoy.salt) {
				t.Errorf("decoy %+v; want the work of %+v", h.decoy.params, p.params)
			}
			if name == "bcrypt" {
				if _, err := parse(h.decoy.bcrypt); err != nil {
					t.Errorf("the decoy does not parse: %v", err)
				}
				if err := bcrypt.CompareHashAndPassword([]byte(h.decoy.bcrypt), []byte("x")); !errors.Is(err, bcrypt.ErrMismatchedHashAndPassword) {
					t.Errorf("the decoy does no work: %v", err)
				}
			}
			for range cap(h.slots) {
				h.slots <- struct{}{}
			}
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			if err := h.VerifyUnknown(ctx, "correct horse"); !errors.Is(err, context.Canceled) {
				t.Errorf("VerifyUnknown without a slot: %v; want it to wait for one", err)
			}
		})
	}
}

func TestStoredHashIsBounded(t *testing.T) {
	h := hasher(t, Config{})
	const salt, key = "c29tZXNhbHQ", "nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"
	phc := func(m, t, p string) string {
		return fmt.Sprintf("$argon2id$v=19$m=%s,t=%s,p=%s$%s$%s", m, t, p, salt, key)
	}
	body := strings.Repeat("a", 53)
	tests := []struct {
		name, encoded string
		want          error
	}{
		{"four-gigabytes", phc("4194304", "1", "1"), errBounds},
		{"beyond-32-bits", phc("4294967297", "1", "1"), errMalformed},
		{"many-passes", phc("65536", "4000000000", "1"), errBounds},
		{"work-overflow", phc("262144", "16", "1"), errBounds},
		{"many-lanes", phc("65536", "3", "255"), errBounds},
		{"lanes-over-255", phc("65536", "3", "257"), errBounds},
		{"no-memory", phc("0", "1", "1"), errBounds},
		{"no-pass", phc("65536", "0", "1"), errBounds},
		{"no-lane", phc("65536", "1", "0"), errBounds},
		{"less-than-lanes", phc("8", "1", "2"), errBounds},
		{"leading-zero", phc("065536", "3", "4"), errMalformed},
		{"plus-sign", phc("+65536", "3", "4"), errMalformed},
		{"negative", phc("-1", "3", "4"), errMalformed},
		{"order", "$argon2id$v=19$t=2,m=256,p=1$" + salt + "$" + key, errMalformed},
		{"version", "$argon2id$v=16$m=256,t=2,p=1$" + salt + "$" + key, errMalformed},
		{"argon2i", "$argon2i$v=19$m=256,t=2,p=1$" + salt + "$" + key, errMalformed},
		{"padding", "$argon2id$v=19$m=256,t=2,p=1$" + salt + "=$" + key, errMalformed},
		{"line-break", "$argon2id$v=19$m=256,t=2,p=1$" + salt + "\n$" + key, errMalformed},
		{"trailing-bits", "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHR$" + key, errMalformed},
		{"short-salt", "$argon2id$v=19$m=256,t=2,p=1$c29t$" + key, errMalformed},
		{"no-key", "$argon2id$v=19$m=256,t=2,p=1$" + salt + "$", errMalformed},
		{"more-parts", phc("256", "2", "1") + "$x", errMalformed},
		{"huge", phc("256", "2", "1") + strings.Repeat("A", 300), errMalformed},
		{"bcrypt-cost-31", "$2b$31$" + body, errBounds},
		{"bcrypt-cost-17", "$2b$17$" + body, errBounds},
		{"bcrypt-cost-0", "$2b$00$" + body, errBounds},
		{"bcrypt-2x", "$2x$10$" + body, errMalformed},
		{"bcrypt-short", "$2b$10$" + body[1:], errMalformed},
		{"bcrypt-byte", "$2b$10$" + body[1:] + "!", errMalformed},
		{"clear-text", "correct horse", errMalformed},
		{"md5", "5f4dcc3b5aa765d61d8327deb882cf99", errMalformed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if ok, upgrade, err := h.Verify(t.Context(), tt.encoded, "password"); ok || upgrade != "" || !errors.Is(err, tt.want) {
				t.Errorf("Verify = %v, %q, %v; want %v", ok, upgrade, err, tt.want)
			}
		})
	}
}

// A flood of logins computes no more hashes at a time than allowed, queues no
// more than allowed, and who gives up leaves the queue.
func TestParallelIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := hasher(t, Config{MaxParallel: 2, MaxQueue: 3})
		h.slots <- struct{}{} // two hashes under way
		h.slots <- struct{}{}
		ctx, giveUp := context.WithCancel(t.Context())
		errs := make(chan error, 3)
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() { errs <- h.acquire(ctx) })
		}
		synctest.Wait()
		if err := h.acquire(t.Context()); !errors.Is(err, ErrBusy) {
			t.Errorf("the fourth to wait: %v; want ErrBusy", err)
		}
		if e := problem.As(ErrBusy); e.Code() != 503 || e.Retry == 0 {
			t.Errorf("ErrBusy is answered with %d, retry %v", e.Code(), e.Retry)
		}
		h.release()
		if err := <-errs; err != nil {
			t.Errorf("the first to wait: %v", err)
		}
		giveUp()
		wg.Wait()
		for range 2 {
			if err := <-errs; !errors.Is(err, context.Canceled) {
				t.Errorf("who gave up: %v", err)
			}
		}
		if n := h.waiting.Load(); n != 0 || len(h.slots) != 2 {
			t.Errorf("%d wait and %d slots are taken; want 0 and 2", n, len(h.slots))
		}
		h.release()
		h.release()
		if _, err := h.Hash(t.Context(), "correct horse"); err != nil || len(h.slots) != 0 {
			t.Errorf("after the flood: %v, %d slots taken", err, len(h.slots))
		}
	})
}

func TestNewReportsEverything(t *testing.T) {
	_, err := New(Config{Algorithm: "md5", MemoryKiB: 1, Iterations: 99, Parallelism: -1, BcryptCost: 4, MaxParallel: -2, MaxQueue: -1})
	if err == nil {
		t.Fatal("New accepted it")
	}
	for _, path := range []string{"algorithm:", "memory_kib:", "iterations:", "parallelism:", "bcrypt_cost:", "max_parallel:", "max_queue:"} {
		if !strings.Contains(err.Error(), path) {
			t.Errorf("%q is not reported in\n%v", path, err)
		}
	}
	for name, cfg := range map[string]Config{
		"weak":      {MemoryKiB: 4096},
		"too-much":  {MemoryKiB: 256 << 10, Iterations: 5},
		"too-lanes": {MemoryKiB: 7168, Iterations: 5, Parallelism: 17},
	} {
		if _, err := New(cfg); err == nil {
			t.Errorf("%s: New accepted %+v", name, cfg)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4")
	f.Add("$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW")
	f.Fuzz(func(t *testing.T, encoded string) {
		s, err := parse(encoded)
		if err != nil {
			return
		}
		if !s.bounded() || s.memory > maxMemoryKiB || s.bcryptCost > maxBcryptCost {
			t.Errorf("%q parses to %+v, out of bounds", encoded, s.params)
		}
		if s.bcrypt == "" {
			b64 := encodedText(strings.Split(encoded, "$"))
			if strings.ContainsAny(b64, "\r\n=") {
				t.Errorf("%q is not the one spelling", encoded)
			}
		}
	})
}

func BenchmarkHash(b *testing.B) {
	for name, cfg := range map[string]Config{"argon2id": {}, "bcrypt-12": {Algorithm: "bcrypt"}, "bcrypt-10": {Algorithm: "bcrypt", BcryptCost: 10}} {
		b.Run(name, func(b *testing.B) {
			h := hasher(b, cfg)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := h.Hash(b.Context(), "correct horse"); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package weak

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"fmt"
	"hash"
	"strings"
	"testing"
)

// What Signs says is what crypto/hmac says, whatever came before.
func TestSignsIsHMAC(t *testing.T) {
	for name, made := range map[string]func() hash.Hash{"sha1": sha1.New, "sha224": sha256.New224, "sha256": sha256.New, "sha384": sha512.New384, "sha512": sha512.New} {
		for _, n := range []int{0, 1, 8, 31, 63, 64, 65, 127, 128, 129, 255, 256, 257, 1000} {
			secret, text := strings.Repeat("k", n), strings.Repeat("text.", n)
			m := hmac.New(made, []byte(secret))
			m.Write([]byte(text))
			signs := Signs(made, text, m.Sum(nil))
			for i := range 3 {
				if signs(fmt.Sprint("another", i)) || signs(secret+"x") || !signs(secret) {
					t.Errorf("%s, a secret of %d bytes: not what crypto/hmac says", name, n)
				}
			}
		}
	}
	signs := Signs(sha256.New, "text", make([]byte, sha256.Size))
	if n := testing.AllocsPerRun(100, func() { signs("a secret of some length") }); n != 0 {
		t.Errorf("%v allocations", n)
	}
	if Signs(sha256.New, "text", nil)("") {
		t.Error("nothing is signed by a secret")
	}
}

func FuzzSigns(f *testing.F) {
	f.Add("secret", "text", []byte("signature"))
	f.Add(strings.Repeat("k", 65), "", []byte{})
	f.Fuzz(func(t *testing.T, secret, text string, other []byte) {
		m := hmac.New(sha256.New, []byte(secret))
		m.Write([]byte(text))
		right := m.Sum(nil)
		if !Signs(sha256.New, text, right)(secret) || Signs(sha256.New, text, other)(secret) != bytes.Equal(other, right) {
			t.Errorf("%q, %q", secret, text)
		}
	})
}

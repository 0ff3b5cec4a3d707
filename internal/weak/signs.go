// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package weak

import (
	"crypto/hmac"
	"hash"
)

// Signs returns a function that reports whether a secret signs the text by HMAC with
// that sum, for [Guess]. It is HMAC as RFC 2104 has it, in memory that is used again:
// crypto/hmac takes twice as long, with a new one for each of 100,000 secrets.
// It is for one goroutine at a time.
func Signs(made func() hash.Hash, text string, sum []byte) func(secret string) bool {
	h := made()
	signed := []byte(text)
	key, pad, out := make([]byte, 0, 256), make([]byte, h.BlockSize()), make([]byte, 0, h.Size())
	padded := func(with byte) []byte {
		for i := range pad {
			pad[i] = with
			if i < len(key) {
				pad[i] ^= key[i]
			}
		}
		return pad
	}
	return func(secret string) bool {
		key = append(key[:0], secret...)
		if len(key) > h.BlockSize() {
			h.Reset()
			h.Write(key)
			key = h.Sum(key[:0])
		}
		h.Reset()
		h.Write(padded(0x36))
		h.Write(signed)
		out = h.Sum(out[:0])
		h.Reset()
		h.Write(padded(0x5c))
		h.Write(out)
		out = h.Sum(out[:0])
		return hmac.Equal(out, sum)
	}
}

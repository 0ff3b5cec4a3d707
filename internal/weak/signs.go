// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package weak

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"reflect"
)

// Signs returns a function that reports whether a secret signs the text by HMAC with
// that sum, for [Guess]. It is HMAC as RFC 2104 has it, in memory that is used again:
// crypto/hmac takes twice as long, with a new one for each of 100,000 secrets.
// It is for one goroutine at a time.
func Signs(made func() hash.Hash, text string, sum []byte) func(secret string) bool {
	h := made()
	slow := signs(h, text, sum)
	if h.Size() != sha256.Size || reflect.TypeOf(h) != reflect.TypeOf(sha256.New()) {
		return slow
	}
	// SHA-256 signs most of what is tried. Both of its rounds lie in one piece here,
	// and only the key in front of them changes.
	inner := append(make([]byte, sha256.BlockSize), text...)
	outer := make([]byte, sha256.BlockSize+sha256.Size)
	var key [sha256.BlockSize]byte
	return func(secret string) bool {
		if len(secret) > len(key) {
			return slow(secret)
		}
		clear(key[copy(key[:], secret):])
		for i := 0; i < len(key); i += 8 {
			k := binary.LittleEndian.Uint64(key[i:])
			binary.LittleEndian.PutUint64(inner[i:], k^0x3636363636363636)
			binary.LittleEndian.PutUint64(outer[i:], k^0x5c5c5c5c5c5c5c5c)
		}
		first := sha256.Sum256(inner)
		copy(outer[sha256.BlockSize:], first[:])
		second := sha256.Sum256(outer)
		return bytes.Equal(second[:], sum)
	}
}

// signs is Signs for any hash.
func signs(h hash.Hash, text string, sum []byte) func(secret string) bool {
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
		return bytes.Equal(out, sum)
	}
}

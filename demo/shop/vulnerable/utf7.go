// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package vulnerable

import (
	"encoding/base64"
	"strings"
	"unicode/utf16"
)

const base64Alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

// decodeUTF7 decodes UTF-7 (RFC 2152), which iconv-lite offers to body-parser:
// "+ACQ-" is a dollar sign. Like iconv-lite it never fails.
func decodeUTF7(raw []byte) []byte {
	var b strings.Builder
	rest := string(raw)
	for {
		direct, shifted, found := strings.Cut(rest, "+")
		b.WriteString(direct)
		if !found {
			return []byte(b.String())
		}
		encoded := shifted[:len(shifted)-len(strings.TrimLeft(shifted, base64Alphabet))]
		rest = strings.TrimPrefix(shifted[len(encoded):], "-")
		if encoded == "" {
			b.WriteByte('+')
			continue
		}
		// What does not fill a whole code unit is padding.
		units, _ := base64.RawStdEncoding.DecodeString(encoded)
		code := make([]uint16, len(units)/2)
		for i := range code {
			code[i] = uint16(units[2*i])<<8 | uint16(units[2*i+1])
		}
		b.WriteString(string(utf16.Decode(code)))
	}
}

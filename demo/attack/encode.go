// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package attack

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"io"
	"strings"
	"unicode/utf16"

	"github.com/andybalholm/brotli"
)

// The encodings below hide a body from a filter that reads bytes. Writing to a
// buffer cannot fail.

func gzipped(text string) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	io.WriteString(w, text)
	w.Close()
	return b.Bytes()
}

func brotlied(text string) []byte {
	var b bytes.Buffer
	w := brotli.NewWriter(&b)
	io.WriteString(w, text)
	w.Close()
	return b.Bytes()
}

func deflated(text string) []byte {
	var b bytes.Buffer
	w := zlib.NewWriter(&b)
	io.WriteString(w, text)
	w.Close()
	return b.Bytes()
}

func utf16le(text string) []byte {
	var b []byte
	for _, unit := range utf16.Encode([]rune(text)) {
		b = append(b, byte(unit), byte(unit>>8))
	}
	return b
}

// utf7 encodes the dollar signs of a text, the letters that matter.
func utf7(text string) []byte {
	return []byte(strings.ReplaceAll(text, "$", "+ACQ-"))
}

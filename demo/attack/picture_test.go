// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package attack

import (
	"bytes"
	"image/png"
	"testing"
)

func TestPaddedPNGIsAPicture(t *testing.T) {
	picture := randomPNG()
	padded := paddedPNG(picture, 1<<20)
	if got, want := len(padded)-len(picture), 1<<20+12; got != want {
		t.Errorf("grew by %d bytes; want %d", got, want)
	}
	want, err := png.Decode(bytes.NewReader(picture))
	if err != nil {
		t.Fatal(err)
	}
	got, err := png.Decode(bytes.NewReader(padded)) // It checks the checksums.
	if err != nil {
		t.Fatal(err)
	}
	if got.Bounds() != want.Bounds() || got.At(3, 3) != want.At(3, 3) {
		t.Error("another picture")
	}
}

// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package attack

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/png"
)

// randomPNG returns a small valid picture that no other run has uploaded.
func randomPNG() []byte {
	picture := image.NewGray(image.Rect(0, 0, 16, 16))
	rand.Read(picture.Pix)
	var b bytes.Buffer
	png.Encode(&b, picture) // Writing to a buffer cannot fail.
	return b.Bytes()
}

// paddedPNG returns a valid picture that is larger by size bytes, a multiple
// of 8, so that nothing but the size is wrong with it. The padding is a private
// chunk that decoders skip.
func paddedPNG(picture []byte, size int) []byte {
	const headerEnd = 8 + 25 // the magic bytes and the IHDR chunk
	chunk := append([]byte("paDd"), bytes.Repeat([]byte("panoply "), size/8)...)
	padded := bytes.Clone(picture[:headerEnd])
	padded = binary.BigEndian.AppendUint32(padded, uint32(len(chunk)-4))
	padded = append(padded, chunk...)
	padded = binary.BigEndian.AppendUint32(padded, crc32.ChecksumIEEE(chunk))
	return append(padded, picture[headerEnd:]...)
}

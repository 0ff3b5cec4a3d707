// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package journey

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"mime/multipart"
	"net/textproto"
	"strings"
)

// The files are real, small, made by code, and the same in every run.

// JPEG returns a photograph-like JPEG image.
func JPEG() []byte {
	var b bytes.Buffer
	must(jpeg.Encode(&b, picture(), &jpeg.Options{Quality: 80}))
	return b.Bytes()
}

// PNG returns the same picture as PNG.
func PNG() []byte {
	var b bytes.Buffer
	must(png.Encode(&b, picture()))
	return b.Bytes()
}

// WebP returns an image of 17 × 17 pixels in one colour: a RIFF container with
// one lossless (VP8L) chunk.
func WebP() []byte {
	vp8l := []byte{
		0x2f,                   // signature
		0x10, 0x00, 0x04, 0x10, // width and height less one, 14 bits each; alpha used
		0x07, 0x10, 0x11, 0x11, 0x88, 0x88, 0xfe, 0x07, // codes of one symbol each: no bits per pixel
	}
	b := []byte("RIFF")
	b = binary.LittleEndian.AppendUint32(b, uint32(len("WEBPVP8L")+4+len(vp8l)+1))
	b = append(b, "WEBPVP8L"...)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(vp8l)))
	b = append(b, vp8l...)
	return append(b, 0) // chunks begin at even offsets
}

// PDF returns a document of one page with a line of text and a correct table
// of offsets.
func PDF() []byte {
	text := "BT /F1 24 Tf 72 720 Td (Invoice 2024-05: $5, paid) Tj ET"
	objects := []string{
		"<< /Type /Catalog /Pages 2 0 R >>",
		"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
		"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>",
		fmt.Sprintf("<< /Length %d >>\nstream\n%s\nendstream", len(text), text),
		"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
	}
	var b bytes.Buffer
	b.WriteString("%PDF-1.4\n%\xe2\xe3\xcf\xd3\n")
	offsets := make([]int, len(objects))
	for i, o := range objects {
		offsets[i] = b.Len()
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", i+1, o)
	}
	table := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n", len(objects)+1)
	for _, at := range offsets {
		fmt.Fprintf(&b, "%010d 00000 n \n", at)
	}
	fmt.Fprintf(&b, "trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n", len(objects)+1, table)
	return b.Bytes()
}

func picture() image.Image {
	m := image.NewRGBA(image.Rect(0, 0, 64, 48))
	for y := range 48 {
		for x := range 64 {
			m.Set(x, y, color.RGBA{uint8(4 * x), uint8(5 * y), uint8(x * y), 255})
		}
	}
	return m
}

// boundary is a fixed one, as browsers choose them.
const boundary = "----WebKitFormBoundaryR4nd0mShopJourney"

// form returns a multipart body with the file as field `file`, preceded by
// the given text fields as pairs of name and value. The header is written the
// way browsers do: the name in UTF-8, with quotes and line breaks escaped.
func form(filename, contentType string, content []byte, fields ...string) []byte {
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	must(w.SetBoundary(boundary))
	for i := 0; i+1 < len(fields); i += 2 {
		must(w.WriteField(fields[i], fields[i+1]))
	}
	escaped := strings.NewReplacer(`"`, "%22", "\r", "%0D", "\n", "%0A").Replace(filename)
	part, err := w.CreatePart(textproto.MIMEHeader{
		"Content-Disposition": {fmt.Sprintf(`form-data; name="file"; filename="%s"`, escaped)},
		"Content-Type":        {contentType},
	})
	must(err)
	_, err = part.Write(content)
	must(err)
	must(w.Close())
	return b.Bytes()
}

func gzipped(s string) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := w.Write([]byte(s))
	must(err)
	must(w.Close())
	return b.Bytes()
}

// must is for writing to memory, which cannot fail.
func must(err error) {
	if err != nil {
		panic(err)
	}
}

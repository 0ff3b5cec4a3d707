// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package upload

import (
	"bytes"
	"encoding/binary"
	"github.com/panoply-security/panoply/problem"
	"hash/crc32"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"io"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/panoply-security/panoply/rule"
)

// exif is metadata with an orientation and a place.
func exif(orientation uint16, order binary.AppendByteOrder) string {
	b := []byte("II*\x00")
	if order == binary.BigEndian {
		b = []byte("MM\x00*")
	}
	b = order.AppendUint32(b, 8)
	b = order.AppendUint16(b, 1)
	b = order.AppendUint16(order.AppendUint16(b, 0x112), 3)
	b = order.AppendUint32(b, 1)
	b = order.AppendUint16(order.AppendUint16(b, orientation), 0)
	return "Exif\x00\x00" + string(order.AppendUint32(b, 0)) + "my home"
}

func TestReencode(t *testing.T) {
	progressive, err := os.ReadFile("testdata/ordinary/jpeg-progressive.jpg")
	if err != nil {
		t.Fatal(err)
	}
	document := pdf("1.4", "")
	gray := jpegWith(0xe1, exif(1, binary.LittleEndian)) // all 16 by 16
	tests := []struct {
		name, filename, typ, content string
		want                         rule.ID
	}{
		{"jpeg", "a.jpg", "image/jpeg", jpegWith(0xfe, "my home"), ""},
		{"jpeg-exif", "a.jpg", "image/jpeg", gray, ""},
		{"jpeg-progressive", "a.jpg", "image/jpeg", string(progressive), ""},
		{"jpeg-second-picture", "a.jpg", "image/jpeg", jpegOf(picture(16, 16), 80) + jpegOf(picture(8, 8), 80) + "my home", ""},
		{"png", "a.png", "image/png", pngWith("tEXt", "Author\x00my home"), ""},
		{"pdf-stays", "a.pdf", "application/pdf", document, ""},
		{"not-decodable", "a.png", "image/png", strings.Replace(pngOf(picture(300, 200)), "IDAT", "IDAT\xff\xff", 1), rule.UploadMismatch},
		{"pixels-are-noise", "a.png", "image/png", pngOf(picture(3, 2))[:33] + pngChunk("IDAT", noise(1000)) + pngChunk("IEND", ""), rule.UploadMismatch},
		{"bomb", "a.png", "image/png", pngSized(30_000, 1000), rule.UploadPixels},
		{"script", "a.png", "image/png", pngWith("tEXt", php), rule.UploadPolyglot},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			in := inspector(t, Config{Reencode: true})
			form, err := in.Read(request(part{"a", "", "", "1"}, part{"f", tt.filename, tt.typ, tt.content}, part{"b", "", "", "2"}), ReadOptions{})
			if got := ruleOf(err); got != tt.want {
				t.Fatalf("got %q, %v; want %q", got, err, tt.want)
			}
			defer func() {
				form.Close()
				if memory, disk := in.budget.Used(); memory != 0 || disk != 0 {
					t.Errorf("%d bytes of memory and %d of disk are still held", memory, disk)
				}
			}()
			if err != nil {
				return
			}
			content, _ := io.ReadAll(form.Files[0].Open())
			if tt.typ == "application/pdf" {
				if string(content) != document {
					t.Error("the document changed")
				}
				return
			}
			if bytes.Contains(content, []byte("my home")) || bytes.Contains(content, []byte("Exif")) {
				t.Error("its metadata are still there")
			}
			before, _, err := image.Decode(strings.NewReader(tt.content))
			if err != nil {
				t.Fatal(err)
			}
			after, format, err := image.Decode(bytes.NewReader(content))
			if err != nil || "image/"+format != tt.typ || after.Bounds() != before.Bounds() {
				t.Errorf("got %s, %v; want the same picture as %s", format, err, tt.typ)
			}
			body, _ := io.ReadAll(form.Body())
			if int64(len(body)) != form.Size() || !bytes.Contains(body, content) {
				t.Error("the form does not hold what was encoded")
			}
			if b, _ := form.Value("b"); b != "2" {
				t.Errorf("the field behind it is %q", b)
			}
		})
	}
}

// A picture that the camera took lying down stands up without its metadata.
// Colours that no pixel has are dropped, as metadata are; the picture stays.
func TestReencodedPalettes(t *testing.T) {
	m := image.NewPaletted(image.Rect(0, 0, 9, 5), color.Palette{color.Black})
	for i := range 254 {
		m.Palette = append(m.Palette, color.NRGBA{byte(i), 'm', 'y', 255})
	}
	m.Palette = append(m.Palette, color.NRGBA{1, 2, 3, 100})
	for i := range m.Pix {
		m.Pix[i] = []uint8{0, 17, 255}[i%3]
	}
	in := inspector(t, Config{Reencode: true})
	form, err := in.Read(request(part{"f", "a.png", "image/png", pngOf(m)}), ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer form.Close()
	decoded, err := png.Decode(form.Files[0].Open())
	if err != nil {
		t.Fatal(err)
	}
	got, ok := decoded.(*image.Paletted)
	if !ok || len(got.Palette) != 3 {
		t.Fatalf("got %T with %v; want 3 colours", decoded, got)
	}
	for y := range 5 {
		for x := range 9 {
			if color.NRGBAModel.Convert(got.At(x, y)) != color.NRGBAModel.Convert(m.At(x, y)) {
				t.Fatalf("%d, %d: got %v; want %v", x, y, got.At(x, y), m.At(x, y))
			}
		}
	}
}

func TestReencodedPicturesAreTurned(t *testing.T) {
	// A red corner, upper left once it is turned.
	corners := map[uint16]image.Point{1: {0, 0}, 2: {1, 0}, 3: {1, 1}, 4: {0, 1}, 5: {0, 0}, 6: {0, 1}, 7: {1, 1}, 8: {1, 0}}
	for how, corner := range corners {
		m := image.NewRGBA(image.Rect(0, 0, 64, 32))
		for y := range 16 {
			for x := range 32 {
				m.Set(corner.X*32+x, corner.Y*16+y, color.RGBA{255, 0, 0, 255})
			}
		}
		j := jpegOf(m, 100)
		for _, order := range []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian} {
			segment := exif(how, order)
			content := j[:2] + "\xff\xe1" + string(binary.BigEndian.AppendUint16(nil, uint16(len(segment)+2))) + segment + j[2:]
			form, err := inspector(t, Config{Reencode: true}).Read(request(part{"f", "a.jpg", "image/jpeg", content}), ReadOptions{})
			if err != nil {
				t.Fatal(err)
			}
			defer form.Close()
			after, err := jpeg.Decode(form.Files[0].Open())
			if err != nil {
				t.Fatal(err)
			}
			want := image.Rect(0, 0, 64, 32)
			if how >= 5 {
				want = image.Rect(0, 0, 32, 64)
			}
			r, _, _, _ := after.At(4, 4).RGBA()
			other, _, _, _ := after.At(want.Dx()-4, want.Dy()-4).RGBA()
			if after.Bounds() != want || r < 0xe000 || other > 0x2000 {
				t.Errorf("orientation %d: %v, red %x there and %x opposite", how, after.Bounds(), r, other)
			}
		}
	}
}

func TestReencodeConfig(t *testing.T) {
	for name, cfg := range map[string]Config{
		"webp": {Types: []string{"image/webp"}}, "gif": {Types: []string{"image/gif"}}, "pixels": {MaxPixels: 60_000_000}, "drawing": {UnsafeTypes: []string{"image/svg+xml"}},
	} {
		cfg.Reencode = true
		if _, err := New(cfg); err == nil {
			t.Errorf("%s: no fault", name)
		}
	}
	in := inspector(t, Config{Reencode: true, Types: []string{"image/png", "text/plain"}, Delivery: Streamed})
	if _, streams := in.streamsAfter(); streams {
		t.Error("what is encoded anew must be held")
	}
}

func FuzzOrientation(f *testing.F) {
	f.Add([]byte(jpegWith(0xe1, exif(6, binary.BigEndian))))
	f.Fuzz(func(t *testing.T, b []byte) {
		if how := orientation(bytes.NewReader(b)); how < 1 || how > 8 {
			t.Fatalf("got %d", how)
		}
	})
}

// A picture that says it is huge is not decoded, whatever report mode lets pass.
func TestHugePicturesAreNotDecoded(t *testing.T) {
	head := []byte("\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x20\x00\x00\x00\x20\x00\x00\x10\x06\x00\x00\x00")
	content := string(binary.BigEndian.AppendUint32(head, crc32.ChecksumIEEE(head[12:]))) + "\x00\x00\x00\x00IEND\xaeB`\x82"
	var told []string
	form, err := inspector(t, Config{Reencode: true}).Read(request(part{"f", "a.png", "image/png", content}), ReadOptions{
		Judge: func(e *problem.Error) error { told = append(told, string(e.Rule)); return nil }})
	if err != nil {
		t.Fatal(err)
	}
	defer form.Close()
	if !slices.Contains(told, string(rule.UploadMismatch)) || form.Files[0].Size != int64(len(content)) {
		t.Errorf("told %q, %d bytes", told, form.Files[0].Size)
	}
}

// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package upload

import (
	"bytes"
	"io"
	"math/rand/v2"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"
)

func noise(n int) string {
	b := make([]byte, n)
	rand.NewChaCha8([32]byte{1}).Read(b)
	return string(b)
}

// large are files of about 10 MB whose structure is right and whose pixels are
// noise.
func large() map[string]part {
	const size = 10 << 20
	jpg := jpegOf(picture(16, 16), 80)
	scan := strings.ReplaceAll(noise(size), "\xff", "\xff\x00")
	var chunks strings.Builder
	for range size / (64 << 10) {
		chunks.WriteString(pngChunk("IDAT", noise(64<<10)))
	}
	png := pngOf(picture(3, 2))
	return map[string]part{
		"jpeg": {"f", "a.jpg", "image/jpeg", jpg[:len(jpg)-2] + scan + "\xff\xd9"},
		"png":  {"f", "a.png", "image/png", png[:33] + chunks.String() + png[len(png)-12:]},
		"webp": {"f", "a.webp", "image/webp", webpWith("ALPH", noise(size))},
		"pdf":  {"f", "a.pdf", "application/pdf", pdf("1.4", noise(size))},
	}
}

// To compare: the same form through mime/multipart to nowhere, and through
// ParseMultipartForm to disk, which is the nearest that the standard library
// has to judging a form before an app sees it.
func Benchmark10MB(b *testing.B) {
	files := large()
	for _, name := range []string{"jpeg", "png", "webp", "pdf"} {
		body, contentType := encode(files[name])
		b.Run(name+"/panoply", func(b *testing.B) {
			in := inspector(b, Config{MaxFileBytes: 20 << 20})
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				form, err := in.Read(benchRequest(body, contentType), ReadOptions{})
				if err != nil {
					b.Fatal(err)
				}
				form.Close()
			}
		})
	}
	body, contentType := encode(files["jpeg"])
	b.Run("mime-multipart-discard", func(b *testing.B) {
		b.SetBytes(int64(len(body)))
		b.ReportAllocs()
		_, boundary, _ := strings.Cut(contentType, "=")
		for b.Loop() {
			m := multipart.NewReader(bytes.NewReader(body), boundary)
			for {
				p, err := m.NextRawPart()
				if err == io.EOF {
					break
				}
				if err != nil {
					b.Fatal(err)
				}
				io.Copy(io.Discard, p)
			}
		}
	})
	b.Run("parse-multipart-form", func(b *testing.B) {
		b.SetBytes(int64(len(body)))
		b.ReportAllocs()
		for b.Loop() {
			r := benchRequest(body, contentType)
			if err := r.ParseMultipartForm(256 << 10); err != nil {
				b.Fatal(err)
			}
			r.MultipartForm.RemoveAll()
		}
	})
}

func benchRequest(body []byte, contentType string) *http.Request {
	return &http.Request{Method: "POST", Body: io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body)),
		Header: http.Header{"Content-Type": {contentType}}}
}

// A form as most are: two fields and a small picture.
func BenchmarkSmallForm(b *testing.B) {
	body, contentType := encode(part{"a", "", "", "1"}, part{"b", "", "", "2"}, part{"f", "a.jpg", "image/jpeg", jpegOf(picture(100, 100), 80)})
	b.Run("panoply", func(b *testing.B) {
		in := inspector(b, Config{})
		b.ReportAllocs()
		for b.Loop() {
			form, err := in.Read(benchRequest(body, contentType), ReadOptions{})
			if err != nil {
				b.Fatal(err)
			}
			form.Close()
		}
	})
	b.Run("parse-multipart-form", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			r := benchRequest(body, contentType)
			if err := r.ParseMultipartForm(256 << 10); err != nil {
				b.Fatal(err)
			}
			r.MultipartForm.RemoveAll()
		}
	})
}

// The walks alone, on 10 MB in memory; and what an attacker would send them.
func BenchmarkAnatomy(b *testing.B) {
	const size = 5 << 20
	jpg := jpegOf(picture(16, 16), 80)
	files := map[string]string{
		"png-tiny-chunks":   pngOf(picture(3, 2))[:33] + strings.Repeat(pngChunk("tEXt", ""), size/12),
		"jpeg-tiny-parts":   jpg[:2] + strings.Repeat("\xff\xfe\x00\x02", size/4),
		"jpeg-all-ff":       jpg[:len(jpg)-2] + strings.Repeat("\xff\x00", size/2),
		"jpeg-fill-bytes":   jpg[:2] + strings.Repeat("\xff", size),
		"gif-tiny-blocks":   gifOf(picture(3, 2))[:13+3*256] + "\x21\xfe" + strings.Repeat("\x01x", size/2),
		"png-trailing-tags": pngOf(picture(3, 2)) + strings.Repeat("<s", size/2),
		"png-trailing-zips": pngOf(picture(3, 2)) + strings.Repeat("PK\x05\x06", size/4),
	}
	for name, p := range large() {
		files[name] = p.content
	}
	for _, name := range []string{"jpeg", "png", "webp", "pdf", "png-tiny-chunks", "jpeg-tiny-parts", "jpeg-all-ff", "jpeg-fill-bytes", "gif-tiny-blocks", "png-trailing-tags", "png-trailing-zips"} {
		content := files[name]
		k := kindOf("image/" + strings.Split(name, "-")[0])
		if k == nil {
			k = kindOf("application/pdf")
		}
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(content)))
			b.ReportAllocs()
			for b.Loop() {
				v := newView(strings.NewReader(content), int64(len(content)))
				hidden(v, k.look(v), k)
				v.close()
			}
		})
	}
}

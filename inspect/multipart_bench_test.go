// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package inspect_test

import (
	"bytes"
	"io"
	"math/rand/v2"
	"mime/multipart"
	"strings"
	"testing"

	"github.com/panoply-security/panoply/inspect"
)

// A boundary as long as Chromium's.
const benchBoundary = "----WebKitFormBoundary7MA4YWxkTrZu0gW"

func benchForm(content []byte) []byte {
	var b bytes.Buffer
	b.WriteString("--" + benchBoundary + "\r\nContent-Disposition: form-data; name=\"file\"; filename=\"x.png\"\r\nContent-Type: image/png\r\n\r\n")
	b.Write(content)
	b.WriteString("\r\n--" + benchBoundary + "--\r\n")
	return b.Bytes()
}

func benchContent(kind string, size int) []byte {
	delim := "\r\n--" + benchBoundary
	pattern := map[string]string{
		"zeros":           "\x00",
		"returns":         "\r",
		"line-ends":       "\r\n",
		"dashes":          "-",
		"first-half":      delim[:len(delim)/2],
		"but-last-byte":   delim[:len(delim)-1],
		"but-first-bytes": delim[3:],
	}[kind]
	if pattern == "" {
		content := make([]byte, size)
		random := rand.NewChaCha8([32]byte{1})
		random.Read(content)
		return content
	}
	return []byte(strings.Repeat(pattern, size/len(pattern)))
}

var benchKinds = []string{"random", "zeros", "returns", "line-ends", "dashes", "first-half", "but-last-byte", "but-first-bytes"}

// The ratio to mime/multipart is the number to hold, for random content and
// for each kind of almost-boundary.
func BenchmarkMultipart10MB(b *testing.B) {
	for _, kind := range benchKinds {
		form := benchForm(benchContent(kind, 10<<20))
		b.Run(kind+"/panoply", func(b *testing.B) {
			b.SetBytes(int64(len(form)))
			b.ReportAllocs()
			for b.Loop() {
				m := inspect.NewMultipart(bytes.NewReader(form), benchBoundary, inspect.MultipartLimits{MaxBytes: 20 << 20})
				for {
					p, err := m.Next()
					if err == io.EOF {
						break
					}
					if err != nil {
						b.Fatal(err)
					}
					if _, err := io.Copy(io.Discard, p); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
		b.Run(kind+"/mime-multipart", func(b *testing.B) {
			b.SetBytes(int64(len(form)))
			b.ReportAllocs()
			for b.Loop() {
				m := multipart.NewReader(bytes.NewReader(form), benchBoundary)
				for {
					p, err := m.NextRawPart()
					if err == io.EOF {
						break
					}
					if err != nil {
						b.Fatal(err)
					}
					if _, err := io.Copy(io.Discard, p); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}

// Many small parts: the cost is in the headers.
func BenchmarkMultipart100Fields(b *testing.B) {
	var form bytes.Buffer
	w := multipart.NewWriter(&form)
	for range 100 {
		w.WriteField("field", "a value of ordinary length")
	}
	w.Close()
	b.Run("panoply", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			m := inspect.NewMultipart(bytes.NewReader(form.Bytes()), w.Boundary(), inspect.MultipartLimits{})
			for {
				p, err := m.Next()
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
	b.Run("mime-multipart", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			m := multipart.NewReader(bytes.NewReader(form.Bytes()), w.Boundary())
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
}

// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package inspect

import (
	"bytes"
	"io"
	"strings"
	"testing"
)

// The delimiter is found where bytes.Index finds it, wherever it stands.
func TestDelimiter(t *testing.T) {
	for _, boundary := range []string{"x", "ab", "----WebKitFormBoundary7MA4YWxkTrZu0gW", strings.Repeat("-", 70), strings.Repeat("ab", 35)} {
		var d delimiter
		d.set("\r\n--" + boundary)
		text := string(d.text)
		for name, filler := range map[string]string{"nothing-like-it": "\x00", "its-letters": text[4:], "its-start": text[:len(text)-1], "its-end": text[1:]} {
			for size := range 4 * len(text) {
				around := strings.Repeat(filler, size/len(filler)+1)[:size]
				for _, b := range []string{around, around + text, around + text + around, text + around, around + text[:len(text)-1]} {
					if got, want := d.index([]byte(b)), strings.Index(b, text); got != want {
						t.Fatalf("%q, %s: in %q got %d; want %d", boundary, name, b, got, want)
					}
				}
			}
		}
	}
}

func FuzzDelimiter(f *testing.F) {
	f.Add("boundary", []byte("\r\n--boundary\r\n--bound\r\n--boundary--"))
	f.Add("-", []byte("------\r\n----"))
	f.Fuzz(func(t *testing.T, boundary string, b []byte) {
		if boundary == "" || len(boundary) > maxBoundary {
			return
		}
		var d delimiter
		d.set("\r\n--" + boundary)
		if got, want := d.index(b), bytes.Index(b, d.text); got != want {
			t.Errorf("got %d; want %d", got, want)
		}
	})
}

// A body that comes fast gets a larger buffer, and gives it back.
func TestLargeBuffers(t *testing.T) {
	content := strings.Repeat("0123456789", 200_000)
	body := "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n" + content + "\r\n--b--\r\n"
	read := func(from io.Reader) (large bool) {
		m := NewMultipart(from, "b", MultipartLimits{})
		p, err := m.Next()
		if err != nil {
			t.Fatal(err)
		}
		var got strings.Builder
		for err == nil {
			var buf [1000]byte
			var n int
			n, err = p.Read(buf[:])
			got.Write(buf[:n])
			large = large || m.buf != nil && m.buf.large()
		}
		if err != io.EOF || got.String() != content {
			t.Errorf("got %d bytes, %v; want %d", got.Len(), err, len(content))
		}
		if _, err := m.Next(); err != io.EOF {
			t.Errorf("got %v; want the end", err)
		}
		return large
	}
	if !read(strings.NewReader(body)) {
		t.Error("a body that comes fast had a small buffer")
	}
	if read(&slowReader{strings.NewReader(body)}) {
		t.Error("a body that comes slowly had a large buffer")
	}
	for range mostLarge {
		defer newLargeBuffer().free()
	}
	if newLargeBuffer() != nil {
		t.Errorf("more than %d large buffers are lent", mostLarge)
	}
	if read(strings.NewReader(body)) {
		t.Error("there was none left, and it had one")
	}
}

// slowReader never fills what it is given.
type slowReader struct{ r io.Reader }

func (s *slowReader) Read(p []byte) (int, error) { return s.r.Read(p[:(len(p)+1)/2]) }

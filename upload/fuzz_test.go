// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package upload

import (
	"bytes"
	"fmt"
	"io"
	"mime/multipart"
	"path/filepath"
	"strings"
	"testing"

	"github.com/panoply-security/panoply/problem"
)

// Whatever a file holds: the walks end, stay within the file, and a file that
// passes as a picture or PDF starts and ends as one.
func FuzzAnatomy(f *testing.F) {
	for _, s := range []string{
		pngOf(picture(3, 2)), jpegOf(picture(16, 16), 80), gifOf(picture(3, 2)), animatedGIF(), webpLossy, webpLossless, webpAlpha, webpAnimated,
		pdf("1.4", ""), gifWith(php), pngWith("tEXt", php), zipOf("a", "b"), "grüße", jpegWith(0xfe, zipOf("a", "b")),
	} {
		f.Add([]byte(s))
	}
	in := inspector(f, Config{MaxPixels: 1 << 40, Types: []string{"image/jpeg", "image/png", "image/webp", "image/gif", "application/pdf", "text/plain"}})
	f.Fuzz(func(t *testing.T, b []byte) {
		size := int64(len(b))
		for i := range kinds {
			if kinds[i].look == nil {
				continue
			}
			v := newView(bytes.NewReader(b), size)
			a := kinds[i].look(v)
			if a.end < 0 || a.end > size {
				t.Fatalf("%s: ends at %d of %d", kinds[i].mime, a.end, size)
			}
			v.trailer(a.end)
			if v.zipTail(false) != slowZipTail(b) {
				t.Fatalf("zipTail: got %v", v.zipTail(false))
			}
			if got, want := v.marked(0, size), slowMarked(b); got != want {
				t.Fatalf("marked: got %v; want %v", got, want)
			}
			v.close()
		}
		form, err := in.Read(request(part{"f", "a.png", "image/png", string(b)}), ReadOptions{})
		if err != nil {
			return
		}
		form.Close()
		if !bytes.HasPrefix(b, []byte("\x89PNG\r\n\x1a\n")) || !bytes.Contains(b, []byte("IEND")) {
			t.Fatalf("passes as a PNG: %q", b)
		}
	})
}

func slowMarked(b []byte) bool {
	for i := range b {
		for _, m := range markers {
			if rest := b[i:]; len(rest) >= len(m) && strings.EqualFold(string(rest[:len(m)]), m) &&
				(len(rest) == len(m) || strings.IndexByte(" \t\r\n\f/>", rest[len(m)]) >= 0) {
				return true
			}
		}
	}
	return false
}

func slowZipTail(b []byte) bool {
	v := newView(bytes.NewReader(b), int64(len(b)))
	defer v.close()
	found := 0
	for off := len(b) - 22; off >= 0 && off >= len(b)-22-65535; off-- {
		if string(b[off:off+4]) == "PK\x05\x06" {
			if found++; found > 16 || v.zipRecord(int64(off), false) {
				return true
			}
		}
	}
	return false
}

// What passes is read alike by Go's mime/multipart from the rewritten form.
func FuzzRead(f *testing.F) {
	for _, p := range [][]part{
		{{"a", "", "", "1"}, {"f", "a.png", "image/png", "x"}},
		{{"a", "", "application/json", "{}"}, {"a[$ne]", "", "text/plain", "x"}},
		{{"f", "a/b.png", "", ""}},
	} {
		body, contentType := encode(p...)
		_, boundary, _ := strings.Cut(contentType, "=")
		f.Add(bytes.ReplaceAll(body, []byte("--"+boundary), []byte("--B")))
	}
	in := inspector(f, Config{MaxFiles: 10})
	f.Fuzz(func(t *testing.T, body []byte) {
		form, err := in.Read(raw(bytes.NewReader(body), -1), ReadOptions{Judge: func(*problem.Error) error { return nil }})
		if err != nil {
			return
		}
		defer form.Close()
		rewritten, err := io.ReadAll(form.Body())
		if err != nil || int64(len(rewritten)) != form.Size() {
			t.Fatalf("%d bytes, %v; want %d", len(rewritten), err, form.Size())
		}
		var ours, theirs []string
		files, fields := form.Files, form.Fields
		r := multipart.NewReader(bytes.NewReader(rewritten), form.boundary)
		for {
			p, err := r.NextRawPart()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatalf("Go refuses the rewritten form: %v", err)
			}
			content, err := io.ReadAll(p)
			if err != nil {
				t.Fatal(err)
			}
			switch {
			case p.FileName() != "":
				theirs = append(theirs, fmt.Sprintf("file %q %q %q", p.FormName(), strings.ReplaceAll(p.FileName(), "%22", `"`), content))
				got, _ := io.ReadAll(files[0].Open())
				ours = append(ours, fmt.Sprintf("file %q %q %q", files[0].Field, filepath.Base(files[0].Name), got))
				files = files[1:]
			case len(content) > 0 || len(fields) > 0 && fields[0].Size == 0 && fields[0].Name == p.FormName() && p.Header.Get("Content-Disposition") == fmt.Sprintf(`form-data; name="%s"`, p.FormName()):
				theirs = append(theirs, fmt.Sprintf("field %q %q", p.FormName(), content))
				value, _ := fields[0].Value()
				ours = append(ours, fmt.Sprintf("field %q %q", fields[0].Name, value))
				if len(files) > 0 && files[0].Name == "" && files[0].off == fields[0].off {
					files = files[1:]
				}
				fields = fields[1:]
			}
		}
		if fmt.Sprint(ours) != fmt.Sprint(theirs) || len(files) > 0 || len(fields) > 0 {
			t.Fatalf("we read %v; Go reads %v\n%q", ours, theirs, rewritten)
		}
	})
}

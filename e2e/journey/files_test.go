// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package journey

import (
	"bytes"
	"image"
	"net/http"
	"strconv"
	"testing"
)

// The files are what they claim to be, or a guard that looks at content would
// be right to refuse them.
func TestFilesAreReal(t *testing.T) {
	tests := []struct {
		name string
		make func() []byte
		want string
	}{
		{"jpeg", JPEG, "image/jpeg"},
		{"png", PNG, "image/png"},
		{"webp", WebP, "image/webp"},
		{"pdf", PDF, "application/pdf"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			b := test.make()
			if got := http.DetectContentType(b); got != test.want {
				t.Errorf("got %s; want %s", got, test.want)
			}
			if !bytes.Equal(b, test.make()) {
				t.Error("a second call made other bytes")
			}
			switch test.name {
			case "jpeg", "png":
				if _, format, err := image.Decode(bytes.NewReader(b)); err != nil || format != test.name {
					t.Errorf("got format %q, %v", format, err)
				}
			case "pdf":
				_, after, _ := bytes.Cut(b, []byte("startxref\n"))
				at, err := strconv.Atoi(string(bytes.Fields(after)[0]))
				if err != nil || !bytes.HasPrefix(b[at:], []byte("xref\n")) {
					t.Errorf("startxref %d, %v does not point to the table", at, err)
				}
			}
		})
	}
}

func TestStepsHaveNamesOfTheirOwn(t *testing.T) {
	seen := map[string]bool{}
	for _, s := range steps() {
		if s.name == "" || seen[s.name] {
			t.Errorf("the name %q is empty or not unique", s.name)
		}
		seen[s.name] = true
	}
	t.Logf("%d steps", len(seen))
}

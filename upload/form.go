// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package upload

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"io"
	"net/http"

	"github.com/panoply-security/panoply/internal/spool"
)

// Form is a form that was read and judged, written anew.
type Form struct {
	// Files are the files, in order. A file input in which nothing was chosen
	// is none, though it stays in the body.
	Files []*File
	// Fields are the other fields, in order.
	Fields []*Field

	boundary string
	spool    *spool.Spool
}

// File is one file of a form.
type File struct {
	Field    string // the name of the form field
	Name     string // the client's name for it; for people only: see SafeName
	Declared string // the media type that the client gave; may be empty
	Type     string // the media type found in the content
	Size     int64
	Scripted bool // a PDF with actions that run a script or start a program
	Trailing bool // a picture with something behind its end, such as a phone's video

	ext string // of Type, without the dot
	off int64
	in  *spool.Spool
}

// Open returns the content. It may be opened more than once, until the form is
// closed.
func (f *File) Open() *io.SectionReader { return f.in.Section(f.off, f.Size) }

// SHA256 reads the content and returns its checksum, in hex.
func (f *File) SHA256() (string, error) {
	return copySum(context.Background(), io.Discard, f.Open())
}

// Extension is that of the type found in the content, with its dot, ".bin" for
// content of no known type; "" for types that have none.
func (f *File) Extension() string {
	if f.ext == "" {
		return ""
	}
	return "." + f.ext
}

// Field is one field that is no file.
type Field struct {
	Name string
	Size int64

	off int64
	in  *spool.Spool
}

// Value reads the field's value. It fails when the form is closed.
func (f *Field) Value() (string, error) {
	b := make([]byte, f.Size)
	if n, err := f.in.ReadAt(b, f.off); n < len(b) {
		return "", err
	}
	return string(b), nil
}

// Value reads the first field of that name; "" when there is none.
func (f *Form) Value(name string) (string, error) {
	for _, field := range f.Fields {
		if field.Name == name {
			return field.Value()
		}
	}
	return "", nil
}

// Body returns the form, written anew. Each call starts at the beginning; a
// reader that outlives the form fails with os.ErrClosed.
func (f *Form) Body() *io.SectionReader { return f.spool.Section(0, f.spool.Size()) }

// Size is the length of Body, for Content-Length.
func (f *Form) Size() int64 { return f.spool.Size() }

// ContentType is that of Body, with a boundary that no client can know.
func (f *Form) ContentType() string { return "multipart/form-data; boundary=" + f.boundary }

// Close gives memory and disk back. It may be called more than once, also on a
// nil form.
func (f *Form) Close() error {
	if f == nil {
		return nil
	}
	return f.spool.Close()
}

// Replace puts the form in the place of a request's body, with the headers that
// describe it. It changes r.Header.
func (f *Form) Replace(r *http.Request) {
	replace(r, io.NopCloser(f.Body()), f.Size(), f.ContentType())
}

func replace(r *http.Request, body io.ReadCloser, size int64, contentType string) {
	r.Body = body
	r.ContentLength = size
	r.TransferEncoding = nil
	r.Trailer = nil
	r.GetBody = nil
	r.Header.Set("Content-Type", contentType)
	r.Header.Del("Content-Length") // net/http writes it from ContentLength
	r.Header.Del("Content-Encoding")
}

func newBoundary() string {
	var b [16]byte
	rand.Read(b[:]) // never fails: crypto/rand ends the program instead
	return "----PanoplyForm" + hex.EncodeToString(b[:])
}

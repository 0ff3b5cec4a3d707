// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package inspect

import (
	"io"
	"strings"
)

// Part is one part of a multipart body: what its headers say, and a reader of
// its content, which is not decoded in any way.
type Part struct {
	// Name is the field's name, never empty, at most 1024 bytes of UTF-8
	// without control characters.
	Name string
	// Filename is the file's name as the client sent it, with %22 read as a
	// quote as browsers mean it. It may be empty, and it may hold slashes.
	Filename string
	// File reports whether any common parser takes the part for a file: it has
	// a filename, even an empty one, or a Content-Type other than text/plain.
	// Without a filename formidable reads every part with a Content-Type as a
	// file, busboy and multer only application/octet-stream, multiparty and Go
	// none; a text/plain part without a filename is an ordinary field here,
	// and AppendHeader leaves its type out so that it is one for everybody.
	File bool
	// ContentType is the part's media type, lower case and without parameters;
	// "" when there is none.
	ContentType string

	named bool // a filename was given
	m     *MultipartReader
}

// Named reports whether the part was given a filename, even an empty one:
// browsers send that for a file input in which nothing was chosen.
func (p *Part) Named() bool { return p.named }

// Read reads the content.
func (p *Part) Read(b []byte) (int, error) {
	content, err := p.more()
	if err != nil {
		return 0, err
	}
	n := copy(b, content)
	p.m.r += n
	return n, nil
}

// WriteTo writes the rest of the content to w without copying it first.
func (p *Part) WriteTo(w io.Writer) (written int64, err error) {
	for {
		content, err := p.more()
		if err == io.EOF {
			return written, nil
		}
		if err != nil {
			return written, err
		}
		n, err := w.Write(content)
		p.m.r += n
		written += int64(n)
		if err != nil {
			return written, err
		}
		if n < len(content) {
			return written, io.ErrShortWrite
		}
	}
}

// more returns content that was not taken yet, or io.EOF behind the last.
func (p *Part) more() ([]byte, error) {
	m := p.m
	if m.err != nil {
		return nil, m.err
	}
	if !m.inPart {
		return nil, io.EOF
	}
	content, err := m.content()
	if err != nil {
		return nil, m.fail(err)
	}
	if !m.inPart {
		return nil, io.EOF
	}
	return content, nil
}

// Header is what AppendHeader appends.
func (p *Part) Header() []byte { return p.AppendHeader(nil) }

// AppendHeader appends the part's headers, written anew from what was read,
// with the empty line behind them: one name, one plain filename in UTF-8, one
// Content-Type without parameters. A file with a name always gets a type,
// application/octet-stream when it had none, because formidable reads a part
// without one as a field. A field gets none.
func (p *Part) AppendHeader(dst []byte) []byte {
	dst = append(dst, `Content-Disposition: form-data; name="`...)
	dst = appendParamText(dst, p.Name)
	if p.named {
		dst = append(dst, `"; filename="`...)
		dst = appendParamText(dst, p.Filename)
	}
	dst = append(dst, "\"\r\n"...)
	if p.File {
		typ := p.ContentType
		if typ == "" {
			typ = "application/octet-stream"
		}
		dst = append(dst, "Content-Type: "...)
		dst = append(dst, typ...)
		dst = append(dst, "\r\n"...)
	}
	return append(dst, "\r\n"...)
}

// appendParamText escapes as browsers do (HTML, multipart/form-data encoding).
// A line end never gets this far; escaping it costs nothing.
func appendParamText(dst []byte, s string) []byte {
	for {
		i := strings.IndexAny(s, "\"\r\n")
		if i < 0 {
			return append(dst, s...)
		}
		dst = append(dst, s[:i]...)
		switch s[i] {
		case '"':
			dst = append(dst, "%22"...)
		case '\r':
			dst = append(dst, "%0D"...)
		case '\n':
			dst = append(dst, "%0A"...)
		}
		s = s[i+1:]
	}
}

// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package panoply

import (
	"bytes"
	"io"
	"net/http"

	"github.com/panoply-security/panoply/internal/spool"
)

// beginning is a body, and what was read of it so far: where a refusal may only
// be reported, the app gets all of it, as it came. It is held within the bounds
// of the process's spools.
type beginning struct {
	io.ReadCloser
	held   *spool.Spool
	rest   []byte // was read when the spools were full
	over   bool
	length int64
	coding []string // Transfer-Encoding
	header http.Header
}

// remember keeps from now on what is read of the request's body.
func remember(r *http.Request) *beginning {
	b := &beginning{ReadCloser: r.Body, held: spool.Shared.New(),
		length: r.ContentLength, coding: r.TransferEncoding, header: r.Header.Clone()}
	r.Body = b
	return b
}

func (b *beginning) Read(to []byte) (int, error) {
	n, err := b.ReadCloser.Read(to)
	if b.over || n == 0 {
		return n, err
	}
	kept, full := b.held.Write(to[:n])
	if full != nil {
		b.over, b.rest = true, bytes.Clone(to[kept:n])
		return n, full
	}
	return n, err
}

// Close leaves the body open: the app may still want what is left of it. The
// server closes it.
func (b *beginning) Close() error { return nil }

// forget keeps no more, once the body is read as it must be.
func (b *beginning) forget() {
	if b != nil {
		b.over = true
		b.held.Close()
	}
}

// close gives the memory back. Whoever still reads meets an error.
func (b *beginning) close() {
	if b != nil {
		b.held.Close()
	}
}

// rewind gives the request its body back, as it came.
func (b *beginning) rewind(r *http.Request) {
	if b == nil {
		return
	}
	b.over = true
	r.Header, r.ContentLength, r.TransferEncoding, r.GetBody = b.header, b.length, b.coding, nil
	r.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(b.held.Section(0, b.held.Size()), bytes.NewReader(b.rest), b.ReadCloser), b.ReadCloser}
}

// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package inspect

import (
	"bufio"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/andybalholm/brotli"

	"github.com/panoply-security/panoply/problem"
	"github.com/panoply-security/panoply/rule"
)

// codingOf is the request's content coding, lower case; "" for none.
func codingOf(h http.Header) string {
	c := strings.ToLower(strings.TrimSpace(strings.Join(h["Content-Encoding"], ",")))
	if c == "identity" {
		return ""
	}
	return c
}

const (
	// maxRatio is how much longer than what came in a body may become, as in Apache;
	// what repeats itself does no harm below the floor.
	maxRatio   = 200
	ratioFloor = 1 << 20
	// inflater is what a gzip or deflate decoder takes, whatever comes: its window, its
	// tables and 4 KiB to read into.
	inflater = 48 << 10
	// maxBrotli is how many Brotli bodies are inflated at a time. The client chooses
	// the window: a few bytes make a decoder take 16 MiB, and 4 MiB of tables.
	maxBrotli = 4
)

var brotliSlots = make(chan struct{}, maxBrotli)

// decode takes one content coding off the body: gzip, deflate in its zlib form as
// RFC 9110 has it, or br. Several codings and others are refused, because what is
// not taken off cannot be inspected. The caller bounds what comes out, and maxRatio
// does for what has arrived; what goes in is bounded too, since compressed nothing
// can go on for ever.
func (rd *Reading) decode(r *http.Request, max int64) error {
	coding := codingOf(r.Header)
	if coding == "" {
		delete(r.Header, "Content-Encoding")
		return nil
	}
	if coding == "gzip" || coding == "deflate" {
		if err := rd.reserve(inflater); err != nil {
			return err
		}
	}
	arrived := &counted{Reader: r.Body, left: max, max: max}
	below := bufio.NewReader(arrived)
	var inflated io.Reader
	var err error
	switch coding {
	case "gzip":
		inflated, err = gzip.NewReader(below)
	case "deflate":
		inflated, err = zlib.NewReader(below)
	case "br":
		return rd.unbrotli(r, max)
	default:
		return problem.Refuse(rule.RequestCoding, "The content coding must be gzip, deflate, br or none.")
	}
	if err != nil {
		return codingError(err, max)
	}
	r.Body = &decoded{inflated: inflated, below: below, arrived: arrived, max: max, Closer: r.Body}
	delete(r.Header, "Content-Encoding")
	delete(r.Header, "Content-Length")
	r.ContentLength = -1
	return nil
}

// unbrotli takes Brotli off the body. No decoder waits for a client, which could
// have many of them stand by: the body is there whole before there is one.
func (rd *Reading) unbrotli(r *http.Request, max int64) error {
	if err := rd.buffer(r, Options{MaxBytes: max}, nil); err != nil {
		return err
	}
	packed, held := rd.Data, rd.held
	select {
	case brotliSlots <- struct{}{}:
		defer func() { <-brotliSlots }()
	case <-r.Context().Done():
		return readError(r.Context().Err(), max)
	}
	arrived := &counted{Reader: bytes.NewReader(packed), left: max, max: max}
	below := bufio.NewReaderSize(arrived, 4<<10)
	r.Body = &decoded{inflated: brotli.NewReader(below), below: below, arrived: arrived, max: max, Closer: r.Body}
	r.ContentLength = -1
	if err := rd.buffer(r, Options{MaxBytes: max}, nil); err != nil {
		return err
	}
	rd.budget.release(held)
	rd.held -= held
	delete(r.Header, "Content-Encoding")
	return nil
}

type decoded struct {
	inflated io.Reader
	below    *bufio.Reader
	arrived  *counted
	max, out int64
	io.Closer
}

func (d *decoded) Read(b []byte) (int, error) {
	n, err := d.inflated.Read(b)
	if d.out += int64(n); d.out > ratioFloor && d.out > maxRatio*(d.max-d.arrived.left) {
		return 0, problem.Refuse(rule.RequestTooLarge, "The body inflates to more than 200 times its size.")
	}
	switch err {
	case nil:
		return n, nil
	case io.EOF:
		// What stands behind the stream would be read by some and not by others.
		switch _, more := d.below.Peek(1); more {
		case io.EOF:
			return n, io.EOF
		case nil:
			return n, malformedCoding("There is data after the compressed body.")
		default:
			return n, readError(more, d.max)
		}
	}
	return n, codingError(err, d.max)
}

// codingError tells a malformed body from a connection that broke.
func codingError(err error, max int64) error {
	var corrupt flate.CorruptInputError
	switch {
	case errors.As(err, &corrupt), err == io.EOF, err == io.ErrUnexpectedEOF, err == gzip.ErrHeader, err == gzip.ErrChecksum,
		err == zlib.ErrHeader, err == zlib.ErrChecksum, err == zlib.ErrDictionary, strings.HasPrefix(err.Error(), "brotli: "):
		return malformedCoding("The compressed body is malformed.").Because(err)
	}
	return readError(err, max)
}

func malformedCoding(detail string) *problem.Error {
	e := problem.Refuse(rule.RequestCoding, detail)
	e.Status = http.StatusBadRequest
	return e
}

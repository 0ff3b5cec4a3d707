// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package inspect

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"unicode/utf8"

	"github.com/panoply-security/panoply/problem"
	"github.com/panoply-security/panoply/rule"
)

// DefaultMaxBytes is the bound on a body where none is configured: that of
// express.json().
const DefaultMaxBytes = 100 << 10

// Options is what one reading of a body is to do.
type Options struct {
	MaxBytes int64   // of the body, after its content coding was taken off
	Visitor  Visitor // sees names and values; nil sees nothing
	Tree     bool    // keep the values of a JSON body for a schema
	// Pairs keeps the names and values of a form, for a schema; of a multipart
	// form only with Multipart, and without its files.
	Pairs bool
	// Texts, when not nil, is told of the texts of JSON, of what looks like JSON,
	// and of a form; of a multipart form only with Multipart.
	Texts Texts
	// Multipart reads a multipart body too, for its field names, and buffers it
	// like any other. Without it such a body is left to its own reader.
	Multipart bool
	// Rewrite, when not nil, may take something out of a buffered body of JSON or of
	// a form before it is read; the app gets what is left.
	Rewrite func(rd *Reading, data []byte) []byte
	Budget  *Budget // bounds what all readings buffer together; nil is no bound
}

// Reading is a request's body, read.
type Reading struct {
	Media Media
	// Data is a buffered body without its content coding; nil for an opaque
	// body that streams and for multipart, which its own reader reads.
	Data []byte
	Tree *Node // with Options.Tree, of a JSON body
	// Pairs are the fields of a form, in order, with Options.Pairs.
	Pairs []Pair

	budget *Budget
	held   int64
}

// Close gives the reading's memory back to the budget. Data must not be used
// afterwards.
func (rd *Reading) Close() {
	if rd != nil {
		rd.budget.release(rd.held)
		rd.held = 0
	}
}

// From returns the reading of a request whose body was read already, or nil.
func From(ctx context.Context) *Reading {
	if x := problem.From(ctx); x != nil {
		rd, _ := x.Reading.(*Reading)
		return rd
	}
	return nil
}

// ReadBody reads the body of a request, once. When it returns without an error,
// r.Body gives what was read (or what still streams) to the next reader, and
// r.ContentLength and the headers agree with it. A multipart body is left
// unread, unless Options.Multipart asks for its names. The reading is never
// nil; after an error it holds no memory.
func ReadBody(r *http.Request, o Options) (*Reading, error) {
	rd := &Reading{budget: o.Budget}
	err := rd.read(r, o)
	if err != nil {
		rd.Close()
		rd.Data, rd.Tree, rd.Pairs = nil, nil, nil
	}
	return rd, err
}

func (rd *Reading) read(r *http.Request, o Options) (err error) {
	rd.Media, err = MediaOf(r.Header)
	if r.Body == nil || r.Body == http.NoBody || r.ContentLength == 0 {
		return nil // of nothing there is but one reading, whatever its type
	}
	if err != nil {
		return err
	}
	if o.Visitor == nil {
		o.Visitor = Visitors(nil)
	}
	if rd.Media.Form == Multipart {
		if codingOf(r.Header) != "" {
			return problem.Refuse(rule.RequestCoding, "A multipart body must not have a content coding.")
		}
		if !o.Multipart {
			return nil
		}
	}
	if r.ContentLength > o.MaxBytes {
		return tooLarge(o.MaxBytes)
	}
	if err := rd.decode(r, o.MaxBytes); err != nil {
		return err
	}
	if rd.Media.Form == Opaque {
		rd.Data = nil
		return rd.opaque(r, o)
	}
	if rd.Data == nil {
		if err := rd.buffer(r, o, nil); err != nil {
			return err
		}
	}
	if o.Rewrite != nil && (rd.Media.Form == JSON || rd.Media.Form == URLEncoded) {
		if left := o.Rewrite(rd, rd.Data); len(left) < len(rd.Data) {
			rd.Data = left
			Replace(r, left)
		}
	}
	return rd.parse(o)
}

func (rd *Reading) parse(o Options) (err error) {
	if len(rd.Data) == 0 {
		return nil
	}
	switch rd.Media.Form {
	case JSON:
		var tree *treeBuilder
		if o.Tree {
			tree = &treeBuilder{reserve: rd.reserve}
		}
		rd.Tree, err = readJSON(rd.Data, Body, o.Visitor, tree, o.Texts)
		return err
	case JSONLines:
		data := rd.Data
		if rd.Media.Type == "application/json-seq" {
			data = bytes.ReplaceAll(data, []byte{0x1e}, []byte{' '}) // RFC 7464 starts each text with it
		}
		return readJSONLines(data, o.Visitor, o.Texts)
	case URLEncoded:
		if looksLikeJSON(rd.Data) { // as some clients send it, and some apps take it
			if err := readJSONLoose(rd.Data, Body, o.Visitor, o.Texts); err != nil {
				return err
			}
		}
		p := newPairs(Body, o.Visitor)
		defer p.free()
		if p.texts = o.Texts; o.Pairs {
			p.kept, p.reserve = &rd.Pairs, rd.reserve
		}
		return p.all(textOf(rd.Data))
	case Multipart:
		return rd.readFields(o)
	}
	return readJSONLoose(blankless(rd.Data), Body, o.Visitor, o.Texts)
}

// opaque buffers and inspects a body that looks like JSON, whatever its type
// says, because some apps parse every type; anything else streams, counted.
func (rd *Reading) opaque(r *http.Request, o Options) error {
	head, err := firstBytes(r.Body)
	if err != nil {
		return readError(err, o.MaxBytes)
	}
	if looksLikeJSON(head) {
		if err := rd.buffer(r, o, head); err != nil {
			return err
		}
		return rd.parse(o)
	}
	r.Body = &counted{
		Reader: io.MultiReader(bytes.NewReader(head), r.Body), Closer: r.Body, left: o.MaxBytes, max: o.MaxBytes,
	}
	return nil
}

// firstBytes reads until a byte shows that is not white space, so that a stream
// is not held up and white space hides nothing.
func firstBytes(body io.Reader) ([]byte, error) {
	head := make([]byte, 0, 512)
	for len(head) < cap(head) {
		n, err := body.Read(head[len(head):cap(head)])
		head = head[:len(head)+n]
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
		if utf8.FullRune(blankless(head)) {
			break
		}
	}
	return head, nil
}

// blankless is a body without the white space in front of it that some app trims.
func blankless(head []byte) []byte {
	return bytes.TrimLeftFunc(head, trimmed)
}

// looksLikeJSON reports whether a body could be an object or an array. One that
// starts with nothing but white space could.
func looksLikeJSON(head []byte) bool {
	rest := blankless(head)
	return len(rest) == 0 && len(head) == cap(head) || len(rest) > 0 && (rest[0] == '{' || rest[0] == '[')
}

// counted is a body that ends in an error when it is longer than it may be.
type counted struct {
	io.Reader
	io.Closer
	left, max int64 // left is negative once it was longer: the error stays
}

func (c *counted) Read(b []byte) (int, error) {
	if c.left < 0 {
		return 0, tooLarge(c.max)
	}
	if int64(len(b))-1 > c.left {
		b = b[:c.left+1] // one more tells a long body from a whole one
	}
	n, err := c.Reader.Read(b)
	if int64(n) > c.left {
		n, c.left = int(c.left), -1
		return n, tooLarge(c.max)
	}
	c.left -= int64(n)
	return n, err
}

// buffer reads the rest of the body behind head, within the limit and the
// budget, and puts the buffer in the body's place. The buffer grows with what
// has arrived, so that a client which announces much and sends nothing holds
// little.
func (rd *Reading) buffer(r *http.Request, o Options, head []byte) error {
	const first = 8 << 10
	whole := o.MaxBytes + 1 // room to meet the end in one read
	if r.ContentLength > 0 {
		whole = r.ContentLength + 1
	}
	size := max(min(first, whole), int64(len(head))+bytes.MinRead)
	if err := rd.reserve(size); err != nil {
		return err
	}
	buf := append(make([]byte, 0, size), head...)
	for {
		if len(buf) == cap(buf) {
			size := max(min(4*int64(cap(buf)), whole), int64(cap(buf))+bytes.MinRead)
			if err := rd.reserve(size - int64(cap(buf))); err != nil {
				return err
			}
			buf = append(make([]byte, 0, size), buf...)
		}
		n, err := r.Body.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if int64(len(buf)) > o.MaxBytes {
			return tooLarge(o.MaxBytes)
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return readError(err, o.MaxBytes)
		}
	}
	r.Body.Close()
	rd.Data = buf
	Replace(r, buf)
	return nil
}

func (rd *Reading) reserve(n int64) error {
	if !rd.budget.acquire(n) {
		e := problem.Refuse(rule.RequestBusy, "")
		e.Retry = busyRetry
		return e
	}
	rd.held += n
	return nil
}

// Replace puts data in the place of a request's body.
func Replace(r *http.Request, data []byte) {
	// With GetBody, a request that finds its connection closed before a byte of
	// it was written can be sent on another.
	r.GetBody = func() (io.ReadCloser, error) {
		b := new(replay)
		b.Reset(data)
		return b, nil
	}
	r.Body, _ = r.GetBody()
	r.ContentLength = int64(len(data))
	r.TransferEncoding = nil
	delete(r.Header, "Content-Length") // net/http writes it from ContentLength
}

// replay is a body that was read before.
type replay struct{ bytes.Reader }

func (*replay) Close() error { return nil }

func tooLarge(max int64) *problem.Error {
	return problem.Refuse(rule.RequestTooLarge, fmt.Sprintf("The limit is %d bytes.", max))
}

// readError turns an error of the connection into an answer.
func readError(err error, max int64) error {
	var own *problem.Error
	var limit *http.MaxBytesError
	switch {
	case errors.As(err, &own):
		return err
	case errors.As(err, &limit):
		return tooLarge(max).Because(err)
	case errors.Is(err, os.ErrDeadlineExceeded):
		e := problem.Refuse(rule.RequestAborted, "The body did not arrive in time.").Because(err)
		e.Status = http.StatusRequestTimeout
		return e
	}
	return problem.Refuse(rule.RequestAborted, "The body could not be read to its end.").Because(err)
}

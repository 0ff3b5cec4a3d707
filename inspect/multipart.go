// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package inspect

import (
	"bytes"
	"fmt"
	"io"

	"github.com/panoply-security/panoply/problem"
	"github.com/panoply-security/panoply/rule"
)

// MultipartLimits bounds the reading of one multipart body. The zero value
// takes the default of each.
type MultipartLimits struct {
	// MaxBytes is how long the body may be, framing included. Default 10 MiB.
	MaxBytes int64
	// MaxParts is how many parts it may have. Default 1000.
	MaxParts int
	// MaxHeaderBytes is how long the headers of one part may be, at most
	// 16 KiB. Default 8 KiB.
	MaxHeaderBytes int
}

const (
	defaultMultipartBytes = 10 << 20
	defaultParts          = 1000
	defaultPartHeader     = 8 << 10
	maxPartHeader         = 16 << 10

	maxEmptyReads = 100 // in a row, before the body counts as stuck
)

// MultipartReader reads a multipart/form-data body (RFC 7578, RFC 2046) in
// exactly one way, as a stream.
//
// Multipart is where parsers disagree most: which of two filenames counts,
// whether a part is a file at all, what a folded header, a lone line feed or a
// second boundary means. Whatever Go's mime/multipart, busboy, multer,
// formidable and multiparty are known to read differently is refused with a rule
// of its own, request/multipart-… (400), a charset other than UTF-8 with request/charset
// (415), a cut-off body with request/aborted, a long one with
// request/body-too-large. What passes should still be forwarded with
// [Part.AppendHeader] in place of the headers that came, so that the next
// parser can only read what this one has read.
//
// It holds one buffer of 20 KiB, whatever the body; of 256 KiB while the body comes
// as fast as it is read, for at most 32 readers at a time. It looks at each byte a
// bounded number of times, whatever its content.
type MultipartReader struct {
	body   io.Reader
	limits MultipartLimits
	left   int64 // how much more the body may hold
	delim  delimiter

	buf  *readBuffer
	full int  // reads in a row that filled the buffer
	r, w int  // buf[r:w] was read from the body and not yet taken
	safe int  // buf[r:safe] is known to be content of the part
	end  bool // the delimiter stands at buf[safe]
	eof  bool // the body has ended

	started bool
	inPart  bool
	parts   int
	part    Part
	err     error // of every later call
}

// NewMultipart returns a reader of the body. The boundary must come from
// [Boundary].
func NewMultipart(body io.Reader, boundary string, limits MultipartLimits) *MultipartReader {
	if limits.MaxBytes <= 0 {
		limits.MaxBytes = defaultMultipartBytes
	}
	if limits.MaxParts <= 0 {
		limits.MaxParts = defaultParts
	}
	if limits.MaxHeaderBytes <= 0 {
		limits.MaxHeaderBytes = defaultPartHeader
	}
	limits.MaxHeaderBytes = min(limits.MaxHeaderBytes, maxPartHeader)
	m := &MultipartReader{body: body, limits: limits, left: limits.MaxBytes, buf: newReadBuffer()}
	m.delim.set("\r\n--" + boundary)
	m.part.m = m
	return m
}

// Close gives the buffer back. Reading to the end, or to an error, does so
// too; Close is for a reader that is given up before.
func (m *MultipartReader) Close() {
	m.fail(io.ErrClosedPipe)
}

// fail ends the reading. The first error stays.
func (m *MultipartReader) fail(err error) error {
	if m.err == nil {
		m.err = err
		m.buf.free()
		m.buf = nil
	}
	return m.err
}

func refuseMultipart(id rule.ID, detail string) *problem.Error {
	return problem.Refuse(id, detail)
}

// Next returns the next part, or io.EOF behind the last one, when the body has
// ended properly. What was left unread of the part before is skipped. The part
// is valid until the next call.
func (m *MultipartReader) Next() (*Part, error) {
	if m.err != nil {
		return nil, m.err
	}
	if err := m.next(); err != nil {
		return nil, m.fail(err)
	}
	return &m.part, nil
}

func (m *MultipartReader) next() error {
	if err := m.toDelimiter(); err != nil {
		return err
	}
	after, err := m.peek(2)
	switch {
	case err != nil:
		return err
	case string(after) == "--":
		m.r += 2
		return m.finish()
	case string(after) != "\r\n":
		return refuseMultipart(rule.RequestMultipartBoundary, "A boundary is followed by something else than a line end.")
	}
	m.r += 2
	if m.parts++; m.parts > m.limits.MaxParts {
		return problem.Refuse(rule.RequestTooLarge, fmt.Sprintf("The form has more than %d parts.", m.limits.MaxParts))
	}
	block, err := m.header()
	if err != nil {
		return err
	}
	if err := m.part.parse(block); err != nil {
		return err
	}
	// Some parsers take a boundary right behind the headers for the end of an
	// empty part, others for content.
	start, err := m.peek(len(m.delim.text) - 2)
	if err != nil {
		return err
	}
	if bytes.Equal(start, m.delim.text[2:]) {
		return refuseMultipart(rule.RequestMultipartBoundary, "A part has no line end before its boundary.")
	}
	m.inPart, m.safe, m.end = true, m.r, false
	return nil
}

// toDelimiter takes everything up to and with the next delimiter.
func (m *MultipartReader) toDelimiter() error {
	if m.started {
		for m.inPart {
			content, err := m.content()
			if err != nil {
				return err
			}
			m.r += len(content)
		}
		return nil
	}
	m.started = true
	first, err := m.peek(len(m.delim.text))
	switch {
	case err != nil:
		return err
	case bytes.HasPrefix(first, m.delim.text): // one empty line before is harmless
		m.r += len(m.delim.text)
	case bytes.HasPrefix(first, m.delim.text[2:]):
		m.r += len(m.delim.text) - 2
	case m.eof && len(first) < len(m.delim.text)-2:
		return refuseMultipart(rule.RequestMultipart, "The body ends before its first boundary.")
	default:
		return refuseMultipart(rule.RequestMultipart, "The body does not start with its boundary.")
	}
	return nil
}

// finish checks that nothing but a line end stands behind the last boundary.
func (m *MultipartReader) finish() error {
	rest, err := m.peek(3)
	if err != nil {
		return err
	}
	if s := string(rest); s != "" && s != "\r\n" {
		return refuseMultipart(rule.RequestMultipartTrailing, "There is data after the last boundary.")
	}
	return io.EOF
}

// header takes the headers of a part, without the empty line behind them.
func (m *MultipartReader) header() (string, error) {
	const blank = "\r\n\r\n"
	from := m.r // up to here there is no empty line
	for {
		if i := bytes.Index(m.buf.b[from:m.w], []byte(blank)); i >= 0 {
			end := from + i
			if end-m.r > m.limits.MaxHeaderBytes {
				break
			}
			block := string(m.buf.b[m.r:end])
			m.r = end + len(blank)
			return block, nil
		}
		if m.w-m.r > m.limits.MaxHeaderBytes {
			break
		}
		if m.eof {
			return "", refuseMultipart(rule.RequestMultipartEnd, "The body ends within the headers of a part.")
		}
		scanned := max(m.w-m.r-len(blank)+1, 0)
		if err := m.fill(); err != nil {
			return "", err
		}
		from = m.r + scanned
	}
	return "", refuseMultipart(rule.RequestMultipartSize, fmt.Sprintf("The headers of a part are longer than %d bytes.", m.limits.MaxHeaderBytes))
}

// content returns more of the part's content, without taking it. Nothing means
// that the part has ended; the delimiter is then taken.
func (m *MultipartReader) content() ([]byte, error) {
	for m.r == m.safe {
		if m.end {
			m.r += len(m.delim.text)
			m.inPart = false
			return nil, nil
		}
		unread := m.buf.b[m.r:m.w]
		if i := m.delim.index(unread); i >= 0 {
			m.safe, m.end = m.r+i, true
			continue
		}
		// The last bytes may be the start of a delimiter.
		if n := len(unread) - len(m.delim.text) + 1; n > 0 {
			m.safe = m.r + n
			break
		}
		if m.eof {
			return nil, refuseMultipart(rule.RequestMultipartEnd, "The body ends without its last boundary.")
		}
		if err := m.fill(); err != nil {
			return nil, err
		}
		m.safe = m.r
	}
	return m.buf.b[m.r:m.safe], nil
}

// peek returns the next n bytes without taking them, or fewer at the end.
func (m *MultipartReader) peek(n int) ([]byte, error) {
	for m.w-m.r < n && !m.eof {
		if err := m.fill(); err != nil {
			return nil, err
		}
	}
	return m.buf.b[m.r:min(m.r+n, m.w)], nil
}

// fill reads once more from the body, behind what is not taken yet, which moves
// to the front of the buffer.
func (m *MultipartReader) fill() error {
	if m.full == fastReads && !m.buf.large() {
		if large := newLargeBuffer(); large != nil {
			m.r, m.w = 0, copy(large.b, m.buf.b[m.r:m.w])
			m.buf.free()
			m.buf = large
		}
	}
	if m.r > 0 {
		m.w = copy(m.buf.b, m.buf.b[m.r:m.w])
		m.r = 0
	}
	room := m.buf.b[m.w:]
	if int64(len(room)) > m.left {
		room = room[:m.left+1] // one more tells a long body from a whole one
	}
	for range maxEmptyReads {
		n, err := m.body.Read(room)
		m.w += n
		m.left -= int64(n)
		switch {
		case m.left < 0:
			return tooLarge(m.limits.MaxBytes)
		case err == io.EOF:
			m.eof = true
			return nil
		case err != nil:
			return readError(err, m.limits.MaxBytes)
		case n > 0:
			if m.full++; n < len(room) {
				m.full = 0
			}
			return nil
		}
	}
	return readError(io.ErrNoProgress, m.limits.MaxBytes)
}

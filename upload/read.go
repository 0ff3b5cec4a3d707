// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package upload

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/panoply-security/panoply/inspect"
	"github.com/panoply-security/panoply/internal/spool"
	"github.com/panoply-security/panoply/problem"
	"github.com/panoply-security/panoply/rule"
)

const (
	// emptyInputs is how many file inputs without a file a form may have
	// beside its files and fields.
	emptyInputs = 100
	// reportedParts bounds the parts where counts are only reported.
	reportedParts = 2000

	// beyond is how far a read may go beyond the limit of a part.
	beyond = 4 << 10

	busyRetry = 10 * time.Second
)

// ReadOptions is what one reading does besides.
type ReadOptions struct {
	// Field is called for each field with its name, the part's content type, ""
	// for none, and its value, and for each file with the name of its field alone.
	// An error ends the reading.
	Field func(name, contentType, value string) error
	// JSON is called besides for each file that is declared as JSON, with its
	// content, of which some parsers make an object, as of a body. Such a file is
	// held until it was shown, and has at most 8 MiB: a longer one is refused with
	// request/body-too-large.
	JSON func(name, value string) error
	// Judge is called for each violation of an upload/… rule. Its error ends
	// the reading; nil lets the reading go on, as report mode does. A nil Judge
	// refuses every violation. What the strict reader refuses is not judged.
	Judge func(*problem.Error) error
	// Note is called for what is only told of, whatever the mode: a PDF with
	// scripts, where Config.RefusePDFScripts is not set; a picture with something
	// behind its end.
	Note func(*problem.Error)
	// Deadline sets until when the next bytes of the body must come, or none: the
	// SetReadDeadline of an http.ResponseController. Without it a read that never
	// ends is for others to end.
	Deadline func(time.Time) error
	// Done is called by [Inspector.Forward] when all of a streamed form has been
	// judged, before its end is given out. Its error breaks the form off.
	Done func() error
}

// Read reads the multipart form of a request, once, and judges it. An error is
// a *problem.Error: one of the package's rules, request/… for what cannot be
// read in one way, request/busy when memory and disk are used up, or what
// ReadOptions returned. Without one the caller must Close the form; nothing of
// the body was given to anybody before.
func (t *Inspector) Read(r *http.Request, o ReadOptions) (*Form, error) {
	rd, m, err := t.begin(r, o)
	if err != nil {
		return nil, err
	}
	defer m.Close()
	if err := rd.parts(m); err != nil {
		rd.form.Close()
		if o.Deadline != nil { // the answer must not wait for what is left of the body
			o.Deadline(t.now().Add(time.Second))
		}
		return nil, err
	}
	return rd.form, nil
}

func (t *Inspector) begin(r *http.Request, o ReadOptions) (*reading, *inspect.MultipartReader, error) {
	boundary, err := t.head(r)
	if err != nil {
		return nil, nil, err
	}
	rd := &reading{t: t, o: o, ctx: r.Context(), body: r.Body, left: t.cfg.MaxBytes}
	if r.ContentLength > t.cfg.MaxBytes {
		if err := rd.overlong(); err != nil {
			return nil, nil, err
		}
	}
	if rd.body == nil {
		rd.body = http.NoBody
	}
	limits := inspect.MultipartLimits{MaxBytes: hardBytes, MaxParts: t.cfg.MaxFiles + t.cfg.MaxFields + emptyInputs}
	if o.Judge != nil {
		limits.MaxParts = max(limits.MaxParts, reportedParts)
	}
	rd.form = &Form{boundary: newBoundary(), spool: t.budget.New()}
	rd.to = rd.form.spool
	return rd, inspect.NewMultipart(rd, boundary, limits), nil
}

// head checks the request's headers.
func (t *Inspector) head(r *http.Request) (boundary string, err error) {
	types := r.Header["Content-Type"]
	if len(types) != 1 {
		return "", problem.Refuse(rule.RequestContentType, "A form needs exactly one Content-Type.")
	}
	for _, coding := range r.Header["Content-Encoding"] {
		if coding != "" && !strings.EqualFold(coding, "identity") {
			return "", problem.Refuse(rule.RequestCoding, "A multipart body must not have a content coding.")
		}
	}
	return inspect.Boundary(types[0])
}

// reading is one call of Read.
type reading struct {
	t       *Inspector
	o       ReadOptions
	ctx     context.Context // of the request
	form    *Form
	to      *spool.Spool // where parts go to: the form's own, or one that holds a part of a stream
	scratch []byte       // a part's boundary and headers
	stream  *Stream      // that this becomes when a file is too large to be held; may be nil

	body  io.Reader
	left  int64 // of Config.MaxBytes
	loose bool  // MaxBytes was hit and let pass

	files, fields int
	current       *sink // that is being taken; nil between parts

	waited time.Duration // for the client
	got    int64
}

// Read is the body as the multipart reader sees it: within MaxBytes, and hardly further
// than the limit of the part goes.
func (rd *reading) Read(b []byte) (int, error) {
	if p := rd.current; p != nil && !p.loose && p.left+beyond < int64(len(b)) {
		b = b[:p.left+beyond]
	}
	if rd.loose {
		return rd.receive(b)
	}
	if int64(len(b)) > rd.left {
		b = b[:rd.left+1]
	}
	n, err := rd.receive(b)
	if rd.left -= int64(n); rd.left < 0 {
		if err := rd.overlong(); err != nil {
			return 0, err
		}
	}
	return n, err
}

func (rd *reading) overlong() error {
	rd.loose = true
	return rd.violates(rule.UploadTooLarge, fmt.Sprintf("The form may have %d bytes.", rd.t.cfg.MaxBytes), "")
}

// violates asks Judge about a violation. The field's name becomes the pointer.
func (rd *reading) violates(id rule.ID, detail, field string) error {
	return rd.judged(refusal(id, detail, field))
}

func (rd *reading) judged(e *problem.Error) error {
	if rd.o.Judge == nil {
		return e
	}
	return rd.o.Judge(e)
}

func refusal(id rule.ID, detail, field string) *problem.Error {
	e := problem.Refuse(id, detail)
	if field != "" {
		e.Fields = []problem.Field{{Pointer: pointer(field), Detail: detail}}
		e.Detail = ""
	}
	return e
}

var pointerEscape = strings.NewReplacer("~", "~0", "/", "~1")

// pointer spells a field's name as a JSON Pointer, cut so that an answer stays
// small.
func pointer(field string) string {
	if len(field) > 64 {
		field = strings.ToValidUTF8(field[:64], "") + "…"
	}
	return "/" + pointerEscape.Replace(field)
}

func (rd *reading) parts(m *inspect.MultipartReader) error {
	for {
		p, err := m.Next()
		if err == io.EOF {
			return rd.write("--" + rd.form.boundary + "--\r\n")
		}
		if err != nil {
			return err
		}
		if err := rd.part(p); err != nil {
			return err
		}
	}
}

func (rd *reading) part(p *inspect.Part) error {
	rd.scratch = append(append(append(rd.scratch[:0], "--"...), rd.form.boundary...), "\r\n"...)
	rd.scratch = p.AppendHeader(rd.scratch)
	if _, err := rd.to.Write(rd.scratch); err != nil {
		return busy(err)
	}
	var err error
	if p.Filename != "" {
		err = rd.file(p)
	} else {
		err = rd.field(p)
	}
	if err != nil {
		return err
	}
	return rd.write("\r\n")
}

func (rd *reading) write(s string) error {
	if _, err := rd.to.Write([]byte(s)); err != nil {
		return busy(err)
	}
	return nil
}

// file reads a part with a filename.
func (rd *reading) file(p *inspect.Part) error {
	if rd.o.Field != nil {
		if err := rd.o.Field(p.Name, "", ""); err != nil {
			return err
		}
	}
	f := &File{Field: strings.Clone(p.Name), Name: strings.Clone(p.Filename), Declared: strings.Clone(p.ContentType)}
	name := parseName(f.Name)
	if why := name.dangerous(&rd.t.types); why != "" {
		if err := rd.violates(rule.UploadDangerous, why, f.Field); err != nil {
			return err
		}
	}
	if err := rd.countFile(); err != nil {
		return err
	}
	if why := badName(f.Name, name); why != "" {
		if err := rd.violates(rule.UploadName, why, f.Field); err != nil {
			return err
		}
	}
	if rd.o.JSON != nil && inspect.ParsedAsJSON(f.Declared) {
		return rd.json(p, f, name)
	}
	if rd.t.cfg.Reencode {
		return rd.reencoded(p, f, name)
	}
	var err error
	f.off, f.Size, err = rd.content(p, rd.t.cfg.MaxFileBytes, "file")
	if err == errTooLargeToHold {
		f.in = rd.to
		rd.stream.part, rd.stream.file, rd.stream.name = p, f, name
	}
	if err != nil {
		return err
	}
	return rd.keep(f, name)
}

func (rd *reading) countFile() error {
	rd.files++
	if rd.files == rd.t.cfg.MaxFiles+1 {
		return rd.violates(rule.UploadTooMany, fmt.Sprintf("The form may have %d files.", rd.t.cfg.MaxFiles), "")
	}
	return nil
}

func (rd *reading) keep(f *File, name fileName) error {
	f.in = rd.to
	if err := rd.judge(f, name); err != nil {
		return err
	}
	if err := rd.scan(f); err != nil {
		return err
	}
	rd.form.Files = append(rd.form.Files, f)
	return nil
}

// field reads a part without a filename: a field, a file input in which nothing
// was chosen, or content with a type, which is a field to some parsers and a
// file to others and so is held to both.
func (rd *reading) field(p *inspect.Part) error {
	f := &Field{Name: strings.Clone(p.Name), in: rd.to}
	typed, named, declared := p.File && !p.Named(), p.Named(), strings.Clone(p.ContentType)
	if !named {
		rd.fields++
		if rd.fields == rd.t.cfg.MaxFields+1 {
			if err := rd.violates(rule.UploadTooMany, fmt.Sprintf("The form may have %d fields.", rd.t.cfg.MaxFields), ""); err != nil {
				return err
			}
		}
	}
	var err error
	if f.off, f.Size, err = rd.content(p, rd.t.cfg.MaxFieldBytes, "field"); err != nil {
		return err
	}
	value := ""
	if f.Size <= rd.t.cfg.MaxFieldBytes { // a longer one was let pass, unread
		if value, err = f.Value(); err != nil {
			return busy(err)
		}
	}
	if !utf8.ValidString(value) {
		// Also where it has a type: parsers that take it for a field make text of it.
		return problem.Refuse(rule.RequestMultipartText, "A part without a filename is not valid UTF-8.")
	}
	if strings.HasPrefix(value, "\ufeff") {
		// Old busboy and fetch's formData drop it.
		return problem.Refuse(rule.RequestMultipartText, "A field starts with a byte order mark.")
	}
	if f.Name == "_charset_" && value != "" && !strings.EqualFold(value, "utf-8") {
		return problem.Refuse(rule.RequestCharset, "The charset of a form must be utf-8.")
	}
	if rd.o.Field != nil {
		if err := rd.o.Field(f.Name, declared, value); err != nil {
			return err
		}
	}
	if !named || f.Size > 0 {
		rd.form.Fields = append(rd.form.Fields, f)
	}
	if !typed && !named || f.Size == 0 {
		return nil
	}
	if err := rd.countFile(); err != nil {
		return err
	}
	return rd.keep(&File{Field: f.Name, Declared: declared, Size: f.Size, off: f.off}, fileName{})
}

// content moves a part's content into the form and returns where it stands.
func (rd *reading) content(p *inspect.Part, limit int64, what string) (off, size int64, err error) {
	off = rd.to.Size()
	s := &sink{rd: rd, field: p.Name, what: what, limit: limit, left: limit, off: off}
	rd.current = s
	_, err = p.WriteTo(s)
	if err == errTooLargeToHold {
		rd.stream.sink = s
	} else {
		rd.current = nil
	}
	return off, rd.to.Size() - off, err
}

// sink takes one part's content as far as its limit goes.
type sink struct {
	rd          *reading
	field, what string
	limit, left int64
	loose       bool  // the limit was hit and let pass
	off         int64 // of the part in the spool
}

func (s *sink) Write(b []byte) (written int, err error) {
	for len(b) > 0 {
		piece := b
		if s.what == "file" && s.rd.stream.hasty() { // its head is enough to hold
			piece = b[:min(len(b), windowBytes)]
		}
		if err := s.take(piece); err != nil {
			return written, err
		}
		n, err := s.rd.to.Write(piece)
		b, written = b[n:], written+n
		if err != nil {
			return written, busy(err)
		}
		if s.what == "file" && s.rd.stream.wants(s.rd.to.Size(), s.rd.to.Size()-s.off) {
			return written, errTooLargeToHold
		}
	}
	return written, nil
}

// take counts the next bytes of the part.
func (s *sink) take(b []byte) error {
	if s.left -= int64(len(b)); s.left < 0 && !s.loose {
		s.loose = true
		return s.rd.violates(rule.UploadTooLarge, fmt.Sprintf("A %s may have %d bytes.", s.what, s.limit), s.field)
	}
	return nil
}

// busy turns an error of the spool into an answer.
func busy(err error) error {
	e := problem.Refuse(rule.RequestBusy, "").Because(err)
	e.Retry = busyRetry
	return e
}

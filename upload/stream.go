// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package upload

import (
	"errors"
	"io"
	"net/http"
	"os"
	"sync"
	"sync/atomic"

	"github.com/panoply-security/panoply/inspect"
)

// heldBytes is how large a form is that is judged whole before any of it goes
// on, unless the route says otherwise.
const heldBytes = 10 * megabyte

// errTooLargeToHold ends the holding of a form in the middle of a file.
var errTooLargeToHold = errors.New("upload: too large to be held")

// Stream is a form that is judged while it goes on to another server. Reading it
// reads the request's body. What was read is written anew as in a [Form]; the
// head of each file is held back until its type is known, every field until it
// is judged. A violation is the error of Read, and comes before the form's end:
// whoever reads on has a form that is broken off.
//
// It holds the buffer of the multipart reader, one of 16 KiB for the file's walk, and
// a spool for the part that is held back.
type Stream struct {
	closed   atomic.Bool
	mu       sync.Mutex // held by a Read
	released bool
	rd       *reading
	m        *inspect.MultipartReader
	part     *inspect.Part
	err      error // of every later Read, behind what is held

	after int64 // bytes that are held before a file streams
	held  *io.SectionReader

	// The file that is going on.
	file *File
	name fileName
	sink *sink
	j    *judging
	walk *walk
}

// Forward is [Inspector.Read] for a request that goes on to another server. A
// form that the configuration's Delivery lets be held is returned as a Form; a
// larger one as a Stream, once the head of its first large file is judged. The
// caller must Close what it gets.
func (t *Inspector) Forward(r *http.Request, o ReadOptions) (*Form, *Stream, error) {
	after, streams := t.streamsAfter()
	if !streams {
		form, err := t.Read(r, o)
		return form, nil, err
	}
	rd, m, err := t.begin(r, o)
	if err != nil {
		return nil, nil, err
	}
	s := &Stream{rd: rd, m: m, after: after}
	rd.stream = s
	err = rd.parts(m)
	switch {
	case err == nil:
		m.Close()
		return rd.form, nil, nil
	case err == errTooLargeToHold:
		if err = s.goOn(); err == nil {
			return nil, s, nil
		}
	}
	s.Close()
	return nil, nil, err
}

// streamsAfter is how many bytes are held before a form streams.
func (t *Inspector) streamsAfter() (after int64, streams bool) {
	switch {
	case t.cfg.Delivery == Spool || t.types.whole || t.scanner != nil || t.cfg.Reencode:
		return 0, false
	case t.cfg.Delivery == Streamed:
		return 0, true
	}
	return heldBytes, true
}

// hasty reports whether nothing but the heads of files is held.
func (s *Stream) hasty() bool { return s != nil && s.after == 0 }

// wants reports whether a file need not be held any longer.
func (s *Stream) wants(held, file int64) bool {
	return s != nil && held > s.after && file >= headBytes
}

func (s *Stream) isClosed() bool { return s != nil && s.closed.Load() }

// goOn begins to give out the file whose first bytes are held.
func (s *Stream) goOn() error {
	held := s.rd.to
	s.after = 0
	v := newView(s.file.Open(), s.file.Size)
	j, err := s.rd.judgeHead(s.file, s.name, v)
	v.close()
	if err != nil {
		return err
	}
	s.j = j
	if why := j.claims(); why != "" {
		if err := j.verdict(finding{anatomy: anatomy{fault: why}}, ""); err != nil {
			return err
		}
	}
	if err := j.listed(); err != nil {
		return err
	}
	if j.walks() && !j.shown.whole {
		s.walk = newWalk(j.shown)
		var buf [4 << 10]byte
		for r := s.file.Open(); ; {
			n, err := r.Read(buf[:])
			s.walk.take(buf[:n])
			if err == io.EOF {
				break
			}
			if err != nil {
				return busy(err)
			}
		}
		if err := s.looked(); err != nil {
			return err
		}
	}
	s.held = held.Section(0, held.Size())
	return nil
}

// looked judges what the walk has found, once it has come to an end.
func (s *Stream) looked() error {
	if s.walk == nil || !s.walk.done {
		return nil
	}
	found := s.walk.found
	s.walk.close()
	s.walk = nil
	return s.j.verdict(found, "")
}

// Read gives out more of the form. It fails with a *problem.Error.
func (s *Stream) Read(p []byte) (int, error) {
	s.mu.Lock()
	defer s.unlock()
	for {
		var n int
		var err error
		switch {
		case s.closed.Load():
			return 0, os.ErrClosed
		case s.held != nil:
			if n, err = s.held.Read(p); err == io.EOF {
				err = s.givenOut()
			}
		case s.err != nil:
			return 0, s.err
		case s.file != nil:
			if n, err = s.part.Read(p); err == nil {
				err = s.judged(p[:n])
			} else if err == io.EOF {
				err = s.ended()
			}
			s.err = err
		default:
			err = s.next()
			s.err = err
			if err == io.EOF {
				continue // behind what is held
			}
		}
		if err != nil {
			return 0, err // what was read belongs to what is refused
		}
		if n > 0 || len(p) == 0 {
			return n, nil
		}
	}
}

// WriteTo gives out the whole form, in pieces as they come and without copying
// them. It fails as Read does.
func (s *Stream) WriteTo(w io.Writer) (n int64, err error) {
	s.mu.Lock()
	defer s.unlock()
	for {
		k := int64(0)
		switch {
		case s.closed.Load():
			return n, os.ErrClosed
		case s.held != nil:
			buf := windows.Get().(*[windowBytes]byte)
			k, err = io.CopyBuffer(struct{ io.Writer }{w}, s.held, buf[:])
			windows.Put(buf)
			if err == nil {
				err = s.givenOut()
			}
		case s.err == io.EOF:
			return n, nil
		case s.err != nil:
			return n, s.err
		case s.file != nil:
			if k, err = s.part.WriteTo(judgedWriter{s, w}); err == nil {
				err = s.ended()
			}
			s.err = err
		default:
			err = s.next()
			s.err = err
			if err == io.EOF {
				err = nil // behind what is held
			}
		}
		if n += k; err != nil {
			return n, err
		}
	}
}

// judgedWriter passes on what is judged of the file that is going on.
type judgedWriter struct {
	s *Stream
	w io.Writer
}

func (j judgedWriter) Write(b []byte) (int, error) {
	if j.s.closed.Load() {
		return 0, os.ErrClosed
	}
	if err := j.s.judged(b); err != nil {
		return 0, err
	}
	return j.w.Write(b)
}

// givenOut ends what was held.
func (s *Stream) givenOut() error {
	s.held = nil
	s.rd.to.Close()
	return nil
}

// judged judges more of the file that is going on.
func (s *Stream) judged(b []byte) error {
	if err := s.sink.take(b); err != nil {
		return err
	}
	if s.walk == nil {
		return nil
	}
	s.walk.take(b)
	return s.looked()
}

// ended judges a file whose last byte has gone on.
func (s *Stream) ended() error {
	if s.walk != nil {
		s.walk.end()
		if err := s.looked(); err != nil {
			return err
		}
	}
	s.file, s.rd.current = nil, nil
	return s.hold(func() error { return s.rd.write("\r\n") })
}

// next holds the next part and judges it, or at least the head of a file.
func (s *Stream) next() error {
	p, err := s.m.Next()
	if err == io.EOF {
		if s.rd.o.Done != nil {
			if err := s.rd.o.Done(); err != nil {
				return err
			}
		}
		if err := s.hold(func() error { return s.rd.write("--" + s.rd.form.boundary + "--\r\n") }); err != nil {
			return err
		}
		return io.EOF
	}
	if err != nil {
		return err
	}
	err = s.hold(func() error { return s.rd.part(p) })
	if err == errTooLargeToHold {
		err = s.goOn()
	}
	return err
}

// hold has something written to a spool of its own, to be given out next.
func (s *Stream) hold(write func() error) error {
	s.rd.to = s.rd.t.budget.New()
	if err := write(); err != nil {
		return err
	}
	s.held = s.rd.to.Section(0, s.rd.to.Size())
	return nil
}

// ContentType is that of the form, with a boundary that no client can know.
func (s *Stream) ContentType() string { return s.rd.form.ContentType() }

// Replace puts the stream in the place of a request's body, with the headers
// that describe it. It changes r.Header.
func (s *Stream) Replace(r *http.Request) {
	replace(r, s, -1, s.ContentType())
}

// Close gives up what was not read. It may be called at any time, also while
// Read waits for the client.
func (s *Stream) Close() error {
	if s == nil {
		return nil
	}
	s.closed.Store(true)
	s.release()
	return nil
}

// unlock ends a Read.
func (s *Stream) unlock() {
	s.mu.Unlock()
	if s.closed.Load() {
		s.release()
	}
}

// release gives everything back, unless a Read is under way, which does so
// later.
func (s *Stream) release() {
	if !s.mu.TryLock() {
		return
	}
	defer s.mu.Unlock()
	if s.released {
		return
	}
	s.released = true
	if s.walk != nil {
		s.walk.close()
	}
	s.m.Close()
	s.rd.to.Close()
	s.rd.form.Close()
}

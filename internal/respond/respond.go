// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

// Package respond is the one ResponseWriter wrapper of Panoply.
//
// Whatever way an answer takes out of a handler (Write, WriteHeader, ReadFrom,
// Flush, Hijack, an http.ResponseController, or returning without a word), its
// hook sees the final header exactly once before a byte leaves, and once more
// only when a held answer was discarded for another one. Informational answers
// (1xx) pass without using that chance up. A hook may also ask to hold the body
// back, up to a bound it states, and change it before it leaves.
package respond

import (
	"bufio"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"strings"
)

// Plan says what becomes of a body, decided when the final header is known.
type Plan struct {
	// Hold keeps up to this many bytes of the body back and shows them to
	// Hook.Body; 0 lets the body pass.
	Hold int
	// Replace drops what the handler writes and sends Body instead, with Status.
	Replace bool
	Status  int
	Body    []byte
	// Keep is how much of a replaced body to keep for Hook.Dropped.
	Keep int
}

// Hook decides about one answer.
type Hook interface {
	// Header is called once with the final status, before the header leaves.
	// It may change h.
	Header(status int, h http.Header) Plan
	// Body is called once with the held body: whole when complete, else its
	// first bytes up to Plan.Hold. What it returns leaves instead, with the
	// status it returns; when replaced is true the rest of the body is dropped.
	Body(status int, h http.Header, body []byte, complete bool) (newStatus int, newBody []byte, replaced bool)
	// Dropped is called at the end with the first Plan.Keep bytes of what a
	// replaced answer would have said.
	Dropped(body []byte)
}

type state uint8

const (
	fresh    state = iota // no final header yet
	passing               // the header left, the body passes
	holding               // the header waits for the body
	dropping              // the answer was replaced, the rest is dropped
	hijacked
)

// Writer is the wrapper. Finish must be called when the handler has returned.
type Writer struct {
	w      http.ResponseWriter
	hook   Hook
	state  state
	status int
	hold   int
	keep   int
	held   []byte
	header http.Header // as the hook left it, while the body is held
}

// Interfaces that handlers look for by type assertion. http.ResponseController
// finds FlushError and Hijack here, deadlines and full duplex through Unwrap.
var (
	_ http.Flusher  = (*Writer)(nil)
	_ http.Hijacker = (*Writer)(nil)
	_ io.ReaderFrom = (*Writer)(nil)
)

// Reset readies the writer for one answer.
func (w *Writer) Reset(to http.ResponseWriter, hook Hook) {
	*w = Writer{w: to, hook: hook, held: w.held[:0]}
}

// Unwrap gives http.ResponseController the writer below.
func (w *Writer) Unwrap() http.ResponseWriter { return w.w }

// Header is the header map of the answer.
func (w *Writer) Header() http.Header { return w.w.Header() }

// Status is the final status, or 0 while there is none.
func (w *Writer) Status() int { return w.status }

// WriteHeader lets 1xx pass and settles the final header once. It panics on a
// status that HTTP does not have, as net/http does, but while another answer can
// still take its place.
func (w *Writer) WriteHeader(status int) {
	if w.state != fresh {
		return // net/http would log it; the first status counts
	}
	if status < 100 || status > 999 {
		panic(fmt.Sprintf("invalid WriteHeader code %v", status))
	}
	if status >= 100 && status < 200 && status != http.StatusSwitchingProtocols {
		w.inform(status)
		return
	}
	plan := w.settle(status)
	switch {
	case plan.Replace:
		w.state, w.status, w.keep = dropping, plan.Status, plan.Keep
		w.w.WriteHeader(plan.Status)
		w.w.Write(plan.Body)
	case plan.Hold > 0:
		w.state, w.hold = holding, plan.Hold
		w.header = w.w.Header().Clone()
	default:
		w.state = passing
		w.w.WriteHeader(status)
	}
}

// inform sends an informational answer. Its header is the final one's as far as
// that is known, and the hook has not seen it: hints to load early are all that
// may leave.
func (w *Writer) inform(status int) {
	h := w.w.Header()
	final := maps.Clone(h)
	maps.DeleteFunc(h, func(name string, _ []string) bool { return name != "Link" })
	w.w.WriteHeader(status)
	maps.Copy(h, final)
}

func (w *Writer) settle(status int) Plan {
	w.status = status
	return w.hook.Header(status, w.w.Header())
}

// Write sends, holds or drops b.
func (w *Writer) Write(b []byte) (int, error) {
	if w.state == fresh {
		w.WriteHeader(http.StatusOK)
	}
	switch w.state {
	case holding:
		room := w.hold - len(w.held)
		if len(b) <= room {
			w.held = append(w.held, b...)
			return len(b), nil
		}
		w.held = append(w.held, b[:room]...)
		if err := w.release(false); err != nil {
			return 0, err
		}
		if w.state == dropping {
			return len(b), nil
		}
		n, err := w.w.Write(b[room:])
		return room + n, err
	case dropping:
		if room := w.keep - len(w.held); room > 0 {
			w.held = append(w.held, b[:min(room, len(b))]...)
		}
		return len(b), nil
	case hijacked:
		return 0, http.ErrHijacked
	}
	return w.w.Write(b)
}

// release sends what was held.
func (w *Writer) release(complete bool) error {
	w.restore()
	status, body, replaced := w.hook.Body(w.status, w.w.Header(), w.held, complete)
	w.status, w.state = status, passing
	if replaced {
		w.state, w.keep = dropping, 0
	}
	w.w.WriteHeader(status)
	_, err := w.w.Write(body)
	return err
}

// restore takes back what the handler changed in the header after it was
// settled, which has no effect in net/http either. Trailers are set late.
func (w *Writer) restore() {
	h := w.w.Header()
	maps.DeleteFunc(h, func(name string, _ []string) bool {
		if _, settled := w.header[name]; settled {
			return false
		}
		return !w.trailer(name)
	})
	maps.Copy(h, w.header)
	w.header = nil
}

// trailer reports whether a name in the header map is that of a trailer.
func (w *Writer) trailer(name string) bool {
	if strings.HasPrefix(name, http.TrailerPrefix) {
		return true
	}
	for _, line := range w.header["Trailer"] {
		for declared := range strings.SplitSeq(line, ",") {
			if http.CanonicalHeaderKey(strings.TrimSpace(declared)) == name {
				return true
			}
		}
	}
	return false
}

// ReadFrom keeps the sendfile path of net/http for bodies that pass.
func (w *Writer) ReadFrom(r io.Reader) (int64, error) {
	if w.state == fresh {
		w.WriteHeader(http.StatusOK)
	}
	if rf, ok := w.w.(io.ReaderFrom); ok && w.state == passing {
		return rf.ReadFrom(r)
	}
	return io.Copy(writeOnly{w}, r)
}

// writeOnly hides ReadFrom from io.Copy.
type writeOnly struct{ io.Writer }

// Flush sends what was written so far; a held body stays held.
func (w *Writer) Flush() { w.FlushError() }

// FlushError is Flush with the error; http.ResponseController prefers it.
func (w *Writer) FlushError() error {
	if w.state == fresh {
		w.WriteHeader(http.StatusOK)
	}
	if w.state == holding {
		return nil
	}
	return http.NewResponseController(w.w).Flush()
}

// Hijack settles the header as for a 101, so that an upgraded answer carries
// the same headers, and gives the connection away.
func (w *Writer) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(w.w).Hijack()
	if err != nil {
		return nil, nil, err // and the answer is still to come
	}
	if w.state == fresh {
		w.settle(http.StatusSwitchingProtocols)
	}
	w.state = hijacked
	return conn, rw, nil
}

// Finish ends the answer: a handler that never wrote gets its 200, a held body
// leaves, a replaced one is reported.
func (w *Writer) Finish() {
	if w.state == fresh {
		w.WriteHeader(http.StatusOK)
	}
	switch w.state {
	case holding:
		w.release(true)
	case dropping:
		// What the handler set for the end of its own answer would leave in HTTP/2.
		maps.DeleteFunc(w.w.Header(), func(name string, _ []string) bool { return strings.HasPrefix(name, http.TrailerPrefix) })
		if w.keep > 0 {
			w.hook.Dropped(w.held)
		}
	}
}

// Committed reports whether a final header has left, so that the answer can no
// longer be replaced.
func (w *Writer) Committed() bool { return w.state != fresh && w.state != holding }

// Replaced reports whether the hook put a whole answer in the place of the
// handler's, so that nothing is lost when the handler fails.
func (w *Writer) Replaced() bool { return w.state == dropping }

// Discard forgets a held body, so that another answer can take its place. It
// reports whether that was possible.
func (w *Writer) Discard() bool {
	if w.Committed() {
		return false
	}
	if w.state == holding {
		w.restore()
	}
	w.state, w.status, w.held = fresh, 0, w.held[:0]
	return true
}

// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package http1

import (
	"io"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// sending is a request's body on its way, while the answer may already come.
type sending struct {
	conn     *conn
	body     io.Reader
	length   int64 // -1 in chunks
	patience time.Duration

	last  atomic.Bool   // nothing is missing but the end of the write under way
	ended chan struct{} // closed at the end
	err   error         // then: why the body is not whole

	mu    sync.Mutex
	begun bool // the answer's header is there, and the time for it no matter
}

const (
	// room before and behind a chunk for its framing.
	before, behind = 10, 7
	sendBuffer     = 32 << 10
	maxPiece       = 64 << 10 // has its time to be taken
	// afterwards is how long an answer that is whole waits for the last write of the
	// request's body, whose reader is there.
	afterwards = 50 * time.Millisecond
)

var copying = sync.Pool{New: func() any { return new([sendBuffer]byte) }}

func send(cn *conn, body io.Reader, length int64) *sending {
	s := &sending{conn: cn, body: body, length: length, patience: cn.client.Answer, ended: make(chan struct{})}
	cn.await(0) // until it is sent
	go s.run()
	return s
}

func (s *sending) run() {
	err, ours := s.send()
	s.err = err
	close(s.ended)
	if err != nil && ours {
		s.conn.hangUp() // the server must not take it for whole
		return
	}
	// A server that takes no more may have said why.
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.begun {
		s.conn.SetReadDeadline(time.Now().Add(s.patience))
	}
}

// send sends the body. ours reports whether an error is not the server's.
func (s *sending) send() (err error, ours bool) {
	if to, ok := s.body.(io.WriterTo); ok && s.conn.raw == s.conn.Conn { // TLS copies in any case
		return s.direct(to)
	}
	buf := copying.Get().(*[sendBuffer]byte)
	defer copying.Put(buf)
	if s.length < 0 {
		return s.chunks(buf[:])
	}
	return s.bytes(buf[:])
}

// bytes sends a body whose length is known.
func (s *sending) bytes(buf []byte) (err error, ours bool) {
	for left := s.length; left > 0; {
		n, err := s.body.Read(buf[:min(left, int64(len(buf)))])
		left -= int64(n)
		s.last.Store(left == 0)
		if n > 0 {
			if err := s.write(buf[:n]); err != nil {
				return err, false
			}
		}
		if err == io.EOF && left > 0 {
			return io.ErrUnexpectedEOF, true
		}
		if err != nil && err != io.EOF {
			return err, true
		}
	}
	if n, err := s.body.Read(buf[:1]); n > 0 {
		return errLength, true
	} else if err != nil && err != io.EOF {
		return err, true
	}
	return nil, false
}

// chunks sends a body in chunks, each as it comes.
func (s *sending) chunks(buf []byte) (err error, ours bool) {
	for {
		n, err := s.body.Read(buf[before : len(buf)-behind])
		if err != nil && err != io.EOF {
			return err, true
		}
		from, to := before, before+n
		if n > 0 {
			var size [16]byte
			line := append(strconv.AppendInt(size[:0], int64(n), 16), "\r\n"...)
			from -= len(line)
			copy(buf[from:], line)
			to += copy(buf[to:], "\r\n")
		}
		if err == io.EOF {
			s.last.Store(true)
			to += copy(buf[to:], "0\r\n\r\n")
		}
		if from < to {
			if err := s.write(buf[from:to]); err != nil {
				return err, false
			}
		}
		if err == io.EOF {
			return nil, false
		}
	}
}

// direct sends a body from where it lies.
func (s *sending) direct(body io.WriterTo) (err error, ours bool) {
	w := &directly{sending: s, left: s.length}
	_, err = body.WriteTo(w)
	switch {
	case w.err != nil:
		return w.err, false
	case err != nil:
		return err, true
	case w.left > 0:
		return io.ErrUnexpectedEOF, true
	case s.length < 0:
		s.last.Store(true)
		return s.write([]byte("0\r\n\r\n")), false
	}
	return nil, false
}

// directly is where a body writes itself to.
type directly struct {
	*sending
	left int64 // negative in chunks
	err  error // of the connection
}

func (w *directly) Write(b []byte) (n int, err error) {
	for n < len(b) {
		piece := b[n:min(len(b), n+maxPiece)]
		if w.left < 0 {
			w.err = w.chunk(piece)
		} else if w.left -= int64(len(piece)); w.left < 0 {
			return n, errLength
		} else {
			w.last.Store(w.left == 0)
			w.err = w.write(piece)
		}
		if w.err != nil {
			return n, w.err
		}
		n += len(piece)
	}
	return n, nil
}

// chunk writes a chunk and its framing at once.
func (s *sending) chunk(b []byte) error {
	var size [16]byte
	line := append(strconv.AppendInt(size[:0], int64(len(b)), 16), "\r\n"...)
	parts := net.Buffers{line, b, []byte("\r\n")}
	s.conn.SetWriteDeadline(time.Now().Add(s.patience))
	_, err := parts.WriteTo(s.conn.Conn)
	return err
}

func (s *sending) write(b []byte) error {
	s.conn.SetWriteDeadline(time.Now().Add(s.patience))
	_, err := s.conn.Write(b)
	return err
}

// answered says that the answer's header is there.
func (s *sending) answered() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.begun = true
}

// failure is why the body is not whole, as far as that is known.
func (s *sending) failure() error {
	select {
	case <-s.ended:
		return s.err
	default:
		return nil
	}
}

// whole reports whether the server has got all of the body, so that the connection can
// have another request.
func (s *sending) whole() bool {
	if !s.last.Load() {
		return false
	}
	timer := time.NewTimer(afterwards)
	defer timer.Stop()
	select {
	case <-s.ended:
		return s.err == nil
	case <-timer.C:
		return false
	}
}

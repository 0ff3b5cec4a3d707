// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package http1

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"testing"
	"testing/iotest"
	"time"
)

// script is a connection on which the server says what is written.
type script struct {
	io.Reader
	net.Conn
}

func (s *script) Read(p []byte) (int, error)       { return s.Reader.Read(p) }
func (s *script) Write(p []byte) (int, error)      { return len(p), nil }
func (s *script) Close() error                     { return nil }
func (s *script) SetDeadline(time.Time) error      { return nil }
func (s *script) SetReadDeadline(time.Time) error  { return nil }
func (s *script) SetWriteDeadline(time.Time) error { return nil }

// reads is what the client makes of an answer.
func reads(r *http.Request, said io.Reader) heard {
	c := New(Config{Answer: time.Hour, Dial: func(context.Context) (net.Conn, error) { return &script{Reader: said}, nil }})
	return hear(c, r)
}

// oracle is what net/http makes of it, as its Transport reads answers.
func oracle(r *http.Request, said []byte) (h heard) {
	in := bufio.NewReaderSize(bytes.NewReader(said), 1<<20) // trailers must fit
	for {
		res, err := http.ReadResponse(in, r)
		if err != nil {
			h.err = err
			return h
		}
		h.status, h.header = res.StatusCode, res.Header
		if h.status < 200 && h.status != http.StatusSwitchingProtocols {
			h.interim = append(h.interim, h.status)
			continue
		}
		if h.status == http.StatusSwitchingProtocols {
			return h
		}
		body, err := io.ReadAll(res.Body)
		res.Body.Close()
		h.body, h.broken, h.trailer = string(body), err, res.Trailer
		return h
	}
}

// What the client accepts, net/http accepts, and reads the same in it.
func FuzzAnswers(f *testing.F) {
	const enough = 2 << 10 // longer ones have nothing to mutate
	for _, test := range answers {
		if len(test.said) < enough {
			f.Add([]byte(test.said), test.method == "HEAD")
		}
	}
	for _, test := range refused {
		if len(test.said) < enough {
			f.Add([]byte(test.said), test.method == "HEAD")
		}
	}
	f.Fuzz(func(t *testing.T, said []byte, head bool) {
		method := http.MethodGet
		if head {
			method = http.MethodHead
		}
		r := newRequest(t, method, "/", nil)
		got := reads(r, bytes.NewReader(said))
		for name, in := range map[string]io.Reader{"byte by byte": iotest.OneByteReader(bytes.NewReader(said)), "with an early end": iotest.DataErrReader(bytes.NewReader(said))} {
			if again := reads(r, in); !same(got, again) {
				t.Errorf("%s: got %+v; want %+v", name, again, got)
			}
		}
		if got.err != nil {
			return
		}
		want := oracle(r, said)
		if want.err != nil {
			t.Fatalf("net/http refuses it: %v", want.err)
		}
		// It believes what nobody has said, for the sake of old clients.
		if pragma := got.header["Pragma"]; len(pragma) > 0 && pragma[0] == "no-cache" && got.header["Cache-Control"] == nil {
			delete(want.header, "Cache-Control")
		}
		if got.status != want.status || !slices.Equal(got.interim, want.interim) || !sameFields(got.header, want.header) {
			t.Errorf("got %d, %v, %v; net/http gets %d, %v, %v", got.status, got.interim, got.header, want.status, want.interim, want.header)
		}
		if got.broken != nil { // a broken answer has no more to compare than what came before
			if len(got.body) <= len(want.body) && got.body != want.body[:len(got.body)] {
				t.Errorf("got %q; net/http gets %q", got.body, want.body)
			}
			return
		}
		if want.broken != nil || got.body != want.body || !sameFields(got.trailer, want.trailer) {
			t.Errorf("got %q, %v; net/http gets %q, %v, %v", got.body, got.trailer, want.body, want.trailer, want.broken)
		}
	})
}

func same(a, b heard) bool {
	return a.status == b.status && slices.Equal(a.interim, b.interim) && maps.EqualFunc(a.header, b.header, slices.Equal) && a.body == b.body &&
		maps.EqualFunc(a.trailer, b.trailer, slices.Equal) && (a.err == nil) == (b.err == nil) && (a.broken == nil) == (b.broken == nil)
}

// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"
)

// headerOnlyApp answers every request on its header alone and takes no notice of
// the body.
func headerOnlyApp(t *testing.T) (url string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			all.Go(func() {
				defer c.Close()
				if _, err := http.ReadRequest(bufio.NewReader(c)); err == nil {
					io.WriteString(c, "HTTP/1.1 401 Unauthorized\r\nContent-Length: 5\r\n\r\nearly")
					io.Copy(io.Discard, c)
				}
			})
		}
	})
	t.Cleanup(func() { listener.Close(); all.Wait() })
	return "http://" + listener.Addr().String()
}

// An answer does not wait for a body that does not come, even where nothing has
// read of that body yet: with every inspection off, the app may be faster than
// the first read. The connection is then not for another request.
func TestAnAnswerDoesNotWaitForTheBody(t *testing.T) {
	times := usual
	times.chunk = 100 * patience // held up, the answer would come after a part of it
	for name, test := range map[string]struct{ policy, length string }{
		"inspected-with-a-length":   {"profile: compatible", "Content-Length: 100000\r\n\r\nx"},
		"inspected-in-chunks":       {"profile: compatible", "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n"},
		"uninspected-with-a-length": {"mode: off", "Content-Length: 100000\r\n\r\nx"},
		"uninspected-in-chunks":     {"mode: off", "Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n"},
		"uninspected-not-begun":     {"mode: off", "Content-Length: 100000\r\n\r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			g := start(t, nil, options{policy: test.policy, upstream: headerOnlyApp(t), times: times})
			for range 20 { // which of the two is faster differs from time to time
				c := g.dial(t)
				c.send(t, "POST / HTTP/1.1", "Host: a", "Content-Type: application/octet-stream", test.length)
				resp, body := c.answer(t, "POST")
				if resp.StatusCode != 401 || body != "early" || !resp.Close {
					t.Fatalf("got %d %q, close %v", resp.StatusCode, body, resp.Close)
				}
				c.Conn.Close()
			}
		})
	}
}

// A read that comes when the request is over leaves the deadline alone that the
// server has for the rest of the body.
func TestAReadTooLateChangesNothing(t *testing.T) {
	var body *idleBody
	h := patient(time.Hour, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { body = r.Body.(*idleBody) }))
	w := &deadlines{header: http.Header{}}
	r, _ := http.NewRequest("POST", "/", io.LimitReader(endless{}, 1000))
	h.ServeHTTP(w, r)
	before := w.read
	if _, err := body.Read(make([]byte, 10)); err != http.ErrBodyReadAfterClose || w.read != before {
		t.Errorf("got %v, and the deadline moved from %v to %v", err, before, w.read)
	}
}

// deadlines is a ResponseWriter that keeps the read deadline it was given last.
type deadlines struct {
	header http.Header
	read   time.Time
}

func (d *deadlines) Header() http.Header                { return d.header }
func (d *deadlines) Write(b []byte) (int, error)        { return len(b), nil }
func (d *deadlines) WriteHeader(int)                    {}
func (d *deadlines) SetReadDeadline(at time.Time) error { d.read = at; return nil }
func (d *deadlines) SetWriteDeadline(time.Time) error   { return nil }

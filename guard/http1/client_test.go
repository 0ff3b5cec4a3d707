// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package http1

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http/httptrace"
	"net/textproto"
	"os"
	"strings"
	"testing"
	"time"
)

func answerOf(body string) string {
	return fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
}

// A connection has another request only when nothing speaks against it.
func TestConnectionsAreUsedAgain(t *testing.T) {
	for name, test := range map[string]struct {
		said  string
		again bool
	}{
		"length":         {answerOf("ok"), true},
		"chunks":         {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", true},
		"no-content":     {"HTTP/1.1 204 No Content\r\n\r\n", true},
		"interim":        {"HTTP/1.1 100 Continue\r\n\r\n" + answerOf("ok"), true},
		"keep-alive":     {"HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok", true},
		"close":          {"HTTP/1.1 200 OK\r\nConnection: X-Own, Close\r\nContent-Length: 2\r\n\r\nok", false},
		"old":            {"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok", false},
		"one-more-byte":  {answerOf("ok") + "x", false},
		"one-more":       {answerOf("ok") + answerOf("no"), false},
		"204-and-bytes":  {"HTTP/1.1 204 No Content\r\n\r\nx", false},
		"chunks-and-one": {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\nx", false},
	} {
		t.Run(name, func(t *testing.T) {
			p := serve(t, func(_ int, c net.Conn, in *bufio.Reader) {
				for {
					if _, ok := request(in); !ok {
						return
					}
					io.WriteString(c, test.said)
				}
			})
			for range 3 {
				if got := p.hear(newRequest(t, "GET", "/", nil)); got.err != nil || got.broken != nil {
					t.Fatal(got.err, got.broken)
				}
			}
			if n := p.dialled.Load(); (n == 1) != test.again || n != 1 && n != 3 {
				t.Errorf("%d connections for three requests", n)
			}
		})
	}
	t.Run("closed-before-its-end", func(t *testing.T) {
		ended := make(chan bool, 1)
		p := serve(t, func(n int, c net.Conn, in *bufio.Reader) {
			request(in)
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok")
			_, err := in.ReadByte()
			ended <- err != nil
		})
		res, err := p.RoundTrip(newRequest(t, "GET", "/", nil))
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if !<-ended {
			t.Error("the connection goes on")
		}
		if n, err := res.Body.Read(make([]byte, 1)); n != 0 || err != errClosed {
			t.Errorf("a read of it gives %d, %v", n, err)
		}
	})
}

// What a server says unasked reaches nobody, neither as an answer nor in a log.
func TestWhatIsSaidUnaskedReachesNobody(t *testing.T) {
	var logged bytes.Buffer
	log.SetOutput(&logged)
	defer log.SetOutput(os.Stderr)
	for name, said := range map[string]string{"an-answer": answerOf("for nobody"), "a-byte": "x", "408": "HTTP/1.1 408 Request Timeout\r\n\r\n", "the-end": ""} {
		t.Run(name, func(t *testing.T) {
			spoke := make(chan bool)
			p := serve(t, func(n int, c net.Conn, in *bufio.Reader) {
				what, _ := request(in)
				io.WriteString(c, answerOf(what))
				<-spoke // the answer was read
				io.WriteString(c, said)
				c.Close()
				spoke <- true
			})
			for i := range 3 {
				want := fmt.Sprintf("POST /%d", i) // not even once more
				if got := p.hear(newRequest(t, "POST", fmt.Sprintf("/%d", i), nil)); got.body != want {
					t.Fatalf("got %q, %v; want %q", got.body, got.err, want)
				}
				spoke <- true
				<-spoke
			}
			if n := p.dialled.Load(); n != 3 {
				t.Errorf("%d connections for three requests", n)
			}
		})
	}
	if logged.Len() > 0 {
		t.Errorf("the log has %q", &logged)
	}
}

// breaking is a connection that can be broken by who holds it.
type breaking struct {
	net.Conn
	refuse func(b []byte) error
}

func (b *breaking) Write(p []byte) (int, error) {
	if err := b.refuse(p); err != nil {
		return 0, err
	}
	return b.Conn.Write(p)
}

// A request goes out twice only where that cannot have an effect twice.
func TestRetries(t *testing.T) {
	long := strings.Repeat("x", 100<<10)
	for name, test := range map[string]struct {
		method  string
		body    io.Reader
		written bool // the server had the request before the connection broke
		said    string
		again   bool
	}{
		"get":                     {method: "GET", written: true, again: true},
		"head":                    {method: "HEAD", written: true, again: true},
		"options":                 {method: "OPTIONS", written: true, again: true},
		"get-with-a-body":         {method: "GET", body: strings.NewReader("x"), written: true},
		"post":                    {method: "POST", written: true},
		"post-with-a-body":        {method: "POST", body: strings.NewReader("x"), written: true},
		"put":                     {method: "PUT", body: strings.NewReader("x"), written: true},
		"delete":                  {method: "DELETE", written: true},
		"post-unwritten":          {method: "POST", again: true},
		"post-of-bytes-unwritten": {method: "POST", body: strings.NewReader("x"), again: true},
		"post-stream-unwritten":   {method: "POST", body: unknown("x"), again: true}, // nothing was read of it
		"post-long-unwritten":     {method: "POST", body: strings.NewReader(long), again: true},
		"an-answer-has-begun":     {method: "GET", written: true, said: "HTTP/1.1 2"},
	} {
		t.Run(name, func(t *testing.T) {
			got := make(chan string, 4)
			p := serve(t, func(n int, c net.Conn, in *bufio.Reader) {
				for i := 0; ; i++ {
					what, ok := request(in)
					if !ok {
						return
					}
					if n == 0 && i == 1 {
						got <- what
						io.WriteString(c, test.said)
						return
					}
					if i == 0 && n == 1 {
						got <- what
					}
					io.WriteString(c, answerOf(""))
				}
			})
			dial := p.Dial
			writes := 0
			p.Dial = func(ctx context.Context) (net.Conn, error) {
				c, err := dial(ctx)
				if err != nil {
					return nil, err
				}
				first := p.dialled.Load() == 1
				return struct { // with what the client looks for
					*breaking
					sysConn
				}{&breaking{c, func([]byte) error {
					if writes++; first && writes == 2 && !test.written {
						return errors.New("broken pipe")
					}
					return nil
				}}, sysConn{c.(*net.TCPConn)}}, nil
			}
			if got := p.hear(newRequest(t, "GET", "/", nil)); got.err != nil {
				t.Fatal(got.err)
			}
			answer := p.hear(newRequest(t, test.method, "/x", test.body))
			if (answer.err == nil) != test.again {
				t.Errorf("got %v", answer.err)
			}
			want := 0
			for _, yes := range []bool{test.written, test.again} {
				if yes {
					want++
				}
			}
			if len(got) != want {
				t.Errorf("the server got it %d times; want %d", len(got), want)
			}
		})
	}
	t.Run("new-connection", func(t *testing.T) { // that breaks says nothing about idle ones
		p := serve(t, func(_ int, _ net.Conn, in *bufio.Reader) { request(in) })
		if got := p.hear(newRequest(t, "GET", "/", nil)); got.err != errNoAnswer || p.dialled.Load() != 1 {
			t.Errorf("got %v after %d connections", got.err, p.dialled.Load())
		}
	})
}

// Nobody works for a client that is gone.
func TestCancelledRequestsEnd(t *testing.T) {
	for name, said := range map[string]string{
		"before-the-answer": "", "within-the-header": "HTTP/1.1 200 OK\r\n",
		"before-the-body": "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "within-the-body": "HTTP/1.1 200 OK\r\n\r\nbytes",
	} {
		t.Run(name, func(t *testing.T) {
			reached, ended := make(chan bool), make(chan error, 1)
			p := serve(t, func(_ int, c net.Conn, in *bufio.Reader) {
				request(in)
				io.WriteString(c, said)
				close(reached)
				_, err := in.ReadByte()
				ended <- err
			})
			ctx, cancel := context.WithCancel(t.Context())
			go func() { <-reached; cancel() }()
			got := p.hear(newRequest(t, "POST", "/", nil).WithContext(ctx))
			if !errors.Is(got.err, context.Canceled) && !errors.Is(got.broken, context.Canceled) {
				t.Errorf("got %v, %v", got.err, got.broken)
			}
			if err := <-ended; err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("the server sees %v", err)
			}
		})
	}
	t.Run("before-it-began", func(t *testing.T) {
		p := serve(t, func(_ int, c net.Conn, in *bufio.Reader) { request(in); io.WriteString(c, answerOf("ok")) })
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if got := p.hear(newRequest(t, "GET", "/", nil).WithContext(ctx)); got.err != context.Canceled || p.dialled.Load() != 0 {
			t.Errorf("got %v after %d connections", got.err, p.dialled.Load())
		}
	})
	t.Run("while-connecting", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		c := New(Config{Answer: patience, Dial: func(ctx context.Context) (net.Conn, error) {
			cancel()
			<-ctx.Done()
			return nil, ctx.Err()
		}})
		if got := hear(c, newRequest(t, "GET", "/", nil).WithContext(ctx)); !errors.Is(got.err, context.Canceled) {
			t.Errorf("got %v", got.err)
		}
	})
}

// An answer that does not begin in time is a timeout, also when it begins to.
func TestSlowAnswers(t *testing.T) {
	for name, said := range map[string]string{"nothing": "", "a-part": "HTTP/1.1 200 OK\r\n", "interim": "HTTP/1.1 102 Processing\r\n\r\n"} {
		for _, body := range []io.Reader{nil, strings.NewReader("x"), unknown("x")} {
			t.Run(name, func(t *testing.T) {
				p := serve(t, func(_ int, c net.Conn, in *bufio.Reader) {
					request(in)
					io.WriteString(c, said)
					io.Copy(io.Discard, in)
				})
				p.Answer = 30 * time.Millisecond
				got := p.hear(newRequest(t, "POST", "/", body))
				if slow, ok := errors.AsType[net.Error](got.err); !ok || !slow.Timeout() {
					t.Errorf("got %v", got.err)
				}
			})
		}
	}
	t.Run("takes-no-body", func(t *testing.T) {
		p := serve(t, func(_ int, c net.Conn, in *bufio.Reader) { <-t.Context().Done() })
		p.Answer = 30 * time.Millisecond
		got := p.hear(newRequest(t, "POST", "/", io.LimitReader(endless{}, 1<<40)))
		if slow, ok := errors.AsType[net.Error](got.err); !ok || !slow.Timeout() {
			t.Errorf("got %v", got.err)
		}
	})
}

// Who is told of an informational answer may end it all.
func TestInformationalAnswersCanBeRefused(t *testing.T) {
	p := serve(t, func(_ int, c net.Conn, in *bufio.Reader) {
		request(in)
		io.WriteString(c, "HTTP/1.1 103 Early Hints\r\n\r\n"+answerOf("ok"))
		in.ReadByte()
	})
	enough := errors.New("enough")
	r := newRequest(t, "GET", "/", nil)
	r = r.WithContext(httptrace.WithClientTrace(r.Context(), &httptrace.ClientTrace{
		Got1xxResponse: func(int, textproto.MIMEHeader) error { return enough },
	}))
	if _, err := p.RoundTrip(r); err != enough {
		t.Errorf("got %v", err)
	}
}

// After 101 the connection is the caller's, each direction on its own.
func TestTunnels(t *testing.T) {
	p := serve(t, func(_ int, c net.Conn, in *bufio.Reader) {
		request(in)
		io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nhello, ")
		heard, _ := io.ReadAll(in)
		c.Write(bytes.ToUpper(heard))
	})
	p.Answer = 50 * time.Millisecond // is not for tunnels
	res, err := p.RoundTrip(newRequest(t, "GET", "/", nil))
	if err != nil || res.StatusCode != 101 {
		t.Fatal(res, err)
	}
	conn := res.Body.(io.ReadWriteCloser)
	time.Sleep(3 * p.Answer)
	io.WriteString(conn, "bytes")
	conn.(interface{ CloseWrite() error }).CloseWrite()
	if got, err := io.ReadAll(conn); string(got) != "hello, BYTES" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	conn.Close()
	if len(p.idle) != 0 {
		t.Error("the connection is for another request")
	}
}

// Idle connections end by themselves, and are never more than so many.
func TestIdleConnectionsEnd(t *testing.T) {
	ended := make(chan bool, 2)
	p := serve(t, func(_ int, c net.Conn, in *bufio.Reader) {
		for {
			if _, ok := request(in); !ok {
				ended <- true
				return
			}
			io.WriteString(c, answerOf("ok"))
		}
	})
	p.idleFor = 20 * time.Millisecond
	for range 2 { // the second time, too
		p.hear(newRequest(t, "GET", "/", nil))
		<-ended
	}
	p.mu.Lock() // what has closed the last may not have returned
	p.idleFor = time.Hour
	p.mu.Unlock()
	near := make([]net.Conn, maxIdle+1)
	for i := range near {
		var far net.Conn
		near[i], far = net.Pipe()
		p.put(newConn(p.Client, far))
	}
	near[maxIdle].SetDeadline(time.Now().Add(patience))
	if _, err := near[maxIdle].Read(make([]byte, 1)); err != io.EOF {
		t.Errorf("one too many is kept: %v", err)
	}
	p.CloseIdleConnections()
	for _, c := range near[:maxIdle] {
		c.SetDeadline(time.Now().Add(patience))
		if _, err := c.Read(make([]byte, 1)); err != io.EOF {
			t.Fatalf("a connection is still open: %v", err)
		}
	}
}

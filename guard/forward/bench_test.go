// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package forward

import (
	"bytes"
	"net"
	"net/http/httptest"
	"net/http/httputil"
	"strings"
	"sync"
	"testing"
	"time"
)

// BenchmarkGet has 64 connections ask for 1 KB, either way. Client and app are next to
// nothing, so that what is counted is the gateway's: compare the two, in one run.
func BenchmarkGet(b *testing.B) {
	said := []byte("HTTP/1.1 200 OK\r\nX-Powered-By: Express\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: 1024\r\nETag: W/\"400-abcdef\"\r\nDate: Sat, 28 Nov 2026 00:00:00 GMT\r\nConnection: keep-alive\r\nKeep-Alive: timeout=5\r\n\r\n" + strings.Repeat("x", 1024))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer listener.Close()
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				buf := make([]byte, 4<<10)
				for {
					n, err := c.Read(buf)
					if err != nil {
						return
					}
					for range bytes.Count(buf[:n], []byte("\r\n\r\n")) {
						c.Write(said)
					}
				}
			}()
		}
	}()
	asked := []byte(get("Accept: application/json", "Accept-Encoding: gzip, deflate, br", "Cookie: connect.sid=s%3Aabcdefghijklmnopqrstuvwxyz.0123456789", "Connection: keep-alive"))
	for name, to := range map[string]func(string) way{"lean": lean, "standard": pooled} {
		b.Run(name, func(b *testing.B) {
			w := to(listener.Addr().String())
			defer w.close()
			server := httptest.NewServer(w.handler)
			defer server.Close()
			b.SetParallelism(32) // of two
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				c, err := net.Dial("tcp", server.Listener.Addr().String())
				if err != nil {
					b.Error(err)
					return
				}
				defer c.Close()
				c.SetDeadline(time.Now().Add(10 * time.Minute))
				buf := make([]byte, 4<<10)
				for pb.Next() {
					c.Write(asked)
					for n := 0; ; {
						m, err := c.Read(buf[n:])
						if err != nil {
							b.Error(err)
							return
						}
						n += m
						if n >= 12 && string(buf[9:12]) != "200" {
							b.Errorf("got %q", buf[:n])
							return
						}
						if end := bytes.Index(buf[:n], []byte("\r\n\r\n")); end >= 0 && n >= end+4+1024 {
							break
						}
					}
				}
			})
		})
	}
}

// pooled is standard with a pool for its buffers.
func pooled(app string) way {
	w := standard(app)
	w.handler.(*httputil.ReverseProxy).BufferPool = &buffers{}
	return w
}

type buffers struct{ sync.Pool }

func (b *buffers) Get() []byte {
	if v, ok := b.Pool.Get().(*[32 << 10]byte); ok {
		return v[:]
	}
	return make([]byte, 32<<10)
}

func (b *buffers) Put(buf []byte) { b.Pool.Put((*[32 << 10]byte)(buf)) }

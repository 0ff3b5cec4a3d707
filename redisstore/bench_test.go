// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package redisstore

import (
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/panoply-security/panoply/ratelimit"
	"github.com/panoply-security/panoply/redisstore/redistest"
)

// slow is a way to the server on which what the client sends arrives later,
// without holding up what is sent behind it.
func slow(b *testing.B, addr string, delay time.Duration) (at string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { l.Close() })
	type chunk struct {
		due  time.Time
		data []byte
	}
	relay := func(to, from net.Conn, delay time.Duration) {
		queue := make(chan chunk, 1<<12)
		go func() {
			defer to.Close()
			for c := range queue {
				time.Sleep(time.Until(c.due))
				if _, err := to.Write(c.data); err != nil {
					return
				}
			}
		}()
		defer close(queue)
		for {
			buf := make([]byte, 32<<10)
			n, err := from.Read(buf)
			if err != nil {
				return
			}
			queue <- chunk{time.Now().Add(delay), buf[:n]}
		}
	}
	go func() {
		for {
			near, err := l.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("tcp", addr)
			if err != nil {
				near.Close()
				return
			}
			go relay(far, near, delay)
			go func() { io.Copy(near, far); near.Close() }()
		}
	}()
	return l.Addr().String()
}

// BenchmarkTake is 64 callers on one connection with 1 ms of added latency, and
// without. decisions/s is the figure.
func BenchmarkTake(b *testing.B) {
	server := redistest.Start(b)
	for _, bench := range []struct {
		name  string
		delay time.Duration
	}{{"near", 0}, {"1ms-away", time.Millisecond}} {
		addr := server.Addr
		if bench.delay > 0 {
			addr = slow(b, addr, bench.delay)
		}
		store := open(b, Config{URL: "redis://" + addr}).Limits()
		for _, algorithm := range []string{"gcra", "sliding"} {
			b.Run(bench.name+"/"+algorithm, func(b *testing.B) {
				l := ratelimit.Limit{ID: "bench-" + algorithm, Algorithm: algorithm, Limit: 10, Window: time.Minute, Burst: 10}
				var keys [1024]ratelimit.Key
				for i := range keys {
					keys[i] = newKey()
				}
				b.ReportAllocs()
				var next atomic.Int64
				var wg sync.WaitGroup
				for range 64 {
					wg.Go(func() {
						for i := next.Add(1); i <= int64(b.N); i = next.Add(1) {
							if _, err := store.Take(b.Context(), l, keys[i%1024], 1); err != nil {
								b.Error(err)
								return
							}
						}
					})
				}
				wg.Wait()
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "decisions/s")
			})
		}
	}
}

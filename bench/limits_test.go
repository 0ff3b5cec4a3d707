// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/didip/tollbooth/v8"
	"github.com/go-chi/httprate"
	peer "github.com/ulule/limiter/v3"
	"github.com/ulule/limiter/v3/drivers/store/memory"
	"golang.org/x/time/rate"

	"github.com/panoply-security/panoply/ratelimit"
)

// The rate limiters of Go beside ours, all in this process, allow path. Run them
// often and interleaved, and believe the ratio to x/time/rate:
//
//	go test -run - -bench Limit -count 6 ./bench

const plenty = 1_000_000

func ours(b *testing.B) *ratelimit.Limiter {
	l, err := ratelimit.New(ratelimit.Config{MaxKeys: 2_000_000, Rules: []ratelimit.Rule{
		{Name: "api", Match: []string{"/api/"}, Limit: plenty, Window: time.Minute}}})
	if err != nil {
		b.Fatal(err)
	}
	return l
}

var client = netip.MustParseAddr("203.0.113.7")

// One key: the bare decision, where a limiter has one.
func BenchmarkLimitOneKey(b *testing.B) {
	b.Run("x-time-rate", func(b *testing.B) { // no keys, no table
		l := rate.NewLimiter(plenty, plenty)
		b.ReportAllocs()
		for b.Loop() {
			l.Allow()
		}
	})
	b.Run("panoply", func(b *testing.B) {
		l := ours(b)
		b.ReportAllocs()
		for b.Loop() {
			l.Begin(0, client, nil, nil)
		}
	})
	b.Run("ulule", func(b *testing.B) {
		l := peer.New(memory.NewStore(), peer.Rate{Period: time.Minute, Limit: 1 << 40})
		b.ReportAllocs()
		for b.Loop() {
			l.Get(context.Background(), "203.0.113.7")
		}
	})
	b.Run("tollbooth", func(b *testing.B) {
		l := tollbooth.NewLimiter(plenty, nil)
		b.ReportAllocs()
		for b.Loop() {
			l.LimitReached("203.0.113.7")
		}
	})
}

// A million keys in parallel. x/time/rate has a plain sync.Map of limiters
// before it, which nothing bounds.
func BenchmarkLimitMillionKeys(b *testing.B) {
	const keys = 1_000_000
	clients, names := make([]netip.Addr, keys), make([]string, keys)
	for i := range clients {
		clients[i] = netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})
		names[i] = clients[i].String()
	}
	run := func(b *testing.B, decide func(i int)) {
		for i := range keys {
			decide(i)
		}
		var worker atomic.Int64
		b.ReportAllocs()
		b.ResetTimer()
		b.RunParallel(func(pb *testing.PB) {
			for i := int(worker.Add(1)) * 7919; pb.Next(); i += 7919 {
				decide(i % keys)
			}
		})
	}
	b.Run("x-time-rate", func(b *testing.B) {
		var limiters sync.Map
		run(b, func(i int) {
			l, ok := limiters.Load(clients[i])
			if !ok {
				l, _ = limiters.LoadOrStore(clients[i], rate.NewLimiter(plenty, plenty))
			}
			l.(*rate.Limiter).Allow()
		})
	})
	b.Run("panoply", func(b *testing.B) {
		l := ours(b)
		run(b, func(i int) { l.Begin(0, clients[i], nil, nil) })
	})
	b.Run("ulule", func(b *testing.B) {
		l := peer.New(memory.NewStore(), peer.Rate{Period: time.Hour, Limit: 1 << 40})
		run(b, func(i int) { l.Get(context.Background(), names[i]) })
	})
	b.Run("tollbooth", func(b *testing.B) {
		l := tollbooth.NewLimiter(plenty, nil)
		run(b, func(i int) { l.LimitReached(names[i]) })
	})
}

type nowhere struct{ h http.Header }

func (w nowhere) Header() http.Header         { return w.h }
func (w nowhere) Write(b []byte) (int, error) { return len(b), nil }
func (w nowhere) WriteHeader(int)             {}

func byPeer(r *http.Request) (string, error) {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	return host, err
}

// As middleware, with the headers that each sends.
func BenchmarkLimitMiddleware(b *testing.B) {
	app := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(200) })
	for _, tt := range []struct {
		name    string
		handler func(b *testing.B) http.Handler
	}{
		{"panoply", func(b *testing.B) http.Handler { return ours(b).Handler(app) }},
		{"httprate", func(*testing.B) http.Handler { return httprate.LimitBy(1<<40, time.Minute, byPeer)(app) }},
		{"tollbooth", func(*testing.B) http.Handler { return tollbooth.LimitHandler(tollbooth.NewLimiter(plenty, nil), app) }},
	} {
		b.Run(tt.name, func(b *testing.B) {
			h := tt.handler(b)
			w := nowhere{http.Header{}}
			r := httptest.NewRequest("POST", "/api/x", nil)
			r.RemoteAddr = "203.0.113.7:1"
			b.ReportAllocs()
			for b.Loop() {
				clear(w.h)
				h.ServeHTTP(w, r)
			}
		})
	}
}

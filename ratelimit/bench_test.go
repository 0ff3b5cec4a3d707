// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package ratelimit

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"
)

// real makes a limiter on the real clock with one rule.
func real(b *testing.B, r Rule) *Limiter {
	b.Helper()
	r.Match, r.Window = []string{"POST /api/x"}, time.Minute
	l, err := New(Config{Rules: []Rule{r}})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	return l
}

func BenchmarkOneKey(b *testing.B) {
	for _, r := range []Rule{
		{Name: "gcra", Limit: 1_000_000, Burst: 1_000_000},
		{Name: "fixed", Limit: 1_000_000, Algorithm: "fixed"},
	} {
		b.Run(r.Name, func(b *testing.B) {
			l := real(b, r)
			for b.Loop() {
				l.Begin(0, alice, nil, nil)
			}
		})
	}
	b.Run("sliding-success", func(b *testing.B) {
		l := real(b, Rule{Limit: 5, Count: "failures"})
		for b.Loop() {
			d := l.Begin(0, alice, nil, nil)
			d.Done(200)
		}
	})
	b.Run("gcra-parallel", func(b *testing.B) {
		l := real(b, Rule{Limit: 1_000_000})
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				l.Begin(0, alice, nil, nil)
			}
		})
	})
}

func BenchmarkManyKeysParallel(b *testing.B) {
	for _, r := range []Rule{{Name: "gcra", Limit: 100}, {Name: "sliding", Limit: 5, Count: "failures"}} {
		b.Run(r.Name+"-100k", func(b *testing.B) { manyKeys(b, real(b, r), 100_000) })
		b.Run(r.Name+"-1M-evicting", func(b *testing.B) { manyKeys(b, real(b, r), 1_000_000) })
	}
}

func manyKeys(b *testing.B, l *Limiter, keys int) {
	clients := make([]netip.Addr, keys)
	for i := range clients {
		clients[i] = netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})
		l.Begin(0, clients[i], nil, nil)
	}
	var worker atomic.Int64
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for i := int(worker.Add(1)) * 7919; pb.Next(); i += 7919 {
			l.Begin(0, clients[i%keys], nil, nil)
		}
	})
}

func BenchmarkDenied(b *testing.B) {
	for _, r := range []Rule{{Name: "gcra", Limit: 1}, {Name: "sliding", Limit: 5, Count: "failures"}} {
		b.Run(r.Name, func(b *testing.B) {
			l := real(b, r)
			for range r.Limit {
				d := l.Begin(0, alice, nil, nil)
				d.Done(401)
			}
			for b.Loop() {
				l.Begin(0, alice, nil, nil)
			}
		})
	}
}

func BenchmarkWithHeaders(b *testing.B) {
	l := real(b, Rule{Name: "api", Limit: 1_000_000})
	h := http.Header{}
	var decisions [1]Decision
	for b.Loop() {
		clear(h)
		decisions[0] = l.Begin(0, alice, nil, nil)
		l.SetHeaders(h, decisions[:])
	}
}

type discard struct{ h http.Header }

func (d discard) Header() http.Header         { return d.h }
func (d discard) Write(b []byte) (int, error) { return len(b), nil }
func (d discard) WriteHeader(int)             {}

func BenchmarkHandler(b *testing.B) {
	for _, method := range []string{"POST", "GET"} {
		b.Run(map[string]string{"POST": "limited", "GET": "not-limited"}[method], func(b *testing.B) {
			l := real(b, Rule{Name: "api", Limit: 1_000_000})
			h := l.Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(200) }))
			w := discard{http.Header{}}
			r := httptest.NewRequest(method, "/api/x", nil)
			for b.Loop() {
				clear(w.h)
				h.ServeHTTP(w, r)
			}
		})
	}
}

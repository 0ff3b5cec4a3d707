// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package problem_test

import (
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/panoply-security/panoply/problem"
)

// nowhere is an answer that is not kept.
type nowhere struct{ header http.Header }

func (n *nowhere) Header() http.Header         { return n.header }
func (n *nowhere) Write(b []byte) (int, error) { return len(b), nil }
func (n *nowhere) WriteHeader(int)             {}

// BenchmarkScrubberOnSuccess answers a browser's request with JSON, with the
// scrubber and without it in turns, and gives the ratio of the fastest turns.
func BenchmarkScrubberOnSuccess(b *testing.B) {
	body := []byte(`{"id":7,"name":"Desk lamp","price":49.90}`)
	app := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["Content-Type"] = []string{"application/json; charset=utf-8"}
		w.Write(body)
	})
	var handlers [2]http.Handler
	for i, off := range []bool{true, false} {
		p, err := problem.New(problem.Config{NoScrub: off, Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			b.Fatal(err)
		}
		handlers[i] = p.Handler(app)
	}
	r := httptest.NewRequest("GET", "/api/items/7", nil)
	w := &nowhere{make(http.Header, 8)}
	best := [2]time.Duration{math.MaxInt64, math.MaxInt64}
	const turn = 500
	b.ReportAllocs()
	for range (b.N + turn - 1) / turn {
		for i, h := range handlers {
			start := time.Now()
			for range turn {
				clear(w.header)
				r.Header["Accept-Encoding"] = []string{"gzip, deflate, br, zstd"}
				h.ServeHTTP(w, r)
			}
			best[i] = min(best[i], time.Since(start))
		}
	}
	b.ReportMetric(float64(best[0])/turn, "off-ns")
	b.ReportMetric(float64(best[1])/turn, "on-ns")
	b.ReportMetric(float64(best[1])/float64(best[0]), "ratio")
}

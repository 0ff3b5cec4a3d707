// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package panoply_test

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/panoply-security/panoply"
	"github.com/panoply-security/panoply/ratelimit"
	"github.com/panoply-security/panoply/validate"
)

// nowhere is a ResponseWriter that keeps nothing.
type nowhere struct{ header http.Header }

func (w *nowhere) Header() http.Header         { return w.header }
func (w *nowhere) Write(b []byte) (int, error) { return len(b), nil }
func (w *nowhere) WriteHeader(int)             {}

var jsonType = []string{"application/json"}

// What the suit adds to one request before a guard, without a network.
func BenchmarkSuit(b *testing.B) {
	body := []byte(`{"name":"Chair","price":12.5,"tags":["a","b"],"text":"` + strings.Repeat("x", 960) + `"}`)
	schema := map[string]any{"type": "object", "required": []any{"name"}, "properties": map[string]any{
		"name": map[string]any{"type": "string", "maxLength": 100}, "price": map[string]any{"type": "number"},
		"tags": map[string]any{"type": "array", "items": map[string]any{"type": "string"}}, "text": map[string]any{"type": "string"}}}
	withSchema := panoply.Policy{}
	withSchema.Bodies.Routes = []validate.Route{{Match: "POST /api/items", Schema: schema}}
	cases := []struct {
		name, method string
		policy       panoply.Policy
		body         []byte
	}{
		{"get", "GET", panoply.Policy{}, nil},
		{"post-1kb-json", "POST", panoply.Policy{}, body},
		{"post-1kb-json-with-schema", "POST", withSchema, body},
	}
	for _, c := range cases {
		b.Run(c.name, func(b *testing.B) {
			c.policy.Upstream = "http://127.0.0.1:3000"
			c.policy.RateLimits.Rules = []ratelimit.Rule{{Name: "general", Limit: 1_000_000, Window: time.Second}} // for there is one client
			suit, err := panoply.New(c.policy, panoply.WithLogger(slog.New(slog.DiscardHandler)))
			if err != nil {
				b.Fatal(err)
			}
			reached := 0
			h := suit.Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				reached++
				w.Header()["Content-Type"] = jsonType
				w.WriteHeader(http.StatusOK)
			}))
			r := request(c.method, "/api/items?page=2", "", "Content-Type", "application/json", "Accept", "*/*", "User-Agent", "bench", "Cookie", "theme=dark")
			from := bytes.NewReader(nil)
			w := &nowhere{http.Header{}}
			b.ReportAllocs()
			for b.Loop() {
				clear(w.header)
				if c.body != nil {
					from.Reset(c.body)
					r.Body, r.ContentLength = io.NopCloser(from), int64(len(c.body))
				}
				h.ServeHTTP(w, r)
			}
			if reached != b.N {
				b.Fatalf("%d of %d requests passed", reached, b.N)
			}
		})
	}
}

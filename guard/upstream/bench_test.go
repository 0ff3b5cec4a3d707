// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package upstream

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/panoply-security/panoply"
)

type instant struct{ res *http.Response }

func (i instant) RoundTrip(*http.Request) (*http.Response, error) {
	res := *i.res
	return &res, nil
}

func (instant) CloseIdleConnections() {}

// BenchmarkChoosing is what it costs to choose a server, without asking it.
func BenchmarkChoosing(b *testing.B) {
	for name, policy := range map[string]string{
		"alone":  "upstream: http://a",
		"turns":  "upstreams: [{servers: ['http://a', 'http://b', 'http://c', 'http://d']}]",
		"least":  "upstreams: [{servers: ['http://a', 'http://b', 'http://c', 'http://d'], balance: least_connections}]",
		"groups": "upstreams: [{servers: ['http://a'], hosts: a.example}, {servers: ['http://b'], match: /b/}, {servers: ['http://c'], match: [/api/, /v1/]}]",
	} {
		b.Run(name, func(b *testing.B) {
			p, err := panoply.Parse("policy.yaml", []byte(policy))
			if err != nil {
				b.Fatal(err)
			}
			s, err := New(p, quiet(), nil)
			if err != nil {
				b.Fatal(err)
			}
			for _, one := range s.servers {
				one.transport = instant{fine()}
			}
			r := httptest.NewRequest("GET", "/api/orders/7", nil)
			b.ReportAllocs()
			for b.Loop() {
				res, err := s.RoundTrip(r)
				if err != nil {
					b.Fatal(err)
				}
				res.Body.Close()
			}
		})
	}
}

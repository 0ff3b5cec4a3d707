// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package ratelimit

import (
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/panoply-security/panoply/route"
)

// A caller's own table of [Limiter.Routes] finds the same rules as the Handler.
func TestAppliesThroughAnotherTable(t *testing.T) {
	l, _ := limiter(t, Config{Rules: []Rule{
		{Name: "wide", Match: []string{"/", "/api/"}, Except: []string{"/health"}, Limit: 1, Window: time.Minute},
		{Name: "account", Match: []string{"POST /api/login"}, Limit: 1, Window: time.Minute, Key: []string{"body:email"}},
		{Name: "health", Match: []string{"/health"}, Limit: 1, Window: time.Minute},
	}})
	var table route.Table
	for _, p := range l.Routes() {
		table.Add(p)
	}
	for _, tt := range []struct {
		name, method, path string
		want               []int
	}{
		{"each-rule-once", "GET", "/api/users", []int{0}},
		{"in-the-rules-order", "POST", "/api/login", []int{0, 1}},
		{"excepted", "GET", "/Health/", []int{2}},
		{"default-rule", "POST", "/login", []int{0, 3, 4}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			key, err := route.KeyOf(&url.URL{Path: tt.path})
			if err != nil {
				t.Fatal(err)
			}
			met := table.Match(tt.method, key, nil)
			slices.Reverse(met)
			if got := l.Applies(met, nil); !slices.Equal(got, tt.want) {
				t.Errorf("got rules %v; want %v", got, tt.want)
			}
		})
	}
	for number, want := range []bool{false, true, false, false, true, false, false, true} {
		if got := l.NeedsBody(number); got != want {
			t.Errorf("rule %d needs the body: got %v; want %v", number, got, want)
		}
	}
}

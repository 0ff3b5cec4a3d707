// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package ratelimit_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"time"

	"github.com/panoply-security/panoply/ratelimit"
)

// The zero Config limits failed logins: five in fifteen minutes.
func Example() {
	limiter, err := ratelimit.New(ratelimit.Config{})
	if err != nil {
		panic(err)
	}
	app := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Error(w, "wrong password", http.StatusUnauthorized)
	})
	server := limiter.Handler(app)

	for range 6 {
		w := httptest.NewRecorder()
		server.ServeHTTP(w, httptest.NewRequest("POST", "/api/login", nil))
		fmt.Println(w.Code, w.Header().Get("RateLimit"))
	}
	// Output:
	// 401 "login"; r=4; t=900
	// 401 "login"; r=3; t=900
	// 401 "login"; r=2; t=900
	// 401 "login"; r=1; t=900
	// 401 "login"; r=0; t=900
	// 429 "login"; r=0; t=900
}

// The bare decision, for a server that is no http.Handler or that knows more
// than the request says.
func ExampleLimiter_Begin() {
	limiter, err := ratelimit.New(ratelimit.Config{Rules: []ratelimit.Rule{{
		Name:   "reset-mail",
		Match:  []string{"POST /api/forgot"},
		Limit:  1,
		Window: time.Hour,
		Key:    []string{"body:email"},
	}}})
	if err != nil {
		panic(err)
	}
	r := httptest.NewRequest("POST", "/api/forgot", nil)
	email := func(string) string { return "alice@shop.example" }

	for range 2 {
		d := limiter.Begin(0, netip.MustParseAddr("203.0.113.7"), r, email)
		fmt.Println(d.Allowed, d.Remaining)
	}
	// Output:
	// true 0
	// false 0
}

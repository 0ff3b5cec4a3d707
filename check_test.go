// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package panoply_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/panoply-security/panoply"
	"github.com/panoply-security/panoply/problem"
	"github.com/panoply-security/panoply/rule"
)

// What the server's own check finds is refused before anything else is, and only
// reported where nothing is enforced.
func TestWithCheck(t *testing.T) {
	check := func(r *http.Request) error {
		if r.Header.Get("X-Framing") != "" {
			return problem.Refuse(rule.RequestHeader, "It is folded.")
		}
		return nil
	}
	for name, tt := range map[string]struct {
		policy, method, header string
		status                 int
	}{
		"good":       {"", "GET", "", 200},
		"bad":        {"", "GET", "x", 400},
		"bad-method": {"", "TRACE", "x", 400}, // before the method is looked at
		"reported":   {"mode: report", "GET", "x", 200},
		"off":        {"mode: off", "GET", "x", 200},
	} {
		t.Run(name, func(t *testing.T) {
			suit, err := panoply.New(parse(t, tt.policy), panoply.WithCheck(check), panoply.WithLogger(slog.New(slog.DiscardHandler)))
			if err != nil {
				t.Fatal(err)
			}
			r := httptest.NewRequest(tt.method, "/", nil)
			r.Header.Set("X-Framing", tt.header)
			rec := httptest.NewRecorder()
			suit.Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})).ServeHTTP(rec, r)
			if rec.Code != tt.status {
				t.Errorf("got %d; want %d", rec.Code, tt.status)
			}
		})
	}
}

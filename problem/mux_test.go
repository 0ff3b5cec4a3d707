// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package problem_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/panoply-security/panoply/problem"
)

func TestMux(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /items/{id}", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "item "+r.PathValue("id")) })
	mux.HandleFunc("PUT /items/{id}", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("/docs/", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "docs") })
	mux.HandleFunc("/own", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no such order", 404) })
	tests := []struct {
		name, method, path string
		status             int
		allow, location    string
		body               string // "" is a problem
	}{
		{"there", "GET", "/items/7", 200, "", "", "item 7"},
		{"not-there", "GET", "/nope", 404, "", "", ""},
		{"wrong-method", "DELETE", "/items/7", 405, "GET, HEAD, PUT", "", ""},
		{"own-404", "GET", "/own", 404, "", "", "no such order\n"},
		{"redirect-to-the-slash", "GET", "/docs", 307, "", "/docs/", "<a href="},
		{"redirect-to-the-clean-path", "GET", "/docs//x", 307, "", "/docs/x", "<a href="},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			resp, body, _ := answer(t, problem.Config{}, httptest.NewRequest(tt.method, tt.path, nil), problem.Mux(mux))
			if resp.StatusCode != tt.status || resp.Header.Get("Allow") != tt.allow || resp.Header.Get("Location") != tt.location {
				t.Errorf("got %d, Allow %q, Location %q: %s", resp.StatusCode, resp.Header.Get("Allow"), resp.Header.Get("Location"), body)
			}
			isProblem := resp.Header.Get("Content-Type") == "application/problem+json"
			if isProblem != (tt.body == "") || !strings.HasPrefix(body, tt.body) {
				t.Errorf("got %s: %s", resp.Header.Get("Content-Type"), body)
			}
			if isProblem && (strings.Contains(body, "nope") || !strings.Contains(body, http.StatusText(tt.status))) {
				t.Errorf("got %s", body)
			}
		})
	}
}

func TestPagesAreForThoseWhoWantThem(t *testing.T) {
	tests := []struct {
		name, accept string
		page         bool
	}{
		{"nothing", "", false},
		{"anything", "*/*", false},
		{"firefox", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", true},
		{"chrome", "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8,application/signed-exchange;v=b3;q=0.7", true},
		{"axios", "application/json, text/plain, */*", false},
		{"both", "application/json, text/html", false},
		{"page-rather", "text/html, application/json;q=0.5", true},
		{"json-rather", "text/html;q=0.5, application/vnd.api+json;q=0.9", false},
		{"no-page", "text/html;q=0, */*", false},
		{"any-case", "Text/HTML ; Q=0.4, application/json;q=0.3", true},
		{"unreadable-weight", "text/html;q=x", false},
		{"weight-of-no-number", "text/html;q=NaN", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest("GET", "/", nil)
			if tt.accept != "" {
				r.Header.Set("Accept", tt.accept)
			}
			resp, _, _ := answer(t, problem.Config{}, r, failing(errDial))
			if got := strings.HasPrefix(resp.Header.Get("Content-Type"), "text/html"); got != tt.page {
				t.Errorf("got %s", resp.Header.Get("Content-Type"))
			}
		})
	}
}

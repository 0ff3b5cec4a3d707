// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package panoply_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// No client sees what is scrubbed by asking for it in a coding that the suit
// cannot read.
func TestTheSuitAsksForAnswersThatItCanRead(t *testing.T) {
	for policy, want := range map[string]string{"profile: strict": "gzip", "profile: compatible": "gzip", "errors: report": "br, gzip", "errors: off": "br, gzip"} {
		t.Run(policy, func(t *testing.T) {
			app := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if got := r.Header.Get("Accept-Encoding"); got != want {
					t.Errorf("the app is asked for %q; want %q", got, want)
				}
				w.Header().Set("Content-Type", "application/json")
				w.Header().Set("Content-Encoding", "br") // in spite of it
				w.WriteHeader(404)
				io.WriteString(w, "\x0b\x05\x80at f (/srv/a.js:1:2)\x03")
			})
			r := httptest.NewRequest("GET", "/", nil)
			r.Header.Set("Accept-Encoding", "br, gzip")
			w := httptest.NewRecorder()
			suitOf(t, policy+"\n").Handler(app).ServeHTTP(w, r)
			if told := strings.Contains(w.Body.String(), "/srv/a.js"); w.Code != 404 || told != (want != "gzip") {
				t.Errorf("got %d: %q", w.Code, w.Body)
			}
		})
	}
}

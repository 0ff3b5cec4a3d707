// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package problem

import "net/http"

// Mux is the handler of a mux whose own refusals, 404 for a path that it does not
// have and 405 for a method that a path does not have, are problems. Allow stays.
func Mux(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h, pattern := mux.Handler(r)
		if pattern != "" || r.RequestURI == "*" {
			mux.ServeHTTP(w, r)
			return
		}
		refusal := muxRefusal{header: make(http.Header)}
		h.ServeHTTP(&refusal, r)
		e := &Error{Status: refusal.status}
		if allow := refusal.header["Allow"]; len(allow) > 0 {
			e.Header = http.Header{"Allow": allow}
		}
		Write(w, r, e)
	})
}

// muxRefusal keeps what a mux says, but for its text.
type muxRefusal struct {
	header http.Header
	status int
}

func (m *muxRefusal) Header() http.Header         { return m.header }
func (m *muxRefusal) WriteHeader(status int)      { m.status = status }
func (m *muxRefusal) Write(b []byte) (int, error) { return len(b), nil }

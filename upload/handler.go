// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package upload

import (
	"context"
	"net/http"
	"strings"

	"github.com/panoply-security/panoply/problem"
)

type formKey struct{}

// With returns a context that carries a form, for whoever reads it before the
// handler does.
func With(ctx context.Context, f *Form) context.Context {
	return context.WithValue(ctx, formKey{}, f)
}

// From returns the form of a request's context, or nil. It is open until the
// handler returns.
func From(ctx context.Context) *Form {
	f, _ := ctx.Value(formKey{}).(*Form)
	return f
}

// IsMultipart reports whether any common parser would read the body as
// multipart: formidable does so whenever the word stands in the Content-Type,
// multiparty also for multipart/related.
func IsMultipart(h http.Header) bool {
	for _, v := range h["Content-Type"] {
		if strings.Contains(strings.ToLower(v), "multipart") {
			return true
		}
	}
	return false
}

// Handler reads and judges every multipart form before next sees the request,
// with the form in its body's place and in its context. Requests that are no
// form pass unread, and so does one whose form is in the context already. A
// refusal is answered as a problem.
func (t *Inspector) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !IsMultipart(r.Header) || From(r.Context()) != nil {
			next.ServeHTTP(w, r)
			return
		}
		form, err := t.Read(r, ReadOptions{Deadline: http.NewResponseController(w).SetReadDeadline})
		if err != nil {
			problem.Write(w, r, err)
			return
		}
		defer form.Close()
		r = r.WithContext(With(r.Context(), form))
		r.Header = r.Header.Clone()
		form.Replace(r)
		next.ServeHTTP(w, r)
	})
}

// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package problem

import (
	"fmt"
	"net/http"
	"runtime/debug"

	"github.com/panoply-security/panoply/internal/respond"
)

// Handler gives every request an id, recovers panics and scrubs what next
// answers.
func (t *Responder) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r, x := t.Begin(r)
		t.AskReadable(r)
		var out respond.Writer
		out.Reset(w, &scrubHook{t: t, r: r, x: x})
		defer func() {
			if v := recover(); v != nil {
				t.Recovered(&out, r, v)
			}
			out.Finish()
		}()
		next.ServeHTTP(&out, r)
	})
}

// Recovered answers a panic of a handler: a 500 when nothing has left yet. An
// answer that was replaced is whole and stays; any other is cut off with its
// connection, so that the client sees a broken answer and not a whole one.
// http.ErrAbortHandler goes on to the server, but where the answer is whole
// although what was replaced broke off.
func (t *Responder) Recovered(w *respond.Writer, r *http.Request, v any) {
	if v == http.ErrAbortHandler {
		if w.Replaced() {
			return
		}
		panic(v)
	}
	err := &Error{Status: http.StatusInternalServerError, Cause: fmt.Errorf("panic: %v\n%s", v, debug.Stack())}
	if !w.Committed() {
		t.Write(w, r, err)
		return
	}
	t.Log(r, exchangeOf(r), err)
	if !w.Replaced() {
		panic(http.ErrAbortHandler)
	}
}

func exchangeOf(r *http.Request) *Exchange {
	if x := From(r.Context()); x != nil {
		return x
	}
	return &Exchange{ID: newID()}
}

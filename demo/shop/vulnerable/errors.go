// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package vulnerable

import (
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"net"
	"net/http"
	"runtime/debug"
	"time"
)

// statusError is an error with the status that body-parser would give it.
type statusError struct {
	status int
	err    error
}

func (e *statusError) Error() string { return e.err.Error() }
func (e *statusError) Unwrap() error { return e.err }

// badRequest returns an error that is answered 400.
func badRequest(format string, args ...any) error {
	return &statusError{http.StatusBadRequest, fmt.Errorf(format, args...)}
}

// fail is the error handler of an app whose environment nobody set to
// production.
func fail(w http.ResponseWriter, err error) {
	status := http.StatusInternalServerError
	if e, ok := errors.AsType[*statusError](err); ok {
		status = e.status
	}
	// mistake 4: the client gets the cause and the stack.
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	fmt.Fprintf(w, "Error: %v\n\n%s", err, debug.Stack())
}

// notFound is Express's answer to a path that no route matches.
func notFound(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(http.StatusNotFound)
	fmt.Fprintf(w, "<!DOCTYPE html>\n<title>Error</title>\n<pre>Cannot %s %s</pre>\n",
		html.EscapeString(r.Method), html.EscapeString(r.URL.EscapedPath()))
}

// data asks the reporting database, which is not there.
func (a *app) data(http.ResponseWriter, *http.Request) error {
	// mistake 4: the error names an internal address, and nothing stops it.
	conn, err := net.DialTimeout("tcp", "127.10.1.42:5432", 2*time.Second)
	if err != nil {
		return fmt.Errorf("SELECT * FROM secret_table: %w", err)
	}
	conn.Close()
	return errors.New("SELECT * FROM secret_table: not a database")
}

// writeJSON answers with a JSON value.
func writeJSON(w http.ResponseWriter, status int, value any) error {
	body, err := json.Marshal(value)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	w.Write(body) // If it fails, the client has gone: nobody is left to tell.
	return nil
}

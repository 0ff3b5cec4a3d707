// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package problem

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/panoply-security/panoply/rule"
)

// Field is what is wrong with one field of a request.
type Field struct {
	// Pointer is an RFC 6901 JSON Pointer into the body, or `#query/name`,
	// `#path/name`, `#header/Name`, `#cookie/name` for the other places.
	Pointer string `json:"pointer"`
	// Detail says what is wrong with it. It never echoes the value.
	Detail string `json:"detail"`
}

// Error is an answer other than success: what the client is told, and apart
// from it what the operator's log is told.
type Error struct {
	Rule   rule.ID       // what refused it; empty for an app's own errors
	Status int           // 0 takes the rule's, or 500 without a rule
	Title  string        // public; empty takes the rule's, or the status phrase
	Detail string        // public; empty leaves it out
	Fields []Field       // public; where fields are at fault
	Retry  time.Duration // sent as Retry-After, rounded up to seconds; 0 leaves it out
	Header http.Header   // further headers of the answer, such as WWW-Authenticate
	Cause  error         // private: for the log alone
}

// Refuse returns the error with which a rule refuses a request. The detail is
// public and must not echo what the client sent.
func Refuse(id rule.ID, detail string) *Error {
	return &Error{Rule: id, Detail: detail}
}

// Public returns an app's own error: message for the client, cause for the log.
func Public(status int, message string, cause error) *Error {
	return &Error{Status: status, Detail: message, Cause: cause}
}

// Because returns a copy of e with the cause added.
func (e *Error) Because(cause error) *Error {
	c := *e
	c.Cause = cause
	return &c
}

// Error is the text for the log.
func (e *Error) Error() string {
	s := e.detailOrTitle()
	if e.Rule != "" {
		s = string(e.Rule) + ": " + s
	}
	if e.Cause != nil {
		s = fmt.Sprintf("%s: %v", s, e.Cause)
	}
	return s
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Cause }

func (e *Error) detailOrTitle() string {
	if e.Detail != "" {
		return e.Detail
	}
	return e.title()
}

// Code is the HTTP status of the answer.
func (e *Error) Code() int {
	if e.Status != 0 {
		return e.Status
	}
	if r := rule.Lookup(e.Rule); r != nil && r.Status != 0 {
		return r.Status
	}
	return http.StatusInternalServerError
}

func (e *Error) title() string {
	if e.Title != "" {
		return e.Title
	}
	if r := rule.Lookup(e.Rule); r != nil {
		return r.Title
	}
	return http.StatusText(e.Code())
}

// As turns any error into an answer. A *Error stays what it is; a body over an
// http.MaxBytesReader's limit is a 413; everything else is a 500 whose text is
// for the log alone.
func As(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return &Error{Rule: rule.RequestTooLarge, Detail: fmt.Sprintf("The limit is %d bytes.", tooLarge.Limit), Cause: err}
	}
	return &Error{Status: http.StatusInternalServerError, Cause: err}
}

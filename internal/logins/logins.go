// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

// Package logins knows where apps usually take a password. Limits and types hold on
// the same paths.
package logins

import "slices"

// Words are how the path of a login usually ends.
var Words = []string{"login", "log-in", "signin", "sign-in", "sign_in"}

// Paths are the patterns of the usual logins: Words at the root or below up to three
// segments (/api/login, /api/v1/auth/login), and the usual other names. A GET there
// shows a form.
var Paths = slices.Concat(Below(3, Words...), []string{
	"POST /session", "POST /api/session", "POST /api/{version}/session",
	"POST /sessions", "POST /api/sessions", "POST /api/{version}/sessions",
	"POST /authenticate", "POST /api/authenticate", "POST /api/{version}/authenticate",
	"POST /token", "POST /api/token", "POST /api/{version}/token", "POST /auth/token", "POST /api/auth/token",
	"POST /oauth/token", "POST /oauth2/token", "POST /api/oauth/token",
	"POST /auth/local", "POST /api/auth/local", "POST /auth/callback/credentials", "POST /api/auth/callback/credentials",
})

// Below are the POST routes of words at the root and below up to so many segments, at
// most three.
func Below(depth int, words ...string) []string {
	var paths []string
	for _, word := range words {
		prefix := "POST /"
		for _, segment := range []string{"", "{a}/", "{b}/", "{c}/"}[:depth+1] {
			prefix += segment
			paths = append(paths, prefix+word)
		}
	}
	return paths
}

// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

// Package leak recognises what an error answer must not show (mistake 4), and
// hides secrets in text meant for the log.
//
// [Find] knows the shapes in which Node, Express and the usual drivers show
// their insides: stack frames, driver messages, internal addresses, file
// paths, connection strings, keys. A frame counts only with its file and its
// line, and a class name only where an error prints it, so that an article
// about stack traces, a validation message or a plain "jwt expired" passes.
// The shapes were recorded from Express 4.22 and 5.3 in both modes and from some
// thirty packages that were made to fail (e2e/apps/errors); the rest, of other
// languages above all, is taken from documentation. Each has a test.
//
// It is no secret scanner: it looks at answers that are errors already, and a
// secret of a shape nobody knows passes.
//
// # Bounds
//
// Find reads the first 64 KiB, Mask the first 16 KiB. Every pattern is tried
// only where its literal was seen, takes linear time, and together they read
// 512 KiB at most: an answer so full of literals that this is not enough is
// taken for a leak. Made to be slow, it costs some tens of milliseconds.
package leak

const (
	maxBody = 64 << 10 // of an answer is looked at
	maxWork = 8 * maxBody
)

// The kinds of leak, as they read in a log line: "the answer shows …".
const (
	secret  = "a secret"
	frame   = "a stack frame"
	driver  = "a driver's error"
	network = "an internal address"
	file    = "a file path"
	library = "a library's error"
	program = "a program error"
	crowded = "more than can be looked through"
)

// Find looks for the first leak in an answer and names its kind.
func Find(body []byte) (kind string, found bool) {
	body = body[:min(len(body), maxBody)]
	all := catalogue()
	seen := all.scan(body)
	work := 0
	for i := range all.prints {
		if !seen[i] {
			continue
		}
		if work += len(body); work > maxWork {
			return crowded, true
		}
		if all.prints[i].pattern.Match(body) {
			return all.prints[i].kind, true
		}
	}
	return "", false
}

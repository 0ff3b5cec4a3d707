// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build !unix

package guard

// maxFiles is how many files and connections the process may have open, 0 if that is
// not known.
func maxFiles() int { return 0 }

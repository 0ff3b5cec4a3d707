// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build unix

package guard

import "syscall"

// maxFiles is how many files and connections the process may have open, 0 if that is
// not known.
func maxFiles() int {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil || uint64(limit.Cur) > 1<<30 {
		return 0
	}
	return int(limit.Cur)
}

// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build unix

package http1

import "syscall"

// peek looks whether there is anything to read, and waits for nothing.
func (cn *conn) peek(fd uintptr) bool {
	var b [1]byte
	_, err := syscall.Read(int(fd), b[:])
	cn.silent = err == syscall.EAGAIN
	return true
}

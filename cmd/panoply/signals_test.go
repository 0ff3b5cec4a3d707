// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build unix

package main

import (
	"os"
	"syscall"
	"testing"
	"time"
)

// What arrives twice, as by a terminal and by a wrapper that sends it on, is one signal: the
// guard must have its time to stop.
func TestOneSignalInTwoWays(t *testing.T) {
	ctx, stop := interruptible(time.Hour)
	defer stop()
	for _, s := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGINT} {
		if err := syscall.Kill(os.Getpid(), s); err != nil {
			t.Fatal(err)
		}
		<-ctx.Done()
		time.Sleep(20 * time.Millisecond) // for whatever a signal sets off
	}
}

// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build !linux

package main

import (
	"errors"
	"time"
)

var errNotLinux = errors.New("CPU time and memory of other processes are read on Linux alone")

func cpuOf(int) (time.Duration, error) { return 0, errNotLinux }

func memoryOf(int) (now, most int64, err error) { return 0, 0, errNotLinux }

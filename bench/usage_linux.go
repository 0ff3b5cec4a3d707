// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// cpuOf is the CPU time, user and system, of a process and its children so far, to the
// nanosecond: the clock ticks of /proc/PID/stat are too coarse. A child that ended is not
// in it.
func cpuOf(pid int) (time.Duration, error) {
	var sum time.Duration
	err := each(pid, func(pid int) error {
		var t unix.Timespec
		// The clock of another process, as clock_getcpuclockid(3) has it: CPUCLOCK_SCHED of all its threads.
		if err := unix.ClockGettime(int32(^pid<<3|2), &t); err != nil {
			return fmt.Errorf("CPU time of process %d: %w", pid, err)
		}
		sum += time.Duration(t.Nano())
		return nil
	})
	return sum, err
}

// memoryOf is what a process and its children have in memory now, and the most that each
// ever had. Pages that they share are counted in each.
func memoryOf(pid int) (now, most int64, err error) {
	err = each(pid, func(pid int) error {
		status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		if err != nil {
			return err
		}
		rss, err := kilobytes(status, "VmRSS:")
		if err != nil {
			return err
		}
		hwm, err := kilobytes(status, "VmHWM:")
		now, most = now+rss<<10, most+hwm<<10
		return err
	})
	return now, most, err
}

func kilobytes(status []byte, name string) (int64, error) {
	for line := range bytes.Lines(status) {
		if rest, ok := bytes.CutPrefix(line, []byte(name)); ok {
			return strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(string(rest)), " kB"), 10, 64)
		}
	}
	return 0, errors.New("no " + name + " in /proc")
}

// each calls f for a process and all that it started.
func each(pid int, f func(pid int) error) error {
	if err := f(pid); err != nil {
		return err
	}
	threads, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	if err != nil {
		return err
	}
	for _, thread := range threads {
		dir := fmt.Sprintf("/proc/%d/task/%s", pid, thread.Name())
		children, err := os.ReadFile(dir + "/children")
		if _, gone := os.Stat(dir); err != nil && gone != nil {
			continue // a thread that ended meanwhile
		}
		if err != nil {
			return err
		}
		for child := range strings.FieldsSeq(string(children)) {
			pid, err := strconv.Atoi(child)
			if err != nil {
				return err
			}
			if err := each(pid, f); err != nil {
				return err
			}
		}
	}
	return nil
}

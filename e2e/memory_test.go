// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"
)

// needsLinux skips a test elsewhere: it measures the memory of another process
// in /proc, and gives each customer a loopback address of its own.
func needsLinux(t *testing.T) {
	t.Helper()
	if runtime.GOOS != "linux" {
		lacking(t, "Linux, for /proc and many loopback addresses,", errors.New(runtime.GOOS))
	}
}

// expectMemory wants the guard's resident memory to have stayed under a limit
// all the time. The guard is another process, so the memory is all its own.
func expectMemory(t *testing.T, g guard, limit int64) {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", g.process.Pid()))
	if err != nil {
		t.Fatal(err)
	}
	peak, now := memoryIn(t, string(status), "VmHWM"), memoryIn(t, string(status), "VmRSS")
	t.Logf("the guard's memory: %.1f MB at its peak, %.1f MB now", float64(peak)/megabyte, float64(now)/megabyte)
	if peak >= limit {
		t.Errorf("the guard had %.1f MB in memory; want less than %d MB", float64(peak)/megabyte, limit/megabyte)
	}
}

// memoryIn returns one line of /proc/PID/status, in bytes.
func memoryIn(t *testing.T, status, name string) int64 {
	t.Helper()
	for line := range strings.Lines(status) {
		if fields := strings.Fields(line); len(fields) == 3 && fields[0] == name+":" && fields[2] == "kB" {
			if n, err := strconv.ParseInt(fields[1], 10, 64); err == nil && n > 0 {
				return n << 10
			}
		}
	}
	t.Fatalf("no %s in %s", name, status)
	return 0
}

// customer is a client with a connection and a loopback address of its own, as
// the customers of a shop have; those with odd numbers speak HTTP/1.1.
func (g guard) customer(t *testing.T, n int) *http.Client {
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 1, byte(n+1))}}
	transport := &http.Transport{
		DialContext:       dialer.DialContext,
		TLSClientConfig:   &tls.Config{RootCAs: g.roots},
		ForceAttemptHTTP2: n%2 == 0,
		// A body is read when the guard has asked for it.
		ExpectContinueTimeout: time.Minute,
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

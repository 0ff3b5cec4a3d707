// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build unix

package child

import (
	"context"
	"net"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

var listening = regexp.MustCompile(`^listening (\d+)$`)

func TestStartWaitsForReadiness(t *testing.T) {
	p, match, err := Start(t.Context(), exec.Command("sh", "-c", "echo booting; echo listening 42; exec cat"), listening)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Stop()
	if match[1] != "42" {
		t.Errorf("got port %q; want 42", match[1])
	}
	if got := p.Output(); got != "booting\nlistening 42" {
		t.Errorf("got output %q", got)
	}
}

func TestStartReportsAChildThatEnds(t *testing.T) {
	_, _, err := Start(t.Context(), exec.Command("sh", "-c", "echo no database >&2; exit 3"), listening)
	if err == nil || !strings.Contains(err.Error(), "exit status 3") || !strings.Contains(err.Error(), "no database") {
		t.Errorf("got %v; want the exit status and the output", err)
	}
}

func TestStartGivesUpWithTheContext(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, _, err := Start(ctx, exec.Command("sleep", "60"), listening)
	if err == nil || !strings.Contains(err.Error(), "not ready in time") {
		t.Errorf("got %v; want that it was not ready in time", err)
	}
}

func TestAccepts(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()

	p, _, err := Start(t.Context(), exec.Command("sleep", "60"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Stop()
	if err := p.Accepts(t.Context(), l.Addr().String()); err != nil {
		t.Errorf("got %v; want that it accepts", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := p.Accepts(ctx, closed.Addr().String()); err == nil || !strings.Contains(err.Error(), "not ready in time") {
		t.Errorf("got %v; want that it was not ready in time", err)
	}
	p.Stop()
	if err := p.Accepts(t.Context(), closed.Addr().String()); err == nil || !strings.Contains(err.Error(), "ended before") {
		t.Errorf("got %v; want that it ended", err)
	}
}

// A child that ignores the request to end must go, and its own children too.
func TestStopEndsTheWholeGroup(t *testing.T) {
	p, match, err := Start(t.Context(), exec.Command("sh", "-c", "sleep 60 & echo listening $!; wait"), listening)
	if err != nil {
		t.Fatal(err)
	}
	p.Stop()
	p.Stop()
	grandchild, _ := strconv.Atoi(match[1])
	if processRuns(grandchild) {
		t.Errorf("the child's child %d still runs", grandchild)
	}
	select {
	case <-p.Ended():
	default:
		t.Error("the child has not ended")
	}
}

// processRuns reports whether a process exists and is not a zombie that its
// new parent has not collected yet.
func processRuns(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return false
	}
	state, err := exec.Command("ps", "-o", "stat=", "-p", strconv.Itoa(pid)).Output()
	return err == nil && !strings.HasPrefix(strings.TrimSpace(string(state)), "Z")
}

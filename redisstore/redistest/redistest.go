// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

// Package redistest runs a redis-server for tests: on loopback, without a disk.
package redistest

import (
	"net"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"
)

const patience = 20 * time.Second

// Server is a redis-server of the test's own.
type Server struct {
	Addr string
	args []string
	cmd  *exec.Cmd
}

// Start starts a server that ends with the test. Without redis-server the test
// is skipped, or with PANOPLY_REQUIRE=1 fails.
func Start(t testing.TB, args ...string) *Server {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		if os.Getenv("PANOPLY_REQUIRE") == "1" {
			t.Fatal("redis-server is missing; make setup installs it")
		}
		t.Skip("*** MISSING: redis-server, so that nothing of the Redis store was tested; make setup installs it ***")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(l.Addr().String())
	l.Close()
	s := &Server{Addr: "127.0.0.1:" + port, args: append([]string{"--bind", "127.0.0.1", "--port", port, "--save", "", "--appendonly", "no", "--dir", t.TempDir()}, args...)}
	s.Start(t)
	t.Cleanup(s.Stop)
	return s
}

// Start starts a server that was stopped, empty and at the same address.
func (s *Server) Start(t testing.TB) {
	t.Helper()
	s.cmd = exec.Command("redis-server", s.args...)
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		c, err := net.Dial("tcp", s.Addr)
		if err == nil {
			c.Close()
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("redis-server does not start")
		}
	}
}

// Stop kills the server.
func (s *Server) Stop() {
	if s.cmd != nil {
		s.cmd.Process.Kill()
		s.cmd.Wait()
		s.cmd = nil
	}
}

// Pause makes the server hang until Resume, with its connections open.
func (s *Server) Pause() { s.cmd.Process.Signal(syscall.SIGSTOP) }

// Resume ends a Pause.
func (s *Server) Resume() { s.cmd.Process.Signal(syscall.SIGCONT) }

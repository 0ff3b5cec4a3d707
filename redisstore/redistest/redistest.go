// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

// Package redistest runs redis-server for tests: on loopback, without a disk.
package redistest

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
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
	port := freePort(t)
	return started(t, port, append([]string{"--bind", "127.0.0.1", "--port", port, "--save", "", "--appendonly", "no", "--dir", t.TempDir()}, args...))
}

// StartSentinel starts a Sentinel that ends with the test and watches a server under
// a name. It alone decides that the server is gone, after 300 ms.
func StartSentinel(t testing.TB, name string, watched *Server) *Server {
	t.Helper()
	port := freePort(t)
	host, watchedPort, _ := net.SplitHostPort(watched.Addr)
	file := filepath.Join(t.TempDir(), "sentinel.conf") // which it writes to
	text := fmt.Sprintf("bind 127.0.0.1\nport %[1]s\ndir %[2]s\nsentinel monitor %[3]s %[4]s %[5]s 1\nsentinel down-after-milliseconds %[3]s 300\nsentinel failover-timeout %[3]s 3000\n",
		port, filepath.Dir(file), name, host, watchedPort)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return started(t, port, []string{file, "--sentinel"})
}

func started(t testing.TB, port string, args []string) *Server {
	t.Helper()
	s := &Server{Addr: "127.0.0.1:" + port, args: args}
	s.Start(t)
	t.Cleanup(s.Stop)
	return s
}

// freePort is a port that nobody listens on, and whose neighbour ten thousand above a
// cluster can talk on.
func freePort(t testing.TB) string {
	t.Helper()
	for range 1000 {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", 10_000+rand.N(20_000)))
		if err != nil {
			continue
		}
		_, port, _ := net.SplitHostPort(l.Addr().String())
		l.Close()
		return port
	}
	t.Fatal("no port is free")
	return ""
}

// Do has the server do a command, and returns what redis-cli prints of it.
func (s *Server) Do(t testing.TB, command ...string) string {
	t.Helper()
	host, port, _ := net.SplitHostPort(s.Addr)
	out, err := exec.Command("redis-cli", append([]string{"-h", host, "-p", port}, command...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("redis-cli %v: %v: %s", command, err, out)
	}
	return strings.TrimSpace(string(out))
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

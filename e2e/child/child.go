// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

// Package child runs a server as a child process of a test: it starts it,
// waits until it says that it is ready, keeps the end of what it printed, and
// ends it with everything that it started.
//
// The output is bounded: of what a child prints, the last 256 KiB are kept.
package child

import (
	"context"
	"fmt"
	"net"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"time"
)

const (
	maxOutput = 256 << 10
	// maxLine bounds the part of a line that is looked at for readiness.
	maxLine = 64 << 10
	// grace is how long a child may take to end by itself.
	grace = 3 * time.Second
)

// Process is a running child process.
type Process struct {
	cmd   *exec.Cmd
	out   *output
	ended chan struct{}
	stop  sync.Once
}

// Start starts cmd and returns when a line of its output, standard or error,
// matches ready, together with that match and its groups. A child that ends
// before, or is not ready when ctx ends, is an error that holds its output.
// With ready nil it returns at once. cmd must not have Stdout, Stderr or Cancel
// of its own.
func Start(ctx context.Context, cmd *exec.Cmd, ready *regexp.Regexp) (*Process, []string, error) {
	p := &Process{
		cmd:   cmd,
		out:   &output{ready: ready, found: make(chan []string, 1)},
		ended: make(chan struct{}),
	}
	cmd.Stdout, cmd.Stderr = p.out, p.out
	cmd.WaitDelay = grace
	ownGroup(cmd)
	if err := cmd.Start(); err != nil {
		return nil, nil, fmt.Errorf("failed to start %s: %w", cmd.Path, err)
	}
	go func() {
		defer close(p.ended)
		_ = cmd.Wait() // How it ended is in its output.
	}()

	if ready == nil {
		return p, nil, nil
	}
	select {
	case match := <-p.out.found:
		return p, match, nil
	case <-p.ended:
		return nil, nil, p.endedEarly()
	case <-ctx.Done():
		p.Stop()
		return nil, nil, p.late(ctx)
	}
}

// Accepts returns when the child accepts TCP connections at addr. A child that
// ends before, or does not accept any when ctx ends, is an error that holds its
// output; it is not stopped.
func (p *Process) Accepts(ctx context.Context, addr string) error {
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for {
		if conn, err := new(net.Dialer).DialContext(ctx, "tcp", addr); err == nil {
			return conn.Close()
		}
		select {
		case <-p.ended:
			return p.endedEarly()
		case <-ctx.Done():
			return p.late(ctx)
		case <-again.C:
		}
	}
}

func (p *Process) endedEarly() error {
	return fmt.Errorf("%s ended before it was ready (%v):\n%s", p.cmd.Path, p.cmd.ProcessState, p.Output())
}

func (p *Process) late(ctx context.Context) error {
	return fmt.Errorf("%s was not ready in time: %w:\n%s", p.cmd.Path, context.Cause(ctx), p.Output())
}

// Stop asks the child's process group to end, and after three seconds ends
// it. It returns when the child is gone. Stopping twice is harmless.
func (p *Process) Stop() {
	p.stop.Do(func() {
		terminate(p.cmd.Process.Pid)
		select {
		case <-p.ended:
		case <-time.After(grace):
		}
		kill(p.cmd.Process.Pid)
	})
	<-p.ended
}

// Terminate asks the child's process group to end, and does not wait for it.
// Where there is no gentle way to ask (Windows), it ends it.
func (p *Process) Terminate() { terminate(p.cmd.Process.Pid) }

// Pid is the child's process id.
func (p *Process) Pid() int { return p.cmd.Process.Pid }

// ExitCode is the child's exit code once [Process.Ended] is closed; it is -1
// when a signal ended the child.
func (p *Process) ExitCode() int { return p.cmd.ProcessState.ExitCode() }

// Ended is closed when the child is gone.
func (p *Process) Ended() <-chan struct{} { return p.ended }

// Output is the end of what the child has printed so far.
func (p *Process) Output() string { return p.out.String() }

// output is where a child prints to. One goroutine of os/exec writes to it,
// because standard output and error are the same writer.
type output struct {
	ready *regexp.Regexp
	found chan []string

	mu   sync.Mutex
	line []byte // the line that has not ended yet, until readiness was found
	kept []byte
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.ready != nil {
		o.look(b)
	}
	o.kept = append(o.kept, b...)
	if over := len(o.kept) - maxOutput; over > 0 {
		o.kept = append(o.kept[:0], o.kept[over:]...)
	}
	return len(b), nil
}

// look searches the lines that b completes for the sign of readiness.
func (o *output) look(b []byte) {
	for _, c := range b {
		if c != '\n' {
			if len(o.line) < maxLine {
				o.line = append(o.line, c)
			}
			continue
		}
		if match := o.ready.FindSubmatch(o.line); match != nil {
			groups := make([]string, len(match))
			for i, g := range match {
				groups[i] = string(g)
			}
			o.found <- groups
			o.ready, o.line = nil, nil
			return
		}
		o.line = o.line[:0]
	}
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return strings.TrimSpace(string(o.kept))
}

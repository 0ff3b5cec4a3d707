// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"
)

const (
	roleVariable     = "PANOPLY_BENCH_ROLE"
	upstreamVariable = "PANOPLY_BENCH_UPSTREAM"
)

// process is this program again, in the role of a server. It answers each line
// on its standard input with what it has used so far.
type process struct {
	target
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

// target is a server that requests are sent to.
type target struct {
	url    string
	client *http.Client
}

func targetAt(url string) target {
	return target{url, &http.Client{
		Transport: &http.Transport{MaxIdleConnsPerHost: concurrency, DisableCompression: true},
		Timeout:   30 * time.Second,
	}}
}

func start(ctx context.Context, role, upstream string) (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, self)
	cmd.Env = append(os.Environ(), roleVariable+"="+role, upstreamVariable+"="+upstream)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &process{target: targetAt(""), cmd: cmd, in: in, out: bufio.NewReader(out)}
	line, err := p.out.ReadString('\n')
	if err != nil {
		p.stop()
		return nil, fmt.Errorf("%s did not start: %w", role, err)
	}
	p.url = strings.TrimSpace(line)
	return p, nil
}

// stop ends the process: it lives as long as its standard input.
func (p *process) stop() {
	p.client.CloseIdleConnections()
	p.in.Close()
	p.cmd.Wait()
}

// usage asks the process for its CPU time and its most memory.
func (p *process) usage() (cpu time.Duration, rss int64, err error) {
	cpu, rss, _, err = p.ask()
	return cpu, rss, err
}

func (p *process) ask() (cpu time.Duration, most, now int64, err error) {
	if _, err := io.WriteString(p.in, "usage\n"); err != nil {
		return 0, 0, 0, err
	}
	line, err := p.out.ReadString('\n')
	if err != nil {
		return 0, 0, 0, err
	}
	_, err = fmt.Sscan(line, &cpu, &most, &now)
	return cpu, most, now, err
}

// resident is the memory that the process has now.
func (p *process) resident() (int64, error) {
	_, _, now, err := p.ask()
	return now, err
}

func (p *process) memory() (int64, error) {
	_, rss, err := p.usage()
	return rss, err
}

// measure sends the requests and tells the CPU time that each cost the process,
// and how many a second were answered.
func (p *process) measure(ctx context.Context, w work, requests int) (cpu time.Duration, perSecond float64, err error) {
	before, _, err := p.usage()
	if err != nil {
		return 0, 0, err
	}
	_, took, err := p.flood(ctx, w, requests)
	if err != nil {
		return 0, 0, err
	}
	after, _, err := p.usage()
	return (after - before) / time.Duration(requests), float64(requests) / took.Seconds(), err
}

// flood sends the requests, 64 at a time. It tells how long each took, in no order, and
// how long all.
func (t *target) flood(ctx context.Context, w work, requests int) (each []time.Duration, took time.Duration, err error) {
	each = make([]time.Duration, requests)
	errs := make([]error, concurrency)
	var group sync.WaitGroup
	began := time.Now()
	for i := range concurrency {
		group.Go(func() {
			for n := i; n < requests && errs[i] == nil; n += concurrency {
				sent := time.Now()
				errs[i] = t.send(ctx, w)
				each[n] = time.Since(sent)
			}
		})
	}
	group.Wait()
	return each, time.Since(began), errors.Join(errs...)
}

func (t *target) send(ctx context.Context, w work) error {
	status, err := t.request(ctx, w)
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("%s %s: %d", w.method, w.path, status)
	}
	return err
}

// request has one exchange, and returns the status of the answer.
func (t *target) request(ctx context.Context, w work) (status int, err error) {
	req, err := http.NewRequestWithContext(ctx, w.method, t.url+w.path, strings.NewReader(w.body))
	if err != nil {
		return 0, err
	}
	if w.contentType != "" {
		req.Header.Set("Content-Type", w.contentType)
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("Cookie", "connect.sid=s%3Aabcdefghijklmnopqrstuvwxyz.0123456789")
	resp, err := t.client.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode, err
}

// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"sync"
	"syscall"
)

// benchIdle asks what connections cost that do nothing: kept alive after a request, and
// WebSockets that have exchanged a message.
func benchIdle(ctx context.Context) error {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return err
	}
	app, err := start(ctx, "sockets", "")
	if err != nil {
		return err
	}
	defer app.stop()
	fmt.Printf("%-28s %10s %12s %12s %16s\n", "", "number", "before", "with them", "for each")
	for _, kind := range []struct {
		name    string
		n       int
		request string
		status  int
	}{
		{"idle keep-alive connections", 10_000, "GET /item HTTP/1.1\r\nHost: a\r\n\r\n", 200},
		{"idle WebSockets", 1_000, "GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", 101},
	} {
		guard, err := start(ctx, "gateway", app.url)
		if err != nil {
			return err
		}
		if err := guard.idle(ctx, kind.name, min(kind.n, int(limit.Cur)-200), kind.request, kind.status); err != nil {
			guard.stop()
			return err
		}
		guard.stop()
	}
	return nil
}

func (p *process) idle(ctx context.Context, name string, n int, request string, status int) error {
	at, err := url.Parse(p.url)
	if err != nil {
		return err
	}
	if _, _, err := p.measure(ctx, works[0], 2000); err != nil { // what any work makes it take
		return err
	}
	p.client.CloseIdleConnections()
	before, err := p.resident()
	if err != nil {
		return err
	}
	conns := make([]net.Conn, n)
	errs := make([]error, concurrency)
	var all sync.WaitGroup
	for i := range concurrency {
		all.Go(func() {
			for j := i; j < n && errs[i] == nil; j += concurrency {
				conns[j], errs[i] = open(at.Host, request, status)
			}
		})
	}
	all.Wait()
	defer func() {
		for _, c := range conns {
			if c != nil {
				c.Close()
			}
		}
	}()
	if err := errors.Join(errs...); err != nil {
		return err
	}
	with, err := p.resident()
	if err != nil {
		return err
	}
	fmt.Printf("%-28s %10d %9d MB %9d MB %13.1f KB\n", name, n, before>>20, with>>20, float64(with-before)/float64(n)/1024)
	return nil
}

// open opens a connection, has one exchange on it, and leaves it at that.
func open(addr, request string, status int) (net.Conn, error) {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	if _, err := io.WriteString(c, request); err != nil {
		return c, err
	}
	in := bufio.NewReader(c)
	resp, err := http.ReadResponse(in, nil)
	if err != nil {
		return c, err
	}
	if resp.StatusCode != status {
		return c, fmt.Errorf("got %s", resp.Status)
	}
	if status != http.StatusSwitchingProtocols {
		_, err = io.Copy(io.Discard, resp.Body)
		return c, err
	}
	const frame = "\x81\x85\x00\x00\x00\x00hello" // masked with zeroes; it comes back as it is
	if _, err := io.WriteString(c, frame); err != nil {
		return c, err
	}
	_, err = io.ReadFull(in, make([]byte, len(frame)))
	return c, err
}

// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

const slowConnections = 2000

// benchSlow asks how long an honest client waits beside 2,000 connections that send a
// header byte by byte. Each that the guard ends is opened anew.
func benchSlow(ctx context.Context, rounds int) error {
	app, err := start(ctx, "app", "")
	if err != nil {
		return err
	}
	defer app.stop()
	guard, err := start(ctx, "gateway", app.url)
	if err != nil {
		return err
	}
	defer guard.stop()
	at, err := url.Parse(guard.url)
	if err != nil {
		return err
	}
	const requests = 2000
	var alone, beside [2][]time.Duration // p50 and p99 of each round
	var ended atomic.Int64
	var last []time.Duration
	one := func(into *[2][]time.Duration, keep bool) error {
		if last, err = latencies(ctx, guard, requests); err == nil && keep {
			into[0] = append(into[0], last[len(last)/2])
			into[1] = append(into[1], last[len(last)*99/100])
		}
		return err
	}
	for round := range rounds + 1 {
		if err := one(&alone, round > 0); err != nil {
			return err
		}
		stop, err := crawl(ctx, at.Host, &ended)
		if err != nil {
			return err
		}
		err = one(&beside, round > 0)
		stop()
		if err != nil {
			return err
		}
	}
	most, err := guard.memory()
	if err != nil {
		return err
	}
	fmt.Printf("an honest client beside %d connections that send a header byte by byte; %d rounds of %d requests, medians\n\n", slowConnections, rounds, requests)
	fmt.Printf("%-8s %12s %12s %8s\n", "", "alone", "beside them", "ratio")
	for i, name := range []string{"p50", "p99"} {
		a, b := median(alone[i]), median(beside[i])
		fmt.Printf("%-8s %9.0f µs %9.0f µs %8.2f\n", name, micros(a), micros(b), float64(b)/float64(a))
	}
	fmt.Printf("slow connections that the guard ended meanwhile: %d; its most memory: %d MB\n", ended.Load(), most>>20)
	return nil
}

// latencies sends requests one after the other, and tells how long each took, in order
// of length.
func latencies(ctx context.Context, p *process, requests int) ([]time.Duration, error) {
	all := make([]time.Duration, requests)
	for i := range all {
		began := time.Now()
		if err := p.send(ctx, works[0]); err != nil {
			return nil, err
		}
		all[i] = time.Since(began)
	}
	slices.Sort(all)
	return all, nil
}

// crawl keeps the slow connections open until it is stopped. It returns when all are.
func crawl(ctx context.Context, addr string, ended *atomic.Int64) (stop func(), err error) {
	ctx, cancel := context.WithCancel(ctx)
	var all, opening sync.WaitGroup
	var failed atomic.Pointer[error]
	opening.Add(slowConnections)
	dialing := make(chan struct{}, 64)
	for range slowConnections {
		all.Go(func() {
			for first := true; ctx.Err() == nil; first = false {
				dialing <- struct{}{}
				c, err := net.Dial("tcp", addr)
				<-dialing
				if first {
					opening.Done()
				}
				if err != nil {
					failed.Store(&err)
					return
				}
				if drip(ctx, c) {
					ended.Add(1)
				}
			}
		})
	}
	opening.Wait()
	stop = func() { cancel(); all.Wait() }
	if e := failed.Load(); e != nil {
		stop()
		return nil, *e
	}
	return stop, nil
}

// drip sends a header a byte a second, and reports whether the other side ended it.
func drip(ctx context.Context, c net.Conn) (ended bool) {
	defer c.Close()
	defer context.AfterFunc(ctx, func() { c.Close() })()
	if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: a\r\nX-Slow: "); err != nil {
		return ctx.Err() == nil
	}
	for {
		c.SetReadDeadline(time.Now().Add(time.Second))
		var timeout net.Error
		if _, err := c.Read(make([]byte, 1)); !errors.As(err, &timeout) || !timeout.Timeout() {
			return ctx.Err() == nil
		}
		if _, err := io.WriteString(c, "x"); err != nil {
			return ctx.Err() == nil
		}
	}
}

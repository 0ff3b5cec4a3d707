// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

// Command bench measures what the guard costs beside a bare reverse proxy, and
// what a reading costs beside those of common libraries.
//
// Four servers run as processes of their own on loopback: an app, a bare and
// tuned httputil.ReverseProxy before it, what the guard forwards with instead, and the guard with all seven
// protections in force. Rounds of the same requests go through each in
// turn; what is compared is the CPU time that each process took per request, by
// the kernel's own account. Machines are noisy and shared: believe the ratio,
// not the microseconds.
//
// The readings run in this process, each in its turn: the same body validated by
// Panoply and by its peers, the same JSON and query inspected and merely scanned.
//
//	go run ./bench            five rounds
//	go run ./bench -rounds 9 -requests 50000
//	go run ./bench -only peers -write docs/bench.md    beside Caddy, nginx, ModSecurity, Express
//	go run ./bench -only readings
//	go run ./bench -only credentials
//	go run ./bench -only headers
//	go run ./bench -only logins
//	go run ./bench -only uploads    a form of 10 MB, beside mime/multipart and multer
//	go run ./bench -only slow       an honest client beside 2,000 slow ones
//	go run ./bench -only idle       what 10,000 idle connections and 1,000 WebSockets hold
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"time"
)

const concurrency = 64

func main() {
	if role := os.Getenv(roleVariable); role != "" {
		if err := serve(role); err != nil {
			fmt.Fprintln(os.Stderr, "bench:", role+":", err)
			os.Exit(1)
		}
		return
	}
	rounds := flag.Int("rounds", 5, "interleaved rounds (at most 50)")
	requests := flag.Int("requests", 10_000, "requests per round and server (at most 200000)")
	only := flag.String("only", "", "proxy, peers, readings, credentials, headers, logins, uploads, slow or idle; all without it")
	write := flag.String("write", "", "where to write the table of the peers, as Markdown")
	flag.Parse()
	interrupted, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	ctx, cancel := context.WithTimeout(interrupted, time.Hour)
	defer cancel()
	if err := measure(ctx, *write, *only, max(1, min(*rounds, 50)), min(*requests, 200_000)); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func measure(ctx context.Context, write, only string, rounds, requests int) error {
	parts := []struct {
		name string
		run  func() error
	}{
		{"proxy", func() error { return run(ctx, rounds, requests) }},
		{"peers", func() error { return benchPeers(ctx, rounds, requests, write) }},
		{"readings", func() error { return readAll(ofRequests, 4*rounds) }},
		{"credentials", func() error { return benchCredentials(ctx, 4*rounds) }},
		{"headers", func() error { return benchHeaders(ctx) }},
		{"logins", func() error { return benchLogins(ctx) }},
		{"uploads", func() error { return benchUploads(ctx, 2*rounds) }},
		{"slow", func() error { return benchSlow(ctx, rounds) }},
		{"idle", func() error { return benchIdle(ctx) }},
	}
	known := only == ""
	for i, part := range parts {
		if only != "" && only != part.name {
			continue
		}
		known = true
		if only == "" && i > 0 {
			fmt.Println()
		}
		if err := part.run(); err != nil {
			return err
		}
	}
	if !known {
		return fmt.Errorf("-only is proxy, peers, readings, credentials, headers, logins, uploads, slow or idle, not %q", only)
	}
	return nil
}

// work is one kind of request.
type work struct {
	name, method, path, body string
	contentType              string
}

var works = []work{
	{"GET 1 KB", "GET", "/item", "", ""},
	{"POST 1 KB JSON, schema", "POST", "/items", order, "application/json"},
}

// roles are the proxies that are compared: ReverseProxy, tuned as well as it can be; the guard's own way
// to forward, without protections; and the guard with all seven.
var roles = []string{"bare", "forward", "guard"}

func run(ctx context.Context, rounds, requests int) error {
	app, err := start(ctx, "app", "")
	if err != nil {
		return err
	}
	defer app.stop()
	proxies := make([]*process, len(roles))
	for i, role := range roles {
		if proxies[i], err = start(ctx, role, app.url); err != nil {
			return err
		}
		defer proxies[i].stop()
	}

	fmt.Printf("%d rounds of %d requests, %d at a time, interleaved; CPU time of the proxy process per request and its ratio to bare, medians\n", rounds, requests, concurrency)
	for _, w := range works {
		cpu, rate := make([][]time.Duration, len(roles)), make([][]float64, len(roles))
		for round := range rounds + 1 {
			for i, p := range proxies {
				c, perSecond, err := p.measure(ctx, w, requests)
				if err != nil {
					return err
				}
				if round > 0 { // the first warms up
					cpu[i] = append(cpu[i], c)
					rate[i] = append(rate[i], perSecond)
				}
			}
		}
		fmt.Printf("\n%-24s %12s %8s %14s\n", w.name, "CPU", "ratio", "requests/s")
		for i, role := range roles {
			c := median(cpu[i])
			fmt.Printf("%-24s %9.1f µs %8.2f %14.0f\n", role, micros(c), float64(c)/float64(median(cpu[0])), median(rate[i]))
		}
	}
	fmt.Printf("\n%-24s\n", "most memory (RSS)")
	for i, role := range roles {
		rss, err := proxies[i].memory()
		if err != nil {
			return err
		}
		fmt.Printf("%-24s %9d MB\n", role, rss>>20)
	}
	return nil
}

func median[T int64 | float64 | time.Duration](s []T) T {
	s = slices.Clone(s)
	slices.Sort(s)
	return s[len(s)/2]
}

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

// Command bench measures what the guard costs beside a bare reverse proxy, and
// what a reading costs beside those of common libraries.
//
// Three servers run as processes of their own on loopback: an app, a bare and
// equally tuned httputil.ReverseProxy before it, and the guard with all seven
// protections in force before it. Rounds of the same requests go through both in
// turn; what is compared is the CPU time that each process took per request, by
// the kernel's own account. Machines are noisy and shared: believe the ratio,
// not the microseconds.
//
// The readings run in this process, each in its turn: the same body validated by
// Panoply and by its peers, the same JSON and query inspected and merely scanned.
//
//	go run ./bench            five rounds
//	go run ./bench -rounds 9 -requests 50000
//	go run ./bench -only readings
//	go run ./bench -only credentials
//	go run ./bench -only headers
//	go run ./bench -only logins
//	go run ./bench -only uploads    a form of 10 MB, beside mime/multipart and multer
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
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
	only := flag.String("only", "", "proxy, readings, credentials, headers, logins or uploads; all without it")
	flag.Parse()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Minute)
	defer cancel()
	if err := measure(ctx, *only, max(1, min(*rounds, 50)), min(*requests, 200_000)); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func measure(ctx context.Context, only string, rounds, requests int) error {
	parts := []struct {
		name string
		run  func() error
	}{
		{"proxy", func() error { return run(ctx, rounds, requests) }},
		{"readings", func() error { return readAll(ofRequests, 4*rounds) }},
		{"credentials", func() error { return benchCredentials(ctx, 4*rounds) }},
		{"headers", func() error { return benchHeaders(ctx) }},
		{"logins", func() error { return benchLogins(ctx) }},
		{"uploads", func() error { return benchUploads(ctx, 2*rounds) }},
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
		return fmt.Errorf("-only is proxy, readings, credentials, headers, logins or uploads, not %q", only)
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

func run(ctx context.Context, rounds, requests int) error {
	app, err := start(ctx, "app", "")
	if err != nil {
		return err
	}
	defer app.stop()
	bare, err := start(ctx, "bare", app.url)
	if err != nil {
		return err
	}
	defer bare.stop()
	guard, err := start(ctx, "guard", app.url)
	if err != nil {
		return err
	}
	defer guard.stop()

	fmt.Printf("%d rounds of %d requests, %d at a time, interleaved; CPU time of the proxy process per request, medians\n\n", rounds, requests, concurrency)
	fmt.Printf("%-24s %12s %12s %8s %14s %14s\n", "", "bare", "guard", "ratio", "bare req/s", "guard req/s")
	for _, w := range works {
		var cpu [2][]time.Duration
		var rate [2][]float64
		for round := range rounds + 1 {
			for i, p := range []*process{bare, guard} {
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
		b, g := median(cpu[0]), median(cpu[1])
		fmt.Printf("%-24s %9.1f µs %9.1f µs %8.2f %14.0f %14.0f\n", w.name, micros(b), micros(g), float64(g)/float64(b), median(rate[0]), median(rate[1]))
	}
	bareMem, err := bare.memory()
	if err != nil {
		return err
	}
	guardMem, err := guard.memory()
	if err != nil {
		return err
	}
	fmt.Printf("%-24s %9d MB %9d MB\n", "most memory (RSS)", bareMem>>20, guardMem>>20)
	return nil
}

func median[T int64 | float64 | time.Duration](s []T) T {
	s = slices.Clone(s)
	slices.Sort(s)
	return s[len(s)/2]
}

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

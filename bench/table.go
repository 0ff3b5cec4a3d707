// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"
)

const command = "go run ./bench -only peers -rounds %d -requests %d -write docs/bench.md"

// heading is above the tables: the command, the day and the machine are filled in.
const heading = `# The guard beside its peers

Written by

` + "```" + `
%s
` + "```" + `

on %s, on %s. Run it on your machine, while nothing else runs there: believe the ratios, not the microseconds.

- Every server is a process of its own on loopback. The proxies are before the same app, a small one in Go that answers with 1 KB of JSON. The two of Express are apps and no proxies: they answer themselves, so that what a middleware costs is the difference between them, and what a proxy costs comes on top of the first.
- Rounds: %d of %d requests, %d at a time over connections that are kept, each server in its turn; a round more warms up. ModSecurity gets a tenth of them: its rules take long.
- CPU is the user and system time of the server's process and its children, by the kernel's own account, for each request. The ratio is to the tuned ReverseProxy in the same round. All figures are medians of the rounds; behind a ratio are its least and its greatest.
- Requests per second, p50 and p99 are with the client and the app on the same cores: what they take, the server does not get.
- Before anything is measured, whoever has rules must have refused what they are for: an order that the schema does not allow, or for ModSecurity an injection. The schema allows 60 values with lengths, an email, numbers and their least.
`

// report prints the tables, and writes them where it is told to.
func report(outcomes []outcome, rounds, requests int, write string) error {
	machine := fmt.Sprintf("%d cores (%s/%s)", runtime.NumCPU(), runtime.GOOS, runtime.GOARCH)
	text := fmt.Sprintf(heading, fmt.Sprintf(command, rounds, requests), time.Now().UTC().Format("2006-01-02 15:04 UTC"), machine, rounds, requests, concurrency) +
		tables(outcomes)
	fmt.Print(text)
	if write == "" {
		return nil
	}
	return os.WriteFile(write, []byte(text), 0o644)
}

// tables are one for each kind of request, one for memory, the targets, and what each peer is.
func tables(outcomes []outcome) string {
	var b strings.Builder
	for n, w := range works {
		fmt.Fprintf(&b, "\n## %s\n\n| | CPU per request | ratio | requests/s | p50 | p99 |\n|---|--:|--:|--:|--:|--:|\n", w.name)
		for _, o := range outcomes {
			f := o.works[n]
			if o.why != nil {
				fmt.Fprintf(&b, "| %s | **not run** | | | | |\n", o.name)
				continue
			}
			fmt.Fprintf(&b, "| %s | %.1f µs | %s | %.0f | %s | %s |\n", o.name, micros(median(f.cpu)),
				ratioOf(f.cpu, outcomes[peerBare].works[n].cpu), median(f.rate), inMillis(median(f.p50)), inMillis(median(f.p99)))
		}
	}
	b.WriteString("\n## Memory (RSS)\n\nBefore the first request, and the most there ever was. Pages of the program's file are in it; what nginx's processes share is counted in each. The first three are this benchmark's own program, with all the libraries that it compares; panoply guard is what is shipped.\n\n| | idle | most |\n|---|--:|--:|\n")
	for _, o := range outcomes {
		if o.why != nil {
			fmt.Fprintf(&b, "| %s | **not run** | |\n", o.name)
			continue
		}
		fmt.Fprintf(&b, "| %s | %.0f MB | %.0f MB |\n", o.name, megabytes(o.idle), megabytes(o.most))
	}
	b.WriteString("\n## Targets\n\n| CPU per request with all seven on, and memory | target | measured | |\n|---|--:|--:|---|\n")
	for _, t := range targets(outcomes) {
		b.WriteString(t)
	}
	b.WriteString("\n## What each is\n\n")
	for _, o := range outcomes {
		what := o.what
		if o.why != nil {
			what = "**not run**: " + strings.ReplaceAll(o.why.Error(), "\n", " ")
		}
		fmt.Fprintf(&b, "- %s: %s\n", o.name, what)
	}
	return b.String()
}

// targets are the lines that say what is to be reached, and what was.
func targets(outcomes []outcome) []string {
	bare, guard, caddy := outcomes[peerBare], outcomes[peerGuard], outcomes[peerCaddy]
	line := func(what, target, measured string, reached bool) string {
		verdict := "reached"
		if !reached {
			verdict = "**not reached**"
		}
		return fmt.Sprintf("| %s | %s | %s | %s |\n", what, target, measured, verdict)
	}
	var lines []string
	of := func(what string, most float64, n int, base outcome) {
		if guard.why != nil || base.why != nil {
			lines = append(lines, fmt.Sprintf("| %s | at most %.2f | | **not run** |\n", what, most))
			return
		}
		r := median(ratios(guard.works[n].cpu, base.works[n].cpu))
		lines = append(lines, line(what, fmt.Sprintf("at most %.2f", most), fmt.Sprintf("%.2f", r), r <= most))
	}
	of("GET, to the tuned ReverseProxy", 0.65, 0, bare)
	of("POST with schema, to the tuned ReverseProxy", 0.85, 1, bare)
	of("GET, to Caddy", 0.4, 0, caddy)
	of("POST with schema, to Caddy", 0.4, 1, caddy)
	for _, o := range []outcome{guard, outcomes[peerProgram]} {
		if o.why == nil {
			lines = append(lines, line("most memory: "+o.name, "under 40 MB", fmt.Sprintf("%.0f MB", megabytes(o.most)), megabytes(o.most) < 40))
		}
	}
	return lines
}

// ratios are those of the same rounds.
func ratios(of, to []time.Duration) []float64 {
	all := make([]float64, min(len(of), len(to)))
	for i := range all {
		all[i] = float64(of[i]) / float64(to[i])
	}
	return all
}

func ratioOf(of, to []time.Duration) string {
	all := ratios(of, to)
	if len(all) == 0 {
		return ""
	}
	return fmt.Sprintf("%.2f (%.2f–%.2f)", median(all), slices.Min(all), slices.Max(all))
}

func percentile(s []time.Duration, p int) time.Duration {
	s = slices.Sorted(slices.Values(s))
	return s[min(len(s)-1, len(s)*p/100)]
}

func inMillis(d time.Duration) string { return fmt.Sprintf("%.1f ms", micros(d)/1000) }

func megabytes(n int64) float64 { return float64(n) / (1 << 20) }

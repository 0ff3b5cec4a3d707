// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"runtime"
	"syscall"
	"time"
)

// reader is one way to read a text.
type reader struct {
	name string
	read func(text string) error
}

// slice is how long one reader runs before it is the next one's turn.
const slice = 25 * time.Millisecond

// readAll measures the readings side by side and prints a table of each.
func readAll(all []readings, rounds int) error {
	fmt.Printf("%d rounds, interleaved; CPU time of this process per reading, medians\n", rounds)
	for _, g := range all {
		readers, err := g.readers()
		if err != nil {
			return fmt.Errorf("%s: %w", g.title, err)
		}
		for i, r := range readers { // a reader that refuses nothing would win
			if err := r.read(g.fit); err != nil {
				return fmt.Errorf("%s: %s refuses what fits: %w", g.title, r.name, err)
			}
			if i >= g.blind && r.read(g.misfit) == nil {
				return fmt.Errorf("%s: %s takes what does not fit", g.title, r.name)
			}
		}
		costs, err := interleave(readers, g.fit, rounds)
		if err != nil {
			return fmt.Errorf("%s: %w", g.title, err)
		}
		fmt.Printf("\n%-34s %12s %8s %10s\n", g.title, "per reading", "ratio", "allocs")
		for i, r := range readers {
			fmt.Printf("%-34s %9.2f µs %8.2f %10d\n", r.name, micros(costs[i].time), float64(costs[i].time)/float64(costs[0].time), costs[i].allocs)
		}
	}
	return nil
}

type cost struct {
	time   time.Duration
	allocs uint64
	bytes  uint64
}

// interleave gives each reader its turn in every round, so that a slow moment of
// the machine meets them all. A collection of garbage counts for whoever made it:
// each starts with a clean heap, and with pools that one reading has filled.
func interleave(readers []reader, text string, rounds int) ([]cost, error) {
	counts := make([]int, len(readers))
	times := make([][]time.Duration, len(readers))
	costs := make([]cost, len(readers))
	for round := range rounds + 1 {
		for i, r := range readers {
			if round == 0 { // how many fill a slice
				counts[i] = 1
				for began := time.Now(); time.Since(began) < slice; counts[i]++ {
					if err := r.read(text); err != nil {
						return nil, fmt.Errorf("%s: %w", r.name, err)
					}
				}
				continue
			}
			runtime.GC()
			if err := r.read(text); err != nil {
				return nil, fmt.Errorf("%s: %w", r.name, err)
			}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			start, err := cpuTime()
			if err != nil {
				return nil, err
			}
			for range counts[i] {
				if err := r.read(text); err != nil {
					return nil, fmt.Errorf("%s: %w", r.name, err)
				}
			}
			end, err := cpuTime()
			if err != nil {
				return nil, err
			}
			runtime.ReadMemStats(&after)
			times[i] = append(times[i], (end-start)/time.Duration(counts[i]))
			costs[i].bytes = (after.TotalAlloc - before.TotalAlloc) / uint64(counts[i])
			costs[i].allocs = (after.Mallocs - before.Mallocs) / uint64(counts[i])
		}
	}
	for i := range costs {
		costs[i].time = median(times[i])
	}
	return costs, nil
}

// cpuTime is what this process has used so far.
func cpuTime() (time.Duration, error) {
	var u syscall.Rusage
	err := syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()), err
}

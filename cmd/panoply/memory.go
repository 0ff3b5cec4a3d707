// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

const (
	// leastMemory is up to where the collector may let the process grow before it
	// works harder. Go's own rule, twice what is in use, is generous just when
	// hundreds of clients hold something at once.
	leastMemory = 80 << 20
	// room is what the bound leaves above what is in use, so that the collector
	// never works for nothing.
	room = 8 // an eighth
)

// keepSmall bounds the memory that is free but not given back, until the context
// ends. It is a soft bound, and follows what is in use; GOMEMLIMIT and GOGC are
// the operator's word, and stay.
func keepSmall(ctx context.Context) {
	if os.Getenv("GOMEMLIMIT") != "" || os.Getenv("GOGC") != "" {
		return
	}
	before := debug.SetMemoryLimit(-1)
	debug.SetMemoryLimit(leastMemory)
	go func() {
		defer debug.SetMemoryLimit(before)
		tick := time.NewTicker(time.Second / 4)
		defer tick.Stop()
		sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}, {Name: "/memory/classes/heap/stacks:bytes"}}
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				metrics.Read(sample)
				debug.SetMemoryLimit(memoryLimit(sample[0].Value.Uint64() + sample[1].Value.Uint64()))
			}
		}
	}()
}

// memoryLimit is the bound for so many bytes in use.
func memoryLimit(used uint64) int64 {
	return int64(max(leastMemory, used+used/room+(8<<20)))
}

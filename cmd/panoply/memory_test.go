// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import "testing"

// The bound never lies so near to what is in use that the collector would have
// nothing to gain.
func TestMemoryLimitFollowsWhatIsInUse(t *testing.T) {
	for used, want := range map[uint64]int64{
		0:         80 << 20,
		40 << 20:  80 << 20,
		64 << 20:  80 << 20,
		80 << 20:  98 << 20,
		400 << 20: 458 << 20,
	} {
		if got := memoryLimit(used); got != want {
			t.Errorf("%d MiB in use: a limit of %d MiB; want %d", used>>20, got>>20, want>>20)
		}
	}
}

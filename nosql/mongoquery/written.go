// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package mongoquery

import (
	"hash/maphash"
	"sync/atomic"
)

// table remembers what filters were written a moment ago, by a keyed hash of their
// bytes, so that a monitor knows them when the driver sends them on. A filter that
// was pushed out by others in between is reported: it errs on the loud side.
type table struct {
	seed  maphash.Seed
	slots [4096]atomic.Uint64
}

var written = &table{seed: maphash.MakeSeed()}

func (t *table) add(b []byte) {
	h := maphash.Bytes(t.seed, b)
	t.slots[h%uint64(len(t.slots))].Store(h)
}

func (t *table) has(b []byte) bool {
	h := maphash.Bytes(t.seed, b)
	return t.slots[h%uint64(len(t.slots))].Load() == h
}

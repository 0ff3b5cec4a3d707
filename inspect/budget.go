// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package inspect

import (
	"sync/atomic"
	"time"
)

// busyRetry is what a client is told when the budget is used up.
const busyRetry = 2 * time.Second

// Budget bounds the memory that all readings hold at one time. A reading that
// would go over it is refused with 503, so that many slow or large bodies cannot
// take the process's memory.
type Budget struct {
	max  int64
	used atomic.Int64
}

// NewBudget returns a budget of so many bytes.
func NewBudget(max int64) *Budget { return &Budget{max: max} }

// Used is how many bytes are held now.
func (b *Budget) Used() int64 { return b.used.Load() }

func (b *Budget) acquire(n int64) bool {
	if b == nil {
		return true
	}
	if b.used.Add(n) > b.max {
		b.used.Add(-n)
		return false
	}
	return true
}

func (b *Budget) release(n int64) {
	if b != nil {
		b.used.Add(-n)
	}
}

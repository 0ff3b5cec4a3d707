// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package ratelimit_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/panoply-security/panoply/ratelimit"
	"github.com/panoply-security/panoply/ratelimit/storetest"
)

func TestMemoryIsAStore(t *testing.T) {
	storetest.Run(t, func(t *testing.T, test storetest.Test) {
		synctest.Test(t, func(t *testing.T) { test(t, ratelimit.NewMemory(1000), time.Sleep) })
	})
}

func TestMemoryIsBounded(t *testing.T) {
	m := ratelimit.NewMemory(100)
	l := ratelimit.Limit{Algorithm: "fixed", Limit: 1, Window: time.Minute}
	for i := range 256 {
		l.ID = string(rune('a' + i))
		if _, err := m.Take(t.Context(), l, ratelimit.Key{}, 1); err != nil {
			t.Fatal(err)
		}
	}
	l.ID = "one-more"
	if _, err := m.Take(t.Context(), l, ratelimit.Key{}, 1); err == nil {
		t.Error("a limit beyond 256: got no error")
	}
}

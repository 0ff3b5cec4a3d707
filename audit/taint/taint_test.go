// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package taint_test

import (
	"testing"

	"github.com/panoply-security/panoply/audit/taint"
)

func TestFactsHoldBelow(t *testing.T) {
	f := taint.Facts{}.With("body", taint.NoOps).With("body.email", taint.String)
	for id, want := range map[string]taint.Fact{
		"body": taint.NoOps, "body.name": taint.NoOps, "body.email": taint.NoOps | taint.String,
		"body.email.x": taint.NoOps | taint.String, "query": 0, "bodyguard": 0,
	} {
		if got := f.Of(id); got != want {
			t.Errorf("%s: got %v; want %v", id, got, want)
		}
	}
}

func TestOnlyWhatBothPathsKnowIsLeft(t *testing.T) {
	a := taint.Facts{}.With("body.email", taint.String).With("body.name", taint.String)
	b := taint.Facts{}.With("body.email", taint.String).With("body", taint.NoOps)
	both := a.Or(b)
	if both.Of("body.email") != taint.String || both.Of("body.name") != 0 || both.Of("body") != 0 {
		t.Errorf("got %v", both)
	}
	if a.And(b).Of("body.name") != taint.String|taint.NoOps || a.Of("body") != 0 {
		t.Errorf("got %v, and %v was changed", a.And(b), a)
	}
	if f := a.Forget("body"); len(f) != 0 {
		t.Errorf("still known: %v", f)
	}
}

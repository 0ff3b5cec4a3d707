// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package fault_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/panoply-security/panoply/internal/fault"
)

func TestList(t *testing.T) {
	var part, all fault.List
	part.Add("", "is empty", "")
	part.Addf("window", "write 15m", "%q is no duration", "x")
	part.Add("[2].key", "is unknown", "")
	all.Join("rules[0]", part.Err())
	all.Join("rules[1]", fmt.Errorf("wrapped: %w", part[:1].Err()))
	all.Join("file", errors.New("not found"))
	all.Join("fine", nil)
	all.Join("", part[1:2].Err())
	want := `rules[0]: is empty
rules[0].window: "x" is no duration (hint: write 15m)
rules[0][2].key: is unknown
rules[1]: is empty
file: not found
window: "x" is no duration (hint: write 15m)`
	if got := all.Err().Error(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if err := (fault.List{}).Err(); err != nil {
		t.Errorf("no fault gives %v; want nil", err)
	}
}

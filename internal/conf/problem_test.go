// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package conf

import (
	"errors"
	"fmt"
	"os"
	"testing"

	"github.com/panoply-security/panoply/internal/fault"
)

func TestLocate(t *testing.T) {
	src, err := os.ReadFile("testdata/good.yaml")
	if err != nil {
		t.Fatal(err)
	}
	positions, err := Decode("policy.yaml", src, new(policy))
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, path   string
		line, column int
	}{
		{"root", "", 2, 1},
		{"scalar", "listen", 2, 9},
		{"empty-list", "trusted_proxies", 4, 18},
		{"mapping-below-its-key", "rate_limits", 5, 1},
		{"list-below-its-key", "rate_limits.rules", 7, 3},
		{"item-in-brackets", "rate_limits.rules[0]", 8, 7},
		{"value-in-brackets", "rate_limits.rules[0].window", 8, 65},
		{"item", "rate_limits.rules[1]", 9, 7},
		{"item-of-item", "rate_limits.rules[1].match[1]", 12, 11},
		{"value-of-item", "rate_limits.rules[1].window", 14, 15},
		{"item-of-a-scalar", "rate_limits.rules[0].match[0]", 8, 28},
		{"field-that-a-list-stands-for", "uploads.rules[0].max_file_bytes", 32, 19},
		{"list-that-stands-for-a-struct", "uploads[0].max_file_bytes", 32, 19},
		{"other-field-of-it", "uploads.mode", 30, 1},
		{"quoted-key", `bodies.json_schema.properties["on"].enum[2]`, 25, 30},
		{"plain-key", `bodies.json_schema.properties.on`, 25, 13},
		{"missing-key", "rate_limits.rules[1].count", 9, 7},
		{"missing-item", "rate_limits.rules[7].count", 7, 3},
		{"missing-section", "cors.origins[0]", 2, 1},
		{"below-a-scalar", "listen.port", 2, 9},
		{"key-that-starts-alike", "list", 2, 1},
		{"text-block", `labels["yes"]`, 40, 10},
		{"not-a-path", `labels["`, 39, 1},
		{"not-an-index", "rate_limits.rules[-1]", 7, 3},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if line, column := positions.Locate(test.path); line != test.line || column != test.column {
				t.Errorf("%s: got %d:%d, want %d:%d", test.path, line, column, test.line, test.column)
			}
		})
	}
}

func TestLocateKeysWithDots(t *testing.T) {
	positions, err := Decode("f", []byte("a:\n  b.c.d: {e: 3}\n  b: 1\n  b.c: 2\n  x[0]: 4\n"), new(map[string]any))
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]int{"a.b": 3, "a.b.c": 4, "a.b.c.d.e": 2, "a.b.x": 3, `a["b.c"]`: 4, "a.x[0]": 5, "a.x": 1} {
		if line, _ := positions.Locate(path); line != want {
			t.Errorf("%s: got line %d, want %d", path, line, want)
		}
	}
}

// TestProblems covers how a package's faults get their places.
func TestProblems(t *testing.T) {
	positions, err := Decode("p.yaml", []byte("listen: a\nrate_limits:\n  rules:\n    - {limit: 5}\n"), new(policy))
	if err != nil {
		t.Fatal(err)
	}
	var list fault.List
	list.Add("rate_limits.rules[0].limit", "too low", "write 6")
	list.Add("mode", "is missing", "")
	located := Problems{{File: "schema.json", Line: 9, Column: 9, Message: "is bad"}}
	err = errors.Join(fmt.Errorf("wrapped: %w", list), errors.New("no upstream"), located, fault.Fault{Path: "listen", Message: "is taken"}, nil)

	got := positions.Problems(err).Error()
	want := `p.yaml:1:1: mode: is missing
p.yaml:1:1: no upstream
p.yaml:1:9: listen: is taken
p.yaml:4:15: rate_limits.rules[0].limit: too low (hint: write 6)
schema.json:9:9: is bad`
	if got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
	if ps := positions.Problems(nil); ps != nil || ps.Err() != nil {
		t.Errorf("no error gives %v", ps)
	}
	var none *Positions // of a policy that is in no file
	if got := none.Problems(list[:1]).Error(); got != "rate_limits.rules[0].limit: too low (hint: write 6)" {
		t.Errorf("without a file: %s", got)
	}
}

// TestPositionsOfABadFile checks that a caller can add its own problems to
// those of a file that was read, but not well.
func TestPositionsOfABadFile(t *testing.T) {
	positions, err := Decode("f", []byte("moed: off\nlisten: a\n"), new(policy))
	if line, _ := positions.Locate("listen"); err == nil || line != 2 {
		t.Errorf("line %d, error %v", line, err)
	}
	if positions, _ := Decode("f", []byte("a: ["), new(policy)); positions != nil {
		t.Error("positions of what is not YAML")
	}
}

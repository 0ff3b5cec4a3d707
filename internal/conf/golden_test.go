// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package conf

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// TestGolden reads testdata/NAME.yaml. NAME.golden holds the problems of a bad
// file, and of a good one what Encode makes of it.
func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/*.yaml")
	if err != nil || len(files) < 4 {
		t.Fatalf("found %d files, %v", len(files), err)
	}
	for _, name := range files {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".yaml"), func(t *testing.T) {
			src, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			var p policy
			var got string
			if _, err := Decode("policy.yaml", src, &p); err != nil {
				got = err.Error() + "\n"
			} else if out, err := Encode(p); err != nil {
				t.Fatal(err)
			} else {
				got = string(out)
			}
			golden(t, strings.TrimSuffix(name, ".yaml")+".golden", got)
		})
	}
}

// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package upload

import (
	"fmt"
	"strings"
	"testing"
)

func TestZeroConfigIsTheArticles(t *testing.T) {
	c := inspector(t, Config{}).Config()
	if c.MaxFileBytes != 5*1024*1024 || c.MaxFiles != 1 || fmt.Sprint(c.Types) != "[image/jpeg image/png image/webp application/pdf]" {
		t.Errorf("got %+v", c)
	}
	if c.MaxFields != 100 || c.MaxFieldBytes != 100<<10 || c.MaxBytes != 6<<20 {
		t.Errorf("got %+v", c)
	}
}

func TestConfigFaults(t *testing.T) {
	tests := []struct {
		name string
		cfg  Config
		want []string // paths
	}{
		{"fine", Config{Types: []string{"Image/GIF", "application/zip", "video/mp4"}, UnsafeTypes: []string{"image/svg+xml"}}, nil},
		{"negative", Config{MaxFileBytes: -1, MaxFiles: -1, MaxFields: -1, MaxFieldBytes: -1, MaxBytes: -1, MaxPixels: -1},
			[]string{"max_file_bytes", "max_files", "max_fields", "max_field_bytes", "max_bytes", "max_pixels"}},
		{"too-much", Config{MaxFileBytes: 2 << 30}, []string{"max_file_bytes", "max_bytes"}},
		{"whole-less-than-file", Config{MaxFileBytes: 10 << 20, MaxBytes: 9 << 20}, []string{"max_bytes"}},
		{"pattern", Config{Types: []string{"image/png", "image/*"}}, []string{"types[1]"}},
		{"unknown", Config{Types: []string{"image/x-nonsense"}}, []string{"types[0]"}},
		{"active", Config{Types: []string{"image/svg+xml", "text/html", "application/rss+xml", "text/x-php"}},
			[]string{"types[0]", "types[1]", "types[2]", "types[3]"}},
		{"anything", Config{Types: []string{"application/octet-stream"}}, []string{"types[0]"}},
		{"unknown-unsafe", Config{UnsafeTypes: []string{"*/*"}}, []string{"unsafe_types[0]"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := New(tt.cfg)
			got := ""
			if err != nil {
				got = err.Error()
			}
			if lines := strings.Split(got, "\n"); tt.want == nil && got != "" || tt.want != nil && len(lines) != len(tt.want) {
				t.Fatalf("got %q; want faults at %q", got, tt.want)
			}
			for i, path := range tt.want {
				if line := strings.Split(got, "\n")[i]; !strings.HasPrefix(line, path+": ") {
					t.Errorf("fault %d: got %q; want one at %s", i, line, path)
				}
			}
		})
	}
}

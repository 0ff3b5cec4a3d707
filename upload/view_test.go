// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package upload

import (
	"strings"
	"testing"
)

// A marker is found wherever it stands to the edge of a window, and not beyond
// the bytes that were asked for.
func TestMarkerAcrossWindows(t *testing.T) {
	for _, marker := range []string{"<?php ", "<SCRIPT>", "<!DocType HTML>", "<svg/"} {
		for at := windowBytes - len(marker) - 2; at < windowBytes+2; at++ {
			content := strings.Repeat("<", at) + marker + strings.Repeat("x", 100)
			v := newView(strings.NewReader(content), int64(len(content)))
			if !v.marked(0, v.size) {
				t.Errorf("%q at %d: not found", marker, at)
			}
			if v.marked(0, int64(at+2)) {
				t.Errorf("%q at %d: found beyond the end", marker, at)
			}
			v.close()
		}
	}
}

func TestMarkerNeedsAnEnd(t *testing.T) {
	for text, want := range map[string]bool{
		"<?php": true, "<?php\n": true, "<?phpx": false, "<?xpacket": false, "<svg>": true, "<svgx": false,
		"<html": true, "<htmx": false, "<script/src=x>": true, "<!doctype html>": true, "<!doctype": false, "<": false, "": false,
	} {
		v := newView(strings.NewReader(text), int64(len(text)))
		if got := v.marked(0, v.size); got != want {
			t.Errorf("%q: got %v; want %v", text, got, want)
		}
		v.close()
	}
}

func TestTextIsReadToItsEnd(t *testing.T) {
	long := strings.Repeat("世界𝄞é", 9000)
	for name, tt := range map[string]struct {
		text  string
		whole bool
	}{
		"empty":         {"", true},
		"ascii":         {"hello", true},
		"long":          {long, true},
		"bad-at-end":    {long + "\xe4", false},
		"bad-in-middle": {long + "\xff" + long, false},
		"nul-at-end":    {long + "\x00", false},
		"nul-in-middle": {long + "\x00" + long, false},
	} {
		for shift := range 4 { // moves the characters over the edges of windows
			text := strings.Repeat("x", shift) + tt.text
			v := newView(strings.NewReader(text), int64(len(text)))
			if a := lookText(v); (a.fault == "") != tt.whole {
				t.Errorf("%s: got %q; want whole %v", name, a.fault, tt.whole)
			}
			v.close()
		}
	}
}

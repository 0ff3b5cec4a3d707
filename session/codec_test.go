// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package session

import (
	"bytes"
	"encoding/json"
	"testing"
)

func TestMerge(t *testing.T) {
	type changes = map[string]json.RawMessage
	one := merge(nil, changes{"b": json.RawMessage(`2`), "a": json.RawMessage(`{"x":1}`), "": json.RawMessage(`""`)})
	two := merge(one, changes{"b": nil, "c": json.RawMessage(`3`), "nothing": nil})
	for name, want := range map[string]string{"a": `{"x":1}`, "b": "", "c": "3", "": `""`, "nothing": "", "x": ""} {
		raw, ok := lookup(two, name)
		if string(raw) != want || ok != (want != "") {
			t.Errorf("%q = %s, %v; want %s", name, raw, ok, want)
		}
	}
	if raw, _ := lookup(one, "b"); string(raw) != "2" {
		t.Errorf("merge changed what it merged into: b = %s", raw)
	}
	if again := merge(one, nil); !bytes.Equal(again, one) {
		t.Errorf("merge of nothing: %q; want %q", again, one)
	}
	// Another format holds no values that this one knows.
	for _, data := range [][]byte{nil, {}, {2}, append([]byte{2}, one[1:]...), []byte(`{"a":1}`)} {
		if _, ok := lookup(data, "a"); ok {
			t.Errorf("%q has a", data)
		}
	}
}

// Whatever a store gives back, reading it does no harm, and what it holds
// survives a change of something else.
func FuzzMerge(f *testing.F) {
	f.Add([]byte("\x01\x01a\x011"), "b")
	f.Add([]byte("\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), "a")
	f.Fuzz(func(t *testing.T, data []byte, name string) {
		out := merge(data, map[string]json.RawMessage{name: json.RawMessage(`true`)})
		if raw, ok := lookup(out, name); !ok || string(raw) != "true" {
			t.Fatalf("%q is not there after it was set", name)
		}
		members(data, func(n, raw []byte) bool {
			first, _ := lookup(data, string(n))
			if got, ok := lookup(out, string(n)); string(n) != name && (!ok || !bytes.Equal(got, first)) {
				t.Fatalf("%q was %q and is %q", n, first, got)
			}
			return true
		})
	})
}

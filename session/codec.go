// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package session

import (
	"encoding/binary"
	"encoding/json"
	"maps"
	"slices"
)

// The values of a session are one byte for the format, and for each value its
// name and its JSON, each with its length before it. So one value is found and
// decoded without touching the others.

const format = 1

// members walks the values of data. Data that is not whole ends the walk.
func members(data []byte, yield func(name, raw []byte) bool) {
	if len(data) == 0 || data[0] != format {
		return
	}
	data = data[1:]
	for len(data) > 0 {
		var name, raw []byte
		ok1, ok2 := false, false
		name, data, ok1 = part(data)
		raw, data, ok2 = part(data)
		if !ok1 || !ok2 || !yield(name, raw) {
			return
		}
	}
}

func part(data []byte) (p, rest []byte, ok bool) {
	n, used := binary.Uvarint(data)
	if used <= 0 || n > uint64(len(data)-used) {
		return nil, nil, false
	}
	end := used + int(n)
	return data[used:end:end], data[end:], true
}

// lookup returns the JSON of one value.
func lookup(data []byte, name string) (raw json.RawMessage, ok bool) {
	members(data, func(n, r []byte) bool {
		if string(n) == name {
			raw, ok = r, true
		}
		return !ok
	})
	return raw, ok
}

// merge applies changes to data: nil deletes.
func merge(data []byte, changes map[string]json.RawMessage) []byte {
	out := []byte{format}
	add := func(p []byte) { out = append(binary.AppendUvarint(out, uint64(len(p))), p...) }
	members(data, func(name, raw []byte) bool {
		if _, changed := changes[string(name)]; !changed {
			add(name)
			add(raw)
		}
		return true
	})
	for _, name := range slices.Sorted(maps.Keys(changes)) {
		if raw := changes[name]; raw != nil {
			add([]byte(name))
			add(raw)
		}
	}
	return out
}

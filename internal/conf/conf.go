// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

// Package conf reads and writes the policy file: YAML to Go structs, Go
// structs to YAML, and the JSON Schema that editors complete it with. It knows
// nothing about any protection; the structs' field tags say everything.
//
// # Strictness
//
// A policy that is read differently from how it was meant is a hole, so [Decode]
// accepts only what has one reading, and reports everything else at once, each
// [Problem] with its line, column, path and a hint:
//
//   - Keys that no field has, and keys given twice, are problems.
//   - A number, true, false or null where text belongs must be put in quotes;
//     true and false are the only booleans; numbers are decimal.
//   - Anchors, aliases, merge keys, tags, directives, "? " keys and a second
//     document are refused, so nothing expands.
//   - Tabs, control characters, invisible direction marks and invalid UTF-8 are
//     refused. Text that spans lines is written as a block (| or >).
//   - A key without a value is a problem, except where a section (a struct or a
//     map) is expected: there it is the empty section.
//
// An empty file is the empty struct.
//
// # Struct tags
//
// Every exported field needs a tag `yaml:"name[,option…]"`; "-" leaves it out.
//
//	size    an integer that counts bytes: 512, 100KB, 5MB, 1GB. KB and KiB are
//	        both 1024 bytes, MB and MiB 1024 KB, GB and GiB 1024 MB
//	not     a bool stored as its opposite: the Go field says what is switched
//	        off (false is the safe default), the file what is on
//	list    this field takes the value when the file gives the whole struct as
//	        a list, so `uploads: [...]` is `uploads: {rules: [...]}`
//	filled  a string that is not empty where the file gives it
//	rest    a map[string]any that takes the keys which no field has, in a struct
//	        where they do no harm; without one they are problems
//	inline  the fields of this struct stand among those of the outer one
//
// A second tag, `doc:"…"`, describes the field in the [Schema].
//
// # Types
//
// Strings, bools, integers, floats, time.Duration (90s, 15m, 1h30m, 1d),
// structs, pointers, slices, maps with string keys, and any (for an inline JSON
// Schema: nil, bool, int64, float64, string, []any, map[string]any). A slice of
// scalars also takes one scalar. A type with UnmarshalText is given every scalar
// as the file spells it (off, on, 15552000, null), but an integer type nothing
// in quotes; if it is a struct, it may be a mapping too. A type with a method
// Values() []string, a string or one with UnmarshalText, takes no other scalars
// than those.
//
// # Bounds
//
// A file has at most 2 MiB, 50,000 tokens, 32 levels, 2000 keys in one mapping,
// 200 bytes in one key, and 100 blank lines in a row; at most 200 problems are
// listed. The worst file within these bounds takes a second or two and some
// hundred MB to refuse or to read, an ordinary one a few milliseconds.
package conf

import (
	"fmt"
	"reflect"
)

// What a file may have at most.
const (
	maxBytes    = 2 << 20
	maxTokens   = 50_000 // keys, values, dashes, brackets, commas and colons
	maxDepth    = 32     // levels
	maxKeys     = 2000   // in one mapping
	maxKey      = 200    // bytes of a key
	maxBlank    = 100    // blank lines in a row
	maxProblems = 200    // listed
)

// Decode reads src, the content of file, into the struct or map that into
// points to. What the file leaves out keeps the value it has.
//
// If anything is wrong the error is a [Problems] holding all of it, and what
// into points to must not be used. The positions are nil only if src is not
// YAML at all. Any other error means that into has a type which no file can
// describe.
func Decode(file string, src []byte, into any) (*Positions, error) {
	v := reflect.ValueOf(into)
	if v.Kind() != reflect.Pointer || v.IsNil() {
		return nil, fmt.Errorf("conf: cannot decode into %T", into)
	}
	s, err := shapeOf(v.Type().Elem())
	if err != nil {
		return nil, err
	}
	if s.kind != structKind && s.kind != mapKind {
		return nil, fmt.Errorf("conf: cannot decode a file into %s", s.typ)
	}
	found := collector{file: file}
	root := parse(src, &found)
	if root == nil {
		return nil, found.err()
	}
	d := decoder{&found}
	switch {
	case root.kind == mappingNode || root.isMissing():
		d.value("", root, s, v.Elem())
	default:
		found.add(root, "", "the file is "+root.describe()+", not a mapping", "write one key: value on each line")
	}
	return &Positions{file, root}, found.err()
}

// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package remedy

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/panoply-security/panoply/audit/model"
)

// Bounds of a schema that is made from a declaration. What is deeper may be
// anything, and of longer lists the rest is left out.
const (
	maxDeclaredDepth  = 5
	maxDeclaredFields = 200
	maxDeclaredValues = 100
)

// shape is JSON Schema while it is put together: keywords in their order.
type shape struct {
	types    []string // none for anything
	words    []string
	object   bool
	names    []string
	fields   map[string]*shape
	optional bool
}

func anything() *shape { return &shape{optional: true} }

func (s *shape) field(name string, f *shape) {
	if s.fields == nil {
		s.fields = map[string]*shape{}
	}
	if s.fields[name] == nil {
		if !plain(name) || len(s.names) >= maxDeclaredFields {
			return
		}
		s.names = append(s.names, name)
	}
	s.fields[name] = f
}

// drop takes keywords back, and those alone.
func (s *shape) drop(words ...string) {
	s.words = slices.DeleteFunc(s.words, func(w string) bool {
		name, _, _ := strings.Cut(w, ":")
		return slices.Contains(words, name)
	})
}

func (s *shape) set(word, value string) {
	s.drop(word)
	s.words = append(s.words, word+": "+value)
}

func (s *shape) number(word string, v model.Value) {
	if n, ok := v.(model.Num); ok && math.Abs(n.F) < 1<<53 {
		s.set(word, strconv.FormatFloat(n.F, 'f', -1, 64))
	}
}

// length is one of text or a list: a whole number that is not negative.
func (s *shape) length(word string, v model.Value) {
	if n, ok := v.(model.Num); ok && n.F >= 0 && n.F < 1<<31 && n.F == float64(int(n.F)) {
		s.set(word, strconv.Itoa(int(n.F)))
	}
}

func (s *shape) nullable() {
	if len(s.types) > 0 && !slices.Contains(s.types, "'null'") {
		s.types = append(s.types, "'null'")
		s.drop("enum")
	}
}

// lax allows the text of what is converted.
func (s *shape) lax() {
	if len(s.types) > 0 && !slices.Contains(s.types, "string") {
		s.types = append(s.types, "string")
	}
}

func (s *shape) String() string {
	var parts []string
	switch len(s.types) {
	case 0:
		return "{}"
	case 1:
		parts = append(parts, "type: "+s.types[0])
	default:
		parts = append(parts, "type: ["+strings.Join(s.types, ", ")+"]")
	}
	parts = append(parts, s.words...)
	if s.object && len(s.names) > 0 {
		var props, required []string
		for _, n := range s.names {
			props = append(props, word(n)+": "+s.fields[n].String())
			if !s.fields[n].optional {
				required = append(required, word(n))
			}
		}
		if len(required) > 0 {
			parts = append(parts, "required: ["+strings.Join(required, ", ")+"]")
		}
		parts = append(parts, "properties: {"+strings.Join(props, ", ")+"}")
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

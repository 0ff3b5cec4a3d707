// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package validate

import (
	"slices"

	"github.com/panoply-security/panoply/problem"
)

// misfits collects what is wrong with one value. A place in it is only spelled
// out where something is wrong: whoever went into a member adds its name to the
// faults that came back.
type misfits []misfit

type misfit struct {
	path   []string // the innermost name first
	detail string
}

func (m *misfits) add(detail string) {
	if len(*m) < maxFields {
		*m = append(*m, misfit{detail: detail})
	}
}

// at adds a fault of a member.
func (m *misfits) at(name, detail string) {
	if len(*m) < maxFields {
		*m = append(*m, misfit{[]string{name}, detail})
	}
}

// before puts a fault of a member in front of those from there on.
func (m *misfits) before(i int, name, detail string) {
	if i < maxFields {
		*m = slices.Insert(*m, i, misfit{[]string{name}, detail})
		*m = (*m)[:min(len(*m), maxFields)]
	}
}

// inPath adds a fault of what is at a path, once.
func (m *misfits) inPath(path []string, detail string) {
	path = slices.Clone(path)
	slices.Reverse(path)
	told := func(f misfit) bool { return f.detail == detail && slices.Equal(f.path, path) }
	if len(*m) < maxFields && !slices.ContainsFunc(*m, told) {
		*m = append(*m, misfit{path, detail})
	}
}

// inside puts the faults from there on inside the member of that name.
func (m misfits) inside(from int, name string) {
	for i := range m[from:] {
		m[from+i].path = append(m[from+i].path, name)
	}
}

// fields are the faults as they are answered, below a place such as #query.
func (m misfits) fields(place string) []problem.Field {
	fields := make([]problem.Field, len(m))
	for i, f := range m {
		slices.Reverse(f.path)
		fields[i] = problem.Field{Pointer: place + pointer(f.path), Detail: f.detail}
	}
	return fields
}

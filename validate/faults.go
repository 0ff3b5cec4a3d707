// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package validate

import (
	"slices"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"

	"github.com/panoply-security/panoply/inspect"
	"github.com/panoply-security/panoply/problem"
)

// faults are what a failed validation by the library comes to, none with a
// value.
type faults struct {
	list    []fieldFault
	unknown []undeclared
	// open are the objects, by path, of which a part of the schema that applies
	// in place has failed: the library then forgets what that part declares.
	open map[string]bool
	// conditional are the schemas, by location, of which a branch has failed.
	conditional map[string]bool
}

type fieldFault struct {
	path   []string
	detail string
}

// undeclared is a member that nothing declares.
type undeclared struct {
	path []string
	by   string // the location of the schema that closes the object; "" when it says so itself
}

func (f *faults) add(path []string, detail string) {
	f.list = append(f.list, fieldFault{path, detail})
}

// fields are the faults as they are answered: in the order of their paths,
// because the library has none, and the first of them.
func (f *faults) fields() []problem.Field {
	slices.SortStableFunc(f.list, func(a, b fieldFault) int { return slices.Compare(a.path, b.path) })
	var fields []problem.Field
	for i, fault := range f.list {
		if i > 0 && slices.Equal(fault.path, f.list[i-1].path) && fault.detail == f.list[i-1].detail {
			continue // by two ways through the schema
		}
		if len(fields) == maxFields {
			break
		}
		fields = append(fields, problem.Field{Pointer: pointer(fault.path), Detail: fault.detail})
	}
	return fields
}

func (f *faults) walk(e *jsonschema.ValidationError) {
	at := e.InstanceLocation
	f.branch(e.SchemaURL)
	switch k := e.ErrorKind.(type) {
	case *kind.AdditionalProperties:
		for _, name := range k.Properties {
			f.unknown = append(f.unknown, undeclared{path: below(at, name)})
		}
		return
	case *kind.FalseSchema:
		by, found := strings.CutSuffix(e.SchemaURL, "/unevaluatedProperties")
		if !found {
			by = ""
		}
		f.unknown = append(f.unknown, undeclared{at, by})
		return
	case *kind.Required:
		for _, name := range k.Missing {
			f.add(below(at, name), "It is required.")
		}
		return
	case *kind.DependentRequired:
		for _, name := range k.Missing {
			f.add(below(at, name), "It is required.")
		}
		return
	case *kind.PropertyNames:
		f.add(below(at, k.Property), "Its name is not allowed.")
		return
	case *kind.AnyOf, *kind.OneOf, *kind.Not, *kind.Contains, *kind.MinContains, *kind.MaxContains:
		f.opened(at)
		f.add(at, "It fits none of the allowed forms.")
		return
	case *kind.Reference, *kind.AllOf:
		f.opened(at)
	}
	if len(e.Causes) == 0 {
		f.add(at, detail(e.ErrorKind))
	}
	for _, c := range e.Causes {
		f.walk(c)
	}
}

func (f *faults) opened(at []string) {
	if f.open == nil {
		f.open = make(map[string]bool)
	}
	f.open[strings.Join(at, "\x00")] = true
}

// branch notes the schemas above a fault of which it is in a branch. The library
// reports such a fault without its branch.
func (f *faults) branch(location string) {
	for _, keyword := range []string{"/then", "/else", "/dependentSchemas/"} {
		for at := 0; ; {
			i := strings.Index(location[at:], keyword)
			if i < 0 {
				break
			}
			if f.conditional == nil {
				f.conditional = make(map[string]bool)
			}
			f.conditional[location[:at+i]] = true
			at += i + len(keyword)
		}
	}
}

// undeclared are the paths of the members that nothing declares. What the
// library only calls so because it forgot is left out: it will tell once the
// other faults are mended.
func (f *faults) undeclared() [][]string {
	var paths [][]string
	for _, u := range f.unknown {
		if u.by != "" && len(u.path) > 0 && (f.conditional[u.by] || f.open[strings.Join(u.path[:len(u.path)-1], "\x00")]) {
			continue
		}
		paths = append(paths, u.path)
	}
	return paths
}

func below(path []string, name string) []string {
	return append(append(make([]string, 0, len(path)+1), path...), name)
}

// finder finds members by path, each object looked through once.
type finder map[*inspect.Node]map[string]*inspect.Member

// find returns the member at the path, or nil.
func (f finder) find(n *inspect.Node, path []string) *inspect.Member {
	var found *inspect.Member
	for _, name := range path {
		found = nil
		switch n.Kind {
		case inspect.Array:
			i, err := strconv.Atoi(name)
			if err != nil || i < 0 || i >= len(n.Elems) {
				return nil
			}
			n = n.Elems[i]
			continue
		case inspect.Object:
			found = f.members(n)[name]
		}
		if found == nil {
			return nil
		}
		n = found.Value
	}
	return found
}

func (f finder) members(n *inspect.Node) map[string]*inspect.Member {
	byName := f[n]
	if byName == nil {
		byName = make(map[string]*inspect.Member, len(n.Members))
		for i := range n.Members {
			byName[n.Members[i].Name] = &n.Members[i]
		}
		f[n] = byName
	}
	return byName
}

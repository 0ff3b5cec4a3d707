// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package validate

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"

	"github.com/panoply-security/panoply/inspect"
	"github.com/panoply-security/panoply/problem"
)

const (
	draft     = "https://json-schema.org/draft/2020-12/schema"
	maxSchema = 1 << 20 // bytes of a schema file
	// base is what a relative reference is resolved against. With a URN it would
	// come out as the schema itself.
	base = "panoply:///"
)

// schema is a compiled schema: by us when it lies in our subset, by the library
// in any case.
type schema struct {
	library *jsonschema.Schema
	subset  *compiledSchema // nil: beyond the subset
}

// compileSchema compiles a file, a map, or JSON text, closed to fields that it
// does not declare.
func compileSchema(source any, dir string) (*schema, error) {
	root, from, err := parseSchema(source, dir)
	if err != nil {
		return nil, err
	}
	return newSchema(root, from)
}

// parseSchema reads a file, a map, or JSON text.
func parseSchema(source any, dir string) (root map[string]any, from schemaFile, err error) {
	switch s := source.(type) {
	case string:
		if from, err = readSchema(s, dir); err != nil {
			return nil, from, err
		}
	case []byte:
		from.text = s
	case json.RawMessage:
		from.text = s
	default:
		if from.text, err = json.Marshal(source); err != nil {
			return nil, from, fmt.Errorf("the schema cannot be written as JSON: %w", err)
		}
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(from.text))
	if err != nil {
		return nil, from, from.syntax(err)
	}
	root, ok := doc.(map[string]any)
	if !ok {
		return nil, from, from.fault(nil, "the schema must be an object")
	}
	if d, ok := root["$schema"].(string); ok && strings.TrimSuffix(d, "#") != draft {
		return nil, from, from.faultAt(root, []string{"$schema"}, fmt.Sprintf("the schema is written for %s; Panoply reads %s", d, draft))
	}
	return root, from, nil
}

func readSchema(name, dir string) (from schemaFile, err error) {
	file := name
	if !filepath.IsAbs(file) {
		file = filepath.Join(dir, file)
	}
	info, err := os.Stat(file)
	if err != nil {
		return from, err
	}
	if info.Size() > maxSchema {
		return from, fmt.Errorf("%s is larger than %d bytes", name, maxSchema)
	}
	from.name = name
	from.text, err = os.ReadFile(file)
	return from, err
}

func newSchema(root map[string]any, from schemaFile) (*schema, error) {
	if at, ok := keepOpen(root); !ok {
		return nil, from.faultAt(root, at, "only references inside the schema are followed, as #/$defs/item, and in a condition none to an anchor")
	}
	closer{root: root, seen: map[string]bool{}}.close(root)

	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.AssertFormat()
	c.UseLoader(noLoader{})
	if err := c.AddResource(base+"schema", root); err != nil {
		return nil, err
	}
	compiled, err := c.Compile(base + "schema")
	if err != nil {
		return nil, from.explain(root, err)
	}
	return &schema{library: compiled, subset: compileSubset(root, libraryFormat)}, nil
}

// formats gives the check of a format that a schema names. One that nobody knows
// says nothing and is nil.
type formats func(name string) (f *format, compiles bool)

// format is one of the library's, behind a quick look.
type format struct {
	*jsonschema.Format
	plain func(string) bool // nil without one
}

func (f *format) fits(s string) bool { return f.plain != nil && f.plain(s) || f.Validate(s) == nil }

func libraryFormat(name string) (f *format, compiles bool) {
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	c.UseLoader(noLoader{})
	if err := c.AddResource("urn:panoply:format", map[string]any{"format": name}); err != nil {
		return nil, false
	}
	s, err := c.Compile("urn:panoply:format")
	if err != nil || s.Format == nil {
		return nil, err == nil
	}
	return &format{s.Format, plainFormats[name]}, true
}

// noLoader keeps `$ref` inside the schema: it reaches neither the network nor
// the file system.
type noLoader struct{}

func (noLoader) Load(url string) (any, error) {
	return nil, fmt.Errorf("$ref to %s: only references inside the schema are followed", strings.TrimPrefix(url, base))
}

// check holds a body against the schema. Members that the schema does not
// declare are faults, or with strip are noted in drop.
func (s *schema) check(rd *inspect.Reading, strip bool, drop map[*inspect.Member]bool) []problem.Field {
	if s.subset != nil {
		return s.checkSubset(rd, strip, drop)
	}
	return s.checkLibrary(rd, strip, drop)
}

func (s *schema) checkSubset(rd *inspect.Reading, strip bool, drop map[*inspect.Member]bool) []problem.Field {
	c := subsetCheck{data: rd.Data, strip: strip}
	s.subset.check(&c, rd.Tree)
	if len(c.misfits) > 0 {
		return c.fields("")
	}
	for _, m := range c.drop {
		drop[m] = true
	}
	return nil
}

// maxLibraryValues is how many values a body may have that the library holds
// against a schema: it takes microseconds for each, and hundreds of bytes.
const maxLibraryValues = 20_000

// exceeds reports whether a tree has more values than there may be.
func exceeds(n *inspect.Node, left *int) bool {
	if *left--; *left < 0 {
		return true
	}
	for i := range n.Members {
		if exceeds(n.Members[i].Value, left) {
			return true
		}
	}
	for _, e := range n.Elems {
		if exceeds(e, left) {
			return true
		}
	}
	return false
}

func (s *schema) checkLibrary(rd *inspect.Reading, strip bool, drop map[*inspect.Member]bool) []problem.Field {
	if left := maxLibraryValues; exceeds(rd.Tree, &left) {
		return []problem.Field{{Detail: "It has too many values."}}
	}
	err := s.library.Validate(rd.Tree.Any(rd.Data))
	if err == nil {
		return nil
	}
	var invalid *jsonschema.ValidationError
	if !errors.As(err, &invalid) {
		return []problem.Field{{Detail: "It does not fit the schema."}}
	}
	var f faults
	f.walk(invalid)
	unknown := f.undeclared()
	switch {
	case !strip:
		for _, path := range unknown {
			f.add(path, "It is not a known field.")
		}
	case len(f.list) == 0:
		members := finder{}
		for _, path := range unknown {
			m := members.find(rd.Tree, path)
			if m == nil { // an item of an array, which has no name to leave out
				f.add(path, "It is not a known field.")
				break
			}
			drop[m] = true
		}
		if len(unknown) > 0 {
			return f.fields()
		}
	}
	if len(f.list) == 0 {
		f.add(nil, "It does not fit the schema.")
	}
	return f.fields()
}

// detail says what is wrong without what was sent.
func detail(k jsonschema.ErrorKind) string {
	switch k := k.(type) {
	case *kind.Type:
		return "It must be " + article(k.Want) + "."
	case *kind.Enum, *kind.Const:
		return "It is not one of the allowed values."
	case *kind.Format:
		return "It is not a valid " + k.Want + "."
	case *kind.MinLength:
		return fmt.Sprintf("It must have at least %d characters.", k.Want)
	case *kind.MaxLength:
		return fmt.Sprintf("It must have at most %d characters.", k.Want)
	case *kind.Pattern:
		return "It does not have the required form."
	case *kind.Minimum:
		return "It must be at least " + k.Want.RatString() + "."
	case *kind.Maximum:
		return "It must be at most " + k.Want.RatString() + "."
	case *kind.ExclusiveMinimum:
		return "It must be more than " + k.Want.RatString() + "."
	case *kind.ExclusiveMaximum:
		return "It must be less than " + k.Want.RatString() + "."
	case *kind.MultipleOf:
		return "It must be a multiple of " + k.Want.RatString() + "."
	case *kind.MinItems:
		return fmt.Sprintf("It must have at least %d items.", k.Want)
	case *kind.MaxItems:
		return fmt.Sprintf("It must have at most %d items.", k.Want)
	case *kind.UniqueItems:
		return "Its items must differ."
	case *kind.MinProperties:
		return fmt.Sprintf("It must have at least %d fields.", k.Want)
	case *kind.MaxProperties:
		return fmt.Sprintf("It must have at most %d fields.", k.Want)
	}
	return "It does not fit the schema."
}

func article(types []string) string {
	var b strings.Builder
	for i, t := range types {
		if i > 0 {
			b.WriteString(" or ")
		}
		if strings.ContainsRune("aeiou", rune(t[0])) {
			b.WriteString("an ")
		} else if t != "null" {
			b.WriteString("a ")
		}
		b.WriteString(t)
	}
	return b.String()
}

var pointerEscape = strings.NewReplacer("~", "~0", "/", "~1")

// pointer spells a path as an RFC 6901 JSON Pointer, cut at 16 names and each
// name at 64 bytes, so that an answer stays small.
func pointer(path []string) string {
	var b strings.Builder
	for i, name := range path {
		if i == 16 {
			b.WriteString("/…")
			break
		}
		if len(name) > 64 {
			name = strings.ToValidUTF8(name[:64], "") + "…"
		}
		b.WriteByte('/')
		b.WriteString(pointerEscape.Replace(name))
	}
	return b.String()
}

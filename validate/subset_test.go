// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package validate

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/panoply-security/panoply/inspect"
	"github.com/panoply-security/panoply/problem"
)

// maker writes random schemas of the subset, and bodies that nearly fit them.
type maker struct{ *rand.Rand }

var words = []string{"a", "b", "name", "role", "x/y", "é", ""}

func (r maker) schema(depth int) map[string]any {
	s := map[string]any{}
	kinds := []string{"string", "number", "integer", "boolean", "null"}
	if depth > 0 {
		kinds = append(kinds, "object", "array", "object")
	}
	kind := kinds[r.IntN(len(kinds))]
	switch r.IntN(6) {
	case 0: // any type
	case 1:
		if s["type"] = []any{kind, "null"}; kind == "null" {
			s["type"] = kind
		}
	default:
		s["type"] = kind
	}
	maybe := func(key string, value any) {
		if r.IntN(3) == 0 {
			s[key] = value
		}
	}
	switch kind {
	case "string":
		maybe("minLength", r.IntN(3))
		maybe("maxLength", r.IntN(4)+1)
		maybe("pattern", []string{"^[a-z]*$", "é", "."}[r.IntN(3)])
		maybe("format", []string{"email", "uuid", "date", "date-time", "uri", "ipv4", "ipv6", "nonsense"}[r.IntN(8)])
		maybe("enum", []any{"a", "", "role", nil, true})
		if s["enum"] == nil && r.IntN(8) == 0 {
			s["const"] = []any{"a", "role", nil, true}[r.IntN(4)]
		}
	case "number", "integer":
		maybe("minimum", r.number())
		maybe("maximum", r.number())
		maybe("exclusiveMinimum", r.number())
		maybe("exclusiveMaximum", r.number())
		if r.IntN(4) == 0 {
			s["multipleOf"] = json.Number([]string{"1", "2", "0.1", "1.5", "1e2", "9007199254740993"}[r.IntN(6)])
		}
	case "array":
		maybe("minItems", r.IntN(3))
		maybe("maxItems", r.IntN(3))
		if r.IntN(4) > 0 {
			s["items"] = r.schema(depth - 1)
		}
	case "object":
		fields := map[string]any{}
		for range r.IntN(4) {
			fields[words[r.IntN(len(words))]] = r.schema(depth - 1)
		}
		s["properties"] = fields
		maybe("required", []any{words[r.IntN(len(words))], words[r.IntN(4)]})
		if req, ok := s["required"].([]any); ok && req[0] == req[1] {
			s["required"] = req[:1]
		}
		maybe("additionalProperties", r.IntN(2) == 0)
		maybe("minProperties", r.IntN(3))
		maybe("maxProperties", r.IntN(3)+1)
	}
	maybe("title", "an annotation")
	return s
}

func (r maker) number() json.Number {
	return json.Number([]string{"0", "1", "-1", "1.5", "1e2", "9007199254740993", "9007199254740992", "0.1", "100"}[r.IntN(9)])
}

// body writes a value that fits the schema more often than not.
func (r maker) body(v any, depth int) string {
	s, _ := v.(map[string]any)
	kind, _ := s["type"].(string)
	if r.IntN(6) == 0 || kind == "" {
		kind = []string{"string", "number", "integer", "boolean", "null", "object", "array"}[r.IntN(7)]
	}
	switch kind {
	case "string":
		return []string{`"a"`, `""`, `"role"`, `"é"`, `"abcde"`, `"a@b.example"`, `"2026-11-23"`, `"127.0.0.1"`, `"\u0061"`}[r.IntN(9)]
	case "number":
		return []string{"1.5", "0.1", "-1e-1", "1.0", "1e2", "9007199254740992.5"}[r.IntN(6)]
	case "integer":
		return []string{"0", "1", "-1", "100", "9007199254740993", "1.0"}[r.IntN(6)]
	case "boolean":
		return []string{"true", "false"}[r.IntN(2)]
	case "array":
		var items []string
		for range r.IntN(4) {
			if depth > 0 {
				items = append(items, r.body(s["items"], depth-1))
			}
		}
		return "[" + strings.Join(items, ",") + "]"
	case "object":
		fields := asMap(s["properties"])
		var members []string
		for _, name := range words {
			sub, declared := fields[name]
			if depth == 0 || declared && r.IntN(5) == 0 || !declared && r.IntN(5) > 0 {
				continue
			}
			quoted, _ := json.Marshal(name)
			members = append(members, string(quoted)+":"+r.body(sub, depth-1))
		}
		return "{" + strings.Join(members, " , ") + "}"
	}
	return "null"
}

func read(t *testing.T, body string) *inspect.Reading {
	t.Helper()
	r := httptest.NewRequest("POST", "/", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	rd, err := inspect.ReadBody(r, inspect.Options{MaxBytes: 1 << 20, Tree: true})
	if err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	return rd
}

// compareWithLibrary holds the compiled subset to the library's verdict: what
// is accepted, which fields are at fault, and what is stripped.
func compareWithLibrary(t *testing.T, seed uint64) (accepted bool) {
	t.Helper()
	r := maker{rand.New(rand.NewPCG(seed, 1))}
	source := r.schema(3)
	s, err := compileSchema(source, "")
	if err != nil {
		t.Fatalf("%v: %v", source, err)
	}
	if s.subset == nil {
		t.Fatalf("%v is left to the library; want it compiled", source)
	}
	for range 8 {
		rd := read(t, r.body(source, 4))
		for _, strip := range []bool{false, true} {
			var ours, theirs []*inspect.Member
			a := pointers(s.checkSubset(rd, strip, &ours))
			b := pointers(s.checkLibrary(rd, strip, &theirs))
			if !slices.Equal(a, b) || fmt.Sprint(sorted(ours)) != fmt.Sprint(sorted(theirs)) {
				text, _ := json.Marshal(source)
				t.Fatalf("schema %s\nbody %s\nstrip %v\nours   %q, strips %d\nlibrary %q, strips %d", text, rd.Data, strip, a, len(ours), b, len(theirs))
			}
			accepted = accepted || len(a) == 0
		}
	}
	return accepted
}

// sorted are members in the order in which they stand.
func sorted(members []*inspect.Member) []*inspect.Member {
	slices.SortFunc(members, func(a, b *inspect.Member) int { return a.Start - b.Start })
	return members
}

// pointers are the places at fault, each once, sorted.
func pointers(fields []problem.Field) []string {
	var all []string
	for _, f := range fields {
		all = append(all, f.Pointer)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func TestTheSubsetDecidesAsTheLibrary(t *testing.T) {
	accepted := 0
	for seed := range uint64(3000) {
		if compareWithLibrary(t, seed) {
			accepted++
		}
	}
	if accepted < 500 || accepted > 2900 {
		t.Errorf("%d of 3000 schemas accepted something; the comparison says little", accepted)
	}
}

func FuzzTheSubsetDecidesAsTheLibrary(f *testing.F) {
	f.Add(uint64(1))
	f.Fuzz(func(t *testing.T, seed uint64) { compareWithLibrary(t, seed) })
}

func TestSchemasBeyondTheSubsetGoToTheLibrary(t *testing.T) {
	for _, source := range []string{
		`{"anyOf":[{"type":"string"},{"type":"null"}]}`, `{"$ref":"#/$defs/a","$defs":{"a":{}}}`,
		`{"properties":{"a":false}}`, `{"enum":[1,2]}`, `{"patternProperties":{"^x":{}}}`, `{"const":1}`, `{"const":"a","enum":["a"]}`,
	} {
		s, err := compileSchema([]byte(source), "")
		if err != nil {
			t.Fatal(err)
		}
		if s.subset != nil {
			t.Errorf("%s is compiled; want it left to the library", source)
		}
	}
}

func BenchmarkSubset(b *testing.B)  { benchmarkSchema(b, (*schema).checkSubset) }
func BenchmarkLibrary(b *testing.B) { benchmarkSchema(b, (*schema).checkLibrary) }

func benchmarkSchema(b *testing.B, check func(*schema, *inspect.Reading, bool, *[]*inspect.Member) []problem.Field) {
	s, err := compileSchema([]byte(`{"type":"object","required":["name","email","password"],"properties":{
		"name":{"type":"string","minLength":1,"maxLength":100},"email":{"type":"string","format":"email"},
		"password":{"type":"string","minLength":8,"maxLength":128}}}`), "")
	if err != nil {
		b.Fatal(err)
	}
	r := httptest.NewRequest("POST", "/", strings.NewReader(`{"name":"O'Brien-Müller","email":"someone@shop.example","password":"pa$$w0rd&1"}`))
	r.Header.Set("Content-Type", "application/json")
	rd, err := inspect.ReadBody(r, inspect.Options{MaxBytes: 1 << 20, Tree: true})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if len(check(s, rd, false, nil)) > 0 {
			b.Fatal("refused")
		}
	}
}

// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package validate

import (
	"cmp"
	"encoding/json"
	"maps"
	"math/rand/v2"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/panoply-security/panoply/inspect"
	"github.com/panoply-security/panoply/problem"
)

// maker writes random schemas of the subset, and bodies that nearly fit them.
type maker struct {
	*rand.Rand
	defs   map[string]any // that it refers to; nil refers to none
	unions bool           // with null
}

var words = []string{"a", "b", "name", "role", "x/y", "é", ""}

func (r maker) schema(depth int) map[string]any {
	if r.unions && r.IntN(4) == 0 {
		r.unions = false
		forms := []any{r.schema(depth), map[string]any{"type": "null"}}
		if r.IntN(4) == 0 {
			slices.Reverse(forms)
		}
		return map[string]any{"anyOf": forms, "title": "an annotation"}
	}
	s := map[string]any{}
	if r.defs != nil && r.IntN(4) == 0 {
		s["$ref"] = "#/$defs/" + []string{"a", "b", "c"}[r.IntN(3)]
		return s
	}
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
		if r.IntN(6) == 0 {
			s["enum"] = []any{json.Number("1"), json.Number("1e2"), json.Number("9007199254740993"), "a"}
		} else if r.IntN(8) == 0 {
			s["const"] = r.number()
		}
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
	for s["$ref"] != nil || s["anyOf"] != nil {
		if forms, ok := s["anyOf"].([]any); ok {
			if s = asMap(forms[r.IntN(2)]); s["type"] == "null" && r.IntN(2) == 0 {
				s = asMap(forms[0])
			}
			continue
		}
		s = asMap(r.defs[strings.TrimPrefix(s["$ref"].(string), "#/$defs/")])
	}
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
// is accepted, which fields are at fault, and what is stripped. Behind a reference
// the library forgets what is declared once something else is wrong there, and is
// silent then about what nobody declares; the subset tells that too. Of a value that
// may be null it only tells that nothing fits, and takes out nothing inside of one.
func compareWithLibrary(t *testing.T, seed uint64) (accepted bool) {
	t.Helper()
	r := maker{Rand: rand.New(rand.NewPCG(seed, 1))}
	var source map[string]any
	r.unions = seed%3 == 0
	if seed%2 == 0 {
		source = r.schema(3)
	} else {
		defs := map[string]any{}
		for _, name := range []string{"c", "b", "a"} { // each may refer to those before
			if len(defs) > 0 {
				r.defs = defs
			}
			defs[name] = r.schema(2)
			if x, _ := orNull(asMap(defs[name])); x["$ref"] != nil || asMap(defs[name])["$ref"] != nil { // perhaps to itself
				defs[name] = map[string]any{"$ref": "#/$defs/c"}
			}
			defs["a"], defs["b"] = cmp.Or(defs["a"], defs["c"]), cmp.Or(defs["b"], defs["c"])
		}
		r.defs = defs
		source = r.schema(3)
		source["$defs"] = defs
	}
	s, err := compileSchema(source, "")
	if err != nil {
		t.Fatalf("%v: %v", source, err)
	}
	if s.subset == nil {
		t.Fatalf("%v is left to the library; want it compiled", source)
	}
	for range 8 {
		body := r.body(source, 4)
		for _, strip := range []bool{false, true} {
			ours, theirs := map[*inspect.Member]bool{}, map[*inspect.Member]bool{}
			rd := read(t, body)
			a, b := s.checkSubset(rd, strip, ours), s.checkLibrary(rd, strip, theirs)
			unknown, others := places(a)
			theirUnknown, theirOthers := places(b)
			forgotten := func(place string) bool { return !slices.Contains(unknown, place) }
			same := slices.Equal(others, theirOthers) && !slices.ContainsFunc(theirUnknown, forgotten) && (len(a) == 0) == (len(b) == 0)
			if r.unions {
				same = strip || (len(a) == 0) == (len(b) == 0)
			} else if r.defs == nil {
				same = same && slices.Equal(unknown, theirUnknown) && maps.Equal(ours, theirs)
			}
			if len(a) == maxFields || len(b) == maxFields { // the rest is not told
				same = len(a) > 0 && len(b) > 0
			}
			if strip {
				mine, its := s.stripped(t, body, (*schema).checkSubset), s.stripped(t, body, (*schema).checkLibrary)
				// What only the subset can strip is then what the library takes.
				same = same && (mine == its || r.unions && its == "" && s.stripped(t, mine, (*schema).checkLibrary) == mine)
			}
			if !same {
				text, _ := json.Marshal(source)
				t.Fatalf("schema %s\nbody %s\nstrip %v\nours   %q, strips %d\nlibrary %q, strips %d", text, body, strip, a, len(ours), b, len(theirs))
			}
			accepted = accepted || len(a) == 0
		}
	}
	return accepted
}

// stripped is what is left of a body once all that is not declared is out, or ""
// when it is refused.
func (s *schema) stripped(t *testing.T, body string, check checkFunc) string {
	rd := read(t, body)
	for range maxPasses {
		drop := map[*inspect.Member]bool{}
		if len(check(s, rd, true, drop)) > 0 {
			return ""
		}
		if len(drop) == 0 {
			return string(rd.Data)
		}
		rd.Drop(httptest.NewRequest("POST", "/", nil), func(m *inspect.Member) bool { return drop[m] })
	}
	t.Fatalf("%s is not stripped in %d passes", body, maxPasses)
	return ""
}

type checkFunc func(*schema, *inspect.Reading, bool, map[*inspect.Member]bool) []problem.Field

// places are those of members that are not known, and those at fault otherwise, each
// once, sorted.
func places(fields []problem.Field) (unknown, others []string) {
	for _, f := range fields {
		if f.Detail == "It is not a known field." {
			unknown = append(unknown, f.Pointer)
		} else {
			others = append(others, f.Pointer)
		}
	}
	slices.Sort(unknown)
	slices.Sort(others)
	return slices.Compact(unknown), slices.Compact(others)
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
		`{"anyOf":[{"type":"string"},{"type":"number"}]}`, `{"oneOf":[{"type":"string"},{"type":"null"}]}`, `{"type":"string","anyOf":[{"minLength":1},{"type":"null"}]}`,
		`{"$ref":"#/$defs/a","$defs":{"a":{"anyOf":[{"$ref":"#/$defs/a"},{"type":"null"}]}}}`,
		`{"$ref":"#/$defs/a","minLength":1,"$defs":{"a":{}}}`, `{"$ref":"#/$defs/a","$defs":{"a":{"$ref":"#/$defs/a"}}}`,
		`{"$id":"urn:x:y","type":"string"}`,
		// What a path leads to may have a name, against which its own references stand.
		`{"properties":{"x":{"$ref":"#/$defs/a/properties/b"}},"$defs":{"c":{"type":"number"},"a":{"$id":"urn:a:a",
			"$defs":{"c":{"type":"string"}},"properties":{"b":{"$ref":"#/$defs/c"}}}}}`,
		`{"properties":{"a":false}}`, `{"enum":[1,[]]}`, `{"patternProperties":{"^x":{}}}`, `{"const":{}}`, `{"const":"a","enum":["a"]}`,
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

// The name of a part may be empty, and the reference to it must not lead elsewhere.
func TestReferencesToEmptyNames(t *testing.T) {
	for _, c := range []struct{ schema, fits, misfits string }{
		{`{"properties":{"a":{"$ref":"#/$defs/"}},"$defs":{"":{"properties":{"x":{"type":"string"}}}}}`, `{"a":{"x":"b"}}`, `{"a":{"x":"b","role":1}}`},
		{`{"$ref":"#/$defs//y","$defs":{"":{"y":{"type":"string"}},"y":{"type":"number"}}}`, `"a"`, `1`},
	} {
		s, err := compileSchema([]byte(c.schema), "")
		if err != nil {
			t.Fatal(err)
		}
		for body, fits := range map[string]bool{c.fits: true, c.misfits: false} {
			if got := s.check(read(t, body), false, nil); (len(got) == 0) != fits {
				t.Errorf("%s: %s gives %v; want it to fit: %v", c.schema, body, got, fits)
			}
		}
	}
}

func BenchmarkSubset(b *testing.B)  { benchmarkSchema(b, (*schema).checkSubset) }
func BenchmarkLibrary(b *testing.B) { benchmarkSchema(b, (*schema).checkLibrary) }

func benchmarkSchema(b *testing.B, check checkFunc) {
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

// What is made for a request is counted, because it is a cost that no noise hides. A
// reading makes some; holding it against a compiled schema makes nothing.
func TestChecksMakeNoGarbage(t *testing.T) {
	s, err := compileSchema([]byte(`{"type":"object",
		"required":["id","email"],"properties":{"id":{"type":"string","format":"uuid"},"email":{"type":"string","format":"email"},
		"on":{"type":"string","format":"date"},"at":{"type":"string","format":"date-time"},"url":{"type":"string","format":"uri"},
		"role":{"enum":["a","b"]},"lines":{"type":"array","items":{"$ref":"#/$defs/line"}}},
		"$defs":{"line":{"type":"object","properties":{"sku":{"type":"string","maxLength":9},"n":{"type":"integer","minimum":1}}}}}`), "")
	if err != nil {
		t.Fatal(err)
	}
	rd := read(t, `{"id":"123e4567-e89b-42d3-a456-426614174000","email":"a@b.example","on":"2026-11-27","at":"2026-11-27T10:00:00Z",`+
		`"url":"https://shop.example/a?b=c","role":"b","lines":[{"sku":"a","n":1},{"n":22}]}`)
	if n := testing.AllocsPerRun(100, func() {
		if faults := s.checkSubset(rd, false, nil); len(faults) > 0 {
			t.Fatal(faults)
		}
	}); n > 0 {
		t.Errorf("a check makes %v allocations; want none", n)
	}
}

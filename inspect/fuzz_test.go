// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package inspect_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/panoply-security/panoply/inspect"
)

// What is accepted as JSON is the same value to encoding/json.
func FuzzJSONAgreesWithGo(f *testing.F) {
	for _, s := range []string{messy, operatorJSON, `{"a":1,"\u0061":2}`, `"\ud800"`, `[1e400,-0,1.50]`, bom + "{}", "{} {}", `"\ud83d\ude00"`, "[[", "nul", "\"\xff\""} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		rd, err := read(post("application/json", string(data)), nil)
		if err != nil || rd.Tree == nil {
			return
		}
		if !json.Valid(data) {
			t.Fatalf("%q is accepted, and is not JSON", data)
		}
		want, err := decoded(data)
		if got := rd.Tree.Any(rd.Data); err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("%q is read as %#v, by encoding/json as %#v, %v", data, got, want, err)
		}
		if err := inPlace(rd.Tree, rd.Data); err != nil {
			t.Fatal(err)
		}
	})
}

// count counts what it is shown.
type count struct{ names, values int }

func (c *count) Key(*inspect.Path) error                 { c.names++; return nil }
func (c *count) Value(*inspect.Path, inspect.Kind) error { c.values++; return nil }

// Reading a query never fails but by a refusal, and shows a bounded number of
// names for each byte.
func FuzzQuery(f *testing.F) {
	for _, s := range []string{"a=1&b[c]=2", "a[b]c[$ne]=1", "a=b[$ne]=c", "a.b.c=1&a=x", "?a&&=", "a[]=1&a[0]=2", "[[]]][", "%5B%zz", "a[b][c].d[e]=]=", strings.Repeat("[", 40)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var c count
		if err := inspect.ReadQuery(text, &c, nil); err != nil && ruleOf(err) == "" {
			t.Fatalf("%q: %v is no refusal", text, err)
		}
		if most := 32 * (len(text) + 1); c.names > most || c.values > most {
			t.Fatalf("%q: %d names and %d values are shown", text, c.names, c.values)
		}
		if err := inspect.FieldName(text, &c); err != nil && ruleOf(err) == "" {
			t.Fatalf("%q: %v is no refusal", text, err)
		}
	})
}

// What is left without the dropped members is JSON, and is what encoding/json
// leaves of the value without them.
func FuzzWithout(f *testing.F) {
	for _, s := range []string{messy, `{"a":1,"b":{"a":2,"c":[{"a":3}]},"d":4}`, `{"a":1}`, `[{"a":{"a":1}},{"b":1,"a":2}]`, `{ "b":1 , "a":2 , "a2" : 3 }`} {
		f.Add([]byte(s), "a")
		f.Add([]byte(s), "abcd")
	}
	f.Fuzz(func(t *testing.T, data []byte, initials string) {
		dropped := func(name string) bool { return name != "" && strings.Contains(initials, name[:1]) }
		r := post("application/json", string(data))
		rd, err := read(r, nil)
		if err != nil || rd.Tree == nil {
			return
		}
		v, err := decoded(data)
		if err != nil {
			t.Fatal(err)
		}
		want := prune(v, dropped)
		out := rd.Tree.Without(rd.Data, func(m *inspect.Member) bool { return dropped(m.Name) })
		if got, err := decoded(out); err != nil || !json.Valid(out) || !reflect.DeepEqual(got, want) {
			t.Fatalf("%q without %q is %q, %v", data, initials, out, err)
		}
		rd.Drop(r, func(m *inspect.Member) bool { return dropped(m.Name) })
		if string(rd.Data) != string(out) {
			t.Fatalf("Drop leaves %q, Without %q", rd.Data, out)
		}
		if err := inPlace(rd.Tree, rd.Data); err != nil {
			t.Fatal(err)
		}
		arrived(t, r, string(out))
	})
}

func prune(v any, dropped func(string) bool) any {
	switch v := v.(type) {
	case map[string]any:
		for name, value := range v {
			if dropped(name) {
				delete(v, name)
			} else {
				v[name] = prune(value, dropped)
			}
		}
	case []any:
		for i := range v {
			v[i] = prune(v[i], dropped)
		}
	}
	return v
}

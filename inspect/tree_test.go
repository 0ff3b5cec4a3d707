// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package inspect_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/panoply-security/panoply/inspect"
	"github.com/panoply-security/panoply/rule"
)

// decoded is what encoding/json makes of a text.
func decoded(data []byte) (v any, err error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	err = d.Decode(&v)
	return v, err
}

// inPlace checks that every node stands at the bytes that say it, and every
// member at its name.
func inPlace(n *inspect.Node, data []byte) error {
	want, err := decoded(data[n.Start:n.End])
	if err != nil || !reflect.DeepEqual(want, n.Any(data)) {
		return fmt.Errorf("at %d to %d stands %q (%v), want %v", n.Start, n.End, data[n.Start:n.End], err, n.Any(data))
	}
	if text := data[n.Start:n.End]; len(bytes.TrimSpace(text)) != len(text) {
		return fmt.Errorf("white space around %q", text)
	}
	for _, m := range n.Members {
		name, err := decoded(data[m.Start:bytes.LastIndexByte(data[:m.Value.Start], ':')])
		if err != nil || name != m.Name {
			return fmt.Errorf("at %d stands the name %v, want %q", m.Start, name, m.Name)
		}
		if err := inPlace(m.Value, data); err != nil {
			return err
		}
	}
	for _, e := range n.Elems {
		if err := inPlace(e, data); err != nil {
			return err
		}
	}
	return nil
}

const messy = " {\r\n\"a\" : [ 1.50E+1 ,{ \"\\u0062\":null } , [ ] ] ,\"c:,\":\"]}\\\"\", \"é\" :\ttrue ,\"d\":{ \"e\" : {},\"f\":-0 } } "

func TestTreeStandsWhereTheBytesAre(t *testing.T) {
	rd, err := read(post("application/json", messy), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := inPlace(rd.Tree, rd.Data); err != nil {
		t.Error(err)
	}
	if v := rd.Tree.Get("c:,"); v == nil || v.Text != `]}"` || v.Kind != inspect.String {
		t.Errorf("Get found %+v", v)
	}
	if rd.Tree.Get("b") != nil {
		t.Error("Get found a name that is not there")
	}
}

func TestWithoutKeepsTheOtherBytes(t *testing.T) {
	for _, c := range []struct{ name, body, drop, want string }{
		{"nothing", messy, "x", messy},
		{"first", `{"a":1,"b":2,"c":3}`, "a", `{"b":2,"c":3}`},
		{"middle", `{"a":1,"b":2,"c":3}`, "b", `{"a":1,"c":3}`},
		{"last", `{"a":1,"b":2,"c":3}`, "c", `{"a":1,"b":2}`},
		{"first-two", `{"a":1,"b":2,"c":3}`, "a b", `{"c":3}`},
		{"last-two", `{"a":1,"b":2,"c":3}`, "b c", `{"a":1}`},
		{"ends", `{"a":1,"b":2,"c":3}`, "a c", `{"b":2}`},
		{"all", `{"a":1, "b":2 }`, "a b", `{ }`},
		{"only", `{ "a" : 1 }`, "a", `{  }`},
		{"alternate", `{"a":1,"x":2,"b":3,"x2":4,"c":5}`, "x x2", `{"a":1,"b":3,"c":5}`},
		{"nested", `{"a":{"x":1,"b":[{"x":[{}]},{"b":0,"x":2}]}}`, "x", `{"a":{"b":[{},{"b":0}]}}`},
		{"nested-in-dropped", `{"x":{"x":1},"a":{"x":1}}`, "x", `{"a":{}}`},
		{"escaped-name", `{"\u0078":1,"a":2}`, "x", `{"a":2}`},
		{"spelling-stays", `{"n": 1.50E+2 ,"x":1, "s":"\u0061\/" }`, "x", `{"n": 1.50E+2, "s":"\u0061\/" }`},
		{"white-space-stays", messy, "c:,", strings.Replace(messy, " ,\"c:,\":\"]}\\\"\"", "", 1)},
		{"root-is-an-array", `[{"x":1},2]`, "x", `[{},2]`},
		{"scalar", `"x"`, "x", `"x"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			drop := func(m *inspect.Member) bool { return strings.Contains(" "+c.drop+" ", " "+m.Name+" ") }
			r := post("application/json", c.body)
			rd, err := read(r, nil)
			if err != nil {
				t.Fatal(err)
			}
			before := bytes.Clone(rd.Data)
			got := rd.Tree.Without(rd.Data, drop)
			if string(got) != c.want {
				t.Errorf("Without gives %s\nwant %s", got, c.want)
			}
			if !bytes.Equal(before, rd.Data) {
				t.Errorf("Without changed what it was given to %s", rd.Data)
			}
			rd.Drop(r, drop)
			if string(rd.Data) != c.want {
				t.Errorf("Drop leaves %s\nwant %s", rd.Data, c.want)
			}
			if err := inPlace(rd.Tree, rd.Data); err != nil {
				t.Errorf("after Drop: %v", err)
			}
			arrived(t, r, c.want)
		})
	}
}

func TestTreesAreBounded(t *testing.T) {
	values := func(n int) string { return "[" + strings.Repeat("1,", n-2) + "1]" } // the array counts, too
	for _, c := range []struct {
		name string
		n    int
		rule rule.ID
	}{
		{"as-many-as-may-be", 200_000, ""}, {"one-more", 200_001, rule.RequestJSON},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := inspect.NewBudget(1 << 30)
			rd, err := inspect.ReadBody(post("application/json", values(c.n)), inspect.Options{MaxBytes: 1 << 20, Tree: true, Budget: b})
			refused(t, err, c.rule)
			if err == nil && b.Used() < 200_000*200 {
				t.Errorf("%d bytes are held for a tree of 200,000 values", b.Used())
			}
			rd.Close()
			if b.Used() != 0 {
				t.Errorf("%d bytes are still held", b.Used())
			}
			_, err = inspect.ReadBody(post("application/json", values(c.n)), inspect.Options{MaxBytes: 1 << 20})
			refused(t, err, "") // without a tree there is no such bound
		})
	}
}

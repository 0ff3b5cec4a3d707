// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package validate

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"os"
	"testing"

	"github.com/panoply-security/panoply/route"
)

func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.DiscardHandler))
	os.Exit(m.Run())
}

// Formats are asserted, by the compiled subset and by the library alike, and
// only of strings. One that nobody knows says nothing.
func TestFormatsAreAsserted(t *testing.T) {
	for _, c := range []struct {
		format      string
		fit, misfit []string
	}{
		{"email", []string{`"a@b.example"`, `1`, `null`}, []string{`"a"`, `""`, `"a@"`, `"Ann <a@b.example>"`}},
		{"uuid", []string{`"123e4567-e89b-42d3-a456-426614174000"`}, []string{`"123e4567"`, `"123e4567e89b42d3a456426614174000"`, `""`}},
		{"date", []string{`"2024-02-29"`}, []string{`"2023-02-29"`, `"2024-2-9"`, `"today"`}},
		{"date-time", []string{`"2026-11-23T10:00:00Z"`, `"2026-11-23T10:00:00.5+01:00"`}, []string{`"2026-11-23"`, `"2026-11-23 10:00:00"`, `"2026-11-23T25:00:00Z"`}},
		{"ipv4", []string{`"192.0.2.1"`}, []string{`"192.0.2.256"`, `"192.0.2"`, `"::1"`}},
		{"ipv6", []string{`"2001:db8::1"`}, []string{`"192.0.2.1"`, `"2001::db8::1"`}},
		{"uri", []string{`"https://shop.example/a?b=c"`}, []string{`"/a"`, `"http://[::1"`}},
		{"hostname", []string{`"shop.example"`}, []string{`"-shop.example"`, `"a b"`}},
		{"regex", []string{`"^a+$"`}, []string{`"("`}},
		{"json-pointer", []string{`"/a~1b"`, `""`}, []string{`"a"`, `"/~2"`}},
		{"shoe-size", []string{`"anything"`}, nil},
	} {
		t.Run(c.format, func(t *testing.T) {
			compiled, err := compileSchema(json.RawMessage(fmt.Sprintf(`{"format":%q}`, c.format)), "")
			if err != nil {
				t.Fatal(err)
			}
			beyond, err := compileSchema(json.RawMessage(fmt.Sprintf(`{"allOf":[{"format":%q}]}`, c.format)), "")
			if err != nil {
				t.Fatal(err)
			}
			if compiled.subset == nil || beyond.subset != nil {
				t.Fatalf("compiled %v and %v; want the first alone", compiled.subset != nil, beyond.subset != nil)
			}
			for name, s := range map[string]*schema{"compiled": compiled, "library": beyond} {
				for _, body := range c.fit {
					if faults := s.check(read(t, body), false, nil); len(faults) > 0 {
						t.Errorf("%s: %s is refused: %v", name, body, faults)
					}
				}
				for _, body := range c.misfit {
					faults := s.check(read(t, body), false, nil)
					if len(faults) != 1 || faults[0].Pointer != "" || faults[0].Detail != "It is not a valid "+c.format+"." {
						t.Errorf("%s: %s gives %v", name, body, faults)
					}
				}
			}
		})
	}
}

// A dry plan decides as the other does, and takes nothing out.
func TestADryPlanChangesNothing(t *testing.T) {
	v, err := New(Config{Routes: []Route{{Match: "/", Unknown: Strip,
		Schema: json.RawMessage(`{"required":["a"],"properties":{"a":{"type":"string"}}}`)}}})
	if err != nil {
		t.Fatal(err)
	}
	for body, fits := range map[string]bool{`{"a":"x","b":1}`: true, `{"b":1}`: false, `{"a":1}`: false} {
		rd := read(t, body)
		r := httptest.NewRequest("POST", "/", nil)
		if err := v.For([]int{0}, route.Key{}).Dry().Check(r, rd); (err == nil) != fits || string(rd.Data) != body || r.ContentLength != 0 {
			t.Errorf("%s: got %v and leaves %s", body, err, rd.Data)
		}
	}
}

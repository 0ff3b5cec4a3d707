// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package validate

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// A condition asks what was written: an undeclared field in what it looks at neither
// dodges nor fails it.
func TestConditionsStayOpen(t *testing.T) {
	const user = `"user":{"type":"object","properties":{"role":{"type":"string"},"name":{"type":"string"}}}`
	const admin = `{"properties":{"user":{"properties":{"role":{"const":"admin"}},"required":["role"]}},"required":["user"]}`
	const list = `"list":{"type":"array","items":{"type":"object","properties":{"role":{"type":"string"},"name":{"type":"string"}}},`
	for name, tt := range map[string]struct {
		schema  string
		verdict map[string]bool
	}{
		"not-by-reference": {`{"type":"object","properties":{` + user + `},"not":{"$ref":"#/$defs/admin"},"$defs":{"admin":` + admin + `}}`,
			map[string]bool{`{"user":{"role":"user","name":"a"}}`: true, `{"user":{"role":"admin"}}`: false, `{"user":{"role":"admin","name":"a"}}`: false}},
		"if-by-references": {`{"type":"object","properties":{` + user + `,"code":{"type":"string"}},"if":{"$ref":"#/$defs/a"},"then":{"required":["code"]},"$defs":{"a":{"$ref":"#/$defs/admin"},"admin":` + admin + `}}`,
			map[string]bool{`{"user":{"role":"user","name":"a"}}`: true, `{"user":{"role":"admin","name":"a"}}`: false, `{"user":{"role":"admin","name":"a"},"code":"1"}`: true}},
		"if-to-the-whole": {`{"type":"object","properties":{"a":{"if":{"$ref":"#/properties/b"},"then":false},"b":{"type":"object","required":["x"]}}}`,
			map[string]bool{`{"a":{"y":1}}`: true, `{"a":{"x":1}}`: false}},
		"contains": {`{"type":"object","properties":{` + list + `"contains":{"properties":{"role":{"const":"x"}},"required":["role"]}}}}`,
			map[string]bool{`{"list":[{"role":"x","name":"a"}]}`: true, `{"list":[{"role":"y","name":"a"}]}`: false, `{"list":[{"role":"x","other":"a"}]}`: false}},
		"at-most-none": {`{"type":"object","properties":{` + list + `"contains":{"properties":{"role":{"const":"admin"}},"required":["role"]},"minContains":0,"maxContains":0}}}`,
			map[string]bool{`{"list":[{"role":"user","name":"a"}]}`: true, `{"list":[{"role":"admin"}]}`: false, `{"list":[{"role":"admin","name":"a"}]}`: false}},
		"escaped-reference": {`{"$ref":"#/components/A%20B","components":{"A B":{"type":"object","properties":{` + user + `}}}}`,
			map[string]bool{`{"user":{"name":"a"}}`: true, `{"user":{"other":"a"}}`: false, `{"other":1}`: false}},
	} {
		t.Run(name, func(t *testing.T) {
			v, err := New(Config{Routes: []Route{{Match: "POST /", Schema: []byte(tt.schema)}}})
			if err != nil {
				t.Fatal(err)
			}
			for body, want := range tt.verdict {
				r := httptest.NewRequest("POST", "/", strings.NewReader(body))
				r.Header.Set("Content-Type", "application/json")
				rec := httptest.NewRecorder()
				v.Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})).ServeHTTP(rec, r)
				if got := rec.Code == 200; got != want {
					t.Errorf("%s: accepted %v; want %v", body, got, want)
				}
			}
		})
	}
	for _, schema := range []string{`{"$ref":"schema#/$defs/a","$defs":{"a":{"type":"object"}}}`, `{"not":{"$ref":"#a"},"$defs":{"a":{"$anchor":"a","type":"object"}}}`} {
		if _, err := New(Config{Routes: []Route{{Match: "POST /", Schema: []byte(schema)}}}); err == nil || !strings.Contains(err.Error(), "only references inside") {
			t.Errorf("%s: got %v", schema, err)
		}
	}
}

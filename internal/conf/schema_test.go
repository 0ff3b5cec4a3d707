// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package conf

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

func TestSchema(t *testing.T) {
	schema, err := Schema(policySchema{})
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.MarshalIndent(schema, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "testdata/schema.golden", string(text)+"\n")
}

// policySchema is policy without the field whose type contains itself.
type policySchema struct {
	Listen  string          `yaml:"listen" doc:"address to listen on"`
	Mode    mode            `yaml:"mode" doc:"what to do"`
	Limits  limits          `yaml:"rate_limits"`
	Bodies  bodies          `yaml:"bodies"`
	Headers headers         `yaml:"headers"`
	Cookies cookies         `yaml:"cookies"`
	Uploads uploads         `yaml:"uploads"`
	TLS     *tls            `yaml:"tls"`
	Schema  any             `yaml:"schema" doc:"a JSON Schema"`
	Score   float64         `yaml:"score"`
	Modes   map[mode]string `yaml:"modes"`
}

// TestSchemaAgrees holds the schema against Decode.
func TestSchemaAgrees(t *testing.T) {
	described, err := Schema(&policySchema{})
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	if err := c.AddResource("policy.json", reread(t, described)); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("policy.json")
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, src string
		ok        bool
	}{
		{"empty", "{}", true},
		{"scalars", "listen: a\nmode: off\nscore: 1.5\n", true},
		{"number-for-text", "listen: 1", false},
		{"unknown-key", "moed: off", false},
		{"unknown-key-below", "tls: {crt: a}", false},
		{"enumeration", "mode: on", false},
		{"enumeration-in-keys", "modes: {on: a}", false},
		{"sizes", "bodies: {max_bytes: 5MB, min_bytes: 512}", true},
		{"bad-size", "bodies: {max_bytes: 5 MB}", false},
		{"negative-size", "bodies: {max_bytes: -5}", false},
		{"durations", "cookies: {max_age: 1h30m}", true},
		{"zero-duration", "cookies: {max_age: 0}", true},
		{"bad-duration", "cookies: {max_age: 15x}", false},
		{"no-duration", "cookies: {max_age: ''}", false},
		{"duration-without-unit", "cookies: {max_age: 15}", false},
		{"text-type-as-word", "headers: {x_frame_options: off}", true},
		{"text-type-as-number", "headers: {x_frame_options: 15552000}", true},
		{"text-type-as-mapping", "headers: {x_frame_options: {max_age: 1d}}", true},
		{"text-type-as-list", "headers: {x_frame_options: [a]}", true},
		{"text-type-with-unknown-key", "headers: {x_frame_options: {age: 1d}}", false},
		{"list-for-a-struct", "uploads: [{match: a, types: [b]}]", true},
		{"struct-with-list", "uploads: {mode: off, rules: []}", true},
		{"scalar-for-a-struct", "uploads: a", false},
		{"scalar-for-a-list", "rate_limits: {rules: [{match: a, key: off}]}", true},
		{"mapping-for-a-list", "rate_limits: {rules: {}}", false},
		{"empty-section", "rate_limits:\nheaders:\n", true},
		{"null-pointer", "tls: null", true},
		{"anything", "schema: {a: [1, {b: null}]}", true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := Decode("f", []byte(test.src), new(policySchema))
			if (err == nil) != test.ok {
				t.Errorf("Decode: %v", err)
			}
			document := map[string]any{}
			if _, err := Decode("f", []byte(test.src), &document); err != nil {
				t.Fatal(err)
			}
			if err := schema.Validate(reread(t, document)); (err == nil) != test.ok {
				t.Errorf("schema: %v", err)
			}
		})
	}
}

func reread(t *testing.T, v any) any {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	back, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return back
}

func TestSchemaErrors(t *testing.T) {
	for _, v := range []any{nil, policy{}, struct{ A int }{}, make(chan int)} {
		if schema, err := Schema(v); err == nil {
			t.Errorf("%T: got %v", v, schema)
		}
	}
}

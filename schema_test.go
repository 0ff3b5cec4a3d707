// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package panoply_test

import (
	"bytes"
	"encoding/json"
	"os"
	"testing"

	yamlfile "github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/panoply-security/panoply"
)

// policySchema compiles what `policy schema` prints with another's validator,
// which holds it against JSON Schema 2020-12 first.
func policySchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	text, err := panoply.Schema()
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if got := doc.(map[string]any)["$schema"]; got != "https://json-schema.org/draft/2020-12/schema" {
		t.Errorf("$schema is %v", got)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("policy.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("policy.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func value(t *testing.T, src []byte) any {
	t.Helper()
	var v any
	if err := yamlfile.Unmarshal(src, &v); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(v) // and back, for the validator's number type
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func TestTheSchemaAcceptsWhatTheLoaderAccepts(t *testing.T) {
	schema := policySchema(t)
	sources := map[string]string{
		"shown-strict":     yaml(t, panoply.Policy{}),
		"shown-compatible": yaml(t, panoply.Policy{Profile: panoply.Compatible}),
		"nothing":          "{}",
		"modes-alone":      "headers: off\nuploads: report\ntokens: off\n",
		"seven":            seven,
		"openapi":          "bodies: {openapi: openapi.yaml}",
		"openapi-options":  "bodies: {openapi: {file: openapi.yaml, undeclared: allow, except: [/health], unknown: strip}}",
		"declared":         declaredPolicy("enforce", "strip"),
		"one-for-a-list":   "rate_limits: {rules: [{match: /api/, limit: 1, window: 1m}]}",
	}
	for _, file := range []string{"demo/policy/policy.yaml", "e2e/policies/shop.yaml"} {
		src, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		sources[file] = string(src)
	}
	for name, src := range sources {
		t.Run(name, func(t *testing.T) {
			parse(t, src)
			if err := schema.Validate(value(t, []byte(src))); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestTheSchemaRefusesWhatTheLoaderRefuses(t *testing.T) {
	schema := policySchema(t)
	for name, src := range map[string]string{
		"unknown-key":         "heders: {}",
		"unknown-key-inside":  "rate_limits: {rulez: []}",
		"unknown-key-in-rule": "rate_limits: {rules: [{matches: /x}]}",
		"bad-mode":            "mode: enfroce",
		"bad-mode-of-section": "headers: {mode: on}",
		"bad-profile":         "profile: paranoid",
		"bad-environment":     "environment: staging",
		"bad-same-site":       "cookies: {same_site: Lux}",
		"bad-unknown":         "bodies: {routes: [{match: /x, unknown: drop}]}",
		"bad-undeclared":      "bodies: {openapi: {file: a.yaml, undeclared: deny}}",
		"text-for-a-number":   "rate_limits: {rules: [{match: /x, limit: many, window: 1m}]}",
		"a-list-for-a-map":    "bodies: [1]",
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := panoply.Parse("policy.yaml", []byte(src)); err == nil {
				t.Error("the loader accepts it")
			}
			if schema.Validate(value(t, []byte(src))) == nil {
				t.Error("the schema accepts it")
			}
		})
	}
}

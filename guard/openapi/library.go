// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package openapi

import (
	stdcontext "context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// consult has kin-openapi say what is wrong with the document as OpenAPI. It
// reads no other file and asks no network. It has panicked at documents before,
// so a panic is a fault like others.
func consult(root *node, found *faults) {
	defer func() {
		if v := recover(); v != nil {
			found.at(root, "the OpenAPI library cannot read this document", "")
		}
	}()
	src, err := json.Marshal(root.plain())
	if err != nil {
		found.at(root, "the document cannot be written as JSON", "")
		return
	}
	loader := openapi3.NewLoader() // which follows no reference out of the document
	doc, err := loader.LoadFromData(src)
	if err != nil {
		explain(root, err, found)
		return
	}
	err = doc.Validate(stdcontext.Background(), openapi3.EnableMultiError(), openapi3.DisableExamplesValidation(),
		openapi3.DisableSchemaDefaultsValidation(), openapi3.DisableSchemaPatternValidation())
	var all openapi3.MultiError
	if !errors.As(err, &all) {
		all = openapi3.MultiError{err}
	}
	for _, err := range all {
		explain(root, err, found)
	}
}

// explain notes one error of the library, at the place that it is about as
// nearly as the library tells.
func explain(root *node, err error, found *faults) {
	if err == nil {
		return
	}
	at, inner := root, err
	step := func(keys ...string) {
		for _, key := range keys {
			if next := at.get(key); next != nil {
				at = next
			}
		}
	}
	for e := err; e != nil; e = errors.Unwrap(e) {
		switch e := e.(type) {
		case *openapi3.SectionValidationError:
			step(e.Section)
			inner = e.Cause
		case *openapi3.PathValidationError:
			step(e.Path)
			inner = e.Cause
		case *openapi3.OperationValidationError:
			step(strings.ToLower(e.Method))
			inner = e.Cause
		case *openapi3.ComponentValidationError:
			step(component(e.Section), e.Name)
			inner = e.Cause
		}
	}
	text, _, _ := strings.Cut(inner.Error(), "\n")
	if at == root.get("paths") {
		at = mentioned(at, text)
	}
	if len(text) > 300 {
		text = strings.ToValidUTF8(text[:300], "") + "…"
	}
	found.at(at, text, "")
}

// mentioned is the first path that an error speaks of, or all of them.
func mentioned(paths *node, text string) *node {
	for _, path := range paths.keys {
		if strings.Contains(text+" ", " "+path+" ") || strings.Contains(text, " "+path+`"`) {
			return paths.fields[path]
		}
	}
	return paths
}

// component is the key of a section that the library names in the singular.
func component(section string) string {
	plural := map[string]string{"request body": "requestBodies", "security scheme": "securitySchemes"}
	if key := plural[section]; key != "" {
		return key
	}
	return section + "s"
}

// version tells which OpenAPI the document is.
func version(root *node, found *faults) (v30, ok bool) {
	v := root.get("openapi")
	switch text := v.text(); {
	case strings.HasPrefix(text, "3.0."):
		return true, true
	case strings.HasPrefix(text, "3.1."):
		return false, true
	case v != nil:
		found.at(v, fmt.Sprintf("%q is not a version that Panoply reads", text), "3.0.x and 3.1.x")
	case root.get("swagger") != nil:
		found.at(root.get("swagger"), "this is Swagger 2.0", "convert it to OpenAPI 3")
	default:
		found.at(root, "it is not an OpenAPI document", "start it with openapi: 3.1.0")
	}
	return false, false
}

// checkDialect refuses schemas of another kind than JSON Schema 2020-12.
func checkDialect(root *node, found *faults) {
	d := root.get("jsonSchemaDialect")
	switch strings.TrimSuffix(d.text(), "#") {
	case "", "https://spec.openapis.org/oas/3.1/dialect/base", "https://json-schema.org/draft/2020-12/schema":
		return
	}
	found.at(d, "the schemas are of a kind that Panoply does not read", "leave jsonSchemaDialect out: JSON Schema 2020-12")
}

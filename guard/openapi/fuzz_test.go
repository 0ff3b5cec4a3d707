// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package openapi_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/panoply-security/panoply/guard/openapi"
	"github.com/panoply-security/panoply/validate"
)

// FuzzConvert holds that no document makes the conversion panic, that what it
// accepts compiles, and that what it refuses is told with a place.
func FuzzConvert(f *testing.F) {
	for _, pattern := range []string{"testdata/*.yaml", "testdata/bad/*.yaml"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			f.Fatalf("no documents for %s: %v", pattern, err)
		}
		for _, file := range files {
			src, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(src)
		}
	}
	f.Add([]byte(small))
	for _, schema := range []string{
		`true`, `{$ref: '#/components/schemas/A'}`, `{type: object, discriminator: {propertyName: a}, oneOf: [{$ref: '#/components/schemas/A'}, true]}`,
		`{type: array, items: {$ref: '#/components/schemas/A/properties/a'}}`, `{properties: {a: {readOnly: true}}, required: [a], additionalProperties: true}`,
	} {
		f.Add([]byte("openapi: 3.1.0\ninfo: {title: a, version: a}\npaths: {/a: {post: {parameters: [{name: 'a[b]', in: query, schema: " + schema +
			"}], requestBody: {content: {application/json: {schema: " + schema + "}, multipart/form-data: {schema: " + schema +
			"}}}, responses: {'200': {description: a}}}}}\ncomponents: {schemas: {A: {type: object, properties: {a: {$ref: '#/components/schemas/A'}}}}}\n"))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		if len(src) > 64<<10 {
			return
		}
		ops, err := openapi.Convert("a.yaml", src, "")
		if err != nil {
			for line := range strings.Lines(err.Error()) {
				if !strings.HasPrefix(line, "a.yaml") {
					t.Errorf("a fault without a place: %q", line)
				}
			}
			return
		}
		if _, err := validate.New(validate.Config{Operations: ops}); err != nil {
			t.Errorf("accepted, and does not compile: %v", err)
		}
	})
}

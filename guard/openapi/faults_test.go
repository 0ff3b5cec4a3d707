// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package openapi_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/panoply-security/panoply/guard/openapi"
)

var update = flag.Bool("update", false, "write the golden files anew")

// Everything that is wrong with a document is told at once, with its place.
func TestBadDocumentsAreExplained(t *testing.T) {
	files, err := filepath.Glob("testdata/bad/*.yaml")
	if err != nil || len(files) < 10 {
		t.Fatalf("found %d bad documents: %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			_, err := openapi.Convert(filepath.ToSlash(file), source(t, file), "")
			if err == nil {
				t.Fatal("it is accepted")
			}
			golden := strings.TrimSuffix(file, ".yaml") + ".golden"
			if *update {
				if err := os.WriteFile(golden, []byte(err.Error()+"\n"), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if want := string(source(t, golden)); err.Error()+"\n" != want {
				t.Errorf("got:\n%v\nwant:\n%s", err, want)
			}
		})
	}
}

// What is too large is refused before it costs much.
func TestDocumentsAreBounded(t *testing.T) {
	const head = "openapi: 3.0.3\ninfo: {title: Big, version: 1.0.0}\npaths:\n"
	op := func(i int) string {
		return fmt.Sprintf("  /a%d: {get: {responses: {'200': {description: ok}}}}\n", i)
	}
	var many strings.Builder
	for i := range 5001 {
		many.WriteString(op(i))
	}
	for name, test := range map[string]struct{ src, want string }{
		"operations": {head + many.String(), "more than 5000 operations"},
		"depth":      {head + "  /a: " + strings.Repeat("[", 101) + strings.Repeat("]", 101), "more than 100 levels deep"},
		"flow-depth": {head + "  /a: " + strings.Repeat("[", 20_000), "syntax error"},
		"values":     {head + "x-a: [" + strings.Repeat("1,", 1_000_000) + "]", "more than 1000000 values"},
		"servers": {head + op(1) + "servers: [{url: '/{a}/{b}/{c}', variables: {" +
			strings.Join([]string{variable("a"), variable("b"), variable("c")}, ", ") + "}}]", "come to more than 64 URLs"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := openapi.Convert("big.yaml", []byte(test.src), "")
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %.300v; want %q", err, test.want)
			}
		})
	}
}

// Schemas that double with each reference are not written out to the end.
func TestSchemasThatDouble(t *testing.T) {
	doc := func(typ string) string {
		var b strings.Builder
		b.WriteString("openapi: 3.0.3\ninfo: {title: Double, version: 1.0.0}\npaths: {/a: {post: {requestBody: {content: {" + typ +
			": {schema: {$ref: '#/components/schemas/S0'}}}}, responses: {'200': {description: ok}}}}}\ncomponents:\n  schemas:\n")
		for i := range 40 {
			fmt.Fprintf(&b, "    S%d: {allOf: [{$ref: '#/components/schemas/S%d'}, {$ref: '#/components/schemas/S%d'}]}\n", i, i+1, i+1)
		}
		return b.String() + "    S40: {type: object, properties: {a: {type: string}}}\n"
	}
	if _, err := openapi.Convert("double.yaml", []byte(doc("application/json")), ""); err != nil {
		t.Errorf("json: %v", err)
	}
	if _, err := openapi.Convert("double.yaml", []byte(doc("multipart/form-data")), ""); err == nil || !strings.Contains(err.Error(), "too large, or holds itself") {
		t.Errorf("multipart: %v", err)
	}
}

func variable(name string) string {
	return name + ": {default: '1', enum: ['1', '2', '3', '4', '5', '6', '7', '8']}"
}

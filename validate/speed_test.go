// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package validate_test

import (
	"encoding/json"
	"io"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/panoply-security/panoply/inspect"
	"github.com/panoply-security/panoply/route"
	"github.com/panoply-security/panoply/validate"
)

// BenchmarkSchema is what a guard does with a body of three fields: it reads it and
// holds it against a schema. Compare it with BenchmarkBodyPlainDecode.
func BenchmarkSchema(b *testing.B) {
	v, err := validate.New(validate.Config{Routes: []validate.Route{{Match: "/", Schema: json.RawMessage(`{"type":"object",
		"required":["name","email","password"],"properties":{"name":{"type":"string","minLength":1,"maxLength":100},
		"email":{"type":"string","format":"email"},"password":{"type":"string","minLength":8,"maxLength":128}}}`)}}})
	if err != nil {
		b.Fatal(err)
	}
	reader := strings.NewReader(fit)
	r := request("")
	b.ReportAllocs()
	for b.Loop() {
		reader.Reset(fit)
		r.Body, r.ContentLength = io.NopCloser(reader), int64(len(fit))
		rd, err := inspect.ReadBody(r, inspect.Options{MaxBytes: 100 << 10, Tree: true})
		if err != nil {
			b.Fatal(err)
		}
		if err := v.For([]int{0}, route.Key{}).Check(r, rd); err != nil {
			b.Fatal(err)
		}
		rd.Close()
	}
}

// Form values nest without a cost that grows with the square of their number.
func BenchmarkLargeForm(b *testing.B) {
	query := "q=a" + strings.Repeat("&tags=x", 990)
	r := httptest.NewRequest("GET", "/?"+query, nil)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := validate.Query[struct {
			Q    string   `json:"q"`
			Tags []string `json:"tags"`
		}](r); err != nil {
			b.Fatal(err)
		}
	}
}

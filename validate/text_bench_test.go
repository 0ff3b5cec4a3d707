// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package validate

import (
	"encoding/json"
	"net/http/httptest"
	"testing"

	"github.com/panoply-security/panoply/inspect"
	"github.com/panoply-security/panoply/route"
)

const benchQuery = "q=shirt&page=2&sort=price&tag=new&tag=sale"

func benchPlan(b *testing.B) Plan {
	b.Helper()
	v, err := New(Config{Routes: []Route{{Match: "/", Query: json.RawMessage(`{"type":"object","properties":{
		"q":{"type":"string","maxLength":40},"page":{"type":"integer","minimum":1},"sort":{"enum":["price","name"]},
		"tag":{"type":"array","items":{"type":"string"}}}}`)}}})
	if err != nil {
		b.Fatal(err)
	}
	return v.For([]int{0}, route.Key{})
}

// Beside it stands the reading alone, which every request pays for.
func BenchmarkDeclaredQuery(b *testing.B) {
	plan := benchPlan(b)
	visit := noPrototypes{}
	b.Run("read", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if err := inspect.ReadQuery(benchQuery, visit, nil); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("read-and-check", func(b *testing.B) {
		r := httptest.NewRequest("GET", "/?"+benchQuery, nil)
		b.ReportAllocs()
		for b.Loop() {
			pairs, err := inspect.ReadQueryPairs(benchQuery, visit, nil)
			if err == nil {
				err = plan.CheckHead(r, pairs)
			}
			if err != nil {
				b.Fatal(err)
			}
		}
	})
}

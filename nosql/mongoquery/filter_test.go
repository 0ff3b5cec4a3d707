// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package mongoquery_test

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/panoply-security/panoply/nosql/mongoquery"
	"github.com/panoply-security/panoply/problem"
	"github.com/panoply-security/panoply/rule"
)

// hidden is a string that would like to be an operator.
type hidden string

func (hidden) MarshalBSONValue() (byte, []byte, error) {
	b, err := bson.Marshal(bson.D{{Key: "$ne", Value: ""}})
	return byte(bson.TypeEmbeddedDocument), b, err
}

func TestFilters(t *testing.T) {
	id, at := bson.NewObjectID(), time.UnixMilli(1764201600000).UTC()
	for name, tt := range map[string]struct {
		f    mongoquery.Filter
		want string
	}{
		"text":             {mongoquery.Eq("email", "a@b.example"), `{"email":{"$eq":"a@b.example"}}`},
		"operator-as-text": {mongoquery.Eq("email", `{"$ne":""}`), `{"email":{"$eq":"{\"$ne\":\"\"}"}}`},
		"type-with-a-plan": {mongoquery.Eq("email", hidden("a")), `{"email":{"$eq":"a"}}`},
		"number":           {mongoquery.Gt("age", 18), `{"age":{"$gt":{"$numberLong":"18"}}}`},
		"float":            {mongoquery.Lte("age", 1.5), `{"age":{"$lte":{"$numberDouble":"1.5"}}}`},
		"unsigned":         {mongoquery.Lt("age", uint32(math.MaxUint32)), `{"age":{"$lt":{"$numberLong":"4294967295"}}}`},
		"boolean":          {mongoquery.Ne("active", true), `{"active":{"$ne":true}}`},
		"id":               {mongoquery.Eq("_id", id), `{"_id":{"$eq":{"$oid":"` + id.Hex() + `"}}}`},
		"time":             {mongoquery.Gte("at", at), `{"at":{"$gte":{"$date":{"$numberLong":"1764201600000"}}}}`},
		"one-of":           {mongoquery.In("tag", "a", "b"), `{"tag":{"$in":["a","b"]}}`},
		"one-of-none":      {mongoquery.In[string]("tag"), `{"tag":{"$in":[]}}`},
		"none-of":          {mongoquery.Nin("n", 1), `{"n":{"$nin":[{"$numberLong":"1"}]}}`},
		"exists":           {mongoquery.Exists("a.b", false), `{"a.b":{"$exists":false}}`},
		"prefix":           {mongoquery.Prefix("name", "a.*|^"), `{"name":{"$regex":{"$regularExpression":{"pattern":"^a\\.\\*\\|\\^","options":""}}}}`},
		"all":              {mongoquery.All(), `{}`},
		"and":              {mongoquery.And(mongoquery.Eq("a", "x"), mongoquery.Exists("b", true)), `{"$and":[{"a":{"$eq":"x"}},{"b":{"$exists":true}}]}`},
		"or":               {mongoquery.Or(mongoquery.Eq("a", "x")), `{"$or":[{"a":{"$eq":"x"}}]}`},
		"nor":              {mongoquery.Nor(mongoquery.Eq("a", "x")), `{"$nor":[{"a":{"$eq":"x"}}]}`},
	} {
		t.Run(name, func(t *testing.T) {
			b, err := bson.Marshal(tt.f)
			if err != nil {
				t.Fatal(err)
			}
			got, err := bson.MarshalExtJSON(bson.Raw(b), true, false)
			if err != nil || string(got) != tt.want {
				t.Errorf("got  %s, %v\nwant %s", got, err, tt.want)
			}
		})
	}
}

func TestWhatIsNoFilter(t *testing.T) {
	deep := mongoquery.Eq("a", "x")
	for range 40 {
		deep = mongoquery.And(deep)
	}
	many := make([]string, 5001)
	for name, f := range map[string]mongoquery.Filter{
		"zero":                {},
		"zero-inside":         mongoquery.And(mongoquery.Eq("a", "x"), mongoquery.Filter{}),
		"operator-as-field":   mongoquery.Eq("$where", "1"),
		"operator-in-a-field": mongoquery.Eq("a.$where", "1"),
		"no-field":            mongoquery.Eq("", "1"),
		"half-a-field":        mongoquery.Eq("a.", "1"),
		"a-nul":               mongoquery.Eq("a\x00b", "1"),
		"a-long-field":        mongoquery.Eq(strings.Repeat("a", 257), "1"),
		"fault-inside":        mongoquery.Or(mongoquery.Eq("a", "x"), mongoquery.Exists("$b", true)),
		"and-of-nothing":      mongoquery.And(),
		"or-of-nothing":       mongoquery.Or(),
		"nor-of-nothing":      mongoquery.Nor(),
		"every-prefix":        mongoquery.Prefix("a", ""),
		"cut-off-prefix":      mongoquery.Prefix("a", "x\x00y"),
		"deep":                deep,
		"large":               mongoquery.In("a", make([]string, 10_001)...),
		"large-together":      mongoquery.And(mongoquery.In("a", many...), mongoquery.In("b", many...)),
	} {
		t.Run(name, func(t *testing.T) {
			if b, err := bson.Marshal(f); err == nil {
				t.Errorf("it is written as %v", bson.Raw(b))
			}
		})
	}
}

func TestValues(t *testing.T) {
	id := bson.NewObjectID()
	for name, tt := range map[string]struct {
		read func(any) (any, error)
		v    any
		want any // nil: refused
	}{
		"text":              {text, "a", "a"},
		"text-operator":     {text, map[string]any{"$ne": ""}, nil},
		"text-list":         {text, []any{"a"}, nil},
		"text-null":         {text, nil, nil},
		"text-number":       {text, 1.0, nil},
		"number":            {number, 1.5, 1.5},
		"number-json":       {number, json.Number("2"), 2.0},
		"number-int":        {number, 3, 3.0},
		"number-text":       {number, "1", nil},
		"number-operator":   {number, map[string]any{"$gt": 0}, nil},
		"number-infinite":   {number, math.Inf(1), nil},
		"number-nan":        {number, math.NaN(), nil},
		"number-too-large":  {number, json.Number("1e999"), nil},
		"number-no-number":  {number, json.Number("x"), nil},
		"id":                {oid, id.Hex(), id},
		"id-upper-case":     {oid, strings.ToUpper(id.Hex()), id},
		"id-short":          {oid, "abc", nil},
		"id-no-hex":         {oid, strings.Repeat("g", 24), nil},
		"id-operator":       {oid, map[string]any{"$ne": nil}, nil},
		"value-text":        {value, "a", "a"},
		"value-boolean":     {value, false, false},
		"value-int":         {value, 7, 7},
		"value-float":       {value, 1.5, 1.5},
		"value-every-digit": {value, json.Number("9007199254740993"), int64(9007199254740993)},
		"value-fraction":    {value, json.Number("1.5"), 1.5},
		"value-null":        {value, nil, nil},
		"value-operator":    {value, map[string]any{"$ne": ""}, nil},
		"value-document":    {value, bson.D{{Key: "$ne", Value: ""}}, nil},
		"value-list":        {value, []any{"a"}, nil},
		"value-bytes":       {value, []byte("a"), nil},
		"value-of-a-type":   {value, hidden("a"), nil},
		"value-nan":         {value, math.NaN(), nil},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := tt.read(tt.v)
			if tt.want != nil {
				if err != nil || got != tt.want {
					t.Errorf("got %v, %v; want %v", got, err, tt.want)
				}
				return
			}
			e := problem.As(err)
			if err == nil || e.Rule != rule.NoSQLType || e.Code() != 400 || len(e.Fields) != 1 || e.Fields[0].Pointer != "/x" {
				t.Errorf("got %v, %v; want a refusal of /x", got, err)
			}
			if s := fmt.Sprint(e.Fields); strings.Contains(s, "$") {
				t.Errorf("%s echoes the value", s)
			}
		})
	}
}

func text(v any) (any, error)   { return mongoquery.Text("/x", v) }
func number(v any) (any, error) { return mongoquery.Number("/x", v) }
func oid(v any) (any, error)    { return mongoquery.ID("/x", v) }
func value(v any) (any, error)  { return mongoquery.Value("/x", v) }

func BenchmarkFilter(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := bson.Marshal(mongoquery.Eq("email", "admin@shop.example")); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkFilterByHand(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := bson.Marshal(bson.D{{Key: "email", Value: "admin@shop.example"}}); err != nil {
			b.Fatal(err)
		}
	}
}

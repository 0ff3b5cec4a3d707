// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package validate_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/panoply-security/panoply/inspect"
	"github.com/panoply-security/panoply/problem"
	"github.com/panoply-security/panoply/validate"
)

// kinds has a field of every kind that can be read.
type kinds struct {
	String  string                `json:"string" validate:"optional"`
	Bool    bool                  `json:"bool" validate:"optional"`
	Int     int                   `json:"int" validate:"optional"`
	Int8    int8                  `json:"int8" validate:"optional"`
	Int16   int16                 `json:"int16" validate:"optional"`
	Int32   int32                 `json:"int32" validate:"optional"`
	Int64   int64                 `json:"int64" validate:"optional"`
	Uint    uint                  `json:"uint" validate:"optional"`
	Uint8   uint8                 `json:"uint8" validate:"optional"`
	Uint16  uint16                `json:"uint16" validate:"optional"`
	Uint32  uint32                `json:"uint32" validate:"optional"`
	Uint64  uint64                `json:"uint64" validate:"optional"`
	Float32 float32               `json:"float32" validate:"optional"`
	Float64 float64               `json:"float64" validate:"optional"`
	Number  json.Number           `json:"number" validate:"optional"`
	Quoted  int64                 `json:"quoted,string" validate:"optional"`
	QFloat  *float64              `json:"qfloat,string"`
	Bytes   []byte                `json:"bytes" validate:"optional"`
	Array   [2]int                `json:"array" validate:"optional"`
	Octets  [2]byte               `json:"octets" validate:"optional"`
	Slice   []string              `json:"slice" validate:"optional"`
	Deep    [][]*int              `json:"deep" validate:"optional"`
	Map     map[string]int        `json:"map" validate:"optional"`
	Named   map[word]bool         `json:"named" validate:"optional"`
	Keys    map[netip.Addr]string `json:"keys" validate:"optional"`
	Any     any                   `json:"any" validate:"optional"`
	Raw     json.RawMessage       `json:"raw" validate:"optional"`
	Time    time.Time             `json:"time" validate:"optional"`
	Text    netip.Addr            `json:"text" validate:"optional"`
	Dur     time.Duration         `json:"dur" validate:"optional"`
	Pointer **string              `json:"pointer"`
	Struct  priceOnly             `json:"struct" validate:"optional"`
	Structs []priceOnly           `json:"structs" validate:"optional"`
	Self    *kinds                `json:"self"`
	Tree    branch                `json:"tree" validate:"optional"`
	Boxes   map[string]box        `json:"boxes" validate:"optional"`
	Go      string                `validate:"optional"`
	Omit    string                `json:",omitempty" validate:"optional"`
	Skipped chan int              `json:"-"`
	inner
	*Outer
	//lint:ignore U1000 it is there to be left alone
	unexported int
}

type word string

type priceOnly struct {
	Price float64 `json:"price"`
}

type box struct {
	X int `json:"x" validate:"optional"`
}

type branch map[string]branch

type inner struct {
	Inner string `json:"inner" validate:"optional"`
	Int   string `json:"int"` // hidden
}

type Outer struct {
	Outer string `json:"outer" validate:"optional"`
	*Outermost
}

type Outermost struct {
	Outermost bool   `json:"outermost" validate:"optional"`
	Inner     []bool `json:"inner"` // hidden
}

var kindNames = func() (list []string) {
	for _, f := range reflect.VisibleFields(reflect.TypeFor[kinds]()) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case name == "-" || f.Anonymous || !f.IsExported():
			continue
		case name == "":
			name = f.Name
		}
		list = append(list, name)
	}
	return slices.Compact(slices.Sorted(slices.Values(list)))
}()

var kindValues = []string{
	`"a"`, `""`, `"é😀"`, `true`, `false`, `null`, `0`, `-0`, `-1`, `7`, `127`, `128`, `255`, `256`, `65536`, `2147483648`,
	`9223372036854775807`, `9223372036854775808`, `18446744073709551616`, `1.5`, `1e2`, `3.5e38`, `1e308`, `0.1`, `-1e-7`,
	`"7"`, `"-1"`, `"1.5"`, `"01"`, `"+1"`, `"1e400"`, `" 7"`, `"null"`,
	`"aGk="`, `"aGk"`, `"aGl="`, `"aG\nk="`, `[]`, `[1,2]`, `[1,2,3]`, `["a","b"]`, `[null]`, `[[1,null],[]]`, `{}`, `{"a":1}`, `{"a":true}`,
	`{"192.0.2.1":"a"}`, `{"::1":"a","0:0::1":"b"}`, `{"x":"a"}`, `{"a":{"x":1},"b":{}}`, `{"a":{"b":{}}}`, `{"price":1}`, `[{"price":1}, {"price":2.5}]`, `[{}]`,
	`"2026-11-27T10:00:00Z"`, `"2026-11-27T10:00:00.123456789+01:00"`, `"2026-11-27T24:00:00Z"`, `"2026-11-27 10:00:00Z"`, `"2026-11-27T1:00:00Z"`,
	`"192.0.2.1"`, `"fe80::1%eth0"`, `{"int":5,"outer":"x"}`, `{"self":{"string":"a"}}`, `{"inner":"a"}`, `[{"a":[1.0,"x"]},2e3]`,
}

// kindsBody writes a body of a few fields, whose values mostly do not fit them.
func kindsBody(r *rand.Rand) string {
	var members []string
	for range r.IntN(3) + 1 {
		name := kindNames[r.IntN(len(kindNames))]
		if r.IntN(20) == 0 {
			name = strings.ToUpper(name)
		}
		quoted, _ := json.Marshal(name)
		members = append(members, string(quoted)+[]string{":", " : "}[r.IntN(2)]+kindValues[r.IntN(len(kindValues))])
	}
	return "{" + strings.Join(members, ", ") + "}"
}

// agrees holds what Body gives to what encoding/json gives. Body takes less: no
// other letter case, no duplicate, no null but for a pointer, an any or a type that
// reads itself, no second spelling of a map's name, no text for a json.Number, no
// white space in base64, no text that is not UTF-8. What it takes is the same.
func agrees(t *testing.T, body string) (taken bool) {
	t.Helper()
	got, err := validate.Body[kinds](request(body))
	if err != nil {
		if !reflect.DeepEqual(got, kinds{}) {
			t.Errorf("%s is refused and gives %+v", body, got)
		}
		return false
	}
	dec := json.NewDecoder(strings.NewReader(body))
	dec.DisallowUnknownFields()
	var want kinds
	if err := dec.Decode(&want); err != nil {
		t.Errorf("%s is taken; encoding/json says %v", body, err)
	} else if !reflect.DeepEqual(got, want) {
		t.Errorf("%s\ngives %+v\nwant  %+v", body, got, want)
	}
	return true
}

func TestBodyAgreesWithEncodingJSON(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	taken, alone := 0, map[string]bool{}
	for range 20_000 {
		if body := kindsBody(r); agrees(t, body) {
			taken++
		}
	}
	if taken < 1000 {
		t.Errorf("%d of 20000 bodies were taken; the comparison says little", taken)
	}
	for _, name := range kindNames { // each field takes something by itself
		for _, value := range kindValues {
			if agrees(t, fmt.Sprintf(`{%q:%s}`, name, value)) {
				alone[name] = true
			}
		}
		if !alone[name] {
			t.Errorf("nothing fits the field %q", name)
		}
	}
}

// What encoding/json takes and Body takes less of, each with its reason.
func TestBodyIsStricterThanEncodingJSON(t *testing.T) {
	for name, body := range map[string]string{
		"letter-case": `{"STRING":"a"}`, "null-for-a-string": `{"string":null}`, "null-for-a-list": `{"slice":null}`, "duplicate": `{"int":1,"int":2}`,
		"text-for-a-number": `{"number":"1"}`, "line-end-in-base64": `{"bytes":"aG\nk="}`, "rest-of-base64": `{"bytes":"aGl="}`,
		"two-spellings-of-a-name": `{"keys":{"::1":"a","0:0::1":"b"}}`, "no-utf-8": "{\"string\":\"\xff\"}", "array-too-short": `{"array":[1]}`,
		"array-too-long": `{"array":[1,2,3]}`, "null-in-an-array": `{"array":[1,null]}`, "missing": `{"struct":{}}`,
	} {
		t.Run(name, func(t *testing.T) {
			var v kinds
			if err := json.Unmarshal([]byte(body), &v); err != nil {
				t.Errorf("encoding/json refuses %s too: %v", body, err)
			}
			if got := into[kinds](body); got == "" {
				t.Errorf("%s is taken", body)
			}
		})
	}
}

func FuzzBodyAgreesWithEncodingJSON(f *testing.F) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 100 {
		f.Add(kindsBody(r))
	}
	f.Fuzz(func(t *testing.T, body string) { agrees(t, body) })
}

// What a handler got is its own: it stays when the bytes of the body, or the tree of
// the reading, are used for something else.
func TestValuesAreCopies(t *testing.T) {
	const body = `{"string":"abcdef","number":1234567,"slice":["abcdef"],"map":{"abcdef":1},"any":{"abcdef":["abcdef"]},"bytes":"aGk=","raw":["abcdef"]}`
	respond, err := problem.New(problem.Config{})
	if err != nil {
		t.Fatal(err)
	}
	r, x := respond.Begin(request(body))
	rd, err := inspect.ReadBody(r, inspect.Options{MaxBytes: 1 << 20, Tree: true})
	if err != nil {
		t.Fatal(err)
	}
	x.Reading = rd
	got, err := validate.Body[kinds](r)
	if err != nil {
		t.Fatal(err)
	}
	for i := range rd.Data {
		rd.Data[i] = 'X'
	}
	var want kinds
	if err := json.Unmarshal([]byte(body), &want); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v, %v", got, want, err)
	}
}

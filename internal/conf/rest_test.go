// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package conf

import (
	"reflect"
	"strconv"
	"strings"
	"testing"
)

// open takes keys that it does not know, in one of its two structs.
type open struct {
	Known struct {
		Value string         `yaml:"value,filled"`
		Rest  map[string]any `yaml:",rest"`
	} `yaml:"known"`
	Closed struct {
		Value string `yaml:"value"`
	} `yaml:"closed"`
	Age seconds `yaml:"age"`
}

type seconds int64

func (s *seconds) UnmarshalText(b []byte) error {
	n, err := strconv.ParseInt(string(b), 10, 64)
	*s = seconds(n)
	return err
}

func TestRestTakesTheOtherKeys(t *testing.T) {
	const src = "known:\n  value: x\n  more:\n    deep: [1, a]\n  other: true\n"
	var v open
	if _, err := Decode("f", []byte(src), &v); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"more": map[string]any{"deep": []any{int64(1), "a"}}, "other": true}
	if v.Known.Value != "x" || !reflect.DeepEqual(v.Known.Rest, want) {
		t.Errorf("got %+v", v.Known)
	}
	out, err := Encode(v)
	if err != nil {
		t.Fatal(err)
	}
	var back open
	if _, err := Decode("f", out, &back); err != nil || !reflect.DeepEqual(v, back) {
		t.Errorf("got %+v, %v from\n%s", back, err, out)
	}
	schema, err := Schema(v)
	if err != nil {
		t.Fatal(err)
	}
	properties := schema["properties"].(object)
	for name, want := range map[string]bool{"known": true, "closed": false} {
		if got := properties[name].(object)["additionalProperties"]; got != want {
			t.Errorf("%s: additionalProperties is %v", name, got)
		}
	}
}

func TestWhatStaysAMistake(t *testing.T) {
	for name, test := range map[string]struct{ src, want string }{
		"unknown-elsewhere": {"closed: {more: 1}", "closed.more: unknown key"},
		"given-and-empty":   {`known: {value: ""}`, "known.value: is empty"},
		"number-in-quotes":  {`age: "5"`, "age: expected a number, found text"},
		"twice-in-the-rest": {"known: {a: 1, a: 2}", "given twice"},
	} {
		t.Run(name, func(t *testing.T) {
			var v open
			if _, err := Decode("f", []byte(test.src+"\n"), &v); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v; want %s", err, test.want)
			}
		})
	}
	var v open
	if _, err := Decode("f", []byte("age: 5\n"), &v); err != nil || v.Age != 5 {
		t.Errorf("got %d, %v", v.Age, err)
	}
}

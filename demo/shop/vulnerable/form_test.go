// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package vulnerable

import (
	"encoding/json"
	"testing"
)

func TestParseForm(t *testing.T) {
	tests := []struct {
		name string
		form string
		want string // as JSON
	}{
		{"empty", "", `{}`},
		{"flat", "a=1&b=x+y%21", `{"a":"1","b":"x y!"}`},
		{"no-value", "a", `{"a":""}`},
		{"operator", "password[$ne]=", `{"password":{"$ne":""}}`},
		{"escaped-operator", "password%5B%24ne%5D=1", `{"password":{"$ne":"1"}}`},
		{"two-operators", "a[$gt]=1&a[$lt]=5", `{"a":{"$gt":"1","$lt":"5"}}`},
		{"deep", "a[b][c]=1", `{"a":{"b":{"c":"1"}}}`},
		{"array", "a[]=1&a[]=2", `{"a":["1","2"]}`},
		{"repeated", "a=1&a=2&a=3", `{"a":["1","2","3"]}`},
		{"indexed", "a[0][x]=1&a[0][y]=2&a[1]=3", `{"a":[{"x":"1","y":"2"},"3"]}`},
		{"index-above-the-limit", "a[150]=1", `{"a":{"150":"1"}}`},
		{"plain-and-operator", "a=1&a[$ne]=2", `{"a":["1",{"$ne":"2"}]}`},
		{"root-operator", "[$ne]=1", `{"$ne":"1"}`},
		{"semicolon-is-ordinary", "a=1;b[$ne]=2", `{"a=1;b":{"$ne":"2"}}`},
		{"proto-is-dropped", "__proto__[x]=1&a[__proto__][x]=1", `{}`},
		{"constructor-is-kept", "constructor[prototype][x]=1", `{"constructor":{"prototype":{"x":"1"}}}`},
		{"unbalanced", "a[$ne=1", `{"a":{"[$ne":"1"}}`},
		{"wrong-escape", "a=%zz", `{"a":"%zz"}`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			form, err := parseForm(test.form)
			if err != nil {
				t.Fatal(err)
			}
			got, err := json.Marshal(form)
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != test.want {
				t.Errorf("got %s; want %s", got, test.want)
			}
		})
	}
}

func FuzzParseForm(f *testing.F) {
	f.Add("a[b][]=1&a[0]=2&a=3&%zz[=]")
	f.Fuzz(func(t *testing.T, text string) {
		form, err := parseForm(text)
		if err != nil {
			return
		}
		if _, err := json.Marshal(form); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	})
}

func TestDecodeUTF7(t *testing.T) {
	tests := []struct{ name, in, want string }{
		{"direct", `{"a":1}`, `{"a":1}`},
		{"dollar", `{"+ACQ-ne":1}`, `{"$ne":1}`},
		{"plus", `1+-1`, `1+1`},
		{"no-closing-hyphen", `+ACQ{`, `${`},
		{"surrogates", `+2D3eAA-`, "\U0001F600"},
		{"cut-off", `a+A`, `a`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := string(decodeUTF7([]byte(test.in))); got != test.want {
				t.Errorf("got %q; want %q", got, test.want)
			}
		})
	}
}

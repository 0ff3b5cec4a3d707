// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package route

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
)

func TestParamsAreWhatAnAppSees(t *testing.T) {
	tests := []struct{ name, pattern, target, want string }{
		{"one", "/users/{id}", "/users/17", "id=17"},
		{"case-stays", "/Users/{id}", "/USERS/AbC", "id=AbC"},
		{"slashes-do-not-count", "/users/{id}", "//users//17//", "id=17"},
		{"decoded-once", "/users/{id}", "/users/%2541%20b", "id=%41 b"},
		{"two", "/a/{x}/b/{y}", "/a/1/b/2", "x=1 y=2"},
		{"rest", "/files/{path...}", "/files/a/B", "path=a/B"},
		{"rest-may-be-empty", "/files/{path...}", "/files", "path="},
		{"no-names", "/users/", "/users/1", ""},
		{"encoded-slash-in-one-segment", "/files/{name}", "/files/a%2fb", "name=a/b"},
		{"encoded-slash-both-ways", "/files/{path...}", "/files/a%2Fb", "path=a/b | path=a/b"},
		{"encoded-slash-as-two-segments", "/files/{a}/{b}", "/files/x%2Fy", "a=x b=y"},
		{"not-met", "/users/{id}", "/users", "none"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			u, err := url.ParseRequestURI(tt.target)
			if err != nil {
				t.Fatal(err)
			}
			var readings []string
			err = MustCompile(tt.pattern).Params(u, func(params []Param) error {
				var all []string
				for _, p := range params {
					all = append(all, p.Name+"="+p.Value)
				}
				readings = append(readings, strings.Join(all, " "))
				return nil
			})
			got := strings.Join(readings, " | ")
			if len(readings) == 0 {
				got = "none"
			}
			if err != nil || got != tt.want {
				t.Errorf("got %q, %v; want %q", got, err, tt.want)
			}
		})
	}
}

func TestTheMoreSpecificPatternShadows(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want bool
	}{
		{"/users/me", "/users/{id}", true},
		{"/users/{id}", "/users/me", false},
		{"/users/{id}", "/users/{name}", false},
		{"/a/{x}/c", "/a/{x}/{y}", true},
		{"/a/{x}/c", "/a/b/{y}", false},
		{"/a/b/{y}", "/a/{x}/c", true},
		{"/users/me", "/users/{id}/posts", false},
		{"/users/me", "/users/", false},
	} {
		if got := MustCompile(tt.a).Shadows(MustCompile(tt.b)); got != tt.want {
			t.Errorf("%s shadows %s: got %v; want %v", tt.a, tt.b, got, tt.want)
		}
	}
	if got := fmt.Sprint(MustCompile("/a/{x}/b/{y}/{rest...}").Names()); got != "[x y rest]" {
		t.Errorf("names: got %s", got)
	}
}

// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package journey

import (
	"regexp"
	"testing"
)

func TestCompare(t *testing.T) {
	masks := []*regexp.Regexp{regexp.MustCompile(`id-\d+`)}
	tests := []struct {
		name            string
		direct, guarded Exchange
		want            string // of the only difference; empty is none
	}{
		{"equal", Exchange{Body: []byte("a")}, Exchange{Body: []byte("a")}, ""},
		{"masked", Exchange{Body: []byte("id-1 b")}, Exchange{Body: []byte("id-22 b")}, ""},
		{"mask-must-match-both", Exchange{Body: []byte("id-1 b")}, Exchange{Body: []byte("id-x b")}, "body"},
		{"beside-the-mask", Exchange{Body: []byte("id-1 b")}, Exchange{Body: []byte("id-1 c")}, "body"},
		{"invalid-utf-8", Exchange{Body: []byte("\xff")}, Exchange{Body: []byte("\xfe")}, "body"},
		{"no-body", Exchange{Body: []byte("a")}, Exchange{}, "body"},
		{"status", Exchange{Status: 200}, Exchange{Status: 403}, "status"},
		{"type", Exchange{ContentType: "text/html"}, Exchange{ContentType: "text/plain"}, "content type"},
		{"header-lost", Exchange{Header: map[string]string{"ETag": "x"}}, Exchange{}, "header ETag"},
		{"header-added", Exchange{}, Exchange{Header: map[string]string{"Location": "/"}}, "header Location"},
		{"header-masked", Exchange{Header: map[string]string{"Set-Cookie": "id-1"}}, Exchange{Header: map[string]string{"Set-Cookie": "id-2"}}, ""},
		{"tag-of-equal-bodies",
			Exchange{Body: []byte("a"), Header: map[string]string{"ETag": "x"}},
			Exchange{Body: []byte("a"), Header: map[string]string{"ETag": "y"}}, "header ETag"},
		{"tag-of-masked-bodies",
			Exchange{Body: []byte("id-1"), Header: map[string]string{"ETag": "x"}},
			Exchange{Body: []byte("id-2"), Header: map[string]string{"ETag": "y"}}, ""},
		{"tag-of-masked-bodies-lost",
			Exchange{Body: []byte("id-1"), Header: map[string]string{"ETag": "x"}},
			Exchange{Body: []byte("id-2")}, "header ETag"},
		{"other-step", Exchange{Name: "a"}, Exchange{Name: "b"}, "step"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := Compare([]Exchange{test.direct}, []Exchange{test.guarded}, masks)
			switch {
			case test.want == "" && len(got) != 0:
				t.Errorf("got %v; want no difference", got)
			case test.want != "" && (len(got) != 1 || got[0].What != test.want):
				t.Errorf("got %v; want one difference, %s", got, test.want)
			}
		})
	}
}

func TestCompareCountsSteps(t *testing.T) {
	two := []Exchange{{Name: "a"}, {Name: "b"}}
	for _, got := range [][]Difference{Compare(two, two[:1], nil), Compare(two[:1], two, nil)} {
		if len(got) != 1 || got[0].Step != "b" || got[0].What != "step" {
			t.Errorf("got %v; want the step b", got)
		}
	}
}

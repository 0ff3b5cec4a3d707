// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package scan_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/panoply-security/panoply/scan"
)

func TestReadRoutes(t *testing.T) {
	for _, tt := range []struct {
		name, src string
		want      []string
		err       string
	}{
		{"lines", "# the shop\nPOST /api/login\n\nget /api/me\nGET /api/me\n", []string{"POST /api/login", "GET /api/me"}, ""},
		{"openapi", "openapi: 3.1.0\nservers: [{url: https://shop.example/v1/}]\npaths:\n  /login:\n    post: {summary: x}\n    parameters: []\n  /users/{id}:\n    get: {}\n    delete: {}\n",
			[]string{"POST /v1/login"}, ""},
		{"swagger-in-json", `{"swagger":"2.0","basePath":"/api","paths":{"/login":{"post":{}},"/me":{"get":{}}}}`, []string{"POST /api/login", "GET /api/me"}, ""},
		{"har", `{"log":{"entries":[{"request":{"method":"POST","url":"https://shop.example/api/login?x=1"}},{"request":{"method":"DELETE","url":"https://shop.example/api/me"}}]}}`,
			[]string{"POST /api/login"}, ""},
		{"curl", "curl -sS http://localhost:3000\ncurl 'http://localhost:3000/api/login?x=1' \\\n  -H 'content-type: application/json' \\\n  --data-raw '{}'\ncurl -XPUT http://h/a\ncurl -X POST \"http://h/api/users\"\n",
			[]string{"GET /", "POST /api/login", "POST /api/users"}, ""},
		{"audit", "POST    /api/login      app.js:49  3 handlers\nGET     /users/:id      users.js:4  2 handlers  if production\nALL     /x              app.js:5  1 handlers\nGET     /api/me         app.js:60  1 handlers\n",
			[]string{"POST /api/login", "GET /api/me"}, ""},
		{"nothing", "", nil, "no route"},
		{"a-page", "<html>", nil, "nothing that has routes"},
		{"large", strings.Repeat("#\n", 5<<20), nil, "larger"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := scan.ReadRoutes([]byte(tt.src))
			if !slices.Equal(got, tt.want) || (err != nil) != (tt.err != "") || err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Errorf("got %q, %v; want %q, %q", got, err, tt.want, tt.err)
			}
		})
	}
}

func FuzzReadRoutes(f *testing.F) {
	f.Add([]byte("paths: {/a: {get: {}}}"))
	f.Add([]byte(`{"log":{"entries":[{"request":{"method":"GET","url":"http://h/a"}}]}}`))
	f.Fuzz(func(t *testing.T, src []byte) {
		routes, err := scan.ReadRoutes(src)
		if err != nil {
			return
		}
		if len(routes) == 0 || len(routes) > 100 {
			t.Errorf("%d routes", len(routes))
		}
		if again, err := scan.ReadRoutes([]byte(strings.Join(routes, "\n"))); err != nil || !slices.Equal(again, routes) {
			t.Errorf("%q is read again as %q, %v", routes, again, err)
		}
	})
}

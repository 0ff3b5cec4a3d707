// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package problem_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/panoply-security/panoply/problem"
)

func TestGraphQLErrorsOfSuccess(t *testing.T) {
	const leaky = `{"message":"connect ECONNREFUSED 10.0.1.42:5432","locations":[{"line":1,"column":3}],"path":["me",0],"extensions":{"stacktrace":["Error: x","    at f (/srv/a.js:1:2)"]}}`
	const public = `{"message":"Not signed in","path":["b"],"extensions":{"code":"UNAUTHENTICATED"}}`
	const data = `{"n":1.50,"log":"Error: x\n    at f (/srv/a.js:1:2)"}`
	hidden := `{"message":"Internal server error","locations":[{"line":1,"column":3}],"path":["me",0],"extensions":{"code":"INTERNAL_SERVER_ERROR","instance":"urn:uuid:ID"}}`
	tests := []struct {
		name, path, contentType, body, want string // want "" is the body itself
	}{
		{"leak", "/graphql", "application/json; charset=utf-8", `{"errors":[` + leaky + `],"data":null}`, `{"data":null,"errors":[` + hidden + `]}`},
		{"by-its-type", "/api", "application/graphql-response+json", `{"data":{"a":1},"errors":[` + leaky + `]}`, `{"data":{"a":1},"errors":[` + hidden + `]}`},
		{"one-of-two", "/v1/GraphQL/", "application/json", `{"errors":[` + public + `,` + leaky + `],"data":` + data + `}`, `{"data":` + data + `,"errors":[` + public + `,` + hidden + `]}`},
		{"error-that-is-text", "/graphql", "application/json", `{"errors":["at f (/srv/a.js:1:2)"]}`, `{"errors":[{"message":"Internal server error","extensions":{"code":"INTERNAL_SERVER_ERROR","instance":"urn:uuid:ID"}}]}`},
		{"public-errors-stay", "/graphql", "application/json", `{ "errors": [` + public + `], "data": ` + data + `}`, ""},
		{"data-is-not-looked-at", "/graphql", "application/json", `{"data":` + data + `}`, ""},
		{"a-batch-stays", "/graphql", "application/json", `[{"data":` + data + `}]`, ""},
		{"elsewhere", "/api/errors", "application/json", `{"errors":[` + leaky + `]}`, ""},
		{"no-json", "/graphql", "text/html", leaky, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			resp, body, log := answer(t, problem.Config{}, httptest.NewRequest("POST", tt.path, nil), http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", tt.contentType)
				w.Header().Set("Etag", `"1"`)
				io.WriteString(w, tt.body)
			}))
			id := resp.Header.Get("X-Request-Id")
			want := strings.ReplaceAll(tt.want, "ID", id)
			changed := want != ""
			if !changed {
				want = tt.body
			}
			if resp.StatusCode != 200 || body != want || resp.Header.Get("Content-Type") != tt.contentType {
				t.Errorf("%d, %s\n%s\nwant\n%s", resp.StatusCode, resp.Header.Get("Content-Type"), body, want)
			}
			if got := resp.Header.Get("Etag") == ""; got != changed {
				t.Errorf("entity tag %q", resp.Header.Get("Etag"))
			}
			if got := strings.Contains(log, id) && strings.Contains(log, "errors/leak"); got != changed {
				t.Errorf("the log says %s", log)
			}
		})
	}
}

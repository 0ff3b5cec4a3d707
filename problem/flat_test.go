// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package problem_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/panoply-security/panoply/problem"
	"github.com/panoply-security/panoply/rule"
)

// What a front end finds that was written for
// res.status(400).json({ errors: result.error.flatten() }).
func TestFlat(t *testing.T) {
	fields := func(pairs ...string) *problem.Error {
		e := &problem.Error{Rule: rule.ValidateSchema}
		for i := 0; i < len(pairs); i += 2 {
			e.Fields = append(e.Fields, problem.Field{Pointer: pairs[i], Detail: pairs[i+1]})
		}
		return e
	}
	for _, tt := range []struct {
		name string
		err  *problem.Error
		want string // "" for no member errors
	}{
		{"fields", fields("/name", "It is required.", "/email", "It is not a valid email."),
			`{"formErrors":[],"fieldErrors":{"email":["It is not a valid email."],"name":["It is required."]}}`},
		{"two-of-one-field", fields("/password", "a", "/password", "b"), `{"formErrors":[],"fieldErrors":{"password":["a","b"]}}`},
		{"nested", fields("/home/zip", "a", "/lines/0/sku", "b"), `{"formErrors":[],"fieldErrors":{"home":["a"],"lines":["b"]}}`},
		{"whole-body", fields("", "It must be an object."), `{"formErrors":["It must be an object."],"fieldErrors":{}}`},
		{"query", fields("#query/page", "a", "#header/X-Key", "b", "#query", "c"), `{"formErrors":["c"],"fieldErrors":{"X-Key":["b"],"page":["a"]}}`},
		{"escaped-name", fields("/a~1b~0", "a", "/", "b"), `{"formErrors":[],"fieldErrors":{"":["b"],"a/b~":["a"]}}`},
		{"html", fields("/<b>", "a"), `{"formErrors":[],"fieldErrors":{"\u003cb\u003e":["a"]}}`},
		{"malformed", problem.Refuse(rule.RequestJSON, "The JSON is malformed."), `{"formErrors":["The JSON is malformed."],"fieldErrors":{}}`},
		{"without-a-detail", problem.Refuse(rule.RequestPath, ""), `{"formErrors":["` + rule.Lookup(rule.RequestPath).Title + `"],"fieldErrors":{}}`},
		{"unprocessable", &problem.Error{Status: 422, Detail: "No."}, `{"formErrors":["No."],"fieldErrors":{}}`},
		{"not-found", problem.Public(404, "No such user.", nil), ""},
		{"broken", problem.Public(500, "", nil), ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for accept, flat := range map[string]bool{"application/json": true, "text/html": false} {
				r := httptest.NewRequest("POST", "/", nil)
				r.Header.Set("Accept", accept)
				_, body, _ := answer(t, problem.Config{Flat: true}, r, problem.Handler(func(http.ResponseWriter, *http.Request) error { return tt.err }))
				if !flat {
					if strings.Contains(body, "formErrors") || len(tt.err.Fields) > 0 && !strings.Contains(body, "<li>") {
						t.Errorf("a page is %s", body)
					}
					continue
				}
				var got struct{ Errors json.RawMessage }
				if err := json.Unmarshal([]byte(body), &got); err != nil {
					t.Fatal(err)
				}
				if string(got.Errors) != tt.want {
					t.Errorf("got  %s\nwant %s", got.Errors, tt.want)
				}
			}
		})
	}
}

// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package validate_test

import (
	"fmt"
	"net/http/httptest"
	"strings"

	"github.com/panoply-security/panoply/problem"
	"github.com/panoply-security/panoply/validate"
)

type signUp struct {
	Name  string   `json:"name" validate:"min=1,max=100"`
	Email string   `json:"email" validate:"email"`
	Plan  string   `json:"plan" validate:"optional,oneof=free|paid"`
	Tags  []string `json:"tags" validate:"optional,max=10,dive,max=30"`
}

// A fault in the tags ends the program at its start.
var _ = validate.Must[signUp]()

func ExampleBody() {
	r := httptest.NewRequest("POST", "/users", strings.NewReader(`{"name":"","email":"ann@shop.example","plan":"admin","role":"admin"}`))
	r.Header.Set("Content-Type", "application/json")
	_, err := validate.Body[signUp](r)
	for _, f := range problem.As(err).Fields {
		fmt.Println(f.Pointer, f.Detail)
	}
	// Output:
	// /name It must have at least 1 characters.
	// /plan It is not one of the allowed values.
	// /role It is not a known field.
}

func ExampleQuery() {
	type search struct {
		Text  string `json:"q" validate:"min=1,max=50"`
		Page  int    `json:"page" validate:"optional,min=1,max=1000"`
		Sizes []int  `json:"size" validate:"optional,max=5"`
	}
	r := httptest.NewRequest("GET", "/search?q=red+chair&page=2&size=38&size=40", nil)
	s, err := validate.Query[search](r)
	fmt.Printf("%+v %v\n", s, err)

	r = httptest.NewRequest("GET", "/search?q[$ne]=&page=-1", nil)
	_, err = validate.Query[search](r)
	fmt.Println(problem.As(err).Flat())
	// Output:
	// {Text:red chair Page:2 Sizes:[38 40]} <nil>
	// {[] map[page:[It must be at least 1.] q:[It must be a string.]]}
}

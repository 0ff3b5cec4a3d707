// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package panoply_test

import (
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/panoply-security/panoply"
	"github.com/panoply-security/panoply/problem"
	"github.com/panoply-security/panoply/validate"
)

type createUser struct {
	Name     string `json:"name" validate:"min=1,max=100"`
	Email    string `json:"email" validate:"email"`
	Password string `json:"password" validate:"min=8,max=128"`
}

// A Go app wears the suit as middleware. Its handlers return errors, and read
// bodies into structs that say what may be in them.
func Example() {
	suit, err := panoply.New(panoply.Policy{})
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("POST /api/users", problem.Handler(func(w http.ResponseWriter, r *http.Request) error {
		user, err := validate.Body[createUser](r)
		if err != nil {
			return err // a 400 problem with every fault
		}
		w.WriteHeader(http.StatusCreated)
		return json.NewEncoder(w).Encode(map[string]string{"name": user.Name})
	}))
	app := suit.Handler(mux)

	r := httptest.NewRequest("POST", "/api/users", strings.NewReader(
		`{"name":"Mallory","email":"m@shop.example","password":"pa$$w0rd&1","role":"admin"}`))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	app.ServeHTTP(w, r)

	var answer struct {
		Title  string
		Errors []problem.Field
	}
	json.Unmarshal(w.Body.Bytes(), &answer)
	fmt.Println(w.Code, answer.Title, answer.Errors)
	fmt.Println(w.Header().Get("X-Frame-Options"))
	// Output:
	// 400 Request does not fit its schema [{/role It is not a known field.}]
	// SAMEORIGIN
}

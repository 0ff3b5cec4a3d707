// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers/gorillamux"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/go-playground/validator/v10"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/panoply-security/panoply/inspect"
	"github.com/panoply-security/panoply/nosql"
	"github.com/panoply-security/panoply/route"
	"github.com/panoply-security/panoply/validate"
)

const (
	signUp     = `{"name":"O'Brien-Müller","email":"someone@shop.example","password":"pa$$w0rd&1"}`
	signUpBad  = `{"name":"O'Brien-Müller","email":"someone","password":"pa$$w0rd&1"}`
	signUpJSON = `{"type":"object","additionalProperties":false,"required":["name","email","password"],"properties":{
		"name":{"type":"string","minLength":1,"maxLength":100},"email":{"type":"string","format":"email"},
		"password":{"type":"string","minLength":8,"maxLength":128}}}`
	searchQuery = "q=red+chair&page=2&sort=price&tag=wood&in_stock=true"
)

// newUser is the article's body, with the tags of Panoply and of validator v10.
type newUser struct {
	Name     string `json:"name" validate:"min=1,max=100" playground:"required,min=1,max=100"`
	Email    string `json:"email" validate:"email" playground:"required,email"`
	Password string `json:"password" validate:"min=8,max=128" playground:"required,min=8,max=128"`
}

// poster sends one body again and again, in one request.
type poster struct {
	r    *http.Request
	from *strings.Reader
}

func newPoster() (*poster, error) {
	r, err := http.NewRequest("POST", "http://shop.example/users", nil)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	return &poster{r, strings.NewReader("")}, nil
}

func (p *poster) post(body string) *http.Request {
	p.from.Reset(body)
	p.r.Body, p.r.ContentLength = io.NopCloser(p.from), int64(len(body))
	return p.r
}

// bodyReaders decode and validate a body of three fields, each as its users do. The
// first is the floor: it validates nothing.
func bodyReaders() ([]reader, error) {
	p, err := newPoster()
	if err != nil {
		return nil, err
	}
	playground := validator.New(validator.WithRequiredStructEnabled())
	playground.SetTagName("playground")
	schema, err := compile(signUpJSON)
	if err != nil {
		return nil, err
	}
	openapi, err := openAPI()
	if err != nil {
		return nil, err
	}
	panoply, err := validate.New(validate.Config{Routes: []validate.Route{{Match: "POST /users", Schema: json.RawMessage(signUpJSON)}}})
	if err != nil {
		return nil, err
	}
	operators, err := nosql.New(nosql.Config{})
	if err != nil {
		return nil, err
	}
	plain := func(body string) (u newUser, err error) {
		err = json.NewDecoder(p.post(body).Body).Decode(&u)
		return u, err
	}
	return []reader{
		{"encoding/json decode", func(body string) error { _, err := plain(body); return err }},
		{"  + validator v10", func(body string) error {
			u, err := plain(body)
			if err != nil {
				return err
			}
			return playground.Struct(&u)
		}},
		{"santhosh-tekuri on an any", func(body string) error {
			v, err := jsonschema.UnmarshalJSON(p.post(body).Body)
			if err != nil {
				return err
			}
			return schema.Validate(v)
		}},
		{"kin-openapi on a request", func(body string) error { return openapi(p.post(body)) }},
		{"panoply schema", func(body string) error {
			r := p.post(body)
			check := operators.For(nil)
			rd, err := inspect.ReadBody(r, inspect.Options{MaxBytes: 100 << 10, Visitor: &check, Tree: true})
			if err != nil {
				return err
			}
			defer rd.Close()
			return panoply.For([]int{0}, route.Key{}).Check(r, rd)
		}},
		{"panoply validate.Body[T]", func(body string) error { _, err := validate.Body[newUser](p.post(body)); return err }},
	}, nil
}

func compile(schema string) (*jsonschema.Schema, error) {
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(schema))
	if err != nil {
		return nil, err
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("schema.json", doc); err != nil {
		return nil, err
	}
	return c.Compile("schema.json")
}

// openAPI is kin-openapi's filter for a request whose route is known, with the
// format of emails that it does not have by itself.
func openAPI() (func(*http.Request) error, error) {
	openapi3.DefineStringFormatValidator("email", openapi3.NewRegexpFormatValidator(openapi3.FormatOfStringForEmail))
	doc, err := openapi3.NewLoader().LoadFromData([]byte(`{"openapi":"3.0.3","info":{"title":"shop","version":"1"},"paths":{"/users":{"post":{
		"requestBody":{"required":true,"content":{"application/json":{"schema":` + signUpJSON + `}}},
		"responses":{"200":{"description":"made"}}}}}}`))
	if err != nil {
		return nil, err
	}
	router, err := gorillamux.NewRouter(doc)
	if err != nil {
		return nil, err
	}
	ctx := context.Background()
	return func(r *http.Request) error {
		route, params, err := router.FindRoute(r)
		if err != nil {
			return err
		}
		return openapi3filter.ValidateRequest(ctx, &openapi3filter.RequestValidationInput{Request: r, Route: route, PathParams: params,
			Options: &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, SkipSettingDefaults: true}})
	}, nil
}

// jsonReaders look through a body of about 1 KB without keeping it. The first is
// the floor: it reads the tokens and looks at none.
func jsonReaders() ([]reader, error) {
	p, err := newPoster()
	if err != nil {
		return nil, err
	}
	operators, err := nosql.New(nosql.Config{})
	if err != nil {
		return nil, err
	}
	from := strings.NewReader("")
	tokens := jsontext.NewDecoder(from)
	return []reader{
		{"jsontext, tokens alone", func(body string) error {
			from.Reset(body)
			tokens.Reset(from)
			for {
				if _, err := tokens.ReadToken(); err == io.EOF {
					return nil
				} else if err != nil {
					return err
				}
			}
		}},
		{"encoding/json Valid", func(body string) error {
			data, err := io.ReadAll(p.post(body).Body)
			if err == nil && !json.Valid(data) {
				err = errors.New("not valid")
			}
			return err
		}},
		{"encoding/json into an any", func(body string) error {
			var v any
			return json.NewDecoder(p.post(body).Body).Decode(&v)
		}},
		{"panoply with the NoSQL guard", func(body string) error {
			check := operators.For(nil)
			rd, err := inspect.ReadBody(p.post(body), inspect.Options{MaxBytes: 100 << 10, Visitor: &check})
			rd.Close()
			return err
		}},
	}, nil
}

// queryReaders read five parameters. The first is the floor.
func queryReaders() ([]reader, error) {
	operators, err := nosql.New(nosql.Config{})
	if err != nil {
		return nil, err
	}
	return []reader{
		{"net/url ParseQuery", func(query string) error { _, err := url.ParseQuery(query); return err }},
		{"panoply with the NoSQL guard", func(query string) error {
			check := operators.For(nil)
			return inspect.ReadQuery(query, &check, nil)
		}},
	}, nil
}

// readings are ways to read the same text.
type readings struct {
	title   string
	readers func() ([]reader, error)
	fit     string
	misfit  string // which every reader but the first so many must refuse
	blind   int
}

var ofRequests = []readings{
	{"validate a body of 3 fields", bodyReaders, signUp, signUpBad, 1},
	{"inspect 1 KB of JSON", jsonReaders, order, order[:len(order)-1], 0},
	{"inspect a query of 5 parameters", queryReaders, searchQuery, "%zz", 0},
}

// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package openapi_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/panoply-security/panoply/guard/openapi"
	"github.com/panoply-security/panoply/problem"
	"github.com/panoply-security/panoply/validate"
)

func source(t testing.TB, file string) []byte {
	t.Helper()
	src, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return src
}

func convert(t testing.TB, file string, unknown validate.Unknown) *validate.Operations {
	t.Helper()
	ops, err := openapi.Convert(file, source(t, file), unknown)
	if err != nil {
		t.Fatal(err)
	}
	return ops
}

// holder holds requests to operations. It tells what the app sees of query and
// body, or the status and the faults.
func holder(t testing.TB, ops *validate.Operations) func(*http.Request) string {
	t.Helper()
	v, err := validate.New(validate.Config{Operations: ops})
	if err != nil {
		t.Fatal(err)
	}
	respond, err := problem.New(problem.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	passed := ""
	h := respond.Handler(v.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		passed = "passes"
		if r.URL.RawQuery != "" {
			passed += " ?" + r.URL.RawQuery
		}
	})))
	return func(r *http.Request) string {
		passed = ""
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, r)
		if passed != "" {
			return passed
		}
		var p struct {
			Type   string
			Errors []problem.Field
		}
		if err := json.Unmarshal(rec.Body.Bytes(), &p); err != nil {
			t.Fatal(err)
		}
		all := []string{fmt.Sprint(rec.Code)}
		for _, f := range p.Errors {
			all = append(all, f.Pointer+" "+f.Detail)
		}
		if len(p.Errors) == 0 {
			all = append(all, strings.TrimPrefix(p.Type, "urn:panoply:"))
		}
		return strings.Join(all, "; ")
	}
}

// request makes a request of a line such as `POST /v1/items X-A: b` and a body,
// which is JSON unless a Content-Type is among the headers.
func request(line, body string) *http.Request {
	parts := strings.Split(line, " | ")
	method, target, _ := strings.Cut(parts[0], " ")
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	if body == "" {
		r = httptest.NewRequest(method, target, nil)
	} else {
		r.Header.Set("Content-Type", "application/json")
	}
	for _, h := range parts[1:] {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
	}
	return r
}

const (
	form  = " | Content-Type: application/x-www-form-urlencoded"
	multi = " | Content-Type: multipart/form-data; boundary=b"
	order = `{"lines":[{"item":1,"quantity":2,"size":"M"}],"ship_to":{"street":"a","city":"b","country":"NL"}`
	item  = `{"name":"Shirt","price":{"amount":100,"currency":"EUR"}`
)

func part(name, filename, value string) string {
	if filename != "" {
		filename = `; filename="` + filename + `"`
	}
	return "--b\r\nContent-Disposition: form-data; name=\"" + name + "\"" + filename + "\r\n\r\n" + value + "\r\n"
}

func TestAShopInOpenAPI30(t *testing.T) {
	hold := holder(t, convert(t, "testdata/shop.yaml", ""))
	const undeclared, unknown = "403; validate/operation", " It is not a known field."
	tests := []struct{ name, line, body, want string }{
		{"list", "GET /v1/items?q=a&limit=5&sort=-price&tag=x&tag=y", "", "passes ?q=a&limit=5&sort=-price&tag=x&tag=y"},
		{"list-of-another-version", "GET /v2/items", "", "passes"},
		{"list-of-no-version", "GET /v3/items", "", "passes"}, // which is below no server
		{"another-path", "GET /v1/users", "", undeclared},
		{"another-method", "PATCH /v1/items", "", undeclared},
		{"another-spelling", "GET /V1/ITEMS//?limit=0", "", "400; #query/limit It must be at least 1."},
		{"server-of-an-operation", "GET /internal/status", "", "passes"},
		{"below-that-server", "GET /internal/config", "", undeclared},
		{"operation-not-below-the-others", "GET /v1/status", "", undeclared},

		{"unknown-parameter", "GET /v1/items?role=admin", "", "400; #query/role" + unknown},
		{"operator", "GET /v1/items?q[$ne]=1", "", "400; #query/q It must be a string."},
		{"integer", "GET /v1/items?limit=1e1", "", "400; #query/limit It must be an integer."},
		{"enum", "GET /v1/items?sort=id", "", "400; #query/sort It is not one of the allowed values."},
		{"list-too-long", "GET /v1/items?tag=a&tag=b&tag=c&tag=d", "", "400; #query/tag It must have at most 3 items."},
		{"list-in-one-text", "GET /v1/items?ids=1,2", "", "passes ?ids=1,2"},
		{"list-in-one-text-bad", "GET /v1/items?ids=1,x", "", "400; #query/ids/1 It must be an integer."},
		{"list-with-pipes", "GET /v1/items?sizes=S%7CXL", "", "passes ?sizes=S%7CXL"},
		{"list-with-pipes-bad", "GET /v1/items?sizes=S%7CXS", "", "400; #query/sizes/1 It is not one of the allowed values."},
		{"integer-beyond-64-bits", "GET /v1/items?ids=9223372036854775808", "", "400; #query/ids/0 It must be at most 9223372036854775807."},
		{"brackets-in-the-name", "GET /v1/items?page[size]=50&page[number]=2", "", "passes ?page[size]=50&page[number]=2"},
		{"brackets-in-the-name-bad", "GET /v1/items?page[size]=51", "", "400; #query/page/size It must be at most 50."},
		{"brackets-in-the-name-unknown", "GET /v1/items?page[x]=51", "", "400; #query/page/x" + unknown},
		{"empty-value-allowed", "GET /v1/items?in_stock=", "", "passes ?in_stock="},
		{"empty-value-or-true", "GET /v1/items?in_stock=true", "", "passes ?in_stock=true"},
		{"empty-value-or-neither", "GET /v1/items?in_stock=yes", "", "400; #query/in_stock It fits none of the allowed forms."},
		{"deep-object", "GET /v1/items?price[min]=1&price[max]=2", "", "passes ?price[min]=1&price[max]=2"},
		{"deep-object-exclusive", "GET /v1/items?price[max]=0", "", "400; #query/price/max It must be more than 0."},
		{"deep-object-unknown", "GET /v1/items?price[$gt]=0", "", "400; #query/price/$gt" + unknown},
		{"spread-object", "GET /v1/items?offset=3&order=asc", "", "passes ?offset=3&order=asc"},
		{"spread-object-bad", "GET /v1/items?offset=0&order=up", "", "400; #query/order It is not one of the allowed values."},
		{"spread-object-without-what-it-requires", "GET /v1/items?order=asc", "", "400; #query/offset It is required."},
		{"header-of-the-path", "GET /v1/items | X-Trace: 1", "", "400; #header/X-Trace It is not a valid uuid."},
		{"header-of-the-path-fits", "POST /v1/items | X-Trace: 123e4567-e89b-12d3-a456-426614174000", item + "}", "passes"},

		{"path", "GET /v1/items/7", "", "passes"},
		{"path-bad", "GET /v1/items/seven", "", "400; #path/id It must be an integer."},
		{"path-more-specific", "GET /v1/items/featured", "", "passes"},
		{"cookie", "GET /v1/items/7 | Cookie: sid=x; theme=dark", "", "passes"},
		{"cookie-bad", "GET /v1/items/7 | Cookie: sid=x; theme=blue", "", "400; #cookie/theme It is not one of the allowed values."},
		{"header-declared-elsewhere", "GET /v1/items/7 | Accept: text/html", "", "passes"},
		{"header-missing", "DELETE /v1/items/7", "", "400; #header/X-Reason It is required."},
		{"no-body-declared", "DELETE /v1/items/7 | X-Reason: sold", `{"a":1}`, "400; /a" + unknown},
		{"no-body-declared-form", "DELETE /v1/items/7 | X-Reason: sold" + form, "a=1", "415; validate/content-type"},
		{"no-body-declared-empty-object", "DELETE /v1/session", `{}`, "passes"},

		{"item", "POST /v1/items", item + `,"sizes":["S","M"],"description":null,"discount":0.5,"released":"2026-11-27","attributes":{"colour":"red"}}`, "passes"},
		{"item-read-only", "POST /v1/items", item + `,"id":7}`, "400; /id" + unknown},
		{"item-unknown", "POST /v1/items", item + `,"role":"admin"}`, "400; /role" + unknown},
		{"item-unknown-below", "PUT /v1/items/1", `{"name":"a","price":{"amount":1,"currency":"EUR","$gt":1}}`, "400; /price/$gt" + unknown},
		{"item-null-where-none", "POST /v1/items", `{"name":null,"price":{"amount":1,"currency":"EUR"}}`, "400; /name It must be a string."},
		{"item-exclusive", "POST /v1/items", `{"name":"a","price":{"amount":100000000,"currency":"EUR"}}`, "400; /price/amount It must be less than 100000000."},
		{"item-twice", "POST /v1/items", item + `,"sizes":["S","S"]}`, "400; /sizes Its items must differ."},
		{"item-attributes", "POST /v1/items", item + `,"attributes":{"colour":1}}`, "400; /attributes/colour It must be a string."},
		{"item-as-form", "POST /v1/items" + form, "name=a", "415; validate/content-type"},
		{"item-none", "POST /v1/items", "", "400;  A JSON body is required."},
		{"item-repeated-name", "POST /v1/items", item + `,"name":"b"}`, "400; request/json"},

		{"draft-open", "POST /v1/drafts", item + `,"anything":1}`, "passes"},
		{"draft-read-only", "POST /v1/drafts", item + `,"anything":1,"id":7}`, "400; /id" + unknown},

		{"picture", "POST /v1/items/7/pictures" + multi, part("picture", "a.png", "x") + part("caption", "", "hat") + part("order", "", "1") + "--b--\r\n", "passes"},
		{"picture-without-a-field", "POST /v1/items/7/pictures" + multi, part("picture", "a.png", "x") + "--b--\r\n", "400; /caption It is required."},
		{"picture-with-another-field", "POST /v1/items/7/pictures" + multi, part("caption", "", "hat") + part("role", "", "x") + "--b--\r\n", "400; /role" + unknown},
		{"picture-as-a-field", "POST /v1/items/7/pictures" + multi, part("caption", "", "hat") + part("picture", "", "x") + "--b--\r\n", "400; /picture" + unknown},
		{"picture-bad-field", "POST /v1/items/7/pictures" + multi, part("caption", "", "hat") + part("order", "", "first") + "--b--\r\n", "400; /order It must be an integer."},
		{"csv", "POST /v1/items/import | Content-Type: text/csv", "a,b", "passes"},
		{"csv-that-is-json", "POST /v1/items/import | Content-Type: text/csv", `[{"id":1}]`, "415; validate/content-type"},
		{"json-beside-csv", "POST /v1/items/import", "[" + item + "}]", "passes"},
		{"json-beside-csv-bad", "POST /v1/items/import", "[" + item + `,"id":1}]`, "400; /0/id" + unknown},

		{"all-of", "POST /v1/orders", order + "}", "passes"},
		{"all-of-unknown", "POST /v1/orders", order + `,"paid":true}`, "400; /paid" + unknown},
		{"all-of-unknown-below", "POST /v1/orders", `{"lines":[{"item":1,"quantity":1,"price":0}]}`, "400; /lines/0/price" + unknown},
		{"all-of-bad", "POST /v1/orders", `{"lines":[],"note":null}`, "400; /lines It must have at least 1 items."},
		{"discriminator", "PUT /v1/orders/123e4567-e89b-12d3-a456-426614174000/payment", `{"kind":"sepa","iban":"NL91ABNA0417164300"}`, "passes"},
		{"discriminator-of-the-other", "PUT /v1/orders/123e4567-e89b-12d3-a456-426614174000/payment", `{"kind":"card","iban":"NL91ABNA0417164300"}`, "400;  It fits none of the allowed forms."},
		{"discriminator-unknown", "PUT /v1/orders/123e4567-e89b-12d3-a456-426614174000/payment", `{"kind":"Card","number":"123456789012"}`, "400;  It fits none of the allowed forms."},
		{"discriminator-and-more", "PUT /v1/orders/123e4567-e89b-12d3-a456-426614174000/payment", `{"kind":"card","number":"123456789012","iban":"x"}`, "400; /iban" + unknown},

		{"form", "POST /v1/contact" + form, "email=a%40b.example&message=hi&copy=true&topics=a&topics=b&cc=c@d.example,e@f.example", "passes"},
		{"form-unknown", "POST /v1/contact" + form, "email=a%40b.example&message=hi&admin=1", "400; /admin" + unknown},
		{"form-bad", "POST /v1/contact" + form, "email=a&message=&copy=on&cc=c@d.example,x", "400; /email It is not a valid email.; /message It must have at least 1 characters.; /copy It must be a boolean.; /cc/1 It is not a valid email."},
		{"form-as-json", "POST /v1/contact", `{"email":"a@b.example","message":"hi"}`, "415; validate/content-type"},
		{"form-none", "POST /v1/contact", "", "passes"}, // requestBody is not required
		{"recursive", "PUT /v1/categories", `{"name":"a","children":[{"name":"b","children":[]}]}`, "passes"},
		{"recursive-unknown", "PUT /v1/categories", `{"name":"a","children":[{"name":"b","x":1}]}`, "400; /children/0/x" + unknown},
		{"recursive-bad", "PUT /v1/categories", `{"name":"a","children":[{"name":""}]}`, "400; /children/0/name It must have at least 1 characters."},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := hold(request(tt.line, tt.body)); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestALibraryInOpenAPI31(t *testing.T) {
	hold := holder(t, convert(t, "testdata/library.yaml", ""))
	const isbn, unknown = "9780140268867", " It is not a known field."
	const book = `{"isbn":"9780140268867","title":"Odyssey","authors":["Homer"]`
	const member = "PATCH /api/members/123e4567-e89b-12d3-a456-426614174000 | If-Match: \"0a\""
	tests := []struct{ name, line, body, want string }{
		{"list", "GET /api/books?isbn=" + isbn + "&year=1922&shelf=A1&since=now", "", "passes ?isbn=" + isbn + "&year=1922&shelf=A1&since=now"},
		{"exclusive", "GET /api/books?year=1400", "", "400; #query/year It must be more than 1400."},
		{"null-is-no-text", "GET /api/books?year=null", "", "400; #query/year It must be null or an integer."},
		{"const", "GET /api/books?shelf=A2", "", "400; #query/shelf It is not one of the allowed values."},
		{"either", "GET /api/books?since=2020", "", "passes ?since=2020"},
		{"either-not", "GET /api/books?since=then", "", "400; #query/since It fits none of the allowed forms."},
		{"deep", "GET /api/books?where[town]=Ghent&where[floor]=-1", "", "passes ?where[town]=Ghent&where[floor]=-1"},
		{"deep-bad", "GET /api/books?where[floor]=up", "", "400; #query/where/floor It must be an integer."},
		{"book", "POST /api/books", book + `,"pages":null,"extra":{"any":[1]},"codes":{"nl":"x"}}`, "passes"},
		{"book-as-vendor", "POST /api/books | Content-Type: application/vnd.library+json", book + `}`, "passes"},
		{"book-read-only", "POST /api/books", book + `,"id":"7"}`, "400; /id" + unknown},
		{"book-related", "POST /api/books", book + `,"related":[` + book + `,"id":"7"}]}`, "400; /related/0/id" + unknown},
		{"book-codes", "POST /api/books", book + `,"codes":{"nld":"x"}}`, "400; /codes/nld" + unknown},
		{"beside-a-reference", "POST /api/books/" + isbn + "/loans", `{"member":"123e4567-e89b-12d3-a456-426614174000"}`, "400; /until It is required."},
		{"beside-a-reference-fits", "POST /api/books/" + isbn + "/loans", `{"member":"123e4567-e89b-12d3-a456-426614174000","until":"2026-12-01"}`, "passes"},
		{"beside-a-reference-unknown", "POST /api/books/" + isbn + "/loans", `{"member":"123e4567-e89b-12d3-a456-426614174000","until":"2026-12-01","fee":0}`, "400; /fee" + unknown},
		{"then", member, `{"born":"2019-01-01","guardian":"x"}`, "passes"},
		{"then-not", member, `{"name":"x","guardian":"x"}`, "400; /guardian" + unknown},
		{"dependent", member, `{"address":{"town":"Ghent"}}`, "400; /name It is required."},
		{"tuple", member, `{"tags":["a",1]}`, "passes"},
		{"tuple-long", member, `{"tags":["a",1,2]}`, "400; /tags/2" + unknown},
		{"types", member, `{"mail":null}`, "passes"},
		{"types-format", member, `{"mail":"x"}`, "400; /mail It is not a valid email."},
		{"webhook", "POST /api/returned", `{}`, "403; validate/operation"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := hold(request(tt.line, tt.body)); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestUndeclaredParametersAreStripped(t *testing.T) {
	hold := holder(t, convert(t, "testdata/shop.yaml", validate.Strip))
	for line, want := range map[string]string{
		"GET /v1/items?x=1&q=a&page[x]=2&page[size]=3": "passes ?q=a&page[size]=3",
		"GET /v1/items?utm=1":                          "passes",
		"GET /v1/items?utm=1&limit=x":                  "400; #query/limit It must be an integer.",
	} {
		if got := hold(request(line, "")); got != want {
			t.Errorf("%s: got %s; want %s", line, got, want)
		}
	}
}

// What is readOnly is no field of a request, wherever the schema says so. kin-openapi
// looks at the property alone.
func TestReadOnlyBehindOtherSchemas(t *testing.T) {
	const document = `openapi: 3.0.3
info: {title: t, version: "1"}
paths:
  /a:
    post:
      requestBody:
        content:
          application/json:
            schema:
              properties:
                name: {type: string}
                behind: {allOf: [{$ref: '#/components/schemas/Made'}, {description: when}]}
                beside: {allOf: [{type: string}], readOnly: true}
                deeper: {$ref: '#/components/schemas/Deeper'}
                itself: {$ref: '#/components/schemas/Itself'}
                perhaps: {nullable: true, properties: {a: {type: string}}}
      responses: {"200": {description: ok}}
components:
  schemas:
    Made: {type: string, readOnly: true}
    Deeper: {allOf: [{allOf: [{$ref: '#/components/schemas/Made'}]}]}
    Itself: {allOf: [{type: object}, {properties: {again: {$ref: '#/components/schemas/Itself'}}}]}
`
	ops, err := openapi.Convert("t.yaml", []byte(document), "")
	if err != nil {
		t.Fatal(err)
	}
	hold := holder(t, ops)
	for body, want := range map[string]string{
		`{"name":"x","itself":{"again":{}}}`: "passes",
		`{"behind":"x"}`:                     "400; /behind It is not a known field.",
		`{"beside":"x"}`:                     "400; /beside It is not a known field.",
		`{"deeper":"x"}`:                     "400; /deeper It is not a known field.",
		`[{"name":"x"}]`:                     "400;  It must be an object.",
		`{"perhaps":null}`:                   "passes",
		`{"perhaps":{"a":"x"}}`:              "passes",
		`{"perhaps":[]}`:                     "400; /perhaps It must be",
	} {
		r := httptest.NewRequest("POST", "/a", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		if got := hold(r); !strings.HasPrefix(got, want) {
			t.Errorf("%s: got %s; want %s", body, got, want)
		}
	}
}

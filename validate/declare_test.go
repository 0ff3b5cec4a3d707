// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package validate_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/panoply-security/panoply/validate"
)

// Undeclared pairs are taken out whole; what stays is as it came.
func TestUndeclaredPairsAreStripped(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"nothing-to-do", "q=a&tag=%78", "q=a&tag=%78"},
		{"first", "role=admin&q=a", "q=a"},
		{"last", "q=a&role=admin", "q=a"},
		{"between", "q=%61&role=admin&page=1", "q=%61&page=1"},
		{"twice", "q=a&role=admin&role=user", "q=a"},
		{"as-an-object", "q=a&user[role]=admin&user[x]=1", "q=a"},
		{"below-an-object", "filter[max]=1&q=a&filter[min]=2", "q=a&filter[min]=2"},
		{"below-a-list", "q=a&rows[0][m]=1&rows[0][n]=2", "q=a&rows[0][n]=2"},
		{"all-of-an-object", "q=a&filter[max]=1", "q=a"},
		{"flag", "q=a&debug", "q=a"},
		{"empty-pairs", "&&q=a&&x=1&", "q=a"},
		{"unbalanced", "q=a&filter[min=1", "q=a"},
		// One parser takes a[b for the name, another a[b=c: none of it stays.
		{"ends-two-ways", "q=a&filter[min=1]=2", "q=a"},
		{"ends-two-ways-of-which-one-is-declared", "q=a&map[k=1]=2", "q=a"},
		{"faulty", "q=toolong&role=admin", "400; /q It must have at most 5 characters."},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, place := range []string{"query", "form"} {
				r, cfg, _ := placed(t, place, tt.text, pageSchema, validate.Strip)
				want := tt.want
				switch {
				case strings.HasPrefix(want, "400") && place == "query":
					want = strings.Replace(want, " /", " #query/", 1)
				case strings.HasPrefix(want, "400"):
				case place == "query":
					want = "?" + want + " "
				default:
					want = "? " + want
				}
				if got := play(t, cfg, r); got != want {
					t.Errorf("%s: got %s\nwant %s", place, got, want)
				}
			}
		})
	}
	// A multipart form is not written anew for it.
	r, cfg, _ := placed(t, "multipart", "q=a&role=admin", pageSchema, validate.Strip)
	if got, want := play(t, cfg, r), "400; /role It is not a known field."; got != want {
		t.Errorf("got %s; want %s", got, want)
	}
	// What is left without it must fit: the app gets nothing of it.
	r, cfg, _ = placed(t, "query", "?q=a&page=1", pageSchema, validate.Strip)
	if got, want := play(t, cfg, r), "400; #query/q It is required."; got != want {
		t.Errorf("got %s; want %s", got, want)
	}
	// A pair that some parser drops the question mark of, and others keep.
	r, cfg, _ = placed(t, "query", "?q=a&page=1", pageSchema, "")
	if got, want := play(t, cfg, r), "400; #query/?q It is not a known field."; got != want {
		t.Errorf("got %s; want %s", got, want)
	}
}

// What is left must fit too: it is what the app sees.
func TestWhatIsLeftMustFit(t *testing.T) {
	schema := `{"type":"object","properties":{"a":{"const":"1"}},"minProperties":2}`
	r, cfg, _ := placed(t, "form", "a=1&b=2", schema, validate.Strip)
	if got, want := play(t, cfg, r), "400;  It must have at least 2 fields."; got != want {
		t.Errorf("got %s; want %s", got, want)
	}
}

func TestPathHeadersAndCookiesAreHeldAgainstTheirSchemas(t *testing.T) {
	route := validate.Route{Match: "GET /items/{id}/{kind...}",
		Path: json.RawMessage(`{"properties":{"id":{"type":"integer","minimum":1},"kind":{"type":"string","pattern":"^[A-Z/]*$"}}}`),
		Headers: json.RawMessage(`{"required":["x-tenant"],"properties":{"x-tenant":{"type":"string","format":"uuid"},
			"X-Depth":{"type":"integer"},"X-Tags":{"type":"array","items":{"enum":["a","b"]},"x-panoply-split":","}}}`),
		Cookies: json.RawMessage(`{"properties":{"theme":{"enum":["dark","light"]},"visits":{"type":"integer"}}}`)}
	const tenant = "X-Tenant: 123e4567-e89b-12d3-a456-426614174000"
	tests := []struct{ name, target, headers, want string }{
		{"fits", "/items/7/AB", tenant, ""},
		{"other-headers-and-cookies-pass", "/items/7", tenant + "\nX-Other: é\nCookie: a=j%; b=\"x; theme=dark", ""},
		{"path-bad", "/items/x", tenant, "#path/id It must be an integer."},
		{"path-below", "/ITEMS/0//", tenant, "#path/id It must be at least 1."},
		{"path-case-stays", "/items/1/ab", tenant, "#path/kind It does not have the required form."},
		{"path-encoded", "/items/%37/A", tenant, ""},
		{"path-encoded-twice", "/items/%2537/A", tenant, "#path/id It must be an integer."},
		{"path-with-an-encoded-slash", "/items/1%2F2/A", tenant, "#path/kind It does not have the required form.; #path/id It must be an integer."},
		{"header-missing", "/items/7", "", "#header/x-tenant It is required."},
		{"header-bad", "/items/7", "X-Tenant: me", "#header/x-tenant It is not a valid uuid."},
		{"header-twice", "/items/7", tenant + "\nX-Depth: 1\nX-Depth: 2", "#header/X-Depth It must be an integer."},
		{"header-no-integer", "/items/7", tenant + "\nX-Depth: 0x1", "#header/X-Depth It must be an integer."},
		{"header-list", "/items/7", tenant + "\nX-Tags: a,b", ""},
		{"header-list-bad", "/items/7", tenant + "\nX-Tags: a, b", "#header/X-Tags/1 It is not one of the allowed values."},
		{"header-not-ascii", "/items/7", tenant + "\nX-Depth: \xe9", "#header/X-Depth It must be plain ASCII.; #header/X-Depth It must be an integer."},
		{"cookie", "/items/7", tenant + "\nCookie: x=1; theme=light; visits=3", ""},
		{"cookie-bad", "/items/7", tenant + "\nCookie: theme=blue", "#cookie/theme It is not one of the allowed values."},
		{"cookie-twice", "/items/7", tenant + "\nCookie: theme=dark; theme=light", "#cookie/theme It is not one of the allowed values."},
		{"cookie-in-two-lines", "/items/7", tenant + "\nCookie: visits=1\nCookie: visits=2", "#cookie/visits It must be an integer."},
		{"cookie-quoted", "/items/7", tenant + "\nCookie: theme=\"dark\"", ""},
		{"cookie-encoded", "/items/7", tenant + "\nCookie: theme=d%61rk", ""},
		{"cookie-of-json", "/items/7", tenant + "\nCookie: theme=j:[1]", "request/cookie A cookie has a value that parsers read differently."},
		{"cookie-of-signed-json", "/items/7", tenant + "\nCookie: theme=s%3Aj%3A[1].x", "request/cookie A cookie has a value that parsers read differently."},
		{"cookie-encoded-badly", "/items/7", tenant + "\nCookie: theme=dark%", "request/cookie A cookie has a value that parsers read differently."},
		{"all-at-once", "/items/x", "X-Depth: a\nCookie: visits=b", "#path/id It must be an integer.; #header/x-tenant It is required.; #header/X-Depth It must be an integer.; #cookie/visits It must be an integer."},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest("GET", tt.target, nil)
			for line := range strings.SplitSeq(tt.headers, "\n") {
				if name, value, ok := strings.Cut(line, ": "); ok {
					r.Header.Add(name, value)
				}
			}
			want := "? "
			if tt.want != "" {
				want = "400; " + tt.want
			}
			if got := play(t, validate.Config{Routes: []validate.Route{route}}, r); got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		})
	}
}

func TestOnlyDeclaredBodyTypesAreTaken(t *testing.T) {
	schema := json.RawMessage(`{"type":"object","required":["a"],"properties":{"a":{"type":"string"}}}`)
	all := validate.Route{Match: "/", Schema: schema, Form: schema, Multipart: schema, Unchecked: []string{"text/csv", "image/*"}}
	form := validate.Route{Match: "/", Form: schema}
	opt := validate.Route{Match: "/", Schema: schema, Form: schema, Optional: true}
	const multi = "multipart/form-data; boundary=b"
	part := func(headers, value string) string {
		return "--b\r\nContent-Disposition: form-data; name=\"a\"" + headers + "\r\n\r\n" + value + "\r\n--b--\r\n"
	}
	tests := []struct {
		name          string
		route         validate.Route
		method, typ   string
		body, refused string
	}{
		{"json", all, "POST", "application/json", `{"a":"1"}`, ""},
		{"json-of-a-vendor", all, "POST", "application/vnd.api+json", `{"a":"1"}`, ""},
		{"form", all, "POST", "application/x-www-form-urlencoded", "a=1", ""},
		{"form-as-json", all, "POST", "application/x-www-form-urlencoded", `{"a":"1"}`, `400; /a It is required.; /{"a":"1"} It is not a known field.`},
		{"multipart", all, "POST", multi, part("", "1"), ""},
		{"multipart-file-is-no-field", all, "POST", multi, part("; filename=\"x.txt\"", "1"), "400; /a It is required."},
		{"multipart-cut-off", all, "POST", multi, "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1", "400; request/multipart-end The body ends without its last boundary."},
		{"csv", all, "POST", "text/csv", "a,b", ""},
		{"picture", all, "POST", "image/png", "\x89PNG", ""},
		{"csv-that-is-json", all, "POST", "text/csv", `{"a":1}`, "415; validate/content-type This route takes application/json or application/x-www-form-urlencoded or multipart/form-data or text/csv or image/*."},
		{"other", all, "POST", "text/plain", "a", "415; validate/content-type This route takes application/json or application/x-www-form-urlencoded or multipart/form-data or text/csv or image/*."},
		{"no-type", all, "POST", "", "a", "415; validate/content-type This route takes application/json or application/x-www-form-urlencoded or multipart/form-data or text/csv or image/*."},
		{"lines", all, "POST", "application/x-ndjson", "{\"a\":\"1\"}\n", "415; validate/content-type This route takes application/json or application/x-www-form-urlencoded or multipart/form-data or text/csv or image/*."},
		{"none", all, "POST", "", "", "400;  A body is required."},
		{"json-where-forms-are", form, "POST", "application/json", `{"a":"1"}`, "415; validate/content-type This route takes application/x-www-form-urlencoded."},
		{"form-without-fields", form, "POST", "application/x-www-form-urlencoded", "", "400; /a It is required."},
		{"form-by-get", form, "GET", "application/x-www-form-urlencoded", "b=1", "400; /a It is required.; /b It is not a known field."},
		{"optional-none", opt, "POST", "", "", ""},
		{"optional-form-without-fields", opt, "POST", "application/x-www-form-urlencoded", "", ""},
		{"optional-json-without-bytes", opt, "POST", "application/json", "", ""},
		{"optional-but-there", opt, "POST", "application/json", `{"b":1}`, "400; /a It is required.; /b It is not a known field."},
		{"optional-of-another-type", opt, "POST", "text/plain", "b", "415; validate/content-type This route takes application/json or application/x-www-form-urlencoded."},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest(tt.method, "/", strings.NewReader(tt.body))
			if tt.body == "" {
				r = httptest.NewRequest(tt.method, "/", nil)
			}
			if tt.typ != "" {
				r.Header.Set("Content-Type", tt.typ)
			}
			want := tt.refused
			if want == "" {
				want = "? " + tt.body
			}
			if got := play(t, validate.Config{Routes: []validate.Route{tt.route}}, r); got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		})
	}
}

func TestEveryRouteThatMatchesMustFit(t *testing.T) {
	cfg := validate.Config{Unprocessable: true, Routes: []validate.Route{
		{Match: "/", Query: json.RawMessage(`{"properties":{"a":{"type":"integer"}},"additionalProperties":true}`)},
		{Match: "GET /x", Query: json.RawMessage(`{"properties":{"a":{"maximum":5},"b":{}}}`), Unknown: validate.Strip},
	}}
	for target, want := range map[string]string{
		"/x?a=5&b=1":     "?a=5&b=1 ",
		"/x?a=6":         "422; #query/a It must be at most 5.",
		"/x?a=z":         "422; #query/a It must be an integer.",
		"/x?b=1&c=2&a=1": "?b=1&a=1 ",
		"/y?c=2":         "?c=2 ",
	} {
		if got := play(t, cfg, httptest.NewRequest("GET", target, nil)); got != want {
			t.Errorf("%s: got %s; want %s", target, got, want)
		}
	}
}

func TestOperationsAreTheWholeOfAnAPI(t *testing.T) {
	integer := json.RawMessage(`{"properties":{"id":{"type":"integer"}}}`)
	closed := json.RawMessage(`{"type":"object","properties":{},"additionalProperties":false}`)
	cfg := validate.Config{Operations: &validate.Operations{
		Routes: []validate.Route{
			{Match: "GET /api/users/{id}", Path: integer, Query: closed},
			{Match: "GET /api/users/me", Query: closed},
			{Match: "GET /api/{group}/{id}", Path: integer},
		},
		Below: []string{"/api/"}, Except: []string{"/api/docs/", "GET /api/users/health"},
	}}
	const undeclared = "403; validate/operation The API's description does not have it."
	for target, want := range map[string]string{
		"GET /api/users/7":       "? ",
		"GET /api/users/x":       "400; #path/id It must be an integer.",
		"GET /API/Users/Me/":     "? ", // and not {id}
		"GET /api/users/me?a=1":  "400; #query/a It is not a known field.",
		"GET /api/users/health":  "? ",
		"HEAD /api/users/7":      "? ",
		"POST /api/users/7":      undeclared,
		"GET /api/users":         undeclared,
		"GET /api":               undeclared,
		"GET /api/docs/a/b?c=d":  "?c=d ",
		"GET /":                  "? ",
		"GET /apis":              "? ",
		"GET /api/groups/7?a=1":  "?a=1 ",
		"GET /api/groups/x":      "400; #path/id It must be an integer.",
		"GET /api/users%2Fme":    "400; #path/id It must be an integer.", // to Express it is no user "me"
		"GET /api/users/me%2F":   "400; #path/id It must be an integer.",
		"GET /api/users/7%2F":    "400; #path/id It must be an integer.",
		"GET /api/users%2Fx":     "400; #path/id It must be an integer.",
		"GET /%61pi/undeclared/": undeclared,
	} {
		method, path, _ := strings.Cut(target, " ")
		if got := play(t, cfg, httptest.NewRequest(method, path, nil)); got != want {
			t.Errorf("%s: got %s; want %s", target, got, want)
		}
	}
}

func TestBadDeclarations(t *testing.T) {
	object := func(properties string) any { return json.RawMessage(`{"properties":{` + properties + `}}`) }
	tests := []struct {
		name  string
		route validate.Route
		want  string
	}{
		{"query-no-object", validate.Route{Query: map[string]any{"type": "string"}}, `routes[0].query: it must declare an object, whose fields are the names (hint: {type: object, properties: {page: {type: integer}}})`},
		{"query-with-brackets", validate.Route{Query: object(`"page[size]":{}`)}, `routes[0].query: "page[size]" has brackets, which nest (hint: declare an object for page[size], an array for tag[])`},
		{"form-no-schema", validate.Route{Form: map[string]any{"properties": 1}}, `routes[0].form.properties: the schema is no JSON Schema: got number, want object`},
		{"multipart-no-file", validate.Route{Multipart: "no.json"}, `routes[0].multipart: open`},
		{"path-no-name", validate.Route{Path: object(`"id":{},"name":{}`)}, `routes[0].path: the pattern has no {name} (hint: write it in match, as in /users/{name})`},
		{"header-twice", validate.Route{Headers: object(`"X-A":{},"x-a":{}`)}, `routes[0].headers: x-a is declared twice (hint: names of headers have no case)`},
		{"header-host", validate.Route{Headers: object(`"host":{}`)}, `routes[0].headers: host cannot be declared: it is read before any schema`},
		{"unchecked-everything", validate.Route{Unchecked: []string{"text/csv", "*/*"}}, `routes[0].unchecked[1]: "*/*" could be any type, and so JSON (hint: write a type such as text/csv, or image/*)`},
		{"unchecked-json", validate.Route{Unchecked: []string{"application/json"}}, `routes[0].unchecked[0]: "application/json" is a type that apps parse`},
		{"unchecked-no-type", validate.Route{Unchecked: []string{"csv"}}, `routes[0].unchecked[0]: "csv" is no media type`},
		{"nothing", validate.Route{Optional: true}, `routes[0]: neither a schema nor max_bytes is given`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.route.Match = "/users/{id}"
			_, err := validate.New(validate.Config{Routes: []validate.Route{tt.route}})
			if err == nil || !strings.Contains(strings.Replace(err.Error(), "stat no.json", "open", 1), tt.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("got  %v\nwant %s", err, tt.want)
			}
		})
	}
}

// Reading text by a schema that holds itself, in every way, ends.
func TestSchemasThatHoldThemselves(t *testing.T) {
	node := `{"type":"object","allOf":[{"$ref":"#/$defs/more"}],"properties":{"n":{"type":"integer"},"left":{"$ref":"#/$defs/node","title":"l"},"right":{"$ref":"#/$defs/node","title":"r"}}}`
	schema := `{"$ref":"#/$defs/node","$defs":{"more":{"properties":{"left":{"$ref":"#/$defs/node"},"up":{"allOf":[{"$ref":"#/$defs/node"},{"$ref":"#/$defs/more"}]}}},"node":` + node + `}}`
	cfg := validate.Config{Routes: []validate.Route{{Match: "/", Query: json.RawMessage(schema)}}}
	for target, want := range map[string]string{
		"/?left[right][n]=1":    "?left[right][n]=1 ",
		"/?left[up][left][n]=x": "400; #query/left/up/left/n It must be an integer.",
	} {
		if got := play(t, cfg, httptest.NewRequest(http.MethodGet, target, nil)); got != want {
			t.Errorf("%s: got %s; want %s", target, got, want)
		}
	}
}

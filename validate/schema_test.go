// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package validate_test

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/panoply-security/panoply/problem"
	"github.com/panoply-security/panoply/validate"
)

// send plays a request through a validator for POST /, and tells the status, the
// faults (or the rule) and what the app behind it read.
func send(t *testing.T, cfg validate.Config, r *http.Request) (status int, faults, arrived string) {
	t.Helper()
	v, err := validate.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	respond, err := problem.New(problem.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	rec := httptest.NewRecorder()
	respond.Handler(v.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if arrived = string(b); err != nil || r.ContentLength != int64(len(b)) {
			t.Errorf("the app reads %d bytes of %d: %v", len(b), r.ContentLength, err)
		}
	}))).ServeHTTP(rec, r)
	if rec.Code == 200 {
		return 200, "", arrived
	}
	var p struct {
		Type   string
		Errors []problem.Field
	}
	if err := json.Unmarshal(rec.Body.Bytes(), &p); err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, f := range p.Errors {
		all = append(all, f.Pointer+" "+f.Detail)
	}
	if len(all) == 0 {
		all = append(all, strings.TrimPrefix(p.Type, "urn:panoply:"))
	}
	return rec.Code, strings.Join(all, "; "), arrived
}

func schema(text string, unknown validate.Unknown) validate.Config {
	return validate.Config{Routes: []validate.Route{{Match: "POST /", Schema: json.RawMessage(text), Unknown: unknown}}}
}

const (
	userSchema = `{"type":"object","required":["name","email"],"properties":{
		"name":{"type":"string","minLength":1,"maxLength":5},"email":{"type":"string","format":"email"},
		"home":{"type":"object","properties":{"zip":{"type":"integer","minimum":1}}},
		"tags":{"type":"array","maxItems":2,"items":{"type":"object","properties":{"t":{"type":"string"}}}}}}`
	refSchema = `{"$ref":"#/$defs/user","$defs":{"user":{"type":"object","required":["name"],"properties":{
		"name":{"type":"string"},"home":{"$ref":"#/$defs/home"}}},
		"home":{"type":"object","properties":{"zip":{"type":"integer"},"geo":{"type":"object","properties":{"x":{"type":"number"}}}}}}}`
	closedRefSchema = `{"$ref":"#/$defs/user","$defs":{"user":{"type":"object","additionalProperties":false,"required":["name"],
		"properties":{"name":{"type":"string"},"age":{"type":"integer"}}}}}`
	allOfSchema  = `{"allOf":[{"type":"object","properties":{"a":{"type":"string"}}},{"properties":{"b":{"type":"integer"}}}],"required":["a"]}`
	anyOfSchema  = `{"type":"object","anyOf":[{"properties":{"card":{"type":"string"}},"required":["card"]},{"properties":{"iban":{"type":"string"}},"required":["iban"]}]}`
	thenSchema   = `{"type":"object","properties":{"kind":{"type":"string"}},"if":{"properties":{"kind":{"const":"a"}}},"then":{"properties":{"a":{"type":"object","properties":{"x":{"type":"string"}}}}},"else":{"properties":{"b":{"type":"string"}}}}`
	anchorSchema = `{"type":"object","properties":{"home":{"$ref":"#home"}},"$defs":{"home":{"$anchor":"home","type":"object","properties":{"zip":{"type":"string"}}}}}`
)

// The library sees no more values than it may take time for.
func TestTheLibrarySeesABoundedBody(t *testing.T) {
	const oneOf = `{"type":"array","items":{"oneOf":[{"type":"integer"},{"type":"string"}]}}`
	for n, want := range map[int]string{19_000: "", 20_000: " It has too many values."} {
		body := "[" + strings.Repeat("1,", n-1) + "1]"
		if _, faults, _ := send(t, schema(oneOf, ""), request(body)); faults != want {
			t.Errorf("%d values: %q; want %q", n, faults, want)
		}
	}
}

func TestSchemas(t *testing.T) {
	tests := []struct{ name, schema, body, reject, strip string }{
		{"fits", userSchema, `{"name":"Ann","email":"a@b.example"}`, "", ""},
		{"unknown", userSchema, `{"name":"Ann", "email":"a@b.example", "role":"admin"}`, "/role It is not a known field.", `{"name":"Ann", "email":"a@b.example"}`},
		{"unknown-first", userSchema, `{"x":1, "name":"Ann","y":2,"email":"a@b.example"}`, "/x It is not a known field.; /y It is not a known field.", `{"name":"Ann","email":"a@b.example"}`},
		{"unknown-nested", userSchema, `{"name":"Ann","email":"a@b.example","home":{"zip":1.0,"q":{"r":2}}}`, "/home/q It is not a known field.", `{"name":"Ann","email":"a@b.example","home":{"zip":1.0}}`},
		{"unknown-in-an-array", userSchema, `{"name":"Ann","email":"a@b.example","tags":[{"t":"\u0041","u":1},{"v":1}]}`,
			"/tags/0/u It is not a known field.; /tags/1/v It is not a known field.", `{"name":"Ann","email":"a@b.example","tags":[{"t":"\u0041"},{}]}`},
		{"unknown-and-faulty", userSchema, `{"name":"","email":"x","role":1}`,
			"/name It must have at least 1 characters.; /email It is not a valid email.; /role It is not a known field.",
			"400 /name It must have at least 1 characters.; /email It is not a valid email."},
		{"types", userSchema, `{"name":{"$ne":""},"email":null,"home":[],"tags":{}}`,
			"/name It must be a string.; /email It must be a string.; /home It must be an object.; /tags It must be an array.", ""},
		{"bounds", userSchema, `{"name":"123456","email":"a@b.example","home":{"zip":0},"tags":[{},{},{}]}`,
			"/name It must have at most 5 characters.; /home/zip It must be at least 1.; /tags It must have at most 2 items.", ""},
		{"missing", userSchema, `{}`, "/name It is required.; /email It is required.", ""},
		{"not-an-object", userSchema, `[]`, " It must be an object.", ""},

		{"ref", refSchema, `{"name":"Ann","home":{"zip":1,"geo":{"x":1}}}`, "", ""},
		{"ref-unknown", refSchema, `{"name":"Ann","role":1}`, "/role It is not a known field.", `{"name":"Ann"}`},
		{"ref-unknown-nested", refSchema, `{"name":"Ann","home":{"zip":1,"geo":{"x":1,"y":2},"q":0}}`,
			"/home/geo/y It is not a known field.; /home/q It is not a known field.", `{"name":"Ann","home":{"zip":1,"geo":{"x":1}}}`},
		{"ref-faulty", refSchema, `{"name":1,"home":{}}`, "/name It must be a string.", ""},
		{"ref-unknown-on-two-levels", refSchema, `{"name":"Ann","home":{"q":0},"role":1}`, "/home/q It is not a known field.; /role It is not a known field.", `{"name":"Ann","home":{}}`},
		{"closed-ref-unknown", closedRefSchema, `{"name":"Ann","age":3,"role":1}`, "/role It is not a known field.", `{"name":"Ann","age":3}`},
		{"anchor", anchorSchema, `{"home":{"zip":"1","q":0}}`, "/home/q It is not a known field.", `{"home":{"zip":"1"}}`},

		{"all-of", allOfSchema, `{"a":"x","b":1}`, "", ""},
		{"all-of-unknown", allOfSchema, `{"a":"x","b":1,"c":2}`, "/c It is not a known field.", `{"a":"x","b":1}`},
		{"all-of-faulty", allOfSchema, `{"a":1,"b":1}`, "/a It must be a string.", ""},
		{"any-of", anyOfSchema, `{"iban":"x"}`, "", ""},
		{"any-of-none", anyOfSchema, `{"cash":"x"}`, " It fits none of the allowed forms.", "400  It fits none of the allowed forms."},
		{"any-of-and-unknown", anyOfSchema, `{"iban":"x","role":1}`, "/role It is not a known field.", `{"iban":"x"}`},
		{"then", thenSchema, `{"kind":"a","a":{"x":"1"}}`, "", ""},
		{"then-else", thenSchema, `{"kind":"b","b":"1"}`, "", ""},
		{"then-unknown", thenSchema, `{"kind":"a","b":"1"}`, "/b It is not a known field.", `{"kind":"a"}`},
		{"then-unknown-nested", thenSchema, `{"kind":"a","a":{"x":"1","y":2}}`, "/a/y It is not a known field.", `{"kind":"a","a":{"x":"1"}}`},

		{"additional-given", `{"type":"object","properties":{"a":{}},"additionalProperties":{"type":"string"}}`, `{"a":1,"b":"x"}`, "", ""},
		{"additional-faulty", `{"type":"object","properties":{"a":{}},"additionalProperties":{"type":"string"}}`, `{"b":1}`, "/b It must be a string.", ""},
		{"open-on-purpose", `{"type":"object","properties":{"a":{}},"additionalProperties":true}`, `{"b":1}`, "", ""},
		{"nothing-declared", `{"type":"object"}`, `{"b":1}`, "", ""},
		{"pattern-of-names", `{"type":"object","patternProperties":{"^x-":{"type":"string"}}}`, `{"x-a":"1","b":1}`, "/b It is not a known field.", `{"x-a":"1"}`},
		{"names", `{"type":"object","propertyNames":{"pattern":"^[a-z]$"}}`, `{"A":1}`, "/A Its name is not allowed.", ""},
		{"enum", `{"properties":{"a":{"enum":["x",1]}}}`, `{"a":"secret"}`, "/a It is not one of the allowed values.", ""},
		{"items-that-are-false", `{"properties":{"a":{"prefixItems":[{}],"items":false}}}`, `{"a":[1,2]}`, "/a/1 It is not a known field.", "400 /a/1 It is not a known field."},
		// Properties mean an object: an array of anything would go past them.
		{"type-implied", `{"properties":{"a":{}}}`, `[{"role":1}]`, " It must be an object.", ""},
		{"type-implied-of-text", `{"patternProperties":{"^a":{}}}`, `"x"`, " It must be an object.", ""},
		{"type-implied-below", `{"type":"object","properties":{"a":{"properties":{"b":{}}}}}`, `{"a":[{"role":1}]}`, "/a It must be an object.", ""},
		{"type-implied-of-items", `{"type":"array","items":{"properties":{"b":{}}}}`, `[[{"role":1}]]`, "/0 It must be an object.", ""},
		{"type-implied-by-ref", `{"type":"object","properties":{"a":{"$ref":"#/$defs/a"}},"$defs":{"a":{"properties":{"b":{}}}}}`, `{"a":[1]}`, "/a It must be an object.", ""},
		{"type-implied-in-all-of", `{"allOf":[{"properties":{"a":{}}},{"properties":{"b":{}}}]}`, `[{"role":1}]`, " It must be an object.", ""},
		{"type-implied-in-any-of", `{"anyOf":[{"properties":{"a":{}}},{"type":"string"}]}`, `"x"`, "", ""},
		{"type-implied-in-one-of", `{"oneOf":[{"properties":{"a":{}}},{"type":"string"}]}`, `[{"role":1}]`, " It fits none of the allowed forms.", ""},
		{"type-implied-with-items", `{"properties":{"a":{}},"items":{"properties":{"a":{}}}}`, `[{"a":1},{"role":1}]`, "/1/role It is not a known field.", `[{"a":1},{}]`},
		{"type-implied-with-items-of-text", `{"properties":{"a":{}},"items":{"type":"string"}}`, `"x"`, " It must be an object or an array.", ""},
		{"type-as-it-is-written", `{"type":["object","string"],"properties":{"a":{}}}`, `"x"`, "", ""},
		// What a stripped field made true must be true of what is left.
		{"stripped-below-a-minimum", `{"type":"object","properties":{"a":{}},"minProperties":2}`, `{"a":1,"b":2}`, "/b It is not a known field.", "400  It must have at least 2 fields."},
		{"stripped-below-a-minimum-by-the-library", `{"type":"object","properties":{"a":{"const":1}},"minProperties":2}`, `{"a":1,"b":2}`, "/b It is not a known field.", "400  It must have at least 2 fields."},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			status, faults, arrived := send(t, schema(tt.schema, ""), request(tt.body))
			if faults != tt.reject || (status == 400) != (tt.reject != "") || status == 200 && arrived != tt.body {
				t.Errorf("got  %d %q %s\nwant %q", status, faults, arrived, tt.reject)
			}
			status, faults, arrived = send(t, schema(tt.schema, validate.Strip), request(tt.body))
			got, want := arrived, tt.strip
			if status != 200 {
				got = fmt.Sprint(status, " ", faults)
			}
			switch {
			case want == "" && tt.reject == "":
				want = tt.body
			case want == "":
				want = "400 " + tt.reject
			}
			if got != want {
				t.Errorf("strip: got  %s\nwant %s", got, want)
			}
		})
	}
}

func TestBodiesThatNoSchemaCanCheck(t *testing.T) {
	cfg := func(method string) validate.Config {
		c := schema(userSchema, "")
		c.Routes[0].Match = method + "/"
		return c
	}
	tests := []struct {
		name, method, contentType, body string
		status                          int
		faults                          string
	}{
		{"form", "POST", "application/x-www-form-urlencoded", "name=Ann", 415, "validate/content-type"},
		{"multipart", "POST", "multipart/form-data; boundary=x", "--x--", 415, "validate/content-type"},
		{"text", "POST", "text/plain", `{"name":"Ann"}`, 415, "validate/content-type"},
		{"lines", "POST", "application/x-ndjson", `{"name":"Ann"}`, 415, "validate/content-type"},
		{"no-type", "POST", "", `{"name":"Ann"}`, 415, "validate/content-type"},
		{"form-by-get", "GET", "application/x-www-form-urlencoded", "name=Ann", 415, "validate/content-type"},
		{"json-by-get", "GET", "application/json", `{"role":1}`, 400, "/name It is required.; /email It is required.; /role It is not a known field."},
		{"empty", "POST", "application/json", "", 400, " A JSON body is required."},
		{"empty-without-a-type", "PUT", "", "", 400, " A JSON body is required."},
		{"empty-form", "PATCH", "application/x-www-form-urlencoded", "", 400, " A JSON body is required."},
		{"get-without-a-body", "GET", "", "", 200, ""},
		{"get-without-a-body-but-a-type", "GET", "application/x-www-form-urlencoded", "", 200, ""},
		{"delete-without-a-body", "DELETE", "", "", 200, ""},
		{"too-long", "POST", "application/json", strings.Repeat(" ", 100<<10+1), 413, "request/body-too-large"},
		{"prototype", "POST", "application/json", `{"constructor":{"prototype":{}}}`, 400, "/constructor/prototype Prototype keys are not accepted."},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest(tt.method, "/", strings.NewReader(tt.body))
			if tt.body == "" {
				r = httptest.NewRequest(tt.method, "/", nil)
			}
			if tt.contentType != "" {
				r.Header.Set("Content-Type", tt.contentType)
			}
			if status, faults, _ := send(t, cfg(""), r); status != tt.status || faults != tt.faults {
				t.Errorf("got %d %q; want %d %q", status, faults, tt.status, tt.faults)
			}
		})
	}
}

func TestOptions(t *testing.T) {
	c := schema(userSchema, "")
	c.Unprocessable = true
	if status, faults, _ := send(t, c, request(`{"name":"x","email":1}`)); status != 422 || faults != "/email It must be a string." {
		t.Errorf("unprocessable: got %d %q", status, faults)
	}
	if status, _, _ := send(t, c, request(`{"name":`)); status != 400 {
		t.Errorf("unprocessable: what is no JSON got %d; want 400", status)
	}
	c = validate.Config{MaxBytes: 10, Routes: []validate.Route{{Match: "/", MaxBytes: 20}, {Match: "POST /", MaxBytes: 15}}}
	for n, want := range map[int]int{15: 200, 16: 413} {
		if status, _, _ := send(t, c, request(strings.Repeat(" ", n-1)+"1")); status != want {
			t.Errorf("%d bytes: got %d; want %d", n, status, want)
		}
	}
	two := schema(userSchema, validate.Strip)
	two.Routes = append(two.Routes, validate.Route{Match: "/", Schema: json.RawMessage(`{"properties":{"name":{"minLength":3},"email":{}}}`)})
	if status, faults, _ := send(t, two, request(`{"name":"An","email":"a@b.example"}`)); status != 400 || faults != "/name It must have at least 3 characters." {
		t.Errorf("two schemas: got %d %q; want both to hold", status, faults)
	}
}

// A schema that the operator got wrong stops the start, with its place.
func TestBadSchemas(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "other.json"), []byte(`{"type":"string"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	asked := false
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked = true }))
	defer server.Close()
	tests := []struct {
		name   string
		schema any
		want   string
	}{
		{"no-such-file", "missing.json", "missing.json"},
		{"no-json", json.RawMessage(`{`), "is not JSON"},
		{"no-object", json.RawMessage(`true`), "must be an object"},
		{"no-schema", map[string]any{"type": "strin"}, "schema.type: "},
		{"bad-pattern", map[string]any{"properties": map[string]any{"a": map[string]any{"pattern": "("}}}, "pattern"},
		{"another-draft", map[string]any{"$schema": "http://json-schema.org/draft-04/schema#"}, "draft-04"},
		{"reference-to-nothing", map[string]any{"$ref": "#/$defs/x"}, "$defs/x"},
		{"reference-over-the-network", map[string]any{"$ref": server.URL + "/x.json"}, "only references inside the schema"},
		{"reference-to-a-file", map[string]any{"$ref": "file://" + filepath.Join(dir, "other.json")}, "only references inside the schema"},
		{"reference-beside-it", map[string]any{"$ref": "other.json"}, "only references inside the schema"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := validate.New(validate.Config{Dir: dir, Routes: []validate.Route{
				{Match: "POST /fine", MaxBytes: 1}, {Match: "POST /", Schema: tt.schema}}})
			if err == nil || !strings.HasPrefix(err.Error(), "routes[1].schema") || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v; want routes[1].schema and %q", err, tt.want)
			}
		})
	}
	if asked {
		t.Error("the network was asked")
	}
	if _, err := validate.New(validate.Config{Dir: dir, Routes: []validate.Route{{Match: "/", Schema: "other.json"}}}); err != nil {
		t.Errorf("a file: %v", err)
	}
	_, err := validate.New(validate.Config{MaxBytes: -1, Routes: []validate.Route{{Match: "x", Unknown: "drop"}, {Match: "/", MaxBytes: -2}}})
	for _, at := range []string{"max_bytes: ", "routes[0].match: ", "routes[0].unknown: ", "routes[0]: ", "routes[1].max_bytes: "} {
		if err == nil || !strings.Contains("\n"+err.Error(), "\n"+at) {
			t.Errorf("got %v; want %q among it", err, at)
		}
	}
}

// Faults are told in a small answer at a small cost, however many there are.
func TestManyFaults(t *testing.T) {
	var members []string
	for i := range 7000 {
		members = append(members, fmt.Sprintf(`"%s%d":1`, strings.Repeat("x", 5), i))
	}
	body := "{" + strings.Join(members, ",") + "}"
	for _, text := range []string{`{"properties":{"a":{}}}`, `{"properties":{"a":{"const":1}}}`} {
		status, faults, _ := send(t, schema(text, ""), request(body))
		if n := strings.Count(faults, ";") + 1; status != 400 || n != 20 {
			t.Errorf("got %d with %d faults; want 20", status, n)
		}
		if status, faults, arrived := send(t, schema(text, validate.Strip), request(body)); status != 200 || arrived != "{}" {
			t.Errorf("strip: got %d %q %.40s; want nothing left", status, faults, arrived)
		}
	}
	deep := strings.Repeat(`{"`+strings.Repeat("n", 80)+`":`, 60) + "1" + strings.Repeat("}", 60)
	if _, faults, _ := send(t, schema(`{"$ref":"#/$defs/n","$defs":{"n":{"type":"object","additionalProperties":{"$ref":"#/$defs/n"}}}}`, ""), request(deep)); len(faults) > 2000 {
		t.Errorf("one fault takes %d bytes", len(faults))
	}
}

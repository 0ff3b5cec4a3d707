// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/panoply-security/panoply"
)

const shop = `
openapi: 3.0.3
info: {title: Shop, version: 1.0.0}
servers: [{url: https://shop.example/api}]
paths:
  /items:
    get:
      parameters: [{name: page, in: query, schema: {type: integer, minimum: 1}}]
      responses: {'200': {description: ok}}
    post:
      requestBody:
        required: true
        content:
          application/json: {schema: {$ref: '#/components/schemas/Item'}}
          application/x-www-form-urlencoded: {schema: {$ref: '#/components/schemas/Item'}}
          multipart/form-data: {schema: {$ref: '#/components/schemas/Picture'}}
      responses: {'201': {description: ok}}
components:
  schemas:
    Item: {type: object, required: [name], properties: {id: {type: integer, readOnly: true}, name: {type: string, maxLength: 5}}}
    Picture: {type: object, required: [name, file], properties: {name: {type: string, maxLength: 5}, file: {type: string, format: binary}}}
`

// described is a policy file beside an OpenAPI document.
func described(t *testing.T, section, document string) panoply.Policy {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"policy.yaml": section, "openapi.yaml": document} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p, err := panoply.Load(filepath.Join(dir, "policy.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// picture is a whole PNG of one pixel.
const picture = "\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00\x1f\x15\xc4\x89" +
	"\x00\x00\x00\rIDATx\xdac\xfc\xcf\xc0P\x0f\x00\x04\x85\x01\x80\x84\xa9\x8c!\x00\x00\x00\x00IEND\xaeB`\x82"

func TestTheGuardHoldsRequestsToTheirDescription(t *testing.T) {
	p := described(t, "bodies: {openapi: {file: openapi.yaml, except: [GET /api/health]}}", shop)
	reached := ""
	g := start(t, func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		reached = r.Method + " " + r.URL.String() + " " + string(body)
	}, options{loaded: &p})
	part := func(name, filename, typ, value string) string {
		h := "--b\r\nContent-Disposition: form-data; name=\"" + name + "\""
		if filename != "" {
			h += "; filename=\"" + filename + "\"\r\nContent-Type: " + typ
		}
		return h + "\r\n\r\n" + value + "\r\n"
	}
	tests := []struct {
		name, method, path, typ, body string
		status                        int
	}{
		{"list", "GET", "/api/items?page=2", "", "", 200},
		{"list-bad", "GET", "/api/items?page=two", "", "", 400},
		{"list-unknown", "GET", "/api/items?role=admin", "", "", 400},
		{"undeclared", "GET", "/api/users", "", "", 403},
		{"undeclared-method", "DELETE", "/api/items", "", "", 403},
		{"excepted", "GET", "/api/health", "", "", 200},
		{"elsewhere", "GET", "/index.html", "", "", 200},
		{"json", "POST", "/api/items", "application/json", `{"name":"hat"}`, 200},
		{"json-read-only", "POST", "/api/items", "application/json", `{"name":"hat","id":1}`, 400},
		{"form", "POST", "/api/items", "application/x-www-form-urlencoded", "name=hat", 200},
		{"form-unknown", "POST", "/api/items", "application/x-www-form-urlencoded", "name=hat&role=admin", 400},
		{"upload", "POST", "/api/items", "multipart/form-data; boundary=b", part("name", "", "", "hat") + part("file", "a.png", "image/png", picture) + "--b--\r\n", 200},
		{"upload-unknown", "POST", "/api/items", "multipart/form-data; boundary=b", part("name", "", "", "hat") + part("role", "", "", "x") + "--b--\r\n", 400},
		{"upload-bad-field", "POST", "/api/items", "multipart/form-data; boundary=b", part("name", "", "", "trousers") + part("file", "a.png", "image/png", picture) + "--b--\r\n", 400},
		{"text", "POST", "/api/items", "text/plain", "name", 415},
		{"nothing", "POST", "/api/items", "", "", 400},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			reached = ""
			var headers []string
			if tt.typ != "" {
				headers = []string{"Content-Type", tt.typ}
			}
			resp, body := g.do(t, tt.method, tt.path, tt.body, headers...)
			if resp.StatusCode != tt.status || (reached != "") != (tt.status == 200) {
				t.Fatalf("got %d, the app saw %q: %s", resp.StatusCode, reached, body)
			}
			want := tt.method + " " + tt.path + " " + tt.body
			if tt.status == 200 && reached != want && !strings.HasPrefix(tt.typ, "multipart") {
				t.Errorf("the app saw %q; want %q", reached, want)
			}
		})
	}
}

// A description that cannot be held to is told at the start, with the faults of
// the policy.
func TestABadDescriptionIsAFault(t *testing.T) {
	p := described(t, "bodies: {openapi: openapi.yaml}", strings.Replace(shop, "/items:", "/items-{id}:", 1))
	p.Admin.Listen = "0.0.0.0:1"
	_, err := New(p, slog.New(slog.DiscardHandler))
	if err == nil {
		t.Fatal("it starts")
	}
	for _, want := range []string{"upstream: no upstream is given", "admin: ", `openapi.yaml:7:5: paths["/items-{id}"].get: the path /items-{id} cannot be matched`} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("got %v; want %q in it", err, want)
		}
	}
}

// A suit that forgets the description does not start.
func TestTheSelfTestMissesADescription(t *testing.T) {
	forgetful := func(p panoply.Policy) (func(http.Handler) http.Handler, error) {
		if p.Bodies.Operations != nil {
			ops := *p.Bodies.Operations
			ops.Below = nil
			p.Bodies.Operations = &ops
		}
		return wearSuit(p)
	}
	p := described(t, "upstream: http://127.0.0.1:1\nbodies: {openapi: openapi.yaml}", shop)
	if _, err := build(p, slog.New(slog.DiscardHandler), usual, forgetful, nil); err == nil || !strings.Contains(err.Error(), "operations below /api/") {
		t.Errorf("got %v", err)
	}
	if _, err := New(p, slog.New(slog.DiscardHandler)); err != nil {
		t.Error(err)
	}
}

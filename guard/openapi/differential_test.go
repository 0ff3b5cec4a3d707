// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package openapi_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
)

// peer is kin-openapi's own request validator, for one document.
type peer struct {
	doc *openapi3.T
	ops []peerOperation
}

type peerOperation struct {
	path, method string
	item         *openapi3.PathItem
	op           *openapi3.Operation
}

func newPeer(t testing.TB, file string) *peer {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromData(source(t, file))
	if err != nil {
		t.Fatal(err)
	}
	p := &peer{doc: doc}
	for path, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			p.ops = append(p.ops, peerOperation{path, method, item, op})
		}
	}
	slices.SortFunc(p.ops, func(a, b peerOperation) int {
		return strings.Compare(a.path+a.method, b.path+b.method)
	})
	return p
}

// check is the peer's verdict on a request for an operation.
func (p *peer) check(r *http.Request, o peerOperation, params map[string]string) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic: %v", v)
		}
	}()
	return openapi3filter.ValidateRequest(context.Background(), &openapi3filter.RequestValidationInput{
		Request: r, PathParams: params,
		Route: &routers.Route{Spec: p.doc, Path: o.path, PathItem: o.item, Method: o.method, Operation: o.op},
		Options: &openapi3filter.Options{SkipSettingDefaults: true, RejectWhenRequestBodyNotSpecified: true,
			AuthenticationFunc: openapi3filter.NoopAuthenticationFunc},
	})
}

// maker makes requests that nearly fit, of what both readings have in common.
type maker struct {
	*rand.Rand
}

func (m maker) one(of ...string) string { return of[m.IntN(len(of))] }

// fitting are texts for patterns and formats that a random text would never fit.
var fitting = map[string][]string{
	"^[a-z-]+$": {"new", "on-sale"}, "^[A-Z]{3}$": {"EUR", "USD"}, "^[0-9A-Z -]{3,10}$": {"1012 AB"},
	"^[0-9]{12,19}$": {"4111111111111111"}, "^97[89][0-9]{10}$": {"9780140268867"}, `^"[0-9a-f]+"$`: {`"0af"`}, "^[a-z]{2}$": {"nl"},
	"uuid": {"123e4567-e89b-12d3-a456-426614174000"}, "date": {"2026-11-27"}, "email": {"a@b.example"},
}

// text makes a text for a schema.
func (m maker) text(s *openapi3.Schema) string {
	if len(s.Enum) > 0 && m.IntN(8) > 0 {
		return fmt.Sprint(s.Enum[m.IntN(len(s.Enum))])
	}
	switch {
	case s.Const != nil:
		return m.one(fmt.Sprint(s.Const), "other")
	case fitting[s.Pattern] != nil && m.IntN(8) > 0:
		return m.one(fitting[s.Pattern]...)
	case fitting[s.Format] != nil: // no other: the peer does not assert most formats
		return m.one(fitting[s.Format]...)
	case s.Type.Includes("integer"), s.Type.Includes("number"):
		return m.one("1", "1", "2", "5", "20", "1500", "0", "-1", "100", "101", "1.5", "x", "true", "9223372036854775807")
	case s.Type.Includes("boolean"):
		return m.one("true", "false", "true", "x", "2")
	case len(s.AnyOf) > 0:
		return m.text(s.AnyOf[m.IntN(len(s.AnyOf))].Value)
	}
	return m.one("a", "Shirt", "NL", "é", "123", "some words", strings.Repeat("x", 41), strings.Repeat("y", 101))
}

// value makes a JSON value for a schema.
func (m maker) value(s *openapi3.Schema, depth int) string {
	switch m.IntN(40) {
	case 0:
		return "null"
	case 1:
		if s.Format != "" { // the peer does not assert most
			return m.one("1", "true", "[]", "{}")
		}
		return m.one(`"x"`, "1", "true", "[]", "{}", "1.5")
	}
	switch {
	case len(s.OneOf) > 0:
		branch := s.OneOf[m.IntN(len(s.OneOf))].Value
		return m.value(branch, depth)
	case s.Discriminator == nil && len(s.AllOf) > 0:
		return m.object(s, depth)
	case s.Type.Includes("object"):
		return m.object(s, depth)
	case s.Type.Includes("array"):
		var items []string
		for range m.IntN(4) {
			if s.Items == nil || s.Items.Value == nil || depth > 4 {
				break
			}
			items = append(items, m.value(s.Items.Value, depth+1))
		}
		return "[" + strings.Join(items, ",") + "]"
	case s.Type.Includes("integer"), s.Type.Includes("number"):
		return m.one("1", "2", "5", "0", "99", "100", "-1", "0.5", "100000000", "1e2", "9223372036854775807")
	case s.Type.Includes("boolean"):
		return m.one("true", "false")
	}
	text, _ := json.Marshal(m.text(s))
	return string(text)
}

func (m maker) object(s *openapi3.Schema, depth int) string {
	var members []string
	seen := map[string]bool{}
	var add func(s *openapi3.Schema)
	add = func(s *openapi3.Schema) {
		for _, sub := range s.AllOf {
			add(sub.Value)
		}
		names := make([]string, 0, len(s.Properties))
		for name := range s.Properties {
			names = append(names, name)
		}
		slices.Sort(names)
		for _, name := range names {
			p := s.Properties[name].Value
			often := 6
			switch {
			case p.ReadOnly:
				often = 30 // then both refuse
			case slices.Contains(s.Required, name):
				often = 1
			}
			if seen[name] || depth > 3 && often > 1 || m.IntN(often) > 2 || often == 1 && m.IntN(20) == 0 || p.ReadOnly && m.IntN(30) > 0 {
				continue
			}
			seen[name] = true
			value := m.value(p, depth+1)
			if name == "kind" {
				value = m.one(`"card"`, `"sepa"`, `"card"`, `"sepa"`, `"cash"`)
			}
			members = append(members, fmt.Sprintf("%q:%s", name, value))
		}
		if sub := s.AdditionalProperties.Schema; sub != nil && m.IntN(2) == 0 {
			members = append(members, fmt.Sprintf(`"extra%d":%s`, m.IntN(9), m.value(sub.Value, depth+1)))
		}
	}
	add(s)
	return "{" + strings.Join(members, ",") + "}"
}

// made is a request, as both are given it.
type made struct {
	method, target string
	header         http.Header
	body           string
	params         map[string]string
}

func (d made) request() *http.Request {
	r := httptest.NewRequest(d.method, d.target, strings.NewReader(d.body))
	if d.body == "" {
		r = httptest.NewRequest(d.method, d.target, nil)
	}
	r.Header = d.header.Clone()
	return r
}

func (d made) String() string {
	return fmt.Sprintf("%s %s %v %s", d.method, d.target, d.header, d.body)
}

// make makes a request for an operation, below base.
func (m maker) make(base string, o peerOperation) made {
	d := made{method: o.method, header: http.Header{}, params: map[string]string{}}
	path, query := o.path, url.Values{}
	for _, list := range []openapi3.Parameters{o.op.Parameters, o.item.Parameters} {
		for _, ref := range list {
			p := ref.Value
			s := p.Schema.Value
			spread := p.Name == "paging" // the peer wants its required field without it, too
			if d.params[p.Name] != "" || !spread && !p.Required && m.IntN(3) > 0 || p.Required && p.In != "path" && m.IntN(15) == 0 {
				continue
			}
			text := m.text(s)
			switch p.In {
			case "path":
				d.params[p.Name] = text
				path = strings.Replace(path, "{"+p.Name+"}", url.PathEscape(text), 1)
			case "header":
				if p.Name != "Accept" && !strings.Contains(text, "é") {
					d.header.Set(p.Name, text)
				}
			case "cookie":
				d.header.Set("Cookie", p.Name+"="+url.PathEscape(text))
			case "query":
				m.query(query, p, s)
			}
		}
	}
	d.target = base + path
	if len(query) > 0 {
		d.target += "?" + query.Encode()
	}
	if body := o.op.RequestBody; body != nil && m.IntN(20) > 0 {
		for typ, media := range body.Value.Content {
			switch typ {
			case "application/json", "application/merge-patch+json":
				d.header.Set("Content-Type", typ)
				d.body = m.value(media.Schema.Value, 0)
			case "application/x-www-form-urlencoded":
				d.header.Set("Content-Type", typ)
				d.body = m.form(media.Schema.Value)
			}
		}
	}
	return d
}

func (m maker) query(query url.Values, p *openapi3.Parameter, s *openapi3.Schema) {
	switch {
	case p.Style == "deepObject":
		for name, sub := range s.Properties {
			if m.IntN(2) == 0 {
				query.Set(p.Name+"["+name+"]", m.text(sub.Value))
			}
		}
	case s.Type.Includes("object"): // its fields stand among the parameters
		for name, sub := range s.Properties {
			if slices.Contains(s.Required, name) || m.IntN(2) == 0 {
				query.Set(name, m.text(sub.Value))
			}
		}
	case s.Type.Includes("array"):
		var items []string
		for range 1 + m.IntN(4) {
			items = append(items, m.text(s.Items.Value))
		}
		between := map[string]string{"": ",", "form": ",", "pipeDelimited": "|"}[p.Style]
		if p.Explode != nil && !*p.Explode {
			query.Set(p.Name, strings.Join(items, between))
			return
		}
		query[p.Name] = items
	default:
		query.Set(p.Name, m.text(s))
	}
}

func (m maker) form(s *openapi3.Schema) string {
	form := url.Values{}
	for name, ref := range s.Properties {
		sub := ref.Value
		switch {
		case m.IntN(5) == 0:
		case sub.Type.Includes("array"):
			for range 1 + m.IntN(2) {
				form.Add(name, m.text(sub.Items.Value))
			}
			if name == "cc" {
				form.Set(name, strings.Join(form[name], ","))
			}
		default:
			form.Set(name, m.text(sub))
		}
	}
	return form.Encode()
}

// For requests of what both read alike, both give the same verdict.
func TestTheSameVerdictAsKinOpenAPI(t *testing.T) {
	for _, test := range []struct {
		file, base string
		rounds     int
	}{{"testdata/shop.yaml", "/v1", 10_000}, {"testdata/library.yaml", "/api", 4_000}} {
		t.Run(test.file, func(t *testing.T) {
			p := newPeer(t, test.file)
			hold := holder(t, convert(t, test.file, ""))
			m := maker{rand.New(rand.NewPCG(1, 2))}
			passed, refused, differ := 0, 0, 0
			for range test.rounds {
				o := p.ops[m.IntN(len(p.ops))]
				base := test.base
				if o.path == "/status" {
					base = "/internal"
				}
				d := m.make(base, o)
				ours := hold(d.request())
				theirs := p.check(d.request(), o, d.params)
				switch fits := strings.HasPrefix(ours, "passes"); {
				case fits != (theirs == nil):
					if differ++; differ < 10 {
						t.Errorf("%s\nours:   %s\ntheirs: %v", d, ours, firstLine(theirs))
					}
				case fits:
					passed++
				default:
					refused++
				}
			}
			t.Logf("both let pass %d, both refuse %d, differ in %d", passed, refused, differ)
			if passed < test.rounds/10 || refused < test.rounds/10 {
				t.Errorf("both let pass %d and refuse %d of %d; want a fair part of each", passed, refused, test.rounds)
			}
		})
	}
}

func firstLine(err error) string {
	if err == nil {
		return "passes"
	}
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}

// What we refuse on purpose and kin-openapi accepts. Should it come to refuse one
// of these as well, it may go from here to the verdicts that are the same.
func TestWhatKinOpenAPIAcceptsAndWeRefuse(t *testing.T) {
	const (
		contact = "application/x-www-form-urlencoded"
		message = "email=a%40b.example&message=hi"
		uuid    = "123e4567-e89b-12d3-a456-426614174000"
	)
	tests := []struct{ name, line, body, path, refused string }{
		{"json-unknown-field", "POST /v1/items", item + `,"role":"admin"}`, "/items", "400; /role It is not a known field."},
		{"json-unknown-field-below", "POST /v1/items", `{"name":"a","price":{"amount":1,"currency":"EUR","x":1}}`, "/items", "400; /price/x It is not a known field."},
		{"json-prototype", "POST /v1/items", item + `,"attributes":{"__proto__":"x"}}`, "/items", "400; /attributes/__proto__ Prototype keys are not accepted."},
		{"json-name-twice", "POST /v1/items", item + `,"name":"b"}`, "/items", "400; request/json"},
		{"json-and-more", "POST /v1/items", item + `} {"role":"admin"}`, "/items", "400; request/json"},
		{"json-and-rubbish", "POST /v1/items", item + `}]]`, "/items", "400; request/json"},
		{"json-bad-utf8", "POST /v1/items", `{"name":"` + "\xff" + `","price":{"amount":1,"currency":"EUR"}}`, "/items", "400; request/json"},
		{"json-as-utf16", "POST /v1/items | Content-Type: application/json; charset=utf-16", item + "}", "/items", "415; request/charset"},
		{"json-as-utf7", "POST /v1/items | Content-Type: application/json; charset=utf-7", item + "}", "/items", "415; request/charset"},
		{"json-unknown-beside-a-discriminator", "PUT /v1/orders/" + uuid + "/payment", `{"kind":"sepa","iban":"NL91ABNA0417164300","x":1}`, "/orders/{id}/payment", "400; /x It is not a known field."},
		{"path-format", "PUT /v1/orders/7/payment", `{"kind":"card","number":"4111111111111111"}`, "/orders/{id}/payment", "400; #path/id It is not a valid uuid."},
		{"form-unknown-field", "POST /v1/contact | Content-Type: " + contact, message + "&role=admin", "/contact", "400; /role It is not a known field."},
		{"form-operator", "POST /v1/contact | Content-Type: " + contact, message + "&user[$ne]=1", "/contact", "400; /user It is not a known field."},
		{"form-prototype", "POST /v1/contact | Content-Type: " + contact, message + "&__proto__[x]=1", "/contact", "400; /__proto__ Prototype keys are not accepted."},
		{"form-field-twice", "POST /v1/contact | Content-Type: " + contact, message + "&message=ho", "/contact", "400; /message It must be a string."},
		{"form-format", "POST /v1/contact | Content-Type: " + contact, "email=a&message=hi", "/contact", "400; /email It is not a valid email."},
		{"form-boolean", "POST /v1/contact | Content-Type: " + contact, message + "&copy=T", "/contact", "400; /copy It must be a boolean."},
		{"query-unknown", "GET /v1/items?offset=0&role=admin", "", "/items", "400; #query/role It is not a known field."},
		{"query-operator", "GET /v1/items?offset=0&u[$ne]=1", "", "/items", "400; #query/u It is not a known field."},
		{"query-twice", "GET /v1/items?offset=0&limit=1&limit=2", "", "/items", "400; #query/limit It must be an integer."},
		{"query-sign", "GET /v1/items?offset=0&limit=%2B5", "", "/items", "400; #query/limit It must be an integer."},
		{"query-zeros", "GET /v1/items?offset=0&limit=005", "", "/items", "400; #query/limit It must be an integer."},
		{"query-boolean", "GET /v1/items?offset=0&in_stock=1", "", "/items", "400; #query/in_stock It fits none of the allowed forms."},
		{"query-deep-unknown", "GET /v1/items?offset=0&price[x]=1", "", "/items", "400; #query/price/x It is not a known field."},
		{"query-bad-escape", "GET /v1/items?offset=0&limit=5&x=%zz", "", "/items", "400; request/query"},
		{"header-format", "GET /v1/items?offset=0 | X-Trace: x", "", "/items", "400; #header/X-Trace It is not a valid uuid."},
	}
	hold := holder(t, convert(t, "testdata/shop.yaml", ""))
	p := newPeer(t, "testdata/shop.yaml")
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := request(tt.line, tt.body)
			if got := hold(r); got != tt.refused {
				t.Errorf("got %s; want %s", got, tt.refused)
			}
			i := slices.IndexFunc(p.ops, func(o peerOperation) bool { return o.path == tt.path && o.method == r.Method })
			id := "7"
			if strings.Contains(tt.line, uuid) {
				id = uuid
			}
			if err := p.check(request(tt.line, tt.body), p.ops[i], map[string]string{"id": id}); err != nil {
				t.Errorf("it refuses: %s", firstLine(err))
			}
		})
	}
}

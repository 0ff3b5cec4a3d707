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
	"net/url"
	"strings"
	"testing"

	"github.com/panoply-security/panoply/problem"
	"github.com/panoply-security/panoply/validate"
)

// play sends a request through a validator, and tells the faults with their
// status, or what the app behind saw of query and body.
func play(t *testing.T, cfg validate.Config, r *http.Request) string {
	t.Helper()
	return player(t, cfg)(t, r)
}

// player is play for many requests.
func player(t testing.TB, cfg validate.Config) func(testing.TB, *http.Request) string {
	t.Helper()
	v, err := validate.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	respond, err := problem.New(problem.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return func(t testing.TB, r *http.Request) string { return outcome(t, respond, v, r) }
}

func outcome(t testing.TB, respond *problem.Responder, v *validate.Validator, r *http.Request) string {
	t.Helper()
	saw := ""
	rec := httptest.NewRecorder()
	respond.Handler(v.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err != nil || r.ContentLength != int64(len(b)) && r.ContentLength >= 0 {
			t.Errorf("the app reads %d bytes of %d: %v", len(b), r.ContentLength, err)
		}
		saw = "?" + r.URL.RawQuery + " " + string(b)
	}))).ServeHTTP(rec, r)
	if rec.Code == 200 {
		return saw
	}
	var p struct {
		Type, Detail string
		Errors       []problem.Field
	}
	if err := json.Unmarshal(rec.Body.Bytes(), &p); err != nil {
		t.Fatal(err)
	}
	all := []string{fmt.Sprint(rec.Code)}
	for _, f := range p.Errors {
		all = append(all, f.Pointer+" "+f.Detail)
	}
	if len(p.Errors) == 0 {
		all = append(all, strings.TrimPrefix(p.Type, "urn:panoply:")+" "+p.Detail)
	}
	return strings.Join(all, "; ")
}

const pageSchema = `{"type":"object","required":["q"],"properties":{
	"q":{"type":"string","minLength":1,"maxLength":5},
	"page":{"type":"integer","minimum":1,"maximum":100},
	"price":{"type":"number","exclusiveMinimum":0},
	"all":{"type":"boolean"},
	"sort":{"enum":["asc","desc"]},
	"day":{"type":"string","format":"date"},
	"tag":{"type":"array","maxItems":2,"items":{"type":"string","pattern":"^[a-z]+$"}},
	"ids":{"type":"array","items":{"type":"integer"},"x-panoply-split":","},
	"mixed":{"anyOf":[{"type":"integer","maximum":9},{"const":"now"}]},
	"nothing":{"type":["integer","null"]},
	"filter":{"type":"object","properties":{"min":{"type":"integer"},"in":{"type":"array","items":{"type":"integer"}}}},
	"rows":{"type":"array","items":{"type":"object","properties":{"n":{"type":"integer"}}}},
	"map":{"type":"object","additionalProperties":{"type":"integer"}},
	"any":{}}}`

// The same fields, read as a query, as a form and as a multipart form, must be
// judged alike.
func TestTextIsReadByItsDeclaredType(t *testing.T) {
	integer := " It must be an integer."
	tests := []struct{ name, text, want string }{
		{"text", "q=a+b", ""},
		{"empty-text", "q=", "/q It must have at least 1 characters."},
		{"no-sign-of-it", "page=1", "/q It is required."},
		{"digits-stay-text", "q=123", ""},
		{"characters-not-bytes", "q=%C3%A9%C3%A9%C3%A9%C3%A9%C3%A9", ""},
		{"too-long", "q=123456", "/q It must have at most 5 characters."},
		{"integer", "q=a&page=7", ""},
		{"integer-encoded", "q=a&page=%37", ""},
		{"integer-below", "q=a&page=0", "/page It must be at least 1."},
		{"integer-above", "q=a&page=101", "/page It must be at most 100."},
		{"integer-with-a-sign", "q=a&page=%2B7", "/page" + integer},
		{"integer-with-space", "q=a&page=+7", "/page" + integer},
		{"integer-with-a-zero-before", "q=a&page=07", "/page" + integer},
		{"integer-as-a-power", "q=a&page=1e1", "/page" + integer},
		{"integer-as-a-fraction", "q=a&page=1.0", "/page" + integer},
		{"integer-in-hex", "q=a&page=0x7", "/page" + integer},
		{"integer-in-other-digits", "q=a&page=%D9%A7", "/page" + integer},
		{"integer-empty", "q=a&page=", "/page" + integer},
		{"integer-with-a-line-end", "q=a&page=7%0A", "/page" + integer},
		{"integer-too-long", "q=a&page=" + strings.Repeat("1", 101), "/page" + integer},
		{"integer-twice", "q=a&page=1&page=2", "/page" + integer},
		{"integer-as-a-list", "q=a&page[]=1", "/page" + integer},
		{"integer-as-an-object", "q=a&page[x]=1", "/page" + integer},
		{"text-as-a-list", "q[]=a", "/q It must be a string."},
		{"text-as-an-object", "q[x]=a", "/q It must be a string."},
		{"number", "q=a&price=1.50", ""},
		{"number-as-a-power", "q=a&price=1e3", ""},
		{"number-beyond", "q=a&price=1e400", "/price It must be a number."},
		{"number-word", "q=a&price=Infinity", "/price It must be a number."},
		{"number-comma", "q=a&price=1,5", "/price It must be a number."},
		{"boolean", "q=a&all=true", ""},
		{"boolean-in-capitals", "q=a&all=TRUE", "/all It must be a boolean."},
		{"boolean-as-yes", "q=a&all=yes", "/all It must be a boolean."},
		{"boolean-as-one", "q=a&all=1", "/all It must be a boolean."},
		{"boolean-alone", "q=a&all", "/all It must be a boolean."},
		{"enum", "q=a&sort=desc", ""},
		{"enum-other", "q=a&sort=down", "/sort It is not one of the allowed values."},
		{"format", "q=a&day=2026-11-27", ""},
		{"format-bad", "q=a&day=2026-11-31", "/day It is not a valid date."},
		{"list-once", "q=a&tag=x", ""},
		{"list-repeated", "q=a&tag=x&tag=y", ""},
		{"list-of-brackets", "q=a&tag[]=x&tag[]=y", ""},
		{"list-of-one-bracket", "q=a&tag%5B%5D=x", ""},
		{"list-numbered", "q=a&tag[0]=x&tag[1]=y", ""},
		{"list-numbered-with-a-gap", "q=a&tag[0]=x&tag[2]=y", "/tag Its items must be numbered from 0, or not at all."},
		{"list-numbered-backwards", "q=a&tag[1]=x&tag[0]=y", "/tag Its items must be numbered from 0, or not at all."},
		{"list-numbered-far", "q=a&tag[999]=x", "/tag Its items must be numbered from 0, or not at all."},
		{"list-with-a-name", "q=a&tag[x]=y", "/tag Its items must be numbered from 0, or not at all."},
		{"list-item-bad", "q=a&tag=x&tag=Y", "/tag/1 It does not have the required form."},
		{"list-too-long", "q=a&tag=x&tag=y&tag=z", "/tag It must have at most 2 items."},
		{"split", "q=a&ids=1,2,3", ""},
		{"split-to-the-most", "q=a&ids=" + strings.Repeat("1,", 999) + "1", ""},
		{"split-too-far", "q=a&ids=" + strings.Repeat("1,", 1000) + "1", "/ids It has too many items."},
		{"split-bad", "q=a&ids=1,,3", "/ids/1" + integer},
		{"split-and-repeated", "q=a&ids=1,2&ids=3", "/ids/0" + integer},
		{"either-number", "q=a&mixed=7", ""},
		{"either-word", "q=a&mixed=now", ""},
		{"either-neither", "q=a&mixed=10", "/mixed It fits none of the allowed forms."},
		{"null-is-no-text", "q=a&nothing=null", "/nothing It must be null or an integer."},
		{"object", "q=a&filter[min]=1&filter[in]=2&filter[in]=3", ""},
		{"object-bad", "q=a&filter[min]=x", "/filter/min" + integer},
		{"object-as-text", "q=a&filter=x", "/filter It must be an object."},
		{"object-with-dots", "q=a&filter.min=1", "/filter.min It is not a known field."},
		{"list-of-objects", "q=a&rows[0][n]=1&rows[1][n]=2", ""},
		{"list-of-objects-unnumbered", "q=a&rows[][n]=1&rows[][n]=2", "/rows Its items must be numbered from 0, or not at all."},
		{"map", "q=a&map[x]=1&map[y]=2", ""},
		{"map-bad", "q=a&map[x]=1&map[y]=z", "/map/y" + integer},
		{"any", "q=a&any=1&any=2", ""},
		{"unknown", "q=a&role=admin", "/role It is not a known field."},
		{"unknown-in-capitals", "q=a&Page=1", "/Page It is not a known field."},
		{"unknown-below", "q=a&filter[max]=1", "/filter/max It is not a known field."},
		{"unknown-below-a-list", "q=a&rows[0][m]=1", "/rows/0/m It is not a known field."},
		{"unbalanced", "q=a&filter[min=1", "/filter[min It is not a known field."},
		{"no-name", "q=a&=1", "/ It is not a known field."},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, place := range []string{"query", "form", "multipart"} {
				r, cfg, pass := placed(t, place, tt.text, pageSchema, "")
				want := pass
				if tt.want != "" {
					want = "400; " + tt.want
					if place == "query" {
						want = "400; #query" + tt.want
					}
				}
				if tt.name == "no-name" && place == "multipart" {
					want = "400; request/multipart-name A part has no name."
				}
				if got := play(t, cfg, r); got != want {
					t.Errorf("%s: got %s\nwant %s", place, got, want)
				}
			}
		})
	}
}

// placed is a request with the fields in a place, the policy that declares them,
// and what an app sees of it when it passes.
func placed(t *testing.T, place, text, schema string, unknown validate.Unknown) (*http.Request, validate.Config, string) {
	t.Helper()
	route := validate.Route{Match: "POST /", Unknown: unknown}
	if place == "query" {
		route.Query = json.RawMessage(schema)
		return httptest.NewRequest("POST", "/?"+text, nil), validate.Config{Routes: []validate.Route{route}}, "?" + text + " "
	}
	typ, body := "application/x-www-form-urlencoded", text
	if route.Form = json.RawMessage(schema); place == "multipart" {
		route.Form, route.Multipart = nil, route.Form
		typ, body = multipartText(t, text)
	}
	r := httptest.NewRequest("POST", "/", strings.NewReader(body))
	r.Header.Set("Content-Type", typ)
	return r, validate.Config{Routes: []validate.Route{route}}, "? " + body
}

func multipartText(t *testing.T, text string) (typ, body string) {
	t.Helper()
	var b strings.Builder
	for pair := range strings.SplitSeq(text, "&") {
		name, value, _ := strings.Cut(pair, "=")
		fmt.Fprintf(&b, "--b\r\nContent-Disposition: form-data; name=\"%s\"\r\n\r\n%s\r\n", unescaped(t, name), unescaped(t, value))
	}
	return "multipart/form-data; boundary=b", b.String() + "--b--\r\n"
}

func unescaped(t *testing.T, s string) string {
	t.Helper()
	text, err := url.QueryUnescape(s)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package inspect_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/panoply-security/panoply/inspect"
)

// listener notes what is told below one outer or inner name.
type listener struct {
	name        string
	outer, held []string
}

func (l *listener) Wants(p *inspect.Path) bool { return p.Outer() == l.name || p.Member() == l.name }

func (l *listener) Text(p *inspect.Path, text string) {
	if p.Outer() == l.name {
		l.outer = append(l.outer, text)
	}
	if p.Member() == l.name {
		l.held = append(l.held, text)
	}
}

// TestTexts holds which texts are those of a field, and of a member at any depth:
// an override, a limit's key and a JSON text would be missed otherwise.
func TestTexts(t *testing.T) {
	const form, json, multipart = "application/x-www-form-urlencoded", "application/json", "multipart/form-data; boundary=b"
	for _, tt := range []struct{ name, contentType, body, outer, held string }{
		{"string", json, `{"e":"x","n":"y"}`, "x", "x"},
		{"escaped-name-and-value", json, `{"\u0065":"\u0078"}`, "x", "x"},
		{"list", json, `{"e":["x",["y"]]}`, "x y", "x y"},
		{"nested", json, `{"o":{"e":"x"},"l":[{"e":["y"]}]}`, "", "x y"},
		{"beneath", json, `{"e":{"k":"x","0":"y"}}`, "y", "y"},
		{"in-a-list", json, `[{"e":"x"}]`, "", "x"},
		{"numbers", json, `{"e":[7,7.0,70e-1,-0,1e21,123456789012345678901,1e-7,0.000001]}`,
			"7 7 7 0 1e+21 123456789012345680000 1e-07 0.000001", "7 7 7 0 1e+21 123456789012345680000 1e-07 0.000001"},
		{"other-values", json, `{"e":[true,false,null,""]}`, "true false ", "true false "},
		{"lines", "application/x-ndjson", "{\"e\":\"x\"}\n{\"e\":[\"y\"]}", "x y", "x y"},
		{"look-alike", "text/plain", `{"e":"x"} {"e":["y"`, "x y", "x y"},
		{"look-alike-in-a-form", form, `{"e":"x"}`, "x", "x"},
		{"field", form, "e=x&n=y", "x", "x"},
		{"field-in-brackets", form, "[e]=x", "x", "x"},
		{"repeated", form, "e=x&e=y", "x y", "x y"},
		{"list-of-a-form", form, "e[]=x&e[]=y", "x y", "x y"},
		{"places-of-a-form", form, "e[1]=x&e[0]=y", "x y", "x y"},
		{"inner-field", form, "a[e]=x&a[b][e][]=y", "", "x y"},
		{"inner-field-by-dots", form, "a.e=x", "", "x"},
		{"list-by-dots", form, "e.0=x", "x", "x"},
		{"unbalanced", form, "e]=x", "x", "x"},
		{"value", form, "x=e", "", ""},
		{"multipart", multipart, part(`form-data; name="e"`, "x") + part(`form-data; name="a[e][]"`, "y") + "--b--\r\n", "x", "x y"},
		{"multipart-json", multipart, part("form-data; name=\"a\"\r\nContent-Type: application/json", `{"e":["x"]}`) + "--b--\r\n", "", "x"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			l := listener{name: "e"}
			_, err := inspect.ReadBody(post(tt.contentType, tt.body), inspect.Options{MaxBytes: 1000, Texts: &l, Multipart: true})
			if err != nil || strings.Join(l.outer, " ") != tt.outer || strings.Join(l.held, " ") != tt.held {
				t.Errorf("got %q and %q, %v; want %q and %q", l.outer, l.held, err, tt.outer, tt.held)
			}
		})
	}
	l := listener{name: "e"}
	if err := inspect.ReadQuery("e=x&a[e]=y", inspect.Visitors(nil), &l); err != nil || fmt.Sprint(l.outer, l.held) != "[x] [x y]" {
		t.Errorf("of a query: got %q and %q, %v", l.outer, l.held, err)
	}
}

// part is one part of a multipart body with the boundary b.
func part(disposition, value string) string {
	return "--b\r\nContent-Disposition: " + disposition + "\r\n\r\n" + value + "\r\n"
}

// TestJSONOfAPart holds that a field of JSON is shown as @fastify/multipart reads
// it.
func TestJSONOfAPart(t *testing.T) {
	for name, tt := range map[string]struct {
		part string
		show string
	}{
		"object":          {part("form-data; name=\"e\"\r\nContent-Type: application/json", `{"$ne":1}`), "$ne"},
		"suffix":          {part("form-data; name=\"e\"\r\nContent-Type: application/vnd.x+json; charset=utf-8", `{"$ne":1}`), "$ne"},
		"prototype":       {part("form-data; name=\"constructor\"\r\nContent-Type: application/json", `{"prototype":1}`), "prototype"},
		"mark-in-front":   {part("form-data; name=\"e\"\r\nContent-Type: application/json", "\ufeff\u00a0{\"$ne\":1}"), "$ne"},
		"begins-like-it":  {part("form-data; name=\"e\"\r\nContent-Type: application/jsonx", `{"$ne":1}`), "$ne"},
		"quote-in-a-name": {part("form-data; name=\"e%20\"\r\nContent-Type: application/json", `[{"$ne":1}]`), "$ne"},
	} {
		t.Run(name, func(t *testing.T) {
			var w witness
			_, err := inspect.ReadBody(post("multipart/form-data; boundary=b", tt.part+"--b--\r\n"), inspect.Options{MaxBytes: 1000, Visitor: &w, Multipart: true})
			refused(t, err, "")
			if !w.shows(tt.show) {
				t.Errorf("shown %s; want %s among it", w.String(), tt.show)
			}
		})
	}
}

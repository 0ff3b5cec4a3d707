// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package validate_test

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/panoply-security/panoply/inspect"
	"github.com/panoply-security/panoply/problem"
	"github.com/panoply-security/panoply/rule"
	"github.com/panoply-security/panoply/validate"
)

type search struct {
	Q      string            `json:"q" validate:"min=1,max=20"`
	Page   int               `json:"page" validate:"optional,min=1,max=100"`
	Sort   string            `json:"sort" validate:"optional,oneof=price|name"`
	Tags   []string          `json:"tags" validate:"optional,max=3,dive,min=1,max=5"`
	Stock  *bool             `json:"stock"`
	Price  *priceRange       `json:"price"`
	Labels map[string]string `json:"labels" validate:"optional,max=2,dive,max=5"`
	Lines  []orderLine       `json:"lines" validate:"optional,max=2"`
	Size   [2]uint8          `json:"size" validate:"optional"`
	Any    any               `json:"any" validate:"optional"`
	Exact  json.Number       `json:"exact" validate:"optional"`
}

type priceRange struct {
	From float64 `json:"from" validate:"min=0"`
	To   float64 `json:"to" validate:"optional"`
}

type orderLine struct {
	SKU      string `json:"sku" validate:"min=1"`
	Quantity uint8  `json:"quantity" validate:"optional,min=1"`
}

func form(body string) *http.Request {
	r := httptest.NewRequest("POST", "/", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return r
}

// asMultipart is a url-encoded form as a multipart one.
func asMultipart(t *testing.T, encoded string) *http.Request {
	t.Helper()
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	for part := range strings.SplitSeq(encoded, "&") {
		name, value, _ := strings.Cut(part, "=")
		name, _ = url.QueryUnescape(name)
		value, _ = url.QueryUnescape(value)
		if err := w.WriteField(name, value); err != nil {
			t.Fatal(err)
		}
	}
	w.Close()
	r := httptest.NewRequest("POST", "/", &body)
	r.Header.Set("Content-Type", w.FormDataContentType())
	return r
}

func TestForms(t *testing.T) {
	yes := true
	tests := []struct {
		name, form string
		want       search
		fault      string // each pointer with %s before it for the place
	}{
		{"one", "q=a", search{Q: "a"}, ""},
		{"escaped", "%71=a%20b+c", search{Q: "a b c"}, ""},
		{"number", "q=a&page=7", search{Q: "a", Page: 7}, ""},
		{"boolean", "q=a&stock=true", search{Q: "a", Stock: &yes}, ""},
		{"empty-is-absent", "q=a&page=&stock=", search{Q: "a"}, ""},
		{"list-of-one", "q=a&tags=x", search{Q: "a", Tags: []string{"x"}}, ""},
		{"list-repeated", "q=a&tags=x&tags=y", search{Q: "a", Tags: []string{"x", "y"}}, ""},
		{"list-appended", "q=a&tags[]=x&tags%5B%5D=y", search{Q: "a", Tags: []string{"x", "y"}}, ""},
		{"list-numbered", "q=a&tags[0]=x&tags[1]=y", search{Q: "a", Tags: []string{"x", "y"}}, ""},
		{"nested", "q=a&price[from]=1.5&price[to]=2", search{Q: "a", Price: &priceRange{1.5, 2}}, ""},
		{"map", "q=a&labels[1]=x&labels[b]=y", search{Q: "a", Labels: map[string]string{"1": "x", "b": "y"}}, ""},
		{"objects", "q=a&lines[0][sku]=x&lines[0][quantity]=2&lines[1][sku]=y", search{Q: "a", Lines: []orderLine{{"x", 2}, {SKU: "y"}}}, ""},
		{"array", "q=a&size=1&size=255", search{Q: "a", Size: [2]uint8{1, 255}}, ""},
		{"any", "q=a&any[b][]=c", search{Q: "a", Any: map[string]any{"b": []any{"c"}}}, ""},

		{"missing", "page=1", search{}, "%s/q It is required."},
		{"empty-text", "q=", search{}, "%s/q It must have at least 1 characters."},
		{"unknown", "q=a&role=admin&role=x&isAdmin[x]=1", search{}, "%s/role It is not a known field.; %s/isAdmin It is not a known field."},
		{"letter-case", "Q=a", search{}, "%s/Q It is not a known field.; %s/q It is required."},
		{"unknown-nested", "q=a&price[from]=1&price[x][y]=1", search{}, "%s/price/x It is not a known field."},
		{"repeated-scalar", "q=a&q=b", search{}, "%s/q It must be a string."},
		{"repeated-number", "q=a&page=1&page=2", search{}, "%s/page It must be a number."},
		{"operator", "q[$ne]=a", search{}, "%s/q It must be a string."},
		{"list-for-a-string", "q[]=a", search{}, "%s/q It must be a string."},
		{"dots-nest-nothing", "q=a&price.from=1", search{}, "%s/price.from It is not a known field."},
		{"sign", "q=a&page=%2B1", search{}, "%s/page It must be a number."},
		{"zeros", "q=a&page=01", search{}, "%s/page It must be a number."},
		{"space", "q=a&page=1+", search{}, "%s/page It must be a number."},
		{"hex", "q=a&page=0x1", search{}, "%s/page It must be a number."},
		{"underscore", "q=a&price[from]=1_0", search{}, "%s/price/from It must be a number."},
		{"infinity", "q=a&price[from]=Inf", search{}, "%s/price/from It must be a number."},
		{"huge", "q=a&price[from]=1e400", search{}, "%s/price/from It is out of range."},
		{"exact-number", "q=a&exact=-12.50e%2B3", search{Q: "a", Exact: "-12.50e+3"}, ""},
		{"number-that-costs", "q=a&exact=1e-999999", search{}, "%s/exact It must be a number."},
		{"infinite-number", "q=a&exact=1e309", search{}, "%s/exact It is out of range."},
		{"long-number", "q=a&exact=" + strings.Repeat("1", 101), search{}, "%s/exact It must be a number."},
		{"half-an-exponent", "q=a&exact=1e%2B", search{}, "%s/exact It must be a number."},
		{"half-a-fraction", "q=a&exact=1.", search{}, "%s/exact It must be a number."},
		{"two-exponents", "q=a&exact=1e5e5", search{}, "%s/exact It must be a number."},
		{"fraction", "q=a&page=1.0", search{}, "%s/page It must be a whole number."},
		{"beyond", "q=a&page=101&size=1&size=256", search{}, "%s/page It must be at most 100.; %s/size/1 It is out of range."},
		{"yes-is-no-boolean", "q=a&stock=yes", search{}, "%s/stock It must be a boolean."},
		{"one-is-no-boolean", "q=a&stock=1", search{}, "%s/stock It must be a boolean."},
		{"oneof", "q=a&sort=Price", search{}, "%s/sort It is not one of the allowed values."},
		{"item", "q=a&tags=&tags=123456", search{}, "%s/tags/0 It must have at least 1 characters.; %s/tags/1 It must have at most 5 characters."},
		{"too-many", "q=a&tags=1&tags=2&tags=3&tags=4", search{}, "%s/tags It must have at most 3 items."},
		{"hole-in-a-list", "q=a&tags[0]=x&tags[2]=y", search{}, "%s/tags Its items must be numbered 0, 1, 2 and so on."},
		{"zero-padded-place", "q=a&tags[00]=x", search{}, "%s/tags Its items must be numbered 0, 1, 2 and so on."},
		{"huge-place", "q=a&tags[99999999999999999999]=x", search{}, "%s/tags Its items must be numbered 0, 1, 2 and so on."},
		{"objects-appended", "q=a&lines[][sku]=x&lines[][quantity]=1", search{}, "%s/lines Its items must be numbered, as in list[0][name]."},
		{"name-in-a-list", "q=a&tags[x]=1", search{}, "%s/tags It must be an array."},
		{"place-given-twice", "q=a&tags[0]=x&tags[0]=y", search{}, "%s/tags/0 It must be a string."},
		{"missing-within", "q=a&lines[0][quantity]=1", search{}, "%s/lines/0/sku It is required."},
		{"brackets-alone", "[q]=a", search{}, "%s/[q] It is not a known field.; %s/q It is required."},
		{"unbalanced", "q=a&tags[=x", search{}, "%s/tags[ It is not a known field."},
		{"empty-inside", "q=a&price[from]=", search{}, "%s/price/from It must be a number."},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			query := httptest.NewRequest("GET", "/?"+tt.form, nil)
			for _, c := range []struct {
				source, place string
				read          func() (search, error)
			}{
				{"query", "#query", func() (search, error) { return validate.Query[search](query) }},
				{"form", "", func() (search, error) { return validate.Form[search](form(tt.form)) }},
				{"multipart", "", func() (search, error) { return validate.Form[search](asMultipart(t, tt.form)) }},
			} {
				got, err := c.read()
				if fault := strings.ReplaceAll(tt.fault, "%s", c.place); fields(err) != fault || !reflect.DeepEqual(got, tt.want) {
					t.Errorf("%s: got  %+v %q\nwant %+v %q", c.source, got, fields(err), tt.want, fault)
				}
			}
		})
	}
}

// What parsers read differently never reaches a struct.
func TestFormsThatAreReadInTwoWays(t *testing.T) {
	for name, encoded := range map[string]string{
		"plain-and-brackets": "q=a&tags=x&tags[]=y", "numbered-and-not": "q=a&tags[0]=x&tags[]=y", "bad-escape": "q=%zz", "no-utf-8": "q=%ff",
		"value-and-object": "q=a&price=1&price[from]=2", "prototype": "q=a&labels[__proto__]=x",
	} {
		t.Run(name, func(t *testing.T) {
			if got, err := validate.Query[search](httptest.NewRequest("GET", "/?"+encoded, nil)); err == nil || got.Q != "" {
				t.Errorf("a query gives %+v", got)
			}
			if got, err := validate.Form[search](form(encoded)); err == nil || got.Q != "" {
				t.Errorf("a form gives %+v", got)
			}
		})
	}
}

func TestStrippedForms(t *testing.T) {
	got, err := validate.Query[search](httptest.NewRequest("GET", "/?q=a&role=admin&x[3]=1&x[]=2&price[from]=1&price[y][]=1&y=1&y=2", nil), validate.Strip)
	if err == nil || problem.As(err).Rule != rule.RequestQuery { // x is a list in two ways
		t.Errorf("got %+v, %v", got, err)
	}
	got, err = validate.Query[search](httptest.NewRequest("GET", "/?q=a&role=admin&x[3]=1&price[from]=1&price[y][]=1&y=1&y=2", nil), validate.Strip)
	if want := (search{Q: "a", Price: &priceRange{From: 1}}); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v; want %+v", got, err, want)
	}
}

func TestFormsOfOtherTypes(t *testing.T) {
	for name, c := range map[string]struct {
		r    *http.Request
		rule rule.ID
	}{
		"json":      {request(`{"q":"a"}`), rule.ValidateType},
		"none":      {httptest.NewRequest("POST", "/", nil), rule.ValidateSchema},
		"untyped":   {httptest.NewRequest("POST", "/", strings.NewReader("q=a")), rule.ValidateType},
		"too-large": {form("q=" + strings.Repeat("a", inspect.DefaultMaxBytes)), rule.RequestTooLarge},
		"long":      {asMultipart(t, "q="+strings.Repeat("a", inspect.DefaultMaxBytes)), rule.RequestTooLarge},
		"many":      {form("q=a" + strings.Repeat("&tags=x", 1000)), rule.RequestForm},
	} {
		t.Run(name, func(t *testing.T) {
			if got, err := validate.Form[search](c.r); err == nil || problem.As(err).Rule != c.rule {
				t.Errorf("got %+v, %v; want %s", got, err, c.rule)
			}
		})
	}
}

// Files are passed over, and no field behind one is missed. A long one passes where
// the suit has bounded it already.
func TestFormWithAFile(t *testing.T) {
	for name, c := range map[string]struct {
		size   int
		behind bool
		fits   bool
	}{"small": {200 << 10, false, true}, "large": {11 << 20, false, false}, "large-behind-the-suit": {11 << 20, true, true}} {
		t.Run(name, func(t *testing.T) {
			var body bytes.Buffer
			w := multipart.NewWriter(&body)
			w.WriteField("q", "a")
			file, _ := w.CreateFormFile("photo", "a.png")
			io.WriteString(file, strings.Repeat("x", c.size))
			w.WriteField("page", "2")
			w.Close()
			r := httptest.NewRequest("POST", "/", &body)
			r.Header.Set("Content-Type", w.FormDataContentType())
			if c.behind {
				respond, err := problem.New(problem.Config{Logger: slog.New(slog.DiscardHandler)})
				if err != nil {
					t.Fatal(err)
				}
				var x *problem.Exchange
				r, x = respond.Begin(r)
				x.Reading = new(inspect.Reading)
			}
			got, err := validate.Form[search](r)
			if want := (search{Q: "a", Page: 2}); c.fits && (err != nil || !reflect.DeepEqual(got, want)) || !c.fits && problem.As(err).Rule != rule.RequestTooLarge {
				t.Errorf("got %+v, %v", got, err)
			}
		})
	}
}

// A form that was read before is not read again, and one whose reading failed where
// that is only reported is read as strictly as any.
func TestFormBehindAReading(t *testing.T) {
	respond, err := problem.New(problem.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		form   string
		before func(r *http.Request) *inspect.Reading
		status int
	}{
		"read": {"q=a&page=3", func(r *http.Request) *inspect.Reading {
			rd, err := inspect.ReadBody(r, inspect.Options{MaxBytes: 1 << 20})
			if err != nil {
				t.Error(err)
			}
			r.Body = io.NopCloser(strings.NewReader("must not be read"))
			return rd
		}, 200},
		"failed": {"q=a&page=3", func(*http.Request) *inspect.Reading { return new(inspect.Reading) }, 200},
		"unfit":  {"q=a&q[x]=3", func(*http.Request) *inspect.Reading { return new(inspect.Reading) }, 400},
	} {
		t.Run(name, func(t *testing.T) {
			var got search
			rec := httptest.NewRecorder()
			respond.Handler(problem.Handler(func(w http.ResponseWriter, r *http.Request) (err error) {
				problem.From(r.Context()).Reading = c.before(r)
				got, err = validate.Form[search](r)
				return err
			})).ServeHTTP(rec, form(c.form))
			if rec.Code != c.status || c.status == 200 && got.Page != 3 {
				t.Errorf("got %d %+v %s", rec.Code, got, rec.Body)
			}
		})
	}
}

func BenchmarkQuery(b *testing.B) {
	r := httptest.NewRequest("GET", "/?q=chair&page=2&sort=price&tags=a&tags=b", nil)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := validate.Query[search](r); err != nil {
			b.Fatal(err)
		}
	}
}

// What Query takes is what net/url reads, where that can: every plain name.
func FuzzQuery(f *testing.F) {
	for _, s := range []string{"q=a", "q=a&page=7&tags=x&tags=y", "q=a&tags[]=x", "q=a&tags[0]=x&tags[1]=y", "q=a&lines[0][sku]=x", "q=a&any[b][]=c",
		"q=a&labels[1]=x", "?q=a", "q=a=b", "q=a&&", "q=%F0%9F%98%80", "q=a&x[y=z]=1", "q=a&price[from]=1e2", "q=a&size=1&size=2", "q=a&stock=true"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		r := httptest.NewRequest("GET", "/", nil)
		r.URL.RawQuery = raw
		got, err := validate.Query[search](r)
		if err != nil {
			if !reflect.DeepEqual(got, search{}) {
				t.Errorf("%q is refused and gives %+v", raw, got)
			}
			return
		}
		want, err := url.ParseQuery(raw)
		if err != nil {
			t.Fatalf("%q is taken; net/url says %v", raw, err)
		}
		if len(want["q"]) != 1 || want["q"][0] != got.Q {
			t.Errorf("%q gives q %q; want %q", raw, got.Q, want["q"])
		}
		if tags := append(want["tags"], want["tags[]"]...); len(tags) > 0 && !(len(tags) == 1 && tags[0] == "") && !reflect.DeepEqual(tags, got.Tags) {
			t.Errorf("%q gives tags %q; want %q", raw, got.Tags, tags)
		}
		if page := want.Get("page"); page != "" && strconv.Itoa(got.Page) != page {
			t.Errorf("%q gives page %d; want %s", raw, got.Page, page)
		}
		for name := range want {
			top, _, _ := strings.Cut(name, "[")
			if !slices.Contains([]string{"q", "page", "sort", "tags", "stock", "price", "labels", "lines", "size", "any", "exact"}, top) {
				t.Errorf("%q is taken with the unknown %q", raw, name)
			}
		}
	})
}

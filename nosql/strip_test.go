// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package nosql_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"

	"github.com/panoply-security/panoply/nosql"
)

// through sends a request through the guard and returns what arrives: the query, a
// space and the body; or the status of a refusal.
func through(t testing.TB, cfg nosql.Config, r *http.Request) (arrives string, refused int) {
	t.Helper()
	g, err := nosql.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	g.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || r.ContentLength != int64(len(body)) {
			t.Errorf("%d bytes arrive of %d: %v", len(body), r.ContentLength, err)
		}
		arrives = r.URL.RawQuery + " " + string(body)
	})).ServeHTTP(w, r)
	if w.Code != 200 {
		return "", w.Code
	}
	return arrives, 0
}

func TestStrip(t *testing.T) {
	cfg := nosql.Config{Strip: []string{"/old/"}, Allow: []nosql.Allow{{Match: "/old/set", Keys: []string{"$set"}}}, JSONFields: []string{"filter"}}
	const form = "application/x-www-form-urlencoded"
	for name, tt := range map[string]struct {
		target, contentType, body, want string
		refused                         int
	}{
		"operator":                {"/old/x", "application/json", `{"a":{"$ne":1},"b":2}`, ` {"a":{},"b":2}`, 0},
		"spelling-stays":          {"/old/x", "application/json", "{ \"a\" : 1.50 , \"$ne\":1 ,\"\\u0062\":1e2 }", " { \"a\" : 1.50 ,\"\\u0062\":1e2 }", 0},
		"escaped-operator":        {"/old/x", "application/json", `{"\u0024ne":1}`, ` {}`, 0},
		"all-depths":              {"/old/x", "application/json", `[[{"a":[{"$gt":1,"c":{"$in":[1]}}]}]]`, ` [[{"a":[{"c":{}}]}]]`, 0},
		"prototypes":              {"/old/x", "application/json", `{"__proto__":{"a":1},"constructor":{"prototype":{"b":1},"c":2},"prototype":1}`, ` {"constructor":{"c":2},"prototype":1}`, 0},
		"foreign-names-stay":      {"/old/x", "application/json", `{"$ref":"#/a","$ne":1}`, ` {"$ref":"#/a"}`, 0},
		"allowed-names-stay":      {"/old/set", "application/json", `{"$set":{"a":1,"$ne":1}}`, ` {"$set":{"a":1}}`, 0},
		"nothing-to-strip":        {"/old/x", "application/json", `{"a":"$ne"}`, ` {"a":"$ne"}`, 0},
		"malformed":               {"/old/x", "application/json", `{"$ne":1`, "", 400},
		"a-name-twice":            {"/old/x", "application/json", `{"a":1,"a":{"$ne":1}}`, "", 400},
		"elsewhere":               {"/new/x", "application/json", `{"a":{"$ne":1}}`, "", 400},
		"query":                   {"/old/x?a[$ne]=1&b=2&$where=1&c=%24", "", "", "b=2&c=%24 ", 0},
		"query-in-every-reading":  {"/old/x?a.$ne=1&q=x[$ne]=1&a[$ne=1&b=2", "", "", "b=2 ", 0},
		"query-text-of-odata":     {"/old/x?$top=1&$top[x]=1&$skip[]=2", "", "", "$top=1 ", 0},
		"query-mixed":             {"/old/x?a=1&a[b]=2", "", "", "", 400},
		"query-bad-escape":        {"/old/x?a=%zz&b[$ne]=1", "", "", "", 400},
		"form":                    {"/old/x", form, "a[$ne]=1&b=2&__proto__[x]=1&%24gt=1", " b=2", 0},
		"form-without-odata":      {"/old/x", form, "$filter=a&b=2", " b=2", 0},
		"form-behind-a-mark":      {"/old/x", form, "\ufeff$ne=1&b=2", "", 400},
		"form-of-too-many":        {"/old/x", form, strings.Repeat("$a=1&", 1001), "", 400},
		"form-of-odd-names":       {"/old/x", form, strings.Repeat("a%5Bb[c=1&", 65), "", 400},
		"form-value-becomes-name": {"/old/x", form, "a[x]=1&a=$ne", "", 400},
		"json-text":               {"/old/x", form, `filter={"$ne":1}&b=2`, "", 400},
		"lines":                   {"/old/x", "application/x-ndjson", `{"$ne":1}`, "", 400},
		"multipart":               {"/old/x", "multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=\"a[$ne]\"\r\n\r\n1\r\n--b--\r\n", "", 400},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest("POST", tt.target, strings.NewReader(tt.body))
			if tt.contentType != "" {
				r.Header.Set("Content-Type", tt.contentType)
			}
			if got, refused := through(t, cfg, r); got != tt.want || refused != tt.refused {
				t.Errorf("got %q, %d; want %q, %d", got, refused, tt.want, tt.refused)
			}
		})
	}
	t.Run("cookie", func(t *testing.T) {
		r := httptest.NewRequest("GET", "/old/x", nil)
		r.Header.Set("Cookie", `a=j:{"$ne":1}`)
		if got, refused := through(t, cfg, r); refused != 400 {
			t.Errorf("got %q, %d; want 400", got, refused)
		}
	})
	t.Run("typed-field", func(t *testing.T) {
		r := httptest.NewRequest("POST", "/old/login", strings.NewReader(`{"email":"a","password":{"$ne":1}}`))
		r.Header.Set("Content-Type", "application/json")
		if got, refused := through(t, nosql.Config{Strip: []string{"/old/"}, Strings: []string{"password"}}, r); refused != 400 {
			t.Errorf("got %q, %d: the object is no string, whatever is taken out of it", got, refused)
		}
	})
}

func TestJSONFields(t *testing.T) {
	cfg := nosql.Config{JSONFields: []string{"filter", "where"}}
	for name, tt := range map[string]struct {
		target, contentType, body, want string
	}{
		"query":             {`/?filter={"a":{"$ne":1}}`, "", "", "nosql/operator #query/a/$ne"},
		"query-escaped":     {"/?filter=%7B%22%24where%22%3A1%7D", "", "", "nosql/operator #query/$where"},
		"query-in-brackets": {`/?filter[x]={"$ne":1}`, "", "", "nosql/operator #query/$ne"},
		"query-elsewhere":   {`/?q={"a":{"$ne":1}}`, "", "", ""},
		"query-plain":       {`/?filter=$ne`, "", "", ""},
		"query-ordinary":    {`/?filter={"a":"$ne"}`, "", "", ""},
		"json":              {"/", "application/json", `{"where":"[{\"$match\":{}}]"}`, "nosql/operator /0/$match"},
		"json-prototype":    {"/", "application/json", `{"where":"{\"__proto__\":1}"}`, "validate/prototype-key /__proto__"},
		"json-deeper":       {"/", "application/json", `{"a":{"where":"{\"$ne\":1}"}}`, ""},
		"form":              {"/", "application/x-www-form-urlencoded", `filter={"a":{"$ne":1}}`, "nosql/operator /a/$ne"},
		"odata-is-no-text":  {"/", "application/x-www-form-urlencoded", `filter={"$filter":"a"}`, "nosql/operator /$filter"},
		"query-list":        {`/?filter={"a":1&filter="$ne":1}`, "", "", "nosql/type #query/filter"},
		"query-decoy":       {`/?filter={"a":1&filter]=x&filter="$ne":1}`, "", "", "nosql/type #query/filter"},
		"query-decoy-dot":   {`/?filter[]={"a":1&filter.=x&filter[]="$ne":1}`, "", "", "nosql/type #query/filter"},
		"query-decoy-end":   {`/?filter={"a":1&filter=x]=y&filter="$ne":1}`, "", "", "nosql/type #query/filter"},
		"form-decoy":        {"/", "application/x-www-form-urlencoded", `filter={"a":1&["filter"]=x&filter="$ne":1}`, "nosql/type /filter"},
		"loose-decoy":       {"/", "text/plain", `{"where":"x","where":["{\"a\":1","\"$ne\":1}"]}`, "nosql/type /where"},
		"query-mark":        {"/?filter=\ufeff{\"$ne\":1}", "", "", "nosql/operator #query/$ne"},
		"query-white-space": {"/?filter=%C2%A0%0B{\"$ne\":1}", "", "", "nosql/operator #query/$ne"},
		"query-words":       {`/?filter=red&filter=blue`, "", "", ""},
		"query-each":        {`/?filter={"a":1}&filter={"$ne":1}`, "", "", "nosql/operator #query/$ne"},
		"query-lists":       {`/?filter[]={"a":1}&filter[]={"b":1}`, "", "", ""},
		"query-disorder":    {`/?filter[1]="$ne":1}&filter[0]={"a":1`, "", "", "nosql/type #query/filter"},
		"query-placed-once": {`/?filter[0]={"$ne":1}`, "", "", "nosql/operator #query/$ne"},
		"query-dots":        {`/?filter.0={"a":1&filter.1="$ne":1}`, "", "", "nosql/type #query/filter"},
		"json-list":         {"/", "application/json", `{"where":["{\"a\":1",["\"$ne\":1}"]]}`, "nosql/type /where"},
		"json-in-a-list":    {"/", "application/json", `{"where":["{\"$ne\":1}"]}`, "nosql/operator /$ne"},
		"json-below":        {"/", "application/json", `{"where":{"x":"{\"$ne\":1}"}}`, "nosql/operator /$ne"},
		"json-numbers":      {"/", "application/json", `{"where":["{\"a\":[1", 2, "3],\"$ne\":1}"]}`, "nosql/type /where"},
		"look-alike":        {"/", "text/plain", `{"where":"{\"$ne\":1}"}`, "nosql/operator /$ne"},
		"form-list":         {"/", "application/x-www-form-urlencoded", `filter={"a":1&filter="$ne":1}`, "nosql/type /filter"},
		"odata-in-a-query":  {`/?filter={"$filter":"a"}`, "", "", "nosql/operator #query/$filter"},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest("POST", strings.NewReplacer(" ", "%20", `"`, "%22").Replace(tt.target), strings.NewReader(tt.body))
			if tt.contentType != "" {
				r.Header.Set("Content-Type", tt.contentType)
			}
			if got := judge(t, cfg, r, tt.body); got != tt.want {
				t.Errorf("got %q; want %q", got, tt.want)
			}
		})
	}
}

// What is left of JSON has no operator, and is what encoding/json leaves of the value
// without those members.
func FuzzStrip(f *testing.F) {
	for _, s := range []string{`{"a":{"$ne":1},"b":[{"$in":[]}]}`, `{"$a":1,"b":2,"$c":3}`, `{"constructor":{"prototype":1}}`, `[{},{"$":{}}]`, `{"\u0024a":1}`, `{"$ref":1}`} {
		f.Add([]byte(s))
	}
	cfg := nosql.Config{Strip: []string{"/"}}
	f.Fuzz(func(t *testing.T, body []byte) {
		r := httptest.NewRequest("POST", "/", bytes.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		got, refused := through(t, cfg, r)
		if refused != 0 {
			return
		}
		left := []byte(strings.TrimPrefix(got, " "))
		if len(left) == 0 {
			return
		}
		if verdict := judgeJSON(t, string(left)); verdict != "" {
			t.Fatalf("%q becomes %q, which is refused: %s", body, left, verdict)
		}
		want, have := without(decode(t, body), ""), decode(t, left)
		if !reflect.DeepEqual(want, have) {
			t.Fatalf("%q becomes %q; want %#v", body, left, want)
		}
	})
}

func decode(t *testing.T, b []byte) (v any) {
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.UseNumber()
	if err := dec.Decode(&v); err != nil {
		t.Fatalf("%q: %v", b, err)
	}
	return v
}

// without is a value without the members that are refused.
func without(v any, above string) any {
	switch v := v.(type) {
	case map[string]any:
		for name, inner := range v {
			foreign := false
			for _, f := range nosql.Foreign() {
				foreign = foreign || f == name
			}
			_, below, _ := strings.Cut(name, "constructor")
			if strings.HasPrefix(name, "$") && !foreign || strings.Contains(name, "__proto__") || strings.Contains(below, "prototype") ||
				name == "prototype" && (above == "constructor" || strings.HasSuffix(above, ".constructor")) {
				delete(v, name)
				continue
			}
			v[name] = without(inner, name)
		}
	case []any:
		for i, e := range v {
			v[i] = without(e, "")
		}
	}
	return v
}

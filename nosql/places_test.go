// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package nosql_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/panoply-security/panoply/inspect"
	"github.com/panoply-security/panoply/nosql"
	"github.com/panoply-security/panoply/problem"
)

// judge plays a request through a guard and tells which rule refused it and
// which places it named; "" is none, when the app read the body as it came.
func judge(t *testing.T, cfg nosql.Config, r *http.Request, body string) string {
	t.Helper()
	g, err := nosql.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	respond, err := problem.New(problem.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	rec := httptest.NewRecorder()
	reached := false
	respond.Handler(g.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		reached = true
		if b, err := io.ReadAll(r.Body); err != nil || string(b) != body {
			t.Errorf("the app reads %q, %v; want %q", b, err, body)
		}
	}))).ServeHTTP(rec, r)
	if reached {
		return ""
	}
	var p struct {
		Type   string
		Errors []problem.Field
	}
	if err := json.Unmarshal(rec.Body.Bytes(), &p); err != nil || rec.Code < 400 {
		t.Fatalf("got %d %s", rec.Code, rec.Body)
	}
	told := strings.TrimPrefix(p.Type, "urn:panoply:")
	for _, f := range p.Errors {
		told += " " + f.Pointer
	}
	return told
}

func gz(s string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	io.WriteString(w, s)
	w.Close()
	return b.String()
}

func TestEveryPlaceAndEncoding(t *testing.T) {
	const op, proto, typ = "nosql/operator", "validate/prototype-key", "nosql/type"
	part := func(name string) string {
		return "--x\r\nContent-Disposition: form-data; name=\"" + name + "\"\r\n\r\nv\r\n--x--\r\n"
	}
	const js, form, multi = "application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"
	tests := []struct{ name, method, target, contentType, body, want string }{
		{"json", "POST", "/find", js, `{"a":{"$ne":1}}`, op + " /a/$ne"},
		{"json-at-the-top", "POST", "/find", js, `{"$where":"1"}`, op + " /$where"},
		{"json-escaped", "POST", "/find", js, `{"a":{"\u0024ne":1}}`, op + " /a/$ne"},
		{"json-in-an-array", "POST", "/find", js, `[{"a":[0,{"$in":[]}]}]`, op + " /0/a/1/$in"},
		{"json-deep", "POST", "/find", js, strings.Repeat(`{"a":`, 63) + `{"$ne":1}` + strings.Repeat("}", 63), op + " " + strings.Repeat("/a", 16) + "/…"},
		{"json-unknown-operator", "POST", "/find", js, `{"a":{"$zz":1}}`, op + " /a/$zz"},
		{"json-dollar-alone", "POST", "/find", js, `{"$":1}`, op + " /$"},
		{"json-as-text", "POST", "/find", "text/plain", `{"a":{"$ne":1}}`, op + " /a/$ne"},
		{"json-without-a-type", "POST", "/find", "", `{"a":{"$ne":1}}`, op + " /a/$ne"},
		{"json-as-a-form", "POST", "/find", form, `{"a":{"$ne":1}}`, op + " /a/$ne"},
		{"json-lines", "POST", "/find", "application/x-ndjson", "{}\n{\"$ne\":1}", op + " /$ne"},
		{"json-by-get", "GET", "/find", js, `{"$ne":1}`, op + " /$ne"},
		{"json-by-delete", "DELETE", "/find", js, `{"$ne":1}`, op + " /$ne"},
		{"json-in-utf-16", "POST", "/find", js + "; charset=utf-16", "{}", "request/charset"},
		{"form", "POST", "/find", form, "a[$ne]=1", op + " /a/$ne"},
		{"form-encoded", "POST", "/find", form, "a%5B%24ne%5D=1", op + " /a/$ne"},
		{"form-at-the-top", "POST", "/find", form, "%24where=1", op + " /$where"},
		{"form-behind-a-mark", "POST", "/find", form, "\xef\xbb\xbf$where=1", "request/form"},
		{"query", "GET", "/find?a[$ne]=1", "", "", op + " #query/a/$ne"},
		{"query-encoded", "GET", "/find?a%5b%24ne%5d=1", "", "", op + " #query/a/$ne"},
		{"query-with-dots", "GET", "/find?a.$ne=1", "", "", op + " #query/a/$ne"},
		{"multipart", "POST", "/find", multi, part("a[$ne]"), op + " /a/$ne"},
		{"multipart-at-the-top", "POST", "/find", multi, part("$where"), op + " /$where"},
		{"prototype", "POST", "/find", js, `{"__proto__":{"admin":true}}`, proto + " /__proto__"},
		{"prototype-escaped", "POST", "/find", js, `{"__\u0070roto__":1}`, proto + " /__proto__"},
		{"prototype-by-constructor", "POST", "/find", js, `{"constructor":{"prototype":{"admin":1}}}`, proto + " /constructor/prototype"},
		{"prototype-dotted", "POST", "/find", js, `{"constructor.prototype.admin":1}`, proto + " /constructor.prototype.admin"},
		{"prototype-in-brackets", "POST", "/find", js, `{"a[__proto__][admin]":1}`, proto + " /a[__proto__][admin]"},
		{"prototype-below-a-dotted-name", "POST", "/find", js, `{"a.constructor":{"prototype":1}}`, proto + " /a.constructor/prototype"},
		{"prototype-in-a-form", "POST", "/find", form, "constructor[prototype][admin]=1", proto + " /constructor/prototype"},
		{"prototype-in-a-query", "GET", "/find?__proto__[admin]=1", "", "", proto + " #query/__proto__"},

		{"login-null", "POST", "/login", js, `{"email":null,"password":"x"}`, typ + " /email"},
		{"login-array", "POST", "/api/login", js, `{"email":"a","password":["x"]}`, typ + " /password"},
		{"login-twice", "POST", "/login", form, "email=a&email=b", typ + " /email"},
		{"login-in-brackets-too", "POST", "/login", form, "email=a&[email]=b", typ + " /email"},
		{"login-position", "POST", "/login", form, "email[0]=a", typ + " /email"},
		{"login-by-the-query", "POST", "/login?password[]=a", "", "", typ + " #query/password"},
		{"login-multipart-twice", "POST", "/login", multi, strings.Replace(part("email"), "--x--\r\n", part("email"), 1), typ + " /email"},
		{"login-in-other-letters", "POST", "/LOGIN/", js, `{"username":{}}`, typ + " /username"},
		{"login-nested", "POST", "/login", js, `{"user":{"email":1}}`, typ + " /user/email"},

		{"values-are-values", "POST", "/login", js, `{"email":"$ne","password":"{\"$gt\":\"\"}","note":"__proto__"}`, ""},
		{"form-values", "POST", "/login", form, "email=$ne&password=[$gt]", ""},
		{"other-names", "POST", "/find", js, `{"a$":1,"price $":2,"constructor":3,"prototype":4,"a.b":5,"":6}`, ""},
		{"login-page", "GET", "/login?email[]=1", "", "", ""},
		{"email-elsewhere", "POST", "/find", js, `{"email":["a"]}`, ""},
		{"text", "POST", "/find", "text/plain", "a[$ne]=1", ""},
		{"multipart-file", "POST", "/find", multi, "--x\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a\"\r\n\r\n{\"$ne\":1}\r\n--x--\r\n", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest(tt.method, tt.target, strings.NewReader(tt.body))
			if tt.contentType != "" {
				r.Header.Set("Content-Type", tt.contentType)
			}
			if got := judge(t, nosql.Config{}, r, tt.body); got != tt.want {
				t.Errorf("got %q; want %q", got, tt.want)
			}
			if tt.body == "" || strings.HasPrefix(tt.contentType, "multipart") {
				return
			}
			r = httptest.NewRequest(tt.method, tt.target, strings.NewReader(gz(tt.body)))
			r.ContentLength = -1
			r.Header.Set("Content-Encoding", "gzip")
			if tt.contentType != "" {
				r.Header.Set("Content-Type", tt.contentType)
			}
			if got := judge(t, nosql.Config{}, r, tt.body); got != tt.want {
				t.Errorf("packed: got %q; want %q", got, tt.want)
			}
		})
	}
}

func TestJSONCookies(t *testing.T) {
	for value, want := range map[string]string{
		`j:{"$ne":1}`:               "nosql/operator #cookie/$ne",
		`j%3A%7B%22%24ne%22%3A1%7D`: "nosql/operator #cookie/$ne",
		`s:j:{"__proto__":1}.sig`:   "validate/prototype-key #cookie/__proto__",
		`{"$ne":1}`:                 "",
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Cookie", "sid=1; c="+value)
		if got := judge(t, nosql.Config{}, r, ""); got != want {
			t.Errorf("%s: got %q; want %q", value, got, want)
		}
	}
	for name, want := range map[string]string{"token[$ne]": "nosql/operator #cookie/token[$ne]", "a[b]": "", "a[__proto__][x]": "validate/prototype-key #cookie/a[__proto__][x]"} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Cookie", "sid=1; "+name+"=1")
		if got := judge(t, nosql.Config{}, r, ""); got != want {
			t.Errorf("%s: got %q; want %q", name, got, want)
		}
	}
}

func TestAllowAndStrings(t *testing.T) {
	cfg := nosql.Config{Strings: []string{"token"}, Allow: []nosql.Allow{
		{Match: "/odata/", Keys: []string{"$set"}}, {Match: "GET /odata/", Keys: []string{"$inc"}}, {Match: "/{any...}", Keys: []string{"$a"}},
		{Match: "/odata/{set}", Keys: []string{"$b"}}, {Match: "/odata/{set...}", Keys: []string{"$c"}}, {Match: "/", Keys: []string{"$d"}},
	}}
	tests := []struct{ name, method, target, body, want string }{
		{"allowed", "GET", "/odata/x?$set=a&$inc=1", "", ""},
		{"six-routes-at-once", "GET", "/odata/x?$set=a&$inc=1&$a=1&$b=1&$c=1&$d=1", "", ""},
		{"exact-names", "GET", "/odata/x?$sets=a", "", "nosql/operator #query/$sets"},
		{"other-letters", "GET", "/odata/x?$Set=a", "", "nosql/operator #query/$Set"},
		{"other-method", "DELETE", "/odata/x?$inc=1", "", "nosql/operator #query/$inc"},
		{"other-route", "GET", "/data?$set=a", "", "nosql/operator #query/$set"},
		{"operator-below-an-allowed-name", "POST", "/odata/x", `{"$set":{"$ne":1}}`, "nosql/operator /$set/$ne"},
		{"prototype-all-the-same", "POST", "/odata/x", `{"__proto__":1}`, "validate/prototype-key /__proto__"},
		{"string", "POST", "/any", `{"a":{"token":"x"}}`, ""},
		{"no-string", "POST", "/any", `{"a":{"token":1}}`, "nosql/type /a/token"},
		{"login-fields-are-named-by-the-operator-then", "POST", "/login", `{"email":1}`, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest(tt.method, tt.target, strings.NewReader(tt.body))
			r.Header.Set("Content-Type", "application/json")
			if got := judge(t, cfg, r, tt.body); got != tt.want {
				t.Errorf("got %q; want %q", got, tt.want)
			}
		})
	}
}

func TestNewTellsEveryFault(t *testing.T) {
	_, err := nosql.New(nosql.Config{Strings: []string{"a", ""}, Allow: []nosql.Allow{
		{Match: "odata", Keys: []string{"$a"}}, {Match: "/x"}, {Match: "/y", Keys: []string{"$a", "__proto__"}}}})
	for _, at := range []string{"strings[1]: ", "allow[0].match: ", "allow[1].keys: ", "allow[2].keys[1]: "} {
		if err == nil || !strings.Contains("\n"+err.Error(), "\n"+at) {
			t.Errorf("got %v; want %q among it", err, at)
		}
	}
}

// In report mode everything is told and everything passes.
func TestJudge(t *testing.T) {
	g, err := nosql.New(nosql.Config{})
	if err != nil {
		t.Fatal(err)
	}
	told := 0
	check := g.For(nil)
	check.Judge = func(*problem.Error) error { told++; return nil }
	if err := inspect.ReadQuery("a[$ne]=1&$where=2&__proto__=3", &check, nil); err != nil || told != 3 {
		t.Errorf("got %v, told %d times; want 3", err, told)
	}
}

func BenchmarkJSONBody(b *testing.B) {
	benchmark(b, "application/json", `{"name":"O'Brien-Müller","email":"someone@shop.example","password":"pa$$w0rd&1","tags":["a","b"],"address":{"street":"x","zip":12345}}`, "/api/users")
}
func BenchmarkFormBody(b *testing.B) {
	benchmark(b, "application/x-www-form-urlencoded", "name=O%27Brien&email=someone%40shop.example&address[zip]=12345&tags[]=a", "/api/users")
}
func BenchmarkQueryAlone(b *testing.B) {
	benchmark(b, "", "", "/api/users?page=2&sort=name&filter[active]=1")
}

// benchmark is the guard alone, without the answer.
func benchmark(b *testing.B, contentType, body, target string) {
	g, err := nosql.New(nosql.Config{})
	if err != nil {
		b.Fatal(err)
	}
	h := g.Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	r := httptest.NewRequest("POST", target, nil)
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	reader := strings.NewReader(body)
	w := httptest.NewRecorder()
	b.SetBytes(int64(len(body) + len(r.URL.RawQuery)))
	b.ReportAllocs()
	for b.Loop() {
		reader.Reset(body)
		if r.ContentLength = int64(len(body)); body != "" {
			r.Body = io.NopCloser(reader)
		}
		h.ServeHTTP(w, r)
	}
	if w.Code != 200 {
		b.Fatal(w.Code)
	}
}

// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package nosql_test

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/panoply-security/panoply/inspect"
	"github.com/panoply-security/panoply/nosql"
	"github.com/panoply-security/panoply/problem"
	"github.com/panoply-security/panoply/rule"
)

func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.DiscardHandler))
	os.Exit(m.Run())
}

func guard(t testing.TB, cfg nosql.Config) *nosql.Guard {
	t.Helper()
	g, err := nosql.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

const (
	jsonType  = "application/json"
	formType  = "application/x-www-form-urlencoded"
	linesType = "application/x-ndjson"
	multiType = "multipart/form-data; boundary=B"
)

// sent is a request, and the rule that refuses it; "" when it passes.
type sent struct {
	name, target, typ, body, cookie string
	rule                            rule.ID
	pointer                         string
}

// play sends it through the guard's handler and checks what came of it.
func (s sent) play(t *testing.T, g *nosql.Guard) {
	t.Helper()
	method, target, _ := strings.Cut(s.target, " ")
	r := httptest.NewRequest(method, target, strings.NewReader(s.body))
	if s.typ != "" {
		r.Header.Set("Content-Type", s.typ)
	}
	if s.cookie != "" {
		r.Header.Set("Cookie", s.cookie)
	}
	reached := false
	rec := httptest.NewRecorder()
	g.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		reached = true
		if got, err := io.ReadAll(r.Body); err != nil || string(got) != s.body {
			t.Errorf("the app gets %q, %v; want %q", got, err, s.body)
		}
	})).ServeHTTP(rec, r)
	if reached != (s.rule == "") {
		t.Errorf("it reached the app: %v (status %d)", reached, rec.Code)
	}
	if s.rule == "" {
		return
	}
	var answer struct {
		Type   string
		Status int
		Errors []problem.Field
	}
	if err := json.Unmarshal(rec.Body.Bytes(), &answer); err != nil {
		t.Fatal(err)
	}
	if !strings.HasSuffix(answer.Type, string(s.rule)) || answer.Status != rec.Code || rec.Code < 400 || rec.Code > 499 {
		t.Errorf("answered %d %s; want %s", rec.Code, rec.Body, s.rule)
	}
	if s.pointer != "" && (len(answer.Errors) != 1 || answer.Errors[0].Pointer != s.pointer) {
		t.Errorf("fields %v, want one at %s", answer.Errors, s.pointer)
	}
}

func playAll(t *testing.T, g *nosql.Guard, all []sent) {
	t.Helper()
	for _, s := range all {
		t.Run(s.name, func(t *testing.T) { s.play(t, g) })
	}
}

func part(name string) string {
	return "--B\r\nContent-Disposition: form-data; name=\"" + name + "\"\r\n\r\nv\r\n--B--\r\n"
}

// What cannot be read in one way, or is too long to be held, reaches nobody.
func TestWhatCannotBeReadIsRefused(t *testing.T) {
	long := strings.Repeat("v", inspect.DefaultMaxBytes)
	playAll(t, guard(t, nosql.Config{}), []sent{
		{"malformed-json", "POST /", jsonType, `{"a":`, "", rule.RequestJSON, ""},
		{"malformed-query", "GET /?a=%", "", "", "", rule.RequestQuery, ""},
		{"malformed-multipart", "POST /", multiType, "x", "", rule.RequestMultipart, ""},
		{"other-multipart", "POST /", "multipart/mixed; boundary=B", part("a"), "", rule.RequestContentType, ""},
		{"multipart-without-boundary", "POST /", "multipart/form-data", part("a"), "", rule.RequestMultipart, ""},
		{"long-multipart", "POST /", multiType, strings.Replace(part("a"), "v", long, 1), "", rule.RequestTooLarge, ""},
		{"multipart-as-long-as-may-be", "POST /", multiType, strings.Replace(part("a"), "v", long[len(part("")):], 1), "", "", ""},
		{"long-json", "POST /", jsonType, `"` + long + `"`, "", rule.RequestTooLarge, ""},
		{"path-with-nul", "GET /a%00", "", "", "", rule.RequestPath, ""},
	})
}

func TestPrototypeKeysAreRefused(t *testing.T) {
	proto := rule.ValidatePrototype
	g := guard(t, nosql.Config{})
	for name, want := range map[string]rule.ID{
		`{"__proto__":{"a":1}}`:                     proto,
		`{"a":[{"__proto__":null}]}`:                proto,
		`{"\u005f_proto__":1}`:                      proto,
		`{"constructor":{"prototype":{"a":1}}}`:     proto,
		`{"a.__proto__.b":1}`:                       proto,
		`{"a[__proto__][b]":1}`:                     proto,
		`{"constructor.prototype.a":1}`:             proto,
		`{"a.constructor":{"prototype":1}}`:         proto,
		`{"constructor[prototype]":1}`:              proto,
		`{"constructor":"Ferrari"}`:                 "",
		`{"prototype":{"constructor":1}}`:           "",
		`{"constructor":{"a":{"prototype":1}}}`:     "",
		`{"proto":1,"__proto":1,"proto__":1}`:       "",
		`{"a":"__proto__"}`:                         "",
		`{"constructor":[1],"b":{"prototype":"x"}}`: "",
	} {
		sent{target: "POST /", typ: jsonType, body: name, rule: want}.play(t, g)
	}
	playAll(t, g, []sent{
		{"query", "GET /?__proto__[a]=1", "", "", "", proto, "#query/__proto__"},
		{"query-constructor", "GET /?constructor[prototype][a]=1", "", "", "", proto, "#query/constructor/prototype"},
		{"query-with-dots", "GET /?a.__proto__.b=1", "", "", "", proto, ""},
		{"form", "POST /", formType, "a[__proto__][b]=1", "", proto, "/a/__proto__"},
		{"multipart", "POST /", multiType, part("__proto__[a]"), "", proto, "/__proto__"},
		{"cookie", "GET /", "", "", `a=j:{"__proto__":1}`, proto, "#cookie/__proto__"},
	})
}

func TestNamedFieldsMustBeStrings(t *testing.T) {
	g := guard(t, nosql.Config{Strings: []string{"email", "token"}})
	typ := rule.NoSQLType
	playAll(t, g, []sent{
		{"string", "POST /", jsonType, `{"email":"a","token":""}`, "", "", ""},
		{"absent", "POST /", jsonType, `{}`, "", "", ""},
		{"null", "POST /", jsonType, `{"email":null}`, "", typ, "/email"},
		{"number", "POST /", jsonType, `{"email":1}`, "", typ, "/email"},
		{"boolean", "POST /", jsonType, `{"email":true}`, "", typ, "/email"},
		{"array", "POST /", jsonType, `{"email":["a"]}`, "", typ, "/email"},
		{"object", "POST /", jsonType, `{"email":{"a":"b"}}`, "", typ, "/email"},
		{"below", "POST /", jsonType, `{"user":[{"token":0}]}`, "", typ, "/user/0/token"},
		{"json-lines", "POST /", linesType, "{\"email\":\"a\"}\n{\"email\":{}}", "", typ, "/email"},
		{"look-alike", "POST /", "text/plain", `{"email":[]}`, "", typ, "/email"},
		{"form", "POST /", formType, "email=a&token=b", "", "", ""},
		{"form-repeated", "POST /", formType, "email=a&email=b", "", typ, "/email"},
		{"form-repeated-encoded", "POST /", formType, "email=a&%65mail=b", "", typ, "/email"},
		{"form-list", "POST /", formType, "email[]=a", "", typ, "/email"},
		{"form-position", "POST /", formType, "email[0]=a", "", typ, "/email"},
		{"form-object", "POST /", formType, "email[a]=b", "", typ, "/email"},
		{"form-below", "POST /", formType, "user[email][a]=b", "", typ, "/user/email"},
		{"form-below-repeated", "POST /", formType, "user[email]=a&user[email]=b", "", typ, "/user/email"},
		{"query-repeated", "GET /?token=a&token=b", "", "", "", typ, "#query/token"},
		{"query-brackets", "GET /?token[a]=b", "", "", "", typ, "#query/token"},
		{"cookie", "GET /", "", "", `a=j:{"token":1}`, typ, "#cookie/token"},
		{"multipart-brackets", "POST /", multiType, part("email[a]"), "", typ, "/email"},
		{"multipart-repeated", "POST /", multiType, strings.TrimSuffix(part("email"), "--B--\r\n") + part("email"), "", typ, "/email"},
		{"other-case", "POST /", jsonType, `{"Email":1}`, "", "", ""},
		{"value", "POST /", jsonType, `{"field":"email","n":1}`, "", "", ""},
		{"login-defaults-are-replaced", "POST /login", jsonType, `{"password":1}`, "", "", ""},
		{"operator-first", "POST /", jsonType, `{"x":{"$ne":1}}`, "", rule.NoSQLOperator, "/x/$ne"},
	})
}

func TestLoginFieldsAreTypedOnLoginPaths(t *testing.T) {
	const body = `{"email":"a","password":1}`
	typ := rule.NoSQLType
	g := guard(t, nosql.Config{Allow: []nosql.Allow{{Match: "/", Keys: []string{"$ok"}}}})
	playAll(t, g, []sent{
		{"login", "POST /login", jsonType, body, "", typ, "/password"},
		{"in-capitals", "POST /Login/", jsonType, body, "", typ, "/password"},
		{"api-login", "POST /api/login", jsonType, body, "", typ, "/password"},
		{"versioned", "POST /api/v1/auth/login", jsonType, body, "", typ, "/password"},
		{"sessions", "POST /api/sessions", jsonType, body, "", typ, "/password"},
		{"auth-anything", "POST /auth/local", jsonType, body, "", typ, "/password"},
		{"form", "POST /signin", formType, "username=a&password[x]=1", "", typ, "/password"},
		{"each-field", "POST /login", jsonType, `{"email":"a","username":"b","password":"c","passwd":null}`, "", typ, "/passwd"},
		{"deep", "POST /api/v1/users/sign_in", jsonType, body, "", typ, "/password"},
		{"callback", "POST /api/auth/callback/credentials", jsonType, body, "", typ, "/password"},
		{"around-the-others", "POST /login", formType, "login[username]=a&login[password]=b", "", "", ""},
		{"typed-within", "POST /login", formType, "login[username]=a&login[password][]=b", "", typ, "/login/password"},
		{"list-of-logins", "POST /login", jsonType, `{"login":["a"]}`, "", typ, "/login"},
		{"strings", "POST /login", jsonType, `{"email":"a","password":"b","remember":true}`, "", "", ""},
		{"other-path", "POST /users", jsonType, body, "", "", ""},
		{"other-method", "GET /login?password=a&password=b", "", "", "", "", ""},
		{"path-in-a-name", "POST /users", jsonType, `{"password.$ne":""}`, "", rule.NoSQLOperator, "/password.$ne"},
		{"brackets-in-a-name", "POST /users", jsonType, `{"password[$ne]":""}`, "", rule.NoSQLOperator, "/password[$ne]"},
		{"money-in-a-name", "POST /users", jsonType, `{"price.$":1,"US$.x":2,"a[$1]":3}`, "", "", ""},
		{"operator-elsewhere", "POST /users", jsonType, `{"password":{"$ne":""}}`, "", rule.NoSQLOperator, "/password/$ne"},
	})
}

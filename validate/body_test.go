// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package validate_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/panoply-security/panoply/problem"
	"github.com/panoply-security/panoply/rule"
	"github.com/panoply-security/panoply/validate"
)

type createUser struct {
	Name     string `json:"name" validate:"min=1,max=100"`
	Email    string `json:"email" validate:"email"`
	Password string `json:"password" validate:"min=8,max=128"`
	Nick     string `json:"nick" validate:"optional,max=5"`
}

type address struct {
	Street string `json:"street"`
	Zip    *int   `json:"zip"`
}

type Base struct {
	ID    int    `json:"id"`
	Owner string `json:"owner" validate:"optional"`
}

type order struct {
	*Base
	Owner  int                `json:"owner"` // hides Base's
	Home   address            `json:"home"`
	Work   *address           `json:"office"`
	Lines  []address          `json:"lines" validate:"min=1,max=2"`
	Prices map[string]float64 `json:"prices" validate:"optional,max=1"`
	Pair   [2]int             `json:"pair" validate:"optional"`
	When   time.Time          `json:"when" validate:"optional"`
	Data   []byte             `json:"data" validate:"optional"`
	Any    any                `json:"any" validate:"optional"`
	Hidden string             `json:"-"`
	Self   *order             `json:"self"`
}

type number struct {
	I8  int8    `json:"i8" validate:"optional"`
	U8  uint8   `json:"u8" validate:"optional"`
	I   int     `json:"i" validate:"optional,min=3,max=9"`
	F32 float32 `json:"f32" validate:"optional"`
	F   float64 `json:"f" validate:"optional"`
}

type period struct {
	From int `json:"from"`
	To   int `json:"to"`
}

func (r *period) Validate() error {
	if r.From > r.To {
		return errors.New("It must not end before it starts.")
	}
	return nil
}

func request(body string) *http.Request {
	r := httptest.NewRequest("POST", "/", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	return r
}

// fields spells the answer to a body: each fault as its pointer and text.
func fields(err error) string {
	var e *problem.Error
	if err == nil {
		return ""
	}
	if !errors.As(err, &e) {
		return "no problem: " + err.Error()
	}
	var all []string
	for _, f := range e.Fields {
		all = append(all, f.Pointer+" "+f.Detail)
	}
	if len(all) == 0 {
		return string(e.Rule)
	}
	return strings.Join(all, "; ")
}

func into[T any](body string, unknown ...validate.Unknown) string {
	_, err := validate.Body[T](request(body), unknown...)
	return fields(err)
}

const fit = `{"name":"Ann","email":"ann@shop.example","password":"12345678"}`

func TestBody(t *testing.T) {
	with := func(member string) string { return strings.TrimSuffix(fit, "}") + "," + member + "}" }
	line := `{"street":"s"}`
	ord := func(more string) string {
		return `{"id":1,"owner":2,"home":` + line + `,"lines":[` + line + `]` + more + `}`
	}
	tests := []struct{ name, got, want string }{
		{"fits", into[createUser](fit), ""},
		{"optional", into[createUser](with(`"nick":"an"`)), ""},
		{"escaped-name", into[createUser](strings.Replace(fit, "name", `n\u0061me`, 1)), ""},
		{"missing", into[createUser](`{}`), "/name It is required.; /email It is required.; /password It is required."},
		{"unknown", into[createUser](with(`"role":"admin"`)), "/role It is not a known field."},
		{"letter-case", into[createUser](strings.Replace(fit, "name", "NAME", 1)), "/NAME It is not a known field.; /name It is required."},
		{"field-without-a-name-here", into[order](ord(`,"Hidden":"x"`)), "/Hidden It is not a known field."},
		{"stripped", into[createUser](with(`"role":"admin"`), validate.Strip), ""},
		{"stripped-but-missing", into[createUser](`{"NAME":"x"}`, validate.Strip), "/name It is required.; /email It is required.; /password It is required."},
		{"object-for-a-string", into[createUser](strings.Replace(fit, `"12345678"`, `{"$ne":""}`, 1)), "/password It must be a string."},
		{"null-for-a-string", into[createUser](strings.Replace(fit, `"12345678"`, `null`, 1)), "/password It must be a string."},
		{"number-for-a-string", into[createUser](strings.Replace(fit, `"Ann"`, `1`, 1)), "/name It must be a string."},
		{"too-short", into[createUser](strings.Replace(fit, `12345678`, `ééééééé`, 1)), "/password It must have at least 8 characters."},
		{"characters-not-bytes", into[createUser](strings.Replace(fit, `12345678`, `éééééééé`, 1)), ""},
		{"too-long", into[createUser](with(`"nick":"123456"`)), "/nick It must have at most 5 characters."},
		{"every-fault-at-once", into[createUser](`{"name":"","email":"x","password":1,"x/y":0}`),
			"/name It must have at least 1 characters.; /email It is not a valid email.; /password It must be a string.; /x~1y It is not a known field."},
		{"array", into[createUser](`[]`), " It must be an object."},
		{"prototype", into[createUser](with(`"__proto__":{}`)), "/__proto__ Prototype keys are not accepted."},
		{"prototype-stripped", into[createUser](with(`"__proto__":{}`), validate.Strip), "/__proto__ Prototype keys are not accepted."},
		{"duplicate", into[createUser](with(`"name":"Bob"`)), "request/json"},
		{"two-values", into[createUser](fit + fit), "request/json"},
		{"no-body", into[createUser](""), " A JSON body is required."},

		{"nested", into[order](ord("")), ""},
		{"nested-fault", into[order](`{"id":1,"owner":2,"home":{"street":1,"x":0},"lines":[{"street":"s"},{}]}`),
			"/home/street It must be a string.; /home/x It is not a known field.; /lines/1/street It is required."},
		{"embedded-is-required", into[order](strings.Replace(ord(""), `"id":1,`, "", 1)), "/id It is required."},
		{"embedded-is-hidden", into[order](strings.Replace(ord(""), `"owner":2`, `"owner":"x"`, 1)), "/owner It must be a number."},
		{"pointer-takes-null", into[order](ord(`,"office":null,"self":null`)), ""},
		{"pointer-takes-a-value", into[order](ord(`,"office":{"street":"s","zip":1}`)), ""},
		{"pointer-fault", into[order](ord(`,"office":{"street":"s","zip":"1"}`)), "/office/zip It must be a number."},
		{"type-that-holds-itself", into[order](ord(`,"self":` + ord(`,"x":1`))), "/self/x It is not a known field."},
		{"too-few-items", into[order](strings.Replace(ord(""), `[`+line+`]`, `[]`, 1)), "/lines It must have at least 1 items."},
		{"too-many-items", into[order](strings.Replace(ord(""), `[`+line, `[`+line+`,`+line+`,`+line, 1)), "/lines It must have at most 2 items."},
		{"object-for-a-list", into[order](strings.Replace(ord(""), `[`+line+`]`, `{"0":`+line+`}`, 1)), "/lines It must be an array."},
		{"map", into[order](ord(`,"prices":{"a":1.5}`)), ""},
		{"map-fault", into[order](ord(`,"prices":{"a":"1","b":2}`)), "/prices It must have at most 1 fields."},
		{"array-of-two", into[order](ord(`,"pair":[1,2]`)), ""},
		{"array-of-three", into[order](ord(`,"pair":[1,2,3]`)), "/pair It must have 2 items."},
		{"time", into[order](ord(`,"when":"2026-11-23T10:00:00Z"`)), ""},
		{"no-time", into[order](ord(`,"when":"secret-4711"`)), "/when It is not a valid date-time."},
		{"base64", into[order](ord(`,"data":"aGk="`)), ""},
		{"no-base64", into[order](ord(`,"data":"?"`)), "/data It must be base64."},
		{"anything", into[order](ord(`,"any":[{"x":null}]`)), ""},

		{"numbers", into[number](`{"i8":-128,"u8":255,"i":9,"f32":1e38,"f":1.5e300}`), ""},
		{"out-of-range", into[number](`{"i8":128,"u8":-1,"f32":1e39}`), "/i8 It is out of range.; /u8 It is out of range.; /f32 It is out of range."},
		{"fraction", into[number](`{"i":3.5}`), "/i It must be a whole number."},
		{"exponent", into[number](`{"i":3e0}`), "/i It must be a whole number."},
		{"too-small", into[number](`{"i":2}`), "/i It must be at least 3."},
		{"too-large", into[number](`{"i":10}`), "/i It must be at most 9."},
		{"string-for-a-number", into[number](`{"i":"3"}`), "/i It must be a number."},
		{"infinite", into[number](`{"f":1e400}`), "request/json"},

		{"own-rule", into[period](`{"from":1,"to":2}`), ""},
		{"own-rule-broken", into[period](`{"from":2,"to":1}`), " It must not end before it starts."},
		{"own-rule-of-a-pointer", into[*period](`{"from":2,"to":1}`), " It must not end before it starts."},
		{"null-for-a-pointer", into[*period](`null`), ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.got != tt.want {
				t.Errorf("got  %q\nwant %q", tt.got, tt.want)
			}
		})
	}
}

func TestEmails(t *testing.T) {
	for email, want := range map[string]bool{
		"a@b.example": true, "first.last+tag@sub.shop.example": true, "ü@b.example": true, "a@b": false, "a": false, "": false, "@b.example": false,
		"a@": false, "a b@c.example": false, "Ann <a@b.example>": false, "<a@b.example>": false, `"a b"@c.example`: false, "a@[127.0.0.1]": false,
		"a@b.example, c@d.example": false, "a@b.example\r\nBcc: x@y.example": false, "a@b..example": false, "a@b.example.": false,
		`"<script>"@b.example`: false, "a(comment)@b.example": false, strings.Repeat("a", 250) + "@b.example": false,
	} {
		quoted, _ := json.Marshal(email)
		got := into[struct {
			Email string `json:"email" validate:"email"`
		}](`{"email":` + string(quoted) + `}`)
		if (got == "") != want {
			t.Errorf("%q: got %q; want it taken: %v", email, got, want)
		}
	}
}

func TestBodyGivesTheValue(t *testing.T) {
	v, err := validate.Body[order](request(`{"id":7,"owner":2,"home":{"street":"s","zip":9},"lines":[{"street":"t"}],"role":"admin"}`), validate.Strip)
	if err != nil {
		t.Fatal(err)
	}
	if v.ID != 7 || v.Owner != 2 || v.Base.Owner != "" || *v.Home.Zip != 9 || v.Lines[0].Street != "t" {
		t.Errorf("got %+v", v)
	}
	u, err := validate.Body[createUser](request(`{"name":1}`))
	if err == nil || u != (createUser{}) {
		t.Errorf("a refused body gives %+v, %v; want nothing", u, err)
	}
	r := request("name=Ann")
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if _, err := validate.Body[createUser](r); problem.As(err).Rule != rule.ValidateType {
		t.Errorf("a form: got %v; want %s", err, rule.ValidateType)
	}
}

// No value of the body is told, not even to the log.
func TestBodyTellsNoValues(t *testing.T) {
	_, err := validate.Body[order](request(`{"id":1,"owner":2,"home":{"street":"s"},"lines":[{"street":"s"}],"when":"secret-4711"}`))
	if err == nil || strings.Contains(fmt.Sprint(err), "4711") || strings.Contains(fmt.Sprint(problem.As(err).Cause), "4711") {
		t.Errorf("got %v", err)
	}
}

func TestUnknownTagsPanic(t *testing.T) {
	defer func() {
		if v := recover(); v == nil || !strings.Contains(fmt.Sprint(v), `"longest=3"`) {
			t.Errorf("panicked with %v; want the tag named", v)
		}
	}()
	into[struct {
		A string `json:"a" validate:"longest=3"`
	}](`{}`)
}

// A body that the suit has read and stripped is read again from what is left.
func TestBodyBehindStrip(t *testing.T) {
	v, err := validate.New(validate.Config{Routes: []validate.Route{{Match: "POST /", Unknown: validate.Strip,
		Schema: json.RawMessage(`{"type":"object","properties":{"i":{"type":"integer"},"u8":{"type":"integer"}}}`)}}})
	if err != nil {
		t.Fatal(err)
	}
	respond, err := problem.New(problem.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	var got number
	rec := httptest.NewRecorder()
	respond.Handler(v.Handler(problem.Handler(func(w http.ResponseWriter, r *http.Request) error {
		got, err = validate.Body[number](r)
		return err
	}))).ServeHTTP(rec, request(`{"role":"a long text that is taken out", "i" : 5 , "x":{"y":[1]},"u8":200}`))
	if rec.Code != 200 || got.I != 5 || got.U8 != 200 {
		b, _ := io.ReadAll(rec.Body)
		t.Errorf("got %d %+v %s; want 5 and 200", rec.Code, got, b)
	}
}

func BenchmarkBody(b *testing.B) {
	reader := strings.NewReader(fit)
	r := request("")
	b.ReportAllocs()
	for b.Loop() {
		reader.Reset(fit)
		r.Body, r.ContentLength = io.NopCloser(reader), int64(len(fit))
		if _, err := validate.Body[createUser](r); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkBodyPlainDecode is what a handler does without this package.
func BenchmarkBodyPlainDecode(b *testing.B) {
	reader := strings.NewReader(fit)
	b.ReportAllocs()
	for b.Loop() {
		reader.Reset(fit)
		var u createUser
		if err := json.NewDecoder(reader).Decode(&u); err != nil {
			b.Fatal(err)
		}
	}
}

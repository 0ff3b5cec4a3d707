// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package validate_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/panoply-security/panoply/validate"
)

type tagged struct {
	Len     string            `json:"len" validate:"optional,len=3"`
	Code    string            `json:"code" validate:"optional,min=1,pattern=^[a-z]{2,3}(,[a-z])?$"`
	Role    string            `json:"role" validate:"optional,oneof=buyer|seller"`
	Stars   int               `json:"stars" validate:"optional,oneof=1|3|5"`
	URL     string            `json:"url" validate:"optional,url,max=40"`
	UUID    string            `json:"uuid" validate:"optional,uuid"`
	Date    string            `json:"date" validate:"optional,date"`
	When    string            `json:"when" validate:"optional,datetime"`
	Emails  []string          `json:"emails" validate:"optional,max=2,dive,email"`
	Grid    [][]int           `json:"grid" validate:"optional,len=2,dive,max=2,dive,min=0,max=9"`
	Headers map[string]string `json:"headers" validate:"optional,max=2,dive,max=3"`
	Key     []byte            `json:"key" validate:"optional,len=2"`
	Big     uint64            `json:"big" validate:"optional,min=9007199254740993"`
	Small   int64             `json:"small" validate:"optional,max=-9007199254740993"`
	Ratio   *float32          `json:"ratio" validate:"min=0.5,max=1"`
	Period  *period           `json:"period"`
	Nick    nick              `json:"nick" validate:"optional"`
	Nicks   map[string]nick   `json:"nicks" validate:"optional"`
}

type nick string

func (n nick) Validate() error {
	if strings.Contains(string(n), "admin") {
		return errors.New("It is taken.")
	}
	return nil
}

func TestTags(t *testing.T) {
	for _, tt := range []struct{ body, want string }{
		{`{"len":"äöü"}`, ""},
		{`{"len":"abcd"}`, "/len It must have at most 3 characters."},
		{`{"len":"ab"}`, "/len It must have at least 3 characters."},
		{`{"code":"ab,c"}`, ""},
		{`{"code":"abcd"}`, "/code It does not have the required form."},
		{`{"role":"seller"}`, ""},
		{`{"role":"admin"}`, "/role It is not one of the allowed values."},
		{`{"role":""}`, "/role It is not one of the allowed values."},
		{`{"role":"buyer|seller"}`, "/role It is not one of the allowed values."},
		{`{"stars":3}`, ""},
		{`{"stars":4}`, "/stars It is not one of the allowed values."},
		{`{"url":"https://shop.example/a?b=c#d"}`, ""},
		{`{"url":"http://[::1]:80/%41"}`, ""},
		{`{"url":"javascript:alert(1)"}`, "/url It is not a valid URL."},
		{`{"url":"//shop.example"}`, "/url It is not a valid URL."},
		{`{"url":"https://user:pass@shop.example"}`, "/url It is not a valid URL."},
		{`{"url":"https:///x"}`, "/url It is not a valid URL."},
		{`{"url":"https://shop.example\\@evil.example"}`, "/url It is not a valid URL."},
		{`{"uuid":"123E4567-e89b-42d3-a456-426614174000"}`, ""},
		{`{"uuid":"123e4567-e89b-42d3-a456-42661417400g"}`, "/uuid It is not a valid UUID."},
		{`{"date":"2024-02-29"}`, ""},
		{`{"date":"2023-02-29"}`, "/date It is not a valid date."},
		{`{"when":"2026-11-27T10:00:00.5+01:00"}`, ""},
		{`{"when":"2026-11-27T10:00:00"}`, "/when It is not a valid date-time."},
		{`{"emails":["a@b.example","x"]}`, "/emails/1 It is not a valid email."},
		{`{"emails":["a@b.example","x","y"]}`, "/emails It must have at most 2 items."},
		{`{"grid":[[1,9],[]]}`, ""},
		{`{"grid":[[1,10],[1,2,3]]}`, "/grid/0/1 It must be at most 9.; /grid/1 It must have at most 2 items."},
		{`{"headers":{"a":"1234"}}`, "/headers/a It must have at most 3 characters."},
		{`{"key":"aGk="}`, ""},
		{`{"key":"aA=="}`, "/key It must have at least 2 bytes."},
		{`{"big":9007199254740993}`, ""},
		{`{"big":9007199254740992}`, "/big It must be at least 9007199254740993."},
		{`{"small":-9007199254740993}`, ""},
		{`{"small":-9007199254740992}`, "/small It must be at most -9007199254740993."},
		{`{"ratio":null}`, ""},
		{`{"ratio":0.4}`, "/ratio It must be at least 0.5."},
		{`{"period":{"from":2,"to":1}}`, "/period It must not end before it starts."},
		{`{"period":{"from":2,"to":"x"}}`, "/period/to It must be a number."},
		{`{"nick":"ann","nicks":{"a":"bob"}}`, ""},
		{`{"nick":"admin","nicks":{"a":"admin"}}`, "/nick It is taken.; /nicks/a It is taken."},
	} {
		if got := into[tagged](tt.body); got != tt.want {
			t.Errorf("%s\ngot  %q\nwant %q", tt.body, got, tt.want)
		}
	}
}

type twice struct {
	A string `json:"B"`
	B string
}

// Period has a promoted method.
type Period struct{ period }

type left struct{ X int }
type right struct{ X int }

func TestCheckFindsEveryFault(t *testing.T) {
	type wrong struct {
		A string         `validate:"longest=3"`
		B int            `validate:"email"`
		C string         `validate:"required"`
		D string         `validate:"min=3,max=2"`
		E uint           `validate:"min=-1"`
		F string         `validate:"pattern=("`
		G string         `validate:"dive,min=1"`
		H []string       `validate:"dive,longest=4"`
		I fmt.Stringer   `json:"i"`
		J func()         `json:"j"`
		K map[int]string `json:"k"`
		L string         `json:"l,string"`
		//lint:ignore SA5008 it is there to be found
		M string            `json:"m,omitemtpy"`
		N bool              `validate:"min=1"`
		O int               `validate:"max=1.5"`
		P map[string]string `validate:"email"`
		Q float64           `validate:"oneof=1|2"`
		R int               `validate:"len=2"`
		S struct {
			left
			right
		}
		T twice
		U struct{ *period }
		V struct{ *Period }
	}
	err := validate.Check[wrong]()
	if err == nil {
		t.Fatal("no fault was found")
	}
	lines := strings.Split(err.Error(), "\n")
	var got []string
	for _, line := range lines {
		at, _, _ := strings.Cut(line, ":")
		got = append(got, strings.TrimPrefix(at, "validate_test.wrong."))
	}
	slices.Sort(got)
	if want := "A B C D E F G H[] I J K L M N O P Q R S T U V"; strings.Join(got, " ") != want {
		t.Errorf("got\n%s\nwant faults at %s", err, want)
	}
	for _, part := range []string{`the tag "longest=3" is not known`, `the tag "max=1.5" does not fit the type int`, "every field is required unless its tag says optional", `two fields have the name "B"`} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("got\n%s\nwant %q in it", err, part)
		}
	}
}

func TestCheckTakesWhatCanBeRead(t *testing.T) {
	for name, err := range map[string]error{
		"kinds": validate.Check[kinds](), "tagged": validate.Check[tagged](), "order": validate.Check[order](), "search": validate.Check[search](),
		"list": validate.Check[[]createUser](), "pointer": validate.Check[*createUser](), "any": validate.Check[any](),
	} {
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestMustPanics(t *testing.T) {
	defer func() {
		if v := recover(); v == nil || !strings.Contains(fmt.Sprint(v), `two fields have the name "B"`) {
			t.Errorf("panicked with %v; want the fault named", v)
		}
	}()
	validate.Must[twice]()
}

// However many faults a body has, 20 are told, and none of its values is half used.
func TestManyFaultsInOneMap(t *testing.T) {
	var b strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&b, `"k%d":1,`, i)
	}
	got := into[map[string]nick]("{" + b.String() + `"last":"admin"}`)
	if n := strings.Count(got, "must be a string"); n != 20 || strings.Contains(got, "taken") {
		t.Errorf("%d faults are told: %s", n, got)
	}
}

// fragile cannot be asked about a value that has a fault.
type fragile struct {
	Name string `json:"name" validate:"min=1"`
}

func (f fragile) Validate() error {
	_ = f.Name[0]
	return nil
}

func TestValuesWithFaultsAreNotAsked(t *testing.T) {
	faulty := strings.TrimSuffix(strings.Repeat(`{"name":""},`, 30), ",")
	if got := into[[]fragile]("[" + faulty + "]"); strings.Count(got, "at least 1") != 20 {
		t.Errorf("got %s", got)
	}
}

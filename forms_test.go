// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package panoply_test

import (
	"bytes"
	"image"
	"image/png"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"

	"github.com/panoply-security/panoply/inspect"
	"github.com/panoply-security/panoply/problem"
	"github.com/panoply-security/panoply/upload"
	"github.com/panoply-security/panoply/validate"
)

type article struct {
	Title string   `json:"title" validate:"min=1,max=20"`
	Price float64  `json:"price" validate:"min=0"`
	Tags  []string `json:"tags" validate:"optional,max=3,dive,max=10"`
}

// Behind the suit a handler reads its struct from the one reading of a form, and
// from a multipart form beside the judged file.
func TestFormsBehindTheSuit(t *testing.T) {
	var picture bytes.Buffer
	png.Encode(&picture, image.NewGray(image.Rect(0, 0, 1, 1)))
	encoded := func(body string) *http.Request {
		return request("POST", "/x", body, "Content-Type", "application/x-www-form-urlencoded")
	}
	want := article{"Chair", 12.5, []string{"a", "b"}}
	for name, c := range map[string]struct {
		r     *http.Request
		fault string // "" fits, "suit" never arrives
	}{
		"encoded":           {encoded("title=Chair&price=12.5&tags[]=a&tags[]=b"), ""},
		"encoded-unknown":   {encoded("title=Chair&price=12.5&role=admin"), "/role"},
		"encoded-operator":  {encoded("title=Chair&price[$gt]=1"), "suit"},
		"multipart":         {form("/x", part{"title", "", "", "Chair"}, part{"photo", "a.png", "image/png", picture.String()}, part{"price", "", "", "12.5"}, part{"tags", "", "", "a"}, part{"tags", "", "", "b"}), ""},
		"multipart-unknown": {form("/x", part{"title", "", "", "Chair"}, part{"price", "", "", "1"}, part{"role", "", "", "admin"}), "/role"},
	} {
		t.Run(name, func(t *testing.T) {
			var got article
			var err error
			a := behind(t, "", func(w http.ResponseWriter, r *http.Request) {
				files := upload.From(r.Context())
				if files != nil { // the helper has read it already
					files.Replace(r)
				}
				if got, err = validate.Form[article](r); err != nil {
					problem.Write(w, r, err)
				} else if strings.HasPrefix(r.Header.Get("Content-Type"), "multipart/") {
					if content, _ := io.ReadAll(files.Files[0].Open()); !bytes.Equal(content, picture.Bytes()) {
						t.Errorf("the file has %d bytes", len(content))
					}
				}
			})
			rec, reached := a.send(c.r)
			switch c.fault {
			case "suit":
				if reached || rec.Code != 400 {
					t.Errorf("an operator arrives: %d %s", rec.Code, rec.Body)
				}
			case "":
				if rec.Code != 200 || !reflect.DeepEqual(got, want) {
					t.Errorf("got %d %+v, %v", rec.Code, got, err)
				}
			default:
				if e := problem.As(err); len(e.Fields) != 1 || e.Fields[0].Pointer != c.fault || rec.Code != 400 || got.Title != "" {
					t.Errorf("got %d %+v, %v", rec.Code, got, err)
				}
			}
		})
	}
}

// The bytes of a form that the suit has read are not read by the handler's struct.
func TestAFormIsReadOnce(t *testing.T) {
	const text = "title=Chair&price=12.5"
	a := behind(t, "", func(w http.ResponseWriter, r *http.Request) {
		again := &countedBody{Reader: strings.NewReader(text)}
		r.Body = again
		if rd := inspect.From(r.Context()); rd == nil || string(rd.Data) != text {
			t.Error("the handler does not get the reading")
		}
		if got, err := validate.Form[article](r); err != nil || got.Title != "Chair" || again.bytes != 0 {
			t.Errorf("got %+v, %v with %d bytes read again", got, err, again.bytes)
		}
	})
	rec, reached := a.send(request("POST", "/x", text, "Content-Type", "application/x-www-form-urlencoded"))
	passes(t, rec, reached)
}

// hapi makes an object of a file that is declared as JSON: it is held against the same
// rules as a body.
func TestFilesOfJSON(t *testing.T) {
	const policy = `
uploads: [{match: "POST /x", types: [application/json]}]
nosql: {strings: [email], allow: [{match: "POST /schemas", keys: ["$where"]}]}
`
	send := func(content string) (*httptest.ResponseRecorder, bool) {
		return behind(t, policy, nil).send(form("/x", part{"user", "a.json", "application/json", content}))
	}
	rec, reached := send(`{"name":"Ann","price":"$5","$schema":"x"}`)
	passes(t, rec, reached)
	for _, content := range []string{`{"$ne":1}`, ` [{"a":{"$where":"1"}}]`, "\ufeff{\"$gt\":0} trailing", `{"__proto__":{}}`, `{"email":{"a":1}}`} {
		rec, reached := send(content)
		if reached || rec.Code < 400 {
			t.Errorf("%s: got %d, reached the app %v", content, rec.Code, reached)
		}
	}
	operator := part{"user", "a.json", "application/json", `{"$ne":1}`}
	rec, reached = behind(t, policy, nil).send(form("/x", operator))
	refusedBy(t, rec, reached, 400, "nosql/operator")
	// Where nobody has said what a route takes, the compatible profile only tells of it.
	a := behind(t, "profile: compatible\n"+policy, nil)
	rec, reached = a.send(form("/y", operator))
	passes(t, rec, reached)
	if !strings.Contains(a.log.String(), "nosql/operator") {
		t.Errorf("the log does not tell of it:\n%s", a.log)
	}
	rec, reached = a.send(form("/x", operator))
	refusedBy(t, rec, reached, 400, "nosql/operator")
}

// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package panoply_test

import (
	"bytes"
	"fmt"
	"image"
	"image/png"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/panoply-security/panoply"
	"github.com/panoply-security/panoply/inspect"
	"github.com/panoply-security/panoply/internal/spool"
	"github.com/panoply-security/panoply/upload"
	"github.com/panoply-security/panoply/validate"
)

// countedBody counts how often it is read to its end, and by how many bytes.
type countedBody struct {
	*strings.Reader
	bytes int
}

func (c *countedBody) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.bytes += n
	return n, err
}

func (c *countedBody) Close() error { return nil }

type product struct {
	Name  string  `json:"name"`
	Price float64 `json:"price"`
}

// One reading serves the NoSQL guard, a schema, a limit by account and the
// handler's own struct: the bytes are taken from the connection once, and
// validate.Body works on the tree of that reading.
func TestABodyIsReadOnce(t *testing.T) {
	const text = `{"name":"Chair","price":12.50}`
	suit := quiet(t, parse(t, `
bodies: {routes: [{match: /x, schema: {type: object, properties: {name: {type: string}, price: {type: number}}}}]}
rate_limits: {rules: [{name: by-name, match: /x, limit: 9, window: 1h, count: all, key: ["body:name"]}]}
`))
	var got product
	var again int
	body := &countedBody{Reader: strings.NewReader(text)}
	r := httptest.NewRequest("POST", "/x", nil)
	r.Body, r.ContentLength = body, int64(len(text))
	r.Header.Set("Content-Type", "application/json")
	rec := httptest.NewRecorder()
	suit.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		reading := inspect.From(r.Context())
		if reading == nil || reading.Tree == nil {
			t.Fatal("the handler does not get the reading")
		}
		second := &countedBody{Reader: strings.NewReader(text)}
		r.Body = second
		// What the struct gets is what stands in the tree: were the bytes parsed
		// anew, it would be the other name.
		reading.Tree.Get("name").Text = "Stool"
		var err error
		if got, err = validate.Body[product](r); err != nil {
			t.Error(err)
		}
		again = second.bytes
	})).ServeHTTP(rec, r)
	if body.bytes != len(text) || again != 0 {
		t.Errorf("%d bytes were read from the connection, and %d again by the handler", body.bytes, again)
	}
	if got != (product{"Stool", 12.5}) {
		t.Errorf("the handler has %+v", got)
	}
}

// Whoever reads the body after the suit gets the same bytes, decoded.
func TestTheHandlerReadsTheSameBytes(t *testing.T) {
	const text = `{"price": 1.10e1, "name":"\u00e9"}`
	cases := map[string]*http.Request{
		"plain":   postJSON("/x", text),
		"chunked": chunked(postJSON("/x", text)),
		"zipped":  request("POST", "/x", zipped(text), "Content-Type", "application/json", "Content-Encoding", "gzip"),
		"get":     request("GET", "/x", text, "Content-Type", "application/json"),
		"delete":  request("DELETE", "/x", text, "Content-Type", "application/json"),
	}
	for name, r := range cases {
		t.Run(name, func(t *testing.T) {
			a := behind(t, "", nil)
			rec, reached := a.send(r)
			passes(t, rec, reached)
			if a.body != text || a.request.ContentLength != int64(len(text)) || a.request.Header.Get("Content-Encoding") != "" {
				t.Errorf("arrived: %q, length %d, %v", a.body, a.request.ContentLength, a.request.Header)
			}
		})
	}
}

// A Go handler gets the judged form without reading it again.
func TestTheHandlerGetsTheForm(t *testing.T) {
	var picture bytes.Buffer
	png.Encode(&picture, image.NewGray(image.Rect(0, 0, 1, 1)))
	a := behind(t, "", func(_ http.ResponseWriter, r *http.Request) {
		f := upload.From(r.Context())
		if f == nil || len(f.Files) != 1 || f.Files[0].Type != "image/png" {
			t.Fatalf("the form is %+v", f)
		}
		content, _ := io.ReadAll(f.Files[0].Open())
		if title, _ := f.Value("title"); title != "Chair" || !bytes.Equal(content, picture.Bytes()) {
			t.Errorf("title %q, %d bytes", title, len(content))
		}
	})
	rec, reached := a.send(form("/x", part{"title", "", "", "Chair"}, part{"file", "a.png", "image/png", picture.String()}))
	passes(t, rec, reached)
}

// Every kind of outcome at once gives back all that it held.
func TestManyRequestsAtOnce(t *testing.T) {
	secret(t)
	suit := quiet(t, parse(t, allSections+"rate_limits: {rules: [{name: all, match: /, limit: 100000, window: 1h, count: failures, algorithm: gcra, key: [ip, \"body:email\"]}]}"))
	reports := quiet(t, parse(t, "mode: report"+allSections))
	// A body that told no length is read by the app, which may fail.
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		switch r.URL.Query().Get("n") {
		case "1":
			panic("boom")
		case "2":
			w.WriteHeader(500)
		case "3":
			w.WriteHeader(400)
			io.WriteString(w, "at f (/srv/app/index.js:10:5)")
		}
		fmt.Fprint(w, "ok")
	})
	var wg sync.WaitGroup
	for _, s := range []*panoply.Suit{suit, reports} {
		h := s.Handler(handler)
		for n := range 4 {
			wg.Go(func() {
				for _, c := range refusals {
					h.ServeHTTP(httptest.NewRecorder(), c.make())
					ok := postJSON(fmt.Sprintf("/ok?n=%d", n), `{"email":"a"}`)
					h.ServeHTTP(httptest.NewRecorder(), ok)
				}
			})
		}
	}
	wg.Wait()
	if a, b := suit.BudgetUsed(), reports.BudgetUsed(); a != 0 || b != 0 {
		t.Errorf("bodies still hold %d and %d bytes", a, b)
	}
	if memory, disk := spool.Shared.Used(); memory != 0 || disk != 0 {
		t.Errorf("spools still hold %d bytes of memory and %d of disk", memory, disk)
	}
}

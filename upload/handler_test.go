// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package upload

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/panoply-security/panoply/internal/spool"
	"github.com/panoply-security/panoply/rule"
)

func TestHandler(t *testing.T) {
	in := inspector(t, Config{})
	dir := t.TempDir()
	in.budget = spool.NewBudget(dir, 0, 1<<30)
	png := pngOf(picture(30, 20))
	var form *Form
	var body string
	app := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		form = From(r.Context())
		b, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		body = string(b)
		if form != nil && (int64(len(b)) != r.ContentLength || r.Header.Get("Content-Type") != form.ContentType() || len(r.TransferEncoding) > 0) {
			t.Errorf("the headers do not describe the body: %v", r.Header)
		}
		w.WriteHeader(http.StatusCreated)
	})
	server := httptest.NewServer(in.Handler(in.Handler(app))) // the second one reads nothing
	defer server.Close()
	post := func(contentType string, body io.Reader) (int, string) {
		t.Helper()
		res, err := http.Post(server.URL, contentType, body)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		b, _ := io.ReadAll(res.Body)
		return res.StatusCode, string(b)
	}

	t.Run("a-form", func(t *testing.T) {
		b, contentType := encode(part{"f", "a.png", "image/png", png})
		if code, _ := post(contentType, strings.NewReader(string(b))); code != http.StatusCreated {
			t.Fatalf("status %d", code)
		}
		if !strings.Contains(body, png) || !strings.Contains(body, form.boundary) {
			t.Error("the app did not get the rewritten form")
		}
		if _, err := io.ReadAll(form.Body()); !errors.Is(err, os.ErrClosed) {
			t.Errorf("the form is still open: %v", err)
		}
	})
	t.Run("chunked", func(t *testing.T) {
		b, contentType := encode(part{"f", "a.png", "image/png", png})
		if code, _ := post(contentType, io.MultiReader(strings.NewReader(string(b)))); code != http.StatusCreated {
			t.Fatalf("status %d", code)
		}
	})
	t.Run("refused", func(t *testing.T) {
		b, contentType := encode(part{"f", "a.png", "image/png", php})
		body = ""
		code, answer := post(contentType, strings.NewReader(string(b)))
		if code != http.StatusUnsupportedMediaType || !strings.Contains(answer, rule.UploadDangerous.URN()) || body != "" {
			t.Errorf("status %d, %s; the app got %q", code, answer, body)
		}
	})
	t.Run("other-bodies-pass", func(t *testing.T) {
		if code, _ := post("application/json", strings.NewReader(`{"a":1}`)); code != http.StatusCreated || form != nil || body != `{"a":1}` {
			t.Errorf("status %d, form %v, body %q", code, form, body)
		}
	})
	t.Run("other-multipart-does-not", func(t *testing.T) {
		for _, contentType := range []string{"multipart/related; boundary=B", "multipart/mixed; boundary=B", "x-multipart; boundary=B", "Multipart/Form-Data"} {
			body = ""
			if code, _ := post(contentType, strings.NewReader("--B--")); code < 400 || body != "" {
				t.Errorf("%s: status %d, the app got %q", contentType, code, body)
			}
		}
	})
	t.Run("content-length-too-long", func(t *testing.T) {
		b, contentType := encode(part{"f", "a.png", "image/png", png})
		body = ""
		conn, err := net.Dial("tcp", server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		r, _ := http.NewRequest("POST", server.URL, io.MultiReader(strings.NewReader(string(b)), failing{}))
		r.Header.Set("Content-Type", contentType)
		r.ContentLength = int64(len(b)) + 100
		r.Write(conn) // fails behind the body
		conn.(*net.TCPConn).CloseWrite()
		answer, _ := io.ReadAll(conn)
		conn.Close()
		if !strings.HasPrefix(string(answer), "HTTP/1.1 400 ") || body != "" {
			t.Errorf("got %q; the app got %q", answer, body)
		}
	})
	t.Run("content-length-too-short", func(t *testing.T) {
		b, contentType := encode(part{"f", "a.png", "image/png", png})
		body = ""
		conn, err := net.Dial("tcp", server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		io.WriteString(conn, "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: "+contentType+"\r\nContent-Length: 100\r\n\r\n"+string(b[:100]))
		answer, _ := io.ReadAll(conn)
		if !strings.HasPrefix(string(answer), "HTTP/1.1 400 ") || body != "" {
			t.Errorf("got %q; the app got %q", answer, body)
		}
	})
	entries, _ := os.ReadDir(dir)
	if memory, disk := in.budget.Used(); memory != 0 || disk != 0 || len(entries) > 0 {
		t.Errorf("%d bytes of memory, %d of disk and files %v are left", memory, disk, entries)
	}
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errors.New("given up") }

func TestFormFromContextIsNotReadAgain(t *testing.T) {
	in := inspector(t, Config{})
	form, err := in.Read(request(part{"a", "", "", "1"}), ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer form.Close()
	r := request(part{"a", "x.php", "", php}) // would be refused
	r = r.WithContext(With(r.Context(), form))
	called := false
	in.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		called = From(r.Context()) == form
	})).ServeHTTP(httptest.NewRecorder(), r)
	if !called {
		t.Error("the handler did not get the form of the context")
	}
}

// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package vulnerable

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/panoply-security/panoply/demo/db"
	"github.com/panoply-security/panoply/demo/shop"
)

// started returns a fresh shop on a database of its own.
func started(t *testing.T) http.Handler {
	t.Helper()
	h, err := New(Options{Database: database(t), UploadDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func database(t *testing.T) *mongo.Database {
	t.Helper()
	d, err := db.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	client, err := db.Connect(t.Context(), d.URI())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Disconnect(context.Background()) })
	return client.Database("shop")
}

// ask sends one request and returns the answer.
func ask(h http.Handler, method, target, contentType, body string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "/", strings.NewReader(body))
	r.URL.Path, r.URL.RawQuery, _ = strings.Cut(target, "?")
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

const aliceLogin = `{"email":"alice@shop.example","password":"sunshine1"}`

func TestNewReportsMissingOptions(t *testing.T) {
	d := database(t)
	for name, o := range map[string]Options{
		"no-database":   {UploadDir: t.TempDir()},
		"no-upload-dir": {Database: d},
		"absent-folder": {Database: d, UploadDir: t.TempDir() + "/absent"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := New(o); err == nil {
				t.Error("accepted")
			}
		})
	}
	o := Options{Database: d, UploadDir: t.TempDir()}
	if _, err := New(o); err != nil {
		t.Fatal(err)
	}
	if _, err := New(o); err == nil {
		t.Error("accepted a database that is not empty")
	}
}

func TestLogin(t *testing.T) {
	h := started(t)
	tests := []struct {
		name        string
		path        string
		contentType string
		body        string
		want        int
	}{
		{"json", "/api/login", "application/json", aliceLogin, 200},
		{"form", "/api/login", "application/x-www-form-urlencoded", "email=alice%40shop.example&password=sunshine1", 200},
		{"wrong-password", "/api/login", "application/json", `{"email":"alice@shop.example","password":"x"}`, 401},
		{"empty-body", "/api/login", "application/json", "", 401},
		{"other-type", "/api/login", "text/json", aliceLogin, 401},
		{"other-spelling", "//API/Login/", "application/json;;charset=UTF-8", aliceLogin, 200},
		{"malformed", "/api/login", "application/json", `{"email":`, 400},
		{"not-an-object", "/api/login", "application/json", `7`, 400},
		{"unknown-charset", "/api/login", "application/json; charset=latin9", aliceLogin, 415},
		{"unknown-path", "/api/login/x", "application/json", aliceLogin, 404},
		{"duplicate-keys-last-wins", "/api/login", "application/json", `{"password":"x",` + aliceLogin[1:], 200},
		{"byte-order-mark", "/api/login", "application/json", "\xef\xbb\xbf" + aliceLogin, 200},
		{"too-large", "/api/login", "application/json", `{"a":"` + strings.Repeat("a", maxBody) + `"}`, 413},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if w := ask(h, "POST", test.path, test.contentType, test.body); w.Code != test.want {
				t.Errorf("got %d %s; want %d", w.Code, w.Body, test.want)
			}
		})
	}
}

func TestLoginAnswer(t *testing.T) {
	h := started(t)
	w := ask(h, "POST", "/api/login", "application/json", aliceLogin)
	var answer struct {
		Token string
		User  struct{ ID, Name, Email, Role string }
	}
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil {
		t.Fatal(err)
	}
	if answer.User.ID == "" || answer.User.Name != shop.AliceName || answer.User.Email != shop.AliceEmail || answer.User.Role != "user" {
		t.Errorf("got user %+v", answer.User)
	}
	if c := w.Header().Get("Set-Cookie"); !strings.HasPrefix(c, "connect.sid=s%3A") || !strings.HasSuffix(c, "; Path=/") {
		t.Errorf("got cookie %q", c)
	}
	for _, test := range []struct {
		name, path, authorization string
		want                      int
	}{
		{"me", "/api/me", "Bearer " + answer.Token, 200},
		{"me-without-token", "/api/me", "", 401},
		{"me-with-junk", "/api/me", "Bearer x.y.z", 401},
		{"admin-users-as-user", "/api/admin/users", "Bearer " + answer.Token, 403},
		{"admin-users-without-token", "/api/admin/users", "", 401},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := ask(h, "GET", test.path, "", "", "Authorization", test.authorization)
			if w.Code != test.want {
				t.Errorf("got %d %s; want %d", w.Code, w.Body, test.want)
			}
		})
	}
}

func TestProducts(t *testing.T) {
	h := started(t)
	for _, test := range []struct {
		name, query string
		want        int
	}{
		{"all", "", 12},
		{"lte", "?rating[lte]=4", 2},
		{"gt", "?rating[gt]=9", 1},
		{"range", "?rating[gte]=7&rating[lt]=9", 5},
		{"equal", "?sku=HELM-01", 1},
		{"search", "?q=HELM", 1},
		{"any-operator", "?sku[ne]=HELM-01", 11},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := ask(h, "GET", "/api/products"+test.query, "", "")
			var got []shop.Product
			if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
				t.Fatalf("%v in %s", err, w.Body)
			}
			if len(got) != test.want {
				t.Errorf("got %d products; want %d", len(got), test.want)
			}
		})
	}
}

func TestErrorsLeak(t *testing.T) {
	w := ask(started(t), "GET", "/api/data", "", "")
	if w.Code != 500 {
		t.Errorf("got status %d; want 500", w.Code)
	}
	for _, want := range []string{"127.10.1.42:5432", "goroutine ", "errors.go:"} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("no %q in %s", want, w.Body)
		}
	}
}

func TestPages(t *testing.T) {
	h := started(t)
	for _, test := range []struct {
		name, method, path string
		status             int
		contains           string
	}{
		{"page", "GET", "/", 200, "<script>"},
		{"healthz", "GET", "/healthz", 200, "ok"},
		{"events", "GET", "/api/events", 200, "id: 3\ndata: {\"tick\":3}\n\n"},
		{"logout", "POST", "/api/logout", 204, ""},
		{"unknown", "GET", "/<nowhere>", 404, "Cannot GET /%3Cnowhere%3E"},
		{"absent-upload", "GET", "/uploads/absent.png", 404, "Cannot GET"},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := ask(h, test.method, test.path, "", "")
			if w.Code != test.status || !strings.Contains(w.Body.String(), test.contains) {
				t.Errorf("got %d %s; want %d with %q", w.Code, w.Body, test.status, test.contains)
			}
			if got := w.Header().Get("X-Powered-By"); got != "Express" {
				t.Errorf("got X-Powered-By %q", got)
			}
		})
	}
}

func TestUploadComesBack(t *testing.T) {
	h := started(t)
	body := "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"x.html\"\r\n\r\n<script></script>\r\n--b--\r\n"
	w := ask(h, "POST", "/api/upload", "multipart/form-data; boundary=b", body)
	var answer struct {
		Path string
		Size int
	}
	if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || w.Code != 201 || answer.Size != 17 {
		t.Fatalf("got %d %s, %v", w.Code, w.Body, err)
	}
	back := ask(h, "GET", answer.Path, "", "").Result()
	content, err := io.ReadAll(back.Body)
	if err != nil || string(content) != "<script></script>" {
		t.Errorf("got %q, %v", content, err)
	}
	if got := back.Header.Get("Content-Type"); got != "text/html; charset=utf-8" {
		t.Errorf("got type %q", got)
	}
}

// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package hardened

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"image"
	"image/png"
	"io"
	"log/slog"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/panoply-security/panoply/demo/db"
	"github.com/panoply-security/panoply/demo/shop"
)

// running is a shop that is served, with its database and its log.
type running struct {
	url      string
	client   *http.Client
	database *mongo.Database
	log      *logged
}

// logged is a log that is read while the shop writes it.
type logged struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logged) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// start serves the shop over TLS.
func start(t *testing.T) running {
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
	s := running{database: client.Database("shop"), log: new(logged)}
	app, err := New(Options{Database: s.database, UploadDir: t.TempDir() + "/uploads", Logger: slog.New(slog.NewTextHandler(s.log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewTLSServer(app)
	t.Cleanup(server.Close)
	s.url, s.client = server.URL, server.Client()
	return s
}

// answer is an answer that was read whole.
type answer struct {
	*http.Response
	body string
}

func (a answer) decode(t *testing.T, v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(a.body), v); err != nil {
		t.Fatalf("%v in %s", err, a.body)
	}
}

// ask sends a request; a body that is not empty is JSON unless header says
// otherwise.
func (s running) ask(t *testing.T, method, target, body string, header ...string) answer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, s.url+target, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	response, err := s.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	read, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{response, string(read)}
}

const aliceLogin = `{"email":"alice@shop.example","password":"sunshine1"}`

// login returns the token that the credentials open.
func (s running) login(t *testing.T, credentials string) string {
	t.Helper()
	a := s.ask(t, "POST", "/api/login", credentials)
	var got struct {
		Token string
		User  publicUser
	}
	a.decode(t, &got)
	if a.StatusCode != 200 || got.Token == "" || got.User.ID == "" {
		t.Fatalf("login was answered %d %s", a.StatusCode, a.body)
	}
	return got.Token
}

// form returns a multipart body with one file.
func form(t *testing.T, filename, contentType string, content []byte) (body, kind string) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	part, err := w.CreatePart(map[string][]string{
		"Content-Disposition": {fmt.Sprintf(`form-data; name="file"; filename=%q`, filename)},
		"Content-Type":        {contentType},
	})
	if err != nil {
		t.Fatal(err)
	}
	part.Write(content)
	w.Close()
	return b.String(), w.FormDataContentType()
}

func picture(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, 16, 16))); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// What an ordinary user does works, with the names and passwords that ordinary
// users have.
func TestAnOrdinaryVisit(t *testing.T) {
	s := start(t)

	page := s.ask(t, "GET", "/", "")
	if page.StatusCode != 200 || !strings.Contains(page.body, `<script src="/app.js"`) || strings.Contains(page.body, "<script>") {
		t.Errorf("GET / is %d %s", page.StatusCode, page.body)
	}
	if csp := page.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "script-src 'self';") {
		t.Errorf("the page's policy is %q", csp)
	}
	if !strings.Contains(page.body, `<form id="login" method="post"`) {
		t.Error("without its script the form would put the password into the address")
	}
	if len(page.Cookies()) > 0 {
		t.Errorf("a visitor gets the cookie %v", page.Cookies())
	}
	script := s.ask(t, "GET", "/app.js", "")
	if script.StatusCode != 200 || !strings.HasPrefix(script.Header.Get("Content-Type"), "text/javascript") {
		t.Errorf("GET /app.js is %d %s", script.StatusCode, script.Header.Get("Content-Type"))
	}

	registration := `{"name":"Zoë O'Brien-Müller $1","email":"Zoe@shop.example","password":"pa$$w0rd&1 {\"$ne\":1}"}`
	a := s.ask(t, "POST", "/api/users", registration)
	var created publicUser
	a.decode(t, &created)
	if a.StatusCode != 201 || created.Name != "Zoë O'Brien-Müller $1" || created.Email != "zoe@shop.example" || created.Role != "user" {
		t.Fatalf("POST /api/users is %d %s", a.StatusCode, a.body)
	}

	a = s.ask(t, "POST", "/api/login", `{"email":"zoe@SHOP.example","password":"pa$$w0rd&1 {\"$ne\":1}"}`)
	var in struct {
		Token string
		User  publicUser
	}
	a.decode(t, &in)
	if a.StatusCode != 200 || in.User != created {
		t.Fatalf("POST /api/login is %d %s; want the user %+v", a.StatusCode, a.body, created)
	}
	cookies := a.Cookies() // the session, and that of a device that has logged in
	if len(cookies) != 2 || cookies[0].Name != "__Host-session" || cookies[0].MaxAge != 3600 || cookies[1].Path != "/api/login" {
		t.Fatalf("POST /api/login sets %v", a.Header["Set-Cookie"])
	}
	for _, c := range cookies {
		if !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteStrictMode {
			t.Errorf("POST /api/login sets %v", c)
		}
	}

	bearer := "Bearer " + in.Token
	var me publicUser
	s.ask(t, "GET", "/api/me", "", "Authorization", bearer).decode(t, &me)
	if me != created {
		t.Errorf("GET /api/me is %+v; want %+v", me, created)
	}

	sent := picture(t)
	body, kind := form(t, "Grüße.png", "image/png", sent)
	a = s.ask(t, "POST", "/api/upload", body, "Content-Type", kind)
	var stored struct {
		Path string
		Size int
	}
	a.decode(t, &stored)
	if a.StatusCode != 201 || stored.Size != len(sent) || !strings.HasPrefix(stored.Path, "/uploads/") || !strings.HasSuffix(stored.Path, ".png") {
		t.Fatalf("POST /api/upload is %d %s", a.StatusCode, a.body)
	}
	a = s.ask(t, "GET", stored.Path, "")
	if a.body != string(sent) || a.Header.Get("Content-Type") != "image/png" {
		t.Errorf("GET %s is %d, %d bytes of %s", stored.Path, a.StatusCode, len(a.body), a.Header.Get("Content-Type"))
	}

	if a := s.ask(t, "GET", "/api/events", ""); strings.Count(a.body, "data: ") != 3 || a.Header.Get("Content-Type") != "text/event-stream" {
		t.Errorf("GET /api/events is %d %s", a.StatusCode, a.body)
	}
	if a := s.ask(t, "GET", "/healthz", ""); a.StatusCode != 200 || a.body != "ok" {
		t.Errorf("GET /healthz is %d %s", a.StatusCode, a.body)
	}

	cookie := cookies[0].Name + "=" + cookies[0].Value
	a = s.ask(t, "POST", "/api/logout", "", "Cookie", cookie)
	if gone := a.Cookies(); a.StatusCode != 204 || len(gone) != 1 || gone[0].MaxAge >= 0 {
		t.Errorf("POST /api/logout is %d with %v", a.StatusCode, a.Header["Set-Cookie"])
	}

	for _, secret := range []string{"pa$$w0rd", in.Token, cookies[0].Value} {
		if strings.Contains(s.log.String(), secret) {
			t.Errorf("the log holds %q:\n%s", secret, s.log)
		}
	}
}

func TestProducts(t *testing.T) {
	s := start(t)
	for _, tt := range []struct {
		name, query string
		want        int
	}{
		{"all", "", 12},
		{"less-or-equal", "?rating[lte]=4", 2},
		{"greater", "?rating[gt]=9", 1},
		{"between", "?rating[gte]=7&rating[lt]=9", 5},
		{"escaped-brackets", "?rating%5Blte%5D=4", 2},
		{"two-fields", "?rating[gte]=9&price[lt]=500", 1},
		{"search", "?q=HELM", 1},
		{"search-is-no-pattern", "?q=.*", 0},
		{"search-with-a-bracket", "?q=(", 0},
		{"search-and-filter", "?q=a%20pair&price[lte]=150", 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got []shop.Product
			s.ask(t, "GET", "/api/products"+tt.query, "").decode(t, &got)
			if len(got) != tt.want {
				t.Errorf("got %d products; want %d", len(got), tt.want)
			}
		})
	}
}

// refused is what a problem tells.
type refused struct {
	Status   int
	Instance string
	Detail   string
	Errors   []struct{ Pointer string }
}

func TestWhatIsRefused(t *testing.T) {
	s := start(t)
	alice := "Bearer " + s.login(t, aliceLogin)
	page, pageType := form(t, "page.html", "image/png", []byte("<!DOCTYPE html><script></script>"))
	large, largeType := form(t, "large.png", "image/png", append(picture(t), make([]byte, 6<<20)...))
	empty, emptyType := form(t, "", "", nil)

	for _, tt := range []struct {
		name         string
		method, path string
		body         string
		header       []string
		want         int
		pointer      string
	}{
		{"role", "POST", "/api/users", `{"name":"M","email":"m@shop.example","password":"Quiet-1234","role":"admin"}`, nil, 400, "/role"},
		{"name-of-another-type", "POST", "/api/users", `{"name":7,"email":"m@shop.example","password":"Quiet-1234"}`, nil, 400, "/name"},
		{"empty-name", "POST", "/api/users", `{"name":"","email":"m@shop.example","password":"Quiet-1234"}`, nil, 400, "/name"},
		{"no-address", "POST", "/api/users", `{"name":"M","email":"m","password":"Quiet-1234"}`, nil, 400, "/email"},
		{"short-password", "POST", "/api/users", `{"name":"M","email":"m@shop.example","password":"short"}`, nil, 400, "/password"},
		{"address-taken", "POST", "/api/users", `{"name":"M","email":"ALICE@shop.example","password":"Quiet-1234"}`, nil, 409, ""},
		{"form", "POST", "/api/users", "name=M&role=admin", []string{"Content-Type", "application/x-www-form-urlencoded"}, 415, ""},
		{"operator", "POST", "/api/login", `{"email":"admin@shop.example","password":{"$ne":""}}`, nil, 400, "/password"},
		{"operator-in-the-query", "GET", "/api/products?rating[$ne]=1", "", nil, 400, "#query/rating/$ne"},
		{"not-a-number", "GET", "/api/products?rating[lte]=ten", "", nil, 400, "#query/rating[lte]"},
		{"no-token", "GET", "/api/me", "", nil, 401, ""},
		{"forged-token", "GET", "/api/me", "", []string{"Authorization", "Bearer e30.e30.x"}, 401, ""},
		{"not-an-administrator", "GET", "/api/admin/users", "", []string{"Authorization", alice}, 403, ""},
		{"no-token-for-the-list", "GET", "/api/admin/users", "", nil, 401, ""},
		{"page-said-to-be-a-picture", "POST", "/api/upload", page, []string{"Content-Type", pageType}, 415, ""},
		{"large-file", "POST", "/api/upload", large, []string{"Content-Type", largeType}, 413, ""},
		{"form-without-a-file", "POST", "/api/upload", empty, []string{"Content-Type", emptyType}, 400, ""},
		{"no-form", "POST", "/api/upload", `{}`, nil, 415, ""},
		{"absent-file", "GET", "/uploads/absent.png", "", nil, 404, ""},
		{"from-another-site", "POST", "/api/logout", "", []string{"Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site"}, 403, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := s.ask(t, tt.method, tt.path, tt.body, tt.header...)
			if a.StatusCode != tt.want || a.Header.Get("Content-Type") != "application/problem+json" {
				t.Fatalf("got %d %s %s; want a problem with %d", a.StatusCode, a.Header.Get("Content-Type"), a.body, tt.want)
			}
			var got refused
			a.decode(t, &got)
			if tt.pointer != "" && (len(got.Errors) != 1 || got.Errors[0].Pointer != tt.pointer) {
				t.Errorf("got %s; want one fault at %s", a.body, tt.pointer)
			}
			if cookies := a.Cookies(); len(cookies) > 0 {
				t.Errorf("it sets %v", cookies)
			}
		})
	}
}

func TestErrorsAreInTheLogAlone(t *testing.T) {
	s := start(t)
	a := s.ask(t, "GET", "/api/data", "")
	var got refused
	a.decode(t, &got)
	if a.StatusCode != 500 || strings.Contains(a.body, "127.10") || strings.Contains(a.body, "refused") {
		t.Errorf("got %d %s", a.StatusCode, a.body)
	}
	id, _ := strings.CutPrefix(got.Instance, "urn:uuid:")
	for _, want := range []string{"127.10.1.42:5432", "id=" + id} {
		if id == "" || !strings.Contains(s.log.String(), want) {
			t.Errorf("no %q in the log:\n%s", want, s.log)
		}
	}
}

// Five wrong passwords are answered 401, the sixth attempt 429, even with the
// right one. An unknown address gets the very same answer as a wrong password.
func TestLoginsAreLimited(t *testing.T) {
	s := start(t)
	s.login(t, aliceLogin) // successes do not count
	details := map[string]bool{}
	for n := range 5 {
		a := s.ask(t, "POST", "/api/login", fmt.Sprintf(`{"email":"%s","password":"wrong"}`, []string{shop.AliceEmail, "nobody@shop.example"}[n%2]))
		var got refused
		a.decode(t, &got)
		details[got.Detail] = true
		if a.StatusCode != 401 {
			t.Fatalf("attempt %d is %d %s", n+1, a.StatusCode, a.body)
		}
	}
	if len(details) != 1 || !details["Invalid credentials"] {
		t.Errorf("the answers say %v", details)
	}
	a := s.ask(t, "POST", "/API/Login/", aliceLogin)
	var got refused
	a.decode(t, &got)
	if a.StatusCode != 429 || got.Detail != "Too many login attempts. Try again in 15 minutes." || a.Header.Get("Retry-After") == "" {
		t.Errorf("got %d %s", a.StatusCode, a.body)
	}
}

// What counts is the role that the database has now, not the one that the
// token was issued with.
func TestTheRoleIsTheDatabases(t *testing.T) {
	s := start(t)
	bearer := "Bearer " + s.login(t, aliceLogin)
	for _, tt := range []struct {
		role string
		want int
	}{{"admin", 200}, {"user", 403}} {
		_, err := s.database.Collection("users").UpdateOne(t.Context(), bson.D{{Key: "email", Value: shop.AliceEmail}},
			bson.D{{Key: "$set", Value: bson.D{{Key: "role", Value: tt.role}}}})
		if err != nil {
			t.Fatal(err)
		}
		a := s.ask(t, "GET", "/api/admin/users", "", "Authorization", bearer)
		if a.StatusCode != tt.want || strings.Contains(a.body, "argon2id") {
			t.Errorf("as %s: got %d %s; want %d and no hash", tt.role, a.StatusCode, a.body, tt.want)
		}
	}
	if _, err := s.database.Collection("users").DeleteOne(t.Context(), bson.D{{Key: "email", Value: shop.AliceEmail}}); err != nil {
		t.Fatal(err)
	}
	if a := s.ask(t, "GET", "/api/me", "", "Authorization", bearer); a.StatusCode != 401 {
		t.Errorf("with the account gone: got %d %s; want 401", a.StatusCode, a.body)
	}
}

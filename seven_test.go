// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package panoply_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// shop is the article's app: every handler makes the mistake of its line.
func shop() http.Handler {
	users := []map[string]any{{"email": "admin@shop.example", "password": "admin123", "role": "admin"}}
	mux := http.NewServeMux()
	answer := func(w http.ResponseWriter, status int, v any) {
		w.Header().Set("X-Powered-By", "Express") // 1
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		w.WriteHeader(status)
		json.NewEncoder(w).Encode(v)
	}
	// matches is findOne with whatever the body holds (7).
	matches := func(have, asked any) bool {
		if op, ok := asked.(map[string]any); ok {
			return have != op["$ne"]
		}
		return have == asked
	}
	mux.HandleFunc("POST /api/login", func(w http.ResponseWriter, r *http.Request) {
		var body map[string]any
		json.NewDecoder(r.Body).Decode(&body)
		for _, u := range users { // 2: as often as anybody likes
			if matches(u["email"], body["email"]) && matches(u["password"], body["password"]) {
				w.Header().Set("Set-Cookie", "connect.sid=1; Path=/")                                                                              // 5
				answer(w, 200, map[string]any{"token": forge("secret123", `{"email":"`+u["email"].(string)+`","role":"`+u["role"].(string)+`"}`)}) // 5
				return
			}
		}
		answer(w, 401, map[string]any{"error": "Invalid credentials"})
	})
	mux.HandleFunc("POST /api/users", func(w http.ResponseWriter, r *http.Request) {
		var user map[string]any
		json.NewDecoder(r.Body).Decode(&user)
		users = append(users, user) // 3
		answer(w, 201, user)
	})
	mux.HandleFunc("GET /api/data", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, 500, map[string]any{"error": "connect ECONNREFUSED 10.0.0.7:27017", "stack": "Error\n    at connect (/srv/app/db.js:12:9)"}) // 4
	})
	mux.HandleFunc("GET /api/me", func(w http.ResponseWriter, r *http.Request) {
		got := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
		if parts := strings.Split(got, "."); len(parts) == 3 {
			for _, role := range []string{"admin", "user"} {
				if got == forge("secret123", `{"email":"admin@shop.example","role":"`+role+`"}`) {
					answer(w, 200, map[string]any{"role": role})
					return
				}
			}
		}
		answer(w, 401, map[string]any{"error": "Unauthorized"})
	})
	mux.HandleFunc("POST /api/upload", func(w http.ResponseWriter, r *http.Request) {
		f, h, err := r.FormFile("file")
		if err != nil {
			answer(w, 400, map[string]any{"error": "no file"})
			return
		}
		n, _ := io.Copy(io.Discard, f)
		answer(w, 200, map[string]any{"file": h.Filename, "size": n}) // 6
	})
	return mux
}

type client struct{ http.Handler }

func (c client) send(r *http.Request) *httptest.ResponseRecorder {
	rec := httptest.NewRecorder()
	c.ServeHTTP(rec, r)
	return rec
}

// attacks are the article's. Each tells whether it came through.
var attacks = []struct {
	name string
	try  func(c client) bool
}{
	{"1-headers-are-missing", func(c client) bool {
		h := c.send(request("POST", "/api/login", `{}`, "Content-Type", "application/json")).Header()
		return h.Get("X-Powered-By") != "" || h.Get("X-Content-Type-Options") != "nosniff" || h.Get("X-Frame-Options") == ""
	}},
	{"1-injected-scripts-run", func(c client) bool {
		csp := c.send(request("GET", "/api/me", "")).Header().Get("Content-Security-Policy")
		return !strings.Contains(csp, "script-src 'self'")
	}},
	{"2-passwords-are-guessed", func(c client) bool {
		for _, guess := range []string{"a", "b", "c", "d", "e", "f", "g", "admin123"} {
			if c.send(postJSON("/API/Login/", `{"email":"admin@shop.example","password":"`+guess+`"}`)).Code == 200 ||
				c.send(postJSON("/api/login", `{"email":"admin@shop.example","password":"`+guess+`"}`)).Code == 200 {
				return true
			}
		}
		return false
	}},
	{"3-a-role-is-kept", func(c client) bool {
		rec := c.send(postJSON("/api/users", `{"name":"Mallory","email":"m@shop.example","password":"pa$$w0rd&1","role":"admin"}`))
		return strings.Contains(rec.Body.String(), "admin")
	}},
	{"4-a-stack-leaks", func(c client) bool {
		body := c.send(request("GET", "/api/data", "")).Body.String()
		return strings.Contains(body, "db.js") || strings.Contains(body, "10.0.0.7")
	}},
	{"5-a-cookie-is-bare", func(c client) bool {
		r := postJSON("https://shop.example/api/login", `{"email":"admin@shop.example","password":"admin123"}`)
		cookie := c.send(r).Header().Get("Set-Cookie")
		return !strings.Contains(cookie, "HttpOnly") || !strings.Contains(cookie, "Secure") || !strings.Contains(cookie, "SameSite")
	}},
	{"5-a-token-is-forged", func(c client) bool {
		forged := forge("secret123", `{"email":"admin@shop.example","role":"admin"}`)
		return c.send(request("GET", "/api/me", "", "Authorization", "Bearer "+forged)).Code == 200
	}},
	{"6-a-program-is-stored", func(c client) bool { return c.send(form("/api/upload", exe)).Code == 200 }},
	{"6-a-page-is-stored-as-a-picture", func(c client) bool {
		return c.send(form("/api/upload", part{"file", "a.png", "image/png", "<html>" + script})).Code == 200
	}},
	{"6-twelve-megabytes-are-stored", func(c client) bool {
		return c.send(form("/api/upload", part{"file", "a.txt", "text/plain", strings.Repeat("x", 12<<20)})).Code == 200
	}},
	{"7-an-operator-logs-in", func(c client) bool {
		return c.send(postJSON("/api/login", `{"email":"admin@shop.example","password":{"$ne":""}}`)).Code == 200
	}},
}

const seven = `
bodies: {routes: [{match: "POST /api/users", schema: {type: object, required: [name, email, password], properties: {name: {type: string}, email: {type: string, format: email}, password: {type: string, minLength: 8}}}}]}
tokens: [{match: /, reissue: {}}]
`

// Every attack works against the bare app, none behind the suit in strict; what
// compatible leaves open, and says so, is open there.
func TestTheSeven(t *testing.T) {
	open := map[string]bool{"1-injected-scripts-run": true, "3-a-role-is-kept": true, "5-a-token-is-forged": true}
	for _, a := range attacks {
		t.Run(a.name, func(t *testing.T) {
			if !a.try(client{shop()}) {
				t.Error("it fails against the bare app, and so proves nothing")
			}
			if a.try(client{quiet(t, parse(t, seven)).Handler(shop())}) {
				t.Error("it comes through in strict")
			}
			if got := a.try(client{quiet(t, parse(t, "profile: compatible")).Handler(shop())}); got != open[a.name] {
				t.Errorf("through in compatible: %v; want %v", got, open[a.name])
			}
		})
	}
	said := 0
	for _, l := range quiet(t, parse(t, "profile: compatible")).Describe() {
		if strings.Contains(l.What, "stays open") {
			said++
		}
	}
	if said != len(open) {
		t.Errorf("compatible says of %d mistakes that they stay open; want %d", said, len(open))
	}
}

// What the app is for still works behind the suit.
func TestTheShopWorks(t *testing.T) {
	c := client{quiet(t, parse(t, seven)).Handler(shop())}
	rec := c.send(postJSON("/api/login", `{"email":"admin@shop.example","password":"admin123"}`))
	if rec.Code != 200 {
		t.Fatalf("login: %d %s", rec.Code, rec.Body)
	}
	rec = c.send(request("GET", "/api/me", "", "Authorization", "Bearer "+tokenIn(t, rec.Body.String())))
	if rec.Code != 200 || !strings.Contains(rec.Body.String(), `"role":"admin"`) {
		t.Errorf("me: %d %s", rec.Code, rec.Body)
	}
	rec = c.send(postJSON("/api/users", `{"name":"O'Brien-Müller","email":"o@shop.example","password":"pa$$w0rd&1"}`))
	if rec.Code != 201 || !strings.Contains(rec.Body.String(), "pa$$w0rd") {
		t.Errorf("users: %d %s", rec.Code, rec.Body)
	}
}

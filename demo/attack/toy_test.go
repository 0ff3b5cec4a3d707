// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package attack

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"path"
	"slices"
	"strings"
	"sync"
	"time"
)

// toy is a small shop in memory, just strict enough to make none of the seven
// mistakes. Every field is a defence that a test may weaken.
type toy struct {
	headers   func(http.Header)                                        // 1: set on every answer
	limitKey  func(*http.Request) string                               // 2: whom a failed login counts for; "" for nobody
	userField func(user, body map[string]any)                          // 3: what registration takes from the body
	broken    func() string                                            // 4: the text of an error
	cookie    string                                                   // 5: flags of the cookie
	secret    string                                                   // 5: signs the tokens
	claims    func(map[string]any)                                     // 5: changes the claims of a new token
	verify    func(t token, secret string) bool                        // 5: judges a token
	accepts   func(filename, contentType string, content []byte) bool  // 6: judges a file
	maxUpload func(*http.Request) int64                                // 6: bytes to read of an upload
	serve     func(h http.Header, stored string)                       // 6: headers of a stored file
	readBody  func(contentType string, body []byte) map[string]any     // 7: decodes a body; nil for a wrong one
	matches   func(password string, given any) bool                    // 7: compares a password
	created   func(user map[string]any, body map[string]any) (out any) // the answer to a registration

	mu       sync.Mutex
	users    map[string]map[string]any // by e-mail address
	failures map[string]int
	files    map[string][]byte
}

// newToy returns the shop with all its defences.
func newToy() *toy {
	return &toy{
		headers: func(h http.Header) {
			h.Set("Content-Security-Policy", "default-src 'self'; script-src 'self' 'nonce-"+rand.Text()+"'; frame-ancestors 'self'")
			h.Set("X-Content-Type-Options", "nosniff")
			h.Set("Referrer-Policy", "no-referrer")
			h.Set("Strict-Transport-Security", "max-age=31536000")
		},
		limitKey: clientAddress,
		userField: func(user, body map[string]any) {
			user["name"], _ = body["name"].(string)
		},
		broken:    func() string { return "Internal server error" },
		cookie:    "; Path=/; HttpOnly; SameSite=Strict; Secure; Max-Age=3600",
		secret:    rand.Text(),
		claims:    func(c map[string]any) { c["exp"] = time.Now().Add(time.Hour).Unix() },
		verify:    strictVerify,
		accepts:   strictAccepts,
		maxUpload: func(*http.Request) int64 { return maxFile },
		serve:     func(h http.Header, stored string) { h.Set("Content-Type", typeOf(stored)) },
		readBody:  strictBody,
		matches:   func(password string, given any) bool { return given == password },
		created:   func(user, _ map[string]any) any { return user },
		users: map[string]map[string]any{
			adminEmail: {"name": "Admin", "email": adminEmail, "role": "admin", "password": rand.Text()},
			aliceEmail: {"name": "Alice", "email": aliceEmail, "role": "user", "password": "sunshine1"},
		},
		failures: map[string]int{},
		files:    map[string][]byte{},
	}
}

func clientAddress(r *http.Request) string {
	host, _, _ := net.SplitHostPort(r.RemoteAddr)
	return host
}

func (s *toy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.headers(w.Header())
	route := r.Method + " " + strings.ToLower(path.Clean(r.URL.Path))
	switch route {
	case "GET /":
		w.Header().Set("Content-Type", "text/html")
		w.Header().Add("Set-Cookie", "sid="+rand.Text()+s.cookie)
		io.WriteString(w, "<!DOCTYPE html><h1>Toys</h1>")
	case "GET /api/products":
		answerJSON(w, 200, []any{})
	case "GET /api/data":
		answerJSON(w, 500, map[string]string{"error": s.broken()})
	case "POST /api/users":
		s.register(w, r)
	case "POST /api/login":
		s.login(w, r)
	case "GET /api/me", "GET /api/admin/users":
		s.read(w, r, route == "GET /api/me")
	case "POST /api/upload":
		s.upload(w, r)
	default:
		content, ok := s.files[r.URL.Path]
		if !ok {
			answerJSON(w, 404, map[string]string{"error": "Not found"})
			return
		}
		s.serve(w.Header(), r.URL.Path)
		w.Write(content)
	}
}

func (s *toy) register(w http.ResponseWriter, r *http.Request) {
	raw, _ := io.ReadAll(r.Body)
	body := s.readBody(r.Header.Get("Content-Type"), raw)
	email, _ := body["email"].(string)
	password, _ := body["password"].(string)
	if email == "" || password == "" || s.users[email] != nil {
		answerJSON(w, 400, map[string]string{"error": "Invalid input"})
		return
	}
	user := map[string]any{"email": email, "role": "user", "password": password}
	s.userField(user, body)
	s.users[email] = user
	answerJSON(w, 201, s.created(public(user), body))
}

func (s *toy) login(w http.ResponseWriter, r *http.Request) {
	key := s.limitKey(r)
	if key != "" && s.failures[key] >= 5 {
		answerJSON(w, 429, map[string]string{"error": "Too many login attempts"})
		return
	}
	raw, _ := io.ReadAll(r.Body)
	body := s.readBody(r.Header.Get("Content-Type"), raw)
	email, _ := body["email"].(string)
	user := s.users[email]
	if user == nil || !s.matches(user["password"].(string), body["password"]) {
		s.failures[key]++
		answerJSON(w, 401, map[string]string{"error": "Invalid credentials"})
		return
	}
	claims := map[string]any{"email": email, "role": user["role"]}
	s.claims(claims)
	w.Header().Add("Set-Cookie", "sid="+rand.Text()+s.cookie)
	answerJSON(w, 200, map[string]any{"token": signedToken(claims, s.secret), "user": public(user)})
}

func (s *toy) read(w http.ResponseWriter, r *http.Request, me bool) {
	t, ok := parseToken(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "))
	if !ok || !s.verify(t, s.secret) {
		answerJSON(w, 401, map[string]string{"error": "Unauthorized"})
		return
	}
	if me {
		email, _ := t.claims["email"].(string)
		answerJSON(w, 200, public(s.users[email]))
		return
	}
	if t.claims["role"] != "admin" {
		answerJSON(w, 403, map[string]string{"error": "Forbidden"})
		return
	}
	users := []any{}
	for _, user := range s.users {
		users = append(users, public(user))
	}
	answerJSON(w, 200, users)
}

func (s *toy) upload(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, s.maxUpload(r))
	file, header, err := r.FormFile("file")
	if err != nil {
		answerJSON(w, 400, map[string]string{"error": "Invalid upload"})
		return
	}
	content, _ := io.ReadAll(file)
	if !s.accepts(header.Filename, header.Header.Get("Content-Type"), content) || len(r.MultipartForm.File["file"]) > 1 {
		answerJSON(w, 415, map[string]string{"error": "File type not allowed"})
		return
	}
	stored := "/uploads/" + rand.Text() + path.Ext(header.Filename)
	s.files[stored] = content
	answerJSON(w, 201, map[string]any{"path": stored, "size": len(content)})
}

// The strict forms of the defences.

func strictVerify(t token, secret string) bool {
	exp, _ := t.claims["exp"].(float64)
	return t.header["alg"] == "HS256" && exp > float64(time.Now().Unix()) && rightSignature(t, secret)
}

func rightSignature(t token, secret string) bool {
	return encode(sign(t.signed, secret)) == t.signature
}

func strictAccepts(filename, contentType string, content []byte) bool {
	return strings.HasSuffix(filename, ".png") && contentType == "image/png" && isPNG(content)
}

// isPNG looks at the magic bytes and at the end: nothing but a picture.
func isPNG(content []byte) bool {
	return bytes.HasPrefix(content, []byte("\x89PNG\r\n\x1a\n")) && bytes.HasSuffix(content, []byte("IEND\xaeB`\x82"))
}

func strictBody(contentType string, body []byte) map[string]any {
	if contentType != "application/json" {
		return nil
	}
	return jsonBody(body)
}

func jsonBody(body []byte) (value map[string]any) {
	if json.Unmarshal(body, &value) != nil {
		return nil
	}
	return value
}

func typeOf(name string) string {
	types := map[string]string{".png": "image/png", ".html": "text/html", ".svg": "image/svg+xml"}
	if t, ok := types[path.Ext(name)]; ok {
		return t
	}
	return "application/octet-stream"
}

func public(user map[string]any) map[string]any {
	user = maps.Clone(user)
	delete(user, "password")
	return user
}

func answerJSON(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(value); err != nil && !slices.Contains([]int{413}, status) {
		fmt.Fprintln(w, err)
	}
}

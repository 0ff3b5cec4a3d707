// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package scan_test

import (
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// toy is a small app that is sound by its zero value; each field is a fault, or a way
// in which sound apps differ.
type toy struct {
	// Faults.
	noLimit      bool // of logins
	spoofed      bool // the limit believes X-Forwarded-For
	assigns      bool // fields that nobody offered are stored
	anyType      bool // other types are stored
	breaks       bool // on other types
	decodes      bool // tokens without verifying them
	takesNone    bool // tokens of alg none
	operators    bool // reach the query
	unknownBreak bool // operators that the database does not know break the query
	anyFile      bool // is stored and served as what it says it is
	anySize      bool
	leaks        bool // stacks in errors
	secret       string
	dotenv       bool
	queries      bool // operators in the query of the list reach the database
	lone         bool // a parameter of the list that comes twice breaks the app
	merges       bool // sign-up merges bodies recursively, in strict mode

	// Sound, but not as expected.
	perUser  bool // the limit counts each user
	echoes   bool // sign-up answers with what was sent, and stores what it offers
	ignores  bool // what it did not offer: sign-up succeeds without it
	catchAll bool // answers everything with its page
	closed   bool // 401 for everything
	noSignup bool
	attached bool // uploads come back as attachments
	failing  bool // 503 for everything but the page
	busy     bool // 429 for everything but the page
	denies   int  // the status of a wrong login; 0 means 401
	members  bool // sign-up and uploads are for those who are signed in
	inCookie bool // the token is in a cookie

	// How accounts are deleted: by id, by those who are signed in. Or else
	deletesMe bool // at /api/me
	pretends  bool // not at all, though it says so
	points    bool // everybody's at once, at the Location of a new one

	mu      sync.Mutex
	users   map[string]map[string]any
	files   map[string]upload
	wrong   map[string]int
	request int
	cleared int // all accounts
}

type upload struct {
	kind    string
	content []byte
}

const strong = "Vb3nT9wQx7Lk2Rz5Yc8Hd1Jf6Gm4Ps0A"

func (a *toy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.users == nil {
		a.users, a.files, a.wrong = map[string]map[string]any{}, map[string]upload{}, map[string]int{}
		a.users["admin@shop.example"] = map[string]any{"email": "admin@shop.example", "password": strong, "role": "admin", "name": "Admin", "id": "1"}
	}
	a.request++
	for i := 0; i+1 < len(good); i += 2 {
		w.Header().Set(good[i], good[i+1])
	}
	switch route := r.Method + " " + r.URL.Path; {
	case route == "GET /":
		page := `<!doctype html><title>Shop</title><form method="post" action="/api/login"><input name="email" type="email"><input name="password" type="password"></form>`
		answer(w, 200, "text/html; charset=utf-8", page)
	case a.failing:
		answer(w, 503, "text/plain", "busy")
	case a.busy:
		answer(w, 429, "text/plain", "slow down")
	case a.closed:
		answer(w, 401, "application/json", `{"error":"Unauthorized"}`)
	case route == "POST /api/login":
		a.login(w, r)
	case a.members && (route == "POST /api/users" || route == "POST /api/upload") && a.who(r) == nil:
		reply(w, 401, map[string]string{"error": "Unauthorized"})
	case (strings.HasPrefix(r.URL.Path, "/api/users/") || route == "DELETE /api/me") && (r.Method == "GET" || r.Method == "DELETE"):
		a.user(w, r)
	case route == "GET /api/users" && a.points:
		var all []any
		for _, u := range a.users {
			all = append(all, map[string]any{"email": u["email"]})
		}
		reply(w, 200, all)
	case route == "DELETE /api/users" && a.points:
		a.cleared++
	case route == "POST /api/users" && !a.noSignup:
		a.signup(w, r)
	case route == "GET /api/me":
		a.me(w, r)
	case route == "GET /api/products":
		a.products(w, r)
	case route == "POST /api/upload":
		a.upload(w, r)
	case r.Method == "GET" && strings.HasPrefix(r.URL.Path, "/files/"):
		f, ok := a.files[r.URL.Path]
		if !ok {
			answer(w, 404, "text/plain", "no such file")
			return
		}
		if a.attached {
			w.Header().Set("Content-Disposition", "attachment")
		}
		answer(w, 200, f.kind, string(f.content))
	case route == "GET /.env" && a.dotenv:
		answer(w, 200, "application/octet-stream", "DB_PASSWORD=x\n")
	case a.catchAll:
		answer(w, 200, "text/html", "<!doctype html><title>Shop</title>")
	default:
		answer(w, 404, "application/json", `{"error":"Not found"}`)
	}
}

func answer(w http.ResponseWriter, status int, kind, body string) {
	w.Header().Set("Content-Type", kind)
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body)
}

func reply(w http.ResponseWriter, status int, v any) {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	answer(w, status, "application/json", string(text))
}

// body is the request's, or nil after an answer.
func (a *toy) body(w http.ResponseWriter, r *http.Request) map[string]any {
	text, _ := io.ReadAll(io.LimitReader(r.Body, 100<<10))
	var in map[string]any
	if err := json.Unmarshal(text, &in); err != nil || in == nil {
		message := "Bad request"
		if a.leaks {
			message = "SyntaxError: Unexpected token\n    at JSON.parse (<anonymous>)\n    at parse (/srv/app/node_modules/body-parser/lib/types/json.js:92:19)"
		}
		answer(w, 400, "text/plain", message)
		return nil
	}
	return in
}

// Its tokens have a key pair: no list of words is tried against them, which takes time.
var public, private, _ = ed25519.GenerateKey(nil)

func (a *toy) sign(claims jwt.MapClaims) string {
	var method, key = jwt.SigningMethod(jwt.SigningMethodEdDSA), any(private)
	if a.secret != "" {
		method, key = jwt.SigningMethodHS256, []byte(a.secret)
	}
	text, err := jwt.NewWithClaims(method, claims).SignedString(key)
	if err != nil {
		panic(err)
	}
	return text
}

func (a *toy) key(t *jwt.Token) (any, error) {
	switch {
	case t.Method == jwt.SigningMethodNone && a.takesNone:
		return jwt.UnsafeAllowNoneSignatureType, nil
	case t.Method == jwt.SigningMethodHS256 && a.secret != "":
		return []byte(a.secret), nil
	case t.Method == jwt.SigningMethodEdDSA && a.secret == "":
		return public, nil
	}
	return nil, errors.New("another algorithm")
}

func (a *toy) login(w http.ResponseWriter, r *http.Request) {
	client := "client"
	if a.spoofed && r.Header.Get("X-Forwarded-For") != "" {
		client = r.Header.Get("X-Forwarded-For")
	}
	in := a.body(w, r)
	if in == nil {
		return
	}
	if a.perUser {
		client = fmt.Sprint(in["email"])
	}
	if a.wrong[client] >= 10 && !a.noLimit {
		w.Header().Set("Retry-After", "900")
		reply(w, 429, map[string]string{"error": "Too many login attempts."})
		return
	}
	if a.matches(w, in, client) {
		return
	}
	a.wrong[client]++
	status := a.denies
	if status == 0 {
		status = 401
	}
	reply(w, status, map[string]string{"error": "Invalid credentials"})
}

// matches answers a login that is right, or that breaks the app.
func (a *toy) matches(w http.ResponseWriter, in map[string]any, client string) bool {
	email, ok := in["email"].(string)
	if !ok {
		return false
	}
	user, right := a.users[email], false
	switch p := in["password"].(type) {
	case string:
		right = user != nil && user["password"] == p
	case map[string]any:
		for name, operand := range p {
			switch {
			case a.operators && name == "$eq":
				right = user != nil && user["password"] == operand
			case a.operators && name == "$ne":
				right = user != nil && user["password"] != operand
			case a.unknownBreak && strings.HasPrefix(name, "$"):
				reply(w, 500, map[string]string{"error": "Internal server error"})
				return true
			}
		}
		if a.breaks {
			reply(w, 500, map[string]string{"error": "Internal server error"})
			return true
		}
	default:
		if a.breaks {
			reply(w, 500, map[string]string{"error": "Internal server error"})
			return true
		}
	}
	if !right {
		return false
	}
	now := time.Now()
	token := a.sign(jwt.MapClaims{"email": email, "iat": now.Unix(), "exp": now.Add(time.Hour).Unix()})
	if a.inCookie {
		http.SetCookie(w, &http.Cookie{Name: "auth", Value: token, Path: "/", HttpOnly: true, Secure: true, SameSite: http.SameSiteLaxMode})
		reply(w, 200, map[string]string{"message": "welcome"})
		return true
	}
	reply(w, 200, map[string]string{"token": token})
	return true
}

func (a *toy) signup(w http.ResponseWriter, r *http.Request) {
	in := a.body(w, r)
	if in == nil {
		return
	}
	email, ok := in["email"].(string)
	_, named := in["name"].(string)
	_, has := in["password"].(string)
	switch {
	case !ok || !has:
		reply(w, 400, map[string]string{"error": "email and password are required"})
		return
	case !named && a.breaks, a.merges && in["constructor"] != nil:
		reply(w, 500, map[string]string{"error": "Internal server error"})
		return
	case !named && !a.anyType:
		reply(w, 400, map[string]string{"error": "name must be text"})
		return
	case len(in) > 3 && !a.assigns && !a.ignores && !a.echoes:
		reply(w, 400, map[string]string{"error": "unknown field"})
		return
	}
	user := map[string]any{"role": "user", "id": fmt.Sprint(len(a.users) + 1)}
	if a.points {
		w.Header().Set("Location", "/api/users")
		delete(user, "id")
	}
	for name, value := range in {
		if a.assigns || name == "email" || name == "password" || name == "name" {
			user[name] = value
		}
	}
	a.users[email] = user
	shown := maps.Clone(user)
	if a.echoes {
		shown = maps.Clone(in)
	}
	delete(shown, "password")
	reply(w, 201, shown)
}

// products is a list that ?sku= narrows, and ?sku[$ne]= if it has the fault.
func (a *toy) products(w http.ResponseWriter, r *http.Request) {
	type product struct {
		SKU string `json:"sku"`
	}
	q := r.URL.Query()
	if a.lone && len(q["sku"]) > 1 {
		reply(w, 500, map[string]string{"error": "Internal server error"})
		return
	}
	list := []product{}
	for _, sku := range []string{"HELM-01", "GORG-01"} {
		keep := !q.Has("sku") || q.Get("sku") == sku
		for name := range q {
			operator, object := strings.CutPrefix(name, "sku[")
			switch operator = strings.TrimSuffix(operator, "]"); {
			case !object:
			case a.queries && operator == "$ne":
				keep = keep && q.Get(name) != sku
			default:
				keep = false // an object, and no text
			}
		}
		if keep {
			list = append(list, product{sku})
		}
	}
	reply(w, 200, list)
}

// who is the user that sent a request, or nil.
func (a *toy) who(r *http.Request) map[string]any {
	text, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if k, err := r.Cookie("auth"); a.inCookie && err == nil {
		text = k.Value
	}
	claims := jwt.MapClaims{}
	var err error
	if a.decodes {
		_, _, err = jwt.NewParser().ParseUnverified(text, claims)
	} else {
		_, err = jwt.ParseWithClaims(text, claims, a.key)
	}
	email, _ := claims["email"].(string)
	if err != nil {
		return nil
	}
	return a.users[email]
}

func (a *toy) me(w http.ResponseWriter, r *http.Request) {
	user := a.who(r)
	if user == nil {
		reply(w, 401, map[string]string{"error": "Unauthorized"})
		return
	}
	shown := maps.Clone(user)
	delete(shown, "password")
	reply(w, 200, shown)
}

// user shows a user to himself, and deletes him.
func (a *toy) user(w http.ResponseWriter, r *http.Request) {
	me := a.who(r)
	id := strings.TrimPrefix(r.URL.Path, "/api/users/")
	switch {
	case me == nil || r.URL.Path != "/api/me" && id != me["id"]:
		reply(w, 404, map[string]string{"error": "Not found"})
	case r.Method == "GET":
		reply(w, 200, map[string]any{"email": me["email"], "id": me["id"]})
	case (r.URL.Path == "/api/me") != a.deletesMe:
		reply(w, 405, map[string]string{"error": "Not here"})
	default:
		if !a.pretends {
			delete(a.users, fmt.Sprint(me["email"]))
		}
		w.WriteHeader(204)
	}
}

func (a *toy) upload(w http.ResponseWriter, r *http.Request) {
	file, header, err := r.FormFile("file")
	if err != nil {
		reply(w, 400, map[string]string{"error": "a file is required"})
		return
	}
	defer file.Close()
	content, _ := io.ReadAll(file)
	kind := header.Header.Get("Content-Type")
	picture := strings.HasPrefix(string(content), "\x89PNG") && strings.HasSuffix(header.Filename, ".png")
	if !picture && !a.anyFile && !a.attached || len(content) > 5<<20 && !a.anySize {
		reply(w, 415, map[string]string{"error": "not allowed"})
		return
	}
	path := fmt.Sprintf("/files/%d-%s", len(a.files), header.Filename)
	a.files[path] = upload{kind, content}
	reply(w, 201, map[string]string{"path": path})
}

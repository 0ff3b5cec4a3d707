// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"github.com/panoply-security/panoply/redisstore/redistest"
)

// shopTokens hands out the article's tokens and tells who sends one back.
func shopTokens(w http.ResponseWriter, r *http.Request) {
	key := func(*jwt.Token) (any, error) { return []byte("secret123"), nil }
	switch r.URL.Path {
	case "/login":
		signed, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{"id": "65a1"}).SignedString([]byte("secret123"))
		if err != nil {
			panic(err)
		}
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(map[string]string{"token": signed})
	case "/logout":
		w.WriteHeader(http.StatusNoContent)
	default:
		_, text, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		if _, err := jwt.Parse(text, key); err != nil {
			w.WriteHeader(http.StatusUnauthorized)
		}
	}
}

// logIn is a login's token.
func (r *running) logIn(t *testing.T) string {
	t.Helper()
	res, err := r.client.Post(r.url+"/login", "application/json", strings.NewReader(`{"email":"a@x","password":"b"}`))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var got struct{ Token string }
	if err := json.NewDecoder(res.Body).Decode(&got); err != nil || res.StatusCode != 200 {
		t.Fatal(res.StatusCode, err)
	}
	return got.Token
}

func (r *running) with(t *testing.T, method, path, token string) int {
	t.Helper()
	req, err := http.NewRequest(method, r.url+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	res, err := r.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	io.Copy(io.Discard, res.Body)
	res.Body.Close()
	return res.StatusCode
}

func toAdmin(g *Guard, path, body string) (int, string) {
	r := httptest.NewRequest("POST", path, strings.NewReader(body))
	r.Host = "localhost"
	rec := httptest.NewRecorder()
	g.adminHandler().ServeHTTP(rec, r)
	return rec.Code, strings.TrimSpace(rec.Body.String())
}

const reissuing = "tokens: [{match: /, logout: [POST /logout], reissue: {key_env: PANOPLY_TEST_KEYS, algorithm: EdDSA}}]\n"

// What ended on one guard has ended on all that share a server, and nobody is let in while
// it does not answer.
func TestRevocationsAreShared(t *testing.T) {
	server := redistest.Start(t)
	policy := sharing(t, server.Addr, "allow", 1000) + "\n" + reissuing
	one, two := start(t, shopTokens, options{policy: policy}), start(t, shopTokens, options{policy: policy})
	first, second, third := one.logIn(t), one.logIn(t), two.logIn(t)
	for _, token := range []string{first, second, third} {
		if a, b := one.with(t, "GET", "/me", token), two.with(t, "GET", "/me", token); a != 200 || b != 200 {
			t.Fatal(a, b)
		}
	}
	if code := one.with(t, "POST", "/logout", first); code != 204 {
		t.Fatal(code)
	}
	if code, answer := toAdmin(two.Guard, "/tokens/revoke", fmt.Sprintf(`{"token":%q}`, second)); code != 204 {
		t.Fatal(code, answer)
	}
	for _, token := range []string{first, second} {
		if a, b := one.with(t, "GET", "/me", token), two.with(t, "GET", "/me", token); a != 401 || b != 401 {
			t.Errorf("replayed: %d and %d", a, b)
		}
	}
	if a, b := one.with(t, "GET", "/me", third), two.with(t, "GET", "/me", third); a != 200 || b != 200 {
		t.Errorf("of another login: %d and %d", a, b)
	}
	server.Pause()
	if me := one.with(t, "GET", "/me", third); me != 503 {
		t.Errorf("while the server hangs: %d", me)
	}
	server.Resume()
	until(t, func() bool { return one.with(t, "GET", "/me", third) == 200 })
	server.Stop()
	if me, logout := one.with(t, "GET", "/me", third), one.with(t, "POST", "/logout", third); me != 503 || logout != 503 {
		t.Errorf("without the server: %d and %d", me, logout)
	}
	server.Start(t)
	until(t, func() bool { return one.with(t, "GET", "/me", third) == 200 })
}

func TestRevocationsOutliveAReload(t *testing.T) {
	t.Setenv("PANOPLY_TEST_KEYS", sharedSecret)
	g := start(t, shopTokens, options{policy: reissuing})
	token, other := g.logIn(t), g.logIn(t)
	if code := g.with(t, "POST", "/logout", token); code != 204 {
		t.Fatal(code)
	}
	if err := g.Reload(t.Context(), g.reloaded(t, reissuing+"uploads: off\n")); err != nil {
		t.Fatal(err)
	}
	if a, b := g.with(t, "GET", "/me", token), g.with(t, "GET", "/me", other); a != 401 || b != 200 {
		t.Errorf("after a reload: %d for what ended, %d for the other", a, b)
	}
}

func TestOperatorsEndTokens(t *testing.T) {
	t.Setenv("PANOPLY_TEST_KEYS", sharedSecret)
	t.Setenv("PANOPLY_TEST_SECRET", sharedSecret+"x")
	g := start(t, shopTokens, options{policy: "tokens:\n  - {match: /api/, secret_env: PANOPLY_TEST_SECRET}\n" +
		"  - {match: /, reissue: {key_env: PANOPLY_TEST_KEYS, algorithm: EdDSA, revocable: true}}\n"})
	token, other := g.logIn(t), g.logIn(t)
	payload, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	var claims struct{ Jti string }
	if err != nil || json.Unmarshal(payload, &claims) != nil || claims.Jti == "" {
		t.Fatalf("%s has no jti", payload)
	}
	for _, tt := range []struct {
		body, answer string
		status       int
	}{
		{`{"token":""}`, "the body must be", 400},
		{`{"jti":"x"}`, "the body must be", 400},
		{`{"token":"x"} {}`, "the body must be", 400},
		{`{"token":"` + other + `A"}`, "the token was not ended", 502},
		{`{"token":"` + claims.Jti + `"}`, "", 204},
	} {
		if status, answer := toAdmin(g.Guard, "/tokens/revoke", tt.body); status != tt.status || !strings.HasPrefix(answer, tt.answer) {
			t.Errorf("%s: %d %s; want %d %s", tt.body, status, answer, tt.status, tt.answer)
		}
	}
	if a, b := g.with(t, "GET", "/me", token), g.with(t, "GET", "/me", other); a != 401 || b != 200 {
		t.Errorf("%d for what ended, %d for the other", a, b)
	}
	for path, want := range map[string]int{"/tokens/1/keys": 200, "/tokens/0/keys": 404, "/tokens/2/keys": 404, "/tokens/-1/keys": 404, "/tokens/x/keys": 404} {
		res := ask(g.Guard, "GET", path, "localhost")
		if body, _ := io.ReadAll(res.Body); res.StatusCode != want || want == 200 && !strings.Contains(string(body), `"crv":"Ed25519"`) {
			t.Errorf("%s: %d %s; want %d", path, res.StatusCode, body, want)
		}
	}
	if status, answer := toAdmin(admin(t, "tokens: [{match: /, reissue: {}}]"), "/tokens/revoke", `{"token":"x"}`); status != 404 {
		t.Errorf("where none is revocable: %d %s", status, answer)
	}
}

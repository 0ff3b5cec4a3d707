// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package panoply_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/panoply-security/panoply"
	"github.com/panoply-security/panoply/token"
	"github.com/panoply-security/panoply/validate"
)

// forge signs claims as whoever knows the secret can.
func forge(secret, claims string) string {
	b64 := base64.RawURLEncoding.EncodeToString
	text := b64([]byte(`{"alg":"HS256","typ":"JWT"}`)) + "." + b64([]byte(claims))
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(text))
	return text + "." + b64(mac.Sum(nil))
}

// appToken is what an app with a weak secret hands out: without an expiry.
var appToken = forge("secret123", `{"id":"65a1","role":"user"}`)

func TestVerifiedRoutes(t *testing.T) {
	secret(t)
	tokens, err := token.New(token.Config{SecretEnv: "TEST_SECRET"})
	if err != nil {
		t.Fatal(err)
	}
	good, err := tokens.Issue(token.Claims{"sub": "65a1"})
	if err != nil {
		t.Fatal(err)
	}
	policy := "tokens: [{match: /api/, except: [\"POST /api/login\", /api/public/], secret_env: TEST_SECRET}]"
	cases := []struct {
		name string
		make *http.Request
		rule string
	}{
		{"none", request("GET", "/api/me", ""), "token/missing"},
		{"good", request("GET", "/api/me", "", "Authorization", "Bearer "+good), ""},
		{"forged", request("GET", "/api/me", "", "Authorization", "Bearer "+forge("secret123", `{"sub":"65a1","exp":9999999999}`)), "token/invalid"},
		{"two", request("GET", "/api/me", "", "Authorization", "Bearer "+good, "Authorization", "Bearer "+good), "request/header"},
		{"folded-path", request("GET", "//API/me/", ""), "token/missing"},
		{"outside", request("GET", "/other", ""), ""},
		{"excepted", postJSON("/api/login", `{}`), ""},
		{"excepted-for-another-method", request("PUT", "/api/login", ""), "token/missing"},
		{"excepted-subtree", request("GET", "/api/public/x", ""), ""},
		{"beside-the-excepted-subtree", request("GET", "/api/public2", ""), "token/missing"},
		{"into-the-exception-by-override", request("PUT", "/api/login", "", "X-HTTP-Method-Override", "POST"), "request/method"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			a := behind(t, policy, nil)
			rec, reached := a.send(c.make)
			if c.rule != "" {
				if reached || ruleOf(rec) != c.rule {
					t.Errorf("status %d by %q, reached %v; want it refused by %s", rec.Code, ruleOf(rec), reached, c.rule)
				}
				return
			}
			passes(t, rec, reached)
			if got := token.From(a.request.Context()).Subject(); c.name == "good" && got != "65a1" {
				t.Errorf("the app is told of the subject %q", got)
			}
		})
	}
}

const reissueAll = "tokens: [{match: /, except: [\"/oauth/\"], reissue: {lifetime: 1h}}]\n"

// handOut is an app that gives out its token in some place of an answer.
func handOut(where string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		h := w.Header()
		switch where {
		case "json":
			h.Set("Content-Type", "application/json; charset=utf-8")
			h.Set("Etag", `"abc"`)
			h.Set("Content-Length", "20000")
			io.WriteString(w, `{"token":"`+appToken+`"}`)
		case "cookie":
			h.Set("Set-Cookie", "token="+appToken+"; Path=/")
		case "header":
			h.Set("X-Access-Token", appToken)
		case "cookie-of-an-error":
			h.Set("Set-Cookie", "token="+appToken+"; Path=/")
			w.WriteHeader(500)
		case "cookie-of-a-panic":
			h.Set("Set-Cookie", "token="+appToken+"; Path=/")
			panic("boom")
		case "json-of-a-refusal":
			h.Set("Content-Type", "application/json")
			w.WriteHeader(401)
			io.WriteString(w, `{"refresh_token":"`+appToken+`"}`)
		}
	}
}

// No token of the app leaves, wherever it stands, and only ours come back.
func TestReissue(t *testing.T) {
	for _, where := range []string{"json", "cookie", "header", "cookie-of-an-error", "cookie-of-a-panic", "json-of-a-refusal"} {
		t.Run(where, func(t *testing.T) {
			a := behind(t, reissueAll, handOut(where))
			rec, _ := a.send(request("POST", "/login", ""))
			var all strings.Builder
			rec.Header().Write(&all)
			all.Write(rec.Body.Bytes())
			ours := tokenIn(t, all.String())
			if strings.Contains(all.String(), appToken) || rec.Header().Get("Etag") != "" {
				t.Fatalf("the app's own token left: %s", all.String())
			}
			if n := rec.Header().Get("Content-Length"); n == "20000" {
				t.Errorf("Content-Length is %s", n)
			}
			claims, _ := base64.RawURLEncoding.DecodeString(strings.Split(ours, ".")[1])
			var got struct{ Exp int64 }
			if json.Unmarshal(claims, &got); got.Exp == 0 || got.Exp > time.Now().Add(time.Hour+time.Minute).Unix() {
				t.Errorf("it ends at %d: %s", got.Exp, claims)
			}

			back := []struct {
				name string
				make *http.Request
				seen func() string
			}{
				{"authorization", request("GET", "/me", "", "Authorization", "Bearer "+ours), func() string { return a.request.Header.Get("Authorization") }},
				{"cookie", request("GET", "/me", "", "Cookie", "a=b; token="+ours), func() string { return a.request.Header.Get("Cookie") }},
				{"query", request("GET", "/me?token="+ours, ""), func() string { return a.request.URL.RawQuery }},
				{"json", postJSON("/refresh", `{"token":"`+ours+`"}`), func() string { return a.body }},
				{"zipped-json", request("POST", "/refresh", zipped(`{"token":"`+ours+`"}`), "Content-Type", "application/json", "Content-Encoding", "gzip"), func() string { return a.body }},
				{"form", request("POST", "/refresh", "token="+ours, "Content-Type", "application/x-www-form-urlencoded"), func() string { return a.body }},
			}
			a.answer = nil
			for _, b := range back {
				rec, reached := a.send(b.make)
				passes(t, rec, reached)
				if reached && !strings.Contains(b.seen(), appToken) {
					t.Errorf("%s: the app sees %s", b.name, b.seen())
				}
				if got := a.request.Header.Get("Accept-Encoding"); got != "identity" {
					t.Errorf("%s: the app is asked for the coding %q", b.name, got)
				}
			}
		})
	}
}

func tokenIn(t *testing.T, s string) string {
	t.Helper()
	i := strings.Index(s, "eyJ")
	if i < 0 {
		t.Fatalf("there is no token in %s", s)
	}
	end := strings.IndexAny(s[i:], "\";\r\n")
	if end < 0 {
		end = len(s) - i
	}
	return s[i : i+end]
}

// A forged token is refused, wherever it stands, whatever else is off.
func TestForgedTokens(t *testing.T) {
	forged := forge("secret123", `{"id":"65a1","role":"admin","exp":9999999999}`)
	cases := map[string]func() *http.Request{
		"authorization": func() *http.Request { return request("GET", "/me", "", "Authorization", "Bearer "+forged) },
		"cookie":        func() *http.Request { return request("GET", "/me", "", "Cookie", "token="+forged) },
		"query":         func() *http.Request { return request("GET", "/me?token="+forged, "") },
		"json":          func() *http.Request { return postJSON("/me", `{"token":"`+forged+`"}`) },
		"form": func() *http.Request {
			return request("POST", "/me", "token="+forged, "Content-Type", "application/x-www-form-urlencoded")
		},
		"field-of-a-form-with-files": func() *http.Request { return form("/me", part{"token", "", "", forged}) },
	}
	for _, policy := range []string{"", "nosql: off\nbodies: off\nuploads: off\n", "mode: report\n"} {
		for name, make := range cases {
			t.Run(strings.ReplaceAll(policy, "\n", ";")+name, func(t *testing.T) {
				a := behind(t, policy+"tokens: {mode: enforce, rules: [{match: /, reissue: {}}]}\n", nil)
				rec, reached := a.send(make())
				if name == "cookie" { // which no browser takes back by itself
					if !reached || a.request.Header.Get("Cookie") != "" {
						t.Errorf("status %d; the app sees the cookies %q", rec.Code, a.request.Header["Cookie"])
					}
					return
				}
				refusedBy(t, rec, reached, 401, "token/not-reissued")
			})
		}
	}
	t.Run("excepted", func(t *testing.T) {
		rec, reached := behind(t, reissueAll, nil).send(request("GET", "/oauth/x", "", "Authorization", "Bearer "+forged))
		passes(t, rec, reached)
	})
}

// An answer that is longer than what may be held passes whole, its first MiB
// with tokens re-issued; one that is compressed or no JSON passes as it is.
func TestLongAndUnreadableAnswers(t *testing.T) {
	filler := strings.Repeat("x", 2<<20)
	cases := []struct {
		name, contentType, coding string
		swapped                   bool
	}{
		{"long", "application/json", "", true},
		{"page", "text/html", "", false},
		{"compressed", "application/json", "gzip", false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			rec, _ := behind(t, reissueAll, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", c.contentType)
				if c.coding != "" {
					w.Header().Set("Content-Encoding", c.coding)
				}
				io.WriteString(w, `{"token":"`+appToken+`","rest":"`)
				io.WriteString(w, filler)
				io.WriteString(w, `"}`)
			}).send(request("GET", "/x", ""))
			body := rec.Body.String()
			if swapped := !strings.Contains(body, appToken); swapped != c.swapped || !strings.HasSuffix(body, filler+`"}`) {
				t.Errorf("%d bytes, re-issued %v", len(body), swapped)
			}
		})
	}
}

// In a Go app a body in which a token was swapped is read anew, not by the old
// places.
func TestValuesAfterASwap(t *testing.T) {
	type refresh struct {
		Token string  `json:"token"`
		Count float64 `json:"count"`
	}
	var got refresh
	var failed error
	a := behind(t, reissueAll, handOut("json"))
	rec, _ := a.send(request("POST", "/login", ""))
	ours := tokenIn(t, rec.Body.String())
	a.suit.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		got, failed = validate.Body[refresh](r)
	})).ServeHTTP(rec, postJSON("/refresh", `{"token":"`+ours+`","count":42}`))
	if failed != nil || got.Token != appToken || got.Count != 42 {
		t.Errorf("the app reads %+v, error %v", got, failed)
	}
}

// At a logout the token ends, before the app is asked, and a replay is refused; where
// nobody can remember that, nobody is told that he is out.
func TestLogoutEndsReissuedTokens(t *testing.T) {
	const policy = `tokens: [{match: /, logout: ["POST /logout"], reissue: {lifetime: 1h}}]`
	for name, send := range map[string]func(ours string) *http.Request{
		"header": func(ours string) *http.Request {
			return request("POST", "/logout", "", "Authorization", "Bearer "+ours)
		},
		"cookie": func(ours string) *http.Request { return request("POST", "/Logout/", "", "Cookie", "token="+ours) },
		"body":   func(ours string) *http.Request { return postJSON("/logout", `{"refreshToken":"`+ours+`"}`) },
	} {
		t.Run(name, func(t *testing.T) {
			a := behind(t, policy, handOut("json"))
			login := func() string {
				a.answer = handOut("json")
				rec, _ := a.send(request("POST", "/login", ""))
				a.answer = nil
				return tokenIn(t, rec.Body.String())
			}
			first, second := login(), login()
			me := func(ours string) *http.Request { return request("GET", "/me", "", "Authorization", "Bearer "+ours) }
			rec, reached := a.send(request("GET", "/logout", "", "Authorization", "Bearer "+first)) // no logout
			passes(t, rec, reached)
			rec, reached = a.send(me(first))
			passes(t, rec, reached)
			rec, reached = a.send(send(first))
			passes(t, rec, reached)
			rec, reached = a.send(me(first))
			refusedBy(t, rec, reached, 401, "token/invalid")
			if rec, reached = a.send(send(first)); name == "cookie" {
				passes(t, rec, reached)
				if got := a.request.Header.Get("Cookie"); got != "" {
					t.Errorf("the app sees the cookie %s", got)
				}
			} else {
				refusedBy(t, rec, reached, 401, "token/invalid")
			}
			rec, reached = a.send(me(second))
			passes(t, rec, reached)
			rec, reached = a.send(me(login()))
			passes(t, rec, reached)

			// Another suit of the same process, as after a reload, knows of it.
			b := behind(t, policy, nil)
			rec, reached = b.send(me(first))
			refusedBy(t, rec, reached, 401, "token/invalid")
		})
	}
	t.Run("store-outage", func(t *testing.T) {
		store := &failing{}
		p := parse(t, policy)
		p.Tokens.Revocations = store
		a := wear(t, p, handOut("json"))
		rec, _ := a.send(request("POST", "/login", ""))
		ours := tokenIn(t, rec.Body.String())
		store.revoke = true
		rec, reached := a.send(request("POST", "/logout", "", "Authorization", "Bearer "+ours))
		refusedBy(t, rec, reached, 503, "token/unavailable")
		store.revoked = true
		rec, reached = a.send(request("GET", "/me", "", "Authorization", "Bearer "+ours))
		refusedBy(t, rec, reached, 503, "token/unavailable")
	})
}

// failing is a store of revocations of which parts fail.
type failing struct{ revoke, revoked bool }

func (f *failing) Revoke(context.Context, string, time.Time) error {
	if f.revoke {
		return errors.New("connection refused")
	}
	return nil
}

func (f *failing) Revoked(context.Context, string) (bool, error) {
	if f.revoked {
		return false, errors.New("connection refused")
	}
	return false, nil
}

// In its window the app's own tokens pass, each with a line in the log.
func TestGraceIsReported(t *testing.T) {
	day := time.Now().AddDate(0, 0, 2).Format(time.DateOnly)
	a := behind(t, "tokens: [{match: /, reissue: {unsafe_grace_until: "+day+"}}]", nil)
	rec, reached := a.send(request("GET", "/me", "", "Authorization", "Bearer "+appToken))
	passes(t, rec, reached)
	if log := a.log.String(); !strings.Contains(log, "token/not-reissued") || !strings.Contains(log, "unsafe_grace_until") || strings.Contains(log, "eyJ") {
		t.Errorf("the log has %s", log)
	}
	if w := strings.Join(a.suit.Warnings(), " "); !strings.Contains(w, "tokens[0]: unsafe_grace_until") {
		t.Errorf("the warnings are %s", w)
	}
	rec, reached = a.send(postJSON("/me", `{"token":"`+forge("secret123", `{"id":"admin","exp":1}`)+`"}`))
	refusedBy(t, rec, reached, 401, "token/expired")
}

func TestTokenRuleFaults(t *testing.T) {
	secret(t)
	for policy, fault := range map[string]string{
		`tokens: [{match: /, logout: [/logout], secret_env: TEST_SECRET}]`:                        "tokens[0].logout: only re-issued",
		`tokens: [{match: /, logout: ["{"], reissue: {}}]`:                                        "tokens[0].logout[0]: ",
		`tokens: [{match: /, reissue: {algorithm: RS256}}]`:                                       "tokens[0].reissue.algorithm",
		`tokens: [{match: /, reissue: {unsafe_grace_until: soon}}]`:                               "tokens[0].reissue.unsafe_grace_until",
		`tokens: [{match: /, reissue: {key_env: TEST_SECRET, old_key_envs: [NO_SUCH_VARIABLE]}}]`: "tokens[0].reissue.old_key_envs[0]",
	} {
		p, err := panoply.Parse("policy.yaml", []byte(policy))
		if err == nil {
			_, err = panoply.New(p)
		}
		if err == nil || !strings.Contains(err.Error(), fault) {
			t.Errorf("%s: %v; want %s", policy, err, fault)
		}
	}
}

// Trailers hold no token of the app's and no cookie.
func TestTrailersAreSwapped(t *testing.T) {
	a := behind(t, reissueAll, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Trailer", "X-Access-Token")
		io.WriteString(w, "{}")
		w.Header().Set("X-Access-Token", appToken)
		w.Header().Set(http.TrailerPrefix+"Set-Cookie", "token="+appToken)
		w.Header().Set(http.TrailerPrefix+"X-Auth-Token", appToken)
		w.Header().Set(http.TrailerPrefix+"Grpc-Status", "0")
	})
	s := httptest.NewServer(a.suit.Handler(http.HandlerFunc(a.ServeHTTP)))
	defer s.Close()
	res, err := s.Client().Get(s.URL + "/x")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	io.ReadAll(res.Body)
	if text := fmt.Sprint(res.Trailer, res.Header); strings.Contains(text, appToken) || res.Trailer.Get("Set-Cookie") != "" || res.Trailer.Get("Grpc-Status") != "0" || res.Trailer.Get("X-Auth-Token") == "" {
		t.Errorf("the trailer is %s", text)
	}
}

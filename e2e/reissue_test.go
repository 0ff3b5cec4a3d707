// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
)

// reissuing is a guard that nobody configured but for the tokens and session cookies of the app.
func reissuing(t *testing.T, lifetime time.Duration) profile {
	t.Helper()
	path := filepath.Join(t.TempDir(), "policy.yaml")
	text := fmt.Sprintf("profile: compatible\ntokens:\n  - {match: /, logout: [POST /api/logout], reissue: {key_env: PANOPLY_TOKEN_KEY, lifetime: %v}}\ncookies: {encrypt: {}}\n", lifetime)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return profile{"compatible", path}
}

// forge signs claims with the secret that anybody guesses.
func forge(header, claims string) string {
	b64 := base64.RawURLEncoding.EncodeToString
	text := b64([]byte(header)) + "." + b64([]byte(claims))
	mac := hmac.New(sha256.New, []byte("secret123"))
	mac.Write([]byte(text))
	return text + "." + b64(mac.Sum(nil))
}

// account is what a login answers.
type account struct {
	Token string
	User  struct{ ID string }
}

func logIn(t *testing.T, client *http.Client, base string) (a account) {
	t.Helper()
	res, err := client.Post(base+"/api/login", "application/json", strings.NewReader(`{"email":"alice@shop.example","password":"sunshine1"}`))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if err := json.NewDecoder(res.Body).Decode(&a); err != nil || res.StatusCode != http.StatusOK || a.Token == "" {
		t.Fatalf("the login: status %d, %v", res.StatusCode, err)
	}
	return a
}

// withToken sends a request with a Bearer token, and returns the status and the body.
func withToken(t *testing.T, client *http.Client, method, url, token string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(body)
}

// Tokens forged with the guessed secret make an admin of anybody in front of the app, and
// nothing behind the guard that re-issues; nor does an expired one, or one from before a logout.
func TestForgedTokensThroughGuard(t *testing.T) {
	forEachApp(t, func(t *testing.T, app string) {
		upstream := startApp(t, app)
		g := startGuard(t, upstream, reissuing(t, time.Hour))
		direct := logIn(t, http.DefaultClient, upstream)
		const hs256 = `{"alg":"HS256","typ":"JWT"}`
		claims := func(more string) string {
			return fmt.Sprintf(`{"id":%q,"email":"alice@shop.example","role":"admin"%s}`, direct.User.ID, more)
		}
		soon := fmt.Sprintf(`,"exp":%d`, time.Now().Add(time.Hour).Unix())
		for name, tt := range map[string]struct {
			token string
			works bool // in front of the app
		}{
			"without-exp":      {forge(hs256, claims("")), true},
			"with-exp":         {forge(hs256, claims(soon)), true},
			"with-iat-and-exp": {forge(hs256, claims(fmt.Sprintf(`,"iat":%d`, time.Now().Unix())+soon)), true},
			"expired":          {forge(hs256, claims(`,"exp":1000000000`)), false},
			"other-kid":        {forge(`{"alg":"HS256","typ":"JWT","kid":"panoply-000000000000000000","pnp":"AAAA"}`, claims("")), true},
			"from-before":      {direct.Token, false}, // real, and its holder no admin
		} {
			if status, _ := withToken(t, http.DefaultClient, "GET", upstream+"/api/admin/users", tt.token); (status == 200) != tt.works {
				t.Errorf("%s, in front of the app: status %d", name, status)
			}
			for _, path := range []string{"/api/admin/users", "/api/me", "/API/Me/", "/api/products"} {
				if status, body := withToken(t, g.client, "GET", g.url+path, tt.token); status != 401 || !strings.Contains(body, "token/not-reissued") {
					t.Errorf("%s, %s through the guard: status %d, %s", name, path, status, body)
				}
			}
		}

		mine := logIn(t, g.client, g.url)
		if mine.Token == direct.Token || strings.Split(mine.Token, ".")[2] == strings.Split(direct.Token, ".")[2] {
			t.Fatal("the app's own token left")
		}
		me := func(token string) (int, string) { return withToken(t, g.client, "GET", g.url+"/api/me", token) }
		if status, body := me(mine.Token); status != 200 || !strings.Contains(body, "alice@shop.example") {
			t.Errorf("the one of the login: status %d, %s", status, body)
		}
		if status, _ := withToken(t, g.client, "GET", g.url+"/api/admin/users", mine.Token); status != 403 {
			t.Errorf("the app itself judges no more: status %d", status)
		}
		if status, body := withToken(t, http.DefaultClient, "GET", upstream+"/api/me", mine.Token); status != 401 {
			t.Errorf("in front of the app: status %d, %s", status, body)
		}
		other := logIn(t, g.client, g.url)
		if status, _ := withToken(t, g.client, "POST", g.url+"/api/logout", mine.Token); status != 204 {
			t.Errorf("the logout: status %d", status)
		}
		if status, body := me(mine.Token); status != 401 || !strings.Contains(body, "token/invalid") {
			t.Errorf("replayed after the logout: status %d, %s", status, body)
		}
		if status, body := me(other.Token); status != 200 {
			t.Errorf("of another login: status %d, %s", status, body)
		}

		// The app's tokens never end; the guard's do.
		short := startGuard(t, upstream, reissuing(t, time.Second))
		ending := logIn(t, short.client, short.url)
		for until := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
			status, body := withToken(t, short.client, "GET", short.url+"/api/me", ending.Token)
			if status == 401 && strings.Contains(body, "token/expired") {
				break
			}
			if status != 200 || time.Now().After(until) {
				t.Fatalf("it does not end: status %d, %s", status, body)
			}
		}
		if log := g.process.Output() + short.process.Output(); strings.Contains(log, "eyJ") {
			t.Error("the log tells a token")
		}
	})
}

// journeyInBrowser logs in, uses the token, logs out, replays it and logs in again.
const journeyInBrowser = `(async () => {
	const login = async () => (await (await fetch('/api/login', {
		method: 'POST', headers: { 'Content-Type': 'application/json' },
		body: JSON.stringify({ email: 'alice@shop.example', password: 'sunshine1' })
	})).json()).token;
	const send = async (method, path, token) => (await fetch(path, { method, headers: { Authorization: 'Bearer ' + token } })).status;
	const first = await login();
	const told = [await send('GET', '/api/me', first), await send('POST', '/api/logout', first), await send('GET', '/api/me', first)];
	const second = await login();
	const claims = JSON.parse(atob(second.split('.')[1].replaceAll('-', '+').replaceAll('_', '/')));
	const form = new URLSearchParams({ email: 'alice@shop.example', password: 'sunshine1' });
	const account = await (await fetch('/login', { method: 'POST', body: form })).text();
	told.push(account.includes('Signed in as alice@shop.example'), (await (await fetch('/account')).text()).includes('Signed in as'));
	told.push(await send('GET', '/api/me', second), claims.email, claims.exp * 1000 - Date.now() <= 3600000, document.cookie.includes('connect.sid'));
	return told.join(' ');
})()`

// In a browser all works as before, a page still reads the claims, and the app's cookie
// has the flags that the app forgot, and a value that nobody can try secrets on.
func TestReissueInBrowser(t *testing.T) {
	chromium := findChromium(t)
	forEachApp(t, func(t *testing.T, app string) {
		g := startGuard(t, startApp(t, app), reissuing(t, time.Hour))
		logInWithBrowser(t, chromium, g.url, func(ctx context.Context) {
			const want = "200 204 401 true true 200 alice@shop.example true false"
			got, err := chromedp.Run(ctx, chromedp.Evaluate[string](journeyInBrowser, chromedp.EvalAwaitPromise))
			if err != nil || got != want {
				t.Errorf("got %s, %v; want %s", got, err, want)
			}
			jar, err := chromedp.Call(ctx, network.GetCookies, network.GetCookiesParams{})
			if err != nil {
				t.Fatal(err)
			}
			found := false
			for _, c := range jar.Cookies {
				if c.Name == "connect.sid" {
					found = true
					if !c.Secure || !c.HTTPOnly || c.SameSite != "Lax" || strings.HasPrefix(c.Value, "s%3A") {
						t.Errorf("connect.sid in the browser: %+v", c)
					}
				}
			}
			if !found {
				t.Error("the browser has no connect.sid")
			}
		})
	})
}

// Whoever knows the guessed secret signs a cookie for any session id that he has seen. In
// front of the app that is the session; behind the guard, which encrypts them, it is none.
func TestForgedSessionsThroughGuard(t *testing.T) {
	forEachApp(t, func(t *testing.T, app string) {
		upstream := startApp(t, app)
		g := startGuard(t, upstream, reissuing(t, time.Hour))
		res, err := http.DefaultClient.Post(upstream+"/api/login", "application/json", strings.NewReader(`{"email":"alice@shop.example","password":"sunshine1"}`))
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		id := ""
		for _, c := range res.Cookies() {
			if text, err := url.PathUnescape(c.Value); err == nil && c.Name == "connect.sid" {
				id, _, _ = strings.Cut(strings.TrimPrefix(text, "s:"), ".")
			}
		}
		mac := hmac.New(sha256.New, []byte("keyboard-cat"))
		mac.Write([]byte(id))
		forged := "connect.sid=" + url.QueryEscape("s:"+id+"."+base64.RawStdEncoding.EncodeToString(mac.Sum(nil)))
		account := func(client *http.Client, base, cookie string) bool {
			t.Helper()
			req, err := http.NewRequestWithContext(t.Context(), "GET", base+"/account", nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Cookie", cookie)
			res, err := client.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			body, err := io.ReadAll(res.Body)
			if err != nil {
				t.Fatal(err)
			}
			return strings.Contains(string(body), "Signed in as alice@shop.example")
		}
		if id == "" || !account(http.DefaultClient, upstream, forged) {
			t.Fatalf("in front of the app, the id %q is no session", id)
		}
		for _, cookie := range []string{forged, "a=b; " + forged, "lang=de," + forged, "\xa0" + forged, strings.Replace(forged, ".", "%2E", 1)} {
			if account(g.client, g.url, cookie) {
				t.Errorf("%q is a session behind the guard", cookie)
			}
		}
	})
}

// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package panoply_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/panoply-security/panoply"
)

// doors lets alice and mallory in with their passwords, and counts what reaches
// it for whom. It goes by the field email, whatever else is there.
type doors struct {
	app     *app
	reached map[string]int
}

func (s *doors) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	for _, who := range []string{"alice", "mallory"} {
		if strings.Contains(s.app.body, `"email":"`+who) {
			s.reached[who]++
			if strings.Contains(s.app.body, `"password":"`+who+`-knows"`) {
				w.Header().Set("Location", "/home")
				w.WriteHeader(http.StatusFound)
				return
			}
		}
	}
	w.WriteHeader(http.StatusUnauthorized)
}

func guarded(t *testing.T, policy string) *doors {
	t.Helper()
	s := &doors{reached: map[string]int{}}
	s.app = behind(t, policy, s.ServeHTTP)
	return s
}

func device(res http.Header) string {
	for _, line := range res["Set-Cookie"] {
		if strings.Contains(line, "panoply_device=") {
			return line
		}
	}
	return ""
}

// attempt is one login from an address, with a device cookie or none.
func (a *app) attempt(from int, cookie, body string) (int, string) {
	r := postJSON("/api/login", body)
	r.RemoteAddr = fmt.Sprintf("10.1.%d.%d:1", from>>8, from&255)
	if cookie != "" {
		pair, _, _ := strings.Cut(cookie, ";")
		r.Header.Set("Cookie", "a=b; "+pair)
	}
	rec, _ := a.send(r)
	return rec.Code, device(rec.Result().Header)
}

const good, bad = `{"email":"alice","password":"alice-knows"}`, `{"email":"alice","password":"guess"}`

func profiles(t *testing.T, test func(t *testing.T, a *app, s *doors)) {
	for _, profile := range []string{"strict", "compatible"} {
		t.Run(profile, func(t *testing.T) {
			s := guarded(t, "profile: "+profile)
			test(t, s.app, s)
		})
	}
}

// A thousand addresses guess one account's password: the account's limit holds
// and a device that has logged in before gets in all the same.
func TestOneAccountFromManyAddresses(t *testing.T) {
	profiles(t, func(t *testing.T, a *app, s *doors) {
		code, cookie := a.attempt(5000, "", good)
		if code != 302 || !strings.Contains(cookie, "; Path=/api/login;") || !strings.Contains(cookie, "; HttpOnly") || !strings.Contains(cookie, "; SameSite=Strict") {
			t.Fatalf("the first login: %d, %q", code, cookie)
		}
		s.reached = map[string]int{}
		for from := range 1000 {
			a.attempt(from, "", bad)
			a.attempt(from, "panoply_device="+strings.Repeat("A", 54), bad) // made up
		}
		if n := s.reached["alice"]; n != 10 {
			t.Errorf("%d guesses reached the app; want 10", n)
		}
		if code, _ := a.attempt(5001, "", good); code != 429 {
			t.Errorf("a new device while the account is attacked: %d; want 429", code)
		}
		code, second := a.attempt(5002, cookie, good)
		if code != 302 || second != "" {
			t.Errorf("the device that alice logged in with: %d, and a cookie %q", code, second)
		}
		// The device's own bucket is as small: a stolen cookie is no free pass.
		s.reached = map[string]int{}
		for from := range 100 {
			a.attempt(6000+from, cookie, bad)
		}
		if n := s.reached["alice"]; n != 10 {
			t.Errorf("%d guesses with the cookie reached the app; want 10", n)
		}
	})
}

// Who has an account cannot make a device of another's with it.
func TestDeviceCookiesAreForOneAccount(t *testing.T) {
	profiles(t, func(t *testing.T, a *app, s *doors) {
		_, mine := a.attempt(1, "", `{"email":"mallory","password":"mallory-knows"}`)
		code, decoy := a.attempt(2, "", `{"email":"mallory","password":"mallory-knows","username":"alice"}`)
		if mine == "" || code != 302 || decoy != "" {
			t.Errorf("mallory's own: %q; with alice's name beside it: %d, %q; want no cookie", mine, code, decoy)
		}
		for from := range 100 {
			a.attempt(100+from, mine, bad)
		}
		if n := s.reached["alice"]; n != 10 {
			t.Errorf("%d guesses with another account's cookie reached the app; want 10", n)
		}
		// A decoy in one field does not hide the account in another.
		s.reached = map[string]int{}
		for from := range 100 {
			a.attempt(300+from, "", fmt.Sprintf(`{"username":"decoy%d","email":"alice","password":"guess"}`, from))
		}
		if n := s.reached["alice"]; n != 0 {
			t.Errorf("%d more guesses behind decoys reached the app", n)
		}
	})
}

// An app that sends a code to whoever asks says 200 to everybody. That makes
// nobody a device of the account.
func TestWhoeverAsksForACodeIsNoDevice(t *testing.T) {
	profiles(t, func(t *testing.T, a *app, s *doors) {
		a.answer = func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/api/otp" || r.URL.Path == "/signin" {
				return // 200, whatever the password
			}
			s.ServeHTTP(w, r)
		}
		for _, tt := range []struct{ path, body string }{
			{"/api/otp", `{"email":"alice"}`},
			{"/api/otp", `{"email":"alice","password":"x"}`},
			{"/signin", `{"email":"alice"}`},
		} {
			rec, _ := a.send(postJSON(tt.path, tt.body))
			if cookie := device(rec.Result().Header); rec.Code != 200 || cookie != "" {
				t.Errorf("%s %s: %d, %q; want no cookie", tt.path, tt.body, rec.Code, cookie)
			}
		}
		// And one of another route is worth nothing on this one.
		rec, _ := a.send(postJSON("/signin", bad))
		other := device(rec.Result().Header)
		if other == "" {
			t.Fatal("the other route made no device")
		}
		for from := range 100 {
			a.attempt(from, "", bad)
			a.attempt(from, other, bad)
		}
		if n := s.reached["alice"]; n != 10 {
			t.Errorf("%d guesses reached the app; want 10", n)
		}
	})
}

// A form login sends whoever failed back to the form: that is limited, and makes
// no device.
func TestFormLoginsThatRedirectBack(t *testing.T) {
	profiles(t, func(t *testing.T, a *app, s *doors) {
		a.answer = func(w http.ResponseWriter, r *http.Request) {
			to := "/login?error=1"
			if strings.Contains(a.body, "password=right") {
				to = "/login/otp"
			}
			http.Redirect(w, r, to, http.StatusFound)
		}
		post := func(password string) (int, string) {
			r := request("POST", "/login", "email=alice&password="+password, "Content-Type", "application/x-www-form-urlencoded")
			rec, _ := a.send(r)
			return rec.Code, device(rec.Result().Header)
		}
		for range 20 {
			if code, _ := post("right"); code != 302 {
				t.Fatalf("a right password: %d", code)
			}
		}
		if _, cookie := post("right"); cookie == "" {
			t.Error("a right password makes no device")
		}
		for i := range 7 {
			want := map[bool]int{true: 302, false: 429}[i < 5]
			if code, cookie := post("wrong"); code != want || cookie != "" {
				t.Errorf("wrong password %d: %d, %q; want %d and no cookie", i, code, cookie, want)
			}
		}
	})
}

// However an account is written, it is one, and a login with one way to write it
// makes no device for another.
func TestSpellingsOfOneAccount(t *testing.T) {
	profiles(t, func(t *testing.T, a *app, s *doors) {
		var reached int
		a.answer = func(w http.ResponseWriter, r *http.Request) {
			if strings.Contains(a.body, "knows") {
				return
			}
			reached++
			w.WriteHeader(http.StatusUnauthorized)
		}
		_, lookalike := a.attempt(4000, "", `{"email":"\u00e1lice@x","password":"knows"}`)
		if lookalike == "" {
			t.Fatal("no device")
		}
		for i := range 100 {
			marks := strings.Repeat(`\ufeff`, i%10) + "al" + strings.Repeat(`\u0301`, i/10)
			for _, spelt := range []string{strings.Replace(marks, "l", `\u0142`, 1) + "ice@x", marks + "ice@x", marks + "ICE@X", marks + `\u0131ce\uff20x`} {
				a.attempt(i, lookalike, `{"email":"`+spelt+`","password":"guess"}`)
			}
		}
		if reached != 10 {
			t.Errorf("%d guesses reached the app; want 10", reached)
		}
	})
}

func TestNoDeviceCookieWhereNoneBelongs(t *testing.T) {
	for name, tt := range map[string]struct{ policy, body string }{
		"failure":          {"", bad},
		"no-account":       {"", `{"password":"x"}`},
		"switched-off":     {"rate_limits: {no_device_cookie: true}", good},
		"report":           {"rate_limits: report", good},
		"path-with-a-rule": {`rate_limits: {rules: [{name: mine, match: "POST /api/login", limit: 5, window: 1m, count: failures, key: ["body:email"]}]}`, good},
	} {
		t.Run(name, func(t *testing.T) {
			if code, cookie := guarded(t, tt.policy).app.attempt(1, "", tt.body); cookie != "" || (tt.body == good) != (code == 302) {
				t.Errorf("got %d and the cookie %q", code, cookie)
			}
		})
	}
}

// Limits by a claim count whom the verified token names, wherever it comes
// from, and a body field of the name is none.
func TestLimitsByClaim(t *testing.T) {
	secret := "k7Jq2vX9mB4tR8wZ1cN6pL3sD5fG0hYeUa"
	t.Setenv("TEST_SECRET", secret)
	const limits = "rate_limits: {rules: [{name: user, match: /api/, limit: 2, window: 1h, key: ['claim:sub']}]}\n"
	a := behind(t, limits+"tokens: [{match: /api/, secret_env: TEST_SECRET}]", nil)
	try := func(from int, sub string) int {
		r := postJSON("/api/orders", `{"claim:sub":"decoy`+fmt.Sprint(from)+`"}`)
		r.RemoteAddr = fmt.Sprintf("10.0.0.%d:1", from)
		r.Header.Set("Authorization", "Bearer "+forge(secret, fmt.Sprintf(`{"sub":%q,"iat":%d,"exp":%d}`, sub, time.Now().Unix(), time.Now().Add(time.Minute).Unix())))
		rec, _ := a.send(r)
		return rec.Code
	}
	for i, want := range []int{200, 200, 429} {
		if code := try(i, "alice"); code != want {
			t.Errorf("request %d: %d; want %d", i, code, want)
		}
	}
	if code := try(3, "bob"); code != 200 {
		t.Errorf("another user: %d", code)
	}
	for _, policy := range []string{limits, limits + "tokens: [{match: /, reissue: {}}]"} {
		if _, err := panoply.New(parse(t, policy)); err == nil || !strings.Contains(err.Error(), "no token is verified") {
			t.Errorf("%s: got %v", policy, err)
		}
	}
}

// A login that failed in the body alone is a failure: it counts, and makes no
// device.
func TestFailuresInTheBody(t *testing.T) {
	const policy = `rate_limits:
  rules:
    - {name: login, failure: {json: ["success=false"]}}
    - {name: login-account, failure: {json: ["success=false"]}}`
	s := guarded(t, policy)
	s.app.answer = func(w http.ResponseWriter, r *http.Request) {
		if got := r.Header.Get("Accept-Encoding"); got != "identity" {
			t.Errorf("the app was asked for %q", got)
		}
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"success":%v}`, strings.Contains(s.app.body, "alice-knows"))
	}
	for range 20 {
		if code, _ := s.app.attempt(1, "", good); code != 200 {
			t.Fatalf("a good login: %d", code)
		}
	}
	if _, cookie := s.app.attempt(1, "", good); cookie == "" {
		t.Error("a good login sets no device cookie")
	}
	for i := range 6 {
		code, cookie := s.app.attempt(1, "", bad)
		if want := map[bool]int{true: 200, false: 429}[i < 5]; code != want || cookie != "" {
			t.Errorf("failure %d: %d, %q; want %d and no cookie", i, code, cookie, want)
		}
	}
}

// A limit on how many are there at once counts until the answer is over, and in
// report mode nobody waits or is refused.
func TestConcurrentRequests(t *testing.T) {
	for _, tt := range []struct {
		mode string
		want int
	}{{"enforce", 429}, {"report", 200}} {
		t.Run(tt.mode, func(t *testing.T) {
			a := behind(t, "rate_limits: {mode: "+tt.mode+`, rules: [{name: report, match: /report, limit: 100, window: 1m, concurrent: 1}]}`, nil)
			a.answer = func(w http.ResponseWriter, r *http.Request) {
				w.WriteHeader(200)
				if r.Header.Get("X-Inner") == "" {
					inner := request("GET", "/report", "", "X-Inner", "1")
					if rec, _ := a.send(inner); rec.Code != tt.want {
						t.Errorf("a second one at the same time: %d; want %d", rec.Code, tt.want)
					}
				}
			}
			for range 3 {
				if rec, _ := a.send(request("GET", "/report", "")); rec.Code != 200 {
					t.Errorf("one after the other: %d", rec.Code)
				}
			}
		})
	}
}

func TestReportedLimitsKeepNobodyWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := behind(t, "rate_limits: {mode: report, rules: [{name: one, match: /x, limit: 1, window: 1m, count: failures}]}", nil)
		a.answer = func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("X-Inner") == "" {
				begin := time.Now()
				a.send(request("GET", "/x", "", "X-Inner", "1"))
				if took := time.Since(begin); took > 0 {
					t.Errorf("a request waited %v for the one that it is part of", took)
				}
			}
		}
		a.send(request("GET", "/x", ""))
	})
}

// 64 customers behind one address log in at once, again and again, to one
// account even: all get in, though five failures would be too many.
func TestGoodLoginsBehindOneAddress(t *testing.T) {
	suit := quiet(t, panoply.Policy{})
	h := suit.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(time.Millisecond)
		w.WriteHeader(200)
	}))
	var refused atomic.Int32
	var wg sync.WaitGroup
	for range 64 {
		wg.Go(func() {
			for range 10 {
				rec := httptest.NewRecorder()
				if h.ServeHTTP(rec, postJSON("/api/login", good)); rec.Code != 200 {
					refused.Add(1)
				}
			}
		})
	}
	wg.Wait()
	if n := refused.Load(); n > 0 {
		t.Errorf("%d of 640 good logins were refused", n)
	}
}

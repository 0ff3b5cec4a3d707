// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package panoply_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

const twoLimits = `
rate_limits:
  rules:
    - {name: client, match: "POST /api/login", limit: 3, window: 1h, count: failures, key: [ip]}
    - {name: account, match: "POST /api/login", limit: 2, window: 1h, count: failures, key: ["body:email"]}
`

func login(from, email string) *http.Request {
	r := postJSON("/api/login", fmt.Sprintf(`{"email":%q,"password":"x"}`, email))
	r.RemoteAddr = from + ":1"
	return r
}

func status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}

// Each step is one attempt: who, with which account, what the app would say,
// and what the client is told.
func TestTwoLimits(t *testing.T) {
	type step struct {
		from, email string
		app, want   int
	}
	fail := func(from, email string, want int) step { return step{from, email, 401, want} }
	cases := []struct {
		name  string
		steps []step
	}{
		{"client-limit-holds", []step{fail("1.1.1.1", "a", 401), fail("1.1.1.1", "b", 401), fail("1.1.1.1", "c", 401), fail("1.1.1.1", "d", 429), fail("2.2.2.2", "d", 401)}},
		{"account-limit-holds-across-clients", []step{fail("1.1.1.1", "a", 401), fail("2.2.2.2", "a", 401), fail("3.3.3.3", "a", 429), fail("3.3.3.3", "b", 401)}},
		{"spelling-of-the-account-does-not-matter", []step{fail("1.1.1.1", "a@x", 401), fail("2.2.2.2", " A@x ", 401), fail("3.3.3.3", "A@X", 429)}},
		{"successes-are-given-back-by-both", []step{{"1.1.1.1", "a", 200, 200}, {"1.1.1.1", "a", 200, 200}, {"1.1.1.1", "a", 302, 302}, {"1.1.1.1", "a", 200, 200}, {"1.1.1.1", "a", 200, 200}}},
		// The account's refusal is no failure of the client's: the app judged nothing.
		{"a-later-refusal-gives-the-earlier-attempt-back", []step{fail("9.9.9.9", "a", 401), fail("8.8.8.8", "a", 401),
			fail("1.1.1.1", "a", 429), fail("1.1.1.1", "a", 429), fail("1.1.1.1", "a", 429), fail("1.1.1.1", "b", 401), fail("1.1.1.1", "c", 401), fail("1.1.1.1", "d", 401), fail("1.1.1.1", "e", 429)}},
		{"an-error-is-a-failure", []step{{"1.1.1.1", "a", 500, 500}, {"1.1.1.1", "b", 503, 503}, {"1.1.1.1", "c", 500, 500}, fail("1.1.1.1", "d", 429)}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var code int
			a := behind(t, twoLimits, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) })
			for i, s := range c.steps {
				code = s.app
				if rec, _ := a.send(login(s.from, s.email)); rec.Code != s.want {
					t.Fatalf("step %d: status %d; want %d", i, rec.Code, s.want)
				}
			}
		})
	}
}

// However a request names the account, it counts for it.
func TestTheAccountIsFoundHoweverItIsNamed(t *testing.T) {
	const policy = "nosql: off\nrate_limits: {rules: [{name: login-account, limit: 2, window: 1h, match: POST /api/login}]}\n"
	const json, urlencoded = "application/json", "application/x-www-form-urlencoded"
	for name, tt := range map[string]struct{ target, contentType, body string }{
		"other-case":         {"", json, `{"Email":"v@x"}`},
		"long-s":             {"", json, `{"u\u017fername":"v@x"}`}, // encoding/json takes it for username
		"last-of-two-cases":  {"", json, `{"email":"%d","EMAIL":"v@x"}`},
		"list":               {"", json, `{"email":["v@x"]}`},
		"below":              {"", json, `{"user":{"email":"v@x","password":"%d"}}`},
		"in-a-list":          {"", json, `[{"email":"v@x"}]`},
		"spelled-in-capital": {"", json, `{"email":" V@X\n"}`},
		"as-text":            {"", "text/plain", `{"email":"v@x"}`},
		"lines":              {"", "application/x-ndjson", `{"email":"v@x"}`},
		"form":               {"", urlencoded, "user[email]=v@x"},
		"form-list":          {"", urlencoded, "email[]=v@x"},
		"form-dots":          {"", urlencoded, "user.email=v@x"},
		"query":              {"?username=v@x", "", ""},
		"form-space":         {"", urlencoded, "x=1& email=v@x"},
		"form-plus":          {"", urlencoded, "+email=v@x"},
		"form-dot":           {"", urlencoded, "email.address=v@x"},
		"form-bracket":       {"", urlencoded, "email[address=v@x"},
		"subaddress":         {"", json, `{"email":"v+%d@x"}`},
		"query-and-decoy":    {"?username=v@x", json, `{"username":"%d"}`},
		"many-decoys":        {"", json, `{"l":[{"email":"a%[1]d"},{"email":"b%[1]d"},{"email":"c%[1]d"},{"email":"d%[1]d"},{"email":"e%[1]d"},{"email":"f%[1]d"},{"email":"g%[1]d"},{"email":"h%[1]d"},{"email":"i%[1]d"},{"email":"j%[1]d"},{"email":"k%[1]d"},{"email":"l%[1]d"},{"email":"m%[1]d"},{"email":"n%[1]d"},{"email":"o%[1]d"},{"email":"p%[1]d"}],"email":"v@x"}`},
	} {
		t.Run(name, func(t *testing.T) {
			a := behind(t, policy, status(401))
			for i := range 3 {
				body := tt.body
				if strings.Contains(body, "%") {
					body = fmt.Sprintf(body, i)
				}
				r := request("POST", "/api/login"+tt.target, body)
				if tt.contentType != "" {
					r.Header.Set("Content-Type", tt.contentType)
				}
				r.RemoteAddr = fmt.Sprintf("10.0.0.%d:1", i)
				rec, _ := a.send(r)
				if want := []int{401, 401, 429}[i]; rec.Code != want {
					t.Errorf("attempt %d: status %d; want %d", i, rec.Code, want)
				}
			}
		})
	}
	t.Run("zeros", func(t *testing.T) {
		a := behind(t, policy, status(401))
		for i, text := range []string{"123", "000123", "+123", "1.23e2"} {
			r := postJSON("/api/login", fmt.Sprintf(`{"userId":%q}`, text))
			r.RemoteAddr = fmt.Sprintf("10.0.0.%d:1", i)
			if rec, _ := a.send(r); rec.Code != []int{401, 401, 429, 429}[i] {
				t.Errorf("%s: status %d", text, rec.Code)
			}
		}
	})
	t.Run("numbers", func(t *testing.T) {
		a := behind(t, policy, status(401))
		for i, body := range []string{`{"phone":15550100}`, `{"phone":15550100.0}`, `{"phone":"1.5550100e7"}`, `{"phone":1.55501e7}`} {
			r := postJSON("/api/login", body)
			r.RemoteAddr = fmt.Sprintf("10.0.0.%d:1", i)
			if rec, _ := a.send(r); rec.Code != []int{401, 401, 429, 429}[i] {
				t.Errorf("%s: status %d", body, rec.Code)
			}
		}
	})
}

// A field that a limit is keyed by holds one text, or each of several would have a
// count of its own.
func TestTheFieldOfAKeyHoldsOneText(t *testing.T) {
	const policy = "rate_limits: {rules: [{name: code, match: POST /check, limit: 2, window: 1h, key: [\"body:code\"], count: all}]}\n"
	for body, want := range map[string]int{
		`{"code":"a"}`: 200, `{"code":["a"]}`: 200, `{"code":["a","a"]}`: 200, `{"o":{"code":"b"},"code":"a"}`: 200,
		`{"code":["a","b"]}`: 400, `{"code":"a","Code":"b"}`: 400,
	} {
		if rec, _ := behind(t, policy, nil).send(postJSON("/check", body)); rec.Code != want {
			t.Errorf("%s: status %d; want %d", body, rec.Code, want)
		}
	}
}

// A form's file of the account's name does not hide the account.
func TestTheAccountOfAFormCannotBeHidden(t *testing.T) {
	a := behind(t, twoLimits+"uploads: off\nnosql: off\n", status(401))
	send := func(i int) int {
		r := form("/api/login", part{"email", "", "", "victim@x"}, part{"email", "a.png", "image/png", "x"})
		r.RemoteAddr = fmt.Sprintf("10.0.0.%d:1", i)
		rec, _ := a.send(r)
		return rec.Code
	}
	for i := range 3 {
		if code, want := send(i), []int{401, 401, 429}[i]; code != want {
			t.Errorf("attempt %d: status %d; want %d", i, code, want)
		}
	}
}

// Where limits alone are in force, a body that cannot be read has no account: it is
// refused on their routes.
func TestABodyThatHidesTheAccount(t *testing.T) {
	bom := "\ufeff"
	long := `{"a":"` + strings.Repeat("x", 110<<10) + `","email":"v@x"}`
	for _, policy := range []string{"mode: report\nrate_limits: {mode: enforce}", "nosql: off\nbodies: off", "nosql: {mode: report}\nbodies: {mode: report}"} {
		for name, body := range map[string]string{"bom": bom + `{"email":"v@x"}`, "twice": `{"a":1,"a":2,"email":"v@x"}`, "long": long} {
			a := behind(t, policy, status(401))
			if rec, reached := a.send(postJSON("/api/login", body)); reached {
				t.Errorf("%q, %s: the app is reached, status %d", policy, name, rec.Code)
			}
			if rec, reached := a.send(postJSON("/elsewhere", body)); !reached && strings.HasPrefix(policy, "mode: report") {
				t.Errorf("%q, %s: elsewhere, status %d", policy, name, rec.Code)
			}
		}
	}
}

// Attempts that the suit itself refuses count as failures: a probe is no success.
func TestRefusedAttemptsCount(t *testing.T) {
	a := behind(t, twoLimits, status(200))
	for range 3 {
		rec, reached := a.send(postJSON("/api/login", `{"email":{"$ne":""}}`))
		refusedBy(t, rec, reached, 400, "nosql/type")
	}
	rec, reached := a.send(login("192.0.2.1", "a"))
	refusedBy(t, rec, reached, 429, "ratelimit/exceeded")
}

// However an attempt breaks off, it is no success.
func TestBrokenAttemptsCount(t *testing.T) {
	cases := map[string]http.HandlerFunc{
		"panic-before-the-answer": func(http.ResponseWriter, *http.Request) { panic("boom") },
		"panic-after-the-header": func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(200)
			http.NewResponseController(w).Flush()
			panic("boom")
		},
		"panic-with-a-held-answer": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			io.WriteString(w, `{"token":"x"}`)
			panic("boom")
		},
		"abort-after-the-header": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(200); panic(http.ErrAbortHandler) },
		"abort-with-a-held-answer": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			io.WriteString(w, `{}`)
			panic(http.ErrAbortHandler)
		},
	}
	for name, answer := range cases {
		t.Run(name, func(t *testing.T) {
			a := behind(t, twoLimits+"tokens: [{match: /, reissue: {}}]\n", answer)
			try := func() (code int) {
				defer func() {
					if v := recover(); v != nil && v != http.ErrAbortHandler {
						t.Errorf("panics with %v", v)
					}
				}()
				rec, _ := a.send(login("1.1.1.1", "a"))
				return rec.Code
			}
			try()
			try()
			if code := try(); code != 429 {
				t.Errorf("the third attempt has status %d; want 429", code)
			}
		})
	}
}

func TestClientsThatGoAwayHaveFailed(t *testing.T) {
	a := behind(t, twoLimits, status(200))
	for range 2 {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		a.send(login("1.1.1.1", "a").WithContext(ctx))
	}
	if rec, _ := a.send(login("1.1.1.1", "a")); rec.Code != 429 {
		t.Errorf("status %d; want 429", rec.Code)
	}
}

// A hundred guesses at once are not let through while the first is judged.
func TestLimitsHoldUnderConcurrency(t *testing.T) {
	var reached atomic.Int32
	suit := quiet(t, parse(t, twoLimits))
	server := httptest.NewServer(suit.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		reached.Add(1)
		io.Copy(io.Discard, r.Body)
		w.WriteHeader(401)
	})))
	defer server.Close()
	var wg sync.WaitGroup
	for range 100 {
		wg.Go(func() {
			res, err := http.Post(server.URL+"/api/login", "application/json", strings.NewReader(`{"email":"a","password":"x"}`))
			if err != nil {
				t.Error(err)
				return
			}
			res.Body.Close()
		})
	}
	wg.Wait()
	if n := reached.Load(); n != 2 {
		t.Errorf("%d guesses reached the app; want 2", n)
	}
	if used := suit.BudgetUsed(); used != 0 {
		t.Errorf("bodies still hold %d bytes", used)
	}
}

// In the strict profile one client may ask for a hundred things a second, and for 3000
// at once; ordinary answers say nothing of it.
func TestTheGeneralLimit(t *testing.T) {
	const none = 1 << 20
	for name, tt := range map[string]struct {
		policy  string
		most    int // requests in a moment, give or take those of the time that they take
		headers []string
	}{
		"strict":          {"", 3000, nil},
		"compatible":      {"profile: compatible", none, nil},
		"left-out":        {"rate_limits: {no_general_limit: true}", none, nil},
		"section-off":     {"rate_limits: off", none, nil},
		"own-number":      {"rate_limits: {rules: [{name: general, limit: 60, window: 1m}]}", 60, nil},
		"own-limit":       {"rate_limits: {rules: [{name: mine, match: /, limit: 4000, window: 1h}]}", 4000, nil},
		"others-beside":   {"rate_limits: {rules: [{name: mine, match: /api/, limit: 5, window: 1h}]}", 3000, nil},
		"undeclared":      {"", none, []string{"X-Forwarded-For", "203.0.113.7"}},
		"claims-to-be-so": {"", 3000, []string{"X-Forwarded-For", "203.0.113.7"}},
	} {
		t.Run(name, func(t *testing.T) {
			a := behind(t, tt.policy, status(200))
			from := "203.0.113.1:1"
			if name == "undeclared" { // a proxy whose clients all look like one
				from = "10.0.0.1:1"
			}
			r := request("GET", "/page", "", tt.headers...)
			r.RemoteAddr = from
			passed := 0
			for range 5000 {
				rec, reached := a.send(r)
				if !reached {
					refusedBy(t, rec, reached, 429, "ratelimit/exceeded")
					break
				}
				if h := rec.Header()["Ratelimit"]; h != nil && name != "own-limit" {
					t.Fatalf("the answer says %s", h)
				}
				passed++
			}
			if passed < min(tt.most, 5000) || passed > tt.most+1000 {
				t.Errorf("%d requests passed; want %d", passed, tt.most)
			}
		})
	}
}

// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// An operator sees what the limits have decided, lets a client in again, and keeps
// one out.
func TestOperatorsChangeLimits(t *testing.T) {
	g := admin(t, "rate_limits: {rules: [{name: login, limit: 1, window: 1h, block: 1h}]}\nerrors: off\n")
	attempt := func(from string) int {
		r := httptest.NewRequest("POST", "/login", strings.NewReader(`{"email":"a@x","password":"b"}`))
		r.Header.Set("Content-Type", "application/json")
		r.RemoteAddr = from + ":1"
		rec := httptest.NewRecorder()
		g.suit.Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(401) })).ServeHTTP(rec, r)
		return rec.Code
	}
	send := func(path, body string, headers ...string) (int, string) {
		r := httptest.NewRequest("POST", path, strings.NewReader(body))
		r.Host = "localhost"
		for i := 0; i < len(headers); i += 2 {
			r.Header.Set(headers[i], headers[i+1])
		}
		rec := httptest.NewRecorder()
		g.adminHandler().ServeHTTP(rec, r)
		return rec.Code, strings.TrimSpace(rec.Body.String())
	}
	shown := func() (s limitStatus) {
		res := ask(g, "GET", "/limits", "localhost")
		if err := json.NewDecoder(res.Body).Decode(&s); err != nil || res.StatusCode != 200 || res.Header.Get("Content-Type") != "application/json" {
			t.Fatal(res.StatusCode, err)
		}
		return s
	}
	const client = "192.0.2.7"
	if a, b := attempt(client), attempt(client); a != 401 || b != 429 {
		t.Fatal(a, b)
	}
	login := shown().Rules[0]
	if login.Name != "login" || login.Allowed != 1 || login.Refused != 1 || len(login.Blocked) != 1 || fmt.Sprint(login.Key) != "[ip]" {
		t.Errorf("shown %+v", login)
	}
	for _, tt := range []struct {
		path, body string
		status     int
		answer     string
	}{
		{"/limits/login/reset", `{"key":["192.0.2.7"]}`, 200, `{"known":true}`},
		{"/limits/login/reset", `{"key":["192.0.2.99"]}`, 200, `{"known":false}`},
		{"/limits/login/block", `{"key":["192.0.2.8"],"for":"1h"}`, 200, `{"known":true}`},
		{"/limits/nothing/reset", `{"key":["192.0.2.7"]}`, 404, `there is no rule named "nothing"`},
		{"/limits/login/reset", `{"key":["x"]}`, 400, `rule login: "x" is not an address`},
		{"/limits/login/reset", `{"key":[]}`, 400, `rule login: its key has 1 parts (ip), not 0`},
		{"/limits/login/reset", `{"keys":["192.0.2.7"]}`, 400, `the body must be`},
		{"/limits/login/reset", `{"key":["192.0.2.7"]} {}`, 400, `the body must be`},
		{"/limits/login/block", `{"key":["192.0.2.7"]}`, 400, `"for" must be 1s to 744h`},
		{"/limits/login/block", `{"key":["192.0.2.7"],"for":"1ms"}`, 400, `"for" must be 1s to 744h`},
		{"/limits/login/other", `{}`, 404, `404 page not found`},
	} {
		if status, answer := send(tt.path, tt.body); status != tt.status || !strings.HasPrefix(answer, tt.answer) {
			t.Errorf("%s %s: %d %s; want %d %s", tt.path, tt.body, status, answer, tt.status, tt.answer)
		}
	}
	if status, _ := send("/limits/login/reset", `{"key":["192.0.2.8"]}`, "Sec-Fetch-Site", "cross-site"); status != 403 {
		t.Errorf("from a page on the web: %d", status)
	}
	if a, b := attempt(client), attempt("192.0.2.8"); a != 401 || b != 429 {
		t.Errorf("let in again: %d; kept out: %d", a, b)
	}
}

// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package panoply_test

import (
	"net/http"
	"strings"
	"testing"
)

// setCookie is an app that sets a cookie.
func setCookie(line string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Set-Cookie", line) }
}

// The value of a session cookie leaves encrypted, and only such values reach the app.
func TestCookiesAreEncrypted(t *testing.T) {
	secret(t)
	const forged = "connect.sid=s%3Aadmin.c2lnbmVkLXdpdGgta2V5Ym9hcmQtY2F0"
	a := behind(t, "cookies: {encrypt: {key_env: TEST_SECRET}}", setCookie(forged+"; Path=/"))
	rec, _ := a.send(request("POST", "/login", ""))
	line := rec.Header().Get("Set-Cookie")
	pair, rest, _ := strings.Cut(line, ";")
	if strings.Contains(line, "admin") || rest != " Path=/; Max-Age=3600; HttpOnly; SameSite=Strict" {
		t.Fatalf("it leaves as %q", line)
	}
	a.answer = nil
	rec, reached := a.send(request("GET", "/me", "", "Cookie", "lang=de; "+pair))
	passes(t, rec, reached)
	if got := a.request.Header.Get("Cookie"); got != "lang=de; "+forged {
		t.Errorf("the app sees %q", got)
	}
	rec, reached = a.send(request("GET", "/me", "", "Cookie", "lang=de; "+forged))
	passes(t, rec, reached)
	if got := a.request.Header.Get("Cookie"); got != "lang=de" {
		t.Errorf("the app sees %q", got)
	}
	if log := a.log.String(); !strings.Contains(log, "session/cookie-foreign") || strings.Contains(log, "admin") {
		t.Errorf("the log has %s", log)
	}
	// Another suit of the same key, as another guard.
	b := behind(t, "cookies: {encrypt: {key_env: TEST_SECRET}}", nil)
	rec, reached = b.send(request("GET", "/me", "", "Cookie", pair))
	passes(t, rec, reached)
	if got := b.request.Header.Get("Cookie"); got != forged {
		t.Errorf("behind another guard, the app sees %q", got)
	}
	for _, mode := range []string{"report", "off"} {
		a := behind(t, "cookies: {mode: "+mode+", encrypt: {key_env: TEST_SECRET}}", setCookie(forged))
		rec, _ := a.send(request("GET", "/me", "", "Cookie", forged))
		if rec.Header().Get("Set-Cookie") != forged || a.request.Header.Get("Cookie") != forged {
			t.Errorf("mode %s: %q, %q", mode, rec.Header().Get("Set-Cookie"), a.request.Header.Get("Cookie"))
		}
	}
}

// What is inside is looked at as if it had come in clear, and a token inside is re-issued.
func TestEncryptedCookiesAreInspected(t *testing.T) {
	a := behind(t, "cookies: {encrypt: {}}", setCookie(`session=j%3A%7B%22a%22%3A%7B%22%24ne%22%3A1%7D%7D`))
	rec, _ := a.send(request("POST", "/login", ""))
	pair, _, _ := strings.Cut(rec.Header().Get("Set-Cookie"), ";")
	rec, reached := a.send(request("GET", "/me", "", "Cookie", pair))
	refusedBy(t, rec, reached, 400, "nosql/operator")

	a = behind(t, "cookies: {encrypt: {}}\n"+reissueAll, handOut("cookie"))
	rec, _ = a.send(request("POST", "/login", ""))
	pair, _, _ = strings.Cut(rec.Header().Get("Set-Cookie"), ";")
	if strings.Contains(pair, "eyJ") {
		t.Fatalf("it leaves as %q", pair)
	}
	rec, reached = a.send(request("GET", "/me", "", "Cookie", pair))
	passes(t, rec, reached)
	if got := a.request.Header.Get("Cookie"); got != "token="+appToken {
		t.Errorf("the app sees %q", got)
	}
	if w := strings.Join(a.suit.Warnings(), " "); !strings.Contains(w, "cookies: encrypt has no key_env") {
		t.Errorf("the warnings are %s", w)
	}
}

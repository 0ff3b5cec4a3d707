// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"fmt"
	"hash"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/panoply-security/panoply/internal/weak"
)

func mac(made func() hash.Hash, secret, text string) []byte {
	m := hmac.New(made, []byte(secret))
	m.Write([]byte(text))
	return m.Sum(nil)
}

func signed(t *testing.T, method jwt.SigningMethod, secret string, claims jwt.MapClaims) string {
	t.Helper()
	var key any = []byte(secret)
	if method == jwt.SigningMethodNone {
		key = jwt.UnsafeAllowNoneSignatureType
	}
	text, err := jwt.NewWithClaims(method, claims).SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// express is a cookie as express-session signs it.
func express(name, secret string) string {
	const id = "kZ5vXw_3nU7b2"
	sum := base64.RawStdEncoding.EncodeToString(mac(sha256.New, secret, id))
	return name + "=" + url.QueryEscape("s:"+id+"."+sum) + "; Path=/; HttpOnly"
}

// keygrip are the two cookies of cookie-session.
func keygrip(name, secret string) []string {
	value := name + "=" + base64.StdEncoding.EncodeToString([]byte(`{"user":1}`))
	return []string{value + "; path=/", name + ".sig=" + base64.RawURLEncoding.EncodeToString(mac(sha1.New, secret, value)) + "; path=/"}
}

func strong() string { return rand.Text() + rand.Text() }

func TestFindings(t *testing.T) {
	soon, late := time.Now().Add(time.Hour).Unix(), time.Now().Add(365*24*time.Hour).Unix()
	for _, tt := range []struct {
		name    string
		cookies []string
		header  string
		json    string
		want    []string
	}{
		{"keyboard-cat", []string{express("connect.sid", "keyboard cat")}, "", "", []string{"session/weak-secret cookie connect.sid"}},
		{"strong-session", []string{express("connect.sid", strong())}, "", "", nil},
		{"cookie-session", keygrip("session", "secret1"), "", "", []string{"session/weak-secret cookie session"}},
		{"strong-cookie-session", keygrip("session", strong()), "", "", nil},
		{"no-signature", []string{"a=b", "connect.sid=s%3Aabc", "x=s:abc.def", "=x", "odd"}, "", "", nil},
		{"token-for-ever", nil, "", `{"user":{"token":"` + signed(t, jwt.SigningMethodHS256, "secret123", jwt.MapClaims{"id": 1}) + `"}}`,
			[]string{"token/no-expiry JSON of POST /api/login", "token/weak-secret JSON of POST /api/login"}},
		{"good-token", nil, "", `{"token":"` + signed(t, jwt.SigningMethodHS256, strong(), jwt.MapClaims{"exp": soon}) + `"}`, nil},
		{"far-end", nil, "", `{"token":"` + signed(t, jwt.SigningMethodHS512, strong(), jwt.MapClaims{"exp": late}) + `"}`, []string{"token/no-expiry JSON of POST /api/login"}},
		{"end-in-text", nil, "", `{"token":"` + signed(t, jwt.SigningMethodHS384, "changeme", jwt.MapClaims{"exp": "soon"}) + `"}`,
			[]string{"token/no-expiry JSON of POST /api/login", "token/weak-secret JSON of POST /api/login"}},
		{"alg-none", nil, "Bearer " + signed(t, jwt.SigningMethodNone, "", jwt.MapClaims{"exp": soon}), "", []string{"token/alg-none header Authorization"}},
		{"in-a-cookie", []string{"jwt=" + signed(t, jwt.SigningMethodHS256, "your-256-bit-secret", jwt.MapClaims{"exp": soon}) + "; HttpOnly"}, "", "", []string{"token/weak-secret cookie jwt"}},
		{"behind-others", nil, "", `{"a":"eyJ", "b":"eyJ.x", "t":"` + signed(t, jwt.SigningMethodHS256, "secret", jwt.MapClaims{"exp": soon}) + `"}`, []string{"token/weak-secret JSON of POST /api/login"}},
		{"looks-like-one", nil, "", `{"t":"eyJ.a.b","u":"eyJhbGciOiJIUzI1NiJ9.e30"}`, nil},
	} {
		for _, size := range []int{1, 7, 1 << 20} {
			t.Run(fmt.Sprint(tt.name, "-in-chunks-of-", size), func(t *testing.T) {
				var log bytes.Buffer
				w := New(slog.New(slog.NewTextHandler(&log, nil)))
				for range 2 { // the second time nothing is due
					res := &http.Response{StatusCode: 200, Header: http.Header{"Set-Cookie": tt.cookies, "Content-Type": {"application/json; charset=utf-8"}},
						Body: io.NopCloser(&chunked{tt.json, size}), Request: httptest.NewRequest("POST", "/API/login/", nil)}
					if tt.header != "" {
						res.Header.Set("Authorization", tt.header)
					}
					w.Answered(res)
					if b, err := io.ReadAll(res.Body); err != nil || string(b) != tt.json {
						t.Fatalf("the answer became %q, %v", b, err)
					}
				}
				w.Close()
				var got []string
				for _, f := range w.Findings() {
					got = append(got, string(f.Rule)+" "+f.Where)
				}
				if size == 1 && tt.json != "" {
					return // a token is looked for in each chunk: that nothing breaks is all
				}
				if !slices.Equal(got, tt.want) && size > 7 {
					t.Errorf("got %q; want %q", got, tt.want)
				}
				if n := strings.Count(log.String(), "\n"); n != len(got) || strings.Contains(log.String(), "eyJ") || strings.Contains(log.String(), "keyboard") {
					t.Errorf("logged %s", log.String())
				}
			})
		}
	}
}

// What is in the operator's file is tried as well.
func TestFurtherSecrets(t *testing.T) {
	const leaked = "bQ7vXn2LwT9sKc4Rj8Zp5Ym3Hd6Gf1Ea"
	for _, known := range [][]string{nil, {"another", leaked}} {
		w := New(slog.New(slog.DiscardHandler))
		w.Know(known)
		text := signed(t, jwt.SigningMethodHS256, leaked, jwt.MapClaims{"exp": time.Now().Add(time.Hour).Unix()})
		w.Answered(&http.Response{StatusCode: 200, Header: http.Header{"Authorization": {"Bearer " + text}}, Body: http.NoBody, Request: httptest.NewRequest("GET", "/", nil)})
		w.Close()
		if n := len(w.Findings()); (n == 1) != (known != nil) || n > 1 {
			t.Errorf("knowing %d secrets: %v", len(known), w.Findings())
		}
	}
	(*Watcher)(nil).Know(nil)
}

// chunked gives its text in pieces.
type chunked struct {
	text string
	size int
}

func (c *chunked) Read(p []byte) (int, error) {
	if c.text == "" {
		return 0, io.EOF
	}
	n := copy(p, c.text[:min(c.size, len(c.text))])
	c.text = c.text[n:]
	return n, nil
}

// Places that an app makes up without end fill nothing, and what waits is bounded.
func TestBounds(t *testing.T) {
	w := New(slog.New(slog.DiscardHandler))
	w.busy = true // with something else
	for i := range 1000 {
		w.cookies([]string{express(fmt.Sprint("sid", i), "keyboard cat")})
	}
	if len(w.waiting) != maxWaiting || len(w.tried) != maxWaiting {
		t.Errorf("%d wait, %d places are known", len(w.waiting), len(w.tried))
	}
	for len(w.tried) < maxPlaces {
		w.waiting = nil
		w.cookies([]string{express(fmt.Sprint("x", len(w.tried)), "keyboard cat")})
	}
	w.waiting = nil
	w.cookies([]string{express("another", "keyboard cat")})
	if w.due("cookie another") || len(w.tried) != maxPlaces {
		t.Errorf("%d places are known", len(w.tried))
	}
	w.now = func() time.Time { return time.Now().Add(again + time.Minute) }
	if !w.due("cookie sid0") {
		t.Error("an hour later it is not tried again")
	}
}

// FuzzAnswers holds that nothing that an app gives out stops the watcher.
func FuzzAnswers(f *testing.F) {
	f.Add("connect.sid=s%3Aa.b; Path=/", `{"t":"eyJhbGciOiJIUzI1NiJ9.e30.AAAA"}`)
	f.Add("a.sig=x", `"eyJ.eyJ.`)
	f.Fuzz(func(t *testing.T, cookie, body string) {
		w := New(slog.New(slog.DiscardHandler))
		w.busy = true // with something else: what takes long is not what is looked for
		res := &http.Response{StatusCode: 200, Header: http.Header{"Set-Cookie": {cookie, "b=c", cookie}, "Content-Type": {"text/json"}},
			Body: io.NopCloser(strings.NewReader(body)), Request: httptest.NewRequest("POST", "/", nil)}
		w.Answered(res)
		if b, err := io.ReadAll(res.Body); err != nil || string(b) != body {
			t.Fatalf("the answer became %q, %v", b, err)
		}
		w.Close()
	})
}

// BenchmarkGuess is one token against the whole list.
func BenchmarkGuess(b *testing.B) {
	sum := mac(sha256.New, strong(), "text")
	b.Run("HS256", func(b *testing.B) {
		tries := 0
		signs := weak.Signs(sha256.New, "text", sum)
		for b.Loop() {
			guess(func(s string) bool { tries++; return signs(s) })
		}
		b.ReportMetric(float64(tries)/float64(b.N), "secrets/op")
	})
	b.Run("HS512", func(b *testing.B) {
		for b.Loop() {
			guess(weak.Signs(sha512.New, "text", sum))
		}
	})
}

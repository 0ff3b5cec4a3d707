// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package token

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"
)

// The peer with the same checks as far as it has them: algorithm, strict
// base64, exp, iat, iss, aud.
func BenchmarkVerifyHS256(b *testing.B) {
	tok := newTokens(b, Config{Issuer: "shop", Audience: []string{"api"}})
	s := must(tok.Issue(Claims{"sub": "65a1f0c2", "role": "user", "name": "Ada Lovelace"}))
	other := strings.Replace(s, tok.set[0].header, b64(`{"typ":"JWT","alg":"HS256"}`), 1)
	other = other[:strings.LastIndexByte(other, '.')]
	other += "." + b64(string(must(jwt.SigningMethodHS256.Sign(other, []byte(goodSecret)))))
	b.Run("panoply", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			must(tok.Verify(s))
		}
	})
	b.Run("panoply-other-header", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			must(tok.Verify(other))
		}
	})
	b.Run("golang-jwt", func(b *testing.B) {
		p := jwt.NewParser(jwt.WithValidMethods([]string{"HS256"}), jwt.WithStrictDecoding(), jwt.WithExpirationRequired(),
			jwt.WithIssuedAt(), jwt.WithIssuer("shop"), jwt.WithAudience("api"), jwt.WithTimeFunc(tok.now), jwt.WithJSONNumber())
		key := []byte(goodSecret)
		b.ReportAllocs()
		for b.Loop() {
			must(p.Parse(s, func(*jwt.Token) (any, error) { return key, nil }))
		}
	})
}

func BenchmarkIssueHS256(b *testing.B) {
	tok := newTokens(b, Config{})
	b.ReportAllocs()
	for b.Loop() {
		must(tok.Issue(Claims{"sub": "65a1f0c2", "role": "user"}))
	}
}

func BenchmarkReissueOut(b *testing.B) {
	re := newReissuer(b, ReissueConfig{})
	with := []byte(`{"user":{"id":1,"name":"Ada"},"token":"` + appToken(b) + `"}`)
	without := []byte(strings.Repeat(`{"id":1,"name":"Ada Lovelace","text":"Nothing. To see. Here."},`, 1000))
	b.Run("login", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			re.Out(with)
		}
	})
	b.Run("no-token-60kB", func(b *testing.B) {
		b.SetBytes(int64(len(without)))
		b.ReportAllocs()
		for b.Loop() {
			re.Out(without)
		}
	})
}

func BenchmarkReissueIn(b *testing.B) {
	re := newReissuer(b, ReissueConfig{})
	ours := reissued(b, re, appToken(b))
	browser := http.Header{
		"User-Agent":      {"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36"},
		"Accept":          {"text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"},
		"Accept-Language": {"de-DE,de;q=0.9,en;q=0.8"},
		"Cookie":          {"theme=dark; _ga=GA1.2.1234.5678"},
	}
	b.Run("bearer", func(b *testing.B) {
		r := httptest.NewRequest("GET", "/", nil)
		b.ReportAllocs()
		for b.Loop() {
			r.Header = browser
			r.Header["Authorization"] = []string{"Bearer " + ours}
			if err := re.In(r); err != nil {
				b.Fatal(err)
			}
		}
		delete(browser, "Authorization")
	})
	b.Run("no-token", func(b *testing.B) {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header = browser
		b.ReportAllocs()
		for b.Loop() {
			if err := re.In(r); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("body-60kB", func(b *testing.B) {
		body := []byte(strings.Repeat(`{"id":1,"name":"Ada Lovelace","text":"Nothing. To see. Here."},`, 1000))
		b.SetBytes(int64(len(body)))
		b.ReportAllocs()
		for b.Loop() {
			if _, err := re.InBody(body); err != nil {
				b.Fatal(err)
			}
		}
	})
}

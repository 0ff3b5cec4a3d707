// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/alexedwards/scs/v2/memstore"
	jose "github.com/go-jose/go-jose/v4"
	josejwt "github.com/go-jose/go-jose/v4/jwt"
	"github.com/golang-jwt/jwt/v5"

	"github.com/panoply-security/panoply/internal/weak"
	"github.com/panoply-security/panoply/session"
	"github.com/panoply-security/panoply/token"
)

// Of this run alone: nothing is signed with it but what is measured.
const tokenSecret = "hT5wq9Lz3VbX8nRk2MfC7dJy4GsP6aEuhT2wq8Lz5VbX3nRk"

// signedWith is a token of the shop that is good for an hour.
func signedWith(secret string) string {
	now := time.Now()
	signed, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{"sub": "65a1f0c2", "role": "user", "name": "Ada Lovelace",
		"iss": "shop", "aud": "api", "iat": now.Unix(), "exp": now.Add(time.Hour).Unix()}).SignedString([]byte(secret))
	if err != nil {
		panic(err) // for no map of texts and numbers
	}
	return signed
}

var errToken = errors.New("the token is not accepted")

// tokenReaders verify an HS256 token, with the same checks as far as each has them:
// algorithm, exp that must be there, iat, iss, aud. None caches.
func tokenReaders() ([]reader, error) {
	key := []byte(tokenSecret)
	parser := jwt.NewParser(jwt.WithValidMethods([]string{"HS256"}), jwt.WithStrictDecoding(), jwt.WithExpirationRequired(),
		jwt.WithIssuedAt(), jwt.WithIssuer("shop"), jwt.WithAudience("api"), jwt.WithJSONNumber())
	ours, err := token.New(token.Config{Secret: key, Issuer: "shop", Audience: []string{"api"}})
	if err != nil {
		return nil, err
	}
	return []reader{
		{"golang-jwt", func(text string) error {
			_, err := parser.Parse(text, func(*jwt.Token) (any, error) { return key, nil })
			return err
		}},
		{"go-jose", func(text string) error {
			t, err := josejwt.ParseSigned(text, []jose.SignatureAlgorithm{jose.HS256})
			if err != nil {
				return err
			}
			var registered josejwt.Claims
			var all map[string]any
			if err := t.Claims(key, &registered, &all); err != nil {
				return err
			}
			if registered.Expiry == nil {
				return errToken
			}
			return registered.ValidateWithLeeway(josejwt.Expected{Issuer: "shop", AnyAudience: josejwt.Audience{"api"}, Time: time.Now()}, 0)
		}},
		{"panoply token", func(text string) error { _, err := ours.Verify(text); return err }},
	}, nil
}

// knownSession is the id of the session that is there, for each reader, since each makes
// its own.
const knownSession, unknownSession = "the session that is there", "another one"

var errSession = errors.New("there is no session with that value")

// sessionReaders send a request through the middleware, whose handler reads one text of
// four that a login has stored.
func sessionReaders() ([]reader, error) {
	peer := scs.New()
	peer.Store = memstore.NewWithCleanupInterval(0)
	ours, err := session.New(session.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, err
	}
	values := map[string]string{"user": "65a1f0c2", "name": "Ada Lovelace", "language": "de-AT", "cart": "BK-001|2,PN-001|1"}
	found := func(got string) error {
		if got != values["user"] {
			return errSession
		}
		return nil
	}
	var err1, err2 error
	ofPeer := peer.LoadAndSave(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { err1 = found(peer.GetString(r.Context(), "user")) }))
	ofOurs := ours.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		got, _ := session.Get[string](session.From(r.Context()), "user")
		err2 = found(got)
	}))
	logIn := func(wrap func(http.Handler) http.Handler, put func(r *http.Request, name, value string)) string {
		rec := httptest.NewRecorder()
		wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			for name, value := range values {
				put(r, name, value)
			}
			w.WriteHeader(http.StatusOK)
		})).ServeHTTP(rec, httptest.NewRequest("POST", "https://shop.example/login", nil))
		cookie, _, _ := strings.Cut(rec.Header().Get("Set-Cookie"), ";")
		return cookie
	}
	peerCookie := logIn(peer.LoadAndSave, func(r *http.Request, name, value string) { peer.Put(r.Context(), name, value) })
	ourCookie := logIn(ours.Handler, func(r *http.Request, name, value string) { session.From(r.Context()).Set(name, value) })
	through := func(h http.Handler, cookie string, err *error) func(string) error {
		r := httptest.NewRequest("GET", "https://shop.example/", nil)
		w := &answerTo{http.Header{}}
		known, unknown := []string{cookie}, []string{cookie[:len(cookie)-4] + "AAAA"}
		return func(which string) error {
			r.Header["Cookie"] = known
			if which == unknownSession {
				r.Header["Cookie"] = unknown
			}
			clear(w.header)
			h.ServeHTTP(w, r)
			return *err
		}
	}
	return []reader{
		{"scs", through(ofPeer, peerCookie, &err1)},
		{"panoply session", through(ofOurs, ourCookie, &err2)},
	}, nil
}

var errGuessed = errors.New("the secret can be guessed")

// guessReaders try every secret that attackers try first against a token. The first is
// the floor: one HMAC each, and nothing else.
func guessReaders() ([]reader, error) {
	var secrets [][]byte
	weak.Guess(func(secret string) bool { secrets = append(secrets, []byte(secret)); return false })
	fmt.Printf("\nthe list has %d secrets\n", len(secrets))
	parts := func(text string) (signed string, sum []byte, err error) {
		i := strings.LastIndexByte(text, '.')
		sum, err = base64.RawURLEncoding.DecodeString(text[i+1:])
		return text[:i], sum, err
	}
	return []reader{
		{"crypto/hmac for each", func(text string) error {
			signed, sum, err := parts(text)
			if err != nil {
				return err
			}
			for _, secret := range secrets {
				m := hmac.New(sha256.New, secret)
				m.Write([]byte(signed))
				if bytes.Equal(m.Sum(nil), sum) {
					return errGuessed
				}
			}
			return nil
		}},
		{"panoply, as the watcher does", func(text string) error {
			signed, sum, err := parts(text)
			if err != nil {
				return err
			}
			if _, guessed := weak.Guess(weak.Signs(sha256.New, signed, sum)); guessed {
				return errGuessed
			}
			return nil
		}},
	}, nil
}

var credentials = []readings{
	{"verify an HS256 token", tokenReaders, signedWith(tokenSecret), signedWith("another secret, of whoever forges it"), 0},
	{"load a session, one text", sessionReaders, knownSession, unknownSession, 0},
	{"try the list on a token", guessReaders, signedWith(tokenSecret), signedWith("secret123"), 0},
}

// benchCredentials measures tokens and sessions, and beside them those of Node where
// they are installed (npm ci in bench/credentials).
func benchCredentials(ctx context.Context, rounds int) error {
	if err := readAll(credentials, rounds); err != nil {
		return err
	}
	_, file, _, _ := runtime.Caller(0)
	cmd := exec.CommandContext(ctx, "node", "bench.js", fmt.Sprint(rounds), tokenSecret, signedWith(tokenSecret))
	cmd.Dir = filepath.Join(filepath.Dir(file), "credentials")
	out, err := cmd.Output()
	if err != nil {
		fmt.Printf("\n*** NOT MEASURED: jsonwebtoken and express-session (%v); they need node, and npm ci in bench/credentials ***\n", err)
		return nil
	}
	var peers []struct {
		Name         string
		Microseconds float64
	}
	if err := json.Unmarshal(out, &peers); err != nil {
		return err
	}
	fmt.Printf("\n%-34s %12s\n", "in Node, CPU time of its process", "per reading")
	for _, p := range peers {
		fmt.Printf("%-34s %9.2f µs\n", p.Name, p.Microseconds)
	}
	return nil
}

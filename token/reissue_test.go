// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package token

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/panoply-security/panoply/problem"
	"github.com/panoply-security/panoply/rule"
)

const reissueSecret = "hT5wq9Lz3VbX8nRk2MfC7dJy4GsP6aEuhT2wq8Lz5VbX3nRk"

func newReissuer(t testing.TB, cfg ReissueConfig) *Reissuer {
	t.Helper()
	if cfg.Key == nil && cfg.KeyEnv == "" {
		cfg.Key = []byte(reissueSecret)
	}
	re, err := NewReissuer(cfg)
	if err != nil {
		t.Fatal(err)
	}
	re.now = func() time.Time { return testNow }
	return re
}

// appToken is the article's: jwt.sign({ id: user._id }, 'secret123').
func appToken(t testing.TB) string {
	return sign(t, jwt.SigningMethodHS256, []byte("secret123"), nil, map[string]any{"id": "65a1", "iat": testNow.Unix()})
}

// reissued is the guard's token for one of the app's.
func reissued(t testing.TB, re *Reissuer, token string) string {
	t.Helper()
	out, n := re.Out([]byte(`{"token":"` + token + `"}`))
	if n != 1 {
		t.Fatalf("Out re-issued %d tokens of %s", n, token)
	}
	var body struct{ Token string }
	if err := json.Unmarshal(out, &body); err != nil {
		t.Fatal(err)
	}
	return body.Token
}

func payloadOf(t testing.TB, token string) string {
	t.Helper()
	_, p, _, ok := split(token)
	if !ok {
		t.Fatalf("%q is no token", token)
	}
	return string(must(strict.DecodeString(p)))
}

func bearer(token string) *http.Request {
	r := httptest.NewRequest("GET", "/api/me", nil)
	r.Header.Set("Authorization", "Bearer "+token)
	return r
}

func TestReissueRoundTrip(t *testing.T) {
	re := newReissuer(t, ReissueConfig{})
	hour := testNow.Add(time.Hour).Unix()
	tests := []struct {
		name, payload, out string
		in                 error
	}{
		{"no-exp", `{"id":"65a1","iat":1}`, fmt.Sprintf(`{"id":"65a1","iat":1,"exp":%d}`, hour), nil},
		{"empty", `{}`, fmt.Sprintf(`{"exp":%d}`, hour), nil},
		{"space-around", " { \"id\" : 1 }\n ", fmt.Sprintf(" { \"id\" : 1 ,\"exp\":%d}\n ", hour), nil},
		{"exp-sooner-stays", fmt.Sprintf(`{"exp":%d,"id":1}`, hour-1), fmt.Sprintf(`{"exp":%d,"id":1}`, hour-1), nil},
		{"exp-capped", fmt.Sprintf(`{"a":[1,{"exp":5}], "exp" : %d , "id":12345678901234567890}`, hour+1), fmt.Sprintf(`{"a":[1,{"exp":5}], "exp" : %d , "id":12345678901234567890}`, hour), nil},
		{"exp-in-milliseconds", fmt.Sprintf(`{"exp":%d}`, testNow.UnixMilli()), fmt.Sprintf(`{"exp":%d}`, hour), nil},
		{"exp-no-number", `{"exp":"never","id":1}`, fmt.Sprintf(`{"exp":%d,"id":1}`, hour), nil},
		{"exp-fraction", fmt.Sprintf(`{"exp":%d.25}`, hour-10), fmt.Sprintf(`{"exp":%d.25}`, hour-10), nil},
		{"expired-stays-expired", `{"exp":1000000000,"id":1}`, `{"exp":1000000000,"id":1}`, errExpired},
		{"expires-now", fmt.Sprintf(`{"exp":%d}`, testNow.Unix()), fmt.Sprintf(`{"exp":%d}`, testNow.Unix()), errExpired},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			app := signRaw(t, "secret123", `{"alg":"HS256","typ":"JWT","kid":"k1"}`, tt.payload)
			ours := reissued(t, re, app)
			if got := payloadOf(t, ours); got != tt.out {
				t.Errorf("payload %s; want %s", got, tt.out)
			}
			r := bearer(ours)
			err := re.In(r)
			if tt.in != nil {
				if problem.As(err).Rule != rule.TokenExpired || r.Header.Get("Authorization") != "Bearer "+ours {
					t.Errorf("In: %v, header %q; want it refused as expired and untouched", err, r.Header.Get("Authorization"))
				}
				return
			}
			if got := r.Header.Get("Authorization"); err != nil || got != "Bearer "+app {
				t.Errorf("In: %v, %s; want the app's own token %s", err, got, app)
			}
		})
	}
}

// What leaves is a proper HS256 token that nobody without the guard's key can
// verify, and that shows nothing of the app's signature.
func TestReissuedTokenIsAJWT(t *testing.T) {
	re := newReissuer(t, ReissueConfig{})
	app := appToken(t)
	ours := reissued(t, re, app)
	parsed, err := jwt.Parse(ours, func(*jwt.Token) (any, error) { return re.keys[0].mac, nil },
		jwt.WithValidMethods([]string{"HS256"}), jwt.WithExpirationRequired(), jwt.WithStrictDecoding(), jwt.WithTimeFunc(re.now))
	if err != nil || parsed.Claims.(jwt.MapClaims)["id"] != "65a1" {
		t.Errorf("golang-jwt: %v, %v", parsed, err)
	}
	if kid, _ := parsed.Header["kid"].(string); !strings.HasPrefix(kid, "panoply-") {
		t.Errorf("kid %q", kid)
	}
	_, _, sig, _ := split(app)
	if strings.Contains(ours, sig) || strings.Contains(ours, app) {
		t.Error("the app's signature is there to try secrets on")
	}
	if again := reissued(t, re, app); again == ours {
		t.Error("the same token re-issued twice is the same: no nonce")
	}
	if grown := len(ours) - len(app); grown > 320 {
		t.Errorf("%d bytes longer; the docs say about 300", grown)
	}
	if len(re.keys[0].rawPrefix)%3 != 0 || !strings.HasPrefix(ours, re.keys[0].prefix) {
		t.Errorf("the prefix of %d bytes is none when encoded", len(re.keys[0].rawPrefix))
	}
}

func TestReissueKeys(t *testing.T) {
	env := func(string) (string, bool) { return reissueSecret, true }
	one, two := newReissuer(t, ReissueConfig{}), newReissuer(t, ReissueConfig{KeyEnv: "TOKEN_KEY", LookupEnv: env})
	app := appToken(t)
	r := bearer(reissued(t, one, app))
	if err := two.In(r); err != nil || r.Header.Get("Authorization") != "Bearer "+app {
		t.Errorf("a second guard with the same key: %v", err)
	}
	if one.Ephemeral() || two.Ephemeral() {
		t.Error("a configured key is reported as ephemeral")
	}
	a, b := must(NewReissuer(ReissueConfig{})), must(NewReissuer(ReissueConfig{}))
	if !a.Ephemeral() || !b.Ephemeral() {
		t.Error("a random key is not reported as ephemeral")
	}
	if err := b.In(bearer(reissued(t, a, app))); err != nil {
		t.Errorf("after a reload: %v", err)
	}
	if e := problem.As(one.In(bearer(reissued(t, a, app)))); e.Rule != rule.TokenNotReissued {
		t.Errorf("with another key, as after a restart: %v", e)
	}
	for name, cfg := range map[string]ReissueConfig{
		"not set":         {KeyEnv: "TOKEN_KEY", LookupEnv: func(string) (string, bool) { return "", false }},
		"is guessable":    {Key: []byte("secret123")},
		"is empty":        {KeyEnv: "TOKEN_KEY", LookupEnv: func(string) (string, bool) { return "", true }},
		"more than one":   {Key: []byte(reissueSecret), KeyEnv: "TOKEN_KEY"},
		"lifetime: -1s":   {Lifetime: -time.Second},
		"names[0]: \"-\"": {Names: []string{"-"}},
	} {
		if _, err := NewReissuer(cfg); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Whatever an app signs comes back byte for byte, and whatever is done to the
// token on its way is refused.
func FuzzReissue(f *testing.F) {
	both := []*Reissuer{newReissuer(f, ReissueConfig{}), newReissuer(f, ReissueConfig{Algorithm: "EdDSA", Revocable: true})}
	f.Add([]byte(`{"id":1}`), []byte("signature"), uint(7), byte(1))
	f.Add([]byte(` {"exp": 99999999999 , "a":"\u00e9:}"} `), []byte{0}, uint(200), byte(0x80))
	f.Fuzz(func(t *testing.T, payload, sig []byte, at uint, bits byte) {
		re := both[at%2]
		enc := func(b []byte) string { return b64(string(b)) }
		app := b64(`{"alg":"HS256"}`) + "." + enc(payload) + "." + enc(sig)
		body := []byte(`{"token":"` + app + `"}`)
		out, n := re.Out(body)
		if n == 0 {
			if !bytes.Equal(out, body) {
				t.Fatalf("changed without a token: %s", out)
			}
			return
		}
		ours := string(out[len(`{"token":"`) : len(out)-2])
		if exp, err := object([]byte(payloadOf(t, ours))); err == nil && exp.ExpiresAt().After(testNow.Add(time.Hour)) {
			t.Fatalf("expires at %v", exp.ExpiresAt())
		}
		r := bearer(ours)
		if err := re.In(r); err == nil {
			if got := r.Header.Get("Authorization"); got != "Bearer "+app {
				t.Fatalf("came back as %s; want %s", got, app)
			}
		} else if problem.As(err).Rule != rule.TokenExpired {
			t.Fatalf("In refuses what Out made: %v", err)
		}
		changed := []byte(ours)
		changed[at%uint(len(changed))] ^= bits
		if string(changed) == ours {
			return
		}
		// Refused, or no longer a token; never a token that the app would read.
		r = bearer(string(changed))
		if err := re.In(r); err == nil && r.Header.Get("Authorization") != "Bearer "+string(changed) {
			t.Fatalf("a changed token was swapped: %s", r.Header.Get("Authorization"))
		}
	})
}

// Each call is a request of its own, for tests that look at one thing alone.

func (t *Reissuer) In(r *http.Request) error        { return t.Cross(r.Context()).In(r) }
func (t *Reissuer) InBody(b []byte) ([]byte, error) { return t.Cross(context.Background()).InBody(b) }
func (t *Reissuer) InQuery(raw string) (string, error) {
	return t.Cross(context.Background()).InQuery(raw)
}
func (t *Reissuer) Out(b []byte) (out []byte, n int) { return t.Cross(context.Background()).Out(b) }
func (t *Reissuer) OutHeader(h http.Header) (n int) {
	return t.Cross(context.Background()).OutHeader(h)
}

// In a grace window too, a logout and an operator end a token, and none is no algorithm.
func TestGraceHasAnEnd(t *testing.T) {
	re := newReissuer(t, ReissueConfig{Revocable: true, Revocations: memoryRevocations(t, 0)})
	re.grace = testNow.Add(time.Hour)
	passes := func(tok string) bool {
		c := re.Cross(t.Context())
		return c.In(bearer(tok)) == nil && c.Graced() == 1
	}
	for _, header := range []string{`{"alg":"none"}`, `{"alg":"nOnE"}`, `{"ALG":"none","alg":"HS256"}`, `{"typ":"JWT"}`} {
		if passes(signRaw(t, "secret123", header, `{"id":1}`)) {
			t.Errorf("%s passes", header)
		}
	}
	tok := sign(t, jwt.SigningMethodHS256, []byte("secret123"), nil, map[string]any{"jti": "abc"})
	if !passes(tok) {
		t.Fatal("a token of the app is refused")
	}
	if err := re.Revoke(t.Context(), "abc"); err != nil || passes(tok) {
		t.Errorf("revoked by its jti, it passes: %v", err)
	}
	tok = sign(t, jwt.SigningMethodHS256, []byte("secret123"), nil, map[string]any{"id": 1})
	c := re.Cross(t.Context())
	if err := c.In(bearer(tok)); err != nil {
		t.Fatal(err)
	}
	if n, err := c.Revoke(); n != 1 || err != nil || passes(tok) {
		t.Errorf("after a logout it passes: %d, %v", n, err)
	}
}

// A text with a header at every other place is refused, not read again and again.
func TestManyHeadersInARun(t *testing.T) {
	re := newReissuer(t, ReissueConfig{})
	if _, err := re.InQuery("a=" + strings.Repeat("-eyJ", 4000) + ".b.c"); problem.As(err).Rule != rule.TokenNotReissued {
		t.Errorf("got %v", err)
	}
	if _, err := re.InQuery("a=eyJ-eyJ-eyJ.b.c"); err != nil {
		t.Errorf("got %v", err)
	}
}

// An operator who gives the app's own token means its jti; without one nothing is said
// to have ended.
func TestRevokeTakesTheJTIOfAnAppToken(t *testing.T) {
	rev := memoryRevocations(t, 0)
	re := newReissuer(t, ReissueConfig{Revocable: true, Revocations: rev})
	if err := re.Revoke(t.Context(), sign(t, jwt.SigningMethodHS256, []byte("secret123"), nil, map[string]any{"jti": "abc"})); err != nil {
		t.Fatal(err)
	}
	if gone, err := rev.Revoked(t.Context(), "abc"); !gone || err != nil {
		t.Errorf("its jti is not revoked: %v", err)
	}
	if err := re.Revoke(t.Context(), sign(t, jwt.SigningMethodHS256, []byte("secret123"), nil, map[string]any{"id": 1})); err == nil {
		t.Error("without a jti: got no error")
	}
}

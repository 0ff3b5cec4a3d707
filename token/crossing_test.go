// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package token

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
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

const otherSecret = "Zq3nT8vLw5yKd2Rb9sXh6JmPc4GfU7eAoZq3nT8vLw5yKd2R"

func TestReissueWithEdDSA(t *testing.T) {
	re := newReissuer(t, ReissueConfig{Algorithm: "EdDSA", Revocable: true})
	app := appToken(t)
	ours := reissued(t, re, app)
	if err := re.In(bearer(ours)); err != nil {
		t.Fatal(err)
	}
	if grown := len(ours) - len(app); grown > 420 {
		t.Errorf("%d bytes longer; the docs say about 400", grown)
	}

	// Whoever has the published key verifies it, by the strict rules of this package too.
	rec := httptest.NewRecorder()
	re.KeySet().ServeHTTP(rec, httptest.NewRequest("GET", "/", nil))
	keys, err := readKeySet(rec.Body.Bytes(), []string{"EdDSA"})
	if err != nil || len(keys) != 1 {
		t.Fatalf("the key set %s: %v", rec.Body, err)
	}
	parsed, err := jwt.Parse(ours, func(*jwt.Token) (any, error) { return keys[0].verify, nil },
		jwt.WithValidMethods([]string{"EdDSA"}), jwt.WithExpirationRequired(), jwt.WithStrictDecoding(), jwt.WithTimeFunc(re.now))
	if err != nil || parsed.Header["kid"] != keys[0].id || parsed.Claims.(jwt.MapClaims)["id"] != "65a1" {
		t.Errorf("golang-jwt: %v, %v", parsed, err)
	}

	head, payload, sig, _ := split(ours)
	inside := string(must(strict.DecodeString(head)))
	for name, forged := range map[string]string{
		"hs256-with-the-public-key": signRaw(t, string(keys[0].verify.(ed25519.PublicKey)), strings.Replace(inside, "EdDSA", "HS256", 1), payloadOf(t, ours)),
		"eddsa-called-hs256":        b64(strings.Replace(inside, "EdDSA", "HS256", 1)) + "." + payload + "." + sig,
		"other-payload":             head + "." + b64(`{"id":"admin","exp":`+itoa(soon())+`}`) + "." + sig,
		"signature-cut":             ours[:len(ours)-4],
	} {
		if e := problem.As(re.In(bearer(forged))); e == nil || e.Rule != rule.TokenNotReissued {
			t.Errorf("%s: %v", name, e)
		}
	}
}

// A key that is changed signs nobody out, until it is forgotten.
func TestReissueKeyRotation(t *testing.T) {
	app := appToken(t)
	before := newReissuer(t, ReissueConfig{})
	old := reissued(t, before, app)
	during := newReissuer(t, ReissueConfig{Key: []byte(otherSecret), OldKeys: [][]byte{[]byte(reissueSecret)}, Algorithm: "EdDSA"})
	fresh := reissued(t, during, app)
	after := newReissuer(t, ReissueConfig{Key: []byte(otherSecret)})
	for name, tt := range map[string]struct {
		re    *Reissuer
		token string
		ok    bool
	}{
		"old-during": {during, old, true}, "new-during": {during, fresh, true}, "new-after": {after, fresh, true},
		"old-after": {after, old, false}, "new-before": {before, fresh, false},
	} {
		r := bearer(tt.token)
		err := tt.re.In(r)
		if tt.ok && (err != nil || r.Header.Get("Authorization") != "Bearer "+app) {
			t.Errorf("%s: %v", name, err)
		}
		if !tt.ok && problem.As(err).Rule != rule.TokenNotReissued {
			t.Errorf("%s: %v", name, err)
		}
	}
	// Of all keys the public ones are published, since tokens of all are good.
	rec := httptest.NewRecorder()
	during.KeySet().ServeHTTP(rec, httptest.NewRequest("GET", "/", nil))
	if keys, err := readKeySet(rec.Body.Bytes(), nil); err != nil || len(keys) != 2 {
		t.Errorf("%d keys, %v", len(keys), err)
	}
	rec = httptest.NewRecorder()
	after.KeySet().ServeHTTP(rec, httptest.NewRequest("GET", "/", nil))
	if got := strings.TrimSpace(rec.Body.String()); got != `{"keys":[]}` {
		t.Errorf("HS256 publishes %s", got)
	}
}

func TestReissueConfigFaults(t *testing.T) {
	env := func(name string) (string, bool) {
		v, ok := map[string]string{"A": reissueSecret, "B": otherSecret, "WEAK": "secret123"}[name]
		return v, ok
	}
	for fault, cfg := range map[string]ReissueConfig{
		`algorithm: "none"`:                      {KeyEnv: "A", Algorithm: "none"},
		"old_key_envs[0]: it is given twice":     {KeyEnv: "A", OldKeyEnvs: []string{"A"}},
		"old_key_envs[1]: the environment":       {KeyEnv: "A", OldKeyEnvs: []string{"B", "C"}},
		"old_key_envs[0]: ":                      {KeyEnv: "A", OldKeyEnvs: []string{"WEAK"}},
		"key_env: there are old keys and none":   {OldKeyEnvs: []string{"A"}},
		"old_key_envs: 8 keys":                   {KeyEnv: "A", OldKeyEnvs: strings.Split("BBBBBBBB", "")},
		`unsafe_grace_until: "tomorrow"`:         {KeyEnv: "A", UnsafeGraceUntil: "tomorrow"},
		"unsafe_grace_until: 9999-01-01 is furt": {KeyEnv: "A", UnsafeGraceUntil: "9999-01-01"},
	} {
		cfg.LookupEnv = env
		if _, err := NewReissuer(cfg); err == nil || !strings.Contains(err.Error(), fault) {
			t.Errorf("%s: got %v", fault, err)
		}
	}
	if re, err := NewReissuer(ReissueConfig{KeyEnv: "A", LookupEnv: env, UnsafeGraceUntil: "2020-01-31"}); err != nil || !re.Grace().IsZero() {
		t.Errorf("a window that is over: %v, %v", re.Grace(), err)
	}
}

// downStore is a store that does not answer.
type downStore struct{}

var errDown = errors.New("connection refused")

func (downStore) Revoke(context.Context, string, time.Time) error { return errDown }
func (downStore) Revoked(context.Context, string) (bool, error)   { return false, errDown }

func memoryRevocations(t *testing.T, max int) *MemoryRevocations {
	t.Helper()
	m := must(NewMemoryRevocations(max))
	m.now = func() time.Time { return testNow }
	return m
}

// After a logout the token is not accepted, on any guard that shares the store; another
// login of the same app token is.
func TestReissuedTokensAreRevoked(t *testing.T) {
	store := memoryRevocations(t, 0)
	re := newReissuer(t, ReissueConfig{Revocable: true, Revocations: store})
	elsewhere := newReissuer(t, ReissueConfig{Revocable: true, Revocations: store})
	app := appToken(t)
	login := re.Cross(t.Context())
	body, n := login.Out([]byte(`{"token":"` + app + `","again":{"accessToken":"` + app + `"}}`))
	if n != 2 {
		t.Fatal(n)
	}
	var got struct {
		Token string
		Again struct{ AccessToken string }
	}
	if err := json.Unmarshal(body, &got); err != nil || got.Token != got.Again.AccessToken {
		t.Fatalf("one token of the app leaves as two: %s, %v", body, err)
	}
	if n, err := login.Revoke(); n != 0 || err != nil {
		t.Errorf("an answer's tokens are revoked: %d, %v", n, err)
	}
	var claims struct{ Jti string }
	if err := json.Unmarshal([]byte(payloadOf(t, got.Token)), &claims); err != nil || len(claims.Jti) != 22 {
		t.Errorf("the jti %q, %v", claims.Jti, err)
	}
	second := reissued(t, re, app)

	logout := elsewhere.Cross(t.Context())
	r := bearer(got.Token)
	if err := logout.In(r); err != nil || r.Header.Get("Authorization") != "Bearer "+app {
		t.Fatal(err)
	}
	if n, err := logout.Revoke(); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	for range 2 {
		r := bearer(got.Token)
		if e := problem.As(re.In(r)); e == nil || e.Rule != rule.TokenInvalid || e.Code() != 401 || r.Header.Get("Authorization") != "Bearer "+got.Token {
			t.Errorf("replayed after the logout: %v", e)
		}
	}
	if _, err := re.InBody([]byte(`{"token":"` + got.Token + `"}`)); problem.As(err).Rule != rule.TokenInvalid {
		t.Errorf("replayed in a body: %v", err)
	}
	// What the app still repeats in the answer to the logout is as dead.
	if out, _ := logout.Out([]byte(`{"token":"` + app + `"}`)); !strings.Contains(string(out), got.Token) {
		t.Errorf("the logout's answer brings a new one: %s", out)
	}
	if err := re.In(bearer(second)); err != nil {
		t.Errorf("the other login: %v", err)
	}
	if err := re.Revoke(t.Context(), second); err != nil {
		t.Fatal(err)
	}
	if e := problem.As(re.In(bearer(second))); e == nil || e.Rule != rule.TokenInvalid {
		t.Errorf("ended by an operator: %v", e)
	}
}

// An operator ends tokens by the jti that a log or a token shows, the guard's or the app's.
func TestOperatorsRevokeByID(t *testing.T) {
	re := newReissuer(t, ReissueConfig{Revocable: true, Revocations: memoryRevocations(t, 0)})
	own := signRaw(t, "secret123", `{"alg":"HS256"}`, `{"id":1,"jti":"order-7"}`)
	odd := signRaw(t, "secret123", `{"alg":"HS256"}`, `{"id":1,"jti":7}`)
	for name, tt := range map[string]struct{ app, jti string }{
		"the-guards": {appToken(t), ""}, "the-apps": {own, "order-7"}, "of-no-text": {odd, "itself"},
	} {
		ours := reissued(t, re, tt.app)
		if err := re.In(bearer(ours)); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		switch tt.jti {
		case "":
			var claims struct{ Jti string }
			if err := json.Unmarshal([]byte(payloadOf(t, ours)), &claims); err != nil {
				t.Fatal(err)
			}
			tt.jti = claims.Jti
		case "itself":
			tt.jti = ours
		}
		if err := re.Revoke(t.Context(), tt.jti); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if e := problem.As(re.In(bearer(ours))); e == nil || e.Rule != rule.TokenInvalid {
			t.Errorf("%s: %v", name, e)
		}
	}
	for name, bad := range map[string]string{"empty": "", "long": strings.Repeat("x", 257), "tampered": reissued(t, re, own) + "x"} {
		if re.Revoke(t.Context(), bad) == nil {
			t.Errorf("%s is revoked", name)
		}
	}
	if newReissuer(t, ReissueConfig{}).Revoke(t.Context(), "x") == nil {
		t.Error("a token is revoked that never is looked up")
	}
}

// While the store does not answer, or has no room, nobody is let in or told that he is out.
func TestRevocationsThatFail(t *testing.T) {
	store := memoryRevocations(t, 1)
	re := newReissuer(t, ReissueConfig{Revocable: true, Revocations: store})
	down := newReissuer(t, ReissueConfig{Revocable: true, Revocations: downStore{}})
	first, second := reissued(t, re, appToken(t)), reissued(t, re, appToken(t)) // made without asking
	e := problem.As(down.In(bearer(first)))
	if e == nil || e.Rule != rule.TokenUnavailable || e.Code() != http.StatusServiceUnavailable {
		t.Errorf("a store that is down: %v", e)
	}
	logout := func(token string) error {
		c := re.Cross(t.Context())
		if err := c.In(bearer(token)); err != nil {
			t.Fatal(err)
		}
		_, err := c.Revoke()
		return err
	}
	if err := logout(first); err != nil {
		t.Fatal(err)
	}
	if e := problem.As(logout(second)); e == nil || e.Rule != rule.TokenUnavailable {
		t.Errorf("a store that is full: %v", e)
	}
}

// An answer that repeats the token that came with its request gives it no new life.
func TestRepeatedTokensLeaveAsTheyCame(t *testing.T) {
	re := newReissuer(t, ReissueConfig{})
	app := appToken(t)
	ours := reissued(t, re, app)
	re.now = func() time.Time { return testNow.Add(59 * time.Minute) }
	c := re.Cross(t.Context())
	if err := c.In(bearer(ours)); err != nil {
		t.Fatal(err)
	}
	h := http.Header{"Set-Cookie": {"token=" + app + "; Path=/"}}
	if n := c.OutHeader(h); n != 1 || h.Get("Set-Cookie") != "token="+ours+"; Path=/" {
		t.Errorf("it leaves as %q", h.Get("Set-Cookie"))
	}
	if out, n := c.Out([]byte(`{"token":"` + app + `"}`)); n != 1 || string(out) != `{"token":"`+ours+`"}` {
		t.Errorf("it leaves as %s", out)
	}
}

func TestTooManyTokensInARequest(t *testing.T) {
	re := newReissuer(t, ReissueConfig{})
	var same, other []string
	one := reissued(t, re, appToken(t))
	for range maxKnown + 1 {
		same = append(same, one)
		other = append(other, reissued(t, re, appToken(t)))
	}
	if _, err := re.InBody([]byte(strings.Join(same, " "))); err != nil {
		t.Errorf("one token many times: %v", err)
	}
	if _, err := re.InBody([]byte(strings.Join(other[1:], " "))); err != nil {
		t.Errorf("as many as may be: %v", err)
	}
	if _, err := re.InBody([]byte(strings.Join(other, " "))); problem.As(err).Rule != rule.TokenNotReissued {
		t.Errorf("one more: %v", err)
	}
}

// Until the window ends, what the app's clients still hold passes, and is counted.
func TestGraceWindow(t *testing.T) {
	re := newReissuer(t, ReissueConfig{})
	re.grace = testNow.Add(time.Hour)
	app := appToken(t)
	for name, tt := range map[string]struct {
		token string
		want  rule.ID
	}{
		"from-before":         {app, ""},
		"with-an-end":         {sign(t, jwt.SigningMethodHS256, []byte("secret123"), nil, map[string]any{"exp": soon()}), ""},
		"expired":             {sign(t, jwt.SigningMethodHS256, []byte("secret123"), nil, map[string]any{"exp": 1}), rule.TokenExpired},
		"expires-never":       {signRaw(t, "secret123", `{"alg":"HS256"}`, `{"exp":"never"}`), rule.TokenNotReissued},
		"alg-none":            {b64(`{"alg":"none"}`) + "." + b64(`{"id":1}`) + ".", rule.TokenNotReissued},
		"padded":              {pad(app), rule.TokenNotReissued},
		"two-algs":            {signRaw(t, "secret123", `{"alg":"HS256","alg":"none"}`, `{"id":1}`), rule.TokenNotReissued},
		"one-of-ours":         {reissued(t, re, app), ""},
		"ours-tampered":       {reissued(t, re, app) + "A", rule.TokenNotReissued},
		"beside-a-hidden-one": {app + " " + pad(app), rule.TokenNotReissued},
	} {
		r := bearer(tt.token)
		c := re.Cross(t.Context())
		err := c.In(r)
		if tt.want != "" {
			if e := problem.As(err); e == nil || e.Rule != tt.want {
				t.Errorf("%s: %v; want %s", name, e, tt.want)
			}
			continue
		}
		graced := 1
		if name == "one-of-ours" {
			graced = 0
		}
		if err != nil || c.Graced() != graced {
			t.Errorf("%s: %v, %d let in because of the window", name, err, c.Graced())
		}
	}
	re.now = func() time.Time { return testNow.Add(time.Hour) }
	if e := problem.As(re.In(bearer(app))); e == nil || e.Rule != rule.TokenNotReissued {
		t.Errorf("when the window is over: %v", e)
	}
}

// The jti and the capped exp are both undone.
func TestRevocableRoundTrip(t *testing.T) {
	re := newReissuer(t, ReissueConfig{Revocable: true, Revocations: memoryRevocations(t, 0)})
	hour := testNow.Add(time.Hour).Unix()
	for name, tt := range map[string]struct{ payload, out string }{
		"neither":     {`{"id":1}`, fmt.Sprintf(`{"id":1,"exp":%d,"jti":"@"}`, hour)},
		"empty":       {`{}`, fmt.Sprintf(`{"exp":%d,"jti":"@"}`, hour)},
		"exp-capped":  {fmt.Sprintf(`{"exp":%d, "id":1 }`, hour+9999999999), fmt.Sprintf(`{"exp":%d, "id":1 ,"jti":"@"}`, hour)},
		"exp-sooner":  {fmt.Sprintf(`{"exp":%d}`, hour-1), fmt.Sprintf(`{"exp":%d,"jti":"@"}`, hour-1)},
		"own-jti":     {`{"jti":"x","id":1}`, fmt.Sprintf(`{"jti":"x","id":1,"exp":%d}`, hour)},
		"jti-deeper":  {`{"a":{"jti":"x"}}`, fmt.Sprintf(`{"a":{"jti":"x"},"exp":%d,"jti":"@"}`, hour)},
		"capped-last": {`{"id":1,"exp":99999999999}`, fmt.Sprintf(`{"id":1,"exp":%d,"jti":"@"}`, hour)},
	} {
		app := signRaw(t, "secret123", `{"alg":"HS256"}`, tt.payload)
		ours := reissued(t, re, app)
		got := payloadOf(t, ours)
		var claims struct{ Jti string }
		if err := json.Unmarshal([]byte(got), &claims); err != nil {
			t.Fatal(err)
		}
		if want := strings.Replace(tt.out, "@", claims.Jti, 1); got != want {
			t.Errorf("%s: payload %s; want %s", name, got, want)
		}
		r := bearer(ours)
		if err := re.In(r); err != nil || r.Header.Get("Authorization") != "Bearer "+app {
			t.Errorf("%s: %v, %s", name, err, r.Header.Get("Authorization"))
		}
	}
	twice := `{"token":"` + signRaw(t, "x", `{"alg":"HS256"}`, `{"jti":"a","jti":"b"}`) + `"}`
	if out, n := re.Out([]byte(twice)); n != 0 || string(out) != twice {
		t.Errorf("a jti that is there twice: %d re-issued", n)
	}
}

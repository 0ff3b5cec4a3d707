// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package token

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"github.com/panoply-security/panoply/internal/fault"
)

const olderSecret = "Qm7Xc2Vb9Nk4Lz6Tj1Rh8Wg5Ys3Df0PaZe7Uq2Io9Ki4Mn6Bv1Cx8Lj5Hg3Fd0S"

func TestAKeyIsChangedWithoutSigningAnybodyOut(t *testing.T) {
	old := newTokens(t, Config{KeyID: "2026-10", Secret: []byte(olderSecret)})
	changed := newTokens(t, Config{KeyID: "2026-11", VerifyKeys: []Key{{KeyID: "2026-10", Secret: []byte(olderSecret)}}})
	dropped := newTokens(t, Config{KeyID: "2026-11"})
	before, after := must(old.Issue(Claims{"sub": "1"})), must(changed.Issue(Claims{"sub": "2"}))
	for name, tt := range map[string]struct {
		tok  *Tokens
		s    string
		want error
	}{
		"before-is-accepted":              {changed, before, nil},
		"after-is-accepted":               {changed, after, nil},
		"the-old-key-knows-no-new-tokens": {old, after, errKeyID},
		"what-was-dropped-is-refused":     {dropped, before, errKeyID},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := tt.tok.Verify(tt.s); !errors.Is(err, tt.want) {
				t.Errorf("Verify = %v; want %v", err, tt.want)
			}
		})
	}
	if h := must(strict.DecodeString(after[:strings.IndexByte(after, '.')])); !strings.Contains(string(h), `"kid":"2026-11"`) {
		t.Errorf("header %s names no kid", h)
	}
}

func TestKeyIDs(t *testing.T) {
	claims := map[string]any{"exp": soon()}
	named := newTokens(t, Config{KeyID: "a", VerifyKeys: []Key{{KeyID: "b", Secret: []byte(olderSecret)}}})
	unnamed := newTokens(t, Config{VerifyKeys: []Key{{Secret: []byte(olderSecret)}}})
	for name, tt := range map[string]struct {
		tok    *Tokens
		secret string
		header map[string]any
		want   error
	}{
		"its-own-name":              {named, goodSecret, map[string]any{"kid": "a"}, nil},
		"the-name-of-another":       {named, goodSecret, map[string]any{"kid": "b"}, errSignature},
		"no-name-tries-all":         {named, olderSecret, nil, nil},
		"an-unknown-name":           {named, goodSecret, map[string]any{"kid": "c"}, errKeyID},
		"a-name-in-another-case":    {named, goodSecret, map[string]any{"kid": "A"}, errKeyID},
		"no-text":                   {named, goodSecret, map[string]any{"kid": 1}, errKeyID},
		"a-long-name":               {named, goodSecret, map[string]any{"kid": strings.Repeat("a", 257)}, errKeyID},
		"a-path":                    {named, goodSecret, map[string]any{"kid": "../../dev/null"}, errKeyID},
		"keys-without-names-try-it": {unnamed, olderSecret, map[string]any{"kid": "anything"}, nil},
		"another-secret":            {unnamed, strings.ToUpper(goodSecret), nil, errSignature},
	} {
		t.Run(name, func(t *testing.T) {
			s := sign(t, jwt.SigningMethodHS256, []byte(tt.secret), tt.header, claims)
			if _, err := tt.tok.Verify(s); !errors.Is(err, tt.want) {
				t.Errorf("Verify = %v; want %v", err, tt.want)
			}
		})
	}
}

// A key verifies only by its own algorithms: those of its neighbour are not lent.
func TestAlgorithmsStayWithTheirKey(t *testing.T) {
	tok := newTokens(t, Config{VerifyKeys: []Key{{PublicKey: publicPEM(keys().rsa.Public())}}})
	for name, s := range map[string]string{
		"hmac-by-the-public-key": sign(t, jwt.SigningMethodHS256, []byte(publicPEM(keys().rsa.Public())), nil, map[string]any{"exp": soon()}),
		"rsa-by-another-family":  sign(t, jwt.SigningMethodPS256, keys().rsa, nil, map[string]any{"exp": soon()}),
	} {
		t.Run(name, func(t *testing.T) {
			if c, err := tok.Verify(s); err == nil {
				t.Errorf("Verify = %v", c)
			}
		})
	}
	if _, err := tok.Verify(sign(t, jwt.SigningMethodRS256, keys().rsa, nil, map[string]any{"exp": soon()})); err != nil {
		t.Errorf("the key's own algorithm: %v", err)
	}
}

func TestKeyFaults(t *testing.T) {
	many := make([]Key, 8)
	for i := range many {
		many[i].Secret = []byte(olderSecret)
	}
	for name, tt := range map[string]struct {
		cfg  Config
		path string
	}{
		"no-key":            {Config{VerifyKeys: []Key{{KeyID: "a"}}}, "verify_keys[0]"},
		"weak-secret":       {Config{VerifyKeys: []Key{{Secret: []byte(olderSecret)}, {Secret: []byte("secret123")}}}, "verify_keys[1].secret"},
		"wrong-algorithm":   {Config{VerifyKeys: []Key{{Secret: []byte(olderSecret), Algorithms: []string{"RS256"}}}}, "verify_keys[0].algorithms[0]"},
		"too-many":          {Config{VerifyKeys: many}, "verify_keys"},
		"long-name":         {Config{KeyID: strings.Repeat("k", 257)}, "kid"},
		"set-over-http":     {Config{JWKS: "http://login.example/jwks.json"}, "jwks"},
		"set-in-a-file":     {Config{JWKS: "file:///etc/jwks.json"}, "jwks"},
		"set-with-password": {Config{JWKS: "https://a:b@login.example/jwks.json"}, "jwks"},
		"set-without-host":  {Config{JWKS: "https:///jwks.json"}, "jwks"},
		"set-with-secrets":  {Config{JWKS: "https://login.example/jwks.json", Algorithms: []string{"RS256", "HS256"}}, "algorithms[1]"},
		"set-with-none":     {Config{JWKS: "https://login.example/jwks.json", Algorithms: []string{"none"}}, "algorithms[0]"},
	} {
		t.Run(name, func(t *testing.T) {
			if tt.cfg.JWKS == "" {
				tt.cfg.Secret = []byte(goodSecret)
			}
			_, err := New(tt.cfg)
			var faults fault.List
			if !errors.As(err, &faults) || len(faults) != 1 || faults[0].Path != tt.path {
				t.Errorf("New = %v; want one fault at %s", err, tt.path)
			}
		})
	}
}

func TestKeySetIsPublished(t *testing.T) {
	tok := newTokens(t, Config{PrivateKey: privatePEM(keys().ed), VerifyKeys: []Key{
		{KeyID: "old", PublicKey: publicPEM(keys().rsa.Public())}, {PublicKey: publicPEM(keys().ec["ES512"].Public())}, {Secret: []byte(olderSecret)}}})
	w := httptest.NewRecorder()
	tok.KeySet().ServeHTTP(w, httptest.NewRequest("GET", "/.well-known/jwks.json", nil))
	text := w.Body.Bytes()
	if w.Code != 200 || w.Header().Get("Content-Type") != "application/jwk-set+json" {
		t.Errorf("got %d %v", w.Code, w.Header())
	}
	var set struct{ Keys []map[string]string }
	if err := json.Unmarshal(text, &set); err != nil || len(set.Keys) != 3 {
		t.Fatalf("%s, %v; want the three public keys", text, err)
	}
	for i, want := range []string{"OKP EdDSA", "RSA RS256", "EC ES512"} {
		k := set.Keys[i]
		if got := k["kty"] + " " + k["alg"]; got != want || k["kid"] == "" || k["use"] != "sig" || k["d"] != "" {
			t.Errorf("key %d is %v; want %s", i, k, want)
		}
	}
	if strings.Contains(string(text), olderSecret) || strings.Contains(string(text), "oct") {
		t.Errorf("%s has the secret", text)
	}
	// What is published verifies what is issued.
	keys, err := readKeySet(text, nil)
	if err != nil || len(keys) != 3 {
		t.Fatalf("readKeySet = %v, %v", keys, err)
	}
	reader := &Tokens{set: keys, maxLifetime: maxLifetime, now: tok.now}
	if c, err := reader.Verify(must(tok.Issue(Claims{"sub": "42"}))); err != nil || c.Subject() != "42" {
		t.Errorf("Verify = %v, %v", c, err)
	}
	w = httptest.NewRecorder()
	tok.KeySet().ServeHTTP(w, httptest.NewRequest("POST", "/", nil))
	if w.Code != http.StatusMethodNotAllowed {
		t.Errorf("POST: got %d", w.Code)
	}
}

// The example of RFC 7638 section 3.1.
func TestThumbprint(t *testing.T) {
	const n = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw"
	public, err := (&jwk{Type: "RSA", N: n, E: "AQAB"}).public()
	if err != nil {
		t.Fatal(err)
	}
	if got, want := thumbprint(public), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"; got != want {
		t.Errorf("thumbprint = %s; want %s", got, want)
	}
	if got := thumbprint([]byte(goodSecret)); got != "" {
		t.Errorf("a secret's thumbprint is %s; want none", got)
	}
}

func TestWhatAKeySetMayHold(t *testing.T) {
	good := must(json.Marshal(func() jwk { j, _ := jwkOf(keys().ec["ES256"].Public()); return j }()))
	with := func(member string) string { return strings.Replace(string(good), "{", "{"+member+",", 1) }
	for name, tt := range map[string]struct {
		key  string
		used bool
	}{
		"a-key":                   {string(good), true},
		"for-signatures":          {with(`"use":"sig"`), true},
		"to-verify":               {with(`"key_ops":["verify"]`), true},
		"members-nobody-knows":    {with(`"x5t":"abc"`), true},
		"for-encryption":          {with(`"use":"enc"`), false},
		"to-sign":                 {with(`"key_ops":["sign"]`), false},
		"of-another-algorithm":    {with(`"alg":"ES384"`), false},
		"alg-none":                {with(`"alg":"none"`), false},
		"a-private-key":           {with(`"d":"AQAB"`), false},
		"a-long-name":             {with(`"kid":"` + strings.Repeat("k", 257) + `"`), false},
		"a-secret":                {`{"kty":"oct","k":"c2VjcmV0"}`, false},
		"off-the-curve":           {`{"kty":"EC","crv":"P-256","x":"` + strings.Repeat("A", 43) + `","y":"` + strings.Repeat("A", 43) + `"}`, false},
		"a-short-point":           {`{"kty":"EC","crv":"P-256","x":"AQ","y":"AQ"}`, false},
		"a-small-modulus":         {`{"kty":"RSA","n":"` + b64(strings.Repeat("\xff", 128)) + `","e":"AQAB"}`, false},
		"a-huge-modulus":          {`{"kty":"RSA","n":"` + b64(strings.Repeat("\xff", 1025)) + `","e":"AQAB"}`, false},
		"exponent-one":            {`{"kty":"RSA","n":"` + b64(strings.Repeat("\xff", 256)) + `","e":"AQ"}`, false},
		"an-even-exponent":        {`{"kty":"RSA","n":"` + b64(strings.Repeat("\xff", 256)) + `","e":"AQAA"}`, false},
		"a-huge-exponent":         {`{"kty":"RSA","n":"` + b64(strings.Repeat("\xff", 256)) + `","e":"AQAAAAE"}`, false},
		"an-edwards-key-too-long": {`{"kty":"OKP","crv":"Ed25519","x":"` + b64(strings.Repeat("x", 33)) + `"}`, false},
		"another-edwards-curve":   {`{"kty":"OKP","crv":"Ed448","x":"` + b64(strings.Repeat("x", 57)) + `"}`, false},
		"a-name-twice":            {with(`"kid":"a","kid":"b"`), false},
		"no-object":               {`1`, false},
	} {
		t.Run(name, func(t *testing.T) {
			keys, err := readKeySet([]byte(`{"keys":[`+tt.key+`]}`), nil)
			if (err == nil) != tt.used || len(keys) > 0 != tt.used {
				t.Errorf("readKeySet = %d keys, %v; want it used: %v", len(keys), err, tt.used)
			}
		})
	}
	if keys, _ := readKeySet([]byte(`{"keys":[`+strings.Repeat(string(good)+",", 99)+string(good)+`]}`), nil); len(keys) != maxFetched {
		t.Errorf("%d of 100 keys are kept; want %d", len(keys), maxFetched)
	}
}

// Whatever a provider publishes is read or refused.
func FuzzKeySet(f *testing.F) {
	for _, public := range []any{keys().rsa.Public(), keys().ec["ES256"].Public(), keys().ed.Public()} {
		j, _ := jwkOf(public)
		f.Add(must(json.Marshal(map[string]any{"keys": []jwk{j}})))
	}
	f.Add([]byte(`{"keys":[{"kty":"EC","crv":"P-521","x":"","y":""},{"kty":"RSA","n":"","e":""},{}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		keys, err := readKeySet(text, nil)
		if (err == nil) != (len(keys) > 0) || len(keys) > maxFetched {
			t.Fatalf("%d keys, %v", len(keys), err)
		}
		for _, k := range keys {
			for _, m := range k.methods {
				if m.Verify("a.b", []byte("c"), k.verify) == nil {
					t.Fatal("anything passes for a signature")
				}
			}
			if _, ok := jwkOf(k.verify); !ok {
				t.Fatal("the key cannot be written")
			}
		}
	})
}

// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package token

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/panoply-security/panoply/problem"
	"github.com/panoply-security/panoply/rule"
)

const goodSecret = "vq8Zr2Lx0WmTn5Kc7Hs1Yb4Jd9Gf3PeAvq1Zr8Lx3WmTn7Kc2Hs6Yb9Jd5Gf4PeQx"

var testNow = time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)

// newTokens makes Tokens whose clock stands still.
func newTokens(t testing.TB, cfg Config) *Tokens {
	t.Helper()
	if cfg.Secret == nil && cfg.SecretEnv == "" && cfg.PublicKey == "" && cfg.PrivateKey == "" {
		cfg.Secret = []byte(goodSecret)
	}
	tok, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	tok.now = func() time.Time { return testNow }
	return tok
}

// sign is what an app does: golang-jwt, no rules.
func sign(t testing.TB, method jwt.SigningMethod, key any, header, claims map[string]any) string {
	t.Helper()
	tok := jwt.NewWithClaims(method, jwt.MapClaims(claims))
	for k, v := range header {
		tok.Header[k] = v
	}
	s, err := tok.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// signRaw signs any header and payload text with HS256.
func signRaw(t testing.TB, secret, header, payload string) string {
	t.Helper()
	signed := b64(header) + "." + b64(payload)
	sig, err := jwt.SigningMethodHS256.Sign(signed, []byte(secret))
	if err != nil {
		t.Fatal(err)
	}
	return signed + "." + b64(string(sig))
}

func b64(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

func soon() int64 { return testNow.Add(30 * time.Minute).Unix() }

func TestIssueAndVerify(t *testing.T) {
	tok := newTokens(t, Config{})
	s, err := tok.Issue(Claims{"sub": "42", "id": int64(9007199254740993), "roles": []string{"admin"}})
	if err != nil {
		t.Fatal(err)
	}
	c, err := tok.Verify(s)
	if err != nil {
		t.Fatal(err)
	}
	if id, ok := c.Int("id"); c.Subject() != "42" || !ok || id != 9007199254740993 {
		t.Errorf("claims = %v; the id must keep every digit", c)
	}
	if got := c.ExpiresAt(); !got.Equal(testNow.Add(time.Hour)) {
		t.Errorf("expires at %v; want one hour from %v", got, testNow)
	}
	if iat, _ := c.Int("iat"); iat != testNow.Unix() {
		t.Errorf("iat = %d; want %d", iat, testNow.Unix())
	}
	// Any other implementation reads it.
	other, err := jwt.Parse(s, func(*jwt.Token) (any, error) { return []byte(goodSecret), nil },
		jwt.WithValidMethods([]string{"HS256"}), jwt.WithTimeFunc(tok.now), jwt.WithStrictDecoding())
	if err != nil || other.Header["typ"] != "JWT" {
		t.Errorf("golang-jwt: %v", err)
	}
}

func TestIssueKeepsTheCallersClaims(t *testing.T) {
	tok := newTokens(t, Config{Issuer: "shop", Audience: []string{"api", "web"}})
	mine := Claims{"sub": "42", "exp": testNow.Add(time.Minute)}
	s, err := tok.Issue(mine)
	if err != nil {
		t.Fatal(err)
	}
	if len(mine) != 2 {
		t.Errorf("Issue changed the caller's map: %v", mine)
	}
	c, err := tok.Verify(s)
	if err != nil || c.Text("iss") != "shop" || c.Text("aud") != "api" || !c.ExpiresAt().Equal(testNow.Add(time.Minute)) {
		t.Errorf("claims = %v, %v", c, err)
	}
	for name, claims := range map[string]Claims{
		"too-long-lived":  {"exp": testNow.Add(2 * time.Hour)},
		"already-expired": {"exp": testNow.Add(-time.Hour)},
		"milliseconds":    {"exp": testNow.UnixMilli()},
		"other-issuer":    {"iss": "else"},
		"other-audience":  {"aud": "else"},
		"not-json":        {"f": func() {}},
		"too-large":       {"f": strings.Repeat("x", MaxBytes)},
	} {
		t.Run(name, func(t *testing.T) {
			if s, err := tok.Issue(claims); err == nil {
				t.Errorf("Issue = %q; want an error", s)
			}
		})
	}
	if _, err := newTokens(t, Config{PublicKey: keys().edPublic}).Issue(nil); !errors.Is(err, ErrVerifyOnly) {
		t.Errorf("Issue with a public key: %v", err)
	}
}

func TestVerifyRefuses(t *testing.T) {
	tok := newTokens(t, Config{})
	good := map[string]any{"sub": "42", "exp": soon()}
	valid := sign(t, jwt.SigningMethodHS256, []byte(goodSecret), nil, good)
	if _, err := tok.Verify(valid); err != nil {
		t.Fatalf("the good one: %v", err)
	}
	header, payload, sig, _ := split(valid)
	exp := func(v string) string { return signRaw(t, goodSecret, `{"alg":"HS256"}`, `{"exp":`+v+`}`) }
	withHeader := func(h string) string { return signRaw(t, goodSecret, h, `{"exp":`+itoa(soon())+`}`) }
	withPayload := func(p string) string { return signRaw(t, goodSecret, `{"alg":"HS256"}`, p) }
	tests := []struct {
		name, token string
		why         error
	}{
		{"empty", "", errShape},
		{"two-segments", header + "." + payload, errShape},
		{"four-segments", valid + ".x", errShape},
		{"no-signature", header + "." + payload + ".", errShape},
		{"no-payload", header + ".." + sig, errShape},
		{"padding", header + "." + payload + "." + sig + "=", errShape},
		{"standard-alphabet", header + "." + payload + "." + "+" + sig[1:], errShape},
		{"line-break", valid + "\n", errShape},
		{"line-break-inside", header[:4] + "\r\n" + header[4:] + "." + payload + "." + sig, errShape},
		{"space", " " + valid, errShape},
		{"trailing-bits", header + "." + payload + "." + trailingBits(sig), errShape},
		{"too-long", withPayload(`{"exp":` + itoa(soon()) + `,"x":"` + strings.Repeat("x", MaxBytes) + `"}`), errShape},

		{"alg-none", b64(`{"alg":"none"}`) + "." + payload + ".", errShape},
		{"alg-none-with-signature", b64(`{"alg":"none"}`) + "." + payload + "." + sig, errAlgorithm},
		{"alg-None", b64(`{"alg":"None"}`) + "." + payload + "." + sig, errAlgorithm},
		{"alg-not-listed", sign(t, jwt.SigningMethodHS512, []byte(goodSecret), nil, good), errAlgorithm},
		{"alg-lower-case", withHeader(`{"alg":"hs256"}`), errAlgorithm},
		{"alg-missing", withHeader(`{"typ":"JWT"}`), errAlgorithm},
		{"alg-list", withHeader(`{"alg":["HS256"]}`), errAlgorithm},
		{"alg-twice", withHeader(`{"alg":"HS256","alg":"HS256"}`), errTwice},
		{"alg-twice-escaped", withHeader(`{"alg":"HS256","\u0061lg":"none"}`), errTwice},
		{"crit", withHeader(`{"alg":"HS256","crit":["x"],"x":1}`), errCritical},
		{"b64", withHeader(`{"alg":"HS256","b64":false}`), errCritical},
		{"other-type", withHeader(`{"alg":"HS256","typ":"refresh+jwt"}`), errType},
		{"header-array", withHeader(`["HS256"]`), errObject},
		{"header-trailing", withHeader(`{"alg":"HS256"}{}`), errObject},

		{"forged-with-guessed-secret", sign(t, jwt.SigningMethodHS256, []byte("secret123"), nil, good), errSignature},
		{"forged-with-empty-secret", sign(t, jwt.SigningMethodHS256, []byte(""), nil, good), errSignature},
		{"payload-changed", header + "." + b64(`{"sub":"1","exp":`+itoa(soon())+`}`) + "." + sig, errSignature},
		{"header-changed", b64(`{"alg":"HS256" }`) + "." + payload + "." + sig, errSignature},
		{"signature-cut", header + "." + payload + "." + b64(string(must(strict.DecodeString(sig)))[:16]), errSignature},

		{"payload-array", withPayload(`[1]`), errObject},
		{"payload-null", withPayload(`null`), errObject},
		{"payload-string", withPayload(`"x"`), errObject},
		{"payload-trailing", withPayload(`{"exp":` + itoa(soon()) + `} {}`), errObject},
		{"payload-not-utf8", withPayload("{\"exp\":" + itoa(soon()) + ",\"x\":\"\xff\"}"), errUTF8},
		{"claim-twice", withPayload(`{"sub":"1","sub":"2","exp":` + itoa(soon()) + `}`), errTwice},
		{"claim-twice-nested", withPayload(`{"user":{"id":1,"id":2},"exp":` + itoa(soon()) + `}`), errTwice},
		{"claim-twice-hides-nested", withPayload(`{"u":{"a":1},"u":{},"exp":` + itoa(soon()) + `}`), errTwice},

		{"exp-missing", withPayload(`{"sub":"1"}`), errNoExpiry},
		{"exp-null", exp(`null`), errDate},
		{"exp-string", exp(`"` + itoa(soon()) + `"`), errDate},
		{"exp-negative", exp(`-1`), errDate},
		{"exp-huge", exp(`1e400`), errDate},
		{"exp-milliseconds", exp(itoa(testNow.Add(time.Minute).UnixMilli())), errDate},
		{"exp-past", exp(itoa(testNow.Add(-time.Minute).Unix())), errExpired},
		{"exp-at-leeway", exp(itoa(testNow.Add(-5 * time.Second).Unix())), errExpired},
		{"exp-too-far", exp(itoa(testNow.Add(61 * time.Minute).Unix())), errTooLong},
		{"exp-too-far-from-iat", withPayload(`{"iat":` + itoa(testNow.Add(-time.Hour).Unix()) + `,"exp":` + itoa(soon()) + `}`), errTooLong},
		{"iat-future", withPayload(`{"iat":` + itoa(testNow.Add(time.Minute).Unix()) + `,"exp":` + itoa(soon()) + `}`), errFuture},
		{"iat-milliseconds", withPayload(`{"iat":` + itoa(testNow.UnixMilli()) + `,"exp":` + itoa(soon()) + `}`), errDate},
		{"nbf-future", withPayload(`{"nbf":` + itoa(testNow.Add(time.Minute).Unix()) + `,"exp":` + itoa(soon()) + `}`), errNotYet},
		{"nbf-bool", withPayload(`{"nbf":true,"exp":` + itoa(soon()) + `}`), errDate},
		{"aud-for-somebody-else", withPayload(`{"aud":"x","exp":` + itoa(soon()) + `}`), errNoAudience},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, err := tok.Verify(tt.token)
			if c != nil || !errors.Is(err, tt.why) {
				t.Fatalf("Verify = %v, %v; want %v", c, err, tt.why)
			}
			e := problem.As(err)
			want := rule.TokenInvalid
			if tt.why == errExpired {
				want = rule.TokenExpired
			}
			if e.Rule != want || e.Code() != 401 || e.Detail != "" || e.Header.Get("WWW-Authenticate") == "" {
				t.Errorf("answered with %s %d %q %v", e.Rule, e.Code(), e.Detail, e.Header)
			}
		})
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func itoa(n int64) string { return string(must(json.Marshal(n))) }

// trailingBits sets a bit that the last character of a signature of 32 bytes
// leaves unused.
func trailingBits(sig string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := strings.IndexByte(alphabet, sig[len(sig)-1])
	return sig[:len(sig)-1] + string(alphabet[last|1])
}

func TestVerifyAccepts(t *testing.T) {
	withPayload := func(p string) string { return signRaw(t, goodSecret, `{"alg":"HS256","typ":"jwt"}`, p) }
	tests := []struct {
		name  string
		cfg   Config
		token string
	}{
		{"kid-selects-nothing", Config{}, signRaw(t, goodSecret, `{"kid":"../../dev/null","alg":"HS256"}`, `{"exp":`+itoa(soon())+`}`)},
		{"key-in-header-not-looked-at", Config{}, signRaw(t, goodSecret, `{"alg":"HS256","jwk":{"kty":"oct","k":"AA"},"jku":"http://127.0.0.1:1/","x5u":"http://127.0.0.1:1/"}`, `{"exp":`+itoa(soon())+`}`)},
		{"access-token-type", Config{}, signRaw(t, goodSecret, `{"alg":"HS256","typ":"at+jwt"}`, `{"exp":`+itoa(soon())+`}`)},
		{"fraction-of-a-second", Config{}, withPayload(`{"exp":` + itoa(soon()) + `.5}`)},
		{"within-leeway", Config{}, withPayload(`{"exp":` + itoa(testNow.Add(-4*time.Second).Unix()) + `}`)},
		{"iat-within-leeway", Config{Leeway: time.Minute}, withPayload(`{"iat":` + itoa(testNow.Add(time.Minute).Unix()) + `,"exp":` + itoa(soon()) + `}`)},
		{"issuer", Config{Issuer: "shop"}, withPayload(`{"iss":"shop","exp":` + itoa(soon()) + `}`)},
		{"audience-one", Config{Audience: []string{"a", "b"}}, withPayload(`{"aud":"b","exp":` + itoa(soon()) + `}`)},
		{"audience-list", Config{Audience: []string{"a", "b"}}, withPayload(`{"aud":["x","a"],"exp":` + itoa(soon()) + `}`)},
		{"longer-lifetime", Config{MaxLifetime: 24 * time.Hour}, withPayload(`{"exp":` + itoa(testNow.Add(23*time.Hour).Unix()) + `}`)},
		{"hs512-listed", Config{Algorithms: []string{"HS256", "HS512"}}, sign(t, jwt.SigningMethodHS512, []byte(goodSecret), nil, map[string]any{"exp": soon()})},
		{"colons-in-strings", Config{}, withPayload(`{"a:b":"c:\"d:","e":[{"f":":"}],"exp":` + itoa(soon()) + `}`)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := newTokens(t, tt.cfg).Verify(tt.token); err != nil {
				t.Errorf("Verify: %v", err)
			}
		})
	}
	t.Run("issuer-and-audience-demanded", func(t *testing.T) {
		for cfg, want := range map[*Config]error{
			{Issuer: "shop"}:                                 errIssuer,
			{Audience: []string{"api"}}:                      errAudience,
			{Issuer: "shop", Leeway: 1, Lifetime: time.Hour}: errIssuer,
		} {
			for _, p := range []string{`{`, `{"iss":"x","aud":"x",`, `{"iss":1,"aud":[1,null],`, `{"iss":["shop"],"aud":{"api":"api"},`} {
				if _, err := newTokens(t, *cfg).Verify(withPayload(p + `"exp":` + itoa(soon()) + `}`)); !errors.Is(err, want) {
					t.Errorf("%s: %v; want %v", p, err, want)
				}
			}
		}
	})
}

func TestNewRefuses(t *testing.T) {
	env := func(name, value string) func(string) (string, bool) {
		return func(n string) (string, bool) { return value, n == name }
	}
	none := func(string) (string, bool) { return "", false }
	tests := []struct {
		name string
		cfg  Config
		says []string
	}{
		{"no-secret", Config{LookupEnv: none}, []string{"secret_env: the environment variable JWT_SECRET is not set", "openssl rand -base64 48"}},
		{"no-secret-of-that-name", Config{SecretEnv: "APP_SECRET", LookupEnv: env("JWT_SECRET", goodSecret)}, []string{"secret_env: the environment variable APP_SECRET is not set"}},
		{"empty-secret", Config{LookupEnv: env("JWT_SECRET", "")}, []string{"secret_env: is empty"}},
		{"weak-secret", Config{LookupEnv: env("JWT_SECRET", "secret123")}, []string{"secret_env: is guessable", "openssl rand -base64 48"}},
		{"weak-secret-long", Config{Secret: []byte("your-super-secret-jwt-token-with-at-least-32-characters-long")}, []string{"secret: is guessable"}},
		{"short-secret", Config{Secret: []byte("kX9mQ2vLpW4z")}, []string{"secret: is 12 bytes long"}},
		{"short-for-hs512", Config{Secret: []byte(goodSecret[:40]), Algorithms: []string{"HS256", "HS512"}}, []string{"algorithms[1]: HS512 needs a secret of 64 bytes"}},
		{"alg-none", Config{Secret: []byte(goodSecret), Algorithms: []string{"none"}}, []string{`algorithms[0]: "none" does not go with the key`}},
		{"alg-unknown", Config{Secret: []byte(goodSecret), Algorithms: []string{"HS256", "XS1"}}, []string{`algorithms[1]: "XS1"`}},
		{"alg-of-another-key", Config{Secret: []byte(goodSecret), Algorithms: []string{"RS256"}}, []string{`algorithms[0]: "RS256" does not go with the key`}},
		{"two-keys", Config{Secret: []byte(goodSecret), PublicKey: keys().edPublic}, []string{"more than one key"}},
		{"not-pem", Config{PublicKey: "ssh-rsa AAAA"}, []string{"public_key: is not PEM"}},
		{"private-as-public", Config{PublicKey: privatePEM(keys().ed)}, []string{"public_key: is a"}},
		{"public-as-private", Config{PrivateKey: keys().edPublic}, []string{"private_key: is not a private key"}},
		{"two-pem-blocks", Config{PublicKey: keys().edPublic + keys().edPublic}, []string{"more than one PEM block"}},
		{"small-rsa", Config{PublicKey: publicPEM(keys().small.Public())}, []string{"kind or size"}},
		{"p224", Config{PublicKey: publicPEM(keys().ec["P-224"].Public())}, []string{"kind or size"}},
		{"everything", Config{Secret: []byte("secret"), Algorithms: []string{"none"}, Lifetime: -1, MaxLifetime: 9000 * time.Hour, Leeway: time.Hour, Audience: []string{""}, Cookie: "a b"},
			[]string{"secret:", "algorithms[0]:", "lifetime:", "max_lifetime:", "leeway:", "audience[0]:", "cookie:"}},
		{"max-below-lifetime", Config{Secret: []byte(goodSecret), MaxLifetime: time.Minute}, []string{"max_lifetime: 1m0s is less than lifetime 1h0m0s"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tok, err := New(tt.cfg)
			if err == nil {
				t.Fatalf("New = %v; want faults", tok)
			}
			for _, says := range tt.says {
				if !strings.Contains(err.Error(), says) {
					t.Errorf("faults\n%v\ndo not say %q", err, says)
				}
			}
			if s := string(tt.cfg.Secret); len(s) > 8 && strings.Contains(err.Error(), s) {
				t.Errorf("the faults show the secret: %v", err)
			}
		})
	}
	if _, err := New(Config{LookupEnv: env("JWT_SECRET", goodSecret)}); err != nil {
		t.Errorf("the zero Config with a good JWT_SECRET: %v", err)
	}
}

func FuzzVerify(f *testing.F) {
	tok := newTokens(f, Config{})
	valid := must(tok.Issue(Claims{"sub": "42"}))
	f.Add(valid)
	f.Add(b64(`{"alg":"none"}`) + "." + b64(`{"exp":1}`) + ".")
	f.Fuzz(func(t *testing.T, s string) {
		c, err := tok.Verify(s)
		if (c == nil) == (err == nil) {
			t.Fatalf("Verify(%q) = %v, %v", s, c, err)
		}
		if err == nil && s != valid {
			t.Errorf("Verify accepted %q", s)
		}
	})
}

// Where object accepts, any reader of JSON sees the same claims.
func FuzzObject(f *testing.F) {
	f.Add([]byte(`{"a":{"b":[1,{"c":"d:\""}]},"e":2}`))
	f.Add([]byte(`{"a":1,"\u0061":2}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := object(b)
		if err != nil {
			return
		}
		if !json.Valid(b) {
			t.Fatalf("object accepted %q", b)
		}
		again := must(json.Marshal(c))
		if _, err := object(again); err != nil {
			t.Errorf("%q is accepted, its re-encoding %q is not: %v", b, again, err)
		}
	})
}

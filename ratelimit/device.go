// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package ratelimit

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/panoply-security/panoply/route"
)

// accountFields are the body fields in which logins name the account.
var accountFields = []string{
	"email", "mail", "emailaddress", "email_address", "username", "user", "user_name", "userid", "user_id", "uid", "login", "loginid", "login_id",
	"account", "identifier", "nickname", "handle", "name", "phone", "phonenumber", "phone_number", "mobile",
}

var isAccount = func() map[string]bool {
	set := make(map[string]bool, len(accountFields))
	for _, name := range accountFields {
		set[name] = true
	}
	return set
}()

// passwordFields are the body fields in which logins carry the password.
var passwordFields = []string{"password", "passwd", "pass", "pwd", "passphrase", "Password", "passWord", "userPassword", "user_password"}

// A request may be let in by something else than the password that is in it. Then
// the password, and the account with it, prove nothing. kindFields name what it is
// let in by, passwordKinds are those that are the password, and otherProofs are
// fields of others.
var (
	kindFields    = []string{"grant_type", "grantType", "provider", "strategy"}
	passwordKinds = []string{"", "password", "local", "credentials", "email"}
	otherProofs   = []string{"refresh_token", "refreshToken", "access_token", "accessToken", "id_token", "idToken", "assertion", "credential"}
)

// Device cookies, after OWASP's scheme against the locking out of accounts: a
// cookie says, under a key of ours, that a login to one account succeeded on one
// route. It is no session and proves nothing to the app; all that it does is that
// the account's limit counts this device apart from everybody else there.
const (
	deviceName = "panoply_device"
	deviceAge  = 90 * 24 * time.Hour
	deviceSize = 8 + 16 + 16 // when it ends, which device it is, the authenticator
	// The devices of an account are counted in eight shares.
	deviceShares = "01234567"
)

var deviceNames = []string{"__Secure-" + deviceName, deviceName}

// Accounts are the accounts that a request names, each once: the values of the
// usual fields. A rule keyed by account counts for each of them, so that a decoy
// in one field does not hide the account in another.
func Accounts(field func(name string) string) []string {
	var all []string
	if field == nil {
		return nil
	}
	for _, name := range accountFields {
		if v := fold(field(name)); v != "" && !slices.Contains(all, v) {
			all = append(all, v)
		}
	}
	return all
}

// deviceKey makes the authenticators' key, from the secret that all processes
// share or anew.
func deviceKey(secret []byte) []byte {
	if len(secret) == 0 {
		key := make([]byte, sha256.Size)
		rand.Read(key)
		return key
	}
	m := hmac.New(sha256.New, secret)
	m.Write([]byte("panoply device cookie"))
	return m.Sum(nil)
}

// spelling is how the request itself writes the account, "" if it does so in
// several ways, or at too great a length. Devices go by it, and not by the account
// of one count: who can register Ádmin has not logged in to admin.
func spelling(field func(string) string, account string) (as string) {
	if field == nil {
		return ""
	}
	for _, name := range accountFields {
		switch v := field(name); {
		case v == "" || v == as || fold(v) != account:
		case as != "":
			return ""
		default:
			as = v
		}
	}
	if len(as) > maxAccount {
		return ""
	}
	return as
}

// byPassword reports whether the request has a password, and nothing else that an
// app may let it in by.
func byPassword(r *http.Request, field func(string) string) bool {
	if field == nil {
		return false
	}
	set := func(name string) bool { return field(name) != "" }
	for _, name := range kindFields {
		for _, kind := range append(r.URL.Query()[name], field(name)) {
			if !slices.Contains(passwordKinds, kind) {
				return false
			}
		}
	}
	return slices.ContainsFunc(passwordFields, set) && !slices.ContainsFunc(otherProofs, set)
}

// codeWords begin or end the words of paths that take a one-time code, or send
// one to whoever asks.
var codeWords = []string{"otp", "2fa", "mfa", "tfa", "factor", "verif"}

// takesCode reports whether a path is a step with a one-time code: its success
// says nothing of a password.
func takesCode(path string) bool {
	for word := range strings.FieldsFuncSeq(path, func(c rune) bool { return !unicode.IsLetter(c) && !unicode.IsDigit(c) }) {
		for _, code := range codeWords {
			if strings.HasPrefix(word, code) || strings.HasSuffix(word, code) {
				return true
			}
		}
	}
	return false
}

// sign is the authenticator of a device for an account on a route. Neither a
// method nor a path that was read has a zero byte.
func (l *Limiter) sign(device []byte, method, path, account string) []byte {
	m := hmac.New(sha256.New, l.deviceKey)
	m.Write(device)
	io.WriteString(m, method+"\x00"+path+"\x00"+account)
	return m.Sum(nil)[:16]
}

// device finds from which device of the account the request comes, "" for one that
// has not logged in to it on this route. Of several cookies the first that holds
// counts. What it returns is one of deviceShares: however many cookies somebody has
// come by, the account can be tried no more often than so many devices may.
func (l *Limiter) device(r *http.Request, field func(string) string, account string) string {
	if l.deviceKey == nil || r == nil || !slices.ContainsFunc(deviceNames, func(name string) bool { return len(r.CookiesNamed(name)) > 0 }) {
		return ""
	}
	path, err := route.KeyOf(r.URL)
	as := spelling(field, account)
	if err != nil || as == "" {
		return ""
	}
	for _, name := range deviceNames {
		tried := 0
		for _, cookie := range r.CookiesNamed(name) {
			if len(cookie.Value) != base64.RawURLEncoding.EncodedLen(deviceSize) {
				continue // another's, and no reason to forget the device
			}
			if tried++; tried > 4 {
				break
			}
			b, err := base64.RawURLEncoding.Strict().DecodeString(cookie.Value)
			if err != nil || !hmac.Equal(b[24:], l.sign(b[:24], r.Method, path.Path(), as)) {
				continue
			}
			if ends := int64(binary.BigEndian.Uint64(b)); ends > l.wall().Unix() {
				return deviceShares[b[8]%byte(len(deviceShares)):][:1]
			}
		}
	}
	return ""
}

// DeviceCookie is the cookie to set with an answer that these decisions let
// through, nil for none: the answer is a success, and the request, on a route
// with a limit by account, named one account in one spelling, had a password
// with it and nothing else to be let in by, and came from a device that is new to
// it. A request that names several proves nothing for any of them, and a step with
// a one-time code no password.
func (l *Limiter) DeviceCookie(decisions []Decision, r *http.Request, field func(name string) string, status int, tls bool) *http.Cookie {
	if l.deviceKey == nil || status < 200 || status >= 400 {
		return nil
	}
	account := ""
	for i := range decisions {
		d := &decisions[i]
		if d.account == "" || d.rule.Count != "failures" {
			continue
		}
		if !d.Allowed || !d.given {
			return nil // it failed, as the rule sees it
		}
		if account != "" && account != d.account {
			return nil
		}
		account = d.account
	}
	if account == "" || !byPassword(r, field) || l.device(r, field, account) != "" {
		return nil
	}
	path, err := route.KeyOf(r.URL)
	as := spelling(field, account)
	if err != nil || as == "" || takesCode(path.Path()) {
		return nil
	}
	b := binary.BigEndian.AppendUint64(nil, uint64(l.wall().Add(deviceAge).Unix()))
	b = append(b, make([]byte, 16)...)
	rand.Read(b[8:])
	b = append(b, l.sign(b, r.Method, path.Path(), as)...)
	c := &http.Cookie{Name: deviceName, Value: base64.RawURLEncoding.EncodeToString(b), MaxAge: int(deviceAge / time.Second),
		Path: r.URL.EscapedPath(), HttpOnly: true, Secure: tls, SameSite: http.SameSiteStrictMode}
	if tls {
		c.Name = "__Secure-" + deviceName
	}
	return c
}

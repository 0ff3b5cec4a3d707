// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package ratelimit

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"net/http"
	"slices"
	"strings"
	"time"
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

// Device cookies, after OWASP's scheme against the locking out of accounts: a
// cookie says, under a key of ours, that a login to one account succeeded with
// it. It is no session and proves nothing to the app; all that it does is that
// the account's limit counts this device apart from everybody else.
const (
	deviceName = "panoply_device"
	deviceAge  = 90 * 24 * time.Hour
	deviceSize = 8 + 16 + 16 // when it ends, which device it is, the authenticator
)

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

// fold makes one of the spellings of an account: Admin@shop is admin@shop.
func fold(value string) string { return strings.ToLower(strings.TrimSpace(value)) }

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

// sign is the authenticator of a device for an account.
func (l *Limiter) sign(device []byte, account string) []byte {
	m := hmac.New(sha256.New, l.deviceKey)
	m.Write(device)
	m.Write([]byte(account))
	return m.Sum(nil)[:16]
}

// device finds which device of the account the request comes from, "" for one
// that has not logged in to it. Of several cookies the first that holds counts.
func (l *Limiter) device(r *http.Request, account string) string {
	if l.deviceKey == nil || r == nil {
		return ""
	}
	for _, name := range []string{"__Secure-" + deviceName, deviceName} {
		for i, cookie := range r.CookiesNamed(name) {
			if i == 4 || len(cookie.Value) != base64.RawURLEncoding.EncodedLen(deviceSize) {
				break
			}
			b, err := base64.RawURLEncoding.Strict().DecodeString(cookie.Value)
			if err != nil || !hmac.Equal(b[24:], l.sign(b[:24], account)) {
				continue
			}
			if ends := int64(binary.BigEndian.Uint64(b)); ends > l.wall().Unix() {
				return string(b[8:24])
			}
		}
	}
	return ""
}

// DeviceCookie is the cookie to set with an answer that these decisions let
// through, nil for none: the answer is a success, and the request, on a route
// with a limit by account, named one account and came from a device that is
// new to it. A request that names several proves nothing for any of them.
func (l *Limiter) DeviceCookie(decisions []Decision, r *http.Request, status int, tls bool) *http.Cookie {
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
	if account == "" || l.device(r, account) != "" {
		return nil
	}
	b := binary.BigEndian.AppendUint64(nil, uint64(l.wall().Add(deviceAge).Unix()))
	b = append(b, make([]byte, 16)...)
	rand.Read(b[8:])
	b = append(b, l.sign(b, account)...)
	c := &http.Cookie{Name: deviceName, Value: base64.RawURLEncoding.EncodeToString(b), MaxAge: int(deviceAge / time.Second),
		Path: r.URL.EscapedPath(), HttpOnly: true, Secure: tls, SameSite: http.SameSiteStrictMode}
	if tls {
		c.Name = "__Secure-" + deviceName
	}
	return c
}

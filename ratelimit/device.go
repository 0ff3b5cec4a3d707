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
	"sync"
	"time"
	"unicode"

	"github.com/panoply-security/panoply/route"
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

// processKey is that of this process, one for all limiters so that a reload forgets
// no device.
var processKey = sync.OnceValue(func() []byte {
	key := make([]byte, sha256.Size)
	rand.Read(key)
	return key
})

// deviceKey makes the authenticators' key, from the secret that all processes
// share or the process's own.
func deviceKey(secret []byte) []byte {
	if len(secret) == 0 {
		return processKey()
	}
	m := hmac.New(sha256.New, secret)
	m.Write([]byte("panoply device cookie"))
	return m.Sum(nil)
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
func (l *Limiter) device(r *http.Request, account Account) string {
	if l.deviceKey == nil || r == nil || account.as == "" || !slices.ContainsFunc(deviceNames, func(name string) bool { return len(r.CookiesNamed(name)) > 0 }) {
		return ""
	}
	path, err := route.KeyOf(r.URL)
	if err != nil {
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
			if err != nil || !hmac.Equal(b[24:], l.sign(b[:24], r.Method, path.Path(), account.as)) {
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
func (l *Limiter) DeviceCookie(decisions []Decision, r *http.Request, status int, tls bool) *http.Cookie {
	if l.deviceKey == nil || status < 200 || status >= 400 {
		return nil
	}
	var account Account
	for i := range decisions {
		d := &decisions[i]
		if d.account.name == "" || d.rule.Count != "failures" {
			continue
		}
		if !d.Allowed || !d.given {
			return nil // it failed, as the rule sees it
		}
		if account.name != "" && account.name != d.account.name {
			return nil
		}
		account = d.account
	}
	if account.as == "" || !account.byPassword || l.device(r, account) != "" {
		return nil
	}
	path, err := route.KeyOf(r.URL)
	if err != nil || takesCode(path.Path()) {
		return nil
	}
	b := binary.BigEndian.AppendUint64(nil, uint64(l.wall().Add(deviceAge).Unix()))
	b = append(b, make([]byte, 16)...)
	rand.Read(b[8:])
	b = append(b, l.sign(b, r.Method, path.Path(), account.as)...)
	c := &http.Cookie{Name: deviceName, Value: base64.RawURLEncoding.EncodeToString(b), MaxAge: int(deviceAge / time.Second),
		Path: r.URL.EscapedPath(), HttpOnly: true, Secure: tls, SameSite: http.SameSiteStrictMode}
	if tls {
		c.Name = "__Secure-" + deviceName
	}
	return c
}

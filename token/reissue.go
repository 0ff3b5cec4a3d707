// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package token

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/panoply-security/panoply/internal/fault"
)

// ReissueConfig is how an app's tokens are re-issued. The zero value uses a key
// of this process and a lifetime of one hour.
type ReissueConfig struct {
	// KeyEnv names the environment variable with the key, the same on every
	// guard. Empty is a random key: tokens then end with the process.
	KeyEnv string `yaml:"key_env"`
	// Key is the key itself: at least 32 bytes that no dictionary knows.
	Key []byte `yaml:"-"`
	// OldKeyEnvs name at most 7 variables with keys that tokens may still be signed
	// with, so that the key can be changed without signing everybody out: the old one
	// goes here, and leaves when a lifetime has passed.
	OldKeyEnvs []string `yaml:"old_key_envs"`
	// OldKeys are such keys themselves.
	OldKeys [][]byte `yaml:"-"`
	// Algorithm signs: HS256 (the default), or EdDSA, whose signatures others can verify
	// with [Reissuer.KeySet]. Tokens signed with the other one stay good.
	Algorithm ReissueAlgorithm `yaml:"algorithm"`
	// Lifetime caps exp, and is what tokens without one get. 0 is one hour.
	Lifetime time.Duration `yaml:"lifetime"`
	// Names are further names of JSON members, cookies, headers and URL parameters
	// in which the app hands out tokens. Those that contain token or jwt, and auth,
	// authorization, access, refresh, bearer, session, sid and credential are
	// known. Case, - and _ make no difference.
	Names []string `yaml:"names"`
	// Ignore are headers and cookies with tokens of somebody else, such as
	// Cf-Access-Jwt-Assertion: neither re-issued nor demanded to be. A forged
	// token passes in them.
	Ignore []string `yaml:"ignore"`
	// UnsafeAnywhere re-issues tokens wherever they stand in an answer. Who can
	// make the app repeat a token that he forged then gets it re-issued.
	UnsafeAnywhere bool `yaml:"unsafe_anywhere"`
	// UnsafeGraceUntil lets the app's own tokens, issued before the guard stood there, in
	// until then: a date or an RFC 3339 time, at most 31 days ahead. Nothing tells a forged
	// one from them, so until then the app is as open as without the guard; each that is let
	// in is reported.
	UnsafeGraceUntil string `yaml:"unsafe_grace_until"`
	// Revocable tokens can be ended before their time, at a logout ([Crossing.Revoke]) or by
	// an operator. Each is then looked up with every request, and none is accepted while the
	// store does not answer within a second. Those that the app gave no jti get one.
	Revocable bool `yaml:"revocable"`
	// Revocations remembers them for all guards. Nil is the memory of this process, with
	// room for 100,000.
	Revocations Revocations `yaml:"-"`
	// LookupEnv reads the variables; nil is [os.LookupEnv].
	LookupEnv func(string) (string, bool) `yaml:"-"`
}

// ReissueAlgorithm is HS256 or EdDSA.
type ReissueAlgorithm string

// Values are the words a policy may use.
func (ReissueAlgorithm) Values() []string { return []string{"HS256", "EdDSA"} }

// Reissuer stands between an app whose tokens cannot be trusted, because its
// secret can be guessed or they never expire, and its clients. It is safe for
// concurrent use. But for revocations it keeps no state.
//
// On the way out ([Crossing.Out], [Crossing.OutHeader]) a token of the app is
// replaced by one that the guard signs with its own key: the same claims
// byte for byte but for an exp that is added or capped, and a jti where tokens are
// revocable and there is none. The app's header and
// signature are inside, encrypted, so that nobody can try secrets on them
// offline. On the way in ([Crossing.In], [Crossing.InBody],
// [Crossing.InQuery]) only these are accepted, and the app's own token is put
// back as it was. A token forged with the app's secret is not signed by the
// guard, and refused.
//
// An answer that repeats the token that came with its request repeats it as it came:
// showing a token renews neither its time nor, once it was revoked, its life.
//
// # What it does not do
//
// A token that the app merely repeats looks like one that it hands out. A
// forged one that is stored, say as a name, must not come back re-issued:
// so tokens are re-issued only where tokens are handed out, by the name of the
// member, cookie or header, and on the way in anything that any parser could
// read as a token is refused wherever it stands. Run Out only on the answers of
// routes that hand out tokens, never on uploaded files, and InBody and InQuery
// on everything that such routes read. A token that the app makes itself out of
// parts that a client sent, in a member of such a name, would be re-issued.
//
// A token that the app hands out in two answers is re-issued as two, and revoking one
// does not end the other.
//
// Tokens inside base64, encrypted cookies and compressed bodies are not seen;
// encrypted tokens (JWE) are left alone. A token in a cookie that cookie-parser
// signed (s:eyJ…) cannot be replaced under that signature, so it is refused on
// the way in unless Ignore names the cookie.
//
// # Bounds
//
// Tokens of up to 8 KiB are re-issued. The new token is about 300 bytes longer, 400
// with EdDSA and a jti, and at most 16 KiB: browsers drop cookies over 4 KiB, and Node
// answers 431 to headers over 16 KiB. A request has at most 16 different ones; with more
// it is refused.
type Reissuer struct {
	keys      []*reissueKey // the first one signs
	lifetime  time.Duration
	names     map[string]bool
	ignore    map[string]bool
	anywhere  bool
	ephemeral bool
	grace     time.Time   // until then the app's own tokens pass
	revoked   Revocations // nil: none is asked
	now       func() time.Time
}

// Why a token on its way in is refused, for the log alone.
var (
	errNotOurs  = errors.New("a token that was not issued here")
	errTampered = errors.New("a token that looks like one of ours and was changed")
)

// maxGrace is how far ahead the end of a grace window may be.
const maxGrace = 31 * 24 * time.Hour

// NewReissuer checks the configuration and derives the keys.
func NewReissuer(cfg ReissueConfig) (*Reissuer, error) {
	var faults fault.List
	t := &Reissuer{anywhere: cfg.UnsafeAnywhere, names: map[string]bool{}, ignore: map[string]bool{}, now: time.Now}
	t.lifetime = within(&faults, "lifetime", cfg.Lifetime, time.Hour, time.Second, maxLifetime)
	for i, n := range cfg.Names {
		if plainName(n) == "" {
			faults.Addf(fmt.Sprintf("names[%d]", i), "a name such as accessKey", "%q is not a name", n)
		}
		t.names[plainName(n)] = true
	}
	for _, n := range cfg.Ignore {
		t.ignore[plainName(n)] = true
	}
	t.graceWindow(cfg.UnsafeGraceUntil, &faults)
	if cfg.Revocable {
		if t.revoked = cfg.Revocations; t.revoked == nil {
			t.revoked = processRevocations()
		}
	}
	masters := t.masterKeys(&cfg, &faults)
	if a := cfg.Algorithm; a != "" && !slices.Contains(a.Values(), string(a)) {
		faults.Addf("algorithm", "HS256 or EdDSA", "%.40q is neither", a)
	}
	if err := faults.Err(); err != nil {
		return nil, err
	}
	for _, master := range masters {
		keys, err := deriveReissueKeys(master)
		if err != nil {
			return nil, err
		}
		t.keys = append(t.keys, keys...)
	}
	if cfg.Algorithm == "EdDSA" {
		t.keys[0], t.keys[1] = t.keys[1], t.keys[0]
	}
	return t, nil
}

// graceWindow reads until when the app's own tokens pass. A day that is over is no
// fault: the window has done its work.
func (t *Reissuer) graceWindow(text string, faults *fault.List) {
	if text == "" {
		return
	}
	const path, hint = "unsafe_grace_until", "a day such as 2030-01-31, or a time such as 2030-01-31T12:00:00Z, at most 31 days ahead"
	until, err := time.Parse(time.DateOnly, text)
	if err != nil {
		until, err = time.Parse(time.RFC3339, text)
	}
	switch {
	case err != nil:
		faults.Addf(path, hint, "%.40q is no time", text)
	case until.After(t.now().Add(maxGrace)):
		faults.Addf(path, hint, "%s is further ahead than 31 days", text)
	default:
		t.grace = until
	}
}

// processRevocations are those of this process, one store for all so that a reload
// brings no token back.
var processRevocations = sync.OnceValue(func() Revocations {
	m, err := NewMemoryRevocations(0)
	if err != nil {
		panic(err) // the default is within its bounds
	}
	return m
})

// Ephemeral reports whether the key is of this process alone: a restart ends
// all tokens, and a second guard would not know them.
func (t *Reissuer) Ephemeral() bool { return t.ephemeral }

// Revocable reports whether the tokens can be ended before their time.
func (t *Reissuer) Revocable() bool { return t.revoked != nil }

// Grace is until when the app's own tokens are let in, zero for never or no longer.
func (t *Reissuer) Grace() time.Time {
	if !t.now().Before(t.grace) {
		return time.Time{}
	}
	return t.grace
}

// KeySet serves the public keys of EdDSA as a JSON Web Key Set (RFC 7517). With HS256
// it is empty: nobody else can verify.
func (t *Reissuer) KeySet() http.Handler {
	keys := []jwk{}
	for _, k := range t.keys {
		if k.alg != "EdDSA" || t.keys[0].alg != "EdDSA" {
			continue
		}
		if j, ok := jwkOf(k.private.Public()); ok {
			j.KeyID, j.Use, j.Algorithm = k.kid, "sig", k.alg
			keys = append(keys, j)
		}
	}
	return publish(keys)
}

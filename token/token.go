// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

// Package token issues and verifies JSON Web Tokens (mistake 5).
//
// # Threat
//
// A token signed with a secret from a tutorial is anybody's to forge, offline.
// A token that never expires is stolen once and valid for ever. And verifiers
// that read loosely accept what they should not: alg none, a public key as an
// HMAC secret, claims given twice, times in milliseconds.
//
// # What it does
//
// [Tokens] signs with HS256 and a lifetime of one hour unless told otherwise,
// and verifies by the rules of RFC 7519 and RFC 8725, none of them optional:
// three strict base64url segments in at most 8 KiB; an algorithm of the
// configured list, which fits the one key; no crit, no b64, and keys or
// addresses in the header (jwk, jku, x5u, x5c) never looked at; no name twice;
// exp present, ahead, in seconds and not further than the configured lifetime
// from iat or now; iat and nbf not ahead; iss and aud as configured. Weak
// secrets are refused by [New].
//
// A kid in the header selects among several keys: those being changed
// ([Config.VerifyKeys]), and those of a provider that publishes them
// ([Config.JWKS]), which are fetched when the first token comes and again every
// ten minutes. [Tokens.KeySet] publishes the public ones of our own.
//
//	tokens, err := token.New(token.Config{}) // HS256, the secret from JWT_SECRET
//	signed, err := tokens.Issue(token.Claims{"sub": user.ID})
//	mux.Handle("/api/", tokens.Handler(api)) // token.From(ctx) in there
//
// [Refresher] keeps users logged in beyond that hour, with tokens that are good for
// one use each and show their theft.
//
// [Reissuer] stands between an app that got this wrong and its clients: it
// swaps the app's tokens for its own on the way out, and back on the way in.
//
// # What it does not do
//
// Without [Config.Revocations] a token is valid until it expires. It reads no encrypted
// tokens (JWE), and fetches keys from the configured address alone, never from
// one that a token names. It takes no token from a query string, where it would
// end in logs and Referer headers.
//
// # Bounds
//
// A token has at most 8 KiB; one verification allocates a small multiple of
// that, and tries at most 8 keys. Nothing is kept between requests but a fetched
// key set: at most 256 KiB are read, 32 keys kept, and one fetch goes out in 30
// seconds, whatever tokens name. When none succeeds the old set serves on for a
// day, and then tokens are answered with 503.
package token

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"time"

	"github.com/panoply-security/panoply/internal/fault"
)

// MaxBytes is the length of the longest token that is issued or verified, or
// re-issued.
const MaxBytes = 8 << 10

// Config is how tokens are signed and what is demanded of them. The zero value
// is HS256 for one hour with the secret in the environment variable JWT_SECRET.
type Config struct {
	// Algorithms are those accepted: HS256, HS384, HS512 with a secret; RS256,
	// RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA with a public
	// or private key. The first one signs. Empty is HS256, or the algorithm that
	// fits the key: RS256, ES256 to ES512 by curve, EdDSA.
	Algorithms []string `yaml:"algorithms"`
	// SecretEnv names the environment variable that holds the secret of the HS
	// algorithms, as the bytes of its text. Empty, with no other key given, is
	// JWT_SECRET.
	SecretEnv string `yaml:"secret_env"`
	// Secret is the secret itself: at least 32 bytes, 48 for HS384, 64 for HS512
	// (RFC 7518 section 3.2), and none that a dictionary knows.
	Secret []byte `yaml:"-"`
	// PublicKey verifies the other algorithms: PEM with a public key or a
	// certificate, of which only the key is used. RSA has at least 2048 bits.
	PublicKey string `yaml:"public_key"`
	// PrivateKey signs and verifies the other algorithms: PEM, not encrypted.
	PrivateKey string `yaml:"-"`
	// Lifetime is what issued tokens get; 0 is one hour.
	Lifetime time.Duration `yaml:"lifetime"`
	// MaxLifetime bounds exp - iat of accepted tokens, or exp - now where there
	// is no iat. 0 is Lifetime; at most 366 days.
	MaxLifetime time.Duration `yaml:"max_lifetime"`
	// Issuer, when set, goes into issued tokens and is demanded of others.
	Issuer string `yaml:"issuer"`
	// Audience, when set, demands that aud names one of them; the first goes into
	// issued tokens. When it is not set, tokens with an aud are for somebody else
	// and refused (RFC 7519 section 4.1.3).
	Audience []string `yaml:"audience"`
	// Leeway is how far the issuer's clock may be off. 0 is 5 s, at most 60 s.
	Leeway time.Duration `yaml:"leeway"`
	// KeyID is the kid of the key. Empty is, for a public or private key, its RFC
	// 7638 thumbprint, and none for a secret; tokens that name another kid are then
	// tried all the same. When it is set they are refused.
	KeyID string `yaml:"kid"`
	// VerifyKeys are at most 7 further keys that tokens may be signed with, so that a
	// key can be changed without signing everybody out: the old one goes here, and
	// leaves once its last token has expired.
	VerifyKeys []Key `yaml:"verify_keys"`
	// JWKS is the address of a key set (RFC 7517) that tokens may be signed with,
	// as an identity provider publishes it: https, or http on loopback. Algorithms
	// are then those accepted of its keys; empty is what each key says, or RS256,
	// ES256 to ES512 by curve, EdDSA. A key given beside it is the one that signs.
	JWKS string `yaml:"jwks"`
	// Revocations, when set, are asked about every token. Issued tokens then get a
	// jti, and those without one are refused.
	Revocations Revocations `yaml:"-"`
	// Cookie, when set, is the one cookie that carries the token, in place of the
	// Authorization header.
	Cookie string `yaml:"cookie"`
	// LookupEnv reads SecretEnv; nil is [os.LookupEnv].
	LookupEnv func(string) (string, bool) `yaml:"-"`
}

// Tokens issues and verifies. It is safe for concurrent use.
type Tokens struct {
	set         []*key  // the first one signs, if it can
	remote      *remote // a key set that is fetched, or nil
	lifetime    time.Duration
	maxLifetime time.Duration
	leeway      time.Duration
	issuer      string
	audience    []string
	cookie      string
	revoked     Revocations // nil: none is asked
	now         func() time.Time
}

const (
	maxLifetime = 366 * 24 * time.Hour
	maxLeeway   = time.Minute
)

// New checks the configuration, reads the secret and refuses weak ones.
func New(cfg Config) (*Tokens, error) {
	var faults fault.List
	t := &Tokens{issuer: cfg.Issuer, audience: cfg.Audience, cookie: cfg.Cookie, revoked: cfg.Revocations, now: time.Now}
	t.lifetime = within(&faults, "lifetime", cfg.Lifetime, time.Hour, time.Second, maxLifetime)
	t.maxLifetime = within(&faults, "max_lifetime", cfg.MaxLifetime, t.lifetime, time.Second, maxLifetime)
	t.leeway = within(&faults, "leeway", cfg.Leeway, 5*time.Second, time.Nanosecond, maxLeeway)
	if t.maxLifetime < t.lifetime {
		faults.Addf("max_lifetime", "leave it out, or make it at least lifetime", "%v is less than lifetime %v: issued tokens would be refused", t.maxLifetime, t.lifetime)
	}
	for i, a := range cfg.Audience {
		if a == "" {
			faults.Add(fmt.Sprintf("audience[%d]", i), "is empty", "leave it out")
		}
	}
	if cfg.Cookie != "" && !cookieName(cfg.Cookie) {
		faults.Addf("cookie", "a name such as __Host-token", "%q is not a cookie name", cfg.Cookie)
	}
	t.keys(&cfg, &faults)
	t.remoteKeys(&cfg, &faults)
	if err := faults.Err(); err != nil {
		return nil, err
	}
	for _, k := range t.set {
		k.header = encodedHeader(k)
	}
	return t, nil
}

// encodedHeader is the header of the tokens that a key signs. A secret that
// has no name adds none: there would be nothing to tell it by.
func encodedHeader(k *key) string {
	h := struct {
		Algorithm string `json:"alg"`
		KeyID     string `json:"kid,omitempty"`
		Type      string `json:"typ"`
	}{k.methods[0].Alg(), k.id, "JWT"}
	text, _ := json.Marshal(h) // strings cannot fail
	return base64.RawURLEncoding.EncodeToString(text)
}

// within gives a duration its default and checks it.
func within(faults *fault.List, path string, d, standard, least, most time.Duration) time.Duration {
	if d == 0 {
		return standard
	}
	if d < least || d > most {
		faults.Addf(path, fmt.Sprintf("leave it out for %v", standard), "%v is not within %v and %v", d, least, most)
	}
	return d
}

// cookieName is the token of RFC 6265.
func cookieName(s string) bool {
	for _, c := range []byte(s) {
		if c <= ' ' || c >= 0x7f {
			return false
		}
		switch c {
		case '(', ')', '<', '>', '@', ',', ';', ':', '\\', '"', '/', '[', ']', '?', '=', '{', '}':
			return false
		}
	}
	return s != ""
}

func lookupEnv(lookup func(string) (string, bool)) func(string) (string, bool) {
	if lookup == nil {
		return os.LookupEnv
	}
	return lookup
}

// ErrVerifyOnly is what Issue answers without a key to sign with.
var ErrVerifyOnly = errors.New("token: there is only a public key, which cannot sign")

// Issue signs the claims. It adds iat, exp, and iss and aud where configured,
// unless the claims have them; an exp beyond the greatest lifetime, and a token
// that would be too long, are errors. Times are Unix seconds or [time.Time].
func (t *Tokens) Issue(claims Claims) (string, error) {
	if len(t.set) == 0 || t.set[0].sign == nil {
		return "", ErrVerifyOnly
	}
	k := t.set[0]
	now := t.now()
	all := maps.Clone(claims)
	if all == nil {
		all = Claims{}
	}
	for _, name := range []string{"exp", "nbf", "iat"} {
		if at, ok := all[name].(time.Time); ok {
			all[name] = at.Unix()
		}
	}
	setDefault(all, "iat", now.Unix())
	setDefault(all, "exp", now.Add(t.lifetime).Unix())
	if t.revoked != nil {
		setDefault(all, "jti", newID())
	}
	if t.issuer != "" {
		setDefault(all, "iss", t.issuer)
	}
	if len(t.audience) > 0 {
		setDefault(all, "aud", t.audience[0])
	}
	payload, err := json.Marshal(all)
	if err != nil {
		return "", fmt.Errorf("token: the claims are not JSON: %w", err)
	}
	// What is issued is accepted: judged by the same reading.
	if _, err := t.claims(payload, now); err != nil {
		return "", fmt.Errorf("token: the claims would be refused: %w", err)
	}
	signed := k.header + "." + base64.RawURLEncoding.EncodeToString(payload)
	sig, err := k.methods[0].Sign(signed, k.sign)
	if err != nil {
		return "", fmt.Errorf("token: %w", err)
	}
	signed += "." + base64.RawURLEncoding.EncodeToString(sig)
	if len(signed) > MaxBytes {
		return "", fmt.Errorf("token: %d bytes, the most is %d", len(signed), MaxBytes)
	}
	return signed, nil
}

func setDefault(c Claims, name string, v any) {
	if _, ok := c[name]; !ok {
		c[name] = v
	}
}

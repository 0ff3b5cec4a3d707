// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package token

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/golang-jwt/jwt/v5"
)

type testKeys struct {
	rsa, small *rsa.PrivateKey
	ec         map[string]*ecdsa.PrivateKey
	ed         ed25519.PrivateKey
	edPublic   string
}

var keys = sync.OnceValue(func() (k testKeys) {
	k.rsa = must(rsa.GenerateKey(rand.Reader, 2048))
	k.small = must(rsa.GenerateKey(rand.Reader, 1024))
	k.ec = map[string]*ecdsa.PrivateKey{}
	for name, c := range map[string]elliptic.Curve{"ES256": elliptic.P256(), "ES384": elliptic.P384(), "ES512": elliptic.P521(), "P-224": elliptic.P224()} {
		k.ec[name] = must(ecdsa.GenerateKey(c, rand.Reader))
	}
	_, k.ed, _ = ed25519.GenerateKey(rand.Reader)
	k.edPublic = publicPEM(k.ed.Public())
	return k
})

func publicPEM(key crypto.PublicKey) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: must(x509.MarshalPKIXPublicKey(key))}))
}

func privatePEM(key crypto.PrivateKey) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: must(x509.MarshalPKCS8PrivateKey(key))}))
}

func TestPublicKeys(t *testing.T) {
	for alg, key := range map[string]crypto.Signer{
		"RS256": keys().rsa, "RS512": keys().rsa, "PS256": keys().rsa, "PS384": keys().rsa,
		"ES256": keys().ec["ES256"], "ES384": keys().ec["ES384"], "ES512": keys().ec["ES512"], "EdDSA": keys().ed,
	} {
		t.Run(strings.ToLower(alg), func(t *testing.T) {
			signer := newTokens(t, Config{PrivateKey: privatePEM(key), Algorithms: []string{alg}})
			verifier := newTokens(t, Config{PublicKey: publicPEM(key.Public()), Algorithms: []string{alg}})
			s, err := signer.Issue(Claims{"sub": "42"})
			if err != nil {
				t.Fatal(err)
			}
			if c, err := verifier.Verify(s); err != nil || c.Subject() != "42" {
				t.Errorf("Verify = %v, %v", c, err)
			}
			// The confusion of CVE-2016-10555: the public key as an HMAC secret.
			confused := sign(t, jwt.SigningMethodHS256, []byte(publicPEM(key.Public())), nil, map[string]any{"exp": soon()})
			if _, err := verifier.Verify(confused); !errors.Is(err, errAlgorithm) {
				t.Errorf("HS256 with the public key: %v; want %v", err, errAlgorithm)
			}
			if _, err := New(Config{PublicKey: publicPEM(key.Public()), Algorithms: []string{alg, "HS256"}}); err == nil {
				t.Error("New accepted HS256 next to a public key")
			}
		})
	}
	t.Run("defaults-by-key", func(t *testing.T) {
		for want, key := range map[string]crypto.Signer{"RS256": keys().rsa, "ES384": keys().ec["ES384"], "EdDSA": keys().ed} {
			tok := newTokens(t, Config{PublicKey: publicPEM(key.Public())})
			if methods := tok.set[0].methods; len(methods) != 1 || methods[0].Alg() != want {
				t.Errorf("methods = %v; want %s alone", tok.set[0].methods, want)
			}
		}
	})
	t.Run("one-algorithm-of-a-family", func(t *testing.T) {
		ps := newTokens(t, Config{PrivateKey: privatePEM(keys().rsa), Algorithms: []string{"PS256"}})
		rs := newTokens(t, Config{PublicKey: publicPEM(keys().rsa.Public())})
		if _, err := rs.Verify(must(ps.Issue(nil))); !errors.Is(err, errAlgorithm) {
			t.Errorf("PS256 where RS256 is listed: %v", err)
		}
	})
}

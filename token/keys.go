// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package token

import (
	"cmp"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"

	"github.com/golang-jwt/jwt/v5"

	"github.com/panoply-security/panoply/internal/fault"
	"github.com/panoply-security/panoply/internal/weak"
)

// keys reads the one key and binds the algorithms to it.
func (t *Tokens) keys(cfg *Config, faults *fault.List) {
	given := 0
	for _, is := range []bool{cfg.Secret != nil, cfg.SecretEnv != "", cfg.PublicKey != "", cfg.PrivateKey != ""} {
		if is {
			given++
		}
	}
	if given > 1 {
		faults.Add("secret_env", "there is more than one key", "give one of secret, secret_env, public_key, private_key")
		return
	}
	switch {
	case cfg.PublicKey != "":
		key, err := publicKey(cfg.PublicKey)
		if err != nil {
			faults.Add("public_key", err.Error(), "PEM of a public key or certificate: openssl pkey -in key.pem -pubout")
			return
		}
		t.verifyKey = key
	case cfg.PrivateKey != "":
		key, err := privateKey(cfg.PrivateKey)
		if err != nil {
			faults.Add("private_key", err.Error(), "PEM of a private key: openssl genpkey -algorithm ed25519")
			return
		}
		t.signKey, t.verifyKey = key, key.Public()
	default:
		secret, path := secret(cfg, faults)
		if secret == nil {
			return
		}
		faults.Join(path, weak.Check(secret))
		t.signKey, t.verifyKey = secret, secret
	}
	t.algorithms(cfg.Algorithms, faults)
}

// secret returns the HMAC secret and the path it was configured at.
func secret(cfg *Config, faults *fault.List) ([]byte, string) {
	if cfg.Secret != nil {
		return append([]byte{}, cfg.Secret...), "secret"
	}
	name := cmp.Or(cfg.SecretEnv, "JWT_SECRET")
	text, ok := lookupEnv(cfg.LookupEnv)(name)
	if !ok {
		faults.Addf("secret_env", "put the secret that signs the tokens there; "+weak.Hint, "the environment variable %s is not set", name)
		return nil, ""
	}
	return []byte(text), "secret_env"
}

// algorithms checks that each fits the key, so that no token can choose how its
// key is used.
func (t *Tokens) algorithms(names []string, faults *fault.List) {
	fitting := fits(t.verifyKey)
	if len(fitting) == 0 {
		faults.Add("public_key", "the key is of a kind or size that cannot be used", "RSA of at least 2048 bits, ECDSA on P-256, P-384 or P-521, or Ed25519")
		return
	}
	if len(names) == 0 {
		names = fitting[:1]
	}
	for i, name := range names {
		path := fmt.Sprintf("algorithms[%d]", i)
		known := false
		for _, f := range fitting {
			known = known || f == name
		}
		if !known {
			faults.Addf(path, fmt.Sprintf("with this key: %v", fitting), "%q does not go with the key", name)
			continue
		}
		if s, ok := t.verifyKey.([]byte); ok {
			if need := map[string]int{"HS256": 32, "HS384": 48, "HS512": 64}[name]; len(s) < need && len(s) >= weak.MinBytes {
				faults.Addf(path, weak.Hint, "%s needs a secret of %d bytes (RFC 7518 section 3.2), this one has %d", name, need, len(s))
			}
		}
		t.methods = append(t.methods, jwt.GetSigningMethod(name))
	}
}

// fits are the algorithms that a key can be used with, the usual one first.
func fits(key crypto.PublicKey) []string {
	switch k := key.(type) {
	case []byte:
		return []string{"HS256", "HS384", "HS512"}
	case *rsa.PublicKey:
		if k.N.BitLen() >= 2048 {
			return []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}
		}
	case *ecdsa.PublicKey:
		switch k.Curve.Params().Name {
		case "P-256":
			return []string{"ES256"}
		case "P-384":
			return []string{"ES384"}
		case "P-521":
			return []string{"ES512"}
		}
	case ed25519.PublicKey:
		return []string{"EdDSA"}
	}
	return nil
}

// method returns the configured algorithm of that name, or nil.
func (t *Tokens) method(alg string) jwt.SigningMethod {
	for _, m := range t.methods {
		if m.Alg() == alg {
			return m
		}
	}
	return nil
}

func onePEM(text string) (*pem.Block, error) {
	block, rest := pem.Decode([]byte(text))
	if block == nil {
		return nil, errors.New("is not PEM")
	}
	if next, _ := pem.Decode(rest); next != nil {
		return nil, errors.New("has more than one PEM block")
	}
	return block, nil
}

func publicKey(text string) (crypto.PublicKey, error) {
	block, err := onePEM(text)
	if err != nil {
		return nil, err
	}
	var key crypto.PublicKey
	switch block.Type {
	case "PUBLIC KEY":
		key, err = x509.ParsePKIXPublicKey(block.Bytes)
	case "RSA PUBLIC KEY":
		key, err = x509.ParsePKCS1PublicKey(block.Bytes)
	case "CERTIFICATE":
		var cert *x509.Certificate
		if cert, err = x509.ParseCertificate(block.Bytes); err == nil {
			key = cert.PublicKey
		}
	default:
		return nil, fmt.Errorf("is a %q and no public key", block.Type)
	}
	if err != nil {
		return nil, errors.New("cannot be read as a public key")
	}
	return key, nil
}

// privateKey never puts anything of the key into its error.
func privateKey(text string) (crypto.Signer, error) {
	block, err := onePEM(text)
	if err != nil {
		return nil, err
	}
	var key any
	switch block.Type {
	case "PRIVATE KEY":
		key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	case "RSA PRIVATE KEY":
		key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	case "EC PRIVATE KEY":
		key, err = x509.ParseECPrivateKey(block.Bytes)
	default:
		return nil, errors.New("is not a private key in clear")
	}
	signer, ok := key.(crypto.Signer)
	if err != nil || !ok {
		return nil, errors.New("cannot be read as a private key")
	}
	return signer, nil
}

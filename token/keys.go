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
	"slices"

	"github.com/golang-jwt/jwt/v5"

	"github.com/panoply-security/panoply/internal/fault"
	"github.com/panoply-security/panoply/internal/weak"
)

// Key is a further key that verifies: the one that signed until it was
// changed, or the one that will sign next and is published ahead. One of
// SecretEnv, Secret and PublicKey is set.
type Key struct {
	// KeyID is the kid of the tokens that it is for. Empty is any.
	KeyID string `yaml:"kid"`
	// Algorithms, SecretEnv, Secret and PublicKey are as in [Config]; there is no
	// default secret.
	Algorithms []string `yaml:"algorithms"`
	SecretEnv  string   `yaml:"secret_env"`
	Secret     []byte   `yaml:"-"`
	PublicKey  string   `yaml:"public_key"`
}

const (
	maxKeys  = 8   // that are configured
	maxKeyID = 256 // bytes of a kid
)

// key is one key, and what it may be used for.
type key struct {
	id      string            // kid of issued tokens and in the published set
	only    bool              // takes no token that names another kid
	sign    crypto.PrivateKey // nil: verifies only
	verify  crypto.PublicKey
	methods []jwt.SigningMethod
	header  string // of issued tokens, encoded
}

// keys reads the configured keys; the first one signs.
func (t *Tokens) keys(cfg *Config, faults *fault.List) {
	given := 0
	for _, is := range []bool{cfg.Secret != nil, cfg.SecretEnv != "", cfg.PublicKey != "", cfg.PrivateKey != ""} {
		if is {
			given++
		}
	}
	if given > 1 {
		faults.Add("secret_env", "there is more than one key", "give one of secret, secret_env, public_key, private_key; others go below verify_keys")
		return
	}
	if given > 0 || cfg.JWKS == "" {
		t.addKey(cfg, faults)
	}
	if len(cfg.VerifyKeys) >= maxKeys {
		faults.Addf("verify_keys", "leave out those that no token is signed with any more", "%d keys; the most is %d", len(cfg.VerifyKeys), maxKeys-1)
		return
	}
	for i, k := range cfg.VerifyKeys {
		var part fault.List
		if k.Secret == nil && k.SecretEnv == "" && k.PublicKey == "" {
			part.Add("", "there is no key", "give one of secret_env and public_key")
		} else {
			t.addKey(&Config{KeyID: k.KeyID, Algorithms: k.Algorithms, SecretEnv: k.SecretEnv, Secret: k.Secret,
				PublicKey: k.PublicKey, LookupEnv: cfg.LookupEnv}, &part)
		}
		faults.Join(fmt.Sprintf("verify_keys[%d]", i), part.Err())
	}
}

// addKey reads one key and binds the algorithms to it.
func (t *Tokens) addKey(cfg *Config, faults *fault.List) {
	k := &key{id: cfg.KeyID, only: cfg.KeyID != ""}
	if len(k.id) > maxKeyID {
		faults.Addf("kid", "a short name, such as 2026-11", "it has %d bytes; the most is %d", len(k.id), maxKeyID)
	}
	switch {
	case cfg.PublicKey != "":
		public, err := publicKey(cfg.PublicKey)
		if err != nil {
			faults.Add("public_key", err.Error(), "PEM of a public key or certificate: openssl pkey -in key.pem -pubout")
			return
		}
		k.verify = public
	case cfg.PrivateKey != "":
		private, err := privateKey(cfg.PrivateKey)
		if err != nil {
			faults.Add("private_key", err.Error(), "PEM of a private key: openssl genpkey -algorithm ed25519")
			return
		}
		k.sign, k.verify = private, private.Public()
	default:
		secret, path := secret(cfg, faults)
		if secret == nil {
			return
		}
		faults.Join(path, weak.Check(secret))
		k.sign, k.verify = secret, secret
	}
	k.algorithms(cfg.Algorithms, faults)
	if k.id == "" {
		k.id = thumbprint(k.verify)
	}
	t.set = append(t.set, k)
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
func (k *key) algorithms(names []string, faults *fault.List) {
	fitting := fits(k.verify)
	if len(fitting) == 0 {
		faults.Add("public_key", "the key is of a kind or size that cannot be used", "RSA of at least 2048 bits, ECDSA on P-256, P-384 or P-521, or Ed25519")
		return
	}
	if len(names) == 0 {
		names = fitting[:1]
	}
	for i, name := range names {
		path := fmt.Sprintf("algorithms[%d]", i)
		if !slices.Contains(fitting, name) {
			faults.Addf(path, fmt.Sprintf("with this key: %v", fitting), "%q does not go with the key", name)
			continue
		}
		if s, ok := k.verify.([]byte); ok {
			if need := map[string]int{"HS256": 32, "HS384": 48, "HS512": 64}[name]; len(s) < need && len(s) >= weak.MinBytes {
				faults.Addf(path, weak.Hint, "%s needs a secret of %d bytes (RFC 7518 section 3.2), this one has %d", name, need, len(s))
			}
		}
		k.methods = append(k.methods, jwt.GetSigningMethod(name))
	}
}

// method returns the algorithm of that name, or nil where the key is not for it.
func (k *key) method(alg string) jwt.SigningMethod {
	for _, m := range k.methods {
		if m.Alg() == alg {
			return m
		}
	}
	return nil
}

// takes reports whether the key may verify a token that names kid, or none.
func (k *key) takes(kid string) bool { return kid == "" || !k.only || k.id == kid }

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

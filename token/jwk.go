// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package token

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"math/big"
	"net/http"
	"slices"

	"github.com/golang-jwt/jwt/v5"
)

// jwk is a public key as RFC 7517 and 7518 write it. The members that RFC 7638
// hashes come first, in its order.
type jwk struct {
	Curve     string   `json:"crv,omitempty"`
	E         string   `json:"e,omitempty"`
	Type      string   `json:"kty"`
	N         string   `json:"n,omitempty"`
	X         string   `json:"x,omitempty"`
	Y         string   `json:"y,omitempty"`
	Algorithm string   `json:"alg,omitempty"`
	KeyID     string   `json:"kid,omitempty"`
	Use       string   `json:"use,omitempty"`
	Ops       []string `json:"key_ops,omitempty"`
	D         string   `json:"d,omitempty"` // only in private keys
}

// jwkOf writes a key; ok is false for a secret, which has no public form.
func jwkOf(public crypto.PublicKey) (j jwk, ok bool) {
	switch k := public.(type) {
	case *rsa.PublicKey:
		return jwk{Type: "RSA", N: strict.EncodeToString(k.N.Bytes()), E: strict.EncodeToString(big.NewInt(int64(k.E)).Bytes())}, true
	case *ecdsa.PublicKey:
		point, err := k.Bytes() // 4, x, y
		if err != nil {
			return jwk{}, false
		}
		size := len(point) / 2
		return jwk{Type: "EC", Curve: k.Curve.Params().Name, X: strict.EncodeToString(point[1 : 1+size]), Y: strict.EncodeToString(point[1+size:])}, true
	case ed25519.PublicKey:
		return jwk{Type: "OKP", Curve: "Ed25519", X: strict.EncodeToString(k)}, true
	}
	return jwk{}, false
}

// thumbprint names a public key by its content (RFC 7638), and a secret not at
// all: its hash could be guessed at.
func thumbprint(public crypto.PublicKey) string {
	j, ok := jwkOf(public)
	if !ok {
		return ""
	}
	text, _ := json.Marshal(j) // strings cannot fail
	sum := sha256.Sum256(text)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

var errKeyForm = errors.New("a key that cannot be read")

// public reads the key.
func (j *jwk) public() (crypto.PublicKey, error) {
	switch j.Type {
	case "RSA":
		n, err1 := strict.DecodeString(j.N)
		e, err2 := strict.DecodeString(j.E)
		if err1 != nil || err2 != nil || len(e) > 4 || len(n) > maxModulus {
			return nil, errKeyForm
		}
		exponent := new(big.Int).SetBytes(e)
		if exponent.BitLen() > 31 || exponent.Int64() < 3 || exponent.Bit(0) == 0 {
			return nil, errKeyForm
		}
		return &rsa.PublicKey{N: new(big.Int).SetBytes(n), E: int(exponent.Int64())}, nil
	case "EC":
		curve := map[string]elliptic.Curve{"P-256": elliptic.P256(), "P-384": elliptic.P384(), "P-521": elliptic.P521()}[j.Curve]
		x, err1 := strict.DecodeString(j.X)
		y, err2 := strict.DecodeString(j.Y)
		if curve == nil || err1 != nil || err2 != nil {
			return nil, errKeyForm
		}
		size := (curve.Params().BitSize + 7) / 8
		if len(x) != size || len(y) != size { // RFC 7518 section 6.2.1.2
			return nil, errKeyForm
		}
		return ecdsa.ParseUncompressedPublicKey(curve, slices.Concat([]byte{4}, x, y)) // on the curve, or an error
	case "OKP":
		x, err := strict.DecodeString(j.X)
		if j.Curve != "Ed25519" || err != nil || len(x) != ed25519.PublicKeySize {
			return nil, errKeyForm
		}
		return ed25519.PublicKey(x), nil
	}
	return nil, errKeyForm
}

const (
	maxModulus = 1024 // bytes: RSA of 8192 bits, so that no key makes a check slow
	maxFetched = 32   // keys of a fetched set
)

// readKeySet reads a published set. Keys for other purposes, of other kinds, or
// that no algorithm fits are passed over, as RFC 7517 section 5 asks; so is a
// private key, which is no secret any more.
func readKeySet(text []byte, algorithms []string) ([]*key, error) {
	if _, err := object(text); err != nil { // one reading, or none
		return nil, err
	}
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(text, &set); err != nil {
		return nil, err
	}
	var keys []*key
	for _, raw := range set.Keys {
		var j jwk
		if json.Unmarshal(raw, &j) != nil || len(j.KeyID) > maxKeyID || j.D != "" ||
			j.Use != "" && j.Use != "sig" || j.Ops != nil && !slices.Contains(j.Ops, "verify") {
			continue
		}
		public, err := j.public()
		if err != nil {
			continue
		}
		k := &key{id: j.KeyID, only: j.KeyID != "", verify: public}
		for _, name := range j.fitting(public, algorithms) {
			k.methods = append(k.methods, jwt.GetSigningMethod(name))
		}
		if len(k.methods) > 0 {
			keys = append(keys, k)
		}
		if len(keys) == maxFetched {
			break
		}
	}
	if len(keys) == 0 {
		return nil, errors.New("it has no key that could be used")
	}
	return keys, nil
}

// fitting are the algorithms that tokens may be signed with by the key.
func (j *jwk) fitting(public crypto.PublicKey, wanted []string) []string {
	all := fits(public)
	if len(all) == 0 {
		return nil
	}
	if j.Algorithm != "" {
		if !slices.Contains(all, j.Algorithm) {
			return nil
		}
		all = []string{j.Algorithm}
	} else if len(wanted) == 0 {
		all = all[:1]
	}
	if len(wanted) == 0 {
		return all
	}
	var both []string
	for _, name := range all {
		if slices.Contains(wanted, name) {
			both = append(both, name)
		}
	}
	return both
}

// KeySet serves the public keys of the configuration as a JSON Web Key Set (RFC
// 7517), for those who verify what is issued here: mount it at
// /.well-known/jwks.json. Secrets and fetched keys are not in it. A key that is to
// sign next is published by VerifyKeys before it does: caches may keep the set for
// ten minutes.
func (t *Tokens) KeySet() http.Handler {
	keys := []jwk{}
	for _, k := range t.set {
		if j, ok := jwkOf(k.verify); ok {
			j.KeyID, j.Use = k.id, "sig"
			if len(k.methods) == 1 {
				j.Algorithm = k.methods[0].Alg()
			}
			keys = append(keys, j)
		}
	}
	return publish(keys)
}

// publish serves a set of public keys.
func publish(keys []jwk) http.Handler {
	text, _ := json.Marshal(map[string][]jwk{"keys": keys}) // strings cannot fail
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			w.WriteHeader(http.StatusMethodNotAllowed)
			return
		}
		h := w.Header()
		h.Set("Content-Type", "application/jwk-set+json")
		h.Set("Cache-Control", "public, max-age=600")
		w.Write(text)
	})
}

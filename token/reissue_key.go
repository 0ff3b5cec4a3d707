// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package token

import (
	"bytes"
	"crypto/cipher"
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"slices"
	"sync"

	"golang.org/x/crypto/chacha20poly1305"

	"github.com/panoply-security/panoply/internal/fault"
	"github.com/panoply-security/panoply/internal/weak"
)

// reissueKey is what one configured key signs with by one algorithm, and seals with.
type reissueKey struct {
	alg       string // HS256 or EdDSA
	mac       []byte // of HS256
	private   ed25519.PrivateKey
	seal      cipher.AEAD
	kid       string
	prefix    string // how every token of this key starts, encoded
	rawPrefix []byte // the same, decoded
}

// masterKeys reads the configured keys; the first one signs.
func (t *Reissuer) masterKeys(cfg *ReissueConfig, faults *fault.List) (masters [][]byte) {
	add := func(path string, key []byte) {
		faults.Join(path, weak.Check(key))
		if slices.ContainsFunc(masters, func(m []byte) bool { return bytes.Equal(m, key) }) {
			faults.Add(path, "it is given twice", "the key that signs, and below old_key_envs those from before")
		}
		masters = append(masters, key)
	}
	env := func(path, name string) {
		text, ok := lookupEnv(cfg.LookupEnv)(name)
		if !ok {
			faults.Addf(path, weak.Hint, "the environment variable %s is not set", name)
			return
		}
		add(path, []byte(text))
	}
	switch {
	case cfg.Key != nil && cfg.KeyEnv != "":
		faults.Add("key_env", "there is more than one key", "give key or key_env")
	case cfg.Key != nil:
		add("key", cfg.Key)
	case cfg.KeyEnv != "":
		env("key_env", cfg.KeyEnv)
	case len(cfg.OldKeyEnvs)+len(cfg.OldKeys) > 0:
		faults.Add("key_env", "there are old keys and none that signs", "name the variable with the key")
	default:
		t.ephemeral = true
		return [][]byte{processKey()}
	}
	if len(cfg.OldKeyEnvs)+len(cfg.OldKeys) >= maxKeys {
		faults.Addf("old_key_envs", "leave out those that no token is signed with any more", "%d keys; the most is %d", len(cfg.OldKeyEnvs)+len(cfg.OldKeys), maxKeys-1)
		return nil
	}
	for i, name := range cfg.OldKeyEnvs {
		env(fmt.Sprintf("old_key_envs[%d]", i), name)
	}
	for i, key := range cfg.OldKeys {
		add(fmt.Sprintf("old_keys[%d]", i), key)
	}
	return masters
}

// processKey is that of this process, one for all so that a reload ends no token.
var processKey = sync.OnceValue(func() []byte {
	key := make([]byte, 32)
	rand.Read(key)
	return key
})

// deriveReissueKeys makes one key for each use out of a configured one, and the kid that
// tells whose tokens these are. HS256 comes first, then EdDSA.
func deriveReissueKeys(master []byte) ([]*reissueKey, error) {
	part := func(use string, n int) []byte {
		b, err := hkdf.Key(sha256.New, master, nil, "panoply re-issue 2: "+use, n)
		if err != nil {
			panic(err) // only for absurd lengths
		}
		return b
	}
	seal, err := chacha20poly1305.NewX(part("seal", chacha20poly1305.KeySize))
	if err != nil {
		return nil, err
	}
	kid := "panoply-" + hex.EncodeToString(part("kid", 9))
	keys := []*reissueKey{
		{alg: "HS256", mac: part("sign", 32)},
		{alg: "EdDSA", private: ed25519.NewKeyFromSeed(part("sign EdDSA", ed25519.SeedSize))},
	}
	for _, k := range keys {
		// 69 bytes: whole groups of three, so that the encoded form is a prefix too.
		k.rawPrefix = []byte(`{"alg":"` + k.alg + `","typ":"JWT","kid":"` + kid + `","pnp":"`)
		k.prefix = base64.RawURLEncoding.EncodeToString(k.rawPrefix)
		k.kid, k.seal = kid, seal
	}
	return keys, nil
}

// signature signs the text.
func (k *reissueKey) signature(text []byte) []byte {
	if k.private != nil {
		return ed25519.Sign(k.private, text)
	}
	h := hmac.New(sha256.New, k.mac)
	h.Write(text)
	return h.Sum(nil)
}

// signed reports whether the signature is that of the text.
func (k *reissueKey) signed(text, sig []byte) bool {
	if k.private != nil {
		return ed25519.Verify(k.private.Public().(ed25519.PublicKey), text, sig)
	}
	return hmac.Equal(sig, k.signature(text))
}

// keyOf is the key that a token says to be signed with, nil for none of ours. The
// algorithm is part of what is compared: a token chooses no other.
func (t *Reissuer) keyOf(token []byte) *reissueKey {
	for _, k := range t.keys {
		if len(token) >= len(k.prefix) && string(token[:len(k.prefix)]) == k.prefix {
			return k
		}
	}
	return nil
}

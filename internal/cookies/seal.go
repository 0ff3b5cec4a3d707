// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package cookies

import (
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"
	"unicode"

	"golang.org/x/crypto/chacha20poly1305"

	"github.com/panoply-security/panoply/internal/fault"
	"github.com/panoply-security/panoply/internal/weak"
)

// Encryption is how the values of the app's cookies are encrypted on their way to the
// browser, and decrypted on their way back.
type Encryption struct {
	// KeyEnv names the environment variable with the key, the same on every guard: at
	// least 32 bytes that no dictionary knows. Empty is a random key, so that the cookies
	// end with the process.
	KeyEnv string `yaml:"key_env"`
	// OldKeyEnvs name at most 7 variables with keys that cookies may still be encrypted
	// with, so that the key can be changed without signing everybody out.
	OldKeyEnvs []string `yaml:"old_key_envs"`
	// Names are the cookies: whole names, or starts as app_*. Empty is every session
	// cookie, the usual ones and those of the policy's sessions, but for the exceptions.
	// What a page's scripts read cannot be encrypted.
	Names []string `yaml:"names"`
	// LookupEnv reads the variables; nil is [os.LookupEnv].
	LookupEnv func(string) (string, bool) `yaml:"-"`
}

// Sealer encrypts the values of cookies with XChaCha20-Poly1305. It keeps no state, and
// is safe for concurrent use.
//
// Nobody without the key can read such a value, change it, make one (whatever the app
// signs its cookies with), or put it under another cookie's name. It ends when the
// cookie does, also for those who do not forget it as browsers do.
//
// A cookie of such a name that was not encrypted here is taken out of the request: for the
// app the client has none. So is one whose name is spelled in any way that some parser
// takes for such a name.
//
// The encrypted value is a third longer and 60 bytes more. Browsers drop cookies over
// 4096 bytes, name and value together; one that would be longer is dropped here, and
// that is reported.
type Sealer struct {
	keys      []sealKey // the first one encrypts
	policy    *Policy
	names     []string
	folded    []string // the names, or else the policy's sessions, folded
	ephemeral bool
	now       func() time.Time
}

type sealKey struct {
	id   [4]byte // tells which key it is
	aead cipher.AEAD
}

const (
	maxSealKeys = 8
	maxPair     = 4096 // bytes of name and value that browsers keep
)

// NewSealer checks the configuration, and derives the keys. It is for the cookies of the
// policy.
func NewSealer(cfg Encryption, p Policy) (*Sealer, error) {
	var faults fault.List
	t := &Sealer{policy: &p, names: cfg.Names, now: time.Now}
	checkNames(&faults, "names", cfg.Names)
	patterns := cfg.Names
	if len(patterns) == 0 {
		patterns = p.Sessions
	}
	for _, name := range patterns {
		t.folded = append(t.folded, fold(name))
	}
	lookup := cfg.LookupEnv
	if lookup == nil {
		lookup = os.LookupEnv
	}
	add := func(path, name string) {
		text, ok := lookup(name)
		if !ok {
			faults.Addf(path, weak.Hint, "the environment variable %s is not set", name)
			return
		}
		faults.Join(path, weak.Check([]byte(text)))
		t.add(&faults, path, []byte(text))
	}
	switch {
	case cfg.KeyEnv != "":
		add("key_env", cfg.KeyEnv)
	case len(cfg.OldKeyEnvs) > 0:
		faults.Add("key_env", "there are old keys and none that encrypts", "name the variable with the key")
	default:
		t.ephemeral = true
		t.add(&faults, "key_env", processKey())
	}
	if len(cfg.OldKeyEnvs) >= maxSealKeys {
		faults.Addf("old_key_envs", "leave out those that no cookie is encrypted with any more", "%d keys; the most is %d", len(cfg.OldKeyEnvs), maxSealKeys-1)
	} else {
		for i, name := range cfg.OldKeyEnvs {
			add(fmt.Sprintf("old_key_envs[%d]", i), name)
		}
	}
	if err := faults.Err(); err != nil {
		return nil, err
	}
	return t, nil
}

// processKey is that of this process, one for all so that a reload ends no cookie.
var processKey = sync.OnceValue(func() []byte {
	key := make([]byte, 32)
	rand.Read(key)
	return key
})

func (t *Sealer) add(faults *fault.List, path string, master []byte) {
	part := func(use string, n int) []byte {
		b, err := hkdf.Key(sha256.New, master, nil, "panoply cookies 1: "+use, n)
		if err != nil {
			panic(err) // only for absurd lengths
		}
		return b
	}
	aead, err := chacha20poly1305.NewX(part("seal", chacha20poly1305.KeySize))
	if err != nil {
		panic(err) // only for other lengths
	}
	k := sealKey{[4]byte(part("id", 4)), aead}
	for _, other := range t.keys {
		if other.id == k.id {
			faults.Add(path, "it is given twice", "the key that encrypts, and below old_key_envs those from before")
		}
	}
	t.keys = append(t.keys, k)
}

// Ephemeral reports whether the key is of this process alone.
func (t *Sealer) Ephemeral() bool { return t.ephemeral }

// seals reports whether cookies of that name are encrypted.
func (t *Sealer) seals(name string) bool {
	switch {
	case own(name):
		return false
	case len(t.names) > 0:
		return matches(t.names, name)
	}
	return (IsSession(name) || matches(t.policy.Sessions, name)) && !matches(t.policy.Except, name)
}

// Seal encrypts the cookies of an answer whose lines have their flags. What it returns
// names those that it dropped, and why.
func (t *Sealer) Seal(h http.Header) (dropped []string) {
	lines := h["Set-Cookie"]
	var out []string // the app may share its slice between answers
	for i, line := range lines {
		sealed, err := t.line(line)
		if out == nil && (err != nil || sealed != line) {
			out = append(make([]string, 0, len(lines)), lines[:i]...)
		}
		if err != nil {
			dropped = append(dropped, describe(line, err))
			continue
		}
		if out != nil {
			out = append(out, sealed)
		}
	}
	switch {
	case out == nil:
	case len(out) == 0:
		delete(h, "Set-Cookie")
	default:
		h["Set-Cookie"] = out
	}
	return dropped
}

// line encrypts the value of one line.
func (t *Sealer) line(line string) (string, error) {
	c, err := Parse(line)
	if err != nil {
		return "", err
	}
	now := t.now()
	if !t.seals(c.Name) || c.Deletion(now) {
		return line, nil
	}
	end := int64(0)
	if ends := c.Ends(now); !ends.IsZero() {
		end = ends.Unix()
	}
	k := t.keys[0]
	text := append(binary.AppendUvarint(nil, uint64(end)), c.Value...)
	b := make([]byte, 0, len(k.id)+chacha20poly1305.NonceSizeX+len(text)+chacha20poly1305.Overhead)
	b = append(b, k.id[:]...)
	nonce := b[len(b) : len(b)+chacha20poly1305.NonceSizeX]
	rand.Read(nonce) // 192 random bits never meet again
	b = k.aead.Seal(b[:len(b)+len(nonce)], nonce, text, []byte(c.Name))
	value := base64.RawURLEncoding.EncodeToString(b)
	if len(c.Name)+len(value) > maxPair {
		return "", Malformed(fmt.Sprintf("encrypted it has %d bytes, and browsers keep %d", len(c.Name)+len(value), maxPair))
	}
	_, rest := cut(line)
	return c.Name + "=" + value + rest, nil
}

// Why a cookie is taken out of a request.
var (
	errNotSealed = errors.New("it was not encrypted here")
	errOver      = errors.New("it is over")
	errSpelled   = errors.New("its name is spelled oddly")
)

// value decrypts a value.
func (t *Sealer) value(name, sealed string) (string, error) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(sealed)
	if err != nil || strings.ContainsAny(sealed, "\r\n") || len(b) < 4+chacha20poly1305.NonceSizeX {
		return "", errNotSealed
	}
	for _, k := range t.keys {
		if [4]byte(b) != k.id {
			continue
		}
		text, err := k.aead.Open(nil, b[4:4+chacha20poly1305.NonceSizeX], b[4+chacha20poly1305.NonceSizeX:], []byte(name))
		if err != nil {
			return "", errNotSealed
		}
		end, n := binary.Uvarint(text)
		if n <= 0 {
			return "", errNotSealed
		}
		if end != 0 && t.now().Unix() >= int64(end) {
			return "", errOver
		}
		return string(text[n:]), nil
	}
	return "", errNotSealed
}

// Open decrypts the cookies of a request, and takes out what was not encrypted here. What
// it returns names what it took out, and why; at most eight.
func (t *Sealer) Open(h http.Header) (dropped []string) {
	var out []string
	changed := false
	for _, line := range h["Cookie"] {
		opened, why := t.open(line)
		dropped = append(dropped, why[:min(len(why), maxTold-len(dropped))]...)
		changed = changed || opened != line
		if opened != "" {
			out = append(out, opened)
		}
	}
	switch {
	case !changed:
	case len(out) == 0:
		delete(h, "Cookie")
	default:
		h["Cookie"] = out
	}
	return dropped
}

// maxTold is how many cookies of a request are told of.
const maxTold = 8

// open decrypts the cookies of one line.
func (t *Sealer) open(line string) (opened string, dropped []string) {
	changed := false
	var kept []string
	for pair := range strings.SplitSeq(line, ";") {
		name, value, ok := strings.Cut(pair, "=")
		var err error
		switch exact := trim(name); {
		case ok && t.seals(exact):
			if value, err = t.value(exact, trim(value)); err == nil {
				pair, changed = name+"="+value, true
			}
		case t.oddly(pair):
			err = errSpelled
		}
		if err != nil {
			changed = true
			dropped = append(dropped, fmt.Sprintf("%.64q: %v", trim(name), err))
			continue
		}
		kept = append(kept, pair)
	}
	if !changed {
		return line, nil
	}
	return strings.TrimLeft(strings.Join(kept, ";"), " \t"), dropped
}

// oddly reports whether some parser takes a name in the pair, or behind a comma in it,
// for one whose cookies are encrypted.
func (t *Sealer) oddly(pair string) bool {
	first, rest, more := strings.Cut(pair, ",")
	name, _, _ := strings.Cut(first, "=")
	if t.covers(fold(name)) && !(len(t.names) == 0 && matches(t.policy.Except, trim(name))) {
		return true
	}
	for more {
		first, rest, more = strings.Cut(rest, ",")
		name, _, ok := strings.Cut(first, "=")
		if folded := fold(name); ok && !strings.ContainsAny(folded, "\"'(){}<>:/?@\\") && t.covers(folded) {
			return true
		}
	}
	return false
}

// own reports whether the cookie is one of Panoply's, which need no encryption.
func own(name string) bool { return strings.HasPrefix(plain(name), "panoply_") }

// covers is seals for a folded name.
func (t *Sealer) covers(folded string) bool {
	return !own(folded) && (matches(t.folded, folded) || len(t.names) == 0 && IsSession(folded))
}

// fold is a name as the most forgiving parser has it: without what JavaScript trims,
// unescaped, in lower case, and with what PHP makes an underscore of as one.
func fold(name string) string {
	if text, err := url.PathUnescape(name); err == nil {
		name = text
	}
	name = strings.TrimFunc(strings.ToValidUTF8(latinSpace.Replace(name), ""), func(r rune) bool {
		return r <= ' ' || r == 0x7f || r == 0xfeff || r == 0x180e || r >= 0x200b && r <= 0x200f || unicode.IsSpace(r)
	})
	return strings.ToLower(strings.Map(func(r rune) rune {
		switch r {
		case '.', ' ', '[':
			return '_'
		}
		return r
	}, name))
}

// latinSpace are bytes that Node reads as the spaces that JavaScript trims.
var latinSpace = strings.NewReplacer("\xc2\xa0", " ", "\xa0", " ", "\x85", " ")

// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package token

import (
	"bytes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"golang.org/x/crypto/chacha20poly1305"

	"github.com/panoply-security/panoply/internal/fault"
	"github.com/panoply-security/panoply/internal/weak"
)

// ReissueConfig is how an app's tokens are re-issued. The zero value uses a key
// of this process and a lifetime of one hour.
type ReissueConfig struct {
	// KeyEnv names the environment variable with the key, the same on every
	// guard. Empty is a random key: tokens then end with the process.
	KeyEnv string `yaml:"key_env"`
	// Key is the key itself: at least 32 bytes that no dictionary knows.
	Key []byte `yaml:"-"`
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
	// LookupEnv reads KeyEnv; nil is [os.LookupEnv].
	LookupEnv func(string) (string, bool) `yaml:"-"`
}

// Reissuer stands between an app whose tokens cannot be trusted, because its
// secret can be guessed or they never expire, and its clients. It keeps no
// state. It is safe for concurrent use.
//
// On the way out ([Reissuer.Out], [Reissuer.OutHeader]) a token of the app is
// replaced by one that the guard signs with its own key: HS256, the same claims
// byte for byte but for an exp that is added or capped. The app's header and
// signature are inside, encrypted, so that nobody can try secrets on them
// offline. On the way in ([Reissuer.In], [Reissuer.InBody],
// [Reissuer.InQuery]) only these are accepted, and the app's own token is put
// back as it was. A token forged with the app's secret is not signed by the
// guard, and refused.
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
// Tokens inside base64, encrypted cookies and compressed bodies are not seen;
// encrypted tokens (JWE) are left alone. A token in a cookie that cookie-parser
// signed (s:eyJ…) cannot be replaced under that signature, so it is refused on
// the way in unless Ignore names the cookie.
//
// # Bounds
//
// Tokens of up to 8 KiB are re-issued. The new token is about 270 bytes longer,
// and at most 16 KiB: browsers drop cookies over 4 KiB, and Node answers 431 to
// headers over 16 KiB.
type Reissuer struct {
	sign      []byte
	seal      cipher.AEAD
	prefix    string // how every token of ours starts, encoded
	rawPrefix []byte // the same, decoded
	lifetime  time.Duration
	names     map[string]bool
	ignore    map[string]bool
	anywhere  bool
	ephemeral bool
	now       func() time.Time
}

// Why a token on its way in is refused, for the log alone.
var (
	errNotOurs  = errors.New("a token that was not issued here")
	errTampered = errors.New("a token that looks like one of ours and was changed")
)

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
	key := t.masterKey(&cfg, &faults)
	if err := faults.Err(); err != nil {
		return nil, err
	}
	return t, t.derive(key)
}

func (t *Reissuer) masterKey(cfg *ReissueConfig, faults *fault.List) []byte {
	switch {
	case cfg.Key != nil && cfg.KeyEnv != "":
		faults.Add("key_env", "there is more than one key", "give key or key_env")
	case cfg.Key != nil:
		faults.Join("key", weak.Check(cfg.Key))
		return cfg.Key
	case cfg.KeyEnv != "":
		text, ok := lookupEnv(cfg.LookupEnv)(cfg.KeyEnv)
		if !ok {
			faults.Addf("key_env", weak.Hint, "the environment variable %s is not set", cfg.KeyEnv)
			break
		}
		faults.Join("key_env", weak.Check([]byte(text)))
		return []byte(text)
	default:
		t.ephemeral = true
		return processKey()
	}
	return nil
}

// processKey is that of this process, one for all so that a reload ends no token.
var processKey = sync.OnceValue(func() []byte {
	key := make([]byte, 32)
	rand.Read(key)
	return key
})

// derive makes one key for each use, and the kid that tells whose tokens these
// are.
func (t *Reissuer) derive(master []byte) error {
	part := func(use string, n int) []byte {
		b, err := hkdf.Key(sha256.New, master, nil, "panoply re-issue 1: "+use, n)
		if err != nil {
			panic(err) // only for absurd lengths
		}
		return b
	}
	t.sign = part("sign", 32)
	var err error
	if t.seal, err = chacha20poly1305.NewX(part("seal", 32)); err != nil {
		return err
	}
	// 69 bytes: whole groups of three, so that the encoded form is a prefix too.
	t.rawPrefix = []byte(`{"alg":"HS256","typ":"JWT","kid":"panoply-` + hex.EncodeToString(part("kid", 9)) + `","pnp":"`)
	t.prefix = base64.RawURLEncoding.EncodeToString(t.rawPrefix)
	return nil
}

// Ephemeral reports whether the key is of this process alone: a restart ends
// all tokens, and a second guard would not know them.
func (t *Reissuer) Ephemeral() bool { return t.ephemeral }

// reissue makes the token that leaves in place of the app's, or reports that
// the app's is none that can be re-issued.
func (t *Reissuer) reissue(dst, token []byte) ([]byte, bool) {
	header, payload, sig, ok := decode(token)
	if !ok {
		return dst, false
	}
	exp, newPayload, change, ok := t.expire(payload)
	if !ok {
		return dst, false
	}
	// exp, the change of the payload, the app's header and its signature.
	inner := make([]byte, 0, len(header)+len(sig)+len(change.old)+32)
	inner = binary.AppendUvarint(inner, uint64(exp))
	inner = binary.AppendUvarint(inner, uint64(change.at))
	inner = binary.AppendUvarint(inner, uint64(change.length))
	inner = appendBytes(inner, change.old)
	inner = appendBytes(inner, header)
	inner = append(inner, sig...)

	b64 := base64.RawURLEncoding
	nonce := make([]byte, chacha20poly1305.NonceSizeX, chacha20poly1305.NonceSizeX+len(inner)+chacha20poly1305.Overhead)
	rand.Read(nonce) // 192 random bits never meet again, on any number of guards
	sealed := t.seal.Seal(nonce, nonce, inner, newPayload)

	head := b64.AppendEncode(bytes.Clone(t.rawPrefix), sealed)
	head = append(head, `"}`...)
	start := len(dst)
	dst = b64.AppendEncode(dst, head)
	dst = append(dst, '.')
	dst = b64.AppendEncode(dst, newPayload)
	mac := t.mac(dst[start:])
	dst = append(dst, '.')
	return b64.AppendEncode(dst, mac), true
}

// open returns the app's token inside one of ours.
func (t *Reissuer) open(dst, token []byte) ([]byte, error) {
	const maxReissued = 2 * MaxBytes
	dot := bytes.LastIndexByte(token, '.')
	if dot < 0 || len(token) > maxReissued {
		return nil, errTampered
	}
	mac, err := strict.AppendDecode(nil, token[dot+1:])
	if err != nil || !hmac.Equal(mac, t.mac(token[:dot])) {
		return nil, errTampered
	}
	// Signed by us: what follows cannot fail but through a fault of our own, and
	// is checked all the same.
	first, second, ok := bytes.Cut(token[:dot], []byte("."))
	head, err1 := strict.AppendDecode(nil, first)
	payload, err2 := strict.AppendDecode(nil, second)
	if !ok || err1 != nil || err2 != nil || !bytes.HasPrefix(head, t.rawPrefix) || !bytes.HasSuffix(head, []byte(`"}`)) {
		return nil, errTampered
	}
	sealed, err := strict.AppendDecode(nil, head[len(t.rawPrefix):len(head)-2])
	if err != nil || len(sealed) < chacha20poly1305.NonceSizeX {
		return nil, errTampered
	}
	inner, err := t.seal.Open(nil, sealed[:chacha20poly1305.NonceSizeX], sealed[chacha20poly1305.NonceSizeX:], payload)
	if err != nil {
		return nil, errTampered
	}
	r := reader{b: inner}
	exp := r.uvarint()
	change := change{at: int(r.uvarint()), length: int(r.uvarint())}
	change.old = r.bytes()
	header := r.bytes()
	original, ok := change.undo(payload)
	if r.bad || !ok {
		return nil, errTampered
	}
	if t.now().Unix() >= int64(exp) {
		return nil, errExpired
	}
	b64 := base64.RawURLEncoding
	dst = append(b64.AppendEncode(dst, header), '.')
	dst = append(b64.AppendEncode(dst, original), '.')
	return b64.AppendEncode(dst, r.b), nil
}

func (t *Reissuer) mac(signed []byte) []byte {
	h := hmac.New(sha256.New, t.sign)
	h.Write(signed)
	return h.Sum(nil)
}

// change is what was done to a payload: length bytes at at stand for old.
type change struct {
	at, length int
	old        []byte
}

func (c change) undo(payload []byte) ([]byte, bool) {
	if c.at < 0 || c.length < 0 || c.at > len(payload) || c.length > len(payload)-c.at {
		return nil, false
	}
	out := make([]byte, 0, len(payload)+len(c.old))
	out = append(out, payload[:c.at]...)
	out = append(out, c.old...)
	return append(out, payload[c.at+c.length:]...), true
}

// expire adds exp to the payload or caps it, and says how to undo that. Every
// other byte stays. A payload that is not one JSON object with at most one exp
// is not touched.
func (t *Reissuer) expire(payload []byte) (exp int64, out []byte, c change, ok bool) {
	latest := t.now().Add(t.lifetime).Unix()
	start, end, members, ok := member(payload, "exp")
	if !ok {
		return 0, nil, c, false
	}
	var text []byte
	if end == 0 { // there is none
		c.at = bytes.LastIndexByte(payload, '}')
		text = strconv.AppendInt([]byte(`"exp":`), latest, 10)
		if members > 0 {
			text = append([]byte{','}, text...)
		}
		exp = latest
	} else {
		c.at, c.old = start, payload[start:end]
		// In milliseconds, a string or anything else than a time: as if far ahead.
		at, err := date(json.Number(c.old))
		if err == nil && at.Unix() <= latest {
			return at.Unix(), payload, change{}, true
		}
		exp, text = latest, strconv.AppendInt(nil, latest, 10)
	}
	c.length = len(text)
	out = make([]byte, 0, len(payload)+len(text))
	out = append(out, payload[:c.at]...)
	out = append(out, text...)
	return exp, append(out, payload[c.at+len(c.old):]...), c, true
}

// member finds where the value of a name stands in a JSON object; end is 0 when
// it is not there. It is not ok when the name is there twice or b is no object.
func member(b []byte, name string) (start, end, members int, ok bool) {
	dec := json.NewDecoder(bytes.NewReader(b))
	if open, err := dec.Token(); err != nil || open != json.Delim('{') {
		return 0, 0, 0, false
	}
	for dec.More() {
		key, err := dec.Token()
		var raw json.RawMessage
		if err != nil || dec.Decode(&raw) != nil {
			return 0, 0, 0, false
		}
		members++
		if key != name {
			continue
		}
		if end != 0 {
			return 0, 0, 0, false
		}
		end = int(dec.InputOffset())
		start = end - len(raw)
	}
	if _, err := dec.Token(); err != nil {
		return 0, 0, 0, false
	}
	rest := bytes.TrimLeft(b[dec.InputOffset():], " \t\r\n")
	return start, end, members, len(rest) == 0
}

func appendBytes(dst, b []byte) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(b))), b...)
}

// reader takes apart what appendBytes and AppendUvarint put together.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 || v > 1<<40 {
		r.bad = true
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *reader) bytes() []byte {
	n := r.uvarint()
	if n > uint64(len(r.b)) {
		r.bad = true
		return nil
	}
	out := r.b[:n]
	r.b = r.b[n:]
	return out
}

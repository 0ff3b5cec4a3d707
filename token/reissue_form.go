// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package token

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"strconv"

	"golang.org/x/crypto/chacha20poly1305"
)

// The form of a re-issued token: the header has, encrypted and bound to the payload, its
// exp, its id, what was done to the payload, and the app's header and signature.

// reissueID tells the tokens apart that were re-issued.
type reissueID [16]byte

// String is the id as a jti.
func (id reissueID) String() string { return base64.RawURLEncoding.EncodeToString(id[:]) }

// reissue makes the token that leaves in place of the app's, or reports that
// the app's is none that can be re-issued.
func (t *Reissuer) reissue(dst, token []byte) (out []byte, id reissueID, exp int64, ok bool) {
	header, payload, sig, ok := decode(token)
	if !ok {
		return dst, id, 0, false
	}
	rand.Read(id[:])
	exp, newPayload, changes, ok := t.change(payload, id)
	if !ok {
		return dst, id, 0, false
	}
	inner := make([]byte, 0, len(header)+len(sig)+96)
	inner = binary.AppendUvarint(inner, uint64(exp))
	inner = append(inner, id[:]...)
	inner = binary.AppendUvarint(inner, uint64(len(changes)))
	for _, c := range changes {
		inner = binary.AppendUvarint(inner, uint64(c.at))
		inner = binary.AppendUvarint(inner, uint64(c.length))
		inner = appendBytes(inner, c.old)
	}
	inner = appendBytes(inner, header)
	inner = append(inner, sig...)

	k := t.keys[0]
	b64 := base64.RawURLEncoding
	nonce := make([]byte, chacha20poly1305.NonceSizeX, chacha20poly1305.NonceSizeX+len(inner)+chacha20poly1305.Overhead)
	rand.Read(nonce) // 192 random bits never meet again, on any number of guards
	sealed := k.seal.Seal(nonce, nonce, inner, newPayload)

	head := b64.AppendEncode(bytes.Clone(k.rawPrefix), sealed)
	head = append(head, `"}`...)
	start := len(dst)
	dst = b64.AppendEncode(dst, head)
	dst = append(dst, '.')
	dst = b64.AppendEncode(dst, newPayload)
	signature := k.signature(dst[start:])
	dst = append(dst, '.')
	return b64.AppendEncode(dst, signature), id, exp, true
}

// opened is what one of our tokens holds.
type opened struct {
	app []byte // the app's token
	id  reissueID
	exp int64
	jti string // of the app, where tokens are revocable and it gave one
}

// maxReissued is the length of the longest token of ours.
const maxReissued = 2 * MaxBytes

// open takes one of our tokens apart, which the key is said to have signed.
func (t *Reissuer) open(k *reissueKey, token []byte) (o opened, err error) {
	dot := bytes.LastIndexByte(token, '.')
	if dot < 0 || len(token) > maxReissued {
		return o, errTampered
	}
	sig, err := strict.AppendDecode(nil, token[dot+1:])
	if err != nil || !k.signed(token[:dot], sig) {
		return o, errTampered
	}
	// Signed by us: what follows cannot fail but through a fault of our own, and
	// is checked all the same.
	first, second, ok := bytes.Cut(token[:dot], []byte("."))
	head, err1 := strict.AppendDecode(nil, first)
	payload, err2 := strict.AppendDecode(nil, second)
	if !ok || err1 != nil || err2 != nil || !bytes.HasPrefix(head, k.rawPrefix) || !bytes.HasSuffix(head, []byte(`"}`)) {
		return o, errTampered
	}
	sealed, err := strict.AppendDecode(nil, head[len(k.rawPrefix):len(head)-2])
	if err != nil || len(sealed) < chacha20poly1305.NonceSizeX {
		return o, errTampered
	}
	inner, err := k.seal.Open(nil, sealed[:chacha20poly1305.NonceSizeX], sealed[chacha20poly1305.NonceSizeX:], payload)
	if err != nil {
		return o, errTampered
	}
	r := reader{b: inner}
	o.exp = int64(r.uvarint())
	copy(o.id[:], r.take(uint64(len(o.id))))
	var changes [maxChanges]change
	n := r.uvarint()
	if n > maxChanges {
		return o, errTampered
	}
	for i := range changes[:n] {
		changes[i] = change{at: int(r.uvarint()), length: int(r.uvarint())}
		changes[i].old = r.bytes()
	}
	header := r.bytes()
	original, ok := payload, !r.bad
	for i := int(n) - 1; ok && i >= 0; i-- { // the last one first
		original, ok = changes[i].undo(original)
	}
	if !ok {
		return o, errTampered
	}
	if t.now().Unix() >= o.exp {
		return o, errExpired
	}
	if t.revoked != nil {
		o.jti = ownID(original)
	}
	b64 := base64.RawURLEncoding
	o.app = make([]byte, 0, b64.EncodedLen(len(header))+b64.EncodedLen(len(original))+b64.EncodedLen(len(r.b))+2)
	o.app = append(b64.AppendEncode(o.app, header), '.')
	o.app = append(b64.AppendEncode(o.app, original), '.')
	o.app = b64.AppendEncode(o.app, r.b)
	return o, nil
}

// ownID is the jti that the app gave, "" for none.
func ownID(payload []byte) (jti string) {
	start, end, _, ok := member(payload, "jti")
	if !ok || end == 0 || json.Unmarshal(payload[start:end], &jti) != nil || len(jti) > maxID {
		return ""
	}
	return jti
}

// change is what was done to a payload: length bytes at at stand for old.
type change struct {
	at, length int
	old        []byte
}

const maxChanges = 2 // exp and jti

func (c change) undo(payload []byte) ([]byte, bool) {
	if c.at < 0 || c.length < 0 || c.at > len(payload) || c.length > len(payload)-c.at {
		return nil, false
	}
	out := make([]byte, 0, len(payload)+len(c.old))
	out = append(out, payload[:c.at]...)
	out = append(out, c.old...)
	return append(out, payload[c.at+c.length:]...), true
}

// put replaces what c names by text.
func (c *change) put(payload, text []byte) []byte {
	c.length = len(text)
	out := make([]byte, 0, len(payload)+len(text))
	out = append(out, payload[:c.at]...)
	out = append(out, text...)
	return append(out, payload[c.at+len(c.old):]...)
}

// change adds exp to the payload or caps it, adds a jti where tokens are revocable and
// there is none, and says how to undo that. Every other byte stays. A payload that is
// not one JSON object with at most one of each is not touched.
func (t *Reissuer) change(payload []byte, id reissueID) (exp int64, out []byte, changes []change, ok bool) {
	exp = t.now().Add(t.lifetime).Unix()
	start, end, members, ok := member(payload, "exp")
	if !ok {
		return 0, nil, nil, false
	}
	out = payload
	if end == 0 { // there is none
		out, changes = addMember(out, &members, `"exp":`+strconv.FormatInt(exp, 10), changes)
	} else {
		c := change{at: start, old: payload[start:end]}
		// In milliseconds, a string or anything else than a time: as if far ahead.
		if at, err := date(json.Number(c.old)); err == nil && at.Unix() <= exp {
			exp = at.Unix()
		} else {
			out = c.put(out, strconv.AppendInt(nil, exp, 10))
			changes = append(changes, c)
		}
	}
	if t.revoked == nil {
		return exp, out, changes, true
	}
	if _, end, _, ok = member(payload, "jti"); !ok {
		return 0, nil, nil, false
	}
	if end == 0 {
		out, changes = addMember(out, &members, `"jti":"`+id.String()+`"`, changes)
	}
	return exp, out, changes, true
}

// addMember puts a member at the end of an object.
func addMember(payload []byte, members *int, text string, changes []change) ([]byte, []change) {
	if *members > 0 {
		text = "," + text
	}
	*members++
	c := change{at: bytes.LastIndexByte(payload, '}')}
	payload = c.put(payload, []byte(text))
	return payload, append(changes, c)
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

func (r *reader) bytes() []byte { return r.take(r.uvarint()) }

func (r *reader) take(n uint64) []byte {
	if n > uint64(len(r.b)) {
		r.bad = true
		return nil
	}
	out := r.b[:n]
	r.b = r.b[n:]
	return out
}

// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package ratelimit

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash/maphash"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/panoply-security/panoply/clientip"
	"github.com/panoply-security/panoply/internal/fault"
	"github.com/panoply-security/panoply/route"
)

// secret is drawn anew by each process. It is one for all limiters, so that a
// table means the same to the next.
var secret = maphash.MakeSeed()

const maxParts = 4

// claimPrefix tells a claim from a body field, none of which can begin so in a
// key.
const claimPrefix = "claim:"

// part is one part of a rule's key. Its kind is the first byte of what it adds
// to the hashed text, so that no value can pass for one of another kind.
type part struct {
	kind byte
	name string
}

const (
	partIP     = 'i'
	partHeader = 'h'
	partCookie = 'c'
	partBody   = 'b'
	partRoute  = 'r'
	partClaim  = 'j'
	// An account, and after it the device, if it is one of the account's.
	partAccount = 'a'
	partDevice  = 'd'
)

func parseKey(faults *fault.List, key []string) []part {
	if len(key) > maxParts {
		faults.Addf("key", "fewer parts limit more", "%d parts; the most is %d", len(key), maxParts)
		return nil
	}
	parts := make([]part, len(key))
	for i, text := range key {
		kind, name, named := strings.Cut(text, ":")
		valid := named && name != "" && len(name) <= 64
		switch {
		case text == "ip":
			parts[i] = part{partIP, ""}
		case text == "route":
			parts[i] = part{partRoute, ""}
		case text == "account":
			parts[i] = part{partAccount, ""}
		case kind == "header" && valid && validToken(name):
			parts[i] = part{partHeader, http.CanonicalHeaderKey(name)}
		case kind == "cookie" && valid && validToken(name):
			parts[i] = part{partCookie, name}
		case kind == "claim" && valid:
			parts[i] = part{partClaim, name}
		case kind == "body" && valid && !strings.HasPrefix(name, claimPrefix):
			parts[i] = part{partBody, name}
		default:
			faults.Addf(fmt.Sprintf("key[%d]", i), "ip, account, route, header:Name, cookie:name, claim:name or body:field", "%.80q is not a part of a key", text)
			continue
		}
		if slices.Contains(parts[:i], parts[i]) {
			faults.Addf(fmt.Sprintf("key[%d]", i), "each part once", "%.80q is there twice", text)
		}
	}
	return parts
}

// validToken reports whether s can name a header or a cookie (RFC 9110 5.6.2).
func validToken(s string) bool {
	for _, c := range s {
		if c <= ' ' || c >= 0x7f || strings.ContainsRune(`"(),/:;<=>?@[\]{}`, c) {
			return false
		}
	}
	return s != ""
}

// BodyFields are the names of the body fields that the rule's key may have. Such
// a rule is asked when the body has been read.
func (r Rule) BodyFields() []string {
	var fields []string
	for _, text := range r.Key {
		if text == "account" {
			fields = append(fields, accountFields...)
		}
		if name, ok := strings.CutPrefix(text, "body:"); ok {
			fields = append(fields, name)
		}
	}
	return fields
}

// keyOf makes the key of a request for an account, "" if the rule has none. field
// may be nil.
func (c *compiled) keyOf(client netip.Addr, r *http.Request, field func(string) string, account Account) Key {
	var room [maxParts * 40]byte
	text := room[:0]
	for _, p := range c.key {
		value := ""
		switch p.kind {
		case partHeader:
			value = joined(r.Header[p.name])
		case partCookie:
			for _, cookie := range r.CookiesNamed(p.name) {
				value += "\x00" + cookie.Value
			}
		case partClaim:
			if field != nil {
				value = field(claimPrefix + p.name)
			}
		case partBody:
			if field != nil {
				value = field(p.name)
			}
		case partRoute:
			if k, err := route.KeyOf(r.URL); err == nil {
				value = "/" + k.Path()
			}
		case partAccount:
			value = account.name
		}
		text = c.appendPart(text, p.kind, value, client)
		if p.kind == partAccount {
			if device := c.limiter.device(r, account); device != "" {
				text = c.hasher.value(append(text, partDevice), device)
			}
		}
	}
	return c.hasher.key(text)
}

func joined(values []string) string {
	if len(values) == 1 {
		return values[0]
	}
	return strings.Join(values, "\x00")
}

// appendPart adds a part's value, or in its absence the client's address, in a
// fixed number of bytes for each kind.
func (c *compiled) appendPart(text []byte, kind byte, value string, client netip.Addr) []byte {
	if kind == partBody || kind == partAccount {
		value = fold(value)
	}
	if value != "" {
		text = append(text, kind)
		return c.hasher.value(text, value)
	}
	text = append(text, partIP)
	if !client.IsValid() {
		return append(text, 0)
	}
	address := clientip.Prefix(client, c.v6bits).As16()
	text = append(text, 1)
	return append(text, address[:]...)
}

// keyOfParts makes the key of values given one by one, in the rule's order.
func (c *compiled) keyOfParts(values []string) (Key, error) {
	if len(values) != len(c.key) {
		return Key{}, fmt.Errorf("rule %s: its key has %d parts (%s), not %d", c.Name, len(c.key), strings.Join(c.Key, ", "), len(values))
	}
	var text []byte
	for i, p := range c.key {
		var client netip.Addr
		value := values[i]
		switch p.kind {
		case partIP:
			var err error
			if client, err = netip.ParseAddr(value); err != nil {
				return Key{}, fmt.Errorf("rule %s: %q is not an address", c.Name, value)
			}
			value = ""
		case partCookie:
			value = "\x00" + value
		}
		text = c.appendPart(text, p.kind, value, client)
	}
	return c.hasher.key(text), nil
}

// hasher makes keys: under the process's secret, or under the one that all who
// share a store have.
type hasher struct{ shared []byte }

// value appends a value in a fixed number of bytes.
func (h hasher) value(text []byte, value string) []byte {
	if h.shared == nil {
		return binary.LittleEndian.AppendUint64(text, maphash.String(secret, value))
	}
	return append(text, h.mac('v', []byte(value))...)
}

func (h hasher) key(text []byte) Key {
	if h.shared == nil {
		return hash(maphash.Bytes(secret, text)).key()
	}
	return Key(h.mac('k', bytes.Clone(text))) // the original stays off the heap
}

// mac is 128 bits of HMAC-SHA256: what is read as a value is never a key.
func (h hasher) mac(use byte, text []byte) []byte {
	m := hmac.New(sha256.New, h.shared)
	m.Write([]byte{use})
	m.Write(text)
	return m.Sum(nil)[:len(Key{})]
}

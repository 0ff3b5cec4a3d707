// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package route

import (
	"errors"
	"net/url"
	"strings"
)

// Key is a request's path in the form that a [Table] compares: folded, without
// repeated and trailing slashes; the root is "".
type Key struct {
	path string
	// alt is the same path with encoded slashes kept inside their segments, as
	// Express splits it; "" when there is none.
	alt    string
	hasAlt bool
}

// Path is the path as it is compared: in one spelling, whatever the request's.
func (k Key) Path() string { return k.path }

// Ambiguous reports whether routers read the path in two ways, for an encoded slash
// in it: to Express /users/me%2F is the user "me/".
func (k Key) Ambiguous() bool { return k.hasAlt }

// Readings are the ways in which routers read the path: one, and where it is ambiguous
// two.
func (k Key) Readings() []Key {
	if !k.hasAlt {
		return []Key{k}
	}
	return []Key{{path: k.path}, {path: k.alt}}
}

var (
	errDots    = errors.New("the path has a dot segment")
	errControl = errors.New("the path has a control byte")
	errHash    = errors.New("the path has a raw #")
	errLong    = errors.New("the path is too long")
	errForm    = errors.New("the path does not start with a slash")
)

// KeyOf reads the path of a request's URL. It fails where routers would
// disagree: dot segments, control bytes, a raw `#`, more than 8 KiB or 128
// segments, and anything that does not start with a slash.
func KeyOf(u *url.URL) (Key, error) {
	if u.RawPath != "" && strings.IndexByte(u.RawPath, '#') >= 0 {
		return Key{}, errHash
	}
	path, err := normal(u.Path)
	if err != nil {
		return Key{}, err
	}
	k := Key{path: path}
	if u.RawPath == "" {
		return k, nil
	}
	if kept := keepSlashes(u.RawPath); kept != u.RawPath {
		decoded, err := url.PathUnescape(kept)
		if err != nil {
			return Key{}, err
		}
		if k.alt, err = clean(decoded, true); err != nil {
			return Key{}, err
		}
		k.hasAlt = true
	}
	return k, nil
}

// keepSlashes puts a NUL, which no path that passed normal can hold, in the
// place of every encoded slash.
func keepSlashes(raw string) string {
	raw = strings.ReplaceAll(raw, "%2F", "%00")
	return strings.ReplaceAll(raw, "%2f", "%00")
}

func normal(path string) (string, error) { return clean(path, false) }

// clean folds a decoded path. It returns the path itself, without allocating,
// when that is how it came.
func clean(path string, nulAllowed bool) (string, error) {
	if path == "" || path[0] != '/' {
		return "", errForm
	}
	if len(path) > maxPath {
		return "", errLong
	}
	segments, dirty := 0, false
	for i := 0; i < len(path); i++ {
		c := path[i]
		switch {
		case c == '/':
			segments++
			if i+1 < len(path) && path[i+1] == '/' {
				dirty = true
			}
			if dotSegment(path[i+1:]) {
				return "", errDots
			}
		case c < 0x20 && !(c == 0 && nulAllowed) || c == 0x7f:
			return "", errControl
		}
	}
	if segments > maxSegments {
		return "", errLong
	}
	if dirty {
		var b strings.Builder
		b.Grow(len(path))
		for i := 0; i < len(path); i++ {
			if path[i] == '/' && i+1 < len(path) && path[i+1] == '/' {
				continue
			}
			b.WriteByte(path[i])
		}
		path = b.String()
	}
	return fold(strings.TrimSuffix(path, "/")), nil
}

// dotSegment reports whether s starts with a `.` or `..` segment.
func dotSegment(s string) bool {
	if s == "" || s[0] != '.' {
		return false
	}
	s = s[1:]
	if s != "" && s[0] == '.' {
		s = s[1:]
	}
	return s == "" || s[0] == '/'
}

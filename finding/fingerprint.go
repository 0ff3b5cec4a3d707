// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package finding

import (
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"path"
	"strconv"
	"strings"
)

// fingerprint is 32 hex digits made of what stays when a site moves to another
// host or port, or a line to another place. nth tells findings apart that have
// all of it in common.
func (f *Finding) fingerprint(nth int) string {
	parts := []string{string(f.Rule), strings.Join(strings.Fields(f.Anchor), " ")}
	if l := f.Location; l.File != "" {
		parts = append(parts, "file", l.Path())
	} else {
		parts = append(parts, "url", strings.ToUpper(l.Method), l.Path(), l.Parameter)
	}
	if nth > 0 {
		parts = append(parts, strconv.Itoa(nth))
	}
	h := sha256.New()
	for _, p := range parts {
		h.Write([]byte(strconv.Itoa(len(p)) + ":" + p)) // no two lists of parts write the same
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// Path is the file, or the path of the address as fingerprints have it.
func (l Location) Path() string {
	if l.File != "" {
		return path.Clean(l.File)
	}
	return pathOf(l.URL)
}

// pathOf is the path of an address: no scheme, host, port, query or fragment,
// and no slash at the end, which Express overlooks.
func pathOf(address string) string {
	p := address
	if u, err := url.Parse(address); err == nil {
		p = u.EscapedPath()
	} else {
		if _, rest, found := strings.Cut(p, "://"); found {
			_, rest, _ = strings.Cut(rest, "/")
			p = "/" + rest
		}
		if i := strings.IndexAny(p, "?#"); i >= 0 {
			p = p[:i]
		}
	}
	return "/" + strings.Trim(p, "/")
}

func itoa(n int) string { return strconv.Itoa(n) }

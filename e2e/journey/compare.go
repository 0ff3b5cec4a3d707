// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package journey

import (
	"bytes"
	"fmt"
	"maps"
	"regexp"
	"slices"
)

// Difference is one thing in which a guarded exchange is not the direct one.
type Difference struct {
	Step    string
	What    string // "status", "content type", "body", "header ETag" …
	Direct  string // short, and of a body only the part around the difference
	Guarded string
}

func (d Difference) String() string {
	return fmt.Sprintf("%s: %s: direct %q, guarded %q", d.Step, d.What, d.Direct, d.Guarded)
}

// Compare returns everything in which the guarded journey differs from the
// direct one: statuses, content types, the headers that a client acts on, and
// bodies byte for byte. What matches a mask (a token, an id, a stored name)
// counts as equal to anything else that matches it in the same place.
//
// An entity tag that Express made from a body with a masked part is a hash of
// that body, so only its presence is compared. A session cookie's value needs
// a mask.
func Compare(direct, guarded []Exchange, masks []*regexp.Regexp) []Difference {
	var all []Difference
	for i := range max(len(direct), len(guarded)) {
		switch {
		case i >= len(guarded):
			all = append(all, Difference{direct[i].Name, "step", "made", "missing"})
		case i >= len(direct):
			all = append(all, Difference{guarded[i].Name, "step", "missing", "made"})
		case direct[i].Name != guarded[i].Name:
			all = append(all, Difference{direct[i].Name, "step", direct[i].Name, guarded[i].Name})
		default:
			all = append(all, compare(direct[i], guarded[i], masks)...)
		}
	}
	return all
}

func compare(direct, guarded Exchange, masks []*regexp.Regexp) (all []Difference) {
	differ := func(what, a, b string) {
		if a != b {
			all = append(all, Difference{direct.Name, what, a, b})
		}
	}
	differ("status", fmt.Sprint(direct.Status), fmt.Sprint(guarded.Status))
	differ("content type", direct.ContentType, guarded.ContentType)

	varies := false
	if !bytes.Equal(direct.Body, guarded.Body) {
		a, b := masked(direct.Body, masks), masked(guarded.Body, masks)
		varies = !bytes.Equal(a, direct.Body)
		if !bytes.Equal(a, b) {
			all = append(all, Difference{direct.Name, "body", around(a, b), around(b, a)})
		}
	}

	names := slices.Collect(maps.Keys(direct.Header))
	for name := range guarded.Header {
		if _, both := direct.Header[name]; !both {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		a, b := direct.Header[name], guarded.Header[name]
		if name == "ETag" && varies && a != "" && b != "" {
			continue
		}
		differ("header "+name, string(masked([]byte(a), masks)), string(masked([]byte(b), masks)))
	}
	return all
}

func masked(b []byte, masks []*regexp.Regexp) []byte {
	for _, m := range masks {
		b = m.ReplaceAll(b, []byte("<masked>"))
	}
	return b
}

// around is the part of a around the first byte in which it differs from b,
// with its offset and the length of the whole.
func around(a, b []byte) string {
	at := 0
	for at < len(a) && at < len(b) && a[at] == b[at] {
		at++
	}
	part := a[max(0, at-40):min(len(a), at+80)]
	return fmt.Sprintf("…%s… (at %d of %d bytes)", part, at, len(a))
}

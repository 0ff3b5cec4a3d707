// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package nosql

import (
	"errors"
	"net/url"
	"strings"

	"github.com/panoply-security/panoply/inspect"
)

// StripQuery takes parameters out of an address whose names would be refused, on a
// route that strips.
func (c *Check) StripQuery(u *url.URL) {
	if c.strips() {
		u.RawQuery = c.withoutPairs(u.RawQuery, false)
	}
}

// strips reports whether names are taken out. Where refusals are only reported,
// nothing is changed either.
func (c *Check) strips() bool { return c.strip && c.Judge == nil }

// Rewrite is for [inspect.Options], nil on a route that does not strip: names that
// would be refused are taken out of JSON and forms. The rest stays as it is, byte for
// byte, and is read like any other body. What cannot be read is left to that.
func (c *Check) Rewrite() func(*inspect.Reading, []byte) []byte {
	if !c.strips() {
		return nil
	}
	return func(rd *inspect.Reading, data []byte) []byte {
		if rd.Media.Form == inspect.JSON {
			return c.withoutMembers(rd, data)
		}
		return []byte(c.withoutPairs(string(data), true))
	}
}

// withoutMembers takes members out of JSON.
func (c *Check) withoutMembers(rd *inspect.Reading, data []byte) []byte {
	tree, err := rd.ReadTree(data)
	if err != nil {
		return data
	}
	gone := map[*inspect.Member]bool{}
	c.collect(tree, "", gone)
	return tree.Without(data, func(m *inspect.Member) bool { return gone[m] })
}

// collect notes the members whose names would be refused.
func (c *Check) collect(n *inspect.Node, above string, gone map[*inspect.Member]bool) {
	for i := range n.Members {
		m := &n.Members[i]
		if c.refuses(above, m.Name) {
			gone[m] = true
			continue
		}
		c.collect(m.Value, m.Name, gone)
	}
	for _, e := range n.Elems {
		c.collect(e, "", gone)
	}
}

// refuses reports whether a member's name would be refused, below a member or none.
func (c *Check) refuses(above, name string) bool {
	if strings.HasPrefix(name, "$") {
		return !foreign[name] && !c.allowed(name)
	}
	return inspect.PrototypeName(above, name)
}

var errNamed = errors.New("a name that would be refused")

// names is a check of names alone, which stops at the first that would be refused.
type names struct {
	check *Check
	form  bool // the parameter is one of a form
}

func (n names) Key(p *inspect.Path) error {
	if n.check.Key(p) != nil || n.form && odata[p.Name()] && !n.check.allowed(p.Name()) {
		return errNamed
	}
	return nil
}

func (n names) Value(p *inspect.Path, k inspect.Kind) error {
	if k != inspect.String && odata[p.Name()] && !n.check.allowed(p.Name()) {
		return errNamed
	}
	return nil
}

// withoutPairs takes parameters out of a query or form. Each is read on its own, in
// every way that a parser might; what they make of one another is for the reading of
// what is left.
func (c *Check) withoutPairs(raw string, form bool) string {
	kept, all, odd := make([]string, 0, 8), 0, 0
	for part := range strings.SplitSeq(raw, "&") {
		name, _, _ := strings.Cut(part, "=")
		if plain, err := url.QueryUnescape(name); err != nil || strings.Count(plain, "[") != strings.Count(plain, "]") {
			odd++
		}
		if all++; all > inspect.MaxParams || odd > inspect.MaxOdd {
			return raw // which the reading refuses
		}
		if !errors.Is(inspect.ReadQuery(part, names{c, form}, nil), errNamed) {
			kept = append(kept, part)
		}
	}
	return strings.Join(kept, "&")
}

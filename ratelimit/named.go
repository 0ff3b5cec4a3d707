// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package ratelimit

import (
	"slices"
	"strings"

	"github.com/panoply-security/panoply/inspect"
	"github.com/panoply-security/panoply/problem"
	"github.com/panoply-security/panoply/rule"
)

const (
	// maxAccounts is how many accounts of one request are counted apart. All
	// requests that name more are counted as one account.
	maxAccounts = 16
	// maxNamed is how much of a field's text counts, in bytes.
	maxNamed = 1 << 10

	manyAccounts = "\x00many"
)

// Named are the texts of a request that limits are keyed by: [inspect.Texts]. An
// account is looked for in query and body at any depth, in every value of the usual
// fields, whose case does not matter: what an app takes for it is for the app to
// know. A field of a key is the body's own, and holds one text.
type Named struct {
	fields    []string // folded
	byAccount bool

	values   map[string]string // by folded name
	repeated string            // where a field holds several texts
	accounts []string
}

// Named returns a collection for the rules of these numbers, nil where none of them
// needs it.
func (l *Limiter) Named(numbers []int) *Named {
	var n *Named
	for _, number := range numbers {
		c := l.rules[number]
		if !l.NeedsBody(number) {
			continue
		}
		if n == nil {
			n = new(Named)
		}
		n.byAccount = n.byAccount || c.byAccount
		for _, p := range c.key {
			if p.kind == partBody {
				n.fields = append(n.fields, foldName(p.name))
			}
		}
	}
	return n
}

// Wants reports whether a key may have the text.
func (n *Named) Wants(p *inspect.Path) bool {
	if n == nil {
		return false
	}
	return n.byAccount && isAccount[foldName(p.Member())] || len(n.fields) > 0 && n.isField(p)
}

func (n *Named) isField(p *inspect.Path) bool {
	return p.Place == inspect.Body && p.Outer() != "" && slices.Contains(n.fields, foldName(p.Outer()))
}

// Text keeps a text. An empty one, as of a file, names nobody.
func (n *Named) Text(p *inspect.Path, text string) {
	if text == "" {
		return
	}
	// A limit may keep it for longer than the body that it stands in.
	text = strings.Clone(text[:min(len(text), maxNamed)])
	if n.byAccount && len(n.accounts) <= maxAccounts && isAccount[foldName(p.Member())] {
		if account := fold(text); account != "" && !slices.Contains(n.accounts, account) {
			n.accounts = append(n.accounts, account)
		}
	}
	if len(n.fields) == 0 || !n.isField(p) {
		return
	}
	name := foldName(p.Outer())
	if before, there := n.values[name]; there && before != text {
		n.repeated = p.Pointer()
	}
	if n.values == nil {
		n.values = map[string]string{}
	}
	n.values[name] = text
}

// Field is the text of a field, "" for one that is not there.
func (n *Named) Field(name string) string {
	if n == nil {
		return ""
	}
	return n.values[foldName(name)]
}

// Accounts are the accounts that the request names, each once.
func (n *Named) Accounts() []string {
	switch {
	case n == nil:
		return nil
	case len(n.accounts) > maxAccounts:
		return []string{manyAccounts}
	}
	return n.accounts
}

// Check refuses a request that holds several texts in a field which a limit is
// keyed by: each would be counted apart from the one that the app goes by.
func (n *Named) Check() error {
	if n == nil || n.repeated == "" {
		return nil
	}
	e := problem.Refuse(rule.ValidateSchema, "")
	e.Fields = []problem.Field{{Pointer: n.repeated, Detail: "It must hold one value."}}
	return e
}

// foldName makes one of the spellings of a field's name that Go's encoding/json
// takes for one.
func foldName(name string) string {
	for i := range len(name) {
		if c := name[i]; c >= 0x80 || 'A' <= c && c <= 'Z' {
			return strings.ToLower(strings.ToUpper(name))
		}
	}
	return name
}

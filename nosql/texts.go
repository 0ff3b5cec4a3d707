// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package nosql

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/panoply-security/panoply/inspect"
	"github.com/panoply-security/panoply/problem"
	"github.com/panoply-security/panoply/rule"
)

// Texts are the texts in the fields that hold JSON, until the query or the body has
// been read: [inspect.Texts].
type Texts struct {
	check *Check
	found []held
}

// held is what one field holds.
type held struct {
	place inspect.Place
	name  string
	texts []string
	list  []string // those of them that are the field's own
}

// Texts returns an empty collection, nil where no text is asked for.
func (c *Check) Texts() *Texts {
	if c.json == nil {
		return nil
	}
	return &Texts{check: c}
}

// Wants reports whether a text may be JSON to the app.
func (t *Texts) Wants(p *inspect.Path) bool { return t != nil && t.check.json[p.Top()] }

// Text keeps a text.
func (t *Texts) Text(p *inspect.Path, text string) {
	name := p.Top()
	i := slices.IndexFunc(t.found, func(f held) bool { return f.place == p.Place && f.name == name })
	if i < 0 {
		i = len(t.found)
		t.found = append(t.found, held{place: p.Place, name: name})
	}
	f := &t.found[i]
	if f.texts = append(f.texts, text); p.Outer() != "" {
		f.list = append(f.list, text)
	}
}

// Check inspects what was kept, and forgets it.
func (t *Texts) Check() error {
	if t == nil {
		return nil
	}
	for _, f := range t.found {
		if f.pieces() {
			if err := t.check.judge(f.inPieces()); err != nil {
				return err
			}
		}
		for _, text := range f.texts {
			if err := inspect.ReadText(f.place, text, parsed{t.check}); err != nil {
				return err
			}
		}
	}
	t.found = nil
	return nil
}

// pieces reports whether the texts of a field may be one of JSON to the app: JavaScript
// makes one text of a list, with commas, where it is parsed. Which texts are in the
// list, and in what order, differs from parser to parser, so that no joined text can be
// inspected. But of values that are whole by themselves no order makes another.
func (f *held) pieces() bool {
	begins := func(text string) bool {
		text = strings.TrimLeft(text, " \t\r\n\ufeff")
		return text != "" && (text[0] == '{' || text[0] == '[')
	}
	cut := func(text string) bool { return !json.Valid([]byte(text)) }
	return len(f.list) > 1 && slices.ContainsFunc(f.list, begins) && slices.ContainsFunc(f.list, cut)
}

// inPieces refuses JSON of which only the app knows how it is put together.
func (f *held) inPieces() *problem.Error {
	pointer := "/" + f.name
	if f.place == inspect.Query {
		pointer = "#query" + pointer
	}
	e := problem.Refuse(rule.NoSQLType, "")
	e.Fields = []problem.Field{{Pointer: pointer, Detail: "It holds JSON, and each of several values must be whole."}}
	return e
}

// parsed is the check of a text that the app makes an object of: there the options of
// OData are none.
type parsed struct{ *Check }

func (c parsed) Key(p *inspect.Path) error {
	if name := p.Name(); odata[name] && !c.allowed(name) {
		return c.refuse(rule.NoSQLOperator, p, operatorDetail)
	}
	return c.Check.Key(p)
}

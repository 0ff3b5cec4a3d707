// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package nosql

import (
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
	place  inspect.Place
	name   string
	texts  []string
	list   []string // those of them that are the field's own, in order
	placed bool     // it is a list with positions
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
		f.list, f.placed = append(f.list, text), f.placed || p.Placed()
	}
}

// Check inspects what was kept, and forgets it. Of a list JavaScript makes one
// text, with commas, where it is parsed as JSON; an app may also parse each.
func (t *Texts) Check() error {
	if t == nil {
		return nil
	}
	for _, f := range t.found {
		texts := f.texts
		if len(f.list) > 1 {
			if texts = append(texts, strings.Join(f.list, ",")); f.placed {
				if err := t.check.judge(f.disordered()); err != nil {
					return err
				}
			}
		}
		for _, text := range texts {
			if err := inspect.ReadText(f.place, text, parsed{t.check}); err != nil {
				return err
			}
		}
	}
	t.found = nil
	return nil
}

// disordered refuses a list of which only the app knows the order.
func (f *held) disordered() *problem.Error {
	pointer := "/" + f.name
	if f.place == inspect.Query {
		pointer = "#query" + pointer
	}
	e := problem.Refuse(rule.NoSQLType, "")
	e.Fields = []problem.Field{{Pointer: pointer, Detail: "It holds JSON, and must not be a list with positions."}}
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

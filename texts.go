// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package panoply

import "github.com/panoply-security/panoply/inspect"

// listener hears the texts of a query and a body for those that go by them: another
// method, JSON within a field, the limits' keys.
type listener struct{ p *pass }

func (l listener) Wants(at *inspect.Path) bool {
	return at.Place == inspect.Body && overrides(l).Wants(at) || l.p.texts.Wants(at) || l.p.named.Wants(at)
}

func (l listener) Text(at *inspect.Path, text string) {
	if at.Place == inspect.Body && overrides(l).Wants(at) {
		overrides(l).Text(at, text)
	}
	if l.p.texts.Wants(at) {
		l.p.texts.Text(at, text)
	}
	if l.p.named.Wants(at) {
		l.p.named.Text(at, text)
	}
}

// overrides hears of other methods, of which the first that is refused is noted.
type overrides struct{ p *pass }

func (o overrides) Wants(at *inspect.Path) bool { return at.Outer() == overrideField }

func (o overrides) Text(_ *inspect.Path, text string) {
	if o.p.override == nil {
		o.p.override = o.p.checkMethod(text)
	}
}

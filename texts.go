// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package panoply

import "github.com/panoply-security/panoply/inspect"

// listener hears the texts of a query and a body for those that go by them: another
// method, JSON within a field, the limits' keys.
type listener struct{ p *pass }

func (l listener) Wants(at *inspect.Path) bool {
	return names(at) || l.p.texts.Wants(at) || l.p.named.Wants(at)
}

func (l listener) Text(at *inspect.Path, text string) {
	p := l.p
	if p.override == nil && names(at) {
		p.override = p.checkMethod(text)
	}
	if p.texts.Wants(at) {
		p.texts.Text(at, text)
	}
	if p.named.Wants(at) {
		p.named.Text(at, text)
	}
}

// names reports whether a text of the body names another method.
func names(at *inspect.Path) bool { return at.Place == inspect.Body && at.Outer() == overrideField }

// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package checks

import (
	"strings"

	"github.com/panoply-security/panoply/audit/model"
)

// shown is the model whose password is in what is sent, or nil.
func (r *run) shown(v model.Value, depth int) (m *model.Model) {
	model.Each(v, func(v model.Value) {
		switch x := v.(type) {
		case *model.Doc:
			if shows := r.p.Shows(x); shows != nil {
				m = shows
			}
		case *model.Obj:
			if depth > 3 {
				return
			}
			if !overwritten(x) {
				for _, s := range x.Spread {
					if d, ok := model.One[*model.Doc](s); ok && r.p.Shows(d) != nil {
						m = r.p.Shows(d)
					}
				}
			}
			for _, k := range x.Keys() {
				f, _ := x.Get(k)
				if shows := r.shown(f, depth+1); shows != nil {
					m = shows
				}
			}
			for _, el := range x.Elems {
				if shows := r.shown(el, depth+1); shows != nil {
					m = shows
				}
			}
		}
	})
	return m
}

// overwritten says whether an object has something of its own in the place of
// the password that it took over.
func overwritten(o *model.Obj) bool {
	for _, k := range o.Keys() {
		if strings.Contains(strings.ToLower(k), "passw") || k == "hash" {
			return true
		}
	}
	return false
}

// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package panoply

import "slices"

// Files are those that the policy names and that are read when it is compiled or served:
// schemas, the API's description, known secrets, certificates and their keys, and the
// Content-Security-Policy that was learned, once it is to be enforced. Each is there once.
func (p Policy) Files() []string {
	var names []string
	for _, r := range p.Bodies.Routes {
		for _, schema := range []any{r.Schema, r.Form, r.Multipart, r.Query, r.Path, r.Headers, r.Cookies} {
			if name, ok := schema.(string); ok { // any other is written in the policy itself
				names = append(names, name)
			}
		}
	}
	for _, u := range p.Upstreams {
		names = append(names, u.TLS.CA, u.TLS.Cert, u.TLS.Key)
	}
	names = append(names, p.Bodies.OpenAPI.File, p.Tokens.KnownSecrets, p.TLS.Cert, p.TLS.Key)
	if csp := p.CSP.Effective(); csp.Mode == EnforceCSP { // while it learns, the guard writes it
		names = append(names, csp.File)
	}
	names = slices.DeleteFunc(names, func(name string) bool { return name == "" })
	for i, name := range names {
		names[i] = p.File(name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

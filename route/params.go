// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package route

import (
	"net/url"
	"strings"
)

// Param is what a request's path has in the place of a name.
type Param struct{ Name, Value string }

// Names are the names of the pattern, in order, that of {name...} last.
func (p *Pattern) Names() (names []string) {
	for _, s := range p.path {
		if s.any {
			names = append(names, s.name)
		}
	}
	if p.rest != "" {
		names = append(names, p.rest)
	}
	return names
}

// Params calls each with what the path has in the place of the pattern's names,
// percent-decoded once and in the case it came in: once, or once for each way to
// split a path with an encoded slash in which the pattern is met. An error of
// each ends it.
func (p *Pattern) Params(u *url.URL, each func([]Param) error) error {
	if params, ok := p.params(u.Path, false); ok {
		if err := each(params); err != nil {
			return err
		}
	}
	if u.RawPath == "" {
		return nil
	}
	kept := keepSlashes(u.RawPath)
	if kept == u.RawPath {
		return nil
	}
	decoded, err := url.PathUnescape(kept)
	if err != nil {
		return nil // no router gets this far with it
	}
	if params, ok := p.params(decoded, true); ok {
		return each(params)
	}
	return nil
}

// params splits a decoded path as [Pattern.Match] does, but keeps its letters.
// With slashes, a NUL stands for an encoded slash.
func (p *Pattern) params(path string, slashes bool) (params []Param, ok bool) {
	add := func(name, value string) {
		if slashes {
			value = strings.ReplaceAll(value, "\x00", "/")
		}
		params = append(params, Param{name, value})
	}
	parts := strings.FieldsFunc(path, func(c rune) bool { return c == '/' })
	if len(parts) < len(p.path) || len(parts) > len(p.path) && !p.subtree {
		return nil, false
	}
	for i, s := range p.path {
		switch {
		case s.any:
			add(s.name, parts[i])
		case fold(parts[i]) != s.literal:
			return nil, false
		}
	}
	if p.rest != "" {
		add(p.rest, strings.Join(parts[len(p.path):], "/"))
	}
	return params, true
}

// Shadows reports whether the pattern is the more specific of two that have the
// same number of segments: where they differ, it has text and the other a name.
// OpenAPI serves /users/me by that path, and not by /users/{id}.
func (p *Pattern) Shadows(other *Pattern) bool {
	if len(p.path) != len(other.path) || p.subtree || other.subtree {
		return false
	}
	for i, s := range p.path {
		switch o := other.path[i]; {
		case s.any == o.any && s.literal == o.literal:
		case o.any:
			return true // the first difference decides, as OpenAPI's tools have it
		default:
			return false
		}
	}
	return false
}

// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package source

import (
	"encoding/json"
	"path"
	"slices"
	"strings"
)

// Resolve finds what a require or import of spec in the file from means: a file
// of the app, or the text of a JSON file, or neither when it is a package or
// not there.
func (t *Tree) Resolve(from, spec string) (f *File, jsonText string, ok bool) {
	if strings.HasPrefix(spec, ".") || strings.HasPrefix(spec, "/") {
		p := path.Join(path.Dir(from), spec)
		if strings.HasPrefix(spec, "/") {
			p = strings.TrimPrefix(spec, "/") // made of __dirname, which is relative to the root here
		}
		return t.at(p)
	}
	for _, a := range t.alias {
		if middle, found := strings.CutPrefix(spec, a.prefix); found && strings.HasSuffix(middle, a.suffix) {
			middle = strings.TrimSuffix(middle, a.suffix)
			if f, text, ok := t.at(strings.Replace(a.target, "*", middle, 1)); ok {
				return f, text, ok
			}
		}
	}
	for _, p := range t.Packages {
		if target, found := p.Imports[spec].(string); found {
			return t.at(path.Join(p.Dir, target))
		}
		if p.Name == "" || p.Dir == "" {
			continue
		}
		if spec == p.Name {
			return t.at(p.Dir)
		}
		if rest, found := strings.CutPrefix(spec, p.Name+"/"); found {
			return t.at(path.Join(p.Dir, rest))
		}
	}
	return nil, "", false
}

// at finds the module at a path as Node and compilers do.
func (t *Tree) at(p string) (*File, string, bool) {
	if p == "." {
		p = ""
	}
	if f := t.byPath[p]; f != nil {
		return f, "", true
	}
	if text, ok := t.json[p]; ok && path.Ext(p) == ".json" {
		return nil, text, true
	}
	for _, ext := range extensions {
		if f := t.byPath[p+ext]; f != nil {
			return f, "", true
		}
	}
	if text, ok := t.json[p+".json"]; ok {
		return nil, text, true
	}
	// TypeScript names the file that will be made: ./x.js is ./x.ts.
	if ext := path.Ext(p); strings.HasPrefix(ext, ".") && strings.HasSuffix(ext, "js") || ext == ".jsx" {
		for _, to := range []string{".ts", ".tsx", ".mts", ".cts"} {
			if f := t.byPath[strings.TrimSuffix(p, ext)+to]; f != nil {
				return f, "", true
			}
		}
	}
	for _, pkg := range t.Packages {
		if pkg.Dir == p && pkg.Main != "" && path.Join(p, pkg.Main) != p {
			if f, text, ok := t.at(path.Join(p, pkg.Main)); ok {
				return f, text, ok
			}
		}
	}
	for _, ext := range extensions {
		if f := t.byPath[path.Join(p, "index"+ext)]; f != nil {
			return f, "", true
		}
	}
	return nil, "", false
}

// List is what a directory of the app holds, as readdir gives it: the names of
// its files and of the directories that have files.
func (t *Tree) List(dir string) []string {
	dir = strings.Trim(path.Clean("/"+dir), "/")
	var names []string
	for _, f := range t.Files {
		rest := f.Path
		if dir != "" {
			var below bool
			if rest, below = strings.CutPrefix(f.Path, dir+"/"); !below {
				continue
			}
		}
		name, _, _ := strings.Cut(rest, "/")
		names = append(names, name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Entries are the files that package.json files start: main, bin and what node
// runs in their start scripts, the root's first. Files that do not exist are
// left out.
func (t *Tree) Entries() []*File {
	var entries []*File
	add := func(p *Package, spec string) {
		if f, _, ok := t.at(path.Join(p.Dir, spec)); ok && f != nil && !slices.Contains(entries, f) {
			entries = append(entries, f)
		}
	}
	for _, p := range t.Packages {
		for _, script := range []string{"start", "start:prod", "serve", "prod", "dev", "start:dev", "develop"} {
			for _, word := range strings.Fields(p.Scripts[script]) {
				if slices.Contains(extensions, path.Ext(word)) || strings.HasPrefix(word, "./") {
					add(p, word)
				}
			}
		}
		if p.Main != "" {
			add(p, p.Main)
		}
		var one string
		var many map[string]string
		if json.Unmarshal(p.Bin, &one) == nil {
			add(p, one)
		} else if json.Unmarshal(p.Bin, &many) == nil {
			names := make([]string, 0, len(many))
			for _, bin := range many {
				names = append(names, bin)
			}
			slices.Sort(names)
			for _, bin := range names {
				add(p, bin)
			}
		}
		for _, name := range []string{"server", "app", "index", "src/server", "src/app", "src/index", "src/main", "main", "bin/www"} {
			add(p, name)
		}
	}
	return entries
}

// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package source

import (
	"cmp"
	"encoding/json"
	"path"
	"slices"
	"strconv"
	"strings"
)

// Package is a package.json with what a lock file says beside it.
type Package struct {
	Dir             string            `json:"-"` // relative to the root, "" for the root itself
	Name            string            `json:"name"`
	Version         string            `json:"version"`
	Main            string            `json:"main"`
	Type            string            `json:"type"` // module or commonjs
	Bin             json.RawMessage   `json:"bin"`
	Scripts         map[string]string `json:"scripts"`
	Dependencies    map[string]string `json:"dependencies"`
	DevDependencies map[string]string `json:"devDependencies"`
	Imports         map[string]any    `json:"imports"`

	locked map[string]string
}

type alias struct{ prefix, suffix, target string }

func (t *Tree) readPackages() {
	for p, text := range t.json {
		switch path.Base(p) {
		case "package.json":
			pkg := &Package{}
			if json.Unmarshal([]byte(text), pkg) != nil {
				// A field of another type than npm's: the rest is still good.
				var loose map[string]json.RawMessage
				if json.Unmarshal([]byte(text), &loose) != nil {
					t.Problems = append(t.Problems, Problem{Path: p, Message: "not JSON"})
					continue
				}
				_ = json.Unmarshal(loose["name"], &pkg.Name)
				_ = json.Unmarshal(loose["main"], &pkg.Main)
				_ = json.Unmarshal(loose["dependencies"], &pkg.Dependencies)
			}
			if pkg.Dir = path.Dir(p); pkg.Dir == "." {
				pkg.Dir = ""
			}
			pkg.locked = lockfile(t.json[path.Join(pkg.Dir, "package-lock.json")])
			t.Packages = append(t.Packages, pkg)
		case "tsconfig.json", "jsconfig.json":
			t.readConfig(path.Dir(p), text)
		}
	}
	slices.SortFunc(t.Packages, func(a, b *Package) int { return cmp.Compare(a.Dir, b.Dir) })
	slices.SortFunc(t.alias, func(a, b alias) int {
		return cmp.Or(len(b.prefix)-len(a.prefix), cmp.Compare(a.prefix, b.prefix), cmp.Compare(a.target, b.target))
	})
}

// lockfile reads the versions that npm installed at the top of node_modules.
func lockfile(text string) map[string]string {
	var lock struct {
		Packages     map[string]struct{ Version string }
		Dependencies map[string]struct{ Version string }
	}
	if text == "" || json.Unmarshal([]byte(text), &lock) != nil {
		return nil
	}
	versions := map[string]string{}
	for name, d := range lock.Dependencies {
		versions[name] = d.Version
	}
	for name, p := range lock.Packages {
		if name, ok := strings.CutPrefix(name, "node_modules/"); ok && !strings.Contains(name, "/node_modules/") {
			versions[name] = p.Version
		}
	}
	return versions
}

// Version is the version of a dependency that is locked, or else the lowest
// that package.json allows; "" when it is not among the dependencies.
func (t *Tree) Version(name string) string {
	for _, p := range t.Packages {
		if v := p.locked[name]; v != "" && (p.Dependencies[name] != "" || p.DevDependencies[name] != "") {
			return v
		}
	}
	for _, p := range t.Packages {
		for _, deps := range []map[string]string{p.Dependencies, p.DevDependencies} {
			if r, ok := deps[name]; ok {
				i := strings.IndexAny(r, "0123456789")
				if i < 0 {
					return ""
				}
				r = r[i:]
				if j := strings.IndexFunc(r, func(c rune) bool { return c != '.' && (c < '0' || c > '9') }); j >= 0 {
					r = r[:j]
				}
				return r
			}
		}
	}
	return ""
}

// Depends says whether a package is among the dependencies of the app.
func (t *Tree) Depends(name string) bool {
	for _, p := range t.Packages {
		if _, ok := p.Dependencies[name]; ok {
			return true
		}
	}
	return false
}

// Major is the first number of a dependency's version, or 0 when unknown.
func (t *Tree) Major(name string) int {
	first, _, _ := strings.Cut(t.Version(name), ".")
	n, _ := strconv.Atoi(first)
	return n
}

// Less compares two versions by their numbers.
func Less(a, b string) bool {
	x, y := strings.Split(a, "."), strings.Split(b, ".")
	for i := range max(len(x), len(y)) {
		var m, n int
		if i < len(x) {
			m, _ = strconv.Atoi(x[i])
		}
		if i < len(y) {
			n, _ = strconv.Atoi(y[i])
		}
		if m != n {
			return m < n
		}
	}
	return false
}

// readConfig takes the path aliases of a tsconfig.json in.
func (t *Tree) readConfig(dir, text string) {
	var config struct {
		CompilerOptions struct {
			BaseURL string              `json:"baseUrl"`
			Paths   map[string][]string `json:"paths"`
		} `json:"compilerOptions"`
	}
	if json.Unmarshal([]byte(uncomment(text)), &config) != nil {
		return
	}
	o := config.CompilerOptions
	base := path.Join(dir, o.BaseURL)
	for pattern, targets := range o.Paths {
		prefix, suffix, _ := strings.Cut(pattern, "*")
		for _, target := range targets {
			t.alias = append(t.alias, alias{prefix, suffix, path.Join(base, target)})
		}
	}
	if o.BaseURL != "" {
		t.alias = append(t.alias, alias{"", "", path.Join(base, "*")})
	}
}

// uncomment takes comments and trailing commas out of a tsconfig.json.
func uncomment(text string) string {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '"':
			j := i + 1
			for j < len(text) && text[j] != '"' {
				if text[j] == '\\' {
					j++
				}
				j++
			}
			j = min(j+1, len(text))
			b.WriteString(text[i:j])
			i = j - 1
		case c == '/' && strings.HasPrefix(text[i:], "//"):
			if n := strings.IndexByte(text[i:], '\n'); n >= 0 {
				i += n - 1
			} else {
				i = len(text)
			}
		case c == '/' && strings.HasPrefix(text[i:], "/*"):
			if n := strings.Index(text[i:], "*/"); n >= 0 {
				i += n + 1
			} else {
				i = len(text)
			}
		case c == ',':
			if rest := strings.TrimLeft(text[i+1:], " \t\r\n"); rest == "" || rest[0] != '}' && rest[0] != ']' {
				b.WriteByte(c)
			}
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

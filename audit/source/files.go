// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

// Package source reads the source tree of an app: which files belong to its
// server, their syntax trees, its package.json and lock file, and which file a
// require or import means.
//
// A file that cannot be read or parsed never ends an audit: it is reported and
// the rest is analysed; what the parser made of a broken file is kept, as it is
// most of it.
//
// # Bounds
//
// Files over [MaxFile] bytes or nested deeper than [MaxDepth] are skipped, at
// most [MaxFiles] files and [MaxTotal] bytes are read, and directories are
// followed [MaxDirs] deep. Symbolic links are not followed, so that no tree
// leads out of itself. Parsed trees hold about 25 bytes per byte of source.
package source

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	ts "github.com/microsoft/typescript-go/panoply"
)

// Bounds of what is read.
const (
	MaxFile  = 1 << 20   // bytes of one file
	MaxTotal = 256 << 20 // bytes of all
	MaxFiles = 20_000
	MaxDirs  = 40   // directories below one another
	MaxDepth = 400  // brackets below one another in a file
	MaxLinks = 2000 // members, arrows and conditions in one expression
)

// Options choose the files. The zero value leaves out what is not the server's
// own code: dependencies, build output, front end, tests.
type Options struct {
	// Include are directories or files, relative to the root, that are read in
	// spite of the default exclusions.
	Include []string
	// Exclude are directories or files that are left out as well; * stands for
	// anything within a name.
	Exclude []string
	// Workers parse at the same time; 0 means one for each processor.
	Workers int
}

// File is a file of the app.
type File struct {
	Path   string // relative to the root, with slashes
	Text   string
	AST    *ts.SourceFile
	Errors []Problem // what the parser could not read
}

// Problem is something about a file that the reader should know.
type Problem struct {
	Path    string
	Line    int
	Message string
}

// Tree is an app's source.
type Tree struct {
	Root     string
	Files    []*File   // sorted by path
	Problems []Problem // files skipped or broken, sorted by path
	Bytes    int
	Packages []*Package // package.json files, the root's first

	byPath map[string]*File
	json   map[string]string
	alias  []alias
}

// File returns the file with the path, or nil.
func (t *Tree) File(p string) *File { return t.byPath[p] }

var extensions = []string{".js", ".ts", ".mjs", ".cjs", ".mts", ".cts", ".jsx", ".tsx"}

// excludedDirs hold no server code of the app's own.
var excludedDirs = []string{
	"node_modules", "bower_components", "jspm_packages", "dist", "build", "out", "coverage", "public", "static",
	"assets", "vendor", "client", "frontend", "front-end", "test", "tests", "__tests__", "__mocks__", "mocks",
	"spec", "specs", "e2e", "cypress", "fixtures", "storybook-static", "docs",
}

var excludedFiles = []string{
	"*.min.js", "*.bundle.js", "*.test.*", "*.spec.*", "*.e2e-spec.*", "*.d.ts", "*.d.mts", "*.d.cts",
	"*.stories.*", "gulpfile.*", "gruntfile.*", "webpack.*", "rollup.config.*", "jest.config.*", "karma.conf.*",
}

// Load reads the tree below dir.
func Load(ctx context.Context, dir string, o Options) (*Tree, error) {
	root, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	if info, err := os.Stat(root); err != nil {
		return nil, err
	} else if !info.IsDir() {
		return nil, fmt.Errorf("%s is not a directory", dir)
	}
	for _, p := range slices.Concat(o.Include, o.Exclude) {
		if _, err := path.Match(p, ""); err != nil {
			return nil, fmt.Errorf("pattern %q: %w", p, err)
		}
	}
	t := &Tree{Root: root, byPath: map[string]*File{}, json: map[string]string{}}
	w := walk{t: t, o: o}
	w.each = w.file
	if err := w.dir(ctx, "", 0); err != nil {
		return nil, err
	}
	if err := t.parse(ctx, o.Workers); err != nil {
		return nil, err
	}
	for _, f := range t.Files {
		t.byPath[f.Path] = f
	}
	t.readPackages()
	slices.SortStableFunc(t.Problems, func(a, b Problem) int { return strings.Compare(a.Path, b.Path) })
	return t, nil
}

// Stamp tells the files that Load reads apart from those of another time, by
// their names, sizes and times. Of a tree beyond the bounds it tells the part
// within.
func Stamp(ctx context.Context, dir string, o Options) (string, error) {
	root, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	h, files := sha256.New(), 0
	w := walk{t: &Tree{Root: root}, o: o}
	w.each = func(p string) {
		if files++; files > MaxFiles {
			return
		}
		if info, err := os.Stat(filepath.Join(root, filepath.FromSlash(p))); err == nil {
			fmt.Fprintf(h, "%q %d %d\n", p, info.Size(), info.ModTime().UnixNano())
		}
	}
	if err := w.dir(ctx, "", 0); err != nil {
		return "", err
	}
	return string(h.Sum(nil)), nil
}

type walk struct {
	t    *Tree
	o    Options
	each func(path string) // is told of every file that is wanted
}

func (w *walk) dir(ctx context.Context, dir string, depth int) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if depth > MaxDirs {
		w.skip(dir, "nested too deep")
		return nil
	}
	entries, err := os.ReadDir(filepath.Join(w.t.Root, filepath.FromSlash(dir)))
	if err != nil {
		if dir == "" {
			return err
		}
		w.skip(dir, reason(err))
		return nil
	}
	for _, e := range entries {
		p := path.Join(dir, e.Name())
		switch {
		case e.IsDir():
			if w.wantsDir(p, e.Name()) {
				if err := w.dir(ctx, p, depth+1); err != nil {
					return err
				}
			}
		case e.Type().IsRegular() && w.wantsFile(p, e.Name()):
			w.each(p)
		}
	}
	return nil
}

func (w *walk) wantsDir(p, name string) bool {
	if matches(w.o.Exclude, p) {
		return false
	}
	for _, in := range w.o.Include {
		if in = path.Clean(in); in == p || strings.HasPrefix(in, p+"/") || strings.HasPrefix(p, in+"/") && name != "node_modules" {
			return true
		}
	}
	return !strings.HasPrefix(name, ".") && !slices.Contains(excludedDirs, strings.ToLower(name))
}

func (w *walk) wantsFile(p, name string) bool {
	if matches(w.o.Exclude, p) {
		return false
	}
	if path.Ext(name) == ".json" || slices.Contains(schemas, path.Ext(name)) {
		return true
	}
	if !slices.Contains(extensions, path.Ext(name)) {
		return false
	}
	return matches(w.o.Include, p) || !matches(excludedFiles, strings.ToLower(name)) && !strings.HasPrefix(name, ".")
}

// matches says whether a path or its last name fits a pattern.
func matches(patterns []string, p string) bool {
	for _, pattern := range patterns {
		pattern = path.Clean(pattern)
		if ok, _ := path.Match(pattern, p); ok {
			return true
		}
		if ok, _ := path.Match(pattern, path.Base(p)); ok {
			return true
		}
	}
	return false
}

func (w *walk) file(p string) {
	if len(w.t.Files) >= MaxFiles || w.t.Bytes >= MaxTotal {
		w.skip(p, "the tree is too large")
		return
	}
	name := filepath.Join(w.t.Root, filepath.FromSlash(p))
	info, err := os.Stat(name)
	if err != nil {
		w.skip(p, reason(err))
		return
	}
	isJSON := !slices.Contains(extensions, path.Ext(p))
	if info.Size() > MaxFile && !(isJSON && strings.HasSuffix(p, "-lock.json") && info.Size() < 32*MaxFile) {
		if !isJSON {
			w.skip(p, fmt.Sprintf("larger than %d bytes", MaxFile))
		}
		return
	}
	b, err := os.ReadFile(name)
	if err != nil {
		w.skip(p, reason(err))
		return
	}
	if isJSON {
		w.t.json[p] = string(b)
		return
	}
	w.t.Bytes += len(b)
	w.t.Files = append(w.t.Files, &File{Path: p, Text: string(b)})
}

func (w *walk) skip(p, why string) {
	w.t.Problems = append(w.t.Problems, Problem{Path: p, Message: "skipped: " + why})
}

// reason is an error without the path, which the report has already.
func reason(err error) string {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err.Error()
	}
	return err.Error()
}

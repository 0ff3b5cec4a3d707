// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package checks

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/panoply-security/panoply/audit/model"
	"github.com/panoply-security/panoply/finding"
	"github.com/panoply-security/panoply/rule"
)

// Mistake 6: uploads under the client's names, and where the app serves files from.

// clientNames tells the id of a name that a client chose for a file, harmless what
// is left of one when no path can be in it any more.
var (
	clientNames = regexp.MustCompile(`originalname|originalFilename|\bfiles?\.(.*\.)?name\b`)
	harmless    = regexp.MustCompile(`extname\(|basename\(|clean\(|split\(|\.mime`)
)

// clientName is a name of the client's in a path, or nil.
func clientName(v model.Value) *model.Taint {
	var found *model.Taint
	model.Each(v, func(v model.Value) {
		if t, ok := v.(*model.Taint); ok && clientNames.MatchString(t.ID) && !harmless.MatchString(t.ID) {
			found = t
		}
	})
	return found
}

// storedName looks at the paths that uploads are written to.
func (r *run) storedName(e *model.Event) {
	i := 0
	switch {
	case e.Lib == nil && e.Name == "mv":
		r.takes(e, nil)
	case e.Lib == nil:
		return
	case e.Lib.Path == "option.filename" || e.Lib.Path == "option.key":
		given, _ := arg(e.Args, 0).(*model.Obj)
		if given == nil {
			return
		}
		for _, v := range given.Elems {
			if t := clientName(v); t != nil {
				r.add(rule.UploadName, e.At, e, "files are stored under the name that the client gave them", confidence(finding.Firm), trace(t, e.At, "the name on disk"))
			}
		}
		return
	case isFS(e.Lib.Mod):
		last := e.Lib.Path[strings.LastIndexByte(e.Lib.Path, '.')+1:]
		if !slices.Contains(writers, last) {
			return
		}
		if strings.HasPrefix(last, "rename") || strings.HasPrefix(last, "copy") || strings.HasPrefix(last, "move") {
			i = 1
		}
	default:
		return
	}
	if e.Route == nil {
		return
	}
	if t := clientName(arg(e.Args, i)); t != nil {
		r.add(rule.UploadName, e.At, e, "a file is stored under the name that the client gave it", trace(t, e.At, "the path that is written to"))
	}
	if _, ok := model.One[*model.Taint](arg(e.Args, i)); !ok && e.Name != "mv" {
		return
	}
	if nodes := e.At.Node.Arguments(); i < len(nodes) {
		text := model.Site{File: e.At.File, Node: nodes[i]}.Text()
		if m := beginsWith.FindStringSubmatch(text); m != nil && strings.Contains(m[1], "/") || m != nil && strings.Contains(text, "join") {
			r.store(m[1], e)
		}
	}
}

// beginsWith is the folder that a path in the source begins with.
var beginsWith = regexp.MustCompile("^(?:path\\.(?:join|resolve)\\(\\s*)?(?:__dirname\\s*[,+]\\s*)?(?:`\\$\\{__dirname\\}|['\"`])([^'\"`$]+)")

// maxFolders is how many folders of each kind are kept.
const maxFolders = 200

// stored is a folder that uploads are put into.
type stored struct {
	dir string
	e   *model.Event
}

// folder is a path below the app's own: they are written with and without
// __dirname.
func folder(dir string) string { return path.Clean("/" + strings.ReplaceAll(dir, "\\", "/")) }

func (r *run) serves(v model.Value) {
	if dir, ok := model.Constant(v); ok && len(r.static) < maxFolders {
		r.static = append(r.static, folder(dir))
	}
}

func (r *run) store(dir string, e *model.Event) {
	if dir != "" && len(r.stores) < maxFolders {
		r.stores = append(r.stores, stored{folder(dir), e})
	}
}

// destination is the folder in a function that multer asks for one.
var destination = regexp.MustCompile("\\(\\s*(?:null|undefined)\\s*,\\s*(?:path\\.(?:join|resolve)\\(\\s*__dirname\\s*,\\s*)?['\"`]([^'\"`$]+)['\"`]")

func (r *run) storesIn(v model.Value, e *model.Event) {
	dir, ok := model.Constant(v)
	if !ok {
		f, is := model.One[*model.Func](v)
		if !is {
			return
		}
		m := destination.FindStringSubmatch(model.Site{File: f.Mod.File, Node: f.Node}.Text())
		if m == nil {
			return
		}
		dir = m[1]
	}
	r.store(dir, e)
}

// served finds uploads that land where the app serves files from.
func (r *run) served() {
	for _, s := range r.stores {
		for _, dir := range r.static {
			if s.dir == dir || strings.HasPrefix(s.dir, strings.TrimSuffix(dir, "/")+"/") {
				r.add(rule.UploadDangerous, s.e.At, s.e, fmt.Sprintf("files land in %s, which the app serves: a page or a script among them runs in the browsers of others", s.dir[1:]),
					severity(rule.High), confidence(finding.Firm))
				break
			}
		}
	}
}

// takes notes that a route takes files by other means than multer.
func (r *run) takes(e *model.Event, opts model.Value, limit ...string) {
	if e.Route == nil || slices.ContainsFunc(r.needs, func(o Need) bool { return o.Route == e.Route && o.Rule == rule.UploadType }) {
		return
	}
	n := Need{Rule: rule.UploadType, Route: e.Route, Files: 1, At: e.At}
	if most, _, known := size(opts, limit...); known {
		n.Bytes = most
	}
	r.need(n)
}

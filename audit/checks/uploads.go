// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package checks

import (
	"fmt"
	"path"
	"regexp"
	"strings"

	"github.com/panoply-security/panoply/audit/model"
	"github.com/panoply-security/panoply/finding"
	"github.com/panoply-security/panoply/rule"
)

// Mistake 6: uploads of any size and type, under the client's names.

func (r *run) uploadEvent(e *model.Event) {
	if e.Kind != model.Called || e.Lib == nil {
		return
	}
	opts := argOr(e.Args)
	switch e.Lib.Mod {
	case "express", "serve-static":
		if e.Lib.Mod == "express" && e.Lib.Path != "static" && e.Lib.Path != "default.static" || e.Lib.Mod == "serve-static" && e.Lib.Path != "" && e.Lib.Path != "default" {
			return
		}
		if dir, ok := model.Constant(arg(e.Args, 0)); ok && len(r.static) < maxFolders {
			r.static = append(r.static, folder(dir))
		}
	case "formidable":
		r.formidable(opts, e)
	case "multer":
		switch e.Lib.Path {
		case "", "default":
			if !closed(opts) {
				return
			}
			if v, ok := option(opts, "limits", "fileSize"); ok {
				if n, ok := v.(model.Num); ok && n.F > maxSize {
					r.add(rule.UploadTooLarge, e.At, e, fmt.Sprintf("multer takes files of %.0f MB: limits.fileSize is no limit", n.F/(1<<20)))
				}
			} else {
				if limits, has := option(opts, "limits"); !has || closed(limits) {
					r.add(rule.UploadTooLarge, e.At, e, "multer takes files of any size: limits.fileSize is not set")
				}
			}
			if dest, ok := option(opts, "dest"); ok {
				r.storesIn(dest, e)
			}
			if v, ok := option(opts, "fileFilter"); !ok {
				r.add(rule.UploadType, e.At, e, "multer takes files of any type: there is no fileFilter")
			} else if f, ok := model.One[*model.Func](v); ok && takesAll.MatchString(strings.Join(strings.Fields(model.Site{File: f.Mod.File, Node: f.Node}.Text()), "")) {
				r.add(rule.UploadType, e.At, e, "multer takes files of any type: the fileFilter takes every file")
			}
		case "diskStorage":
			if dest, ok := option(opts, "destination"); ok {
				r.storesIn(dest, e)
			}
			r.storageName(opts, e)
		}
	case "express-fileupload":
		if e.Lib.Path != "" || !closed(opts) {
			return
		}
		if _, ok := option(opts, "limits", "fileSize"); !ok {
			r.add(rule.UploadTooLarge, e.At, e, "express-fileupload takes files of any size: limits.fileSize is not set")
		}
	case "connect-busboy", "busboy":
		if e.Lib.Path == "" && closed(opts) {
			if _, ok := option(opts, "limits", "fileSize"); !ok {
				r.add(rule.UploadTooLarge, e.At, e, "busboy takes files of any size: limits.fileSize is not set")
			}
		}
	}
}

// storageName looks at the function that names files on disk.
func (r *run) storageName(opts model.Value, e *model.Event) {
	v, ok := option(opts, "filename")
	if !ok {
		return
	}
	f, ok := model.One[*model.Func](v)
	if !ok {
		return
	}
	at := model.Site{File: f.Mod.File, Node: f.Node}
	text := strings.Join(strings.Fields(at.Text()), "")
	rest := strings.ReplaceAll(text, "extname(file.originalname)", "")
	if strings.Contains(rest, "originalname") && !strings.Contains(text, "basename(") {
		r.add(rule.UploadName, at, e, "files are stored under the name that the client gave them", confidence(finding.Firm))
	}
}

// maxSize is the greatest size that limits anything: above it a few files fill a
// disk.
const maxSize = 1 << 30

// takesAll is a filter that says yes, whatever it is given, without white space.
var takesAll = regexp.MustCompile(`^(?:async)?(?:function\w*)?\([^()]*\)(?:=>)?\{?(?:return)?\w+\((?:null|undefined),true\);?\}?$`)

// maxFolders is how many folders of each kind are kept.
const maxFolders = 200

// store is a folder that uploads are put into.
type store struct {
	dir string
	e   *model.Event
}

// folder is a path below the app's own: they are written with and without
// __dirname.
func folder(dir string) string { return path.Clean("/" + strings.ReplaceAll(dir, "\\", "/")) }

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
	if dir != "" && len(r.stores) < maxFolders {
		r.stores = append(r.stores, store{folder(dir), e})
	}
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

// formidableMost is what formidable takes where nothing is set: 200 MB.
const formidableMost = 200 << 20

// formidable looks at a form of formidable's, whose limits are options or, in
// its first version, members that are set later.
func (r *run) formidable(opts model.Value, e *model.Event) {
	switch e.Lib.Path {
	case "", "default", "IncomingForm", "default.IncomingForm", "formidable", "default.formidable":
	default:
		return
	}
	if !closed(opts) || strings.Contains(e.At.File.Text, ".maxFileSize =") {
		return
	}
	if v, ok := option(opts, "maxFileSize"); !ok {
		r.add(rule.UploadTooLarge, e.At, e, "formidable takes files of 200 MB: maxFileSize is not set")
	} else if n, ok := v.(model.Num); ok && n.F >= formidableMost {
		r.add(rule.UploadTooLarge, e.At, e, fmt.Sprintf("formidable takes files of %.0f MB: maxFileSize is no limit", n.F/(1<<20)))
	}
}

// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package checks

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"

	"github.com/panoply-security/panoply/audit/model"
	"github.com/panoply-security/panoply/audit/source"
	"github.com/panoply-security/panoply/finding"
	"github.com/panoply-security/panoply/rule"
)

// Mistake 6: uploads of any size, type and number.

// maxSize is the greatest size that limits anything: above it a few files fill a
// disk.
const maxSize = 1 << 30

// takesAll is a function that says yes, whatever it is given, without white space.
var takesAll = regexp.MustCompile(`^(?:async)?(?:function\w*)?\([^()]*\)(?:=>)?\{?(?:return)?\w+\((?:null|undefined),true\);?\}?$`)

// size is a limit; ok says that there is one, and known that it is a number.
func size(opts model.Value, names ...string) (n float64, ok, known bool) {
	v, ok := option(opts, names...)
	if !ok {
		return 0, false, false
	}
	if l, is := v.(*model.Lib); is && l.Mod == "" && (l.Path == "Infinity" || strings.HasPrefix(l.Path, "Number.MAX")) {
		return math.Inf(1), true, true
	}
	n, known = number(v)
	return n, true, known
}

func (r *run) uploadEvent(e *model.Event) {
	if e.Kind != model.Called || e.Development() {
		return
	}
	r.storedName(e)
	if e.Lib == nil {
		return
	}
	opts := argOr(e.Args)
	main := e.Lib.Path == "" || e.Lib.Path == "default"
	last := e.Lib.Path[strings.LastIndexByte(e.Lib.Path, '.')+1:]
	switch e.Lib.Mod {
	case "express", "serve-static":
		if last == "static" || e.Lib.Mod == "serve-static" && main {
			r.serves(arg(e.Args, 0))
		}
	case "multer":
		switch {
		case main && closed(opts):
			if f, ok := model.One[*model.Func](must(option(opts, "fileFilter"))); ok { // looked at when it is run
				at := model.Site{File: f.Mod.File, Node: f.Node}
				r.filters[at] = append(r.filters[at], e)
			}
			if len(r.multers) < maxFolders {
				r.multers = append(r.multers, e)
			}
		case e.Lib.Path == "diskStorage":
			if dest, ok := option(opts, "destination"); ok {
				r.storesIn(dest, e)
			}
		case e.Lib.Of != nil:
			if _, known := r.noFiles[e.Lib.Of.At]; !known || last != "none" {
				r.noFiles[e.Lib.Of.At] = last == "none"
			}
			if last == "any" || last == "array" {
				r.tooMany(last, e)
			}
		case e.Lib.Path == "option.fileFilter":
			r.filter1(e)
		}
	case "express-fileupload":
		if main && closed(opts) {
			r.most("express-fileupload", opts, e, 0, "limits", "fileSize")
			r.parsers = append(r.parsers, parser{"express-fileupload", e})
		}
	case "connect-busboy", "busboy":
		if (main || e.Lib.Path == "Busboy") && closed(opts) {
			r.most("busboy", opts, e, 0, "limits", "fileSize")
			r.parsers = append(r.parsers, parser{"busboy", e})
			r.takes(e, opts, "limits", "fileSize")
		}
	case "multiparty":
		if e.Lib.Path == "Form" && closed(opts) {
			r.most("multiparty", opts, e, 0, "maxFilesSize")
			r.parsers = append(r.parsers, parser{"multiparty", e})
			r.takes(e, opts, "maxFilesSize")
		}
	case "formidable":
		switch e.Lib.Path {
		case "", "default", "IncomingForm", "default.IncomingForm", "formidable", "default.formidable":
		default:
			return
		}
		r.takes(e, opts, "maxFileSize")
		if dir, ok := option(opts, "uploadDir"); ok {
			r.storesIn(dir, e)
		}
		if closed(opts) && !strings.Contains(e.At.File.Text, ".maxFileSize =") {
			r.most("formidable", opts, e, formidableMost, "maxFileSize")
			if _, ok := option(opts, "filter"); !ok {
				r.parsers = append(r.parsers, parser{"formidable", e})
			}
		}
	}
	r.parsers = r.parsers[:min(len(r.parsers), maxFolders)]
}

// formidableMost is what formidable takes where nothing is set: 200 MB.
const formidableMost = 200 << 20

// most reports a size that is not limited, or by what is no limit; standard is what
// the package takes where nothing is set, 0 for everything.
func (r *run) most(name string, opts model.Value, e *model.Event, standard float64, path ...string) {
	n, ok, known := size(opts, path...)
	setting := strings.Join(path, ".")
	switch {
	case !ok:
		if len(path) > 1 {
			if outer, has := option(opts, path[0]); has && !closed(outer) {
				return // it may be among what is not known
			}
		}
		if standard > 0 {
			r.add(rule.UploadTooLarge, e.At, e, fmt.Sprintf("%s takes files of %.0f MB: %s is not set", name, standard/(1<<20), setting))
			return
		}
		r.add(rule.UploadTooLarge, e.At, e, fmt.Sprintf("%s takes files of any size: %s is not set", name, setting))
	case known && math.IsInf(n, 1):
		r.add(rule.UploadTooLarge, e.At, e, fmt.Sprintf("%s takes files of any size: %s is no limit", name, setting))
	case known && (n > maxSize || standard > 0 && n >= standard):
		r.add(rule.UploadTooLarge, e.At, e, fmt.Sprintf("%s takes files of %.0f MB: %s is no limit", name, n/(1<<20), setting))
	}
}

// must is a value without whether it is there.
func must(v model.Value, _ bool) model.Value { return v }

// multer looks at calls of multer, but those that are for forms without files.
func (r *run) multer() {
	for _, e := range r.multers {
		if r.noFiles[e.At] {
			continue
		}
		opts := argOr(e.Args)
		r.most("multer", opts, e, 0, "limits", "fileSize")
		if dest, ok := option(opts, "dest"); ok {
			r.storesIn(dest, e)
		}
		if _, ok := option(opts, "fileFilter"); !ok {
			r.add(rule.UploadType, e.At, e, "multer takes files of any type: there is no fileFilter")
		}
	}
}

// filter1 looks at what came of a filter: it comes right after the call that it is
// an option of.
func (r *run) filter1(e *model.Event) {
	users := r.filters[e.At]
	given, _ := arg(e.Args, 0).(*model.Obj)
	touched, _ := arg(e.Args, 1).(*model.Obj)
	if len(users) == 0 || given == nil || touched == nil {
		return
	}
	all := !given.Open && len(given.Elems) > 0 && !slices.ContainsFunc(given.Elems, func(v model.Value) bool { return !isTrue(v) })
	names, types := false, false
	for _, el := range touched.Elems {
		s, _ := model.Constant(el)
		names = names || strings.HasSuffix(s, "originalname")
		types = types || strings.HasSuffix(s, "mimetype") || !strings.HasSuffix(s, "originalname")
	}
	at := users[len(users)-1]
	switch {
	case all:
		r.add(rule.UploadType, at.At, at, "multer takes files of any type: the fileFilter takes every file")
	case names && !types:
		r.add(rule.UploadType, at.At, at, "the fileFilter looks at nothing but the name, which the client chose", severity(rule.Medium), confidence(finding.Firm))
	}
}

// tooMany reports upload.any(), and upload.array() without a number.
func (r *run) tooMany(method string, e *model.Event) {
	opts := argOr(e.Lib.Of.Args)
	if !closed(opts) {
		return
	}
	if _, ok := option(opts, "limits", "files"); ok || method == "array" && len(e.Args) > 1 {
		return
	}
	if outer, has := option(opts, "limits"); has && !closed(outer) {
		return
	}
	message := "upload.any() takes any number of files, in fields of any name"
	if method == "array" {
		message = "upload.array() takes any number of files: it is given no greatest"
	}
	r.add(rule.UploadTooMany, e.At, e, message)
}

// parser is a package's reader of uploads that does not look at types itself.
type parser struct {
	name string
	e    *model.Event
}

// looksAtTypes tells code that looks at what kind of file it was sent.
var looksAtTypes = regexp.MustCompile(`(?i)mime-?type|file-type|fileType(From|Stream)|magic-bytes|mmmagic|\b(file|image|photo|avatar|upload|picture|document)\w*\.type\b|contentType`)

// types reports readers of uploads in apps where nothing looks at types.
func (r *run) types() {
	for _, p := range r.parsers {
		if !slices.ContainsFunc(r.p.Tree.Files, func(f *source.File) bool { return looksAtTypes.MatchString(f.Text) }) {
			r.add(rule.UploadType, p.e.At, p.e, p.name+" takes files of any type, and nothing in the app looks at it", confidence(finding.Firm))
		}
	}
}

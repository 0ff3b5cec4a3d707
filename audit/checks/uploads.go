// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package checks

import (
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
	case "multer":
		switch e.Lib.Path {
		case "", "default":
			if !closed(opts) {
				return
			}
			if _, ok := option(opts, "limits", "fileSize"); !ok {
				if limits, has := option(opts, "limits"); !has || closed(limits) {
					r.add(rule.UploadTooLarge, e.At, e, "multer takes files of any size: limits.fileSize is not set")
				}
			}
			if _, ok := option(opts, "fileFilter"); !ok {
				r.add(rule.UploadType, e.At, e, "multer takes files of any type: there is no fileFilter")
			}
		case "diskStorage":
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

// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package upload

import (
	"bytes"
	"fmt"

	"github.com/panoply-security/panoply/rule"
)

// judge looks at a file's content: what it is, whether it is whole, what hides
// in it. Worse violations come first.
func (rd *reading) judge(f *File, name fileName) error {
	v := newView(f.Open(), f.Size)
	defer v.close()
	types := &rd.t.types

	head := v.from(0, headBytes)
	head = head[:min(len(head), headBytes)]
	if v.err != nil {
		return busy(v.err)
	}
	d := detect(head)
	if why := activeHead(head, d, types); why != "" {
		if err := rd.violates(rule.UploadDangerous, why, f.Field); err != nil {
			return err
		}
	}

	k := types.match(d, f.Declared)
	f.Type, f.ext = d.name(), ""
	shown := k
	if k == nil {
		shown = tableKind(f.Type)
	}
	if shown != nil {
		f.Type = shown.mime
		if len(shown.exts) > 0 {
			f.ext = shown.exts[0]
		}
	} else if d.n > 0 {
		f.ext = extension(d.chain[0])
	}

	a := anatomy{end: f.Size}
	if shown != nil && shown.look != nil && (k != nil || !d.is("text/plain")) {
		a = shown.look(v)
		if why := hidden(v, a, shown); why != "" {
			if err := rd.violates(rule.UploadPolyglot, why, f.Field); err != nil {
				return err
			}
		}
	}
	if v.err != nil {
		return busy(v.err)
	}
	if a.fault == "" && !d.agrees(k, f.Declared, name.ext) {
		a.fault = "Its content, its Content-Type and its extension do not say the same."
	}
	if a.fault != "" {
		if err := rd.violates(rule.UploadMismatch, a.fault, f.Field); err != nil {
			return err
		}
	}
	if a.width*a.height > rd.t.cfg.MaxPixels {
		if err := rd.violates(rule.UploadPixels, fmt.Sprintf("A picture may have %d pixels.", rd.t.cfg.MaxPixels), f.Field); err != nil {
			return err
		}
	}
	if k == nil {
		return rd.violates(rule.UploadType, "Allowed are "+types.names+".", f.Field)
	}
	return nil
}

// hidden says what a file holds besides what it shows, or "".
func hidden(v *view, a anatomy, k *kind) string {
	if a.marked {
		return "A script or a page stands in its metadata."
	}
	if why := v.trailer(a.end); why != "" {
		return why
	}
	if v.zipTail(k.mime == "application/pdf") {
		return "It is also an archive."
	}
	return ""
}

// programs are what executables start with. mimetype knows them too, but asks
// for some other formats first, whose mark may stand further in.
var programs = []string{"MZ", "\x7fELF", "#!", "\x00asm", "\xca\xfe\xba\xbe", "\xfe\xed\xfa", "\xce\xfa\xed\xfe", "\xcf\xfa\xed\xfe",
	"dex\n", "L\x00\x00\x00\x01\x14\x02\x00", "!<arch>\ndebian"}

// markup starts a page, a drawing or a server's script.
var markup = []string{"<?", "<%", "<!doctype", "<html", "<head", "<body", "<script", "<iframe", "<svg", "<jsp:"}

// activeHead says that a file starts as a program, a script or a page, or "".
func activeHead(head []byte, d detected, l *typeList) string {
	if d.active(l) {
		return "Its content is executable or active."
	}
	if l.allowsActive(d) {
		return ""
	}
	for _, p := range programs {
		if bytes.HasPrefix(head, []byte(p)) {
			return "Its content is a program."
		}
	}
	text := bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\xef\xbb\xbf")), " \t\r\n\f\v\x00")
	for _, m := range markup {
		if hasPrefixFold(text, m) {
			return "Its content is a page or a script."
		}
	}
	if (d.n == 0 || d.is("text/plain")) && containsFold(head, "<?php") {
		return "Its content is a script."
	}
	return ""
}

// allowsActive reports whether the content is of an unsafe type that the route
// takes on purpose.
func (l *typeList) allowsActive(d detected) bool {
	for _, m := range d.chain[:d.n] {
		if l.unsafe[bare(m)] {
			return true
		}
	}
	return false
}

func containsFold(b []byte, text string) bool {
	for {
		i := bytes.IndexByte(b, text[0])
		if i < 0 {
			return false
		}
		if b = b[i:]; hasPrefixFold(b, text) {
			return true
		}
		b = b[1:]
	}
}

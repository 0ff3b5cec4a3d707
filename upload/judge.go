// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package upload

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/panoply-security/panoply/rule"
)

// judging is the judgement of one file.
type judging struct {
	rd    *reading
	f     *File
	name  fileName
	found detected
	kind  *kind // of the route's list; nil when the type is not on it
	shown *kind // what the file is, as far as the table knows it
}

// finding is what a walk over the whole file has found.
type finding struct {
	anatomy
	hidden string // what it holds besides what it shows, or ""
}

// judge looks at a file's content: what it is, whether it is whole, what hides
// in it. Worse violations come first.
func (rd *reading) judge(f *File, name fileName) error {
	v := newView(f.Open(), f.Size)
	defer v.close()
	j, err := rd.judgeHead(f, name, v)
	if err != nil {
		return err
	}
	a := finding{anatomy: anatomy{end: f.Size}}
	if j.walks() {
		a = look(v, j.shown)
	}
	if v.err != nil {
		return busy(v.err)
	}
	if err := j.verdict(a, j.claims()); err != nil {
		return err
	}
	return j.listed()
}

// judgeHead looks at the first bytes of a file, which say what it is.
func (rd *reading) judgeHead(f *File, name fileName, v *view) (*judging, error) {
	types := &rd.t.types
	head := v.from(0, headBytes)
	head = head[:min(len(head), headBytes)]
	if v.err != nil {
		return nil, busy(v.err)
	}
	j := &judging{rd: rd, f: f, name: name, found: detect(head)}
	if why := activeHead(head, j.found, types); why != "" {
		if err := rd.violates(rule.UploadDangerous, why, f.Field); err != nil {
			return nil, err
		}
	}
	j.kind = types.match(j.found, f.Declared)
	f.Type, f.ext = j.found.name(), ""
	if j.shown = j.kind; j.kind == nil {
		j.shown = tableKind(f.Type)
	}
	if j.shown != nil {
		f.Type = j.shown.mime
		if len(j.shown.exts) > 0 {
			f.ext = j.shown.exts[0]
		}
	} else if j.found.n > 0 {
		f.ext = extension(j.found.chain[0])
	}
	return j, nil
}

// walks reports whether there is a structure to walk over.
func (j *judging) walks() bool {
	return j.shown != nil && j.shown.look != nil && (j.kind != nil || !j.found.is("text/plain"))
}

// look walks over a whole file.
func look(v *view, k *kind) finding {
	a := finding{anatomy: k.look(v)}
	if !k.archive {
		behind := v.from(a.end, 16)
		a.trails = strings.HasPrefix(k.mime, "image/") && len(bytes.Trim(behind[:min(len(behind), 16)], "\x00\r\n ")) > 0
		a.hidden = hidden(v, a.anatomy, k)
	}
	// The end of an arriving file is known only now, and nothing is asked for
	// behind it.
	if a.fault == "" && a.end > v.finish() {
		a.anatomy = a.broken(v.size, endsEarly)
	}
	return a
}

// claims says that what the client calls the file is not what it is, or "".
func (j *judging) claims() string {
	if j.found.agrees(j.kind, j.f.Declared, j.name.ext) {
		return ""
	}
	return "Its content, its Content-Type and its extension do not say the same."
}

// verdict judges what a walk has found, and the claims unless they are judged
// already.
func (j *judging) verdict(a finding, claims string) error {
	rd, field := j.rd, j.f.Field
	if a.hidden != "" {
		if err := rd.violates(rule.UploadPolyglot, a.hidden, field); err != nil {
			return err
		}
	}
	if a.fault == "" {
		a.fault = claims
	}
	if a.fault != "" {
		if err := rd.violates(rule.UploadMismatch, a.fault, field); err != nil {
			return err
		}
	}
	cfg := &rd.t.cfg
	if a.width*a.height > cfg.MaxPixels {
		if err := rd.violates(rule.UploadPixels, fmt.Sprintf("A picture may have %d pixels.", cfg.MaxPixels), field); err != nil {
			return err
		}
	}
	switch {
	case a.entries > cfg.MaxEntries:
		a.harm = fmt.Sprintf("An archive may have %d entries.", cfg.MaxEntries)
	case a.unpacked > cfg.MaxUnpackedBytes:
		a.harm = fmt.Sprintf("An archive may unpack to %d bytes.", cfg.MaxUnpackedBytes)
	}
	if a.harm != "" {
		if err := rd.violates(rule.UploadArchive, a.harm, field); err != nil {
			return err
		}
	}
	if j.f.Trailing = a.trails && !cfg.Reencode; j.f.Trailing && rd.o.Note != nil {
		rd.o.Note(refusal(rule.UploadTrailing, "Something else stands behind the end of the picture.", field))
	}
	if j.f.Scripted = a.scripted; a.scripted {
		return rd.scripted(field)
	}
	return nil
}

// scripted judges a PDF with actions: refused or only told of, as the route says.
func (rd *reading) scripted(field string) error {
	const why = "It has actions that run a script or start a program."
	if rd.t.cfg.RefusePDFScripts {
		return rd.violates(rule.UploadPDFScript, why, field)
	}
	if rd.o.Note != nil {
		rd.o.Note(refusal(rule.UploadPDFScript, why, field))
	}
	return nil
}

// listed refuses a type that is not on the route's list.
func (j *judging) listed() error {
	if j.kind == nil {
		return j.rd.violates(rule.UploadType, "Allowed are "+j.rd.t.types.names+".", j.f.Field)
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
	var room [headBytes]byte
	text := bytes.TrimLeft(bytes.TrimPrefix(narrow(room[:0], head), []byte("\xef\xbb\xbf")), " \t\r\n\f\v\x00")
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

// narrow is text in UTF-16 as far as it is ASCII, which is enough to know markup by, and
// any other as it is. Browsers go by the mark, readers of XML by the first character.
func narrow(room, head []byte) []byte {
	if len(head) < 4 {
		return head
	}
	switch string(head[:2]) {
	case "\xff\xfe", "\xfe\xff":
		head = head[2:]
	case "<\x00", "\x00<":
	default:
		return head
	}
	for _, c := range head {
		if c != 0 {
			room = append(room, c)
		}
	}
	return room
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

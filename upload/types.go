// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package upload

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gabriel-vasile/mimetype"

	"github.com/panoply-security/panoply/internal/fault"
)

// kind is a media type that files may have.
type kind struct {
	mime    string
	aliases []string // what clients also call it
	also    []string // what mimetype also calls its content
	exts    []string // without the dot; the first is what a stored file gets
	// look walks the structure of a file; nil where there is nothing to hold
	// on to.
	look func(*view) anatomy
	// archive says that it is one, or is one underneath.
	archive bool
	// whole says that the walk does not go from the front to the end.
	whole bool
	// inline says that a browser may show it in its own window: pictures
	// without active content.
	inline bool
}

var kinds = []kind{
	{mime: "image/jpeg", aliases: []string{"image/jpg", "image/pjpeg"}, exts: []string{"jpg", "jpeg", "jpe", "jfif", "pjpeg"}, look: lookJPEG, inline: true},
	{mime: "image/png", aliases: []string{"image/x-png", "image/apng"}, also: []string{"image/apng"}, exts: []string{"png", "apng"}, look: lookPNG, inline: true},
	{mime: "image/webp", exts: []string{"webp"}, look: lookWebP, inline: true},
	{mime: "image/gif", exts: []string{"gif"}, look: lookGIF, inline: true},
	{mime: "image/avif", exts: []string{"avif"}, look: lookHEIF, inline: true},
	{mime: "image/heic", aliases: []string{"image/heif"}, also: []string{"image/heif", "image/heic-sequence", "image/heif-sequence"}, exts: []string{"heic", "heif"}, look: lookHEIF},
	{mime: "image/bmp", exts: []string{"bmp"}, look: lookBMP, inline: true},
	{mime: "image/tiff", exts: []string{"tiff", "tif"}, look: lookTIFF, whole: true},
	{mime: "application/pdf", aliases: []string{"application/x-pdf"}, exts: []string{"pdf"}, look: lookPDF},
	{mime: "text/plain", exts: []string{"txt", "text", "log"}, look: lookText},
	{mime: "text/csv", aliases: []string{"application/csv", "application/vnd.ms-excel"}, exts: []string{"csv"}, look: lookText},
	{mime: "text/tab-separated-values", exts: []string{"tsv"}, look: lookText},
	{mime: "text/markdown", aliases: []string{"text/x-markdown"}, exts: []string{"md", "markdown"}, look: lookText},
	{mime: "application/json", aliases: []string{"text/json"}, exts: []string{"json"}, look: lookText},
	{mime: "text/html", exts: []string{"html", "htm"}},
	{mime: "text/xml", aliases: []string{"application/xml"}, exts: []string{"xml"}},
	{mime: "text/javascript", aliases: []string{"application/javascript"}, exts: []string{"js", "mjs"}},
	{mime: "application/zip", aliases: []string{"application/x-zip-compressed", "application/x-zip"}, exts: []string{"zip"}, look: lookZIP, archive: true, whole: true},
	{mime: "video/mp4", exts: []string{"mp4", "m4v"}, look: lookMedia},
	{mime: "audio/mpeg", aliases: []string{"audio/mp3"}, exts: []string{"mp3"}, look: lookMedia},
	{mime: unknown, exts: []string{"bin"}},
}

// unknown is the type of content that nobody recognises.
const unknown = "application/octet-stream"

// kindOf finds a type by name, in the table or among those that mimetype
// recognises.
func kindOf(name string) *kind {
	for i := range kinds {
		if kinds[i].mime == name || slices.Contains(kinds[i].aliases, name) {
			return &kinds[i]
		}
	}
	m := mimetype.Lookup(name)
	if m == nil {
		return nil
	}
	k := &kind{mime: bare(m)}
	if e := extension(m); e != "" {
		k.exts = []string{e}
	}
	if strings.HasPrefix(k.mime, "audio/") || strings.HasPrefix(k.mime, "video/") {
		k.look = lookMedia
	}
	for ; m != nil; m = m.Parent() {
		if bare(m) == "application/zip" {
			k.look, k.archive, k.whole = lookZIP, true, true
		}
	}
	return k
}

func bare(m *mimetype.MIME) string {
	typ, _, _ := strings.Cut(m.String(), ";")
	return typ
}

func extension(m *mimetype.MIME) string { return strings.TrimPrefix(m.Extension(), ".") }

// loose are text types whose content often shows no more than that it is text.
var loose = map[string]bool{"text/csv": true, "text/tab-separated-values": true, "text/markdown": true}

// typeList is what a route allows.
type typeList struct {
	byType map[string]*kind // by the names that content is found under
	loose  []*kind
	unsafe map[string]bool // canonical names of UnsafeTypes
	whole  bool            // there is one of which only the whole can be judged
	names  string          // for a refusal
}

func (l *typeList) compile(faults *fault.List, cfg Config) {
	l.byType, l.unsafe = map[string]*kind{}, map[string]bool{}
	add := func(path string, names []string, unsafe bool) {
		for i, name := range names {
			at := fmt.Sprintf("%s[%d]", path, i)
			k := kindOf(strings.ToLower(name))
			switch {
			case k == nil && strings.Contains(name, "*"):
				faults.Addf(at, "name each type, such as image/jpeg", "%q is a pattern", name)
				continue
			case k == nil:
				faults.Addf(at, "use a type such as image/jpeg, application/zip or video/mp4", "%q cannot be recognised by content", name)
				continue
			case !unsafe && (active(k.mime) || k.mime == unknown):
				faults.Addf(at, "write it under unsafe_types if the app must take it, and never serve it from the app's origin", "%q can run code where it is opened, or be anything", name)
				continue
			}
			if !unsafe && closedArchives[k.mime] {
				faults.Addf(at, "take application/zip, or write it under unsafe_types and unpack it with care", "%q is an archive that is not looked into", name)
				continue
			}
			if !unsafe && strings.HasPrefix(k.mime, "image/") && k.look == nil {
				faults.Addf(at, "take JPEG, PNG, WebP, GIF, AVIF, HEIC, BMP or TIFF, or write it under unsafe_types", "%q is a kind of picture that is not looked into: it may be of any size, and hold anything", name)
				continue
			}
			if cfg.Reencode && strings.HasPrefix(k.mime, "image/") && reencoders[k.mime] == nil {
				faults.Addf(at, "with reencode allow image/jpeg and image/png", "%q cannot be encoded anew", name)
				continue
			}
			l.byType[k.mime] = k
			l.whole = l.whole || k.whole
			for _, name := range k.also {
				l.byType[name] = k
			}
			l.unsafe[k.mime] = l.unsafe[k.mime] || unsafe
			if loose[k.mime] {
				l.loose = append(l.loose, k)
			}
		}
	}
	add("types", cfg.Types, false)
	add("unsafe_types", cfg.UnsafeTypes, true)
	l.names = strings.Join(slices.Concat(cfg.Types, cfg.UnsafeTypes), ", ")
}

// activeTypes run code where they are opened or executed. Everything that is
// XML underneath (SVG, XHTML, feeds) counts, because browsers run scripts in it.
var activeTypes = set(
	"text/html", "text/xml", "image/svg+xml", "application/xhtml+xml",
	"text/javascript", "text/x-php", "text/x-lua", "text/x-perl", "text/x-python", "text/x-ruby",
	"text/x-shellscript", "text/x-tcl", "application/x-bytecode.python",
	"application/vnd.microsoft.portable-executable", "application/x-elf", "application/x-object",
	"application/x-executable", "application/x-sharedlib", "application/x-coredump", "application/x-mach-binary",
	"application/x-java-applet", "application/java-archive", "application/vnd.android.package-archive",
	"application/x-ms-installer", "application/x-ms-shortcut", "application/vnd.ms-htmlhelp", "application/wasm",
	"application/x-shockwave-flash", "application/x-chrome-extension", "application/vnd.debian.binary-package",
	"application/x-rpm", "application/x-xar", "application/x-installshield",
)

// closedArchives are not looked into: what they unpack to, nobody knows.
var closedArchives = set("application/x-tar", "application/gzip", "application/x-7z-compressed", "application/vnd.rar",
	"application/x-bzip2", "application/x-xz", "application/zstd", "application/x-archive", "application/x-unix-archive",
	"application/x-cpio", "application/lzip", "application/vnd.ms-cab-compressed", "application/x-ace-compressed")

func set(names ...string) map[string]bool {
	m := make(map[string]bool, len(names))
	for _, n := range names {
		m[n] = true
	}
	return m
}

// active reports whether a type, or what it is built on, can run code.
func active(name string) bool {
	if activeTypes[name] {
		return true
	}
	for m := mimetype.Lookup(name); m != nil; m = m.Parent() {
		if activeTypes[bare(m)] {
			return true
		}
	}
	return false
}

// detected is the type found in the head of a file, from the most special to
// the most general: docx, zip. The root, octet-stream, stands only alone.
type detected struct {
	chain [6]*mimetype.MIME
	n     int
}

func detect(head []byte) detected {
	var d detected
	if len(head) == 0 {
		return d
	}
	for m := mimetype.Detect(head); m.Parent() != nil && d.n < len(d.chain); m = m.Parent() {
		d.chain[d.n] = m
		d.n++
	}
	return d
}

// name is the most special type.
func (d detected) name() string {
	if d.n == 0 {
		return unknown
	}
	return bare(d.chain[0])
}

func (d detected) is(name string) bool {
	for _, m := range d.chain[:d.n] {
		if bare(m) == name {
			return true
		}
	}
	return false
}

// active reports active content that the route has not allowed.
func (d detected) active(l *typeList) bool {
	for _, m := range d.chain[:d.n] {
		if name := bare(m); l.unsafe[name] {
			return false
		} else if activeTypes[name] {
			return true
		}
	}
	return false
}

// match finds the allowed type that the content is of. What is built on an
// allowed type is no file of that type (a HEIC is no MP4, a .docx no .zip),
// except that text may be taken for any text type that it is declared to be:
// content shows no more than that it is text, or too much, such as the commas
// of a CSV.
func (l *typeList) match(d detected, declared string) *kind {
	if d.n == 0 {
		return l.byType[unknown]
	}
	text := d.is("text/plain")
	var first *kind
	for i, m := range d.chain[:d.n] {
		k := l.byType[bare(m)]
		if k == nil || i > 0 && !text {
			continue
		}
		if !text || k.called(declared) {
			return k
		}
		if first == nil {
			first = k
		}
	}
	if text {
		for _, k := range l.loose {
			if k.called(declared) {
				return k
			}
		}
	}
	return first
}

// called reports whether clients call the type so.
func (k *kind) called(declared string) bool {
	return k.mime == declared || slices.Contains(k.aliases, declared)
}

// agrees reports whether content of type d, taken for kind k (nil when the
// route does not allow it), can honestly be declared and named like that.
func (d detected) agrees(k *kind, declared, ext string) bool {
	if k != nil && k.mime == unknown {
		return !claims(declared, ext)
	}
	if k == nil && d.n == 0 {
		return !claims(declared, ext)
	}
	return d.declaredAs(k, declared) && d.namedAs(k, ext)
}

func (d detected) declaredAs(k *kind, declared string) bool {
	if declared == "" || k != nil && k.called(declared) {
		return true
	}
	for _, m := range d.chain[:d.n] {
		if m.Is(declared) {
			return true
		}
		if k != nil && bare(m) == k.mime {
			break
		}
	}
	// Of a type that the route does not allow, any text may be declared as text.
	return k == nil && d.is("text/plain") && strings.HasPrefix(declared, "text/")
}

func (d detected) namedAs(k *kind, ext string) bool {
	if k != nil && slices.Contains(k.exts, ext) {
		return true
	}
	for _, m := range d.chain[:d.n] {
		if known := tableKind(bare(m)); ext != "" && (extension(m) == ext || known != nil && slices.Contains(known.exts, ext)) {
			return true
		}
		if k != nil && bare(m) == k.mime {
			break
		}
	}
	return k == nil && d.is("text/plain") && !claims("", ext)
}

func tableKind(name string) *kind {
	for i := range kinds {
		if kinds[i].mime == name || slices.Contains(kinds[i].also, name) {
			return &kinds[i]
		}
	}
	return nil
}

// claims reports whether a declared type or an extension says that a file is of
// a type which content would have shown.
func claims(declared, ext string) bool {
	for i := range kinds {
		k := &kinds[i]
		if k.mime == unknown || loose[k.mime] {
			continue
		}
		if k.called(declared) || slices.Contains(k.exts, ext) {
			return true
		}
	}
	return false
}

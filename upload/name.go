// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package upload

import (
	"path"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// maxNameBytes is what common file systems take.
const maxNameBytes = 255

// dangerousExts name content that a server executes, a browser runs or a
// desktop starts.
var dangerousExts = set(strings.Fields(`
	html htm xhtml xht shtml shtm stm mht mhtml hta htc svg svgz xml xsl xslt js mjs cjs jse swf wasm xap
	php php2 php3 php4 php5 php6 php7 php8 phps pht phtm phtml phar
	asp aspx asa asax ascx ashx asmx cshtml vbhtml jsp jspx jspf jsw jsv jhtml cfm cfml cfc
	cgi fcgi pl py pyc pyw rb sh bash zsh csh ksh fish command run
	exe com scr dll sys msi msp mst cpl ocx drv pif bat cmd ps1 ps1xml ps2 psm1 psd1 vb vbe vbs wsf wsh wsc ws sct
	lnk url desktop webloc reg inf scf job gadget chm application appref-ms xll msc xbap diagcab
	library-ms search-ms settingcontent-ms appinstaller msix msixbundle appx appxbundle
	jar war ear jnlp class apk dex so dylib elf app pkg deb rpm appimage
	htaccess htpasswd htgroup`)...)

// handlerExts are those that servers have executed when they stand anywhere in
// a name: Apache's AddHandler looks at every extension, IIS 6 stopped at a
// semicolon. Others, such as com and pl, are ordinary inside a name.
var handlerExts = set(strings.Fields(`
	php php2 php3 php4 php5 php6 php7 php8 phps pht phtm phtml phar
	asp aspx asa asax ascx ashx asmx cshtml jsp jspx jspf jsw jsv cfm cfml cfc
	cgi fcgi shtml shtm stm exe bat cmd scr pif vbs ps1 hta jar`)...)

// dangerousNames configure the server that finds them in a directory.
var dangerousNames = set(".htaccess", ".htpasswd", ".htgroup", ".user.ini", "php.ini", "web.config")

// reservedNames are devices on Windows, whatever the extension.
var reservedNames = set(strings.Fields(`con prn aux nul
	com0 com1 com2 com3 com4 com5 com6 com7 com8 com9 lpt0 lpt1 lpt2 lpt3 lpt4 lpt5 lpt6 lpt7 lpt8 lpt9`)...)

// fileName is a client's name, taken apart.
type fileName struct {
	ext      string // the last extension, lower case, without the dot
	inner    string // another one anywhere in the name, that servers execute
	special  bool   // a name that means something to a server
	stream   bool   // an NTFS stream: ::$DATA
	trailing bool   // dots or spaces at the end, which Windows drops
}

// parseName reads a name as the laxest system would: any part of a path, case
// folded, trailing dots and spaces dropped, cut at a NUL, colon or semicolon.
func parseName(name string) fileName {
	var f fileName
	lower := strings.ToLower(norm.NFKC.String(name)) // some systems store ．ｐｈｐ as .php
	f.stream = strings.Contains(lower, "::$")
	base := lower[strings.LastIndexAny(lower, `/\`)+1:]
	trimmed := strings.TrimRightFunc(base, dotOrSpace)
	f.trailing = trimmed != base
	f.special = dangerousNames[strings.TrimSpace(trimmed)]

	segments := strings.FieldsFunc(strings.ReplaceAll(lower, "%00", ":"), func(r rune) bool {
		return r == '.' || r == ':' || r == ';' || r == '/' || r == '\\' || r < ' '
	})
	if dot := strings.LastIndexByte(trimmed, '.'); dot > 0 {
		f.ext = strings.TrimFunc(trimmed[dot+1:], unicode.IsSpace)
	}
	for i, s := range segments {
		s = strings.TrimFunc(s, unicode.IsSpace)
		if (i > 0 || strings.HasPrefix(trimmed, ".")) && handlerExts[s] && s != f.ext {
			f.inner = s
		}
	}
	return f
}

func dotOrSpace(r rune) bool { return r == '.' || unicode.IsSpace(r) || invisible(r) }

// dangerous says what is dangerous about a name, or "". Extensions of types
// that the route takes on purpose are not.
func (f fileName) dangerous(l *typeList) string {
	switch {
	case f.special:
		return "Its name is that of a server's configuration file."
	case f.stream:
		return "Its name addresses a stream of a Windows file."
	case f.inner != "":
		return "Its name has an executable extension in it."
	case dangerousExts[f.ext] && !l.takes(f.ext):
		return "Its extension is one of executable or active content."
	}
	return ""
}

// takes reports whether an extension belongs to one of the unsafe types.
func (l *typeList) takes(ext string) bool {
	for name := range l.unsafe {
		if !l.unsafe[name] {
			continue
		}
		for _, e := range l.byType[name].exts {
			if e == ext {
				return true
			}
		}
	}
	return false
}

// badName says what a name could do to a system or a person, or "".
func badName(name string, f fileName) string {
	switch {
	case len(name) > maxNameBytes:
		return "Its name is longer than 255 bytes."
	case strings.ContainsAny(name, `/\`):
		return "Its name has a path separator in it."
	case strings.Contains(name, "%00"):
		return "Its name has an escaped NUL in it."
	case f.trailing:
		return "Its name ends in a dot or a space."
	case reservedNames[deviceOf(name)]:
		return "Its name is a device on Windows."
	}
	for _, r := range name {
		if unicode.IsControl(r) || bidiControl(r) {
			return "Its name has a control or direction character in it."
		}
	}
	return ""
}

func deviceOf(name string) string {
	base, _, _ := strings.Cut(name, ".")
	return strings.ToLower(strings.TrimSpace(base))
}

// bidiControl reports the overrides, embeddings and isolates that reorder what
// a person sees. Marks (U+200E, U+200F) do not; Hebrew and Arabic names have
// them.
func bidiControl(r rune) bool {
	return 0x202a <= r && r <= 0x202e || 0x2066 <= r && r <= 0x2069
}

// invisible reports characters that show nothing.
func invisible(r rune) bool {
	return unicode.Is(unicode.Cf, r) || r == 0x3164 || r == 0x115f || r == 0x1160
}

// SafeName makes a client's file name safe to show to people and to offer for a
// download: the last part of a path, in Unicode's NFC, without control,
// direction and invisible characters, leading dots, what Windows reserves, and
// beyond 255 bytes. It is never empty. It is not meant to name a stored file:
// two uploads may have the same one.
func SafeName(name string) string {
	name = strings.ToValidUTF8(name, "")
	name = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsControl(r) || invisible(r) || r == 0x2028 || r == 0x2029:
			return -1
		case unicode.IsSpace(r):
			return ' '
		case strings.ContainsRune(`<>:"|?*`, r):
			return '_'
		}
		return r
	}, name[strings.LastIndexAny(name, `/\`)+1:])
	name = norm.NFC.String(name) // last, since letters may have become neighbours
	name = strings.TrimRight(strings.TrimLeft(name, ". "), ". ")
	if reservedNames[deviceOf(name)] {
		name = "_" + name
	}
	if len(name) > maxNameBytes {
		ext := path.Ext(name)
		if len(ext) > 16 {
			ext = ""
		}
		name = strings.TrimRight(strings.ToValidUTF8(name[:maxNameBytes-len(ext)], ""), ". ") + ext
	}
	if name == "" {
		return "file"
	}
	return name
}

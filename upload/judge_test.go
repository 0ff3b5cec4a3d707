// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package upload

import (
	"encoding/binary"
	"go/build"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/panoply-security/panoply/problem"
	"github.com/panoply-security/panoply/rule"
)

const (
	php  = "<?php system($_GET['c']); ?>"
	page = "<!DOCTYPE html><html><script>alert(1)</script></html>"
	svg  = `<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>`
	exe  = "MZ\x90\x00\x03\x00\x00\x00\x04\x00\x00\x00\xff\xff\x00\x00\xb8\x00\x00\x00\x00\x00\x00\x00@\x00\x00\x00\x00"
	elf  = "\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\x3e\x00\x01\x00\x00\x00"
)

// Files that are not what they claim to be. want is what a refusal says first;
// all are files that no default route may take.
func TestDisguisedFiles(t *testing.T) {
	png, jpg, gif := pngOf(picture(3, 2)), jpegOf(picture(16, 16), 80), gifOf(picture(3, 2))
	document := pdf("1.4", "")
	zip := zipOf("a.class", "x")
	dangerous, polyglot, mismatch, typ, name := rule.UploadDangerous, rule.UploadPolyglot, rule.UploadMismatch, rule.UploadType, rule.UploadName
	tests := []struct {
		name, filename, typ, content string
		want                         rule.ID
	}{
		// another content under a picture's name
		{"php-as-png", "a.png", "image/png", php, dangerous},
		{"php-short-tag-as-png", "a.png", "image/png", "<?= `$_GET[c]` ?>", dangerous},
		{"php-in-text-as-png", "a.png", "image/png", "hello\n" + php, dangerous},
		{"asp-as-png", "a.png", "image/png", "<%eval request(\"c\")%>", dangerous},
		{"jsp-as-jpeg", "a.jpg", "image/jpeg", "<jsp:scriptlet>x</jsp:scriptlet>", dangerous},
		{"html-as-png", "a.png", "image/png", page, dangerous},
		{"html-after-space-as-png", "a.png", "image/png", "\ufeff \r\n\t" + page, dangerous},
		{"html-after-comment-as-jpeg", "a.jpg", "image/jpeg", "<!-- x -->" + page, dangerous},
		{"script-as-webp", "a.webp", "image/webp", "<script>alert(1)</script>", dangerous},
		{"svg-as-png", "a.png", "image/png", svg, dangerous},
		{"svg-with-declaration-as-png", "a.png", "image/png", `<?xml version="1.0"?>` + svg, dangerous},
		{"svg-with-doctype-as-jpeg", "a.jpg", "image/jpeg", `<!DOCTYPE svg>` + svg, dangerous},
		{"xml-as-pdf", "a.pdf", "application/pdf", `<?xml version="1.0"?><x/>`, dangerous},
		{"shell-script-as-png", "a.png", "image/png", "#!/bin/sh\nrm -rf /\n", dangerous},
		{"python-as-jpeg", "a.jpg", "image/jpeg", "#!/usr/bin/env python3\n", dangerous},
		{"unknown-interpreter-as-jpeg", "a.jpg", "image/jpeg", "#!/opt/x\n", dangerous},
		{"exe-as-pdf", "a.pdf", "application/pdf", exe, dangerous},
		{"exe-with-pdf-mark", "a.pdf", "application/pdf", exe + "%PDF-1.4\n%%EOF", dangerous},
		{"elf-as-jpeg", "a.jpg", "image/jpeg", elf, dangerous},
		{"elf-with-pdf-mark", "a.pdf", "application/pdf", elf + "%PDF-1.4\n%%EOF", dangerous},
		{"mach-o-as-png", "a.png", "image/png", "\xcf\xfa\xed\xfe\x07\x00\x00\x01\x03\x00\x00\x00", dangerous},
		{"java-class-as-png", "a.png", "image/png", "\xca\xfe\xba\xbe\x00\x00\x00\x34", dangerous},
		{"jar-as-png", "a.png", "image/png", zipOf("META-INF/MANIFEST.MF", "Manifest-Version: 1.0\n"), dangerous},
		{"apk-as-png", "a.png", "image/png", zipOf("AndroidManifest.xml", "x"), dangerous},
		{"wasm-as-png", "a.png", "image/png", "\x00asm\x01\x00\x00\x00", dangerous},
		{"flash-as-png", "a.png", "image/png", "CWS\x0a\x00\x00\x00\x00x", dangerous},
		{"shortcut-as-jpeg", "a.jpg", "image/jpeg", "L\x00\x00\x00\x01\x14\x02\x00\x00\x00\x00\x00\xc0\x00\x00\x00\x00\x00\x00F", dangerous},
		{"html-with-pdf-mark", "a.pdf", "application/pdf", page + "%PDF-1.4\n%%EOF", dangerous},
		{"text-as-png", "a.png", "image/png", "hello", mismatch},
		{"zip-as-png", "a.png", "image/png", zip, mismatch},
		{"gif-as-png", "a.png", "image/png", gif, mismatch},
		{"nothing-as-png", "a.png", "image/png", "", mismatch},
		{"bytes-as-png", "a.png", "image/png", "\x00\x01\x02\x03", mismatch},
		{"nul-before-png", "a.png", "image/png", "\x00" + png, mismatch},
		{"text-before-pdf", "a.pdf", "application/pdf", "x\n" + document, mismatch},
		{"utf-16-html-as-jpeg", "a.jpg", "image/jpeg", "\xff\xfe<\x00h\x00t\x00m\x00l\x00>\x00", dangerous},
		{"javascript-as-jpeg", "a.jpg", "image/jpeg", "alert(1)", mismatch},
		{"postscript-as-png", "a.png", "image/png", "%!PS-Adobe-3.0\n(x) run\n", mismatch},
		{"mvg-as-jpeg", "a.jpg", "image/jpeg", "push graphic-context\nviewbox 0 0 1 1\n", mismatch},
		// claims that do not agree
		{"png-declared-jpeg", "a.png", "image/jpeg", png, mismatch},
		{"png-named-jpg", "a.jpg", "image/png", png, mismatch},
		{"png-named-and-declared-jpeg", "a.jpg", "image/jpeg", png, mismatch},
		{"jpeg-as-png", "a.png", "image/png", jpg, mismatch},
		{"pdf-as-png", "a.png", "image/png", document, mismatch},
		{"png-as-pdf", "a.pdf", "application/pdf", png, mismatch},
		{"png-declared-text", "a.png", "text/plain", png, mismatch},
		{"png-declared-octet-stream", "a.png", "application/octet-stream", png, mismatch},
		{"png-without-extension", "a", "image/png", png, mismatch},
		{"png-named-only-png", ".png", "image/png", png, mismatch},
		{"png-named-txt", "a.txt", "image/png", png, mismatch},
		// honest files of a type that is not on the list
		{"text", "a.txt", "text/plain", "hello", typ},
		{"csv", "a.csv", "text/csv", "a,b\n1,2\n", typ},
		{"markdown", "a.md", "text/markdown", "# a\n", typ},
		{"gif", "a.gif", "image/gif", gif, typ},
		{"zip", "a.zip", "application/zip", zip, typ},
		{"unknown", "a.dat", "application/octet-stream", "\x00\x01\x02\x03", typ},
		{"empty", "a.dat", "application/octet-stream", "", typ},
		// structures that break off, or were never there
		{"png-signature-and-php", "a.png", "image/png", png[:8] + php, polyglot},
		{"png-header-and-php", "a.png", "image/png", png[:33] + php, polyglot},
		{"png-signature-alone", "a.png", "image/png", png[:8], mismatch},
		{"png-without-end", "a.png", "image/png", png[:len(png)-12], mismatch},
		{"png-cut", "a.png", "image/png", png[:len(png)-20], mismatch},
		{"png-without-picture", "a.png", "image/png", png[:33] + png[len(png)-12:], mismatch},
		{"png-second-header", "a.png", "image/png", pngWith("IHDR", png[16:29]), mismatch},
		{"png-endless-chunk", "a.png", "image/png", png[:33] + "\xff\xff\xff\xffIDAT" + php, polyglot},
		{"png-size-zero", "a.png", "image/png", pngSized(0, 5), mismatch},
		{"jpeg-mark-and-php", "a.jpg", "image/jpeg", "\xff\xd8\xff" + php, polyglot},
		{"jpeg-mark-and-script", "a.jpg", "image/jpeg", "\xff\xd8\xff\xe0" + "<script>alert(1)</script>", polyglot},
		{"jpeg-mark-alone", "a.jpg", "image/jpeg", "\xff\xd8\xff\xd9", mismatch},
		{"jpeg-without-end", "a.jpg", "image/jpeg", jpg[:len(jpg)-2], mismatch},
		{"jpeg-without-scan", "a.jpg", "image/jpeg", jpg[:strings.Index(jpg, "\xff\xda")] + "\xff\xd9", mismatch},
		{"gif-mark-and-html", "a.gif", "image/gif", "GIF89a" + page, polyglot},
		{"gif-mark-and-script", "a.gif", "image/gif", "GIF89a=1;alert(1)//xxxxxx", mismatch},
		{"webp-mark-and-php", "a.webp", "image/webp", "RIFF\x24\x00\x00\x00WEBP" + php, polyglot},
		{"webp-cut", "a.webp", "image/webp", webpLossy[:len(webpLossy)-4], mismatch},
		{"webp-other-riff", "a.webp", "image/webp", strings.Replace(webpLossy, "VP8 ", "JUNK", 1), mismatch},
		{"pdf-mark-and-html", "a.pdf", "application/pdf", "%PDF-1.4\n" + page + "\n%%EOF", polyglot},
		{"pdf-without-end", "a.pdf", "application/pdf", strings.TrimSuffix(document, "%%EOF\n"), mismatch},
		{"pdf-end-far-away", "a.pdf", "application/pdf", document + strings.Repeat(" ", 2000), mismatch},
		// two things at once
		{"php-behind-png", "a.png", "image/png", png + php, polyglot},
		{"php-upper-case-behind-png", "a.png", "image/png", png + strings.ToUpper(php), polyglot},
		{"php-behind-jpeg", "a.jpg", "image/jpeg", jpg + "\n\n" + php, polyglot},
		{"php-far-behind-jpeg", "a.jpg", "image/jpeg", jpg + strings.Repeat("x", 100_000) + php, polyglot},
		{"script-behind-webp", "a.webp", "image/webp", webpLossy + page, polyglot},
		{"script-behind-pdf", "a.pdf", "application/pdf", document + page, polyglot},
		{"zip-behind-png", "a.png", "image/png", png + zip, polyglot},
		{"zip-behind-jpeg", "a.jpg", "image/jpeg", jpg + "padding" + zip, polyglot},
		{"zip-behind-pdf", "a.pdf", "application/pdf", document + zip, polyglot},
		{"zip-in-jpeg-comment", "a.jpg", "image/jpeg", jpegWith(0xfe, zip), polyglot},
		{"zip-in-png-chunk", "a.png", "image/png", pngWith("zzZz", zip), polyglot},
		{"larger-zip-behind-png", "a.png", "image/png", png + largerFormat(0, 0), polyglot},
		{"larger-zip-in-jpeg-comment", "a.jpg", "image/jpeg", jpegWith(0xfe, largerFormat(0, 0)), polyglot},
		{"zip-by-its-place-behind-webp", "a.webp", "image/webp", zipByPlace(webpLossy + strings.Repeat("x", 100)), polyglot},
		{"false-archives-behind-png", "a.png", "image/png", png + strings.Repeat("PK\x05\x06", 100), polyglot},
		{"exe-behind-png", "a.png", "image/png", png + exe, polyglot},
		{"elf-behind-jpeg", "a.jpg", "image/jpeg", jpg + elf, polyglot},
		{"rar-behind-jpeg", "a.jpg", "image/jpeg", jpg + "Rar!\x1a\x07\x00", polyglot},
		{"php-in-jpeg-comment", "a.jpg", "image/jpeg", jpegWith(0xfe, php), polyglot},
		{"php-in-exif", "a.jpg", "image/jpeg", jpegWith(0xe1, "Exif\x00\x00"+php), polyglot},
		{"php-in-png-text", "a.png", "image/png", pngWith("tEXt", "Comment\x00"+php), polyglot},
		{"script-in-png-text", "a.png", "image/png", pngWith("iTXt", "a\x00\x00\x00\x00\x00<script src=//x>"), polyglot},
		{"script-in-jpeg-table", "a.jpg", "image/jpeg", jpegWith(0xdb, "<script>alert(1)</script>"), polyglot},
		{"script-in-webp-frame", "a.webp", "image/webp", webpWith("ANMF", strings.Repeat("\x00", 16)+"XMP \x1a\x00\x00\x00<script>alert(1)</script> "), polyglot},
		{"broken-webp-frame", "a.webp", "image/webp", webpWith("ANMF", strings.Repeat("\x00", 16)+"VP8L\xff\x00\x00\x00"), mismatch},
		{"script-in-avif", "a.avif", "image/avif", ordinaryFile(t, "avif-avifenc.avif") + box("free", "<script>alert(1)</script>"), polyglot},
		{"script-behind-avif", "a.avif", "image/avif", ordinaryFile(t, "avif-avifenc.avif") + "<script>alert(1)</script>", polyglot},
		{"page-in-avif-type", "a.avif", "image/avif", box("ftyp", "avif\x00\x00\x00\x00avif") + "<html><script>1</script></html>", polyglot},
		{"avif-without-picture", "a.avif", "image/avif", box("ftyp", "avif\x00\x00\x00\x00avifmif1") + box("mdat", "x"), mismatch},
		{"cut-avif", "a.avif", "image/avif", ordinaryFile(t, "avif-avifenc.avif")[:300], mismatch},
		{"avif-box-beyond-its-parent", "a.avif", "image/avif", box("ftyp", "avif\x00\x00\x00\x00avifmif1") + box("meta", "\x00\x00\x00\x00\x00\x00\x00\xffiprp") + strings.Repeat("x", 300), mismatch},
		{"zip-behind-heic", "a.heic", "image/heic", ordinaryFile(t, "heic-exif.heic") + box("mdat", zip), polyglot},
		{"php-in-heic", "a.heic", "image/heic", ordinaryFile(t, "heic-exif.heic") + box("uuid", "0123456789abcdef"+php), polyglot},
		{"script-in-bmp-header", "a.bmp", "image/bmp", bmp("<script>alert(1)</script>", 3, 2), polyglot},
		{"script-behind-bmp", "a.bmp", "image/bmp", bmp("", 3, 2) + "<script>alert(1)</script>", polyglot},
		{"cut-bmp", "a.bmp", "image/bmp", bmp("", 30, 20)[:200], mismatch},
		{"bmp-with-a-picture-within", "a.bmp", "image/bmp", strings.Replace(bmp("", 3, 2), "\x18\x00\x00\x00\x00\x00", "\x18\x00\x05\x00\x00\x00", 1), mismatch},
		{"script-in-tiff", "a.tiff", "image/tiff", ordinaryFile(t, "tiff-imagemagick.tiff") + "<script>alert(1)</script>", polyglot},
		{"zip-behind-tiff", "a.tiff", "image/tiff", ordinaryFile(t, "tiff-imagemagick.tiff") + zip, polyglot},
		{"tiff-in-a-circle", "a.tiff", "image/tiff", "II*\x00\x08\x00\x00\x00\x00\x00\x08\x00\x00\x00", mismatch},
		{"cut-tiff", "a.tiff", "image/tiff", ordinaryFile(t, "tiff-pages.tiff")[:1000], mismatch},
		{"jpeg-of-many-scans", "a.jpg", "image/jpeg", manyScans(501), mismatch},
		{"svg-in-webp-xmp", "a.webp", "image/webp", webpWith("XMP ", svg), polyglot},
		{"php-in-gif-comment", "a.gif", "image/gif", gifWith(php), polyglot},
		// names
		{"php", "a.php", "image/png", png, dangerous},
		{"upper-case-php", "a.PHP", "image/png", png, dangerous},
		{"phtml", "a.phtml", "image/png", png, dangerous},
		{"phar", "a.phar", "image/png", png, dangerous},
		{"jsp", "a.jsp", "image/png", png, dangerous},
		{"exe", "a.exe", "image/png", png, dangerous},
		{"html-name", "a.html", "image/png", png, dangerous},
		{"svg-name", "a.svg", "image/svg+xml", svg, dangerous},
		{"javascript-name", "a.mjs", "text/javascript", "x", dangerous},
		{"double-extension", "a.php.png", "image/png", png, dangerous},
		{"double-extension-far", "a.php.b.c.png", "image/png", png, dangerous},
		{"double-extension-spaced", "a.php .png", "image/png", png, dangerous},
		{"wide-letters", "a.ｐｈｐ", "image/png", png, dangerous},
		{"wide-dot", "a．php．png", "image/png", png, dangerous},
		{"search-connector", "a.search-ms", "image/png", png, dangerous},
		{"double-extension-reversed", "a.png.php", "image/png", png, dangerous},
		{"exe-under-pdf", "invoice.exe.pdf", "application/pdf", document, dangerous},
		{"semicolon", "a.asp;.png", "image/png", png, dangerous},
		{"escaped-nul", "a.php%00.png", "image/png", png, dangerous},
		{"trailing-dot", "a.php.", "image/png", png, dangerous},
		{"trailing-space", "a.php ", "image/png", png, dangerous},
		{"trailing-dots-and-spaces", "a.php. . .", "image/png", png, dangerous},
		{"stream", "a.php::$DATA", "image/png", png, dangerous},
		{"stream-of-picture", "a.png::$DATA", "image/png", png, dangerous},
		{"named-stream", "a.php:b.png", "image/png", png, dangerous},
		{"htaccess", ".htaccess", "image/png", png, dangerous},
		{"user-ini", ".user.ini", "image/png", png, dangerous},
		{"web-config", "web.config", "image/png", png, dangerous},
		{"only-php", ".php", "image/png", png, dangerous},
		{"path-to-php", "a.php/b.png", "image/png", png, dangerous},
		{"path", "../../a.png", "image/png", png, name},
		{"absolute-path", "/etc/a.png", "image/png", png, name},
		{"directory-upload", "holiday/a.png", "image/png", png, name},
		{"bidi-override", "a\u202egnp.png", "image/png", png, name},
		{"bidi-isolate", "a\u2066.png", "image/png", png, name},
		{"c1-control", "a\u0085.png", "image/png", png, name},
		{"escaped-nul-harmless", "a%00.png", "image/png", png, name},
		{"trailing-dot-harmless", "a.png.", "image/png", png, name},
		{"device", "con.png", "image/png", png, name},
		{"device-upper-case", "LPT1.png", "image/png", png, name},
		{"long-name", strings.Repeat("a", 252) + ".png", "image/png", png, name},
	}
	in := inspector(t, Config{Types: append(slices.Clone(defaultTypes), "image/gif", "image/avif", "image/heic", "image/bmp", "image/tiff")})
	strict := inspector(t, Config{})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			use := in
			if tt.want == typ {
				use = strict
			}
			p := part{"file", tt.filename, tt.typ, tt.content}
			form, err := use.Read(request(p), ReadOptions{})
			if err == nil {
				form.Close()
			}
			if got := ruleOf(err); got != tt.want {
				all, _ := violations(t, use, p)
				t.Errorf("got %q; want %q (all: %q)", got, tt.want, all)
			}
			expectTheSamePieceByPiece(t, tt.content)
		})
	}
	t.Logf("%d disguised files", len(tests))
}

// What the compatible profile reports must never hide what it enforces.
func TestDangerousIsJudgedFirst(t *testing.T) {
	in := inspector(t, Config{})
	png := pngOf(picture(3, 2))
	tests := []struct {
		name string
		part part
		want []rule.ID
	}{
		{"php-as-png", part{"f", "a.png", "image/png", php}, []rule.ID{rule.UploadDangerous, rule.UploadMismatch, rule.UploadType}},
		{"php-name", part{"f", "a.php", "image/png", png}, []rule.ID{rule.UploadDangerous, rule.UploadMismatch}},
		{"php-all-the-way", part{"f", "../a.php", "text/x-php", php}, []rule.ID{rule.UploadDangerous, rule.UploadName, rule.UploadDangerous, rule.UploadType}},
		{"polyglot", part{"f", "a.jpg", "image/png", png + php}, []rule.ID{rule.UploadPolyglot, rule.UploadMismatch}},
		{"gif", part{"f", "a.gif", "image/gif", gifOf(picture(1, 1))}, []rule.ID{rule.UploadType}},
		{"gif-polyglot-off-the-list", part{"f", "a.gif", "image/gif", gifWith(php)}, []rule.ID{rule.UploadPolyglot, rule.UploadType}},
		{"disguised-text", part{"f", "a.png", "image/png", "hello"}, []rule.ID{rule.UploadMismatch, rule.UploadType}},
		{"honest", part{"f", "a.png", "image/png", png}, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got, _ := violations(t, in, tt.part); !slices.Equal(got, tt.want) {
				t.Errorf("got %q; want %q", got, tt.want)
			}
		})
	}
}

// zipByPlace puts an archive behind something, with a record that says nothing of how
// long the directory is, as some readers do not ask.
func zipByPlace(before string) string {
	z := zipOf("a.txt", "hello")
	at, end := strings.Index(z, "PK\x01\x02"), strings.LastIndex(z, "PK\x05\x06")
	record := []byte(z[end:])
	binary.LittleEndian.PutUint32(record[12:], 0)
	binary.LittleEndian.PutUint32(record[16:], uint32(len(before)+at))
	return before + z[:end] + "between" + string(record)
}

func TestOrdinaryFiles(t *testing.T) {
	in := inspector(t, Config{
		MaxFileBytes: 20 << 20,
		Types:        append(slices.Clone(defaultTypes), "image/gif", "text/csv", "text/plain", "text/markdown", "application/json", "application/zip"),
	})
	book := "BT (In HTML, <script>alert(1)</script> and <?php echo 1; ?> are code) Tj ET"
	video := "\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00" + strings.Repeat("\x3c\x00\x91", 1000)
	tests := []struct{ name, filename, typ, content string }{
		{"png", "a.png", "image/png", pngOf(picture(100, 50))},
		{"png-one-pixel", "a.png", "image/png", pngOf(picture(1, 1))},
		{"png-large", "a.png", "image/png", pngOf(picture(1500, 900))},
		{"png-text", "a.png", "image/png", pngWith("tEXt", "Software\x00a < b, x << y, <p>")},
		{"png-xmp", "a.png", "image/png", pngWith("iTXt", "XML:com.adobe.xmp\x00\x00\x00\x00\x00<?xpacket begin=''?><x:xmpmeta/>")},
		{"png-trailing-zeros", "a.png", "image/png", pngOf(picture(3, 2)) + "\x00\x00"},
		{"png-upper-case", "A.PNG", "image/png", pngOf(picture(3, 2))},
		{"png-declared-x-png", "a.png", "image/x-png", pngOf(picture(3, 2))},
		{"png-without-declared-type", "a.png", "", pngOf(picture(3, 2))},
		{"png-dots-in-name", "2024.05.01 v1.2.png", "image/png", pngOf(picture(3, 2))},
		{"png-domain-in-name", "example.com.png", "image/png", pngOf(picture(3, 2))},
		{"png-colon-in-name", "Screenshot 12:30:45.png", "image/png", pngOf(picture(3, 2))},
		{"png-quotes-in-name", `my "best" photo.png`, "image/png", pngOf(picture(3, 2))},
		{"png-hebrew-name", "תמונה\u200f.png", "image/png", pngOf(picture(3, 2))},
		{"png-emoji-name", "💩.png", "image/png", pngOf(picture(3, 2))},
		{"png-long-name", strings.Repeat("a", 251) + ".png", "image/png", pngOf(picture(3, 2))},
		{"png-hidden-name", ".photo.png", "image/png", pngOf(picture(3, 2))},
		{"apng", "a.png", "image/png", pngWith("acTL", "\x00\x00\x00\x01\x00\x00\x00\x00")},
		{"apng-declared-apng", "a.apng", "image/apng", pngWith("acTL", "\x00\x00\x00\x01\x00\x00\x00\x00")},
		{"jpeg", "a.jpg", "image/jpeg", jpegOf(picture(100, 50), 90)},
		{"jpeg-low-quality", "a.jpeg", "image/jpeg", jpegOf(picture(300, 200), 1)},
		{"jpeg-declared-jpg", "a.jpg", "image/jpg", jpegOf(picture(16, 16), 50)},
		{"jpeg-jfif", "a.jfif", "image/jpeg", jpegOf(picture(16, 16), 50)},
		{"jpeg-comment", "a.jpg", "image/jpeg", jpegWith(0xfe, "CREATOR: gd-jpeg v1.0")},
		{"jpeg-exif", "a.jpg", "image/jpeg", jpegWith(0xe1, "Exif\x00\x00MM\x00*\x00\x00\x00\x08")},
		{"jpeg-fill-bytes", "a.jpg", "image/jpeg", strings.Replace(jpegOf(picture(16, 16), 80), "\xff\xda", "\xff\xff\xff\xda", 1)},
		{"jpeg-motion-photo", "a.jpg", "image/jpeg", jpegOf(picture(16, 16), 80) + video},
		{"jpeg-second-picture", "a.jpg", "image/jpeg", jpegOf(picture(16, 16), 80) + jpegOf(picture(8, 8), 80)},
		{"webp-lossy", "a.webp", "image/webp", webpLossy},
		{"webp-lossless", "a.webp", "image/webp", webpLossless},
		{"webp-alpha", "a.webp", "image/webp", webpAlpha},
		{"webp-animated", "a.webp", "image/webp", webpAnimated},
		{"webp-exif", "a.webp", "image/webp", webpWith("EXIF", "MM\x00*\x00\x00\x00\x08")},
		{"webp-xmp", "a.webp", "image/webp", webpWith("XMP ", "<x:xmpmeta></x:xmpmeta>")},
		{"gif", "a.gif", "image/gif", gifOf(picture(20, 20))},
		{"gif-animated", "a.gif", "image/gif", animatedGIF()},
		{"gif-comment", "a.gif", "image/gif", gifWith("made with love <3")},
		{"pdf-1.3", "a.pdf", "application/pdf", pdf("1.3", "")},
		{"pdf-1.7", "a.pdf", "application/pdf", pdf("1.7", strings.Repeat("x", 5000))},
		{"pdf-2.0", "a.PDF", "application/pdf", pdf("2.0", "")},
		{"pdf-about-html", "a.pdf", "application/pdf", pdf("1.5", strings.Repeat(" ", 1000)+book)},
		{"pdf-no-line-end", "a.pdf", "application/pdf", strings.TrimSuffix(pdf("1.4", ""), "\n")},
		{"pdf-padded", "a.pdf", "application/pdf", pdf("1.4", "") + strings.Repeat("\x00", 200)},
		{"pdf-updated", "a.pdf", "application/pdf", pdf("1.4", "") + "5 0 obj\n<<>>\nendobj\nxref\n0 0\ntrailer<<>>\nstartxref\n9\n%%EOF\r\n"},
		{"pdf-of-a-page", "index.html.pdf", "application/pdf", pdf("1.4", "")},
		{"pdf-polish", "strona.pl.pdf", "application/pdf", pdf("1.4", "")},
		{"csv", "a.csv", "text/csv", "name,age\nAnn,5\nBob,7\n"},
		{"csv-one-column", "a.csv", "text/csv", "name\nAnn\n"},
		{"csv-from-excel", "a.csv", "application/vnd.ms-excel", "name;age\nAnn;5\n"},
		{"text", "a.txt", "text/plain", "grüße, 世界\n"},
		{"text-large", "a.txt", "text/plain", strings.Repeat("世界 and 𝄞 ", 20_000)},
		{"text-that-is-csv", "a.txt", "text/plain", "a,b\n1,2\n"},
		{"markdown", "README.md", "text/markdown", "# Title\n\n`<script>` is a tag\n"},
		{"json", "a.json", "application/json", `{"a":[1,2,{"b":null}]}`},
		{"zip", "a.zip", "application/zip", zipOf("a.txt", "hello")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			form, err := in.Read(request(part{"file", tt.filename, tt.typ, tt.content}), ReadOptions{})
			if err != nil {
				t.Fatal(err)
			}
			defer form.Close()
			f := form.Files[0]
			expectTheSamePieceByPiece(t, tt.content)
			if f.Name != tt.filename || f.Size != int64(len(tt.content)) || f.Type == "" || f.ext == "" {
				t.Errorf("got %+v", f)
			}
		})
	}
	t.Logf("%d ordinary files", len(tests))
}

// The pictures that Go's own decoders are tested with: progressive, CMYK,
// restart markers, interlaced, every depth.
func TestPicturesOfTheGoProject(t *testing.T) {
	base := filepath.Join(build.Default.GOROOT, "src/image")
	var files []string
	for _, pattern := range []string{"testdata/*.png", "testdata/*.jpeg", "testdata/*.gif", "png/testdata/*.png", "png/testdata/pngsuite/*.png"} {
		found, _ := filepath.Glob(filepath.Join(base, pattern))
		files = append(files, found...)
	}
	if len(files) < 60 {
		t.Skipf("SKIPPED: only %d pictures of the Go project are here; want its source", len(files))
	}
	in := inspector(t, Config{Types: []string{"image/png", "image/jpeg", "image/gif"}})
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		ext := strings.TrimPrefix(filepath.Ext(file), ".")
		_, err = in.Read(request(part{"file", "a." + ext, "image/" + ext, string(content)}), ReadOptions{})
		want := rule.ID("")
		switch filepath.Base(file) {
		case "invalid-noend.png", "invalid-trunc.png":
			want = rule.UploadMismatch
		}
		if got := ruleOf(err); got != want {
			t.Errorf("%s: got %q, %v; want %q", file, got, err, want)
		}
	}
	t.Logf("%d pictures", len(files))
}

// What stands behind a picture and is not known for anything bad is told of.
func TestTrailingDataIsToldOf(t *testing.T) {
	jpg, png := jpegOf(noisy(100, 80), 80), pngOf(noisy(100, 80))
	for _, tt := range []struct {
		name, typ, content string
		want               bool
	}{
		{"a.jpg", "image/jpeg", jpg, false},
		{"a.jpg", "image/jpeg", jpg + "\x00\x00\x00\r\n", false},
		{"a.jpg", "image/jpeg", jpg + jpg, true},
		{"a.jpg", "image/jpeg", jpg + noise(200_000), true},
		{"a.png", "image/png", png + "secret", true},
		{"a.webp", "image/webp", webpLossy + "xxxxxxxx", true},
		{"a.pdf", "application/pdf", pdf("1.4", "") + "padding", false},
	} {
		for _, delivery := range []Delivery{Spool, Streamed} {
			var noted []rule.ID
			form, stream, err := inspector(t, Config{Delivery: delivery}).Forward(request(part{"f", tt.name, tt.typ, tt.content}), ReadOptions{Note: func(e *problem.Error) { noted = append(noted, e.Rule) }})
			if err == nil && stream != nil {
				_, err = stream.WriteTo(io.Discard)
				stream.Close()
			}
			if err != nil {
				t.Fatal(err)
			}
			if form != nil && form.Files[0].Trailing != tt.want {
				t.Errorf("%s of %d bytes: Trailing is %v", tt.name, len(tt.content), !tt.want)
			}
			form.Close()
			if slices.Contains(noted, rule.UploadTrailing) != tt.want {
				t.Errorf("%s of %d bytes, %s: noted %q; want it %v", tt.name, len(tt.content), delivery, noted, tt.want)
			}
		}
	}
}

// ordinaryFile is one of testdata/ordinary.
func ordinaryFile(t testing.TB, name string) string {
	t.Helper()
	content, err := os.ReadFile("testdata/ordinary/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// box is one of an AVIF.
func box(name, content string) string {
	return string(binary.BigEndian.AppendUint32(nil, uint32(8+len(content)))) + name + content
}

// bmp is a picture of 24 bits a pixel, with something between its header and its pixels.
func bmp(between string, w, h uint32) string {
	b := binary.LittleEndian.AppendUint32([]byte("BM\x00\x00\x00\x00\x00\x00\x00\x00"), uint32(54+len(between)))
	b = binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(b, 40), w), h)
	b = append(b, "\x01\x00\x18\x00\x00\x00\x00\x00"...)
	b = append(append(b, make([]byte, 20)...), between...)
	b = append(b, make([]byte, (w*24+31)/32*4*h)...)
	binary.LittleEndian.PutUint32(b[2:], uint32(len(b)))
	return string(b)
}

// manyScans is a JPEG with its one scan again and again.
func manyScans(n int) string {
	j := jpegOf(picture(8, 8), 50)
	at := strings.Index(j, "\xff\xda")
	return j[:at] + strings.Repeat(j[at:len(j)-2], n) + "\xff\xd9"
}

func TestPixels(t *testing.T) {
	in := inspector(t, Config{MaxPixels: 10_000})
	big := "RIFF" + "\x16\x00\x00\x00" + "WEBPVP8X\x0a\x00\x00\x00\x00\x00\x00\x00\xff\xff\xff\xff\xff\xff"
	tests := []struct {
		name, filename, typ, content string
		want                         rule.ID
	}{
		{"exact", "a.png", "image/png", pngSized(100, 100), ""},
		{"png-bomb", "a.png", "image/png", pngSized(60_000, 60_000), rule.UploadPixels},
		{"png-largest", "a.png", "image/png", pngSized(1<<31-1, 1<<31-1), rule.UploadPixels},
		{"jpeg", "a.jpg", "image/jpeg", jpegOf(picture(200, 100), 50), rule.UploadPixels},
		{"webp", "a.webp", "image/webp", big, rule.UploadPixels},
		{"webp-larger-than-its-canvas", "a.webp", "image/webp", strings.Replace(webpAlpha, "\x9d\x01\x2a\x01\x00\x01\x00", "\x9d\x01\x2a\xff\x3f\xff\x3f", 1), rule.UploadPixels},
		{"gif-larger-than-its-screen", "a.gif", "image/gif", strings.Replace(gifOf(picture(3, 2)), "\x2c\x00\x00\x00\x00\x03\x00\x02\x00", "\x2c\x00\x00\x00\x00\xff\xff\xff\xff", 1), rule.UploadPixels},
		{"avif", "a.avif", "image/avif", strings.Replace(ordinaryFile(t, "avif-avifenc.avif"), "\x00\x00\x000\x00\x00\x00 ", "\x00\x00\xff0\x00\x00\xff ", 1), rule.UploadPixels},
		{"avif-as-it-is", "a.avif", "image/avif", ordinaryFile(t, "avif-avifenc.avif"), ""},
		{"bmp", "a.bmp", "image/bmp", bmp("", 200, 100), rule.UploadPixels},
		{"tiff", "a.tiff", "image/tiff", strings.Replace(ordinaryFile(t, "tiff-pages.tiff"), "\x00\x01\x03\x00\x01\x00\x00\x000\x00", "\x00\x01\x03\x00\x01\x00\x00\x00\xff\xff", 1), rule.UploadPixels},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ids, _ := violations(t, in, part{"f", tt.filename, tt.typ, tt.content})
			if got := slices.Contains(ids, rule.UploadPixels); got != (tt.want != "") {
				t.Errorf("got %q; want %q", ids, tt.want)
			}
		})
	}
}

func TestUnsafeTypes(t *testing.T) {
	in := inspector(t, Config{UnsafeTypes: []string{"image/svg+xml", "application/xml"}})
	tests := []struct {
		name string
		part part
		want rule.ID
	}{
		{"svg", part{"f", "a.svg", "image/svg+xml", svg}, ""},
		{"xml", part{"f", "a.xml", "application/xml", `<?xml version="1.0"?><x/>`}, ""},
		{"feed", part{"f", "a.xml", "text/xml", `<?xml version="1.0"?><rss version="2.0"></rss>`}, ""},
		{"svg-as-png", part{"f", "a.png", "image/png", svg}, rule.UploadMismatch},
		{"html-as-svg", part{"f", "a.svg", "image/svg+xml", page}, rule.UploadDangerous},
		{"php-in-name", part{"f", "a.php.svg", "image/svg+xml", svg}, rule.UploadDangerous},
		{"html", part{"f", "a.html", "text/html", page}, rule.UploadDangerous},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := in.Read(request(tt.part), ReadOptions{})
			if got := ruleOf(err); got != tt.want {
				t.Errorf("got %q; want %q", got, tt.want)
			}
		})
	}
}

// The same drawing and the same page as the encoders write them that people
// use: testdata/ordinary/make.sh says how.
func TestFilesOfManyEncoders(t *testing.T) {
	files, err := filepath.Glob("testdata/ordinary/*.*")
	if err != nil {
		t.Fatal(err)
	}
	types := map[string]string{".jpg": "image/jpeg", ".png": "image/png", ".webp": "image/webp", ".gif": "image/gif", ".pdf": "application/pdf", ".zip": "application/zip",
		".avif": "image/avif", ".heic": "image/heic", ".bmp": "image/bmp", ".tiff": "image/tiff", ".tif": "image/tiff"}
	in := inspector(t, Config{Types: append(slices.Clone(defaultTypes), "image/gif", "image/avif", "image/heic", "image/bmp", "image/tiff", "application/zip")})
	seen := 0
	for _, file := range files {
		typ := types[filepath.Ext(file)]
		if typ == "" {
			continue
		}
		seen++
		t.Run(filepath.Base(file), func(t *testing.T) {
			content, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			form, err := in.Read(request(part{"file", filepath.Base(file), typ, string(content)}), ReadOptions{})
			if err != nil {
				t.Fatal(err)
			}
			defer form.Close()
			expectTheSamePieceByPiece(t, string(content))
			if got := form.Files[0].Type; got != typ {
				t.Errorf("got %s; want %s", got, typ)
			}
		})
	}
	if seen < 54 {
		t.Errorf("%d files; want them all", seen)
	}
}

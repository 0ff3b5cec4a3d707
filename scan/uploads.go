// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package scan

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"image"
	"image/png"
	"net/url"
	"slices"
	"strings"

	"github.com/panoply-security/panoply/finding"
	"github.com/panoply-security/panoply/rule"
)

const largeFile = 12 << 20

// store is a route that takes files.
type store struct {
	path, field string
	stored      answer // that took the picture
	back        string // where the picture came back, or empty
	kept        []kept
}

// kept is an upload that was taken: the file, and where the app says it is, if it does.
type kept struct {
	file
	path string
}

type file struct {
	name, kind string
	content    []byte
}

// uploads sends files that do no harm in forms that could, and asks for them back.
func (s *scan) uploads(ctx context.Context) {
	st := s.findStore(ctx)
	if st == nil {
		s.report.NotTested(6, "no upload was found; name it (--route \"POST /…\")")
		return
	}
	s.report.Tested(6)
	s.report.NotTested(6, "")
	if st.back == "" {
		s.report.NotTested(6, "the picture that was uploaded could not be fetched back: only what is taken was judged")
	}
	defer s.cleanUp(ctx, st)
	page := []byte("<!DOCTYPE html><title>" + s.marker + "</title><p>A file of a scan. It does nothing.</p>")
	drawing := []byte(`<svg xmlns="http://www.w3.org/2000/svg"><title>` + s.marker + `</title></svg>`)
	program := append([]byte("MZ\x90\x00"), []byte(s.marker+", a file of a scan, which does nothing")...)
	for _, f := range []file{
		{s.marker + ".html", "text/html", page},
		{s.marker + ".png.html", "image/png", page},
		{s.marker + ".svg", "image/svg+xml", drawing},
		{s.marker + ".exe", "application/octet-stream", program},
		{s.marker + ".png", "image/png", program},
	} {
		if s.tryFile(ctx, st, f) {
			break
		}
	}
	s.tryLarge(ctx, st)
}

// tryFile reports whether a file that could do harm came back so that it would.
func (s *scan) tryFile(ctx context.Context, st *store, f file) bool {
	a, back := s.upload(ctx, st, f)
	if !a.ok() {
		return false
	}
	harm := harmOf(back, f)
	if harm == "" {
		return false
	}
	again, second := s.upload(ctx, st, f)
	if !again.ok() || harmOf(second, f) == "" {
		return false
	}
	id := rule.UploadDangerous
	if strings.HasSuffix(f.name, ".png") {
		id = rule.UploadMismatch
	}
	s.probe(id, a, st.field, fmt.Sprintf("A %s that was uploaded comes back %s", kindOf(f), harm),
		fmt.Sprintf("POST %s, %s as %s: %d", st.path, f.name, f.kind, a.status), back.line(),
		"baseline, a small picture: "+fmt.Sprint(st.stored.status), "control, a name beside it: "+s.beside(ctx, st, back).line(), "repeated "+second.line())
	return true
}

// beside asks for a file that is not there, in the folder of one that is.
func (s *scan) beside(ctx context.Context, st *store, back answer) answer {
	path := back.target
	return s.client.do(ctx, s.app.user.as(get(path[:strings.LastIndexByte(path, '/')+1]+s.marker+"-none.html")))
}

func kindOf(f file) string {
	switch {
	case bytes.HasPrefix(f.content, []byte("MZ")):
		return "program"
	case bytes.Contains(f.content, []byte("<svg")):
		return "drawing that may hold scripts"
	}
	return "page"
}

// harmOf is how an uploaded file comes back, if that harms whoever opens it.
func harmOf(back answer, f file) string {
	if !back.ok() || !bytes.Equal(back.content, f.content) {
		return ""
	}
	disposition := strings.ToLower(back.header.Get("Content-Disposition"))
	if strings.HasPrefix(disposition, "attachment") || strings.Contains(strings.ToLower(back.header.Get("Content-Security-Policy")), "sandbox") {
		return ""
	}
	kind := back.mediaType()
	switch {
	case kind == "" && back.header.Get("X-Content-Type-Options") == "":
		return "without a type, so that browsers guess"
	case slices.ContainsFunc([]string{"html", "svg", "xml"}, func(part string) bool { return strings.Contains(kind, part) }):
		return "as " + kind + ", to be run on the app's own origin"
	case bytes.HasPrefix(f.content, []byte("MZ")):
		return "as it was"
	}
	return ""
}

// tryLarge sends a valid picture of 12 MB.
func (s *scan) tryLarge(ctx context.Context, st *store) {
	a, _ := s.upload(ctx, st, file{s.marker + "-large.png", "image/png", padded(picture(), largeFile)})
	if !a.ok() {
		return
	}
	f := finding.New(rule.UploadTooLarge, finding.InAnswer("POST", s.address(a), st.field), "A picture of 12 MB is taken: there is no limit, or a generous one")
	f.Severity, f.Confidence = rule.Medium, finding.Tentative
	f.Evidence = []string{fmt.Sprintf("POST %s, %d bytes: %d", st.path, largeFile, a.status), "baseline, a small picture: " + fmt.Sprint(st.stored.status)}
	s.report.Add(f)
}

// findStore looks for a route that takes a small picture.
func (s *scan) findStore(ctx context.Context) *store {
	fields := []string{"file", "image", "avatar", "upload", "photo"}
	for _, path := range s.candidates("POST", uploadName, usual.upload) {
		named := fields
		for _, f := range s.surface.forms {
			if name, ok := f.has("file"); ok && f.action == path {
				named = []string{name}
			}
		}
		for _, field := range named {
			st := &store{path: path, field: field}
			small := file{s.marker + "-picture.png", "image/png", picture()}
			a, back := s.upload(ctx, st, small)
			returned := back.ok() && bytes.Equal(back.content, small.content)
			if a.ok() && (!s.app.absent.ok() || returned) {
				st.stored = a
				if returned {
					st.back = back.target
				}
				s.say("uploads: POST %s, field %s", path, field)
				return st
			}
			if !s.there(a) || a.status == 401 || a.status == 403 {
				break
			}
		}
	}
	return nil
}

// upload sends a file and fetches what came of it.
func (s *scan) upload(ctx context.Context, st *store, f file) (a, back answer) {
	boundary := "panoply-" + s.marker
	var body bytes.Buffer
	fmt.Fprintf(&body, "--%s\r\nContent-Disposition: form-data; name=%q; filename=%q\r\nContent-Type: %s\r\n\r\n", boundary, st.field, f.name, f.kind)
	body.Write(f.content)
	fmt.Fprintf(&body, "\r\n--%s--\r\n", boundary)
	a = s.client.do(ctx, s.app.user.as(request{method: "POST", target: st.path, kind: "multipart/form-data; boundary=" + boundary, body: body.Bytes(), provoked: true}))
	a.body = nil // it is large, and no evidence
	if a.status >= 400 {
		s.judgeError(a)
	}
	if !a.ok() {
		return a, back
	}
	path := s.whereIs(a, f.name)
	st.kept = append(st.kept, kept{f, path})
	if path == "" || len(f.content) > maxBody {
		return a, back
	}
	return a, s.client.do(ctx, s.app.user.as(get(path)))
}

// whereIs is the path under which the answer says that a file is, or empty.
func (s *scan) whereIs(a answer, name string) string {
	var paths []string
	root := &url.URL{Scheme: s.client.base.Scheme, Host: s.client.base.Host, Path: "/"}
	consider := func(base *url.URL, text string) {
		u, err := base.Parse(text)
		if err != nil || text == "" || len(text) > maxPath || u.Host != "" && u.Host != s.client.base.Host {
			return
		}
		if strings.Contains(text, "/") || strings.Contains(text, ".") {
			paths = append(paths, (&url.URL{Path: "/" + strings.TrimLeft(u.Path, "/")}).EscapedPath())
		}
	}
	consider(a.from(), a.header.Get("Location"))
	walk(a.content, func(_ string, v any) {
		if text, ok := v.(string); ok {
			consider(root, text) // as multer has it: below the folder of the app
		}
	})
	slices.SortStableFunc(paths, func(x, y string) int { return strings.Count(y, "/") - strings.Count(x, "/") })
	if len(paths) == 0 {
		return ""
	}
	return paths[0]
}

// picture is a small valid PNG.
func picture() []byte {
	var b bytes.Buffer
	m := image.NewGray(image.Rect(0, 0, 16, 16))
	for i := range m.Pix {
		m.Pix[i] = byte(i * 7)
	}
	_ = png.Encode(&b, m) // writing to a buffer cannot fail
	return b.Bytes()
}

// padded is a valid picture that is larger by size bytes, in a chunk that decoders
// skip.
func padded(p []byte, size int) []byte {
	const headerEnd = 8 + 25 // the magic bytes and the IHDR chunk
	chunk := append([]byte("paDd"), bytes.Repeat([]byte{'p'}, size)...)
	out := bytes.Clone(p[:headerEnd])
	out = binary.BigEndian.AppendUint32(out, uint32(size))
	out = append(out, chunk...)
	out = binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(chunk))
	return append(out, p[headerEnd:]...)
}

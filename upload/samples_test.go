// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package upload

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/textproto"
	"strings"
	"testing"

	"github.com/panoply-security/panoply/internal/spool"
	"github.com/panoply-security/panoply/problem"
	"github.com/panoply-security/panoply/rule"
)

// part is one part of a test's form.
type part struct {
	field, filename, typ string // no filename makes a field
	content              string
}

// encode writes a form as a client would.
func encode(parts ...part) (body []byte, contentType string) {
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for _, p := range parts {
		h := textproto.MIMEHeader{}
		disposition := fmt.Sprintf(`form-data; name="%s"`, p.field)
		if p.filename != "" {
			disposition += fmt.Sprintf(`; filename="%s"`, strings.ReplaceAll(p.filename, `"`, "%22"))
		}
		h.Set("Content-Disposition", disposition)
		if p.typ != "" {
			h.Set("Content-Type", p.typ)
		}
		out, _ := w.CreatePart(h)
		io.WriteString(out, p.content)
	}
	w.Close()
	return b.Bytes(), w.FormDataContentType()
}

func request(parts ...part) *http.Request {
	body, contentType := encode(parts...)
	r := httptest.NewRequest("POST", "/api/upload", bytes.NewReader(body))
	r.Header.Set("Content-Type", contentType)
	return r
}

func inspector(t testing.TB, cfg Config) *Inspector {
	t.Helper()
	in, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	in.budget = spool.NewBudget(t.TempDir(), 8<<20, 64<<20)
	return in
}

func ruleOf(err error) rule.ID {
	var p *problem.Error
	if errors.As(err, &p) {
		return p.Rule
	}
	if err != nil {
		return rule.ID("no rule: " + err.Error())
	}
	return ""
}

// violations reads a form in report mode and returns every violation.
func violations(t testing.TB, in *Inspector, parts ...part) (ids []rule.ID, form *Form) {
	t.Helper()
	form, err := in.Read(request(parts...), ReadOptions{Judge: func(e *problem.Error) error {
		ids = append(ids, e.Rule)
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { form.Close() })
	return ids, form
}

func picture(w, h int) image.Image {
	m := image.NewNRGBA(image.Rect(0, 0, w, h))
	for i := range m.Pix {
		m.Pix[i] = byte(i * 7)
	}
	return m
}

func pngOf(m image.Image) string {
	var b bytes.Buffer
	png.Encode(&b, m)
	return b.String()
}

func jpegOf(m image.Image, quality int) string {
	var b bytes.Buffer
	jpeg.Encode(&b, m, &jpeg.Options{Quality: quality})
	return b.String()
}

func gifOf(m image.Image) string {
	var b bytes.Buffer
	gif.Encode(&b, m, nil)
	return b.String()
}

func animatedGIF() string {
	g := &gif.GIF{LoopCount: 3}
	for i := range 4 {
		m := image.NewPaletted(image.Rect(0, 0, 20, 10), color.Palette{color.Black, color.White})
		m.Pix[i] = 1
		g.Image, g.Delay = append(g.Image, m), append(g.Delay, 10)
	}
	var b bytes.Buffer
	gif.EncodeAll(&b, g)
	return b.String()
}

func base64Text(s string) string {
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// The smallest WebP files of each kind.
var (
	webpLossy    = base64Text("UklGRiIAAABXRUJQVlA4IBYAAAAwAQCdASoBAAEADsD+JaQAA3AAAAAA")
	webpLossless = base64Text("UklGRhoAAABXRUJQVlA4TA0AAAAvAAAAEAcQERGIiP4HAA==")
	webpAlpha    = base64Text("UklGRkoAAABXRUJQVlA4WAoAAAAQAAAAAAAAAAAAQUxQSAwAAAARBxAR/Q9ERP8DAABWUDggGAAAABQBAJ0BKgEAAQAAAP4AAA3AAP7mtQAAAA==")
	webpAnimated = base64Text("UklGRlIAAABXRUJQVlA4WAoAAAASAAAAAAAAAAAAQU5JTQYAAAD/////AABBTk1GJgAAAAAAAAAAAAAAAAAAAGQAAABWUDhMDQAAAC8AAAAQBxAREYiI/gcA")
)

// webpWith adds a chunk to an extended WebP.
func webpWith(name, content string) string {
	if len(content)%2 == 1 {
		content += "\x00"
	}
	w := webpAlpha + name + string(binary.LittleEndian.AppendUint32(nil, uint32(len(content)))) + content
	return w[:4] + string(binary.LittleEndian.AppendUint32(nil, uint32(len(w)-8))) + w[8:]
}

// pdf is a whole one-page document.
func pdf(version, extra string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%%PDF-%s\n%%\xe2\xe3\xcf\xd3\n", version)
	var offsets []int
	for i, object := range []string{
		"<< /Type /Catalog /Pages 2 0 R >>",
		"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
		"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 200 200] /Contents 4 0 R >>",
		fmt.Sprintf("<< /Length %d >>\nstream\n%s\nendstream", len(extra), extra),
	} {
		offsets = append(offsets, b.Len())
		fmt.Fprintf(&b, "%d 0 obj\n%s\nendobj\n", i+1, object)
	}
	start := b.Len()
	fmt.Fprintf(&b, "xref\n0 %d\n0000000000 65535 f \n", len(offsets)+1)
	for _, o := range offsets {
		fmt.Fprintf(&b, "%010d 00000 n \n", o)
	}
	fmt.Fprintf(&b, "trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n", len(offsets)+1, start)
	return b.String()
}

// pngChunk is a chunk with its checksum.
func pngChunk(name, content string) string {
	b := binary.BigEndian.AppendUint32(nil, uint32(len(content)))
	b = append(b, name+content...)
	return string(binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b[4:])))
}

// pngWith puts a chunk behind the header.
func pngWith(name, content string) string {
	p := pngOf(picture(3, 2))
	return p[:33] + pngChunk(name, content) + p[33:]
}

// pngSized says that it is larger than it is.
func pngSized(w, h uint32) string {
	p := pngOf(picture(3, 2))
	dims := string(binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, w), h))
	return p[:8] + pngChunk("IHDR", dims+p[24:29]) + p[33:]
}

// jpegWith puts a segment behind the start.
func jpegWith(marker byte, content string) string {
	j := jpegOf(picture(16, 16), 80)
	return j[:2] + "\xff" + string([]byte{marker}) + string(binary.BigEndian.AppendUint16(nil, uint16(len(content)+2))) + content + j[2:]
}

// gifWith puts a comment before the trailer.
func gifWith(comment string) string {
	g := gifOf(picture(3, 2))
	return g[:len(g)-1] + "\x21\xfe" + string([]byte{byte(len(comment))}) + comment + "\x00;"
}

// zipOf is an archive with one stored file.
func zipOf(name, content string) string {
	le := binary.LittleEndian
	head := func(sig string, rest ...byte) []byte { return append([]byte(sig), rest...) }
	common := func(b []byte) []byte {
		b = append(b, 0, 0, 0, 0, 0, 0, 0, 0) // flags, method, time, date
		b = le.AppendUint32(b, crc32.ChecksumIEEE([]byte(content)))
		b = le.AppendUint32(le.AppendUint32(b, uint32(len(content))), uint32(len(content)))
		return le.AppendUint16(le.AppendUint16(b, uint16(len(name))), 0)
	}
	local := append(common(head("PK\x03\x04", 10, 0)), name+content...)
	directory := append(common(head("PK\x01\x02", 10, 0, 10, 0)), make([]byte, 14)...)
	directory = append(directory, name...)
	end := head("PK\x05\x06", 0, 0, 0, 0, 1, 0, 1, 0)
	end = le.AppendUint32(le.AppendUint32(end, uint32(len(directory))), uint32(len(local)))
	return string(local) + string(directory) + string(end) + "\x00\x00"
}

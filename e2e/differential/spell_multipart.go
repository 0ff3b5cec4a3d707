// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package differential

import (
	"bytes"
	"fmt"
	"image"
	"image/png"
	"strings"
)

// multipart spells a tree as a form of parts, and returns its content type with
// it. An ordinary spelling is what a browser writes.
func (s source) multipart(t tree, ordinary bool) (contentType, body string) {
	boundary := "----WebKitFormBoundary7MA4YWxk"
	contentType = "multipart/form-data; boundary=" + boundary
	line := "\r\n"
	if !ordinary {
		switch s.IntN(16) {
		case 0:
			line = pick(s, "\n", "\r")
		case 1:
			contentType = pick(s, `multipart/form-data; boundary="`+boundary+`"`, "Multipart/Form-Data; Boundary="+boundary,
				"multipart/form-data; boundary="+boundary+"; charset=utf-16le", "multipart/mixed; boundary="+boundary,
				"multipart/form-data; boundary="+boundary+"; boundary=x", "multipart/form-data;boundary="+boundary+";",
				"multipart/form-data; boundary*=utf-8''"+boundary, "multipart/form-data", "text/plain; multipart/form-data; boundary="+boundary)
		}
	}
	var b strings.Builder
	if !ordinary && s.in(12) {
		b.WriteString(pick(s, line, "preamble"+line, `Content-Disposition: form-data; name="$ne"`+line+line+"1"+line))
	}
	for i, f := range t.fields(nil) {
		name := f.path[0]
		if !ordinary && s.in(30) {
			name = "\ufeff" + name
		}
		for _, part := range f.path[1:] {
			name += s.bracket(part, i, ordinary)
		}
		b.WriteString("--" + boundary)
		if !ordinary && s.in(20) {
			b.WriteString(pick(s, " ", "\t", "x"))
		}
		b.WriteString(line)
		b.WriteString(s.partHead(name, line, ordinary))
		b.WriteString(line + f.value + line)
	}
	if ordinary && s.in(3) {
		name := pick(s, "photo", "files[]", "pictures[front]")
		fmt.Fprintf(&b, "--%s\r\nContent-Disposition: form-data; name=\"%s\"; filename=\"%s\"\r\nContent-Type: image/png\r\n\r\n%s\r\n",
			boundary, name, pick(s, "a.png", "Foto 1 (2).png", "größe.png", "it's.PNG"), photo)
	}
	b.WriteString("--" + boundary + "--")
	if ordinary || !s.in(10) {
		b.WriteString(line)
	}
	body = b.String()
	if !ordinary {
		switch s.IntN(16) {
		case 0:
			body += "--" + boundary + line + s.partHead("$ne", line, true) + line + "1" + line + "--" + boundary + "--" + line
		case 1:
			body = body[:s.IntN(len(body))]
		}
	}
	return contentType, body
}

// photo is a picture of one pixel.
var photo = func() []byte {
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, 1, 1))); err != nil {
		panic(err)
	}
	return b.Bytes()
}()

// partHead spells the headers of a part.
func (s source) partHead(name, line string, ordinary bool) string {
	escaped := strings.NewReplacer(`"`, "%22", "\r", "%0D", "\n", "%0A").Replace(name)
	head := fmt.Sprintf(`Content-Disposition: form-data; name="%s"`, escaped)
	if ordinary {
		return head + line
	}
	switch s.IntN(20) {
	case 0:
		head = "Content-Disposition: form-data; name=" + name
	case 1:
		head = fmt.Sprintf(`content-disposition:form-data;name="%s"`, name)
	case 2:
		head = fmt.Sprintf(`Content-Disposition: form-data; name="a"; name="%s"`, name)
	case 3:
		head = fmt.Sprintf(`Content-Disposition: form-data; name="a"; name*=utf-8''%s`, s.escape(name, false))
	case 4:
		head = fmt.Sprintf(`Content-Disposition: form-data; name*=utf-8''%s`, s.escape(name, false))
	case 5:
		head += `; filename="` + pick(s, "a.png", "", "$ne", "a\\\"b") + `"`
	case 6:
		head += line + "Content-Type: text/plain; charset=" + pick(s, "utf-8", "utf-16le", "utf-7", "iso-8859-1")
	case 7:
		head = head + line + `Content-Disposition: form-data; name="$ne"`
	case 8:
		head = "Content-Disposition: form-data;" + line + fmt.Sprintf(` name="%s"`, name)
	case 9:
		backslashed := ""
		for _, r := range name {
			backslashed += "\\" + string(r)
		}
		head = fmt.Sprintf(`Content-Disposition: form-data; name="%s"`, backslashed)
	case 10:
		head = fmt.Sprintf(`Content-Disposition: form-data; name="%s`, name)
	case 11:
		head = fmt.Sprintf("Content-Disposition: form-data; name='%s'", name)
	case 12:
		head += line + "Content-Transfer-Encoding: " + pick(s, "base64", "quoted-printable", "8bit")
	case 13:
		head = fmt.Sprintf(`Content-Disposition : form-data; name="%s"`, name)
	case 14:
		head = fmt.Sprintf(`Content-Disposition: %s; name="%s"`, pick(s, "attachment", "inline", "Form-Data", ""), name)
	case 16:
		head += line + "Content-Type: application/json"
	case 15:
		head = fmt.Sprintf(`X: "%s`, "") + line + head
	}
	return head + line
}

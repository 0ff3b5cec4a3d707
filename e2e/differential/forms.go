// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package differential

import (
	"bytes"
	"fmt"
	"strings"
)

// MakeForm is the form with a number: parts with files and fields, spelled as
// browsers do or in any of the ways in which parsers are known to differ.
func MakeForm(seed, number uint64) *Request {
	s := newSource(seed, number)
	r := &Request{Method: "POST", Target: "/__forms", Ordinary: s.in(4)}
	f := &formSpelling{source: s, line: "\r\n", boundary: pick(s, "----WebKitFormBoundary7MA4YWxk", "B", "---------------------------974767299852498929531610575", "a.b=c")}
	f.odd = !r.Ordinary
	contentType := "multipart/form-data; boundary=" + f.boundary
	if f.boundary == "a.b=c" {
		contentType = `multipart/form-data; boundary="a.b=c"`
	}
	if f.odd && s.in(8) {
		contentType = pick(s, contentType+"; charset=utf-8", contentType+";", contentType+"; boundary=x", "Multipart/Form-Data;Boundary="+f.boundary,
			`multipart/form-data; boundary="`+f.boundary+`"`, "multipart/form-data; boundary*=utf-8''"+f.boundary, "multipart/form-data; boundary="+f.boundary+" ",
			"multipart/form-data; boundary="+f.boundary+", multipart/form-data; boundary=x", "multipart/mixed; boundary="+f.boundary, "multipart/form-data; boundary='"+f.boundary+"'",
			"multipart/form-data; charset=utf-16; boundary="+f.boundary, "multipart/form-data; xboundary=x; boundary="+f.boundary, `multipart/form-data; x="; boundary=y"; boundary=`+f.boundary)
	}
	r.set("Content-Type", contentType)
	r.Body = f.form()
	if f.odd && s.in(3) {
		for range 1 + s.IntN(3) {
			r.Body = s.formBytes(r.Body)
		}
	}
	return r
}

type formSpelling struct {
	source
	boundary, line string
	odd            bool
}

// maybe reports true once in n where the spelling may be odd.
func (f *formSpelling) maybe(n int) bool { return f.odd && f.in(n) }

func (f *formSpelling) form() []byte {
	var b bytes.Buffer
	if f.maybe(20) {
		b.WriteString(pick(f.source, "\r\n", "preamble\r\n", "--\r\n", " ", "\n", "--x\r\n\r\n", "\r\n\r\n"))
	}
	for range 1 + f.IntN(4) {
		line := f.line
		if f.maybe(20) {
			line = pick(f.source, "\n", "\r", "\r\n\r\n", "\r\r\n")
		}
		b.WriteString("--" + f.boundary)
		if f.maybe(20) {
			b.WriteString(pick(f.source, " ", "\t", "x", "-", " \t", ";"))
		}
		b.WriteString(line)
		head := f.head(line)
		b.WriteString(head)
		b.WriteString(line)
		content := f.content()
		if !f.odd && (strings.HasPrefix(content, "--"+f.boundary) || content == string(photo) && !strings.Contains(head, "filename")) {
			content = "text" // a boundary right behind the head is refused, and so is a field that is no text
		}
		b.WriteString(content)
		if !f.maybe(40) {
			b.WriteString(line)
		}
	}
	b.WriteString("--" + f.boundary + "--")
	switch {
	case f.maybe(15):
		b.WriteString(pick(f.source, "", "\n", " \r\n", "\r\nepilogue", "\r\n--"+f.boundary+"\r\nContent-Disposition: form-data; name=\"late\"\r\n\r\n1\r\n--"+f.boundary+"--\r\n", "-", "\r\n\r\n"))
	case f.maybe(20):
		return b.Bytes()[:f.IntN(b.Len())]
	default:
		b.WriteString("\r\n")
	}
	return b.Bytes()
}

var (
	formNames = []string{"file", "photo", "a", "files[]", "user[name]", "größe", "O'Brien", "a b", "x;y", "日本", "a=b", "50%"}
	fileNames = []string{"a.png", "Foto 1 (2).png", "größe.png", "it's.PNG", "日本.pdf", "a;b.png", `a"b.png`, "50%.png", "a=b.png", "a, b.png", "a&b.png", "no extension", ".photo.png", "a%2fb.png", "a'b''c.png", "x.tar.gz", "(a).png", "a%41.png"}
	oddNames  = []string{"b.php", "../b.png", `c:\b.png`, "a/b.png", "a%22b.png", "a%0d%0ab.png", "a&#47;b.png", "a\\\"b.png", "a\\b.png", "a\tb.png", "\ufeffa.png", "", "a\u2028b.png", "filename=b.php", "a\"; filename=\"b.php", "=?utf-8?B?Yi5waHA=?=", "a&quot;b.png", "con", "a\x00b.png", "\xff.png", "a%u0041.png"}
)

// inQuotes escapes as browsers do.
var inQuotes = strings.NewReplacer(`"`, "%22", "\r", "%0D", "\n", "%0A")

// head spells the headers of a part.
func (f *formSpelling) head(line string) string {
	name, file, isFile := pick(f.source, formNames...), pick(f.source, fileNames...), f.in(2)
	if f.maybe(6) {
		file = pick(f.source, oddNames...)
	}
	if f.maybe(20) {
		name = pick(f.source, oddNames...)
	}
	param := func(key, value string) string { return fmt.Sprintf(`; %s="%s"`, key, inQuotes.Replace(value)) }
	disposition := "Content-Disposition: form-data" + param("name", name)
	typ := ""
	if isFile {
		disposition += param("filename", file)
		typ = pick(f.source, "image/png", "application/pdf", "text/plain", "application/octet-stream", "image/jpeg", "application/vnd.openxmlformats-officedocument.wordprocessingml.document")
		if f.in(10) {
			typ = ""
		}
	} else if f.in(8) {
		typ = pick(f.source, "text/plain", "text/plain; charset=utf-8")
	}
	if !f.odd {
		if typ != "" {
			return disposition + line + "Content-Type: " + typ + line
		}
		return disposition + line
	}
	extended := "; filename*=" + pick(f.source, "utf-8''", "UTF-8'en'", "iso-8859-1''", "", "utf-8'") + pick(f.source, "b.php", "a.png", strings.ReplaceAll(f.escape(file, false), "+", "%20"), "%ff.png", "a%00.png", "a%22.png")
	switch f.IntN(28) {
	case 0:
		disposition += param("filename", pick(f.source, "b.php", file))
	case 1:
		disposition += extended
	case 2:
		disposition = "Content-Disposition: form-data" + param("name", name) + extended + pick(f.source, "", param("filename", file))
	case 3:
		disposition += `; filename*0="b."; filename*1="php"`
	case 4:
		disposition += pick(f.source, "; ", ";", "; x", "; x=", "; =x", `; x="y`, "; x=y", " x", `; filename ="b.php"`, `; filename= "b.php"`, `;filename="b.php"`, `; FILENAME="b.php"`, "; filename=b.php", "; filename=b c.php", `; filename="a"b.php`, "; filename='b.php'")
	case 5:
		disposition += line + "Content-Disposition: form-data" + param("name", "z") + param("filename", "b.php")
	case 6:
		disposition = strings.Replace(disposition, "; ", pick(f.source, ";"+line+" ", ";"+line+"\t", " ; ", ";", ";\t", ";;", ",  "), 1)
	case 7:
		disposition = strings.Replace(disposition, "form-data", pick(f.source, "attachment", "Form-Data", "file", "form-data;form-data", "", "mixed", `"form-data"`), 1)
	case 8:
		disposition = strings.Replace(disposition, ":", pick(f.source, " :", "\t:", ":\t", "::", ""), 1)
	case 9:
		disposition = pick(f.source, "X: y"+line, "Content-Length: 3"+line, ": x"+line, "X y"+line, " X: y"+line, "X:"+line, "X: \x00"+line, "Content-Type: image/png"+line) + disposition
	case 10:
		disposition += param("name", "second")
	case 11:
		disposition += "; name*=utf-8''second"
	case 12:
		disposition = strings.Replace(disposition, `name="`+inQuotes.Replace(name)+`"`, pick(f.source, "name="+name, `name='`+name+`'`, `name="`+name, `name=""`, "name", "", `Name="x"`, `name=x y`), 1)
	case 13:
		typ = pick(f.source, "image/png; charset=utf-16le", "text/plain; charset=utf-16le", "text/plain; charset=utf-7", "text/plain; charset=iso-8859-1", "text/plain; charset=us-ascii", "text/plain;charset=\"utf-8\"", "image", "image/png, text/plain", "multipart/mixed; boundary=x", "message/rfc822", "application/x-www-form-urlencoded", "TEXT/PLAIN", "", "application/json", "application/octet-stream", "image/png; name=b.php")
	case 14:
		disposition += line + "Content-Transfer-Encoding: " + pick(f.source, "base64", "inQuotes-printable", "8bit", "binary", "7bit", "BASE64", "x")
	case 15:
		disposition += pick(f.source, "\r", "\n", "\r\n \r\n", " ", "\t", "\x00", "\x0b")
	case 16:
		disposition = strings.ToUpper(disposition)
	case 17:
		disposition = pick(f.source, "", "Content-Type: text/plain", "X: "+disposition, "Content-Disposition: form-data", "content-disposition:form-data;name=a;filename=b.png")
	}
	if typ != "" {
		disposition += line + pick(f.source, "Content-Type: ", "content-type:", "Content-Type: ") + typ
		if f.maybe(25) {
			disposition += line + "Content-Type: text/plain"
		}
	}
	return disposition + line
}

// content is what stands in a part: with what looks like the boundary, often.
func (f *formSpelling) content() string {
	delim := "\r\n--" + f.boundary
	switch f.IntN(8) {
	case 0:
		return ""
	case 1:
		return string(photo)
	case 2:
		return strings.Repeat(pick(f.source, "a", "\r\n", "\r", "-", delim[:len(delim)-1], "ä"), 1+f.IntN(pick(f.source, 20, 800)))
	case 3:
		return pick(f.source, "hello", "Grüße, 世界", `{"a":1}`, "a=b&c=d", "\r\n", "\r\n\r\n", "line\r\nline\r\n", "line\nline\n", "--", "\r", "\n", "--"+f.boundary[:1], "\r\n-", "\r\n--", " ", "\u2028", "\x00")
	case 4:
		if f.odd {
			return delim[:1+f.IntN(len(delim)-1)] + pick(f.source, "", "x", "\n", "--", delim[1:])
		}
		return delim[:1+f.IntN(len(delim)-2)] + "!"
	case 5:
		if f.odd {
			return pick(f.source, "\n--"+f.boundary+"\n", "\r--"+f.boundary+"\r", "--"+f.boundary+"--", "\n--"+f.boundary+"--\n", delim+"x\r\n", delim+" \r\n", "\ufeffx", "\xff\xfe", "x"+delim[:len(delim)-1])
		}
	}
	return pick(f.source, "1", "some text", "ein längerer Text mit Ümläuten")
}

var formPieces = []string{"\r\n", "\n", "\r", "\"", ";", "=", "*", "filename", "filename*=utf-8''", "name", "%22", "\\", "--", "B", " ", "\t", "\x00", "\xff", ":", "Content-Type: text/html\r\n", "\r\n\r\n", "; filename=\"b.php\"", "'", "%0a", "&#46;"}

func (s source) formBytes(b []byte) []byte {
	if s.in(2) || len(b) == 0 {
		at := 0
		if len(b) > 0 {
			at = s.IntN(len(b))
		}
		return bytes.Join([][]byte{b[:at], b[at:]}, []byte(pick(s, formPieces...)))
	}
	return s.bytes(b)
}

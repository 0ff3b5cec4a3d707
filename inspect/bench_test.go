// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package inspect_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/panoply-security/panoply/inspect"
)

// benchJSON is an ordinary body of at least size bytes: an order with lines,
// strings, numbers and a few escapes.
func benchJSON(size int) []byte {
	var b bytes.Buffer
	b.WriteString(`{"order":{"id":"3f0c7a9e-55aa","customer":{"name":"Zoë O'Brien","email":"zoe@shop.example","vip":false},"note":"leave at\nthe door"},"lines":[`)
	for i := 0; ; i++ {
		fmt.Fprintf(&b, `{"sku":"AB-%06d","title":"Cotton T-shirt, blue","quantity":%d,"price":%d.95,"tags":["summer","sale"],"gift":null}`, i, i%9+1, i%80)
		if b.Len() >= size-30 {
			break
		}
		b.WriteByte(',')
	}
	b.WriteString(`],"currency":"EUR"}`)
	return b.Bytes()
}

// bench reads one body over and over, through one request. A guard as strict as
// the NoSQL guard looks on.
func bench(b *testing.B, contentType string, body []byte, o inspect.Options) {
	b.Helper()
	o.MaxBytes, o.Visitor = 16<<20, peerGuard{}
	r, err := http.NewRequest("POST", "/", nil)
	if err != nil {
		b.Fatal(err)
	}
	r.Header.Set("Content-Type", contentType)
	source := bytes.NewReader(body)
	closer := io.NopCloser(source)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		source.Reset(body)
		r.Body, r.ContentLength = closer, int64(len(body))
		rd, err := inspect.ReadBody(r, o)
		if err != nil {
			b.Fatal(err)
		}
		rd.Close()
	}
}

// benchTokens is the floor: the bare tokens of jsontext.
func benchTokens(b *testing.B, body []byte) {
	b.Helper()
	source := bytes.NewBuffer(nil)
	dec := jsontext.NewDecoder(source)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		*source = *bytes.NewBuffer(body)
		dec.Reset(source)
		for {
			if _, err := dec.ReadToken(); err == io.EOF {
				break
			} else if err != nil {
				b.Fatal(err)
			}
		}
	}
}

// The ratio to the bare tokens is the number to hold: 1.5 at most for 1 KB.
func BenchmarkJSON(b *testing.B) {
	for _, size := range []int{1 << 10, 1 << 20} {
		body := benchJSON(size)
		name := fmt.Sprintf("%dKB", size>>10)
		b.Run(name+"/tokens", func(b *testing.B) { benchTokens(b, body) })
		b.Run(name+"/panoply", func(b *testing.B) { bench(b, "application/json", body, inspect.Options{}) })
		b.Run(name+"/panoply-tree", func(b *testing.B) { bench(b, "application/json", body, inspect.Options{Tree: true}) })
	}
}

func BenchmarkQuery5(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if err := inspect.ReadQuery("page=2&sort=name&filter[active]=1&q=blue+shirt&tags[]=a", peerGuard{}, nil); err != nil {
			b.Fatal(err)
		}
	}
}

const formType = "application/x-www-form-urlencoded"

func BenchmarkForm(b *testing.B) {
	bench(b, formType, []byte("name=O%27Brien&email=someone%40shop.example&address[city]=Cork&address[zip]=12345&tags[]=a&tags[]=b&note=leave+at+the+door"), inspect.Options{})
}

func BenchmarkCookies(b *testing.B) {
	for name, line := range map[string]string{
		"ordinary": "sid=s%3A0123456789abcdef.Zm9vYmFy; theme=dark; _ga=GA1.2.1234567890.1700000000",
		"json":     `sid=1; cart=j:{"items":[{"sku":"A","n":1}],"currency":"EUR"}`,
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := inspect.ReadCookies([]string{line}, peerGuard{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// fill repeats a piece up to about 1 MB, between a start and an end.
func fill(start, piece, end string) []byte {
	const size = 1 << 20
	n := (size - len(start) - len(end)) / len(piece)
	return []byte(start + strings.TrimSuffix(strings.Repeat(piece, n), ",") + end)
}

// number repeats a piece with a number in it.
func number(start, format, end string) []byte {
	var b strings.Builder
	b.WriteString(start)
	for i := 0; b.Len() < 1<<20-64; i++ {
		fmt.Fprintf(&b, format, i)
	}
	return []byte(strings.TrimRight(b.String(), ",&") + end)
}

// Each of these is to take at most 3 times as long as the ordinary body of its
// kind, to an answer, whichever it is.
func BenchmarkWorst1MB(b *testing.B) {
	nested := strings.Repeat("[", 63)
	const form, js = formType, "application/json"
	multi := "multipart/form-data; boundary=B"
	part := "--B\r\nContent-Disposition: form-data; name=\"%d\"\r\n\r\nv\r\n"
	for _, c := range []struct {
		name, typ string
		body      []byte
	}{
		{"json/ordinary", js, benchJSON(1 << 20)},
		{"json/deep", js, fill("[", nested+strings.Repeat("]", 63)+",", "]")},
		{"json/too-deep", js, fill("", "[", "")},
		{"json/deep-objects", js, fill("[", strings.Repeat(`{"a":`, 62)+"1"+strings.Repeat("}", 62)+",", "]")},
		{"json/many-names", js, number("{", `"%d":1,`, "}")},
		{"json/many-names-escaped", js, number("{", `"\u0061%d":1,`, "}")},
		{"json/same-names", js, fill("[", `{"a":1,"b":2},`, "]")},
		{"json/objects-of-17-names", js, fill("[", `{"a":1,"b":1,"c":1,"d":1,"e":1,"f":1,"g":1,"h":1,"i":1,"j":1,"k":1,"l":1,"m":1,"n":1,"o":1,"p":1,"q":1},`, "]")},
		{"json/objects-of-9000-names", js, fill("[", string(number("{", `"%06d":1,`, "}")[:1+9000*11])+`"x":1},`, "]")},
		{"json/tiny-tokens", js, fill("[", "0,", "]")},
		{"json/tiny-arrays", js, fill("[", "[],", "]")},
		{"json/tiny-strings", js, fill("[", `"",`, "]")},
		{"json/string-of-escapes", js, fill(`"`, `\u0041`, `"`)},
		{"json/string-of-surrogates", js, fill(`"`, `\ud83d\ude00`, `"`)},
		{"json/name-of-escapes", js, fill(`{"`, `\u0041`, `":1}`)},
		{"json/string-of-unicode", js, fill(`"`, "é", `"`)},
		{"json/long-numbers", js, fill("[", strings.Repeat("1", 94)+"e-99,", "]")},
		{"json/one-long-number", js, fill("", "1", "")},
		{"json/blanks", js, fill("[1", " ", "]")},
		{"json/cut-at-the-end", js, fill("[", "0,", "")},
		{"json-lines/tiny", "application/x-ndjson", fill("", "1\n", "")},
		{"json-by-shape/cut-at-the-end", "text/plain", fill("[", "0,", "")},
		{"json-by-shape/in-a-form", form, fill("[", "0,", "]")},

		{"form/ordinary", form, []byte(strings.TrimSuffix(strings.Repeat("field[name]="+strings.Repeat("value", 207)+"&", 999), "&"))},
		{"form/many-parameters", form, fill("", "a&", "")},
		{"form/empty-parameters", form, fill("", "&", "")},
		{"form/long-names", form, []byte(strings.Repeat(strings.Repeat("n", 1000)+"=&", 1000)[:1000*1002-1])},
		{"form/brackets", form, []byte(strings.Repeat("a"+strings.Repeat("[b]", 32)+"=&", 1000))},
		{"form/open-brackets", form, []byte(strings.Repeat("a"+strings.Repeat("[", 32)+strings.Repeat("x", 980)+"=&", 1000))},
		{"form/closed-brackets", form, []byte(strings.Repeat("a"+strings.Repeat("]", 1000)+"=&", 1000))},
		{"form/dots", form, []byte(strings.Repeat(strings.Repeat("a.", 500)+"b=&", 1000))},
		{"form/dots-and-brackets", form, []byte(strings.Repeat(strings.Repeat("a.b[c]", 16)+strings.Repeat(".]", 400)+"=&", 1000))},
		{"form/escapes-in-names", form, []byte(strings.Repeat(strings.Repeat("%61", 340)+"=&", 1000))},
		{"form/escapes-in-values", form, []byte(strings.Repeat("a="+strings.Repeat("%61", 340)+"&", 1000))},
		{"form/one-value-of-escapes", form, fill("a=", "%61", "")},
		{"form/one-name-of-escapes", form, fill("", "%61", "")},
		{"form/equals", form, fill("a", "=", "")},
		{"form/bracket-ends", form, fill("a=", "]", "=")},
		{"form/different-names", form, number("", "n%d=1&", "")},

		{"multipart/ordinary", multi, []byte(strings.Repeat("--B\r\nContent-Disposition: form-data; name=\"field\"\r\n\r\n"+strings.Repeat("value", 200)+"\r\n", 990) + "--B--\r\n")},
		{"multipart/many-parts", multi, number("", part, "--B--\r\n")},
		{"multipart/brackets", multi, []byte(strings.Repeat("--B\r\nContent-Disposition: form-data; name=\"a"+strings.Repeat("[b]", 32)+"\"\r\n\r\n"+strings.Repeat("v", 900)+"\r\n", 990) + "--B--\r\n")},
	} {
		b.Run(c.name, func(b *testing.B) {
			r, err := http.NewRequest("POST", "/", nil)
			if err != nil {
				b.Fatal(err)
			}
			r.Header.Set("Content-Type", c.typ)
			source := bytes.NewReader(c.body)
			closer := io.NopCloser(source)
			b.SetBytes(int64(len(c.body)))
			b.ReportAllocs()
			for b.Loop() {
				source.Reset(c.body)
				r.Body, r.ContentLength = closer, int64(len(c.body))
				rd, _ := inspect.ReadBody(r, inspect.Options{MaxBytes: 2 << 20, Visitor: &count{}, Multipart: true})
				rd.Close()
			}
		})
	}
	for name, line := range map[string]string{
		"ordinary": strings.Repeat("name=a+value+of+ordinary+length; ", 1<<15),
		"many":     strings.Repeat("a=j:1;", 1<<20/6),
		"escapes":  strings.Repeat("a=%61%61%61;", 1<<20/12),
		"signed":   strings.Repeat("a=s:j:1.;", 1<<20/9),
		"one-long": "a=j:" + strings.Repeat("%5B", 1<<20/3),
		"no-end":   strings.Repeat("a=%", 1<<20/3),
		"latin-1":  strings.Repeat("a=%\xe9;", 1<<20/5),
		"deep":     strings.Repeat("a=j:"+strings.Repeat("[", 64)+";", 1<<20/69),
	} {
		b.Run("cookies/"+name, func(b *testing.B) {
			b.SetBytes(int64(len(line)))
			b.ReportAllocs()
			for b.Loop() {
				inspect.ReadCookies([]string{line}, &count{})
			}
		})
	}
}

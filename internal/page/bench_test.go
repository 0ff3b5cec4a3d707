// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package page

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// benchPage is about 100 KB with 81 scripts and styles.
func benchPage() []byte {
	var b bytes.Buffer
	b.WriteString("<!DOCTYPE html><html lang=en><head><title>Shop</title><link rel=stylesheet href=/a.css>")
	for i := range 81 {
		if i%3 == 0 {
			fmt.Fprintf(&b, "<style>.card%d { margin: 0 auto; color: #333 }</style>\n", i)
		} else {
			fmt.Fprintf(&b, "<script>window.cards = window.cards || []; if (window.cards.length < %d) { window.cards.push({ id: %d }) }</script>\n", i, i)
		}
		for j := range 4 {
			fmt.Fprintf(&b, "<div class=\"card\" id='c%d-%d'><a href=\"/items/%d?ref=home\">An item</a><p>%s</p></div>\n", i, j, j, strings.Repeat("Some text about it. ", 10))
		}
	}
	b.WriteString("</html>")
	return b.Bytes()
}

// The ratio to the tokenizer of x/net/html is the number to hold.
func BenchmarkPage(b *testing.B) {
	page := benchPage()
	run := func(name string, do func()) {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(page)))
			b.ReportAllocs()
			for b.Loop() {
				do()
			}
		})
	}
	dst := make([]byte, 0, 2*len(page))
	run("copy", func() { dst = append(dst[:0], page...) })
	r := NewRewriter("MTIzNDU2Nzg5MDEyMzQ1Ng")
	run("rewrite", func() {
		r.s = scanner{h: r, attrs: r.s.attrs}
		dst = dst[:0]
		for rest := page; len(rest) > 0; {
			n := min(len(rest), 32<<10)
			dst = r.Append(dst, rest[:n])
			rest = rest[n:]
		}
		dst = r.Close(dst)
	})
	run("collect", func() {
		c := NewCollector(func(*Item) {})
		c.Write(page)
		c.Close()
	})
	run("x-net-html", func() {
		z := html.NewTokenizer(bytes.NewReader(page))
		for {
			if z.Next() == html.ErrorToken {
				if z.Err() != io.EOF {
					b.Fatal(z.Err())
				}
				return
			}
			dst = append(dst[:0], z.Raw()...)
		}
	})
}

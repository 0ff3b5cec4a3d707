// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package page

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// items are what a collector finds in a page, a line each.
func items(page string, sizes ...int) (all []string) {
	c := NewCollector(func(it *Item) {
		line := it.Kind.String() + " " + string(it.Text)
		if it.Nonce {
			line += " (nonce)"
		}
		if it.Kind < JavaScriptURL {
			line += " " + base64.StdEncoding.EncodeToString(it.Hash[:])[:6]
		}
		all = append(all, line)
	})
	for _, chunk := range chunks(page, sizes...) {
		c.Write([]byte(chunk))
	}
	c.Close()
	return all
}

// chunks cuts a text, into pieces of these sizes in turn.
func chunks(text string, sizes ...int) (all []string) {
	for i := 0; len(sizes) > 0 && text != ""; i++ {
		n := min(max(1, sizes[i%len(sizes)]), len(text))
		all, text = append(all, text[:n]), text[n:]
	}
	return append(all, text)
}

func line(kind Kind, text string) string {
	sum := sha256.Sum256([]byte(text))
	return kind.String() + " " + text + " " + base64.StdEncoding.EncodeToString(sum[:])[:6]
}

var pages = []struct {
	name, page string
	want       []string
}{
	{"inline", "<script>alert(1)</script><style>a{}</style>", []string{line(Script, "alert(1)"), line(Style, "a{}")}},
	{"upper-case", "<SCRIPT>a</SCRIPT ><sTyle >b</StyLE/>", []string{line(Script, "a"), line(Style, "b")}},
	{"attributes", `<p onclick="a&amp;b" style='c:d' ONLOAD=e onx>`, []string{line(Handler, "a&b"), line(StyleAttr, "c:d"), line(Handler, "e")}},
	{"first-of-two", `<p onclick=a onclick=b OnClick=c>`, []string{line(Handler, "a")}},
	{"quotes-hold-tags", `<a title="<script>x</script>" b='>' c=a"b>y</a>`, nil},
	{"comments", "<!-- <script>a</script> --><!--><script>b</script><!---><script>c</script><!-- --!><script>d</script>",
		[]string{line(Script, "b"), line(Script, "c"), line(Script, "d")}},
	{"comment-that-goes-on", "<!--!><script>a</script>--><script>b</script>", []string{line(Script, "b")}},
	{"bogus-comments", `<!x <script>a</script><?y <script>b</script></ <script>c</script>`, nil},
	{"bogus-comments-end", `<!><script>a</script><!-><script>b</script></><script>c</script><!DOCTYPE html "x>"<script>d</script>`,
		[]string{line(Script, "a"), line(Script, "b"), line(Script, "c"), line(Script, "d")}},
	{"raw-text", "<title><script>a</script></title><textarea><script>b</script></textarea><noscript><style>c</style></noscript><xmp><script>d</script></xmp><iframe><script>e</script></iframe>", nil},
	{"raw-text-ends", "<title></titles></title/><script>a</script>", []string{line(Script, "a")}},
	{"plaintext", "<plaintext><script>a</script>", nil},
	{"end-within", "<script>'</scripts>'</SCRIPT\n>", []string{line(Script, "'</scripts>'")}},
	{"escaped", "<script><!-- <script>a</script> --></script>x", []string{line(Script, "<!-- <script>a</script> -->")}},
	{"escaped-and-ended", "<script><!-- a</script>-->", []string{line(Script, "<!-- a")}},
	{"escaped-twice", "<script><!--<script></script><script>--></script>", []string{line(Script, "<!--<script></script><script>-->")}},
	{"escaped-not", "<script><!-a<script></script>x", []string{line(Script, "<!-a<script>")}},
	{"escaped-at-once", "<script><!--><script></script>x", []string{line(Script, "<!--><script>")}},
	{"escaped-word", "<script><!--<scripty></script>x", []string{line(Script, "<!--<scripty>")}},
	{"newlines", "<script>a\r\nb\rc\r\r\nd\x00</script>", []string{line(Script, "a\nb\nc\n\nd\ufffd")}},
	{"data", `<script type="application/json">{}</script><script type=" Module ">a</script><script type="text/javascript; x">b</script>`,
		[]string{line(Script, "a"), line(Script, "b")}},
	{"external", `<script src="/a?b&amp;c" nonce=n>ignored</script><script src=""></script>`, []string{"script /a?b&c (nonce)"}},
	{"style-sheets", `<link rel="alternate StyleSheet" href=/a><link rel=icon href=/b>`, []string{"style sheet /a"}},
	{"nonces", `<script nonce=x>a</script><script nonce>b</script>`, []string{strings.Replace(line(Script, "a"), "a ", "a (nonce) ", 1), line(Script, "b")}},
	{"script-addresses", "<a href=' java\nscript:a'><a href=javascripts:b><form action=JavaScript:c>", []string{"javascript: address  java\nscript:a", "javascript: address JavaScript:c"}},
	{"references", `<p onclick="a&lt;b&ltc&copy=1&#39;&#x27&notit;&amp" style="&hellip;">`, []string{line(Handler, "a<b&ltc&copy=1''&notit;&"), line(StyleAttr, "…")}},
	{"empty", "<script></script><style></style><p onclick='' style>", nil},
	{"unended", "<style>a", []string{line(Style, "a")}},
	{"unended-with-a-tag", "<style>a</sty", []string{line(Style, "a</sty")}},
	{"unended-script", "<script>a", nil},
	{"unended-tag", "<p onclick=a", nil},
	{"svg-text-is-markup", `<svg><style>x<p onclick=a></style></svg><style>b</style>`, []string{"script or style of SVG x", line(Handler, "a"), line(Style, "b")}},
	{"svg-script", `<svg><script>a < b</script><script href=/b></script></svg><script>c</script>`, []string{line(Script, "a < b"), "script /b", line(Script, "c")}},
	{"svg-style", "<svg><style>\r\n.a{}\x00</style><style/><style>b", []string{line(Style, "\n.a{}\ufffd")}},
	{"svg-section-of-style", `<svg><style> <![CDATA[.a>b]{}]]]> </style><script><![CDATA[x && y]]></script></svg>`, []string{line(Style, " .a>b]{}] "), line(Script, "x && y")}},
	{"svg-reference", `<svg><style>.a{}&amp;</style></svg>`, []string{"script or style of SVG .a{}"}},
	{"svg-comment", `<svg><style>a<!-- b -->c</style></svg>`, []string{line(Style, "ac")}},
	{"svg-holds-html", `<svg><foreignObject><style>a</style></foreignObject><desc><script>b</script></desc></svg>`, []string{line(Style, "a"), line(Script, "b")}},
	{"svg-ended-by-html", `<svg><p><style>a</style>`, []string{line(Style, "a")}},
	{"svg-closed-at-once", `<svg/><style>a</style>`, []string{line(Style, "a")}},
	{"svg-title", `<svg><title><b onclick=a></title></svg>`, []string{line(Handler, "a")}},
	{"svg-section", `<svg><![CDATA[<p onclick=a>]]]><p onclick=b></svg>`, []string{line(Handler, "b")}},
	{"section-in-html", `<![CDATA[<p onclick=a>]]><p onclick=b>`, []string{line(Handler, "b")}},
	{"math", `<math><mtext><style>a</style></mtext><style><p onclick=b></style></math>`, []string{line(Style, "a"), line(Handler, "b")}},
	{"slashes", `<p/onclick=a/><br//onx=b /><p a/=onclick=c>`, []string{line(Handler, "a/"), line(Handler, "b")}},
	{"equals-first", `<p =onclick=a onclick=b>`, []string{line(Handler, "b")}},
}

func TestCollector(t *testing.T) {
	for _, tt := range pages {
		t.Run(tt.name, func(t *testing.T) {
			if got := items(tt.page); !slices.Equal(got, tt.want) {
				t.Errorf("got  %q\nwant %q", got, tt.want)
			}
			for size := 1; size < 9; size++ {
				if got := items(tt.page, size); !slices.Equal(got, tt.want) {
					t.Errorf("in chunks of %d: got  %q\nwant %q", size, got, tt.want)
				}
			}
		})
	}
}

func rewritten(page, nonce string, sizes ...int) string {
	r := NewRewriter(nonce)
	var out []byte
	for _, chunk := range chunks(page, sizes...) {
		out = r.Append(out, []byte(chunk))
	}
	return string(r.Close(out))
}

func TestRewriter(t *testing.T) {
	for name, tt := range map[string][2]string{
		"script":             {"a<script>b</script>c", "a<script N>b</script>c"},
		"attributes":         {"<SCRIPT\nsrc=x async>", "<SCRIPT N\nsrc=x async>"},
		"slash":              {"<script/src=x></script><script src=y/>", "<script/src=x></script><script N src=y/>"},
		"style":              {"<style>a</style>", "<style N>a</style>"},
		"links":              {"<link rel=stylesheet href=a><link rel=icon><link rel='preload' as=script>", "<link N rel=stylesheet href=a><link rel=icon><link N rel='preload' as=script>"},
		"own-nonce":          {"<script nonce=x>", "<script nonce=x>"},
		"empty-nonce":        {`<script nonce="">`, `<script N nonce="">`},
		"nonce-in-a-value":   {`<script a=" nonce=x">`, `<script N a=" nonce=x">`},
		"within-others":      {"<title><script></title><!--<script>--><textarea><style></textarea>", "<title><script></title><!--<script>--><textarea><style></textarea>"},
		"svg":                {"<svg><script>a</script><style>b</style></svg>", "<svg><script N>a</script><style N>b</style></svg>"},
		"behind-svg":         {"<svg><title>a</title></svg><script>b</script>", "<svg><title>a</title></svg><script N>b</script>"},
		"behind-math":        {"<math/><style>a</style>", "<math/><style N>a</style>"},
		"cut":                {"<script src=", "<script src="},
		"other-names":        {"<scripts><stylex><links rel=stylesheet></script>", "<scripts><stylex><links rel=stylesheet></script>"},
		"script-in-a-script": {"<script><!--<script>a</script>--></script><script>", "<script N><!--<script>a</script>--></script><script N>"},
	} {
		t.Run(name, func(t *testing.T) {
			want := strings.ReplaceAll(tt[1], " N", ` nonce=abc `)
			for size := range 12 {
				sizes := []int{size}
				if size == 0 {
					sizes = nil
				}
				if got := rewritten(tt[0], "abc", sizes...); got != want {
					t.Errorf("in chunks of %d: got  %s\nwant %s", size, got, want)
				}
			}
		})
	}
}

func TestRewriterOver(t *testing.T) {
	r := NewRewriter("abc")
	r.Over = true
	if got := string(r.Close(r.Append(nil, []byte(`<script nonce="x">a</script>`)))); got != `<script nonce=abc  nonce="x">a</script>` {
		t.Errorf("got %s", got)
	}
}

// A tag beyond the bound passes as it is, and what comes behind it is seen.
func TestATagBeyondTheBound(t *testing.T) {
	long := "<script a='" + strings.Repeat("x", maxTag) + "'>b</script>"
	for _, size := range []int{1000, 4096, maxTag, maxTag + 20, 1 << 20} {
		got := rewritten("a"+long+"<script>c</script>", "abc", size)
		if plain := strings.ReplaceAll(got, ` nonce=abc `, ""); plain != "a"+long+"<script>c</script>" || !strings.HasSuffix(got, `<script nonce=abc >c</script>`) {
			t.Errorf("in chunks of %d: the page is not what it was", size)
		}
	}
}

// Hashes that browsers and their documentation agree on.
func TestKnownHashes(t *testing.T) {
	for page, want := range map[string]string{
		"<script>alert('Hello, world.');</script>": "qznLcsROx4GACP2dm0UCKCzCG+HiZ1guq6ZZDob/Tng=", // MDN, CSP Level 2
		"<script>doSomething();</script>":          "RFWPLDbv2BY+rCkDzsE+0fr8ylGr2R2faWMhq4lfEQc=", // MDN
	} {
		c := NewCollector(func(it *Item) {
			if got := base64.StdEncoding.EncodeToString(it.Hash[:]); got != want {
				t.Errorf("%s: got %s; want %s", page, got, want)
			}
		})
		c.Write([]byte(page))
		c.Close()
	}
}

// byTokens are the items as the tokenizer of x/net/html finds them, which knows no
// SVG.
func byTokens(page string) (all []string) {
	z := html.NewTokenizer(strings.NewReader(page))
	var kind Kind
	inline, nonce := false, false
	for {
		switch z.Next() {
		case html.ErrorToken:
			return all
		case html.TextToken:
			if text := string(z.Raw()); inline && text != "" {
				text = strings.ReplaceAll(normalized.Replace(text), "\x00", "\ufffd")
				it := kind.String() + " " + text[:min(len(text), maxSample)]
				if nonce {
					it += " (nonce)"
				}
				sum := sha256.Sum256([]byte(text))
				it += " " + base64.StdEncoding.EncodeToString(sum[:])[:6]
				if kind == Script && z.Next() != html.EndTagToken {
					return all // it does not run
				}
				all = append(all, it)
			}
			inline = false
		case html.StartTagToken, html.SelfClosingTagToken:
			token := z.Token()
			inline, nonce = false, false
			var typ string
			external := false
			seen := map[string]bool{}
			for _, a := range token.Attr {
				if seen[a.Key] {
					continue
				}
				seen[a.Key] = true
				switch {
				case strings.HasPrefix(a.Key, "on") && len(a.Key) > 2 && a.Val != "":
					all = append(all, sampled(Handler, a.Val))
				case a.Key == "style" && a.Val != "":
					all = append(all, sampled(StyleAttr, a.Val))
				case a.Key == "nonce":
					nonce = a.Val != ""
				case a.Key == "type":
					typ = a.Val
				case a.Key == "src" || a.Key == "xlink:href":
					external = true
				}
			}
			switch token.Data {
			case "script":
				kind, inline = Script, !external && runs(typ)
			case "style":
				kind, inline = Style, true
			}
		default:
			inline = false
		}
	}
}

func sampled(kind Kind, text string) string {
	l := line(kind, text)
	return kind.String() + " " + text[:min(len(text), maxSample)] + l[len(l)-7:]
}

// parsed is the tree of a page without a nonce in it, as the parser of x/net/html
// makes it, which follows the standard's tree construction.
func parsed(page, nonce string) string {
	root, err := html.Parse(strings.NewReader(page))
	if err != nil {
		return "" // deeper than it goes
	}
	var b strings.Builder
	var walk func(n *html.Node)
	walk = func(n *html.Node) {
		fmt.Fprintf(&b, "%d %s %q", n.Type, n.Namespace, strings.ReplaceAll(n.Data, " nonce="+nonce+" ", ""))
		for _, a := range n.Attr {
			if a.Key != "nonce" {
				fmt.Fprintf(&b, " %s:%s=%q", a.Namespace, a.Key, strings.ReplaceAll(a.Val, " nonce="+nonce+" ", ""))
			}
		}
		b.WriteString(" (")
		for c := n.FirstChild; c != nil; c = c.NextSibling {
			walk(c)
		}
		b.WriteString(")")
	}
	walk(root)
	return b.String()
}

// A nonce makes no tag of what is text or an attribute's value to a browser, wherever
// the scanner has lost the place.
func TestANonceChangesNothingElse(t *testing.T) {
	for name, page := range map[string]string{
		"svg-title":       `<svg></div><title><p title="</title><script></script><script>alert(1)</script>">`,
		"single-quotes":   `<svg></div><title><p title='</title><script></script>'>`,
		"no-quotes":       `<svg></div><title><p title=</title><script>a</script>`,
		"no-quotes-slash": `<tr><svg></tr><title><script a="</title>" title=<script/src=//evil.example/x.js></script>`,
		"no-quotes-attr":  `<tr><svg></tr><title><p a="</title>" title=<script/onclick=alert(1)>`,
		"no-quotes-end":   `<tr><svg></tr><title><svg a="</title>" title=<script/><style>`,
		"select":          `<select><style><p title="</style><script>a</script>">`,
		"section":         `<svg><desc><b><![CDATA[<script>]]></b></desc></svg><script>a</script>`,
		"section-is-text": `<p><![CDATA[<script>]]><script>a</script>`,
		"math-text":       `<math><mi><mglyph><style><p title="</style><script>a</script>"></mglyph></mi></math>`,
		"comment":         `<svg><style><!--</style><script>a</script>--></style></svg>`,
	} {
		t.Run(name, func(t *testing.T) {
			if was, is := parsed(page, "abc"), parsed(rewritten(page, "abc"), "abc"); was != is {
				t.Errorf("to a browser it was\n%s\nand is\n%s", was, is)
			}
		})
	}
}

// Where a page is well formed, SVG and MathML end where the parser of x/net/html has
// them end.
func TestForeignAgainstTheParser(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 5_000 {
		page := madePage(r)
		root, err := html.Parse(strings.NewReader(page))
		if err != nil {
			t.Fatal(err)
		}
		var want []string
		for n := range root.Descendants() {
			if n.Type != html.ElementNode {
				continue
			}
			for _, a := range n.Attr {
				if a.Key == "onclick" {
					want = append(want, line(Handler, a.Val))
				}
			}
			if n.Data != "style" || n.Namespace == "math" || n.FirstChild == nil {
				continue
			}
			if n.FirstChild.NextSibling == nil {
				want = append(want, line(Style, n.FirstChild.Data))
			} else { // an element behind the text
				want = append(want, "script or style of SVG "+n.FirstChild.Data)
			}
		}
		if got := items(page); !slices.Equal(got, want) {
			t.Fatalf("%s\ngot  %q\nwant %q", page, got, want)
		}
	}
}

// madePage is a well-formed page of elements of HTML, SVG and MathML within each other.
func madePage(r *rand.Rand) string {
	var b strings.Builder
	n := 0
	mark := func() string { n++; return fmt.Sprintf("m%d", n) }
	pick := func(of ...string) string { return of[r.IntN(len(of))] }
	var inHTML, inSVG, inMath func(depth int)
	element := func(name, attrs string, within func(int), depth int) {
		fmt.Fprintf(&b, "<%s%s onclick=%s>", name, attrs, mark())
		if within != nil {
			within(depth - 1)
		}
		fmt.Fprintf(&b, "</%s>", name)
	}
	style := func() {
		switch r.IntN(3) {
		case 0:
			fmt.Fprintf(&b, "<style>%s<x onclick=%s></x></style>", mark(), mark())
		case 1:
			fmt.Fprintf(&b, "<style>%s</style>", mark())
		case 2:
			fmt.Fprintf(&b, "<style> < %s</style>", mark())
		}
	}
	section := func() { fmt.Fprintf(&b, "<![CDATA[<p onclick=%s></p>]]>", mark()) }
	inHTML = func(depth int) {
		for range r.IntN(3) {
			switch r.IntN(6) {
			case 0:
				style()
			case 1:
				section()
			case 2, 3:
				if depth > 0 {
					element(pick("div", "span", "section", "svgs", "mi"), "", inHTML, depth)
				}
			case 4:
				if depth > 0 {
					element("svg", "", inSVG, depth)
				}
			case 5:
				if depth > 0 {
					element("math", "", inMath, depth)
				}
			}
		}
	}
	inSVG = func(depth int) {
		for range r.IntN(4) {
			switch r.IntN(7) {
			case 0:
				style()
			case 1:
				section()
			case 2:
				fmt.Fprintf(&b, "<path onclick=%s />", mark())
			case 3, 4:
				if depth > 0 {
					element(pick("g", "mi", "annotation-xml", "math", "svg", "font"), "", inSVG, depth)
				}
			case 5, 6:
				if depth > 0 {
					element(pick("foreignObject", "desc", "title"), "", inHTML, depth)
				}
			}
		}
	}
	inMath = func(depth int) {
		for range r.IntN(4) {
			switch r.IntN(8) {
			case 0:
				style()
			case 1:
				section()
			case 2, 3:
				if depth > 0 {
					element(pick("mrow", "desc", "svg", "annotation-xml", "title"), "", inMath, depth)
				}
			case 4, 5:
				if depth > 0 {
					element(pick("mi", "mo", "mn", "ms", "mtext"), "", inHTML, depth)
				}
			case 6:
				if depth > 0 {
					element("annotation-xml", pick(` encoding="text/html"`, " encoding='application/XHTML+xml'"), inHTML, depth)
				}
			case 7:
				if depth > 0 {
					b.WriteString("<annotation-xml>")
					element("svg", "", inSVG, depth)
					b.WriteString("</annotation-xml>")
				}
			}
		}
	}
	inHTML(6)
	if r.IntN(3) == 0 { // what is not closed ends with what stands around it
		fmt.Fprintf(&b, "<div><svg><g onclick=%s>%s", mark(), pick("</div>", "<p></p></div>", "</p></div>", "<font size=1></font></div>", "<font></div>"))
		style()
	}
	return b.String()
}

// FuzzPage holds what is found to the tokenizer of x/net/html, and a rewritten page to
// the page that it was and to the tree that it makes.
func FuzzPage(f *testing.F) {
	for _, tt := range pages {
		f.Add(tt.page, uint8(3))
	}
	f.Fuzz(func(t *testing.T, page string, size uint8) {
		got := items(page)
		if in := items(page, int(size), 1, int(size)/3); !slices.Equal(in, got) {
			t.Fatalf("%q: in chunks %q, whole %q", page, in, got)
		}
		nonce := `zz` + fmt.Sprint(len(page))
		out := rewritten(page, nonce)
		if in := rewritten(page, nonce, int(size), 1, int(size)/3); in != out {
			t.Fatalf("%q: in chunks %q, whole %q", page, in, out)
		}
		if !strings.Contains(page, nonce) && strings.ReplaceAll(out, ` nonce=`+nonce+` `, "") != page {
			t.Fatalf("%q became %q", page, out)
		}
		// In a frameset the parser keeps white space of what it ignores.
		if was, is := parsed(page, nonce), parsed(out, nonce); was != is && !strings.Contains(strings.ToLower(page), "frameset") {
			t.Fatalf("%q is to a browser\n%s\nand rewritten\n%s", page, was, is)
		}
		lowered := strings.ToLower(page)
		if strings.Contains(lowered, "svg") || strings.Contains(lowered, "math") || !bytes.Equal([]byte(page), bytes.ToValidUTF8([]byte(page), []byte("\ufffd"))) {
			return
		}
		mine := slices.DeleteFunc(got, func(s string) bool {
			return strings.HasPrefix(s, "javascript:") || strings.HasPrefix(s, "script ") || strings.HasPrefix(s, "style sheet")
		})
		if want := byTokens(page); !slices.Equal(mine, want) {
			t.Fatalf("%q:\ngot  %q\nwant %q", page, mine, want)
		}
	})
}

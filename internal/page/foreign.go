// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package page

// foreign is what SVG and MathML stand around the place, and the elements in them that
// hold HTML. In SVG and MathML the text of a script is markup like any other.
type foreign struct {
	open  [maxForeign]element
	depth int
	// html counts the elements of HTML that are open, by a hash of their names: their
	// end tags end the SVG and MathML in them.
	html [256]uint16
}

// element is an element of SVG or MathML that is followed.
type element struct {
	name   [16]byte
	kind   kind
	within int // elements of HTML that are open in it
}

type kind uint8

const (
	svg       kind = iota // of SVG, and holds SVG
	math                  // of MathML, and holds MathML
	holdsHTML             // of SVG or MathML, and holds HTML
	mathText              // of MathML, and holds HTML but for two elements
	annotated             // annotation-xml, which holds MathML and SVG
)

var (
	// htmlInSVG and textInMath are the integration points of the HTML standard.
	htmlInSVG  = map[string]bool{"foreignobject": true, "desc": true, "title": true}
	textInMath = map[string]bool{"mi": true, "mo": true, "mn": true, "ms": true, "mtext": true}
	// endForeign are start tags of HTML that end SVG and MathML around them.
	endForeign = set("b", "big", "blockquote", "body", "br", "center", "code", "dd", "div", "dl", "dt", "em", "embed", "h1", "h2", "h3", "h4", "h5", "h6",
		"head", "hr", "i", "img", "li", "listing", "menu", "meta", "nobr", "ol", "p", "pre", "ruby", "s", "small", "span", "strong", "strike", "sub",
		"sup", "table", "tt", "u", "ul", "var")
	// never are elements of SVG and MathML with names that HTML has no use for.
	never = set("svg", "math", "foreignobject", "annotation-xml")
	// uncounted are elements of HTML without an end tag, or whose end tag may come alone.
	uncounted = set("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "p", "param", "source", "track", "wbr")
)

func set(names ...string) map[string]bool {
	all := map[string]bool{}
	for _, name := range names {
		all[name] = true
	}
	return all
}

// top is the innermost element that is followed, nil where there is none.
func (f *foreign) top() *element {
	if f.depth == 0 {
		return nil
	}
	return &f.open[f.depth-1]
}

// inside reports whether a start tag at the place is of SVG or MathML.
func (f *foreign) inside() bool {
	e := f.top()
	return e != nil && (e.kind == svg || e.kind == math || e.kind == annotated)
}

// inSVG reports whether a start tag at the place is of SVG, which has scripts and styles
// of its own. MathML has none.
func (f *foreign) inSVG() bool { return f.depth > 0 && f.top().kind == svg }

// sections reports whether there are CDATA sections at the place: where the innermost
// element is none of HTML.
func (f *foreign) sections() bool { return f.depth > 0 && f.top().within == 0 }

// asks reports whether the attributes of a start tag decide where SVG or MathML ends.
func (f *foreign) asks(name []byte) bool {
	return f.inside() && (string(name) == "font" || string(name) == "annotation-xml")
}

// enter is called at a start tag; attrs are only there if it asked for them. It
// reports whether its element is one of SVG or MathML.
func (f *foreign) enter(name, attrs []byte, slash bool) bool {
	e := f.top()
	if e != nil && e.kind == mathText && e.within == 0 && (string(name) == "mglyph" || string(name) == "malignmark") {
		f.push(name, math, slash)
		return true
	}
	if f.inside() && (endForeign[string(name)] || string(name) == "font" && breaks(attrs)) {
		f.out()
		e = f.top()
	}
	if f.inside() {
		f.push(name, f.kindOf(name, attrs), slash)
		return true
	}
	switch {
	case string(name) == "svg":
		f.push(name, svg, slash)
		return true
	case string(name) == "math":
		f.push(name, math, slash)
		return true
	case name == nil, uncounted[string(name)]:
	case e != nil:
		e.within++
	default:
		if n := &f.html[slot(name)]; *n < 1<<16-1 {
			*n++
		}
	}
	return false
}

// kindOf is what an element of SVG or MathML is.
func (f *foreign) kindOf(name, attrs []byte) kind {
	in := f.top().kind
	switch so := string(name); {
	case in == svg && htmlInSVG[so]:
		return holdsHTML
	case in == svg, in == annotated && so == "svg":
		return svg
	case textInMath[so]:
		return mathText
	case so == "annotation-xml":
		if encoding, _ := value(attrs, "encoding"); equalFold(encoding, "text/html") || equalFold(encoding, "application/xhtml+xml") {
			return holdsHTML
		}
		return annotated
	}
	return math
}

// breaks reports whether a <font> is one of HTML.
func breaks(attrs []byte) bool {
	for _, name := range []string{"color", "face", "size"} {
		if _, found := value(attrs, name); found {
			return true
		}
	}
	return false
}

func (f *foreign) push(name []byte, k kind, slash bool) {
	if slash || f.depth == maxForeign {
		return
	}
	e := element{kind: k}
	copy(e.name[:], name)
	f.open[f.depth] = e
	f.depth++
}

// out goes to the HTML around.
func (f *foreign) out() {
	for f.inside() {
		f.depth--
	}
}

// leave is called at an end tag.
func (f *foreign) leave(name []byte) {
	if name == nil {
		return
	}
	e := f.top()
	if e == nil {
		if n := &f.html[slot(name)]; *n > 0 {
			*n--
		}
		return
	}
	if string(name) == "p" || string(name) == "br" {
		f.out()
		return
	}
	var so element
	copy(so.name[:], name)
	for i := f.depth - 1; i >= 0; i-- {
		e := &f.open[i]
		if e.name == so.name && (e.within == 0 || never[string(name)]) {
			f.depth = i
			return
		}
		if e.within > 0 && !never[string(name)] { // of an element of HTML in it
			e.within--
			f.depth = i + 1
			return
		}
	}
	if n := &f.html[slot(name)]; *n > 0 { // of one of HTML around it
		*n--
		f.depth = 0
	}
}

// slot is where the elements of a name are counted.
func slot(name []byte) uint8 {
	h := uint32(2166136261)
	for _, c := range name {
		h = (h ^ uint32(c)) * 16777619
	}
	return uint8(h ^ h>>8)
}

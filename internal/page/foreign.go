// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package page

// foreign is what SVG and MathML stand around the place, and the elements in them that
// hold HTML. In SVG and MathML the text of a script is markup like any other.
type foreign struct {
	open  [maxForeign]element
	depth int
	met   bool // there was some in the page
}

type element struct {
	name [16]byte
	html bool // it holds HTML
}

// holdHTML are the elements of SVG and MathML that do.
var holdHTML = map[string]bool{
	"foreignobject": true, "desc": true, "title": true, "mi": true, "mo": true, "mn": true, "ms": true, "mtext": true,
}

// endForeign are tags of HTML that end SVG and MathML around them.
var endForeign = map[string]bool{
	"b": true, "big": true, "blockquote": true, "body": true, "br": true, "center": true, "code": true, "dd": true, "div": true, "dl": true, "dt": true,
	"em": true, "embed": true, "h1": true, "h2": true, "h3": true, "h4": true, "h5": true, "h6": true, "head": true, "hr": true, "i": true, "img": true,
	"li": true, "listing": true, "menu": true, "meta": true, "nobr": true, "ol": true, "p": true, "pre": true, "ruby": true, "s": true, "small": true,
	"span": true, "strong": true, "strike": true, "sub": true, "sup": true, "table": true, "tt": true, "u": true, "ul": true, "var": true,
}

// inside reports whether the place is in SVG or MathML itself.
func (f *foreign) inside() bool { return f.depth > 0 && !f.open[f.depth-1].html }

// enter is called at a start tag. It reports whether its element is one of SVG or
// MathML.
func (f *foreign) enter(name []byte, slash bool) bool {
	if !f.inside() {
		if so := string(name); so != "svg" && so != "math" {
			return false
		}
		f.met = true
		f.push(name, slash, false)
		return true
	}
	if endForeign[string(name)] {
		f.out()
		return false
	}
	switch so := string(name); {
	case so == "svg", so == "math":
		f.push(name, slash, false)
	case holdHTML[so]:
		f.push(name, slash, true)
	}
	return true
}

func (f *foreign) push(name []byte, slash, html bool) {
	if slash || f.depth == maxForeign {
		return
	}
	e := element{html: html}
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
	if f.depth == 0 || name == nil {
		return
	}
	var e element
	copy(e.name[:], name)
	for i := f.depth - 1; i >= 0; i-- {
		if f.open[i].name == e.name {
			f.depth = i
			return
		}
	}
	if f.inside() && endForeign[string(name)] { // the end of what stands around it
		f.out()
	}
}

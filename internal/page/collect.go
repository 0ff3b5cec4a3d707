// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package page

import (
	"bytes"
	"crypto/sha256"
	"hash"
	"strings"
)

// Kind is what a policy would have to allow.
type Kind uint8

// The kinds.
const (
	Script        Kind = iota // an inline <script>
	Style                     // an inline <style>
	Handler                   // an attribute such as onclick
	StyleAttr                 // a style attribute
	JavaScriptURL             // an address that begins with javascript:
	ScriptSrc                 // the address of a script
	StyleHref                 // the address of a style sheet
	Markup                    // a script or style of SVG with more in it than plain text
)

// String is the kind in words.
func (k Kind) String() string {
	return [...]string{"inline script", "inline style", "event handler", "style attribute", "javascript: address", "script", "style sheet", "script or style of SVG"}[k]
}

const (
	maxSample = 256     // bytes of a text
	maxURL    = 2 << 10 // bytes of an address; a longer one is not told of
)

// Item is one thing that a policy would have to allow.
type Item struct {
	Kind Kind
	Hash [sha256.Size]byte // of the text, as a browser hashes it
	Text []byte            // its first 256 bytes, or the whole address; only valid during the call
	// Nonce says that the element has a nonce of its own.
	Nonce bool
	// Parsed says that a script is a module, or writes: what it loads may be inserted by
	// the parser.
	Parsed bool
}

// Collector finds what a policy would have to allow in a page that is written to it.
// It never fails.
type Collector struct {
	s     scanner
	found func(*Item)

	item   Item
	inline bool      // the text at hand is one to tell of
	sum    hash.Hash // of the text at hand
	sample []byte
	length int
	cr     bool   // its last byte was a CR
	tail   []byte // its last bytes
}

// NewCollector returns a collector for one page, which calls found for each item, in
// order.
func NewCollector(found func(*Item)) *Collector {
	c := &Collector{found: found, sum: sha256.New()}
	c.s.h = c
	return c
}

// Write takes the next chunk of the page.
func (c *Collector) Write(b []byte) (int, error) {
	c.s.scan(b)
	return len(b), nil
}

// Close ends the page. A style that has no end tag counts all the same; a script
// without one does not run.
func (c *Collector) Close() error {
	if c.s.raw.told && c.s.raw.name == "style" {
		if c.s.state == rawLess {
			c.s.rawIsText()
		}
		c.close()
	}
	c.inline = false
	return nil
}

func (c *Collector) wants([]byte) bool { return true }

func (c *Collector) overlong([]byte) {}

// addresses are the attributes that may hold a javascript: address.
var addresses = []string{"href", "src", "action", "formaction", "xlink:href", "data"}

func (c *Collector) tag(name, attrs []byte, _, _ int) {
	var seen [maxAttrs][]byte
	n := 0
	var src, rel, href, kind []byte
	external, nonce := false, false
	eachAttr(attrs, func(attr, value []byte) {
		for _, before := range seen[:n] {
			if bytes.EqualFold(before, attr) {
				return
			}
		}
		seen[n] = attr
		n++
		switch {
		case len(attr) > 2 && attr[0]|0x20 == 'o' && attr[1]|0x20 == 'n':
			c.tell(Handler, decode(value))
		case equalFold(attr, "style"):
			c.tell(StyleAttr, decode(value))
		case equalFold(attr, "nonce"):
			nonce = len(value) > 0
		case equalFold(attr, "type"):
			kind = value
		case equalFold(attr, "rel"):
			rel = value
		}
		for _, address := range addresses {
			if equalFold(attr, address) && scriptURL(decode(value)) {
				c.tell(JavaScriptURL, decode(value))
			}
		}
		if equalFold(attr, "src") || equalFold(attr, "href") && c.s.foreign.inside() || equalFold(attr, "xlink:href") {
			src, external = value, true
		}
		if equalFold(attr, "href") {
			href = value
		}
	})
	holds := !c.s.foreign.inside() || c.s.foreign.inSVG() // a script or style; MathML has none
	switch string(name) {
	case "script":
		c.begin(Script, nonce, !external && runs(decode(kind)) && holds)
		c.item.Parsed = strings.EqualFold(strings.TrimSpace(decode(kind)), "module")
		if external {
			c.address(ScriptSrc, decode(src), nonce)
		}
	case "style":
		c.begin(Style, nonce, holds)
	case "link":
		if hasWord(rel, "stylesheet") {
			c.address(StyleHref, decode(href), nonce)
		}
	}
}

// runs reports whether a script of that type is one, and not data.
func runs(kind string) bool {
	kind, _, _ = strings.Cut(strings.ToLower(strings.TrimSpace(kind)), ";")
	switch kind = strings.TrimSpace(kind); kind {
	case "", "module", "importmap", "speculationrules":
		return true
	}
	if version, ok := strings.CutPrefix(kind, "text/javascript1."); ok {
		return len(version) == 1 && version[0] <= '5'
	}
	return strings.HasSuffix(kind, "javascript") || strings.HasSuffix(kind, "ecmascript") || kind == "text/jscript" || kind == "text/livescript"
}

// scriptURL reports whether an address is javascript:, as URLs are parsed: white space
// before it and line ends within count for nothing.
func scriptURL(s string) bool {
	s = strings.TrimLeftFunc(s, func(c rune) bool { return c <= ' ' })
	for _, want := range "javascript:" {
		s = strings.TrimLeft(s, "\t\r\n")
		if s == "" || rune(lower(s[0])) != want {
			return false
		}
		s = s[1:]
	}
	return true
}

func (c *Collector) tell(kind Kind, text string) {
	if text == "" {
		return
	}
	c.found(&Item{Kind: kind, Hash: sha256.Sum256([]byte(text)), Text: []byte(text[:min(len(text), maxSample)])})
}

func (c *Collector) address(kind Kind, address string, nonce bool) {
	if address = strings.TrimSpace(address); address == "" || len(address) > maxURL {
		return
	}
	c.found(&Item{Kind: kind, Text: []byte(address), Nonce: nonce})
}

// begin readies the collector for the text of an element.
func (c *Collector) begin(kind Kind, nonce, inline bool) {
	c.item, c.inline, c.cr = Item{Kind: kind, Nonce: nonce}, inline, false
	c.sum.Reset()
	c.tail = c.tail[:0]
	c.sample, c.length = c.sample[:0], 0
}

// text hashes what the HTML parser makes of the bytes: newlines normalized, and no
// NUL.
func (c *Collector) text(b []byte) {
	if !c.inline {
		return
	}
	for len(b) > 0 {
		if c.cr && b[0] == '\n' {
			b = b[1:]
		}
		c.cr = false
		i := bytes.IndexAny(b, "\r\x00")
		if i < 0 {
			c.put(b)
			return
		}
		c.put(b[:i])
		if c.cr = b[i] == '\r'; c.cr {
			c.put([]byte("\n"))
		} else {
			c.put([]byte("\ufffd"))
		}
		b = b[i+1:]
	}
}

// writes is how a script that writes markup does so: document.write, in pieces too.
const writes = ".write"

func (c *Collector) put(b []byte) {
	if c.item.Kind == Script && !c.item.Parsed {
		c.tail = append(c.tail, b[:min(len(b), len(writes)-1)]...)
		c.item.Parsed = bytes.Contains(b, []byte(writes)) || bytes.Contains(c.tail, []byte(writes))
		c.tail = append(c.tail[:0], c.tail[max(0, len(c.tail)-len(writes)+1):]...)
		if len(b) >= len(writes) {
			c.tail = append(c.tail[:0], b[len(b)-len(writes)+1:]...)
		}
	}
	c.sum.Write(b)
	c.length += len(b)
	c.sample = append(c.sample, b[:min(len(b), maxSample-len(c.sample))]...)
}

// markup takes text in which references count. With one it is not known what a browser
// hashes.
func (c *Collector) markup(b []byte) {
	if i := bytes.IndexByte(b, '&'); i >= 0 {
		c.text(b[:i])
		c.broken()
		return
	}
	c.text(b)
}

// broken tells of a text that is not known.
func (c *Collector) broken() {
	if c.inline {
		c.found(&Item{Kind: Markup, Text: c.sample})
	}
	c.inline = false
}

// close tells of a text that has ended. One that is empty does nothing.
func (c *Collector) close() {
	if c.inline && c.length > 0 {
		c.sum.Sum(c.item.Hash[:0])
		c.item.Text = c.sample
		c.found(&c.item)
	}
	c.inline = false
}

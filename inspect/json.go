// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package inspect

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"sync"
	"unicode"

	"github.com/panoply-security/panoply/problem"
	"github.com/panoply-security/panoply/rule"
)

const (
	maxDepth    = 64        // levels of objects and arrays
	maxValues   = 1_000_000 // of a text, and names with them
	maxMembers  = 10_000    // names of an object
	maxJSONName = 4 << 10   // bytes of a name
	maxString   = 16 << 20  // bytes of a string, as many as MongoDB takes in a document
	maxNumber   = 100       // bytes of a number
	maxExponent = 400       // of ten; a double ends at 308
	minExponent = -330      // what is smaller is zero in JavaScript, and not in every schema
)

var utf8BOM = []byte("\xef\xbb\xbf")

// jsonReader reads JSON by tokens, once, for visitors and a tree.
type jsonReader struct {
	visit Visitor
	path  Path
	text  string
	pos   int
	// loose text was not said to be JSON: it is shown as far as a lenient parser
	// could read it, among it repeated names and text that is not UTF-8.
	loose bool
	tree  *treeBuilder // nil keeps no tree
	texts Texts        // nil wants none

	values  int
	depth   int
	deepest int
	open    [maxDepth]container
	names   names // in the open objects
	steps   [maxDepth]step
}

// container is an object or array around the next value.
type container struct {
	end   byte // '}' or ']'
	count int  // values in it so far
	names int  // where those of an object start
}

var jsonReaders = sync.Pool{New: func() any { return new(jsonReader) }}

func newJSONReader(data []byte, place Place, visit Visitor) *jsonReader {
	j := jsonReaders.Get().(*jsonReader)
	j.visit, j.text, j.path.Place = visit, textOf(data), place
	j.path.steps = j.steps[:0]
	return j
}

// free gives the reader back; nothing of the body stays in it.
func (j *jsonReader) free() {
	j.names.reset()
	clear(j.steps[:j.deepest])
	j.visit, j.path, j.text, j.pos, j.loose = nil, Path{}, "", 0, false
	j.tree, j.texts, j.values, j.depth, j.deepest = nil, nil, 0, 0, 0
	jsonReaders.Put(j)
}

// readJSON reads exactly one value. With tree it returns the value's nodes.
func readJSON(data []byte, place Place, visit Visitor, tree *treeBuilder, texts Texts) (*Node, error) {
	if bytes.HasPrefix(data, utf8BOM) {
		return nil, refuseJSON(place, "The JSON starts with a byte order mark.")
	}
	j := newJSONReader(data, place, visit)
	defer j.free()
	j.tree, j.texts = tree, texts
	if err := j.value(); err != nil {
		return nil, j.explain(err)
	}
	if blanks(j.text, j.pos) != len(j.text) {
		return nil, refuseJSON(place, "There is data after the JSON value.")
	}
	if tree == nil {
		return nil, nil
	}
	return &tree.root, nil
}

// ReadTree reads JSON for [Options.Rewrite], as strictly as it is read afterwards.
// The tree's memory is the reading's.
func (rd *Reading) ReadTree(data []byte) (*Node, error) {
	return readJSON(data, Body, Visitors(nil), &treeBuilder{reserve: rd.reserve}, nil)
}

// ReadText reads text that an app parses as JSON, for the visitor. Text that is no
// JSON passes, as far as it is none.
func ReadText(place Place, text string, visit Visitor) error {
	return readJSONLoose([]byte(strings.TrimLeftFunc(text, trimmed)), place, visit, nil)
}

// trimmed reports whether String.prototype.trim takes a character away.
func trimmed(c rune) bool { return unicode.IsSpace(c) || c == '\ufeff' }

// readJSONLines reads any number of values.
func readJSONLines(data []byte, visit Visitor, texts Texts) error {
	j := newJSONReader(bytes.TrimPrefix(data, utf8BOM), Body, visit)
	defer j.free()
	j.texts = texts
	for {
		if err := j.value(); err == io.EOF {
			return nil
		} else if err != nil {
			return j.explain(err)
		}
	}
}

// readJSONLoose reads text of which nobody said that it is JSON. Where it stops
// being JSON, what follows is left alone, because no JSON parser would take it.
func readJSONLoose(data []byte, place Place, visit Visitor, texts Texts) error {
	j := newJSONReader(data, place, visit)
	defer j.free()
	j.loose, j.texts = true, texts
	for {
		err := j.value()
		if _, ok := err.(notJSON); ok || err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func refuseJSON(place Place, detail string) *problem.Error {
	if place == Cookie {
		return problem.Refuse(rule.RequestCookie, detail)
	}
	return problem.Refuse(rule.RequestJSON, detail)
}

func (j *jsonReader) refuse(detail string) error { return refuseJSON(j.path.Place, detail) }

// explain turns a fault of the text into a refusal; an error of a visitor stays.
func (j *jsonReader) explain(err error) error {
	if err == io.EOF {
		err = malformed
	}
	if why, ok := err.(notJSON); ok {
		// A place, and nothing of the body: the cause is logged.
		return refuseJSON(j.path.Place, string(why)).Because(fmt.Errorf("at byte %d", j.pos))
	}
	return err
}

// value reads one value, iteratively: nesting costs heap, never stack. It
// returns io.EOF where there is none. What it reads of an open object or array
// is its state alone, so that each byte is looked at once.
func (j *jsonReader) value() error {
	if j.pos = blanks(j.text, j.pos); j.pos == len(j.text) {
		return io.EOF
	}
	for {
		more, err := j.start()
		for !more && err == nil && j.depth > 0 {
			more, err = j.next()
		}
		if err != nil || !more {
			return err
		}
	}
}

// start reads the scalar, or the start of the object or array, at hand. There is
// more when another value comes next.
func (j *jsonReader) start() (more bool, err error) {
	if j.pos = blanks(j.text, j.pos); j.pos == len(j.text) {
		return false, malformed
	}
	var kind Kind
	var end int
	verbatim := true
	switch c := j.text[j.pos]; c {
	case '{':
		kind, end = Object, j.pos+1
	case '[':
		kind, end = Array, j.pos+1
	case '"':
		kind = String
		if end, verbatim, err = stringEnd(j.text, j.pos, j.loose); err != nil {
			j.pos = end
			return false, err
		}
		if end-j.pos > maxString {
			return false, j.refuse("The JSON has a string that is too long.")
		}
	case 't', 'f', 'n':
		kind, end = word(j.text, j.pos)
	default:
		var exponent int
		kind = Number
		end, exponent = numberEnd(j.text, j.pos)
		if end > 0 && !j.loose && !plainNumber(j.text[j.pos:end], exponent-j.pos) {
			return false, j.refuse("The JSON has a number that is too long, too large or too small.")
		}
	}
	if end < 0 {
		return false, malformed
	}
	if j.values++; j.values > maxValues {
		return false, j.refuse("The JSON has too many values.")
	}
	if err := j.visit.Value(&j.path, kind); err != nil {
		return false, err
	}
	if j.tree != nil || j.texts != nil {
		if err := j.note(kind, end, verbatim); err != nil {
			return false, err
		}
	}
	start := j.pos
	j.pos = end
	if kind == Object || kind == Array {
		return j.enter(j.text[start] + 2) // in ASCII each bracket's end is two behind it
	}
	return false, nil
}

// note gives a value to the tree, and a text to those who want it.
func (j *jsonReader) note(kind Kind, end int, verbatim bool) error {
	wanted := j.texts != nil && kind < Object && kind != Null && j.texts.Wants(&j.path)
	text := ""
	if kind == String && (wanted || j.tree != nil) {
		if text = j.text[j.pos+1 : end-1]; !verbatim {
			text = unescape(text)
		}
	}
	if wanted {
		told := text
		if kind != String {
			told = j.text[j.pos:end]
		}
		if kind == Number {
			told = numberText(told)
		}
		j.texts.Text(&j.path, told)
	}
	if j.tree == nil {
		return nil
	}
	return j.tree.add(kind, j.pos, end, text)
}

// enter goes into an object or array behind its bracket.
func (j *jsonReader) enter(end byte) (more bool, err error) {
	if j.depth == maxDepth {
		return false, j.refuse("The JSON is nested too deeply.")
	}
	j.open[j.depth] = container{end: end, names: len(j.names.list)}
	j.depth++
	j.deepest = max(j.deepest, j.depth)
	j.path.pushIndex(0)
	if j.pos = blanks(j.text, j.pos); j.pos < len(j.text) && j.text[j.pos] == end {
		j.leave()
		return false, nil
	}
	if end == '}' {
		return true, j.member(&j.open[j.depth-1])
	}
	return true, nil
}

// next reads what stands behind a value in an object or array: a comma and the
// next name, or the end.
func (j *jsonReader) next() (more bool, err error) {
	if j.pos = blanks(j.text, j.pos); j.pos == len(j.text) {
		return false, malformed
	}
	in := &j.open[j.depth-1]
	switch c := j.text[j.pos]; {
	case c == ',':
		j.pos++
		if in.count++; in.end == '}' {
			j.pos = blanks(j.text, j.pos)
			return true, j.member(in)
		}
		j.path.steps[j.depth-1].index = in.count
		return true, nil
	case c == in.end:
		j.leave()
		return false, nil
	}
	return false, malformed
}

func (j *jsonReader) leave() {
	j.pos++
	j.depth--
	j.path.pop()
	j.names.drop(j.open[j.depth].names)
	if j.tree != nil {
		j.tree.close(j.pos)
	}
}

// member reads the name of an object's next value, and the colon behind it.
func (j *jsonReader) member(in *container) error {
	if j.pos == len(j.text) || j.text[j.pos] != '"' {
		return malformed
	}
	start := j.pos
	end, verbatim, err := stringEnd(j.text, start, j.loose)
	if j.pos = end; err != nil {
		return err
	}
	name := j.text[start+1 : end-1]
	if len(name) > maxJSONName && !j.loose {
		return j.refuse("The JSON has a name that is too long.")
	}
	if !verbatim {
		name = unescape(name)
	}
	if in.count >= maxMembers {
		return j.refuse("The JSON has an object with too many names.")
	}
	if !j.loose && !j.names.add(in.names, name) {
		return repeated
	}
	j.path.steps[j.depth-1] = step{name, -1}
	if err := j.visit.Key(&j.path); err != nil {
		return err
	}
	if j.tree != nil {
		j.tree.name(name, start)
	}
	if j.pos = blanks(j.text, j.pos); j.pos == len(j.text) || j.text[j.pos] != ':' {
		return malformed
	}
	j.pos++
	return nil
}

// word reads true, false or null.
func word(s string, i int) (k Kind, end int) {
	switch s = s[i:]; {
	case strings.HasPrefix(s, "true"):
		return Bool, i + len("true")
	case strings.HasPrefix(s, "false"):
		return Bool, i + len("false")
	case strings.HasPrefix(s, "null"):
		return Null, i + len("null")
	}
	return Null, -1
}

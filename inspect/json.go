// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package inspect

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/panoply-security/panoply/problem"
	"github.com/panoply-security/panoply/rule"
)

const (
	maxDepth    = 64  // levels of objects and arrays
	maxNumber   = 100 // bytes of a number
	maxExponent = 400 // of ten; a double ends at 308
)

var utf8BOM = []byte("\xef\xbb\xbf")

// jsonReader reads JSON by tokens, once, for visitors and a tree.
type jsonReader struct {
	visit Visitor
	path  Path
	dec   *jsontext.Decoder
	data  []byte
	loose bool
	tree  *treeBuilder // nil keeps no tree
}

// readJSON reads exactly one value. With tree it returns the value's nodes.
func readJSON(data []byte, place Place, visit Visitor, tree *treeBuilder) (*Node, error) {
	if bytes.HasPrefix(data, utf8BOM) {
		return nil, refuseJSON(place, "The JSON starts with a byte order mark.")
	}
	j := newJSONReader(data, place, visit)
	j.tree = tree
	node, err := j.value()
	if err != nil {
		return nil, j.explain(err)
	}
	if _, err = j.dec.ReadToken(); err != io.EOF {
		return nil, refuseJSON(place, "There is data after the JSON value.")
	}
	return node, nil
}

// ReadTree reads JSON for [Options.Rewrite], as strictly as it is read afterwards.
// The tree's memory is the reading's.
func (rd *Reading) ReadTree(data []byte) (*Node, error) {
	return readJSON(data, Body, Visitors(nil), &treeBuilder{reserve: rd.reserve})
}

// ReadText reads text that an app parses as JSON, for the visitor. Text that is no
// JSON passes, as far as it is none.
func ReadText(place Place, text string, visit Visitor) error {
	return readJSONLoose([]byte(text), place, visit)
}

// readJSONLines reads any number of values.
func readJSONLines(data []byte, visit Visitor) error {
	j := newJSONReader(bytes.TrimPrefix(data, utf8BOM), Body, visit)
	for {
		if _, err := j.value(); err == io.EOF {
			return nil
		} else if err != nil {
			return j.explain(err)
		}
	}
}

// readJSONLoose reads text of which nobody said that it is JSON. Where it stops
// being JSON, what follows is left alone, because no JSON parser would take it.
// Until then everything is shown that a lenient parser would see, among it
// repeated names and text that is not UTF-8.
func readJSONLoose(data []byte, place Place, visit Visitor) error {
	j := newJSONReader(data, place, visit, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	j.loose = true
	for {
		if _, err := j.value(); err == io.EOF || errors.As(err, new(*decodeError)) {
			return nil
		} else if err != nil {
			return err
		}
	}
}

func newJSONReader(data []byte, place Place, visit Visitor, o ...jsontext.Options) *jsonReader {
	return &jsonReader{visit: visit, path: Path{Place: place}, data: data, dec: jsontext.NewDecoder(bytes.NewBuffer(data), o...)}
}

func refuseJSON(place Place, detail string) *problem.Error {
	if place == Cookie {
		return problem.Refuse(rule.RequestCookie, detail)
	}
	return problem.Refuse(rule.RequestJSON, detail)
}

// decodeError is an error of the decoder, as opposed to one of a visitor.
type decodeError struct{ error }

// explain turns an error of the decoder into a refusal; one of a visitor stays.
func (j *jsonReader) explain(err error) error {
	var decode *decodeError
	if !errors.As(err, &decode) && err != io.EOF {
		return err
	}
	detail := "The JSON is malformed."
	switch {
	case decode != nil && errors.Is(decode.error, jsontext.ErrDuplicateName):
		detail = "The JSON repeats a name."
	case json.Valid(j.data): // which lets broken UTF-8 pass, as Node does
		detail = "The JSON is not valid UTF-8."
	}
	// The decoder's own text quotes the body, and the cause is logged.
	return refuseJSON(j.path.Place, detail).Because(fmt.Errorf("at byte %d", j.dec.InputOffset()))
}

// value reads one value, iteratively: nesting costs heap, never stack.
func (j *jsonReader) value() (*Node, error) {
	depth := 0
	for {
		before := int(j.dec.InputOffset())
		kind := j.dec.PeekKind()
		inObject, nameNext := j.position(depth)
		if depth > 0 && !inObject && kind != ']' && kind != 0 {
			_, n := j.dec.StackIndex(depth)
			j.path.pushIndex(int(n))
		}
		tok, err := j.dec.ReadToken()
		if err == io.EOF {
			return nil, err // between values
		} else if err != nil {
			return nil, &decodeError{err}
		}
		end := int(j.dec.InputOffset())
		switch {
		case nameNext && kind == '"':
			name := tok.String()
			j.path.push(name)
			if err := j.visit.Key(&j.path); err != nil {
				return nil, err
			}
			if j.tree != nil {
				j.tree.name(name, j.start(before))
			}
			continue
		case kind == '}' || kind == ']':
			depth--
			if j.tree != nil {
				j.tree.close(end)
			}
		default:
			k := kindOf(kind)
			start := j.start(before)
			if k == Number && !j.loose && !plainNumber(j.data[start:end]) {
				return nil, refuseJSON(j.path.Place, "The JSON has a number that is too long or too large.")
			}
			if err := j.visit.Value(&j.path, k); err != nil {
				return nil, err
			}
			if j.tree != nil {
				if err := j.tree.add(k, start, end, tok); err != nil {
					return nil, err
				}
			}
			if k == Object || k == Array {
				if depth++; depth > maxDepth {
					return nil, refuseJSON(j.path.Place, "The JSON is nested too deeply.")
				}
				continue
			}
		}
		if depth == 0 {
			if j.tree != nil {
				return &j.tree.root, nil
			}
			return nil, nil
		}
		j.path.pop() // the value that just ended
	}
}

// plainNumber reports whether every parser reads the same finite number, at a
// cost that the bytes sent account for: 1e400 is infinite in JavaScript, and
// 1e999999 takes a library that computes exactly a megabyte.
func plainNumber(text []byte) bool {
	if len(text) > maxNumber {
		return false
	}
	e := bytes.IndexAny(text, "eE")
	if e < 0 {
		return true
	}
	exponent, err := strconv.Atoi(string(text[e+1:]))
	if err != nil || exponent < -maxExponent || exponent > maxExponent {
		return false
	}
	_, err = strconv.ParseFloat(string(text), 64)
	return err == nil
}

// position tells whether the next token stands in an object, and whether it is
// a member's name there.
func (j *jsonReader) position(depth int) (inObject, nameNext bool) {
	if depth == 0 {
		return false, false
	}
	kind, n := j.dec.StackIndex(depth)
	return kind == '{', kind == '{' && n%2 == 0
}

// start finds where the token after the byte at from begins.
func (j *jsonReader) start(from int) int {
	for from < len(j.data) && bytes.IndexByte([]byte(" \t\r\n,:"), j.data[from]) >= 0 {
		from++
	}
	return from
}

func kindOf(k jsontext.Kind) Kind {
	switch k {
	case 'n':
		return Null
	case 't', 'f':
		return Bool
	case '0':
		return Number
	case '{':
		return Object
	case '[':
		return Array
	}
	return String
}

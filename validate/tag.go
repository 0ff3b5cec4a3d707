// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package validate

import (
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/panoply-security/panoply/internal/fault"
)

// rules are what a tag says about a value, readied for its kind.
type rules struct {
	least, most int    // of a string's characters, a list's items or a map's fields
	of          string // what they count

	minInt, maxInt   int64
	minUint, maxUint uint64
	minNum, maxNum   float64
	low, high        string // what is told of a number beyond

	tests []test // of a text
}

// test is one thing that a text must be.
type test struct {
	pass   func(string) bool
	detail string
}

var formatTests = map[string]test{
	"email":    {validEmail, "It is not a valid email."},
	"url":      {validURL, "It is not a valid URL."},
	"uuid":     {validUUID, "It is not a valid UUID."},
	"date":     {validDate, "It is not a valid date."},
	"datetime": {validDateTime, "It is not a valid date-time."},
}

// tag is a field's validate tag, taken apart.
type tag struct {
	words    []string
	items    string // what stands behind dive, for the elements
	optional bool
}

func parseTag(text string) (t tag) {
	for text != "" {
		if strings.HasPrefix(text, "pattern=") { // it may hold commas
			t.words = append(t.words, text)
			break
		}
		var word string
		word, text, _ = strings.Cut(text, ",")
		switch word {
		case "":
		case "optional":
			t.optional = true
		case "dive":
			t.items, text = text, ""
		default:
			t.words = append(t.words, word)
		}
	}
	return t
}

// kinds of values that a rule may stand at.
type measure uint8

const (
	nothing measure = iota
	texts
	counts // lists and maps
	bytesOf64
	integers
	naturals
	decimals
)

// setRules readies the words of a tag for a value.
func (p *plan) setRules(t tag, at string, m measure, faults *fault.List) {
	p.most, p.minInt, p.maxInt, p.maxUint = math.MaxInt, math.MinInt64, math.MaxInt64, math.MaxUint64
	p.minNum, p.maxNum = math.Inf(-1), math.Inf(1)
	p.of = map[measure]string{texts: "character", bytesOf64: "byte"}[m]
	if m == counts {
		if p.of = "item"; p.how == asDict {
			p.of = "field"
		}
	}
	for _, word := range t.words {
		name, value, _ := strings.Cut(word, "=")
		format, isFormat := formatTests[word]
		ok := false
		switch {
		case name == "min" || name == "max" || name == "len":
			ok = p.bound(name, value, m)
		case name == "oneof" && value != "" && (m == texts || m == integers || m == naturals):
			// A number's text is the one spelling that JSON has for it, but -0.
			list := strings.Split(value, "|")
			p.tests = append(p.tests, test{func(s string) bool { return slices.Contains(list, s) }, "It is not one of the allowed values."})
			ok = true
		case name == "pattern" && m == texts:
			re, err := regexp.Compile(value)
			if err != nil {
				faults.Addf(at, "write a regular expression of package regexp", "the pattern does not compile: %v", err)
				continue
			}
			p.tests = append(p.tests, test{re.MatchString, "It does not have the required form."})
			ok = true
		case isFormat && m == texts:
			p.tests = append(p.tests, format)
			ok = true
		case word == "required":
			faults.Addf(at, "every field is required unless its tag says optional", "the tag %q is not known", word)
			continue
		}
		switch {
		case ok:
		case isFormat || slices.Contains(valued, name) && value != "":
			faults.Addf(at, "package validate lists what each word is for", "the tag %q does not fit the type %s", word, p.typ)
		default:
			faults.Addf(at, "min=, max=, len=, oneof=a|b, email, url, uuid, date, datetime, dive, optional or pattern=", "the tag %q is not known", word)
		}
	}
	if p.least > p.most || p.minInt > p.maxInt || p.minUint > p.maxUint || p.minNum > p.maxNum {
		faults.Add(at, "its min is larger than its max", "")
	}
}

var valued = []string{"min", "max", "len", "oneof", "pattern"}

// bound reads min, max or len.
func (p *plan) bound(name, value string, m measure) bool {
	switch m {
	case texts, counts, bytesOf64:
		n, err := strconv.Atoi(value)
		if err != nil || n < 0 {
			return false
		}
		if name != "max" {
			p.least = n
		}
		if name != "min" {
			p.most = n
		}
		return true
	case nothing:
		return false
	}
	if name == "len" {
		return false
	}
	var err error
	upper := name == "max"
	switch m {
	case integers:
		*pick(upper, &p.minInt, &p.maxInt), err = strconv.ParseInt(value, 10, 64)
	case naturals:
		*pick(upper, &p.minUint, &p.maxUint), err = strconv.ParseUint(value, 10, 64)
	case decimals:
		*pick(upper, &p.minNum, &p.maxNum), err = strconv.ParseFloat(value, 64)
	}
	*pick(upper, &p.low, &p.high) = "It must be at " + map[bool]string{false: "least ", true: "most "}[upper] + value + "."
	return err == nil
}

func pick[T any](upper bool, low, high *T) *T {
	if upper {
		return high
	}
	return low
}

// measureOf is what the rules of a type count.
func measureOf(p *plan) measure {
	switch p.how {
	case asString, asText:
		return texts
	case asBytes:
		return bytesOf64
	case asSlice, asDict:
		return counts
	case asInt:
		return integers
	case asUint:
		return naturals
	case asFloat, asNumber:
		return decimals
	}
	return nothing
}

// tooFew and tooMany tell of a count.
func (r *rules) tooFew() string  { return "It must have at least " + plural(r.least, r.of) + "." }
func (r *rules) tooMany() string { return "It must have at most " + plural(r.most, r.of) + "." }

func plural(n int, of string) string { return strconv.Itoa(n) + " " + of + "s" }

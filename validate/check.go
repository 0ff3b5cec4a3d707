// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package validate

import (
	"bytes"
	"cmp"
	"math/big"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/panoply-security/panoply/inspect"
)

// subsetCheck is one body on its way through a compiled schema. Members that
// are not declared are faults, or with strip are collected to be taken out.
type subsetCheck struct {
	data  []byte
	strip bool
	drop  []*inspect.Member
	misfits
}

// check holds a value against the schema. A value of the wrong type has no
// other fault, as in the library.
func (s *compiledSchema) check(c *subsetCheck, n *inspect.Node) {
	if s.orNull != nil {
		if n.Kind != inspect.Null {
			s.orNull.check(c, n)
		}
		return
	}
	if s.types != 0 && s.types&s.typeOf(n, c.data) == 0 {
		c.add("It must be " + article(s.types.names()) + ".")
		return
	}
	if len(s.enum) > 0 && !s.inEnum(n, c.data) {
		c.add("It is not one of the allowed values.")
		return
	}
	switch n.Kind {
	case inspect.Object:
		s.checkObject(c, n)
	case inspect.Array:
		s.checkArray(c, n)
	case inspect.String:
		s.checkString(c, n.Text)
	case inspect.Number:
		s.checkNumber(c, n)
	}
}

func (s *compiledSchema) checkObject(c *subsetCheck, n *inspect.Node) {
	between(c, len(n.Members), s.minFields, s.maxFields, "fields")
	var seen nameSet
	at, first := -1, len(c.misfits)
	for i := range n.Members {
		m := &n.Members[i]
		if at = s.names.find(m.Name, at+1); at >= 0 {
			seen.add(at)
			before := len(c.misfits)
			s.fields[at].check(c, m.Value)
			c.inside(before, m.Name)
		} else if s.closed && c.strip {
			c.drop = append(c.drop, m)
		} else if s.closed {
			c.at(m.Name, "It is not a known field.")
		}
	}
	missing := func(name string) { // is told before what is there
		c.before(first, name, "It is required.")
		first++
	}
	if !seen.holds(&s.required) {
		for i, name := range s.names.list {
			if s.required.has(i) && !seen.has(i) {
				missing(name)
			}
		}
	}
	for _, name := range s.unnamed {
		if n.Get(name) == nil {
			missing(name)
		}
	}
}

func (s *compiledSchema) checkArray(c *subsetCheck, n *inspect.Node) {
	between(c, len(n.Elems), s.minItems, s.maxItems, "items")
	if s.items == nil {
		return
	}
	for i, e := range n.Elems {
		before := len(c.misfits)
		s.items.check(c, e)
		if len(c.misfits) > before {
			c.inside(before, strconv.Itoa(i))
		}
	}
}

func (s *compiledSchema) checkString(c *subsetCheck, text string) {
	if s.minLength >= 0 || s.maxLength >= 0 {
		between(c, utf8.RuneCountInString(text), s.minLength, s.maxLength, "characters")
	}
	if s.pattern != nil && !s.pattern.MatchString(text) {
		c.add("It does not have the required form.")
	}
	if s.format != nil && !s.format.fits(text) {
		c.add("It is not a valid " + s.format.Name + ".")
	}
}

func (s *compiledSchema) checkNumber(c *subsetCheck, n *inspect.Node) {
	if len(s.limits) == 0 && s.multiple == nil {
		return
	}
	text := c.data[n.Start:n.End]
	if s.multiple != nil && !s.multiple.holds(text) {
		c.add(s.multiple.text)
	}
	for i := range s.limits {
		l := &s.limits[i]
		if side, ok := l.compare(text); !ok {
			c.add("It is out of range.")
			return
		} else if l.fails(side) {
			c.add(l.text)
		}
	}
}

// multiple is multipleOf.
type multiple struct {
	of    *big.Rat
	whole int64 // when it is an integer of that size; 0 if not
	text  string
}

func (m *multiple) holds(text []byte) bool {
	if m.whole != 0 {
		if i, err := strconv.ParseInt(string(text), 10, 64); err == nil {
			return i%m.whole == 0
		}
	}
	digits, power, ok := decimal(text)
	if !ok {
		return false
	}
	// digits × 10^power is a multiple of p/q if p divides digits × q × 10^power. Nothing is
	// as long as the exponent says.
	n := digits.Mul(digits, m.of.Denom())
	if power >= 0 {
		ten := new(big.Int).Exp(big.NewInt(10), big.NewInt(power), m.of.Num())
		return n.Mul(n, ten).Mod(n, m.of.Num()).Sign() == 0
	}
	if -power > int64(n.BitLen()) { // longer than n
		return n.Sign() == 0
	}
	ten := new(big.Int).Exp(big.NewInt(10), big.NewInt(-power), nil)
	return n.Mod(n, ten.Mul(ten, m.of.Num())).Sign() == 0
}

// decimal takes a JSON number apart: digits × 10^power.
func decimal(text []byte) (digits *big.Int, power int64, ok bool) {
	mantissa, exponent, _ := strings.Cut(strings.ToLower(string(text)), "e")
	if exponent != "" {
		var err error
		if power, err = strconv.ParseInt(exponent, 10, 64); err != nil || power > 1<<20 || power < -1<<20 {
			return nil, 0, false
		}
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
	digits, ok = new(big.Int).SetString(whole+fraction, 10)
	return digits, power - int64(len(fraction)), ok
}

// compare tells which side of the bound a number is on. Rounding keeps the
// order, so only numbers that round to the same float need exact arithmetic, and
// whole ones not even then.
func (l *limit) compare(text []byte) (side int, ok bool) {
	near, err := strconv.ParseFloat(string(text), 64)
	if err != nil {
		return 0, false
	}
	if near != l.near {
		return cmp.Compare(near, l.near), true
	}
	if l.isWhole {
		if i, err := strconv.ParseInt(string(text), 10, 64); err == nil {
			return cmp.Compare(i, l.whole), true
		}
	}
	exact, ok := new(big.Rat).SetString(string(text))
	if !ok {
		return 0, false
	}
	return exact.Cmp(l.bound), true
}

func between(c *subsetCheck, n, least, most int, of string) {
	if least >= 0 && n < least {
		c.add("It must have at least " + strconv.Itoa(least) + " " + of + ".")
	}
	if most >= 0 && n > most {
		c.add("It must have at most " + strconv.Itoa(most) + " " + of + ".")
	}
}

func (s *compiledSchema) inEnum(n *inspect.Node, data []byte) bool {
	for _, e := range s.enum {
		switch e := e.(type) {
		case nil:
			if n.Kind == inspect.Null {
				return true
			}
		case bool:
			if n.Kind == inspect.Bool && (data[n.Start] == 't') == e {
				return true
			}
		case string:
			if n.Kind == inspect.String && n.Text == e {
				return true
			}
		case *limit:
			if n.Kind != inspect.Number {
				continue
			}
			if side, ok := e.compare(data[n.Start:n.End]); ok && side == 0 {
				return true
			}
		}
	}
	return false
}

func (s *compiledSchema) typeOf(n *inspect.Node, data []byte) typeSet {
	switch n.Kind {
	case inspect.Null:
		return typeNull
	case inspect.Bool:
		return typeBoolean
	case inspect.String:
		return typeString
	case inspect.Object:
		return typeObject
	case inspect.Array:
		return typeArray
	}
	if s.types&typeNumber == 0 && whole(data[n.Start:n.End]) {
		return typeInteger
	}
	return typeNumber
}

// whole reports whether a number is an integer in JSON Schema's sense: 1.0 and
// 1e2 are.
func whole(text []byte) bool {
	if bytes.IndexByte(text, 'e') < 0 && bytes.IndexByte(text, 'E') < 0 {
		_, fraction, _ := bytes.Cut(text, []byte("."))
		return len(bytes.Trim(fraction, "0")) == 0
	}
	r, ok := new(big.Rat).SetString(string(text))
	return ok && r.IsInt()
}

func (t typeSet) names() (names []string) {
	for i, name := range typeNames {
		if t&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return names
}

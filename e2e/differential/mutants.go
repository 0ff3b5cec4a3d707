// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package differential

// Mutant is a fault put into Panoply: in one file, one text replaced by another.
type Mutant struct{ Name, File, Text, By string }

// Mutants are faults that a filter could have, and that some have. When the text of
// one is not in its file any more, the test says so: then the mutant is made anew,
// not left out.
var Mutants = []Mutant{
	{"operators-not-looked-for-deeper", "nosql/nosql.go",
		`case name[0] == '$':`, `case name[0] == '$' && p.Len() < 3:`},
	{"typed-fields-may-be-objects", "nosql/nosql.go",
		`if c.strings[name] {`, `if c.strings[name] && k == inspect.Number {`},
	{"no-prototypes", "inspect/inspect.go",
		`if strings.Contains(name, "__proto__") {`, `if false {`},
	{"no-constructor-prototype", "inspect/inspect.go",
		`if name == "prototype" {`, `if false {`},
	{"names-not-unescaped", "inspect/form.go",
		`key, err := p.unescape(name)`, `key, err := name, error(nil)`},
	{"bracket-equals-not-known", "inspect/form.go",
		`if plain > len(name) {`, `if plain > 1<<30 {`},
	{"question-mark-not-known", "inspect/form.go",
		`if rest, ok := strings.CutPrefix(raw, "?"); ok {`, `if rest, ok := strings.CutPrefix(raw, "?"); ok && raw == "" {`},
	{"values-that-become-names-not-known", "inspect/form.go",
		`case was == unused:`, `case was == unused || s < appended:`},
	{"unbalanced-brackets-not-known", "inspect/form.go",
		`if odd {`, `if odd && key == "" {`},
	{"byte-order-mark-not-known", "inspect/form.go",
		`if p.place == Body && strings.HasPrefix(key, string(utf8BOM)) {`, `if false {`},
	{"quotes-not-known", "inspect/name.go",
		`return p.pieces(lodashPath.Replace(key), &value)`, `return nil`},
	{"dots-not-known", "inspect/form.go",
		`if strings.IndexByte(key, '.') >= 0 {`, `if key == "." {`},
	{"multipart-names-not-nested", "inspect/form.go",
		`f.p.field(name, value)`, `f.p.visit.Value(&f.p.path, String)`},
	{"lists-are-no-texts", "inspect/texts.go",
		`if s := &p.steps[1+i]; s.index < 0 && !index(s.name) {`, `if p.steps[1+i].index < 1<<20 {`},
	{"any-charset", "inspect/media.go",
		`return m.Form == Opaque && asciiSupersets[m.Charset]`, `return true`},
	{"json-of-other-types-unread", "inspect/body.go",
		`if looksLikeJSON(head) {`, `if len(head) > 1<<20 {`},
	{"json-cookies-unread", "inspect/cookie.go",
		`text, ok := cookieJSON(value)`, `text, ok := "", value == "\x00"`},
	{"bodies-of-delete-unread", "pass.go",
		`if p.r.Body == nil || p.r.Body == http.NoBody || p.r.ContentLength == 0 {
		return p.checkSchema(nil)`, `if p.r.Method == "DELETE" || p.r.Body == nil || p.r.Body == http.NoBody || p.r.ContentLength == 0 {
		return p.checkSchema(nil)`},
}

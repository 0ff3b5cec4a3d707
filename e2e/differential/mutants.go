// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package differential

// Mutant is a fault put into Panoply: in one file, one text replaced by another.
// Which run has to catch it, Test says.
type Mutant struct{ Name, File, Text, By, Test string }

const (
	inNames = "TestNodeSeesNothingThatWasNotRefused"
	inForms = "TestNodeReadsTheFormsThatWereJudged"
)

// Mutants are faults that a filter could have, and that some have. When the text of
// one is not in its file any more, the test says so: then the mutant is made anew,
// not left out.
var Mutants = []Mutant{
	{"operators-not-looked-for-deeper", "nosql/nosql.go",
		`case name[0] == '$' || p.Place`, `case name[0] == '$' && p.Len() < 3 || p.Place`, inNames},
	{"typed-fields-may-be-objects", "nosql/nosql.go",
		`if c.strings[name] && !(`, `if c.strings[name] && k == inspect.Number && !(`, inNames},
	{"no-prototypes", "inspect/inspect.go",
		`if strings.Contains(name, "__proto__") {`, `if false {`, inNames},
	{"no-constructor-prototype", "inspect/inspect.go",
		`if name == "prototype" {`, `if false {`, inNames},
	{"names-not-unescaped", "inspect/form.go",
		`key, err := p.unescape(name)`, `key, err := name, error(nil)`, inNames},
	{"bracket-equals-not-known", "inspect/form.go",
		`if plain > len(name) {`, `if plain > 1<<30 {`, inNames},
	{"question-mark-not-known", "inspect/form.go",
		`if rest, ok := strings.CutPrefix(raw, "?"); ok {`, `if rest, ok := strings.CutPrefix(raw, "?"); ok && raw == "" {`, inNames},
	{"values-that-become-names-not-known", "inspect/form.go",
		`case was == unused:`, `case was == unused || s < appended:`, inNames},
	{"unbalanced-brackets-not-known", "inspect/form.go",
		`if odd {`, `if odd && key == "" {`, inNames},
	{"byte-order-mark-not-known", "inspect/form.go",
		`if p.place == Body && strings.HasPrefix(key, string(utf8BOM)) {`, `if false {`, inNames},
	{"quotes-not-known", "inspect/name.go",
		`return p.pieces(lodashPath.Replace(key), &value)`, `return nil`, inNames},
	{"dots-not-known", "inspect/form.go",
		`if strings.IndexByte(key, '.') >= 0 {`, `if key == "." {`, inNames},
	{"multipart-names-not-nested", "inspect/form.go",
		`f.p.field(name, value)`, `f.p.visit.Value(&f.p.path, String)`, inNames},
	{"lists-are-no-texts", "inspect/texts.go",
		`if s := &p.steps[1+i]; s.index < 0 && !index(s.name) {`, `if p.steps[1+i].index < 1<<20 {`, inNames},
	{"any-charset", "inspect/media.go",
		`return m.Form == Opaque && asciiSupersets[m.Charset]`, `return true`, inNames},
	{"json-of-other-types-unread", "inspect/body.go",
		`if looksLikeJSON(head) {`, `if len(head) > 1<<20 {`, inNames},
	{"json-cookies-unread", "inspect/cookie.go",
		`text, ok := cookieJSON(value)`, `text, ok := "", value == "\x00"`, inNames},
	{"bodies-of-delete-unread", "pass.go",
		`if p.r.Body == nil || p.r.Body == http.NoBody || p.r.ContentLength == 0 {
		return p.checkSchema(nil)`, `if p.r.Method == "DELETE" || p.r.Body == nil || p.r.Body == http.NoBody || p.r.ContentLength == 0 {
		return p.checkSchema(nil)`, inNames},
	{"files-without-a-type", "inspect/multipart_part.go",
		`if p.File {`, `if p.File && p.ContentType != "" {`, inForms},
	{"quotes-not-escaped", "inspect/multipart_part.go",
		`dst = append(dst, "%22"...)`, `dst = append(dst, '"')`, inForms},
	{"line-separators-in-names", "inspect/multipart_disposition.go",
		`if strings.ContainsAny(s, "\r\n\u2028\u2029") {`, `if strings.ContainsAny(s, "\r\n") {`, inForms},
	{"streams-end-early", "upload/stream.go",
		`return s.hold(func() error { return s.rd.write("\r\n") })`, `return nil`, inForms},
}

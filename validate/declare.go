// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package validate

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/panoply-security/panoply/internal/fault"
	"github.com/panoply-security/panoply/route"
)

// Route is what is declared for one route. Several may match a request: all
// their schemas must fit, and the smallest bound holds.
//
// A schema is a JSON Schema (2020-12): a file name, or a map. Those of
// parameters and forms declare an object whose fields are the names there.
type Route struct {
	Match string `yaml:"match"` // a pattern of package route
	// Schema is that of a JSON body. Once a schema of some body is given, bodies
	// of another type are refused.
	Schema any `yaml:"schema" doc:"JSON Schema of a JSON body: a file name, or the schema"`
	// Form is that of an application/x-www-form-urlencoded body.
	Form any `yaml:"form" doc:"JSON Schema of a url-encoded form"`
	// Multipart is that of the fields of a multipart form. Its files are for the
	// policy's uploads. Fields are never stripped: unknown ones are refused.
	Multipart any `yaml:"multipart" doc:"JSON Schema of the fields of a multipart form"`
	// Unchecked are media types, such as text/csv or image/*, of which a body
	// passes unread as far as it does not look like JSON.
	Unchecked []string `yaml:"unchecked" doc:"media types whose bodies pass without a schema"`
	// Optional lets a request without a body pass where one is declared.
	Optional bool `yaml:"optional" doc:"whether a request without a body passes"`
	// Query is that of the query's parameters.
	Query any `yaml:"query" doc:"JSON Schema of the query's parameters"`
	// Path is that of the names in Match.
	Path any `yaml:"path" doc:"JSON Schema of the names in match"`
	// Headers is that of headers. Others than those it names are not looked at.
	Headers any `yaml:"headers" doc:"JSON Schema of headers; others pass"`
	// Cookies is that of cookies. Others than those it names are not looked at.
	Cookies any `yaml:"cookies" doc:"JSON Schema of cookies; others pass"`
	// Unknown is what becomes of fields and parameters that are not declared.
	Unknown Unknown `yaml:"unknown"`
	// MaxBytes bounds the body on this route instead of Config.MaxBytes.
	MaxBytes int64 `yaml:"max_bytes,size"`
}

// Declares reports whether the route has a schema, and not only a bound.
func (r Route) Declares() bool {
	for _, s := range []any{r.Schema, r.Form, r.Multipart, r.Query, r.Path, r.Headers, r.Cookies} {
		if s != nil {
			return true
		}
	}
	return false
}

// Unknown says what becomes of fields that are not declared.
type Unknown string

// Undeclared fields are refused (the default), or taken out.
const (
	Reject Unknown = "reject"
	Strip  Unknown = "strip"
)

// Values are the words a policy may use.
func (Unknown) Values() []string { return []string{string(Reject), string(Strip)} }

// compiled is a Route, ready. A schema that is nil declares nothing.
type compiled struct {
	pattern   *route.Pattern
	operation bool // of Operations: the most specific one holds
	closed    bool // no route: what Operations are the whole of
	body      bool // some body is declared
	schema    *schema
	form      *textSchema
	multipart *textSchema
	unchecked []string
	optional  bool
	query     *textSchema
	path      *textSchema
	headers   *textSchema
	cookies   *textSchema
	strip     bool
	maxBytes  int64 // 0: none of its own
}

// notHeaders are no headers to a handler, or are read by package inspect.
var notHeaders = []string{"Host", "Content-Length", "Transfer-Encoding", "Connection", "Trailer", "Content-Encoding"}

// compile readies one route.
func compile(r Route, dir string) (*compiled, error) {
	var faults fault.List
	c := &compiled{strip: r.Unknown == Strip, maxBytes: r.MaxBytes, optional: r.Optional}
	var err error
	if c.pattern, err = route.Compile(r.Match); err != nil {
		faults.Add("match", err.Error(), "")
	}
	if r.MaxBytes < 0 {
		faults.Add("max_bytes", "it is negative", "write a size such as 100KB")
	}
	if r.Unknown != Reject && r.Unknown != Strip {
		faults.Addf("unknown", "write reject or strip", "%q is not known", string(r.Unknown))
	}
	if r.Schema != nil {
		c.schema, err = compileSchema(r.Schema, dir)
		faults.Join("schema", err)
	}
	texts := []struct {
		name   string
		source any
		into   **textSchema
		place  string
	}{
		{"form", r.Form, &c.form, ""},
		{"multipart", r.Multipart, &c.multipart, ""},
		{"query", r.Query, &c.query, "#query"},
		{"path", r.Path, &c.path, "#path"},
		{"headers", r.Headers, &c.headers, "#header"},
		{"cookies", r.Cookies, &c.cookies, "#cookie"},
	}
	for _, t := range texts {
		if t.source != nil {
			*t.into, err = compileText(t.source, dir, t.place)
			faults.Join(t.name, err)
		}
	}
	if c.multipart != nil {
		c.multipart.whole = true
	}
	c.unchecked = r.Unchecked
	for i, typ := range r.Unchecked {
		if why := badType(typ); why != "" {
			faults.Add(fmt.Sprintf("unchecked[%d]", i), why, "write a type such as text/csv, or image/*")
		}
	}
	c.body = r.Schema != nil || c.form != nil || c.multipart != nil || len(c.unchecked) > 0
	if !r.Declares() && len(c.unchecked) == 0 && r.MaxBytes == 0 {
		faults.Add("", "neither a schema nor max_bytes is given", "name a JSON Schema file")
	}
	c.checkNames(&faults)
	return c, faults.Err()
}

// checkNames refuses names that no request could ever have.
func (c *compiled) checkNames(faults *fault.List) {
	if c.path != nil && c.pattern != nil {
		names := c.pattern.Names()
		for _, name := range c.path.declared {
			if !slices.Contains(names, name) {
				faults.Addf("path", "write it in match, as in /users/{"+name+"}", "the pattern has no {%s}", name)
			}
		}
	}
	if c.headers != nil {
		seen := map[string]bool{}
		for _, name := range c.headers.declared {
			canonical := http.CanonicalHeaderKey(name)
			switch {
			case slices.Contains(notHeaders, canonical):
				faults.Addf("headers", "", "%s cannot be declared: it is read before any schema", name)
			case seen[canonical]:
				faults.Addf("headers", "names of headers have no case", "%s is declared twice", name)
			}
			seen[canonical] = true
		}
	}
}

// badType says why a media type cannot pass unread; "" when it can.
func badType(typ string) string {
	major, minor, ok := strings.Cut(typ, "/")
	switch {
	case !ok || major == "" || minor == "" || strings.ContainsAny(typ, " ;,\t") || strings.ToLower(typ) != typ:
		return fmt.Sprintf("%q is no media type in lower case without parameters", typ)
	case major == "*" || minor == "*" && major == "application":
		return fmt.Sprintf("%q could be any type, and so JSON", typ)
	case strings.Contains(minor, "json") || strings.Contains(minor, "urlencoded") || major == "multipart":
		return fmt.Sprintf("%q is a type that apps parse", typ)
	}
	return ""
}

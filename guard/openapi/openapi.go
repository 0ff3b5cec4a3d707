// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

// Package openapi turns an OpenAPI document into what package validate holds
// requests to.
//
// # Threat
//
// A schema that is written by hand for a few routes leaves the others open:
// forgotten versions, debug routes, parameters that nobody looks at. The
// document that describes an API knows all of it, and is kept up to date for
// other reasons.
//
// # What it does
//
// [Apply] reads the document that a policy names, OpenAPI 3.0 or 3.1, YAML or
// JSON, once, at the start. Every operation becomes a [validate.Route]: its
// path below every server's path, its parameters in query, path, headers and
// cookies, its body as JSON, url-encoded or multipart form. Requests are then
// read by package inspect and held to JSON Schemas by package validate; no
// OpenAPI library ever sees one.
//
// It is strict where OpenAPI is open:
//
//   - Fields and parameters that are not declared are refused, or stripped with
//     `unknown: strip`; an object stays open where it says
//     additionalProperties: true, or gives a schema for others.
//   - A request below a server's path that no operation declares is refused
//     (403), unless `undeclared: allow` or `except` says otherwise. A document
//     without servers, or with one at the root of a host, describes all of it:
//     except health checks and static files there, or give the server its path.
//   - An operation without a requestBody takes none but {}, and bodies of types
//     that it does not name are refused (415).
//   - readOnly fields are unknown in requests, and not required.
//   - Formats are asserted: email, uuid, uri and the like, too.
//
// Text in parameters and forms is read by its declared type, as package validate
// has it. Of two paths that match, such as /users/me and /users/{id}, the more
// specific one holds. oneOf and anyOf with a discriminator take each alternative
// by its value alone; a schema that has one without them takes its own fields, and
// not those of others that build on it. An object in a form is nested, as in
// user[mail]. A multipart property of format binary is a file: the
// policy's uploads judge files, and a field of that name is unknown.
//
// What cannot be held to is a fault of the document, told at the start with file,
// line and path like every fault, all at once: references to other files or to
// the network, parameters in the styles matrix and label or with a content, an
// object in a path or header, a {name} that is part of a segment, anchors and
// aliases, $id, $anchor and $dynamicRef, regular expressions that Go's package
// cannot run, several JSON types with schemas that differ.
//
// # What it does not do
//
// It checks no answers and no security requirements: tokens are the policy's own
// section. It neither sets defaults nor rewrites anything. callbacks, webhooks
// and links are not for requests that come in.
//
// # Bounds
//
// A document has at most 8 MiB, 1,000,000 values, 100 levels, 5000 operations,
// 64 URLs of one server; at most 100 faults are listed. A schema with its
// references written out has about 4000 values; beyond that, and where a schema
// holds itself, references stay.
package openapi

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/panoply-security/panoply"
	"github.com/panoply-security/panoply/internal/fault"
	"github.com/panoply-security/panoply/route"
	"github.com/panoply-security/panoply/validate"
)

// Apply returns the policy with the operations of the OpenAPI document that it
// names, if it names one. The error tells all that is wrong with the document;
// the policy that comes with it is fit for [panoply.New] all the same, so that
// its own faults can be told beside.
func Apply(p panoply.Policy) (panoply.Policy, error) {
	section := p.Bodies.OpenAPI
	bad := options(section)
	if section.File == "" {
		return p, bad
	}
	p.Bodies.Operations = &validate.Operations{}
	file := p.File(section.File)
	src, err := read(file)
	if err != nil {
		return p, errors.Join(bad, fault.List{{Path: "bodies.openapi", Message: err.Error()}})
	}
	ops, err := Convert(file, src, section.Unknown)
	if err != nil || bad != nil {
		return p, errors.Join(bad, err)
	}
	if ops.Except = section.Except; section.Undeclared == panoply.Allow {
		ops.Below = nil
	}
	p.Bodies.Operations = ops
	return p, nil
}

// options checks what the policy says about the document.
func options(o panoply.OpenAPI) error {
	var faults fault.List
	if o.File == "" && (o.Undeclared != "" || len(o.Except) > 0 || o.Unknown != "") {
		faults.Add("bodies.openapi", "no file is given", "openapi: {file: openapi.yaml}")
	}
	if o.Undeclared != "" && o.Undeclared != panoply.Refuse && o.Undeclared != panoply.Allow {
		faults.Addf("bodies.openapi.undeclared", "write refuse or allow", "%q is not known", string(o.Undeclared))
	}
	if o.Unknown != "" && o.Unknown != validate.Reject && o.Unknown != validate.Strip {
		faults.Addf("bodies.openapi.unknown", "write reject or strip", "%q is not known", string(o.Unknown))
	}
	for i, text := range o.Except {
		if _, err := route.Compile(text); err != nil {
			faults.Add(fmt.Sprintf("bodies.openapi.except[%d]", i), err.Error(), "GET /health, /docs/ for a subtree")
		}
	}
	return faults.Err()
}

// Check reads and compiles a policy file with the document that it names, so
// that every fault of both is told.
func Check(file string) (panoply.Policy, error) {
	p, err := panoply.Load(file)
	if err != nil {
		return panoply.Policy{}, err
	}
	p, err = Apply(p)
	if _, own := panoply.New(p); own != nil || err != nil {
		return panoply.Policy{}, p.Explain(errors.Join(own, err))
	}
	return p, nil
}

func read(file string) ([]byte, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	src, err := io.ReadAll(io.LimitReader(f, maxBytes+1))
	if err != nil {
		return nil, err
	}
	if len(src) > maxBytes {
		return nil, fmt.Errorf("%s: a document has at most %d bytes", file, maxBytes)
	}
	return src, nil
}

// Convert turns the document src, the content of file, into operations. The
// error lists everything that is wrong with it, with line and column.
func Convert(file string, src []byte, unknown validate.Unknown) (*validate.Operations, error) {
	found := &faults{file: file}
	root := parse(src, found)
	if root == nil {
		return nil, found.err()
	}
	v30, ok := version(root, found)
	if !ok {
		return nil, found.err()
	}
	checkDialect(root, found)
	if checkReferences(root, root, found); len(found.list) == 0 {
		consult(root, found)
	}
	o := operations{converter: converter{root: root, v30: v30, found: found, cyclic: map[string]bool{}, inside: map[string][]string{}, checks: map[*node]bool{}}, unknown: unknown}
	o.all() // also of what is no proper OpenAPI, so that nobody mends a file twice
	switch {
	case len(found.list) > 0:
	case len(o.routes) == 0:
		found.at(root, "it declares no operation", "describe them under paths")
	default:
		o.compile()
	}
	if err := found.err(); err != nil {
		return nil, err
	}
	return &validate.Operations{Routes: o.routes, Below: o.below}, nil
}

// compile tries the routes, each alone, so that a schema that does not compile is
// told at its operation.
func (o *operations) compile() {
	for i, r := range o.routes {
		if i > 0 && o.from[i] == o.from[i-1] {
			continue // the same below another server
		}
		_, err := validate.New(validate.Config{Operations: &validate.Operations{Routes: []validate.Route{r}}})
		var list fault.List
		if errors.As(err, &list) {
			for _, f := range list {
				o.found.at(o.from[i], strings.TrimPrefix(f.Path, "operations.routes[0].")+": "+f.Message, f.Hint)
			}
		}
	}
}

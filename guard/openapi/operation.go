// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package openapi

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/panoply-security/panoply/route"
	"github.com/panoply-security/panoply/validate"
)

const maxOperations = 5000 // each counted once for every path of a server

// methods are those that an operation may have. Panoply serves no TRACE.
var methods = []string{"get", "put", "post", "delete", "options", "head", "patch"}

// operations converts the document's operations.
type operations struct {
	converter
	unknown validate.Unknown
	routes  []validate.Route
	from    []*node // where each route comes from
	below   []string
}

// all converts every operation.
func (o *operations) all() {
	paths := o.root.get("paths")
	if paths == nil {
		return
	}
	for _, path := range paths.keys {
		item := paths.fields[path]
		if !strings.HasPrefix(path, "/") {
			continue // an extension; all else was refused
		}
		if ref := item.get("$ref"); ref != nil {
			if item = o.root.at(ref.text()); item == nil {
				continue // which was refused
			}
		}
		for _, method := range methods {
			if op := item.get(method); op != nil {
				o.operation(strings.ToUpper(method), path, item, op)
			}
		}
		if len(o.routes) > maxOperations {
			o.found.at(item, fmt.Sprintf("more than %d operations", maxOperations), "")
			return
		}
	}
	for _, base := range o.bases(o.root.get("servers")) {
		o.reserve(base)
	}
}

// reserve notes that nothing below a server's path is served that no operation
// declares.
func (o *operations) reserve(base string) {
	if base += "/"; !slices.Contains(o.below, base) {
		o.below = append(o.below, base)
	}
}

// operation converts one operation into a route for every path of its servers.
func (o *operations) operation(method, path string, item, op *node) {
	r := validate.Route{Unknown: o.unknown}
	o.parameters(&r, item, op)
	o.body(&r, op)
	servers := o.root.get("servers")
	for _, own := range []*node{item.get("servers"), op.get("servers")} {
		if own != nil && len(own.items) > 0 {
			servers = own
		}
	}
	for _, base := range o.bases(servers) {
		r.Match = method + " " + pattern(base, path)
		if _, err := route.Compile(r.Match); err != nil {
			o.found.at(op, fmt.Sprintf("the path %s cannot be matched: %v", path, err), "a {name} must be all of a segment")
			return
		}
		o.routes, o.from = append(o.routes, r), append(o.from, op)
		if servers != o.root.get("servers") {
			o.reserve(base)
		}
	}
}

// pattern spells a path below a server's as package route does. A slash at its
// end does not count there, but would take in all that is below.
func pattern(base, path string) string {
	if path = strings.TrimRight(base+path, "/"); path == "" {
		return "/{$}"
	}
	return path
}

// bases are the paths of servers, without a slash at the end.
func (o *operations) bases(servers *node) []string {
	if servers == nil || len(servers.items) == 0 {
		return []string{""}
	}
	var all []string
	for _, server := range servers.items {
		for _, text := range o.expand(server) {
			u, err := url.Parse(text)
			if err != nil || strings.ContainsAny(u.Path, "{}") || u.RawQuery != "" || u.Fragment != "" {
				o.found.at(server.get("url"), "it is not the URL of a server", "https://api.example.com/v1")
				continue
			}
			base := strings.TrimRight(u.Path, "/")
			if base != "" && base[0] != '/' {
				base = "/" + base
			}
			if _, err := route.Compile(base + "/"); err != nil {
				o.found.at(server.get("url"), "its path cannot be matched: "+err.Error(), "")
				continue
			}
			if len(all) == maxServers {
				o.found.at(servers, fmt.Sprintf("more than %d paths of servers", maxServers), "")
				return all
			}
			if !slices.Contains(all, base) {
				all = append(all, base)
			}
		}
	}
	if all == nil { // they were refused
		return []string{""}
	}
	return all
}

const maxServers = 64 // what the variables of one server's URL may come to

// expand puts every value of its variables into a server's URL.
func (o *operations) expand(server *node) []string {
	all := []string{server.get("url").text()}
	variables := server.get("variables")
	if variables == nil {
		return all
	}
	for _, name := range variables.keys {
		v := variables.fields[name]
		values := []string{v.get("default").text()}
		if enum := v.get("enum"); enum != nil {
			for _, value := range enum.items {
				if !slices.Contains(values, value.text()) {
					values = append(values, value.text())
				}
			}
		}
		var more []string
		for _, text := range all {
			if !strings.Contains(text, "{"+name+"}") {
				more = append(more, text)
				continue
			}
			for _, value := range values {
				more = append(more, strings.ReplaceAll(text, "{"+name+"}", value))
			}
		}
		if all = more; len(all) > maxServers {
			o.found.at(server, fmt.Sprintf("its variables come to more than %d URLs", maxServers), "")
			return all[:maxServers]
		}
	}
	return all
}

// body converts what an operation declares of the body. One that declares none
// takes none, but for the empty object that some clients always send.
func (o *operations) body(r *validate.Route, op *node) {
	body := o.resolved(op.get("requestBody"))
	if body == nil {
		r.Schema, r.Optional = object(), true
		return
	}
	r.Optional = !body.get("required").is()
	content := body.get("content")
	if content == nil {
		return // was refused
	}
	var json string
	for _, typ := range content.keys {
		media := content.fields[typ]
		name, _, _ := strings.Cut(strings.ToLower(typ), ";")
		name = strings.TrimSpace(name)
		schema := func(files bool) map[string]any {
			if s := media.get("schema"); s != nil {
				return o.document(s, files)
			}
			return map[string]any{}
		}
		switch major, minor, _ := strings.Cut(name, "/"); {
		case minor == "json", strings.HasSuffix(minor, "+json"):
			s := schema(false)
			if r.Schema != nil && !same(r.Schema, s) {
				o.found.at(media, fmt.Sprintf("it has another schema than %s, and JSON of every type is held to one", json), "use one schema, with oneOf")
			}
			r.Schema, json = s, typ
		case name == "application/x-www-form-urlencoded":
			r.Form = o.fields(media, schema(false))
		case name == "multipart/form-data":
			r.Multipart = o.fields(media, schema(true))
		case major == "multipart", major == "*", name == "application/*":
			o.found.at(media, fmt.Sprintf("bodies of type %s cannot be checked", typ), "name the types: application/json, multipart/form-data")
		default:
			r.Unchecked = append(r.Unchecked, name)
		}
	}
}

// fields readies the schema of a form: how its encoding writes lists.
func (o *operations) fields(media *node, s map[string]any) map[string]any {
	encoding := media.get("encoding")
	if encoding == nil {
		return s
	}
	properties, _ := s["properties"].(map[string]any)
	for _, name := range encoding.keys {
		e := encoding.fields[name]
		sub, declared := properties[name].(map[string]any)
		switch style := e.get("style").text(); {
		case !declared:
		case strings.Contains(e.get("contentType").text(), "json"):
			o.found.at(e, "JSON inside a field cannot be checked", "send the form as JSON, or nest: user[name]")
		case style != "" && style != "form" && style != "deepObject":
			o.found.at(e.get("style"), fmt.Sprintf("the style %s of a field cannot be checked", style), "use form or deepObject")
		case e.get("explode") != nil && !e.get("explode").is() && style != "deepObject":
			properties[name] = split(sub, ",")
		}
	}
	return s
}

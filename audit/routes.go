// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/panoply-security/panoply/audit/model"
)

// A Route is a line of the route table, as WriteRoutesJSON writes it.
type Route struct {
	Method string `json:"method"` // ALL for every method
	Path   string `json:"path"`   // as written, with what it is mounted under
	File   string `json:"file"`
	Line   int    `json:"line"`
	// Handlers is how many functions a request passes, the last included.
	Handlers int `json:"handlers"`
	// Conditions are those under which the route is there at all.
	Conditions []string `json:"conditions,omitempty"`
}

// RouteTable is the app's routes in the order in which Express asks them.
func RouteTable(p *model.Program) []Route {
	table := make([]Route, 0, len(p.Routes))
	for _, r := range p.Routes {
		line, _ := r.Site.Line()
		one := Route{Method: r.Method, Path: r.Path, File: r.Site.Path(), Line: line, Handlers: len(r.Chain)}
		for _, c := range r.Conds {
			one.Conditions = append(one.Conditions, strings.Join(strings.Fields(c.Text), " "))
		}
		table = append(table, one)
	}
	return table
}

// WriteRoutes lists the app's routes: method, path, place and what a request
// passes before the handler.
func WriteRoutes(w io.Writer, p *model.Program) error {
	table := RouteTable(p)
	width := 0
	for _, r := range table {
		width = max(width, min(60, len(r.Path)))
	}
	for _, r := range table {
		when := ""
		if len(r.Conditions) > 0 {
			when = "  if " + strings.Join(r.Conditions, " and ")
		}
		if _, err := fmt.Fprintf(w, "%-7s %-*s  %s:%d  %d handlers%s\n", r.Method, width, r.Path, r.File, r.Line, r.Handlers, when); err != nil {
			return err
		}
	}
	return nil
}

// WriteRoutesJSON writes the route table for programs, an array of [Route].
func WriteRoutesJSON(w io.Writer, p *model.Program) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(RouteTable(p))
}

// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

// Package ts is all that Panoply uses of microsoft/typescript-go: scanner,
// parser and syntax tree, as aliases and thin functions.
//
// These packages are internal there, and Go lets modules whose path lies below
// github.com/microsoft/typescript-go import them; that is why this module is
// named as it is and replaced by this folder in the go.mod of those who use it.
// Nothing of the fetched module is copied here. The internal packages make no
// promise to stay: an upgrade of the pinned version touches this folder only.
// typescript-go is under the Apache License 2.0; distributions carry its NOTICE.
package ts

import (
	"strings"

	"github.com/microsoft/typescript-go/internal/ast"
	"github.com/microsoft/typescript-go/internal/core"
	"github.com/microsoft/typescript-go/internal/parser"
	"github.com/microsoft/typescript-go/internal/tspath"
)

// SourceFile is a parsed file.
type SourceFile = ast.SourceFile

// Parse reads a file. name ends in .js, .mjs, .cjs, .jsx, .ts, .mts, .cts or
// .tsx and need not exist. It always returns a tree; Errors says whether it is
// the whole file.
func Parse(name, text string) *SourceFile {
	if !strings.HasPrefix(name, "/") {
		name = "/" + name
	}
	kind := core.GetScriptKindFromFileName(name)
	if kind == core.ScriptKindUnknown {
		kind = core.ScriptKindJS
	}
	if kind == core.ScriptKindJS {
		kind = core.ScriptKindJSX // Node apps written for a compiler use JSX in .js
	}
	opts := ast.SourceFileParseOptions{FileName: name, Path: tspath.Path(name)}
	f := parser.ParseSourceFile(opts, text, kind)
	f.Identifiers = nil // what only a checker asks for
	f.SetJSDocCache(nil)
	return f
}

// SyntaxError is what the parser could not read.
type SyntaxError struct {
	Pos     int // byte offset
	Message string
}

// Errors are the syntax errors of a file, but for those that only say that a
// JavaScript file has type annotations.
func Errors(f *SourceFile) []SyntaxError {
	var errs []SyntaxError
	for _, d := range f.Diagnostics() {
		errs = append(errs, SyntaxError{d.Pos(), d.String()})
	}
	return errs
}

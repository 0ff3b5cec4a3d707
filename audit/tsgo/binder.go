// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package ts

import (
	"github.com/microsoft/typescript-go/internal/ast"
	"github.com/microsoft/typescript-go/internal/binder"
)

// Symbol is a declared name.
type Symbol = ast.Symbol

// Bind gives a file's nodes their parents and scopes: afterwards Node.Locals are
// the names declared in a function, block or file.
func Bind(f *SourceFile) { binder.BindSourceFile(f) }

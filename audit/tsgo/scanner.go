// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package ts

import (
	"github.com/microsoft/typescript-go/internal/ast"
	"github.com/microsoft/typescript-go/internal/scanner"
)

// Start is where a node's first token begins, behind comments and white space.
func Start(f *SourceFile, n *Node) int {
	return scanner.GetTokenPosOfNode(n, f, false)
}

// LineColumn is the place of a byte offset, both from 1, the column in UTF-16
// code units.
func LineColumn(f *SourceFile, offset int) (line, column int) {
	l, c := scanner.GetECMALineAndUTF16CharacterOfPosition(f, offset)
	return l + 1, int(c) + 1
}

// FileOf is the file that a node belongs to.
func FileOf(n *Node) *SourceFile { return ast.GetSourceFileOfNode(n) }

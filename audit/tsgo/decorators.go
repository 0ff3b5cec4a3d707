// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package ts

import "github.com/microsoft/typescript-go/internal/ast"

// Decorators are those of a class, member or parameter, in their order.
func Decorators(n *Node) []*Node { return n.Decorators() }

// TypeName is the name in a type reference, without what stands before a dot, or
// "".
func TypeName(n *Node) string {
	if n == nil || n.Kind != KindTypeReference {
		return ""
	}
	name := n.AsTypeReferenceNode().TypeName
	if name.Kind == KindIdentifier {
		return name.Text()
	}
	return name.AsQualifiedName().Right.Text()
}

// TypeArguments are those in a type reference.
func TypeArguments(n *Node) []*Node {
	if n == nil || n.Kind != KindTypeReference || n.AsTypeReferenceNode().TypeArguments == nil {
		return nil
	}
	return n.AsTypeReferenceNode().TypeArguments.Nodes
}

// ElementType is the type of the elements in T[], or nil.
func ElementType(n *Node) *Node {
	if n == nil || n.Kind != ast.KindArrayType {
		return nil
	}
	return n.AsArrayTypeNode().ElementType
}

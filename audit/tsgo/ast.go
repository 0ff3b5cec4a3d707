// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package ts

import "github.com/microsoft/typescript-go/internal/ast"

// Node is a node of a syntax tree.
type Node = ast.Node

// Kind says what a node is.
type Kind = ast.Kind

// The kinds that the analysis tells apart; types are skipped, and so is JSX.
const (
	KindIdentifier                    = ast.KindIdentifier
	KindPrivateIdentifier             = ast.KindPrivateIdentifier
	KindStringLiteral                 = ast.KindStringLiteral
	KindNumericLiteral                = ast.KindNumericLiteral
	KindBigIntLiteral                 = ast.KindBigIntLiteral
	KindNoSubstitutionTemplateLiteral = ast.KindNoSubstitutionTemplateLiteral
	KindRegularExpressionLiteral      = ast.KindRegularExpressionLiteral
	KindTemplateExpression            = ast.KindTemplateExpression
	KindTaggedTemplateExpression      = ast.KindTaggedTemplateExpression
	KindTrueKeyword                   = ast.KindTrueKeyword
	KindFalseKeyword                  = ast.KindFalseKeyword
	KindNullKeyword                   = ast.KindNullKeyword
	KindUndefinedKeyword              = ast.KindUndefinedKeyword
	KindThisKeyword                   = ast.KindThisKeyword
	KindSuperKeyword                  = ast.KindSuperKeyword
	KindImportKeyword                 = ast.KindImportKeyword
	KindExportKeyword                 = ast.KindExportKeyword
	KindDefaultKeyword                = ast.KindDefaultKeyword
	KindStaticKeyword                 = ast.KindStaticKeyword
	KindDeclareKeyword                = ast.KindDeclareKeyword
	KindObjectLiteralExpression       = ast.KindObjectLiteralExpression
	KindArrayLiteralExpression        = ast.KindArrayLiteralExpression
	KindPropertyAssignment            = ast.KindPropertyAssignment
	KindShorthandPropertyAssignment   = ast.KindShorthandPropertyAssignment
	KindSpreadAssignment              = ast.KindSpreadAssignment
	KindSpreadElement                 = ast.KindSpreadElement
	KindMethodDeclaration             = ast.KindMethodDeclaration
	KindGetAccessor                   = ast.KindGetAccessor
	KindSetAccessor                   = ast.KindSetAccessor
	KindComputedPropertyName          = ast.KindComputedPropertyName
	KindPropertyAccessExpression      = ast.KindPropertyAccessExpression
	KindElementAccessExpression       = ast.KindElementAccessExpression
	KindCallExpression                = ast.KindCallExpression
	KindNewExpression                 = ast.KindNewExpression
	KindParenthesizedExpression       = ast.KindParenthesizedExpression
	KindAsExpression                  = ast.KindAsExpression
	KindSatisfiesExpression           = ast.KindSatisfiesExpression
	KindTypeAssertionExpression       = ast.KindTypeAssertionExpression
	KindNonNullExpression             = ast.KindNonNullExpression
	KindAwaitExpression               = ast.KindAwaitExpression
	KindYieldExpression               = ast.KindYieldExpression
	KindVoidExpression                = ast.KindVoidExpression
	KindDeleteExpression              = ast.KindDeleteExpression
	KindTypeOfExpression              = ast.KindTypeOfExpression
	KindPrefixUnaryExpression         = ast.KindPrefixUnaryExpression
	KindPostfixUnaryExpression        = ast.KindPostfixUnaryExpression
	KindBinaryExpression              = ast.KindBinaryExpression
	KindConditionalExpression         = ast.KindConditionalExpression
	KindFunctionExpression            = ast.KindFunctionExpression
	KindArrowFunction                 = ast.KindArrowFunction
	KindClassExpression               = ast.KindClassExpression
	KindMetaProperty                  = ast.KindMetaProperty
	KindOmittedExpression             = ast.KindOmittedExpression
	KindExpressionWithTypeArguments   = ast.KindExpressionWithTypeArguments
	KindPartiallyEmittedExpression    = ast.KindPartiallyEmittedExpression
	KindEqualsToken                   = ast.KindEqualsToken
	KindPlusEqualsToken               = ast.KindPlusEqualsToken
	KindBarBarEqualsToken             = ast.KindBarBarEqualsToken
	KindAmpersandAmpersandEqualsToken = ast.KindAmpersandAmpersandEqualsToken
	KindQuestionQuestionEqualsToken   = ast.KindQuestionQuestionEqualsToken
	KindFirstAssignment               = ast.KindFirstAssignment
	KindLastAssignment                = ast.KindLastAssignment
	KindPlusToken                     = ast.KindPlusToken
	KindMinusToken                    = ast.KindMinusToken
	KindAsteriskToken                 = ast.KindAsteriskToken
	KindSlashToken                    = ast.KindSlashToken
	KindPercentToken                  = ast.KindPercentToken
	KindAsteriskAsteriskToken         = ast.KindAsteriskAsteriskToken
	KindExclamationToken              = ast.KindExclamationToken
	KindTildeToken                    = ast.KindTildeToken
	KindPlusPlusToken                 = ast.KindPlusPlusToken
	KindMinusMinusToken               = ast.KindMinusMinusToken
	KindCommaToken                    = ast.KindCommaToken
	KindBarBarToken                   = ast.KindBarBarToken
	KindAmpersandAmpersandToken       = ast.KindAmpersandAmpersandToken
	KindQuestionQuestionToken         = ast.KindQuestionQuestionToken
	KindEqualsEqualsToken             = ast.KindEqualsEqualsToken
	KindEqualsEqualsEqualsToken       = ast.KindEqualsEqualsEqualsToken
	KindExclamationEqualsToken        = ast.KindExclamationEqualsToken
	KindExclamationEqualsEqualsToken  = ast.KindExclamationEqualsEqualsToken
	KindLessThanToken                 = ast.KindLessThanToken
	KindGreaterThanToken              = ast.KindGreaterThanToken
	KindLessThanEqualsToken           = ast.KindLessThanEqualsToken
	KindGreaterThanEqualsToken        = ast.KindGreaterThanEqualsToken
	KindInstanceOfKeyword             = ast.KindInstanceOfKeyword
	KindInKeyword                     = ast.KindInKeyword
	KindBlock                         = ast.KindBlock
	KindEmptyStatement                = ast.KindEmptyStatement
	KindVariableStatement             = ast.KindVariableStatement
	KindExpressionStatement           = ast.KindExpressionStatement
	KindIfStatement                   = ast.KindIfStatement
	KindDoStatement                   = ast.KindDoStatement
	KindWhileStatement                = ast.KindWhileStatement
	KindForStatement                  = ast.KindForStatement
	KindForInStatement                = ast.KindForInStatement
	KindForOfStatement                = ast.KindForOfStatement
	KindContinueStatement             = ast.KindContinueStatement
	KindBreakStatement                = ast.KindBreakStatement
	KindReturnStatement               = ast.KindReturnStatement
	KindSwitchStatement               = ast.KindSwitchStatement
	KindLabeledStatement              = ast.KindLabeledStatement
	KindThrowStatement                = ast.KindThrowStatement
	KindTryStatement                  = ast.KindTryStatement
	KindDefaultClause                 = ast.KindDefaultClause
	KindCaseBlock                     = ast.KindCaseBlock
	KindCaseClause                    = ast.KindCaseClause
	KindCatchClause                   = ast.KindCatchClause
	KindVariableDeclaration           = ast.KindVariableDeclaration
	KindVariableDeclarationList       = ast.KindVariableDeclarationList
	KindFunctionDeclaration           = ast.KindFunctionDeclaration
	KindClassDeclaration              = ast.KindClassDeclaration
	KindEnumDeclaration               = ast.KindEnumDeclaration
	KindModuleDeclaration             = ast.KindModuleDeclaration
	KindModuleBlock                   = ast.KindModuleBlock
	KindImportEqualsDeclaration       = ast.KindImportEqualsDeclaration
	KindImportDeclaration             = ast.KindImportDeclaration
	KindImportClause                  = ast.KindImportClause
	KindNamespaceImport               = ast.KindNamespaceImport
	KindNamedImports                  = ast.KindNamedImports
	KindImportSpecifier               = ast.KindImportSpecifier
	KindExportAssignment              = ast.KindExportAssignment
	KindExportDeclaration             = ast.KindExportDeclaration
	KindNamedExports                  = ast.KindNamedExports
	KindNamespaceExport               = ast.KindNamespaceExport
	KindExportSpecifier               = ast.KindExportSpecifier
	KindExternalModuleReference       = ast.KindExternalModuleReference
	KindParameter                     = ast.KindParameter
	KindDecorator                     = ast.KindDecorator
	KindPropertyDeclaration           = ast.KindPropertyDeclaration
	KindConstructor                   = ast.KindConstructor
	KindClassStaticBlockDeclaration   = ast.KindClassStaticBlockDeclaration
	KindHeritageClause                = ast.KindHeritageClause
	KindExtendsKeyword                = ast.KindExtendsKeyword
	KindObjectBindingPattern          = ast.KindObjectBindingPattern
	KindArrayBindingPattern           = ast.KindArrayBindingPattern
	KindBindingElement                = ast.KindBindingElement
	KindEnumMember                    = ast.KindEnumMember
	KindSourceFile                    = ast.KindSourceFile
	KindJSImportDeclaration           = ast.KindJSImportDeclaration
	KindTypeReference                 = ast.KindTypeReference
	KindStringKeyword                 = ast.KindStringKeyword
	KindNumberKeyword                 = ast.KindNumberKeyword
	KindBooleanKeyword                = ast.KindBooleanKeyword
	KindAnyKeyword                    = ast.KindAnyKeyword
)

// AsyncFunction says whether a function is declared async.
func AsyncFunction(n *Node) bool {
	return n.ModifierFlags()&ast.ModifierFlagsAsync != 0
}

// Static says whether a class member belongs to the class itself.
func Static(n *Node) bool { return n.ModifierFlags()&ast.ModifierFlagsStatic != 0 }

// ParameterProperty says whether a constructor's parameter is also a member.
func ParameterProperty(n *Node) bool {
	return n.ModifierFlags()&ast.ModifierFlagsParameterPropertyModifier != 0
}

// DefaultExport says whether a declaration is the file's default export.
func DefaultExport(n *Node) bool { return n.ModifierFlags()&ast.ModifierFlagsDefault != 0 }

// Exported says whether a declaration is exported.
func Exported(n *Node) bool { return n.ModifierFlags()&ast.ModifierFlagsExport != 0 }

// Var says whether a list of declarations is one of var, not of let or const.
func Var(list *Node) bool { return list.Flags&ast.NodeFlagsBlockScoped == 0 }

// TryStatement is a try with its catch and finally.
type TryStatement = ast.TryStatement

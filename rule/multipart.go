// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package rule

// The ways in which a multipart body can be read differently, each by its own
// name. A body that is none, or has no boundary, is [RequestMultipart].
const (
	RequestMultipartBoundary     ID = "request/multipart-boundary"
	RequestMultipartEnd          ID = "request/multipart-end"
	RequestMultipartTrailing     ID = "request/multipart-trailing"
	RequestMultipartSize         ID = "request/multipart-header-size"
	RequestMultipartDisposition  ID = "request/multipart-disposition"
	RequestMultipartParameter    ID = "request/multipart-parameter"
	RequestMultipartContinuation ID = "request/multipart-continuation"
	RequestMultipartFilename     ID = "request/multipart-filename"
	RequestMultipartName         ID = "request/multipart-name"
	RequestMultipartHeader       ID = "request/multipart-header"
	RequestMultipartFolded       ID = "request/multipart-folded"
	RequestMultipartControl      ID = "request/multipart-control"
	RequestMultipartRepeated     ID = "request/multipart-repeated"
	RequestMultipartEncoding     ID = "request/multipart-encoding"
	RequestMultipartNested       ID = "request/multipart-nested"
	RequestMultipartText         ID = "request/multipart-text"
)

var multipartRules = []Rule{
	{ID: RequestMultipartBoundary, Title: "Boundary can be read in two ways", Severity: High, Status: 400, CWE: 436,
		Why: "Given twice, split or followed by text, a boundary divides the body at other places for each parser."},
	{ID: RequestMultipartEnd, Title: "Multipart body without its end", Severity: High, Status: 400, CWE: 436,
		Why: "Some parsers take a form that is cut off for a whole one."},
	{ID: RequestMultipartTrailing, Title: "Data behind the last boundary", Severity: High, Status: 400, CWE: 436,
		Why: "One parser stops at the end, another reads the part that follows."},
	{ID: RequestMultipartSize, Title: "Part headers too large", Severity: High, Status: 400, CWE: 436,
		Why: "Parsers cut long headers at different lengths."},
	{ID: RequestMultipartDisposition, Title: "Part is no form-data", Severity: High, Status: 400, CWE: 436,
		Why: "attachment is a file to one parser, nothing to another."},
	{ID: RequestMultipartParameter, Title: "Part parameter repeated, unknown or malformed", Severity: High, Status: 400, CWE: 436,
		Why: "Of two filenames one parser takes the first, another the last; a filter sees an image and the app a script."},
	{ID: RequestMultipartContinuation, Title: "Part parameter in pieces", Severity: High, Status: 400, CWE: 436,
		Why: "filename*0 and filename*1 make a file for parsers that follow RFC 2231, and a field for others."},
	{ID: RequestMultipartFilename, Title: "Filename can be read in two ways", Severity: High, Status: 400, CWE: 436,
		Why: "busboy believes filename*, formidable filename: a filter sees a.png and the app b.php."},
	{ID: RequestMultipartName, Title: "Field name can be read in two ways", Severity: High, Status: 400, CWE: 436,
		Why: "A name with an escape, a mark or a filename in it is another name to the next parser."},
	{ID: RequestMultipartHeader, Title: "Part header malformed", Severity: High, Status: 400, CWE: 436,
		Why: "A line that one parser skips is a header to another."},
	{ID: RequestMultipartFolded, Title: "Part header folded", Severity: High, Status: 400, CWE: 436,
		Why: "A continued line belongs to the header above for some parsers, and is an error for others."},
	{ID: RequestMultipartControl, Title: "Control byte in a part header", Severity: High, Status: 400, CWE: 436,
		Why: "A NUL ends a name for one parser, a lone line feed a line for another."},
	{ID: RequestMultipartRepeated, Title: "Part header repeated", Severity: High, Status: 400, CWE: 436,
		Why: "Of two Content-Dispositions one parser reads the first, another the last."},
	{ID: RequestMultipartEncoding, Title: "Part with a transfer encoding", Severity: High, Status: 400, CWE: 436,
		Why: "Some parsers decode base64 and quoted-printable in a part, most do not: the bytes that are judged are not those that are stored."},
	{ID: RequestMultipartNested, Title: "Part that is a form itself", Severity: High, Status: 400, CWE: 436,
		Why: "Old parsers open a multipart part and find files in it, hapi reads a form in a part; others see a field."},
	{ID: RequestMultipartText, Title: "Field is no text in UTF-8", Severity: High, Status: 400, CWE: 436,
		Why: "What is no UTF-8 is decoded to another text by each parser, and a byte order mark is dropped by some."},
}

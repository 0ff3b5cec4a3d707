// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package upload

import (
	"bytes"
	"unicode/utf8"
)

// pdfTail is where readers look for the end marker of a PDF.
const pdfTail = 1 << 10

// lookPDF holds a PDF by its two ends: the header at the very start (readers
// take it within the first 1024 bytes, which is how a PDF hides in another
// file), the end marker within the last 1024 bytes. Text in between may quote
// any script, as a book on HTML does.
func lookPDF(v *view) (a anatomy) {
	if !v.has(0, "%PDF-") {
		return a.broken(0, "It does not start as a PDF.")
	}
	a.marked = v.marked(0, pdfTail)
	a.scripted = v.pdfActions()
	from := max(v.finish()-pdfTail, 0)
	tail := v.from(from, pdfTail)
	i := bytes.LastIndex(tail, []byte("%%EOF"))
	if i < 0 {
		return a.broken(from, "It does not end as a PDF.")
	}
	a.end = from + int64(i) + int64(len("%%EOF"))
	return a
}

// lookText wants UTF-8 without NULs from start to end.
func lookText(v *view) (a anatomy) {
	for off := int64(0); off < v.size; {
		b := v.from(off, 2*utf8.UTFMax)
		if len(b) == 0 {
			if off < v.size {
				return a.broken(off, endsEarly)
			}
			break // the end of an arriving file is known only now
		}
		whole := len(b)
		if off+int64(whole) < v.size { // a character may go on in the next window
			for k := 1; k < utf8.UTFMax && !utf8.RuneStart(b[whole-1]); k++ {
				whole--
			}
			whole--
		}
		if !utf8.Valid(b[:whole]) || bytes.IndexByte(b[:whole], 0) >= 0 {
			return a.broken(off, "It is not text in UTF-8.")
		}
		off += int64(whole)
	}
	a.end = v.size
	return a
}

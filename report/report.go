// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

// Package report shows what a scan or an audit found: as text for a terminal, as
// JSON for programs, as SARIF for code scanning, as JUnit for build servers, as a
// web page to keep and as Markdown for a pull request.
//
// [Judge] compares a report with an earlier one and with the file of accepted
// findings, and says whether the run fails; [Write] renders.
//
// # What a report may contain
//
// A scanned site writes part of its own report, so every text in it is hostile.
// Control and format characters are shown as escapes in every format; a page has
// no script, allows none by a policy of its own and links only to addresses of
// the catalogue; Markdown takes no mark-up, link or mention from a text.
//
// # Bounds
//
// Memory and output grow with the report, which package finding bounds. Text
// lists 10 places of a rule, Markdown 20 rules and 3 places of each, SARIF 20,000
// findings (code scanning takes 25,000); they say what they left out. The other
// formats list everything.
package report

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/panoply-security/panoply/finding"
)

// Format is the name of an output.
type Format string

// The formats.
const (
	Text     Format = "text"
	JSON     Format = "json"
	SARIF    Format = "sarif"
	HTML     Format = "html"
	JUnit    Format = "junit"
	Markdown Format = "markdown"
)

// Formats are all of them.
var Formats = []Format{Text, JSON, SARIF, HTML, JUnit, Markdown}

// ParseFormat returns the format with the name.
func ParseFormat(name string) (Format, error) {
	if f := Format(name); slices.Contains(Formats, f) {
		return f, nil
	}
	names := make([]string, len(Formats))
	for i, f := range Formats {
		names[i] = string(f)
	}
	return "", fmt.Errorf("unknown format %q (hint: %s)", name, strings.Join(names, ", "))
}

// Options are what some formats need to know beside the report. The zero value
// is good for all of them.
type Options struct {
	// Colour uses colours in text: see [Colour].
	Colour bool
	// Width is the terminal's, in columns, for text; 0 means 80.
	Width int
	// File is where SARIF puts findings that are in no file, such as those of a
	// scan: a file of the repository, relative to its root. Empty means
	// package.json, which every Express app has.
	File string
}

// Write renders a finished report.
func Write(w io.Writer, f Format, r *finding.Report, o Options) error {
	switch f {
	case Text:
		return writeText(w, r, o)
	case JSON:
		return r.Encode(w)
	case SARIF:
		return writeSARIF(w, r, o)
	case HTML:
		return writeHTML(w, r)
	case JUnit:
		return writeJUnit(w, r)
	case Markdown:
		return writeMarkdown(w, r)
	}
	_, err := ParseFormat(string(f))
	return err
}

// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/renderer/html"

	"github.com/panoply-security/panoply/finding"
	"github.com/panoply-security/panoply/report"
	"github.com/panoply-security/panoply/rule"
)

// TestMarkdownTakesNoMarkup renders summaries with a parser of GitHub's dialect:
// whatever a target is called and says, the elements are those of a report about
// a target that says x.
func TestMarkdownTakesNoMarkup(t *testing.T) {
	want := elements(t, "x")
	for _, text := range []string{
		"[a](javascript:alert(1))", "![a](http://evil.example/a.png)", "<script>alert(1)</script>", "<b>a</b>", "**a** _b_ ~~c~~",
		"http://evil.example/", "https://evil.example", "www.evil.example", "HTTP://evil.example", "ftp://evil.example", "mailto:a@evil.example", "a@evil.example",
		"a | b | c |", "`a` ``b``", "` ```", "# a", "a\n\n# b\n\n---\n", "- a", "+ a", "1. a", "1) a", "> a", "    a", "a\\", "\\", "&lt;b&gt; &amp; &#64;",
		"[a]: http://evil.example", "[^1]", "[x] a", "<!-- a", "-->", "<http://evil.example>", "===", "---", "***", "|---|", "@all", "#1", ":smile:", "$a$",
	} {
		if got := elements(t, text); !slices.Equal(got, want) {
			t.Errorf("%q becomes mark-up: got %q; want %q", text, got, want)
		}
	}
}

var element = regexp.MustCompile(`<[a-zA-Z/][^>]*>`)

// elements are the tags of a rendered summary with the text everywhere.
func elements(t *testing.T, text string) []string {
	t.Helper()
	r := finding.NewReport(text, text, text)
	r.NotTested(6, text)
	f := finding.New(rule.NoSQLOperator, finding.InAnswer("POST", text, text), text)
	f.Fix.Express = text
	r.Add(f)
	r.Baseline = &finding.Baseline{Grade: text, Gone: []finding.Finding{f}}
	r.Finish()
	var md, page bytes.Buffer
	if err := report.Write(&md, report.Markdown, r, report.Options{}); err != nil {
		t.Fatal(err)
	}
	parser := goldmark.New(goldmark.WithExtensions(extension.GFM, extension.Footnote), goldmark.WithRendererOptions(html.WithUnsafe()))
	if err := parser.Convert(md.Bytes(), &page); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(strings.ReplaceAll(page.String(), "<!-- -->", ""), "<!--") {
		t.Errorf("%q opens a comment", text)
	}
	return element.FindAllString(page.String(), -1)
}

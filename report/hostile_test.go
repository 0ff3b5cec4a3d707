// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package report

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"golang.org/x/net/html"

	"github.com/panoply-security/panoply/finding"
)

// everywhere puts a text into every field of a report that a target could write.
func everywhere(text string) *finding.Report {
	r := finding.NewReport("x", "x", "x")
	for n := 1; n <= 7; n++ {
		r.Tested(n)
	}
	gone := []finding.Finding{}
	for _, source := range []*finding.Report{aScan(), anAudit()} {
		for _, f := range source.Findings {
			f.Accepted = &finding.Acceptance{Reason: "x", Until: "x"}
			f.Status = finding.StatusNew
			fill(reflect.ValueOf(&f), text)
			r.Add(f)
			gone = append(gone, f)
		}
	}
	scan := aScan()
	r.Run, r.Observatory = scan.Run, scan.Observatory
	r.Run.Stopped = "x"
	r.Baseline = &finding.Baseline{Gone: gone}
	r.Failing = &finding.Failing{Level: "low", Findings: 3}
	fill(reflect.ValueOf(r), text)
	r.Finish()
	return r
}

// fill sets every plain string below v. Rule ids, severities, verdicts and the
// like are types of their own.
func fill(v reflect.Value, text string) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			fill(v.Elem(), text)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Field(i).CanSet() {
				fill(v.Field(i), text)
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			fill(v.Index(i), text)
		}
	case reflect.String:
		if v.Type() == reflect.TypeFor[string]() {
			v.SetString(text)
		}
	}
}

var hostile = []string{
	"\x1b]0;owned\x07\x1b[2J\x1b[31m",
	"\u009b31m\u0085\u2028\u202egpj.exe\u200b\U000e0041\ufeff",
	"\xff\xfe\xc0\x80\x1b",
	"</style></pre><script>alert(1)</script><img src=x onerror=alert(1)>",
	`" onmouseover="alert(1)" style="x:y" '><!--`,
	"javascript:alert(1)", "data:text/html,<script>alert(1)</script>",
	"]]></failure><testcase/>&lt;&#x0;&entity;",
	"```\n# title\n[x](javascript:alert(1)) ![x](http://evil.example/x.png) <b>@everyone</b> #1 http://evil.example www.evil.example | a | b |",
	"` `` ``` x` ", "{{.}} {0} %s %n ${x} $x$ {{ template }}",
	"http://evil.example/'; rm -rf ~; '\nrm -rf ~",
	"a\r\nb\tc\x00d", "\\u001b[31m", "::error::x\n##[error]x",
	strings.Repeat("a", 5000), strings.Repeat("漢", 300), " ", "\n\n",
}

func TestNothingIsRenderedRaw(t *testing.T) {
	for _, text := range hostile {
		checkHostile(t, text)
	}
}

func FuzzNothingIsRenderedRaw(f *testing.F) {
	for _, text := range hostile {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) { checkHostile(t, text) })
}

func checkHostile(t *testing.T, text string) {
	t.Helper()
	r := everywhere(text)
	for _, format := range Formats {
		for _, width := range []int{0, 24} {
			if width > 0 && format != Text {
				continue
			}
			got := render(t, format, r, Options{Width: width, File: text})
			if strings.Contains(got, "##") && format != Markdown || serverCommand.MatchString(got) {
				t.Fatalf("%s with %q: a command for the build server in %s", format, text, got)
			}
			if i := strings.IndexFunc(got, func(c rune) bool { return c != '\n' && !unicode.IsPrint(c) }); i >= 0 {
				t.Fatalf("%s with %q: a character that acts in %q", format, text, got[max(0, i-50):min(i+50, len(got))])
			}
		}
	}

	// Colours are codes of ours and nothing else is a code.
	coloured := render(t, Text, r, Options{Colour: true})
	if bare := ours.ReplaceAllString(coloured, ""); bare != render(t, Text, r, Options{}) {
		t.Fatalf("with %q colours are more than colours", text)
	}

	for _, format := range []Format{JSON, SARIF} {
		got := render(t, format, r, Options{File: text})
		if strings.ContainsAny(got, "<>&") || !json.Valid([]byte(got)) {
			t.Fatalf("%s with %q is not JSON for pages: %s", format, text, got)
		}
	}
	if problems := sarifProblems(render(t, SARIF, r, Options{File: text})); len(problems) > 0 {
		t.Fatalf("SARIF with %q: %q", text, problems[0])
	}

	// What a target writes changes no element and no attribute of XML and HTML.
	benign := everywhere("x")
	for i := range benign.Findings {
		if command(&r.Findings[i]) == "" {
			benign.Findings[i].Reproduce = "\x01" // no command either
		}
		if strings.TrimSpace(r.Findings[i].Fix.Express) == "" {
			return // without a text there is no element for it
		}
	}
	if got, want := xmlShape(t, render(t, JUnit, r, Options{})), xmlShape(t, render(t, JUnit, benign, Options{})); !slices.Equal(got, want) {
		t.Fatalf("JUnit with %q has the shape %q; want %q", text, got, want)
	}
	if got, want := htmlShape(t, render(t, HTML, r, Options{})), htmlShape(t, render(t, HTML, benign, Options{})); !slices.Equal(got, want) {
		for i := range got {
			if i >= len(want) || got[i] != want[i] {
				t.Fatalf("HTML with %q has %s at %d; want %q", text, got[i], i, want[min(i, len(want)-1)])
			}
		}
		t.Fatalf("HTML with %q ends early", text)
	}
}

var serverCommand = regexp.MustCompile(`(?m)^\s*::[a-z]`)

var ours = regexp.MustCompile(`\x1b\[(0|1|2|31|32|33|36|1;31|1;32|1;33)m`)

// xmlShape is every element with the names of its attributes.
func xmlShape(t *testing.T, text string) []string {
	t.Helper()
	var shape []string
	d := xml.NewDecoder(strings.NewReader(text))
	d.Strict = true
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return shape
		}
		if err != nil {
			t.Fatalf("not XML: %v", err)
		}
		if e, ok := token.(xml.StartElement); ok {
			s := e.Name.Local
			for _, a := range e.Attr {
				s += " " + a.Name.Local
			}
			shape = append(shape, s)
		}
	}
}

// htmlShape is every element with its attributes, as a browser reads the page.
// No attribute carries a text of the target, so their values are part of it.
func htmlShape(t *testing.T, text string) []string {
	t.Helper()
	doc, err := html.Parse(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	var shape []string
	for n := range doc.Descendants() {
		switch n.Type {
		case html.ElementNode:
			s := n.Data
			for _, a := range n.Attr {
				s += " " + a.Key + "=" + a.Val
			}
			shape = append(shape, s)
		case html.CommentNode:
			shape = append(shape, "comment")
		}
	}
	return shape
}

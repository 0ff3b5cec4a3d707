// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package report

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/panoply-security/panoply/finding"
	"github.com/panoply-security/panoply/rule"
)

func TestWrap(t *testing.T) {
	for _, tt := range []struct {
		name, in string
		most     int
		want     []string
	}{
		{"fits", "a b", 3, []string{"a b"}},
		{"at-spaces", "one two three", 7, []string{"one two", "three"}},
		{"space-at-the-edge", "abc def", 3, []string{"abc", "def"}},
		{"no-space", "abcdefgh", 3, []string{"abc", "def", "gh"}},
		{"wide", "漢漢漢 a", 5, []string{"漢漢", "漢 a"}},
		{"indent-stays", "  ab cd", 5, []string{"  ab", "cd"}},
		{"empty", "", 5, []string{""}},
		{"absurd", "漢", 0, []string{"漢"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := wrap(tt.in, tt.most); !slices.Equal(got, tt.want) {
				t.Errorf("got %q; want %q", got, tt.want)
			}
		})
	}
}

func FuzzWrap(f *testing.F) {
	f.Add("one two 漢漢 three", 7)
	f.Fuzz(func(t *testing.T, s string, most int) {
		most = max(2, min(most, 1000))
		lines := wrap(s, most)
		for _, l := range lines {
			if columns(l) > most && len([]rune(l)) > 1 {
				t.Errorf("%q takes %d columns; want at most %d", l, columns(l), most)
			}
		}
		if strings.ReplaceAll(strings.Join(lines, ""), " ", "") != strings.ReplaceAll(s, " ", "") {
			t.Errorf("%q became %q", s, lines)
		}
	})
}

// Everything but what is to be copied keeps to the width.
func TestTextKeepsToTheWidth(t *testing.T) {
	for _, width := range []int{24, 28, 40, 60, 80, 100} {
		r := judgedScan(t)
		for i := range r.Findings {
			r.Findings[i].Fix = finding.Fix{Text: r.Findings[i].Fix.Express}
			r.Findings[i].Reproduce = "\x00" // no command
		}
		for line := range strings.Lines(render(t, Text, r, Options{Width: width})) {
			if n := columns(strings.TrimSuffix(line, "\n")); n > width {
				t.Errorf("width %d: %d columns in %q", width, n, line)
			}
		}
	}
}

func TestTextListsSomePlaces(t *testing.T) {
	r := finding.NewReport("panoply scan", "1", "http://h/")
	for i := range 25 {
		r.Add(finding.New(rule.ErrorLeak, finding.InAnswer("GET", fmt.Sprintf("http://h/%02d", i), ""), "x"))
	}
	r.Finish()
	got := render(t, Text, r, Options{})
	if strings.Count(got, "http://h/09") == 0 || strings.Contains(got, "http://h/10") || !strings.Contains(got, "and 15 more places") {
		t.Errorf("want 10 places and the number of the others:\n%s", got)
	}
}

func TestColour(t *testing.T) {
	null, err := os.Open(os.DevNull) // a character device, as a terminal is
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	file, err := os.Create(t.TempDir() + "/report.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for _, tt := range []struct {
		name string
		file *os.File
		env  map[string]string
		want bool
	}{
		{"terminal", null, nil, true},
		{"no-color", null, map[string]string{"NO_COLOR": "1"}, false},
		{"empty-no-color", null, map[string]string{"NO_COLOR": ""}, true},
		{"dumb", null, map[string]string{"TERM": "dumb"}, false},
		{"file", file, nil, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := Colour(tt.file, func(k string) string { return tt.env[k] }); got != tt.want {
				t.Errorf("got %v; want %v", got, tt.want)
			}
		})
	}
}

func TestCommand(t *testing.T) {
	at := func(method, url string) finding.Finding {
		return finding.Finding{Location: finding.InAnswer(method, url, "")}
	}
	for _, tt := range []struct {
		name string
		f    finding.Finding
		want string
	}{
		{"get", at("GET", "http://h/a?b=c&d[e]=f"), "curl -gsSi -- 'http://h/a?b=c&d[e]=f'"},
		{"head", at("HEAD", "https://h/"), "curl -gsSi -I -- 'https://h/'"},
		{"options", at("OPTIONS", "https://h/"), "curl -gsSi -X OPTIONS -- 'https://h/'"},
		{"quotes", at("GET", "http://h/';reboot;'"), `curl -gsSi -- 'http://h/'\'';reboot;'\'''`},
		{"its-own", finding.Finding{Reproduce: "curl x", Location: finding.InAnswer("POST", "http://h/", "")}, "curl x"},
		{"post-alone-says-nothing", at("POST", "http://h/"), ""},
		{"another-scheme", at("GET", "file:///etc/passwd"), ""},
		{"cut", at("GET", "http://h/aaa…"), ""},
		{"what-is-pasted-is-what-is-seen", finding.Finding{Reproduce: "curl x\nreboot"}, ""},
		{"in-a-file", finding.Finding{Location: finding.InFile("app.js", 1, 1, 0, 0)}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := command(&tt.f); got != tt.want {
				t.Errorf("got %s; want %s", got, tt.want)
			}
		})
	}
}

func TestParseFormat(t *testing.T) {
	for _, f := range Formats {
		if got, err := ParseFormat(string(f)); err != nil || got != f {
			t.Errorf("%s: %v", f, err)
		}
	}
	if _, err := ParseFormat("pdf"); err == nil || !strings.Contains(err.Error(), "text, json, sarif, html, junit, markdown") {
		t.Errorf("got %v; want the formats named", err)
	}
	if err := Write(nil, "pdf", aScan(), Options{}); err == nil {
		t.Error("pdf was written")
	}
}

// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package report

import (
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// TestPageIsStrict: one style sheet, allowed by its hash; no script, no inline
// style, nothing from elsewhere, links to the catalogue's addresses only.
func TestPageIsStrict(t *testing.T) {
	text := render(t, HTML, judgedScan(t), Options{})
	doc, err := html.Parse(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	ids, styles, policy := map[string]bool{}, 0, ""
	var targets []string
	for n := range doc.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		attrs := map[string]string{}
		for _, a := range n.Attr {
			attrs[a.Key] = a.Val
			if a.Key == "style" || strings.HasPrefix(a.Key, "on") || a.Key == "src" || a.Key == "action" {
				t.Errorf("<%s %s>", n.Data, a.Key)
			}
		}
		if id := attrs["id"]; id != "" {
			if ids[id] {
				t.Errorf("id %s twice", id)
			}
			ids[id] = true
		}
		switch n.Data {
		case "script", "iframe", "object", "embed", "img", "link", "form", "base", "svg", "math":
			t.Errorf("<%s>", n.Data)
		case "style":
			styles++
			if got := hash(n.FirstChild.Data); !strings.Contains(policy, "style-src 'sha256-"+got+"';") {
				t.Errorf("the policy %q does not allow the style sheet sha256-%s", policy, got)
			}
		case "meta":
			if attrs["http-equiv"] == "Content-Security-Policy" {
				policy = attrs["content"]
			}
		case "a":
			targets = append(targets, attrs["href"])
		}
		for _, label := range []string{"aria-labelledby"} {
			if v := attrs[label]; v != "" {
				targets = append(targets, "#"+v)
			}
		}
	}
	if styles != 1 || !strings.HasPrefix(policy, "default-src 'none'; ") {
		t.Errorf("%d style sheets, policy %q", styles, policy)
	}
	for _, to := range targets {
		if strings.HasPrefix(to, "#") && ids[to[1:]] {
			continue
		}
		if !strings.HasPrefix(to, "https://cwe.mitre.org/") && !strings.HasPrefix(to, "https://owasp.org/") &&
			!strings.HasPrefix(to, "https://cheatsheetseries.owasp.org/") {
			t.Errorf("a link to %q", to)
		}
	}
}

// What a target is called cannot become the page's mark-up even in its title.
func TestPageTitle(t *testing.T) {
	r := aScan()
	r.Target = "</title><script>alert(1)</script>"
	if got := render(t, HTML, r, Options{}); strings.Contains(got, "<script") {
		t.Error("a script")
	}
}

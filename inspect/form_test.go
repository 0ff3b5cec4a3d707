// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package inspect_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/panoply-security/panoply/inspect"
	"github.com/panoply-security/panoply/problem"
	"github.com/panoply-security/panoply/rule"
)

// readBoth reads a text as a query and as a form, which must agree but for the
// place and the rule. A form that starts like JSON is shown as that before.
func readBoth(t *testing.T, text string) (shown witness, detail string) {
	t.Helper()
	err := inspect.ReadQuery(text, &shown, nil)
	var form witness
	r := post("application/x-www-form-urlencoded", text)
	_, formErr := inspect.ReadBody(r, inspect.Options{MaxBytes: 1 << 20, Visitor: &form})
	for i, l := range shown.log {
		shown.log[i] = strings.TrimPrefix(l, "#query")
	}
	if !strings.HasSuffix(form.String(), shown.String()) || text != "" && text[0] != '[' && len(form.log) != len(shown.log) {
		t.Errorf("%.80q: a query shows %s\na form %s", text, shown.String(), form.String())
	}
	if (err == nil) != (formErr == nil) {
		t.Errorf("%.80q: a query gives %v, a form %v", text, err, formErr)
	}
	if err != nil {
		refused(t, err, rule.RequestQuery)
		refused(t, formErr, rule.RequestForm)
		return shown, problem.As(err).Detail
	}
	arrived(t, r, text)
	return shown, ""
}

func TestPairsAreShownAsNodeNestsThem(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"plain", "a=1&b=", "/a /a=string /b /b=string"},
		{"without-value", "a", "/a /a=string"},
		{"empty", "", ""},
		{"empty-parts", "&&a=1&&", "/a /a=string"},
		{"no-name", "=1", "/ /=string"},
		{"brackets", "a[b][c]=1", "/a /a=object /a/b /a/b=object /a/b/c /a/b/c=string"},
		{"encoded-brackets", "a%5Bb%5d[c]=1", "/a /a=object /a/b /a/b=object /a/b/c /a/b/c=string"},
		{"encoded-name", "%24n%65=1", "/$ne /$ne=string"},
		{"plus-is-a-space", "a+b=1", "/a b /a b=string"},
		{"escaped-twice", "a%255Bb%255D=1", "/a%5Bb%5D /a%5Bb%5D=string"},
		{"escaped-and-is-no-separator", "a%26b=1", "/a&b /a&b=string"},
		{"semicolon-is-no-separator", "a=1;b=2", "/a /a=string"},
		{"comma-is-no-separator", "a,b=1", "/a,b /a,b=string"},
		{"repeated", "a=1&a=2", "/a /a=string /a /a=array"},
		{"repeated-in-other-spelling", "a=1&%61=2", "/a /a=string /a /a=array"},
		{"list", "a[]=1", "/a /a=array /a/ /a/=string"},
		{"position", "a[0]=1", "/a /a=array /a/0 /a/0=string"},
		{"list-of-objects", "a[0][b]=1", "/a /a=array /a/0 /a/0=object /a/0/b /a/0/b=string"},
		{"root-in-brackets", "[a]=1", "/a /a=string"},
		{"dots", "a.b=1", "/a.b /a.b=string /a /b /a /a/b"},
		{"equals-in-value", "a=b=c", "/a /a=string"},
		{"unicode", "%C3%A9=1", "/é /é=string"},
	} {
		t.Run(c.name, func(t *testing.T) {
			shown, detail := readBoth(t, c.text)
			if detail != "" {
				t.Fatalf("refused: %s", detail)
			}
			if c.name == "dots" { // what is shown besides, and how often, is not of interest
				if !shown.shows("a/b") {
					t.Errorf("shown %s; want /a/b among it", shown.String())
				}
				return
			}
			if shown.String() != c.want {
				t.Errorf("shown %s\nwant  %s", shown.String(), c.want)
			}
		})
	}
}

func TestNoSpellingHidesAName(t *testing.T) {
	for _, text := range []string{
		"$ne=1", "a[$ne]=1", "a[$ne]", "a[b][$ne]=1", "a[][$ne]=1", "a[0][$ne]=1", "[$ne]=1", "[][$ne]=1",
		"a[$ne", "a[$ne=1", "[$ne=1", "a[b[$ne]=1", "a[[$ne]]=1", "a[$ne]]=1", "a]$ne=1", "a][$ne]=1", "a[b]$ne=1",
		"a[b]c[$ne]=1", "a[b]$ne[c]=1", "a]b[$ne]=1", "[[$ne]=1", "[]$ne=1", "a[]$ne]=1",
		"a%5B$ne%5D=1", "a%5b%24ne%5d=1", "a[%24ne]=1", "a%5B$ne]=1", "a+[$ne]=1",
		"a=b[$ne]=c", "a=b%5B$ne%5D=c", "a==[$ne]=1", "=[$ne]=1", "a[=][$ne]=1", "a[b=][$ne]=c",
		"?$ne=1", "?a[$ne]=1", "&&a[$ne]=1", "a=1&&b[$ne]=2", "a;b[$ne]=1", "a=1;b[$ne]=1",
		"a.$ne=1", "a[b].$ne=1", "a.b.$ne=1", ".$ne=1", "a[b.$ne]=1", "a..$ne=1", "a%2E$ne=1", "a.b[$ne]=1", "a.[$ne]=1",
		"a[b]=1&a[$ne]=2", "x[a]=1&x[b][$ne]=1",
	} {
		t.Run(strings.ReplaceAll(text, "/", "-"), func(t *testing.T) {
			shown, detail := readBoth(t, text)
			if detail == "" && !shown.shows("$ne") {
				t.Errorf("shown %s; want $ne among it, or a refusal", shown.String())
			}
		})
	}
}

func TestPairsThatParsersReadDifferentlyAreRefused(t *testing.T) {
	const (
		mixed    = "A name is given both plain and with brackets."
		list     = "A list is given both with and without positions."
		brackets = "A name has too many brackets."
		escape   = "It has a bad percent escape."
		text     = "It is not valid UTF-8."
		many     = "It has more than 1000 parameters."
		long     = "It has a name that is too long."
	)
	params := func(n int) string { return strings.Repeat("a=1&", n-1) + "b=2" }
	deep := func(n int) string { return "a" + strings.Repeat("[b]", n) + "=1" }
	for _, c := range []struct{ name, text, detail string }{
		{"plain-then-brackets", "a=1&a[b]=2", mixed},
		{"brackets-then-plain", "a[b]=2&a=1", mixed},
		{"plain-then-encoded-brackets", "a=1&a%5Bb%5D=2", mixed},
		{"mixed-below", "a[b]=1&a[b][c]=2", mixed},
		{"mixed-far-apart", "a[b]=1&" + strings.Repeat("x=1&", 500) + "a=2", mixed},
		{"mixed-with-a-list", "a=1&a[]=2", mixed},
		{"mixed-by-root-brackets", "[a]=1&a[b]=2", mixed},
		{"list-and-positions", "a[]=1&a[0]=2", list},
		{"positions-and-list", "a[1]=1&a[]=2", list},
		{"same-list", "a[]=1&a[]=2", ""},
		{"same-positions", "a[0]=1&a[1]=2", ""},
		{"siblings", "a[b]=1&a[c]=2&a[d][e]=3", ""},

		{"1000-parameters", params(1000), ""},
		{"1001-parameters", params(1001), many},
		{"1001-empty-ones", strings.Repeat("&", 1001), many},
		{"32-levels", deep(32), ""},
		{"33-levels", deep(33), brackets},
		{"33-encoded-levels", "a" + strings.Repeat("%5Bb%5D", 33), brackets},
		{"33-open-brackets", "a" + strings.Repeat("[", 33) + "=1", brackets},
		{"name-of-1024-bytes", strings.Repeat("n", 1024) + "=1", ""},
		{"name-of-1025-bytes", strings.Repeat("n", 1025) + "=1", long},
		{"long-value", "a=" + strings.Repeat("v", 5000), ""},

		{"lone-percent", "a=%", escape},
		{"cut-escape", "a=%2", escape},
		{"no-hex", "%zz=1", escape},
		{"utf-16-escape", "a=%u0024", escape},
		{"bad-escape-in-brackets", "a[%]=1", escape},
		{"bad-escape-behind", "a=1&b=2&c=%f", escape},
		{"escaped-bad-utf-8", "a=%ff", text},
		{"escaped-overlong", "%c0%a4ne=1", text},
		{"escaped-surrogate", "a=%ed%a0%80", text},
		{"raw-bad-utf-8", "a=\xff", text},
		{"nul", "a%00b=1", "A name has a NUL."},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, detail := readBoth(t, c.text); detail != c.detail {
				t.Errorf("refused with %q, want %q", detail, c.detail)
			}
		})
	}
	_, err := read(post("application/x-www-form-urlencoded", bom+"a=1"), nil)
	refused(t, err, rule.RequestForm)
}

func TestNamesWithUnbalancedBracketsAreFew(t *testing.T) {
	_, err := read(post("application/x-www-form-urlencoded", strings.Repeat("a[b=1&", 64)), nil)
	refused(t, err, "")
	_, err = read(post("application/x-www-form-urlencoded", strings.Repeat("a[b=1&", 65)), nil)
	refused(t, err, rule.RequestForm)
	_, err = read(post("application/x-www-form-urlencoded", strings.Repeat("a[b]=1&", 900)), nil)
	refused(t, err, "")
}

func TestFieldNamesNestAsFormsDo(t *testing.T) {
	for name, shows := range map[string]bool{"user[$ne]": true, "$ne": true, "a.$ne": true, "a[$ne": true, "a%5B$ne%5D": false, "ne": false} {
		var s witness
		refused(t, inspect.FieldName(name, &s), "")
		if s.shows("$ne") != shows {
			t.Errorf("%s: shown %s; want $ne among it: %v", name, s.String(), shows)
		}
	}
	refused(t, inspect.FieldName("a\xff", &witness{}), rule.RequestForm)
	refused(t, inspect.FieldName(strings.Repeat("n", 1025), &witness{}), rule.RequestForm)
	fields := inspect.NewFields(&witness{}, nil)
	refused(t, fields.Add("a[b]", "", ""), "")
	refused(t, fields.Add("a[c]", "", ""), "")
	refused(t, fields.Add("a", "", ""), rule.RequestForm)
}

func TestCookiesOfCookieParser(t *testing.T) {
	const shown = "#cookie/a #cookie=object #cookie/$ne #cookie/$ne=number"
	for _, c := range []struct{ name, line, want string }{
		{"json", `a=j:{"$ne":1}`, shown},
		{"signed", `a=s:j:{"$ne":1}.c2ln`, shown},
		{"signed-with-dots", `a=s:j:{"$ne":1}.c2.ln`, shown}, // then the text behind the object is left alone
		{"percent-encoded", "a=j%3A%7B%22%24ne%22%3A1%7D", shown},
		{"signed-and-encoded", "a=s%3Aj%3A%7B%22%24ne%22%3A1%7D.c2ln%2B", shown},
		{"in-quotes", `a="j:{"$ne":1}"`, shown},
		{"second-of-two", `x=y; a=j:{"$ne":1}`, "#cookie/x " + shown},
		{"without-space", `x=y;a=j:{"$ne":1}`, "#cookie/x " + shown},
		{"spaces-around", `x=y;  a  =  j:{"$ne":1}  `, "#cookie/x " + shown},
		{"array", `a=j:[1]`, "#cookie/a #cookie=array #cookie/0=number"},
		{"two", `a=j:1; b=j:"x"`, "#cookie/a #cookie=number #cookie/b #cookie=string"},
		{"plus-is-a-plus", `a=j:"+"`, "#cookie/a #cookie=string"},
		{"broken-escape-elsewhere", `a=j:{"$ne":1}%`, shown},
		{"no-json", "a=j:{nope", "#cookie/a #cookie=object"},
		{"nothing", "a=j:", "#cookie/a"},
		{"plain", "a=b", "#cookie/a"},
		{"json-without-mark", `a={"$ne":1}`, "#cookie/a"},
		{"mark-inside", `a=xj:{"$ne":1}`, "#cookie/a"},
		{"name-alone", `j:{"$ne":1}`, ""},
		{"signed-text", "a=s:xj:1.sig", "#cookie/a"},
		{"operator-as-a-name", "$where=1", "#cookie/$where"},
		{"operator-behind-spaces", "a=1;  $where =1", "#cookie/a #cookie/$where"},
		{"capital-mark", `a=J:{"$ne":1}`, "#cookie/a"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var s witness
			refused(t, inspect.ReadCookies([]string{"first=1", c.line}, &s), "")
			if want := strings.TrimSpace("#cookie/first " + c.want); s.String() != want {
				t.Errorf("shown %s\nwant  %s", s.String(), want)
			}
		})
	}
	for n, want := range map[int]rule.ID{16 << 10: "", 16<<10 + 1: rule.RequestCookie} {
		line := fmt.Sprintf(`a=j:"%s"`, strings.Repeat("x", n-2))
		refused(t, inspect.ReadCookies([]string{line}, &witness{}), want)
	}
	half := fmt.Sprintf(`a=j:"%s"`, strings.Repeat("x", 8<<10-2))
	refused(t, inspect.ReadCookies([]string{half, half}, &witness{}), "")
	refused(t, inspect.ReadCookies([]string{half + ";" + half + ";b=j:1"}, &witness{}), rule.RequestCookie)
	refused(t, inspect.ReadCookies([]string{"a=j:" + strings.Repeat("[", 65)}, &witness{}), rule.RequestCookie)
}

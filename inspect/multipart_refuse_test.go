// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package inspect_test

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/panoply-security/panoply/inspect"
	"github.com/panoply-security/panoply/rule"
)

func TestMultipartRefuses(t *testing.T) {
	const ok = `Content-Disposition: form-data; name="a"`
	body := func(headers string) string { return onePart(headers, "x") }
	tests := []struct {
		name, body string
		want       rule.ID
	}{
		// the table of parsers that disagree
		{"two-filenames", body(ok + `; filename="b.php"; filename="a.png"`), rule.RequestMultipart},
		{"two-equal-filenames", body(ok + `; filename="a.png"; filename="a.png"`), rule.RequestMultipart},
		{"two-empty-filenames", body(ok + `; filename=""; filename="a.png"`), rule.RequestMultipart},
		{"filenames-that-differ", body(ok + `; filename="a.png"; filename*=UTF-8''b.php`), rule.RequestMultipart},
		{"filenames-that-differ-swapped", body(ok + `; filename*=UTF-8''b.php; filename="a.png"`), rule.RequestMultipart},
		{"two-extended-filenames", body(ok + `; filename*=UTF-8''b.php; filename*=UTF-8''b.php`), rule.RequestMultipart},
		{"empty-extended-filename-beside", body(ok + `; filename="a.png"; filename*=UTF-8''`), rule.RequestMultipart},
		{"two-dispositions", body(ok + "; filename=\"a.png\"\n" + ok + `; filename="b.php"`), rule.RequestMultipart},
		{"continuation", body(ok + `; filename*0="b."; filename*1="php"`), rule.RequestMultipart},
		{"extended-continuation", body(ok + `; filename*0*=UTF-8''b.php`), rule.RequestMultipart},
		{"extended-name", body(`Content-Disposition: form-data; name*=UTF-8''a`), rule.RequestMultipart},
		{"space-before-equals", body(ok + `; filename ="b.php"`), rule.RequestMultipart},
		{"space-after-equals", body(ok + `; filename= "b.php"`), rule.RequestMultipart},
		{"parameter-without-value", body(ok + `; x`), rule.RequestMultipart},
		{"parameter-with-empty-value", body(ok + `; filename=`), rule.RequestMultipart},
		{"unknown-parameter", body(ok + `; size=3`), rule.RequestMultipart},
		{"empty-parameter", body(ok + `;; filename="a.png"`), rule.RequestMultipart},
		{"trailing-semicolon", body(ok + `;`), rule.RequestMultipart},
		{"no-semicolon", body(ok + ` filename="a.png"`), rule.RequestMultipart},
		{"no-space-needed-but-text-between", body(ok + `x; filename="a.png"`), rule.RequestMultipart},
		{"open-quote", body(`Content-Disposition: form-data; name="a`), rule.RequestMultipart},
		{"backslash", body(ok + `; filename="a\"b.php"`), rule.RequestMultipart},
		{"windows-path", body(ok + `; filename="C:\b.php"`), rule.RequestMultipart},
		{"attachment", body(`Content-Disposition: attachment; name="a"; filename="b.php"`), rule.RequestMultipart},
		{"no-disposition", body(`Content-Type: text/plain`), rule.RequestMultipart},
		{"no-headers", "--B\r\n\r\nx\r\n--B--\r\n", rule.RequestMultipart},
		{"no-name", body(`Content-Disposition: form-data; filename="a.png"`), rule.RequestMultipart},
		{"no-parameters", body(`Content-Disposition: form-data`), rule.RequestMultipart},
		{"empty-name", body(`Content-Disposition: form-data; name=""`), rule.RequestMultipart},
		{"mark-before-a-name", body("Content-Disposition: form-data; name=\"\ufeff$ne\""), rule.RequestMultipart},
		{"mark-before-a-filename", body(ok + "; filename=\"\ufeff.htaccess\""), rule.RequestMultipart},
		{"mark-before-an-extended-filename", body(ok + "; filename*=UTF-8''%EF%BB%BF.htaccess"), rule.RequestMultipart},
		{"two-names", body(`Content-Disposition: form-data; name="user[$ne]"; name="user"`), rule.RequestMultipart},
		{"nul-in-filename", body(ok + "; filename=\"a.php\x00.png\""), rule.RequestMultipart},
		{"tab-in-header", body("Content-Disposition:\tform-data; name=\"a\""), rule.RequestMultipart},
		{"tab-in-filename", body(ok + "; filename=\"a\t.png\""), rule.RequestMultipart},
		{"delete-in-header", body(ok + "; filename=\"a\x7f\""), rule.RequestMultipart},
		{"folded-header", body("Content-Disposition: form-data;\n name=\"a\""), rule.RequestMultipart},
		{"folded-with-tab", body("Content-Disposition: form-data;\n\tname=\"a\""), rule.RequestMultipart},
		{"lone-lf-in-header", "--B\r\n" + ok + "\nX: y\r\n\r\nx\r\n--B--\r\n", rule.RequestMultipart},
		{"lone-cr-in-header", "--B\r\n" + ok + "\rX: y\r\n\r\nx\r\n--B--\r\n", rule.RequestMultipart},
		{"lf-only", "--B\n" + ok + "\n\nx\n--B--\n", rule.RequestMultipart},
		{"space-before-colon", body(`Content-Disposition : form-data; name="a"`), rule.RequestMultipart},
		{"header-without-colon", body(ok + "\nX"), rule.RequestMultipart},
		{"header-without-name", body(ok + "\n: x"), rule.RequestMultipart},
		{"two-types", body(ok + "\nContent-Type: image/png\nContent-Type: image/png"), rule.RequestMultipart},
		{"two-unknown-headers", body(ok + "\nX-A: 1\nx-a: 1"), rule.RequestMultipart},
		{"many-headers", body(ok + strings.Repeat("\nX-%d: 1", 16)), rule.RequestMultipart},
		{"bad-type", body(ok + "\nContent-Type: image"), rule.RequestMultipart},
		{"empty-type", body(ok + "\nContent-Type:"), rule.RequestMultipart},
		{"bad-type-parameter", body(ok + "\nContent-Type: text/plain; charset"), rule.RequestMultipart},
		{"open-type-parameter", body(ok + "\nContent-Type: text/plain;"), rule.RequestMultipart},
		{"repeated-type-parameter", body(ok + "\nContent-Type: text/plain; charset=utf-8; charset=utf-8"), rule.RequestMultipart},
		{"nested-multipart", body(ok + "\nContent-Type: multipart/mixed; boundary=C"), rule.RequestMultipart},
		{"base64", body(ok + "\nContent-Transfer-Encoding: base64"), rule.RequestMultipart},
		{"quoted-printable", body(ok + "\nContent-Transfer-Encoding: quoted-printable"), rule.RequestMultipart},
		{"utf-16-part", body(ok + "\nContent-Type: text/plain; charset=utf-16le"), rule.RequestCharset},
		{"utf-7-part", body(ok + "\nContent-Type: text/plain; charset=\"utf-7\""), rule.RequestCharset},
		{"latin1-part", body(ok + "\nContent-Type: text/plain; charset=ISO-8859-1"), rule.RequestCharset},
		{"empty-charset", body(ok + "\nContent-Type: text/plain; charset=\"\""), rule.RequestCharset},
		{"latin1-bytes-in-header", body("Content-Disposition: form-data; name=\"caf\xe9\""), rule.RequestMultipart},
		// names that parsers decode in different ways
		{"escaped-quote-in-name", body(`Content-Disposition: form-data; name="a%22b"`), rule.RequestMultipart},
		{"escaped-line-feed-in-name", body(`Content-Disposition: form-data; name="a%0Ab"`), rule.RequestMultipart},
		{"escaped-line-feed-in-filename", body(ok + `; filename="a%0a.png"`), rule.RequestMultipart},
		{"escaped-return-in-filename", body(ok + `; filename="a%0D.png"`), rule.RequestMultipart},
		{"line-separator-in-filename", body(ok + "; filename=\"a\u2028.php\""), rule.RequestMultipart},
		{"filename-in-name", body(`Content-Disposition: form-data; name="a; filename=b.php; c"`), rule.RequestMultipart},
		{"extended-filename-in-name", body(`Content-Disposition: form-data; name="a; FileName*=utf-8''b.php"`), rule.RequestMultipart},
		{"character-reference-in-filename", body(ok + `; filename="..&#47;b.php"`), rule.RequestMultipart},
		{"long-name", body(`Content-Disposition: form-data; name="` + strings.Repeat("a", 1025) + `"`), rule.RequestMultipart},
		{"extended-in-latin1", body(ok + `; filename*=ISO-8859-1''b.php`), rule.RequestMultipart},
		{"extended-quoted", body(ok + `; filename*="UTF-8''b.php"`), rule.RequestMultipart},
		{"extended-cut-escape", body(ok + `; filename*=UTF-8''b%2`), rule.RequestMultipart},
		{"extended-bad-utf-8", body(ok + `; filename*=UTF-8''b%ff`), rule.RequestMultipart},
		{"extended-control", body(ok + `; filename*=UTF-8''b%0ac`), rule.RequestMultipart},
		{"extended-nul", body(ok + `; filename*=UTF-8''b.php%00.png`), rule.RequestMultipart},
		{"extended-escape-left", body(ok + `; filename*=UTF-8''b%2522c`), rule.RequestMultipart},
		{"extended-backslash", body(ok + `; filename*=UTF-8''..%5cb`), rule.RequestMultipart},
		{"extended-without-charset", body(ok + `; filename*=b.php`), rule.RequestMultipart},
		// boundaries
		{"empty-body", "", rule.RequestMultipart},
		{"preamble", "hello\r\n" + body(ok), rule.RequestMultipart},
		{"two-empty-lines-first", "\r\n\r\n" + body(ok), rule.RequestMultipart},
		{"lone-lf-first", "\n" + body(ok), rule.RequestMultipart},
		{"other-boundary", strings.ReplaceAll(body(ok), "--B", "--C"), rule.RequestMultipart},
		{"padding-behind-boundary", strings.Replace(body(ok), "--B\r\n", "--B \r\n", 1), rule.RequestMultipart},
		{"lf-behind-boundary", strings.Replace(body(ok), "--B\r\n", "--B\n", 1), rule.RequestMultipart},
		{"boundary-is-a-prefix", onePart(ok, "x\r\n--Bx\r\n"), rule.RequestMultipart},
		{"boundary-with-one-dash", onePart(ok, "x\r\n--B-\r\n"), rule.RequestMultipart},
		{"epilogue", body(ok) + "x", rule.RequestMultipart},
		{"second-form-behind", body(ok) + body(ok), rule.RequestMultipart},
		{"two-line-ends-behind", body(ok) + "\r\n", rule.RequestMultipart},
		{"lf-behind-the-end", strings.TrimSuffix(body(ok), "\r\n") + "\n", rule.RequestMultipart},
		{"padding-behind-the-end", strings.TrimSuffix(body(ok), "\r\n") + " \r\n", rule.RequestMultipart},
		{"no-last-boundary", strings.TrimSuffix(body(ok), "\r\n--B--\r\n"), rule.RequestMultipart},
		{"cut-last-boundary", strings.TrimSuffix(body(ok), "--\r\n"), rule.RequestMultipart},
		{"cut-in-headers", "--B\r\n" + ok, rule.RequestMultipart},
		{"boundary-right-behind-headers", crlf("--B\n" + ok + "\n\n--B--\n"), rule.RequestMultipart},
		{"boundary-as-content", onePart(ok, "--B\r\n\r\nx"), rule.RequestMultipart},
		{"long-headers", body(ok + "\nX: " + strings.Repeat("a", 8<<10)), rule.RequestMultipart},
		{"endless-headers", "--B\r\n" + strings.Repeat("a", 64<<10), rule.RequestMultipart},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if tt.name == "many-headers" {
				for i := range 16 {
					tt.body = strings.Replace(tt.body, "%d", fmt.Sprint(i), 1)
				}
			}
			for how, r := range map[string]io.Reader{
				"at-once":      strings.NewReader(tt.body),
				"byte-by-byte": iotest.OneByteReader(strings.NewReader(tt.body)),
			} {
				parts, _, err := readMultipart(r, "B", inspect.MultipartLimits{})
				if got := ruleOf(err); got != tt.want {
					t.Errorf("%s: got %v, %v; want rule %s", how, err, parts, tt.want)
				}
			}
		})
	}
}

func TestBoundary(t *testing.T) {
	tests := []struct {
		name, header, want string
		refused            rule.ID
	}{
		{"plain", "multipart/form-data; boundary=----WebKitFormBoundary7MA4YWxk", "----WebKitFormBoundary7MA4YWxk", ""},
		{"quoted", `Multipart/Form-Data;BOUNDARY="a b:c"`, "a b:c", ""},
		{"charset", "multipart/form-data; charset=utf-8; boundary=B", "B", ""},
		{"seventy", "multipart/form-data; boundary=" + strings.Repeat("a", 70), strings.Repeat("a", 70), ""},
		{"too-long", "multipart/form-data; boundary=" + strings.Repeat("a", 71), "", rule.RequestMultipart},
		{"missing", "multipart/form-data", "", rule.RequestMultipart},
		{"empty", "multipart/form-data; boundary=", "", rule.RequestMultipart},
		{"empty-quoted", `multipart/form-data; boundary=""`, "", rule.RequestMultipart},
		{"twice", "multipart/form-data; boundary=A; boundary=B", "", rule.RequestMultipart},
		{"twice-the-same", "multipart/form-data; boundary=A; boundary=A", "", rule.RequestMultipart},
		{"split", "multipart/form-data; boundary*0=A; boundary*1=B", "", rule.RequestMultipart},
		{"extended", "multipart/form-data; boundary*=utf-8''A", "", rule.RequestMultipart},
		{"unknown-parameter", "multipart/form-data; boundary=A; x=y", "", rule.RequestMultipart},
		{"trailing-semicolon", "multipart/form-data; boundary=A;", "", rule.RequestMultipart},
		{"trailing-space", `multipart/form-data; boundary="A "`, "", rule.RequestMultipart},
		{"bad-characters", `multipart/form-data; boundary="A<B"`, "", rule.RequestMultipart},
		{"unquoted-special", `multipart/form-data; boundary=A=B`, "", rule.RequestMultipart},
		{"comma-joined", `multipart/form-data; boundary=A, text/plain`, "", rule.RequestMultipart},
		{"backslash", `multipart/form-data; boundary="A\B"`, "", rule.RequestMultipart},
		{"text-before-quote", `multipart/form-data; boundary=x"A"`, "", rule.RequestMultipart},
		{"utf-16", "multipart/form-data; boundary=A; charset=utf-16", "", rule.RequestCharset},
		{"mixed", "multipart/mixed; boundary=A", "", rule.RequestContentType},
		{"none", "", "", rule.RequestContentType},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := inspect.Boundary(tt.header)
			if got != tt.want || ruleOf(err) != tt.refused {
				t.Errorf("got %q, %v; want %q, %q", got, err, tt.want, tt.refused)
			}
		})
	}
}

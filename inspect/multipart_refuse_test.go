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
		{"two-filenames", body(ok + `; filename="b.php"; filename="a.png"`), rule.RequestMultipartParameter},
		{"two-equal-filenames", body(ok + `; filename="a.png"; filename="a.png"`), rule.RequestMultipartParameter},
		{"two-empty-filenames", body(ok + `; filename=""; filename="a.png"`), rule.RequestMultipartParameter},
		{"filenames-that-differ", body(ok + `; filename="a.png"; filename*=UTF-8''b.php`), rule.RequestMultipartFilename},
		{"filenames-that-differ-swapped", body(ok + `; filename*=UTF-8''b.php; filename="a.png"`), rule.RequestMultipartFilename},
		{"two-extended-filenames", body(ok + `; filename*=UTF-8''b.php; filename*=UTF-8''b.php`), rule.RequestMultipartParameter},
		{"empty-extended-filename-beside", body(ok + `; filename="a.png"; filename*=UTF-8''`), rule.RequestMultipartFilename},
		{"two-dispositions", body(ok + "; filename=\"a.png\"\n" + ok + `; filename="b.php"`), rule.RequestMultipartRepeated},
		{"continuation", body(ok + `; filename*0="b."; filename*1="php"`), rule.RequestMultipartContinuation},
		{"extended-continuation", body(ok + `; filename*0*=UTF-8''b.php`), rule.RequestMultipartContinuation},
		{"extended-name", body(`Content-Disposition: form-data; name*=UTF-8''a`), rule.RequestMultipartContinuation},
		{"space-before-equals", body(ok + `; filename ="b.php"`), rule.RequestMultipartParameter},
		{"space-after-equals", body(ok + `; filename= "b.php"`), rule.RequestMultipartParameter},
		{"parameter-without-value", body(ok + `; x`), rule.RequestMultipartParameter},
		{"parameter-with-empty-value", body(ok + `; filename=`), rule.RequestMultipartParameter},
		{"unknown-parameter", body(ok + `; size=3`), rule.RequestMultipartParameter},
		{"empty-parameter", body(ok + `;; filename="a.png"`), rule.RequestMultipartParameter},
		{"trailing-semicolon", body(ok + `;`), rule.RequestMultipartParameter},
		{"no-semicolon", body(ok + ` filename="a.png"`), rule.RequestMultipartParameter},
		{"no-space-needed-but-text-between", body(ok + `x; filename="a.png"`), rule.RequestMultipartParameter},
		{"open-quote", body(`Content-Disposition: form-data; name="a`), rule.RequestMultipartParameter},
		{"backslash", body(ok + `; filename="a\"b.php"`), rule.RequestMultipartParameter},
		{"windows-path", body(ok + `; filename="C:\b.php"`), rule.RequestMultipartParameter},
		{"attachment", body(`Content-Disposition: attachment; name="a"; filename="b.php"`), rule.RequestMultipartDisposition},
		{"no-disposition", body(`Content-Type: text/plain`), rule.RequestMultipartName},
		{"no-headers", "--B\r\n\r\nx\r\n--B--\r\n", rule.RequestMultipartEnd},
		{"no-name", body(`Content-Disposition: form-data; filename="a.png"`), rule.RequestMultipartName},
		{"no-parameters", body(`Content-Disposition: form-data`), rule.RequestMultipartName},
		{"empty-name", body(`Content-Disposition: form-data; name=""`), rule.RequestMultipartName},
		{"mark-before-a-name", body("Content-Disposition: form-data; name=\"\ufeff$ne\""), rule.RequestMultipartName},
		{"mark-before-a-filename", body(ok + "; filename=\"\ufeff.htaccess\""), rule.RequestMultipartFilename},
		{"escape-in-an-extended-filename", body(ok + "; filename*=UTF-8'en'c%3A%255cb.pn%67"), rule.RequestMultipartFilename},
		{"mark-before-an-extended-filename", body(ok + "; filename*=UTF-8''%EF%BB%BF.htaccess"), rule.RequestMultipartFilename},
		{"two-names", body(`Content-Disposition: form-data; name="user[$ne]"; name="user"`), rule.RequestMultipartParameter},
		{"nul-in-filename", body(ok + "; filename=\"a.php\x00.png\""), rule.RequestMultipartControl},
		{"tab-in-header", body("Content-Disposition:\tform-data; name=\"a\""), rule.RequestMultipartControl},
		{"tab-in-filename", body(ok + "; filename=\"a\t.png\""), rule.RequestMultipartControl},
		{"delete-in-header", body(ok + "; filename=\"a\x7f\""), rule.RequestMultipartControl},
		{"folded-header", body("Content-Disposition: form-data;\n name=\"a\""), rule.RequestMultipartParameter},
		{"folded-with-tab", body("Content-Disposition: form-data;\n\tname=\"a\""), rule.RequestMultipartParameter},
		{"lone-lf-in-header", "--B\r\n" + ok + "\nX: y\r\n\r\nx\r\n--B--\r\n", rule.RequestMultipartControl},
		{"lone-cr-in-header", "--B\r\n" + ok + "\rX: y\r\n\r\nx\r\n--B--\r\n", rule.RequestMultipartControl},
		{"lf-only", "--B\n" + ok + "\n\nx\n--B--\n", rule.RequestMultipartBoundary},
		{"space-before-colon", body(`Content-Disposition : form-data; name="a"`), rule.RequestMultipartHeader},
		{"header-without-colon", body(ok + "\nX"), rule.RequestMultipartHeader},
		{"header-without-name", body(ok + "\n: x"), rule.RequestMultipartHeader},
		{"two-types", body(ok + "\nContent-Type: image/png\nContent-Type: image/png"), rule.RequestMultipartRepeated},
		{"two-unknown-headers", body(ok + "\nX-A: 1\nx-a: 1"), rule.RequestMultipartRepeated},
		{"many-headers", body(ok + strings.Repeat("\nX-%d: 1", 16)), rule.RequestMultipartSize},
		{"bad-type", body(ok + "\nContent-Type: image"), rule.RequestMultipartParameter},
		{"empty-type", body(ok + "\nContent-Type:"), rule.RequestMultipartParameter},
		{"bad-type-parameter", body(ok + "\nContent-Type: text/plain; charset"), rule.RequestMultipartParameter},
		{"open-type-parameter", body(ok + "\nContent-Type: text/plain;"), rule.RequestMultipartParameter},
		{"repeated-type-parameter", body(ok + "\nContent-Type: text/plain; charset=utf-8; charset=utf-8"), rule.RequestMultipartParameter},
		{"form-within", body(ok + "; filename=\"a\"\nContent-Type: application/x-www-form-urlencoded"), rule.RequestMultipartNested},
		{"nested-multipart", body(ok + "\nContent-Type: multipart/mixed; boundary=C"), rule.RequestMultipartNested},
		{"base64", body(ok + "\nContent-Transfer-Encoding: base64"), rule.RequestMultipartEncoding},
		{"quoted-printable", body(ok + "\nContent-Transfer-Encoding: quoted-printable"), rule.RequestMultipartEncoding},
		{"utf-16-part", body(ok + "\nContent-Type: text/plain; charset=utf-16le"), rule.RequestCharset},
		{"utf-7-part", body(ok + "\nContent-Type: text/plain; charset=\"utf-7\""), rule.RequestCharset},
		{"latin1-part", body(ok + "\nContent-Type: text/plain; charset=ISO-8859-1"), rule.RequestCharset},
		{"empty-charset", body(ok + "\nContent-Type: text/plain; charset=\"\""), rule.RequestCharset},
		{"latin1-bytes-in-header", body("Content-Disposition: form-data; name=\"caf\xe9\""), rule.RequestMultipartHeader},
		// names that parsers decode in different ways
		{"escaped-quote-in-name", body(`Content-Disposition: form-data; name="a%22b"`), rule.RequestMultipartName},
		{"escaped-line-feed-in-name", body(`Content-Disposition: form-data; name="a%0Ab"`), rule.RequestMultipartName},
		{"escaped-line-feed-in-filename", body(ok + `; filename="a%0a.png"`), rule.RequestMultipartFilename},
		{"escaped-return-in-filename", body(ok + `; filename="a%0D.png"`), rule.RequestMultipartFilename},
		{"line-separator-in-filename", body(ok + "; filename=\"a\u2028.php\""), rule.RequestMultipartFilename},
		{"filename-in-name", body(`Content-Disposition: form-data; name="a; filename=b.php; c"`), rule.RequestMultipartName},
		{"extended-filename-in-name", body(`Content-Disposition: form-data; name="a; FileName*=utf-8''b.php"`), rule.RequestMultipartName},
		{"character-reference-in-filename", body(ok + `; filename="..&#47;b.php"`), rule.RequestMultipartFilename},
		{"long-name", body(`Content-Disposition: form-data; name="` + strings.Repeat("a", 1025) + `"`), rule.RequestMultipartName},
		{"extended-in-latin1", body(ok + `; filename*=ISO-8859-1''b.php`), rule.RequestMultipartFilename},
		{"extended-quoted", body(ok + `; filename*="UTF-8''b.php"`), rule.RequestMultipartFilename},
		{"extended-cut-escape", body(ok + `; filename*=UTF-8''b%2`), rule.RequestMultipartFilename},
		{"extended-bad-utf-8", body(ok + `; filename*=UTF-8''b%ff`), rule.RequestMultipartFilename},
		{"extended-control", body(ok + `; filename*=UTF-8''b%0ac`), rule.RequestMultipartFilename},
		{"extended-nul", body(ok + `; filename*=UTF-8''b.php%00.png`), rule.RequestMultipartFilename},
		{"extended-escape-left", body(ok + `; filename*=UTF-8''b%2522c`), rule.RequestMultipartFilename},
		{"extended-backslash", body(ok + `; filename*=UTF-8''..%5cb`), rule.RequestMultipartFilename},
		{"extended-without-charset", body(ok + `; filename*=b.php`), rule.RequestMultipartFilename},
		// boundaries
		{"empty-body", "", rule.RequestMultipart},
		{"preamble", "hello\r\n" + body(ok), rule.RequestMultipart},
		{"two-empty-lines-first", "\r\n\r\n" + body(ok), rule.RequestMultipart},
		{"lone-lf-first", "\n" + body(ok), rule.RequestMultipart},
		{"other-boundary", strings.ReplaceAll(body(ok), "--B", "--C"), rule.RequestMultipart},
		{"padding-behind-boundary", strings.Replace(body(ok), "--B\r\n", "--B \r\n", 1), rule.RequestMultipartBoundary},
		{"lf-behind-boundary", strings.Replace(body(ok), "--B\r\n", "--B\n", 1), rule.RequestMultipartBoundary},
		{"boundary-is-a-prefix", onePart(ok, "x\r\n--Bx\r\n"), rule.RequestMultipartBoundary},
		{"boundary-with-one-dash", onePart(ok, "x\r\n--B-\r\n"), rule.RequestMultipartBoundary},
		{"epilogue", body(ok) + "x", rule.RequestMultipartTrailing},
		{"second-form-behind", body(ok) + body(ok), rule.RequestMultipartTrailing},
		{"two-line-ends-behind", body(ok) + "\r\n", rule.RequestMultipartTrailing},
		{"lf-behind-the-end", strings.TrimSuffix(body(ok), "\r\n") + "\n", rule.RequestMultipartTrailing},
		{"padding-behind-the-end", strings.TrimSuffix(body(ok), "\r\n") + " \r\n", rule.RequestMultipartTrailing},
		{"no-last-boundary", strings.TrimSuffix(body(ok), "\r\n--B--\r\n"), rule.RequestMultipartEnd},
		{"cut-last-boundary", strings.TrimSuffix(body(ok), "--\r\n"), rule.RequestMultipartBoundary},
		{"cut-in-headers", "--B\r\n" + ok, rule.RequestMultipartEnd},
		{"boundary-right-behind-headers", crlf("--B\n" + ok + "\n\n--B--\n"), rule.RequestMultipartBoundary},
		{"boundary-as-content", onePart(ok, "--B\r\n\r\nx"), rule.RequestMultipartBoundary},
		{"long-headers", body(ok + "\nX: " + strings.Repeat("a", 8<<10)), rule.RequestMultipartSize},
		{"endless-headers", "--B\r\n" + strings.Repeat("a", 64<<10), rule.RequestMultipartSize},
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
		{"too-long", "multipart/form-data; boundary=" + strings.Repeat("a", 71), "", rule.RequestMultipartBoundary},
		{"missing", "multipart/form-data", "", rule.RequestMultipart},
		{"empty", "multipart/form-data; boundary=", "", rule.RequestMultipartBoundary},
		{"empty-quoted", `multipart/form-data; boundary=""`, "", rule.RequestMultipartBoundary},
		{"twice", "multipart/form-data; boundary=A; boundary=B", "", rule.RequestMultipartBoundary},
		{"twice-the-same", "multipart/form-data; boundary=A; boundary=A", "", rule.RequestMultipartBoundary},
		{"split", "multipart/form-data; boundary*0=A; boundary*1=B", "", rule.RequestMultipartBoundary},
		{"extended", "multipart/form-data; boundary*=utf-8''A", "", rule.RequestMultipartBoundary},
		{"unknown-parameter", "multipart/form-data; boundary=A; x=y", "", rule.RequestMultipartBoundary},
		{"trailing-semicolon", "multipart/form-data; boundary=A;", "", rule.RequestMultipartBoundary},
		{"trailing-space", `multipart/form-data; boundary="A "`, "", rule.RequestMultipartBoundary},
		{"bad-characters", `multipart/form-data; boundary="A<B"`, "", rule.RequestMultipartBoundary},
		{"unquoted-special", `multipart/form-data; boundary=A=B`, "", rule.RequestMultipartBoundary},
		{"comma-joined", `multipart/form-data; boundary=A, text/plain`, "", rule.RequestMultipartBoundary},
		{"backslash", `multipart/form-data; boundary="A\B"`, "", rule.RequestMultipartBoundary},
		{"text-before-quote", `multipart/form-data; boundary=x"A"`, "", rule.RequestMultipartBoundary},
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

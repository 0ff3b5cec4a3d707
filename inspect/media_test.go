// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package inspect_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/panoply-security/panoply/inspect"
	"github.com/panoply-security/panoply/rule"
)

func TestMediaIsReadStrictly(t *testing.T) {
	for _, c := range []struct {
		name, header, charset string
		form                  inspect.Form
		rule                  rule.ID
	}{
		{"json", "application/json", "", inspect.JSON, ""},
		{"letter-case-and-space", "Application/JSON ; Charset=UTF-8", "utf-8", inspect.JSON, ""},
		{"quoted-charset", `application/json; charset="utf-8"`, "utf-8", inspect.JSON, ""},
		{"trailing-semicolons", "application/json;charset=utf8;;", "utf8", inspect.JSON, ""},
		{"semicolon-in-quotes", `application/json; a="x;charset=utf-16"`, "", inspect.JSON, ""},
		{"text-json", "text/json", "", inspect.JSON, ""},
		{"structured-suffix", "application/vnd.api+json", "", inspect.JSON, ""},
		{"x-json", "application/x-json", "", inspect.JSON, ""},
		{"ndjson", "application/x-ndjson", "", inspect.JSONLines, ""},
		{"json-seq", "application/json-seq", "", inspect.JSONLines, ""},
		{"form", "application/x-www-form-urlencoded", "", inspect.URLEncoded, ""},
		{"any-urlencoded", "x/urlencoded", "", inspect.URLEncoded, ""},
		{"multipart", "multipart/form-data; boundary=x", "", inspect.Multipart, ""},
		{"opaque", "image/png", "", inspect.Opaque, ""},
		{"csv-in-latin1", "text/csv; charset=ISO-8859-1", "iso-8859-1", inspect.Opaque, ""},

		{"empty", "", "", 0, rule.RequestContentType},
		{"no-slash", "json", "", 0, rule.RequestContentType},
		{"two-slashes", "application/json/x", "", 0, rule.RequestContentType},
		{"two-types-in-one", "text/plain, application/json", "", 0, rule.RequestContentType},
		{"space-in-type", "application/ json", "", 0, rule.RequestContentType},
		{"parameter-without-value", "application/json; charset", "", 0, rule.RequestContentType},
		{"empty-value", "application/json; charset=", "", 0, rule.RequestContentType},
		{"open-quote", `application/json; charset="utf-8`, "", 0, rule.RequestContentType},
		{"escape-in-quotes", `application/json; charset="utf\-8"`, "", 0, rule.RequestContentType},
		{"escaped-quote", `text/csv; a="\";charset=utf-16;b=\""`, "", 0, rule.RequestContentType},
		{"escaped-quote-and-more", `text/csv; a="x\"; charset=utf-8`, "", 0, rule.RequestContentType},
		{"repeated-charset", "application/json; charset=utf-8; Charset=utf-16", "", 0, rule.RequestContentType},
		{"nine-parameters", "application/json; a=1; b=1; c=1; d=1; e=1; f=1; g=1; h=1; i=1", "", 0, rule.RequestContentType},
		{"multipart-in-a-parameter", "text/plain; a=multipart", "", 0, rule.RequestContentType},
		{"urlencoded-in-a-parameter", "application/json; a=x-www-form-URLencoded", "", 0, rule.RequestContentType},
		{"utf-16", "application/json; charset=utf-16le", "", 0, rule.RequestCharset},
		{"utf-7", "text/plain; charset=utf-7", "", 0, rule.RequestCharset},
		{"ebcdic", "text/csv; charset=ibm037", "", 0, rule.RequestCharset},
		{"json-in-latin1", "application/json; charset=iso-8859-1", "", 0, rule.RequestCharset},
		{"form-in-latin1", "application/x-www-form-urlencoded; charset=iso-8859-1", "", 0, rule.RequestCharset},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, err := inspect.MediaOf(http.Header{"Content-Type": {c.header}})
			refused(t, err, c.rule)
			if err == nil && (m.Form != c.form || m.Charset != c.charset || m.Raw != c.header) {
				t.Errorf("got %+v, want form %d, charset %q", m, c.form, c.charset)
			}
		})
	}
}

func TestMediaOfOtherHeaders(t *testing.T) {
	if m, err := inspect.MediaOf(http.Header{}); err != nil || m.Form != inspect.Opaque || m.Type != "" {
		t.Errorf("without a type: %+v, %v", m, err)
	}
	_, err := inspect.MediaOf(http.Header{"Content-Type": {"application/json", "application/json"}})
	refused(t, err, rule.RequestContentType)
}

func TestABadTypeMattersOnlyWithABody(t *testing.T) {
	rd, err := read(post("application/json; charset=utf-16", ""), nil)
	refused(t, err, "")
	rd.Close()
	_, err = read(post("application/json; charset=utf-16", "{}"), nil)
	refused(t, err, rule.RequestCharset)
	_, err = read(chunked("json", strings.NewReader("{}")), nil)
	refused(t, err, rule.RequestContentType)
}

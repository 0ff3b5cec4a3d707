// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package inspect_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/panoply-security/panoply/inspect"
	"github.com/panoply-security/panoply/problem"
	"github.com/panoply-security/panoply/rule"
)

// readPart is what a test compares of a part.
type readPart struct {
	name, filename, typ, content string
	file                         bool
}

func (p readPart) String() string {
	return fmt.Sprintf("{%q %q %q %q %v}", p.name, p.filename, p.typ, p.content, p.file)
}

func readMultipart(body io.Reader, boundary string, limits inspect.MultipartLimits) (parts []readPart, rewritten []byte, err error) {
	m := inspect.NewMultipart(body, boundary, limits)
	defer m.Close()
	for {
		p, err := m.Next()
		if err == io.EOF {
			return parts, append(rewritten, "--rewritten--\r\n"...), nil
		}
		if err != nil {
			return parts, rewritten, err
		}
		rewritten = append(rewritten, "--rewritten\r\n"...)
		rewritten = p.AppendHeader(rewritten)
		content, err := io.ReadAll(p)
		if err != nil {
			return parts, rewritten, err
		}
		rewritten = append(append(rewritten, content...), "\r\n"...)
		parts = append(parts, readPart{p.Name, p.Filename, p.ContentType, string(content), p.File})
	}
}

func ruleOf(err error) rule.ID {
	var p *problem.Error
	if errors.As(err, &p) {
		return p.Rule
	}
	return ""
}

// crlf lets tests be written with plain line ends.
func crlf(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") }

// onePart is a body of one part with these headers.
func onePart(headers, content string) string {
	return crlf("--B\n"+headers+"\n\n") + content + crlf("\n--B--\n")
}

func TestMultipartReadsForms(t *testing.T) {
	const disposition = `Content-Disposition: form-data; name="a"`
	tests := []struct {
		name, body string
		want       []readPart
	}{
		{"no-parts", "--B--\r\n", nil},
		{"no-parts-no-line-end", "--B--", nil},
		{"one-field", onePart(disposition, "1"), []readPart{{"a", "", "", "1", false}}},
		{"empty-line-first", "\r\n" + onePart(disposition, "1"), []readPart{{"a", "", "", "1", false}}},
		{"empty-field", onePart(disposition, ""), []readPart{{"a", "", "", "", false}}},
		{"no-line-end-behind", strings.TrimSuffix(onePart(disposition, "1"), "\r\n"), []readPart{{"a", "", "", "1", false}}},
		{"two-parts", crlf("--B\n" + disposition + "\n\n1\n--B\nContent-Disposition: form-data; name=\"b\"\n\n2\n--B--\n"),
			[]readPart{{"a", "", "", "1", false}, {"b", "", "", "2", false}}},
		{"near-boundaries", onePart(disposition, "\r\n--\r\n-B\r\n--C\r\n--\n--B\r--B\r\n\r\n-"),
			[]readPart{{"a", "", "", "\r\n--\r\n-B\r\n--C\r\n--\n--B\r--B\r\n\r\n-", false}}},
		{"token-name", onePart(`Content-Disposition: form-data; name=a`, "1"), []readPart{{"a", "", "", "1", false}}},
		{"case-of-headers", onePart(`CONTENT-disposition:Form-Data;NAME="a"`, "1"), []readPart{{"a", "", "", "1", false}}},
		{"text-plain-is-a-field", onePart(disposition+"\nContent-Type: text/plain; charset=UTF-8", "1"),
			[]readPart{{"a", "", "text/plain", "1", false}}},
		{"ascii-charset", onePart(disposition+"\nContent-Type: text/plain;charset=\"us-ascii\"", "1"),
			[]readPart{{"a", "", "text/plain", "1", false}}},
		{"typed-without-filename-is-a-file", onePart(disposition+"\nContent-Type: application/json", "{}"),
			[]readPart{{"a", "", "application/json", "{}", true}}},
		{"octet-stream-without-filename-is-a-file", onePart(disposition+"\nContent-Type: application/octet-stream", "x"),
			[]readPart{{"a", "", "application/octet-stream", "x", true}}},
		{"file", onePart(disposition+"; filename=\"x.png\"\nContent-Type: Image/PNG", "x"),
			[]readPart{{"a", "x.png", "image/png", "x", true}}},
		{"file-without-type", onePart(disposition+`; filename="x.png"`, "x"), []readPart{{"a", "x.png", "", "x", true}}},
		{"text-file", onePart(disposition+"; filename=\"x.txt\"\nContent-Type: text/plain", "x"),
			[]readPart{{"a", "x.txt", "text/plain", "x", true}}},
		{"nothing-chosen", onePart(disposition+"; filename=\"\"\nContent-Type: application/octet-stream", ""),
			[]readPart{{"a", "", "application/octet-stream", "", true}}},
		{"parameters-of-type", onePart(disposition+"; filename=\"a.webm\"\nContent-Type: audio/webm;codecs=opus", "x"),
			[]readPart{{"a", "a.webm", "audio/webm", "x", true}}},
		{"other-headers", onePart("Content-Length: 1\nX-Custom: y\n"+disposition, "1"), []readPart{{"a", "", "", "1", false}}},
		{"identity-encodings", onePart(disposition+"\nContent-Transfer-Encoding: 8BIT", "1"), []readPart{{"a", "", "", "1", false}}},
		{"utf-8-names", onePart("Content-Disposition: form-data; name=\"größe\"; filename=\"画像.png\"", "x"),
			[]readPart{{"größe", "画像.png", "", "x", true}}},
		{"quote-in-filename", onePart(disposition+`; filename="a%22b.png"`, "x"), []readPart{{"a", `a"b.png`, "", "x", true}}},
		{"percent-in-filename", onePart(disposition+`; filename="50%.png"`, "x"), []readPart{{"a", "50%.png", "", "x", true}}},
		{"extended-filename-alone", onePart(disposition+`; filename*=UTF-8''na%C3%AFve%20x.png`, "x"),
			[]readPart{{"a", "naïve x.png", "", "x", true}}},
		{"extended-filename-the-same", onePart(disposition+`; filename="x.png"; filename*=utf-8'en'x.png`, "x"),
			[]readPart{{"a", "x.png", "", "x", true}}},
		{"operator-in-name", onePart(`Content-Disposition: form-data; name="user[$ne]"`, "1"),
			[]readPart{{"user[$ne]", "", "", "1", false}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			readers := map[string]io.Reader{
				"at-once":         strings.NewReader(tt.body),
				"byte-by-byte":    iotest.OneByteReader(strings.NewReader(tt.body)),
				"halves":          iotest.HalfReader(strings.NewReader(tt.body)),
				"end-with-data":   iotest.DataErrReader(strings.NewReader(tt.body)),
				"with-empty-read": &stutter{r: strings.NewReader(tt.body)},
			}
			for how, r := range readers {
				got, rewritten, err := readMultipart(r, "B", inspect.MultipartLimits{})
				if err != nil {
					t.Fatalf("%s: %v", how, err)
				}
				if fmt.Sprint(got) != fmt.Sprint(tt.want) {
					t.Errorf("%s: got %v; want %v", how, got, tt.want)
				}
				again, _, err := readMultipart(bytes.NewReader(rewritten), "rewritten", inspect.MultipartLimits{})
				if err != nil || !sameParts(got, again) {
					t.Errorf("%s: the rewritten form reads %v, %v; want %v", how, again, err, got)
				}
			}
		})
	}
}

// sameParts compares but for the types that AppendHeader adds or leaves out.
func sameParts(a, b []readPart) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		a, b := a[i], b[i]
		a.typ, b.typ = "", ""
		if a != b {
			return false
		}
	}
	return true
}

// stutter returns no bytes every other time.
type stutter struct {
	r    io.Reader
	odds bool
}

func (s *stutter) Read(b []byte) (int, error) {
	if s.odds = !s.odds; s.odds {
		return 0, nil
	}
	return s.r.Read(b[:min(3, len(b))])
}

func TestMultipartLimits(t *testing.T) {
	form := func(parts, size int) string {
		var b strings.Builder
		for range parts {
			b.WriteString("--B\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n" + strings.Repeat("x", size) + "\r\n")
		}
		return b.String() + "--B--\r\n"
	}
	size := int64(len(form(3, 1000)))
	tests := []struct {
		name   string
		limits inspect.MultipartLimits
		want   rule.ID
	}{
		{"defaults", inspect.MultipartLimits{}, ""},
		{"exact-bytes", inspect.MultipartLimits{MaxBytes: size}, ""},
		{"one-byte-less", inspect.MultipartLimits{MaxBytes: size - 1}, rule.RequestTooLarge},
		{"exact-parts", inspect.MultipartLimits{MaxParts: 3}, ""},
		{"one-part-less", inspect.MultipartLimits{MaxParts: 2}, rule.RequestTooLarge},
		{"exact-header", inspect.MultipartLimits{MaxHeaderBytes: len(`Content-Disposition: form-data; name="a"`)}, ""},
		{"one-header-byte-less", inspect.MultipartLimits{MaxHeaderBytes: len(`Content-Disposition: form-data; name="a"`) - 1}, rule.RequestMultipartSize},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, _, err := readMultipart(strings.NewReader(form(3, 1000)), "B", tt.limits)
			if ruleOf(err) != tt.want || (err == nil) != (tt.want == "") {
				t.Errorf("got %v; want %q", err, tt.want)
			}
		})
	}
}

func TestMultipartReadsNoMoreThanItsLimit(t *testing.T) {
	endless := &counter{r: io.MultiReader(strings.NewReader("--B\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n"), zeros{})}
	_, _, err := readMultipart(endless, "B", inspect.MultipartLimits{MaxBytes: 100_000})
	if ruleOf(err) != rule.RequestTooLarge {
		t.Fatalf("got %v; want %s", err, rule.RequestTooLarge)
	}
	if endless.n != 100_001 {
		t.Errorf("read %d bytes; want one more than the limit", endless.n)
	}
}

type counter struct {
	r io.Reader
	n int64
}

func (c *counter) Read(b []byte) (int, error) {
	n, err := c.r.Read(b)
	c.n += int64(n)
	return n, err
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }

func TestMultipartBodyErrors(t *testing.T) {
	start := "--B\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nx"
	own := problem.Refuse(rule.RequestBusy, "")
	tests := []struct {
		name string
		err  error
		want rule.ID
	}{
		{"cut-off", io.ErrUnexpectedEOF, rule.RequestAborted},
		{"max-bytes-reader", &http.MaxBytesError{Limit: 3}, rule.RequestTooLarge},
		{"own-error-stays", own, rule.RequestBusy},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, _, err := readMultipart(io.MultiReader(strings.NewReader(start), iotest.ErrReader(tt.err)), "B", inspect.MultipartLimits{})
			if ruleOf(err) != tt.want {
				t.Errorf("got %v; want %s", err, tt.want)
			}
		})
	}
	t.Run("stuck", func(t *testing.T) {
		_, _, err := readMultipart(io.MultiReader(strings.NewReader(start), stuck{}), "B", inspect.MultipartLimits{})
		if ruleOf(err) != rule.RequestAborted {
			t.Errorf("got %v; want %s", err, rule.RequestAborted)
		}
	})
}

type stuck struct{}

func (stuck) Read([]byte) (int, error) { return 0, nil }

func TestMultipartErrorsStay(t *testing.T) {
	m := inspect.NewMultipart(strings.NewReader("--B\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nx"), "B", inspect.MultipartLimits{})
	p, err := m.Next()
	if err != nil {
		t.Fatal(err)
	}
	_, err = io.ReadAll(p)
	if ruleOf(err) != rule.RequestMultipartEnd {
		t.Fatalf("got %v; want %s", err, rule.RequestMultipartEnd)
	}
	if _, again := m.Next(); again != err {
		t.Errorf("Next after an error: got %v; want %v", again, err)
	}
	if _, again := p.Read(make([]byte, 1)); again != err {
		t.Errorf("Read after an error: got %v; want %v", again, err)
	}
	m.Close()
	if _, again := m.Next(); again != err {
		t.Errorf("Next after Close: got %v; want %v", again, err)
	}
}

func TestMultipartSkipsUnreadParts(t *testing.T) {
	body := crlf("--B\nContent-Disposition: form-data; name=\"a\"\n\n") + strings.Repeat("x", 100_000) +
		crlf("\n--B\nContent-Disposition: form-data; name=\"b\"\n\n2\n--B--\n")
	m := inspect.NewMultipart(strings.NewReader(body), "B", inspect.MultipartLimits{})
	var names []string
	for {
		p, err := m.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, p.Name)
		io.ReadFull(p, make([]byte, 1))
	}
	if got := strings.Join(names, " "); got != "a b" {
		t.Errorf("got %q; want %q", got, "a b")
	}
}

func TestMultipartRewrittenHeader(t *testing.T) {
	tests := []struct{ name, headers, want string }{
		{"field", `content-disposition: form-data;name=a` + "\nContent-Type: text/plain; charset=utf-8\nX: y",
			"Content-Disposition: form-data; name=\"a\"\r\n\r\n"},
		{"file", `Content-Disposition: form-data; filename*=utf-8''%22%C3%A9.png; name="a"` + "\nContent-Type: Image/Png; x=y",
			"Content-Disposition: form-data; name=\"a\"; filename=\"%22é.png\"\r\nContent-Type: image/png\r\n\r\n"},
		{"file-without-type", `Content-Disposition: form-data; name="a"; filename=x`,
			"Content-Disposition: form-data; name=\"a\"; filename=\"x\"\r\nContent-Type: application/octet-stream\r\n\r\n"},
		{"typed-without-filename", `Content-Disposition: form-data; name="a"` + "\nContent-Type: application/json",
			"Content-Disposition: form-data; name=\"a\"\r\nContent-Type: application/json\r\n\r\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := inspect.NewMultipart(strings.NewReader(onePart(tt.headers, "x")), "B", inspect.MultipartLimits{})
			defer m.Close()
			p, err := m.Next()
			if err != nil {
				t.Fatal(err)
			}
			if got := string(p.Header()); got != tt.want {
				t.Errorf("got %q; want %q", got, tt.want)
			}
		})
	}
}

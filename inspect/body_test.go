// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package inspect_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/panoply-security/panoply/inspect"
	"github.com/panoply-security/panoply/problem"
	"github.com/panoply-security/panoply/rule"
)

const bom = "\xef\xbb\xbf"

func TestOpaqueBodiesThatLookLikeJSONAreInspected(t *testing.T) {
	for _, c := range []struct {
		name, body string
		buffered   bool
		shows      bool // $ne
	}{
		{"object", operatorJSON, true, true},
		{"array", `[{"$ne":1}]`, true, true},
		{"white-space", " \r\n\t" + operatorJSON, true, true},
		{"510-spaces", strings.Repeat(" ", 510) + operatorJSON, true, true},
		{"512-spaces", strings.Repeat(" ", 512) + operatorJSON, true, true},
		{"600-line-feeds", strings.Repeat("\n", 600) + operatorJSON, true, true},
		{"byte-order-mark", bom + operatorJSON, true, true},
		{"mark-and-600-spaces", bom + strings.Repeat(" ", 600) + operatorJSON, true, true},
		{"repeated-names", `{"a":1,"a":{"$ne":1}}`, true, true},
		{"repeated-after", `{"$ne":1,"a":1,"a":1}`, true, true},
		{"invalid-utf-8-in-front", "{\"a\":\"\xff\",\"$ne\":1}", true, true},
		{"large-number-in-front", `{"a":1e999,"$ne":1}`, true, true},
		{"cut-behind", `{"$ne":1`, true, true},
		{"second-value", `{} {"$ne":1}`, true, true},
		{"no-json-after-all", `{nope "$ne":1}`, true, false},
		{"600-spaces-alone", strings.Repeat(" ", 600), true, false},
		{"text", "hello {\"$ne\":1}", false, false},
		{"string", `"$ne"`, false, false},
		{"few-spaces-alone", "   ", false, false},
		{"half-a-mark", "\xef\xbb", false, false},
		{"mark-alone", bom, false, false},
		{"other-white-space", "\v\u00a0" + operatorJSON, true, true}, // no JSON parser skips it, but String.trim does
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, typ := range []string{"", "text/plain", "application/octet-stream", "image/png"} {
				for name, r := range map[string]*http.Request{
					"whole":         post(typ, c.body),
					"chunked":       chunked(typ, strings.NewReader(c.body)),
					"byte-by-byte":  chunked(typ, iotest.OneByteReader(strings.NewReader(c.body))),
					"end-with-data": chunked(typ, iotest.DataErrReader(strings.NewReader(c.body))),
				} {
					var s witness
					rd, err := read(r, &s)
					refused(t, err, "")
					if s.shows("$ne") != c.shows || (rd.Data != nil) != c.buffered {
						t.Errorf("%s %s: shown %q, buffered %v; want $ne among it %v, buffered %v", typ, name, s.String(), rd.Data != nil, c.shows, c.buffered)
					}
					arrived(t, r, c.body)
				}
			}
		})
	}
}

func TestAFormThatIsJSONIsReadBothWays(t *testing.T) {
	var s witness
	r := post("application/x-www-form-urlencoded", `{"a":{"$ne":"x&b[$gt]=1"}}`)
	_, err := read(r, &s)
	refused(t, err, "")
	if !s.shows("$ne") || !s.shows("$gt") {
		t.Errorf("shown %q; want $ne and $gt among it", s.String())
	}
	arrived(t, r, `{"a":{"$ne":"x&b[$gt]=1"}}`)
}

// live gives its bytes once and fails the test when asked for more.
type live struct {
	t    *testing.T
	text string
}

func (s *live) Read(b []byte) (int, error) {
	if s.text == "" {
		s.t.Error("a stream is read ahead")
		return 0, io.EOF
	}
	n := copy(b, s.text)
	s.text = s.text[n:]
	return n, nil
}

func TestAStreamIsNotHeldUp(t *testing.T) {
	for _, first := range []string{"x", "  x", bom + "x", "data: 1\n\n"} {
		if _, err := read(chunked("text/event-stream", &live{t, first}), nil); err != nil {
			t.Error(err)
		}
	}
}

func TestStreamsEndAtTheLimit(t *testing.T) {
	for _, c := range []struct {
		name string
		n    int
		rule rule.ID
	}{
		{"shorter", 9_999, ""}, {"as-long", 10_000, ""}, {"longer", 10_001, rule.RequestTooLarge}, {"much-longer", 50_000, rule.RequestTooLarge},
	} {
		text := strings.Repeat("x", c.n)
		t.Run(c.name, func(t *testing.T) {
			for name, body := range map[string]io.Reader{
				"whole": strings.NewReader(text), "byte-by-byte": iotest.OneByteReader(strings.NewReader(text)), "end-with-data": iotest.DataErrReader(strings.NewReader(text)),
			} {
				r := chunked("image/png", body)
				if _, err := read(r, nil); err != nil {
					t.Fatal(err)
				}
				data, err := io.ReadAll(r.Body)
				refused(t, err, c.rule)
				if len(data) != min(c.n, 10_000) {
					t.Errorf("%s: %d bytes came out of %d", name, len(data), c.n)
				}
				n, again := r.Body.Read(make([]byte, 10))
				if n != 0 || again == nil || c.rule != "" && again == io.EOF {
					t.Errorf("%s: read on after the end: %d, %v", name, n, again)
				}
			}
			_, err := read(post("image/png", text), nil) // announced, it is refused at once
			refused(t, err, c.rule)
		})
	}
}

func TestBodiesThatPassAreUnchanged(t *testing.T) {
	long := `{"a":"` + strings.Repeat("é", 4900) + `"}`
	for _, c := range []struct{ name, typ, body string }{
		{"json", "application/json", messy},
		{"long-json", "application/json", long},
		{"lines", "application/x-ndjson", "{}\n{ }\n"},
		{"form", "application/x-www-form-urlencoded", "a=1&b[c]=%20+&&d"},
		{"long-form", "application/x-www-form-urlencoded", "a=" + strings.Repeat("x", 9_998)},
		{"multipart", "multipart/form-data; boundary=B", "--B\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--B--\r\n"},
		{"look-alike", "text/plain", " [1] x"},
		{"opaque", "image/png", "\x89PNG\x00\xff"},
		{"empty", "application/json", ""},
		{"empty-form", "application/x-www-form-urlencoded", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, r := range []*http.Request{post(c.typ, c.body), chunked(c.typ, iotest.HalfReader(strings.NewReader(c.body)))} {
				rd, err := inspect.ReadBody(r, inspect.Options{MaxBytes: 10_000, Multipart: true})
				refused(t, err, "")
				if rd.Data != nil && string(rd.Data) != c.body {
					t.Errorf("read %q, want %q", rd.Data, c.body)
				}
				arrived(t, r, c.body)
				if r.GetBody != nil {
					r.Body, _ = r.GetBody()
					arrived(t, r, c.body)
				}
			}
		})
	}
}

// full is a body of n bytes of each form.
var full = map[string]func(n int) string{
	"application/json":                  func(n int) string { return `"` + strings.Repeat("x", n-2) + `"` },
	"application/x-ndjson":              func(n int) string { return strings.Repeat("1", 90) + strings.Repeat(" ", n-90) },
	"application/x-www-form-urlencoded": func(n int) string { return strings.Repeat("x=1&", n/4) + strings.Repeat("&", n%4) },
	"text/plain":                        func(n int) string { return "[" + strings.Repeat(" ", n-1) },
	"multipart/form-data; boundary=B": func(n int) string {
		const head, tail = "--B\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n", "\r\n--B--"
		return head + strings.Repeat("x", n-len(head)-len(tail)) + tail
	},
}

func TestBufferedBodiesEndAtTheLimit(t *testing.T) {
	for typ, body := range full {
		t.Run(strings.ReplaceAll(typ, "/", "-"), func(t *testing.T) {
			o := inspect.Options{MaxBytes: 3000, Multipart: true}
			for _, n := range []int{3000, 3001, 100_000} {
				want := rule.RequestTooLarge
				if n == 3000 {
					want = ""
				}
				_, err := inspect.ReadBody(post(typ, body(n)), o)
				refused(t, err, want)
				_, err = inspect.ReadBody(chunked(typ, iotest.OneByteReader(strings.NewReader(body(n)))), o)
				refused(t, err, want)
				if want != "" && problem.As(err).Code() != 413 {
					t.Errorf("status %d, want 413", problem.As(err).Code())
				}
			}
		})
	}
}

func TestBodiesThatBreakOff(t *testing.T) {
	for _, c := range []struct {
		name   string
		err    error
		status int
		rule   rule.ID
	}{
		{"cut", io.ErrUnexpectedEOF, 400, rule.RequestAborted},
		{"reset", errors.New("connection reset"), 400, rule.RequestAborted},
		{"slow", fmt.Errorf("read tcp: %w", os.ErrDeadlineExceeded), 408, rule.RequestAborted},
		{"outer-limit", &http.MaxBytesError{Limit: 5}, 413, rule.RequestTooLarge},
		{"own", problem.Refuse(rule.RequestBusy, ""), 503, rule.RequestBusy},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, text := range []string{"", "{", `{"a":1}`} {
				for _, typ := range []string{"application/json", "text/plain", ""} {
					_, err := read(chunked(typ, io.MultiReader(strings.NewReader(text), iotest.ErrReader(c.err))), nil)
					refused(t, err, c.rule)
					if got := problem.As(err).Code(); got != c.status {
						t.Errorf("%q: status %d, want %d", text, got, c.status)
					}
				}
			}
		})
	}
}

func TestTheBudgetIsGivenBack(t *testing.T) {
	json := `{"a":"` + strings.Repeat("x", 3000) + `"}`
	for _, c := range []struct {
		name string
		r    *http.Request
		v    inspect.Visitor
		rule rule.ID
		held bool // while it is open
	}{
		{"json", post("application/json", json), nil, "", true},
		{"chunked-json", chunked("application/json", iotest.OneByteReader(strings.NewReader(json))), nil, "", true},
		{"many-values", post("application/json", "["+strings.Repeat("1,", 4000)+"1]"), nil, "", true},
		{"gzip", with(post("application/json", compress(t, "gzip", json)), "Content-Encoding", "gzip"), nil, "", true},
		{"form", post("application/x-www-form-urlencoded", "a=1"), nil, "", true},
		{"multipart", post("multipart/form-data; boundary=B", full["multipart/form-data; boundary=B"](500)), nil, "", true},
		{"look-alike", post("text/plain", json), nil, "", true},
		{"opaque", post("text/plain", "hello"), nil, "", false},
		{"empty", post("application/json", ""), nil, "", false},
		{"malformed", post("application/json", json[:2000]), nil, rule.RequestJSON, false},
		{"malformed-form", post("application/x-www-form-urlencoded", "%"), nil, rule.RequestForm, false},
		{"malformed-multipart", post("multipart/form-data; boundary=B", "x"), nil, rule.RequestMultipart, false},
		{"malformed-gzip", with(post("application/json", "xxxxxxxxxxxxxxxxxxxxx"), "Content-Encoding", "gzip"), nil, rule.RequestCoding, false},
		{"gzip-with-more-behind", with(post("application/json", compress(t, "zlib", json)+"x"), "Content-Encoding", "deflate"), nil, rule.RequestCoding, false},
		{"refused", post("application/json", json), stopper{}, rule.NoSQLOperator, false},
		{"refused-look-alike", post("", json), stopper{}, rule.NoSQLOperator, false},
		{"too-large", post("application/json", strings.Repeat(json, 10)), nil, rule.RequestTooLarge, false},
		{"too-large-chunked", chunked("application/json", strings.NewReader(strings.Repeat(json, 10))), nil, rule.RequestTooLarge, false},
		{"cut", chunked("application/json", io.MultiReader(strings.NewReader(json), iotest.ErrReader(io.ErrUnexpectedEOF))), nil, rule.RequestAborted, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := inspect.NewBudget(10 << 20)
			rd, err := inspect.ReadBody(c.r, inspect.Options{MaxBytes: 10_000, Visitor: c.v, Tree: true, Multipart: true, Budget: b})
			refused(t, err, c.rule)
			if held := b.Used(); (held > 0) != c.held || c.held && held < int64(len(rd.Data)) {
				t.Errorf("%d bytes are held for %d; want some: %v", held, len(rd.Data), c.held)
			}
			rd.Close()
			rd.Close() // again is harmless
			if b.Used() != 0 {
				t.Errorf("%d bytes are still held", b.Used())
			}
		})
	}
}

func TestAFullBudgetAnswersBusy(t *testing.T) {
	values := "[" + strings.Repeat("1,", 4000) + "1]"
	for _, c := range []struct {
		name   string
		budget int64
		r      *http.Request
	}{
		{"at-once", 100, post("application/json", `{"a":"`+strings.Repeat("x", 200)+`"}`)},
		{"while-growing", 10_000, chunked("application/json", strings.NewReader(`"`+strings.Repeat("x", 9_900)+`"`))},
		{"by-the-tree", 50_000, post("application/json", values)},
		{"form", 100, post("application/x-www-form-urlencoded", "a="+strings.Repeat("x", 200))},
		{"look-alike", 100, chunked("", strings.NewReader("{}"))},
		{"multipart", 100, post("multipart/form-data; boundary=B", full["multipart/form-data; boundary=B"](500))},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := inspect.NewBudget(c.budget)
			_, err := inspect.ReadBody(c.r, inspect.Options{MaxBytes: 10_000, Tree: true, Multipart: true, Budget: b})
			refused(t, err, rule.RequestBusy)
			if e := problem.As(err); e.Code() != http.StatusServiceUnavailable || e.Retry <= 0 {
				t.Errorf("status %d, retry %v; want 503 and a time", e.Code(), e.Retry)
			}
			if b.Used() != 0 {
				t.Errorf("%d bytes are still held", b.Used())
			}
		})
	}
	b := inspect.NewBudget(2000)
	first, err := inspect.ReadBody(post("application/json", "[1]"), inspect.Options{MaxBytes: 100, Budget: b})
	refused(t, err, "")
	for room := int64(2000) - b.Used(); room >= 0; room = 2000 - b.Used() {
		rd, err := inspect.ReadBody(post("application/json", "[1]"), inspect.Options{MaxBytes: 100, Budget: b})
		if ruleOf(err) == rule.RequestBusy {
			break
		}
		refused(t, err, "")
		defer rd.Close()
	}
	first.Close() // makes room for one more
	if _, err := inspect.ReadBody(post("application/json", "[1]"), inspect.Options{MaxBytes: 100, Budget: b}); err != nil {
		t.Errorf("after one reading was closed: %v", err)
	}
}

func TestAnAnnouncedLengthHoldsNothing(t *testing.T) {
	b := inspect.NewBudget(1 << 30)
	r := chunked("application/json", io.MultiReader(bytes.NewReader([]byte("{")), iotest.ErrReader(io.ErrUnexpectedEOF)))
	r.ContentLength = 50 << 20
	peak := int64(0)
	r.Body = io.NopCloser(io.TeeReader(r.Body, writerFunc(func([]byte) { peak = max(peak, b.Used()) })))
	_, err := inspect.ReadBody(r, inspect.Options{MaxBytes: 100 << 20, Budget: b})
	refused(t, err, rule.RequestAborted)
	if peak == 0 || peak > 16<<10 {
		t.Errorf("%d bytes were held for one that came", peak)
	}
}

type writerFunc func([]byte)

func (f writerFunc) Write(b []byte) (int, error) { f(b); return len(b), nil }

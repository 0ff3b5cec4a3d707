// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package inspect_test

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/andybalholm/brotli"

	"github.com/panoply-security/panoply/inspect"
	"github.com/panoply-security/panoply/problem"
	"github.com/panoply-security/panoply/rule"
)

func compress(t *testing.T, coding, text string) string {
	t.Helper()
	var b bytes.Buffer
	var w io.WriteCloser
	switch coding {
	case "gzip":
		w = gzip.NewWriter(&b)
	case "zlib":
		w = zlib.NewWriter(&b)
	case "flate":
		w, _ = flate.NewWriter(&b, 9)
	case "br":
		w = brotli.NewWriter(&b)
	}
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

const operatorJSON = `{"a": {"$ne": 1}}`

func TestContentCodingsAreTakenOff(t *testing.T) {
	gz := compress(t, "gzip", operatorJSON)
	for _, c := range []struct {
		name, body string
		codings    []string
	}{
		{"none", operatorJSON, nil},
		{"identity", operatorJSON, []string{"identity"}},
		{"gzip", gz, []string{"gzip"}},
		{"gzip-in-capitals", gz, []string{" GZIP "}},
		{"two-members", compress(t, "gzip", operatorJSON[:5]) + compress(t, "gzip", operatorJSON[5:]), []string{"gzip"}},
		{"zlib-deflate", compress(t, "zlib", operatorJSON), []string{"deflate"}},
		{"brotli", compress(t, "br", operatorJSON), []string{"br"}},
	} {
		for _, typ := range []string{"application/json", "text/plain", ""} {
			t.Run(c.name+"/"+typ, func(t *testing.T) {
				for _, r := range []*http.Request{post(typ, c.body), chunked(typ, strings.NewReader(c.body))} {
					with(r, "Content-Encoding", c.codings...)
					r.Header.Set("Content-Length", "4711")
					var s witness
					rd, err := read(r, &s)
					refused(t, err, "")
					if !s.shows("$ne") {
						t.Errorf("shown %q; want $ne among it", s.String())
					}
					if got := r.Header.Get("Content-Encoding"); got != "" {
						t.Errorf("Content-Encoding %q is left", got)
					}
					if r.ContentLength != int64(len(operatorJSON)) {
						t.Errorf("ContentLength is %d, want %d", r.ContentLength, len(operatorJSON))
					}
					arrived(t, r, operatorJSON)
					rd.Close()
				}
			})
		}
	}
}

func TestContentCodingsThatAreRefused(t *testing.T) {
	gz, zl := compress(t, "gzip", operatorJSON), compress(t, "zlib", operatorJSON)
	br := compress(t, "br", operatorJSON)
	long := `"` + strings.Repeat("a", 1<<20) + `"`
	for _, c := range []struct {
		name, body string
		codings    []string
		status     int
		rule       rule.ID
	}{
		{"plain-called-brotli", operatorJSON, []string{"br"}, 400, rule.RequestCoding},
		{"brotli-twice", br + br, []string{"br"}, 400, rule.RequestCoding},
		{"cut-brotli", br[:len(br)-2], []string{"br"}, 400, rule.RequestCoding},
		{"data-after-brotli", br + "{}", []string{"br"}, 400, rule.RequestCoding},
		{"brotli-bomb", compress(t, "br", long), []string{"br"}, 413, rule.RequestTooLarge},
		{"brotli-and-gzip", br, []string{"gzip, br"}, 415, rule.RequestCoding},
		{"zstd", operatorJSON, []string{"zstd"}, 415, rule.RequestCoding},
		{"two-codings", compress(t, "gzip", gz), []string{"gzip, gzip"}, 415, rule.RequestCoding},
		{"two-headers", compress(t, "gzip", gz), []string{"gzip", "gzip"}, 415, rule.RequestCoding},
		{"gzip-and-identity", gz, []string{"identity, gzip"}, 415, rule.RequestCoding},
		{"raw-deflate", compress(t, "flate", operatorJSON), []string{"deflate"}, 400, rule.RequestCoding},
		{"gzip-called-deflate", gz, []string{"deflate"}, 400, rule.RequestCoding},
		{"plain-called-gzip", operatorJSON, []string{"gzip"}, 400, rule.RequestCoding},
		{"cut-gzip", gz[:len(gz)-4], []string{"gzip"}, 400, rule.RequestCoding},
		{"cut-zlib", zl[:len(zl)-2], []string{"deflate"}, 400, rule.RequestCoding},
		{"gzip-checksum", gz[:len(gz)-8] + "abcd" + gz[len(gz)-4:], []string{"gzip"}, 400, rule.RequestCoding},
		{"zlib-checksum", zl[:len(zl)-4] + "abcd", []string{"deflate"}, 400, rule.RequestCoding},
		{"data-after-gzip", gz + "{}", []string{"gzip"}, 400, rule.RequestCoding},
		{"data-after-zlib", zl + "{}", []string{"deflate"}, 400, rule.RequestCoding},
		{"second-zlib-stream", zl + zl, []string{"deflate"}, 400, rule.RequestCoding},
		{"gzip-bomb", compress(t, "gzip", long), []string{"gzip"}, 413, rule.RequestTooLarge},
		{"zlib-bomb", compress(t, "zlib", long), []string{"deflate"}, 413, rule.RequestTooLarge},
		{"compressed-nothing", strings.Repeat(compress(t, "gzip", ""), 1000), []string{"gzip"}, 413, rule.RequestTooLarge},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := read(with(chunked("application/json", strings.NewReader(c.body)), "Content-Encoding", c.codings...), nil)
			refused(t, err, c.rule)
			if got := problem.As(err).Code(); got != c.status {
				t.Errorf("status %d, want %d", got, c.status)
			}
		})
	}
}

// Ordinary bodies inflate by any ratio while they are small, and by a hundred when
// they are large.
func TestARatioIsTooMuch(t *testing.T) {
	rows := `[` + strings.Repeat(`{"id":1,"name":"Ada","tags":["a","b"],"active":true},`, 30_000) + `1]`
	same := `"` + strings.Repeat("a", 4<<20) + `"`
	for name, c := range map[string]struct {
		text, coding, called string
		want                 rule.ID
	}{
		"small-gzip":     {same[:512<<10] + `"`, "gzip", "gzip", ""},
		"small-brotli":   {same[:512<<10] + `"`, "br", "br", ""},
		"gzip":           {same, "gzip", "gzip", rule.RequestTooLarge},
		"deflate":        {same, "zlib", "deflate", rule.RequestTooLarge},
		"brotli":         {same, "br", "br", rule.RequestTooLarge},
		"ordinary-text":  {`"` + noise(2<<20) + `"`, "gzip", "gzip", ""},
		"rows-that-vary": {varied(rows), "gzip", "gzip", ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := with(post("application/json", compress(t, c.coding, c.text)), "Content-Encoding", c.called)
			_, err := inspect.ReadBody(r, inspect.Options{MaxBytes: 8 << 20})
			refused(t, err, c.want)
		})
	}
}

// noise is text of n letters that hardly compresses.
func noise(n int) string {
	b := make([]byte, n)
	x := uint32(1)
	for i := range b {
		x = x*1664525 + 1013904223
		b[i] = "abcdefghijklmnopqrstuvwxyzABCDEF"[x>>27]
	}
	return string(b)
}

// varied gives each of many rows a number of its own.
func varied(rows string) string {
	var b strings.Builder
	for i, row := range strings.SplitAfter(rows, "},") {
		b.WriteString(strings.Replace(row, `"id":1`, fmt.Sprintf(`"id":%d`, i*7919), 1))
	}
	return b.String()
}

// Brotli bodies that stall hold what has arrived of them and no decoder, so that any
// number of them leaves the next its turn.
func TestStalledBrotliHoldsNoDecoder(t *testing.T) {
	budget := inspect.NewBudget(1 << 20)
	o := inspect.Options{MaxBytes: 1 << 20, Budget: budget}
	body := compress(t, "br", operatorJSON)
	var done sync.WaitGroup
	var ends []*io.PipeWriter
	for range 20 {
		pipe, end := io.Pipe()
		ends = append(ends, end)
		r := with(post("application/json", ""), "Content-Encoding", "br")
		r.Body, r.ContentLength = pipe, -1
		done.Go(func() {
			reading, err := inspect.ReadBody(r, o)
			if ruleOf(err) != rule.RequestAborted {
				t.Errorf("got %v; want it aborted", err)
			}
			reading.Close()
		})
		if _, err := io.WriteString(end, body[:len(body)-2]); err != nil {
			t.Fatal(err)
		}
	}
	reading, err := inspect.ReadBody(with(post("application/json", body), "Content-Encoding", "br"), o)
	refused(t, err, "")
	if string(reading.Data) != operatorJSON {
		t.Errorf("got %q", reading.Data)
	}
	reading.Close()
	if held := budget.Used(); held != 20*(8<<10) {
		t.Errorf("%d bytes are held; want 8 KiB for each", held)
	}
	for _, end := range ends {
		end.CloseWithError(io.ErrUnexpectedEOF)
	}
	done.Wait()
	if budget.Used() != 0 {
		t.Errorf("%d bytes are still held", budget.Used())
	}
}

func TestAnOpaqueBombStopsAtTheLimit(t *testing.T) {
	r := with(post("image/bmp", compress(t, "gzip", strings.Repeat("a", 1<<20))), "Content-Encoding", "gzip")
	if _, err := read(r, nil); err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(r.Body)
	refused(t, err, rule.RequestTooLarge)
	if len(data) != 10_000 {
		t.Errorf("%d bytes came out, want 10000", len(data))
	}
}

func TestAnOpaqueBodyStreamsUnpacked(t *testing.T) {
	r := with(post("image/bmp", compress(t, "gzip", "hello")), "Content-Encoding", "gzip")
	r.Header.Set("Content-Length", "29")
	rd, err := read(r, nil)
	refused(t, err, "")
	if rd.Data != nil || r.ContentLength != -1 || r.Header.Get("Content-Encoding") != "" {
		t.Errorf("read %q, ContentLength %d, header %v; want a stream of unknown length", rd.Data, r.ContentLength, r.Header)
	}
	arrived(t, r, "hello")
}

func TestMultipartHasNoContentCoding(t *testing.T) {
	for _, names := range []bool{false, true} {
		r := with(post("multipart/form-data; boundary=B", "--B--"), "Content-Encoding", "gzip")
		_, err := inspect.ReadBody(r, inspect.Options{MaxBytes: 1000, Multipart: names})
		refused(t, err, rule.RequestCoding)
	}
}

// What repeats itself passes up to 1 MiB; beyond, only what inflates to 200 times
// what has arrived at most.
func TestTheRatioIsBounded(t *testing.T) {
	zeros := func(n int) string { return `"` + strings.Repeat("a", n-2) + `"` }
	rows := "[" + strings.Repeat(`{"id":1234567,"name":"x"},`, 80_000) + "1]"
	noise := make([]byte, 9<<10)
	rand.NewChaCha8([32]byte{1}).Read(noise)
	for _, c := range []struct {
		name, body string
		rule       rule.ID
	}{
		{"repetitive-below-the-floor", zeros(1 << 20), ""},
		{"repetitive-beyond-the-floor", zeros(8 << 20), rule.RequestTooLarge},
		{"ordinary-beyond-the-floor", string(benchJSON(3 << 20)), ""},
		{"repetitive-with-something-in-it", `["` + hex.EncodeToString(noise) + `",` + rows + "]", ""},
	} {
		for coding, name := range map[string]string{"gzip": "gzip", "zlib": "deflate"} {
			t.Run(c.name+"-"+name, func(t *testing.T) {
				packed := compress(t, coding, c.body)
				r := with(post("application/json", packed), "Content-Encoding", name)
				_, err := inspect.ReadBody(r, inspect.Options{MaxBytes: 16 << 20})
				t.Logf("%d times its size", len(c.body)/len(packed))
				refused(t, err, c.rule)
			})
		}
	}
}

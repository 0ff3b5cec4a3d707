// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package problem_test

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/panoply-security/panoply/problem"
)

// squeezed is text in a content coding.
func squeezed(t *testing.T, coding, text string) string {
	t.Helper()
	var b bytes.Buffer
	var w io.WriteCloser
	switch coding {
	case "gzip":
		w = gzip.NewWriter(&b)
	case "deflate":
		w = zlib.NewWriter(&b)
	case "raw":
		w, _ = flate.NewWriter(&b, -1)
	default:
		return text
	}
	io.WriteString(w, text)
	w.Close()
	return b.String()
}

func TestCompressedAnswersAreRead(t *testing.T) {
	leaky := `{"stack":"Error: no\n    at f (/srv/a.js:1:2)"}` + strings.Repeat(" ", 2000)
	noise := make([]byte, 300<<10)
	random := rand.New(rand.NewPCG(1, 2))
	for i := range noise {
		noise[i] = "0123456789abcdef"[random.IntN(16)]
	}
	tests := []struct {
		name, coding, header, text string
		replaced                   bool
	}{
		{"gzip", "gzip", "gzip", leaky, true},
		{"gzip-harmless", "gzip", "gzip", `{"error":"no such user"}`, false},
		{"x-gzip", "gzip", "X-Gzip", leaky, true},
		{"deflate", "deflate", "deflate", leaky, true},
		{"deflate-without-its-wrapping", "raw", "deflate", leaky, true},
		{"deflate-harmless", "deflate", "deflate", `{"error":"no such user"}`, false},
		{"identity", "", "identity", leaky, true},
		{"longer-than-what-is-held", "gzip", "gzip", leaky + string(noise), true},
		{"longer-and-harmless", "gzip", "gzip", string(noise), false},
		{"bomb", "gzip", "gzip", strings.Repeat(" ", 64<<20), false},
		{"unreadable-coding", "", "br", "\x0b\x02\x80{}\x03", true},
		{"two-codings", "gzip", "gzip, br", leaky, true},
		{"no-gzip-at-all", "", "gzip", leaky, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			body := squeezed(t, tt.coding, tt.text)
			resp, got, _ := answer(t, problem.Config{}, httptest.NewRequest("GET", "/", nil), http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				w.Header().Set("Content-Encoding", tt.header)
				w.WriteHeader(422)
				io.Copy(w, strings.NewReader(body))
			}))
			replaced := resp.Header.Get("Content-Type") == "application/problem+json"
			if resp.StatusCode != 422 || replaced != tt.replaced {
				t.Fatalf("status %d, replaced %v; want 422, %v", resp.StatusCode, replaced, tt.replaced)
			}
			if replaced && resp.Header.Get("Content-Encoding") != "" || !replaced && got != body {
				t.Errorf("headers %q, %d bytes; want %d", resp.Header, len(got), len(body))
			}
		})
	}
}

func TestOnlyReadableCodingsAreAskedFor(t *testing.T) {
	tests := []struct {
		name string
		sent []string
		want string
	}{
		{"none", nil, ""},
		{"browser", []string{"gzip, deflate, br, zstd"}, "gzip, deflate"},
		{"browser-over-plain-http", []string{"gzip, deflate"}, "gzip, deflate"},
		{"older-browser", []string{"gzip, deflate, br"}, "gzip, deflate"},
		{"two-words", []string{"gzip, br"}, "gzip"},
		{"two-browsers", []string{"gzip, br", "deflate;q=0.1"}, "gzip, deflate;q=0.1"},
		{"weights", []string{"br;q=1.0, gzip;q=0.8, *;q=0.1"}, "gzip;q=0.8"},
		{"readable-stays-as-it-came", []string{"GZIP ; q=0.5,identity"}, "GZIP ; q=0.5,identity"},
		{"nothing-readable", []string{"br"}, "identity"},
		{"any", []string{"*"}, "identity"},
		{"two-lines", []string{"br", "gzip"}, "gzip"},
		{"empty", []string{""}, "identity"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, off := range []bool{false, true} {
				responder, err := problem.New(problem.Config{NoScrub: off})
				if err != nil {
					t.Fatal(err)
				}
				r := httptest.NewRequest("GET", "/", nil)
				if tt.sent != nil {
					r.Header["Accept-Encoding"] = tt.sent
				}
				responder.AskReadable(r)
				want := tt.want
				if off {
					want = strings.Join(tt.sent, " | ")
				}
				if got := strings.Join(r.Header["Accept-Encoding"], " | "); got != want {
					t.Errorf("scrubber off %v: got %q; want %q", off, got, want)
				}
			}
		})
	}
}

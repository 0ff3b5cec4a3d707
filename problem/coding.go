// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package problem

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"io"
	"net/http"
	"slices"
	"strings"
)

// readableCodings are those that a body can be read in.
var readableCodings = []string{"gzip", "x-gzip", "deflate", "identity"}

// browsersAsk is what browsers ask for, and what is left of it: the same for
// nearly every request.
var browsersAsk = map[string][]string{
	"gzip, deflate, br, zstd": {"gzip, deflate"},
	"gzip, deflate, br":       {"gzip, deflate"},
	"gzip, br":                {"gzip"},
}

// AskReadable takes the content codings off a request in which the answer could
// not be looked at: else a client would only have to ask for one of them to see
// what is scrubbed. Nothing changes where the scrubber is off.
func (t *Responder) AskReadable(r *http.Request) {
	asked := r.Header["Accept-Encoding"]
	if len(asked) == 0 || t.cfg.NoScrub {
		return
	}
	if left, known := browsersAsk[asked[0]]; known && len(asked) == 1 {
		r.Header["Accept-Encoding"] = left
		return
	}
	var kept []string
	all := true
	for _, line := range asked {
		for part := range strings.SplitSeq(line, ",") {
			coding, _, _ := strings.Cut(part, ";")
			if slices.Contains(readableCodings, strings.ToLower(strings.Trim(coding, " \t"))) {
				kept = append(kept, strings.Trim(part, " \t"))
			} else {
				all = false
			}
		}
	}
	switch {
	case all:
	case len(kept) == 0:
		r.Header["Accept-Encoding"] = []string{"identity"}
	default:
		r.Header["Accept-Encoding"] = []string{strings.Join(kept, ", ")}
	}
}

// decoded is what a held body says, at most scrubHold bytes of it. A body that
// was cut off is read as far as it goes. It reports whether any of it could be
// read.
func decoded(h http.Header, held []byte) (text []byte, ok bool) {
	if len(held) == 0 {
		return nil, true
	}
	coding := strings.ToLower(strings.Trim(strings.Join(h["Content-Encoding"], ","), " \t"))
	var from io.Reader
	var err error
	switch coding {
	case "", "identity":
		return held, true
	case "gzip", "x-gzip":
		from, err = gzip.NewReader(bytes.NewReader(held))
	case "deflate":
		// Some send it as RFC 9110 says, in zlib's wrapping, and some without.
		if from, err = zlib.NewReader(bytes.NewReader(held)); err != nil {
			from, err = flate.NewReader(bytes.NewReader(held)), nil
		}
	default:
		return nil, false
	}
	if err != nil {
		return nil, false
	}
	text, err = io.ReadAll(io.LimitReader(from, scrubHold))
	return text, err == nil || len(text) > 0
}

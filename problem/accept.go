// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package problem

import (
	"net/http"
	"strconv"
	"strings"
)

// wantsPage reports whether the client is a browser that navigates: it names
// text/html itself, and likes no JSON as well as that (RFC 9110, 12.5.1). A
// client that takes anything (*/*) is a program.
func wantsPage(r *http.Request) bool {
	var html, json float64
	for _, line := range r.Header["Accept"] {
		for entry := range strings.SplitSeq(line, ",") {
			kind, parameters, _ := strings.Cut(entry, ";")
			kind = strings.ToLower(strings.Trim(kind, " \t"))
			switch weight := quality(parameters); {
			case kind == "text/html":
				html = max(html, weight)
			case strings.HasSuffix(kind, "json"):
				json = max(json, weight)
			}
		}
	}
	return html > json
}

// quality is the weight among the parameters of a media range. One that is not
// readable is none.
func quality(parameters string) float64 {
	for p := range strings.SplitSeq(parameters, ";") {
		name, value, _ := strings.Cut(strings.Trim(p, " \t"), "=")
		if !strings.EqualFold(name, "q") {
			continue
		}
		q, err := strconv.ParseFloat(value, 64)
		if err != nil || !(q >= 0 && q <= 1) {
			return 0
		}
		return q
	}
	return 1
}

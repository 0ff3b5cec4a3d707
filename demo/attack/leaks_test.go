// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package attack

import (
	"slices"
	"testing"
)

func TestLeaksIn(t *testing.T) {
	tests := []struct {
		name string
		body string
		want []string // kinds
	}{
		{"express-page", "<pre>SyntaxError: Unexpected end of JSON input<br> &nbsp; &nbsp;at parse (/srv/app/node_modules/body-parser/lib/types/json.js:92:19)</pre>", []string{"stack frame"}},
		{"stack-in-json", `{"stack":"Error: x\n    at /srv/app.js:10:67"}`, []string{"stack frame"}},
		{"escaped-html", "<pre>Error: open &#39;/srv/app/config.json&#39;</pre>", []string{"file path"}},
		{"module-url", "at async f (file:///srv/app.mjs:3:4)", []string{"stack frame"}},
		{"windows-path", `{"stack":"at f (C:\\app\\index.js:3:4)"}`, []string{"stack frame"}},
		{"node-internals", "at process.processTicksAndRejections (node:internal/process/task_queues:95:5)", []string{"stack frame"}},
		{"go", "goroutine 7 [running]:\nmain.f()\n\t/srv/main.go:12 +0x1d\n", []string{"stack frame", "goroutine stack"}},
		{"go-trimmed-paths", "main.f()\n\texample.com/app/main.go:12 +0x1d\n", []string{"stack frame"}},
		{"python", `File "/srv/app.py", line 3, in f`, []string{"stack frame"}},
		{"refused", "connect ECONNREFUSED 10.0.1.42:5432", []string{"internal address", "error of the database or its driver"}},
		{"ipv6", "dial tcp [fd00::1]:5432", []string{"internal address"}},
		{"path", "open /srv/uploads/a: permission denied", []string{"file path"}},
		{"duplicate", `write exception: write errors: [E11000 duplicate key error]`, []string{"error of the database or its driver"}},
		{"connection-string", "cannot reach mongodb://shop:secret@db/", []string{"connection string"}},

		{"own-address", "See http://127.0.0.1:8080/docs.", nil},
		{"public-address", "Contact 198.51.100.7:443.", nil},
		{"version-numbers", "Release 10.0.1 of 12:30", nil},
		{"prose", "Meet us at the station (10:15), open /daily. File a report, line 3.", nil},
		{"not-found", "<pre>Cannot GET /app.js</pre>", nil},
		{"problem", `{"type":"urn:problem","title":"Internal server error","status":500,"instance":"urn:uuid:1"}`, nil},
		{"empty", "", nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var got []string
			for _, leak := range leaksIn(test.body, "127.0.0.1:8080") {
				got = append(got, leak.kind)
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("got %q; want %q", got, test.want)
			}
		})
	}
}

func FuzzLeaksIn(f *testing.F) {
	f.Add("at f (/a.js:1:1)")
	f.Fuzz(func(t *testing.T, body string) {
		for _, leak := range leaksIn(body, "127.0.0.1:8080") {
			if leak.text == "" {
				t.Error("an empty leak")
			}
		}
	})
}

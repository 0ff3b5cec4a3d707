// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"
)

// In report mode everything arrives as it was sent and goes back as it was
// answered; the log says what would have been refused.
func TestReportsChangeNothing(t *testing.T) {
	g := start(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Powered-By", "Express")
		w.Header().Set("Set-Cookie", "connect.sid=s1; Path=/")
		sum, n := digest(r.Body)
		fmt.Fprintf(w, "%s %d %d %q %q", sum, n, r.ContentLength, r.Header.Get("Content-Encoding"), r.RequestURI)
	}, options{policy: "mode: report"})
	var squeezed bytes.Buffer
	z := gzip.NewWriter(&squeezed)
	io.WriteString(z, `{"a":{"$ne":1}}`)
	z.Close()
	long := strings.Repeat("x", 3<<20)
	for name, test := range map[string]struct {
		path, contentType, coding, body string
		chunked                         bool
		rule                            string
	}{
		"operator":          {"/", "application/json", "", `{"a":{"$ne":1}}`, false, "nosql/operator"},
		"operator-squeezed": {"/", "application/json", "gzip", squeezed.String(), false, "nosql/operator"},
		"operator-in-query": {"/?a[$ne]=1", "", "", "", false, "nosql/operator"},
		"broken-json":       {"/", "application/json", "", `{"a":1,}`, false, "request/json"},
		"broken-json-long":  {"/", "application/json", "", `{"a":1,}` + strings.Repeat(" ", 50<<10), true, "request/json"},
		"long-json":         {"/", "application/json", "", `"` + long + `"`, false, "request/body-too-large"},
		"long-json-chunked": {"/", "application/json", "", `"` + long + `"`, true, "request/body-too-large"},
		"long-octets":       {"/", "application/octet-stream", "", long, false, "request/body-too-large"},
		"octets-chunked":    {"/", "application/octet-stream", "", long, true, ""},
		"unknown-coding":    {"/", "application/json", "br", "\x00", false, "request/content-coding"},
		"dot-segments":      {"/a/%2e%2e/b", "", "", "", false, "request/path"},
		"clean":             {"/", "application/json", "", `{"a":1}`, false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			before := len(g.log.String())
			req, err := http.NewRequest("POST", g.url, strings.NewReader(test.body))
			if err != nil {
				t.Fatal(err)
			}
			req.URL.Opaque = "//" + g.addr + test.path
			want := int64(len(test.body))
			if test.chunked {
				req.Body, req.ContentLength, want = io.NopCloser(strings.NewReader(test.body)), -1, -1
			}
			if test.contentType != "" {
				req.Header.Set("Content-Type", test.contentType)
			}
			if test.coding != "" {
				req.Header.Set("Content-Encoding", test.coding)
			}
			resp, err := g.client.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			body, err := io.ReadAll(resp.Body)
			if err != nil {
				t.Fatal(err)
			}
			sum, n := digest(strings.NewReader(test.body))
			got := string(body)
			if !strings.HasPrefix(got, fmt.Sprintf("%s %d ", sum, n)) || !strings.HasSuffix(got, fmt.Sprintf(" %q %q", test.coding, test.path)) {
				t.Errorf("the app got %s; want %s, %d bytes", got, sum, n)
			}
			if length := fmt.Sprintf(" %d ", want); want != -1 && !strings.Contains(got, length) {
				t.Errorf("the app got %s; want the length %d", got, want)
			}
			if resp.Header.Get("X-Powered-By") != "Express" || resp.Header.Get("Set-Cookie") != "connect.sid=s1; Path=/" || resp.Header.Get("Content-Security-Policy") != "" {
				t.Errorf("the answer was changed: %v", resp.Header)
			}
			logged := g.log.String()[before:]
			if test.rule != "" && (!strings.Contains(logged, `"would block"`) || !strings.Contains(logged, test.rule)) {
				t.Errorf("the log does not tell of %s: %s", test.rule, logged)
			}
			if strings.Contains(logged, `"request blocked"`) || test.rule == "" && strings.Contains(logged, "nosql/") {
				t.Errorf("the log tells of a refusal: %s", logged)
			}
		})
	}
}

// What streams is not kept for a report that is no longer to come.
func TestReportsKeepNothing(t *testing.T) {
	const size = 64 << 20
	g := start(t, func(w http.ResponseWriter, r *http.Request) {
		n, _ := io.Copy(io.Discard, r.Body)
		fmt.Fprint(w, n)
	}, options{policy: "mode: report\nuploads: off"})
	for name, contentType := range map[string]string{"octets": "application/octet-stream", "multipart": "multipart/form-data; boundary=b"} {
		t.Run(name, func(t *testing.T) {
			req, err := http.NewRequest("POST", g.url+"/", &pattern{n: size})
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Content-Type", contentType)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			resp, err := g.client.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			body, _ := io.ReadAll(resp.Body)
			resp.Body.Close()
			runtime.ReadMemStats(&after)
			if string(body) != fmt.Sprint(size) {
				t.Fatalf("the app got %s bytes; want %d", body, size)
			}
			allocated := after.TotalAlloc - before.TotalAlloc
			if allocated > size/8 {
				t.Errorf("%d MB were allocated for a body of %d MB that passes", allocated>>20, size>>20)
			}
		})
	}
}

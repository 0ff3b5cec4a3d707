// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package scan_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/panoply-security/panoply/finding"
	"github.com/panoply-security/panoply/report"
	"github.com/panoply-security/panoply/scan"
)

// listen answers every connection by hand.
func listen(t *testing.T, talk func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				if _, err := http.ReadRequest(bufio.NewReader(c)); err == nil {
					talk(c)
				}
			}()
		}
	}()
	return "http://" + l.Addr().String()
}

// forever writes a text again and again, until nobody reads it.
func forever(w io.Writer, text string) {
	for {
		if _, err := io.WriteString(w, text); err != nil {
			return
		}
	}
}

const ok = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"

// Every target that means harm ends in a clear result, and no scan keeps more of it
// than its bounds.
func TestHostileTargets(t *testing.T) {
	bomb := gzipped(100 << 20)
	for _, tt := range []struct {
		name        string
		talk        func(net.Conn)
		unreachable bool
	}{
		{"silent", func(c net.Conn) { io.Copy(io.Discard, c) }, true},
		{"closes-at-once", func(net.Conn) {}, true},
		{"no-http", func(c net.Conn) { io.WriteString(c, "SSH-2.0-OpenSSH_9.6\r\n") }, true},
		{"slow-headers", func(c net.Conn) {
			for {
				if _, err := io.WriteString(c, "H"); err != nil {
					return
				}
				time.Sleep(20 * time.Millisecond)
			}
		}, true},
		{"endless-headers", func(c net.Conn) {
			io.WriteString(c, ok)
			forever(c, "X-Flood: "+strings.Repeat("a", 1000)+"\r\n")
		}, true},
		{"many-early-hints", func(c net.Conn) { forever(c, "HTTP/1.1 103 Early Hints\r\n\r\n") }, true},
		{"drip", func(c net.Conn) {
			io.WriteString(c, ok+"Content-Length: 1000000\r\n\r\n")
			for {
				if _, err := io.WriteString(c, "<"); err != nil {
					return
				}
				time.Sleep(20 * time.Millisecond)
			}
		}, false},
		{"endless-body", func(c net.Conn) {
			io.WriteString(c, ok+"Connection: close\r\n\r\n")
			forever(c, "<script src=//x></script><form><input name=a>")
		}, false},
		{"ten-gigabytes", func(c net.Conn) {
			io.WriteString(c, ok+"Content-Length: 10737418240\r\n\r\n")
			forever(c, strings.Repeat("a", 64<<10))
		}, false},
		{"endless-chunks", func(c net.Conn) {
			io.WriteString(c, ok+"Transfer-Encoding: chunked\r\n\r\n")
			forever(c, "1\r\na\r\n")
		}, false},
		{"decompression-bomb", func(c net.Conn) {
			fmt.Fprintf(c, ok+"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%s", len(bomb), bomb)
		}, false},
		{"broken-gzip", func(c net.Conn) { io.WriteString(c, ok+"Content-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello") }, false},
		{"redirect-loop", func(c net.Conn) { io.WriteString(c, "HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n") }, false},
		{"redirect-chain", func(c net.Conn) {
			fmt.Fprintf(c, "HTTP/1.1 302 Found\r\nLocation: /%d\r\nContent-Length: 0\r\n\r\n", time.Now().UnixNano())
		}, false},
		{"redirect-to-nonsense", func(c net.Conn) {
			io.WriteString(c, "HTTP/1.1 302 Found\r\nLocation: http://[::\r\nContent-Length: 0\r\n\r\n")
		}, false},
		{"redirect-to-a-file", func(c net.Conn) {
			io.WriteString(c, "HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n")
		}, false},
		{"many-cookies", func(c net.Conn) {
			io.WriteString(c, ok+strings.Repeat("Set-Cookie: sess=s%3A1.x; Expires=x\r\n", 1000)+"Content-Length: 0\r\n\r\n")
		}, false},
		{"deep-page", func(c net.Conn) {
			body := strings.Repeat("<div><form><svg>", 16<<10)
			fmt.Fprintf(c, ok+"Content-Length: %d\r\n\r\n%s", len(body), body)
		}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before := allocated()
			o := scan.Options{Target: listen(t, tt.talk)}
			r, err := runShort(t, &o, !tt.unreachable)
			if tt.unreachable != errors.Is(err, scan.ErrUnreachable) {
				t.Fatalf("error %v; want unreachable: %v", err, tt.unreachable)
			}
			if grown := allocated() - before; grown > 200<<20 {
				t.Errorf("it allocated %d MB", grown>>20)
			}
			if err != nil {
				return
			}
			if r.Run.Requests > scan.MaxPassive || r.Mistakes[0].Verdict == finding.NotTested {
				t.Errorf("got %+v, %+v", r.Run, r.Mistakes[0])
			}
			o.Active, o.MaxRequests = true, 5
			r, err = runShort(t, &o, true)
			if err != nil {
				t.Fatalf("active: %v", err)
			}
			if r.Run.Requests > scan.MaxPassive+5 {
				t.Errorf("active: %+v", r.Run)
			}
		})
	}
}

// runShort scans with a short time for each request, which some targets use up. One that
// answers is given more where the machine is too busy for that.
func runShort(t *testing.T, o *scan.Options, answers bool) (*finding.Report, error) {
	for o.Timeout = max(o.Timeout, 100*time.Millisecond); ; o.Timeout *= 3 {
		r, err := scan.Run(t.Context(), *o)
		if !answers || !errors.Is(err, scan.ErrUnreachable) || o.Timeout > time.Minute {
			return r, err
		}
	}
}

func allocated() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.TotalAlloc
}

func gzipped(size int) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	zeros := make([]byte, 1<<20)
	for range size >> 20 {
		w.Write(zeros)
	}
	w.Close()
	return b.Bytes()
}

// Nothing that a target writes acts where the report is read.
func TestNothingIsRenderedRaw(t *testing.T) {
	evil := "\x1b[2J\x1b]0;owned\x07<script>alert(1)</script>\u202e"
	inHeader := strings.NewReplacer("\x1b", "", "\x07", "").Replace(evil) // Go's client takes no more
	o := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		status := 200
		if r.URL.Path != "/" {
			status = 500
		}
		body := "<script src='https://x.example/" + evil + "'></script>Error: " + evil + "\n    at Object.<anonymous> (/srv/" + evil + "/app.js:1:2)"
		answers(status, "text/html", body, "X-Powered-By", inHeader, "Server", inHeader+"/1.2.3", "Set-Cookie", "sess"+inHeader+"=1; SameSite="+inHeader,
			"Content-Security-Policy", inHeader+" *; script-src *; "+inHeader, "Location", inHeader)(w, r)
	}), false)
	r := run(t, o)
	if len(r.Findings) < 3 {
		t.Fatalf("only %d findings: nothing to render", len(r.Findings))
	}
	for _, format := range report.Formats {
		var b bytes.Buffer
		if err := report.Write(&b, format, r, report.Options{}); err != nil {
			t.Fatal(err)
		}
		for _, bad := range []string{"\x1b", "\x07", "\u202e", "<script>alert"} {
			if bad == "<script>alert" && (format == report.Text || format == report.Markdown) {
				continue // is no mark-up there
			}
			if strings.Contains(b.String(), bad) {
				t.Errorf("%s has %q", format, bad)
			}
		}
	}
}

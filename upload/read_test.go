// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package upload

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/panoply-security/panoply/internal/spool"
	"github.com/panoply-security/panoply/problem"
	"github.com/panoply-security/panoply/rule"
)

func repeat(n int, p part) []part { return slices.Repeat([]part{p}, n) }

func TestLimits(t *testing.T) {
	png := pngOf(picture(3, 2))
	file := part{"f", "a.png", "image/png", png}
	padded := func(n int) part { return part{"f", "a.png", "image/png", png + strings.Repeat("\x00", n-len(png))} }
	field := func(n int) part { return part{"a", "", "", strings.Repeat("x", n)} }
	tests := []struct {
		name  string
		cfg   Config
		parts []part
		want  rule.ID
	}{
		{"defaults", Config{}, []part{field(10), file}, ""},
		{"exact-file", Config{MaxFileBytes: 10_000}, []part{padded(10_000)}, ""},
		{"file-one-over", Config{MaxFileBytes: 10_000}, []part{padded(10_001)}, rule.UploadTooLarge},
		{"exact-files", Config{MaxFiles: 3}, repeat(3, file), ""},
		{"one-file-more", Config{MaxFiles: 3}, repeat(4, file), rule.UploadTooMany},
		{"second-file-by-default", Config{}, repeat(2, file), rule.UploadTooMany},
		{"exact-field", Config{MaxFieldBytes: 1000}, []part{field(1000)}, ""},
		{"field-one-over", Config{MaxFieldBytes: 1000}, []part{field(1001)}, rule.UploadTooLarge},
		{"exact-fields", Config{MaxFields: 5}, repeat(5, field(1)), ""},
		{"one-field-more", Config{MaxFields: 5}, repeat(6, field(1)), rule.UploadTooMany},
		{"fields-together", Config{}, repeat(63, field(100<<10)), rule.UploadTooLarge},
		{"not-utf-8", Config{}, []part{{"a", "", "", "\xff"}}, rule.RequestMultipartText},
		{"byte-order-mark", Config{}, []part{{"a", "", "", "\ufeffx"}}, rule.RequestMultipartText},
		{"byte-order-mark-in-the-middle", Config{}, []part{{"a", "", "", "x\ufeff"}}, ""},
		{"charset-field", Config{}, []part{{"_charset_", "", "", "UTF-8"}}, ""},
		{"charset-field-other", Config{}, []part{{"_charset_", "", "", "utf-7"}}, rule.RequestCharset},
		{"typed-part-is-a-file", Config{}, []part{{"meta", "", "application/json", `{"a":1}`}}, rule.UploadType},
		{"typed-picture-has-no-extension", Config{}, []part{{"meta", "", "image/png", png}}, rule.RequestMultipartText},
		{"typed-text-has-no-extension", Config{}, []part{{"meta", "", "image/png", "text"}}, rule.UploadMismatch},
		{"typed-part-is-a-field", Config{MaxFieldBytes: 5}, []part{{"meta", "", "image/png", png}}, rule.UploadTooLarge},
		{"plain-text-part-is-a-field", Config{}, []part{{"meta", "", "text/plain; charset=utf-8", "x"}}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			in := inspector(t, tt.cfg)
			form, err := in.Read(request(tt.parts...), ReadOptions{})
			if got := ruleOf(err); got != tt.want {
				t.Errorf("got %q, %v; want %q", got, err, tt.want)
			}
			form.Close()
			if memory, disk := in.budget.Used(); memory != 0 || disk != 0 {
				t.Errorf("%d bytes of memory and %d of disk are still held", memory, disk)
			}
		})
	}
}

func TestReportModeLetsPass(t *testing.T) {
	in := inspector(t, Config{MaxFileBytes: 100, MaxFields: 1, MaxFieldBytes: 10, MaxBytes: 300})
	png := pngOf(picture(30, 20))
	ids, form := violations(t, in,
		part{"a", "", "", "1"}, part{"b", "", "", "12345678901"},
		part{"f", "a.png", "image/png", png}, part{"g", "b.gif", "image/gif", gifOf(picture(1, 1))})
	want := []rule.ID{rule.UploadTooLarge, rule.UploadTooMany, rule.UploadTooLarge, rule.UploadTooLarge, rule.UploadTooMany, rule.UploadTooLarge, rule.UploadType}
	if !slices.Equal(ids, want) {
		t.Errorf("got %q; want %q", ids, want)
	}
	if len(form.Files) != 2 || len(form.Fields) != 2 {
		t.Errorf("got %d files and %d fields; want 2 and 2", len(form.Files), len(form.Fields))
	}
	if got, _ := io.ReadAll(form.Files[0].Open()); string(got) != png {
		t.Error("the file has changed")
	}
}

func TestFieldSeesEveryName(t *testing.T) {
	in := inspector(t, Config{MaxFiles: 5})
	var seen []string
	form, err := in.Read(request(
		part{"user[$ne]", "", "", "1"}, part{"file[$gt]", "a.png", "image/png", pngOf(picture(1, 1))},
		part{"meta", "", "application/json", "{}"}, part{"text", "", "text/plain", "é"},
	), ReadOptions{
		Field: func(name, _, value string) error { seen = append(seen, name+"="+value); return nil },
		Judge: func(*problem.Error) error { return nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	defer form.Close()
	if got := strings.Join(seen, " "); got != "user[$ne]=1 file[$gt]= meta={} text=é" {
		t.Errorf("got %q", got)
	}
	if v, err := form.Value("meta"); v != "{}" || err != nil {
		t.Errorf("Value: got %q, %v", v, err)
	}
	if v, err := form.Value("none"); v != "" || err != nil {
		t.Errorf("Value of nothing: got %q, %v", v, err)
	}

	refuse := problem.Refuse(rule.RequestForm, "")
	for _, p := range []part{{"a", "", "", "1"}, {"a", "a.png", "image/png", "x"}} {
		_, err := in.Read(request(p), ReadOptions{Field: func(string, string, string) error { return refuse }})
		if err != refuse {
			t.Errorf("got %v; want Field's own error", err)
		}
	}
}

func TestNothingChosenIsNoFile(t *testing.T) {
	body := "--B\r\nContent-Disposition: form-data; name=\"f\"; filename=\"\"\r\nContent-Type: application/octet-stream\r\n\r\n\r\n--B--\r\n"
	in := inspector(t, Config{})
	form, err := in.Read(raw(strings.NewReader(body), -1), ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer form.Close()
	if len(form.Files) != 0 || len(form.Fields) != 0 {
		t.Errorf("got %d files, %d fields; want none", len(form.Files), len(form.Fields))
	}
	got, _ := io.ReadAll(form.Body())
	if want := strings.ReplaceAll(body, "--B", "--"+form.boundary); string(got) != want {
		t.Errorf("body %q; want %q", got, want)
	}
}

func TestEmptyInputsAreBounded(t *testing.T) {
	one := "--B\r\nContent-Disposition: form-data; name=\"f\"; filename=\"\"\r\n\r\n\r\n"
	in := inspector(t, Config{})
	for _, tt := range []struct {
		inputs int
		want   rule.ID
	}{{201, ""}, {202, rule.RequestTooLarge}} {
		form, err := in.Read(raw(strings.NewReader(strings.Repeat(one, tt.inputs)+"--B--"), -1), ReadOptions{})
		if got := ruleOf(err); got != tt.want {
			t.Errorf("%d empty inputs: got %q; want %q", tt.inputs, got, tt.want)
		}
		form.Close()
	}
}

func raw(body io.Reader, length int64) *http.Request {
	r := httptest.NewRequest("POST", "/", body)
	r.Header.Set("Content-Type", "multipart/form-data; boundary=B")
	r.ContentLength = length
	return r
}

const rawHead = "--B\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a.png\"\r\nContent-Type: image/png\r\n\r\n"

// endless gives bytes for ever, or n of them.
type endless struct{ n, given int64 }

func (e *endless) Read(b []byte) (int, error) {
	if e.n > 0 && e.given >= e.n {
		return 0, io.EOF
	}
	clear(b)
	e.given += int64(len(b))
	return len(b), nil
}

func TestHugeBodyIsRefusedAtItsLimit(t *testing.T) {
	for _, tt := range []struct {
		name string
		cfg  Config
		most int64
	}{
		{"file", Config{}, 5<<20 + 64<<10},
		{"whole", Config{MaxFiles: 10, MaxBytes: 5 << 20}, 5<<20 + 64<<10},
	} {
		t.Run(tt.name, func(t *testing.T) {
			in := inspector(t, tt.cfg)
			in.budget = spool.NewBudget(t.TempDir(), 1<<20, 64<<20)
			body := &endless{n: 10 << 30}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := in.Read(raw(io.MultiReader(strings.NewReader(rawHead), body), -1), ReadOptions{})
			runtime.ReadMemStats(&after)
			if got := ruleOf(err); got != rule.UploadTooLarge {
				t.Errorf("got %q, %v", got, err)
			}
			if body.given > tt.most {
				t.Errorf("read %d bytes of a body of 10 GB; want at most %d", body.given, tt.most)
			}
			if grown := after.TotalAlloc - before.TotalAlloc; grown > 2<<20 {
				t.Errorf("allocated %d bytes", grown)
			}
		})
	}
}

func TestContentLengthIsRefusedUnread(t *testing.T) {
	in := inspector(t, Config{})
	body := &endless{}
	_, err := in.Read(raw(body, 1<<30), ReadOptions{})
	if ruleOf(err) != rule.UploadTooLarge || body.given != 0 {
		t.Errorf("got %v after %d bytes; want %s after none", err, body.given, rule.UploadTooLarge)
	}
}

// Even where everything is only reported, a form has an end.
func TestReportModeHasAnEnd(t *testing.T) {
	in := inspector(t, Config{})
	in.budget = spool.NewBudget(t.TempDir(), 1<<20, 16<<20)
	pass := ReadOptions{Judge: func(*problem.Error) error { return nil }}
	_, err := in.Read(raw(io.MultiReader(strings.NewReader(rawHead), &endless{}), -1), pass)
	e := problem.As(err)
	if e.Rule != rule.RequestBusy || e.Retry == 0 || !errors.Is(err, spool.ErrFull) {
		t.Errorf("got %v; want %s with a time to try again", err, rule.RequestBusy)
	}
	if memory, disk := in.budget.Used(); memory != 0 || disk != 0 {
		t.Errorf("%d bytes of memory and %d of disk are still held", memory, disk)
	}
}

// paced is a body that takes its time, by the test's own clock.
type paced struct {
	from  io.Reader
	clock *time.Time
	chunk int
	each  time.Duration
}

func (p *paced) Read(b []byte) (int, error) {
	*p.clock = p.clock.Add(p.each)
	return p.from.Read(b[:min(len(b), p.chunk)])
}

func TestSlowClients(t *testing.T) {
	body, contentType := encode(part{"f", "a.png", "image/png", pngOf(noisy(100, 80))}) // 32 KB
	for _, tt := range []struct {
		name  string
		cfg   Config
		chunk int
		each  time.Duration
		want  rule.ID
	}{
		{"fast", Config{}, 4096, time.Millisecond, ""},
		{"slow-but-steady", Config{}, 1000, 2 * time.Second, ""},
		{"too-slow", Config{}, 100, time.Second, rule.RequestAborted},
		{"slow-for-an-hour", Config{MinRate: 1}, 10, 2 * time.Second, ""},
		{"a-faster-route", Config{MinRate: 10_000}, 1000, 2 * time.Second, rule.RequestAborted},
		{"idle", Config{}, 16 << 10, 31 * time.Second, rule.RequestAborted},
		{"idle-no-longer-than-it-may", Config{Idle: time.Minute, MinRate: 1}, 16 << 10, 31 * time.Second, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			in := inspector(t, tt.cfg)
			clock := time.Unix(0, 0)
			in.now = func() time.Time { return clock }
			r := raw(&paced{bytes.NewReader(body), &clock, tt.chunk, tt.each}, -1)
			r.Header.Set("Content-Type", contentType)
			form, err := in.Read(r, ReadOptions{})
			form.Close()
			if got := ruleOf(err); got != tt.want || err != nil && problem.As(err).Code() != 408 {
				t.Errorf("got %q, %v; want %q with 408", got, err, tt.want)
			}
		})
	}
}

// A client that stops in the middle does not hold a handler for ever.
func TestHandlerGivesUpOnSilence(t *testing.T) {
	in := inspector(t, Config{Idle: 50 * time.Millisecond})
	server := httptest.NewServer(in.Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the handler ran") })))
	defer server.Close()
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	io.WriteString(conn, "POST / HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=B\r\nContent-Length: 10000\r\n\r\n"+rawHead)
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil || resp.StatusCode != 408 {
		t.Errorf("got %v, %v; want 408", resp, err)
	}
}

func TestHeadersOfTheRequest(t *testing.T) {
	in := inspector(t, Config{})
	tests := []struct {
		name   string
		change func(*http.Request)
		want   rule.ID
	}{
		{"fine", func(*http.Request) {}, ""},
		{"identity-coding", func(r *http.Request) { r.Header.Set("Content-Encoding", "identity") }, ""},
		{"gzip-coding", func(r *http.Request) { r.Header.Set("Content-Encoding", "gzip") }, rule.RequestCoding},
		{"two-types", func(r *http.Request) { r.Header.Add("Content-Type", "text/plain") }, rule.RequestContentType},
		{"no-type", func(r *http.Request) { r.Header.Del("Content-Type") }, rule.RequestContentType},
		{"mixed", func(r *http.Request) { r.Header.Set("Content-Type", "multipart/mixed; boundary=B") }, rule.RequestContentType},
		{"no-boundary", func(r *http.Request) { r.Header.Set("Content-Type", "multipart/form-data") }, rule.RequestMultipart},
		{"utf-16", func(r *http.Request) {
			r.Header.Set("Content-Type", r.Header.Get("Content-Type")+"; charset=utf-16")
		}, rule.RequestCharset},
		{"no-body", func(r *http.Request) { r.Body = nil }, rule.RequestMultipart},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := request(part{"a", "", "", "1"})
			tt.change(r)
			form, err := in.Read(r, ReadOptions{})
			form.Close()
			if got := ruleOf(err); got != tt.want {
				t.Errorf("got %q, %v; want %q", got, err, tt.want)
			}
		})
	}
}

func TestCutOffBodiesLeaveNothing(t *testing.T) {
	in := inspector(t, Config{})
	dir := t.TempDir()
	in.budget = spool.NewBudget(dir, 0, 64<<20) // everything goes to disk
	body, contentType := encode(part{"a", "", "", "1"}, part{"f", "a.png", "image/png", pngOf(picture(300, 200))})
	for cut := 0; cut < len(body)-2; cut += 1 + len(body)/150 {
		for _, aborted := range []bool{false, true} {
			var r io.Reader = bytes.NewReader(body[:cut])
			want := rule.RequestMultipartEnd
			if cut < strings.Index(string(body), "\r\n")+2 {
				want = rule.RequestMultipart
			}
			if aborted {
				r, want = io.MultiReader(r, iotest.ErrReader(io.ErrUnexpectedEOF)), rule.RequestAborted
			}
			request := raw(r, -1)
			request.Header.Set("Content-Type", contentType)
			if _, err := in.Read(request, ReadOptions{}); ruleOf(err) != want {
				t.Fatalf("cut at %d: got %v; want %s", cut, err, want)
			}
		}
	}
	entries, _ := os.ReadDir(dir)
	if memory, disk := in.budget.Used(); memory != 0 || disk != 0 || len(entries) > 0 {
		t.Errorf("%d bytes of memory, %d of disk and files %v are left", memory, disk, entries)
	}
}

func TestManyAtOnce(t *testing.T) {
	in := inspector(t, Config{})
	dir := t.TempDir()
	in.budget = spool.NewBudget(dir, 1<<20, 1<<30)
	png := pngOf(picture(700, 500)) // larger than a spool's share of memory
	var group sync.WaitGroup
	for i := range 32 {
		group.Go(func() {
			form, err := in.Read(request(part{"n", "", "", fmt.Sprint(i)}, part{"f", "a.png", "image/png", png}), ReadOptions{})
			if err != nil {
				t.Error(err)
				return
			}
			defer form.Close()
			got, err := io.ReadAll(form.Files[0].Open())
			if n, _ := form.Value("n"); err != nil || string(got) != png || n != fmt.Sprint(i) {
				t.Errorf("form %d is another's: %q, %v", i, n, err)
			}
		})
	}
	group.Wait()
	entries, _ := os.ReadDir(dir)
	if memory, disk := in.budget.Used(); memory != 0 || disk != 0 || len(entries) > 0 {
		t.Errorf("%d bytes of memory, %d of disk and files %v are left", memory, disk, entries)
	}
}

func TestRewrittenFormIsReadAlikeByGo(t *testing.T) {
	in := inspector(t, Config{MaxFiles: 3})
	png := pngOf(picture(30, 20))
	form, err := in.Read(request(
		part{"größe", "", "text/plain", "a\r\nb"},
		part{"f", `ein "Bild".png`, "image/png", png},
		part{"g", "b.pdf", "application/pdf", pdf("1.4", "")},
	), ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer form.Close()
	again := httptest.NewRequest("POST", "/", nil)
	form.Replace(again)
	if again.ContentLength != form.Size() {
		t.Errorf("Content-Length %d; want %d", again.ContentLength, form.Size())
	}
	mf, err := again.MultipartReader()
	if err != nil {
		t.Fatal(err)
	}
	got, err := mf.ReadForm(1 << 20)
	if err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(got.Value) != "map[größe:[a\r\nb]]" || len(got.File) != 2 {
		t.Errorf("got %v, %v", got.Value, got.File)
	}
	check := func(f *multipart.FileHeader, name, typ, want string) {
		in, _ := f.Open()
		content, _ := io.ReadAll(in)
		if f.Filename != name || f.Header.Get("Content-Type") != typ || string(content) != want {
			t.Errorf("got %q, %q", f.Filename, f.Header)
		}
	}
	check(got.File["f"][0], "ein %22Bild%22.png", "image/png", png)
	check(got.File["g"][0], "b.pdf", "application/pdf", pdf("1.4", ""))
}

func TestRefusalNamesTheFieldAndNotTheValue(t *testing.T) {
	in := inspector(t, Config{})
	_, err := in.Read(request(part{"a/b~c", "secret.php", "image/png", "x"}), ReadOptions{})
	e := problem.As(err)
	if e.Code() != http.StatusUnsupportedMediaType || len(e.Fields) != 1 || e.Fields[0].Pointer != "/a~1b~0c" || strings.Contains(e.Fields[0].Detail, "secret") {
		t.Errorf("got %+v", e)
	}
}

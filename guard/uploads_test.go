// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"io"
	"math/rand/v2"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/panoply-security/panoply/internal/spool"
	"github.com/panoply-security/panoply/upload"
)

var _ streamed = (*upload.Stream)(nil)

const (
	streamPolicy = `
uploads:
  - {match: "POST /stream", delivery: stream, max_files: 3, max_file_bytes: 30MB, types: [image/jpeg]}
  - {match: "POST /auto", max_files: 3, max_file_bytes: 30MB, types: [image/jpeg]}
  - {match: "POST /spool", delivery: spool, max_files: 3, max_file_bytes: 30MB, types: [image/jpeg]}
`
	script = "<script>alert(1)</script>"
)

// jpegSized is a JPEG of about so many bytes.
func jpegSized(t *testing.T, n int) []byte {
	t.Helper()
	m := image.NewGray(image.Rect(0, 0, 8, 8))
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, nil); err != nil {
		t.Fatal(err)
	}
	noise := make([]byte, max(n-b.Len(), 0))
	rand.NewChaCha8([32]byte{}).Read(noise)
	for i, c := range noise {
		if c == 0xff {
			noise[i] = 0xfe
		}
	}
	j := b.Bytes()
	return append(append(bytes.Clone(j[:len(j)-2]), noise...), 0xff, 0xd9)
}

type formPart struct {
	field, file, typ string
	content          []byte
}

func formOf(parts ...formPart) (body []byte, contentType string) {
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for _, p := range parts {
		if p.file == "" {
			w.WriteField(p.field, string(p.content))
			continue
		}
		out, _ := w.CreatePart(textproto.MIMEHeader{
			"Content-Disposition": {fmt.Sprintf(`form-data; name="%s"; filename="%s"`, p.field, p.file)}, "Content-Type": {p.typ}})
		out.Write(p.content)
	}
	w.Close()
	return b.Bytes(), w.FormDataContentType()
}

// formApp reads forms as they come, and notes what it saw of each.
type formApp struct {
	mu    sync.Mutex
	seen  []string // of the latest request
	whole bool
	done  chan struct{}
}

func (a *formApp) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		return
	}
	var seen []string
	whole := false
	if m, err := r.MultipartReader(); err == nil {
		for {
			p, err := m.NextPart()
			if err == io.EOF {
				whole = true
				break
			}
			if err != nil {
				break
			}
			sum := sha256.New()
			n, err := io.Copy(sum, p)
			seen = append(seen, fmt.Sprintf("%s %s %d %s", p.FormName(), p.FileName(), n, hex.EncodeToString(sum.Sum(nil)[:8])))
			if err != nil {
				break
			}
		}
	}
	a.mu.Lock()
	a.seen, a.whole = seen, whole
	a.mu.Unlock()
	if whole {
		w.WriteHeader(http.StatusCreated)
	}
	a.done <- struct{}{}
}

func (a *formApp) wait(t *testing.T) (seen []string, whole bool) {
	t.Helper()
	select {
	case <-a.done:
	case <-time.After(patience):
		t.Fatal("the app saw no form")
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.seen, a.whole
}

func line(p formPart) string {
	sum := sha256.Sum256(p.content)
	return fmt.Sprintf("%s %s %d %s", p.field, p.file, len(p.content), hex.EncodeToString(sum[:8]))
}

// A form that is too large to be held goes on while it is judged. What is found
// late breaks the form off for the app, and is what the client is told.
func TestStreamedUploads(t *testing.T) {
	small, large := jpegSized(t, 200<<10), jpegSized(t, 12<<20)
	note := formPart{"note", "", "", []byte("hello")}
	file := func(content []byte) formPart { return formPart{"file", "a.jpg", "image/jpeg", content} }
	for _, test := range []struct {
		name, path string
		parts      []formPart
		status     int
		rule       string
		reached    bool // the app sees a form, whole or broken off
	}{
		{"stream", "/stream", []formPart{note, file(small), note, file(large)}, 201, "", true},
		{"auto-small", "/auto", []formPart{note, file(small)}, 201, "", true},
		{"auto-large", "/auto", []formPart{file(large), note}, 201, "", true},
		{"spool-large", "/spool", []formPart{file(large), note}, 201, "", true},
		{"stream-script-behind", "/stream", []formPart{file(append(bytes.Clone(small), script...))}, 415, "upload/polyglot", true},
		{"auto-script-behind", "/auto", []formPart{file(append(bytes.Clone(small), script...))}, 415, "upload/polyglot", false},
		{"auto-large-script-behind", "/auto", []formPart{file(append(bytes.Clone(large), script...))}, 415, "upload/polyglot", true},
		{"spool-large-script-behind", "/spool", []formPart{file(append(bytes.Clone(large), script...))}, 415, "upload/polyglot", false},
		{"stream-script-ahead", "/stream", []formPart{file(append([]byte(script), small...))}, 415, "upload/dangerous", false},
		{"stream-cut-picture", "/stream", []formPart{file(small[:len(small)-2])}, 415, "upload/mismatch", true},
		{"stream-late-operator", "/stream", []formPart{file(small), {"user[$ne]", "", "", []byte("1")}}, 400, "nosql/operator", true},
		{"stream-late-method", "/stream", []formPart{file(small), {"_method", "", "", []byte("DELETE")}}, 405, "request/method", true},
		{"stream-late-type", "/stream", []formPart{file(small), {"f", "a.gif", "image/gif", []byte("GIF89a")}}, 415, "upload/mismatch", true},
		{"stream-too-many", "/stream", []formPart{file(small), file(small), file(small), file(small)}, 400, "upload/too-many", true},
		{"stream-too-large", "/stream", []formPart{file(jpegSized(t, 30<<20+1))}, 413, "upload/too-large", true},
	} {
		for _, framing := range []string{"content-length", "chunked"} {
			t.Run(test.name+"/"+framing, func(t *testing.T) {
				app := &formApp{done: make(chan struct{}, 10)}
				g := start(t, app.ServeHTTP, options{policy: streamPolicy})
				body, contentType := formOf(test.parts...)
				var from io.Reader = bytes.NewReader(body)
				if framing == "chunked" {
					from = io.MultiReader(from)
				}
				req, err := http.NewRequest("POST", g.url+test.path, from)
				if err != nil {
					t.Fatal(err)
				}
				req.Header.Set("Content-Type", contentType)
				resp, err := g.client.Do(req)
				if err != nil {
					t.Fatal(err)
				}
				defer resp.Body.Close()
				answer, _ := io.ReadAll(resp.Body)
				if resp.StatusCode != test.status || !strings.Contains(string(answer), test.rule) {
					t.Errorf("got %d %s; want %d %s", resp.StatusCode, answer, test.status, test.rule)
				}
				if !test.reached {
					if len(app.done) > 0 {
						t.Error("the app saw the form")
					}
					return
				}
				seen, whole := app.wait(t)
				if whole != (test.status == 201) {
					t.Errorf("the app read the form as whole: %v", whole)
				}
				if !whole {
					return
				}
				var want []string
				for _, p := range test.parts {
					want = append(want, line(p))
				}
				if strings.Join(seen, "\n") != strings.Join(want, "\n") {
					t.Errorf("the app saw\n%q; want\n%q", seen, want)
				}
			})
		}
	}
	expectSpoolsEmpty(t)
}

// expectSpoolsEmpty waits until nothing is held any more.
func expectSpoolsEmpty(t *testing.T) {
	t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		memory, disk := spool.Shared.Used()
		if memory == 0 && disk == 0 {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("spools still hold %d bytes of memory and %d of disk", memory, disk)
		}
	}
}

// Whichever side goes away in the middle, nothing is kept and nobody hangs.
func TestStreamedUploadsThatBreakOff(t *testing.T) {
	large := jpegSized(t, 2<<20)
	body, contentType := formOf(formPart{"file", "a.jpg", "image/jpeg", large})
	t.Run("client", func(t *testing.T) {
		app := &formApp{done: make(chan struct{}, 10)}
		g := start(t, app.ServeHTTP, options{policy: streamPolicy})
		for _, cut := range []int{100, 10_000, len(body) / 2, len(body) - 10} {
			from, to := io.Pipe()
			req, _ := http.NewRequest("POST", g.url+"/stream", from)
			req.Header.Set("Content-Type", contentType)
			go func() {
				to.Write(body[:cut])
				to.CloseWithError(errors.New("gone"))
			}()
			if resp, err := g.client.Do(req); err == nil {
				resp.Body.Close()
				t.Fatalf("cut at %d: got %d", cut, resp.StatusCode)
			}
			if cut > 10_000 {
				if _, whole := app.wait(t); whole {
					t.Errorf("cut at %d: the app read a whole form", cut)
				}
			}
		}
	})
	t.Run("app", func(t *testing.T) {
		app := func(_ http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPost {
				io.CopyN(io.Discard, r.Body, 100_000)
				panic(http.ErrAbortHandler)
			}
		}
		g := start(t, app, options{policy: streamPolicy})
		for range 5 {
			resp := send(t, g, "/stream", contentType, bytes.NewReader(body))
			if resp.StatusCode != http.StatusBadGateway {
				t.Errorf("got %d; want 502", resp.StatusCode)
			}
		}
	})
	t.Run("app-answers-early", func(t *testing.T) {
		g := start(t, nil, options{policy: streamPolicy, upstream: headerOnlyApp(t)})
		from, to := io.Pipe()
		go to.Write(body[:200_000])
		req, _ := http.NewRequest("POST", g.url+"/stream", from)
		req.Header.Set("Content-Type", contentType)
		resp, err := g.client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		to.Close()
		if resp.StatusCode != http.StatusUnauthorized {
			t.Errorf("got %d; want the app's 401", resp.StatusCode)
		}
	})
	expectSpoolsEmpty(t)
}

func send(t *testing.T, g *running, path, contentType string, body io.Reader) *http.Response {
	t.Helper()
	req, err := http.NewRequest("POST", g.url+path, body)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", contentType)
	resp, err := g.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	return resp
}

// counted is a body that tells how much of it was taken.
type counted struct {
	io.Reader
	n atomic.Int64
}

func (c *counted) Read(b []byte) (int, error) {
	n, err := c.Reader.Read(b)
	c.n.Add(int64(n))
	return n, err
}

// A client that asks first sends nothing of what is refused by its length, and is
// asked to go on with what streams.
func TestStreamedUploadsThatAskFirst(t *testing.T) {
	app := &formApp{done: make(chan struct{}, 10)}
	g := start(t, app.ServeHTTP, options{policy: streamPolicy})
	body, contentType := formOf(formPart{"file", "a.jpg", "image/jpeg", jpegSized(t, 300<<10)})
	for _, test := range []struct {
		name   string
		length int64
		status int
		sent   int64
	}{
		{"fits", int64(len(body)), 201, int64(len(body))},
		{"too-large", 10 << 30, 413, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			from := &counted{Reader: bytes.NewReader(body)}
			req, err := http.NewRequest("POST", g.url+"/stream", from)
			if err != nil {
				t.Fatal(err)
			}
			req.ContentLength = test.length
			req.Header.Set("Content-Type", contentType)
			req.Header.Set("Expect", "100-continue")
			resp, err := g.client.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			if got := from.n.Load(); resp.StatusCode != test.status || got != test.sent {
				t.Errorf("got %d after %d bytes; want %d after %d", resp.StatusCode, got, test.status, test.sent)
			}
		})
	}
}

// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package respond

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// raw runs a handler behind the wrapper and gives the answer as it came over the
// wire.
func raw(t *testing.T, h *watch, head string, handler func(*Writer)) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		var out Writer
		out.Reset(w, h)
		handler(&out)
		out.Finish()
	}))
	defer server.Close()
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	io.WriteString(conn, head+"\r\nHost: x\r\nConnection: close\r\n\r\n")
	all, err := io.ReadAll(conn)
	if err != nil {
		t.Fatal(err)
	}
	return string(all)
}

// What a handler changes in the header of a held answer has no more effect than
// it has in net/http: the hook has settled it.
func TestHeldHeadersStaySettled(t *testing.T) {
	late := func(out *Writer) {
		out.Header().Set("X-Kept", "first")
		out.Header().Set("X-Powered-By", "Express")
		out.WriteHeader(400)
		out.Header().Set("X-Kept", "second")
		out.Header().Set("X-Powered-By", "Express")
		out.Header().Set("Set-Cookie", "late=1")
		out.Header().Del("X-Hardened")
		io.WriteString(out, "hello")
	}
	for name, hold := range map[string]int{"whole": 64, "longer": 2} {
		t.Run(name, func(t *testing.T) {
			got := raw(t, &watch{plan: Plan{Hold: hold}}, "GET / HTTP/1.1", late)
			if !strings.Contains(got, "X-Kept: first\r\n") || !strings.Contains(got, "X-Hardened: yes\r\n") ||
				strings.Contains(got, "Express") || strings.Contains(got, "late=1") || !strings.HasSuffix(got, "hello") && hold == 64 {
				t.Errorf("got %q", got)
			}
		})
	}
}

func TestHeldAnswersKeepTheirTrailers(t *testing.T) {
	got := raw(t, &watch{plan: Plan{Hold: 64}}, "GET / HTTP/1.1", func(out *Writer) {
		out.Header().Set("Trailer", "X-Sum, X-Other")
		out.WriteHeader(400)
		io.WriteString(out, "hello")
		out.Header().Set("X-Sum", "17")
		out.Header().Set(http.TrailerPrefix+"X-Late", "18")
		out.Header().Set("X-Not-One", "19")
	})
	if !strings.Contains(got, "X-Sum: 17\r\n") || !strings.Contains(got, "X-Late: 18\r\n") || strings.Contains(got, "X-Not-One") {
		t.Errorf("got %q", got)
	}
}

func TestReplacedAnswersHaveNoTrailers(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		var out Writer
		out.Reset(w, &watch{plan: Plan{Replace: true, Status: 500, Body: []byte("sorry")}})
		out.WriteHeader(500)
		out.Header().Set(http.TrailerPrefix+"X-Stack", "at /app/index.js:1:2")
		out.Finish()
	}))
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	resp, err := server.Client().Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.ProtoMajor != 2 || string(body) != "sorry" || len(resp.Trailer) != 0 {
		t.Errorf("got %s %q, trailers %v, %v", resp.Proto, body, resp.Trailer, err)
	}
}

// A hint to load early must not carry what the hook would have taken out.
func TestInformationalAnswersCarryLinksAlone(t *testing.T) {
	got := raw(t, &watch{}, "GET / HTTP/1.1", func(out *Writer) {
		out.Header().Set("Link", "</a.css>; rel=preload")
		out.Header().Set("X-Powered-By", "Express")
		out.Header().Set("X-Kept", "1")
		out.WriteHeader(http.StatusEarlyHints)
		out.WriteHeader(http.StatusProcessing)
		out.WriteHeader(http.StatusOK)
	})
	early, final, _ := strings.Cut(got, "HTTP/1.1 200")
	if strings.Count(early, "HTTP/1.1 10") != 2 || strings.Count(early, "Link: ") != 2 || strings.Contains(early, "X-") {
		t.Errorf("informational: %q", early)
	}
	if !strings.Contains(final, "X-Kept: 1") || !strings.Contains(final, "X-Hardened: yes") || strings.Contains(final, "Express") {
		t.Errorf("final: %q", final)
	}
}

// Where the connection cannot be taken over, the answer is still to come, and
// the hook is asked about that one alone.
func TestHijackThatFailsSettlesNothing(t *testing.T) {
	h := &watch{}
	rec := httptest.NewRecorder()
	var out Writer
	out.Reset(rec, h)
	if _, _, err := out.Hijack(); !errors.Is(err, http.ErrNotSupported) || h.asked != 0 || out.Committed() {
		t.Errorf("got %v, asked %d times", err, h.asked)
	}
	out.WriteHeader(501)
	out.Finish()
	if rec.Code != 501 || h.asked != 1 || h.status != 501 {
		t.Errorf("got %d, asked %d times about %d; want 501 once", rec.Code, h.asked, h.status)
	}
}

// A status that HTTP does not have panics before anything is settled, so that
// a 500 can be answered.
func TestImpossibleStatuses(t *testing.T) {
	for _, status := range []int{-1, 0, 42, 1000} {
		h := &watch{}
		var out Writer
		out.Reset(httptest.NewRecorder(), h)
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%d: no panic", status)
				}
			}()
			out.WriteHeader(status)
		}()
		if h.asked != 0 || !out.Discard() {
			t.Errorf("%d: the answer is settled", status)
		}
	}
}

// fileWriter is a writer as net/http's: it takes whole readers, for sendfile.
type fileWriter struct {
	*httptest.ResponseRecorder
	from io.Reader
}

func (w *fileWriter) ReadFrom(r io.Reader) (int64, error) {
	w.from = r
	return io.Copy(w.ResponseRecorder, r)
}

func TestFilesKeepTheFastPath(t *testing.T) {
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, []byte("content"), 0o600); err != nil {
		t.Fatal(err)
	}
	for hold, fast := range map[int]bool{0: true, 64: false} {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		below := &fileWriter{ResponseRecorder: httptest.NewRecorder()}
		h := &watch{plan: Plan{Hold: hold}}
		var out Writer
		out.Reset(below, h)
		n, err := out.ReadFrom(f) // as io.Copy and http.ServeContent do
		out.Finish()
		f.Close()
		if n != 7 || err != nil || below.Body.String() != "content" || (below.from == f) != fast || h.asked != 1 {
			t.Errorf("hold %d: %d, %v, %q, the file itself is handed on: %v; want %v", hold, n, err, below.Body, below.from == f, fast)
		}
	}
}

func TestHeadOfAReplacedAnswer(t *testing.T) {
	got := raw(t, &watch{plan: Plan{Replace: true, Status: 500, Body: []byte("sorry")}}, "HEAD / HTTP/1.1", func(out *Writer) {
		out.Header().Set("Content-Length", "5")
		out.WriteHeader(503)
		io.WriteString(out, "a longer text than that")
	})
	if !strings.HasPrefix(got, "HTTP/1.1 500 ") || !strings.Contains(got, "Content-Length: 5\r\n") || !strings.HasSuffix(got, "\r\n\r\n") {
		t.Errorf("got %q", got)
	}
}

func TestReplacedTellsApart(t *testing.T) {
	for name, tt := range map[string]struct {
		plan     Plan
		replaced bool
	}{
		"passing": {Plan{}, false}, "held": {Plan{Hold: 9}, false}, "replaced": {Plan{Replace: true, Status: 500}, true},
	} {
		var out Writer
		out.Reset(httptest.NewRecorder(), &watch{plan: tt.plan})
		if out.Replaced() {
			t.Errorf("%s: replaced before there is an answer", name)
		}
		out.WriteHeader(500)
		if out.Replaced() != tt.replaced {
			t.Errorf("%s: got %v", name, out.Replaced())
		}
	}
}

// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package upload

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/panoply-security/panoply/problem"
	"github.com/panoply-security/panoply/rule"
)

func openDir(t *testing.T) (*Dir, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "uploads")
	d, err := OpenDir(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	return d, path
}

func names(t *testing.T, path string) (all []string) {
	t.Helper()
	entries, err := os.ReadDir(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return all
}

func TestReceive(t *testing.T) {
	d, path := openDir(t)
	png := pngOf(picture(300, 200))
	stored, err := Receive(request(part{"a", "", "", "1"}, part{"f", "../my photo.png"[3:], "image/png", png}), d)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte(png))
	got := stored[0]
	if len(stored) != 1 || got.Title != "my photo.png" || got.Type != "image/png" || got.Size != int64(len(png)) || got.SHA256 != hex.EncodeToString(sum[:]) {
		t.Errorf("got %+v", stored)
	}
	if !storedName(got.Name) || !strings.HasSuffix(got.Name, ".png") {
		t.Errorf("name %q; want a random one with the type's extension", got.Name)
	}
	content, err := os.ReadFile(filepath.Join(path, got.Name))
	if err != nil || string(content) != png {
		t.Errorf("the stored file differs: %v", err)
	}
	info, _ := os.Stat(filepath.Join(path, got.Name))
	if info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v; want 0600", info.Mode())
	}
	if all := names(t, path); len(all) != 1 {
		t.Errorf("the directory holds %v", all)
	}
	again, err := Receive(request(part{"f", "my photo.png", "image/png", png}), d)
	if err != nil || again[0].Name == got.Name {
		t.Errorf("the same file again: %v, %v", again, err)
	}
}

func TestReceiveRefuses(t *testing.T) {
	d, path := openDir(t)
	_, err := Receive(request(part{"f", "a.png", "image/png", php}), d)
	if got := ruleOf(err); got != rule.UploadDangerous {
		t.Errorf("got %q", got)
	}
	if all := names(t, path); len(all) != 0 {
		t.Errorf("the directory holds %v", all)
	}
}

func TestReceiveFromContext(t *testing.T) {
	d, path := openDir(t)
	in := inspector(t, Config{MaxFiles: 2, Types: []string{"image/gif", "image/png"}})
	var stored []Stored
	in.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var err error
		if stored, err = Receive(r, d); err != nil {
			t.Error(err)
		}
	})).ServeHTTP(httptest.NewRecorder(), request(
		part{"f", "a.gif", "image/gif", gifOf(picture(2, 2))}, part{"g", "b.png", "image/png", pngOf(picture(2, 2))}))
	if len(stored) != 2 || len(names(t, path)) != 2 || !strings.HasSuffix(stored[0].Name, ".gif") {
		t.Errorf("got %+v; the directory holds %v", stored, names(t, path))
	}
}

// failingStore fails at its second file.
type failingStore struct {
	*Dir
	saved int
}

func (s *failingStore) Save(ctx context.Context, f *File) (Stored, error) {
	if s.saved++; s.saved == 2 {
		return Stored{}, errors.New("the bucket is full")
	}
	return s.Dir.Save(ctx, f)
}

func TestReceiveKeepsAllOrNothing(t *testing.T) {
	d, path := openDir(t)
	in := inspector(t, Config{MaxFiles: 2})
	png := part{"f", "a.png", "image/png", pngOf(picture(2, 2))}
	form, err := in.Read(request(png, png), ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer form.Close()
	r := request()
	_, err = Receive(r.WithContext(With(r.Context(), form)), &failingStore{Dir: d})
	if err == nil || !strings.Contains(err.Error(), "the bucket is full") {
		t.Errorf("got %v", err)
	}
	if all := names(t, path); len(all) != 0 {
		t.Errorf("the directory holds %v", all)
	}
}

// allowance is a Quota of bytes for everybody together.
type allowance struct{ left int64 }

func (a *allowance) Take(_ context.Context, bytes int64) error {
	if bytes > a.left {
		return fmt.Errorf("%d bytes left: %w", a.left, ErrQuota)
	}
	a.left -= bytes
	return nil
}

func (a *allowance) Give(_ context.Context, bytes int64) { a.left += bytes }

func TestQuota(t *testing.T) {
	d, path := openDir(t)
	png := part{"f", "a.png", "image/png", pngOf(picture(2, 2))}
	size := int64(len(png.content))
	quota := &allowance{2*size + 1}
	for range 2 {
		if _, err := ReceiveWithin(request(png), d, quota); err != nil {
			t.Fatal(err)
		}
	}
	_, err := ReceiveWithin(request(png), d, quota)
	if e := problem.As(err); e.Rule != rule.UploadQuota || e.Code() != 413 || quota.left != 1 || len(names(t, path)) != 2 {
		t.Errorf("got %v, %d bytes left, %d files; want %s, 1 and 2", err, quota.left, len(names(t, path)), rule.UploadQuota)
	}
	quota.left = 5 * size
	in := inspector(t, Config{MaxFiles: 2})
	form, err := in.Read(request(png, png), ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer form.Close()
	r := request()
	if _, err := ReceiveWithin(r.WithContext(With(r.Context(), form)), &failingStore{Dir: d}, quota); err == nil || quota.left != 5*size {
		t.Errorf("got %v, %d bytes left; want all of them back", err, quota.left)
	}
	// What a store cannot remove again stays counted.
	r = request()
	if _, err := ReceiveWithin(r.WithContext(With(r.Context(), form)), keepingStore{&failingStore{Dir: d}}, quota); err == nil || quota.left != 4*size {
		t.Errorf("got %v, %d bytes left; want one file counted", err, quota.left)
	}
}

// keepingStore removes nothing.
type keepingStore struct{ s *failingStore }

func (k keepingStore) Save(ctx context.Context, f *File) (Stored, error) { return k.s.Save(ctx, f) }

func TestDirLeavesNothingHalfWritten(t *testing.T) {
	d, path := openDir(t)
	in := inspector(t, Config{})
	form, err := in.Read(request(part{"f", "a.png", "image/png", pngOf(picture(2, 2))}), ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := d.Save(ctx, form.Files[0]); !errors.Is(err, context.Canceled) {
		t.Errorf("with a request given up: %v", err)
	}
	form.Close()
	if _, err := d.Save(context.Background(), form.Files[0]); !errors.Is(err, os.ErrClosed) {
		t.Errorf("with a closed form: %v", err)
	}
	if all := names(t, path); len(all) != 0 {
		t.Errorf("the directory holds %v", all)
	}
}

func TestDirNeverOverwrites(t *testing.T) {
	d, path := openDir(t)
	os.WriteFile(filepath.Join(path, "old"), []byte("1"), 0o600)
	os.WriteFile(filepath.Join(path, "new"), []byte("2"), 0o600)
	if err := d.publish("new", "old"); !errors.Is(err, fs.ErrExist) {
		t.Errorf("got %v; want ErrExist", err)
	}
	if b, _ := os.ReadFile(filepath.Join(path, "old")); string(b) != "1" {
		t.Error("the old file was overwritten")
	}
}

func TestOpenDirSweepsWhatCrashesLeft(t *testing.T) {
	path := t.TempDir()
	old := time.Now().Add(-2 * time.Hour)
	for _, name := range []string{".tmp-old", ".tmp-new", "kept"} {
		os.WriteFile(filepath.Join(path, name), nil, 0o600)
		if name != ".tmp-new" {
			os.Chtimes(filepath.Join(path, name), old, old)
		}
	}
	d, err := OpenDir(path)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if got := strings.Join(names(t, path), " "); got != ".tmp-new kept" {
		t.Errorf("the directory holds %q; want %q", got, ".tmp-new kept")
	}
	if _, err := OpenDir(filepath.Join(path, "kept")); err == nil {
		t.Error("a file opens as a directory")
	}
}

func TestDirRemove(t *testing.T) {
	d, path := openDir(t)
	stored, err := Receive(request(part{"f", "a.png", "image/png", pngOf(picture(2, 2))}), d)
	if err != nil {
		t.Fatal(err)
	}
	os.WriteFile(filepath.Join(path, "other"), nil, 0o600)
	for _, name := range []string{"other", "../x", "", "."} {
		if err := d.Remove(context.Background(), name); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("Remove(%q): %v", name, err)
		}
	}
	if err := d.Remove(context.Background(), stored[0].Name); err != nil {
		t.Error(err)
	}
	if got := strings.Join(names(t, path), " "); got != "other" {
		t.Errorf("the directory holds %q", got)
	}
}

func TestDirServesHarmlessly(t *testing.T) {
	d, path := openDir(t)
	in := inspector(t, Config{MaxFiles: 3, Types: []string{"image/png", "application/pdf", "text/plain"}, UnsafeTypes: []string{"text/html"}})
	save := func(name, typ, content string) string {
		t.Helper()
		form, err := in.Read(request(part{"f", name, typ, content}), ReadOptions{})
		if err != nil {
			t.Fatal(err)
		}
		defer form.Close()
		stored, err := d.Save(context.Background(), form.Files[0])
		if err != nil {
			t.Fatal(err)
		}
		return stored.Name
	}
	png := save("a.png", "image/png", pngOf(picture(2, 2)))
	document := save("a.pdf", "application/pdf", pdf("1.4", ""))
	text := save("a.txt", "text/plain", "hello")
	html := save("a.html", "text/html", page)
	secret := filepath.Join(filepath.Dir(path), "secret")
	os.WriteFile(secret, []byte("secret"), 0o600)
	link := strings.Repeat("0", 32) + ".png"
	os.Symlink(secret, filepath.Join(path, link))
	os.Mkdir(filepath.Join(path, strings.Repeat("1", 32)), 0o700)
	os.WriteFile(filepath.Join(path, "index.html"), []byte(page), 0o600)

	handler := http.StripPrefix("/uploads/", d.Handler())
	tests := []struct {
		name, method, path string
		code               int
		typ, disposition   string
	}{
		{"picture", "GET", png, 200, "image/png", "inline"},
		{"head", "HEAD", png, 200, "image/png", "inline"},
		{"document", "GET", document, 200, "application/pdf", "attachment"},
		{"text", "GET", text, 200, "text/plain; charset=utf-8", "attachment"},
		{"page", "GET", html, 200, "application/octet-stream", "attachment"},
		{"post", "POST", png, 405, "", ""},
		{"unknown", "GET", strings.Repeat("f", 32) + ".png", 404, "", ""},
		{"other-file", "GET", "index.html", 404, "", ""},
		{"listing", "GET", "", 404, "", ""},
		{"directory", "GET", strings.Repeat("1", 32), 404, "", ""},
		{"up", "GET", "../secret", 404, "", ""},
		{"escaped-up", "GET", "..%2fsecret", 404, "", ""},
		{"symbolic-link", "GET", link, 404, "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, httptest.NewRequest(tt.method, "/uploads/"+tt.path, nil))
			if w.Code != tt.code || strings.Contains(w.Body.String(), "secret") {
				t.Fatalf("status %d, %q; want %d", w.Code, w.Body, tt.code)
			}
			if tt.code != 200 {
				return
			}
			h := w.Header()
			if h.Get("Content-Type") != tt.typ || h.Get("Content-Disposition") != tt.disposition ||
				h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Content-Security-Policy") != "sandbox; default-src 'none'" {
				t.Errorf("got %v", h)
			}
			if (w.Body.Len() > 0) != (tt.method == "GET") {
				t.Errorf("%d bytes of body", w.Body.Len())
			}
		})
	}
}

// savingChild is set in a process that a test kills while it saves.
const savingChild = "PANOPLY_TEST_SAVES_TO"

// A process that is killed in the middle of a save leaves no file under a stored
// name that is not whole.
func TestKilledWhileSaving(t *testing.T) {
	content := pngOf(noisy(1000, 700))
	if path := os.Getenv(savingChild); path != "" {
		d, err := OpenDir(path)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Println("saving")
		for { // until it is killed
			if _, err := Receive(request(part{"f", "a.png", "image/png", content}), d); err != nil {
				t.Fatal(err)
			}
		}
	}
	path := t.TempDir()
	whole, killed := 0, 0
	for range 8 {
		cmd := exec.Command(os.Args[0], "-test.run", "^TestKilledWhileSaving$")
		cmd.Env = append(os.Environ(), savingChild+"="+path)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(30+20*killed) * time.Millisecond)
		cmd.Process.Kill()
		cmd.Wait()
		killed++
	}
	old := time.Now().Add(-2 * time.Hour)
	for _, name := range names(t, path) {
		file := filepath.Join(path, name)
		if strings.HasPrefix(name, tempPrefix) {
			os.Chtimes(file, old, old)
			continue
		}
		if got, err := os.ReadFile(file); err != nil || string(got) != content {
			t.Errorf("%s has %d bytes, %v; want %d", name, len(got), err, len(content))
		}
		whole++
	}
	if whole == 0 {
		t.Error("nothing was saved; the test proves nothing")
	}
	d, err := OpenDir(path) // later
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if left := len(names(t, path)); left != whole {
		t.Errorf("%d files; want the %d whole ones", left, whole)
	}
	t.Logf("killed %d times, %d whole files", killed, whole)
}

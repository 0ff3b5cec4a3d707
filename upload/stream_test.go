// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package upload

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/panoply-security/panoply/internal/spool"
	"github.com/panoply-security/panoply/problem"
	"github.com/panoply-security/panoply/rule"
)

// samples are contents of all kinds, ordinary and not.
func samples(t testing.TB) map[string]string {
	all := map[string]string{
		"gif": animatedGIF(), "gif-php": gifWith(php), "png-text": pngWith("tEXt", php), "png-zip": pngOf(picture(3, 2)) + zipOf("a", "b"),
		"png-far-zip": pngOf(picture(3, 2)) + strings.Repeat("x", 100_000) + zipOf("a", "b") + strings.Repeat("y", 60_000),
		"png-marks":   pngOf(picture(3, 2)) + strings.Repeat("PK\x05\x06", 100), "png-cut": pngOf(noisy(300, 200))[:5000],
		"jpeg-php": jpegOf(noisy(100, 100), 80) + strings.Repeat("x", 100_000) + php, "jpeg-zip": jpegWith(0xfe, zipOf("a", "b")),
		"jpeg-large": jpegOf(noisy(400, 300), 90), "webp-long": webpWith("ALPH", noise(200_000)), "pdf-long": pdf("1.4", noise(200_000)),
		"pdf-zip": pdf("1.4", "") + zipOf("a", "b"), "text": strings.Repeat("世界 and 𝄞 ", 20_000), "zip": zipOf("a", "b"), "nothing": "", "noise": noise(100_000),
	}
	for name, content := range map[string]string{"png": pngOf(noisy(30, 20)), "jpeg": jpegOf(noisy(30, 20), 80), "webp": webpWith("EXIF", "MM\x00*\x00\x00\x00\x08"),
		"gif": animatedGIF(), "pdf": pdf("1.4", "")} {
		for cut := range 40 { // somewhere in the last bytes, where a walk may skip
			all[fmt.Sprintf("%s-cut-%d", name, cut+1)] = content[:len(content)-cut-1]
		}
	}
	files, _ := filepath.Glob("testdata/ordinary/*.*")
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all[filepath.Base(file)] = string(content)
	}
	return all
}

// noisy is a picture that no encoder makes small.
func noisy(w, h int) image.Image {
	m := image.NewNRGBA(image.Rect(0, 0, w, h))
	copy(m.Pix, noise(len(m.Pix)))
	return m
}

// walkInChunks walks over content as it arrives.
func walkInChunks(k *kind, content string, size int) finding {
	w := newWalk(k)
	defer w.close()
	for rest := content; rest != ""; {
		n := min(size, len(rest))
		piece := []byte(rest[:n])
		w.take(piece)
		clear(piece) // somebody else's from now on
		rest = rest[n:]
	}
	return w.end()
}

// agree reports whether two walks say the same. Where one breaks off may differ;
// that it does must not.
func agree(got, want finding) bool {
	if want.fault != "" {
		return got.fault != ""
	}
	got.end, want.end = 0, 0
	return got == want
}

// A file that arrives piece by piece is judged as one that is there.
func TestWalksOfArrivingFilesFindTheSame(t *testing.T) {
	for name, content := range samples(t) {
		t.Run(name, func(t *testing.T) { expectTheSamePieceByPiece(t, content) })
	}
}

func expectTheSamePieceByPiece(t *testing.T, content string) {
	t.Helper()
	for i := range kinds {
		k := &kinds[i]
		if k.look == nil || k.whole {
			continue
		}
		v := newView(strings.NewReader(content), int64(len(content)))
		want := look(v, k)
		v.close()
		for _, size := range []int{1, 7, 21, 22, 1000, 32 << 10, 70_000, math.MaxInt32} {
			if size < 100 && len(content) > 10_000 {
				continue
			}
			if got := walkInChunks(k, content, size); !agree(got, want) {
				t.Errorf("as %s, %d at a time: got %+v; want %+v", k.mime, size, got, want)
			}
		}
	}
}

func TestStreamsSayWhatFormsSay(t *testing.T) {
	large := jpegOf(noisy(600, 500), 95)
	forms := map[string][]part{
		"fields-and-files": {{"a", "", "", "1"}, {"f", "a.jpg", "image/jpeg", large}, {"b", "", "", "2"}, {"g", "b.png", "image/png", pngOf(picture(3, 2))}, {"c", "", "", ""}},
		"small":            {{"a", "", "", "1"}, {"f", "a.png", "image/png", pngOf(picture(3, 2))}},
		"no-file":          {{"a", "", "", "1"}},
		"two-large":        {{"f", "a.jpg", "image/jpeg", large}, {"f", "b.jpg", "image/jpeg", large}},
		"late-php":         {{"a", "", "", "1"}, {"f", "a.jpg", "image/jpeg", large + php}, {"b", "", "", "2"}},
		"late-type":        {{"f", "a.jpg", "image/jpeg", large}, {"g", "b.zip", "application/zip", zipOf("a", strings.Repeat("x", 10_000))}},
		"late-name":        {{"f", "a.jpg", "image/jpeg", large}, {"g", "b.php", "image/png", pngOf(picture(3, 2))}},
		"late-count":       {{"f", "a.jpg", "image/jpeg", large}, {"g", "b.jpg", "image/jpeg", large}, {"h", "c.jpg", "image/jpeg", large}, {"i", "d.jpg", "image/jpeg", large}},
		"cut-off":          {{"f", "a.jpg", "image/jpeg", large[:len(large)-2]}},
		"wrong-claim":      {{"f", "a.png", "image/png", large}},
		"bomb":             {{"f", "a.png", "image/png", pngSized(60_000, 60_000)[:33] + pngChunk("IDAT", noise(100_000)) + pngChunk("IEND", "")}},
		"field-not-utf-8":  {{"f", "a.jpg", "image/jpeg", large}, {"a", "", "", "\xff"}},
		"too-large":        {{"f", "a.jpg", "image/jpeg", large[:len(large)-2] + strings.Repeat("\xfe\x00", 3<<20)}},
	}
	for name, parts := range forms {
		t.Run(name, func(t *testing.T) {
			cfg := Config{MaxFiles: 3, Types: []string{"image/jpeg", "image/png"}}
			whole := inspector(t, cfg)
			form, refused := whole.Read(request(parts...), ReadOptions{})
			var want []byte
			if refused == nil {
				want, _ = io.ReadAll(form.Body())
				want = bytes.ReplaceAll(want, []byte(form.boundary), []byte("B"))
				form.Close()
			}
			cfg.Delivery = Streamed
			for how, read := range map[string]func(*Stream) ([]byte, error){
				"read": func(s *Stream) ([]byte, error) { return io.ReadAll(struct{ io.Reader }{s}) },
				"write-to": func(s *Stream) ([]byte, error) {
					var b bytes.Buffer
					n, err := s.WriteTo(&b)
					if n != int64(b.Len()) {
						t.Errorf("wrote %d bytes, and says %d", b.Len(), n)
					}
					return b.Bytes(), err
				},
				"write-to-after-a-read": func(s *Stream) ([]byte, error) {
					var b bytes.Buffer
					if _, err := io.CopyN(&b, struct{ io.Reader }{s}, 1000); err != nil {
						return b.Bytes(), err
					}
					_, err := s.WriteTo(&b)
					return b.Bytes(), err
				},
			} {
				t.Run(how, func(t *testing.T) {
					in := inspector(t, cfg)
					finished := false
					form, stream, err := in.Forward(request(parts...), ReadOptions{Done: func() error { finished = true; return nil }})
					var got []byte
					switch {
					case form != nil:
						got, err = io.ReadAll(form.Body())
						got = bytes.ReplaceAll(got, []byte(form.boundary), []byte("B"))
						form.Close()
					case stream != nil:
						got, err = read(stream)
						got = bytes.ReplaceAll(got, []byte(stream.rd.form.boundary), []byte("B"))
						if finished != (err == nil) {
							t.Errorf("finished %v, though the reading ended with %v", finished, err)
						}
						stream.Close()
					}
					if got, want := ruleOf(err), ruleOf(refused); got != want {
						t.Fatalf("got %q; want %q", got, want)
					}
					if err == nil && !bytes.Equal(got, want) {
						t.Errorf("the streamed form differs: %d bytes; want %d", len(got), len(want))
					}
					if bytes.HasSuffix(got, []byte("--B--\r\n")) != (err == nil) {
						t.Errorf("the form's end is there, or not, and the reading ended with %v", err)
					}
					if memory, disk := in.budget.Used(); memory != 0 || disk != 0 {
						t.Errorf("%d bytes of memory and %d of disk are still held", memory, disk)
					}
				})
			}
		})
	}
}

// What goes on before a refusal is a file whose head was judged, never more.
func TestStreamsHoldHeadsBack(t *testing.T) {
	large := jpegOf(noisy(600, 500), 95)
	in := inspector(t, Config{Delivery: Streamed, MaxFiles: 2})
	_, stream, err := in.Forward(request(part{"f", "a.jpg", "image/jpeg", large}, part{"g", "b.jpg", "image/jpeg", page + large}), ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	got, err := io.ReadAll(stream)
	if ruleOf(err) != rule.UploadDangerous || bytes.Contains(got, []byte("b.jpg")) || bytes.Contains(got, []byte("<script")) {
		t.Errorf("got %v; nothing of the second file may go on", err)
	}
	if _, again := stream.Read(make([]byte, 1)); again != err {
		t.Errorf("reading on: got %v; want %v", again, err)
	}
	// A dangerous head is refused before anything goes on at all.
	if _, stream, err := in.Forward(request(part{"f", "a.jpg", "image/jpeg", page + large}), ReadOptions{}); stream != nil || ruleOf(err) != rule.UploadDangerous {
		t.Errorf("got %v", err)
	}
}

func TestFormsAreHeldUpToTenMegabytes(t *testing.T) {
	jpg := jpegOf(picture(16, 16), 80)
	sized := func(n int) part {
		return part{"f", "a.jpg", "image/jpeg", jpg[:len(jpg)-2] + strings.Repeat("\xfe\x00", (n-len(jpg))/2) + "\xff\xd9"}
	}
	for _, tt := range []struct {
		name     string
		delivery Delivery
		size     int
		streams  bool
	}{
		{"small", "", 1 << 20, false},
		{"nearly", "", 10<<20 - 4096, false},
		{"more", "", 10<<20 + 64<<10, true},
		{"spool", Spool, 12 << 20, false},
		{"stream", Streamed, 64 << 10, true},
		{"stream-smaller-than-a-head", Streamed, 1000, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			in := inspector(t, Config{Delivery: tt.delivery, MaxFileBytes: 20 << 20})
			in.budget = spool.NewBudget(t.TempDir(), 1<<20, 64<<20)
			form, stream, err := in.Forward(request(sized(tt.size)), ReadOptions{})
			if err != nil || (stream != nil) != tt.streams || (form != nil) == tt.streams {
				t.Fatalf("streams %v, %v", stream != nil, err)
			}
			form.Close()
			stream.Close()
			if memory, disk := in.budget.Used(); memory != 0 || disk != 0 {
				t.Errorf("%d bytes of memory and %d of disk are still held", memory, disk)
			}
		})
	}
}

func TestStreamsEndWhenTheyAreGivenUp(t *testing.T) {
	large := jpegOf(noisy(600, 500), 95)
	body, contentType := encode(part{"f", "a.jpg", "image/jpeg", large})
	t.Run("in-a-read", func(t *testing.T) {
		in := inspector(t, Config{Delivery: Streamed})
		client, late := io.Pipe()
		r := raw(client, -1)
		r.Header.Set("Content-Type", contentType)
		go late.Write(body[:100_000])
		_, stream, err := in.Forward(r, ReadOptions{})
		if err != nil {
			t.Fatal(err)
		}
		var reading sync.WaitGroup
		reading.Go(func() {
			if _, err := io.Copy(io.Discard, stream); !errors.Is(err, os.ErrClosed) && ruleOf(err) != rule.RequestAborted {
				t.Errorf("got %v", err)
			}
		})
		stream.Close()
		stream.Close()
		late.CloseWithError(io.ErrUnexpectedEOF) // as the server does
		reading.Wait()
		if memory, disk := in.budget.Used(); memory != 0 || disk != 0 {
			t.Errorf("%d bytes of memory and %d of disk are still held", memory, disk)
		}
	})
	t.Run("client-gone", func(t *testing.T) {
		in := inspector(t, Config{Delivery: Streamed})
		for cut := 50_000; cut < len(body); cut += 1 + len(body)/20 {
			r := raw(io.MultiReader(bytes.NewReader(body[:cut]), iotest.ErrReader(io.ErrUnexpectedEOF)), -1)
			r.Header.Set("Content-Type", contentType)
			_, stream, err := in.Forward(r, ReadOptions{})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.Copy(io.Discard, stream); ruleOf(err) != rule.RequestAborted {
				t.Errorf("cut at %d: got %v", cut, err)
			}
			stream.Close()
		}
		if memory, disk := in.budget.Used(); memory != 0 || disk != 0 {
			t.Errorf("%d bytes of memory and %d of disk are still held", memory, disk)
		}
	})
	t.Run("by-done", func(t *testing.T) {
		in := inspector(t, Config{Delivery: Streamed})
		own := problem.Refuse(rule.RequestMethod, "")
		_, stream, err := in.Forward(request(part{"f", "a.jpg", "image/jpeg", large}), ReadOptions{Done: func() error { return own }})
		if err != nil {
			t.Fatal(err)
		}
		defer stream.Close()
		if _, err := io.Copy(io.Discard, stream); err != own {
			t.Errorf("got %v; want Done's own error", err)
		}
	})
}

func FuzzWalk(f *testing.F) {
	for _, content := range samples(f) {
		if len(content) < 4000 {
			f.Add([]byte(content), uint16(100))
		}
	}
	f.Fuzz(func(t *testing.T, b []byte, size uint16) {
		for i := range kinds {
			k := &kinds[i]
			if k.look == nil || k.whole {
				continue
			}
			v := newView(bytes.NewReader(b), int64(len(b)))
			want := look(v, k)
			v.close()
			got := walkInChunks(k, string(b), int(size)+1)
			if got.hidden == "It is also an archive." {
				// Without going back one cannot see whether a directory is there.
				got.hidden = want.hidden
			}
			if !agree(got, want) {
				t.Fatalf("%s, %d at a time: got %+v; want %+v", k.mime, size, got, want)
			}
		}
	})
}

// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/panoply-security/panoply/e2e/journey"
)

// uploaded is what became of a file that a browser sent.
type uploaded struct {
	Status int
	Path   string // of the stored file, when there is one
	Size   int64
	Type   string // a rule, when it was refused
}

// stealing is what an attacker wants to have run on the app's origin.
const stealing = `<script>localStorage.ran = (localStorage.ran || '') + location.pathname</script>`

// scriptedFiles are files that run the script where somebody serves them carelessly.
func scriptedFiles() map[string]struct{ name, typ, content string } {
	png, jpg := string(journey.PNG()), string(journey.JPEG())
	svg := `<svg xmlns="http://www.w3.org/2000/svg"><script>localStorage.ran = location.pathname</script></svg>`
	return map[string]struct{ name, typ, content string }{
		"page":              {"a.html", "text/html", "<!doctype html>" + stealing},
		"page-as-picture":   {"a.png", "image/png", "<!doctype html>" + stealing},
		"page-by-name":      {"a.html", "image/png", png},
		"page-as-text":      {"a.txt", "text/plain", "text first\n" + stealing},
		"page-without-name": {"page", "text/html", stealing},
		"xhtml":             {"a.xhtml", "application/xhtml+xml", `<html xmlns="http://www.w3.org/1999/xhtml"><body>` + stealing + `</body></html>`},
		"drawing":           {"a.svg", "image/svg+xml", svg},
		"drawing-as-png":    {"a.png", "image/svg+xml", svg},
		"polyglot":          {"a.html", "image/jpeg", jpg + stealing},
		"picture-and-page":  {"a.jpg", "image/jpeg", jpg + stealing},
		"gif-and-page":      {"a.gif", "image/gif", "GIF89a" + stealing},
		"double-extension":  {"a.html.png", "image/png", png + stealing},
		"upper-case":        {"A.HTM", "image/png", "GIF89a" + stealing},
		"unknown-extension": {"a.xyz", "application/octet-stream", "\x00\x01" + stealing},
		"page-with-a-pdf":   {"a.pdf", "application/pdf", "<html>" + stealing + string(journey.PDF())},
		"document":          {"a.pdf", "application/pdf", strings.Replace(string(journey.PDF()), "/Type /Catalog", "/Type /Catalog /OpenAction << /S /JavaScript /JS (app.alert\\(1\\)) >>", 1)},
	}
}

// TestBrowserUploads sends files as pages do, by a form and by fetch, through the
// guard to multer; then opens what was stored. Nothing that the app stores may run
// a script on its origin.
func TestBrowserUploads(t *testing.T) {
	chromium := findChromium(t)
	forEachApp(t, func(t *testing.T, app string) {
		for _, p := range []profile{strict, compatible} {
			t.Run(p.name, func(t *testing.T) {
				guard := startGuard(t, startApp(t, app), p)
				ctx := openTab(t, chromium, guard.url)
				pictures(t, ctx, guard.url)
				for name, a := range scriptedFiles() {
					for _, way := range []string{"form", "fetch"} {
						got := sendFile(t, ctx, guard.url, way, a.name, a.typ, a.content)
						if ran := openStored(t, ctx, guard.url, got); ran != "" {
							t.Errorf("%s by %s: stored as %s, and its script ran: %s", name, way, got.Path, ran)
						}
						if got.Status == 201 && name != "page-as-text" && name != "unknown-extension" && name != "document" {
							t.Errorf("%s by %s: was stored as %s", name, way, got.Path)
						}
					}
				}
			})
		}
	})
}

// TestBrowserUploadsDirect shows that the attacks are some: the app by itself
// stores them all, and their scripts run.
func TestBrowserUploadsDirect(t *testing.T) {
	chromium := findChromium(t)
	url := startApp(t, "express5")
	ctx := openTab(t, chromium, url)
	ran := 0
	for name, a := range scriptedFiles() {
		got := sendFile(t, ctx, url, "fetch", a.name, a.typ, a.content)
		if got.Status != 201 {
			t.Errorf("%s: got %+v; want the app to take it", name, got)
		}
		if openStored(t, ctx, url, got) != "" {
			ran++
		}
	}
	if ran < 4 {
		t.Errorf("%d scripts ran; want some", ran)
	}
	t.Logf("of %d attacks %d run without the guard", len(scriptedFiles()), ran)
}

// pictures are drawn by the browser, as a page does that lets people crop theirs,
// and arrive as they were sent.
func pictures(t *testing.T, ctx context.Context, base string) {
	t.Helper()
	for _, typ := range []string{"image/png", "image/jpeg", "image/webp"} {
		for _, way := range []string{"form", "fetch"} {
			drawn, err := chromedp.Run(ctx, chromedp.Evaluate[string](fmt.Sprintf(`new Promise(resolve => {
				const canvas = document.createElement('canvas');
				canvas.width = 64; canvas.height = 48;
				const pen = canvas.getContext('2d');
				pen.fillStyle = 'orange';
				pen.fillRect(5, 5, 40, 30);
				canvas.toBlob(async blob => {
					let text = '';
					for (const byte of new Uint8Array(await blob.arrayBuffer())) text += String.fromCharCode(byte);
					resolve(btoa(text));
				}, %q);
			})`, typ), chromedp.EvalAwaitPromise))
			if err != nil {
				t.Fatal(err)
			}
			content, err := base64.StdEncoding.DecodeString(drawn)
			if err != nil {
				t.Fatal(err)
			}
			ext := strings.TrimPrefix(typ, "image/")
			got := sendFile(t, ctx, base, way, "Größe \"1\" – 日本."+ext, typ, string(content))
			if got.Status != 201 || got.Size != int64(len(content)) {
				t.Errorf("%s by %s: got %+v; want 201 and %d bytes", typ, way, got, len(content))
				continue
			}
			width, err := chromedp.Run(ctx, chromedp.Evaluate[int](fmt.Sprintf(`new Promise(resolve => {
				const picture = new Image();
				picture.onload = () => resolve(picture.naturalWidth);
				picture.onerror = () => resolve(-1);
				picture.src = %q;
			})`, got.Path), chromedp.EvalAwaitPromise))
			if err != nil || width != 64 {
				t.Errorf("%s by %s: shows %d pixels wide, %v; want 64", typ, way, width, err)
			}
		}
	}
}

// openTab opens the app's page in a new browser.
func openTab(t *testing.T, chromium, base string) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	t.Cleanup(cancel)
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(chromium), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.Flag("disable-component-update", true))
	if strings.HasPrefix(base, "https:") {
		options = append(options, chromedp.IgnoreCertErrors)
	}
	ctx, closeBrowser := chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(closeBrowser)
	ctx, closeTab := chromedp.NewContext(ctx)
	t.Cleanup(closeTab)
	if err := chromedp.Do(ctx, chromedp.Navigate(base+"/"), chromedp.WaitReady("#login")); err != nil {
		t.Fatalf("the browser did not open %s: %v", base, err)
	}
	return ctx
}

// sendFile has the page send a file, by a form of its own or by fetch.
func sendFile(t *testing.T, ctx context.Context, base, way, name, typ, content string) (got uploaded) {
	t.Helper()
	file := fmt.Sprintf(`new File([Uint8Array.from(atob(%q), c => c.charCodeAt(0))], %q, {type: %q})`,
		base64.StdEncoding.EncodeToString([]byte(content)), name, typ)
	var text string
	var err error
	if way == "fetch" {
		text, err = chromedp.Run(ctx, chromedp.Evaluate[string](`(async () => {
			const form = new FormData();
			form.append('note', 'a note');
			form.append('file', `+file+`);
			const answer = await fetch('/api/upload', {method: 'POST', body: form});
			return answer.status + ' ' + await answer.text();
		})()`, chromedp.EvalAwaitPromise))
	} else {
		err = chromedp.Do(ctx, chromedp.Navigate(base+"/"), chromedp.WaitReady("#login"))
		if err == nil {
			_, err = chromedp.Run(ctx, chromedp.Evaluate[bool](`(() => {
				const form = document.createElement('form');
				form.method = 'post'; form.action = '/api/upload'; form.enctype = 'multipart/form-data'; 
				const note = document.createElement('input');
				note.name = 'note'; note.value = 'a note';
				const input = document.createElement('input');
				input.type = 'file'; input.name = 'file';
				const files = new DataTransfer();
				files.items.add(`+file+`);
				input.files = files.files;
				form.append(note, input);
				document.body.append(form);
				form.submit();
				return true;
			})()`))
		}
		if err == nil {
			text, err = answerShown(ctx)
		}
	}
	if err != nil {
		t.Fatalf("%s by %s: %v", name, way, err)
	}
	status, answer, _ := strings.Cut(text, " ")
	if err := json.Unmarshal([]byte(answer), &got); err != nil && status == "201" {
		t.Fatalf("%s by %s: got %.300s", name, way, text)
	}
	fmt.Sscan(status, &got.Status)
	return got
}

// answerShown waits until the tab shows the answer to the form. What is asked while
// it navigates fails, and is asked again.
func answerShown(ctx context.Context) (text string, err error) {
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		text, err = chromedp.Run(ctx, chromedp.Evaluate[string](`(() => {
			const entry = performance.getEntriesByType('navigation')[0];
			const there = location.pathname === '/api/upload' && document.readyState === 'complete' && entry && entry.responseStatus;
			return there ? entry.responseStatus + ' ' + document.body.innerText : '';
		})()`))
		if err == nil && text != "" || time.Now().After(end) {
			return text, err
		}
	}
}

// openStored opens a stored file as somebody does who was sent its address, and
// returns which scripts have run on the app's origin.
func openStored(t *testing.T, ctx context.Context, base string, f uploaded) string {
	t.Helper()
	if f.Path != "" {
		// A download ends the navigation, which is as good.
		short, cancel := context.WithTimeout(ctx, 3*time.Second)
		_ = chromedp.Do(short, chromedp.Navigate(base+f.Path))
		cancel()
	}
	if err := chromedp.Do(ctx, chromedp.Navigate(base+"/"), chromedp.WaitReady("#login")); err != nil {
		t.Fatal(err)
	}
	ran, err := chromedp.Run(ctx, chromedp.Evaluate[string](`(() => { const ran = localStorage.ran || ''; localStorage.clear(); return ran; })()`))
	if err != nil {
		t.Fatal(err)
	}
	return ran
}

// TestMulterDropsWhatBreaksOff shows what an app makes of a file that streams and
// is refused at its end: multer takes the form for broken off, and keeps nothing.
func TestMulterDropsWhatBreaksOff(t *testing.T) {
	forEachApp(t, func(t *testing.T, app string) {
		uploads := t.TempDir()
		_, url, _ := guardWith(t, t.TempDir(), startAppIn(t, app, uploads), `
uploads:
  - {match: "POST /api/upload", delivery: stream, types: [image/png]}
`)
		picture := pictureSized(t, 800)
		head, tail, contentType := formAround(t)
		send := func(content []byte) (int, string) {
			body := head + string(content) + tail
			status, answer, err := talk(http.DefaultClient, request(t.Context(), "POST", url+"/api/upload", contentType, strings.NewReader(body), int64(len(body))))
			if err != nil {
				t.Fatal(err)
			}
			return status, answer
		}
		if status, answer := send(picture); status != 201 || !strings.Contains(answer, fmt.Sprintf(`"size":%d`, len(picture))) {
			t.Fatalf("a picture: got %d %s", status, answer)
		}
		for _, test := range []struct {
			content []byte
			status  int
			rule    string
		}{
			{append(bytes.Clone(picture), stealing...), 415, "upload/polyglot"},
			{picture[:len(picture)-4], 415, "upload/mismatch"},
			{append(bytes.Clone(picture), make([]byte, 5*megabyte)...), 413, "upload/too-large"},
		} {
			if status, answer := send(test.content); status != test.status || !strings.Contains(answer, test.rule) {
				t.Errorf("got %d %s; want %d %s", status, answer, test.status, test.rule)
			}
		}
		for end := time.Now().Add(10 * time.Second); ; time.Sleep(50 * time.Millisecond) {
			files, err := os.ReadDir(uploads)
			if err != nil {
				t.Fatal(err)
			}
			if len(files) == 1 {
				break
			}
			if time.Now().After(end) {
				t.Fatalf("the app keeps %d files; want the one that was whole", len(files))
			}
		}
		if status, _ := send(picture); status != 201 {
			t.Errorf("afterwards: got %d", status)
		}
	})
}

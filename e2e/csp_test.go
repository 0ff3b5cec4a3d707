// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/panoply-security/panoply"
	"github.com/panoply-security/panoply/e2e/child"
	"github.com/panoply-security/panoply/e2e/nodeapp"
	gateway "github.com/panoply-security/panoply/guard"
)

// A policy that was learned from a page breaks nothing of it, and a script that
// somebody then writes into the page does not run.
func TestALearnedPolicyBreaksNothing(t *testing.T) {
	chromium := findChromium(t)
	app := startPages(t)
	dir := t.TempDir()

	stop, url, log := guardWith(t, dir, app, "csp: {mode: learn, clients: 1}\n")
	for id := range 2 { // what the first look does not show is reported at the second
		if got := look(t, chromium, fmt.Sprintf("%s/articles/%d", url, id+1)); got != works {
			t.Fatalf("while learning, the page works as %s; want %s", got, works)
		}
	}
	log.awaits(t, "kind=inserted", 1) // which only a report can tell
	stop()
	proposal, err := os.ReadFile(filepath.Join(dir, "csp.proposed.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("proposed:\n%s", proposal)

	stop, url, log = guardWith(t, dir, app, "csp: enforce\n")
	defer stop()
	if got := look(t, chromium, url+"/articles/3"); got != works {
		t.Errorf("with the learned policy, the page works as %s; want %s", got, works)
	}
	if blocked := log.lines("a browser blocked"); len(blocked) > 0 {
		t.Errorf("the policy blocks %s", strings.Join(blocked, "\n"))
	}
	comment(t, url, `<script>document.documentElement.dataset.stolen = 1</script><img src="/x" onerror="document.documentElement.dataset.stolen = 1">`)
	if got := look(t, chromium, url+"/articles/4"); got != works {
		t.Errorf("with an injected script, the page works as %s; want %s", got, works)
	}
	log.awaits(t, "a browser blocked", 2) // the script, and the handler
}

// A nonce on every script lets the page work, with what was injected, as the manual
// says; handlers do not run.
func TestNoncesInPages(t *testing.T) {
	chromium := findChromium(t)
	stop, url, _ := guardWith(t, t.TempDir(), startPages(t), `headers: {content_security_policy: {nonces: [script-src, style-src],
  directives: {script-src: ["'strict-dynamic'"], style-src: ["'self'"], style-src-attr: ["'unsafe-inline'"]}}}`+"\n")
	defer stop()
	want := strings.Replace(works, "clicked=1", "clicked=", 1)
	if got := look(t, chromium, url+"/articles/1"); got != want {
		t.Errorf("the page works as %s; want %s", got, want)
	}
}

// oddPage is spelled in ways of which a browser makes another text than stands in it: its
// scripts set a to g, its styles the widths of the three paragraphs.
const oddPage = "<!DOCTYPE html>\r\n<html><head><meta charset=utf-8><TITLE>x <script>no()</script></TITLE>\r\n" +
	"<SCRIPT >\r\n// CRLF and é ü 日本\r\ndocument.documentElement.dataset.a = 1;\r\n</SCRIPT >\r\n" +
	"<script><!-- \ndocument.documentElement.dataset.b = '<script>1</script>'.length ? 1 : 0;\n//--></script>\n" +
	"<script type=module>document.documentElement.dataset.c = 1</script>" +
	"<script>document.documentElement.dataset.d = `</scr` + 'ipt><b>' ? 1 : 0 // a\rb\n</script>" +
	"<style>#styled{width:44px}/* <b> </styl > */</style>" +
	"<!-- <script>no()</script> --><!--><script>document.documentElement.dataset.e=1</script>" +
	"<noscript><style>body{display:none}</style></noscript></head><body>\r\n" +
	"<button id=button onclick=\"document.documentElement.dataset.f = '&lt;&amp;&eacute;'.length === 3\r\n ? 1 : 0\" title='>'>x</button>" +
	"<p id=styled>a</p><p id=attribute style='width:&#51;3px'>b</p><textarea><script>no()</script></textarea>" +
	"<svg><style>#themed{width:22px}</style><title><b>q</b></title><script>document.documentElement.dataset.g = 1</script></svg>" +
	"<p id=themed>c</p><div id=comments></div></body></html>"

// What is learned of a page is what Chromium hashes of it, however it is spelled.
func TestWhatIsLearnedIsWhatChromiumHashes(t *testing.T) {
	chromium := findChromium(t)
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		io.WriteString(w, oddPage)
	}))
	t.Cleanup(app.Close)
	const script = `() => ['a','b','c','d','e','f','g'].map(n => document.documentElement.dataset[n] || '').join('') + ' ' +
		['styled','attribute','themed'].map(id => parseInt(getComputedStyle(document.getElementById(id)).width)).join()`
	const all = "1111111 44,33,22"
	dir := t.TempDir()
	stop, url, log := guardWith(t, dir, app.URL, "csp: {mode: learn, clients: 1}\n")
	if got := open(t, chromium, url+"/odd", script); got != all {
		t.Fatalf("while learning: %s; want %s", got, all)
	}
	log.awaits(t, "kind=inserted", 2) // in SVG, which only reports tell
	stop()
	stop, url, log = guardWith(t, dir, app.URL, "csp: enforce\n")
	defer stop()
	if got := open(t, chromium, url+"/odd", script); got != all {
		t.Errorf("with the learned policy: %s; want %s\n%s", got, all, log.lines("a browser blocked"))
	}
}

// works is what look tells of a page on which everything does.
const works = "inline=1 widget=1 late=1 inserted=1 clicked=1 stolen= styled=55 themed=77 attribute=33"

// look opens a page of the app in a browser, clicks its button and tells what works.
func look(t *testing.T, chromium, url string) string {
	t.Helper()
	return open(t, chromium, url, `() => {
		const data = document.documentElement.dataset;
		const width = id => parseInt(getComputedStyle(document.getElementById(id)).width) < 100 ? parseInt(getComputedStyle(document.getElementById(id)).width) : '';
		const told = ['inline', 'widget', 'late'].map(name => name + '=' + (data[name] || ''));
		told.push('inserted=' + (window.inserted || ''));
		told.push(...['clicked', 'stolen'].map(name => name + '=' + (data[name] || '')));
		told.push(...['styled', 'themed', 'attribute'].map(id => id + '=' + width(id)));
		const text = told.join(' ');
		return (data.late || performance.now() > 3000) && text;
	}`)
}

// open opens a page in a browser of its own, clicks its button and returns what a
// function says of it, once it says something.
func open(t *testing.T, chromium, url, function string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	ctx, closeBrowser := chromedp.NewExecAllocator(ctx, append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(chromium), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.Flag("disable-component-update", true))...)
	defer closeBrowser()
	ctx, closeTab := chromedp.NewContext(ctx)
	defer closeTab()
	if err := chromedp.Do(ctx, chromedp.Navigate(url), chromedp.WaitReady("#comments"), chromedp.Click("#button")); err != nil {
		t.Fatalf("the browser did not open %s: %v", url, err)
	}
	got, err := chromedp.Run(ctx, chromedp.PollFunction[string](function, chromedp.WithPollingTimeout(20*time.Second)))
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func comment(t *testing.T, base, text string) {
	t.Helper()
	res, err := http.PostForm(base+"/articles/1/comments", url.Values{"text": {text}})
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != 200 {
		t.Fatalf("the comment: status %d", res.StatusCode)
	}
}

// startPages starts the app of apps/express5/pages.js and returns its address.
func startPages(t *testing.T) string {
	t.Helper()
	dir := filepath.Join("apps", "express5")
	if err := nodeapp.Install(t.Context(), dir); err != nil {
		if missing := (*nodeapp.Missing)(nil); errors.As(err, &missing) {
			lacking(t, missing.What, missing.Err)
		}
		t.Fatal(err)
	}
	cmd := exec.Command("node", "pages.js")
	cmd.Dir = dir
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	process, match, err := child.Start(ctx, cmd, regexp.MustCompile(`^listening (\d+)$`))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { process.Stop() })
	return "http://127.0.0.1:" + match[1]
}

// guardWith runs a guard in this process, with a policy file in dir.
func guardWith(t *testing.T, dir, upstream, policy string) (stop func(), url string, log *journal) {
	t.Helper()
	file := filepath.Join(dir, "policy.yaml")
	if err := os.WriteFile(file, []byte("listen: 127.0.0.1:0\nadmin: off\nupstream: "+upstream+"\n"+policy), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := panoply.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	log = &journal{}
	g, err := gateway.New(p, slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ready, ended := make(chan string, 1), make(chan error, 1)
	go func() { ended <- g.Run(ctx, func(url string) { ready <- url }) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the guard ended with %v", err)
		}
	})
	t.Cleanup(stop)
	select {
	case url = <-ready:
	case err := <-ended:
		ended <- err
		t.Fatal(err)
	}
	return stop, url, log
}

// journal is a log that can be read while it is written.
type journal struct {
	mu   sync.Mutex
	text strings.Builder
}

func (j *journal) Write(b []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(b)
}

// lines are the lines that have a text in them.
func (j *journal) lines(with string) (all []string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for line := range strings.Lines(j.text.String()) {
		if strings.Contains(line, with) {
			all = append(all, line)
		}
	}
	return all
}

// awaits waits for so many lines that have a text in them: a browser sends its reports
// when it likes.
func (j *journal) awaits(t *testing.T, with string, n int) {
	t.Helper()
	for until := time.Now().Add(20 * time.Second); len(j.lines(with)) < n; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(until) {
			t.Fatalf("there are %q; want %d with %s", j.lines(with), n, with)
		}
	}
}

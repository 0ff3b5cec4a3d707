// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/panoply-security/panoply/e2e/nodeapp"
	"github.com/panoply-security/panoply/finding"
	"github.com/panoply-security/panoply/report"
	"github.com/panoply-security/panoply/rule"
)

const axeDir = "apps/axe"

// views are what people read a report with.
var views = []struct {
	name          string
	width, height int64
	media, scheme string
}{
	{"light", 1280, 900, "screen", "light"},
	{"dark", 1280, 900, "screen", "dark"},
	{"phone", 360, 740, "screen", "light"},
	{"small-phone-at-night", 320, 568, "screen", "dark"},
	{"print", 794, 1123, "print", "dark"},
}

// TestReportPage opens reports in a real browser: each shows with its style
// sheet, nothing of a target's runs, nothing sticks out at the side, nothing is
// complained about, and axe-core finds nothing that keeps people out.
func TestReportPage(t *testing.T) {
	chromium := findChromium(t)
	axe := axeSource(t)
	pages := map[string]*finding.Report{"hostile": hostileReport()}
	for _, name := range []string{"judged", "audit", "nothing", "clean"} {
		f, err := os.Open(filepath.FromSlash("../report/testdata/" + name + ".json"))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if pages[name], err = finding.Decode(f); err != nil {
			t.Fatal(err)
		}
	}
	mux := http.NewServeMux()
	for name, r := range pages {
		var page bytes.Buffer
		if err := report.Write(&page, report.HTML, r, report.Options{}); err != nil {
			t.Fatal(err)
		}
		mux.HandleFunc("/"+name, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			w.Write(page.Bytes())
		})
	}
	mux.HandleFunc("/favicon.ico", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	server := httptest.NewServer(mux)
	defer server.Close()

	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Minute)
	defer cancel()
	ctx, closeBrowser := chromedp.NewExecAllocator(ctx, append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(chromium), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true))...)
	defer closeBrowser()
	ctx, closeTab := chromedp.NewContext(ctx)
	defer closeTab()
	if err := chromedp.Do(ctx, chromedp.Navigate("about:blank")); err != nil {
		t.Fatal(err)
	}
	for name := range pages {
		for i, v := range views {
			if i > 1 && name != "judged" && name != "hostile" {
				break // the others have nothing that those two have not
			}
			t.Run(name+"-"+v.name, func(t *testing.T) {
				tab, end := context.WithTimeout(ctx, time.Minute)
				defer end()
				messages := chromedp.Console(tab)
				err := chromedp.Do(tab,
					chromedp.EmulateViewport(v.width, v.height),
					chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
						_, err := cdp.Call(ctx, target, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
							Media:    v.media,
							Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: v.scheme}},
						})
						return err
					}),
					chromedp.Navigate(server.URL+"/"+name),
					chromedp.WaitReady("main"))
				if err != nil {
					t.Fatal(err)
				}
				checkPage(t, tab, v.width)
				checkAccessible(t, tab, axe)
				if dir := os.Getenv("PANOPLY_SHOTS"); dir != "" { // to look at them
					if shot, err := chromedp.Run(tab, chromedp.FullScreenshot(90)); err == nil {
						os.WriteFile(filepath.Join(dir, name+"-"+v.name+".png"), shot, 0o644)
					}
				}
				end()
				for m, err := range messages {
					if err != nil {
						break
					}
					t.Errorf("the browser says: %s %s", m.Type, m.Text)
				}
			})
		}
	}
}

func checkPage(t *testing.T, tab context.Context, width int64) {
	t.Helper()
	got, err := chromedp.Run(tab, chromedp.Evaluate[struct {
		Hacked   bool
		Styled   bool
		Wide     int64
		Elements int
	}](`({
		Hacked: 'hacked' in window,
		Styled: getComputedStyle(document.body).getPropertyValue('--raised') !== '',
		Wide: document.scrollingElement.scrollWidth,
		Elements: document.querySelectorAll('script, img, iframe, svg, [onmouseover]').length,
	})`))
	if err != nil {
		t.Fatal(err)
	}
	if got.Hacked || got.Elements > 0 {
		t.Errorf("a text of the target became part of the page: %+v", got)
	}
	if !got.Styled {
		t.Error("the page's own policy refuses its style sheet")
	}
	if got.Wide > width {
		t.Errorf("it is %d wide on a screen of %d", got.Wide, width)
	}
}

func checkAccessible(t *testing.T, tab context.Context, axe string) {
	t.Helper()
	if _, err := chromedp.Run(tab, chromedp.Evaluate[bool](axe+"\n;true")); err != nil {
		t.Fatal(err)
	}
	// The places that a page folds up are looked at too.
	found, err := chromedp.Run(tab, chromedp.Evaluate[string](`(async () => {
		for (const d of document.querySelectorAll('details')) d.open = true;
		const { violations, passes } = await axe.run(document, { resultTypes: ['violations'] });
		return JSON.stringify({
			Passes: passes.length,
			Violations: violations.map(v => v.id + ': ' + v.help + ': ' + v.nodes.slice(0, 3).map(n => n.html).join(' ')),
		});
	})()`, chromedp.EvalAwaitPromise))
	if err != nil {
		t.Fatal(err)
	}
	var result struct {
		Passes     int
		Violations []string
	}
	if err := json.Unmarshal([]byte(found), &result); err != nil {
		t.Fatal(err)
	}
	if result.Passes < 15 {
		t.Errorf("axe-core looked at %d things only", result.Passes)
	}
	for _, v := range result.Violations {
		t.Errorf("axe-core: %s", v)
	}
}

// axeSource is axe-core, to be run in a page.
func axeSource(t *testing.T) string {
	t.Helper()
	if err := nodeapp.Install(t.Context(), axeDir); err != nil {
		if missing := (*nodeapp.Missing)(nil); errors.As(err, &missing) {
			lacking(t, missing.What, missing.Err)
		}
		t.Fatal(err)
	}
	src, err := os.ReadFile(axeDir + "/node_modules/axe-core/axe.min.js")
	if err != nil {
		t.Fatal(err)
	}
	return string(src)
}

// hostileReport has a script, or what could become one, wherever a target can
// write.
func hostileReport() *finding.Report {
	const evil = `</style></pre></code><script>window.hacked=1</script><img src=x onerror="window.hacked=1">" onmouseover="window.hacked=1 ` + "\x1b[31m\u202e{{.}}"
	r := finding.NewReport(evil, evil, evil)
	for n := 1; n <= 7; n++ {
		r.Tested(n)
		r.NotTested(n, evil)
	}
	for i, rule := range rule.All() {
		if rule.Mistake == 0 {
			continue
		}
		at := finding.InAnswer(evil, "http://h/"+evil, evil)
		if i%2 == 0 {
			at = finding.InFile(evil, 1, 1, 1, 1)
		}
		f := finding.New(rule.ID, at, evil)
		f.Evidence = []string{evil, evil}
		f.Trace = []finding.Step{{File: evil, Line: 1, Column: 1, Note: evil}}
		f.Fix = finding.Fix{Express: evil + "\n" + evil, Policy: evil, Text: evil}
		f.Reproduce = "curl " + finding.Quote("http://h/<script>window.hacked=1</script>")
		r.Add(f)
	}
	r.Run = &finding.Run{Mode: evil, Stopped: evil, Notes: []string{evil}, Left: []string{evil}}
	r.Observatory = &finding.Observatory{Grade: evil, Tests: []finding.ObservatoryTest{{Name: evil, Code: evil, Note: evil, Points: -5}}}
	r.Baseline = &finding.Baseline{Grade: evil, Gone: r.Findings[:2]}
	r.Failing = &finding.Failing{Level: rule.Low, Findings: 1}
	r.Finish()
	return r
}

// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// TestBrowserDirect shows that the page works at all.
func TestBrowserDirect(t *testing.T) {
	chromium := findChromium(t)
	forEachApp(t, func(t *testing.T, app string) {
		logInWithBrowser(t, chromium, startApp(t, app))
	})
}

// TestBrowserThroughGuard shows that the guard that nobody configured breaks
// neither the page's inline script nor its login.
func TestBrowserThroughGuard(t *testing.T) {
	chromium := findChromium(t)
	forEachApp(t, func(t *testing.T, app string) {
		guard := startGuard(t, startApp(t, app), compatible)
		logInWithBrowser(t, chromium, guard.url)
	})
}

// logInWithBrowser opens the shop at baseURL in a new browser, checks that its
// inline script ran, logs in through the form, and expects to be greeted. What else is to
// be done there is done then.
func logInWithBrowser(t *testing.T, chromium, baseURL string, then ...func(context.Context)) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(chromium),
		chromedp.NoSandbox, // it runs as root in containers, and visits only ourselves
		chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true),
	)
	if strings.HasPrefix(baseURL, "https:") {
		options = append(options, chromedp.IgnoreCertErrors) // the test's own certificate
	}
	ctx, closeBrowser := chromedp.NewExecAllocator(ctx, options...)
	defer closeBrowser()
	ctx, closeTab := chromedp.NewContext(ctx)
	defer closeTab()

	// What the page complains about says why it does not work.
	messages := chromedp.Console(ctx)
	defer func() {
		closeTab() // ends the messages
		for m, err := range messages {
			if err != nil {
				return
			}
			t.Logf("browser: %v", m)
		}
	}()

	if err := chromedp.Do(ctx, chromedp.Navigate(baseURL+"/"), chromedp.WaitReady("#login")); err != nil {
		t.Fatalf("the browser did not open %s: %v", baseURL, err)
	}
	ready, err := chromedp.Run(ctx, chromedp.AttributeValue("html", "data-ready"))
	if err != nil {
		t.Fatal(err)
	}
	if ready.Value != "1" {
		t.Fatalf("data-ready is %q; want 1: the inline script did not run", ready.Value)
	}
	err = chromedp.Do(ctx,
		chromedp.SendKeys("#email", "alice@shop.example"),
		chromedp.SendKeys("#password", "sunshine1"),
		chromedp.Click("#submit"),
	)
	if err != nil {
		t.Fatalf("the browser did not fill in the form: %v", err)
	}
	greeting, err := chromedp.Run(ctx, chromedp.PollFunction[string](`() => {
		const text = document.getElementById('greeting')?.textContent;
		return text !== 'Please log in.' && text;
	}`, chromedp.WithPollingTimeout(20*time.Second)))
	if err != nil {
		t.Fatalf("nobody was greeted: %v", err)
	}
	if greeting != "Welcome, Alice" {
		t.Errorf("got greeting %q; want %q", greeting, "Welcome, Alice")
	}
	for _, do := range then {
		do(ctx)
	}
}

func findChromium(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "/usr/bin/chromium"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	lacking(t, "a browser", exec.ErrNotFound)
	return ""
}

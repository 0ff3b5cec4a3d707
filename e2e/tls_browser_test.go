// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// TestBrowserOverTLS does in a browser what customers do, over TLS and with everything in
// force: page with scripts, login, uploads, WebSocket and events. Nothing is complained
// about on the console: no mixed content, no violation of the Content-Security-Policy, no error.
func TestBrowserOverTLS(t *testing.T) {
	chromium := findChromium(t)
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("policies")); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "shop.yaml")
	policy, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	// The page has an inline script and style, which are the app's own.
	policy = append(policy, "\nheaders: {content_security_policy: {nonces: [script-src, style-src]}}\n"...)
	if err := os.WriteFile(file, policy, 0o600); err != nil {
		t.Fatal(err)
	}
	guard := startGuard(t, startApp(t, "express5"), profile{"strict", file})

	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	ctx, closeBrowser := chromedp.NewExecAllocator(ctx, append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(chromium), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("ignore-certificate-errors-spki-list", pin(t, guard)))...) // this certificate, and no other
	defer closeBrowser()
	ctx, closeTab := chromedp.NewContext(ctx)
	defer closeTab()
	messages := chromedp.Console(ctx)

	if err := chromedp.Do(ctx, chromedp.Navigate(guard.url+"/"), chromedp.WaitReady("#login")); err != nil {
		t.Fatal(err)
	}
	run := func(what, want, script string) {
		t.Helper()
		got, err := chromedp.Run(ctx, chromedp.Evaluate[string](script, chromedp.EvalAwaitPromise))
		if err != nil || got != want {
			t.Errorf("%s: got %q, %v; want %q", what, got, err, want)
		}
	}
	run("the page", "1 true https: h2 sans-serif", `[document.documentElement.dataset.ready, isSecureContext, location.protocol,
		performance.getEntriesByType('navigation')[0].nextHopProtocol, getComputedStyle(document.body).fontFamily].join(' ')`)
	if err := chromedp.Do(ctx, chromedp.SendKeys("#email", "alice@shop.example"), chromedp.SendKeys("#password", "sunshine1"), chromedp.Click("#submit")); err != nil {
		t.Fatal(err)
	}
	greeting, err := chromedp.Run(ctx, chromedp.PollFunction[string](`() => {
		const text = document.getElementById('greeting')?.textContent;
		return text !== 'Please log in.' && text;
	}`, chromedp.WithPollingTimeout(20*time.Second)))
	if err != nil || greeting != "Welcome, Alice" {
		t.Errorf("login: got %q, %v", greeting, err)
	}
	run("a WebSocket", "echo open binary", `new Promise((resolve, reject) => {
		const socket = new WebSocket('wss://' + location.host + '/ws');
		const heard = [];
		socket.binaryType = 'arraybuffer';
		socket.onopen = () => { socket.send('echo open'); socket.send(new TextEncoder().encode('binary')); };
		socket.onmessage = (m) => {
			heard.push(typeof m.data === 'string' ? m.data : new TextDecoder().decode(m.data));
			if (heard.length === 2) socket.close(1000);
		};
		socket.onclose = (e) => e.code === 1000 && e.wasClean ? resolve(heard.join(' ')) : reject(new Error('closed ' + e.code));
	})`)
	run("events", "99 98 97", `new Promise((resolve, reject) => {
		const source = new EventSource('/api/events');
		const left = [];
		source.addEventListener('stock', (e) => {
			left.push(JSON.parse(e.data).left);
			if (left.length === 3) { source.close(); resolve(left.join(' ')); }
		});
		source.onerror = () => reject(new Error('the stream broke'));
	})`)
	pictures(t, ctx, guard.url)
	if err := chromedp.Do(ctx, chromedp.Navigate(guard.url+"/"), chromedp.WaitReady("#login")); err != nil {
		t.Fatal(err)
	}
	run("what was loaded", "", `performance.getEntriesByType('resource').map(e => e.name).filter(n => !n.startsWith(location.origin + '/')).join(' ')`)

	// What is said from here on shows that messages arrive at all.
	run("an injected script", "true", `(() => {
		const script = document.createElement('script');
		script.textContent = 'document.documentElement.dataset.hacked = 1';
		document.head.append(script);
		return String(document.documentElement.dataset.hacked === undefined);
	})()`)
	seen := false
	for m, err := range messages {
		if err != nil {
			t.Fatalf("the browser does not tell of the injected script: %v", err)
		}
		if m.Type == "debug" || strings.HasSuffix(m.URL, "/favicon.ico") {
			continue // advice about the app's form, and an icon that it has not
		}
		if seen = strings.Contains(m.Text, "Content Security Policy") && strings.Contains(m.Text, "script"); seen {
			break
		}
		t.Errorf("the browser says: %s %s (%s)", m.Type, m.Text, m.URL)
	}
}

// pin is what Chromium knows a certificate by.
func pin(t *testing.T, g guard) string {
	t.Helper()
	c, err := tls.Dial("tcp", g.addr, &tls.Config{RootCAs: g.roots})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	sum := sha256.Sum256(c.ConnectionState().PeerCertificates[0].RawSubjectPublicKeyInfo)
	return base64.StdEncoding.EncodeToString(sum[:])
}

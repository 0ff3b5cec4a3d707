// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"bytes"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"regexp"
	"slices"
	"testing"

	"github.com/panoply-security/panoply/e2e/journey"
)

// masks are the parts of answers that differ between any two runs of a shop,
// guarded or not. Everything else must be equal to the byte.
var masks = []*regexp.Regexp{
	// A JSON Web Token: three parts in base64url, the first an encoded `{"`.
	regexp.MustCompile(`eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+`),
	// A session cookie's value: `s:`, the id and its signature, percent-encoded.
	regexp.MustCompile(`s%3A[A-Za-z0-9_-]+\.[A-Za-z0-9%]+`),
	// An id that the database gave: 12 bytes in hexadecimal, in quotes.
	regexp.MustCompile(`"[0-9a-f]{24}"`),
	// The name under which an upload is stored: time and random number on
	// Express 5 (multer.diskStorage), 16 bytes in hexadecimal on Express 4
	// (multer's dest). The extension stays visible, and is compared.
	regexp.MustCompile(`/uploads/(?:[0-9]{13}-[0-9]{1,10}|[0-9a-f]{32})`),
	// The entity tag of a stored file: its size and its time of writing.
	regexp.MustCompile(`W/"[0-9a-f]+-[0-9a-f]{11}"`),
	// The time of writing of a stored file, in Last-Modified.
	regexp.MustCompile(`[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT`),
}

// TestJourneyDirect checks the measuring instrument itself: without a guard
// each step gets the answer that it wants, and two runs are equal under the
// masks.
func TestJourneyDirect(t *testing.T) {
	forEachApp(t, func(t *testing.T, app string) {
		first := walk(t, startApp(t, app), nil)
		if len(first) < 45 {
			t.Errorf("the journey has %d steps; want at least 45", len(first))
		}
		failures := 0
		for _, e := range first {
			if e.Status != e.Want {
				t.Errorf("%s: %s %s: got status %d; want %d: %.300s", e.Name, e.Method, e.Path, e.Status, e.Want, e.Body)
			}
			if e.Status == http.StatusUnauthorized && e.Method == http.MethodPost {
				failures++
			}
		}
		if failures > 3 {
			t.Errorf("the journey fails %d logins; want at most 3, or it meets the login limiter", failures)
		}
		second := walk(t, startApp(t, app), nil)
		expectSame(t, first, second)
	})
}

// TestCompareNotices breaks each kind of thing that a guard could break in a
// real journey, and expects it to be found.
func TestCompareNotices(t *testing.T) {
	direct := walk(t, startApp(t, "express5"), nil)
	find := func(all []journey.Exchange, name string) *journey.Exchange {
		i := slices.IndexFunc(all, func(e journey.Exchange) bool { return e.Name == name })
		if i < 0 {
			t.Fatalf("no step %q", name)
		}
		return &all[i]
	}
	tests := []struct {
		name   string
		step   string
		tamper func(*journey.Exchange)
		want   string
	}{
		{"one-byte-of-a-body", "download-jpeg", func(e *journey.Exchange) { e.Body = slices.Clone(e.Body); e.Body[700] ^= 1 }, "body"},
		{"a-body-cut-short", "export-chunked", func(e *journey.Exchange) { e.Body = e.Body[:len(e.Body)-1] }, "body"},
		{"text-beside-a-token", "login", func(e *journey.Exchange) { e.Body = append(slices.Clone(e.Body), ' ') }, "body"},
		{"no-token", "login", func(e *journey.Exchange) { e.Body = masks[0].ReplaceAll(e.Body, nil) }, "body"},
		{"status", "home-conditional", func(e *journey.Exchange) { e.Status = 200 }, "status"},
		{"content-type", "report", func(e *journey.Exchange) { e.ContentType = "text/plain" }, "content type"},
		{"a-lost-header", "cors-preflight", func(e *journey.Exchange) { delete(e.Header, "Access-Control-Allow-Origin") }, "header Access-Control-Allow-Origin"},
		{"a-lost-cookie", "cookies-set", func(e *journey.Exchange) { e.Header["Set-Cookie"] = "theme=dark" }, "header Set-Cookie"},
		{"a-changed-location", "redirect", func(e *journey.Exchange) { e.Header["Location"] = "http://127.0.0.1:3000/" }, "header Location"},
		{"a-changed-extension", "upload-png", func(e *journey.Exchange) {
			e.Body = regexp.MustCompile(`\.png`).ReplaceAll(e.Body, []byte(".bin"))
		}, "body"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			guarded := slices.Clone(direct)
			e := find(guarded, test.step)
			e.Header = maps.Clone(e.Header)
			test.tamper(e)
			got := journey.Compare(direct, guarded, masks)
			if len(got) != 1 || got[0].Step != test.step || got[0].What != test.want {
				t.Errorf("got %v; want one difference, %s of %s", got, test.want, test.step)
			}
		})
	}
	t.Run("a-missing-step", func(t *testing.T) {
		if got := journey.Compare(direct, direct[:len(direct)-1], masks); len(got) != 1 || got[0].What != "step" {
			t.Errorf("got %v; want one missing step", got)
		}
	})
}

// TestJourneyThroughPlainProxy walks through Go's own reverse proxy with TLS
// and HTTP/2, which changes nothing: what fails only through the guard is the
// guard's doing.
func TestJourneyThroughPlainProxy(t *testing.T) {
	forEachApp(t, func(t *testing.T, app string) {
		upstream, err := url.Parse(startApp(t, app))
		if err != nil {
			t.Fatal(err)
		}
		proxy := httptest.NewUnstartedServer(&httputil.ReverseProxy{
			Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(upstream); r.Out.Host = r.In.Host },
		})
		proxy.EnableHTTP2 = true
		proxy.StartTLS()
		t.Cleanup(proxy.Close)
		direct := walk(t, startApp(t, app), nil)
		expectSame(t, direct, walk(t, proxy.URL, proxy.Client()))
	})
}

// TestJourneyThroughGuard walks once directly and once through the guard, and
// wants equal answers.
func TestJourneyThroughGuard(t *testing.T) {
	forEachApp(t, func(t *testing.T, app string) {
		forEachProfile(t, func(t *testing.T, p profile) {
			guard := startGuard(t, startApp(t, app), p)
			direct := walk(t, startApp(t, app), nil)
			guarded := walk(t, guard.url, guard.client)
			if p == strict {
				dropReissuedTags(direct, guarded)
			}
			expectSame(t, direct, guarded)
		})
	})
}

// dropReissuedTags forgets the entity tags of answers in which the guard
// re-issued a token: the app's tag is a hash of other bytes, so the guard must
// not send it on, and this test fails if it does.
func dropReissuedTags(direct, guarded []journey.Exchange) {
	for i := range min(len(direct), len(guarded)) {
		if bytes.Contains(guarded[i].Body, []byte(`"token":"eyJ`)) && guarded[i].Header["ETag"] == "" {
			delete(direct[i].Header, "ETag")
		}
	}
}

func walk(t *testing.T, url string, client *http.Client) []journey.Exchange {
	t.Helper()
	all, err := journey.Run(t.Context(), url, client)
	if err != nil {
		t.Errorf("the journey to %s: %v", url, err)
	}
	return all
}

func expectSame(t *testing.T, direct, guarded []journey.Exchange) {
	t.Helper()
	for _, d := range journey.Compare(direct, guarded, masks) {
		t.Errorf("%v", d)
	}
}

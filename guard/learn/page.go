// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package learn

import (
	"encoding/base64"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/panoply-security/panoply"
	"github.com/panoply-security/panoply/internal/page"
	"github.com/panoply-security/panoply/route"
)

// Ask has the app answer with pages that can be read.
func (l *Learner) Ask(r *http.Request, h http.Header) {
	if l == nil || l.mode != panoply.Learn {
		return
	}
	for _, line := range r.Header["Accept"] {
		if strings.Contains(strings.ToLower(line), "text/html") {
			h["Accept-Encoding"] = []string{"identity"}
		}
	}
}

// Answered looks at a page as it passes, and sends the policy with it that browsers
// report by.
func (l *Learner) Answered(res *http.Response, client Client) {
	if l == nil || l.mode != panoply.Learn || !l.readable(res) {
		return
	}
	key, err := route.KeyOf(res.Request.URL)
	if err != nil {
		return
	}
	who := l.hash(client(res.Request))
	policy, ok := l.policy(key.Path(), who, res.StatusCode == http.StatusOK && res.Request.Method != http.MethodHead)
	if !ok {
		return
	}
	res.Header.Add("Content-Security-Policy-Report-Only", policy) // beside the app's own, if there is one
	if res.Body == http.NoBody || res.Request.Method == http.MethodHead {
		return
	}
	host, items := res.Request.Host, 0
	collector := page.NewCollector(func(it *page.Item) {
		if items++; items > maxItems {
			return
		}
		if s, ok := sourceOf(it, host); ok {
			l.note(key.Path(), s, string(it.Text), who)
		}
	})
	res.Body = &tapped{ReadCloser: res.Body, page: collector, left: maxPage}
}

// policy is the one that reports, for a page that a client is served. Only what is
// served as a page that was found makes a place: what a client asks for is its choice.
func (l *Learner) policy(path string, who uint64, found bool) (string, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	place := l.seen.find(path)
	if place == nil && found {
		if place = l.seen.serve(path, who); place == nil {
			l.once(full)
		}
	}
	if place == nil {
		return "", false
	}
	policy, narrow := place.reportOnly(l.clients)
	if !narrow {
		l.once(wide)
	}
	return policy, true
}

// readable reports whether an answer is a page that can be looked at.
func (l *Learner) readable(res *http.Response) bool {
	h := res.Header
	typ, params, _ := strings.Cut(strings.ToLower(h.Get("Content-Type")), ";")
	if strings.TrimSpace(typ) != "text/html" || res.StatusCode == http.StatusPartialContent || res.StatusCode == http.StatusNotModified || len(h["Content-Security-Policy"]) > 0 {
		return false
	}
	if coding := strings.ToLower(h.Get("Content-Encoding")); coding != "" && coding != "identity" || strings.Contains(params, "utf-16") || strings.Contains(params, "utf-32") {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.once(unreadable)
		return false
	}
	return true
}

// kindParser is a script that may have the parser insert what it loads, by document.write
// or a static import, which 'strict-dynamic' does not trust.
const (
	kindParser = "inline script that writes or imports"
	kindScript = "script" // with an address
)

// sourceOf is what a policy has to have for what stands in a page.
func sourceOf(it *page.Item, host string) (source, bool) {
	switch it.Kind {
	case page.ScriptSrc, page.StyleHref:
		if it.Kind == page.StyleHref {
			origin := originOf(string(it.Text), host)
			return source{"style-src", origin, it.Kind.String()}, origin != ""
		}
		script := scriptOf(string(it.Text), host)
		if script == "" {
			script = "'self'" // so that it is known that the page has one
		}
		return source{"script-src", script, kindScript}, true
	case page.Markup:
		return source{"", "an inline script or style of SVG with references or tags", it.Kind.String()}, true
	case page.JavaScriptURL:
		return source{"", "javascript:", it.Kind.String()}, true
	}
	kind := it.Kind.String()
	if it.Parsed {
		kind = kindParser
	}
	directive := [...]string{page.Script: "script-src", page.Style: "style-src", page.Handler: "script-src-attr", page.StyleAttr: "style-src-attr"}[it.Kind]
	return source{directive, "'sha256-" + base64.StdEncoding.EncodeToString(it.Hash[:]) + "'", kind}, true
}

// originOf is the origin of an address on another host, "" for one on this host and for
// what has none.
func originOf(address, host string) string {
	u, err := url.Parse(strings.TrimSpace(address))
	if err != nil || u.Hostname() == "" || strings.HasSuffix(u.Host, ":") || strings.EqualFold(u.Host, host) || !plainHost(u.Host) {
		return ""
	}
	switch u.Scheme {
	case "":
		return strings.ToLower(u.Host)
	case "http", "https", "ws", "wss":
		return u.Scheme + "://" + strings.ToLower(u.Host)
	}
	return ""
}

// scriptOf is the address of a script on another host without its query, so that no
// other script of that host is allowed; its origin where the address cannot stand in a policy.
func scriptOf(address, host string) string {
	origin := originOf(address, host)
	u, err := url.Parse(strings.TrimSpace(address))
	if err != nil || origin == "" {
		return origin
	}
	path := u.EscapedPath()
	if path == "/" || len(path) > 200 || strings.Trim(strings.ToLower(path), "abcdefghijklmnopqrstuvwxyz0123456789/.-_~%+@:=") != "" {
		return origin
	}
	return origin + path
}

// plainHost reports whether a host can stand in a policy as it is.
func plainHost(host string) bool {
	return len(host) <= 255 && strings.Trim(strings.ToLower(host), "abcdefghijklmnopqrstuvwxyz0123456789.:-[]") == ""
}

// tapped is a page that is looked at as it passes.
type tapped struct {
	io.ReadCloser
	page *page.Collector
	left int // bytes that are looked at yet
}

func (t *tapped) Read(p []byte) (int, error) {
	n, err := t.ReadCloser.Read(p)
	if look := min(n, t.left); look > 0 {
		t.page.Write(p[:look])
		t.left -= look
	}
	if err == io.EOF && t.left > 0 {
		t.page.Close()
		t.left = 0
	}
	return n, err
}

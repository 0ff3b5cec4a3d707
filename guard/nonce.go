// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"

	"github.com/panoply-security/panoply"
	"github.com/panoply-security/panoply/internal/page"
	"github.com/panoply-security/panoply/problem"
)

// nonces puts the nonce of an answer's policy on the scripts and styles of a page, as
// it streams. Only a policy that names nonces asks for it.
type nonces struct {
	suit   *panoply.Suit
	log    *slog.Logger
	warned [len(unreadable)]atomic.Bool
}

// unreadable is why a page stays as it is, each logged once.
var unreadable = [...]string{"it has a content coding", "its charset is none that holds ASCII as it is", "it is a part of a page"}

const (
	coded = iota
	foreign
	partial
)

// ask has the app answer with a page that can be read, and anew: one from a cache would
// have the nonce of another answer.
func (n *nonces) ask(r *http.Request, h http.Header) {
	if n.suit.Nonce(r, nil) == "" || !takesPages(r) {
		return
	}
	h["Accept-Encoding"] = []string{"identity"}
	for _, name := range []string{"If-None-Match", "If-Modified-Since", "If-Range", "Range"} {
		delete(h, name)
	}
}

// takesPages reports whether a browser asks for a page, and not for what a page loads.
func takesPages(r *http.Request) bool {
	for _, line := range r.Header["Accept"] {
		if strings.Contains(strings.ToLower(line), "text/html") {
			return true
		}
	}
	return false
}

// answered puts the nonce into an answer's page, and sees to it that no cache keeps it.
func (n *nonces) answered(res *http.Response) {
	nonce := n.suit.Nonce(res.Request, res.Header)
	if nonce == "" || !isPage(res) {
		return
	}
	h := res.Header
	switch {
	case res.StatusCode == http.StatusPartialContent:
		n.warn(res.Request, partial)
		return
	case h.Get("Content-Encoding") != "" && !strings.EqualFold(h.Get("Content-Encoding"), "identity"):
		n.warn(res.Request, coded)
		return
	case !holdsASCII(h.Get("Content-Type")):
		n.warn(res.Request, foreign)
		return
	}
	for _, name := range []string{"Content-Length", "Etag", "Last-Modified", "Accept-Ranges", "Content-Md5", "Digest", "Content-Digest", "Repr-Digest",
		"Expires", "Cdn-Cache-Control", "Cloudflare-Cdn-Cache-Control", "Vercel-Cdn-Cache-Control", "Surrogate-Control", "X-Accel-Expires"} {
		delete(h, name)
	}
	h["Cache-Control"] = []string{"no-store"}
	if res.Request.Method == http.MethodHead || res.Body == http.NoBody {
		return
	}
	res.ContentLength = -1
	rewriter := page.NewRewriter(nonce)
	rewriter.Over = len(h["Content-Security-Policy"]) > 0 // which is replaced, and its nonce with it
	res.Body = &blessed{ReadCloser: res.Body, page: rewriter}
}

func (n *nonces) warn(r *http.Request, why int) {
	if !n.warned[why].Swap(true) {
		n.log.LogAttrs(r.Context(), slog.LevelWarn, "a page has no nonces, so its policy blocks its scripts; others like it are not logged",
			slog.String("cause", unreadable[why]), slog.String("path", r.URL.Path), slog.String("id", problem.ID(r.Context())))
	}
}

// isPage reports whether an answer is HTML.
func isPage(res *http.Response) bool {
	typ, _, _ := strings.Cut(res.Header.Get("Content-Type"), ";")
	return res.StatusCode >= 200 && res.StatusCode != http.StatusNoContent && res.StatusCode != http.StatusNotModified &&
		strings.EqualFold(strings.TrimSpace(typ), "text/html")
}

// holdsASCII reports whether the charset of a page, if it is declared, has ASCII as it
// is. An undeclared one is found by browsers in the page's ASCII.
func holdsASCII(contentType string) bool {
	_, params, _ := strings.Cut(strings.ToLower(contentType), ";")
	_, charset, found := strings.Cut(params, "charset=")
	charset, _, _ = strings.Cut(charset, ";")
	switch charset = strings.Trim(charset, " \t\"'"); {
	case !found, charset == "utf-8", charset == "utf8", charset == "us-ascii", charset == "ascii":
		return true
	}
	return strings.HasPrefix(charset, "iso-8859-") || strings.HasPrefix(charset, "windows-12") || charset == "latin1" || charset == "koi8-r"
}

// blessed is a page with its nonces. What has come leaves, but for an unfinished tag.
type blessed struct {
	io.ReadCloser
	page *page.Rewriter
	in   [8 << 10]byte
	out  []byte // rewritten, from at on not read yet
	at   int
	err  error
}

func (b *blessed) Read(p []byte) (int, error) {
	for b.at == len(b.out) {
		if b.err != nil {
			return 0, b.err
		}
		var n int
		n, b.err = b.ReadCloser.Read(b.in[:])
		b.out, b.at = b.page.Append(b.out[:0], b.in[:n]), 0
		if b.err == io.EOF {
			b.out = b.page.Close(b.out)
		}
	}
	n := copy(p, b.out[b.at:])
	b.at += n
	return n, nil
}

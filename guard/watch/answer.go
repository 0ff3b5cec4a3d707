// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package watch

import (
	"bytes"
	"cmp"
	"io"
	"net/http"
	"strings"

	"github.com/panoply-security/panoply/route"
)

// Answered looks at an answer of the app, and at its body as it passes.
func (w *Watcher) Answered(res *http.Response) {
	if w == nil {
		return
	}
	w.cookies(res.Header["Set-Cookie"])
	for _, line := range res.Header["Authorization"] {
		if scheme, token, ok := strings.Cut(line, " "); ok && strings.EqualFold(scheme, "Bearer") {
			w.token("header Authorization", token)
		}
	}
	coding := res.Header.Get("Content-Encoding")
	if res.Body == http.NoBody || !strings.Contains(strings.ToLower(res.Header.Get("Content-Type")), "json") || coding != "" && coding != "identity" {
		return
	}
	key, err := route.KeyOf(res.Request.URL)
	if err != nil {
		return
	}
	where := "JSON of " + res.Request.Method + " " + cmp.Or(key.Path(), "/")
	if len(where) > 256 || !w.due(where) {
		return
	}
	res.Body = &tapped{ReadCloser: res.Body, w: w, where: where}
}

// tapped is a body that is looked at until a token was found in it.
type tapped struct {
	io.ReadCloser
	w     *Watcher
	where string
	text  []byte // of a token that may go on in the next chunk
	found bool
}

func (t *tapped) Read(p []byte) (int, error) {
	n, err := t.ReadCloser.Read(p)
	if !t.found {
		t.look(p[:n])
	}
	return n, err
}

func (t *tapped) look(b []byte) {
	for !t.found {
		if t.text == nil {
			i := bytes.Index(b, []byte(`"eyJ`))
			if i < 0 {
				return
			}
			t.text, b = []byte{}, b[i+1:]
		}
		end := bytes.IndexByte(b, '"')
		part := b
		if end >= 0 {
			part = b[:end]
		}
		t.text = append(t.text, part[:min(len(part), maxToken+1-len(t.text))]...)
		if end < 0 && len(t.text) <= maxToken {
			return
		}
		if text := string(t.text); looksLikeToken(text) {
			t.found = true
			t.w.token(t.where, text)
		}
		t.text, b = nil, b[len(part):]
	}
}

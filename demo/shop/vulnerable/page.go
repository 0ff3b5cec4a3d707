// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package vulnerable

import (
	_ "embed"
	"fmt"
	"io"
	"net/http"
)

//go:embed page.html
var pageHTML string

// page is the shop's one page.
func (a *app) page(w http.ResponseWriter, _ *http.Request) error {
	setSession(w)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	io.WriteString(w, pageHTML)
	return nil
}

// healthz says that the shop is up.
func (a *app) healthz(w http.ResponseWriter, _ *http.Request) error {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	io.WriteString(w, "ok")
	return nil
}

// events streams three server-sent events and ends.
func (a *app) events(w http.ResponseWriter, _ *http.Request) error {
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-cache")
	stream := http.NewResponseController(w)
	for i := range 3 {
		fmt.Fprintf(w, "id: %d\ndata: {\"tick\":%d}\n\n", i+1, i+1)
		stream.Flush()
	}
	return nil
}

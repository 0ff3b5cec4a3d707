// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package upload

import (
	"net/http"
	"path"
	"slices"
	"strings"

	"github.com/panoply-security/panoply/problem"
	"github.com/panoply-security/panoply/rule"
)

// Handler serves stored files by their names: mount it as
// http.StripPrefix("/uploads/", dir.Handler()). Nothing it serves can run on
// the app's origin: the type is that of the extension and never guessed
// (nosniff), pictures are shown, everything else is a download, and a sandbox
// without any rights surrounds both. Files are of whoever knows their names;
// put what checks rights in front.
func (d *Dir) Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			e := problem.Refuse(rule.RequestMethod, "")
			e.Header = http.Header{"Allow": {"GET, HEAD"}}
			problem.Write(w, r, e)
			return
		}
		name := strings.TrimPrefix(r.URL.Path, "/")
		if !d.serve(w, r, name) {
			problem.Write(w, r, problem.Public(http.StatusNotFound, "There is no such file.", nil))
		}
	})
}

func (d *Dir) serve(w http.ResponseWriter, r *http.Request, name string) bool {
	if !storedName(name) {
		return false
	}
	f, err := d.root.Open(name)
	if err != nil {
		return false
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return false
	}
	typ, disposition := servedAs(strings.TrimPrefix(path.Ext(name), "."))
	h := w.Header()
	h.Set("Content-Type", typ)
	h.Set("Content-Disposition", disposition)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "sandbox; default-src 'none'")
	h.Set("ETag", `"`+name+`"`) // a name's content never changes
	http.ServeContent(w, r, "", info.ModTime(), f)
	return true
}

func servedAs(ext string) (typ, disposition string) {
	for i := range kinds {
		k := &kinds[i]
		if !slices.Contains(k.exts, ext) || active(k.mime) {
			continue
		}
		if k.inline {
			return k.mime, "inline"
		}
		if strings.HasPrefix(k.mime, "text/") {
			return k.mime + "; charset=utf-8", "attachment"
		}
		return k.mime, "attachment"
	}
	return unknown, "attachment"
}

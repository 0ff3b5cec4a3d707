// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package vulnerable

import (
	"cmp"
	"crypto/rand"
	"errors"
	"io"
	"io/fs"
	"mime"
	"net/http"
	"os"
	"path/filepath"
	"strings"
)

// upload stores the file of the multipart field "file".
func (a *app) upload(w http.ResponseWriter, r *http.Request) error {
	file, header, err := r.FormFile("file")
	if err != nil {
		return err
	}
	defer r.MultipartForm.RemoveAll()
	defer file.Close()

	// mistake 6: any size, any number, any type, and the extension that the
	// client chose.
	name := rand.Text() + filepath.Ext(header.Filename)
	stored, err := os.Create(filepath.Join(a.uploads, name))
	if err != nil {
		return err
	}
	size, err := io.Copy(stored, file)
	if err := errors.Join(err, stored.Close()); err != nil {
		return err
	}
	return writeJSON(w, http.StatusCreated, map[string]any{"path": "/uploads/" + name, "size": size})
}

// serveUpload returns a handler that sends an uploaded file back.
func (a *app) serveUpload(name string) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		file, err := os.Open(filepath.Join(a.uploads, filepath.Base(name)))
		if errors.Is(err, fs.ErrNotExist) {
			notFound(w, r)
			return nil
		}
		if err != nil {
			return err
		}
		defer file.Close()
		// mistake 6: what came in as .html goes out as text/html.
		w.Header().Set("Content-Type", contentType(name))
		io.Copy(w, file)
		return nil
	}
}

// executable types are not among those that package mime knows everywhere.
var executable = map[string]string{
	".exe": "application/x-msdownload",
	".php": "application/x-httpd-php",
}

// contentType returns the media type of a file name's extension.
func contentType(name string) string {
	extension := strings.ToLower(filepath.Ext(name))
	return cmp.Or(executable[extension], mime.TypeByExtension(extension), "application/octet-stream")
}

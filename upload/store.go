// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package upload

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/panoply-security/panoply/problem"
	"github.com/panoply-security/panoply/rule"
)

// Store keeps files. A bucket fits: put the content under a random name.
type Store interface {
	// Save keeps the content of f under a name of the store's own choosing,
	// whole or not at all. The client's name must not become part of it.
	Save(ctx context.Context, f *File) (Stored, error)
}

// Remover is a Store that can take back what it saved, so that [Receive] keeps
// all files of a request or none.
type Remover interface {
	Remove(ctx context.Context, name string) error
}

// Stored is a file that a Store keeps.
type Stored struct {
	Name   string // the store's name for it
	Title  string // the client's name, made safe to show
	Type   string // the media type found in the content
	Size   int64
	SHA256 string // of the content, in hex
}

var receiver = sync.OnceValues(func() (*Inspector, error) { return New(Config{}) })

// Quota counts what whoever sends a request has stored. It must be safe for
// concurrent use.
type Quota interface {
	// Take counts so many bytes for whoever the request's context says, or
	// returns an error when they would be too many. [ErrQuota] and errors that
	// wrap it are answered with upload/quota.
	Take(ctx context.Context, bytes int64) error
	// Give takes back what was counted and then not stored. An app that removes
	// a stored file calls it, too.
	Give(ctx context.Context, bytes int64)
}

// ErrQuota says that a quota is used up.
var ErrQuota = errors.New("upload: the quota is used up")

// Receive saves the files of a request. The form is the one in the request's
// context, or is read with the default Config. An error of reading is a
// *problem.Error; on an error of the store, what was saved is removed again if
// the store is a [Remover].
func Receive(r *http.Request, s Store) ([]Stored, error) { return ReceiveWithin(r, s, nil) }

// ReceiveWithin is [Receive] within a quota, which may be nil. All files of the
// request are counted before the first is saved.
func ReceiveWithin(r *http.Request, s Store, q Quota) (stored []Stored, err error) {
	form := From(r.Context())
	if form == nil {
		t, err := receiver()
		if err != nil {
			return nil, err
		}
		if form, err = t.Read(r, ReadOptions{}); err != nil {
			return nil, err
		}
		defer form.Close()
	}
	if q != nil {
		total := int64(0)
		for _, f := range form.Files {
			total += f.Size
		}
		if err := q.Take(r.Context(), total); errors.Is(err, ErrQuota) {
			return nil, problem.Refuse(rule.UploadQuota, "").Because(err)
		} else if err != nil {
			return nil, err
		}
		kept, done := int64(0), false
		defer func() {
			if !done {
				q.Give(context.WithoutCancel(r.Context()), total-kept)
			}
		}()
		stored, kept, err = save(r.Context(), form, s)
		done = err == nil
		return stored, err
	}
	stored, _, err = save(r.Context(), form, s)
	return stored, err
}

// save keeps all files of a form or, as far as the store can, none. With an error kept
// is the size of those that it could not remove.
func save(ctx context.Context, form *Form, s Store) (stored []Stored, kept int64, err error) {
	stored = make([]Stored, 0, len(form.Files))
	for _, f := range form.Files {
		one, err := s.Save(ctx, f)
		if err != nil {
			remover, ok := s.(Remover)
			for i, one := range stored {
				if !ok || remover.Remove(context.WithoutCancel(ctx), one.Name) != nil {
					kept += form.Files[i].Size
				}
			}
			return nil, kept, fmt.Errorf("upload: cannot save a file: %w", err)
		}
		stored = append(stored, one)
	}
	return stored, 0, nil
}

const (
	tempPrefix = ".tmp-"
	// tempAge is how old a temporary file must be before OpenDir takes it for
	// one that a crash left behind.
	tempAge = time.Hour
)

// Dir stores files in a directory: random 128-bit names with the extension of
// the type found in the content, mode 0600. A file appears under its name when
// it is whole and on disk, never before. Paths cannot leave the directory, not
// even through symbolic links (os.Root).
type Dir struct {
	root *os.Root
}

var (
	_ Store   = (*Dir)(nil)
	_ Remover = (*Dir)(nil)
)

// OpenDir opens a directory, makes it (mode 0700) if it is missing, and removes
// temporary files that a crash left behind more than an hour ago.
func OpenDir(path string) (*Dir, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, fmt.Errorf("upload: %w", err)
	}
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, fmt.Errorf("upload: %w", err)
	}
	d := &Dir{root}
	d.sweep(time.Now())
	return d, nil
}

func (d *Dir) sweep(now time.Time) {
	entries, _ := fs.ReadDir(d.root.FS(), ".")
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), tempPrefix) {
			continue
		}
		if info, err := e.Info(); err == nil && now.Sub(info.ModTime()) > tempAge {
			d.root.Remove(e.Name())
		}
	}
}

// Close gives the directory back.
func (d *Dir) Close() error { return d.root.Close() }

// Save writes a file under a temporary name, forces it to disk and renames it.
func (d *Dir) Save(ctx context.Context, f *File) (Stored, error) {
	id := randomName()
	temp := tempPrefix + id
	out, err := d.root.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return Stored{}, err
	}
	stored := Stored{Name: id + f.Extension(), Title: SafeName(f.Name), Type: f.Type, Size: f.Size}
	stored.SHA256, err = copySum(ctx, out, f.Open())
	if err == nil {
		err = out.Sync()
	}
	if closed := out.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = d.publish(temp, stored.Name)
	}
	if err != nil {
		d.root.Remove(temp)
		return Stored{}, err
	}
	return stored, nil
}

// publish renames a file. That two names are the same by chance does not
// happen; that somebody else's file is in the way must not go unnoticed.
func (d *Dir) publish(temp, name string) error {
	if _, err := d.root.Lstat(name); err == nil {
		return fs.ErrExist
	}
	return d.root.Rename(temp, name)
}

// Remove removes a stored file.
func (d *Dir) Remove(_ context.Context, name string) error {
	if !storedName(name) {
		return fs.ErrNotExist
	}
	return d.root.Remove(name)
}

// copySum copies until the end or until the request is given up.
func copySum(ctx context.Context, w io.Writer, r io.Reader) (sum string, err error) {
	hash := sha256.New()
	_, err = io.Copy(io.MultiWriter(w, hash), readerFunc(func(b []byte) (int, error) {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		return r.Read(b)
	}))
	return hex.EncodeToString(hash.Sum(nil)), err
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(b []byte) (int, error) { return f(b) }

func randomName() string {
	var b [16]byte
	rand.Read(b[:]) // never fails: crypto/rand ends the program instead
	return hex.EncodeToString(b[:])
}

// storedName reports whether name is one that Save could have given.
func storedName(name string) bool {
	id, ext, dotted := strings.Cut(name, ".")
	if len(id) != 32 || dotted && ext == "" || len(ext) > 16 {
		return false
	}
	for i := range len(id) {
		if c := id[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	for i := range len(ext) {
		if c := ext[i]; (c < '0' || c > '9') && (c < 'a' || c > 'z') {
			return false
		}
	}
	return true
}

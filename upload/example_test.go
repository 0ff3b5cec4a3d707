// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package upload_test

import (
	"context"
	"crypto/rand"
	"io"
	"log"
	"net/http"
	"sync"

	"github.com/panoply-security/panoply/problem"
	"github.com/panoply-security/panoply/upload"
)

// An app that takes one picture of at most 2 MB, keeps it in a directory and
// serves it back.
func Example() {
	pictures, err := upload.New(upload.Config{
		MaxFileBytes: 2 << 20,
		Types:        []string{"image/jpeg", "image/png", "image/webp"},
	})
	if err != nil {
		log.Fatal(err)
	}
	dir, err := upload.OpenDir("uploads")
	if err != nil {
		log.Fatal(err)
	}
	defer dir.Close()

	mux := http.NewServeMux()
	mux.Handle("POST /api/upload", pictures.Handler(problem.Handler(func(w http.ResponseWriter, r *http.Request) error {
		stored, err := upload.Receive(r, dir)
		if err != nil {
			return err
		}
		for _, f := range stored {
			w.Header().Add("Location", "/uploads/"+f.Name)
		}
		w.WriteHeader(http.StatusCreated)
		return nil
	})))
	mux.Handle("GET /uploads/", http.StripPrefix("/uploads/", dir.Handler()))
}

// Bucket is the part of an object store's client that a Store needs.
type Bucket interface {
	Put(ctx context.Context, key, contentType string, size int64, content io.Reader) error
	Delete(ctx context.Context, key string) error
}

// BucketStore keeps files in a bucket.
type BucketStore struct{ Bucket }

// Save puts the file under a random key.
func (s BucketStore) Save(ctx context.Context, f *upload.File) (upload.Stored, error) {
	sum, err := f.SHA256()
	if err != nil {
		return upload.Stored{}, err
	}
	stored := upload.Stored{Name: rand.Text() + f.Extension(), Title: upload.SafeName(f.Name), Type: f.Type, Size: f.Size, SHA256: sum}
	return stored, s.Put(ctx, stored.Name, f.Type, f.Size, f.Open())
}

// Remove takes it back when a later file of the same request fails.
func (s BucketStore) Remove(ctx context.Context, name string) error { return s.Delete(ctx, name) }

// A bucket as a Store.
func ExampleStore() {
	var store upload.Store = BucketStore{}
	var _ upload.Remover = BucketStore{}
	_ = store
}

// perUser allows each user so many bytes. An app keeps such counts in its
// database, where they outlive a restart.
type perUser struct {
	mu    sync.Mutex
	limit int64
	used  map[string]int64
}

type userKey struct{}

func (q *perUser) Take(ctx context.Context, bytes int64) error {
	user, _ := ctx.Value(userKey{}).(string)
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.used[user]+bytes > q.limit {
		return upload.ErrQuota
	}
	q.used[user] += bytes
	return nil
}

func (q *perUser) Give(ctx context.Context, bytes int64) { _ = q.Take(ctx, -bytes) }

// A quota for each user. The middleware that knows who sends the request puts
// the user into its context.
func ExampleReceiveWithin() {
	dir, err := upload.OpenDir("uploads")
	if err != nil {
		log.Fatal(err)
	}
	defer dir.Close()
	quota := &perUser{limit: 100 << 20, used: map[string]int64{}}
	http.Handle("POST /api/upload", problem.Handler(func(w http.ResponseWriter, r *http.Request) error {
		_, err := upload.ReceiveWithin(r, dir, quota) // upload/quota (413) beyond 100 MB
		return err
	}))
}

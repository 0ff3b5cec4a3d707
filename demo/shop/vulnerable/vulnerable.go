// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

// Package vulnerable is the demo's shop as the article's ❌ code: it makes all
// seven mistakes, each marked by a comment "mistake N". It is written in Go
// with net/http and the MongoDB driver but keeps the habits of an Express app:
// how bodies are decoded (see body.go and form.go), how paths are matched, and
// that whatever came in a body goes on as it is.
//
// It exists to be attacked. Serve it on a loopback address only, with a
// database and a folder that hold nothing of value.
package vulnerable

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/panoply-security/panoply/demo/shop"
)

// Options says where the shop keeps its data. Both fields are required.
type Options struct {
	Database  *mongo.Database // an empty one; New fills it
	UploadDir string          // an existing folder; the caller removes it
}

// app is the shop. Its handlers return an error where an Express handler
// would throw one.
type app struct {
	users    *mongo.Collection
	products *mongo.Collection
	uploads  string
}

type handler func(http.ResponseWriter, *http.Request) error

// New fills the database with the shop's first data and returns the shop. It
// reports missing options and a database that is not empty.
func New(o Options) (http.Handler, error) {
	if o.Database == nil || o.UploadDir == "" {
		return nil, errors.New("vulnerable: Database and UploadDir are required")
	}
	if info, err := os.Stat(o.UploadDir); err != nil || !info.IsDir() {
		return nil, fmt.Errorf("vulnerable: %s is not a folder", o.UploadDir)
	}
	a := &app{
		users:    o.Database.Collection("users"),
		products: o.Database.Collection("products"),
		uploads:  o.UploadDir,
	}
	if err := a.seed(context.Background()); err != nil {
		return nil, fmt.Errorf("vulnerable: failed to fill the database: %w", err)
	}
	return a, nil
}

// seed stores the first users and products.
func (a *app) seed(ctx context.Context) error {
	n, err := a.users.CountDocuments(ctx, bson.M{})
	if err != nil {
		return err
	}
	if n > 0 {
		return errors.New("it already holds users")
	}
	_, err = a.users.Indexes().CreateOne(ctx, mongo.IndexModel{
		Keys:    bson.D{{Key: "email", Value: 1}},
		Options: options.Index().SetUnique(true),
	})
	if err != nil {
		return err
	}
	_, err = a.users.InsertMany(ctx, []any{
		// mistake 7: plaintext passwords, so that a query can compare them.
		bson.M{"name": shop.AdminName, "email": shop.AdminEmail, "role": "admin", "password": rand.Text()},
		bson.M{"name": shop.AliceName, "email": shop.AliceEmail, "role": "user", "password": shop.AlicePassword},
	})
	if err != nil {
		return err
	}
	_, err = a.products.InsertMany(ctx, shop.Products())
	return err
}

// ServeHTTP matches paths as Express does: without regard to case, a trailing
// slash or doubled slashes.
func (a *app) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	// mistake 1: no security header anywhere, and the framework names itself.
	w.Header().Set("X-Powered-By", "Express")

	defer func() {
		if p := recover(); p != nil && p != http.ErrAbortHandler {
			fail(w, fmt.Errorf("%v", p))
		}
	}()

	path := normal(r.URL.Path)
	h := a.route(r.Method, strings.ToLower(path), path)
	if h == nil {
		notFound(w, r)
		return
	}
	if err := h(w, r); err != nil {
		fail(w, err)
	}
}

// route returns the handler of a path, or nil. The lower-case path is matched;
// the path as it was names the uploaded file.
func (a *app) route(method, lower, path string) handler {
	if method == http.MethodHead {
		method = http.MethodGet // As Express does; net/http drops the body.
	}
	switch method + " " + lower {
	case "GET /":
		return a.page
	case "GET /healthz":
		return a.healthz
	case "GET /api/me":
		return a.me
	case "GET /api/admin/users":
		return a.adminUsers
	case "GET /api/data":
		return a.data
	case "GET /api/products":
		return a.listProducts
	case "GET /api/events":
		return a.events
	// mistake 2: nothing counts or slows the attempts to log in.
	case "POST /api/login":
		return a.login
	case "POST /api/logout":
		return a.logout
	case "POST /api/users":
		return a.createUser
	case "POST /api/upload":
		return a.upload
	}
	if method == http.MethodGet && strings.HasPrefix(lower, "/uploads/") {
		return a.serveUpload(path[len("/uploads/"):])
	}
	return nil
}

// normal removes doubled and trailing slashes.
func normal(path string) string {
	var b strings.Builder
	for segment := range strings.SplitSeq(path, "/") {
		if segment != "" {
			b.WriteString("/" + segment)
		}
	}
	if b.Len() == 0 {
		return "/"
	}
	return b.String()
}

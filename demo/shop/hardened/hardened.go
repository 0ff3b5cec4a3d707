// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

// Package hardened is the demo's shop as the article's ✅ code, written with
// Panoply's library: the same API as package vulnerable, and none of the seven
// mistakes. Where a mistake is closed, a comment says "mistake N". It is meant
// to be read and copied.
//
// Only this file puts things together. The others are one idea each: accounts,
// sign-in, products, uploads, pages. Their handlers return an error; what the
// client may know of it is in the error's type, everything else goes to the
// log alone.
package hardened

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/panoply-security/panoply"
	"github.com/panoply-security/panoply/demo/shop"
	"github.com/panoply-security/panoply/password"
	"github.com/panoply-security/panoply/problem"
	"github.com/panoply-security/panoply/session"
	"github.com/panoply-security/panoply/token"
	"github.com/panoply-security/panoply/upload"
)

// Options says where the shop keeps its data.
type Options struct {
	Database  *mongo.Database // an empty one; New fills it
	UploadDir string          // made if it is not there; the caller removes it
	Logger    *slog.Logger    // nil is slog.Default()
}

// app is the shop.
type app struct {
	users     *mongo.Collection
	products  *mongo.Collection
	passwords *password.Hasher
	sessions  *session.Sessions
	tokens    *token.Tokens
	uploads   *upload.Dir
}

// New fills the database with the shop's first data and returns the shop. It
// reports missing options and a database that is not empty.
func New(o Options) (http.Handler, error) {
	if o.Database == nil || o.UploadDir == "" {
		return nil, errors.New("hardened: Database and UploadDir are required")
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}

	// Mistakes 1, 2, 4, 6 and 7 are closed for every route at once. The zero
	// policy has the article's numbers: Helmet's headers, 5 failed logins in 15
	// minutes, errors that say nothing, uploads of 5 MB that are what they claim
	// to be, no query operators.
	suit, err := panoply.New(panoply.Policy{}, panoply.WithLogger(o.Logger))
	if err != nil {
		return nil, err
	}

	a := &app{users: o.Database.Collection("users"), products: o.Database.Collection("products")}

	// Mistake 5: cookies and tokens that end after an hour, and a secret that
	// nobody can guess. An app that runs longer than a demo leaves the secret
	// out: then it comes from the environment variable JWT_SECRET.
	secret := make([]byte, 48)
	rand.Read(secret)
	if a.tokens, err = token.New(token.Config{Secret: secret}); err != nil {
		return nil, err
	}
	if a.sessions, err = session.New(session.Config{Logger: o.Logger}); err != nil {
		return nil, err
	}
	if a.passwords, err = password.New(password.Config{}); err != nil {
		return nil, err
	}
	if a.uploads, err = upload.OpenDir(o.UploadDir); err != nil {
		return nil, err
	}
	if err := a.seed(context.Background()); err != nil {
		return nil, fmt.Errorf("hardened: failed to fill the database: %w", err)
	}
	return suit.Handler(a.sessions.Handler(a.routes())), nil
}

func (a *app) routes() http.Handler {
	mux := http.NewServeMux()
	handle := func(pattern string, h problem.HandlerFunc) { mux.Handle(pattern, h) }
	handle("GET /{$}", a.page)
	handle("GET /healthz", a.healthz)
	handle("GET /api/events", a.events)
	handle("GET /api/data", a.data)
	handle("GET /api/products", a.listProducts)
	handle("POST /api/login", a.login)
	handle("POST /api/logout", a.logout)
	handle("POST /api/users", a.createUser)
	handle("POST /api/upload", a.upload)
	mux.Handle("GET /api/me", a.signedIn(a.me))
	mux.Handle("GET /api/admin/users", a.signedIn(a.adminUsers))
	mux.Handle("GET /uploads/", http.StripPrefix("/uploads/", a.uploads.Handler()))
	mux.Handle("GET /static/", http.FileServerFS(static))
	return mux
}

// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

// Package hardened is the shop done right: the article's ✅ code in Go, with the
// library. It is written to be copied from.
//
// Handlers return errors, and package problem answers them. Bodies are read into
// structs that say what may be in them. Queries are made of strings and numbers,
// never of what came in. One suit stands before all of it.
package hardened

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/panoply-security/panoply"
	"github.com/panoply-security/panoply/demo/shop"
	"github.com/panoply-security/panoply/nosql/mongoquery"
	"github.com/panoply-security/panoply/password"
	"github.com/panoply-security/panoply/problem"
	"github.com/panoply-security/panoply/session"
	"github.com/panoply-security/panoply/token"
	"github.com/panoply-security/panoply/upload"
)

// Options are what the shop needs.
type Options struct {
	Database  *mongo.Database // an empty one; New fills it
	UploadDir string          // made if it is not there
	Logger    *slog.Logger
}

// app is the shop with what its handlers use.
type app struct {
	users     *mongo.Collection
	products  *mongo.Collection
	passwords *password.Hasher
	tokens    *token.Tokens
	uploads   *upload.Dir
}

// New makes the shop.
func New(o Options) (http.Handler, error) {
	suit, err := panoply.New(panoply.Policy{}, panoply.WithLogger(o.Logger)) // the article's numbers
	if err != nil {
		return nil, err
	}
	sessions, err := session.New(session.Config{Logger: o.Logger})
	if err != nil {
		return nil, err
	}
	a := &app{users: o.Database.Collection("users"), products: o.Database.Collection("products")}
	if a.passwords, err = password.New(password.Config{}); err != nil {
		return nil, err
	}
	// A real app reads its secret from the environment: token.Config{} does.
	if a.tokens, err = token.New(token.Config{Secret: newSecret()}); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(o.UploadDir, 0o700); err != nil {
		return nil, err
	}
	if a.uploads, err = upload.OpenDir(o.UploadDir); err != nil {
		return nil, err
	}
	if err := a.seed(context.Background()); err != nil {
		return nil, fmt.Errorf("hardened: failed to fill the database: %w", err)
	}
	return suit.Handler(sessions.Handler(a.routes())), nil
}

func newSecret() []byte {
	secret := make([]byte, 48)
	rand.Read(secret)
	return []byte(base64.StdEncoding.EncodeToString(secret))
}

func (a *app) routes() http.Handler {
	mux := http.NewServeMux()
	for pattern, handle := range map[string]func(http.ResponseWriter, *http.Request) error{
		"GET /{$}":             a.page,
		"GET /app.js":          a.script,
		"GET /healthz":         a.healthz,
		"POST /api/login":      a.login,
		"POST /api/logout":     a.logout,
		"POST /api/users":      a.createUser,
		"GET /api/me":          a.me,
		"GET /api/admin/users": a.adminUsers,
		"GET /api/data":        a.data,
		"GET /api/products":    a.listProducts,
		"GET /api/events":      a.events,
		"POST /api/upload":     a.upload,
	} {
		mux.Handle(pattern, problem.Handler(handle))
	}
	mux.Handle("GET /uploads/", http.StripPrefix("/uploads/", a.uploads.Handler()))
	return mux
}

// user is a document of the users collection. Its hash never leaves: answers
// are made of publicUser.
type user struct {
	ID    bson.ObjectID `bson:"_id,omitempty"`
	Name  string        `bson:"name"`
	Email string        `bson:"email"`
	Role  string        `bson:"role"`
	Hash  string        `bson:"hash"`
}

type publicUser struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	Email string `json:"email"`
	Role  string `json:"role"`
}

func (u user) public() publicUser { return publicUser{u.ID.Hex(), u.Name, u.Email, u.Role} }

func (a *app) seed(ctx context.Context) error {
	_, err := a.users.Indexes().CreateOne(ctx, mongo.IndexModel{
		Keys: bson.D{{Key: "email", Value: 1}}, Options: options.Index().SetUnique(true)})
	if err != nil {
		return err
	}
	// Alice's password stands in the article and is known from breaches: who signs up here
	// could not choose it.
	seeds, err := password.New(password.Config{UnsafeAllowBreached: true})
	if err != nil {
		return err
	}
	for _, u := range []struct{ name, email, role, password string }{
		{shop.AdminName, shop.AdminEmail, "admin", rand.Text()},
		{shop.AliceName, shop.AliceEmail, "user", shop.AlicePassword},
	} {
		hash, err := seeds.Hash(ctx, u.password)
		if err != nil {
			return err
		}
		if _, err := a.users.InsertOne(ctx, user{Name: u.name, Email: u.email, Role: u.role, Hash: hash}); err != nil {
			return err
		}
	}
	_, err = a.products.InsertMany(ctx, shop.Products())
	return err
}

// find returns the user that one field names, or found is false. The filter has
// no room for an operator (mistake 7).
func find[T string | bson.ObjectID](ctx context.Context, a *app, field string, value T) (u user, found bool, err error) {
	err = a.users.FindOne(ctx, mongoquery.Eq(field, value)).Decode(&u)
	if errors.Is(err, mongo.ErrNoDocuments) {
		return user{}, false, nil
	}
	return u, err == nil, err
}

func writeJSON(w http.ResponseWriter, status int, v any) error {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	return json.NewEncoder(w).Encode(v)
}

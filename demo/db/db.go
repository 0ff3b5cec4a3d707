// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

// Package db runs the database of the demo inside the process, so that the
// demo needs nothing but Go: FerretDB, which speaks MongoDB's wire protocol,
// on top of SQLite in a temporary folder, on a free port of the loopback
// address. It is for demonstrations and tests only; there is no
// authentication.
//
// The operators that NoSQL injection lives on are real: $ne, $gt, $regex,
// $in, $or, $exists. What does not work: $where, $expr, $lookup, TTL indexes
// and transactions. Every find reads the whole collection, so a few hundred
// documents are the reasonable maximum.
package db

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/FerretDB/FerretDB/ferretdb"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// connectTimeout bounds the wait for a server that does not answer.
const connectTimeout = 5 * time.Second

// starting serialises starts, because ferretdb.New writes a global variable.
var starting sync.Mutex

// DB is a running embedded database.
type DB struct {
	uri   string
	dir   string
	stop  context.CancelFunc
	ended chan struct{}
}

// Start starts a database with no data and returns when it answers. The
// context bounds the start only: the database runs until [DB.Close].
func Start(ctx context.Context) (*DB, error) {
	dir, err := os.MkdirTemp("", "panoply-demo-db-")
	if err != nil {
		return nil, fmt.Errorf("failed to make the database folder: %w", err)
	}

	starting.Lock()
	server, err := ferretdb.New(&ferretdb.Config{
		Listener: ferretdb.ListenerConfig{TCP: "127.0.0.1:0"},
		Logger:   slog.New(slog.DiscardHandler),
		Handler:  "sqlite",
		// The data lives as long as the process: nothing to gain from fsync.
		SQLiteURL: "file:" + filepath.ToSlash(dir) + "/?_pragma=synchronous(off)",
	})
	starting.Unlock()
	if err != nil {
		return nil, fmt.Errorf("failed to start the embedded database: %w", removing(dir, err))
	}

	running, stop := context.WithCancel(context.Background())
	d := &DB{uri: server.MongoDBURI(), dir: dir, stop: stop, ended: make(chan struct{})}
	go func() {
		defer close(d.ended)
		_ = server.Run(running) // It always returns nil.
	}()

	client, err := Connect(ctx, d.uri)
	if err != nil {
		_ = d.Close() // The first error says more.
		return nil, fmt.Errorf("the embedded database does not answer: %w", err)
	}
	if err := client.Disconnect(ctx); err != nil {
		_ = d.Close()
		return nil, fmt.Errorf("failed to start the embedded database: %w", err)
	}
	return d, nil
}

// URI is the connection string for MongoDB drivers.
func (d *DB) URI() string { return d.uri }

// Close stops the database and removes its folder. Disconnect the clients
// first: FerretDB gives a client that is still connected three seconds to
// leave. No goroutine stays behind. Closing twice is harmless.
func (d *DB) Close() error {
	d.stop()
	<-d.ended
	if err := os.RemoveAll(d.dir); err != nil {
		return fmt.Errorf("failed to remove the database folder: %w", err)
	}
	return nil
}

// Connect returns a client of the official driver for the server at uri, the
// embedded one or a real MongoDB, after that server answered a ping. The
// caller disconnects it.
func Connect(ctx context.Context, uri string) (*mongo.Client, error) {
	client, err := mongo.Connect(options.Client().
		ApplyURI(uri).
		SetConnectTimeout(connectTimeout).
		SetServerSelectionTimeout(connectTimeout))
	if err != nil {
		return nil, fmt.Errorf("failed to connect to the database: %w", err)
	}
	if err := client.Ping(ctx, nil); err != nil {
		_ = client.Disconnect(ctx) // The ping's error says more.
		return nil, fmt.Errorf("failed to connect to the database: %w", err)
	}
	return client, nil
}

// removing removes the folder of a database that did not start and returns
// the reason for which it did not.
func removing(dir string, reason error) error {
	_ = os.RemoveAll(dir)
	return reason
}

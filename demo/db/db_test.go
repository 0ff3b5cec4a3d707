// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package db

import (
	"context"
	"errors"
	"os"
	"runtime"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// connected starts a database and returns a client of it, both ended by the
// test's cleanup.
func connected(t *testing.T) *mongo.Client {
	t.Helper()
	d, err := Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	client, err := Connect(t.Context(), d.URI())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := client.Disconnect(context.Background()); err != nil {
			t.Error(err)
		}
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return client
}

func TestOperators(t *testing.T) {
	users := connected(t).Database("shop").Collection("users")
	_, err := users.InsertMany(t.Context(), []any{
		bson.M{"email": "admin@shop.example", "password": "b", "age": 50},
		bson.M{"email": "alice@shop.example", "password": "a", "age": 20},
	})
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name   string
		filter bson.M
		want   int64
	}{
		{"equal", bson.M{"password": "a"}, 1},
		{"equal-matches-nothing", bson.M{"password": "c"}, 0},
		{"ne", bson.M{"password": bson.M{"$ne": ""}}, 2},
		{"ne-excludes", bson.M{"password": bson.M{"$ne": "a"}}, 1},
		{"gt-string", bson.M{"password": bson.M{"$gt": "a"}}, 1},
		{"gt-number", bson.M{"age": bson.M{"$gt": 20.0}}, 1},
		{"regex", bson.M{"email": bson.M{"$regex": "^ad.*"}}, 1},
		{"regex-with-options", bson.M{"email": bson.M{"$regex": "^AD", "$options": "i"}}, 1},
		{"in", bson.M{"password": bson.M{"$in": bson.A{"a", "b", "c"}}}, 2},
		{"in-matches-nothing", bson.M{"password": bson.M{"$in": bson.A{"c"}}}, 0},
		{"or", bson.M{"$or": bson.A{bson.M{"password": "a"}, bson.M{"age": 50}}}, 2},
		{"exists", bson.M{"role": bson.M{"$exists": false}}, 2},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := users.CountDocuments(t.Context(), test.filter)
			if err != nil {
				t.Fatal(err)
			}
			if got != test.want {
				t.Errorf("%v matched %d documents; want %d", test.filter, got, test.want)
			}
		})
	}
}

func TestUnknownOperatorIsAnError(t *testing.T) {
	users := connected(t).Database("shop").Collection("users")
	if _, err := users.InsertOne(t.Context(), bson.M{"email": "a"}); err != nil {
		t.Fatal(err)
	}
	err := users.FindOne(t.Context(), bson.M{"email": bson.M{"$foo": 1}}).Err()
	if err == nil || errors.Is(err, mongo.ErrNoDocuments) {
		t.Errorf("got %v; want the server's refusal", err)
	}
}

func TestUniqueIndex(t *testing.T) {
	users := connected(t).Database("shop").Collection("users")
	_, err := users.Indexes().CreateOne(t.Context(), mongo.IndexModel{
		Keys:    bson.D{{Key: "email", Value: 1}},
		Options: options.Index().SetUnique(true),
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := users.InsertOne(t.Context(), bson.M{"email": "a"}); err != nil {
		t.Fatal(err)
	}
	if _, err := users.InsertOne(t.Context(), bson.M{"email": "a"}); !mongo.IsDuplicateKeyError(err) {
		t.Errorf("got %v; want a duplicate key error", err)
	}
}

func TestTwoDatabasesShareNothing(t *testing.T) {
	first := connected(t).Database("shop").Collection("users")
	second := connected(t).Database("shop").Collection("users")
	if _, err := first.InsertOne(t.Context(), bson.M{"email": "a"}); err != nil {
		t.Fatal(err)
	}
	got, err := second.CountDocuments(t.Context(), bson.M{})
	if err != nil || got != 0 {
		t.Errorf("the second database holds %d documents, %v; want none", got, err)
	}
}

func TestCloseLeavesNothing(t *testing.T) {
	d, err := Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(d.dir); err != nil {
		t.Fatalf("no folder while running: %v", err)
	}
	for range 2 { // The second Close is harmless.
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Stat(d.dir); !os.IsNotExist(err) {
		t.Errorf("the folder is still there: %v", err)
	}
	// A goroutine that was told to end may need a few turns of the scheduler.
	var left string
	for range 100_000 {
		if left = goroutinesOf("FerretDB", "modernc.org/sqlite", "mongo-driver"); left == "" {
			return
		}
		runtime.Gosched()
	}
	t.Errorf("goroutines left:\n%s", left)
}

func TestStartObeysItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if d, err := Start(ctx); err == nil {
		_ = d.Close()
		t.Error("started with a cancelled context")
	}
}

func TestConnectRefusesAnAbsentServer(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Connect(ctx, "mongodb://127.0.0.1:1/"); err == nil {
		t.Error("connected to nothing")
	}
}

// goroutinesOf returns the stacks of the goroutines that run code of any of
// the named packages.
func goroutinesOf(packages ...string) string {
	buf := make([]byte, 1<<20)
	buf = buf[:runtime.Stack(buf, true)]
	var found []string
	for stack := range strings.SplitSeq(string(buf), "\n\n") {
		for _, p := range packages {
			if strings.Contains(stack, p) {
				found = append(found, stack)
				break
			}
		}
	}
	return strings.Join(found, "\n\n")
}

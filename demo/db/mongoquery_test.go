// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package db

import (
	"context"
	"log/slog"
	"slices"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/panoply-security/panoply/nosql/mongoquery"
)

// Typed filters mean to a database what they say, and the monitor tells them from
// operators that came from elsewhere in whatever command the driver makes of them.
func TestTypedFilters(t *testing.T) {
	d, err := Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	var found []string
	monitor, err := mongoquery.Monitor(mongoquery.MonitorConfig{Logger: slog.New(slog.DiscardHandler),
		Report: func(_ context.Context, f mongoquery.Finding) { found = append(found, f.Command+" "+f.Path) }})
	if err != nil {
		t.Fatal(err)
	}
	client, err := mongo.Connect(options.Client().ApplyURI(d.URI()).SetServerSelectionTimeout(connectTimeout).SetMonitor(monitor))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Disconnect(context.Background()) })
	users := client.Database("shop").Collection("users")
	id, at := bson.NewObjectID(), time.UnixMilli(1764201600000)
	if _, err := users.InsertMany(t.Context(), []any{
		bson.M{"_id": id, "email": "admin@shop.example", "password": "b", "age": 50, "at": at},
		bson.M{"email": "a.*@shop.example", "password": "a", "age": 20, "nick": "al"},
	}); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		f    mongoquery.Filter
		want int64
	}{
		"eq":               {mongoquery.Eq("password", "a"), 1},
		"eq-operator-text": {mongoquery.Eq("password", `{"$ne":""}`), 0},
		"eq-id":            {mongoquery.Eq("_id", id), 1},
		"eq-time":          {mongoquery.Eq("at", at), 1},
		"ne":               {mongoquery.Ne("password", "a"), 1},
		"gt":               {mongoquery.Gt("age", 20), 1},
		"gte":              {mongoquery.Gte("age", 20), 2},
		"lt":               {mongoquery.Lt("age", 50.0), 1},
		"lte":              {mongoquery.Lte("age", 50), 2},
		"in":               {mongoquery.In("password", "a", "b", "c"), 2},
		"in-nothing":       {mongoquery.In[string]("password"), 0},
		"nin":              {mongoquery.Nin("password", "a"), 1},
		"exists":           {mongoquery.Exists("nick", true), 1},
		"exists-not":       {mongoquery.Exists("nick", false), 1},
		"prefix":           {mongoquery.Prefix("email", "a.*"), 1},
		"and":              {mongoquery.And(mongoquery.Gt("age", 10), mongoquery.Lt("age", 30)), 1},
		"or":               {mongoquery.Or(mongoquery.Eq("age", 20), mongoquery.Eq("age", 50)), 2},
		"nor":              {mongoquery.Nor(mongoquery.Eq("age", 20)), 1},
		"all":              {mongoquery.All(), 2},
	} {
		t.Run(name, func(t *testing.T) {
			cursor, err := users.Find(t.Context(), tt.f)
			if err != nil {
				t.Fatal(err)
			}
			var docs []bson.M
			if err := cursor.All(t.Context(), &docs); err != nil || int64(len(docs)) != tt.want {
				t.Errorf("found %d documents, %v; want %d", len(docs), err, tt.want)
			}
			if n, err := users.CountDocuments(t.Context(), tt.f); err != nil || n != tt.want {
				t.Errorf("counted %d documents, %v; want %d", n, err, tt.want)
			}
		})
	}
	if _, err := users.UpdateMany(t.Context(), mongoquery.Gt("age", 40), bson.M{"$set": bson.M{"old": true}}); err != nil {
		t.Error(err)
	}
	if err := users.FindOneAndDelete(t.Context(), mongoquery.Eq("old", true)).Err(); err != nil {
		t.Error(err)
	}
	if res, err := users.DeleteMany(t.Context(), mongoquery.Exists("nick", true)); err != nil || res.DeletedCount != 1 {
		t.Errorf("deleted %v, %v; want the last one", res, err)
	}
	if len(found) > 0 {
		t.Errorf("typed filters are reported: %q", found)
	}

	var body map[string]any // as an app decodes it that does not check
	if err := bson.UnmarshalExtJSON([]byte(`{"email":"admin@shop.example","password":{"$ne":""}}`), false, &body); err != nil {
		t.Fatal(err)
	}
	_ = users.FindOne(t.Context(), body).Err()
	_, _ = users.CountDocuments(t.Context(), body)
	_, _ = users.UpdateOne(t.Context(), body, bson.M{"$set": bson.M{"a": 1}})
	_, _ = users.DeleteOne(t.Context(), body)
	_ = users.FindOneAndUpdate(t.Context(), body, bson.M{"$set": bson.M{"a": 1}}).Err()
	_ = users.Distinct(t.Context(), "email", body).Err()
	want := []string{"find password.$ne", "aggregate password.$ne", "update password.$ne", "delete password.$ne", "findAndModify password.$ne", "distinct password.$ne"}
	if !slices.Equal(found, want) {
		t.Errorf("reported %q; want %q", found, want)
	}
}

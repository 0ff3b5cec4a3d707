// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package mongoquery_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/event"

	"github.com/panoply-security/panoply/nosql/mongoquery"
)

// watch returns what a monitor reports of one command.
func watch(t *testing.T, declared []string, command bson.D) []string {
	t.Helper()
	var found []string
	m, err := mongoquery.Monitor(mongoquery.MonitorConfig{Declared: declared, Logger: slog.New(slog.DiscardHandler),
		Report: func(_ context.Context, f mongoquery.Finding) {
			found = append(found, f.Command+" "+f.Collection+" "+f.Path)
		}})
	if err != nil {
		t.Fatal(err)
	}
	b, err := bson.Marshal(command)
	if err != nil {
		t.Fatal(err)
	}
	m.Started(t.Context(), &event.CommandStartedEvent{CommandName: command[0].Key, Command: b})
	return found
}

func d(key string, value any) bson.D { return bson.D{{Key: key, Value: value}} }

func command(name string, rest ...bson.E) bson.D {
	return append(append(bson.D{{Key: name, Value: "users"}}, rest...), bson.E{Key: "lsid", Value: d("$id", 1)}, bson.E{Key: "$db", Value: "shop"})
}

func TestMonitor(t *testing.T) {
	injected := d("password", d("$ne", ""))
	deep := injected
	for range 70 {
		deep = d("a", deep)
	}
	e := func(key string, value any) bson.E { return bson.E{Key: key, Value: value} }
	for name, tt := range map[string]struct {
		declared []string
		command  bson.D
		want     []string
	}{
		"values-alone":    {nil, command("find", e("filter", bson.D{{Key: "email", Value: "$ne"}, {Key: "n", Value: 1}})), nil},
		"find":            {nil, command("find", e("filter", injected)), []string{"find users password.$ne"}},
		"count":           {nil, command("count", e("query", injected)), []string{"count users password.$ne"}},
		"distinct":        {nil, command("distinct", e("key", "a"), e("query", injected)), []string{"distinct users password.$ne"}},
		"find-and-modify": {nil, command("findAndModify", e("query", injected), e("update", d("$set", d("a", 1)))), []string{"findAndModify users password.$ne"}},
		"update": {nil, command("update", e("updates", bson.A{bson.D{{Key: "q", Value: d("a", 1)}, {Key: "u", Value: d("$set", d("a", 1))}},
			bson.D{{Key: "q", Value: injected}, {Key: "u", Value: d("$inc", d("a", 1))}}})), []string{"update users password.$ne"}},
		"delete": {nil, command("delete", e("deletes", bson.A{d("q", d("$where", "1"))})), []string{"delete users $where"}},
		"aggregate": {nil, command("aggregate", e("pipeline", bson.A{d("$match", injected), d("$group", d("_id", "$email"))})),
			[]string{"aggregate users password.$ne"}},
		"match-inside": {nil, command("aggregate", e("pipeline", bson.A{d("$facet", d("a", bson.A{d("$match", d("$or", bson.A{injected}))}))})),
			[]string{"aggregate users $or", "aggregate users password.$ne"}},
		"nested-and-in-lists": {nil, command("find", e("filter", d("$and", bson.A{d("a.b", d("$elemMatch", d("c", d("$gt", 1))))}))),
			[]string{"find users $and", "find users a.b.$elemMatch", "find users a.b.c.$gt"}},
		"too-deep":             {nil, command("find", e("filter", deep)), []string{"find users " + strings.Repeat("a.", 65) + "…"}},
		"declared":             {[]string{"$ne"}, command("find", e("filter", injected)), nil},
		"declared-there":       {[]string{"users.password.$ne"}, command("find", e("filter", injected)), nil},
		"declared-elsewhere":   {[]string{"users.email.$ne", "orders.password.$ne"}, command("find", e("filter", injected)), []string{"find users password.$ne"}},
		"declared-inside-or":   {[]string{"$or", "users.password.$ne"}, command("find", e("filter", d("$or", bson.A{injected}))), nil},
		"a-filter":             {nil, command("find", e("filter", mongoquery.Or(mongoquery.Ne("a", "x"), mongoquery.Gt("b", 1)))), nil},
		"a-filter-in-match":    {nil, command("aggregate", e("pipeline", bson.A{d("$match", mongoquery.Gt("b", 2))})), nil},
		"a-filter-in-update":   {nil, command("update", e("updates", bson.A{d("q", mongoquery.Gt("b", 3))})), nil},
		"a-filter-within-hand": {[]string{"$and"}, command("find", e("filter", d("$and", bson.A{mongoquery.Gt("b", 4), injected}))), []string{"find users password.$ne"}},
		"other-commands":       {nil, command("insert", e("documents", bson.A{injected})), nil},
		"no-filter":            {nil, command("find"), nil},
		"filter-of-a-kind":     {nil, command("find", e("filter", 1)), nil},
	} {
		t.Run(name, func(t *testing.T) {
			if got := watch(t, tt.declared, tt.command); !slices.Equal(got, tt.want) {
				t.Errorf("found %q; want %q", got, tt.want)
			}
		})
	}
}

func TestMonitorFaults(t *testing.T) {
	for _, d := range []string{"", "ne", "$", "users.$ne", "password.$ne", "$ne.a", "$a$b", "users.a.$b.c"} {
		if _, err := mongoquery.Monitor(mongoquery.MonitorConfig{Declared: []string{"$gt", d}}); err == nil || !strings.Contains(err.Error(), "Declared[1]") {
			t.Errorf("%q: got %v; want a fault at Declared[1]", d, err)
		}
	}
}

// The log has names and no values, each finding once, and not more than there is
// room for.
func TestMonitorLog(t *testing.T) {
	var log bytes.Buffer
	reported, passedOn := 0, 0
	m, err := mongoquery.Monitor(mongoquery.MonitorConfig{Logger: slog.New(slog.NewTextHandler(&log, nil)),
		Report: func(context.Context, mongoquery.Finding) { reported++ },
		Next:   &event.CommandMonitor{Started: func(context.Context, *event.CommandStartedEvent) { passedOn++ }}})
	if err != nil {
		t.Fatal(err)
	}
	const shapes = 2000
	for range 3 {
		for i := range shapes {
			b, err := bson.Marshal(command("find", bson.E{Key: "filter", Value: d(fmt.Sprint("f\n", i), d("$ne", "hunter2"))}))
			if err != nil {
				t.Fatal(err)
			}
			m.Started(t.Context(), &event.CommandStartedEvent{CommandName: "find", Command: b})
		}
	}
	if reported != 3*shapes || passedOn != 3*shapes {
		t.Errorf("%d are reported and %d passed on; want %d", reported, passedOn, 3*shapes)
	}
	if got := strings.Count(log.String(), "\n"); got != 1025 {
		t.Errorf("the log has %d lines; want 1024 and one for the rest", got)
	}
	if strings.Contains(log.String(), "hunter2") {
		t.Error("the log has the value")
	}
}

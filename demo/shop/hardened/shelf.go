// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package hardened

import (
	_ "embed"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/panoply-security/panoply/demo/shop"
	"github.com/panoply-security/panoply/problem"
	"github.com/panoply-security/panoply/upload"
)

//go:embed page.html
var pageHTML string

// The page's script is a file, so that the CSP needs no exception for it.
//
//go:embed app.js
var appJS string

func (a *app) page(w http.ResponseWriter, _ *http.Request) error {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, err := io.WriteString(w, pageHTML)
	return err
}

func (a *app) script(w http.ResponseWriter, _ *http.Request) error {
	w.Header().Set("Content-Type", "text/javascript; charset=utf-8")
	_, err := io.WriteString(w, appJS)
	return err
}

func (a *app) healthz(w http.ResponseWriter, _ *http.Request) error {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, err := io.WriteString(w, "ok")
	return err
}

// comparisons are the filters that a client may use, and nothing else.
var comparisons = map[string]string{"lt": "$lt", "lte": "$lte", "gt": "$gt", "gte": "$gte"}

// listProducts builds its query out of numbers and of a quoted text.
func (a *app) listProducts(w http.ResponseWriter, r *http.Request) error {
	query := r.URL.Query()
	filter := bson.D{}
	for _, field := range []string{"price", "rating"} {
		for word, operator := range comparisons {
			name := field + "[" + word + "]"
			if !query.Has(name) {
				continue
			}
			bound, err := strconv.ParseFloat(query.Get(name), 64)
			if err != nil {
				return &problem.Error{Status: http.StatusBadRequest,
					Fields: []problem.Field{{Pointer: "#query/" + name, Detail: "It must be a number."}}}
			}
			filter = append(filter, bson.E{Key: field, Value: bson.D{{Key: operator, Value: bound}}})
		}
	}
	if text := query.Get("q"); text != "" {
		filter = append(filter, bson.E{Key: "name", Value: bson.Regex{Pattern: regexp.QuoteMeta(text), Options: "i"}})
	}
	if len(filter) > 1 { // a field may have two bounds, and a document no name twice
		all := bson.A{}
		for _, e := range filter {
			all = append(all, bson.D{e})
		}
		filter = bson.D{{Key: "$and", Value: all}}
	}
	cursor, err := a.products.Find(r.Context(), filter)
	if err != nil {
		return err
	}
	products := []shop.Product{}
	if err := cursor.All(r.Context(), &products); err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, products)
}

// data asks a database that is not there. What went wrong is for the log; the
// client gets "Internal server error" and an id.
func (a *app) data(http.ResponseWriter, *http.Request) error {
	conn, err := net.DialTimeout("tcp", "127.10.1.42:5432", time.Second)
	if err != nil {
		return fmt.Errorf("failed to reach the orders: %w", err)
	}
	return conn.Close()
}

func (a *app) events(w http.ResponseWriter, _ *http.Request) error {
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-cache")
	stream := http.NewResponseController(w)
	for i := range 3 {
		if _, err := fmt.Fprintf(w, "id: %d\ndata: {\"tick\":%d}\n\n", i+1, i+1); err != nil {
			return nil // the client has gone
		}
		stream.Flush()
	}
	return nil
}

// upload stores what the suit has judged: at most 5 MB, one picture or PDF.
func (a *app) upload(w http.ResponseWriter, r *http.Request) error {
	stored, err := upload.Receive(r, a.uploads)
	if err != nil {
		return err
	}
	if len(stored) != 1 {
		return problem.Public(http.StatusBadRequest, "One file is required.", nil)
	}
	return writeJSON(w, http.StatusCreated, map[string]any{"path": "/uploads/" + stored[0].Name, "size": stored[0].Size})
}
